//! [`Rows`]: the rows of a column one after the other, for code that is no hot loop of a system.
//!
//! Invariant: rows ascend, each is given once, and absent rows cost a bit. A [`join`](crate::join::join) over the same column
//! visits the same rows, and several columns at once, faster.

use core::iter::{Enumerate, FusedIterator};

use super::{BLOCK_ROWS, Column, Page, Slot};
use crate::{component::Component, entity::Row};

/// The rows of a column, ascending. Made by [`Column::iter`].
pub struct Rows<'a, T> {
    slots: Enumerate<core::slice::Iter<'a, Slot<T>>>,
    /// The page being read, the number of its first row, and the next place in it.
    page: Option<(&'a Page<T>, u32, usize)>,
}

impl<T: Component> Column<T> {
    /// The rows that are present with their values, ascending. In a system prefer a [`join`](crate::join::join).
    ///
    /// ```
    /// # use tickworld_sim::{column::Column, entities::Entities, entity::Band};
    /// # let (mut entities, mut health) = (Entities::default(), Column::default());
    /// # for hp in [7_i32, -1, 3] {
    /// #     let goblin = entities.spawn(Band(0)).expect("an empty world has room");
    /// #     health.set(entities.row(goblin).expect("just spawned"), hp);
    /// # }
    /// for (row, hp) in &health {
    ///     println!("{} has {hp} hit points", entities.entity(row).expect("rows belong to the living"));
    /// }
    /// let alive = health.iter().filter(|(_, hp)| **hp > 0).count();
    /// assert_eq!(alive, 2);
    /// ```
    pub fn iter(&self) -> Rows<'_, T> {
        Rows { slots: self.slots.iter().enumerate(), page: None }
    }
}

impl<'a, T: Component> Iterator for Rows<'a, T> {
    type Item = (Row, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((page, first, at)) = &mut self.page {
                let word = page.bits.get(*at / BLOCK_ROWS).copied().unwrap_or(0) >> (*at % BLOCK_ROWS);
                if word != 0 {
                    let here = *at + word.trailing_zeros() as usize;
                    *at = here + 1;
                    return page.get(here).map(|value| (Row::new(*first + here as u32), value));
                }
                *at = (*at / BLOCK_ROWS + 1) * BLOCK_ROWS;
                if *at < Column::<T>::PAGE_ROWS {
                    continue;
                }
            }
            let (number, slot) = self.slots.next()?;
            self.page = slot.page.as_ref().map(|page| (page, (number * Column::<T>::PAGE_ROWS) as u32, 0));
        }
    }
}

impl<T: Component> FusedIterator for Rows<'_, T> {}

impl<'a, T: Component> IntoIterator for &'a Column<T> {
    type Item = (Row, &'a T);
    type IntoIter = Rows<'a, T>;

    fn into_iter(self) -> Rows<'a, T> {
        self.iter()
    }
}
