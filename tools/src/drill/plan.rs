//! Where and what to plant: worked out on the healthy run, carried out on the faulty one.
//!
//! Invariant: a plan follows from the run and a seed. The faulty run equals the healthy one up to the stage of the plan, so
//! what was found there on the one is there on the other.
//!
//! A flip goes where a fault would come from: into a column after the last system that wrote it in that tick (any system,
//! where none did). Every column with rows is as likely as any other, then every row, then every field. Left out are the
//! engine's own indexes (who lives, where lists begin), whose damage is no wrong value but a broken world.

use tickworld_rules::{Command, Event, Realm, Rules};
use tickworld_scenario::Frames;
use tickworld_sim::{
    State as _,
    entity::Entity,
    executor::Inline,
    frame::{Act, InputFrame},
    join::join,
    rng::{Entropy, Rng, StreamKey},
    schema::{RowKind, Type},
    simulation::Simulation,
    trace::step_staged,
    world::World,
};

use super::{
    Stage,
    plant::{Field, Kind, Plant},
    rows::{self, ColumnInfo, Leaf, Place},
};
use crate::{
    failure::{Failure, Outcome},
    run_summary::creature_name,
};

/// Ticks that are tried before giving up on a kind.
const TRIES: usize = 200;

/// What to do to the faulty side.
pub(super) enum Plan {
    /// After a stage, these rows get these bytes.
    Write { stage: String, rows: Vec<(usize, u32, Vec<u8>)> },
    /// After a stage, the game's state is as before it.
    Undo { stage: String, before: Box<Realm> },
    /// After a stage, this entity is gone.
    Remove { stage: String, entity: Entity },
    /// The tick runs with another frame than is journaled.
    Frame(InputFrame<Command>),
}

impl Plan {
    /// Does it, if its stage has come.
    pub(super) fn apply(&self, now: &str, world: &mut World<Rules>) {
        match self {
            Self::Write { stage, rows } if stage == now => {
                for (column, row, bytes) in rows {
                    rows::write(world, *column, *row, bytes);
                }
                // Indexes follow the rows, as they would after a restore.
                world.state_mut().rebuild();
            }
            Self::Undo { stage, before } if stage == now => *world.state_mut() = (**before).clone(),
            Self::Remove { stage, entity } if stage == now => {
                world.state_mut().despawn(*entity);
                world.state_mut().rebuild();
            }
            _ => {}
        }
    }

    /// The frame to run instead of the true one.
    pub(super) const fn frame(&self) -> Option<&InputFrame<Command>> {
        match self {
            Self::Frame(frame) => Some(frame),
            _ => None,
        }
    }
}

/// A tick of the healthy run, stage by stage.
struct Tick<'s> {
    stage: &'s Stage,
    number: u64,
    /// After which stage: its name and the world.
    stages: Vec<(&'static str, World<Rules>)>,
    before: World<Rules>,
    columns: Vec<ColumnInfo>,
}

/// Works out a plant of this kind.
pub(super) fn make(stage: &Stage, kind: Kind, seed: u64) -> Outcome<(Plant, Plan)> {
    let mut rng = StreamKey::new(&Frames::entropy(seed, 0), 0, "tickworld-cli/drill").rng(seed);
    let kind = match (kind, rng.below(10)) {
        (Kind::Random, 0) => Kind::Skip,
        (Kind::Random, 1) => Kind::Swap,
        (Kind::Random, 2) => Kind::LostSpawn,
        (Kind::Random, 3) => Kind::AlteredDraw,
        (Kind::Random, _) => Kind::Flip,
        (kind, _) => kind,
    };
    for _ in 0..TRIES {
        let number = match kind {
            Kind::LostSpawn => {
                let help = "take a scenario with spawners";
                tick_with(stage, &mut rng, "spawns", help, |event| matches!(event, Event::Arrived { .. }))?
            }
            // Most ticks draw nothing.
            Kind::AlteredDraw => {
                let help = "take a scenario with a fight";
                tick_with(stage, &mut rng, "strikes", help, |event| matches!(event, Event::Acted { .. }))?
            }
            _ => 2 + rng.below_u64(stage.ticks.len() as u64 - 1),
        };
        let tick = Tick::run(stage, number)?;
        let made = match kind {
            Kind::Skip => tick.skip(&mut rng),
            Kind::Swap => tick.swap(&mut rng),
            Kind::LostSpawn => tick.lost_spawn(&mut rng),
            Kind::AlteredDraw => Some(tick.altered_draw(&mut rng)),
            Kind::Flip | Kind::Random => tick.flip(&mut rng),
        };
        if let Some(made) = made {
            return Ok(made);
        }
    }
    Err(Failure::new(format!("nothing to plant a {} into in {TRIES} ticks of {}", kind.word(), stage.scenario.title)))
}

/// A tick with such an event.
fn tick_with(stage: &Stage, rng: &mut Rng, what: &str, help: &str, is_it: impl Fn(&Event) -> bool) -> Outcome<u64> {
    let later = stage.ticks.iter().filter(|tick| tick.frame.tick.0 > 1);
    let ticks: Vec<u64> =
        later.filter(|tick| tick.after.events().iter().any(&is_it)).map(|tick| tick.frame.tick.0).collect();
    let found = pick(rng, &ticks).copied();
    found.ok_or_else(|| Failure::new(format!("nobody {what} in {}", stage.scenario.title)).help(help))
}

fn pick<'t, T>(rng: &mut Rng, from: &'t [T]) -> Option<&'t T> {
    let count = u32::try_from(from.len()).ok().filter(|count| *count > 0)?;
    from.get(usize::try_from(rng.below(count)).ok()?)
}

/// Columns whose rows hold values, not the engine's bookkeeping; of lists the chunks.
fn holds_values(column: &ColumnInfo, all: &[ColumnInfo]) -> bool {
    let chunks = format!("{}.chunks", column.name);
    !column.name.starts_with("entities") && column.ty.size() > 0 && all.iter().all(|other| other.name != chunks)
}

impl<'s> Tick<'s> {
    fn run(stage: &'s Stage, number: u64) -> Outcome<Self> {
        let at = usize::try_from(number).expect("the run is in memory");
        let before = stage.before(at).clone();
        let mut simulation = Simulation::resume(stage.library.clone(), before.clone());
        let mut stages = Vec::new();
        let mut observer = |name: &'static str, world: &mut World<Rules>| stages.push((name, world.clone()));
        let made = step_staged(&mut simulation, &stage.ticks[at - 1].frame, &Inline, Some(&mut observer));
        made.map_err(|error| Failure::new(error.to_string()))?;
        let columns = rows::columns(&before);
        Ok(Self { stage, number, stages, before, columns })
    }

    fn plant(&self, kind: Kind, system: Option<&str>, story: String) -> Plant {
        Plant { kind, tick: self.number, system: system.map(str::to_owned), entity: None, field: None, story }
    }

    /// The world as the stage found it.
    fn before_stage(&self, at: usize) -> &World<Rules> {
        at.checked_sub(1).map_or(&self.before, |before| &self.stages[before].1)
    }

    fn changes(&self, at: usize, column: usize) -> bool {
        let hashes = |world: &World<Rules>| {
            let list = world.column_list();
            let pages = list.get(column).map(|(_, pages)| *pages);
            pages.map(|pages| (0..pages.page_limit()).filter_map(|page| Some((page, pages.page_hash(page)?))).collect())
        };
        let (before, after): (Option<Vec<_>>, _) = (hashes(self.before_stage(at)), hashes(&self.stages[at].1));
        before != after
    }

    /// One bit of one field.
    fn flip(&self, rng: &mut Rng) -> Option<(Plant, Plan)> {
        let filled = |at: usize, column: usize| !rows::row_numbers(&self.stages[at].1, column).is_empty();
        let eligible: Vec<&ColumnInfo> = self
            .columns
            .iter()
            .filter(|column| holds_values(column, &self.columns))
            .filter(|column| (0..self.stages.len()).any(|at| filled(at, column.at)))
            .collect();
        let column = *pick(rng, &eligible)?;
        let stages: Vec<usize> = (0..self.stages.len()).filter(|at| filled(*at, column.at)).collect();
        let written = stages.iter().rev().find(|at| self.changes(**at, column.at));
        let at = *written.or_else(|| pick(rng, &stages))?;
        let (name, world) = &self.stages[at];
        let row = *pick(rng, &rows::row_numbers(world, column.at))?;
        let bytes = rows::row(world, column.at, row)?;
        let owner = Owner::of(world, column, &self.columns, row, &bytes)?;
        let old = rows::leaves(&column.ty, &bytes)?;
        let wanted: Vec<&Leaf> = old.iter().filter(|(path, _)| owner.covers(path)).collect();
        let (path, from) = *pick(rng, &wanted)?;
        let (flipped, to) = flip_bit(rng, &column.ty, &bytes, &old, path)?;
        let field = owner.field(column, row, path);
        let story = format!("{} of {}: {from} becomes {to}", field.path, owner.shown(self.stage, world));
        let mut plant = self.plant(Kind::Flip, Some(name), story);
        plant.entity = owner.entity;
        plant.field = Some(field);
        Some((plant, Plan::Write { stage: (*name).to_owned(), rows: vec![(column.at, row, flipped)] }))
    }

    /// Rows that a stage changed: column, row, bytes before and after.
    fn changed_rows(&self, at: usize) -> Vec<(&ColumnInfo, u32, Vec<u8>, Vec<u8>)> {
        let (before, after) = (self.before_stage(at), &self.stages[at].1);
        let mut changed = Vec::new();
        for column in
            self.columns.iter().filter(|column| holds_values(column, &self.columns) && self.changes(at, column.at))
        {
            for row in rows::row_numbers(after, column.at) {
                if let (Some(old), Some(new)) = (rows::row(before, column.at, row), rows::row(after, column.at, row))
                    && old != new
                {
                    changed.push((column, row, old, new));
                }
            }
        }
        changed
    }

    /// A stage that wrote something.
    fn busy_stage(&self, rng: &mut Rng) -> Option<usize> {
        // The first stage is the engine's own.
        let busy: Vec<usize> = (1..self.stages.len())
            .filter(|at| {
                self.columns.iter().any(|column| holds_values(column, &self.columns) && self.changes(*at, column.at))
            })
            .collect();
        pick(rng, &busy).copied()
    }

    /// A system's write, undone in one row or everywhere.
    fn skip(&self, rng: &mut Rng) -> Option<(Plant, Plan)> {
        let at = self.busy_stage(rng)?;
        let name = self.stages[at].0;
        let stage = name.to_owned();
        if rng.chance(1, 3) {
            let before = Box::new(self.before_stage(at).state().clone());
            let plant = self.plant(Kind::Skip, Some(name), "all that it wrote is as before".into());
            return Some((plant, Plan::Undo { stage, before }));
        }
        let changed = self.changed_rows(at);
        let (column, row, old, new) = pick(rng, &changed)?;
        let owner = Owner::of(&self.stages[at].1, column, &self.columns, *row, new)?;
        let path = owner.first_difference(&column.ty, old, new)?;
        let field = owner.field(column, *row, &path);
        let shown = owner.shown(self.stage, &self.stages[at].1);
        let mut plant = self.plant(Kind::Skip, Some(name), format!("{} of {shown} is as before", field.path));
        plant.entity = owner.entity;
        plant.field = Some(field);
        Some((plant, Plan::Write { stage, rows: vec![(column.at, *row, old.clone())] }))
    }

    /// Two inputs or two rows in each other's place.
    fn swap(&self, rng: &mut Rng) -> Option<(Plant, Plan)> {
        let truth = &self.stage.ticks[usize::try_from(self.number).ok()? - 1].frame;
        let plays: Vec<usize> =
            (0..truth.inputs.len()).filter(|at| matches!(truth.inputs[*at].act, Act::Play(_))).collect();
        if let [first, .., last] = plays[..]
            && truth.inputs[first].act != truth.inputs[last].act
            && rng.chance(1, 2)
        {
            let mut frame = truth.clone();
            let act = frame.inputs[first].act.clone();
            frame.inputs[first].act = std::mem::replace(&mut frame.inputs[last].act, act);
            let (one, other) = (frame.inputs[first].player.0, frame.inputs[last].player.0);
            let story = format!("the inputs of players {one} and {other} are exchanged before they apply");
            return Some((self.plant(Kind::Swap, None, story), Plan::Frame(frame)));
        }
        let at = self.busy_stage(rng)?;
        let (name, world) = &self.stages[at];
        let changed = self.changed_rows(at);
        let plain: Vec<_> = changed.iter().filter(|(column, ..)| column.rows == RowKind::Entity).collect();
        let (column, row, _, new) = *pick(rng, &plain)?;
        let others: Vec<_> = plain.iter().filter(|it| it.0.at == column.at && it.1 != *row && it.3 != *new).collect();
        let (_, other_row, _, other_new) = pick(rng, &others)?;
        let owner = Owner::of(world, column, &self.columns, *row, new)?;
        let other = Owner::of(world, column, &self.columns, *other_row, other_new)?;
        let path = owner.first_difference(&column.ty, new, other_new)?;
        let field = owner.field(column, *row, &path);
        let (one, two) = (owner.shown(self.stage, world), other.shown(self.stage, world));
        let mut plant = self.plant(Kind::Swap, Some(name), format!("{} of {one} and {two} change places", column.name));
        plant.entity = owner.entity;
        plant.field = Some(field);
        let rows = vec![(column.at, *row, other_new.clone()), (column.at, *other_row, new.clone())];
        Some((plant, Plan::Write { stage: (*name).to_owned(), rows }))
    }

    /// Somebody who came is gone.
    fn lost_spawn(&self, rng: &mut Rng) -> Option<(Plant, Plan)> {
        let living = |world: &World<Rules>| {
            let mut living = Vec::new();
            join(&world.state().entities).for_each(|_, entity| living.push(entity));
            living
        };
        let mut spawned = Vec::new();
        for at in 0..self.stages.len() {
            let before = living(self.before_stage(at));
            let new = living(&self.stages[at].1).into_iter().filter(|entity| !before.contains(entity));
            spawned.extend(new.map(|entity| (at, entity)));
        }
        let (at, entity) = *pick(rng, &spawned)?;
        let (name, world) = &self.stages[at];
        let called = creature_name(world.state(), entity, &self.stage.names);
        let mut plant =
            self.plant(Kind::LostSpawn, Some(name), format!("entity {entity} ({called}), just spawned, is gone"));
        plant.entity = Some(entity.to_string());
        Some((plant, Plan::Remove { stage: (*name).to_owned(), entity }))
    }

    /// One bit of the entropy.
    fn altered_draw(&self, rng: &mut Rng) -> (Plant, Plan) {
        let at = usize::try_from(self.number).expect("the run is in memory") - 1;
        let mut frame = self.stage.ticks[at].frame.clone();
        let mut bytes = frame.entropy.to_bytes();
        let bit = rng.below(128);
        bytes[usize::try_from(bit / 8).expect("below 16")] ^= 1 << (bit % 8);
        frame.entropy = Entropy::from_bytes(bytes);
        (self.plant(Kind::AlteredDraw, None, "the dice of the tick fall otherwise".into()), Plan::Frame(frame))
    }
}

/// Changes one bit so that the value at `path` changes and the bytes stay canonical: the bytes and the new value.
fn flip_bit(rng: &mut Rng, ty: &Type, bytes: &[u8], old: &[Leaf], path: &str) -> Option<(Vec<u8>, String)> {
    let mut bits: Vec<usize> = (0..bytes.len() * 8).collect();
    rng.shuffle(&mut bits);
    for bit in bits {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Some(new) = rows::leaves(ty, &flipped) else { continue };
        let changed = new.iter().find(|leaf| !old.contains(leaf));
        if let Some((changed, value)) = changed
            && changed == path
        {
            return Some((flipped, value.clone()));
        }
    }
    None
}

/// Whom a row belongs to.
struct Owner {
    /// The entity's row, or the row itself.
    row: u32,
    entity: Option<String>,
    /// What a world, player or event row is called.
    other: String,
    /// For a chunk of a list: the list's name, the number of the chunk's first item, and how many of its items count.
    list: Option<(String, usize, usize)>,
}

impl Owner {
    fn of(world: &World<Rules>, column: &ColumnInfo, all: &[ColumnInfo], row: u32, bytes: &[u8]) -> Option<Self> {
        let other = match column.rows {
            RowKind::Resource => "the world".to_owned(),
            _ => format!("row {row}"),
        };
        match column.rows {
            RowKind::Entity => Some(Self { row, entity: rows::entity(world, row), other, list: None }),
            RowKind::Chunk => {
                let owner = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
                let list = column.name.strip_suffix(".chunks")?.to_owned();
                let head = all.iter().find(|column| column.name == list)?;
                let (first, count) = chunk_items(world, column, head, owner, row)?;
                Some(Self { row: owner, entity: rows::entity(world, owner), other, list: Some((list, first, count)) })
            }
            _ => Some(Self { row, entity: None, other, list: None }),
        }
    }

    /// Whether a leaf of the row is a value that counts: in a chunk, an item that its list has.
    fn covers(&self, path: &str) -> bool {
        let Some((_, _, count)) = &self.list else { return true };
        item(path).is_some_and(|(index, _)| index < *count)
    }

    fn field(&self, column: &ColumnInfo, row: u32, path: &str) -> Field {
        let place = Place { column: column.at, row, path: path.to_owned() };
        match (&self.list, item(path)) {
            (Some((list, first, _)), Some((index, rest))) => {
                Field { column: list.clone(), path: format!("{list}[{}]{rest}", first + index), place }
            }
            _ => {
                let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
                Field { column: column.name.clone(), path: format!("{}{dot}{path}", column.name), place }
            }
        }
    }

    fn first_difference(&self, ty: &Type, old: &[u8], new: &[u8]) -> Option<String> {
        let (old, new) = (rows::leaves(ty, old)?, rows::leaves(ty, new)?);
        new.into_iter().find(|leaf| self.covers(&leaf.0) && !old.contains(leaf)).map(|(path, _)| path)
    }

    fn shown(&self, stage: &Stage, world: &World<Rules>) -> String {
        let Some(entity) = &self.entity else { return self.other.clone() };
        let mut named = None;
        join((&world.state().entities, &world.state().creature)).for_each(|_, (entity, creature)| {
            if entity.index() == self.row {
                named = stage.names.title(creature.key.0);
            }
        });
        named.map_or_else(|| format!("entity {entity}"), |name| format!("entity {entity} ({name})"))
    }
}

/// `items[2].count` is item 2, `.count`.
fn item(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix("items[")?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// The number of a chunk's first item in its owner's list, and how many of its items count.
fn chunk_items(
    world: &World<Rules>,
    chunks: &ColumnInfo,
    heads: &ColumnInfo,
    owner: u32,
    chunk: u32,
) -> Option<(usize, usize)> {
    let Type::Struct { fields, .. } = &chunks.ty else { return None };
    let per_chunk = fields.iter().find_map(|field| match &field.ty {
        Type::Array(_, count) if field.name == "items" => Some(usize::from(*count)),
        _ => None,
    })?;
    let number = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let head = rows::row(world, heads.at, owner)?;
    let (mut at, length) = (number(&head, 0)?, usize::try_from(number(&head, 4)?).ok()?);
    let mut first = 0;
    while at != chunk {
        first += per_chunk;
        if first >= length {
            return None;
        }
        let bytes = rows::row(world, chunks.at, at)?;
        // Owner (4), mark (1), next (4).
        at = number(&bytes, 5)?;
    }
    Some((first, per_chunk.min(length - first)))
}
