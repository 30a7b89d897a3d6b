//! `#[derive(Component)]` keeps the contract of the trait for every shape: one value, one byte string, everything else refused.
//!
//! The oracle is `Type::read`, which knows an encoding from its description alone: what the derived `decode` takes, it must
//! take, and where the one refuses, the other must refuse at the same byte for the same cause.

use core::fmt::Debug;

use proptest::prelude::*;
use tickworld_sim::{
    component::{Component, DecodeCause, DecodeError},
    entity::Entity,
    limits,
    math::{Angle, Fx},
    schema::{Type, Value},
};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Position {
    x: Fx,
    y: Fx,
    facing: Angle,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Marker;

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Empty {}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Metres(u32);

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Pair(i16, bool);

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Nested {
    at: Position,
    height: Metres,
    pairs: [Pair; 3],
    target: Option<Entity>,
    mark: Marker,
    r#type: i8,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
enum Plain {
    North,
    East,
    South,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
enum Only {
    One,
}

/// Numbered unlike their positions: the tag is the position all the same.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
enum Numbered {
    Ten = 10,
    Five = 5,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
enum Action {
    Wait,
    Turn(Angle),
    Attack { target: Entity, with: Option<u16> },
    Face(Plain, bool),
    Rest {},
}

/// A `u8` from 1 to 20.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(check = Self::is_in_range, filler = Self::ONE)]
struct Die(u8);

impl Die {
    const ONE: Self = Self(1);

    fn is_in_range(&self) -> bool {
        (1..=20).contains(&self.0)
    }
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Roll {
    bonus: i16,
    dice: [Die; 2],
}

/// A check on an enum, by a free function.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(check = is_ordered)]
enum Span {
    Nothing,
    Between { low: u8, high: u8 },
}

fn is_ordered(span: &Span) -> bool {
    match span {
        Span::Nothing => true,
        Span::Between { low, high } => low <= high,
    }
}

fn encoded<T: Component>(value: &T, dirt: u8) -> Vec<u8> {
    let mut out = vec![dirt; T::SIZE];
    value.encode(&mut out);
    out
}

/// The first law that `value` breaks.
fn broken_law<T: Component + PartialEq>(value: &T) -> Option<&'static str> {
    let bytes = encoded(value, 0x55);
    if bytes != encoded(value, 0xAA) {
        return Some("every byte is written");
    }
    if T::describe().size() != T::SIZE {
        return Some("the description has the size");
    }
    if T::describe().read(&bytes, &mut |_, _| {}).is_err() {
        return Some("the description reads what is encoded");
    }
    if !T::decode(&bytes).is_ok_and(|decoded| decoded == *value) {
        return Some("decode undoes encode");
    }
    if !value.canonical_eq(value) {
        return Some("a value is the same as itself");
    }
    None
}

/// The first law that decoding `bytes` breaks; a check on the range is all that the description does not know.
fn broken_law_of_bytes<T: Component>(bytes: &[u8]) -> Option<&'static str> {
    let read = T::describe().read(bytes, &mut |_, _| {});
    match (T::decode(bytes), read) {
        (Ok(value), Ok(())) if encoded(&value, 0x55) == bytes => None,
        (Ok(_), Ok(())) => Some("one value has one byte string"),
        (Ok(_), Err(_)) => Some("what the description refuses is refused"),
        (Err(DecodeError { cause: DecodeCause::Range, .. }), Ok(())) => None,
        (Err(_), Ok(())) => Some("what the description reads is taken"),
        (Err(error), Err(expected)) if error == expected => None,
        // A range is found wrong where its value ends, which may be before the place that the description finds.
        (Err(DecodeError { cause: DecodeCause::Range, .. }), Err(_)) => None,
        (Err(_), Err(_)) => Some("the refusal names the place and the cause"),
    }
}

/// Whether two values are the same exactly if their bytes are.
fn agrees_with_bytes<T: Component>(a: &T, b: &T) -> bool {
    a.canonical_eq(b) == (encoded(a, 0) == encoded(b, 0))
}

fn entity() -> impl Strategy<Value = Entity> {
    any::<u64>().prop_map(|bits| Entity::decode(&bits.to_le_bytes()).expect("every eight bytes are a handle"))
}

fn position() -> impl Strategy<Value = Position> {
    (any::<i64>(), any::<i64>(), any::<u16>()).prop_map(|(x, y, facing)| Position {
        x: Fx::from_bits(x),
        y: Fx::from_bits(y),
        facing: Angle::from_bits(facing),
    })
}

fn pair() -> impl Strategy<Value = Pair> {
    any::<(i16, bool)>().prop_map(|(number, flag)| Pair(number, flag))
}

fn nested() -> impl Strategy<Value = Nested> {
    let pairs = [pair(), pair(), pair()];
    (position(), any::<u32>(), pairs, proptest::option::of(entity()), any::<i8>()).prop_map(
        |(at, height, pairs, target, r#type)| {
            let height = Metres(height);
            Nested { at, height, pairs, target, mark: Marker, r#type }
        },
    )
}

fn plain() -> impl Strategy<Value = Plain> {
    prop_oneof![Just(Plain::North), Just(Plain::East), Just(Plain::South)]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Wait),
        any::<u16>().prop_map(|bits| Action::Turn(Angle::from_bits(bits))),
        (entity(), any::<Option<u16>>()).prop_map(|(target, with)| Action::Attack { target, with }),
        (plain(), any::<bool>()).prop_map(|(direction, flag)| Action::Face(direction, flag)),
        Just(Action::Rest {}),
    ]
}

fn roll() -> impl Strategy<Value = Roll> {
    (any::<i16>(), 1_u8..=20, 1_u8..=20).prop_map(|(bonus, a, b)| Roll { bonus, dice: [Die(a), Die(b)] })
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        Just(Span::Nothing),
        any::<(u8, u8)>().prop_map(|(a, b)| Span::Between { low: a.min(b), high: a.max(b) }),
    ]
}

/// Two values that are often equal.
fn two<T: Clone + Debug>(one: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = (T, T)> {
    prop_oneof![one.clone().prop_map(|value| (value.clone(), value)), (one.clone(), one)]
}

/// Bytes that are often tags, marks and padding.
fn bytes<T: Component>() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(0_u8), 4 => 0_u8..6, 1 => any::<u8>()];
    let right_length = proptest::collection::vec(byte.clone(), T::SIZE);
    let any_length = proptest::collection::vec(byte, 0..=T::SIZE.saturating_add(2));
    prop_oneof![9 => right_length, 1 => any_length]
}

macro_rules! laws {
    ($($law:ident: $shape:ty, $strategy:expr;)+) => { $(
        mod $law {
            use super::*;

            proptest! {
                #[test]
                fn value(value in $strategy) {
                    prop_assert_eq!(broken_law::<$shape>(&value), None);
                }

                #[test]
                fn same((a, b) in two($strategy.boxed())) {
                    prop_assert!(agrees_with_bytes::<$shape>(&a, &b));
                }

                #[test]
                fn any_bytes(bytes in bytes::<$shape>()) {
                    prop_assert_eq!(broken_law_of_bytes::<$shape>(&bytes), None);
                }

                #[test]
                fn one_byte_changed(value in $strategy, at: prop::sample::Index, byte: u8) {
                    let mut bytes = encoded::<$shape>(&value, 0);
                    if !bytes.is_empty() {
                        let at = at.index(bytes.len());
                        bytes[at] = byte;
                    }
                    prop_assert_eq!(broken_law_of_bytes::<$shape>(&bytes), None);
                }
            }

            #[test]
            fn filler() {
                assert_eq!(broken_law(&<$shape as Component>::FILLER), None);
            }
        }
    )+ };
}
laws! {
    struct_of_fields: Position, position();
    struct_of_nothing: Marker, Just(Marker);
    struct_of_no_fields: Empty, Just(Empty {});
    newtype: Metres, any::<u32>().prop_map(Metres);
    tuple: Pair, pair();
    struct_of_structs: Nested, nested();
    enum_of_units: Plain, plain();
    enum_of_one: Only, Just(Only::One);
    enum_with_numbers: Numbered, prop_oneof![Just(Numbered::Ten), Just(Numbered::Five)];
    enum_of_everything: Action, action();
    struct_of_checked: Roll, roll();
    enum_checked: Span, span();
}

#[test]
fn sizes_are_sums_and_enums_take_their_longest_variant() {
    assert_eq!((Marker::SIZE, Empty::SIZE, Metres::SIZE, Pair::SIZE, Position::SIZE), (0, 0, 4, 3, 18));
    assert_eq!(Nested::SIZE, 18 + 4 + 3 * 3 + 9 + 1);
    assert_eq!((Only::SIZE, Plain::SIZE, Numbered::SIZE), (1, 1, 1));
    assert_eq!(Action::SIZE, 1 + 8 + 3);
    assert_eq!((Die::SIZE, Roll::SIZE, Span::SIZE), (1, 4, 3));
}

#[test]
fn fillers_are_those_of_the_fields_of_the_first_variant_or_as_asked() {
    assert_eq!(Pair::FILLER, Pair(0, false));
    assert_eq!(Action::FILLER, Action::Wait);
    assert_eq!(Numbered::FILLER, Numbered::Ten);
    assert_eq!(Roll::FILLER, Roll { bonus: 0, dice: [Die(1), Die(1)] });
}

#[test]
fn bytes_are_as_documented() {
    assert_eq!(encoded(&Pair(-2, true), 7), [0xFE, 0xFF, 1]);
    assert_eq!(encoded(&Plain::South, 7), [2]);
    assert_eq!(encoded(&Numbered::Five, 7), [1]);
    assert_eq!(encoded(&Action::Face(Plain::East, true), 7), [3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encoded(&Action::Rest {}, 7), [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let target = Entity::decode(&[5, 0, 0, 0, 2, 0, 0, 0]).expect("a handle");
    let attack = Action::Attack { target, with: Some(0x0102) };
    assert_eq!(encoded(&attack, 7), [2, 5, 0, 0, 0, 2, 0, 0, 0, 1, 2, 1]);
}

/// Decodes and gives offset and cause.
fn refusal<T: Component + Debug>(bytes: &[u8]) -> (u32, DecodeCause) {
    let error = T::decode(bytes).expect_err("these bytes must be refused");
    (error.offset, error.cause)
}

#[test]
fn refusals_name_the_byte_and_the_cause() {
    assert_eq!(refusal::<Pair>(&[0, 0, 2]), (2, DecodeCause::Bool(2)));
    assert_eq!(refusal::<Plain>(&[3]), (0, DecodeCause::Variant(3)));
    assert_eq!(refusal::<Only>(&[255]), (0, DecodeCause::Variant(255)));
    assert_eq!(refusal::<Span>(&[0, 0, 1]), (2, DecodeCause::Padding));

    let mut face = encoded(&Action::Face(Plain::East, true), 0);
    face[1] = 3;
    assert_eq!(refusal::<Action>(&face), (1, DecodeCause::Variant(3)));
    face[1] = 2;
    face[2] = 9;
    assert_eq!(refusal::<Action>(&face), (2, DecodeCause::Bool(9)));
    face[2] = 0;
    face[3] = 1;
    assert_eq!(refusal::<Action>(&face), (3, DecodeCause::Padding));
    face[3] = 0;
    face[11] = 1;
    assert_eq!(refusal::<Action>(&face), (11, DecodeCause::Padding));

    let mut nested = encoded(&Nested::FILLER, 0);
    nested[18 + 4 + 3 + 2] = 2;
    assert_eq!(refusal::<Nested>(&nested), (18 + 4 + 3 + 2, DecodeCause::Bool(2)));
    nested[18 + 4 + 3 + 2] = 1;
    nested[18 + 4 + 9 + 8] = 1;
    assert_eq!(refusal::<Nested>(&nested), (18 + 4 + 9 + 8, DecodeCause::Padding));
}

#[test]
fn any_other_length_is_refused() {
    let length = |expected, found| (0, DecodeCause::Length { expected, found });
    assert_eq!(refusal::<Marker>(&[0]), length(0, 1));
    assert_eq!(refusal::<Pair>(&[0; 2]), length(3, 2));
    assert_eq!(refusal::<Pair>(&[0; 4]), length(3, 4));
    assert_eq!(refusal::<Action>(&[]), length(12, 0));
    assert_eq!(refusal::<Action>(&[9; 11]), length(12, 11));
    assert_eq!(refusal::<Action>(&[0; 13]), length(12, 13));
}

#[test]
fn a_value_outside_its_range_is_refused_where_it_starts() {
    assert_eq!(refusal::<Die>(&[0]), (0, DecodeCause::Range));
    assert_eq!(refusal::<Die>(&[21]), (0, DecodeCause::Range));
    assert_eq!(refusal::<Roll>(&[0, 0, 20, 21]), (3, DecodeCause::Range));
    assert_eq!(refusal::<Span>(&[1, 9, 8]), (0, DecodeCause::Range));
    assert_eq!(Roll::decode(&[255, 255, 1, 20]), Ok(Roll { bonus: -1, dice: [Die(1), Die(20)] }));
}

#[test]
#[should_panic(expected = "`Die` is outside the range that its check allows")]
fn a_value_outside_its_range_never_goes_out() {
    encoded(&Roll { bonus: 0, dice: [Die(1), Die(0)] }, 0);
}

#[test]
#[should_panic(expected = "`Pair` is encoded into exactly its size")]
fn a_buffer_of_another_length_is_a_bug() {
    Pair(0, false).encode(&mut [0; 4]);
}

/// What a report shows of a value: paths and values.
fn shown<T: Component>(value: &T) -> Vec<(String, Value)> {
    let mut shown = Vec::new();
    let visit = &mut |path: &str, value| shown.push((path.to_owned(), value));
    T::describe().read(&encoded(value, 0), visit).expect("the description reads what is encoded");
    shown
}

fn row(path: &str, value: Value) -> (String, Value) {
    (path.to_owned(), value)
}

#[test]
fn descriptions_name_every_field_in_order() {
    let Type::Struct { name, fields } = Nested::describe() else { panic!("a struct describes itself as one") };
    let names: Vec<&str> = fields.iter().map(|field| &*field.name).collect();
    assert_eq!((&*name, &*names), ("Nested", &["at", "height", "pairs", "target", "mark", "type"][..]));
    assert_eq!(Marker::describe(), Type::Struct { name: "Marker".into(), fields: Vec::new() });
    let Type::Enum { name, variants } = Action::describe() else { panic!("an enum describes itself as one") };
    let names: Vec<&str> = variants.iter().map(|variant| &*variant.name).collect();
    assert_eq!((&*name, &*names), ("Action", &["Wait", "Turn", "Attack", "Face", "Rest"][..]));
}

#[test]
fn reports_name_fields_as_the_source_does() {
    assert_eq!(shown(&Metres(7)), [row("", Value::Unsigned(7))]);
    assert_eq!(shown(&Pair(-7, true)), [row("0", Value::Signed(-7)), row("1", Value::Bool(true))]);
    let roll = Roll { bonus: 2, dice: [Die(3), Die(4)] };
    let expected =
        [row("bonus", Value::Signed(2)), row("dice[0]", Value::Unsigned(3)), row("dice[1]", Value::Unsigned(4))];
    assert_eq!(shown(&roll), expected);
    let attack = Action::Attack { target: Entity::FILLER, with: None };
    let expected = [
        row("", Value::Variant("Attack".to_owned())),
        row("target", Value::Entity(Entity::FILLER)),
        row("with", Value::None),
    ];
    assert_eq!(shown(&attack), expected);
}

/// 64 bytes are allowed; the derive refuses 65 by a constant of its own, for it is built before the table of limits.
#[test]
fn the_longest_name_is_that_of_the_limits() {
    #[derive(Component, Clone, Copy)]
    struct Long {
        a_name_that_has_just_the_length_that_a_name_in_a_schema_may_have: u8,
    }
    let Type::Struct { fields, .. } = Long::describe() else { panic!("a struct describes itself as one") };
    assert_eq!(fields[0].name.len(), limits::NAME_BYTES_MAX);
    assert_eq!(Long::FILLER.a_name_that_has_just_the_length_that_a_name_in_a_schema_may_have, 0);
}

/// The derive resolves none of its names where it is used.
#[test]
fn shadowed_names_do_not_matter() {
    #![allow(non_camel_case_types, unused_imports, dead_code, reason = "names chosen to collide")]
    struct u8;
    struct usize;
    struct Option;
    struct Result;
    enum Choice {
        Ok,
        Err,
        Some,
        None,
    }
    use Choice::{Err, None, Ok, Some};

    #[derive(Component, Clone, Copy, Debug, PartialEq)]
    enum Shadowed {
        Wait(i16, bool),
        Go { out: i16, bytes: i16 },
    }
    for shadowed in [Shadowed::Wait(1, true), Shadowed::Go { out: 2, bytes: 3 }] {
        assert!(broken_law(&shadowed).is_none());
    }
}

/// A component written by hand, with a mistake in it.
macro_rules! mistaken {
    ($name:ident, $encode:expr, $decode:expr, $same:expr) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        struct $name(bool);

        impl Component for $name {
            const SIZE: usize = 2;
            const FILLER: Self = Self(false);
            fn describe() -> Type {
                // One tag and one byte of padding, like an enum of `False`, and `True` with a unit of one byte.
                let field = |ty| tickworld_sim::schema::Field { name: "1".into(), ty };
                Type::Struct { name: "Mistaken".into(), fields: vec![field(Type::Bool), field(Type::U8)] }
            }
            fn encode(&self, out: &mut [u8]) {
                let encode: fn(bool, &mut [u8]) = $encode;
                encode(self.0, out);
            }
            fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let decode: fn(&[u8]) -> Result<bool, DecodeError> = $decode;
                decode(bytes).map(Self)
            }
            fn canonical_eq(&self, other: &Self) -> bool {
                let same: fn(bool, bool) -> bool = $same;
                same(self.0, other.0)
            }
        }
    };
}

#[test]
fn the_laws_catch_a_byte_that_is_not_written() {
    mistaken!(Unwritten, |v, out| out[0] = v.into(), |b| bool::decode(&b[..1]), |a, b| a == b);
    assert_eq!(broken_law(&Unwritten(true)), Some("every byte is written"));
}

#[test]
fn the_laws_catch_a_second_byte_string_of_a_value() {
    mistaken!(Loose, |v, out| out.copy_from_slice(&[v.into(), 0]), |b| bool::decode(&b[..1]), |a, b| a == b);
    assert_eq!(broken_law(&Loose(true)), None);
    assert_eq!(broken_law_of_bytes::<Loose>(&[1, 7]), Some("one value has one byte string"));
}

#[test]
fn the_laws_catch_a_misplaced_refusal() {
    mistaken!(
        Misplaced,
        |v, out| out.copy_from_slice(&[v.into(), 0]),
        |b| bool::decode(&b[..1]).map_err(|e| e.shift(1)),
        |a, b| a == b
    );
    assert_eq!(broken_law_of_bytes::<Misplaced>(&[2, 0]), Some("the refusal names the place and the cause"));
}

#[test]
fn the_laws_catch_a_comparison_that_skips_a_field() {
    mistaken!(Careless, |v, out| out.copy_from_slice(&[v.into(), 0]), |b| bool::decode(&b[..1]), |_, _| true);
    assert!(!agrees_with_bytes(&Careless(true), &Careless(false)));
}
