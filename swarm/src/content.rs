//! [`ContentPool`]: the content that worlds are drawn from; [`Content`]: a pack of one world.
//!
//! Invariant: a pack is checked by its own reader before a world uses it, and holds what its world may need and little more:
//! small packs make small cases.

use std::collections::BTreeMap;

use tickworld_content::{
    PackError,
    model::{Action, Casting, Creature, Item, ItemUse, Key, Pack, Replacement, Spell, Usage},
};
use tickworld_rules::{ContentKey, ruleset::known_spells};
use tickworld_sim::{content::ContentId, rng::Rng};

/// A pack with its bytes.
#[derive(Clone, Debug)]
pub struct Content {
    /// The id that follows from the bytes.
    pub id: ContentId,
    /// The pack file.
    pub bytes: Vec<u8>,
    /// What it holds.
    pub pack: Pack,
}

impl Content {
    /// Of what it is to hold.
    ///
    /// # Errors
    /// When that is no pack.
    pub fn of(pack: Pack) -> Result<Self, PackError> {
        let (id, bytes) = pack.to_bytes()?;
        Ok(Self { id, bytes, pack })
    }

    /// Of a pack file.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: Vec<u8>) -> Result<Self, PackError> {
        let (id, pack) = Pack::from_bytes(&bytes)?;
        Ok(Self { id, bytes, pack })
    }

    /// Creatures, spells and items.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        self.pack.creatures.len() + self.pack.spells.len() + self.pack.items.len()
    }

    /// The keys of all its entries.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let Pack { creatures, spells, items, .. } = &self.pack;
        let creatures = creatures.iter().map(|it| it.key);
        creatures.chain(spells.iter().map(|it| it.key)).chain(items.iter().map(|it| it.key)).collect()
    }
}

/// What worlds are drawn from.
#[derive(Clone, Debug)]
pub struct ContentPool {
    pack: Pack,
    /// Positions of creatures that cast spells.
    casters: Vec<usize>,
}

/// What a world was given.
pub(crate) struct Picked {
    pub(crate) pack: Pack,
    pub(crate) creatures: Vec<ContentKey>,
    pub(crate) items: Vec<ContentKey>,
}

impl ContentPool {
    /// Of a pack, such as the shipped one.
    ///
    /// # Panics
    /// If it has no creature: there would be no worlds.
    #[must_use]
    pub fn new(pack: Pack) -> Self {
        assert!(!pack.creatures.is_empty(), "worlds are made of creatures: give a pack that has some");
        let casters = pack.creatures.iter().enumerate().filter(|(_, it)| it.casting.is_some());
        let casters = casters.map(|(at, _)| at).collect();
        Self { pack, casters }
    }

    /// A few creatures and items with all that they need.
    pub(crate) fn pick(&self, rng: &mut Rng, with_casters: bool, with_items: bool) -> Picked {
        let mut creatures = Vec::new();
        for _ in 0..=rng.below(5) {
            let casts = with_casters && !self.casters.is_empty() && rng.chance(1, 2);
            let at =
                if casts { self.casters[pick(rng, self.casters.len())] } else { pick(rng, self.pack.creatures.len()) };
            creatures.push(self.pack.creatures[at].key);
        }
        let mut items = Vec::new();
        if with_items && !self.pack.items.is_empty() {
            items.extend((0..=rng.below(8)).map(|_| self.pack.items[pick(rng, self.pack.items.len())].key));
        }
        let pack = subset(&self.pack, &|key| creatures.contains(&key) || items.contains(&key) || self.is_spell(key));
        let keys = |keys: Vec<Key>| keys.into_iter().map(ContentKey::from).collect();
        Picked { pack, creatures: keys(creatures), items: keys(items) }
    }

    fn is_spell(&self, key: Key) -> bool {
        self.pack.find_spell(key).is_some()
    }
}

/// A position below `count`, which is not 0.
pub(crate) fn pick(rng: &mut Rng, count: usize) -> usize {
    let below = u32::try_from(count).expect("lists here are short");
    usize::try_from(rng.below(below)).expect("below the length of a list")
}

/// The creatures and items that are kept, and of the spells those that a kept creature knows.
pub(crate) fn subset(pack: &Pack, keep: &dyn Fn(Key) -> bool) -> Pack {
    let creatures: Vec<Creature> = pack.creatures.iter().filter(|it| keep(it.key)).cloned().collect();
    let items: Vec<Item> = pack.items.iter().filter(|it| keep(it.key)).cloned().collect();
    let known =
        |at: u32| creatures.iter().filter_map(|it| it.casting.as_ref()).any(|it| known_spells(it).any(|it| it == at));
    let spells = Kept::of(&pack.spells, |at, spell| known(at) && keep(spell.key));
    let used = |at: u32| {
        creatures.iter().any(|it| it.actions.contains(&at))
            || spells.entries.iter().any(|it| it.action == at)
            || items.iter().any(|it| actions_of(&it.use_).contains(&Some(at)))
    };
    let actions: Kept<Action> = Kept::of(&pack.actions, |at, _| used(at));
    let mut part = Pack {
        constants: pack.constants.clone(),
        damage_types: pack.damage_types.clone(),
        conditions: pack.conditions.clone(),
        creatures: creatures.into_iter().map(|it| moved_creature(it, &actions, &spells)).collect(),
        items: items.into_iter().map(|it| moved_item(it, &actions)).collect(),
        replacements: Vec::new(),
        spells: spells.entries.iter().map(|it| Spell { action: actions.at(it.action), ..it.clone() }).collect(),
        actions: actions.entries,
    };
    // What stands for something may be left out as well.
    let is_there = |key| has(&part, key);
    part.replacements =
        pack.replacements.iter().filter(|it| is_there(it.by) && !is_there(it.removed)).copied().collect();
    part
}

/// Whether a creature, spell or item has this key.
fn has(pack: &Pack, key: Key) -> bool {
    pack.find_creature(key).is_some() || pack.find_spell(key).is_some() || pack.find_item(key).is_some()
}

/// Entries of a table that are kept, and where they are now.
struct Kept<T> {
    entries: Vec<T>,
    places: BTreeMap<u32, u32>,
}

impl<T: Clone> Kept<T> {
    fn of(table: &[T], keep: impl Fn(u32, &T) -> bool) -> Self {
        let mut kept = Self { entries: Vec::new(), places: BTreeMap::new() };
        for (at, entry) in (0..).zip(table) {
            if keep(at, entry) {
                kept.places.insert(at, u32::try_from(kept.entries.len()).expect("no more than there were"));
                kept.entries.push(entry.clone());
            }
        }
        kept
    }

    /// Where the entry that was at `old` is.
    fn at(&self, old: u32) -> u32 {
        *self.places.get(&old).expect("what is used was kept")
    }
}

fn moved_creature(creature: Creature, actions: &Kept<Action>, spells: &Kept<Spell>) -> Creature {
    let casting = creature.casting.map(|it| Casting {
        spells: it.spells.iter().filter_map(|(at, often)| Some((*spells.places.get(at)?, *often))).collect(),
        slotted: it.slotted.iter().filter_map(|at| spells.places.get(at).copied()).collect(),
        ..it
    });
    let actions = creature.actions.iter().map(|at| actions.at(*at)).collect();
    Creature { casting, actions, ..creature }
}

fn moved_item(item: Item, actions: &Kept<Action>) -> Item {
    let use_ = match item.use_ {
        ItemUse::Weapon { action, two_handed, versatile } => {
            ItemUse::Weapon { action: actions.at(action), two_handed, versatile: versatile.map(|at| actions.at(at)) }
        }
        ItemUse::Consumable { action } => ItemUse::Consumable { action: actions.at(action) },
        other => other,
    };
    Item { use_, ..item }
}

const fn actions_of(use_: &ItemUse) -> [Option<u32>; 2] {
    match use_ {
        ItemUse::Weapon { action, versatile, .. } => [Some(*action), *versatile],
        ItemUse::Consumable { action } => [Some(*action), None],
        _ => [None, None],
    }
}

/// The same entries with other numbers: what a designer might release next. Now and then a creature or an item is gone, and
/// another one may stand for it.
pub(crate) fn vary(pack: &Pack, rng: &mut Rng) -> Pack {
    let creatures: Vec<Key> = pack.creatures.iter().map(|it| it.key).collect();
    let items: Vec<Key> = pack.items.iter().map(|it| it.key).collect();
    let gone = [gone(&creatures, rng), gone(&items, rng)];
    let gone: Vec<(Key, Option<Key>)> = gone.into_iter().flatten().collect();
    let mut pack = subset(pack, &|key| gone.iter().all(|(removed, _)| *removed != key));
    let replaced = gone.iter().filter_map(|&(removed, by)| Some(Replacement { removed, by: by? }));
    pack.replacements.extend(replaced);
    pack.replacements.sort_by_key(|it| it.removed);
    let it = &mut pack.constants;
    it.round_seconds = 1 + number(rng, 8);
    it.critical_from = 15 + byte(rng, 7);
    it.corpse_seconds = number(rng, 8);
    it.condition_rounds = 1 + number(rng, 10);
    it.rising_percent = byte(rng, 100);
    it.litter_seconds = number(rng, 6);
    it.pursuit_percent = 100 + number(rng, 200);
    it.dash_percent = 100 + number(rng, 200);
    it.beat_milliseconds = 1 + number(rng, 2000);
    for creature in &mut pack.creatures {
        creature.hit_points = 1 + number(rng, 60);
        creature.armor_class = 5 + byte(rng, 16);
        creature.behaviour.flee_percent = byte(rng, 101);
    }
    for action in &mut pack.actions {
        match rng.below(4) {
            0 => action.usage = Usage::Recharge(2 + byte(rng, 5)),
            1 => action.usage = Usage::PerDay(1 + byte(rng, 3)),
            _ => {}
        }
    }
    pack
}

/// One of `keys` that is gone, with another that may stand for it; often none.
fn gone(keys: &[Key], rng: &mut Rng) -> Option<(Key, Option<Key>)> {
    if keys.is_empty() || !rng.chance(1, 4) {
        return None;
    }
    let removed = keys[pick(rng, keys.len())];
    let others: Vec<Key> = keys.iter().copied().filter(|key| *key != removed).collect();
    let by = if others.is_empty() || rng.chance(1, 3) { None } else { Some(others[pick(rng, others.len())]) };
    Some((removed, by))
}

fn number(rng: &mut Rng, below: u16) -> u16 {
    u16::try_from(rng.below(below.into())).expect("below a number of 16 bits")
}

fn byte(rng: &mut Rng, below: u8) -> u8 {
    u8::try_from(rng.below(below.into())).expect("below a number of 8 bits")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn other_content_lacks_some_entries_and_replaces_some_of_them() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
        let pool = ContentPool::new(tickworld_contentc::compile_dir(&data).expect("the shipped content compiles").pack);
        let (mut lacking, mut creatures, mut items) = (0, 0, 0);
        for seed in 0..200 {
            let mut rng = Dice::one(seed, "test");
            let first = pool.pick(&mut rng, true, true).pack;
            let other = vary(&first, &mut rng);
            for it in &other.replacements {
                creatures += usize::from(other.creatures.iter().any(|creature| creature.key == it.by));
                items += usize::from(other.items.iter().any(|item| item.key == it.by));
                assert!(has(&first, it.removed) && has(&first, it.by), "seed {seed}");
            }
            let missing = first.creatures.len() + first.items.len() - other.creatures.len() - other.items.len();
            lacking += usize::from(missing > other.replacements.len());
            Content::of(other).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        assert!(lacking > 5 && creatures > 5 && items > 5, "{lacking} {creatures} {items}");
    }
}
