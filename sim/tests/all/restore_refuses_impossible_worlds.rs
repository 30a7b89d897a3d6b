//! Whoever fetches a world from a stranger gets a world that a game can have made, or an error that says what is wrong.

use std::collections::BTreeMap;

use crate::arena::{Arena, Sim};
use tickworld_sim::{
    column::{PageEntry, column_root, table_hash},
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence},
    hash::{Hash, hash},
    limits,
    rng::Entropy,
    snapshot::{Manifest, RestoreError},
    world::World,
};

/// Rows of a column as bytes.
type Rows = BTreeMap<u32, Vec<u8>>;

/// A world taken apart into rows, to be changed and put together again; the page encoding here is written from
/// docs/FORMATS.md, not from the engine.
struct Parts {
    manifest: Manifest,
    columns: Vec<(String, u16, Rows)>,
}

impl Parts {
    fn of(sim: &Sim) -> Self {
        let manifest = Manifest::of(sim.world(), sim.schema_id());
        let mut columns = Vec::new();
        sim.world().columns(&mut |name, column| {
            let mut rows = Rows::new();
            for row in 0..column.page_limit() * u32::from(column.page_rows()) {
                let mut bytes = Vec::new();
                if column.row_bytes(row, &mut bytes) {
                    rows.insert(row, bytes);
                }
            }
            columns.push((name.to_owned(), column.page_rows(), rows));
        });
        Self { manifest, columns }
    }

    fn rows(&mut self, name: &str) -> &mut Rows {
        &mut self.columns.iter_mut().find(|(column, ..)| column == name).expect("a column of the arena").2
    }

    fn restore(&self) -> Result<World<Arena>, RestoreError> {
        let mut pages: BTreeMap<Hash, Vec<u8>> = BTreeMap::new();
        let mut manifest = self.manifest.clone();
        manifest.columns.clear();
        for (_, page_rows, rows) in &self.columns {
            let mut entries = Vec::new();
            for page in 0..=rows.keys().max().map_or(0, |last| last / u32::from(*page_rows)) {
                let first = page * u32::from(*page_rows);
                let own: Rows =
                    rows.range(first..first + u32::from(*page_rows)).map(|(r, b)| (*r, b.clone())).collect();
                if let Some(bytes) = encode_page(first, &own) {
                    entries.push(PageEntry { page, row_count: own.len() as u32, hash: hash(&bytes) });
                    pages.insert(hash(&bytes), bytes);
                }
            }
            manifest.columns.push(entries);
        }
        World::restore(&manifest, |entry| pages.get(&entry.hash).cloned())
    }
}

fn encode_page(first: u32, rows: &Rows) -> Option<Vec<u8>> {
    let words = (rows.keys().max()? - first) / 64 + 1;
    let mut bits = vec![0_u64; words as usize];
    for row in rows.keys() {
        bits[((row - first) / 64) as usize] |= 1 << ((row - first) % 64);
    }
    let mut bytes = Vec::new();
    if !rows.keys().copied().eq((first..).take(rows.len())) {
        bytes.push(words as u8);
        bits.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    }
    rows.values().for_each(|row| bytes.extend(row));
    Some(bytes)
}

fn sim() -> Sim {
    let mut sim = crate::arena::start();
    (0..60).for_each(|_| drop(crate::arena::step(&mut sim, 3)));
    sim
}

/// Changes a good world's rows and expects the refusal `column` cannot be: `what`.
fn refuses(change: impl FnOnce(&mut Parts), column: &str, what: &str) {
    let mut parts = Parts::of(&sim());
    change(&mut parts);
    match parts.restore() {
        Err(RestoreError::Impossible { column: c, what: w }) => assert_eq!((c.as_str(), w), (column, what)),
        Err(other) => panic!("expected `{what}`, got: {other}"),
        Ok(_) => panic!("expected `{what}`, but the world was taken"),
    }
}

fn word(value: u32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

#[test]
fn an_unchanged_world_is_taken() {
    let mut sim = sim();
    let mut world = Parts::of(&sim).restore().expect("a good world");
    assert_eq!(world.seal(sim.schema_id(), &Inline), sim.seal(&Inline));
    let roots = sim.seal(&Inline);
    let manifest = Manifest::of(sim.world(), sim.schema_id());
    let names = sim.schema().columns.iter().map(|column| column.name.clone());
    for ((name, entries), root) in names.zip(&manifest.columns).zip(&roots.columns) {
        assert_eq!(column_root(&name, table_hash(entries.iter().copied())), *root, "{name}");
    }
}

// A head is (first chunk, length), a chunk is (owner, mark and number of the next, three u16).
const NEXT: std::ops::Range<usize> = 4..9;

/// A row of `scars` with at least two chunks, and its head.
fn long_list(parts: &mut Parts) -> (u32, u32, u32) {
    let (row, head) = parts.rows("scars").iter().find(|(_, head)| head[4] > 3).expect("a long list");
    let field = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    (*row, field(0), field(4))
}

#[test]
fn broken_lists() {
    let head = |first: u32, len: u32| [word(first), word(len)].concat();
    refuses(
        |parts| {
            let (_, first, _) = long_list(parts);
            parts.rows("scars.chunks").remove(&first);
        },
        "scars",
        "a list names a chunk that is not there",
    );
    refuses(
        |parts| {
            let (_, first, _) = long_list(parts);
            let next = [vec![1], word(first)].concat();
            parts.rows("scars.chunks").get_mut(&first).expect("there")[NEXT].copy_from_slice(&next);
        },
        "scars",
        "a chunk is part of two lists, or twice of one",
    );
    refuses(
        |parts| {
            let (row, ..) = long_list(parts);
            let other = *parts.rows("scars").keys().find(|other| **other > row).expect("another list");
            let stolen = parts.rows("scars")[&row].clone();
            parts.rows("scars").insert(other, stolen);
        },
        "scars",
        "a chunk is part of two lists, or twice of one",
    );
    refuses(
        |parts| {
            let (_, first, _) = long_list(parts);
            parts.rows("scars.chunks").get_mut(&first).expect("there")[..4].copy_from_slice(&word(999_999));
        },
        "scars",
        "a chunk belongs to another entity than its list",
    );
    refuses(
        |parts| {
            let free = parts.rows("scars.chunks").keys().max().expect("chunks") + 5;
            let chunk = parts.rows("scars.chunks").values().next().expect("chunks").clone();
            parts.rows("scars.chunks").insert(free, chunk);
        },
        "scars",
        "a chunk is part of no list",
    );
    refuses(
        |parts| {
            let (row, first, len) = long_list(parts);
            parts.rows("scars").insert(row, head(first, len + 3));
        },
        "scars",
        "a list is longer than its chunks",
    );
    refuses(
        |parts| {
            let (row, first, _) = long_list(parts);
            parts.rows("scars").insert(row, head(first, 3));
        },
        "scars",
        "a list has more chunks than its length needs",
    );
    refuses(
        |parts| {
            let row = *parts.rows("scars").keys().next().expect("a list");
            let first = u32::from_le_bytes(parts.rows("scars")[&row][..4].try_into().expect("four bytes"));
            parts.rows("scars").insert(row, head(first, 0));
        },
        "scars",
        "a list has more chunks than its length needs",
    );
    refuses(
        |parts| {
            let short = parts.rows("scars").iter().find(|(_, head)| head[4] % 3 != 0 && head[4] < 3).expect("one");
            let first = u32::from_le_bytes(short.1[..4].try_into().expect("four bytes"));
            *parts.rows("scars.chunks").get_mut(&first).expect("there").last_mut().expect("items") = 1;
        },
        "scars",
        "there is an item past the end of a list",
    );
}

#[test]
fn broken_entities() {
    refuses(
        |parts| {
            let row = *parts.rows("entities.alive").keys().next().expect("someone lives");
            parts.rows("entities.retired").insert(row, word(1));
        },
        "entities",
        "an index is alive and retired at once",
    );
    refuses(
        |parts| drop(parts.rows("entities.alive").insert(70_000, word(1))),
        "entities",
        "an index lies in a run that no band has",
    );
    refuses(
        |parts| drop(parts.rows("entities.retired").insert(70_000, word(1))),
        "entities",
        "an index lies in a run that no band has",
    );
    refuses(
        |parts| drop(parts.rows("entities.runs").insert(9, vec![1])),
        "entities",
        "runs are dealt out in order, without a gap",
    );
    refuses(
        |parts| (0..=limits::RUNS_MAX).for_each(|run| drop(parts.rows("entities.runs").insert(run, vec![1]))),
        "entities",
        "runs are dealt out in order, without a gap",
    );
    for column in ["entities.alive", "entities.retired"] {
        refuses(
            |parts| {
                let row = *parts.rows(column).keys().next().expect("someone lives, someone died");
                parts.rows(column).insert(row, word(0));
            },
            "entities",
            "generations count from 1",
        );
    }
}

#[test]
fn components_of_the_dead() {
    for (column, row_bytes) in [("position", 16), ("health", 4), ("stunned", 0), ("scars", 8)] {
        refuses(
            |parts| drop(parts.rows(column).insert(1023, vec![0; row_bytes])),
            column,
            "a row belongs to no living entity",
        );
    }
}

#[test]
fn broken_players() {
    let each = "each slot has another player, and none is the region";
    refuses(
        |parts| {
            let first = parts.rows("players.slots")[&0].clone();
            parts.rows("players.slots").insert(1, first);
        },
        "players.slots",
        each,
    );
    refuses(|parts| parts.rows("players.slots").get_mut(&0).expect("joined")[..8].fill(0), "players.slots", each);
    refuses(
        |parts| {
            let player = parts.rows("players.slots")[&0].clone();
            parts.rows("players.slots").insert(limits::PLAYERS_MAX, player);
        },
        "players.slots",
        "there are more players than a world remembers",
    );
    // A row is: id, entity (9), connected, generation (4), opened by (8), hops (8), departed to (5), away since (8), voids, barred.
    let left = "a player is as no act leaves one";
    refuses(|parts| parts.rows("players.slots").get_mut(&0).expect("joined")[51] = 3, "players.slots", left);
    refuses(
        |parts| {
            let player = parts.rows("players.slots").get_mut(&0).expect("joined");
            (player[7], player[17]) = (0x80, 1);
        },
        "players.slots",
        left,
    );
    let last = "each player has a last sequence, and nobody else has";
    refuses(|parts| drop(parts.rows("players.slots").remove(&0)), "players.sequences", last);
    refuses(|parts| drop(parts.rows("players.sequences").remove(&0)), "players.sequences", last);
    refuses(|parts| drop(parts.rows("players.sequences").insert(900, word(1))), "players.sequences", last);
    let what = "an outcome is of an input that was not applied";
    refuses(
        |parts| {
            let outcome = parts.rows("players.outcomes").values().next().expect("an input was applied").clone();
            parts.rows("players.outcomes").insert(limits::OUTCOMES_PER_PLAYER * 100, outcome);
        },
        "players.outcomes",
        what,
    );
    for sequence in [0, 1 << 30] {
        refuses(
            |parts| {
                let (_, outcome) = parts.rows("players.outcomes").iter_mut().next().expect("an input was applied");
                outcome[..4].copy_from_slice(&word(sequence));
            },
            "players.outcomes",
            what,
        );
    }
}

#[test]
fn broken_regions() {
    let counts = "regions and incarnations count from 1, and each tick raises the Lamport number";
    // A row is: id (4), incarnation (4), Lamport number (8).
    for field in [0..4, 4..8, 8..16] {
        refuses(|parts| parts.rows("region").get_mut(&0).expect("always there")[field].fill(0), "region", counts);
    }
    refuses(|parts| drop(parts.rows("region").remove(&0)), "region", "a resource has exactly one row");
    let neighbour = |region: u32, delivered: u8| {
        let mut row = vec![0; 53];
        row[..4].copy_from_slice(&word(region));
        row[25] = delivered;
        row
    };
    let known = "a neighbour is another region, stands once, and its numbers only rise";
    for rows in [vec![neighbour(1, 0)], vec![neighbour(2, 0), neighbour(2, 0)], vec![neighbour(2, 1)]] {
        refuses(|parts| parts.rows("neighbours").extend((0..).zip(rows)), "neighbours", known);
    }
    let mut parts = Parts::of(&sim());
    parts.rows("neighbours").extend([(0, neighbour(2, 0)), (7, neighbour(3, 0))]);
    assert_eq!(parts.restore().expect("two neighbours, with a gap").region().neighbours().count(), 2);
    let whole = "each entry of the outbox has its parcel, and there is no other";
    refuses(|parts| drop(parts.rows("outbox.entries").insert(0, vec![0; 37])), "outbox.entries", whole);
    refuses(
        |parts| drop(parts.rows("outbox.parcels").insert(0, [word(0), word(1)].concat())),
        "outbox.parcels",
        "a list names a chunk that is not there",
    );
    refuses(
        |parts| {
            parts.rows("outbox.parcels").insert(0, [word(0), word(1)].concat());
            parts.rows("outbox.parcels.chunks").insert(0, vec![0; 249]);
        },
        "outbox.entries",
        whole,
    );
}

/// In the very row that the sequence gives, so that nothing but the sequence is wrong.
#[test]
fn outcomes_of_inputs_that_never_were() {
    let restored_with = |sequence_of: fn(u32) -> u32| {
        let mut parts = Parts::of(&sim());
        let rows = parts.rows("players.outcomes");
        let (row, mut outcome) = rows.iter().next().map(|(row, bytes)| (*row, bytes.clone())).expect("one was applied");
        let sequence = sequence_of(u32::from_le_bytes(outcome[..4].try_into().expect("four bytes")));
        outcome[..4].copy_from_slice(&word(sequence));
        let first = row - row % limits::OUTCOMES_PER_PLAYER;
        rows.insert(first + sequence % limits::OUTCOMES_PER_PLAYER, outcome);
        parts.restore().map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(restored_with(|own| own), Ok(()));
    for sequence_of in [|own| own + (limits::OUTCOMES_PER_PLAYER << 20), |_| 0] {
        let error = restored_with(sequence_of).expect_err("no such input was applied");
        assert!(error.contains("an outcome is of an input that was not applied"), "{error}");
    }
}

#[test]
fn a_world_full_of_players_is_taken_and_takes_no_more() {
    let mut parts = Parts::of(&sim());
    let player = parts.rows("players.slots")[&0].clone();
    let known = parts.rows("players.slots").len() as u32;
    let most = limits::PLAYERS_MAX - limits::REQUESTER_SLOTS;
    for slot in known..most {
        // A player begins with their id.
        let id = (1_000_000 + u64::from(slot)).to_le_bytes();
        parts.rows("players.slots").insert(slot, [&id[..], &player[8..]].concat());
        parts.rows("players.sequences").insert(slot, word(0));
    }
    let world = parts.restore().expect("as many players as a world remembers");
    let mut sim = Sim::resume(sim().library().clone(), world);
    let join = |player| Input { player: PlayerId(player), sequence: Sequence(0), act: Act::ENTER };
    let tick = sim.world().tick().next();
    let inputs = vec![join(1_000_000 + u64::from(known)), join(1 << 62)];
    let frame = InputFrame::new(tick, Entropy::from_bytes([1; 16]), inputs);
    assert_eq!(sim.joins_refused(), 0);
    sim.step(&frame, &Inline).expect("a good frame");
    sim.step(&InputFrame { tick: tick.next(), ..frame }, &Inline).expect("a good frame");
    assert_eq!(sim.joins_refused(), 2, "once a tick");
    assert!(sim.world().players().find(PlayerId(1 << 62)).is_none());
    // Who makes requests is heard in a full world too, while there are slots that no player takes.
    let ask = |nth: u32, sequence| {
        let player = PlayerId(PlayerId::OPERATOR.0 + u64::from(nth));
        Input { player, sequence: Sequence(sequence), act: Act::Request(Request::Kick(PlayerId(1_000_000))) }
    };
    let asked: Vec<_> = (0..=limits::REQUESTER_SLOTS).map(|nth| ask(nth, 1)).collect();
    let tick = tick.next().next();
    sim.step(&InputFrame::new(tick, Entropy::from_bytes([1; 16]), asked), &Inline).expect("a good frame");
    let is_answered = |nth: u32| {
        let player = PlayerId(PlayerId::OPERATOR.0 + u64::from(nth));
        sim.world().players().outcome(player, Sequence(1)).is_some()
    };
    assert!((0..limits::REQUESTER_SLOTS).all(is_answered) && !is_answered(limits::REQUESTER_SLOTS));
}

#[test]
fn broken_events_and_resources() {
    let what = "events are numbered without a gap, and none is dropped before the list is full";
    refuses(
        |parts| {
            let event = parts.rows("events.list").values().next().cloned().unwrap_or(vec![1; 21]);
            parts.rows("events.list").insert(500, event);
        },
        "events.list",
        what,
    );
    refuses(|parts| drop(parts.rows("events.dropped").insert(0, word(1))), "events.list", what);
    refuses(|parts| drop(parts.rows("weather").remove(&0)), "weather", "a resource has exactly one row");
    refuses(|parts| drop(parts.rows("weather").insert(1, vec![0; 8])), "weather", "a resource has exactly one row");
}

/// All indices belong to a band in which the arena makes nobody.
#[test]
fn a_world_without_room_is_taken_and_counts_whom_it_refuses() {
    let mut parts = Parts::of(&sim());
    (0..limits::RUNS_MAX).for_each(|run| drop(parts.rows("entities.runs").insert(run, vec![9])));
    let mut sim = Sim::resume(sim().library().clone(), parts.restore().expect("every run is dealt out"));
    assert_eq!(sim.spawns_refused(), 0);
    let living = sim.state().entities.len();
    (0..12).for_each(|_| drop(crate::arena::step(&mut sim, 3)));
    assert!(sim.spawns_refused() > 1 && sim.state().entities.len() <= living, "{}", sim.spawns_refused());
}

/// An index whose generations are used up is passed over, never given out again.
#[test]
fn the_last_generation() {
    let mut parts = Parts::of(&sim());
    let row = *parts.rows("entities.retired").keys().next().expect("someone died");
    parts.rows("entities.retired").insert(row, word(u32::MAX));
    let mut world = parts.restore().expect("nothing is wrong with old age");
    let realm = world.state_mut();
    for band in 0..3 {
        for _ in 0..100 {
            let entity = tickworld_sim::State::spawn(realm, tickworld_sim::entity::Band(band)).expect("room");
            assert_ne!(entity.index(), row);
        }
    }
}
