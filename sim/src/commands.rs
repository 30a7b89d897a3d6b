//! [`Commands`]: changes of who exists and has what, put off to the end of a system.
//!
//! Invariant: they are applied in the order they were given, after the system that gave them and before the next.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    column::Column,
    component::Component,
    entity::{Band, Entity, Row},
    state::State,
};

/// Deferred changes to a state.
pub struct Commands<S> {
    queue: Vec<Command<S>>,
}

/// Changes a state; gives whether there was room.
type Command<S> = Box<dyn FnOnce(&mut S) -> bool + Send>;

impl<S: State> Commands<S> {
    pub(crate) const fn new() -> Self {
        Self { queue: Vec::new() }
    }

    /// Makes an entity in `band` and lets `fill` give it components.
    ///
    /// Where the world is full nothing is made; [`Simulation::spawns_refused`](crate::simulation::Simulation::spawns_refused)
    /// counts it.
    pub fn spawn(&mut self, band: Band, fill: impl FnOnce(&mut S, Entity, Row) + Send + 'static) {
        self.queue.push(Box::new(move |state| {
            let Ok(entity) = state.spawn(band) else { return false };
            let row = state.entities().row(entity).expect("just spawned");
            fill(state, entity, row);
            true
        }));
    }

    /// Removes an entity and all its components; nothing if it is gone already.
    pub fn despawn(&mut self, entity: Entity) {
        self.queue.push(Box::new(move |state| {
            state.despawn(entity);
            true
        }));
    }

    /// Gives an entity a component; nothing if it is gone.
    pub fn insert<T: Component>(&mut self, entity: Entity, column: fn(&mut S) -> &mut Column<T>, value: T) {
        self.queue.push(Box::new(move |state| {
            if let Some(row) = state.entities().row(entity) {
                column(state).set(row, value);
            }
            true
        }));
    }

    /// Takes a component from an entity; nothing if it is gone.
    pub fn remove<T: Component>(&mut self, entity: Entity, column: fn(&mut S) -> &mut Column<T>) {
        self.queue.push(Box::new(move |state| {
            if let Some(row) = state.entities().row(entity) {
                column(state).remove(row);
            }
            true
        }));
    }

    /// Applies everything in order; gives how many spawns found the world full.
    pub(crate) fn apply(&mut self, state: &mut S) -> u32 {
        self.queue.drain(..).map(|command| u32::from(!command(state))).sum()
    }
}
