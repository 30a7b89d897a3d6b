//! Whatever is damaged or rewritten in a store is found, and named.

mod common;

use std::path::Path;

use common::{
    Bench,
    store::{
        MANIFESTS, META, PACKS, PAGES, RECORDS, alter, cover, d20, edit, flip, ledger, page_of, record, remove,
        rewrite, slot,
    },
};
use redb::ReadableTable as _;
use serde_json::Value;
use tickworld_persist::{Epoch, WallTime};

/// Damages a copy of `store`, and expects these words of `journal verify`, and a finding of this kind at this tick.
fn damaged(store: &Path, damage: impl FnOnce(&Path), kind: &str, tick: Option<u64>, words: &[&str]) -> Value {
    let bench = Bench::new();
    damage(&bench.copy(store, "w"));
    let ran = bench.run("journal verify w");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.out.contains(word), "no {word:?} in:\n{}", ran.out);
    }
    let report = bench.json("journal verify w --json", 1);
    let is_it = |found: &&Value| found["kind"] == kind && (tick.is_none() || found["first_tick"].as_u64() == tick);
    assert!(report["findings"].as_array().expect("a list").iter().any(|it| is_it(&it)), "{report}");
    report
}

/// The first tick after the first with inputs.
fn busy_tick(bench: &Bench) -> u64 {
    let lines = bench.ok("journal export w --from 2");
    let values = lines.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let busy = values
        .filter(|it| it["inputs"].as_array().is_some_and(|inputs| !inputs.is_empty()))
        .map(|it| it["tick"].as_u64());
    busy.flatten().next().expect("somebody came")
}

/// The last tick of a store.
fn last(store: &Path) -> u64 {
    let bench = Bench::new();
    bench.copy(store, "w");
    bench.json("journal info w --json", 0)["last_tick"].as_u64().expect("a tick")
}

#[test]
fn a_flipped_bit_in_a_record() {
    let words = ["records of ticks 7 to 7: damaged", "hash is not that of its bytes"];
    let report = damaged(d20(), |w| alter(w, RECORDS, slot(7), flip), "record", Some(7), &words);
    assert_eq!(report["goes_on"]["lost"], Value::Null, "the world of the end is whole: {report}");
    let bench = Bench::new();
    alter(&bench.copy(d20(), "w"), RECORDS, slot(7), flip);
    let words = ["records of ticks 7 to", "journal verify w"];
    bench.refused("journal replay w", &words);
    bench.refused("journal export w", &words);
    bench.refused("trace from-journal w -o t.trace", &words);
    assert!(bench.ok("journal info w").contains("1 tick: `tickworld journal verify` names them"));
    bench.ok("journal replay w --to 6");
}

#[test]
fn a_record_that_is_gone() {
    damaged(d20(), |w| remove(w, RECORDS, slot(7)), "record", Some(7), &["records of ticks 7 to 7: missing"]);
}

#[test]
fn records_at_the_end_that_are_gone() {
    let last = last(d20());
    let cut = |w: &Path| {
        remove(w, MANIFESTS, last);
        remove(w, RECORDS, slot(last));
        // And the claim with which its server ended.
        remove(w, RECORDS, slot(last) + 1);
    };
    let words = [&*format!("records of ticks {last} to {last}: missing"), "were acknowledged and would be lost"];
    let report = damaged(d20(), cut, "record", Some(last), &words);
    assert_eq!(report["goes_on"]["lost"], serde_json::json!([last, last]));
    assert_eq!(report["goes_on"]["tick"], last - 1);
}

#[test]
fn a_record_put_in_the_place_of_another() {
    let forge = |w: &Path| {
        let mut own = record(w, 7).as_tick().expect("a tick's").clone();
        own.wall = WallTime(2);
        let forged = tickworld_persist::Record::new(own).expect("a record");
        alter(w, RECORDS, slot(7), |row| {
            row.clear();
            forged.encode(row);
        });
    };
    damaged(
        d20(),
        forge,
        "record",
        Some(8),
        &["records of ticks 8 to 8: not the record that follows the one before it"],
    );
}

#[test]
fn a_history_that_was_rewritten() {
    let words = ["another history than the one that was acknowledged"];
    let last = last(d20());
    let report = damaged(d20(), |w| rewrite(w, 7, |own| own.wall = WallTime(3)), "record", Some(last), &words);
    let kinds: Vec<&str> =
        report["findings"].as_array().expect("a list").iter().filter_map(|it| it["kind"].as_str()).collect();
    assert_eq!(kinds, ["record", "snapshot"], "the watermark and the world of the end both tell");
}

#[test]
fn other_inputs_in_a_history_that_shows_nothing() {
    for store in [d20(), ledger()] {
        let bench = Bench::new();
        let folder = bench.copy(store, "w");
        let at = busy_tick(&bench);
        rewrite(&folder, at, |body| {
            let mut frame = body.frame[..24].to_vec();
            frame.push(0);
            body.frame = frame.into();
        });
        cover(&folder, 0);
        bench.ok("journal verify w");
        let report = bench.json("journal replay w --json", 1);
        let tick = report["divergence"]["tick"].as_u64().expect("a tick");
        assert!(tick >= at && report["ok"] == false, "{report}");
        let text = bench.run("journal replay w").out;
        assert!(text.contains("comes out differently than the record of tick"), "{text}");
        let made = bench.json("trace from-journal w -o t.trace --json", 1);
        assert_eq!(made["divergence"]["tick"], tick);
        assert!(bench.ok("trace info t.trace").contains(&format!("mismatch at tick {tick}")));
        bench.ok("trace verify t.trace");
    }
}

#[test]
fn another_root_in_a_history_that_shows_nothing() {
    let bench = Bench::new();
    let folder = bench.copy(d20(), "w");
    rewrite(&folder, 9, |body| body.root.iter_mut().for_each(|root| root.0[3] ^= 4));
    cover(&folder, 0);
    bench.ok("journal verify w");
    let report = bench.json("journal replay w --json", 1);
    assert_eq!((&report["divergence"]["tick"], &report["proven_tick"]), (&Value::from(8), &Value::from(7)));
    assert_eq!(report["divergence"]["witness"], "the record of tick 9");
    // What comes after the stretch proves it too.
    assert_eq!(bench.json("journal replay w --to 8 --json", 1)["divergence"]["tick"], 8);
    bench.ok("journal replay w --to 7");
}

#[test]
fn a_root_that_contradicts_a_world() {
    let prove = |w: &Path| {
        rewrite(w, 1, |body| body.root.iter_mut().for_each(|root| root.0[3] ^= 4));
    };
    damaged(d20(), prove, "record", Some(1), &["the roots of tick 0 contradict each other"]);
}

#[test]
fn a_record_without_a_root() {
    let words = ["the records of ticks 9 to 9 carry no root"];
    damaged(d20(), |w| rewrite(w, 9, |body| body.root = None), "root", Some(9), &words);
}

#[test]
fn a_frame_that_nobody_writes() {
    let scramble = |w: &Path| {
        rewrite(w, 9, |body| {
            let mut frame = body.frame.to_vec();
            frame[24] ^= 0x40;
            body.frame = frame.into();
        });
    };
    damaged(d20(), scramble, "frame", Some(9), &["the frame of tick 9 cannot be read"]);
    let bench = Bench::new();
    scramble(&bench.copy(d20(), "w"));
    bench.refused("journal replay w", &["the frame of tick 9 cannot be read"]);
    bench.refused("journal export w", &["the frame of tick 9 cannot be read"]);
}

#[test]
fn a_claim_that_comes_back() {
    let words = ["the record of tick 9 is of epoch 7, and 1 is in force"];
    damaged(d20(), |w| rewrite(w, 9, |body| body.epoch = Epoch(7)), "epoch", Some(9), &words);
}

#[test]
fn a_page_that_is_damaged_or_gone() {
    let last = last(d20());
    let page = page_of(d20(), last);
    let words = [&*format!("the snapshot of tick {last}: damaged: the bytes do not have their hash"), "goes on from"];
    damaged(d20(), |w| alter(w, PAGES, &page, flip), "snapshot", Some(last), &words);
    let words = [&*format!("the snapshot of tick {last}: missing")];
    damaged(d20(), |w| remove(w, PAGES, &page), "snapshot", Some(last), &words);
}

#[test]
fn a_world_before_a_damaged_one_is_used() {
    let bench = Bench::new();
    let folder = bench.copy(d20(), "w");
    // The page of the first world alone: another one begins there, or nothing does.
    let page = page_of(d20(), 0);
    alter(&folder, PAGES, &page, flip);
    let ran = bench.run("journal replay w --from 1");
    assert!(ran.out.contains("the snapshot of tick 0 cannot be used"), "{}{}", ran.out, ran.err);
    assert_eq!(ran.code, 0, "the beginning is laid out anew: {}{}", ran.out, ran.err);
}

#[test]
fn a_manifest_that_is_damaged() {
    let words = ["the snapshot of tick 0: damaged"];
    damaged(d20(), |w| alter(w, MANIFESTS, 0, flip), "snapshot", Some(0), &words);
}

/// The id of the only pack.
fn pack(store: &Path) -> [u8; 32] {
    let bench = Bench::new();
    let mut id = [0; 32];
    edit(&bench.copy(store, "w"), |transaction| {
        let table = transaction.open_table(PACKS).expect("it is there");
        let (key, _) = table.first().expect("it can be read").expect("the world uses one");
        id = *key.value();
    });
    id
}

#[test]
fn content_that_is_damaged_or_gone() {
    let id = pack(d20());
    damaged(d20(), |w| alter(w, PACKS, &id, flip), "pack", None, &["content pack", "damaged"]);
    let words = ["tick 0 is stored with content pack", "missing or damaged"];
    damaged(d20(), |w| remove(w, PACKS, &id), "content", Some(0), &words);
    let bench = Bench::new();
    remove(&bench.copy(d20(), "w"), PACKS, &id);
    bench.refused("journal replay w", &["which the world uses: missing", "journal verify w"]);
}

#[test]
fn a_header_that_is_damaged() {
    let bench = Bench::new();
    alter(&bench.copy(d20(), "w"), META, "header", flip);
    for line in ["info w", "verify w", "replay w"] {
        bench.refused(&format!("journal {line}"), &["the journal's header is damaged", "from a copy"]);
    }
}

#[test]
fn a_file_whose_end_is_gone() {
    let bench = Bench::new();
    let folder = bench.copy(d20(), "w");
    let bytes = bench.read("w/world.redb");
    std::fs::write(folder.join("world.redb"), &bytes[..bytes.len() / 3]).expect("it can be written");
    bench.refused("journal verify w", &["w: ", "help"]);
}
