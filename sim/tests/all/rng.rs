//! Random streams: the published algorithms, frozen keys, unbiased draws, and no trace of neighbours in each other.
//!
//! Statistics are integers with fixed seeds: each check passes or fails for good. That they can fail is shown on weak
//! generators.

use proptest::prelude::*;
use tickworld_sim::math::Fx;
use tickworld_sim::rng::{Entropy, Rng, StreamKey};

const ENTROPY: Entropy = Entropy::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn test_rng(seed: u64) -> Rng {
    StreamKey::new(&ENTROPY, 0, "rng tests").rng(seed)
}

/// The finaliser of splitmix64, as published.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn xoshiro256_starstar_gives_its_published_outputs() {
    let mut rng = Rng::from_state([1, 2, 3, 4]).expect("not zero");
    // The reference implementation's first outputs, https://prng.di.unimi.it/xoshiro256starstar.c.
    let expected =
        [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600];
    assert_eq!(expected.map(|_| rng.next_u64()), expected);
    assert_eq!(Rng::from_state([0; 4]), None);
}

#[test]
fn splitmix64_gives_its_published_outputs() {
    // Seed 0, https://prng.di.unimi.it/splitmix64.c.
    let outputs = [1_u64, 2, 3, 4].map(|n| mix(n.wrapping_mul(GOLDEN)));
    assert_eq!(outputs, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F, 0xF88B_B8A8_724C_81EC]);
}

/// Frozen: made with the Python `blake3` package and a separate implementation of the layout that `rng.rs` documents.
#[test]
fn stream_keys_and_their_first_outputs_are_frozen() {
    let check = |entropy: Entropy, tick, name, key_hex: &str, outputs: [[u64; 2]; 3]| {
        let key = StreamKey::new(&entropy, tick, name);
        assert_eq!(hex(&key.to_bytes()), key_hex, "{name:?}");
        for (entity, expected) in [0, (2 << 32) | 77, u64::MAX].into_iter().zip(outputs) {
            let mut rng = key.rng(entity);
            assert_eq!([rng.next_u64(), rng.next_u64()], expected, "{name:?} {entity}");
        }
    };
    check(
        Entropy::from_bytes([0; 16]),
        0,
        "",
        "0ef3500aa851af4ebc9197ec640b769f0b1f63ae55a3386a2115e27668be289c",
        [
            [0xe519_03aa_9c90_d8a1, 0xfb23_08cc_82e9_dcb1],
            [0xe2d6_1322_7055_9b31, 0xd570_7fea_991f_2345],
            [0x46ae_353a_c5a1_baa5, 0x1136_3ad2_14f8_e383],
        ],
    );
    check(
        ENTROPY,
        8123,
        "combat::damage",
        "18aaf87c7dd86aec9c4f667587f250bf04b6f72bb5d3b18b2c49aedd151ccfef",
        [
            [0x3fff_f65b_157c_a409, 0x9668_a29e_d6af_89cf],
            [0x30f0_528b_3d8c_5d5e, 0x5702_53a8_4b1b_413f],
            [0xe6ff_b3c5_2e4e_d255, 0xf649_73c9_bea7_f746],
        ],
    );
    check(
        Entropy::PREDICTED,
        u64::MAX,
        "Wetter/gr\u{f6}\u{df}e",
        "d9ea26f67c762e4af7b5b7601bd94b9e616bce3ee51faec4515c0d57ae3fa2fa",
        [
            [0x8081_e801_7b3a_13e4, 0xf608_ec8a_7ef0_e674],
            [0xc39d_4492_9ae8_efd1, 0xfbff_c3e3_af2a_9f76],
            [0xff22_1c21_d6dd_96da, 0x27cd_35a2_3985_16d6],
        ],
    );
}

#[test]
fn each_part_of_an_address_changes_the_stream() {
    let here = StreamKey::new(&ENTROPY, 5, "a");
    assert_eq!(here, StreamKey::new(&ENTROPY, 5, "a"));
    assert_ne!(here, StreamKey::new(&Entropy::PREDICTED, 5, "a"));
    assert_ne!(here, StreamKey::new(&ENTROPY, 6, "a"));
    assert_ne!(here, StreamKey::new(&ENTROPY, 5, "b"));
    assert_ne!(here, StreamKey::new(&ENTROPY, 5, "a\0"));
    assert_ne!(here.rng(1).next_u64(), here.rng(2).next_u64());
    assert_eq!(Entropy::from_bytes(ENTROPY.to_bytes()), ENTROPY);
}

/// The limit of a chi-square statistic: within 5 standard deviations of its mean, on either side (counts more even than
/// chance allows are no chance either; from 52 bins that side can fail).
fn is_uniform(counts: &[u64]) -> bool {
    let bins = counts.len() as i128;
    let total = i128::from(counts.iter().sum::<u64>());
    // chi^2 = excess / (total * bins), its mean bins - 1, its variance 2 (bins - 1).
    let excess: i128 = counts.iter().map(|count| (i128::from(*count) * bins - total).pow(2)).sum();
    let (unit, freedom) = (total * bins, bins - 1);
    (excess - freedom * unit).pow(2) <= 25 * 2 * freedom * unit * unit
}

#[test]
fn dice_of_all_sizes_are_uniform() {
    let mut rng = test_rng(1);
    for sides in [2_u32, 3, 4, 6, 8, 10, 12, 20, 100, 365, 1000] {
        let mut counts = vec![0; sides as usize];
        for _ in 0..sides * 2000 {
            counts[rng.die(sides) as usize - 1] += 1;
        }
        assert!(is_uniform(&counts), "d{sides}: {counts:?}");
    }
}

#[test]
fn the_check_of_uniformity_rejects_a_loaded_die_and_a_rota() {
    let mut rng = test_rng(2);
    let mut loaded = [0; 20];
    for _ in 0..40_000 {
        // A natural twenty in one of 17 instead of one of 20 throws.
        loaded[if rng.chance(1, 100) { 19 } else { rng.below(20) as usize }] += 1;
    }
    assert!(!is_uniform(&loaded), "{loaded:?}");
    assert!(!is_uniform(&[2000; 100]), "each face exactly as often is no chance");
}

/// Whether generators one apart are independent of each other, as far as dice and bits show: the joint counts of their
/// first d6 and of their second d6, and the share of pairs in which each bit of the first output differs.
fn are_independent(pairs: impl Iterator<Item = (Rng, Rng)>) -> bool {
    let mut joint = [[0_u64; 36]; 2];
    let mut flips = [0_i64; 64];
    let mut pair_count = 0_i64;
    for (a, b) in pairs {
        let difference = a.clone().next_u64() ^ b.clone().next_u64();
        for (bit, count) in flips.iter_mut().enumerate() {
            *count += i64::from(difference >> bit & 1 == 1);
        }
        let (mut a, mut b) = (a, b);
        for counts in &mut joint {
            counts[(a.below(6) * 6 + b.below(6)) as usize] += 1;
        }
        pair_count += 1;
    }
    // Twice the flips have the mean `pair_count` and the standard deviation of its root.
    let balanced = |flips: &i64| (2 * flips - pair_count).pow(2) <= 25 * pair_count;
    joint.iter().all(|counts| is_uniform(counts)) && flips.iter().all(balanced)
}

const PAIRS: u64 = 40_000;

#[test]
fn neighbouring_entities_and_generations_are_independent() {
    let key = StreamKey::new(&ENTROPY, 8123, "combat::damage");
    for stride in [1, 2, 64, 1024, 1 << 32, 1 << 63] {
        assert!(are_independent((0..PAIRS).map(|n| (key.rng(n), key.rng(n ^ stride)))), "stride {stride}");
        assert!(are_independent((0..PAIRS).map(|n| (key.rng(n << 32), key.rng((n << 32) ^ stride)))));
    }
}

#[test]
fn neighbouring_ticks_are_independent() {
    let key = |tick| StreamKey::new(&ENTROPY, tick, "combat::damage");
    assert!(are_independent((0..PAIRS).map(|tick| (key(tick).rng(77), key(tick + 1).rng(77)))));
}

#[test]
fn neighbouring_entities_share_no_face_across_a_whole_tick() {
    // What players would see: the dice of consecutive entities in one tick, over several ticks.
    let mut counts = vec![0; 20];
    for tick in 0..40 {
        let key = StreamKey::new(&ENTROPY, tick, "combat::attack");
        for entity in 0..1000 {
            counts[key.rng(entity).die(20) as usize - 1] += 1;
        }
    }
    assert!(is_uniform(&counts), "{counts:?}");
}

#[test]
fn the_check_of_independence_rejects_weak_mixers() {
    let key = StreamKey::new(&ENTROPY, 8123, "combat::damage").to_bytes();
    let lane = |n: usize| u64::from_le_bytes(key[n * 8..n * 8 + 8].try_into().expect("8 bytes"));
    let lanes = [lane(0), lane(1), lane(2), lane(3)];
    let weak = |mixer: fn(u64, u64) -> u64| {
        let rng = move |entity| Rng::from_state(lanes.map(|lane| mixer(lane, entity))).expect("not zero");
        are_independent((0..PAIRS).map(move |n| (rng(n), rng(n ^ 1))))
    };
    assert!(!weak(|lane, entity| lane ^ entity), "plain exclusive or");
    assert!(!weak(|lane, entity| lane.wrapping_add(entity.wrapping_mul(GOLDEN))), "a multiple");
    assert!(!weak(|lane, _| lane), "the entity forgotten");
    assert!(weak(|lane, entity| mix(lane ^ mix(entity))), "a strong mixer passes the same check");
}

#[test]
fn bounded_numbers_have_no_bias_even_near_the_width_of_a_draw() {
    // Below 3 * 2^30 the plain product without rejection would make each third number twice as likely.
    let mut rng = test_rng(3);
    let mut residues = [0; 3];
    let mut thirds = [0; 3];
    for _ in 0..60_000 {
        let number = rng.below(3 << 30);
        residues[(number % 3) as usize] += 1;
        thirds[(number >> 30) as usize] += 1;
    }
    assert!(is_uniform(&residues) && is_uniform(&thirds), "{residues:?} {thirds:?}");

    let mut plain = [0; 3];
    for _ in 0..60_000 {
        let number = (u64::from(rng.next_u32()) * (3 << 30)) >> 32;
        plain[(number % 3) as usize] += 1;
    }
    assert!(!is_uniform(&plain), "the check misses the bias of the plain product: {plain:?}");
}

#[test]
fn chances_have_their_probability() {
    let mut rng = test_rng(4);
    let hits = (0..90_000).filter(|_| rng.chance(1, 3)).count() as u64;
    assert!(is_uniform(&[hits, (90_000 - hits) / 2, (90_000 - hits).div_ceil(2)]), "{hits}");
    assert!((0..100).all(|_| rng.chance(3, 3) && !rng.chance(0, 3)));
}

#[test]
fn every_order_of_a_shuffle_is_equally_likely() {
    let mut rng = test_rng(5);
    let mut counts = [0; 24];
    for _ in 0..48_000 {
        let mut items = [0_usize, 1, 2, 3];
        rng.shuffle(&mut items);
        // The order's number in the factorial base.
        let smaller_after = |at: usize| items[at..].iter().filter(|item| **item < items[at]).count();
        counts[smaller_after(0) * 6 + smaller_after(1) * 2 + smaller_after(2)] += 1;
    }
    assert!(is_uniform(&counts), "{counts:?}");
    rng.shuffle::<u8>(&mut []);
}

#[test]
fn unit_values_fill_the_unit_evenly() {
    let mut rng = test_rng(6);
    let mut counts = [0; 64];
    for _ in 0..64_000 {
        let value = rng.fx_unit();
        assert!(value >= Fx::ZERO && value < Fx::ONE);
        counts[(value.to_bits() >> 10) as usize] += 1;
    }
    assert!(is_uniform(&counts), "{counts:?}");
}

proptest! {
    #[test]
    fn draws_stay_in_their_range(seed in any::<u64>(), n in 1_u64.., a in any::<i64>(), b in any::<i64>()) {
        let mut rng = test_rng(seed);
        let (low, high) = (a.min(b), a.max(b));
        for _ in 0..16 {
            prop_assert!(rng.below_u64(n) < n);
            let small = ((n >> 32) as u32).max(1);
            prop_assert!(rng.below(small) < small);
            prop_assert!((1..=small).contains(&rng.die(small)));
            prop_assert!((low..=high).contains(&rng.range_inclusive_i64(low, high)));
            let (low, high) = ((low >> 32) as i32, (high >> 32) as i32);
            prop_assert!((low..=high).contains(&rng.range_inclusive_i32(low, high)));
        }
        prop_assert_eq!(rng.range_inclusive_i64(low, low), low);
        let _ = rng.range_inclusive_i64(i64::MIN, i64::MAX);
        let _ = rng.range_inclusive_i32(i32::MIN, i32::MAX);
    }

    #[test]
    fn a_shuffle_keeps_its_items(seed in any::<u64>(), mut items in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut sorted = items.clone();
        sorted.sort_unstable();
        test_rng(seed).shuffle(&mut items);
        items.sort_unstable();
        prop_assert_eq!(items, sorted);
    }
}

#[test]
#[should_panic(expected = "no number lies below zero")]
fn a_die_without_sides_is_a_bug() {
    test_rng(7).die(0);
}

#[test]
#[should_panic(expected = "an inclusive range holds its ends")]
fn a_range_upside_down_is_a_bug() {
    test_rng(7).range_inclusive_i32(2, 1);
}
