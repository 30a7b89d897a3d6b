//! [`answer`]: the side of a descent that is asked.
//!
//! Invariant: keeps nothing between questions. What an item asks for that is not there is answered as absent; the size of an
//! answer is bounded by the limits, whatever is asked.

use alloc::vec;

use crate::limits;

use super::{
    super::view::StateView,
    digest::{self, BLOCK_ROWS, GROUP_PAGES},
    message::{Answer, Item, Request, Response},
};

/// Answers a request about `state`, hashed and of the tick that is meant; the caller picks it from its snapshots.
///
/// Costs a page's encoding for each item about rows, and the page hashes of a column for others.
#[must_use]
pub fn answer(state: &dyn StateView, request: &Request) -> Response {
    let head = state.head();
    if head.tick != request.head.tick || request.items.len() > usize::from(limits::DESCENT_ITEMS_MAX) {
        return Response::Unavailable;
    }
    if head != request.head {
        return Response::Other(head);
    }
    Response::Answers(request.items.iter().map(|item| answer_item(state, *item)).collect())
}

fn answer_item(state: &dyn StateView, item: Item) -> Answer {
    match item {
        Item::Columns => Answer::Digests(digest::columns(state)),
        Item::Groups { column } => {
            let column = usize::from(column);
            let single = state.pages(column).last().is_none_or(|last| last.page < GROUP_PAGES);
            if single {
                Answer::Pages(digest::pages(state, column, 0))
            } else {
                Answer::Digests(digest::groups(state, column))
            }
        }
        Item::Pages { column, group } => Answer::Digests(digest::pages(state, usize::from(column), group)),
        Item::Blocks { column, page } => Answer::Digests(digest::blocks(state, usize::from(column), page)),
        Item::Rows { column, page, block } => {
            let rows = digest::rows(state, usize::from(column), page, u32::from(block));
            let is_short = state.schema().columns.get(usize::from(column)).is_some_and(digest::has_short_rows);
            if is_short { Answer::Rows(rows) } else { Answer::Digests(digest::row_digests(&rows)) }
        }
        Item::Row { column, row } => {
            let mut bytes = vec![];
            let present = state.row_bytes(usize::from(column), row, &mut bytes);
            Answer::Rows(vec![present.then_some(bytes)])
        }
    }
}

const _: () = assert!(BLOCK_ROWS == 32, "an answer's presence word has 32 bits");
