//! [`Region`]: which part of a world this is, and what it knows of the others, as hashed state.
//!
//! Invariant: numbers only rise. Who takes ticks back that may have been told begins another incarnation, which is above
//! everything that was numbered before. What is known of neighbours and what waits for them are columns like any other, empty in
//! a world of one region: a small game sees none of this.

use alloc::collections::BTreeSet;

use crate::{
    column::{Column, Pages},
    component::Component,
    entities::Entities,
    frame::{PlayerId, Tick},
    join::join,
    limits,
    list::ListColumn,
    part::Part,
    resource::Resource,
    schema::RowKind,
};

/// Number of a region in its world, from 1. 0 stands for none.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u32);

impl RegionId {
    /// The region of a world that has only one.
    pub const FIRST: Self = Self(1);
}

impl core::fmt::Display for RegionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A region's own numbers.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionState {
    /// Which region this is.
    pub id: RegionId,
    /// Which life of it, from 1: raised whenever ticks that may have been told are taken back.
    pub incarnation: u32,
    /// The last tick's Lamport number: one more than the tick's before, and than any that it took from elsewhere.
    pub lamport: u64,
}

/// Whether players may cross to a neighbour, or why not.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// They may.
    Open,
    /// The neighbour does not answer, or has never answered.
    Silent,
    /// The neighbour has no room.
    Full,
    /// The neighbour has other rules or another schema.
    Terms,
    /// The neighbour took ticks back in which something crossed.
    Incarnation,
    /// An operator closed it.
    Operator,
}

/// What a region knows of another one.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Which.
    pub region: RegionId,
    /// The incarnation that it was met in; 0 before the first meeting.
    pub incarnation: u32,
    /// Whether players may cross.
    pub border: Border,
    /// The last mail that was taken from it.
    pub last_in: u64,
    /// The last mail that was addressed to it.
    pub last_out: u64,
    /// The last mail that it has for sure.
    pub delivered: u64,
    /// Bytes that wait for it in the outbox.
    pub waiting_bytes: u32,
    /// `last_in` when this region's incarnation began.
    pub last_in_at_claim: u64,
    /// `last_out` when this region's incarnation began.
    pub last_out_at_claim: u64,
}

/// Something that waits for a neighbour; its bytes stand in a list of their own.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxEntry {
    /// For whom: another region, 0 for the archive, this region itself where it is held for an operator.
    pub to: RegionId,
    /// Which mail to them.
    pub sequence: u64,
    /// The player in it.
    pub player: PlayerId,
    /// That player's hops.
    pub hops: u64,
    /// The Lamport number of the tick that put it here.
    pub lamport: u64,
    /// 0: a player's parcel.
    pub kind: u8,
}

/// Whether some acts leave a neighbour so.
const fn is_possible(it: &Neighbour) -> bool {
    it.delivered <= it.last_out && it.last_in_at_claim <= it.last_in && it.last_out_at_claim <= it.last_out
}

/// Bytes of a parcel in one chunk.
const CHUNK_BYTES: usize = 240;

/// The columns of a region.
#[derive(Clone)]
pub struct Region {
    own: Resource<RegionState>,
    neighbours: Column<Neighbour>,
    entries: Column<OutboxEntry>,
    parcels: ListColumn<u8, CHUNK_BYTES>,
}

impl Default for Region {
    fn default() -> Self {
        Self {
            own: Resource::new(RegionState { id: RegionId::FIRST, incarnation: 1, lamport: 0 }),
            neighbours: Column::of_kind(RowKind::Other),
            entries: Column::of_kind(RowKind::Other),
            parcels: ListColumn::of_kind(RowKind::Other),
        }
    }
}

impl Region {
    /// The region's own numbers.
    #[must_use]
    pub fn state(&self) -> &RegionState {
        &self.own
    }

    /// What is known of other regions.
    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        (0..self.neighbours.row_limit()).filter_map(|row| self.neighbours.get(crate::entity::Row::new(row)))
    }

    pub(crate) fn set_id(&mut self, id: RegionId) {
        self.own.modify(|own| own.id = id);
    }

    /// A tick begins.
    pub(crate) fn count_tick(&mut self) {
        self.own.modify(|own| own.lamport = own.lamport.saturating_add(1));
    }

    /// Begins an incarnation; gives whether it is a new one.
    pub(crate) fn begin_incarnation(&mut self, number: u32, lamport: u64) -> bool {
        let is_new = number > self.own.incarnation;
        if is_new {
            self.own.modify(|own| {
                own.incarnation = number;
                own.lamport = own.lamport.max(lamport);
            });
            join(&mut self.neighbours).for_each(|_, neighbour| {
                (neighbour.last_in_at_claim, neighbour.last_out_at_claim) = (neighbour.last_in, neighbour.last_out);
            });
        }
        is_new
    }

    pub(crate) fn columns<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        Part::<()>::columns(&self.own, "region", visit);
        visit("neighbours", &self.neighbours);
        visit("outbox.entries", &self.entries);
        Part::<()>::columns(&self.parcels, "outbox.parcels", visit);
    }

    pub(crate) fn columns_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        Part::<()>::columns_mut(&mut self.own, "region", visit);
        visit("neighbours", &mut self.neighbours);
        visit("outbox.entries", &mut self.entries);
        Part::<()>::columns_mut(&mut self.parcels, "outbox.parcels", visit);
    }

    pub(crate) fn adopt_hashes(&mut self, sealed: &Self) {
        Part::<()>::adopt_hashes(&mut self.own, &sealed.own);
        self.neighbours.adopt(&sealed.neighbours);
        self.entries.adopt(&sealed.entries);
        Part::<()>::adopt_hashes(&mut self.parcels, &sealed.parcels);
    }

    /// Refuses what no step leaves, after the columns were loaded.
    ///
    /// # Errors
    /// The column and what no world can have there.
    pub(crate) fn check(&self, now: Tick) -> Result<(), (&'static str, &'static str)> {
        Part::<()>::check(&self.own, &Entities::default()).map_err(|what| ("region", what))?;
        let own = *self.own;
        if own.id == RegionId(0) || own.incarnation == 0 || own.lamport < now.0 {
            return Err(("region", "regions and incarnations count from 1, and each tick raises the Lamport number"));
        }
        let mut is_known = self.neighbours.len() <= limits::NEIGHBOURS_MAX;
        let mut known = BTreeSet::from([own.id]);
        join(&self.neighbours).for_each(|_, it| is_known &= known.insert(it.region) && is_possible(it));
        if !is_known {
            return Err(("neighbours", "a neighbour is another region, stands once, and its numbers only rise"));
        }
        let mut fits = self.entries.len() <= limits::OUTBOX_ENTRIES_MAX;
        join(&self.entries).for_each(|row, entry| fits &= entry.kind == 0 && !self.parcels.is_empty(row));
        self.parcels.check_lists().map_err(|what| ("outbox.parcels", what))?;
        if fits && self.parcels.list_count() == self.entries.len() {
            Ok(())
        } else {
            Err(("outbox.entries", "each entry of the outbox has its parcel, and there is no other"))
        }
    }
}
