//! [`Ticks`]: the tick records of a trace in order.
//!
//! Invariant: gives every tick from the first asked for to the last, or an error in its place; after an error nothing more.

use crate::frame::Tick;

use super::{
    Source, TickRecord, Trace, TraceError,
    error::{Damage, damaged},
    record::Kind,
};

/// Iterates over tick records.
pub struct Ticks<'t, S> {
    trace: &'t mut Trace<S>,
    next: Tick,
    /// Where to look for it; `None` before the first one.
    at: Option<u64>,
    failed: bool,
}

impl<S: Source> Ticks<'_, S> {
    fn read(&mut self) -> Result<TickRecord, TraceError<S::Error>> {
        let mut at = match self.at {
            Some(at) => at,
            None => self.trace.find_tick(self.next)?,
        };
        let columns = self.trace.schema().columns.len();
        loop {
            let end = self.trace.end;
            let head = self.trace.window.head(at, end)?;
            if head.kind == Some(Kind::Tick) {
                let (record, next) = self.trace.window.record(at, end)?;
                let body = record.map_or(&[][..], |record| record.body);
                let record = TickRecord::decode(body, columns).map_err(|e| damaged(at, e.into()))?;
                if record.tick != self.next {
                    return Err(damaged(at, Damage::Place("ticks must follow one another")));
                }
                self.at = Some(next);
                return Ok(record);
            }
            at = head.next;
        }
    }
}

/// A tick record whose check was not verified.
pub(crate) struct Unchecked<'a> {
    /// Where it begins.
    pub(crate) at: u64,
    /// Where the next record begins.
    pub(crate) next: u64,
    pub(crate) body: &'a [u8],
}

impl<S: Source> Trace<S> {
    /// Records from `first` to the last, in order.
    pub const fn ticks(&mut self, first: Tick) -> Ticks<'_, S> {
        Ticks { trace: self, next: first, at: None, failed: false }
    }
}

/// What a comparison of two traces goes by: records one after the other, read only where they differ.
impl<S: Source> Trace<S> {
    /// Where the records after the header begin.
    pub(crate) const fn records_at(&self) -> u64 {
        self.first_record
    }

    /// The first tick record at or after `at`.
    pub(crate) fn unchecked_tick(&mut self, mut at: u64) -> Result<Unchecked<'_>, TraceError<S::Error>> {
        let head = loop {
            let head = self.window.head(at, self.end)?;
            if head.kind == Some(Kind::Tick) {
                break head;
            }
            at = head.next;
        };
        Ok(Unchecked { at, next: head.next, body: self.window.unchecked_body(at, &head)? })
    }

    /// The record at `at`, which must be that of `tick`.
    pub(crate) fn tick_at(&mut self, at: u64, tick: Tick) -> Result<TickRecord, TraceError<S::Error>> {
        let record = self.tick_record(at)?;
        if record.tick == tick { Ok(record) } else { Err(damaged(at, Damage::Place("ticks must follow one another"))) }
    }
}

impl<S: Source> Iterator for Ticks<'_, S> {
    type Item = Result<TickRecord, TraceError<S::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.next > self.trace.last() {
            return None;
        }
        let record = self.read();
        self.failed = record.is_err();
        self.next = self.next.next();
        Some(record)
    }
}
