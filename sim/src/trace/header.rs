//! [`Header`]: what a trace says of itself.
//!
//! Invariant: whatever the chain begins from (schema, revision, start) is the run's identity; the rest ([`About`]) only helps
//! people and may differ between two recordings of the same run.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    frame::Tick,
    hash::Hash,
    limits,
    schema::Schema,
};

/// What the recorder is told about a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Engine and build, for people.
    pub engine: String,
    /// What it is: a scenario's name, a bug's number.
    pub title: String,
    /// The seed that frames and set-up come from, as the user gave it; may be empty.
    pub seed: String,
    /// Pace of the game; never reaches a step.
    pub ticks_per_second: u32,
    /// Ticks between keyframes, at least 1.
    pub keyframe_ticks: u32,
    /// Ticks whose pages are written at a seal or a mismatch; 0 to
    /// [`EVIDENCE_TICKS_MAX`](limits::EVIDENCE_TICKS_MAX).
    pub evidence_ticks: u32,
}

impl Default for About {
    /// 30 ticks a second, a keyframe every 30 seconds, the pages of the last 32 ticks.
    fn default() -> Self {
        Self {
            engine: concat!("tickworld-sim ", env!("CARGO_PKG_VERSION")).into(),
            title: String::new(),
            seed: String::new(),
            ticks_per_second: 30,
            keyframe_ticks: 900,
            evidence_ticks: 32,
        }
    }
}

/// The world that a trace begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its tick; 0 as set up, at most [`START_TICK_MAX`](limits::START_TICK_MAX).
    pub tick: Tick,
    /// The root of that world.
    pub root: Hash,
    /// The content in force.
    pub content: ContentId,
}

/// The first record of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub about: About,
    /// Revision of the rules.
    pub revision: u32,
    /// The world it begins with.
    pub start: Start,
    /// The content packs inside from the start on.
    pub contents: Vec<ContentId>,
    /// Names and types of everything; its `game` is the game's name.
    pub schema: Schema,
}

impl Header {
    // DOC:HEADER
    /// The start of a run, which the chain binds, then what only helps people:
    ///
    /// 0    8  start tick           at most 2^63
    /// 8   32  start root
    /// 40  32  start content        id of the pack in force
    /// 72   4  rules revision
    /// 76   4  ticks per second
    /// 80   4  keyframe ticks       1 and up
    /// 84   4  evidence ticks       at most 1,024
    /// 88   ...  engine, title, seed  three texts: length (2, at most 4,096), UTF-8
    ///      2  contents             number of packs that follow, at most 1,024, then their ids (32 each), none twice
    ///      4  schema               length, at most 1 MiB, then its bytes ("Schema")
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start.tick.0.to_le_bytes());
        out.extend_from_slice(&self.start.root.0);
        out.extend_from_slice(&self.start.content.0.0);
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(&self.about.ticks_per_second.to_le_bytes());
        out.extend_from_slice(&self.about.keyframe_ticks.to_le_bytes());
        out.extend_from_slice(&self.about.evidence_ticks.to_le_bytes());
        for text in [&self.about.engine, &self.about.title, &self.about.seed] {
            let length = u16::try_from(text.len()).expect("the recorder checks its texts");
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        let count = u16::try_from(self.contents.len()).expect("the recorder checks how many packs there are");
        out.extend_from_slice(&count.to_le_bytes());
        self.contents.iter().for_each(|id| out.extend_from_slice(&id.0.0));
        let schema = self.schema.encode();
        let length = u32::try_from(schema.len()).expect("the recorder checks the schema's length");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&schema);
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let tick = Tick(reader.value()?);
        if tick.0 > limits::START_TICK_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let start = Start { tick, root: Hash(reader.value()?), content: ContentId(Hash(reader.value()?)) };
        let revision = reader.value()?;
        let ticks_per_second = reader.value()?;
        let keyframe_ticks: u32 = reader.value()?;
        let evidence_ticks: u32 = reader.value()?;
        if keyframe_ticks == 0 || evidence_ticks > limits::EVIDENCE_TICKS_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let (engine, title, seed) = (read_text(&mut reader)?, read_text(&mut reader)?, read_text(&mut reader)?);
        let count: u16 = reader.value()?;
        if count > limits::TRACE_CONTENTS_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let contents: Vec<ContentId> =
            (0..count).map(|_| Ok(ContentId(Hash(reader.value()?)))).collect::<Result<_, DecodeError>>()?;
        let known: BTreeSet<_> = contents.iter().collect();
        if known.len() != contents.len() {
            return Err(reader.fail(DecodeCause::Form("a content pack stands here twice")));
        }
        let length: u32 = reader.value()?;
        if length > limits::SCHEMA_BYTES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let at = reader.fail(DecodeCause::Range).offset as usize;
        let schema = Schema::decode(reader.take(length as usize)?).map_err(|e| e.shift(at))?;
        reader.end()?;
        let about = About { engine, title, seed, ticks_per_second, keyframe_ticks, evidence_ticks };
        Ok(Self { about, revision, start, contents, schema })
    }
}

fn read_text(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let length: u16 = reader.value()?;
    let error = reader.fail(DecodeCause::Form("a text is at most 4096 bytes of UTF-8"));
    if length > limits::TRACE_TEXT_BYTES_MAX {
        return Err(error);
    }
    let text = core::str::from_utf8(reader.take(usize::from(length))?).map_err(|_| error)?;
    Ok(text.into())
}
