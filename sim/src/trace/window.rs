//! [`Window`]: a piece of the source in memory, so that reading record by record is not reading byte by byte.
//!
//! Invariant: holds at most [`WINDOW_BYTES`] or one record, and never asks the source for bytes past its end.

use alloc::vec::Vec;

use super::{
    Source, TraceError,
    error::Damage,
    record::{CHECK_BYTES, FRAMING_BYTES, HEAD_BYTES, Kind, Record, body_bytes_max, check},
};

const WINDOW_BYTES: usize = 64 * 1024;

pub(super) struct Window<S> {
    source: S,
    length: u64,
    buffer: Vec<u8>,
    start: u64,
}

/// Kind and length of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// `None` for one that may be skipped and is not known.
    pub(super) kind: Option<Kind>,
    /// Where the next record begins.
    pub(super) next: u64,
    total: u64,
}

impl<S: Source> Window<S> {
    pub(super) fn new(mut source: S) -> Result<Self, TraceError<S::Error>> {
        let length = source.len().map_err(TraceError::Source)?;
        Ok(Self { source, length, buffer: Vec::new(), start: 0 })
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// `count` bytes from `at` on; `None` where the file ends before.
    pub(super) fn bytes(&mut self, at: u64, count: u64) -> Result<Option<&[u8]>, TraceError<S::Error>> {
        let Some(end) = at.checked_add(count).filter(|end| *end <= self.length) else { return Ok(None) };
        let held = self.start..self.start.saturating_add(self.buffer.len() as u64);
        if at < held.start || end > held.end {
            let wanted = count.max(WINDOW_BYTES as u64).min(self.length.saturating_sub(at));
            self.buffer.clear();
            self.buffer.shrink_to(WINDOW_BYTES);
            self.buffer.resize(usize::try_from(wanted).expect("a record is within its limit"), 0);
            self.start = at;
            if let Err(error) = self.source.read_at(at, &mut self.buffer) {
                self.buffer.clear();
                return Err(TraceError::Source(error));
            }
        }
        let within = |offset: u64| usize::try_from(offset.saturating_sub(self.start)).expect("within the buffer");
        Ok(Some(&self.buffer[within(at)..within(end)]))
    }

    /// The head of the record at `at`, which must end at or before `end`.
    pub(super) fn head(&mut self, at: u64, end: u64) -> Result<Head, TraceError<S::Error>> {
        let damaged = |damage| TraceError::Damaged { at, damage };
        let left = end.min(self.length).saturating_sub(at);
        if left < FRAMING_BYTES {
            return Err(damaged(Damage::Short));
        }
        let bytes = self.bytes(at, HEAD_BYTES as u64)?.ok_or(damaged(Damage::Short))?;
        let kind_byte = bytes[0];
        let length = u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
        if length > body_bytes_max(kind_byte) {
            return Err(damaged(Damage::Length { bytes: length }));
        }
        let total = u64::from(length) + FRAMING_BYTES;
        if total > left {
            return Err(damaged(Damage::Short));
        }
        let kind = Kind::of(kind_byte);
        if kind.is_err() && self.record_bytes(at, total)?.is_none() {
            // A flipped bit in the kind of a known record is damage, not news from a newer build.
            return Err(damaged(Damage::Check));
        }
        let kind = kind.map_err(|kind| TraceError::Kind { at, kind })?;
        Ok(Head { kind, next: at.saturating_add(total), total })
    }

    /// The whole record at `at`, checked.
    pub(super) fn record(&mut self, at: u64, end: u64) -> Result<(Option<Record<'_>>, u64), TraceError<S::Error>> {
        let head = self.head(at, end)?;
        let body = self.record_bytes(at, head.total)?.ok_or(TraceError::Damaged { at, damage: Damage::Check })?;
        Ok((head.kind.map(|kind| Record { kind, body }), head.next))
    }

    /// The body of the record at `at`, its check not verified.
    pub(super) fn unchecked_body(&mut self, at: u64, head: &Head) -> Result<&[u8], TraceError<S::Error>> {
        let bytes = self.bytes(at, head.total)?.ok_or(TraceError::Damaged { at, damage: Damage::Short })?;
        Ok(&bytes[HEAD_BYTES..bytes.len().saturating_sub(CHECK_BYTES)])
    }

    /// The body of the record of `total` bytes at `at`; `None` where its check does not hold.
    fn record_bytes(&mut self, at: u64, total: u64) -> Result<Option<&[u8]>, TraceError<S::Error>> {
        let bytes = self.bytes(at, total)?.ok_or(TraceError::Damaged { at, damage: Damage::Short })?;
        let (checked, found) = bytes.split_at(bytes.len().saturating_sub(CHECK_BYTES));
        Ok((check(checked) == *found).then_some(&checked[HEAD_BYTES..]))
    }
}
