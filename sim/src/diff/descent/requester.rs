//! [`Requester`]: the side of a descent that asks.
//!
//! Invariant: at most six round trips, each level once; what a peer answers is checked for kind and number before it is used,
//! and a peer whose lower level does not hold the difference that its upper level showed is told so.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    column::PageEntry,
    hash::ShortHash,
    limits,
    schema::{ColumnType, RowKind, Schema},
    world::WorldHead,
};

use super::{
    super::{
        view::StateView,
        worlds::{DiffError, Difference, named, row_fields},
    },
    digest::{self, ABSENT, BLOCK_ROWS, GROUP_PAGES, has_few_blocks},
    message::{Answer, Item, Request, Response},
};

/// A descent under way.
pub struct Requester<'s> {
    own: &'s dyn StateView,
    branches: usize,
    items: Vec<Item>,
    is_asked: bool,
    columns: Vec<String>,
    /// The peer's rows, by column and number.
    rows: BTreeMap<(u16, u32), Option<Vec<u8>>>,
    /// Rows that only help to name others.
    names: BTreeMap<(u16, u32), Option<Vec<u8>>>,
    alive_differs: bool,
    is_complete: bool,
    traffic: DescentTraffic,
}

/// What a descent costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DescentTraffic {
    /// Requests that were answered.
    pub round_trips: u32,
    /// Bytes of requests.
    pub sent_bytes: u64,
    /// Bytes of responses.
    pub received_bytes: u64,
}

/// What a descent found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescentReport {
    /// Every column that differs.
    pub columns: Vec<String>,
    /// The differing fields of the rows that were followed: own on the left, the peer's on the right.
    pub differences: Vec<Difference>,
    /// Whether every difference was followed; else there are more.
    pub is_complete: bool,
    /// What it cost.
    pub traffic: DescentTraffic,
}

/// Why a descent ends without a report. But for [`Other`](Self::Other) the peer is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescentError {
    /// The peer has not that tick.
    #[error("the peer cannot answer for this tick")]
    Unavailable,
    /// The peer's world of that tick has another schema, revision or content: that is the difference.
    #[error("the peer's world of tick {} has another {}", own.tick, differing_words(own, peer))]
    Other {
        /// What the own world has.
        own: Box<WorldHead>,
        /// What the peer says its own has.
        peer: Box<WorldHead>,
    },
    /// A response without a request before it.
    #[error("the peer answered without being asked")]
    Unasked,
    /// Another number of answers than questions, or answers of another kind or length.
    #[error("answer {index} does not fit its question")]
    Form {
        /// Position in the response.
        index: usize,
    },
    /// A level below that does not hold the difference shown above.
    #[error("the peer's answers contradict each other: no difference below {place}")]
    Contradiction {
        /// What was asked for, or the columns below which the difference must be.
        place: String,
    },
    /// A row that is malformed.
    #[error(transparent)]
    Row(#[from] DiffError),
}

/// What of two heads is not the same.
fn differing_words(own: &WorldHead, peer: &WorldHead) -> String {
    let words = [
        (own.schema != peer.schema, "schema"),
        (own.revision != peer.revision, "rules revision"),
        (own.content != peer.content, "content"),
    ];
    let differing: Vec<&str> = words.iter().filter(|(differs, _)| *differs).map(|(_, word)| *word).collect();
    differing.join(", ")
}

impl<'s> Requester<'s> {
    /// Begins to compare `own` with a peer's state of the same tick, following at most `branches` differences a level
    /// (1 finds one differing row; at most [`DESCENT_BRANCHES_MAX`](limits::DESCENT_BRANCHES_MAX)).
    #[must_use]
    pub fn new(own: &'s dyn StateView, branches: u8) -> Self {
        let branches = branches.clamp(1, limits::DESCENT_BRANCHES_MAX);
        Self {
            own,
            branches: usize::from(branches),
            items: Vec::from([Item::Columns]),
            is_asked: false,
            columns: Vec::new(),
            rows: BTreeMap::new(),
            names: BTreeMap::new(),
            alive_differs: false,
            is_complete: true,
            traffic: DescentTraffic::default(),
        }
    }

    /// The next request to send; `None` while one is unanswered and at the end.
    pub fn poll_request(&mut self) -> Option<Request> {
        if self.is_asked || self.items.is_empty() {
            return None;
        }
        let request = Request { head: self.own.head(), items: self.items.clone() };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        self.traffic.sent_bytes = self.traffic.sent_bytes.saturating_add(bytes.len() as u64);
        self.is_asked = true;
        Some(request)
    }

    /// Whether nothing is left to ask.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes the response to the request given last.
    ///
    /// # Errors
    /// When the peer is at fault; the descent is then at its end.
    pub fn handle_response(&mut self, response: &Response) -> Result<(), DescentError> {
        if !core::mem::take(&mut self.is_asked) {
            return Err(DescentError::Unasked);
        }
        let items = core::mem::take(&mut self.items);
        self.traffic.received_bytes = self.traffic.received_bytes.saturating_add(response.byte_count());
        self.traffic.round_trips = self.traffic.round_trips.saturating_add(1);
        let answers = match response {
            Response::Answers(answers) => answers,
            Response::Unavailable => return Err(DescentError::Unavailable),
            Response::Other(peer) => {
                let own = self.own.head();
                if peer.tick != own.tick || *peer == own {
                    return Err(DescentError::Unavailable);
                }
                return Err(DescentError::Other { own: Box::new(own), peer: Box::new(*peer) });
            }
        };
        if answers.len() != items.len() {
            return Err(DescentError::Form { index: answers.len().min(items.len()) });
        }
        let mut next = Vec::new();
        for (index, (item, answer)) in items.into_iter().zip(answers).enumerate() {
            let differing = self.next_items(item, answer).ok_or(DescentError::Form { index })?;
            // A page of few blocks is asked for as its blocks: one of them may be equal.
            let is_half = matches!(item, Item::Rows { column, .. } if self.column(column).is_some_and(has_few_blocks));
            let is_leaf = matches!(item, Item::Row { .. } | Item::Columns);
            let is_found = self.rows_found(item);
            if differing.is_empty() && !is_leaf && !is_half && !is_found {
                return Err(DescentError::Contradiction { place: alloc::format!("{item:?}") });
            }
            next.extend(differing);
        }
        self.items = self.cut(next);
        Ok(())
    }

    /// What was found.
    ///
    /// # Errors
    /// When a row of the peer is malformed, or its levels contradict each other.
    pub fn into_report(self) -> Result<DescentReport, DescentError> {
        let peer = Overlay { own: self.own, rows: &self.rows, names: &self.names };
        let mut differences = Vec::new();
        for ((column, row), theirs) in &self.rows {
            let Some(ty) = self.column(*column) else { continue };
            let page = row.checked_div(u32::from(ty.page_rows)).unwrap_or(0);
            let mut mine = Vec::new();
            let mine = self.own.row_bytes(usize::from(*column), *row, &mut mine).then_some(mine);
            let fields = row_fields(ty, page, [mine.as_deref(), theirs.as_deref()])?;
            differences.extend(named(self.own, &peer, ty, page, *row, fields));
        }
        if differences.is_empty() && !self.columns.is_empty() {
            return Err(DescentError::Contradiction { place: self.columns.join(", ") });
        }
        Ok(DescentReport { columns: self.columns, differences, is_complete: self.is_complete, traffic: self.traffic })
    }

    fn column(&self, column: u16) -> Option<&ColumnType> {
        self.own.schema().columns.get(usize::from(column))
    }

    fn rows_found(&self, item: Item) -> bool {
        match item {
            Item::Rows { column, page, block } => {
                let page_rows = self.column(column).map_or(0, |ty| u32::from(ty.page_rows));
                let first = page.saturating_mul(page_rows).saturating_add(u32::from(block) * BLOCK_ROWS);
                let last = first.saturating_add(BLOCK_ROWS - 1);
                self.rows.range((column, first)..=(column, last)).next().is_some()
            }
            _ => false,
        }
    }

    /// Compares an answer with the own state: what to ask next. `None` where it does not fit the question.
    fn next_items(&mut self, item: Item, answer: &Answer) -> Option<Vec<Item>> {
        match (item, answer) {
            (Item::Columns, Answer::Digests(theirs)) => self.after_columns(theirs),
            (Item::Groups { column }, Answer::Digests(theirs)) => {
                let mine = digest::groups(self.own, usize::from(column));
                let differing = differing(&mine, theirs);
                Some(differing.map(|group| Item::Pages { column, group }).collect())
            }
            (Item::Groups { column }, Answer::Pages(theirs)) => {
                let mut items = self.after_pages(column, 0, theirs)?;
                let mine = digest::groups(self.own, usize::from(column));
                let further = (1_u32..).zip(mine.iter().skip(1)).filter(|(_, digest)| **digest != ABSENT);
                items.extend(further.map(|(group, _)| Item::Pages { column, group }));
                Some(items)
            }
            (Item::Pages { column, group }, Answer::Digests(theirs)) => self.after_pages(column, group, theirs),
            (Item::Blocks { column, page }, Answer::Digests(theirs)) => {
                let mine = digest::blocks(self.own, usize::from(column), page);
                let block = |block: u32| Some(Item::Rows { column, page, block: u8::try_from(block).ok()? });
                (mine.len() == theirs.len()).then(|| differing(&mine, theirs).filter_map(block).collect())
            }
            (Item::Rows { column, page, block }, answer) => self.after_rows(column, page, block, answer),
            (Item::Row { column, row }, Answer::Rows(rows)) => {
                let [theirs] = rows.as_slice() else { return None };
                let ty = self.column(column)?;
                if theirs.as_ref().is_some_and(|row| row.len() != ty.ty.size()) {
                    return None;
                }
                let is_name =
                    !self.columns.iter().any(|name| *name == ty.name) || self.is_name_only(column, row, theirs);
                let list = if is_name { &mut self.names } else { &mut self.rows };
                list.insert((column, row), theirs.clone());
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// Whether a row was asked for only because it names another: it is the same on both sides.
    fn is_name_only(&self, column: u16, row: u32, theirs: &Option<Vec<u8>>) -> bool {
        let mut mine = Vec::new();
        let mine = self.own.row_bytes(usize::from(column), row, &mut mine).then_some(mine);
        mine == *theirs
    }

    fn after_columns(&mut self, theirs: &[ShortHash]) -> Option<Vec<Item>> {
        let mine = digest::columns(self.own);
        if mine.len() != theirs.len() {
            return None;
        }
        let mut items = Vec::new();
        for at in differing(&mine, theirs) {
            let column = u16::try_from(at).ok()?;
            let ty = self.column(column)?;
            let (name, kind) = (ty.name.to_string(), ty.rows);
            self.alive_differs |= name == ALIVE;
            self.columns.push(name);
            items.push(match kind {
                RowKind::Resource => Item::Row { column, row: 0 },
                _ => Item::Groups { column },
            });
        }
        Some(items)
    }

    fn after_pages(&self, column: u16, group: u32, theirs: &[ShortHash]) -> Option<Vec<Item>> {
        let mine = digest::pages(self.own, usize::from(column), group);
        if mine.len() != theirs.len() {
            return None;
        }
        let ty = self.column(column)?;
        let mut items = Vec::new();
        for at in differing(&mine, theirs) {
            let page = group.checked_mul(GROUP_PAGES)?.checked_add(at)?;
            if has_few_blocks(ty) {
                items.extend([0, 1].map(|block| Item::Rows { column, page, block }));
            } else {
                items.push(Item::Blocks { column, page });
            }
        }
        Some(items)
    }

    fn after_rows(&mut self, column: u16, page: u32, block: u8, answer: &Answer) -> Option<Vec<Item>> {
        let mine = digest::rows(self.own, usize::from(column), page, u32::from(block));
        let ty = self.column(column)?;
        let (kind, size) = (ty.rows, ty.ty.size());
        let first = page.checked_mul(u32::from(ty.page_rows))?.checked_add(u32::from(block) * BLOCK_ROWS)?;
        let mut items = Vec::new();
        match answer {
            Answer::Rows(theirs) if theirs.len() == mine.len() => {
                for ((row, mine), theirs) in (first..).zip(&mine).zip(theirs) {
                    if theirs.as_ref().is_some_and(|row| row.len() != size) {
                        return None;
                    }
                    if mine != theirs {
                        self.rows.insert((column, row), theirs.clone());
                        items.extend(self.name_item(column, kind, row));
                    }
                }
            }
            Answer::Digests(theirs) if theirs.len() == mine.len() => {
                for at in differing(&digest::row_digests(&mine), theirs) {
                    let row = first.checked_add(at)?;
                    items.push(Item::Row { column, row });
                    items.extend(self.name_item(column, kind, row));
                }
            }
            _ => return None,
        }
        Some(items)
    }

    /// Asks who lives in the row at the peer's, where that may be someone else.
    fn name_item(&self, column: u16, kind: RowKind, row: u32) -> Option<Item> {
        let (alive, _) = self.own.column(ALIVE).filter(|_| self.alive_differs && kind == RowKind::Entity)?;
        let alive = u16::try_from(alive).ok().filter(|alive| *alive != column)?;
        Some(Item::Row { column: alive, row })
    }

    /// Keeps as many items as are followed. Halves of a page and names belong to the one before.
    fn cut(&mut self, items: Vec<Item>) -> Vec<Item> {
        let mut kept = Vec::new();
        let mut followed = 0_usize;
        for item in items {
            let is_part = match item {
                Item::Rows { column, block, .. } => block > 0 && self.column(column).is_some_and(has_few_blocks),
                Item::Row { column, .. } => self.column(column).is_some_and(|ty| ty.name == ALIVE) && !kept.is_empty(),
                _ => false,
            };
            followed = followed.saturating_add(usize::from(!is_part));
            if followed > self.branches || kept.len() >= usize::from(limits::DESCENT_ITEMS_MAX) {
                self.is_complete = false;
                break;
            }
            kept.push(item);
        }
        kept
    }
}

const ALIVE: &str = "entities.alive";

/// Positions at which two lists differ; what one of them lacks counts as absent.
fn differing(mine: &[ShortHash], theirs: &[ShortHash]) -> impl Iterator<Item = u32> + use<> {
    let count = mine.len().max(theirs.len());
    let at = |list: &[ShortHash], at: usize| list.get(at).copied().unwrap_or(ABSENT);
    let found: Vec<u32> =
        (0_u32..).zip(0..count).filter(|(_, i)| at(mine, *i) != at(theirs, *i)).map(|(number, _)| number).collect();
    found.into_iter()
}

/// The own state with the rows that the peer sent: enough to name things as the peer sees them.
struct Overlay<'a> {
    own: &'a dyn StateView,
    rows: &'a BTreeMap<(u16, u32), Option<Vec<u8>>>,
    names: &'a BTreeMap<(u16, u32), Option<Vec<u8>>>,
}

impl StateView for Overlay<'_> {
    fn schema(&self) -> &Schema {
        self.own.schema()
    }

    fn head(&self) -> WorldHead {
        self.own.head()
    }

    fn pages(&self, column: usize) -> Vec<PageEntry> {
        self.own.pages(column)
    }

    fn page_entry(&self, column: usize, page: u32) -> Option<PageEntry> {
        self.own.page_entry(column, page)
    }

    fn page_bytes(&self, column: usize, page: u32, out: &mut Vec<u8>) -> bool {
        self.own.page_bytes(column, page, out)
    }

    fn row_bytes(&self, column: usize, row: u32, out: &mut Vec<u8>) -> bool {
        let key = (u16::try_from(column).unwrap_or(u16::MAX), row);
        match self.rows.get(&key).or_else(|| self.names.get(&key)) {
            Some(theirs) => theirs.as_ref().map(|row| out.extend_from_slice(row)).is_some(),
            None => self.own.row_bytes(column, row, out),
        }
    }
}
