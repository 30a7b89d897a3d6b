//! The digests of a state at every level of a descent, computed alike by both sides.
//!
//! Invariant: what is absent has the digest zero; everything else is hashed with its level's name, so that levels never mix.

use alloc::vec::Vec;

use crate::{
    column::{PageEntry, column_root, table_hash},
    hash::{Hasher, ShortHash},
    schema::ColumnType,
};

use super::super::view::{StateView, page_rows_of};

/// Pages in a group.
pub(super) const GROUP_PAGES: u32 = 32;
/// Rows in a block.
pub(super) const BLOCK_ROWS: u32 = 32;
/// Rows up to this long are sent instead of their digests.
const SHORT_ROW_BYTES: usize = 16;

/// What absent things have.
pub(super) const ABSENT: ShortHash = ShortHash([0; 8]);

/// Whether a block's rows are sent whole.
pub(super) fn has_short_rows(ty: &ColumnType) -> bool {
    ty.ty.size() <= SHORT_ROW_BYTES
}

/// Whether a page has too few blocks for a level of their own.
pub(super) const fn has_few_blocks(ty: &ColumnType) -> bool {
    ty.page_rows as u32 <= 2 * BLOCK_ROWS
}

/// Every column's root.
pub(super) fn columns(view: &dyn StateView) -> Vec<ShortHash> {
    let columns = view.schema().columns.iter().enumerate();
    columns.map(|(at, column)| column_root(&column.name, table_hash(view.pages(at).into_iter())).short()).collect()
}

/// Every group of a column up to its last page.
pub(super) fn groups(view: &dyn StateView, column: usize) -> Vec<ShortHash> {
    let pages = view.pages(column);
    let count = pages.last().map_or(0, |last| (last.page / GROUP_PAGES).saturating_add(1));
    let mut rest = pages.as_slice();
    (0..count)
        .map(|group| {
            let (here, later) = rest.split_at(rest.partition_point(|entry| entry.page / GROUP_PAGES <= group));
            rest = later;
            if here.is_empty() { ABSENT } else { entries(b"tickworld.descent.group.1", here) }
        })
        .collect()
}

/// The pages of a group.
pub(super) fn pages(view: &dyn StateView, column: usize, group: u32) -> Vec<ShortHash> {
    let first = group.saturating_mul(GROUP_PAGES);
    let digest = |page| match view.page_entry(column, page) {
        Some(entry) => entries(b"tickworld.descent.page.1", &[entry]),
        None => ABSENT,
    };
    (first..first.saturating_add(GROUP_PAGES)).map(digest).collect()
}

/// The blocks of a page.
pub(super) fn blocks(view: &dyn StateView, column: usize, page: u32) -> Vec<ShortHash> {
    let page_rows = view.schema().columns.get(column).map_or(0, |ty| u32::from(ty.page_rows));
    (0..page_rows / BLOCK_ROWS).map(|block| block_digest(&rows(view, column, page, block))).collect()
}

/// The rows of a block; empty where the page is absent.
pub(super) fn rows(view: &dyn StateView, column: usize, page: u32, block: u32) -> Vec<Option<Vec<u8>>> {
    let first = block.saturating_mul(BLOCK_ROWS) as usize;
    let mut bytes = Vec::new();
    let ty = view.schema().columns.get(column);
    let parsed = view.page_entry(column, page).zip(ty).and_then(|(entry, ty)| {
        view.page_bytes(column, page, &mut bytes);
        page_rows_of(&bytes, &entry, ty).ok()
    });
    let row = |at| parsed.as_ref().and_then(|page| page.row(at)).map(Vec::from);
    (first..first.saturating_add(BLOCK_ROWS as usize)).map(row).collect()
}

/// The digest of each row.
pub(super) fn row_digests(rows: &[Option<Vec<u8>>]) -> Vec<ShortHash> {
    let digest = |row: &Option<Vec<u8>>| match row {
        Some(row) => Hasher::new(b"tickworld.descent.row.1").update(row).finish().short(),
        None => ABSENT,
    };
    rows.iter().map(digest).collect()
}

fn block_digest(rows: &[Option<Vec<u8>>]) -> ShortHash {
    if rows.iter().all(Option::is_none) {
        return ABSENT;
    }
    let mut hasher = Hasher::new(b"tickworld.descent.block.1");
    for row in rows {
        hasher.update(&[u8::from(row.is_some())]);
        hasher.update(row.as_deref().unwrap_or_default());
    }
    hasher.finish().short()
}

fn entries(domain: &'static [u8], entries: &[PageEntry]) -> ShortHash {
    let mut hasher = Hasher::new(domain);
    for entry in entries {
        hasher.update(&entry.page.to_le_bytes());
        hasher.update(&entry.row_count.to_le_bytes());
        hasher.update(&entry.hash.0);
    }
    hasher.finish().short()
}
