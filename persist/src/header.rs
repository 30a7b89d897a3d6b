//! [`JournalHeader`]: which world a journal is of, and where it begins.
//!
//! Invariant: the hash of the header begins the chain of records, so a record belongs to one world, one schema and one start.
//! The schema stands in it whole: any build can read a journal's snapshots, compute their roots and name what they hold.

use core::fmt;

use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    frame::Tick,
    hash::{Hash, Hasher},
    limits as sim,
    region::RegionId,
    schema::{Schema, SchemaId},
    trace::Start,
};

use crate::{
    limits,
    position::{LogPosition, Slot},
};

/// A world's lasting identity, drawn at random when it is set up: two worlds of one game are never mistaken for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorldId(pub [u8; 16]);

impl fmt::Display for WorldId {
    /// All 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for WorldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a journal says of itself before its first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHeader {
    /// The world that the journal is of.
    pub world: WorldId,
    /// Which region of it; `None` in a journal of version 1, which is read and not continued.
    pub region: Option<RegionId>,
    /// Revision of the rules that the world began with.
    pub revision: u32,
    /// Ticks a second, when nothing slows the world.
    pub tick_rate: u16,
    /// The record of tick T carries the root after T minus this: 1 to
    /// [`ROOT_LAG_TICKS_MAX`](limits::ROOT_LAG_TICKS_MAX).
    pub root_lag_ticks: u8,
    /// The world before the first record.
    pub start: Start,
    /// Names and types of everything in the world; the game's name too.
    pub schema: Schema,
}

/// First bytes of a header.
const MAGIC: [u8; 8] = *b"TWJRNL\r\n";
/// The version that is written. Version 1 is read; it has no region.
const VERSION: u16 = 2;
const OLD_VERSION: u16 = 1;

impl JournalHeader {
    /// Whether the journal is of format 1: it is read, and not continued.
    #[must_use]
    pub const fn is_old(&self) -> bool {
        self.region.is_none()
    }

    /// The place before the first record. A record of format 1 has its tick for a slot, so the start has too.
    #[must_use]
    pub fn start_position(&self) -> LogPosition {
        let slot = if self.is_old() { Slot(self.start.tick.0) } else { Slot::HEADER };
        LogPosition { slot, tick: self.start.tick, record_hash: self.hash() }
    }

    /// The game's name.
    #[must_use]
    pub fn game(&self) -> &str {
        &self.schema.game
    }

    /// The schema's id.
    #[must_use]
    pub fn schema_id(&self) -> SchemaId {
        self.schema.id()
    }

    /// The tick whose root the record of `tick` carries; `None` where that lies before the start.
    #[must_use]
    pub fn proven_by(&self, tick: Tick) -> Option<Tick> {
        tick.0.checked_sub(u64::from(self.root_lag_ticks)).map(Tick).filter(|proven| *proven >= self.start.tick)
    }

    /// What the first record names as the one before it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        let mut hasher = Hasher::new(match self.region {
            Some(_) => b"tickworld.journal.header.2",
            None => b"tickworld.journal.header.1",
        });
        hasher.update(&bytes);
        hasher.finish()
    }

    // DOC:JOURNAL_HEADER
    // 0    8  magic          "TWJRNL", a carriage return and a line feed
    // 8    2  version        2; a reader takes 1 too, which has no region: what follows it stands 4 bytes earlier
    // 10  16  world id
    // 26   4  region         number of the world's region, from 1
    // 30   4  rules revision
    // 34   2  tick rate      ticks a second, from 1
    // 36   1  root lag       ticks, from 1 to 8
    // 37   8  start tick
    // 45  32  start root
    // 77  32  start content  id of the pack in force
    // 109  4  schema         length, then its bytes ("Schema"), to the end
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Journal").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        let version = if self.region.is_some() { VERSION } else { OLD_VERSION };
        out.extend_from_slice(&version.to_le_bytes());
        out.extend_from_slice(&self.world.0);
        if let Some(region) = self.region {
            out.extend_from_slice(&region.0.to_le_bytes());
        }
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(&self.tick_rate.to_le_bytes());
        out.push(self.root_lag_ticks);
        out.extend_from_slice(&self.start.tick.0.to_le_bytes());
        out.extend_from_slice(&self.start.root.0);
        out.extend_from_slice(&self.start.content.0.0);
        let schema = self.schema.encode();
        out.extend_from_slice(&u32::try_from(schema.len()).expect("a schema is at most 1 MiB long").to_le_bytes());
        out.extend_from_slice(&schema);
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On bytes that [`encode`](Self::encode) does not write for a header that passes [`check`](Self::check).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.value::<[u8; 8]>()? != MAGIC {
            return Err(DecodeError::new(DecodeCause::Form("no journal header: another magic")));
        }
        let version: u16 = reader.value()?;
        if version != VERSION && version != OLD_VERSION {
            return Err(reader.fail(DecodeCause::Form("a version of the journal that this build cannot read")));
        }
        let world = WorldId(reader.value()?);
        let region = if version == VERSION { Some(RegionId(reader.value()?)) } else { None };
        let revision = reader.value()?;
        let tick_rate = reader.value()?;
        let root_lag_ticks = reader.value()?;
        let start = Start {
            tick: Tick(reader.value()?),
            root: Hash(reader.value()?),
            content: ContentId(Hash(reader.value()?)),
        };
        let length: u32 = reader.value()?;
        if length > sim::SCHEMA_BYTES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let schema = Schema::decode(reader.take(length as usize)?)?;
        reader.end()?;
        let header = Self { world, region, revision, tick_rate, root_lag_ticks, start, schema };
        header.check().map_err(|what| DecodeError::new(DecodeCause::Form(what)))?;
        Ok(header)
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// What is out of its range, as a sentence.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(1..=limits::ROOT_LAG_TICKS_MAX).contains(&self.root_lag_ticks) {
            return Err("the root lag is 1 to 8 ticks");
        }
        if self.tick_rate == 0 {
            return Err("the tick rate is at least 1");
        }
        if self.region == Some(RegionId(0)) {
            return Err("regions are numbered from 1");
        }
        Ok(())
    }

    /// Checks what a journal that begins must be besides.
    ///
    /// # Errors
    /// What is out of its range, as a sentence.
    pub fn check_new(&self) -> Result<(), &'static str> {
        if self.is_old() { Err("a journal of format 1 is read, and not begun") } else { self.check() }
    }
}
