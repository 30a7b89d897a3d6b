//! What is written can be read, and only one way.

mod common;

use tickworld_content::{
    PackError, Problem,
    model::{Key, Pack, Replacement},
};
use tickworld_sim::{content::ContentId, hash::hash};

#[test]
fn a_pack_comes_back_as_it_was() {
    let pack = common::pack();
    let (id, bytes) = pack.to_bytes().expect("a valid pack");
    let (read_id, read) = Pack::from_bytes(&bytes).expect("what was written");
    assert_eq!(read, pack);
    assert_eq!(read_id, id);
    assert_eq!(read.to_bytes().expect("a valid pack").1, bytes);
}

/// Worlds, traces and peers name packs by this: if the number changes, the format or the encoder has changed.
#[test]
fn the_id_of_a_known_pack_never_changes() {
    let (id, bytes) = common::pack().to_bytes().expect("a valid pack");
    assert_eq!((bytes.len(), format!("{id:.16}").as_str()), (2056, "e1bb187d311f06f2"));
    assert_eq!(id, ContentId(hash(&bytes[tickworld_content::HEADER_BYTES..])));
}

#[test]
fn entries_are_found_by_key_and_name() {
    let pack = common::pack();
    let wolf = pack.find_creature(Key::of("creature", "wolf")).expect("the wolf");
    assert_eq!(wolf.name, "Wolf");
    assert_eq!(pack.creature("wolf"), Some(wolf));
    assert!(pack.item("rope").is_some() && pack.spell("ray").is_some() && pack.damage_type("fire").is_some());
    assert!(pack.creature("rope").is_none() && pack.find_action(Key(1)).is_none());
}

/// A pack that had rope once.
fn without_rope() -> Pack {
    let mut pack = common::pack();
    pack.items.retain(|it| it.name != "rope");
    pack.replacements = vec![Replacement { removed: Key::of("item", "rope"), by: Key::of("item", "blade") }];
    pack
}

#[test]
fn what_is_gone_is_found_as_what_stands_for_it() {
    let (_, bytes) = without_rope().to_bytes().expect("a valid pack");
    let (_, pack) = Pack::from_bytes(&bytes).expect("what was written");
    assert_eq!(pack, without_rope());
    assert_eq!(pack.item("rope").map(|it| it.name.as_str()), Some("blade"));
    assert_eq!(pack.item_position(Key::of("item", "rope")), pack.item_position(Key::of("item", "blade")));
    assert!(pack.item("ladder").is_none() && pack.creature("rope").is_none());
}

#[test]
fn replacements_that_lead_nowhere_are_refused() {
    let check = |break_it: fn(&mut Pack), expect: &str| {
        let mut pack = without_rope();
        break_it(&mut pack);
        assert_eq!(pack.to_bytes().expect_err("a broken pack").to_string(), expect);
    };
    let key = |name| Key::of("item", name).0;
    let gone = format!("replacements[0].by: key {:016x} names nothing in this pack", key("ladder"));
    check(|it| it.replacements[0].by = Key::of("item", "ladder"), &gone);
    let there = format!(
        "replacements[0].removed: key {:016x} is still in this pack: nothing else can stand for it",
        key("mail")
    );
    check(|it| it.replacements[0].removed = Key::of("item", "mail"), &there);
    check(|it| it.replacements.push(it.replacements[0]), "replacements[1].removed: out of order or repeated");
    check(
        |it| it.replacements = vec![it.replacements[0]; (1 << 16) + 1],
        "replacements[0].count: 65537 entries, at most 65536 are allowed",
    );
}

/// Breaks a good pack and says what the writer answers.
#[track_caller]
fn check(break_it: impl FnOnce(&mut Pack), expect: &str) {
    let mut pack = common::pack();
    break_it(&mut pack);
    let error = pack.to_bytes().expect_err("a broken pack");
    assert_eq!(error.to_string(), expect);
}

#[test]
fn broken_packs_are_refused_with_place_and_cause() {
    check(|it| it.creatures[0].actions[1] = 99, "creatures[0].actions: position 99 in a table of 8");
    check(|it| it.creatures[0].multiattack[1][0].0 = 2, "creatures[0].multiattack.action: position 2 in a table of 2");
    check(|it| it.creatures[0].abilities[3] = 31, "creatures[0].abilities: 31 is not within 0 to 30");
    check(|it| it.creatures[0].hit_dice.sides = 0, "creatures[0].hit_dice: impossible dice 2d0");
    check(|it| it.creatures[0].defences.resist.0 = 4, "creatures[0].defences.resist: position 2 in a table of 2");
    check(|it| it.spells.swap(0, 1), "spells[1].key: out of order or repeated");
    check(|it| it.items[1].key = it.items[0].key, "items[1].key: out of order or repeated");
    check(|it| it.conditions[0].includes.0 = 1 << 63, "conditions[0].includes: position 63 in a table of 2");
    check(|it| it.damage_types[0].name = "x".repeat(97), "damage_types[0].name: 97 entries, at most 96 are allowed");
    check(|it| it.constants.ability_modifiers.truncate(30), "constants[0].ability_modifiers: 30 entries, must be 31");
    check(|it| it.conditions.clear(), &{
        let poisoned = Key::of("condition", "poisoned").0;
        let row = common::pack().action_position(Key::of_path("action/creature/wolf/bite")).expect("the bite");
        format!("actions[{row}].effects.conditions: key {poisoned:016x} names nothing in this pack")
    });
}

#[test]
fn too_many_of_anything_is_refused() {
    let mut pack = common::pack();
    let strikes = vec![(0, 1); 17];
    pack.creatures[0].multiattack = vec![strikes];
    assert!(matches!(pack.to_bytes(), Err(PackError::Invalid { problem: Problem::Count { count: 17, .. }, .. })));
}
