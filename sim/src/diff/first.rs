//! [`first_difference`]: the first tick that two recordings do not have alike.
//!
//! Invariant: what is compared are the records themselves, from the first tick that both hold; the links of the chain that
//! stand in a file are believed nowhere. (A binary search over links takes a millisecond, but calls two traces the same where
//! a record in the middle was changed and the links after it were left.) Records that are equal byte for byte need no check
//! and no hash: a gigabyte of them is compared in less than a second. Where two records differ, both must have their
//! check and follow from the link before them: a side that does not is named as changed, with the tick.

use crate::{
    frame::Tick,
    hash::Hash,
    trace::{Chain, Source, TickRecord, Trace, TraceError, Unchecked},
};

/// Why two traces cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceDiffError<L, R> {
    /// The left one cannot be read.
    #[error("left trace: {0}")]
    Left(TraceError<L>),
    /// The right one cannot be read.
    #[error("right trace: {0}")]
    Right(TraceError<R>),
    /// There is nothing to compare.
    #[error("the traces have no tick in common: the left one holds {} to {}, the right one {} to {}", left[0], left[1], right[0], right[1])]
    Apart {
        /// Start and last tick of the left one.
        left: [Tick; 2],
        /// Start and last tick of the right one.
        right: [Tick; 2],
    },
}

/// The first tick at which the traces differ in root, column roots or input frame, or in the start if they begin with the
/// same tick; `None` where everything is equal as far as both go. Reads the records up to it once.
///
/// # Errors
/// When the traces have no tick in common, one of them is damaged or was changed before that tick, or a source fails.
pub fn first_difference<L: Source, R: Source>(
    left: &mut Trace<L>,
    right: &mut Trace<R>,
) -> Result<Option<Tick>, TraceDiffError<L::Error, R::Error>> {
    let (first, last) = (left.start().max(right.start()), left.last().min(right.last()));
    if first > last {
        let ticks = |start, last| [start, last];
        let (left, right) = (ticks(left.start(), left.last()), ticks(right.start(), right.last()));
        return Err(TraceDiffError::Apart { left, right });
    }
    let same_start = left.start() == right.start();
    let mut one = Cursor::at(left, first).map_err(TraceDiffError::Left)?;
    let mut other = Cursor::at(right, first).map_err(TraceDiffError::Right)?;
    if one.root != other.root || (same_start && one.link != other.link) {
        return Ok(Some(first));
    }
    for tick in (first.0.saturating_add(1)..=last.0).map(Tick) {
        let mine = one.body().map_err(TraceDiffError::Left)?;
        let theirs = other.body().map_err(TraceDiffError::Right)?;
        if same_record(tick, mine, theirs, same_start) {
            continue;
        }
        let mine = one.record(tick).map_err(TraceDiffError::Left)?;
        let theirs = other.record(tick).map_err(TraceDiffError::Right)?;
        if (mine.root, &mine.columns, &mine.frame) != (theirs.root, &theirs.columns, &theirs.frame) {
            return Ok(Some(tick));
        }
    }
    Ok(None)
}

/// Whether two bodies are records of `tick` that say the same. Links differ where the traces begin with different ticks.
fn same_record(tick: Tick, mine: &[u8], theirs: &[u8], with_link: bool) -> bool {
    let link = Chain::PLACE;
    let is_tick = mine.get(..link.start) == Some(&tick.0.to_le_bytes()[..]);
    let same = if with_link {
        mine == theirs
    } else {
        mine.get(..link.start) == theirs.get(..link.start)
            && mine.get(link.end..) == theirs.get(link.end..)
            && mine.len() > link.end
    };
    is_tick && same
}

/// A place between two ticks of a trace.
struct Cursor<'t, S> {
    trace: &'t mut Trace<S>,
    /// Where the record read last begins, and where the one after it is looked for.
    at: u64,
    next: u64,
    /// The link before the record read last, and its own, as the file says.
    before: Chain,
    link: Chain,
    /// Root of the tick that it began at.
    root: Hash,
}

impl<'t, S: Source> Cursor<'t, S> {
    /// After `tick`, the start or a recorded one.
    fn at(trace: &'t mut Trace<S>, tick: Tick) -> Result<Self, TraceError<S::Error>> {
        let start = trace.chain(trace.start())?;
        if tick == trace.start() {
            let (root, next) = (trace.header().start.root, trace.records_at());
            return Ok(Self { trace, at: next, next, before: start, link: start, root });
        }
        let before = trace.chain(Tick(tick.0.saturating_sub(1)))?;
        let at = trace.find_tick(tick)?;
        let mut cursor = Self { trace, at, next: at, before, link: before, root: Hash::ZERO };
        cursor.body()?;
        cursor.root = cursor.record(tick)?.root;
        Ok(cursor)
    }

    /// The body of the next tick's record, its check not verified.
    fn body(&mut self) -> Result<&[u8], TraceError<S::Error>> {
        let Unchecked { at, next, body } = self.trace.unchecked_tick(self.next)?;
        (self.at, self.next) = (at, next);
        self.before = self.link;
        // A record too short for a link is refused when it is read as one.
        self.link = body.get(Chain::PLACE).and_then(Chain::of_bytes).unwrap_or(self.link);
        Ok(body)
    }

    /// The record read last, with its check and its link verified.
    fn record(&mut self, tick: Tick) -> Result<TickRecord, TraceError<S::Error>> {
        let record = self.trace.tick_at(self.at, tick)?;
        if record.chain_after(self.before) != record.chain {
            return Err(TraceError::Chain { tick });
        }
        Ok(record)
    }
}
