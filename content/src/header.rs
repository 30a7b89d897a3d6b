//! The file around the body: magic, version, length, id.
//!
//! Invariant: a header is accepted only with exactly the bytes that [`write`] gives for its body.
//! It holds no time, no path and no tool version: equal content is equal bytes.

use alloc::vec::Vec;

use tickworld_sim::{
    content::ContentId,
    hash::{Hash, hash},
};

use crate::{error::PackError, limits};

/// First bytes of every pack file.
pub const MAGIC: [u8; 8] = *b"TWPACK\r\n";
/// Version of the format that this build reads and writes.
pub const FORMAT_VERSION: u16 = 1;
/// Bytes before the body.
pub const HEADER_BYTES: usize = 48;

/// The id of a body.
fn id_of(body: &[u8]) -> ContentId {
    ContentId(hash(body))
}

/// Puts the header before `body`.
pub(crate) fn write(body: &[u8]) -> Result<(ContentId, Vec<u8>), PackError> {
    let id = id_of(body);
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= limits::PACK_BYTES_MAX - HEADER_BYTES);
    let length = length.ok_or(PackError::TooLarge { bytes: body.len(), bytes_max: limits::PACK_BYTES_MAX })?;
    let mut file = Vec::with_capacity(HEADER_BYTES.saturating_add(body.len()));
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    file.extend_from_slice(&[0; 2]);
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&id.0.0);
    file.extend_from_slice(body);
    Ok((id, file))
}

/// Checks the header of `file` and returns id and body.
///
/// All numbers are little-endian; offsets and lengths in bytes.
///
/// ```text
// DOC:PACK_HEADER
/// 0    8  magic     "TWPACK", a carriage return and a line feed
/// 8    2  version   1
/// 10   2  reserved  zero
/// 12   4  length    L, of the body; the file ends with it
/// 16  32  id        BLAKE3 of the body
/// 48   L  body      FlatBuffers, root table Pack of content/schema/pack.fbs
// DOC:END
/// ```
pub(crate) fn read(file: &[u8]) -> Result<(ContentId, &[u8]), PackError> {
    if file.len() > limits::PACK_BYTES_MAX {
        return Err(PackError::TooLarge { bytes: file.len(), bytes_max: limits::PACK_BYTES_MAX });
    }
    let truncated = PackError::Truncated { bytes: file.len(), bytes_min: HEADER_BYTES };
    let Some((head, body)) = file.split_first_chunk::<HEADER_BYTES>() else {
        return Err(if file.iter().zip(&MAGIC).all(|(a, b)| a == b) || file.len() < 8 {
            truncated
        } else {
            PackError::Magic
        });
    };
    if head[..8] != MAGIC {
        return Err(PackError::Magic);
    }
    let version = u16::from_le_bytes([head[8], head[9]]);
    if version != FORMAT_VERSION {
        return Err(PackError::Version { found: version, known: FORMAT_VERSION });
    }
    if head[10..12] != [0; 2] {
        return Err(PackError::Reserved);
    }
    let length = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    if u64::from(length) != body.len() as u64 {
        return Err(PackError::Length { header: length, actual: body.len() });
    }
    let mut id = ContentId(Hash::ZERO);
    id.0.0.copy_from_slice(&head[16..]);
    let actual = id_of(body);
    if id != actual {
        return Err(PackError::Id { header: id, actual });
    }
    Ok((id, body))
}
