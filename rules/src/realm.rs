//! [`Realm`]: the game's part of the world, one field a component.
//!
//! Invariant: a creature has `creature`, `position`, `health`, `turn` and `purse`; the rest comes and goes. `deed`, `blow` and
//! `struck` are empty between ticks. The dead have `corpse` and no `target`, `motion` or `intent`.

use tickworld_content::model::ConditionEffect;
use tickworld_sim::{
    State,
    column::Column,
    derived::{Derived, Rebuild},
    entities::Entities,
    entity::{Band, Entity, Row},
    join::{join, without},
    list::ListColumn,
    math::Vec2,
    resource::Resource,
};

use crate::{
    components::{
        Affliction, Balked, Blow, Controlled, Corpse, Creature, Deed, Errand, Health, Intent, Motion, Origin, Position,
        Reckoned, Rest, Rising, Seeking, Spent, Status, Struck, Target, Turn,
    },
    items::{Equipment, GroundItem, Purse, Stack},
    key::ContentKey,
    level::{Class, Exit, Spawner, Tally, Wall},
    ruleset::Ruleset,
    settings::{Factions, Settings},
    space::{Grid, Member, Obstacles},
};

/// Bands of entities: each owns whole runs of indices, so that pages are dense.
pub mod bands {
    use super::Band;

    /// Creatures that act on their own.
    pub const CREATURES: Band = Band(0);
    /// Characters that players play.
    pub const PLAYERS: Band = Band(1);
    /// Items on the ground.
    pub const ITEMS: Band = Band(2);
    /// Walls of the map.
    pub const WALLS: Band = Band(3);
    /// Spawners, exits, and the classes that players begin as.
    pub const SOURCES: Band = Band(4);
}

/// Everything in the world.
#[derive(State, Clone)]
#[expect(missing_docs, reason = "each field is named like the component that documents it")]
pub struct Realm {
    pub entities: Entities,
    pub settings: Resource<Settings>,
    pub factions: Resource<Factions>,
    pub tally: Resource<Tally>,
    pub reckoned: Resource<Reckoned>,

    pub creature: Column<Creature>,
    pub controlled: Column<Controlled>,
    #[parcel(drop)]
    pub origin: Column<Origin>,
    pub position: Column<Position>,
    pub health: Column<Health>,
    pub turn: Column<Turn>,
    #[parcel(skip)]
    pub target: Column<Target>,
    #[parcel(skip)]
    pub motion: Column<Motion>,
    #[parcel(skip)]
    pub path: ListColumn<Vec2, 8>,
    #[parcel(skip)]
    pub seeking: Column<Seeking>,
    #[parcel(skip)]
    pub errand: Column<Errand>,
    #[parcel(skip)]
    pub balked: Column<Balked>,
    pub status: Column<Status>,
    #[parcel(drop)]
    pub affliction: ListColumn<Affliction, 4>,
    pub rising: Column<Rising>,
    pub spent: ListColumn<Spent, 4>,
    #[parcel(skip)]
    pub intent: Column<Intent>,
    pub corpse: Column<Corpse>,
    pub rest: Column<Rest>,

    #[parcel(skip)]
    pub deed: Column<Deed>,
    #[parcel(skip)]
    pub blow: ListColumn<Blow, 2>,
    #[parcel(skip)]
    pub struck: Column<Struck>,

    pub purse: Column<Purse>,
    pub bag: ListColumn<Stack, 4>,
    pub equipment: Column<Equipment>,
    pub ground_item: Column<GroundItem>,
    pub wall: Column<Wall>,
    pub spawner: Column<Spawner>,
    pub class: Column<Class>,
    pub exit: Column<Exit>,

    pub obstacles: Derived<Obstacles>,
    pub grid: Derived<Grid>,
}

/// A creature that lives, as others see it.
#[derive(Clone, Copy, Debug)]
pub struct LivingCreature {
    /// The handle by which others name the creature.
    pub entity: Entity,
    /// The row that holds its components.
    pub row: Row,
    /// Its stat block and its side.
    pub creature: Creature,
    /// Its place in feet from the map's corner.
    pub place: Vec2,
}

impl Realm {
    /// Whether a living (not dead) creature is in `row`.
    #[must_use]
    #[inline]
    pub fn lives(&self, row: Row) -> bool {
        self.creature.contains(row) && !self.corpse.contains(row)
    }

    /// The living creature in `row`.
    #[must_use]
    #[inline]
    pub fn living_in(&self, row: Row) -> Option<LivingCreature> {
        if self.corpse.contains(row) {
            return None;
        }
        Some(LivingCreature {
            entity: self.entities.entity(row)?,
            row,
            creature: *self.creature.get(row)?,
            place: self.position.get(row)?.0,
        })
    }

    /// The living creature called `entity`; `None` where the handle is stale, the creature dead, or it is no creature.
    #[must_use]
    pub fn living(&self, entity: Entity) -> Option<LivingCreature> {
        self.living_in(self.entities.row(entity)?)
    }

    /// Whether the conditions on `row` have this effect.
    #[must_use]
    #[inline]
    pub fn has_effect(&self, row: Row, effect: ConditionEffect) -> bool {
        self.status.get(row).is_some_and(|status| status.has(effect))
    }

    /// Whether a condition with this effect on `row` was inflicted by `source` (charmed, frightened).
    #[must_use]
    pub fn has_effect_from(&self, rules: &Ruleset, row: Row, effect: ConditionEffect, source: Entity) -> bool {
        self.sources(rules, row, effect).any(|it| it == source)
    }

    /// Who inflicted conditions with this effect on `row`.
    pub fn sources<'r>(
        &'r self,
        rules: &'r Ruleset,
        row: Row,
        effect: ConditionEffect,
    ) -> impl Iterator<Item = Entity> + 'r {
        // The status says at once of nearly everybody that there is nothing to look for.
        let has_effect = self.has_effect(row, effect);
        let list = has_effect.then(|| self.affliction.iter(row)).into_iter().flatten();
        let creature = self.creature.get(row).map_or(ContentKey(0), |creature| creature.key);
        let bit = 1 << (effect as u32);
        list.filter(move |it| rules.effects_on(creature, it.condition) & bit != 0).map(|it| it.source)
    }

    /// Stops a walk and forgets its path.
    pub fn halt(&mut self, row: Row) {
        self.motion.remove(row);
        self.path.clear(row);
        self.seeking.remove(row);
        self.errand.remove(row);
    }

    /// Whether two factions fight, as the rows of both say.
    #[must_use]
    #[inline]
    pub fn are_enemies(&self, a: &Creature, b: &Creature) -> bool {
        self.factions.are_enemies(a.faction, b.faction)
    }
}

impl Rebuild<Realm> for Obstacles {
    fn rebuild(_: Option<&Self>, realm: &Realm) -> Self {
        let mut obstacles = Self::of_map(*realm.settings);
        join((&realm.wall,)).for_each(|_, (wall,)| obstacles.block(wall));
        obstacles
    }
}

impl Rebuild<Realm> for Grid {
    fn rebuild(_: Option<&Self>, realm: &Realm) -> Self {
        let mut grid = Self::of_map(*realm.settings);
        join((&realm.position, &realm.creature, without(&realm.corpse))).for_each(|row, (position, creature, ())| {
            grid.insert(position.0, Member { row, faction: creature.faction });
        });
        grid
    }
}
