//! [`State`]: the game's part of the world, a plain struct of [`Part`](crate::part::Part)s.
//!
//! Invariant: the columns are visited in declared order, always all of them. `#[derive(State)]` writes the implementation; a
//! field of any other kind does not compile.

pub use tickworld_derive::State;

use crate::{
    column::Pages,
    component::DecodeError,
    entities::{Entities, SpawnError},
    entity::{Band, Entity, Row},
    parcel::{Packer, Unpacker},
    part::Impossible,
};

/// A struct of parts. A clone is a snapshot: pages are shared, not copied.
///
/// Derived for structs with named fields, one of which is `entities: Entities`.
pub trait State: Clone + Send + Sync + Sized + 'static {
    /// A state without entities, every resource at its filler.
    fn empty() -> Self;

    /// Shows every column in declared order.
    fn columns<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a dyn Pages));

    /// The same, to write.
    fn columns_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&str, &'a mut dyn Pages));

    /// The allocator of entities, which every state has.
    fn entities(&self) -> &Entities;

    /// The entities, to write.
    fn entities_mut(&mut self) -> &mut Entities;

    /// Drops every component of the entity in `row`.
    fn remove_row(&mut self, row: Row);

    /// Refuses columns that cannot belong together, such as a component of an entity that does not live.
    ///
    /// # Errors
    /// The first field, in declared order, that holds what no game can have made.
    fn check(&self) -> Result<(), Impossible>;

    /// The first field, in declared order, in which a row was written since the last hashing that belongs to no living entity.
    fn dangling_rows(&self) -> Option<&'static str>;

    /// Takes over hashes computed on an earlier clone.
    fn adopt_hashes(&mut self, sealed: &Self);

    /// Makes every derived part anew, in declared order.
    fn rebuild(&mut self);

    /// Compares every derived part with what [`rebuild`](Self::rebuild) would make.
    ///
    /// # Errors
    /// The name of the first field that differs.
    fn check_derived(&self) -> Result<(), &'static str>;

    /// Packs every row of the entities of a player who leaves, in declared order.
    fn pack(&self, packer: &mut Packer<'_>);

    /// Puts what came along with a player.
    ///
    /// # Errors
    /// When the bytes are not what [`pack`](Self::pack) writes, or there is no room; the state is then of no use any more.
    fn unpack(&mut self, unpacker: &mut Unpacker<'_>) -> Result<(), DecodeError>;

    /// Makes an entity without components.
    ///
    /// # Errors
    /// When the world is full.
    fn spawn(&mut self, band: Band) -> Result<Entity, SpawnError> {
        let entity = self.entities_mut().spawn(band)?;
        // What a row kept too long may have written after the one before was gone.
        self.remove_row(Row::new(entity.index()));
        Ok(entity)
    }

    /// Makes an entity and gives it its rows in one expression, as [`Commands::spawn`](crate::commands::Commands::spawn) does at
    /// the end of a system.
    ///
    /// ```
    /// use tickworld_sim::prelude::*;
    ///
    /// #[derive(State, Clone)]
    /// struct Meadow {
    ///     entities: Entities,
    ///     position: Column<Cell>,
    ///     hunger: Column<u8>,
    /// }
    ///
    /// let mut meadow = Meadow::empty();
    /// let sheep = meadow.spawn_with(Band(0), |meadow, _, row| {
    ///     meadow.position.set(row, Cell::new(3, 4));
    ///     meadow.hunger.set(row, 9);
    /// });
    /// let row = meadow.entities.row(sheep.expect("there is room")).expect("it lives");
    /// assert_eq!(meadow.hunger.get(row), Some(&9));
    /// ```
    ///
    /// # Errors
    /// When the world is full; `fill` is then not called.
    fn spawn_with(&mut self, band: Band, fill: impl FnOnce(&mut Self, Entity, Row)) -> Result<Entity, SpawnError> {
        let entity = self.spawn(band)?;
        fill(self, entity, Row::new(entity.index()));
        Ok(entity)
    }

    /// Removes an entity and all its components; gives whether it lived.
    fn despawn(&mut self, entity: Entity) -> bool {
        let Some(row) = self.entities().row(entity) else { return false };
        self.remove_row(row);
        self.entities_mut().retire(row);
        true
    }
}
