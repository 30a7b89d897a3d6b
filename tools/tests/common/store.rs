//! Stores of real servers, and ways to damage a copy of one.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use redb::{Database, ReadableTable as _, TableDefinition};
use tickworld_ledger::Ledger;
use tickworld_persist::{
    ClaimRecord, Claimant, Durability, JournalHeader, LogPosition, Page, Record, Slot, Snapshot, TickRecord, WallTime,
    Why, WorldId,
    embedded::{Core, Files, ReadOnly, Settings},
};
use tickworld_sim::{
    content::ContentId,
    executor::Inline,
    frame::{InputFrame, Tick},
    game::Game as _,
    hash::{Hash, hash},
    region::RegionId,
    rng::Entropy,
    snapshot::Manifest,
    trace::Start,
    world::{World, schema},
};

use super::Bench;

/// The tables of docs/FORMATS.md, "Database".
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(crate) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
pub(crate) const PAGES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("pages");
pub(crate) const MANIFESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("manifests");
pub(crate) const PACKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("packs");

/// Where the record of a tick stands in the journal of a server that was started once.
pub(crate) const fn slot(tick: u64) -> u64 {
    tick + 1
}

/// A d20 world that bots played in for two seconds; its server ended in good order.
pub(crate) fn d20() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| made("d20", "play skirmish --bots 8 --seconds 2"))
}

/// A ledger that clerks used for a second; its server ended in good order.
pub(crate) fn ledger() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| made("ledger", "load --sessions 2 --in-flight 3 --accounts 60 --seconds 1"))
}

/// Where cargo lets tests keep files: what a run leaves there, the next one removes.
fn made(name: &str, line: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("nobody else uses it");
    }
    Bench::new().ok(&format!("{line} --data {}", folder.display()));
    folder
}

/// A ledger of many pages with so many snapshots of them: little to keep, and long to read.
pub(crate) fn of_many_snapshots(folder: &Path, snapshots: u64) {
    fs::create_dir_all(folder).expect("the scratch folder can be written to");
    let mut store = Core::open(Files::new(folder), Settings::default()).expect("a new store");
    let mut simulation = Ledger::open(100_000, 1);
    let roots = simulation.seal(&Inline);
    let header = JournalHeader {
        world: WorldId([9; 16]),
        region: Some(RegionId::FIRST),
        revision: Ledger::REVISION,
        tick_rate: 30,
        root_lag_ticks: 1,
        start: Start { tick: Tick(0), root: roots.root, content: ContentId::NONE },
        schema: (**simulation.schema()).clone(),
    };
    store.create(&header).expect("there is none yet");
    let by = Claimant::default();
    let log = store.log_state().expect("it was begun just now");
    let claim = log.claim_after(log.last, Why::TakeOver, false, &by).expect("no name at all");
    let claim = store.claim(&claim).expect("nobody else has it");
    let (mut last, mut root) = (claim.last, roots.root);
    for tick in (1..=snapshots).map(Tick) {
        let frame = InputFrame::empty(tick, Entropy::from_bytes([5; 16]));
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let (slot, epoch, previous_hash, wall) = (last.slot.next(), claim.epoch, last.record_hash, WallTime(0));
        let record = TickRecord { slot, epoch, previous_hash, wall, count: 1, root: Some(root), frame: bytes.into() };
        let record = Record::new(record).expect("a record of that tick");
        last = record.position();
        let kept = store.append(&[record], Durability::Memory).expect("it follows from the one before");
        assert_eq!(kept.kept, tick);
        root = simulation.step(&frame, &Inline).expect("the frame of that tick").root;
        let manifest = Manifest::of(simulation.world(), schema::<Ledger>().id());
        put_pages(&mut store, simulation.world(), &manifest);
        store
            .put_manifest(&Snapshot { slot: last.slot, record_hash: last.record_hash, manifest })
            .expect("its pages are there");
    }
    let log = store.log_state().expect("it is whole");
    let end = log.claim_after(log.last, Why::End, false, &by).expect("no name at all");
    store.claim(&end).expect("the claim is in force");
    drop(store.close());
}

/// Puts those pages of a world that are not there yet.
fn put_pages(store: &mut Core<Files>, world: &World<Ledger>, manifest: &Manifest) {
    for ((_, column), entries) in world.column_list().iter().zip(&manifest.columns) {
        for entry in entries {
            if store.missing(&[entry.hash]).expect("it can be read").is_empty() {
                continue;
            }
            let mut bytes = Vec::new();
            assert!(column.page_bytes(entry.page, &mut bytes), "the manifest names it");
            store.put_pages(&[Page { hash: entry.hash, bytes: bytes.into() }]).expect("it can be written");
        }
    }
}

impl Bench {
    /// A copy of a store, to be damaged.
    pub(crate) fn copy(&self, from: &Path, name: &str) -> PathBuf {
        let to = self.path(name);
        fs::create_dir_all(&to).expect("the scratch folder can be written to");
        for (file, bytes) in contents(from) {
            fs::write(to.join(file), bytes).expect("the scratch folder can be written to");
        }
        to
    }
}

/// Every file of a folder.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry of it"));
    let file = |path: PathBuf| fs::read(path).expect("a file");
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), file(entry.path()))).collect()
}

/// Changes rows of a store as nobody should.
pub(crate) fn edit(folder: &Path, work: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(folder.join("world.redb")).expect("it is a database");
    let transaction = database.begin_write().expect("nobody else writes");
    work(&transaction);
    transaction.commit().expect("the scratch folder can be written to");
}

/// Changes the row of a key.
pub(crate) fn alter<K: redb::Key + 'static>(
    folder: &Path,
    table: TableDefinition<'_, K, &'static [u8]>,
    key: K::SelfType<'_>,
    change: impl FnOnce(&mut Vec<u8>),
) {
    edit(folder, |transaction| {
        let mut table = transaction.open_table(table).expect("it is there");
        let row = table.get(&key).expect("it can be read").map(|row| row.value().to_vec());
        let mut row = row.expect("there is such a row");
        change(&mut row);
        table.insert(&key, row.as_slice()).expect("it can be written");
    });
}

/// Removes the row of a key.
pub(crate) fn remove<K: redb::Key + 'static>(
    folder: &Path,
    table: TableDefinition<'_, K, &'static [u8]>,
    key: K::SelfType<'_>,
) {
    edit(folder, |transaction| {
        let removed =
            transaction.open_table(table).expect("it is there").remove(&key).expect("it can be written").is_some();
        assert!(removed, "there was such a row");
    });
}

/// Flips a bit in the middle.
#[expect(clippy::ptr_arg, reason = "handed to `alter` as it is, whose changes may make a row longer")]
pub(crate) fn flip(row: &mut Vec<u8>) {
    let middle = row.len() / 2;
    row[middle] ^= 0x10;
}

/// The hash of the first page that a snapshot names.
pub(crate) fn page_of(folder: &Path, tick: u64) -> [u8; 32] {
    let mut store = Core::open(ReadOnly::new(folder), Settings::default()).expect("it is a store");
    let snapshot = store.manifest(Tick(tick)).expect("it is whole").expect("it is there");
    snapshot.manifest.columns.iter().flatten().next().expect("a world has pages").hash.0
}

/// The record of a tick.
pub(crate) fn record(folder: &Path, tick: u64) -> Record {
    let mut store = Core::open(ReadOnly::new(folder), Settings::default()).expect("it is a store");
    store.record(Slot(slot(tick))).expect("it can be read").expect("it is whole")
}

/// Changes what the record of `tick` says, and makes all later ones follow from it: the chain shows nothing.
pub(crate) fn rewrite(folder: &Path, tick: u64, change: impl FnOnce(&mut TickRecord)) {
    let mut change = Some(change);
    edit(folder, |transaction| {
        let mut table = transaction.open_table(RECORDS).expect("it is there");
        let rows = table.range(slot(tick)..).expect("it can be read").map(|row| row.expect("it can be read"));
        let records: Vec<Record> = rows.map(|(_, row)| Record::decode(row.value()).expect("it is whole")).collect();
        let mut before: Option<LogPosition> = None;
        for record in records {
            let key = record.slot().0;
            let record = match (record.as_tick(), record.as_claim()) {
                (Some(own), _) => {
                    let mut own = own.clone();
                    own.previous_hash = before.map_or(own.previous_hash, |before| before.record_hash);
                    if let Some(change) = change.take() {
                        change(&mut own);
                    }
                    Record::new(own)
                }
                (None, Some(own)) => Record::claim(ClaimRecord { after: before.unwrap_or(own.after), ..own.clone() }),
                (None, None) => unreachable!("it is one or the other"),
            };
            let record = record.expect("a record of that slot");
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            table.insert(key, bytes.as_slice()).expect("it can be written");
            before = Some(record.position());
        }
    });
}

/// Takes away what else than the chain tells that a history was rewritten: the watermark, and later snapshots.
pub(crate) fn cover(folder: &Path, after: u64) {
    fs::remove_file(folder.join("world.mark")).expect("a server writes one");
    edit(folder, |transaction| {
        let mut table = transaction.open_table(MANIFESTS).expect("it is there");
        table.retain(|tick, _| tick <= after).expect("it can be written");
    });
}

/// A ledger's store of format 1, as earlier builds wrote it: docs/FORMATS.md is all that this goes by.
pub(crate) fn of_format_1(folder: &Path, ticks: u64) {
    fs::create_dir_all(folder).expect("the scratch folder can be written to");
    let mut simulation = Ledger::open(60, 1_000);
    let mut root = simulation.seal(&Inline).root;
    let schema = (**simulation.schema()).clone();
    let mut header = [&b"TWJRNL\r\n"[..], &[1, 0], &[9; 16], &Ledger::REVISION.to_le_bytes(), &[30, 0, 1]].concat();
    header.extend_from_slice(&[&0_u64.to_le_bytes()[..], &root.0, &[0; 32]].concat());
    let encoded = schema.encode();
    header.extend_from_slice(&u32::try_from(encoded.len()).expect("a short schema").to_le_bytes());
    header.extend_from_slice(&encoded);
    let mut link = named(b"tickworld.journal.header.1", &header);
    let database = Database::create(folder.join("world.redb")).expect("a new file");
    let transaction = database.begin_write().expect("nobody else writes");
    let keep = |world: &World<Ledger>, link: Hash| {
        let manifest = Manifest::of(world, schema.id());
        let mut pages = transaction.open_table(PAGES).expect("it can be made");
        for ((_, column), entries) in world.column_list().iter().zip(&manifest.columns) {
            for entry in entries {
                let mut bytes = Vec::new();
                assert!(column.page_bytes(entry.page, &mut bytes), "the manifest names it");
                pages.insert(&entry.hash.0, bytes.as_slice()).expect("it can be written");
            }
        }
        let tick = manifest.head.tick.0;
        let mut row = link.0.to_vec();
        manifest.encode(&mut row);
        let mut manifests = transaction.open_table(MANIFESTS).expect("it can be made");
        manifests.insert(tick, checked(&tick.to_le_bytes(), row).as_slice()).expect("it can be written");
    };
    keep(simulation.world(), link);
    for tick in 1..=ticks {
        let frame = [&tick.to_le_bytes()[..], &[7; 16], &[0; 4]].concat();
        let mut record = [&b"TWRECORD"[..], &[1, 0], &tick.to_le_bytes(), &1_u64.to_le_bytes(), &link.0].concat();
        record.extend_from_slice(&[&0_u64.to_le_bytes()[..], &[1], &(tick - 1).to_le_bytes(), &root.0].concat());
        record.extend_from_slice(&[&28_u32.to_le_bytes()[..], &frame].concat());
        link = named(b"tickworld.journal.record.1", &record);
        record.extend_from_slice(&link.0);
        let mut records = transaction.open_table(RECORDS).expect("it can be made");
        records.insert(tick, record.as_slice()).expect("it can be written");
        let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([7; 16]));
        root = simulation.step(&frame, &Inline).expect("the frame of that tick").root;
    }
    keep(simulation.world(), link);
    {
        let state =
            [&1_u64.to_le_bytes()[..], &[1], &0_u64.to_le_bytes(), &named(b"tickworld.journal.header.1", &header).0];
        let mut meta = transaction.open_table(META).expect("it can be made");
        meta.insert("format", 1_u32.to_le_bytes().as_slice()).expect("it can be written");
        meta.insert("header", checked(b"header", header.clone()).as_slice()).expect("it can be written");
        meta.insert("state", checked(b"state", state.concat()).as_slice()).expect("it can be written");
        transaction.open_table(PACKS).expect("it can be made");
    }
    transaction.commit().expect("the scratch folder can be written to");
    let mut mark =
        [&b"TWMARK\r\n"[..], &[1, 0], &2_u64.to_le_bytes(), &[9; 16], &ticks.to_le_bytes(), &link.0].concat();
    mark.extend_from_slice(&named(b"tickworld.watermark.1", &mark).0[..8]);
    fs::write(folder.join("world.mark"), mark).expect("the scratch folder can be written to");
}

/// BLAKE3 over a name, its length before it, and bytes.
fn named(name: &[u8], bytes: &[u8]) -> Hash {
    let length = [u8::try_from(name.len()).expect("names are short")];
    hash(&[&length, name, bytes].concat())
}

/// A row with its check.
fn checked(key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let length = [u8::try_from(key.len()).expect("keys are short")];
    let check = named(b"tickworld.row.1", &[&length, key, &row].concat());
    row.extend_from_slice(&check.0[..8]);
    row
}
