//! [`Ruleset`]: a content pack with what the systems would otherwise work out again every tick.
//!
//! Invariant: everything here follows from the pack; nothing of it is state. A key that the pack does not know and for
//! which it names no replacement gives `None`, and whoever carries it does nothing, rather than stopping the world.

use alloc::vec::Vec;

use tickworld_content::model::{
    Ability, Action, Bonus, Casting, ConditionEffect, Creature, Damage, Feet, Inflict, ItemUse, Key, Pack, Shape,
    Spell, Target,
};
use tickworld_sim::math::Fx;

use crate::{components::Act, key::ContentKey};

/// Content as the rules read it.
#[derive(Clone, Debug)]
pub struct Ruleset {
    pack: Pack,
    /// One for each of `pack.creatures`, in that order.
    sheets: Vec<Sheet>,
    /// As `pack.conditions`: the effects of each, with those it includes, one bit each.
    condition_effects: Vec<u32>,
    /// As `pack.conditions`: the effects of each by itself, one bit each.
    own_effects: Vec<u32>,
    /// As `pack.conditions`: each with those it includes, and theirs, one bit each.
    included: Vec<u64>,
    conditions_fingerprint: u64,
    /// The greatest [`Sheet::girth_cells`].
    girth_cells_max: u8,
    /// Keys under which used spell slots of levels 1 to 9 are noted.
    slot_keys: [ContentKey; 9],
}

/// What follows from a stat block.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Ability modifiers (SRD 5.1 p. 76).
    pub modifiers: [i32; 6],
    /// Feet in a round.
    pub speed: Fx,
    /// Half the edge beyond one cell, in cells: what its size adds to distances.
    pub girth_cells: u8,
    /// What it may choose to do on its own.
    pub choices: Vec<Choice>,
    /// How near it goes to an enemy it has in mind, in feet.
    pub approach: Fx,
}

/// Something that a creature may choose.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The action, routine or spell.
    pub act: Act,
    /// Its weight among the choices; 0 is never listed.
    pub weight: u32,
    /// The distance from which it can be used, in feet.
    pub distance: Fx,
    /// Whom it is meant for.
    pub aim: Aim,
}

/// Whom an action is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// It is meant for one enemy.
    Foe,
    /// It is meant for enemies within an area.
    Area,
    /// It is meant for the wounded among friends.
    Wounded,
}

/// Feet as a number.
#[must_use]
pub fn feet(feet: Feet) -> Fx {
    Fx::from_int(i32::from(feet.0))
}

/// A share of a length.
#[must_use]
pub fn percent(of: Fx, percent: u16) -> Fx {
    of.mul_int(percent.into()).saturating_div(Fx::from_int(100))
}

impl Ruleset {
    /// Prepares a pack: what the systems would compute again every tick is computed here, once.
    #[must_use]
    pub fn new(pack: Pack) -> Self {
        let own_effects: Vec<u32> = pack.conditions.iter().map(|condition| bits(&condition.effects)).collect();
        let included: Vec<u64> = (0..pack.conditions.len()).map(|index| included(&pack, index)).collect();
        let condition_effects: Vec<u32> = included.iter().map(|set| effects_of(&own_effects, *set)).collect();
        let harm = Harm { pack: &pack, condition_effects: &condition_effects };
        let sheets: Vec<Sheet> = pack.creatures.iter().map(|creature| sheet(&harm, creature)).collect();
        let conditions_fingerprint = conditions_fingerprint(&pack);
        let girth_cells_max = sheets.iter().map(|sheet| sheet.girth_cells).max().unwrap_or(0);
        let slot_keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(|level| ContentKey::of("slot", level));
        Self {
            pack,
            sheets,
            condition_effects,
            own_effects,
            included,
            conditions_fingerprint,
            girth_cells_max,
            slot_keys,
        }
    }

    /// The content pack that this was made from.
    #[must_use]
    pub const fn pack(&self) -> &Pack {
        &self.pack
    }

    /// A stat block with what follows from it. O(log n).
    #[must_use]
    #[inline]
    pub fn creature(&self, key: ContentKey) -> Option<(&Creature, &Sheet)> {
        let position = self.pack.creature_position(key.key())?;
        Some((&self.pack.creatures[position], &self.sheets[position]))
    }

    /// The greatest [`Sheet::girth_cells`] of all stat blocks: how far beyond a reach someone may stand who is within it.
    #[must_use]
    pub const fn girth_cells_max(&self) -> u8 {
        self.girth_cells_max
    }

    /// Whether an action is meant to do harm: it attacks, hurts, asks for a save, or brings a condition that is no blessing.
    #[must_use]
    pub fn harms(&self, action: &Action) -> bool {
        let harm = Harm { pack: &self.pack, condition_effects: &self.condition_effects };
        action.attack.is_some() || action.effects.iter().any(|it| it.save.is_some()) || harm.is_done_by(action)
    }

    /// The effects of a condition on a creature: less those of included conditions to which it is immune.
    #[must_use]
    pub fn effects_on(&self, creature: ContentKey, condition: ContentKey) -> u32 {
        let Some(position) = self.pack.condition_position(condition.key()) else { return 0 };
        let immune = self.creature(creature).map_or(0, |(block, _)| block.condition_immunities.0);
        if immune & self.included[position] == 0 {
            return self.condition_effects[position];
        }
        effects_of(&self.own_effects, self.included[position] & !immune)
    }

    /// A number that stands for what conditions do to whom: another one after a switch of content that changes it.
    #[must_use]
    pub const fn conditions_fingerprint(&self) -> u64 {
        self.conditions_fingerprint
    }

    /// The effects of a condition and of those it includes, one bit each; none for one that the pack lacks.
    #[must_use]
    pub fn condition_effects(&self, condition: ContentKey) -> u32 {
        self.pack.condition_position(condition.key()).map_or(0, |position| self.condition_effects[position])
    }

    /// Whether a condition has an effect by itself, not through one that it includes.
    #[must_use]
    pub fn has_itself(&self, condition: ContentKey, effect: ConditionEffect) -> bool {
        let own = self.pack.condition_position(condition.key()).map_or(0, |position| self.own_effects[position]);
        own >> (effect as u32) & 1 == 1
    }

    /// Whether a creature cannot come into a condition (SRD 5.1, "Vulnerabilities, Resistances, and Immunities" of monsters).
    #[must_use]
    pub fn is_immune(&self, creature: ContentKey, condition: Key) -> bool {
        let (Some((block, _)), Some(position)) = (self.creature(creature), self.pack.condition_position(condition))
        else {
            return false;
        };
        block.condition_immunities.0 >> position & 1 == 1
    }

    /// Key under which used slots of a spell level (1 to 9) are noted.
    #[must_use]
    pub fn slot_key(&self, level: u8) -> Option<ContentKey> {
        self.slot_keys.get(usize::from(level).checked_sub(1)?).copied()
    }

    /// A round in seconds.
    #[must_use]
    pub const fn round_seconds(&self) -> u16 {
        self.pack.constants.round_seconds
    }

    /// The action of a spell.
    fn spell_action(&self, spell: &Spell) -> Option<&Action> {
        self.pack.actions.get(spell.action as usize)
    }

    /// The actions that an act consists of, in order, each with how often it is repeated.
    #[must_use]
    pub fn actions_of(&self, creature: &Creature, act: Act) -> Vec<(&Action, u8)> {
        match act {
            Act::Action { key } => once(self.pack.find_action(key.key())),
            Act::Spell { key } => {
                let spell = self.pack.find_spell(key.key());
                once(spell.and_then(|spell| self.spell_action(spell)))
            }
            Act::Item { key } => match self.pack.find_item(key.key()).map(|item| &item.use_) {
                Some(ItemUse::Consumable { action }) => once(self.pack.actions.get(*action as usize)),
                _ => Vec::new(),
            },
            Act::Routine { index } => {
                let routine = creature.multiattack.get(usize::from(index)).map_or(&[][..], |routine| routine);
                let strikes = routine.iter().filter_map(|(action, count)| {
                    let position = *creature.actions.get(usize::from(*action))?;
                    Some((self.pack.actions.get(position as usize)?, *count))
                });
                strikes.collect()
            }
        }
    }

    /// Ability modifier of a score (SRD 5.1 p. 76).
    #[must_use]
    pub fn modifier(&self, score: u8) -> i32 {
        modifier(&self.pack, score)
    }

    /// What is added to an attack roll (SRD 5.1 pp. 76, 94, 103).
    #[must_use]
    pub fn attack_bonus(&self, creature: &Creature, sheet: &Sheet, bonus: Bonus) -> i32 {
        match bonus {
            Bonus::Fixed(bonus) => i32::from(bonus),
            Bonus::Weapon { .. } => i32::from(creature.proficiency).saturating_add(attack_modifier(sheet, bonus)),
            _ => creature
                .casting
                .as_ref()
                .map_or(i32::from(creature.proficiency), |casting| i32::from(casting.attack_bonus)),
        }
    }

    /// The number that a save against this creature's spells must reach: 8 + proficiency + modifier without a spell list.
    #[must_use]
    pub fn save_difficulty(&self, creature: &Creature, sheet: &Sheet) -> i32 {
        match &creature.casting {
            Some(casting) => i32::from(casting.save_dc),
            None => {
                let best = sheet.modifiers[3..].iter().copied().max().unwrap_or(0);
                i32::from(self.pack.constants.save_dc_base)
                    .saturating_add(creature.proficiency.into())
                    .saturating_add(best)
            }
        }
    }
}

fn once(action: Option<&Action>) -> Vec<(&Action, u8)> {
    action.map(|action| (action, 1)).into_iter().collect()
}

/// The ability modifier that a weapon attack uses; finesse takes the better of Strength and Dexterity (SRD 5.1 p. 65).
#[must_use]
pub fn attack_modifier(sheet: &Sheet, bonus: Bonus) -> i32 {
    match bonus {
        Bonus::Weapon { finesse: true, .. } => {
            sheet.modifiers[Ability::Strength as usize].max(sheet.modifiers[Ability::Dexterity as usize])
        }
        Bonus::Weapon { ability, .. } => sheet.modifiers[ability as usize],
        _ => 0,
    }
}

/// The spellcasting modifier; 0 for those who do not cast.
#[must_use]
pub fn casting_modifier(creature: &Creature, sheet: &Sheet) -> i32 {
    creature.casting.as_ref().map_or(0, |casting| sheet.modifiers[casting.ability as usize])
}

/// How far from the actor an action's target may be.
#[must_use]
pub fn distance_of(action: &Action) -> Fx {
    feet(range_of(action))
}

/// How far one reaches who holds another by an action: as far as it strikes, where it does so by hand.
#[must_use]
pub fn hold_of(action: &Action) -> Feet {
    action.attack.map(|attack| attack.reach).filter(|reach| reach.0 > 0).unwrap_or_else(|| range_of(action))
}

fn range_of(action: &Action) -> Feet {
    match action.target {
        Target::Creatures { range, .. } => {
            let attack = action.attack.map_or(Feet(0), |attack| attack.reach.max(attack.range).max(attack.long_range));
            // An attack says itself how far it goes; `range` counts where there is no roll.
            if action.attack.is_some() { attack } else { range }
        }
        Target::Area { shape, range } if range.0 == 0 => match shape {
            Shape::Sphere { radius } => radius,
            Shape::Cone { length } | Shape::Line { length, .. } => length,
            Shape::Cube { side } => side,
            _ => Feet(0),
        },
        Target::Area { range, .. } => range,
        _ => Feet(0),
    }
}

/// What harm actions do, by a pack's conditions.
struct Harm<'p> {
    pack: &'p Pack,
    condition_effects: &'p [u32],
}

impl Harm<'_> {
    /// Whether any effect hurts, or brings a condition that does something and is no blessing.
    fn is_done_by(&self, action: &Action) -> bool {
        use ConditionEffect as E;
        let blessings = bits(&[E::AttacksWithAdvantage, E::AttackedWithDisadvantage, E::ResistsAllDamage]);
        let curses = |it: &Inflict| {
            let position = self.pack.condition_position(it.condition);
            position.is_some_and(|position| self.condition_effects[position] & !blessings != 0)
        };
        let hurts = |it: &Damage| it.dice.count > 0 || it.dice.bonus > 0 || it.add_ability;
        action.effects.iter().any(|it| it.damage.iter().any(hurts) || it.conditions.iter().any(curses))
    }

    /// `None` for what does nothing to anybody: it is never chosen.
    fn aim_of(&self, action: &Action) -> Option<Aim> {
        let harms = self.is_done_by(action);
        let heals = action.effects.iter().any(|effect| effect.heal.is_some());
        match action.target {
            Target::Area { .. } if harms => Some(Aim::Area),
            Target::Creatures { .. } if harms => Some(Aim::Foe),
            Target::Actor | Target::Creatures { .. } if heals => Some(Aim::Wounded),
            _ => None,
        }
    }
}

fn modifier(pack: &Pack, score: u8) -> i32 {
    let table = &pack.constants.ability_modifiers;
    i32::from(table.get(usize::from(score)).or(table.last()).copied().unwrap_or(0))
}

fn included(pack: &Pack, index: usize) -> u64 {
    let mut all = 1_u64 << index;
    // Conditions include conditions that include conditions: at most one more each round.
    for _ in 0..pack.conditions.len() {
        let included = (0..pack.conditions.len()).filter(|at| all >> at & 1 == 1);
        all |= included.fold(0, |sum, at| sum | pack.conditions[at].includes.0);
    }
    all
}

fn effects_of(own_effects: &[u32], set: u64) -> u32 {
    own_effects.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).fold(0, |all, (_, effects)| all | effects)
}

/// FNV-1a over what [`Ruleset::effects_on`] depends on.
fn conditions_fingerprint(pack: &Pack) -> u64 {
    let conditions = pack.conditions.iter().map(|it| [it.key.0, bits(&it.effects).into(), it.includes.0]);
    let creatures = pack.creatures.iter().map(|it| [it.key.0, 0, it.condition_immunities.0]);
    let replacements = pack.replacements.iter().map(|it| [it.removed.0, 0, it.by.0]);
    conditions.chain(creatures).chain(replacements).flatten().fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
        word.to_le_bytes().iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    })
}

fn bits(effects: &[ConditionEffect]) -> u32 {
    effects.iter().fold(0, |bits, effect| bits | 1 << (*effect as u32))
}

fn sheet(harm: &Harm<'_>, creature: &Creature) -> Sheet {
    let pack = harm.pack;
    let mut choices = Vec::new();
    for position in &creature.actions {
        let action = &pack.actions[*position as usize];
        let act = Act::Action { key: action.key.into() };
        choices.extend(choice(harm, act, action));
    }
    choices.extend(
        creature
            .multiattack
            .iter()
            .zip(0_u8..)
            .filter_map(|(routine, index)| routine_choice(harm, creature, routine, index)),
    );
    if let Some(casting) = &creature.casting {
        choices.extend(known_spells(casting).filter_map(|position| {
            let spell = pack.spells.get(position as usize)?;
            let action = pack.actions.get(spell.action as usize)?;
            choice(harm, Act::Spell { key: spell.key.into() }, action)
        }));
    }
    let speeds = creature.speeds;
    let ground = speeds.walk.max(speeds.fly);
    let other = speeds.swim.max(speeds.climb).max(speeds.burrow);
    Sheet {
        modifiers: creature.abilities.map(|score| modifier(pack, score)),
        speed: feet(if ground.0 > 0 { ground } else { other }),
        girth_cells: creature.cells.saturating_sub(1),
        approach: approach(creature, &choices),
        choices,
    }
}

/// Positions of all spells that a caster knows.
pub fn known_spells(casting: &Casting) -> impl Iterator<Item = u32> {
    casting.spells.iter().map(|(spell, _)| *spell).chain(casting.slotted.iter().copied())
}

fn choice(harm: &Harm<'_>, act: Act, action: &Action) -> Option<Choice> {
    let aim = harm.aim_of(action)?;
    let weight = u32::from(action.weight);
    (weight > 0).then(|| Choice { act, weight, distance: distance_of(action), aim })
}

/// A multiattack is chosen as often as its strikes together (SRD 5.1, "Multiattack"); from where all of them reach.
fn routine_choice(harm: &Harm<'_>, creature: &Creature, routine: &[(u8, u8)], index: u8) -> Option<Choice> {
    let mut weight = 0_u32;
    let mut harms = false;
    let mut distance = Fx::MAX;
    for (action, count) in routine {
        let action = &harm.pack.actions[creature.actions[usize::from(*action)] as usize];
        harms |= harm.is_done_by(action);
        weight = weight.saturating_add(u32::from(action.weight).saturating_mul((*count).into()));
        distance = distance.min(distance_of(action));
    }
    (harms && weight > 0).then_some(Choice { act: Act::Routine { index }, weight, distance, aim: Aim::Foe })
}

/// As near as its shortest attack needs; those who keep a distance stay where they still reach.
fn approach(creature: &Creature, choices: &[Choice]) -> Fx {
    let harmful = || choices.iter().filter(|choice| choice.aim != Aim::Wounded).map(|choice| choice.distance);
    let nearest = harmful().min().unwrap_or(Fx::from_int(5));
    let farthest = harmful().max().unwrap_or(nearest);
    let keep = feet(creature.behaviour.keep_distance);
    if keep > nearest { keep.min(farthest) } else { nearest }
}
