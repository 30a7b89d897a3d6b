//! [`Events`]: what a tick tells the outside, as hashed state.
//!
//! Invariant: the events of the last tick are a column like any other, so that what players are told is in the root and in
//! every diff. At most [`EVENTS_PER_TICK_MAX`](limits::EVENTS_PER_TICK_MAX) are kept; the rest are counted.

use core::iter::FusedIterator;

use crate::{
    column::{Column, Pages},
    component::Component,
    entities::Entities,
    entity::Row,
    limits,
    part::Part,
    resource::Resource,
    schema::RowKind,
};

/// The events of the last tick, in order: `for event in world.events()`.
#[derive(Clone)]
pub struct Events<E> {
    list: Column<E>,
    count: u32,
    dropped: Resource<u32>,
}

/// The events of a tick one after the other. Made by [`Events::iter`].
pub struct Emitted<'a, E> {
    events: &'a Events<E>,
    next: u32,
}

impl<E: Component> Events<E> {
    pub(crate) fn new() -> Self {
        Self { list: Column::of_kind(RowKind::Other), count: 0, dropped: Resource::new(0) }
    }

    /// The events, in the order they were emitted.
    pub fn iter(&self) -> Emitted<'_, E> {
        Emitted { events: self, next: 0 }
    }

    /// Number of events kept.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Whether the tick had no event.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Events beyond the cap, which were not kept.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        *self.dropped
    }

    pub(crate) fn clear(&mut self) {
        if self.count > 0 {
            self.list.clear();
            self.count = 0;
            self.dropped.set(0);
        }
    }

    pub(crate) fn push(&mut self, event: E) {
        if self.count < limits::EVENTS_PER_TICK_MAX {
            self.list.set(Row::new(self.count), event);
            self.count = self.count.saturating_add(1);
        } else {
            self.dropped.modify(|dropped| *dropped = dropped.saturating_add(1));
        }
    }

    pub(crate) fn columns<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        visit("events.list", &self.list);
        Part::<()>::columns(&self.dropped, "events.dropped", visit);
    }

    pub(crate) fn columns_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        visit("events.list", &mut self.list);
        Part::<()>::columns_mut(&mut self.dropped, "events.dropped", visit);
    }

    pub(crate) fn adopt_hashes(&mut self, sealed: &Self) {
        self.list.adopt(&sealed.list);
        Part::<()>::adopt_hashes(&mut self.dropped, &sealed.dropped);
    }

    /// Counts anew after a restore; gives whether a tick can have left such events.
    pub(crate) fn recount(&mut self) -> bool {
        self.count = self.list.len();
        if Part::<()>::check(&self.dropped, &Entities::default()).is_err() {
            return false;
        }
        let has_no_gap = u32::try_from(self.iter().count()) == Ok(self.count);
        let is_full = self.count == limits::EVENTS_PER_TICK_MAX;
        has_no_gap && self.count <= limits::EVENTS_PER_TICK_MAX && (is_full || self.dropped() == 0)
    }
}

impl<'a, E: Component> Iterator for Emitted<'a, E> {
    type Item = &'a E;

    fn next(&mut self) -> Option<&'a E> {
        while self.next < self.events.count {
            let row = Row::new(self.next);
            self.next = self.next.saturating_add(1);
            if let Some(event) = self.events.list.get(row) {
                return Some(event);
            }
        }
        None
    }
}

impl<E: Component> FusedIterator for Emitted<'_, E> {}

impl<'a, E: Component> IntoIterator for &'a Events<E> {
    type Item = &'a E;
    type IntoIter = Emitted<'a, E>;

    fn into_iter(self) -> Emitted<'a, E> {
        self.iter()
    }
}
