//! [`Dice`]: all chance of a run, from its seed.
//!
//! Invariant: what one part of a run draws depends on the seed and the part's name alone, so that a new draw in one part does
//! not change the luck of another.

use tickworld_proto::instant::Micros;
use tickworld_sim::rng::{Entropy, Rng, StreamKey};

/// A generator of one named part of a run.
#[derive(Clone, Debug)]
pub struct Dice(Rng);

impl Dice {
    /// The dice of the part `name` (number `index` of its kind) in the run of `seed`.
    #[must_use]
    pub fn new(seed: u64, name: &str, index: u64) -> Self {
        let entropy = Entropy::from_bytes(*b"tickworld tests!");
        Self(StreamKey::new(&entropy, seed, name).rng(index))
    }

    /// True this often in a thousand.
    pub const fn permille(&mut self, chance: u32) -> bool {
        self.0.chance(chance, 1_000)
    }

    /// A number below `count`, which is not zero.
    pub const fn below(&mut self, count: u64) -> u64 {
        self.0.below_u64(count)
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        match high.wrapping_sub(low).checked_add(1) {
            Some(count) => low.wrapping_add(self.0.below_u64(count)),
            None => self.0.next_u64(),
        }
    }

    /// A time from `low` to `high`.
    pub const fn micros(&mut self, low: Micros, high: Micros) -> Micros {
        Micros(self.between(low.0, high.0))
    }

    /// One of `items`, which are not none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let count = u64::try_from(items.len()).expect("a slice fits the memory");
        &items[usize::try_from(self.below(count)).expect("below the slice's length")]
    }

    /// The items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }

    /// Bytes that look random.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.0.next_u64().to_le_bytes()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_luck_of_their_own() {
        let draws = |mut dice: Dice| [(); 8].map(|()| dice.below(1 << 40));
        assert_eq!(draws(Dice::new(1, "disk", 0)), draws(Dice::new(1, "disk", 0)));
        assert_ne!(draws(Dice::new(1, "disk", 0)), draws(Dice::new(2, "disk", 0)));
        assert_ne!(draws(Dice::new(1, "disk", 0)), draws(Dice::new(1, "link", 0)));
        assert_ne!(draws(Dice::new(1, "disk", 0)), draws(Dice::new(1, "disk", 1)));
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut dice = Dice::new(3, "bounds", 0);
        let drawn: std::collections::BTreeSet<u64> = (0..200).map(|_| dice.between(4, 7)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [4, 5, 6, 7]);
        assert!(!dice.permille(0) && dice.permille(1_000));
    }
}
