//! Pages, as every backend checks them.
//!
//! Invariant: nothing is put that does not have its hash or is over a limit.

use tickworld_sim::{hash::Hash, snapshot::Manifest};

#[cfg(feature = "stores")]
use crate::{error::PutError, limits, store::Page};

/// Every page that a manifest names.
pub(crate) fn page_hashes(manifest: &Manifest) -> impl Iterator<Item = Hash> {
    manifest.columns.iter().flatten().map(|entry| entry.hash)
}

/// Checks limits and hashes.
#[cfg(feature = "stores")]
pub(crate) fn check_pages(pages: &[Page]) -> Result<(), PutError> {
    if pages.len() > limits::PUT_PAGES_MAX {
        return Err(PutError::Limit { what: "the number of pages" });
    }
    if pages.iter().any(|page| page.bytes.len() > limits::PAGE_BYTES_MAX) {
        return Err(PutError::Limit { what: "a page" });
    }
    if pages.iter().map(|page| page.bytes.len()).sum::<usize>() > limits::PUT_BYTES_MAX {
        return Err(PutError::Limit { what: "the pages of one call" });
    }
    match pages.iter().find(|page| tickworld_sim::hash::hash(&page.bytes) != page.hash) {
        Some(page) => Err(PutError::Hash { hash: page.hash }),
        None => Ok(()),
    }
}
