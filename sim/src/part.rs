//! [`Part`]: the kinds of field that a [`State`](crate::state::State) may have.
//!
//! Invariant: whatever a part holds is either in its columns, and so in the root, the snapshot and every diff, or is rebuilt
//! from the state alone ([`Derived`](crate::derived::Derived)). There is no third kind: other types do not compile.

use crate::{
    column::{Pages, RUN_WORDS},
    component::DecodeError,
    entity::Row,
    parcel::{Packer, Unpacker},
};

/// Who lives, as parts ask for it: [`Entities`](crate::entities::Entities) knows. A trait, for they are a part themselves.
pub trait Living {
    /// A bit for each of the 1,024 rows of a run, which is set where an entity lives.
    fn living_words(&self, run: usize) -> [u64; RUN_WORDS];
}

/// A field of a state `S`. Implemented by [`Entities`](crate::entities::Entities), [`Column`](crate::column::Column),
/// [`ListColumn`](crate::list::ListColumn), [`Resource`](crate::resource::Resource) and [`Derived`](crate::derived::Derived).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a State: nothing would hash, snapshot and diff it",
    label = "not a part of a state",
    note = "a field is `Entities`, `Column<T>`, `ListColumn<T, N>`, `Resource<T>` or `Derived<T>` (where `T: Rebuild<ThisState>`)"
)]
pub trait Part<S>: Clone {
    /// Number of its columns.
    const COLUMNS: u16;

    /// Whether its rows may name entities where nobody cannot stand ([`Component::NAMES_ENTITIES`](crate::component::Component)).
    const NAMES_ENTITIES: bool = false;

    /// An empty part.
    fn empty() -> Self;

    /// Shows each column as `name`, or `name.suffix` where there are several.
    fn columns<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&str, &'a dyn Pages));

    /// The same, to write.
    fn columns_mut<'a>(&'a mut self, name: &str, visit: &mut dyn FnMut(&str, &'a mut dyn Pages));

    /// Drops what it holds about the entity in `row`, which is being despawned.
    fn remove_row(&mut self, row: Row);

    /// Refuses contents that no game can have made: restore calls this on what it read, before anything relies on it.
    ///
    /// # Errors
    /// What is wrong.
    fn check(&self, entities: &dyn Living) -> Result<(), &'static str>;

    /// Whether a row that was written since the last hashing belongs to no living entity. Cheap where nothing was written.
    fn has_dangling_rows(&self, _entities: &dyn Living) -> bool {
        false
    }

    /// Takes over the hashes that `sealed`, an earlier clone of this part, has computed since, where the page is still the same.
    fn adopt_hashes(&mut self, sealed: &Self);

    /// Packs what it holds of the entities of a player who leaves; nothing for parts that are not of entities.
    fn pack(&self, packer: &mut Packer<'_>) {
        packer.pass_by(Self::COLUMNS);
    }

    /// Puts what came along with a player.
    ///
    /// # Errors
    /// When the bytes are not what [`pack`](Self::pack) writes, or there is no room; the part is then of no use any more.
    fn unpack(&mut self, unpacker: &mut Unpacker<'_>) -> Result<(), DecodeError> {
        unpacker.pass_by(Self::COLUMNS);
        Ok(())
    }

    /// What this part must be according to the rest of the state; `None` for parts that are state themselves.
    fn rebuilt(&self, _state: &S) -> Option<Self> {
        None
    }

    /// Whether both hold the same derived contents; true for parts that are state themselves.
    fn agrees(&self, _other: &Self) -> bool {
        true
    }
}

/// A field of a state holds what no game can have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` cannot be: {what}")]
pub struct Impossible {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong.
    pub what: &'static str,
}
