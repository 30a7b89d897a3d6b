//! Combat: what deeds do to those they are aimed at.
//!
//! `strike` rolls everything, in parallel, from the state at its start and the actors' own random numbers, and hands out
//! [`Blow`]s; `damage`, `conditions::inflict` and `death` let them take effect, in order of the rows they befall, each row's in
//! order of (actor's row, emission). So all that happens in a tick happens at once, and who comes first does not matter.
//!
//! Invariant: hit points stay between 0 and the maximum; damage never heals; the dead neither act nor are healed.

use alloc::vec::Vec;

use tickworld_content::model::{Action, Attack, ConditionEffect, Effect, Inflict, Save, Target};
use tickworld_sim::{
    column::Pages,
    entity::Row,
    join::{join, without},
    rng::Rng,
    step::Step,
};

use super::conditions;
use crate::{
    components::{Act, Affliction, Blow, Corpse, Deed, RepeatSave},
    dice::{self, AttackRoll},
    event::Event,
    inventory,
    key::ContentKey,
    limits,
    range::{self, Area},
    realm::{LivingCreature, Realm},
    round::round_ticks,
    rules::Rules,
    ruleset::{self, Ruleset, feet},
    stats, targeting, uses,
};

/// What a strike asks to be done.
enum Emission {
    /// A blow falls on the creature in the row.
    Blow(Row, Blow),
    /// The actor in the row pays a price.
    Pay(Row, uses::Price),
    /// An event is emitted.
    Emit(Event),
    /// An action was resolved against so many.
    Count(u64),
}

/// `combat::strike`: rolls for every deed of the tick.
pub(crate) fn strike(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    if realm.deed.is_empty() {
        return;
    }
    let rules = step.content();
    let stream = step.stream("combat::strike");
    let (tick, round) = (step.tick().0, round_ticks(realm, rules));
    let world = &*realm;
    let lanes = (&world.deed, stream.each(&world.entities), without(&world.corpse));
    let emissions = join(lanes).par_for_each(step.executor(), |row, (deed, seed, ()), out| {
        if let Some(actor) = world.living_in(row) {
            let mut resolver =
                DeedResolver { realm: world, rules, actor, tick, round, rng: seed.open(), paid: Vec::new(), out };
            resolver.act(deed);
        }
    });
    for emission in emissions {
        match emission {
            Emission::Blow(row, blow) => {
                // A full pool drops the blow: the alternative is to stop the world.
                if realm.blow.push(row, blow).is_ok() {
                    realm.struck.set(row, ());
                }
            }
            Emission::Pay(row, price) => uses::pay(realm, row, price, tick),
            Emission::Emit(event) => step.emit(event),
            Emission::Count(targets) => realm.tally.modify(|tally| {
                tally.actions = tally.actions.wrapping_add(1);
                tally.targets = tally.targets.wrapping_add(targets);
            }),
        }
    }
    realm.deed.clear();
}

/// Rolls one actor's deed.
struct DeedResolver<'s> {
    realm: &'s Realm,
    rules: &'s Ruleset,
    actor: LivingCreature,
    tick: u64,
    round: u64,
    rng: Rng,
    /// What this deed has paid a use of already, once for each use: the state does not know of it yet.
    paid: Vec<ContentKey>,
    out: &'s mut Vec<Emission>,
}

impl DeedResolver<'_> {
    fn act(&mut self, deed: &Deed) {
        let Some((block, _)) = self.rules.creature(self.actor.creature.key) else { return };
        let Ok(price) = uses::price(self.realm, self.rules, self.actor.row, block, deed.act) else { return };
        if price != uses::Price::Free {
            self.out.push(Emission::Pay(self.actor.row, price));
        }
        let rules = self.rules;
        let mut left = limits::STRIKES_MAX;
        for (action, count) in rules.actions_of(block, deed.act) {
            for _ in 0..u32::from(count).min(left) {
                if matches!(deed.act, Act::Routine { .. }) && !self.pay_strike(action) {
                    break;
                }
                self.resolve(deed, action);
            }
            left = left.saturating_sub(u32::from(count));
        }
    }

    /// A strike of a routine may have a usage of its own, paid each time; without a use left it is left out.
    fn pay_strike(&mut self, action: &Action) -> bool {
        let key = action.key.into();
        let paid = self.paid.iter().filter(|other| **other == key).count();
        let paid = u8::try_from(paid).unwrap_or(u8::MAX);
        match uses::usage_price(self.realm, self.actor.row, key, action.usage, paid) {
            Ok(uses::Price::Free) => true,
            Ok(price) => {
                self.paid.push(key);
                self.out.push(Emission::Pay(self.actor.row, price));
                true
            }
            Err(_) => false,
        }
    }

    fn resolve(&mut self, deed: &Deed, action: &Action) {
        let targets = self.targets(deed, action);
        self.out.push(Emission::Emit(Event::Acted { actor: self.actor.entity, action: action.key.into() }));
        self.out.push(Emission::Count(targets.len() as u64));
        // Damage that no attack roll multiplies is rolled once for all (SRD 5.1 p. 96).
        let shared = action.attack.is_none().then(|| self.roll_damage(action, 1));
        for target in &targets {
            match action.attack {
                None => self.apply_effects(action, target, shared.as_deref().unwrap_or_default(), false),
                Some(attack) => match self.attack(&attack, target) {
                    AttackRoll::Miss => {
                        self.out
                            .push(Emission::Emit(Event::Missed { source: self.actor.entity, target: target.entity }));
                    }
                    roll => {
                        let critical = roll == AttackRoll::Critical;
                        let factor = if critical { self.rules.pack().constants.critical_dice } else { 1 };
                        let rolled = self.roll_damage(action, factor);
                        self.apply_effects(action, target, &rolled, critical);
                    }
                },
            }
        }
    }

    /// Whom an action reaches, judged by where everybody is now; the charmed harm no charmer (SRD 5.1 appendix PH-A).
    fn targets(&self, deed: &Deed, action: &Action) -> Vec<LivingCreature> {
        let mut targets = self.reached(deed, action);
        let (realm, rules, own) = (self.realm, self.rules, self.actor.row);
        if realm.has_effect(own, ConditionEffect::SparesSource) && rules.harms(action) {
            targets.retain(|it| !realm.has_effect_from(rules, own, ConditionEffect::SparesSource, it.entity));
        }
        targets
    }

    fn reached(&self, deed: &Deed, action: &Action) -> Vec<LivingCreature> {
        if let Some(area) = Area::of(&action.target, self.actor.place, deed.place) {
            return area.creatures(self.realm, self.rules, &self.actor);
        }
        let distance = ruleset::distance_of(action);
        let first = match action.target {
            Target::Actor => Some(self.actor),
            _ => deed.target.and_then(|target| self.realm.living(target)),
        };
        let Some(first) = first else { return Vec::new() };
        let reached =
            first.row == self.actor.row || range::reaches(self.realm, self.rules, &self.actor, &first, distance);
        if !reached {
            return Vec::new();
        }
        let mut targets = alloc::vec![first];
        targets.extend(targeting::further_targets(self.realm, self.rules, &self.actor, &first, action, distance));
        targets
    }

    /// An attack roll (SRD 5.1 p. 94).
    fn attack(&mut self, attack: &Attack, target: &LivingCreature) -> AttackRoll {
        let (realm, rules) = (self.realm, self.rules);
        let cell = realm.settings.cell();
        let near = range::reaches(realm, rules, &self.actor, target, cell);
        let melee = attack.reach.0 > 0 && range::reaches(realm, rules, &self.actor, target, feet(attack.reach));
        let long = !melee && !range::reaches(realm, rules, &self.actor, target, feet(attack.range));
        let hindered = !melee && range::is_pressed(realm, rules, &self.actor, target);
        let edge = stats::attack_edge(realm, self.actor.row, target.row, near, long, hindered);
        let natural = dice::d20(&mut self.rng, edge);
        let bonus = rules
            .creature(self.actor.creature.key)
            .map_or(0_i32, |(block, sheet)| rules.attack_bonus(block, sheet, attack.bonus));
        let armor_class = stats::armor_class(realm, rules, target);
        match dice::judge_attack(&rules.pack().constants, natural, bonus, armor_class) {
            AttackRoll::Hit if near && realm.has_effect(target.row, ConditionEffect::HitsAreCritical) => {
                AttackRoll::Critical
            }
            roll => roll,
        }
    }

    /// The damage of each effect, by kind, before anything is taken off it.
    fn roll_damage(&mut self, action: &Action, factor: u8) -> Vec<Vec<i32>> {
        let ability = match (action.attack, self.rules.creature(self.actor.creature.key)) {
            (Some(attack), Some((_, sheet))) => ruleset::attack_modifier(sheet, attack.bonus),
            _ => 0_i32,
        };
        let rng = &mut self.rng;
        let effects = action.effects.iter().map(|effect| {
            let damage = effect.damage.iter().map(|damage| {
                let added = if damage.add_ability { ability } else { 0_i32 };
                dice::roll(rng, damage.dice, factor).saturating_add(added)
            });
            damage.collect()
        });
        effects.collect()
    }

    /// Applies the effects of an action to a target.
    fn apply_effects(&mut self, action: &Action, target: &LivingCreature, rolled: &[Vec<i32>], critical: bool) {
        let magical = action.attack.is_none_or(|attack| attack.magical);
        for (effect, rolled) in action.effects.iter().zip(rolled) {
            let saved = effect.save.is_some_and(|save| self.saves(&save, target));
            let halves = effect.save.is_some_and(|save| save.half);
            if saved && !halves {
                continue;
            }
            let amount = effect.damage.iter().zip(rolled).fold(0_u32, |sum, (damage, rolled)| {
                let defence = stats::defence(self.realm, self.rules, target, damage.kind, magical);
                sum.saturating_add(dice::taken(*rolled, saved, defence))
            });
            let source = self.actor.entity;
            if !effect.damage.is_empty() {
                self.out.push(Emission::Blow(target.row, Blow::Damage { source, amount, critical }));
            }
            self.heal(effect, target);
            if !saved {
                for inflict in &effect.conditions {
                    let affliction = self.affliction(action, inflict, effect.save.as_ref());
                    self.out.push(Emission::Blow(target.row, Blow::Inflict { affliction }));
                }
            }
        }
    }

    /// A saving throw of the target (SRD 5.1 p. 83).
    fn saves(&mut self, save: &Save, target: &LivingCreature) -> bool {
        let Some((bonus, edge)) = stats::save(self.realm, self.rules, target, save.ability) else { return false };
        let natural = dice::d20(&mut self.rng, edge);
        dice::judge_save(natural, bonus, self.difficulty(save))
    }

    fn difficulty(&self, save: &Save) -> i32 {
        save.dc.map_or_else(
            || {
                let creature = self.rules.creature(self.actor.creature.key);
                creature.map_or(0_i32, |(block, sheet)| self.rules.save_difficulty(block, sheet))
            },
            i32::from,
        )
    }

    /// Hit points given back (SRD 5.1 p. 97).
    fn heal(&mut self, effect: &Effect, target: &LivingCreature) {
        let Some(dice) = effect.heal else { return };
        let added = match self.rules.creature(self.actor.creature.key) {
            Some((block, sheet)) if effect.heal_add_ability => ruleset::casting_modifier(block, sheet),
            _ => 0_i32,
        };
        let amount = u32::try_from(dice::roll(&mut self.rng, dice, 1).saturating_add(added)).unwrap_or(0);
        self.out.push(Emission::Blow(target.row, Blow::Heal { source: self.actor.entity, amount }));
    }

    /// A condition as this actor brings it about: what states no length lasts until it is escaped from, released or risen
    /// from, and for the content's usual length where nothing of that can end it.
    fn affliction(&self, action: &Action, inflict: &Inflict, save: Option<&Save>) -> Affliction {
        let condition = ContentKey::from(inflict.condition);
        let has = |effect| self.rules.has_itself(condition, effect);
        let escape = (inflict.escape_dc > 0).then_some(inflict.escape_dc);
        // What a hold brings besides ("until this grapple ends, the target is restrained") shares its escape, and ends with it.
        let held = has(ConditionEffect::HeldBySource) || escape.is_some() && self.holds(action);
        // Nobody escapes from what takes their actions.
        let escapable =
            escape.is_some() && self.rules.condition_effects(condition) >> (ConditionEffect::NoActions as u32) & 1 == 0;
        let rounds = match inflict.rounds {
            0 if held || escapable || has(ConditionEffect::EndsByRising) => None,
            0 => Some(self.rules.pack().constants.condition_rounds),
            rounds => Some(rounds),
        };
        let repeat = save.filter(|_| inflict.repeat_save).map(|save| RepeatSave {
            ability: save.ability as u8,
            difficulty: u8::try_from(self.difficulty(save).clamp(0_i32, 255_i32)).unwrap_or(u8::MAX),
        });
        Affliction {
            condition,
            source: self.actor.entity,
            expiry_tick: rounds.map(|rounds| self.tick.saturating_add(u64::from(rounds).saturating_mul(self.round))),
            save: repeat,
            escape,
            hold: held.then(|| ruleset::hold_of(action).0),
        }
    }

    /// Whether an action takes hold of its target.
    fn holds(&self, action: &Action) -> bool {
        let mut inflicted = action.effects.iter().flat_map(|effect| &effect.conditions);
        inflicted.any(|it| self.rules.has_itself(it.condition.into(), ConditionEffect::HeldBySource))
    }
}

/// `combat::damage`: hit points go up, then down (SRD 5.1 pp. 96, 97): all that a tick heals of a creature comes before all that
/// it hurts, so what is left does not depend on who stands in which row. One who is hurt without an enemy in mind turns on the
/// one who did it; a rest is broken off.
pub(crate) fn damage(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let mut blows = Vec::new();
    join((&realm.struck, without(&realm.corpse))).for_each(|row, _| {
        let heals = |blow: &&Blow| matches!(blow, Blow::Heal { .. });
        blows.extend(realm.blow.iter(row).filter(heals).map(|blow| (row, *blow)));
        blows.extend(realm.blow.iter(row).filter(|blow| !heals(blow)).map(|blow| (row, *blow)));
    });
    for (row, blow) in blows {
        let (Some(target), Some(mut health)) = (realm.entities.entity(row), realm.health.get(row).copied()) else {
            continue;
        };
        match blow {
            Blow::Damage { source, amount, critical } => {
                let amount = health.damage(amount);
                realm.health.set(row, health);
                realm.rest.remove(row);
                alert(realm, row, source);
                step.emit(Event::Hurt { source, target, amount, critical });
            }
            Blow::Heal { source, amount } if health.current > 0 => {
                let amount = health.heal(amount);
                realm.health.set(row, health);
                step.emit(Event::Healed { source, target, amount });
            }
            Blow::Heal { .. } | Blow::Inflict { .. } => {}
        }
    }
}

fn alert(realm: &mut Realm, row: Row, source: tickworld_sim::entity::Entity) {
    if realm.target.contains(row) || realm.controlled.contains(row) {
        return;
    }
    let (Some(own), Some(other)) = (realm.creature.get(row).copied(), realm.living(source)) else { return };
    if realm.are_enemies(&own, &other.creature) {
        realm.target.set(row, crate::components::Target(source));
    }
}

/// `combat::death`: whoever has no hit points left is dead (SRD 5.1 p. 98: monsters die at 0): no conditions, no intentions,
/// coins and things on the ground, the body stays for a while. Clears the tick's blows.
pub(crate) fn death(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let mut struck = Vec::new();
    join((&realm.struck,)).for_each(|row, _| struck.push(row));
    if struck.is_empty() {
        return;
    }
    let seconds = u64::from(step.content().pack().constants.corpse_seconds);
    let until_tick = step.tick().0.saturating_add(seconds.saturating_mul(realm.settings.ticks_per_second.into()));
    for row in &struck {
        realm.blow.clear(*row);
        let dead = realm.health.get(*row).is_some_and(|health| health.current == 0);
        if dead && !realm.corpse.contains(*row) {
            die(realm, step, *row, until_tick);
        }
    }
    realm.struck.clear();
}

fn die(realm: &mut Realm, step: &mut Step<'_, Rules>, row: Row, until_tick: u64) {
    conditions::clear(realm, step, row);
    if let Some(position) = realm.position.get(row) {
        realm.grid.get_mut().remove(position.0, row);
    }
    realm.halt(row);
    realm.corpse.set(row, Corpse { until_tick });
    realm.target.remove(row);
    realm.intent.remove(row);
    realm.rest.remove(row);
    realm.rising.remove(row);
    realm.balked.remove(row);
    realm.turn.modify(row, |turn| turn.ready = false);
    if let Some(spawner) = realm.origin.remove(row).and_then(|origin| realm.entities.row(origin.0)) {
        realm.spawner.modify(spawner, |spawner| spawner.alive = spawner.alive.saturating_sub(1));
    }
    realm.tally.modify(|tally| tally.deaths = tally.deaths.wrapping_add(1));
    if let Some(target) = realm.entities.entity(row) {
        step.emit(Event::Died { target });
    }
    inventory::drop_everything(realm, step, row);
}

/// `combat::decay`: bodies go when their time is over, unless they still hold what found no room on the ground; so does what
/// was dropped or spilled.
pub(crate) fn decay(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let tick = step.tick().0;
    let mut bodies = Vec::new();
    join((&realm.corpse, &realm.entities)).for_each(|row, (corpse, entity)| {
        if corpse.until_tick <= tick {
            bodies.push((row, entity));
        }
    });
    for (row, entity) in bodies {
        if inventory::drop_everything(realm, step, row) {
            step.commands.despawn(entity);
        }
    }
    join((&realm.ground_item, &realm.entities)).for_each(|_, (ground, entity)| {
        if ground.until_tick.is_some_and(|until| until <= tick) {
            step.commands.despawn(entity);
        }
    });
}
