//! Reading a trace without its index: every record once, up to the first one that cannot be used.
//!
//! Invariant: what a scan accepts is what a recorder writes, as far as that shows without the pages; the index that it makes
//! equals the recorder's. It trusts nothing that an index or a seal says: both are compared with the records before them.

use alloc::vec::Vec;

use crate::{bytes::Reader, frame::Tick};

use super::{
    Chain, Source, TraceError,
    error::{Damage, damaged},
    index::{Entry, Index},
    packs::ContentPiece,
    record::{Kind, Record},
    seal::{SEAL_RECORD_BYTES, Seal},
    tick::TickRecord,
    window::Window,
};

/// A scan under way.
pub(super) struct Scan {
    pub(super) index: Index,
    /// The link of the last tick, as its record says.
    chain: Chain,
    /// Where the index record began, once it came.
    pub(super) index_at: Option<u64>,
    pub(super) is_sealed: bool,
}

/// Where a scan ended.
pub(super) struct Scanned {
    pub(super) scan: Scan,
    /// Where the records end that can be used.
    pub(super) end: u64,
    /// What is wrong with the record there; `None` where the recording was broken off.
    pub(super) refused: Option<Damage>,
}

impl Scan {
    pub(super) const fn new(start: Tick, chain: Chain) -> Self {
        Self { index: Index::new(start), chain, index_at: None, is_sealed: false }
    }

    /// Goes through the records from `at` on.
    pub(super) fn run<S: Source>(
        mut self,
        window: &mut Window<S>,
        mut at: u64,
    ) -> Result<Scanned, TraceError<S::Error>> {
        let length = window.length();
        let mut refused = None;
        while at < length {
            let (record, next) = match window.record(at, length) {
                Ok(read) => read,
                Err(error @ (TraceError::Source(_) | TraceError::Kind { .. })) => return Err(error),
                Err(TraceError::Damaged { damage, .. }) => {
                    refused = if goes_on(window, at)? { Some(damage) } else { None };
                    break;
                }
                Err(_) => break,
            };
            let checked = match record {
                Some(record) => self.record::<S::Error>(record, at, next == length),
                // A seal stands right behind its index.
                None if self.index_at.is_some() => Err(misplaced(at)),
                None => Ok(()),
            };
            if let Err(error) = checked {
                if let TraceError::Damaged { damage, .. } = error {
                    refused = Some(damage);
                }
                break;
            }
            at = next;
        }
        let end = self.index_at.filter(|_| self.is_sealed).unwrap_or(at);
        Ok(Scanned { scan: self, end, refused })
    }

    fn record<E>(&mut self, record: Record<'_>, at: u64, is_last: bool) -> Result<(), TraceError<E>> {
        let Record { kind, body } = record;
        let malformed = |error: crate::component::DecodeError| damaged(at, error.into());
        if self.index_at.is_some() && kind != Kind::Seal {
            return Err(misplaced(at));
        }
        let last = self.index.last();
        let good = match kind {
            Kind::Tick => {
                if TickRecord::decode_tick(body).map_err(malformed)? != last.next() {
                    return Err(damaged(at, Damage::Place("ticks must follow one another")));
                }
                self.chain = body.get(Chain::PLACE).and_then(Chain::of_bytes).unwrap_or(self.chain);
                self.index.add_tick(at);
                true
            }
            Kind::Keyframe | Kind::Evidence | Kind::Stages | Kind::Mismatch => {
                let skip = if matches!(kind, Kind::Keyframe | Kind::Evidence) { 4 } else { 0 };
                let mut reader = Reader::new(body.get(skip..).unwrap_or_default());
                let tick = Tick(reader.value().map_err(malformed)?);
                let rising = self.index.keyframes().last().is_none_or(|last| last.tick < tick);
                tick <= last && (kind != Kind::Keyframe || rising) && self.index.add_entry(Entry { kind, tick, at })
            }
            Kind::Content => {
                let piece = ContentPiece::decode(body).map_err(malformed)?;
                piece.offset != 0 || self.index.add_content(piece.id, at)
            }
            Kind::Page => true,
            Kind::Index => {
                check_index(&self.index, at, body)?;
                self.index_at = Some(at);
                true
            }
            Kind::Seal => {
                let seal = Seal::decode(body).map_err(malformed)?;
                check_seal(seal, self.index_at, last, self.chain, at)?;
                self.is_sealed = is_last;
                is_last
            }
            Kind::Header => false,
        };
        if good { Ok(()) } else { Err(misplaced(at)) }
    }
}

/// Whether a file goes on behind the record at `at`, which cannot be read: then it was damaged, not broken off.
///
/// A recorder writes one record after the other, so what a kill or a crash leaves ends with the one that it was writing. A
/// good record behind it, or a seal at the end of the file, came after a whole one.
fn goes_on<S: Source>(window: &mut Window<S>, at: u64) -> Result<bool, TraceError<S::Error>> {
    let length = window.length();
    let next = match window.head(at, length) {
        Ok(head) => Some(head.next),
        Err(TraceError::Source(error)) => return Err(TraceError::Source(error)),
        Err(_) => None,
    };
    let seal = length.checked_sub(SEAL_RECORD_BYTES).filter(|seal| *seal > at);
    for place in next.into_iter().chain(seal).filter(|place| *place < length) {
        match window.record(place, length) {
            Ok((record, _)) if seal != Some(place) || record.is_some_and(|it| it.kind == Kind::Seal) => {
                return Ok(true);
            }
            Err(TraceError::Source(error)) => return Err(TraceError::Source(error)),
            _ => {}
        }
    }
    Ok(false)
}

const fn misplaced<E>(at: u64) -> TraceError<E> {
    damaged(at, Damage::Place("a record must not stand here"))
}

/// Compares the body of the index record at `at` with the index of the records before it.
pub(super) fn check_index<E>(index: &Index, at: u64, body: &[u8]) -> Result<(), TraceError<E>> {
    let mut expected = Vec::new();
    index.encode(&mut expected);
    if expected == body { Ok(()) } else { Err(damaged(at, Damage::Place("the index is not that of the records"))) }
}

/// Compares the seal at `at` with what stands before it.
pub(super) fn check_seal<E>(
    seal: Seal,
    index_at: Option<u64>,
    last: Tick,
    chain: Chain,
    at: u64,
) -> Result<(), TraceError<E>> {
    let wrong = |what| Err(damaged(at, Damage::Place(what)));
    if Some(seal.index_at) != index_at {
        return wrong("the seal does not name the index that stands before it");
    }
    if seal.last != last {
        return wrong("the seal does not name the last tick");
    }
    if seal.chain != chain {
        return wrong("the seal does not have the chain of the last tick");
    }
    Ok(())
}
