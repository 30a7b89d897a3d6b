//! [`Battle`]: d20 worlds of any size in which creatures fight without an end.
//!
//! Invariant: what it is follows from its numbers alone. Hit points are raised so that everybody outlasts the measurement.

use tickworld_content::model::Pack;
use tickworld_rules::{
    ContentKey, Rules, Ruleset, SetUp,
    settings::Faction,
    setup::{Group, PlayerClass, Rect},
};
use tickworld_server::world::{AdapterError, GameAdapter};
use tickworld_sim::{content::ContentId, simulation::Simulation};

use crate::{
    failure::{Failure, Outcome},
    packs::{self, LoadedPack},
};

const RED: Faction = Faction(0);
const BLUE: Faction = Faction(1);
/// Cells along a field's side, and creatures of each of its two sides.
const FIELD_CELLS: u16 = 40;
const PER_SIDE: u32 = 50;
/// Damage of hours.
const HIT_POINTS: u16 = 60_000;

/// Square fields with two sides of fifty each.
#[derive(Clone, Debug)]
pub(super) struct Battle {
    set_up: SetUp,
    pack: LoadedPack,
    /// How many there are.
    pub(super) creatures: u32,
    /// How many of them have enemies in their field.
    pub(super) active: u32,
}

impl Battle {
    /// At least so many creatures, of which about so many fight.
    pub(super) fn of(creatures: u32, active: u32) -> Outcome<Self> {
        let fields = creatures.div_ceil(2 * PER_SIDE).max(1);
        let fighting = active.div_ceil(2 * PER_SIDE).min(fields);
        let columns = (1..=fields).find(|side| side * side >= fields).unwrap_or(1);
        let rows = fields.div_ceil(columns);
        let cells = |fields: u32| u16::try_from(fields * u32::from(FIELD_CELLS)).unwrap_or(u16::MAX);
        let mut set_up = SetUp { enemies: vec![(RED, BLUE)], ..SetUp::of_map(cells(columns), cells(rows)) };
        for field in 0..fields {
            let (x, y) = (cells(field % columns), cells(field / columns));
            let area = Rect { x: x + 2, y: y + 2, width: FIELD_CELLS - 4, height: FIELD_CELLS - 4 };
            let other = if field < fighting { BLUE } else { RED };
            let most = PER_SIDE * 3 / 5;
            for (name, count, faction) in [
                ("orc", most, RED),
                ("goblin", PER_SIDE - most, RED),
                ("hobgoblin", most, other),
                ("wolf", PER_SIDE - most, other),
            ] {
                let creature = ContentKey::of("creature", name);
                set_up.groups.push(Group { creature, count, area, faction, coins: 10 });
            }
            set_up.walls.push(Rect { x: x + FIELD_CELLS / 2, y: y + FIELD_CELLS / 2, width: 1, height: 3 });
        }
        let area = Rect { x: 2, y: 2, width: FIELD_CELLS - 4, height: FIELD_CELLS - 4 };
        let knight = ContentKey::of("creature", "knight");
        set_up.classes.push(PlayerClass { creature: knight, area, faction: RED, coins: 0, items: Vec::new() });
        Ok(Self { set_up, pack: lasting()?, creatures: fields * 2 * PER_SIDE, active: fighting * 2 * PER_SIDE })
    }

    /// What it is played with.
    pub(super) const fn content(&self) -> &LoadedPack {
        &self.pack
    }
}

impl GameAdapter for Battle {
    type Game = Rules;

    fn title(&self) -> String {
        format!("{} creatures, {} of them in battle", self.creatures, self.active)
    }

    fn begin(&self) -> Result<Simulation<Rules>, AdapterError> {
        let mut laid_out = Ok(());
        let simulation = Simulation::new(self.pack.library(), self.pack.id, |realm, rules| {
            laid_out = self.set_up.apply(realm, rules);
        });
        laid_out.map_err(|error| Failure::new(format!("the battle is impossible: {error}")))?;
        Ok(simulation)
    }

    fn pack(&self) -> Result<Option<Vec<u8>>, AdapterError> {
        Ok(Some(self.pack.bytes.clone()))
    }

    fn read_pack(&self, bytes: &[u8]) -> Result<(ContentId, Ruleset), AdapterError> {
        let LoadedPack { id, pack, .. } = LoadedPack::read(bytes.to_vec(), "the pack")?;
        Ok((id, Ruleset::new(pack)))
    }
}

/// The shipped content with creatures that outlast any measurement.
fn lasting() -> Outcome<LoadedPack> {
    let mut pack: Pack = packs::shipped()?.pack;
    for creature in &mut pack.creatures {
        creature.hit_points = HIT_POINTS;
        creature.behaviour.flee_percent = 0;
    }
    let (_, bytes) = pack.to_bytes().map_err(|error| Failure::new(error.to_string()))?;
    LoadedPack::read(bytes, "the battle's content")
}
