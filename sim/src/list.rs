//! [`ListColumn`]: a list of any length for each entity, in fixed chunks from a shared pool.
//!
//! Invariant: a list is a chain of chunks of `N` items; which chunk comes next is the lowest free one, so it follows from the
//! state alone. An empty list has no head row, and items past a list's end are fillers, so equal lists with equal chunks have
//! equal bytes. Order is kept.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "chunk coordinates: bounded by limits::LIST_CHUNKS_MAX, lengths by that times N, which is not zero"
)]

use alloc::{boxed::Box, vec, vec::Vec};

use crate::{
    column::{BLOCK_ROWS, Column, Pages, RUN_WORDS},
    component::{Component, DecodeCause, DecodeError},
    entity::Row,
    join::join,
    limits,
    parcel::{Packer, Unpacker},
    part::{Living, Part},
    schema::{Field, RowKind, Type},
};

/// A list of `T` for every entity that has one; `N` items a chunk.
///
/// Choose `N` so that most lists take one chunk and a chunk stays within 256 bytes.
///
/// ```
/// use tickworld_sim::prelude::*;
///
/// #[derive(State, Clone)]
/// struct Camp {
///     entities: Entities,
///     bag: ListColumn<u16, 8>, // item numbers, eight a chunk
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut camp = Camp::empty();
/// let cook = camp.spawn(Band(0))?;
/// let row = camp.entities.row(cook).expect("just spawned");
/// for item in [7, 7, 12] {
///     camp.bag.push(row, item)?; // an error only where the whole pool is full
/// }
/// let before = camp.bag.clone(); // shares its pages
/// camp.bag.clear(row);
/// assert!(camp.bag.is_empty(row));
/// assert_eq!(before.iter(row).copied().collect::<Vec<_>>(), [7, 7, 12]); // in the order of pushing
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ListColumn<T, const N: usize> {
    heads: Column<Head>,
    chunks: Column<Chunk<T, N>>,
    /// No chunk below this one is free. Only saves looking; it never changes which chunk is found.
    free_from: u32,
}

/// Where an entity's list begins and how long it is.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    first: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
struct Chunk<T, const N: usize> {
    /// Row of the entity whose list this is part of.
    owner: u32,
    /// The chunk after this one, if any.
    next: Option<u32>,
    items: [T; N],
}

/// The pool has no chunk left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list pool is full: all {} chunks are taken", limits::LIST_CHUNKS_MAX)]
pub struct ListFull;

impl<T: Component, const N: usize> Default for ListColumn<T, N> {
    fn default() -> Self {
        Self::of_kind(RowKind::Entity)
    }
}

impl<T: Component, const N: usize> ListColumn<T, N> {
    /// No lists, of things that are no entities.
    pub(crate) fn of_kind(kind: RowKind) -> Self {
        const { assert!(N > 0, "a chunk holds at least one item") };
        Self { heads: Column::of_kind(kind), chunks: Column::of_kind(RowKind::Chunk), free_from: 0 }
    }

    /// How many lists are not empty. O(pages).
    pub(crate) fn list_count(&self) -> u32 {
        self.heads.len()
    }

    /// How many chunks are taken. O(pages).
    pub(crate) fn chunk_count(&self) -> u32 {
        self.chunks.len()
    }

    /// Number of items in the list of `row`.
    #[must_use]
    pub fn len(&self, row: Row) -> u32 {
        self.heads.get(row).map_or(0, |head| head.len)
    }

    /// Whether the list of `row` has no item.
    #[must_use]
    pub fn is_empty(&self, row: Row) -> bool {
        self.len(row) == 0
    }

    /// The items of `row` in order.
    pub fn iter(&self, row: Row) -> impl Iterator<Item = &T> {
        let head = self.heads.get(row).copied().unwrap_or(Head { first: 0, len: 0 });
        let mut left = head.len as usize;
        let mut at = (left > 0).then_some(head.first);
        core::iter::from_fn(move || {
            let chunk = self.chunk(at?);
            at = chunk.next;
            let here = left.min(N);
            left -= here;
            Some(&chunk.items[..here])
        })
        .flatten()
    }

    /// Item `index` of the list of `row`. O(index / N).
    #[must_use]
    pub fn get(&self, row: Row, index: u32) -> Option<&T> {
        let (chunk, at) = self.place(row, index)?;
        Some(&self.chunk(chunk).items[at])
    }

    /// Replaces item `index`; gives whether there is one.
    pub fn set(&mut self, row: Row, index: u32, item: T) -> bool {
        let Some((chunk, at)) = self.place(row, index) else { return false };
        self.chunks.modify(Row::new(chunk), |chunk| chunk.items[at] = item);
        true
    }

    /// Adds an item at the end.
    ///
    /// # Errors
    /// When the pool is full; the list is then unchanged.
    pub fn push(&mut self, row: Row, item: T) -> Result<(), ListFull> {
        let Some(head) = self.heads.get(row).copied() else {
            let first = self.take_chunk(row)?;
            self.chunks.modify(Row::new(first), |chunk| chunk.items[0] = item);
            self.heads.set(row, Head { first, len: 1 });
            return Ok(());
        };
        let (last, _) = self.place(row, head.len - 1).expect("the list has a last item");
        let at = head.len as usize % N;
        let chunk = if at == 0 {
            let new = self.take_chunk(row)?;
            self.chunks.modify(Row::new(last), |chunk| chunk.next = Some(new));
            new
        } else {
            last
        };
        self.chunks.modify(Row::new(chunk), |chunk| chunk.items[at] = item);
        self.heads.set(row, Head { first: head.first, len: head.len + 1 });
        Ok(())
    }

    /// Makes `items` the whole list. O(length).
    ///
    /// # Errors
    /// When the pool is full; the list is then empty.
    pub fn assign(&mut self, row: Row, items: &[T]) -> Result<(), ListFull> {
        self.clear(row);
        let (mut first, mut last) = (None, None);
        for items in items.chunks(N) {
            let Ok(index) = self.take_chunk(row) else {
                if let Some(first) = first {
                    // What was taken so far goes back, as a list of its chunks alone.
                    self.heads.set(row, Head { first, len: 1 });
                    self.clear(row);
                }
                return Err(ListFull);
            };
            self.chunks.modify(Row::new(index), |chunk| chunk.items[..items.len()].copy_from_slice(items));
            if let Some(last) = last {
                self.chunks.modify(Row::new(last), |chunk| chunk.next = Some(index));
            }
            (first, last) = (first.or(Some(index)), Some(index));
        }
        if let Some(first) = first {
            self.heads.set(row, Head { first, len: items.len() as u32 });
        }
        Ok(())
    }

    /// Takes item `index` out; later ones move up. O(length).
    pub fn remove(&mut self, row: Row, index: u32) -> Option<T> {
        let removed = *self.get(row, index)?;
        let mut items: Vec<T> = self.iter(row).copied().collect();
        items.remove(index as usize);
        self.replace(row, &items);
        Some(removed)
    }

    /// Keeps the items for which `keep` holds, in order, and lets it change them. O(length).
    pub fn retain(&mut self, row: Row, mut keep: impl FnMut(&mut T) -> bool) {
        let mut items: Vec<T> = self.iter(row).copied().collect();
        items.retain_mut(&mut keep);
        self.replace(row, &items);
    }

    /// Empties the list of `row`.
    pub fn clear(&mut self, row: Row) {
        self.replace(row, &[]);
    }

    /// Makes `items`, at most as many as there are now, the whole list.
    fn replace(&mut self, row: Row, items: &[T]) {
        let Some(head) = self.heads.get(row).copied() else { return };
        let mut at = Some(head.first);
        let mut rest = items;
        while let Some(index) = at {
            let mut chunk = *self.chunk(index);
            at = chunk.next;
            if rest.is_empty() {
                self.chunks.remove(Row::new(index));
                self.free_from = self.free_from.min(index);
                continue;
            }
            let (here, later) = rest.split_at(rest.len().min(N));
            rest = later;
            chunk.items = [T::FILLER; N];
            chunk.items[..here.len()].copy_from_slice(here);
            if later.is_empty() {
                chunk.next = None;
            }
            self.chunks.set(Row::new(index), chunk);
        }
        if items.is_empty() {
            self.heads.remove(row);
        } else {
            self.heads.set(row, Head { first: head.first, len: items.len() as u32 });
        }
    }

    fn chunk(&self, index: u32) -> &Chunk<T, N> {
        self.chunks.get(Row::new(index)).expect("chains name only chunks that are there: restore refuses others")
    }

    fn place(&self, row: Row, index: u32) -> Option<(u32, usize)> {
        let head = self.heads.get(row)?;
        if index >= head.len {
            return None;
        }
        let mut chunk = head.first;
        for _ in 0..index as usize / N {
            chunk = self.chunk(chunk).next?;
        }
        Some((chunk, index as usize % N))
    }

    /// Walks the list of `row`, marking its chunks in `seen`, one bit each.
    fn check_chain(&self, row: Row, head: Head, seen: &mut [u64]) -> Result<(), &'static str> {
        let mut left = head.len as usize;
        let mut at = Some(head.first);
        while let Some(index) = at {
            let chunk = self.chunks.get(Row::new(index)).ok_or("a list names a chunk that is not there")?;
            let (word, bit) = (index as usize / BLOCK_ROWS, 1 << (index as usize % BLOCK_ROWS));
            if seen[word] & bit != 0 {
                return Err("a chunk is part of two lists, or twice of one");
            }
            seen[word] |= bit;
            if chunk.owner != row.index() {
                return Err("a chunk belongs to another entity than its list");
            }
            if left == 0 {
                return Err("a list has more chunks than its length needs");
            }
            let here = left.min(N);
            left -= here;
            if !chunk.items[here..].iter().all(|item| item.canonical_eq(&T::FILLER)) {
                return Err("there is an item past the end of a list");
            }
            at = chunk.next;
        }
        if left > 0 {
            return Err("a list is longer than its chunks");
        }
        if head.len == 0 { Err("an empty list has a head") } else { Ok(()) }
    }

    /// Refuses chains that no pushes make.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check_lists(&self) -> Result<(), &'static str> {
        let mut seen = vec![0; self.chunks.run_count().saturating_mul(RUN_WORDS)];
        let mut fault = Ok(());
        join(&self.heads).for_each(|row, head| {
            if fault.is_ok() {
                fault = self.check_chain(row, *head, &mut seen);
            }
        });
        fault?;
        let reached: u32 = seen.iter().map(|word: &u64| word.count_ones()).sum();
        if reached == self.chunks.len() { Ok(()) } else { Err("a chunk is part of no list") }
    }

    fn take_chunk(&mut self, owner: Row) -> Result<u32, ListFull> {
        let index = self.chunks.lowest_absent(self.free_from);
        if index >= limits::LIST_CHUNKS_MAX {
            return Err(ListFull);
        }
        let chunk = Chunk { owner: owner.index(), next: None, items: [T::FILLER; N] };
        self.chunks.set(Row::new(index), chunk);
        self.free_from = index + 1;
        Ok(index)
    }
}

impl<T: Component, const N: usize> Component for Chunk<T, N> {
    const SIZE: usize = 4 + <Option<u32>>::SIZE + <[T; N]>::SIZE;
    const NAMES_ENTITIES: bool = <[T; N]>::NAMES_ENTITIES;
    const FILLER: Self = Self { owner: 0, next: None, items: [T::FILLER; N] };

    fn describe() -> Type {
        let field = |name: &'static str, ty| Field { name: name.into(), ty };
        let next = Type::Option(Box::new(Type::U32));
        let fields = vec![field("owner", Type::U32), field("next", next), field("items", <[T; N]>::describe())];
        Type::Struct { name: "Chunk".into(), fields }
    }

    #[inline]
    fn encode(&self, out: &mut [u8]) {
        let (owner, rest) = out.split_at_mut(4);
        let (next, items) = rest.split_at_mut(<Option<u32>>::SIZE);
        self.owner.encode(owner);
        self.next.encode(next);
        self.items.encode(items);
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != Self::SIZE {
            return Err(DecodeError::length(Self::SIZE, bytes.len()));
        }
        let (owner, rest) = bytes.split_at(4);
        let (next, items) = rest.split_at(<Option<u32>>::SIZE);
        Ok(Self {
            owner: u32::decode(owner)?,
            next: <Option<u32>>::decode(next).map_err(|e| e.shift(4))?,
            items: <[T; N]>::decode(items).map_err(|e| e.shift(bytes.len() - items.len()))?,
        })
    }

    #[inline]
    fn canonical_eq(&self, other: &Self) -> bool {
        self.owner == other.owner && self.next == other.next && self.items.canonical_eq(&other.items)
    }
}

impl<S, T: Component, const N: usize> Part<S> for ListColumn<T, N> {
    const COLUMNS: u16 = 2;
    const NAMES_ENTITIES: bool = T::NAMES_ENTITIES;

    fn empty() -> Self {
        Self::default()
    }

    fn columns<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit(name, &self.heads);
        visit(&alloc::format!("{name}.chunks"), &self.chunks);
    }

    fn columns_mut<'a>(&'a mut self, name: &str, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        self.free_from = 0;
        visit(name, &mut self.heads);
        visit(&alloc::format!("{name}.chunks"), &mut self.chunks);
    }

    fn remove_row(&mut self, row: Row) {
        self.clear(row);
    }

    fn check(&self, entities: &dyn Living) -> Result<(), &'static str> {
        Part::<S>::check(&self.heads, entities)?;
        self.check_lists()
    }

    fn has_dangling_rows(&self, entities: &dyn Living) -> bool {
        Part::<S>::has_dangling_rows(&self.heads, entities)
    }

    fn adopt_hashes(&mut self, sealed: &Self) {
        self.heads.adopt(&sealed.heads);
        self.chunks.adopt(&sealed.chunks);
    }

    fn pack(&self, packer: &mut Packer<'_>) {
        let encoded = |item: &T| {
            let mut bytes = vec![0; T::SIZE];
            item.encode(&mut bytes);
            bytes
        };
        packer
            .lists(&T::describe(), &|bytes| T::decode(bytes).is_ok(), &mut |row| self.iter(row).map(encoded).collect());
    }

    fn unpack(&mut self, unpacker: &mut Unpacker<'_>) -> Result<(), DecodeError> {
        let full = DecodeError::new(DecodeCause::Form("the list pool is full"));
        unpacker.lists(&T::describe(), T::decode, &mut |row, items| self.assign(row, items).map_err(|_| full))
    }
}
