//! [`mutated`]: small damage to a seed, from a number: what an ordinary test tries where there is no fuzzer.
//!
//! Invariant: a function of the seed's bytes and the number.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.draw() % count.max(1) as u64).unwrap_or(0)
    }
}

/// Values at the edges of their types, which readers get wrong first.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];

/// The seed with one to four changes: bits flipped, bytes overwritten, cut, doubled, put in, or the end cut off.
#[must_use]
pub fn mutated(seed: &[u8], number: u64) -> Vec<u8> {
    let mut dice = Dice(number);
    let mut out = seed.to_vec();
    for _ in 0..=dice.below(4) {
        change(&mut out, &mut dice);
    }
    out
}

fn change(out: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(out.len());
    let end = (at + 1 + dice.below(16)).min(out.len());
    match dice.below(7) {
        0 => out.truncate(at),
        1 => drop(out.drain(at.min(end)..end)),
        2 => {
            let copied = out[at.min(end)..end].to_vec();
            out.splice(at..at, copied);
        }
        3 => {
            let byte = u8::try_from(dice.below(256)).unwrap_or(0);
            out.splice(at..at, [byte]);
        }
        4 => {
            let edge = EDGES[dice.below(EDGES.len())].to_le_bytes();
            let width = 1 << dice.below(4);
            out.iter_mut().skip(at).zip(&edge[..width]).for_each(|(byte, edge)| *byte = *edge);
        }
        _ => {
            if let Some(byte) = out.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mutated;

    #[test]
    fn a_number_gives_one_mutation_and_most_numbers_change_something() {
        let seed: Vec<u8> = (0..64).collect();
        let changed = (0..1_000).filter(|number| mutated(&seed, *number) != seed).count();
        assert!(changed > 950, "{changed}");
        assert_eq!(mutated(&seed, 7), mutated(&seed, 7));
        (0..1_000).for_each(|number| drop(mutated(&[], number)));
    }
}
