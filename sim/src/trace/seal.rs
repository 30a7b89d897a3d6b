//! [`Seal`]: the last record, by which the index is found from the end.
//!
//! Invariant: stands right behind the index, at the very end of the file, and says what the records before it come to.

use alloc::vec::Vec;

use crate::{bytes::Reader, component::DecodeError, frame::Tick, hash::Hash};

use super::{Chain, record::FRAMING_BYTES};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    /// Where the index record begins.
    pub(super) index_at: u64,
    pub(super) last: Tick,
    pub(super) chain: Chain,
}

/// Bytes of its record.
pub(super) const SEAL_RECORD_BYTES: u64 = FRAMING_BYTES + 8 + 8 + 32;

impl Seal {
    // DOC:SEAL
    /// 0    8  index  offset of the index record, which ends where this one begins
    /// 8    8  tick   the last one; the start tick where no tick follows it
    /// 16  32  chain  of that tick
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.index_at.to_le_bytes());
        out.extend_from_slice(&self.last.0.to_le_bytes());
        out.extend_from_slice(&self.chain.0.0);
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let index_at = reader.value()?;
        let last = Tick(reader.value()?);
        let chain = Chain(Hash(reader.value()?));
        reader.end()?;
        Ok(Self { index_at, last, chain })
    }
}
