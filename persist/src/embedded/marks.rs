//! The marks' calls on [`Core`].
//!
//! Invariant: each is one commit. A row that is damaged is no mark: whoever was to be kept from a tick panics in it once more.

use redb::{ReadableTable as _, ReadableTableMetadata as _, TableDefinition};
use tickworld_sim::{bytes::Reader, component::DecodeError, hash::Hash};

use super::{
    Core, StorageBackend,
    rows::{ATTEMPTS, MARKS, checked, unchecked},
};
use crate::{
    error::Fault,
    limits,
    marks::{Attempts, BuildId, Mark},
    position::Epoch,
};

impl<B: StorageBackend> Core<B> {
    /// See [`Marks::mark`](crate::Marks::mark).
    ///
    /// # Errors
    /// See there; so for all that follow.
    pub fn mark(&mut self, mark: &Mark) -> Result<(), Fault> {
        let (key, row) = (key_of(mark), encode(mark));
        self.noted(|txn| {
            let mut table = txn.open_table(MARKS)?;
            if table.len()? >= limits::MARKS_MAX && table.get(&key)?.is_none() {
                table.retain(|found, _| found[..32] == mark.record_hash.0)?;
            }
            table.insert(&key, row.as_slice())?;
            Ok(())
        })
    }

    /// Carries out [`Marks::marks`](crate::Marks::marks).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn marks(&mut self) -> Result<Vec<Mark>, Fault> {
        self.notes(MARKS, decode)
    }

    /// Carries out [`Marks::attempt`](crate::Marks::attempt).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn attempt(&mut self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        let before = self.attempts()?.into_iter().find(|it| it.build == build && it.record_hash == record_hash);
        let count = before.map_or(0, |it| it.count).saturating_add(1);
        let mut row = record_hash.0.to_vec();
        row.extend_from_slice(&count.to_le_bytes());
        let row = checked(&build.0, row);
        self.noted(|txn| {
            let mut table = txn.open_table(ATTEMPTS)?;
            table.retain(|_, row| row.get(..32) == Some(&record_hash.0[..]))?;
            table.insert(&build.0, row.as_slice())?;
            Ok(())
        })?;
        Ok(count)
    }

    /// Carries out [`Marks::attempts`](crate::Marks::attempts).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn attempts(&mut self) -> Result<Vec<Attempts>, Fault> {
        self.notes(ATTEMPTS, decode_attempts)
    }

    /// Everything in a table that is not damaged; nothing where it was not made yet.
    fn notes<const KEY: usize, T>(
        &mut self,
        table: TableDefinition<'_, &'static [u8; KEY], &'static [u8]>,
        decode: fn(&[u8; KEY], &[u8]) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, Fault> {
        self.guarded(|core| {
            core.read(|txn| {
                let table = match txn.open_table(table) {
                    Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                    table => table?,
                };
                let mut notes = Vec::new();
                for row in table.iter()? {
                    let (key, value) = row?;
                    notes.extend(decode(key.value(), value.value()).ok());
                }
                Ok(notes)
            })
        })
    }

    /// Carries out [`Marks::forget_attempts`](crate::Marks::forget_attempts).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn forget_attempts(&mut self) -> Result<(), Fault> {
        self.noted(|txn| Ok(txn.open_table(ATTEMPTS)?.retain(|_, _| false)?))
    }
}

fn key_of(mark: &Mark) -> [u8; 48] {
    let mut key = [0; 48];
    key[..32].copy_from_slice(&mark.record_hash.0);
    key[32..].copy_from_slice(&mark.build.0);
    key
}

fn encode(mark: &Mark) -> Vec<u8> {
    let mut row = vec![u8::from(mark.epoch.is_some())];
    row.extend_from_slice(&mark.epoch.unwrap_or_default().0.to_le_bytes());
    let length = u16::try_from(mark.message.len()).expect("a mark holds no longer message");
    row.extend_from_slice(&length.to_le_bytes());
    row.extend_from_slice(mark.message.as_bytes());
    checked(&key_of(mark), row)
}

fn decode(key: &[u8; 48], row: &[u8]) -> Result<Mark, DecodeError> {
    let mut reader = Reader::new(unchecked(key, row)?);
    let epoch: Option<u64> = reader.value()?;
    let length: u16 = reader.value()?;
    let message = String::from_utf8_lossy(reader.take(usize::from(length))?).into_owned();
    reader.end()?;
    let (record, build) = key.split_at(32);
    let record_hash = Hash(record.try_into().expect("32 bytes"));
    let build = BuildId(build.try_into().expect("48 less 32"));
    Ok(Mark { record_hash, build, epoch: epoch.map(Epoch), message })
}

fn decode_attempts(key: &[u8; 16], row: &[u8]) -> Result<Attempts, DecodeError> {
    let mut reader = Reader::new(unchecked(key, row)?);
    let attempts = Attempts { build: BuildId(*key), record_hash: Hash(reader.value()?), count: reader.value()? };
    reader.end()?;
    Ok(attempts)
}
