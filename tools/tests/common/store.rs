//! Stores of real servers, and ways to damage a copy of one.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use redb::{Database, ReadableTable as _, TableDefinition};
use tickworld_persist::{
    Body, Record,
    embedded::{Core, ReadOnly, Settings},
};
use tickworld_sim::frame::Tick;

use super::Bench;

/// docs/FORMATS.md, "Embedded store".
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(crate) const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
pub(crate) const PAGES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("pages");
pub(crate) const MANIFESTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("manifests");
pub(crate) const PACKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("packs");

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
    store.read_records(Tick(tick), 0).expect("it is whole").swap_remove(0)
}

/// Changes what the record of `tick` says, and makes all later ones follow from it: the chain shows nothing.
pub(crate) fn rewrite(folder: &Path, tick: u64, change: impl FnOnce(&mut Body)) {
    let mut change = Some(change);
    edit(folder, |transaction| {
        let mut table = transaction.open_table(RECORDS).expect("it is there");
        let rows = table.range(tick..).expect("it can be read").map(|row| row.expect("it can be read"));
        let records: Vec<Record> = rows.map(|(_, row)| Record::decode(row.value()).expect("it is whole")).collect();
        let mut link = None;
        for record in records {
            let mut body = record.body().clone();
            body.previous_hash = link.unwrap_or(body.previous_hash);
            if let Some(change) = change.take() {
                change(&mut body);
            }
            let record = Record::new(body).expect("a record of that tick");
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            table.insert(record.tick().0, bytes.as_slice()).expect("it can be written");
            link = Some(record.hash());
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
