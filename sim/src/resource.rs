//! [`Resource`]: one value of the world as a whole.
//!
//! Invariant: it is a column with one row that is always present, so that it is hashed, snapshotted and diffed like any other.

use core::ops::Deref;

use crate::{
    column::{Column, Pages},
    component::Component,
    entity::Row,
    part::{Living, Part},
    schema::RowKind,
};

const ROW: Row = Row::new(0);

/// A value that belongs to no entity. Reads deref; writes go through [`set`](Self::set) and [`modify`](Self::modify).
///
/// ```
/// use tickworld_sim::prelude::*;
///
/// #[derive(Component, Clone, Copy, Debug, PartialEq)]
/// struct Weather {
///     rain: u8,
///     wind: Angle,
/// }
///
/// #[derive(State, Clone)]
/// struct Island {
///     entities: Entities,
///     weather: Resource<Weather>,
///     day: Resource<u64>,
/// }
///
/// let mut island = Island::empty(); // every resource at its filler: zeros
/// island.day.set(12);
/// island.weather.modify(|weather| weather.rain = weather.rain.saturating_add(3));
/// assert_eq!((island.weather.rain, *island.day), (3, 12));
/// ```
#[derive(Clone)]
pub struct Resource<T>(Column<T>);

impl<T: Component> Resource<T> {
    /// A resource that holds `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        let mut column = Column::of_kind(RowKind::Resource);
        column.set(ROW, value);
        Self(column)
    }

    /// Replaces the value.
    pub fn set(&mut self, value: T) {
        self.0.set(ROW, value);
    }

    /// Changes the value through `f`.
    pub fn modify<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        self.0.modify(ROW, f).expect("the row is always present")
    }
}

impl<T: Component> Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.get(ROW).expect("the row is always present: restore refuses a resource without it")
    }
}

impl<S, T: Component> Part<S> for Resource<T> {
    const COLUMNS: u16 = 1;

    fn empty() -> Self {
        Self::new(T::FILLER)
    }

    fn columns<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit(name, &self.0);
    }

    fn columns_mut<'a>(&'a mut self, name: &str, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        visit(name, &mut self.0);
    }

    fn remove_row(&mut self, _: Row) {}

    fn check(&self, _: &dyn Living) -> Result<(), &'static str> {
        match (self.0.len(), self.0.contains(ROW)) {
            (1, true) => Ok(()),
            _ => Err("a resource has exactly one row"),
        }
    }

    fn adopt_hashes(&mut self, sealed: &Self) {
        self.0.adopt(&sealed.0);
    }
}
