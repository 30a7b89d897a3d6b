//! [`Packs`]: whether the content packs of a trace are whole.
//!
//! Invariant: the pieces of a pack follow one another, from offset 0 to its length, with no other pack's between them; what
//! they hold is for the content's reader to check.

use alloc::vec::Vec;

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    hash::Hash,
    limits,
};

/// A piece of a content pack.
pub(super) struct ContentPiece<'a> {
    pub(super) id: ContentId,
    pub(super) length: u64,
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

impl<'a> ContentPiece<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let id = ContentId(Hash(reader.value()?));
        let length: u64 = reader.value()?;
        let offset: u64 = reader.value()?;
        if length > limits::CONTENT_BYTES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let bytes = reader.take(reader.left())?;
        Ok(Self { id, length, offset, bytes })
    }
}

/// The packs that were gone through.
#[derive(Clone, Debug, Default)]
pub(super) struct Packs {
    whole: Vec<ContentId>,
    begun: Option<Begun>,
}

/// A pack of which pieces are missing.
#[derive(Clone, Copy, Debug)]
struct Begun {
    id: ContentId,
    length: u64,
    done: u64,
}

impl Packs {
    /// Takes the next piece; `Err` says what is wrong with it.
    pub(super) fn add(&mut self, piece: &ContentPiece<'_>) -> Result<(), &'static str> {
        let mut begun = match self.begun {
            Some(begun) => begun,
            None if self.whole.contains(&piece.id) => return Err("a content pack stands here twice"),
            None => Begun { id: piece.id, length: piece.length, done: 0 },
        };
        if (piece.id, piece.length, piece.offset) != (begun.id, begun.length, begun.done) {
            return Err("the pieces of a content pack must follow one another");
        }
        let left = begun.length.saturating_sub(begun.done);
        if piece.bytes.len() as u64 != left.min(limits::CONTENT_CHUNK_BYTES.into()) {
            return Err("a piece of a content pack is not 1 MiB long, nor its last");
        }
        begun.done = begun.done.saturating_add(piece.bytes.len() as u64);
        self.begun = Some(begun).filter(|begun| begun.done < begun.length);
        if self.begun.is_none() {
            self.whole.push(piece.id);
        }
        Ok(())
    }

    /// The packs that are whole, in order; `Err` where pieces of one are missing.
    pub(super) fn whole(&self) -> Result<&[ContentId], &'static str> {
        if self.begun.is_none() { Ok(&self.whole) } else { Err("pieces of a content pack are missing") }
    }
}
