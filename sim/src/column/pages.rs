//! [`Pages`]: what root, snapshot, trace and diff see of a column, whatever its rows are.
//!
//! Invariant: hashes are of canonical bytes only, and equal contents have equal hashes however they came about.

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::{
    component::DecodeError,
    hash::{Hash, Hasher, hash},
    schema::{ColumnType, RowKind, Type},
};

/// Work that may run on any thread.
pub type Job<'a> = Box<dyn FnOnce() + Send + 'a>;

/// A column without the type of its rows.
pub trait Pages: Send + Sync {
    /// What a row stands for.
    fn row_kind(&self) -> RowKind;

    /// The type of a row.
    fn row_type(&self) -> Type;

    /// Rows per page.
    fn page_rows(&self) -> u16;

    /// One more than the highest page number in use, or more.
    fn page_limit(&self) -> u32;

    /// Hash of a page's canonical bytes; `None` where no row is present. O(1) unless the page is dirty.
    ///
    /// Together with the row count it tells what the page holds; alone it does not (a dense page has no presence words).
    fn page_hash(&self, page: u32) -> Option<Hash>;

    /// Rows present in a page.
    fn page_row_count(&self, page: u32) -> u32;

    /// Appends a page's canonical bytes; gives whether there were any.
    fn page_bytes(&self, page: u32, out: &mut Vec<u8>) -> bool;

    /// Replaces a page by what canonical bytes of `row_count` rows say.
    ///
    /// # Errors
    /// Where `bytes` are not the canonical bytes of a page; the column is then unchanged.
    fn load_page(&mut self, page: u32, row_count: u32, bytes: &[u8]) -> Result<(), DecodeError>;

    /// Bytes of memory that these pages, ascending, would take at most once they are loaded, with the table that leads to them.
    fn memory_bytes(&self, pages: &[PageEntry]) -> u64;

    /// Appends the canonical bytes of a row; gives whether it is present.
    fn row_bytes(&self, row: u32, out: &mut Vec<u8>) -> bool;

    /// Jobs that hash the dirty pages; afterwards [`seal`](Self::seal) is cheap.
    fn hash_jobs<'a>(&'a mut self, jobs: &mut Vec<Job<'a>>);

    /// Hashes what is dirty, keeps the hashes, and gives the digest of the page table. `scratch` is any buffer.
    fn seal(&mut self, scratch: &mut Vec<u8>) -> Hash;

    /// Drops every row.
    fn clear(&mut self);

    /// Number of pages without a hash.
    fn dirty_page_count(&self) -> u32;

    /// Memory of the pages that are dirty and of the page table, if any is: what a kept clone of before does not share.
    fn dirty_bytes(&self) -> u64;

    /// Number of rows on pages without a hash.
    fn dirty_row_count(&self) -> u32;

    /// The column as the schema describes it.
    fn describe(&self, name: &str) -> ColumnType {
        ColumnType {
            name: String::from(name).into(),
            rows: self.row_kind(),
            page_rows: self.page_rows(),
            ty: self.row_type(),
        }
    }

    /// The column root under a name. O(pages).
    fn root(&self, name: &str) -> Hash {
        column_root(name, self.table_hash())
    }

    /// The digest of the page table. O(pages).
    fn table_hash(&self) -> Hash {
        let pages = (0..self.page_limit()).filter_map(|page| {
            let hash = self.page_hash(page)?;
            Some(PageEntry { page, row_count: self.page_row_count(page), hash })
        });
        table_hash(pages)
    }
}

/// A page as its column's root binds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEntry {
    /// The page's number, from 0: its first row's number divided by the rows of a page.
    pub page: u32,
    /// Rows present, at least one.
    pub row_count: u32,
    /// Hash of the page's canonical bytes.
    pub hash: Hash,
}

// DOC:COLUMN_ROOT
// Page table: BLAKE3 over 17 "tickworld.table.1", then for each page with rows, ascending: page number (4), row count (4),
// BLAKE3 of the page's bytes (32).
// Column root: BLAKE3 over 18 "tickworld.column.1", name length (1), name, page table (32).
// The number before a quoted name is the name's length as one byte.
// DOC:END
/// The digest of a page table (docs/FORMATS.md, "Column root"); `pages` ascending by number, only those with rows.
pub fn table_hash(pages: impl Iterator<Item = PageEntry>) -> Hash {
    // Gathered first: BLAKE3 takes a table of a hundred pages in one piece four times as fast as entry by entry.
    let mut bytes = Vec::with_capacity(4096);
    bytes.extend_from_slice(b"\x11tickworld.table.1");
    for entry in pages {
        bytes.extend_from_slice(&entry.page.to_le_bytes());
        bytes.extend_from_slice(&entry.row_count.to_le_bytes());
        bytes.extend_from_slice(&entry.hash.0);
    }
    hash(&bytes)
}

/// The column root: a column's name and its page table. The table has a digest of its own because a column that was sealed
/// under one name may be moved or cloned to another.
#[must_use]
pub fn column_root(name: &str, table: Hash) -> Hash {
    let mut hasher = Hasher::new(b"tickworld.column.1");
    hasher.update(&[u8::try_from(name.len()).expect("names are at most 64 bytes long")]);
    hasher.update(name.as_bytes());
    hasher.update(&table.0);
    hasher.finish()
}
