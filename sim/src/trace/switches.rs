//! [`Switches`]: which content may be in force, as far as frames alone tell.
//!
//! Invariant: the pack in force is among [`candidates`](Switches::candidates). A request applies once by its number, and whether it
//! was made before, or its sender was heard at all, only the world knows; so what was in force before stays possible. Which of them
//! it is, is bound by the roots. There are at most as many as the trace has packs, and the one of its start.

use alloc::vec::Vec;

use crate::{content::ContentId, frame::Sequence};

pub(super) struct Switches(Vec<ContentId>);

impl Switches {
    pub(super) fn from(content: ContentId) -> Self {
        Self([content].into())
    }

    pub(super) fn candidates(&self) -> &[ContentId] {
        &self.0
    }

    /// A frame holds this request. Those of old frames have no number: each applied.
    pub(super) fn note(&mut self, sequence: Sequence, content: ContentId) {
        if sequence == Sequence(0) {
            self.0.clear();
        }
        if !self.0.contains(&content) {
            self.0.push(content);
        }
    }
}
