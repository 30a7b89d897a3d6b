//! Laws of vectors and grid cells.

use num_bigint::BigInt;
use proptest::prelude::*;
use tickworld_sim::math::{Angle, Cell, Fx, Vec2, Vec3, hypot};

fn any_fx() -> impl Strategy<Value = Fx> {
    (any::<i64>(), 0_u32..64).prop_map(|(bits, shift)| Fx::from_bits(bits >> shift))
}

fn any_vec2() -> impl Strategy<Value = Vec2> {
    (any_fx(), any_fx()).prop_map(|(x, y)| Vec2::new(x, y))
}

fn any_vec3() -> impl Strategy<Value = Vec3> {
    (any_fx(), any_fx(), any_fx()).prop_map(|(x, y, z)| Vec3::new(x, y, z))
}

fn any_cell() -> impl Strategy<Value = Cell> {
    (any::<i32>(), any::<i32>(), 0_u32..32).prop_map(|(x, y, shift)| Cell::new(x >> shift, y >> shift))
}

fn big(fx: Fx) -> BigInt {
    BigInt::from(fx.to_bits())
}

/// The value of `exact / 65536` bits, half to even, saturating: by trying the floor and its successor.
fn rounded_product(exact: &BigInt) -> Fx {
    let floor: BigInt = exact >> 16_u32;
    let twice_rest: BigInt = (exact - (&floor << 16_u32)) * 2;
    let unit = BigInt::from(65536);
    let up = twice_rest > unit || (twice_rest == unit && floor.bit(0));
    let bits = (floor + i32::from(up)).clamp(BigInt::from(i64::MIN), BigInt::from(i64::MAX));
    Fx::from_bits(i64::try_from(bits).expect("clamped"))
}

/// Whether `unit` is within 0.501 ulp of `component / length`, the length of `components` taken to 200 more bits.
fn is_unit_component(unit: Fx, component: Fx, components: &[Fx]) -> bool {
    let squares: BigInt = components.iter().map(|component| big(*component) * big(*component)).sum();
    let length = (squares << 400_u32).sqrt();
    let error = big(unit) * &length - (big(component) << 216_u32);
    error.magnitude() * 1000_u32 <= length.magnitude() * 501_u32
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn products_are_exact_sums_rounded_once(a in any_vec3(), b in any_vec3()) {
        let ground = big(a.x) * big(b.x) + big(a.y) * big(b.y);
        prop_assert_eq!(a.to_ground().dot(b.to_ground()), rounded_product(&ground));
        prop_assert_eq!(a.dot(b), rounded_product(&(ground + big(a.z) * big(b.z))));
        prop_assert_eq!(a.dot(b), b.dot(a));
        let turn = big(a.x) * big(b.y) - big(a.y) * big(b.x);
        prop_assert_eq!(a.to_ground().cross(b.to_ground()), rounded_product(&turn));
        prop_assert_eq!(a.cross(b).z, rounded_product(&turn));
        prop_assert_eq!(a.cross(b).x, rounded_product(&(big(a.y) * big(b.z) - big(a.z) * big(b.y))));
        prop_assert_eq!(a.cross(b).y, rounded_product(&(big(a.z) * big(b.x) - big(a.x) * big(b.z))));
        prop_assert_eq!(a.cross(a), Vec3::ZERO);
    }

    #[test]
    fn distances_are_lengths_of_the_exact_difference(a in any_vec3(), b in any_vec3()) {
        let squares = |components: &[(Fx, Fx)]| -> BigInt {
            components.iter().map(|(a, b)| (big(*a) - big(*b)) * (big(*a) - big(*b))).sum()
        };
        // The root of four times the square, floored, tells the half.
        let rounded = |square: BigInt| -> BigInt { ((square * 4_u32).sqrt() + 1_u32) >> 1_u32 };
        let clamped = |length: BigInt| length.min(BigInt::from(i64::MAX));
        let plane = [(a.x, b.x), (a.y, b.y)];
        let space = [(a.x, b.x), (a.y, b.y), (a.z, b.z)];
        prop_assert_eq!(big(a.to_ground().distance(b.to_ground())), clamped(rounded(squares(&plane))));
        prop_assert_eq!(big(a.distance(b)), clamped(rounded(squares(&space))));
        prop_assert_eq!(a.distance(Vec3::ZERO), a.length());
        prop_assert_eq!(a.to_ground().length(), hypot(a.x, a.y));
        prop_assert_eq!(a.distance(b), b.distance(a));
        prop_assert_eq!(a.length_squared(), a.dot(a));
    }

    #[test]
    fn unit_vectors_are_within_their_bound(v in any_vec3()) {
        if let Some(unit) = v.to_ground().normalize() {
            prop_assert!(is_unit_component(unit.x, v.x, &[v.x, v.y]), "{:?} -> {:?}", v, unit);
            prop_assert!(is_unit_component(unit.y, v.y, &[v.x, v.y]), "{:?} -> {:?}", v, unit);
            prop_assert!(unit.length().saturating_sub(Fx::ONE).abs() <= Fx::EPSILON);
        }
        if let Some(unit) = v.normalize() {
            for (unit, component) in [(unit.x, v.x), (unit.y, v.y), (unit.z, v.z)] {
                prop_assert!(is_unit_component(unit, component, &[v.x, v.y, v.z]), "{:?} -> {:?}", v, unit);
            }
        } else {
            prop_assert_eq!(v, Vec3::ZERO);
        }
    }

    #[test]
    fn sums_and_scales_act_by_component(a in any_vec3(), b in any_vec3(), t in any_fx()) {
        prop_assert_eq!(a.saturating_add(b), b.saturating_add(a));
        prop_assert_eq!(a.saturating_sub(b).x, a.x.saturating_sub(b.x));
        prop_assert_eq!(a.scale(t).z, a.z.saturating_mul(t));
        prop_assert_eq!(a.scale(Fx::ONE), a);
        prop_assert_eq!(a.lerp(b, Fx::ONE), b);
        prop_assert_eq!(a.lerp(b, t).to_ground(), a.to_ground().lerp(b.to_ground(), t));
        prop_assert_eq!(Vec3::from_ground(a.to_ground(), a.z), a);
        prop_assert_eq!(a.saturating_neg(), Vec3::ZERO.saturating_sub(a));
    }

    #[test]
    fn perpendiculars_turn_by_a_quarter(v in any_vec2()) {
        prop_assert_eq!(v.dot(v.perp()), Fx::ZERO);
        if v != Vec2::ZERO {
            prop_assert_eq!(v.perp().angle(), v.angle().wrapping_add(Angle::QUARTER));
            prop_assert!(v.cross(v.perp()) >= Fx::ZERO);
        }
    }

    #[test]
    fn directions_come_back_once_long_enough(bits in any::<u16>()) {
        let angle = Angle::from_bits(bits);
        let direction = Vec2::from_angle(angle);
        prop_assert!(direction.angle().distance_to(angle).abs() <= 1);
        prop_assert!(direction.length().saturating_sub(Fx::ONE).abs() <= Fx::EPSILON);
    }

    #[test]
    fn every_point_lies_in_exactly_its_cell(point in any_vec2(), size in 1..=i64::MAX, shift in 0_u32..63) {
        let size = Fx::from_bits((size >> shift).max(1));
        let cell = Cell::containing(point, size);
        for (position, coordinate) in [(point.x, cell.x), (point.y, cell.y)] {
            let low = i128::from(coordinate) * i128::from(size.to_bits());
            let position = i128::from(position.to_bits());
            prop_assert!(low <= position || coordinate == i32::MIN);
            prop_assert!(position < low + i128::from(size.to_bits()) || coordinate == i32::MAX);
        }
    }

    #[test]
    fn the_centre_of_a_cell_lies_in_it(cell in any_cell(), size in 2_i64..1 << 31) {
        let size = Fx::from_bits(size);
        prop_assert_eq!(Cell::containing(cell.center(size), size), cell);
    }

    #[test]
    fn neighbours_are_the_eight_at_distance_one_in_row_order(cell in any_cell()) {
        let neighbours = cell.neighbours();
        let offsets = neighbours.map(|neighbour| neighbour.wrapping_sub(cell));
        prop_assert!(offsets.is_sorted_by_key(|offset| (offset.y, offset.x)));
        for (index, offset) in offsets.iter().enumerate() {
            prop_assert_eq!(offset.chebyshev_distance(Cell::ZERO), 1);
            prop_assert!(!neighbours[..index].contains(&neighbours[index]));
        }
    }

    #[test]
    fn cell_distances_are_exact_metrics(a in any_cell(), b in any_cell(), c in any_cell()) {
        let (x, y) = ((i64::from(a.x) - i64::from(b.x)).abs(), (i64::from(a.y) - i64::from(b.y)).abs());
        prop_assert_eq!(i64::from(a.chebyshev_distance(b)), x.max(y));
        prop_assert_eq!(i128::from(a.manhattan_distance(b)), i128::from(x + y));
        prop_assert!(a.manhattan_distance(c) <= a.manhattan_distance(b) + b.manhattan_distance(c));
        prop_assert_eq!(a.wrapping_add(b).wrapping_sub(b), a);
        prop_assert_eq!(a.saturating_add(b).x, a.x.saturating_add(b.x));
        prop_assert_eq!(a.saturating_sub(b).y, a.y.saturating_sub(b.y));
    }
}

#[test]
fn vectors_at_the_ends_of_the_range_saturate() {
    let corner = Vec3::new(Fx::MIN, Fx::MIN, Fx::MIN);
    assert_eq!(corner.length(), Fx::MAX);
    assert_eq!(corner.dot(corner), Fx::MAX);
    assert_eq!(corner.dot(corner.saturating_neg()), Fx::MIN);
    assert_eq!(corner.distance(corner.saturating_neg()), Fx::MAX);
    assert_eq!(corner.to_ground().cross(Vec2::new(Fx::MAX, Fx::MIN)), Fx::MAX);
    assert!(corner.normalize().is_some());
}

#[test]
fn the_check_of_unit_vectors_rejects_both_neighbours() {
    let v = Vec2::new(Fx::from_int(3), Fx::from_int(1));
    let unit = v.normalize().expect("not zero");
    for wrong in [unit.x.saturating_add(Fx::EPSILON), unit.x.saturating_sub(Fx::EPSILON)] {
        assert!(!is_unit_component(wrong, v.x, &[v.x, v.y]));
    }
}

#[test]
#[should_panic(expected = "a cell has a positive size")]
fn a_cell_without_size_is_a_bug() {
    let _ = Cell::containing(Vec2::ZERO, Fx::ZERO);
}
