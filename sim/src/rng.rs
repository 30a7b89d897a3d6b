//! Randomness without state: streams addressed by (frame entropy, tick, stream name, key).
//!
//! [`Entropy`] (16 secret bytes of an input frame) -> [`StreamKey`] (BLAKE3, once per system and tick) -> [`Rng`]
//! (xoshiro256**, once per entity, a few nanoseconds).
//!
//! Invariant: the numbers drawn depend on those four values alone, never on order, threads or other draws. Whoever knows
//! neither the entropy nor an output of the same stream key can predict nothing. Outputs of one `Rng` do betray its
//! `StreamKey` to an analyst (the mixer can be inverted), hence the keys of one tick and one name, but no other tick's
//! nor other name's: those are BLAKE3 away.
//!
//! Deliberately absent: a world-wide generator, seeding from the environment, floats, and the check that one key is opened
//! only once a tick (the step makes it).

use crate::math::Fx;

/// Context of the key derivation: names this layout's version. Changing it changes every random number.
const STREAM_KEY_CONTEXT: &str = "tickworld-sim 2026-11 rng stream key v1";
/// 2^64 divided by the golden ratio, odd: the increment of splitmix64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The 16 bytes of fresh randomness that the sequencer puts in each input frame, journaled with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entropy([u8; 16]);

impl Entropy {
    /// The fixed placeholder for predicted frames, whose true entropy is not known yet.
    pub const PREDICTED: Self = Self(*b"predicted frame!");

    /// Entropy of these bytes.
    #[inline]
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes: the canonical representation.
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// The 256-bit key of one named stream in one tick.
///
/// It equals `BLAKE3 derive_key(context, material)` with the context `"tickworld-sim 2026-11 rng stream key v1"` and the
/// material
///
/// | offset | bytes | what |
/// | --- | --- | --- |
/// | 0 | 16 | entropy |
/// | 16 | 8 | tick, little-endian |
/// | 24 | rest | stream name, UTF-8 |
///
/// read as four little-endian 64-bit lanes.
///
/// ```
/// use tickworld_sim::rng::{Entropy, StreamKey};
/// let key = StreamKey::new(&Entropy::from_bytes([7; 16]), 8123, "combat::damage");
/// let roll = key.rng(77).die(20);
/// assert!((1..=20).contains(&roll));
/// assert_eq!(roll, key.rng(77).die(20), "the same address, the same number");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKey([u64; 4]);

impl StreamKey {
    /// The key of the stream `stream_name` in `tick`. Cost: one or two BLAKE3 compressions more than hashing the name;
    /// make it once per system and tick.
    #[must_use]
    pub fn new(entropy: &Entropy, tick: u64, stream_name: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(STREAM_KEY_CONTEXT);
        hasher.update(&entropy.0).update(&tick.to_le_bytes()).update(stream_name.as_bytes());
        let hash = hasher.finalize();
        let mut lanes = [0; 4];
        for (lane, bytes) in lanes.iter_mut().zip(hash.as_bytes().as_chunks::<8>().0) {
            *lane = u64::from_le_bytes(*bytes);
        }
        Self(lanes)
    }

    /// The 32 bytes of the key, in BLAKE3's order.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (to, lane) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *to = lane.to_le_bytes();
        }
        bytes
    }

    /// The generator of one key of this stream: for an entity, its index and generation in 64 bits.
    ///
    /// With `mix` the finaliser of splitmix64 and `e = mix(key + 0x9E3779B97F4A7C15)`, lane `i` of the xoshiro256** state
    /// is `mix(stream_lane[i] ^ rotate_left(e, 16 * i))`; an all-zero state has its lane 0 replaced by that constant.
    #[inline]
    #[must_use]
    pub const fn rng(&self, key: u64) -> Rng {
        let spread = mix(key.wrapping_add(GOLDEN));
        let [a, b, c, d] = self.0;
        let mut state = [
            mix(a ^ spread),
            mix(b ^ spread.rotate_left(16)),
            mix(c ^ spread.rotate_left(32)),
            mix(d ^ spread.rotate_left(48)),
        ];
        if state[0] | state[1] | state[2] | state[3] == 0 {
            state[0] = GOLDEN;
        }
        Rng { state }
    }
}

/// A xoshiro256** generator (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2019; public domain).
///
/// # Determinism
/// Every method states how many 64-bit outputs it draws; a method that rejects draws again, always by the same rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator with this state, for tests against published vectors; the simulation uses [`StreamKey::rng`].
    ///
    /// `None` for the all-zero state, from which the generator never escapes.
    #[must_use]
    pub const fn from_state(state: [u64; 4]) -> Option<Self> {
        if state[0] | state[1] | state[2] | state[3] == 0 { None } else { Some(Self { state }) }
    }

    /// 64 uniform bits. One draw.
    #[inline]
    pub const fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (t2, t3) = (s2 ^ s0, s3 ^ s1);
        self.state = [s0 ^ t3, s1 ^ t2, t2 ^ (s1 << 17_u32), t3.rotate_left(45)];
        result
    }

    /// 32 uniform bits: the upper half of [`next_u64`](Self::next_u64). One draw.
    #[inline]
    pub const fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32_u32) as u32
    }

    /// A uniform number in `0..n`, without bias. One draw, rarely more (Lemire, "Fast random integer generation in an
    /// interval", 2019).
    ///
    /// # Panics
    /// If `n` is zero.
    #[expect(clippy::arithmetic_side_effects, reason = "the divisor has been checked")]
    #[inline]
    pub const fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "no number lies below zero");
        let mut product = (self.next_u32() as u64).wrapping_mul(n as u64);
        if low_u32(product) < n {
            let rejected = n.wrapping_neg().wrapping_rem(n);
            while low_u32(product) < rejected {
                product = (self.next_u32() as u64).wrapping_mul(n as u64);
            }
        }
        low_u32(product >> 32_u32)
    }

    /// A uniform number in `0..n` for wide `n`, without bias: as [`below`](Self::below) on 64 bits.
    ///
    /// # Panics
    /// If `n` is zero.
    #[expect(clippy::arithmetic_side_effects, reason = "the divisor has been checked")]
    #[inline]
    pub const fn below_u64(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number lies below zero");
        let mut product = (self.next_u64() as u128).wrapping_mul(n as u128);
        if low_u64(product) < n {
            let rejected = n.wrapping_neg().wrapping_rem(n);
            while low_u64(product) < rejected {
                product = (self.next_u64() as u128).wrapping_mul(n as u128);
            }
        }
        low_u64(product >> 64_u32)
    }

    /// One roll of a die: uniform in `1..=sides`. Draws as [`below`](Self::below).
    ///
    /// # Panics
    /// If `sides` is zero.
    #[inline]
    pub const fn die(&mut self, sides: u32) -> u32 {
        self.below(sides).wrapping_add(1)
    }

    /// A uniform number in `low..=high`. Draws as [`below_u64`](Self::below_u64).
    ///
    /// # Panics
    /// If `low > high`.
    #[inline]
    pub const fn range_inclusive_i32(&mut self, low: i32, high: i32) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "the number lies between two 32-bit ones")]
        let number = self.range_inclusive_i64(low as i64, high as i64) as i32;
        number
    }

    /// A uniform number in `low..=high`. Draws as [`below_u64`](Self::below_u64), or once for the full range.
    ///
    /// # Panics
    /// If `low > high`.
    #[inline]
    pub const fn range_inclusive_i64(&mut self, low: i64, high: i64) -> i64 {
        assert!(low <= high, "an inclusive range holds its ends");
        let offset = match high.abs_diff(low).checked_add(1) {
            Some(count) => self.below_u64(count),
            None => self.next_u64(),
        };
        low.wrapping_add_unsigned(offset)
    }

    /// True with the probability `num / den`, exactly; always if `num >= den`. Draws as [`below`](Self::below).
    ///
    /// # Panics
    /// If `den` is zero.
    #[inline]
    pub const fn chance(&mut self, num: u32, den: u32) -> bool {
        self.below(den) < num
    }

    /// A uniform value in `[0, 1)`, one of 65,536. One draw.
    #[inline]
    pub const fn fx_unit(&mut self) -> Fx {
        Fx::from_bits((self.next_u64() >> 48_u32).cast_signed())
    }

    /// Puts `items` in a uniformly random order (Fisher and Yates, from the end). Draws as
    /// [`below_u64`](Self::below_u64), once per item but the first, on 32-bit and 64-bit machines alike.
    #[inline]
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let last_index = u64::try_from(last).expect("no slice has 2^64 items");
            let other = self.below_u64(last_index.wrapping_add(1));
            items.swap(last, usize::try_from(other).expect("it is at most `last`"));
        }
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014, with Stafford's thirteenth constants): a bijection in which
/// each input bit moves each output bit with a probability near 1/2.
#[inline]
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
#[inline]
const fn low_u32(value: u64) -> u32 {
    value as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
#[inline]
const fn low_u64(value: u128) -> u64 {
    value as u64
}
