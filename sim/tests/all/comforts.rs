//! What costs nothing and saves lines: rows of a column, operators, texts, JSON, and whether overflow is checked.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickworld_sim::{
    component::{Component, DecodeCause},
    json,
    math::{Checked, Saturating},
    prelude::*,
    schema::{Schema, Type},
    text::{Text, TooLong},
};

#[derive(State, Clone)]
struct Field {
    entities: Entities,
    height: Column<u32>,
    wide: Column<[u64; 32]>,
}

proptest! {
    #[test]
    fn a_column_is_iterated_as_it_is_joined(kept in prop::collection::vec(any::<bool>(), 1..3_000), start in 0_u32..2_000) {
        let mut field = Field::empty();
        for (at, is_kept) in (0_u32..).zip(&kept) {
            field.spawn_with(Band(0), |field, _, row| {
                if *is_kept && at >= start {
                    field.height.set(row, at);
                    field.wide.set(row, [at.into(); 32]);
                }
            }).unwrap();
        }
        let mut joined = Vec::new();
        join((&field.height, &field.wide)).for_each(|row, (height, wide)| joined.push((row, *height, wide[31])));
        let iterated: Vec<_> =
            field.height.iter().zip(&field.wide).map(|((row, height), (_, wide))| (row, *height, wide[31])).collect();
        prop_assert_eq!(joined, iterated);
        prop_assert_eq!(field.height.iter().count(), field.height.len() as usize);
    }

    #[test]
    fn operators_are_the_methods_of_their_name(a in any::<i64>(), b in any::<i64>()) {
        let (a, b) = (Fx::from_bits(a), Fx::from_bits(b));
        prop_assert_eq!((Saturating(a) + b).0, a.saturating_add(b));
        prop_assert_eq!((Saturating(a) - Saturating(b)).0, a.saturating_sub(b));
        prop_assert_eq!((Saturating(a) * b).0, a.saturating_mul(b));
        prop_assert_eq!((Saturating(a) / b).0, a.saturating_div(b));
        prop_assert_eq!((-Saturating(a)).0, a.saturating_neg());
        prop_assert_eq!((Checked::from(a) + b).number(), a.checked_add(b));
        prop_assert_eq!((Checked::from(a) - Checked::from(b)).number(), a.checked_sub(b));
        prop_assert_eq!((Checked::from(a) * b).number(), a.checked_mul(b));
        prop_assert_eq!((Checked::from(a) / b).number(), a.checked_div(b));
        let mut sum = Saturating(a);
        sum += b;
        sum -= Saturating(a);
        prop_assert_eq!(sum.0, a.saturating_add(b).saturating_sub(a));
    }

    #[test]
    fn a_text_survives_its_bytes(text in "\\PC{0,40}") {
        let fits = text.len() <= 31;
        prop_assert_eq!(Text::<31>::new(&text).is_ok(), fits);
        let text = Text::<31>::cut(&text);
        let mut bytes = [0xFF; 32];
        text.encode(&mut bytes);
        prop_assert_eq!(Text::<31>::decode(&bytes), Ok(text));
        let mut shown = String::new();
        json::value(&Text::<31>::describe(), &bytes, &mut shown).unwrap();
        prop_assert_eq!(serde_like(&shown), text.to_string());
    }
}

/// Reads a JSON string: the other direction, written apart.
fn serde_like(json: &str) -> String {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("it is quoted");
    let (mut text, mut letters) = (String::new(), inner.chars());
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next().expect("something is escaped") {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'u' => {
                    let digits: String = letters.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).expect("four digits")).expect("a control character")
                }
                other => other,
            },
            other => other,
        });
    }
    text
}

struct Echo;
impl Game for Echo {
    type State = Field;
    type Input = u32;
    type Event = u32;
    type Content = ();
    const NAME: &'static str = "echo";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "count", run: count }];

    fn join(_: &mut Field, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

fn count(_: &mut Field, step: &mut Step<'_, Echo>) {
    (7..10).for_each(|number| step.emit(number));
}

#[test]
fn events_are_gone_through_as_they_were_emitted() {
    let mut echo = Simulation::<Echo>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
    assert_eq!(echo.world().events().into_iter().next(), None);
    echo.step(&InputFrame::empty(Tick(1), Entropy::from_bytes([7; 16])), &Inline).unwrap();
    let (mut heard, mut events) = (Vec::new(), echo.world().events().iter());
    for number in echo.world().events() {
        assert_eq!(events.next(), Some(number));
        heard.push(*number);
    }
    assert_eq!((heard, events.next()), (vec![7, 8, 9], None));
}

#[test]
fn nothing_is_left_of_what_overflows() {
    let sum = Checked::from(Fx::MAX) + Fx::EPSILON;
    assert_eq!(sum.number(), None);
    assert_eq!((sum - Fx::EPSILON).number(), None, "once lost, it stays lost");
    assert_eq!((Checked::from(Fx::ONE) + sum).number(), None);
    let mut bytes = [0; 8];
    Saturating(Fx::HALF).encode(&mut bytes);
    assert_eq!(Fx::decode(&bytes), Ok(Fx::HALF));
    assert_eq!(Saturating::describe(), Type::Fx);
}

#[test]
fn a_text_has_one_encoding() {
    type Name = Text<4>;
    assert_eq!(Name::new("abcde"), Err(TooLong { bytes: 5, most: 4 }));
    assert_eq!(&*Name::cut("ab\u{e4}\u{e4}"), "ab\u{e4}");
    assert_eq!(Name::default(), Name::EMPTY);
    assert!(Name::cut("b") > Name::cut("aaaa"));
    let cause = |bytes: [u8; 5]| Name::decode(&bytes).map_err(|error| (error.offset, error.cause));
    assert_eq!(cause([2, b'a', b'b', 0, 0]), Ok(Name::cut("ab")));
    assert_eq!(cause([2, b'a', b'b', 0, 7]), Err((4, DecodeCause::Padding)));
    assert_eq!(cause([5, b'a', b'b', b'c', b'd']), Err((0, DecodeCause::Range)));
    assert_eq!(cause([2, b'a', 0xE4, 0, 0]), Err((2, DecodeCause::Form("text that is not UTF-8"))));
    assert_eq!(Name::decode(&[0; 4]).map_err(|error| error.cause), Err(DecodeCause::Length { expected: 5, found: 4 }));
}

#[derive(Component, Clone, Copy)]
struct Named {
    name: Text<6>,
    friend: Option<Text<2>>,
}

#[test]
fn a_text_is_a_type_of_the_schema() {
    let schema = Schema { game: "names".into(), columns: vec![], input: Named::describe(), event: Type::Unit };
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema.clone()));
    assert_eq!((Named::describe().size(), Named::describe().leaf_count()), (Named::SIZE, 2));
    let mut row = vec![0; Named::SIZE];
    Named { name: Text::cut("a\"b"), friend: None }.encode(&mut row);
    let fields = Named::describe().fields(&row, &mut |value| value.to_string()).unwrap();
    let expected = [("name", "\"a\\\"b\""), ("friend", "none")].map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(fields, BTreeMap::from(expected));
    // A text without room is no type.
    let mut bytes = schema.encode();
    let at = bytes.windows(2).position(|pair| pair == [17, 6]).expect("the tag and the room");
    bytes[at + 1] = 0;
    assert!(Schema::decode(&bytes).is_err());
}

#[test]
fn json_of_bytes_that_are_none_is_refused() {
    let mut out = String::new();
    assert!(json::value(&bool::describe(), &[2], &mut out).is_err());
    assert!(json::value(&<[bool; 2]>::describe(), &[1, 2], &mut out).is_err());
    assert!(json::value(&<Option<u8>>::describe(), &[0, 1], &mut out).is_err());
    assert!(json::value(&u8::describe(), &[1, 2], &mut out).is_err());
    out.clear();
    json::value(&<[(); 2]>::describe(), &[], &mut out).unwrap();
    assert_eq!(out, "[null,null]");
}

#[test]
fn this_build_says_whether_overflow_is_checked() {
    // What rustc is told for tests and release builds of this workspace; `cargo xtask ci --only built` tries both.
    assert_eq!(tickworld_sim::overflow_is_checked!(), Some(true));
    assert!(tickworld_sim::overflow::ADVICE.contains("overflow-checks = true"));
}
