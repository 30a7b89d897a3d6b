//! What creatures do of themselves: whom they have in mind, what they do to them, where they go.
//!
//! Invariant: a choice depends on the state at the start of the system and on the creature's own random numbers. The dead,
//! the incapacitated and those played by people choose nothing.

use alloc::vec::Vec;

use tickworld_content::model::{Action, ConditionEffect};
use tickworld_sim::{
    entity::{Entity, Row},
    join::{join, opt, without},
    math::{Angle, Fx, Vec2},
    rng::Rng,
    step::Step,
};

use crate::{
    components::{Act, Deed, Motion, Target, Turn},
    event::Event,
    key::ContentKey,
    limits::{CANDIDATES_MAX, IDLE_THINK_INTERVALS},
    range::{self, Area},
    realm::{LivingCreature, Realm},
    round::RoundClock,
    rules::Rules,
    ruleset::{Aim, Choice, Ruleset, feet, percent},
    stats, targeting, uses, walking,
};

/// `behaviour::aim`: on a think tick, a creature forgets an enemy that is gone; on its turn, and every few think intervals without an enemy,
/// it looks for the best one.
pub(crate) fn aim(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let tick = step.tick().0;
    let clock = RoundClock::of(realm, rules, tick);
    let idle_ticks = clock.think_interval_ticks().saturating_mul(IDLE_THINK_INTERVALS);
    let world = &*realm;
    let lanes = (&world.turn, &world.creature, opt(&world.target), without(&world.corpse), without(&world.controlled));
    let changes = join(lanes).par_for_each(step.executor(), |row, (turn, _, target, (), ()), out| {
        if !clock.is_think_tick(*turn) {
            return;
        }
        let since = clock.since_turn(*turn);
        let Some(who) = world.living_in(row) else { return };
        let old = target.map(|target| target.0);
        let kept = old.filter(|target| keeps(world, rules, &who, *target));
        let looks = match kept {
            Some(_) => since == 0,
            None => old.is_some() || since.is_multiple_of(idle_ticks),
        };
        let new = if looks { choose_target(world, rules, tick, &who).or(kept) } else { kept };
        if new != old {
            out.push((row, new));
        }
    });
    for (row, target) in changes {
        match target {
            Some(target) => realm.target.set(row, Target(target)),
            None => {
                realm.target.remove(row);
                realm.halt(row);
            }
        }
    }
}

fn awareness(rules: &Ruleset, who: &LivingCreature) -> Fx {
    rules.creature(who.creature.key).map_or(Fx::ZERO, |(block, _)| feet(block.awareness))
}

fn keeps(realm: &Realm, rules: &Ruleset, who: &LivingCreature, target: Entity) -> bool {
    let Some(enemy) = realm.living(target) else { return false };
    let far = percent(awareness(rules, who), rules.pack().constants.pursuit_percent);
    range::within(who.place, enemy.place, far)
        && !realm.has_effect_from(rules, who.row, ConditionEffect::SparesSource, target)
}

/// The enemy within awareness that scores highest for nearness and weakness as its behaviour weighs them; the lower row of
/// equals. One to whom there is no way is not chosen for a while. Looks at the nearest tiles first and at no more than
/// [`CANDIDATES_MAX`] enemies.
fn choose_target(realm: &Realm, rules: &Ruleset, tick: u64, who: &LivingCreature) -> Option<Entity> {
    let (block, _) = rules.creature(who.creature.key)?;
    let radius = feet(block.awareness);
    let enemies = realm.factions.enemies_of(who.creature.faction);
    if enemies == 0 {
        return None;
    }
    let (near_weight, weak_weight) = match (block.behaviour.prefer_near, block.behaviour.prefer_weak) {
        (0, 0) => (1, 0),
        (near, weak) => (u64::from(near), u64::from(weak)),
    };
    let mut seen = 0_usize;
    let mut best: Option<(u64, Row)> = None;
    realm.grid.visit_rings(who.place, radius, enemies, |member| {
        let Some(position) = realm.position.get(member.row) else { return true };
        if seen >= CANDIDATES_MAX || member.row == who.row || !range::within(who.place, position.0, radius) {
            return seen < CANDIDATES_MAX;
        }
        seen = seen.saturating_add(1);
        let weakness = realm.health.get(member.row).map_or(0, |health| 100_u64.saturating_sub(health.percent().into()));
        let score = nearness(who.place, position.0, radius)
            .saturating_mul(near_weight)
            .saturating_add(weakness.saturating_mul(weak_weight).saturating_mul(10));
        let better = best.is_none_or(|(most, row)| score > most || score == most && member.row < row);
        let backs_off = || {
            let entity = realm.entities.entity(member.row);
            entity.is_some_and(|enemy| has_path_backoff(realm, tick, who.row, enemy))
        };
        if better && !targeting::spares(realm, rules, who, member.row) && !backs_off() {
            best = Some((score, member.row));
        }
        seen < CANDIDATES_MAX
    });
    realm.entities.entity(best?.1)
}

/// 1000 at no distance, 0 at `radius`, in sixteenths of a foot.
fn nearness(a: Vec2, b: Vec2, radius: Fx) -> u64 {
    let short = |a: Fx, b: Fx| a.to_bits().abs_diff(b.to_bits()) >> 12_u32;
    let (dx, dy) = (short(a.x, b.x), short(a.y, b.y));
    let far = (radius.to_bits().unsigned_abs() >> 12_u32).max(1);
    let distance = dx.saturating_mul(dx).saturating_add(dy.saturating_mul(dy)).isqrt();
    far.saturating_sub(distance).saturating_mul(1000).checked_div(far).unwrap_or(0)
}

/// `behaviour::decide`: those who have their action ready and can use it do: creatures by the weights of their stat block,
/// players what they asked for.
pub(crate) fn decide(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let clock = RoundClock::of(realm, rules, step.tick().0);
    let stream = step.stream("behaviour::decide");
    let world = &*realm;
    let able = |row: Row, turn: &Turn| turn.ready && !world.has_effect(row, ConditionEffect::NoActions);
    let lanes = (&world.intent, &world.turn, without(&world.corpse));
    let mut decided = join(lanes).par_for_each(step.executor(), |row, (intent, turn, ()), out| {
        if able(row, turn) {
            let deed = world.living_in(row).and_then(|who| targeting::check_deed(world, rules, &who, intent.deed).ok());
            out.push((row, deed));
        }
    });
    let lanes =
        (&world.target, &world.turn, stream.each(&world.entities), without(&world.corpse), without(&world.controlled));
    decided.append(&mut join(lanes).par_for_each(step.executor(), |row, (target, turn, seed, (), ()), out| {
        if able(row, turn)
            && clock.is_think_tick(*turn)
            && let Some(who) = world.living_in(row)
            && let Some(deed) = choose_deed(world, rules, &who, target.0, || seed.open())
        {
            out.push((row, Some(deed)));
        }
    }));
    for (row, deed) in decided {
        realm.intent.remove(row);
        match (deed, realm.entities.entity(row)) {
            (Some(deed), _) => {
                realm.deed.set(row, deed);
                realm.turn.modify(row, |turn| turn.ready = false);
                realm.rest.remove(row);
            }
            (None, Some(actor)) => step.emit(Event::Fizzled { actor }),
            (None, None) => {}
        }
    }
}

fn choose_deed(
    realm: &Realm,
    rules: &Ruleset,
    who: &LivingCreature,
    target: Entity,
    open: impl FnOnce() -> Rng,
) -> Option<Deed> {
    let (block, sheet) = rules.creature(who.creature.key)?;
    if stats::flees(realm, who.row, block.behaviour.flee_percent) {
        return None;
    }
    let enemy = realm.living(target)?;
    if realm.has_effect_from(rules, who.row, ConditionEffect::SparesSource, target) {
        return None;
    }
    let mut options: Vec<(u32, Deed)> = Vec::new();
    let mut sees = None;
    for choice in &sheet.choices {
        let reached = choice.aim == Aim::Wounded || range::reaches(realm, rules, who, &enemy, choice.distance);
        if !reached || uses::price(realm, rules, who.row, block, choice.act).is_err() {
            continue;
        }
        if choice.aim != Aim::Wounded && !*sees.get_or_insert_with(|| realm.obstacles.can_see(who.place, enemy.place)) {
            continue;
        }
        options.extend(weighted(realm, rules, who, &enemy, choice));
    }
    let total: u32 = options.iter().fold(0, |sum, (weight, _)| sum.saturating_add(*weight));
    if total == 0 {
        return None;
    }
    let mut at = open().below(total);
    for (weight, deed) in options {
        if at < weight {
            return Some(deed);
        }
        at = at.saturating_sub(weight);
    }
    None
}

/// How much a choice is worth now, and what it would be.
fn weighted(
    realm: &Realm,
    rules: &Ruleset,
    who: &LivingCreature,
    enemy: &LivingCreature,
    choice: &Choice,
) -> Option<(u32, Deed)> {
    let deed = |target: &LivingCreature| Deed { act: choice.act, target: Some(target.entity), place: target.place };
    match choice.aim {
        Aim::Foe => affects(realm, rules, who, enemy, choice.act).then(|| (choice.weight, deed(enemy))),
        Aim::Area => {
            let (block, _) = rules.creature(who.creature.key)?;
            let (action, _) = *rules.actions_of(block, choice.act).first()?;
            let gain = area_gain(realm, rules, who, enemy, action)?;
            Some((choice.weight.saturating_mul(gain), deed(enemy)))
        }
        Aim::Wounded => {
            let (patient, missing) = most_wounded(realm, rules, who, choice.distance)?;
            Some((choice.weight.saturating_mul(missing) / 100, deed(&patient)))
        }
    }
}

/// Whether any part of an act does something to an enemy.
fn affects(realm: &Realm, rules: &Ruleset, who: &LivingCreature, enemy: &LivingCreature, act: Act) -> bool {
    let Some((block, _)) = rules.creature(who.creature.key) else { return false };
    rules.actions_of(block, act).iter().any(|(action, _)| does_something(realm, rules, who, enemy, action))
}

/// Whether an action hurts a creature or brings it a condition: it is not immune, nor in that condition by the same source.
fn does_something(
    realm: &Realm,
    rules: &Ruleset,
    who: &LivingCreature,
    other: &LivingCreature,
    action: &Action,
) -> bool {
    let magical = action.attack.is_none_or(|attack| attack.magical);
    let is_in = |condition: ContentKey| {
        realm.affliction.iter(other.row).any(|it| it.condition == condition && it.source == who.entity)
    };
    action.effects.iter().any(|effect| {
        let hurts = |kind| !stats::defence(realm, rules, other, kind, magical).immune;
        effect.damage.iter().any(|damage| hurts(damage.kind))
            || effect
                .conditions
                .iter()
                .any(|it| !rules.is_immune(other.creature.key, it.condition) && !is_in(it.condition.into()))
    })
}

/// Enemies in the area less others, of those to whom it does something; `None` unless there are more enemies.
fn area_gain(
    realm: &Realm,
    rules: &Ruleset,
    who: &LivingCreature,
    enemy: &LivingCreature,
    action: &Action,
) -> Option<u32> {
    let area = Area::of(&action.target, who.place, enemy.place)?;
    let (mut enemies, mut others) = (0_u32, 0_u32);
    for someone in area.creatures(realm, rules, who) {
        if !does_something(realm, rules, who, &someone, action) {
            continue;
        }
        let count = if realm.are_enemies(&who.creature, &someone.creature) { &mut enemies } else { &mut others };
        *count = count.saturating_add(1);
    }
    enemies.checked_sub(others).filter(|gain| *gain > 0)
}

/// The friend in sight (or oneself) within `distance` who misses the greatest share of hit points, and how many percent; the
/// lower row of equals.
fn most_wounded(realm: &Realm, rules: &Ruleset, who: &LivingCreature, distance: Fx) -> Option<(LivingCreature, u32)> {
    let mut worst: Option<(u32, LivingCreature)> = None;
    let mut look = |patient: LivingCreature| {
        let missing = realm.health.get(patient.row).map_or(0, |health| 100_u32.saturating_sub(health.percent()));
        let worse =
            |(most, other): &(u32, LivingCreature)| missing > *most || missing == *most && patient.row < other.row;
        let reached = || {
            patient.row == who.row
                || range::reaches(realm, rules, who, &patient, distance)
                    && realm.obstacles.can_see(who.place, patient.place)
        };
        if missing > 0 && worst.as_ref().is_none_or(worse) && reached() {
            worst = Some((missing, patient));
        }
    };
    look(*who);
    if distance > Fx::ZERO {
        let radius = targeting::search_radius(realm, rules, who, distance);
        realm.grid.visit(who.place, radius, who.creature.faction.bit(), |member| {
            realm.living_in(member.row).into_iter().for_each(&mut look);
        });
    }
    worst.map(|(missing, patient)| (patient, missing))
}

/// Where a creature goes from here.
enum Steering {
    /// It stands still.
    Halt,
    /// It walks straight; the segment was computed where the line of sight was looked at.
    Walk(Motion),
    /// It asks for a path to a place.
    Seek(Vec2),
}

/// `behaviour::steer`: on a think tick, creatures with an enemy in mind close in, keep their distance, or flee.
pub(crate) fn steer(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let rules = step.content();
    let tick = step.tick().0;
    let clock = RoundClock::of(realm, rules, tick);
    let world = &*realm;
    let lanes = (&world.turn, &world.creature, &world.target, without(&world.corpse), without(&world.controlled));
    let steerings = join(lanes).par_for_each(step.executor(), |row, (turn, _, target, (), ()), out| {
        if clock.is_think_tick(*turn)
            && let Some(who) = world.living_in(row)
            && let Some(enemy) = world.living(target.0)
            && let Some(steering) = steering(world, rules, tick, &who, &enemy)
        {
            out.push((row, steering));
        }
    });
    for (row, steering) in steerings {
        match steering {
            Steering::Halt => realm.halt(row),
            Steering::Walk(motion) => {
                realm.path.clear(row);
                realm.seeking.remove(row);
                realm.motion.set(row, motion);
            }
            Steering::Seek(goal) => walking::request_path(realm, step.tick().0, row, goal),
        }
    }
}

/// `None`: goes on as it does.
fn steering(
    realm: &Realm,
    rules: &Ruleset,
    tick: u64,
    who: &LivingCreature,
    enemy: &LivingCreature,
) -> Option<Steering> {
    let (block, sheet) = rules.creature(who.creature.key)?;
    let moving = realm.motion.contains(who.row) || realm.seeking.contains(who.row);
    let halt = || moving.then_some(Steering::Halt);
    let walk = |goal: Vec2| {
        let pace = stats::pace(realm, rules, who.row, who.creature.key);
        walking::segment(who.place, goal, pace, tick).map(Steering::Walk)
    };
    if realm.has_effect(who.row, ConditionEffect::NoMovement) || realm.has_effect(who.row, ConditionEffect::NoActions) {
        return halt();
    }
    let afraid = realm.has_effect_from(rules, who.row, ConditionEffect::AvoidsSource, enemy.entity);
    let keep = feet(block.behaviour.keep_distance);
    let constants = &rules.pack().constants;
    if stats::flees(realm, who.row, block.behaviour.flee_percent) {
        return away(realm, who, enemy, feet(block.awareness)).and_then(walk).or_else(halt);
    }
    if keep > Fx::ZERO && range::within(who.place, enemy.place, percent(keep, constants.retreat_percent.into())) {
        // One who is on the way to a good place goes on: a segment is not written anew at every think tick.
        let enough = percent(keep, constants.ease_percent.into());
        let leaves = |goal: Vec2| !range::within(goal, enemy.place, enough);
        if realm.motion.get(who.row).is_some_and(|motion| leaves(motion.goal)) {
            return None;
        }
        return away(realm, who, enemy, keep).and_then(walk).or_else(halt);
    }
    let girth = range::girth(realm, rules, &[who.creature.key, enemy.creature.key]);
    let reach = sheet.approach.saturating_add(girth);
    if range::within(who.place, enemy.place, reach) && realm.obstacles.can_see(who.place, enemy.place) {
        return halt();
    }
    if afraid {
        return halt();
    }
    match approach(realm, rules, tick, who, enemy, reach)? {
        Approach::Straight(goal) => walk(goal),
        // One who never walks needs no way.
        Approach::Around(_) if stats::pace(realm, rules, who.row, who.creature.key) <= Fx::ZERO => halt(),
        Approach::Around(goal) => Some(Steering::Seek(goal)),
    }
}

/// How a creature comes near its enemy.
enum Approach {
    /// It walks straight to the place: nothing is in the way.
    Straight(Vec2),
    /// It needs a path to the place.
    Around(Vec2),
}

/// To a point within reach of the enemy, on the near side, each to their own so that a crowd surrounds rather than queues.
fn approach(
    realm: &Realm,
    rules: &Ruleset,
    tick: u64,
    who: &LivingCreature,
    enemy: &LivingCreature,
    reach: Fx,
) -> Option<Approach> {
    let direction = who.place.saturating_sub(enemy.place).angle();
    // Up to a sixth of a turn to either side, by row.
    let spread = u16::try_from((who.row.index().wrapping_mul(40_503) & 0xFFFF) / 3).unwrap_or(0);
    let side = direction.wrapping_add(Angle::from_bits(spread)).wrapping_sub(Angle::from_bits(u16::MAX / 6));
    let stand_off = percent(reach, rules.pack().constants.stand_off_percent.into());
    let goal = realm.obstacles.inset(enemy.place.saturating_add(Vec2::from_angle(side).scale(stand_off)));
    let good = |goal: Vec2| realm.obstacles.can_walk(who.place, goal);
    for goal in [goal, realm.obstacles.inset(enemy.place)] {
        if realm.obstacles.can_see(goal, enemy.place) && good(goal) {
            let heads_there =
                realm.motion.get(who.row).is_some_and(|motion| range::within(motion.goal, goal, Fx::HALF));
            return (!heads_there || !realm.path.is_empty(who.row)).then_some(Approach::Straight(goal));
        }
    }
    // A path leads somewhere only for one who walks it.
    let last = || realm.path.len(who.row).checked_sub(1).and_then(|last| realm.path.get(who.row, last).copied());
    let end = realm.motion.get(who.row).map(|motion| last().unwrap_or(motion.goal));
    let near_enough = end.is_some_and(|end| range::within(end, enemy.place, reach.mul_int(2)));
    if near_enough || realm.seeking.contains(who.row) || has_path_backoff(realm, tick, who.row, enemy.entity) {
        return None;
    }
    Some(Approach::Around(realm.obstacles.inset(enemy.place)))
}

/// Whether a creature has found no way to an enemy, and does not look for one yet.
fn has_path_backoff(realm: &Realm, tick: u64, row: Row, enemy: Entity) -> bool {
    realm.balked.get(row).is_some_and(|it| it.enemy == enemy && it.until_tick > tick)
}

/// Straight away from the enemy as far as nothing is in the way, else to a side; `None` where cornered.
fn away(realm: &Realm, who: &LivingCreature, enemy: &LivingCreature, distance: Fx) -> Option<Vec2> {
    let direction = who.place.saturating_sub(enemy.place).angle();
    for turn in [0_u16, 0x2000, 0xE000, 0x4000, 0xC000] {
        let way = Vec2::from_angle(direction.wrapping_add(Angle::from_bits(turn)));
        let far = realm.obstacles.inset(who.place.saturating_add(way.scale(distance)));
        let half = realm.obstacles.inset(who.place.saturating_add(way.scale(distance.saturating_mul(Fx::HALF))));
        if let Some(goal) = [far, half].into_iter().find(|goal| realm.obstacles.can_walk(who.place, *goal)) {
            return Some(goal);
        }
    }
    None
}
