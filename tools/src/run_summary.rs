//! [`RunStats`]: what happened in a run, in a few numbers and names.
//!
//! Invariant: read from events and state; the world does not know that it is watched.

use std::collections::BTreeMap;

use serde::Serialize;
use tickworld_rules::{Event, Realm, Rules};
use tickworld_sim::{entity::Entity, join::join, simulation::Simulation};

use crate::packs::Names;

/// What happened in a run, as counts and names.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RunStats {
    /// Actions that were used.
    pub(crate) actions: u64,
    /// Attack rolls that failed.
    pub(crate) misses: u64,
    /// Times that somebody lost hit points.
    pub(crate) hits: u64,
    /// Losses of hit points by critical hits.
    pub(crate) criticals: u64,
    /// Hit points lost.
    pub(crate) damage: u64,
    /// Hit points regained.
    pub(crate) healing: u64,
    /// Conditions that began.
    pub(crate) conditions: u64,
    /// Creatures that died.
    pub(crate) deaths: u64,
    /// Creatures that came.
    pub(crate) arrivals: u64,
    /// Inputs that players sent.
    pub(crate) inputs: u64,
    /// The hardest single blow.
    pub(crate) hardest: Option<Blow>,
    /// The tick of the first death.
    pub(crate) first_death: Option<u64>,
    #[serde(skip)]
    kills: BTreeMap<Entity, (u32, String)>,
    #[serde(skip)]
    last_hurt_by: BTreeMap<Entity, Entity>,
}

/// A single blow.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Blow {
    /// The tick in which it landed.
    pub(crate) tick: u64,
    /// Who dealt it.
    pub(crate) by: String,
    /// Who took it.
    pub(crate) to: String,
    /// Hit points that it cost.
    pub(crate) amount: u16,
}

/// Who is left of a side.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Side {
    /// The faction's name.
    pub(crate) faction: String,
    /// How many of it are alive.
    pub(crate) alive: u64,
}

impl RunStats {
    /// Takes in the tick that was just made.
    pub(crate) fn watch(&mut self, simulation: &Simulation<Rules>, input_count: usize, names: &Names) {
        let world = simulation.world();
        let realm = simulation.state();
        let name = |entity: Entity| creature_name(realm, entity, names);
        self.inputs += u64::try_from(input_count).unwrap_or(0);
        for event in world.events().iter() {
            match *event {
                Event::Acted { .. } => self.actions += 1,
                Event::Missed { .. } => self.misses += 1,
                Event::Hurt { source, target, amount, critical } => {
                    self.hits += 1;
                    self.criticals += u64::from(critical);
                    self.damage += u64::from(amount);
                    self.last_hurt_by.insert(target, source);
                    if self.hardest.as_ref().is_none_or(|blow| blow.amount < amount) {
                        let (by, to) = (name(source), name(target));
                        self.hardest = Some(Blow { tick: world.tick().0, by, to, amount });
                    }
                }
                Event::Healed { amount, .. } => self.healing += u64::from(amount),
                Event::Afflicted { .. } => self.conditions += 1,
                Event::Died { target } => {
                    self.deaths += 1;
                    self.first_death.get_or_insert(world.tick().0);
                    if let Some(killer) = self.last_hurt_by.remove(&target) {
                        self.kills.entry(killer).or_insert_with(|| (0, name(killer))).0 += 1;
                    }
                }
                Event::Arrived { .. } => self.arrivals += 1,
                Event::Recovered { .. } | Event::Fizzled { .. } => {}
            }
        }
    }

    /// Who killed most: name, entity and how many.
    pub(crate) fn deadliest(&self) -> Option<(String, Entity, u32)> {
        let most = self.kills.iter().max_by_key(|(entity, (count, _))| (*count, std::cmp::Reverse(**entity)));
        most.map(|(entity, (count, name))| (name.clone(), *entity, *count))
    }
}

/// What a creature is called; "something" where it is none.
pub(crate) fn creature_name(realm: &Realm, entity: Entity, names: &Names) -> String {
    let row = realm.entities.row(entity);
    let key = row.and_then(|row| realm.creature.get(row)).map(|creature| creature.key.0);
    key.and_then(|key| names.title(key)).unwrap_or("something").to_owned()
}

/// The living of every faction.
pub(crate) fn sides(realm: &Realm, factions: &[String]) -> Vec<Side> {
    let mut alive = vec![0_u64; factions.len()];
    join(&realm.creature).for_each(|row, creature| {
        if realm.lives(row)
            && let Some(count) = alive.get_mut(usize::from(creature.faction.0))
        {
            *count += 1;
        }
    });
    factions.iter().zip(alive).map(|(faction, alive)| Side { faction: faction.clone(), alive }).collect()
}
