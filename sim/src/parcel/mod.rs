//! [`Parcel`]: a player with everything that belongs to them, as bytes that another region takes in.
//!
//! Invariant: a parcel is a closed set: the player's entity, what the game says belongs to it, and every row of these; a handle
//! inside leads to one of them or to nobody. Sequence, outcomes, generation and hops travel with it, so nothing that the player
//! sent is applied twice or forgotten on the way. What cannot be read, or does not fit, changes nothing.
//! Where a parcel comes from and how often is not known here: the numbers of mail and the hops of players say that.

mod crossing;
mod handles;
mod packer;
mod unpacker;

use alloc::vec::Vec;

pub(crate) use crossing::{Arrival, Refusal, arrive, depart, judge};
pub use packer::Packer;
pub use unpacker::Unpacker;

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    entity::Band,
    frame::{PlayerId, Sequence, Tick},
    hash::Hash,
    limits,
    region::RegionId,
    schema::{Schema, SchemaId},
    session::{Outcome, OutcomeCode},
};

/// What a parcel says of its player, before their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The schema that the rows are of.
    pub schema: SchemaId,
    /// Revision of the rules that made them.
    pub revision: u32,
    /// The content in force where it was made.
    pub content: ContentId,
    /// The region that made it.
    pub region: RegionId,
    /// The incarnation of that region then.
    pub incarnation: u32,
    /// The tick at whose end it was made.
    pub tick: Tick,
    /// The player who travels.
    pub player: PlayerId,
    /// How often they changed places, this time included.
    pub hops: u64,
    /// Their generation, which goes on from here where they arrive.
    pub generation: u32,
    /// What opened it.
    pub opened_by: u64,
    /// The last of their inputs that was applied.
    pub last_sequence: Sequence,
    /// Whether an operator keeps them out.
    pub is_barred: bool,
    /// Broken ticks of theirs since one passed.
    pub voids: u8,
    /// Their latest outcomes, ascending.
    pub outcomes: Vec<Outcome>,
    /// The bands of their entities; the first is the one that they play. Empty where they have none.
    pub bands: Vec<Band>,
    /// Columns and lists, as [`Packer`] writes them.
    pub rows: Vec<u8>,
}

const MAGIC: [u8; 8] = *b"TWPARCEL";
const VERSION: u16 = 1;
const BARRED: u8 = 0x04;
const VOIDS: u8 = 0x03;

impl Parcel {
    // DOC:PARCEL
    // 0     8  magic        "TWPARCEL"
    // 8     2  version      1
    // 10   32  schema id
    // 42    4  rules revision
    // 46   32  content id   in force where it was made
    // 78    4  region       that made it
    // 82    4  incarnation  of that region
    // 86    8  tick         at whose end it was made
    // 94    8  player
    // 102   8  hops         this one included
    // 110   4  generation
    // 114   8  opened by
    // 122   4  sequence     the last that was applied
    // 126   1  flags        bits 0 and 1: broken ticks, 0 to 2 | bit 2: barred
    // 127   1  outcomes     at most 64, ascending; then for each: sequence (4), region (4), tick (8), code (2), value (8)
    //       2  entities     then the band of each (1); number 0 is the one that the player plays
    //       2  columns      ascending; then for each: its number in the schema (2), rows (2), then for each, ascending: the
    //                       entity's number (2), the row's bytes
    //       2  lists        ascending; then for each: number of its first column (2), lists (2), then for each, ascending:
    //                       the entity's number (2), items (2), the items' bytes
    //
    // A handle inside is an entity's number here, with generation 0. At most 65,536 bytes.
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Parcel").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.schema.0.0);
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(&self.content.0.0);
        out.extend_from_slice(&self.region.0.to_le_bytes());
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        out.extend_from_slice(&self.player.0.to_le_bytes());
        out.extend_from_slice(&self.hops.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.opened_by.to_le_bytes());
        out.extend_from_slice(&self.last_sequence.0.to_le_bytes());
        out.push(self.voids & VOIDS | if self.is_barred { BARRED } else { 0 });
        out.push(u8::try_from(self.outcomes.len()).expect("at most 64 outcomes are remembered"));
        for outcome in &self.outcomes {
            out.extend_from_slice(&outcome.sequence.0.to_le_bytes());
            out.extend_from_slice(&outcome.region.0.to_le_bytes());
            out.extend_from_slice(&outcome.tick.to_le_bytes());
            out.extend_from_slice(&outcome.code.0.to_le_bytes());
            out.extend_from_slice(&outcome.value.to_le_bytes());
        }
        out.extend_from_slice(&u16::try_from(self.bands.len()).expect("belongings are counted").to_le_bytes());
        out.extend(self.bands.iter().map(|band| band.0));
        out.extend_from_slice(&self.rows);
    }

    /// Reads what stands before the rows, which are only read where they are taken in.
    ///
    /// # Errors
    /// On bytes that [`encode`](Self::encode) does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if bytes.len() > limits::PARCEL_BYTES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        if reader.value::<[u8; 8]>()? != MAGIC || reader.value::<u16>()? != VERSION {
            return Err(DecodeError::new(DecodeCause::Form("no parcel, or of a version that this build cannot read")));
        }
        let mut parcel = Self {
            schema: SchemaId(Hash(reader.value()?)),
            revision: reader.value()?,
            content: ContentId(Hash(reader.value()?)),
            region: reader.value()?,
            incarnation: reader.value()?,
            tick: Tick(reader.value()?),
            player: reader.value()?,
            hops: reader.value()?,
            generation: reader.value()?,
            opened_by: reader.value()?,
            last_sequence: reader.value()?,
            is_barred: false,
            voids: 0,
            outcomes: Vec::new(),
            bands: Vec::new(),
            rows: Vec::new(),
        };
        let flags: u8 = reader.value()?;
        (parcel.voids, parcel.is_barred) = (flags & VOIDS, flags & BARRED != 0);
        if flags & !(VOIDS | BARRED) != 0 || parcel.voids == VOIDS || !parcel.player.is_player() {
            return Err(reader.fail(DecodeCause::Range));
        }
        for _ in 0..reader.value::<u8>()? {
            let outcome = Outcome {
                sequence: reader.value()?,
                region: reader.value()?,
                tick: reader.value()?,
                code: OutcomeCode(reader.value()?),
                value: reader.value()?,
            };
            let rises = parcel.outcomes.last().is_none_or(|last| last.sequence < outcome.sequence);
            let age = parcel.last_sequence.0.checked_sub(outcome.sequence.0);
            let is_latest = age.is_some_and(|age| age < limits::OUTCOMES_PER_PLAYER);
            if !rises || !is_latest || outcome.sequence == Sequence(0) {
                return Err(reader.fail(DecodeCause::Form("outcomes out of order, or of inputs that were not applied")));
            }
            parcel.outcomes.push(outcome);
        }
        let count: u16 = reader.value()?;
        parcel.bands = reader.take(usize::from(count))?.iter().map(|band| Band(*band)).collect();
        parcel.rows = reader.take(reader.left())?.into();
        Ok(parcel)
    }

    /// The rows of one column that go along, by the entity's number here: for those who count or show what is under way. The schema
    /// is the one that the parcel names. What the rows say is not judged, for that is done where they are taken in.
    ///
    /// # Errors
    /// Where the columns cannot be told apart, by this schema.
    pub fn rows_of(&self, schema: &Schema, column: &str) -> Result<Vec<(u16, &[u8])>, DecodeError> {
        let mut reader = Reader::new(&self.rows);
        let mut found = Vec::new();
        for _ in 0..reader.value::<u16>()? {
            let unknown = reader.fail(DecodeCause::Form("a column that the schema has not"));
            let described = schema.columns.get(usize::from(reader.value::<u16>()?)).ok_or(unknown)?;
            for _ in 0..reader.value::<u16>()? {
                let row = (reader.value()?, reader.take(described.ty.size())?);
                if *described.name == *column {
                    found.push(row);
                }
            }
        }
        Ok(found)
    }
}
