//! [`Subject`]: whom a row belongs to, in the game's words instead of row numbers.
//!
//! Invariant: naming only helps the reader. Where a name cannot be found (a dead row, a broken chain of chunks) the row number
//! stands for it; naming never fails and never changes what is reported as different.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    bytes::Reader,
    entity::Entity,
    frame::PlayerId,
    limits,
    schema::{ColumnType, RowKind, Type},
};

use super::view::StateView;

/// Whom a row belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The entity that lives in the row, on each side.
    Entity {
        /// The entity on the left.
        left: Option<Entity>,
        /// The entity on the right.
        right: Option<Entity>,
    },
    /// The world as a whole: a resource.
    World,
    /// The player whom a row of the session is about.
    Player(PlayerId),
    /// An event of the last tick, by its number.
    Event(u32),
    /// A row that has no other name.
    Row(u32),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity { left: Some(left), right: Some(right) } if left == right => write!(f, "entity {left}"),
            Self::Entity { left: Some(left), right: Some(right) } => write!(f, "entity {left} (right: {right})"),
            Self::Entity { left: Some(left), right: None } => write!(f, "entity {left} (left only)"),
            Self::Entity { left: None, right: Some(right) } => write!(f, "entity {right} (right only)"),
            Self::Entity { left: None, right: None } => f.write_str("no entity"),
            Self::World => f.write_str("world"),
            Self::Player(player) => write!(f, "player {}", player.0),
            Self::Event(number) => write!(f, "event {number}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// Names the row of a column.
pub(super) fn subject(left: &dyn StateView, right: &dyn StateView, column: &ColumnType, row: u32) -> Subject {
    match column.rows {
        RowKind::Resource => Subject::World,
        RowKind::Entity => entity(left, right, row),
        RowKind::Other if column.name == "players.slots" => player(left, right, row),
        RowKind::Other if column.name == "players.outcomes" => player(left, right, row / limits::OUTCOMES_PER_PLAYER),
        RowKind::Other if column.name == "events.list" => Subject::Event(row),
        RowKind::Chunk | RowKind::Other => Subject::Row(row),
    }
}

pub(super) fn entity(left: &dyn StateView, right: &dyn StateView, row: u32) -> Subject {
    let alive = |view: &dyn StateView| {
        let generation: u32 = Reader::new(&row_of(view, "entities.alive", row)?).value().ok()?;
        Some(Entity::new(row, generation))
    };
    match (alive(left), alive(right)) {
        (None, None) => Subject::Row(row),
        (left, right) => Subject::Entity { left, right },
    }
}

fn player(left: &dyn StateView, right: &dyn StateView, slot: u32) -> Subject {
    let id = |view: &dyn StateView| Reader::new(&row_of(view, "players.slots", slot)?).value().ok();
    id(left).or_else(|| id(right)).map_or(Subject::Row(slot), Subject::Player)
}

fn row_of(view: &dyn StateView, column: &str, row: u32) -> Option<Vec<u8>> {
    let (column, _) = view.column(column)?;
    let mut bytes = Vec::new();
    view.row_bytes(column, row, &mut bytes).then_some(bytes)
}

/// Where a chunk of a list stands in its owner's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    /// Row of the owner.
    pub(super) owner: u32,
    /// Index of the chunk's first item in the list.
    pub(super) first_item: u32,
    /// Length of the list.
    pub(super) length: u32,
}

/// The column of a list's heads, if `column` holds a list's chunks.
pub(super) fn list_name(column: &ColumnType) -> Option<&str> {
    column.name.strip_suffix(".chunks").filter(|_| column.rows == RowKind::Chunk)
}

/// Follows the owner's chain up to the chunk. `None` where the chunk is absent or not on its owner's chain.
pub(super) fn chunk_place(view: &dyn StateView, column: &ColumnType, chunk: u32) -> Option<ChunkPlace> {
    let list = list_name(column)?;
    let items = items_per_chunk(&column.ty)?;
    let owner: u32 = Reader::new(&row_of(view, &column.name, chunk)?).value().ok()?;
    let head = row_of(view, list, owner)?;
    let mut reader = Reader::new(&head);
    let (mut at, length): (u32, u32) = (reader.value().ok()?, reader.value().ok()?);
    let mut first_item = 0_u32;
    while at != chunk {
        if first_item >= length || first_item > WALK_ITEMS_MAX {
            return None;
        }
        let bytes = row_of(view, &column.name, at)?;
        let mut reader = Reader::new(&bytes);
        reader.value::<u32>().ok()?;
        at = reader.value::<Option<u32>>().ok()??;
        first_item = first_item.checked_add(items)?;
    }
    Some(ChunkPlace { owner, first_item, length })
}

/// Longer lists are reported by chunk: the walk is done for every difference.
const WALK_ITEMS_MAX: u32 = 4096;

fn items_per_chunk(ty: &Type) -> Option<u32> {
    let Type::Struct { fields, .. } = ty else { return None };
    fields.iter().find_map(|field| match &field.ty {
        // Chunks of no items would let a chain that runs in a circle be walked for ever.
        Type::Array(_, count) if field.name == "items" && *count > 0 => Some(u32::from(*count)),
        _ => None,
    })
}

/// Splits `items[2].count` into 2 and `.count`.
pub(super) fn item_of(path: &str) -> Option<(u32, &str)> {
    let (index, rest) = path.strip_prefix("items[")?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// `[7].count`, with the index in the list.
pub(super) fn item_path(place: ChunkPlace, index: u32, rest: &str) -> String {
    match place.first_item.checked_add(index) {
        Some(index) => format!("[{index}]{rest}"),
        None => rest.to_string(),
    }
}
