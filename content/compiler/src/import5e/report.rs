//! What the importer did with each entry, and what it could not say.
//!
//! Invariant: every entry of the input is counted once as imported or not, and everything left out stands under a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

/// The result, by kind and by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// `creatures`, `spells`, `items`: entries read and written.
    pub kinds: BTreeMap<&'static str, ImportCount>,
    /// What could not be expressed or only approximately: reason, then the places (`creature/goblin: Nimble Escape`).
    pub reasons: BTreeMap<&'static str, BTreeSet<String>>,
}

/// How many entries of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportCount {
    /// Entries of the input.
    pub read: usize,
    /// Entries of the output.
    pub written: usize,
}

impl ImportReport {
    pub(super) fn note(&mut self, reason: &'static str, place: impl Into<String>) {
        self.reasons.entry(reason).or_default().insert(place.into());
    }

    pub(super) fn count(&mut self, kind: &'static str, written: bool) {
        let count = self.kinds.entry(kind).or_default();
        count.read += 1;
        count.written += usize::from(written);
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.kinds {
            writeln!(f, "{kind}: {} of {} written", count.written, count.read)?;
        }
        for (reason, places) in &self.reasons {
            writeln!(f, "{:5} {reason}", places.len())?;
        }
        Ok(())
    }
}
