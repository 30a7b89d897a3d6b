//! [`Column`]: one component for all entities, in hashed copy-on-write pages.
//!
//! Invariant: a page without a hash is *dirty*, one with a hash has not changed since it was computed; a page without rows
//! does not exist; clones share pages. Rows are addressed by [`Row`], so a stale handle never reaches a column.
//! It does not know whether an entity lives: that is the business of [`Entities`](crate::entities::Entities).
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "page coordinates: rows are u32, pages and words are bounded by limits::RUNS_MAX, divisors are not zero"
)]

mod iter;
mod page;
mod pages;

use alloc::{boxed::Box, sync::Arc, vec::Vec};

pub use iter::Rows;
pub use page::PageBytes;
pub(crate) use page::{BLOCK_ROWS, Page, RUN_ROWS, RUN_WORDS, ones};
pub use pages::{Job, PageEntry, Pages, column_root, table_hash};

use crate::{
    component::{Component, DecodeCause, DecodeError},
    entity::Row,
    hash::{Hash, hash},
    limits,
    parcel::{Packer, Unpacker},
    part::{Living, Part},
    schema::{RowKind, Type},
};

/// Rows per page for rows of `row_bytes`: the largest power of two with a page of at most 16 KiB, from 64 to 1,024.
#[must_use]
pub const fn page_rows(row_bytes: usize) -> u16 {
    let mut rows = RUN_ROWS;
    while rows > BLOCK_ROWS && rows * row_bytes > limits::PAGE_BYTES_MAX {
        rows /= 2;
    }
    rows as u16
}

/// A component for all entities that have it.
///
/// A row is at most 256 bytes long ([`ROW_BYTES_MAX`](limits::ROW_BYTES_MAX)); a column of longer ones does not compile. What
/// grows belongs into a [`ListColumn`](crate::list::ListColumn), what is read by other systems into a column of its own: a write
/// to any field hashes its whole page again.
///
/// ```
/// use tickworld_sim::{column::Column, entities::Entities, entity::Band};
///
/// let mut entities = Entities::default();
/// let mut health = Column::default();
/// let goblin = entities.spawn(Band(0)).expect("an empty world has room");
/// let row = entities.row(goblin).expect("just spawned");
/// health.set(row, 7_i32);
/// let snapshot = health.clone();
/// health.modify(row, |hp| *hp -= 5);
/// assert_eq!((health.get(row), snapshot.get(row)), (Some(&2), Some(&7)));
/// ```
#[derive(Clone)]
pub struct Column<T> {
    /// A whole number of runs. Shared with clones until one of them is written: a snapshot pays for what changes, not for
    /// what there is.
    slots: Arc<Vec<Slot<T>>>,
    /// The digest of the page table, while no page is dirty.
    pub(crate) table: Option<Hash>,
    kind: RowKind,
}

pub(crate) struct Slot<T> {
    pub(crate) page: Option<Page<T>>,
    /// Of the page as it is; `None` while dirty (or where there is no page).
    pub(crate) hash: Option<Hash>,
}

// By hand: a derive would ask for rows that can be cloned, which pages behind an `Arc` need not be.
impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self { page: self.page.clone(), hash: self.hash }
    }
}

/// What an allocation takes besides its rows: counters, and the allocator's own notes.
const PAGE_OVERHEAD_BYTES: usize = 32;

impl<T: Component> Slot<T> {
    const EMPTY: Self = Self { page: None, hash: None };

    fn sealed_hash(&self, scratch: &mut Vec<u8>) -> Option<Hash> {
        let page = self.page.as_ref()?;
        self.hash.or_else(|| {
            let shape = page.shape();
            let length = shape.encoded_bytes::<T>();
            if scratch.len() < length {
                scratch.resize(length, 0);
            }
            page.encode(shape, &mut scratch[..length]);
            Some(hash(&scratch[..length]))
        })
    }
}

impl<T: Component> Default for Column<T> {
    fn default() -> Self {
        Self::of_kind(RowKind::Entity)
    }
}

impl<T: Component> Column<T> {
    /// Rows per page.
    pub(crate) const PAGE_ROWS: usize = {
        assert!(T::SIZE <= limits::ROW_BYTES_MAX, "a row is at most 256 bytes long: keep lists in a ListColumn");
        page_rows(T::SIZE) as usize
    };
    /// Presence words per page.
    pub(crate) const PAGE_WORDS: usize = Self::PAGE_ROWS / BLOCK_ROWS;
    /// Pages per run.
    pub(crate) const RUN_PAGES: usize = RUN_ROWS / Self::PAGE_ROWS;

    /// An empty column whose rows stand for something else than entities.
    pub(crate) fn of_kind(kind: RowKind) -> Self {
        let _ = Self::PAGE_ROWS;
        Self { slots: Arc::new(Vec::new()), table: None, kind }
    }

    const fn place(row: Row) -> (usize, usize) {
        (row.index() as usize / Self::PAGE_ROWS, row.index() as usize % Self::PAGE_ROWS)
    }

    /// The value in `row`, if present.
    #[must_use]
    #[inline]
    pub fn get(&self, row: Row) -> Option<&T> {
        let (slot, at) = Self::place(row);
        self.slots.get(slot)?.page.as_ref()?.get(at)
    }

    /// Whether `row` is present.
    #[must_use]
    #[inline]
    pub fn contains(&self, row: Row) -> bool {
        self.get(row).is_some()
    }

    /// Puts `value` into `row`; a page that already says so stays clean.
    ///
    /// `row` is that of a living entity. A [`Row`] kept beyond its entity's life is a bug of the game: the tick panics at its
    /// end, and whoever is born there begins without what was written.
    pub fn set(&mut self, row: Row, value: T) {
        if self.get(row).is_some_and(|old| old.canonical_eq(&value)) {
            return;
        }
        let (slot, at) = Self::place(row);
        let slots = self.slots_mut();
        if slots.len() <= slot {
            let runs = slot / Self::RUN_PAGES + 1;
            assert!(runs <= limits::RUNS_MAX as usize, "row {} is beyond the last run", row.index());
            slots.resize(runs * Self::RUN_PAGES, Slot::EMPTY);
        }
        let slot = &mut slots[slot];
        slot.page.get_or_insert_with(Page::new).set(at, value);
        slot.hash = None;
    }

    /// Changes the value in `row` through `f`, if present; a page that is not changed stays clean.
    pub fn modify<R>(&mut self, row: Row, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut value = *self.get(row)?;
        let result = f(&mut value);
        self.set(row, value);
        Some(result)
    }

    /// The value in `row`, to change in place. The page counts as changed: prefer [`modify`](Self::modify) where it may not be.
    #[inline]
    pub fn get_mut(&mut self, row: Row) -> Option<&mut T> {
        if !self.contains(row) {
            return None;
        }
        let (slot, at) = Self::place(row);
        let slot = &mut self.slots_mut()[slot];
        let page = slot.page.as_mut()?;
        slot.hash = None;
        Some(&mut page.blocks_mut()[at / BLOCK_ROWS][at % BLOCK_ROWS])
    }

    /// Takes the value out of `row`.
    pub fn remove(&mut self, row: Row) -> Option<T> {
        let value = *self.get(row)?;
        let (slot, at) = Self::place(row);
        let slot = &mut self.slots_mut()[slot];
        let page = slot.page.as_mut().expect("the row is present");
        page.remove(at);
        if page.words() == 0 {
            slot.page = None;
        }
        slot.hash = None;
        Some(value)
    }

    /// Number of rows present. O(pages).
    #[must_use]
    pub fn len(&self) -> u32 {
        self.slots.iter().filter_map(|slot| slot.page.as_ref()).map(|page| page.row_count()).sum()
    }

    /// Whether no row is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.page.is_none())
    }

    /// Above every row that is present: rows are below it. O(1).
    pub(crate) fn row_limit(&self) -> u32 {
        (self.slots.len() * Self::PAGE_ROWS) as u32
    }

    /// The lowest row from that of the run of `from` on in which nothing is. O(runs).
    pub(crate) fn lowest_absent(&self, from: u32) -> u32 {
        let mut run = from as usize / RUN_ROWS;
        while run < self.run_count() {
            let words = self.run_words(run);
            if let Some(word) = words.iter().position(|word| *word != !0) {
                let at = ones(!words[word]).next().expect("a bit of the word is zero");
                return (run * RUN_ROWS + word * BLOCK_ROWS + at) as u32;
            }
            run += 1;
        }
        (run * RUN_ROWS) as u32
    }

    /// The column as it is now, to read while this one is written: a clone of the page table.
    #[must_use]
    pub fn freeze(&self) -> Self {
        self.clone()
    }

    /// Rows present in the words of run `run`: one word per 64 rows.
    pub(crate) fn run_words(&self, run: usize) -> [u64; RUN_WORDS] {
        let mut words = [0; RUN_WORDS];
        for (i, slot) in self.run_slots(run).iter().enumerate() {
            if let Some(page) = &slot.page {
                let at = i * Self::PAGE_WORDS;
                words[at..at + Self::PAGE_WORDS].copy_from_slice(&page.bits[..Self::PAGE_WORDS]);
            }
        }
        words
    }

    pub(crate) fn run_slots(&self, run: usize) -> &[Slot<T>] {
        let at = run * Self::RUN_PAGES;
        self.slots.get(at..at + Self::RUN_PAGES).unwrap_or_default()
    }

    /// The pages, to change: the table's digest is void from here on.
    pub(crate) fn slots_mut(&mut self) -> &mut Vec<Slot<T>> {
        self.table = None;
        Arc::make_mut(&mut self.slots)
    }

    pub(crate) fn slots(&self) -> &[Slot<T>] {
        &self.slots
    }

    pub(crate) fn run_count(&self) -> usize {
        self.slots.len() / Self::RUN_PAGES
    }

    pub(crate) fn adopt(&mut self, sealed: &Self) {
        if Arc::ptr_eq(&self.slots, &sealed.slots) {
            return;
        }
        for (mine, theirs) in Arc::make_mut(&mut self.slots).iter_mut().zip(sealed.slots.iter()) {
            if let (None, Some(a), Some(b)) = (mine.hash, &mine.page, &theirs.page)
                && a.is_shared_with(b)
            {
                mine.hash = theirs.hash;
            }
        }
    }
}

impl<T: Component> Pages for Column<T> {
    fn row_kind(&self) -> RowKind {
        self.kind
    }

    fn row_type(&self) -> Type {
        T::describe()
    }

    fn page_rows(&self) -> u16 {
        page_rows(T::SIZE)
    }

    fn page_limit(&self) -> u32 {
        self.slots.len() as u32
    }

    fn page_hash(&self, page: u32) -> Option<Hash> {
        self.slots.get(page as usize)?.sealed_hash(&mut Vec::new())
    }

    fn page_row_count(&self, page: u32) -> u32 {
        let slot = self.slots.get(page as usize);
        slot.and_then(|slot| slot.page.as_ref()).map_or(0, |page| page.row_count())
    }

    fn page_bytes(&self, page: u32, out: &mut Vec<u8>) -> bool {
        let Some(page) = self.slots.get(page as usize).and_then(|slot| slot.page.as_ref()) else { return false };
        let (start, shape) = (out.len(), page.shape());
        out.resize(start + shape.encoded_bytes::<T>(), 0);
        page.encode(shape, &mut out[start..]);
        true
    }

    fn load_page(&mut self, page: u32, row_count: u32, bytes: &[u8]) -> Result<(), DecodeError> {
        let loaded = Page::decode(bytes, row_count, Self::PAGE_ROWS)?;
        let runs = page as usize / Self::RUN_PAGES + 1;
        if runs > limits::RUNS_MAX as usize {
            return Err(DecodeError::new(DecodeCause::Form("page number")));
        }
        let slots = self.slots_mut();
        if slots.len() < runs * Self::RUN_PAGES {
            slots.resize(runs * Self::RUN_PAGES, Slot::EMPTY);
        }
        slots[page as usize] = Slot { page: Some(loaded), hash: Some(hash(bytes)) };
        Ok(())
    }

    fn memory_bytes(&self, pages: &[PageEntry]) -> u64 {
        let page_bytes = PAGE_OVERHEAD_BYTES + Self::PAGE_ROWS * size_of::<T>();
        let runs = pages.last().map_or(0, |last| last.page as usize / Self::RUN_PAGES + 1);
        let table_bytes = runs.saturating_mul(Self::RUN_PAGES * size_of::<Slot<T>>()) as u64;
        (pages.len() as u64).saturating_mul(page_bytes as u64).saturating_add(table_bytes)
    }

    fn row_bytes(&self, row: u32, out: &mut Vec<u8>) -> bool {
        let Some(value) = self.get(Row::new(row)) else { return false };
        let start = out.len();
        out.resize(start + T::SIZE, 0);
        value.encode(&mut out[start..]);
        true
    }

    fn hash_jobs<'a>(&'a mut self, jobs: &mut Vec<Job<'a>>) {
        // About 256 KiB of pages a job: some 50 microseconds, well above the price of handing a job over.
        for slots in self.slots_mut().chunks_mut(16) {
            if slots.iter().any(|slot| slot.hash.is_none() && slot.page.is_some()) {
                jobs.push(Box::new(move || {
                    let mut scratch = Vec::with_capacity(limits::PAGE_BYTES_MAX);
                    for slot in slots {
                        slot.hash = slot.sealed_hash(&mut scratch);
                    }
                }));
            }
        }
    }

    fn seal(&mut self, scratch: &mut Vec<u8>) -> Hash {
        if let Some(table) = self.table {
            return table;
        }
        for slot in self.slots_mut() {
            slot.hash = slot.sealed_hash(scratch);
        }
        let table = self.table_hash();
        self.table = Some(table);
        table
    }

    fn clear(&mut self) {
        self.slots = Arc::default();
        self.table = None;
    }

    fn dirty_page_count(&self) -> u32 {
        self.slots.iter().filter(|slot| slot.page.is_some() && slot.hash.is_none()).count() as u32
    }

    fn dirty_bytes(&self) -> u64 {
        if self.table.is_some() {
            return 0;
        }
        let dirty = self.slots.iter().filter(|slot| slot.hash.is_none());
        let pages: u64 =
            dirty.filter_map(|slot| slot.page.as_ref()).map(|page| size_of_val(&*page.blocks) as u64).sum();
        pages.saturating_add(size_of_val(self.slots.as_slice()) as u64)
    }

    fn dirty_row_count(&self) -> u32 {
        let dirty = self.slots.iter().filter(|slot| slot.hash.is_none());
        dirty.filter_map(|slot| slot.page.as_ref()).map(|page| page.row_count()).sum()
    }
}

impl<S, T: Component> Part<S> for Column<T> {
    const COLUMNS: u16 = 1;
    const NAMES_ENTITIES: bool = T::NAMES_ENTITIES;

    fn empty() -> Self {
        Self::default()
    }

    fn columns<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit(name, self);
    }

    fn columns_mut<'a>(&'a mut self, name: &str, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        visit(name, self);
    }

    fn remove_row(&mut self, row: Row) {
        self.remove(row);
    }

    fn check(&self, entities: &dyn Living) -> Result<(), &'static str> {
        for run in 0..self.run_count() {
            let living = entities.living_words(run);
            if self.run_words(run).iter().zip(&living).any(|(present, living)| *present & !*living != 0) {
                return Err("a row belongs to no living entity");
            }
        }
        Ok(())
    }

    fn has_dangling_rows(&self, entities: &dyn Living) -> bool {
        if self.table.is_some() {
            return false;
        }
        let dirty = self.slots.iter().enumerate().filter(|(_, slot)| slot.hash.is_none());
        dirty.filter_map(|(at, slot)| Some((at, slot.page.as_ref()?))).any(|(at, page)| {
            let living = entities.living_words(at / Self::RUN_PAGES);
            let here = &living[at % Self::RUN_PAGES * Self::PAGE_WORDS..];
            page.bits.iter().zip(here).any(|(present, living)| *present & !*living != 0)
        })
    }

    fn adopt_hashes(&mut self, sealed: &Self) {
        self.adopt(sealed);
    }

    fn pack(&self, packer: &mut Packer<'_>) {
        packer.column(self, &|bytes| T::decode(bytes).is_ok());
    }

    fn unpack(&mut self, unpacker: &mut Unpacker<'_>) -> Result<(), DecodeError> {
        unpacker.column(&T::describe(), &mut |row, bytes| {
            self.set(row, T::decode(bytes)?);
            Ok(())
        })
    }
}
