//! [`Index`]: where in the file things are.
//!
//! Invariant: built alike by the writer and by a reader that scans a trace without one. Each list has at most
//! [`INDEX_ENTRIES_MAX`](limits::INDEX_ENTRIES_MAX) entries: when the list of ticks or of keyframes is full, every second
//! entry goes, so memory is bounded (1.5 MiB) however long the trace. What it says is a hint: readers check what they find.

use alloc::vec::Vec;

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    frame::Tick,
    hash::Hash,
    limits,
};

use super::record::Kind;

/// Ticks from one entry to the next, to begin with.
const STRIDE_TICKS: u64 = 64;

/// A record that belongs to a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) tick: Tick,
    pub(super) at: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// Tick of the first tick record.
    pub(super) first: Tick,
    /// Number of tick records.
    pub(super) tick_count: u64,
    stride_ticks: u64,
    /// Offsets of ticks `first`, `first + stride`, ...
    ticks: Vec<u64>,
    keyframe_count: u64,
    keyframe_stride: u64,
    keyframes: Vec<Entry>,
    /// Evidence, stages, mismatches.
    notes: Vec<Entry>,
    pub(super) contents: Vec<(ContentId, u64)>,
}

impl Index {
    pub(super) const fn new(start: Tick) -> Self {
        Self {
            first: start.next(),
            tick_count: 0,
            stride_ticks: STRIDE_TICKS,
            ticks: Vec::new(),
            keyframe_count: 0,
            keyframe_stride: 1,
            keyframes: Vec::new(),
            notes: Vec::new(),
            contents: Vec::new(),
        }
    }

    /// The last tick; the start where no tick follows it.
    pub(super) const fn last(&self) -> Tick {
        Tick(self.first.0.saturating_sub(1).saturating_add(self.tick_count))
    }

    pub(super) fn add_tick(&mut self, at: u64) {
        if self.tick_count.is_multiple_of(self.stride_ticks) {
            self.ticks.push(at);
            if self.ticks.len() > limits::INDEX_ENTRIES_MAX as usize {
                thin(&mut self.ticks);
                self.stride_ticks = self.stride_ticks.saturating_mul(2);
            }
        }
        self.tick_count = self.tick_count.saturating_add(1);
    }

    /// Gives false where there are more notes than a recorder makes.
    pub(super) fn add_entry(&mut self, entry: Entry) -> bool {
        if entry.kind != Kind::Keyframe {
            self.notes.push(entry);
            return self.notes.len() <= limits::INDEX_ENTRIES_MAX as usize;
        }
        if self.keyframe_count.is_multiple_of(self.keyframe_stride) {
            self.keyframes.push(entry);
            if self.keyframes.len() > limits::INDEX_ENTRIES_MAX as usize {
                thin(&mut self.keyframes);
                self.keyframe_stride = self.keyframe_stride.saturating_mul(2);
            }
        }
        self.keyframe_count = self.keyframe_count.saturating_add(1);
        true
    }

    /// Gives false where there are more packs than a trace may have.
    pub(super) fn add_content(&mut self, id: ContentId, at: u64) -> bool {
        if self.contents.iter().all(|(known, _)| *known != id) {
            self.contents.push((id, at));
        }
        self.contents.len() <= usize::from(limits::TRACE_CONTENTS_MAX)
    }

    /// The nearest entry at or before `tick`, which is one of the trace: tick and offset.
    pub(super) fn tick_before(&self, tick: Tick) -> Option<(Tick, u64)> {
        let past = tick.0.checked_sub(self.first.0)?;
        let step = past.checked_div(self.stride_ticks)?;
        let at = self.ticks.get(usize::try_from(step).ok()?)?;
        Some((Tick(self.first.0.checked_add(step.checked_mul(self.stride_ticks)?)?), *at))
    }

    /// The keyframes, ascending by tick.
    pub(super) fn keyframes(&self) -> &[Entry] {
        &self.keyframes
    }

    /// Evidence, stages and mismatches in the order they were written.
    pub(super) fn notes(&self) -> &[Entry] {
        &self.notes
    }

    // DOC:INDEX
    /// 0   8  first tick       of the first tick record
    /// 8   8  tick records
    /// 16  8  stride           ticks from one offset to the next: 64, doubled until the list of offsets is short enough
    /// 24  4  offsets          number, then each (8): of the tick records first, first + stride, ...
    ///     4  keyframes        number, then each: tick (8), offset of its record (8): all, or every second, fourth, ... from
    ///                         the first on
    ///     4  notes            number, then each: kind of its record (1), tick (8), offset (8): evidence, stages and the
    ///                         mismatch as they stand in the file
    ///     2  contents         number, then each as they stand in the file: id (32), offset of its first record (8)
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let count = |count: usize| u32::try_from(count).expect("lists are bounded").to_le_bytes();
        out.extend_from_slice(&self.first.0.to_le_bytes());
        out.extend_from_slice(&self.tick_count.to_le_bytes());
        out.extend_from_slice(&self.stride_ticks.to_le_bytes());
        out.extend_from_slice(&count(self.ticks.len()));
        self.ticks.iter().for_each(|at| out.extend_from_slice(&at.to_le_bytes()));
        out.extend_from_slice(&count(self.keyframes.len()));
        for entry in &self.keyframes {
            out.extend_from_slice(&entry.tick.0.to_le_bytes());
            out.extend_from_slice(&entry.at.to_le_bytes());
        }
        out.extend_from_slice(&count(self.notes.len()));
        for entry in &self.notes {
            out.push(entry.kind as u8);
            out.extend_from_slice(&entry.tick.0.to_le_bytes());
            out.extend_from_slice(&entry.at.to_le_bytes());
        }
        out.extend_from_slice(&u16::try_from(self.contents.len()).expect("packs are counted").to_le_bytes());
        for (id, at) in &self.contents {
            out.extend_from_slice(&id.0.0);
            out.extend_from_slice(&at.to_le_bytes());
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let first: u64 = reader.value()?;
        let tick_count: u64 = reader.value()?;
        let stride_ticks: u64 = reader.value()?;
        let fits = first.checked_add(tick_count).is_some();
        if first == 0 || stride_ticks == 0 || !fits {
            return Err(reader.fail(DecodeCause::Range));
        }
        let ticks = read_list(&mut reader, 8, |reader| reader.value())?;
        if ticks.len() as u64 != tick_count.div_ceil(stride_ticks) {
            return Err(reader.fail(DecodeCause::Form("number of tick offsets")));
        }
        let keyframes: Vec<Entry> = read_list(&mut reader, 16, |reader| read_entry(reader, Kind::Keyframe))?;
        if keyframes.windows(2).any(|pair| pair[0].tick >= pair[1].tick) {
            return Err(reader.fail(DecodeCause::Form("keyframes out of order")));
        }
        let notes = read_list(&mut reader, 17, |reader| match Kind::of(reader.value()?) {
            Ok(Some(kind @ (Kind::Evidence | Kind::Stages | Kind::Mismatch))) => read_entry(reader, kind),
            _ => Err(reader.fail(DecodeCause::Form("kind of a note"))),
        })?;
        let count: u16 = reader.value()?;
        if count > limits::TRACE_CONTENTS_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let content = |_| Ok((ContentId(Hash(reader.value()?)), reader.value()?));
        let contents = (0..count).map(content).collect::<Result<_, DecodeError>>()?;
        reader.end()?;
        let (keyframe_count, keyframe_stride) = (keyframes.len() as u64, 1);
        let first = Tick(first);
        Ok(Self { first, tick_count, stride_ticks, ticks, keyframe_count, keyframe_stride, keyframes, notes, contents })
    }
}

fn read_entry(reader: &mut Reader<'_>, kind: Kind) -> Result<Entry, DecodeError> {
    Ok(Entry { kind, tick: Tick(reader.value()?), at: reader.value()? })
}

fn read_list<'a, T>(
    reader: &mut Reader<'a>,
    item_bytes: usize,
    mut item: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count: u32 = reader.value()?;
    if count > limits::INDEX_ENTRIES_MAX || (count as usize).saturating_mul(item_bytes) > reader.left() {
        return Err(reader.fail(DecodeCause::Range));
    }
    (0..count).map(|_| item(reader)).collect()
}

/// Keeps every second item, beginning with the first.
fn thin<T>(list: &mut Vec<T>) {
    let mut keep = false;
    list.retain(|_| {
        keep = !keep;
        keep
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_trace_has_a_coarse_index_that_still_finds_its_ticks() {
        let mut index = Index::new(Tick(0));
        let ticks = 10 * STRIDE_TICKS * u64::from(limits::INDEX_ENTRIES_MAX);
        for tick in 1..=ticks {
            index.add_tick(tick * 100);
            index.add_entry(Entry { kind: Kind::Keyframe, tick: Tick(tick), at: tick * 100 + 50 });
        }
        assert!(index.ticks.len() <= limits::INDEX_ENTRIES_MAX as usize);
        assert!(index.keyframes.len() <= limits::INDEX_ENTRIES_MAX as usize);
        assert_eq!(index.last(), Tick(ticks));
        for tick in [1, 2, 64, 65, 1000, ticks / 2, ticks - 1, ticks] {
            let (found, at) = index.tick_before(Tick(tick)).expect("within the trace");
            assert!(found.0 <= tick && tick - found.0 < index.stride_ticks && at == found.0 * 100, "tick {tick}");
        }
        let mut bytes = Vec::new();
        index.encode(&mut bytes);
        let read = Index::decode(&bytes).expect("our own bytes");
        assert_eq!((&read.ticks, &read.keyframes), (&index.ticks, &index.keyframes));
    }
}
