//! [`RawState`]: a world of a trace as pages and schema, for builds that do not know its game.
//!
//! Invariant: every page has the hash that the manifest gives it, and the manifest the root recorded for its tick, so what a
//! raw state says is what the recorder had. A page that stands for several is held once, and all together
//! are bounded.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    hash::Hash,
    limits,
    schema::Schema,
    snapshot::Manifest,
};

/// A world as its pages.
#[derive(Clone, Debug)]
pub struct RawState {
    pub(super) schema: Arc<Schema>,
    pub(super) manifest: Manifest,
    /// Like the manifest's columns.
    pub(super) pages: Vec<Vec<Arc<[u8]>>>,
}

impl RawState {
    /// Names and types of everything in it.
    #[must_use]
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Its head and page hashes.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Canonical bytes of a page, if it has rows. O(log pages).
    #[must_use]
    pub fn page(&self, column: usize, page: u32) -> Option<&[u8]> {
        let at = self.manifest.columns.get(column)?.binary_search_by_key(&page, |entry| entry.page).ok()?;
        self.pages.get(column)?.get(at).map(|bytes| &**bytes)
    }
}

/// Pages already read and checked, by offset: hash and bytes.
#[derive(Default)]
pub(super) struct PageCache {
    pages: BTreeMap<u64, (Hash, Arc<[u8]>)>,
    bytes: u64,
}

impl PageCache {
    /// The page at `offset` if it was read and has this hash.
    pub(super) fn find(&self, offset: u64, hash: Hash) -> Option<Arc<[u8]>> {
        self.pages.get(&offset).filter(|(known, _)| *known == hash).map(|(_, page)| page.clone())
    }

    /// Keeps a page; `Err` gives the bytes of all, where they are over [`WORLD_BYTES_MAX`](limits::WORLD_BYTES_MAX).
    pub(super) fn keep(&mut self, offset: u64, hash: Hash, page: Vec<u8>) -> Result<Arc<[u8]>, u64> {
        self.bytes = self.bytes.saturating_add(page.len() as u64);
        if self.bytes > limits::WORLD_BYTES_MAX {
            return Err(self.bytes);
        }
        let page: Arc<[u8]> = page.into();
        self.pages.insert(offset, (hash, page.clone()));
        Ok(page)
    }
}

/// A manifest and where its pages are: the body of a keyframe or evidence record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StateBody {
    pub(super) manifest: Manifest,
    /// Like the manifest's columns: offsets of page records.
    pub(super) offsets: Vec<Vec<u64>>,
}

impl StateBody {
    // DOC:STATE
    /// 0    4  manifest  length M, then its bytes ("Snapshot")
    /// 4+M  ...  offsets   for each page entry of the manifest, in its order: offset (8) of the page's record, which stands
    ///                   before this one
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        let manifest = out.len();
        self.manifest.encode(out);
        // A longer one is refused with the record that it is in.
        let length = u32::try_from(out.len().saturating_sub(manifest)).unwrap_or(u32::MAX);
        out[start..manifest].copy_from_slice(&length.to_le_bytes());
        self.offsets.iter().flatten().for_each(|at| out.extend_from_slice(&at.to_le_bytes()));
    }

    /// `at` is where the record begins: pages stand before it.
    pub(super) fn decode(bytes: &[u8], schema: &Schema, at: u64) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let length: u32 = reader.value()?;
        let manifest = Manifest::decode(reader.take(length as usize)?, schema).map_err(|e| e.shift(4))?;
        let mut offsets = Vec::with_capacity(manifest.columns.len());
        for pages in &manifest.columns {
            if pages.len() > reader.left() / 8 {
                return Err(reader.fail(DecodeCause::Range));
            }
            let mut column = Vec::with_capacity(pages.len());
            for _ in pages {
                let offset: u64 = reader.value()?;
                if offset >= at {
                    return Err(reader.fail(DecodeCause::Form("a page stands after the record that names it")));
                }
                column.push(offset);
            }
            offsets.push(column);
        }
        reader.end()?;
        Ok(Self { manifest, offsets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_once_and_bounded_together() {
        let mut cache = PageCache { bytes: limits::WORLD_BYTES_MAX - 100, ..PageCache::default() };
        let hash = crate::hash::hash(&[1; 60]);
        assert!(cache.keep(20, hash, alloc::vec![1; 60]).is_ok());
        assert!(cache.find(20, hash).is_some() && cache.find(20, Hash::ZERO).is_none());
        assert_eq!(cache.keep(99, hash, alloc::vec![1; 60]), Err(limits::WORLD_BYTES_MAX + 20));
    }
}
