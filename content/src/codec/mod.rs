//! Between [`Pack`] and the bytes of a pack file.
//!
//! Invariant: both directions pass through the same validation, so what is written can be read back, and what is
//! read could have been written. Encoding is a pure function of the pack: one pack, one byte string.

mod decode;
mod encode;
mod enums;

use alloc::{format, vec::Vec};

use tickworld_sim::content::ContentId;

use crate::{error::PackError, generated::tickworld::pack as fb, header, limits, model::Pack, validate};

impl Pack {
    /// Reads a pack file.
    ///
    /// Linear in the length of `file`; at most a small multiple of it is allocated.
    ///
    /// # Errors
    /// The first reason, in the order of [`PackError`]'s variants, why `file` is not a pack of this version.
    pub fn from_bytes(file: &[u8]) -> Result<(ContentId, Self), PackError> {
        let (id, body) = header::read(file)?;
        let options = flatbuffers::VerifierOptions {
            max_depth: limits::DEPTH_MAX,
            max_tables: limits::TABLES_MAX,
            max_apparent_size: limits::PACK_BYTES_MAX,
            ignore_missing_null_terminator: false,
        };
        let root =
            fb::root_as_pack_with_opts(&options, body).map_err(|error| PackError::Malformed(format!("{error}")))?;
        let pack = decode::pack(root)?;
        validate::pack(&pack)?;
        // FlatBuffers can say one thing in many ways (order, sharing, padding): only the encoder's way has this pack's id.
        if encode::body(&pack) != body {
            return Err(PackError::NotCanonical);
        }
        Ok((id, pack))
    }

    /// Writes a pack file; the id is BLAKE3 of its body.
    ///
    /// # Errors
    /// The first value that [`Pack::from_bytes`] would refuse.
    ///
    /// # Determinism
    /// Equal packs give equal bytes on every run, target and build.
    pub fn to_bytes(&self) -> Result<(ContentId, Vec<u8>), PackError> {
        validate::pack(self)?;
        header::write(&encode::body(self))
    }
}
