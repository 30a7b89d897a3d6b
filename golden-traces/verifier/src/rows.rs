//! How many rows a tick changed: the measure of how much a comparison compared.

use tickworld_rules::Rules;
use tickworld_sim::{
    column::{PageBytes, Pages},
    schema::{ColumnType, Schema},
    world::World,
};

/// Rows whose canonical bytes differ between two hashed worlds, those that only one has among them.
pub(crate) fn changed(before: &World<Rules>, after: &World<Rules>, schema: &Schema) -> u64 {
    let columns = before.column_list().into_iter().zip(after.column_list());
    columns.zip(&schema.columns).map(|(((_, before), (_, after)), ty)| changed_in(before, after, ty)).sum()
}

fn changed_in(before: &dyn Pages, after: &dyn Pages, ty: &ColumnType) -> u64 {
    let mut count = 0;
    for page in 0..before.page_limit().max(after.page_limit()) {
        if before.page_hash(page) == after.page_hash(page) {
            continue;
        }
        let [mut left, mut right] = [Vec::new(), Vec::new()];
        let [left, right] = [rows(before, page, ty, &mut left), rows(after, page, ty, &mut right)];
        let differs = |at: &usize| bytes(left.as_ref(), *at) != bytes(right.as_ref(), *at);
        count += (0..usize::from(ty.page_rows)).filter(differs).count() as u64;
    }
    count
}

fn bytes<'b>(rows: Option<&PageBytes<'b>>, at: usize) -> Option<&'b [u8]> {
    rows.and_then(|rows| rows.row(at))
}

fn rows<'b>(column: &dyn Pages, page: u32, ty: &ColumnType, bytes: &'b mut Vec<u8>) -> Option<PageBytes<'b>> {
    if !column.page_bytes(page, bytes) {
        return None;
    }
    let count = column.page_row_count(page);
    Some(
        PageBytes::parse(bytes, count, ty.ty.size(), usize::from(ty.page_rows))
            .expect("a live page encodes canonically"),
    )
}
