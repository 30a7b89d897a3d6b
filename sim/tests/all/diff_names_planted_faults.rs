//! A fault planted into one of two recordings is named: tick, system, whose row, which field.
//!
//! The plant goes into the world between two systems, as a cosmic ray or a missed write would; the diff knows nothing of it.

use std::collections::BTreeSet;

use crate::trace_support::{Fairground, SYSTEMS, about, frame, library, open, start};
use tickworld_sim::{
    column::{PageBytes, Pages},
    diff::{Difference, Found, Rerun, Standing, Subject, TraceDiff, Verdict, traces},
    executor::Inline,
    frame::Tick,
    schema::{ColumnType, RowKind},
    simulation::Simulation,
    trace::{Recorder, Trace, step_staged},
    world::World,
};

/// A small stateless generator: the seed of a failing plant is its number.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) % limit.max(1) as u64) as usize
    }
}

/// What was planted.
#[derive(Debug)]
struct Plant {
    column: ColumnType,
    row: u32,
    /// The fields that changed; none if the row was taken out.
    fields: Vec<String>,
}

/// Columns that the engine's own invariants hang on: changed only after the last system, when nobody reads them any more.
fn is_structure(column: &str) -> bool {
    column.starts_with("entities.") || column.starts_with("players.") || column.starts_with("bag")
}

/// Changes one bit of one row, or takes the row out. `None` where the draw gives no other valid world.
fn plant(world: &mut World<Fairground>, column_index: usize, late: bool, draw: &mut Draw) -> Option<Plant> {
    let mut at = 0;
    let mut planted = None;
    world.columns_mut(&mut |name, column| {
        let here = at == column_index;
        at += 1;
        if !here || (is_structure(name) && !late) {
            return;
        }
        let ty = column.describe(name);
        let pages: Vec<u32> = (0..column.page_limit()).filter(|page| column.page_row_count(*page) > 0).collect();
        let Some(page) = pages.get(draw.below(pages.len())).copied() else { return };
        let (bytes, mut rows) = rows_of(column, &ty, page);
        let at = draw.below(rows.len());
        let row = page * u32::from(ty.page_rows) + rows[at].0 as u32;
        let mut fields = Vec::new();
        if ty.ty.size() == 0 || (ty.rows == RowKind::Entity && !is_structure(name) && draw.below(12) == 0) {
            rows.remove(at);
        } else {
            let before = read(&ty, &rows[at].1);
            let bit = draw.below(ty.ty.size() * 8);
            rows[at].1[bit / 8] ^= 1 << (bit % 8);
            let mut after = Vec::new();
            let mut keep = |path: &str, value| after.push((path.to_owned(), value));
            if ty.ty.read(&rows[at].1, &mut keep).is_err() {
                return;
            }
            fields = before.iter().filter(|field| !after.contains(field)).map(|(path, _)| path.clone()).collect();
            fields.extend(after.iter().filter(|field| !before.contains(field)).map(|(path, _)| path.clone()));
        }
        let changed = page_of(&rows);
        assert_ne!(changed, bytes);
        if !rows.is_empty() && column.load_page(page, rows.len() as u32, &changed).is_ok() {
            planted = Some(Plant { column: ty, row, fields });
        }
    });
    planted
}

/// A page's bytes, and its rows with their places.
fn rows_of(column: &dyn Pages, ty: &ColumnType, page: u32) -> (Vec<u8>, Vec<(usize, Vec<u8>)>) {
    let mut bytes = Vec::new();
    column.page_bytes(page, &mut bytes);
    let parsed = PageBytes::parse(&bytes, column.page_row_count(page), ty.ty.size(), usize::from(ty.page_rows));
    let rows = parsed.expect("our own page").rows().map(|(at, row)| (at, row.to_vec())).collect();
    (bytes, rows)
}

/// The canonical bytes of a page with these rows (docs/FORMATS.md, "Page").
fn page_of(rows: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    if rows.iter().enumerate().any(|(nth, (at, _))| nth != *at) {
        let mut words = vec![0_u64; rows.last().expect("not dense, so not empty").0 / 64 + 1];
        rows.iter().for_each(|(at, _)| words[at / 64] |= 1 << (at % 64));
        out.push(words.len() as u8);
        words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }
    rows.iter().for_each(|(_, row)| out.extend_from_slice(row));
    out
}

fn read(ty: &ColumnType, bytes: &[u8]) -> Vec<(String, tickworld_sim::schema::Value)> {
    let mut fields = Vec::new();
    ty.ty.read(bytes, &mut |path, value| fields.push((path.to_owned(), value))).expect("our own row");
    fields
}

/// Records ticks after `first` up to `last`; at `last`, if `fault` is there, plants after that stage.
fn run(
    first: &Simulation<Fairground>,
    seed: u64,
    last: u64,
    fault: Option<(usize, usize, &mut Draw)>,
    expected: Option<tickworld_sim::hash::Hash>,
) -> (Vec<u8>, Option<Plant>, Simulation<Fairground>) {
    let mut simulation = first.clone();
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(5, 2), &[]).expect("a Vec takes everything");
    if let Some(root) = expected {
        recorder.expect(Tick(last), root).expect("a Vec takes everything");
    }
    let mut planted = None;
    let mut fault = fault;
    for tick in simulation.world().tick().0 + 1..=last {
        let frame = frame(seed, tick);
        match fault.as_mut().filter(|_| tick == last) {
            None => {
                let roots = simulation.step(&frame, &Inline).expect("the frame is good");
                recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
            }
            Some((stage, column, draw)) => {
                let name = SYSTEMS[*stage];
                let mut observer = |at: &'static str, world: &mut World<Fairground>| {
                    if at == name {
                        planted = plant(world, *column, name == "weather", draw);
                    }
                };
                let (roots, stages) =
                    step_staged(&mut simulation, &frame, &Inline, Some(&mut observer)).expect("the frame is good");
                recorder.record_staged(&frame, &roots, simulation.world(), stages).expect("a Vec takes everything");
            }
        }
    }
    (recorder.seal().expect("a Vec takes everything").0, planted, simulation)
}

/// Whether `difference` is what was planted.
fn names(difference: &Difference, plant: &Plant) -> bool {
    if difference.row != plant.row {
        return false;
    }
    if difference.column == plant.column.name {
        return match plant.fields.is_empty() {
            true => matches!([&difference.left, &difference.right], [Found::Row, Found::NoRow]),
            false => plant.fields.contains(&difference.field),
        };
    }
    // An item of a list is named by its place in the list.
    let of_list = plant.column.name.strip_suffix(".chunks") == Some(&difference.column);
    let rest = |path: &str| path.split_once(']').map(|(_, rest)| rest.to_owned());
    of_list && plant.fields.iter().any(|field| rest(field) == rest(&difference.field))
}

fn diff(left: &[u8], right: &[u8]) -> TraceDiff {
    let library = library();
    let rerun = Rerun::<Fairground> { library: &library, executor: &Inline };
    let (mut left, mut right): (Trace<&[u8]>, Trace<&[u8]>) = (open(left), open(right));
    traces(&mut left, &mut right, &rerun, 1000).expect("readable")
}

#[derive(Default, Debug)]
struct Tally {
    planted: u32,
    masked: u32,
    carried: u32,
    seen: BTreeSet<String>,
}

/// Plants fault number `number` and checks the report.
fn check(number: u64, worlds: &[Simulation<Fairground>], tally: &mut Tally) {
    let mut draw = Draw(number);
    let seed = 9;
    let last = 3 + draw.below(worlds.len() - 4) as u64;
    let first = last.saturating_sub(1 + draw.below(7) as u64);
    let columns = worlds[0].schema().columns.len();
    let column = number as usize % columns;
    let stage = if is_structure(&worlds[0].schema().columns[column].name) { 4 } else { draw.below(5) };
    let from = &worlds[first as usize];
    let (honest, _, straight) = run(from, seed, last, None, None);
    let root = Trace::open(&honest[..]).expect("a trace").root(Tick(last)).expect("recorded");
    let (faulty, planted, _) = run(from, seed, last, Some((stage, column, &mut draw)), Some(root));
    let Some(plant) = planted else { return };
    tally.planted += 1;
    let report = diff(&honest, &faulty);
    let Some(finding) = report.first else {
        tally.masked += 1;
        return;
    };
    let place = format!("plant {number}: {plant:?} after {} in tick {last}", SYSTEMS[stage]);
    assert_eq!(finding.tick, Tick(last), "{place}");
    assert_eq!(finding.standing, [Standing::Reproduced, Standing::Evidenced], "{place}: {:?}", finding.why);
    assert_eq!((finding.verdict, finding.inputs_differ), (Verdict::Reproduced, false), "{place}");
    let blame = finding.blame.expect("a tick was run");
    assert_eq!(blame.system.as_deref(), Some(SYSTEMS[stage]), "{place}");
    assert_eq!(blame.columns, [plant.column.name.to_string()], "{place}");
    let (at, differences) = finding.differences.expect("both sides' pages are there");
    assert_eq!(at, Tick(last));
    let Some(named) = differences.list.iter().find(|difference| names(difference, &plant)) else {
        // Later systems wrote the field again, but had read it before.
        assert!(stage < 4 && !differences.is_empty(), "{place}: not named in {:#?}", differences.list);
        tally.carried += 1;
        return;
    };
    if plant.column.rows == RowKind::Entity && !is_structure(&plant.column.name) {
        let row = straight.state().entities.alive_row(plant.row);
        assert_eq!(named.subject, Subject::Entity { left: row, right: row }, "{place}");
    }
    // After the last system only outcomes are written, by who the players are and which region this is.
    if stage == 4 && plant.column.name != "players.slots" && plant.column.name != "region" {
        assert_eq!(
            differences.list.iter().filter(|d| !names(d, &plant)).count(),
            0,
            "{place}: {:#?}",
            differences.list
        );
    }
    let field: String = named.path().chars().filter(|c| !c.is_ascii_digit()).collect();
    tally.seen.insert(field);
}

/// Reads who lives in a row through the public API.
trait AliveRow {
    fn alive_row(&self, row: u32) -> Option<tickworld_sim::entity::Entity>;
}

impl AliveRow for tickworld_sim::entities::Entities {
    fn alive_row(&self, row: u32) -> Option<tickworld_sim::entity::Entity> {
        let mut found = None;
        tickworld_sim::join::join(self).for_each(|at, entity: tickworld_sim::entity::Entity| {
            if at.index() == row {
                found = Some(entity);
            }
        });
        found
    }
}

#[test]
fn planted_faults_are_named_to_the_field() {
    let count = if cfg!(debug_assertions) { 800 } else { 10_000 };
    let mut simulation = start(25);
    let mut worlds = vec![simulation.clone()];
    for tick in 1..=30 {
        simulation.step(&frame(9, tick), &Inline).expect("the frame is good");
        worlds.push(simulation.clone());
    }
    let mut tally = Tally::default();
    let mut number = 0;
    while tally.planted < count {
        check(number, &worlds, &mut tally);
        number += 1;
    }
    println!("{} planted, {} masked, {} carried over", tally.planted, tally.masked, tally.carried);
    assert!(tally.masked * 10 <= tally.planted, "{tally:?}");
    assert!(tally.carried * 10 <= tally.planted, "{tally:?}");
    let fields = [
        "asleep",
        "bag.first",
        "bag.len",
        "bag[].count",
        "bag[].kind",
        "bag.chunks.next",
        "bag.chunks.owner",
        "bond.last",
        "bond.target",
        "entities.alive",
        "entities.retired",
        "entities.runs",
        "events.dropped",
        "events.list.item.count",
        "events.list.item.kind",
        "events.list.who",
        "marks[]",
        "mood",
        "mood.at",
        "mood.since",
        "mood.x",
        "mood.facing",
        "numbers.a",
        "numbers.b",
        "numbers.c",
        "numbers.d",
        "numbers.e",
        "numbers.f",
        "numbers.flag",
        "numbers.g",
        "numbers.h",
        "players.outcomes.code",
        "players.outcomes.sequence",
        "players.outcomes.tick",
        "players.outcomes.value",
        "players.slots.connected",
        "players.slots.entity",
        "players.slots.id",
        "players.sequences",
        "position.facing",
        "position.x",
        "position.y",
        "weather.days",
        "weather.rain",
        "wide[]",
    ];
    let missing: Vec<&&str> = fields.iter().filter(|field| !tally.seen.contains(**field)).collect();
    let allowed = if cfg!(debug_assertions) { 8 } else { 0 };
    assert!(missing.len() <= allowed, "never planted and named: {missing:?} of {:?}", tally.seen);
}
