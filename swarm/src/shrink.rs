//! [`shrink`]: the smallest case that still fails in the same way.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over ticks, players,
//! inputs, the parts of the set-up, their numbers, and content, again and again until nothing more can go.
//!
//! Invariant: what is kept was seen to fail by the same way with the same kind of fault. The work is bounded by a count, not by
//! a clock, so that a seed shrinks to the same case on every machine.

use std::collections::BTreeSet;

use tickworld_content::model::Key;
use tickworld_sim::frame::PlayerId;

use crate::{
    case::{Case, Size},
    content::{Content, subset},
    runner::Runner,
    variants::Variant,
    violation::Violation,
};

/// Cases that are tried at most.
const TRIES_MAX: u32 = 4000;
/// Ticks of creatures that are made at most, over all tries.
const WORK_MAX: u64 = 40_000_000;
/// How often a case is made to see whether it fails every time.
const TRIALS: u32 = 4;
/// How often a case is made before it counts as well, where the failure comes and goes.
const PATIENCE: u32 = 12;

/// What a case was shrunk to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest case found.
    pub case: Case,
    /// What it fails with.
    pub violation: Violation,
    /// How large it was.
    pub before: Size,
    /// How large it is.
    pub after: Size,
    /// Cases that were tried.
    pub tries: u32,
    /// Whether it failed every time it was made before it was shrunk, as often as there was time for that.
    pub always: bool,
}

/// Shrinks a case that failed with `violation`. Where it does not fail again it is given back as it was.
#[must_use]
pub fn shrink(case: &Case, violation: &Violation) -> Shrunk {
    shrink_while(case, violation, &|| true)
}

/// The same until `goes_on` says that it is enough; gives the smallest case until then.
#[must_use]
pub fn shrink_while(case: &Case, violation: &Violation, goes_on: &dyn Fn() -> bool) -> Shrunk {
    let check = |case: &Case| {
        let mut runner = Runner::new(case);
        let found = runner.check().err();
        (found, runner.stepped())
    };
    shrink_by(case, violation, &check, goes_on)
}

/// Makes a case; gives what it fails with and how many ticks that took.
type Check<'c> = &'c dyn Fn(&Case) -> (Option<Violation>, u64);

fn shrink_by(case: &Case, violation: &Violation, check: Check<'_>, goes_on: &dyn Fn() -> bool) -> Shrunk {
    let before = case.size();
    let (case, violation) = (case.clone(), violation.clone());
    let mut shrinker = Shrinker { check, goes_on, case, violation, tries: 0, work: 0, trials: PATIENCE };
    let always = shrinker.fails_every_time();
    if always {
        shrinker.trials = 1;
    }
    let variant = shrinker.violation.variant;
    let variants = if variant == Variant::Straight { Vec::new() } else { vec![variant] };
    if shrinker.accept(Case { variants, ..shrinker.case.clone() }) {
        while shrinker.pass() {}
    }
    let Shrinker { case, violation, tries, .. } = shrinker;
    let after = case.size();
    Shrunk { case, violation, before, after, tries, always }
}

struct Shrinker<'c> {
    check: Check<'c>,
    goes_on: &'c dyn Fn() -> bool,
    /// The smallest so far.
    case: Case,
    violation: Violation,
    tries: u32,
    work: u64,
    trials: u32,
}

impl Shrinker<'_> {
    fn fails_every_time(&mut self) -> bool {
        let case = self.case.clone();
        // What was not tried is no sign of anything.
        (0..TRIALS).all(|_| self.fails(&case).is_some() || !(self.goes_on)())
    }

    /// What a case fails with, if it is the same bug.
    fn fails(&mut self, case: &Case) -> Option<Violation> {
        let is_spent = self.tries >= TRIES_MAX || self.work >= WORK_MAX || !(self.goes_on)();
        if is_spent {
            return None;
        }
        self.tries += 1;
        let (found, stepped) = (self.check)(case);
        self.work += stepped * (case.size().entities + 10);
        found.filter(|found| found.is_like(&self.violation))
    }

    /// Keeps a case if it still fails.
    fn accept(&mut self, mut case: Case) -> bool {
        case.trim();
        for _ in 0..self.trials {
            if let Some(violation) = self.fails(&case) {
                self.case = case;
                self.violation = violation;
                return true;
            }
        }
        false
    }

    /// Everything once; gives whether anything went.
    fn pass(&mut self) -> bool {
        let before = self.measure();
        self.ticks();
        self.players();
        self.inputs();
        self.ticks();
        self.parts();
        self.numbers();
        self.content();
        self.gaps();
        self.simpler_variant();
        self.measure() != before
    }

    /// Grows smaller with whatever is shrunk; equal only where nothing was.
    fn measure(&self) -> (Size, u64, usize) {
        let it = &self.case.set_up;
        let coins = it.groups.iter().map(|group| group.coins).sum::<u64>()
            + it.classes.iter().map(|class| class.coins).sum::<u64>()
            + it.spawn_points.iter().map(|point| u64::from(point.alive_max)).sum::<u64>();
        let bags = it.classes.iter().map(|class| class.items.len()).sum::<usize>();
        (self.case.size(), coins, bags + it.enemies.len())
    }

    fn ticks(&mut self) {
        loop {
            let ticks = self.case.ticks;
            let shorter = [self.violation.tick, ticks / 2, ticks - ticks / 4, ticks - 1];
            let tried = shorter.into_iter().filter(|wanted| (1..ticks).contains(wanted));
            let wanted: Vec<u64> = tried.collect();
            if !wanted.into_iter().any(|ticks| self.accept(Case { ticks, ..self.case.clone() })) {
                return;
            }
        }
    }

    /// All that one player sent, at once.
    fn players(&mut self) {
        let players: BTreeSet<PlayerId> = self.case.inputs.iter().map(|(_, input)| input.player).collect();
        for player in players {
            let mut case = self.case.clone();
            case.inputs.retain(|(_, input)| input.player != player);
            self.accept(case);
        }
    }

    fn inputs(&mut self) {
        let all = self.case.inputs.clone();
        self.fewest(&all, |case, inputs| Case { inputs: inputs.to_vec(), ..case.clone() });
    }

    fn parts(&mut self) {
        let all = Part::all(&self.case);
        let whole = self.case.clone();
        self.fewest(&all, |case, kept| Case { inputs: case.inputs.clone(), ..Part::only(&whole, kept) });
    }

    /// Counts, coins and bags.
    fn numbers(&mut self) {
        for at in 0..self.case.set_up.groups.len() {
            loop {
                let count = self.case.set_up.groups[at].count;
                let fewer = [1, count / 2].into_iter().filter(|fewer| (1..count).contains(fewer));
                let fewer: Vec<u32> = fewer.collect();
                if !fewer.into_iter().any(|count| self.change(|case| case.set_up.groups[at].count = count)) {
                    break;
                }
            }
            self.change(|case| case.set_up.groups[at].coins = 0);
        }
        for at in 0..self.case.set_up.classes.len() {
            self.change(|case| case.set_up.classes[at].coins = 0);
            self.change(|case| case.set_up.classes[at].items.clear());
        }
        for at in 0..self.case.set_up.spawn_points.len() {
            self.change(|case| case.set_up.spawn_points[at].alive_max = 1);
        }
    }

    fn change(&mut self, change: impl Fn(&mut Case)) -> bool {
        let mut case = self.case.clone();
        change(&mut case);
        self.accept(case)
    }

    /// Other packs first, then entries.
    fn content(&mut self) {
        if self.case.packs.len() > 1 {
            self.change(|case| case.packs.truncate(1));
        }
        let mut keys: Vec<Key> = self.case.packs.iter().flat_map(|content| content.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let whole = self.case.packs.clone();
        self.fewest(&keys, |case, kept| {
            let smaller = whole.iter().map(|content| Content::of(subset(&content.pack, &|key| kept.contains(&key))));
            let packs: Vec<_> = smaller.flatten().map(std::sync::Arc::new).collect();
            let mut smaller = Case { packs, ..case.clone() };
            // Switches follow their pack to its new id.
            for (_, input) in &mut smaller.inputs {
                if let tickworld_sim::frame::Act::Request(tickworld_sim::frame::Request::Content(id)) = &mut input.act
                    && let Some(at) = case.packs.iter().position(|content| content.id == *id)
                    && let Some(content) = smaller.packs.get(at)
                {
                    *id = content.id;
                }
            }
            smaller
        });
    }

    /// Inputs that come earlier, and so an earlier end.
    fn gaps(&mut self) {
        let mut from = 0;
        while let Some((at, _)) = self.case.inputs.get(from) {
            let before =
                from.checked_sub(1).and_then(|before| self.case.inputs.get(before)).map_or(1, |(tick, _)| *tick);
            let gap = at.saturating_sub(before);
            for earlier in [gap, gap / 2].into_iter().filter(|earlier| *earlier > 0) {
                let moved = self.change(|case| {
                    case.inputs[from..].iter_mut().for_each(|(tick, _)| *tick -= earlier);
                    case.ticks -= earlier;
                });
                if moved {
                    break;
                }
            }
            from += 1;
        }
    }

    /// The same way with the numbers that say most.
    fn simpler_variant(&mut self) {
        let simpler: &[Variant] = match self.violation.variant {
            Variant::Restored { .. } => &[Variant::Restored { every: 1 }],
            Variant::SyncTest { .. } => {
                &[Variant::SyncTest { distance: 1, restore: 0 }, Variant::SyncTest { distance: 1, restore: 1 }]
            }
            Variant::Shuffled { .. } => {
                &[Variant::Shuffled { workers: 2, order: 0 }, Variant::Shuffled { workers: 2, order: 1 }]
            }
            Variant::Recorded { .. } => &[Variant::Recorded { keyframes: 1 }],
            Variant::Forked { .. } => &[Variant::Forked { after: 0 }],
            _ => &[],
        };
        if simpler.contains(&self.violation.variant) {
            return;
        }
        for variant in simpler {
            if self.accept(Case { variants: vec![*variant], ..self.case.clone() }) {
                return;
            }
        }
    }

    /// The fewest of `all` with which `make` gives a case that still fails.
    fn fewest<T: Clone>(&mut self, all: &[T], make: impl Fn(&Case, &[T]) -> Case) {
        let mut kept = all.to_vec();
        let mut chunk = kept.len();
        while chunk > 0 {
            let mut at = 0;
            while at < kept.len() {
                let end = (at + chunk).min(kept.len());
                let fewer = [&kept[..at], &kept[end..]].concat();
                if self.accept(make(&self.case, &fewer)) {
                    kept = fewer;
                } else {
                    at = end;
                }
            }
            chunk /= 2;
        }
    }
}

/// A part of a set-up, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Group(usize),
    SpawnPoint(usize),
    Class(usize),
    Treasure(usize),
    Exit(usize),
    Wall(usize),
    Enemies(usize),
}

impl Part {
    fn all(case: &Case) -> Vec<Self> {
        let it = &case.set_up;
        let mut all: Vec<Self> = (0..it.groups.len()).map(Self::Group).collect();
        all.extend((0..it.spawn_points.len()).map(Self::SpawnPoint));
        all.extend((0..it.classes.len()).map(Self::Class));
        all.extend((0..it.treasures.len()).map(Self::Treasure));
        all.extend((0..it.exits.len()).map(Self::Exit));
        all.extend((0..it.walls.len()).map(Self::Wall));
        all.extend((0..it.enemies.len()).map(Self::Enemies));
        all
    }

    fn only(case: &Case, kept: &[Self]) -> Case {
        let mut case = case.clone();
        let it = &mut case.set_up;
        keep(&mut it.groups, kept, Self::Group);
        keep(&mut it.spawn_points, kept, Self::SpawnPoint);
        keep(&mut it.classes, kept, Self::Class);
        keep(&mut it.treasures, kept, Self::Treasure);
        keep(&mut it.exits, kept, Self::Exit);
        keep(&mut it.walls, kept, Self::Wall);
        keep(&mut it.enemies, kept, Self::Enemies);
        case
    }
}

fn keep<T>(list: &mut Vec<T>, kept: &[Part], part: fn(usize) -> Part) {
    let mut at = 0;
    list.retain(|_| {
        at += 1;
        kept.contains(&part(at - 1))
    });
}

#[cfg(test)]
mod tests {
    use tickworld_sim::frame::Act;

    use super::*;
    use crate::{ContentPool, hunt, violation::Fault};

    /// A seed whose run has a bit of everything.
    fn rich_case() -> Case {
        let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
        let pool = ContentPool::new(tickworld_contentc::compile_dir(&data).expect("the shipped content compiles").pack);
        let runs = (0..200).map(|seed| hunt::seed(&pool, seed).case);
        let is_rich = |case: &Case| {
            let it = &case.set_up;
            case.inputs.len() > 30 && it.groups.len() > 1 && it.spawn_points.len() > 1 && case.packs.len() > 1
        };
        runs.into_iter().find(is_rich).expect("one of the first seeds is rich")
    }

    /// What a bug might need: two inputs of one player, a spawn point, a creature of the content, and some ticks.
    fn planted(case: &Case) -> (Option<Violation>, u64) {
        let plays: Vec<_> = case.inputs.iter().filter(|(_, input)| matches!(input.act, Act::Play(_))).collect();
        let twice = plays.iter().any(|(at, a)| plays.iter().any(|(later, b)| a.player == b.player && at < later));
        let fails = twice && !case.set_up.spawn_points.is_empty() && case.packs[0].entry_count() > 0 && case.ticks >= 5;
        (fails.then(violation), case.ticks)
    }

    fn violation() -> Violation {
        Violation { variant: Variant::Again, tick: 5, fault: Fault::Root { columns: Vec::new() } }
    }

    #[test]
    fn what_the_bug_needs_is_all_that_is_left() {
        let case = rich_case();
        let shrunk = shrink_by(&case, &violation(), &planted, &|| true);
        assert!(shrunk.always);
        assert_eq!((shrunk.after.inputs, shrunk.after.ticks, shrunk.after.content), (2, 5, 1), "seed {}", case.seed);
        assert_eq!(shrunk.after.entities, 1, "the spawn point alone");
        assert_eq!((shrunk.case.variants.as_slice(), shrunk.case.packs.len()), (&[Variant::Again][..], 1));
        assert!(planted(&shrunk.case).0.is_some());
        // Once more gives the same: nothing of it is left to chance.
        let again = shrink_by(&case, &violation(), &planted, &|| true);
        assert_eq!(again.case.to_json(""), shrunk.case.to_json(""));
    }

    #[test]
    fn what_comes_and_goes_is_shrunk_with_patience() {
        let case = rich_case();
        let calls = std::cell::Cell::new(0_u32);
        let now_and_then = |case: &Case| {
            calls.set(calls.get() + 1);
            let (found, ticks) = planted(case);
            (found.filter(|_| calls.get().is_multiple_of(3)), ticks)
        };
        let shrunk = shrink_by(&case, &violation(), &now_and_then, &|| true);
        assert!(!shrunk.always);
        assert_eq!((shrunk.after.inputs, shrunk.after.ticks), (2, 5), "seed {}", case.seed);
    }

    #[test]
    fn whoever_has_enough_gets_the_smallest_until_then() {
        let case = rich_case();
        let tries = std::cell::Cell::new(0_u32);
        let until = |most: u32| {
            tries.set(0);
            let check = |case: &Case| {
                tries.set(tries.get() + 1);
                planted(case)
            };
            shrink_by(&case, &violation(), &check, &|| tries.get() < most)
        };
        let at_once = until(0);
        assert_eq!((at_once.after, at_once.tries), (at_once.before, 0));
        assert!(at_once.always, "nothing says that it comes and goes");
        let whole = until(u32::MAX);
        let partly = until(whole.tries / 2);
        assert_eq!(partly.tries, whole.tries / 2);
        assert!(partly.after != whole.after && planted(&partly.case).0.is_some());
    }

    #[test]
    fn what_does_not_fail_again_is_given_back_whole() {
        let case = rich_case();
        let shrunk = shrink_by(&case, &violation(), &|_| (None, 1), &|| true);
        assert_eq!(shrunk.after, shrunk.before);
        assert!(!shrunk.always);
    }
}
