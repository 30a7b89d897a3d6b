//! [`Region`]: which part of a world this is, and what it knows of the others, as hashed state.
//!
//! Invariant: numbers only rise. Who takes ticks back that may have been told begins another incarnation, which is above
//! everything that was numbered before. What is known of neighbours and what waits for them are columns like any other, empty in
//! a world of one region: a small game sees none of this.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use crate::{
    column::{Column, Pages},
    component::Component,
    entities::Entities,
    entity::Row,
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
    /// In place of a region: the archive, to which the absent go and from which they come back.
    pub const ARCHIVE: Self = Self(0);
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

impl RegionState {
    /// The generation with which a player begins who is new in this life of the region, or comes back from the archive: above all that
    /// an earlier life gave out to them in ticks that were taken back.
    #[must_use]
    pub const fn first_generation(&self) -> u32 {
        self.incarnation.saturating_sub(1).saturating_mul(GENERATIONS_AN_INCARNATION)
    }
}

/// An incarnation goes on from the next multiple of this.
pub(crate) const GENERATIONS_AN_INCARNATION: u32 = 65_536;

/// Whether players may cross to a neighbour, or why not.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Players may cross.
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
    /// The neighbour's number in the world; 0 is the archive.
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
    /// The number that the mail has among those to the same place.
    pub sequence: u64,
    /// The player in it.
    pub player: PlayerId,
    /// How often the player changed places, this time included.
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
    /// The archive among them, once something went there.
    neighbours: Column<Neighbour>,
    /// Row of each neighbour: follows from the column.
    known: Arc<BTreeMap<RegionId, u32>>,
    entries: Column<OutboxEntry>,
    parcels: ListColumn<u8, CHUNK_BYTES>,
}

impl Default for Region {
    fn default() -> Self {
        Self {
            own: Resource::new(RegionState { id: RegionId::FIRST, incarnation: 1, lamport: 0 }),
            neighbours: Column::of_kind(RowKind::Other),
            known: Arc::default(),
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
        (0..self.neighbours.row_limit()).filter_map(|row| self.neighbours.get(Row::new(row)))
    }

    /// What is known of another region.
    #[must_use]
    pub fn neighbour(&self, id: RegionId) -> Option<&Neighbour> {
        self.neighbours.get(self.row_of(id)?)
    }

    /// What waits in the outbox: for neighbours, for the archive, and held for an operator (addressed to this region itself); the
    /// parcel of one whose birth is held is empty. O(bytes).
    pub fn outbox(&self) -> impl Iterator<Item = (&OutboxEntry, Vec<u8>)> {
        self.waiting().map(|(row, entry)| (entry, self.parcels.iter(row).copied().collect()))
    }

    /// Players, one entry each, who came in a tick that broke and wait for an operator.
    pub fn held(&self) -> impl Iterator<Item = &OutboxEntry> {
        let own = self.own.id;
        self.waiting().map(|(_, entry)| entry).filter(move |entry| entry.to == own)
    }

    /// Players, one entry each, who left for other regions or for the archive and are not there for sure.
    pub fn departures(&self) -> impl Iterator<Item = &OutboxEntry> {
        let own = self.own.id;
        self.waiting().map(|(_, entry)| entry).filter(move |entry| entry.to != own)
    }

    fn waiting(&self) -> impl Iterator<Item = (Row, &OutboxEntry)> {
        let rows = (0..self.entries.row_limit()).map(Row::new);
        rows.filter_map(|row| Some((row, self.entries.get(row)?)))
    }

    /// The first entries that wait for a region above a number, by number, with their parcels; at most so many. O(bytes of these).
    #[must_use]
    pub fn outbox_above(&self, to: RegionId, above: u64, most: usize) -> Vec<(OutboxEntry, Vec<u8>)> {
        let is_wanted = |(_, entry): &(Row, &OutboxEntry)| entry.to == to && entry.sequence > above;
        let mut wanted: Vec<(Row, &OutboxEntry)> = self.waiting().filter(is_wanted).collect();
        wanted.sort_by_key(|(_, entry)| entry.sequence);
        wanted.truncate(most);
        wanted.into_iter().map(|(row, entry)| (*entry, self.parcels.iter(row).copied().collect())).collect()
    }

    /// What is held of a player.
    fn held_entry(&self, player: PlayerId) -> Option<(Row, &OutboxEntry)> {
        let own = self.own.id;
        self.waiting().find(|(_, entry)| entry.to == own && entry.player == player)
    }

    fn row_of(&self, id: RegionId) -> Option<Row> {
        self.known.get(&id).copied().map(Row::new)
    }

    /// The row of a neighbour that is known from now on, in `incarnation`; `None` where there are too many, and for the region itself.
    fn row_or_new(&mut self, id: RegionId, incarnation: u32) -> Option<Row> {
        if let Some(row) = self.row_of(id) {
            return Some(row);
        }
        let row = self.neighbours.lowest_absent(0);
        if id == self.own.id || row >= limits::NEIGHBOURS_MAX {
            return None;
        }
        let neighbour = Neighbour {
            region: id,
            incarnation,
            border: Border::Silent,
            last_in: 0,
            last_out: 0,
            delivered: 0,
            waiting_bytes: 0,
            last_in_at_claim: 0,
            last_out_at_claim: 0,
        };
        self.neighbours.set(Row::new(row), neighbour);
        Arc::make_mut(&mut self.known).insert(id, row);
        Some(Row::new(row))
    }

    /// Raises the tick's Lamport number above one that it heard of.
    pub(crate) fn hear(&mut self, lamport: u64) {
        self.own.modify(|own| own.lamport = own.lamport.max(lamport.saturating_add(1)));
    }

    /// Whether players may cross changes, unless an operator closed the border. The archive has none.
    pub(crate) fn set_border(&mut self, id: RegionId, border: Border) {
        if let Some(row) = self.row_of(id).filter(|_| id != RegionId::ARCHIVE) {
            self.neighbours.modify(row, |it| {
                if it.border != Border::Operator {
                    it.border = border;
                }
            });
        }
    }

    /// An operator closes a border, or opens it again; gives whether the neighbour is known.
    pub(crate) fn set_border_by_operator(&mut self, id: RegionId, is_open: bool) -> bool {
        let border = if is_open { Border::Open } else { Border::Operator };
        let row = self.row_of(id).filter(|_| id != RegionId::ARCHIVE);
        row.and_then(|row| self.neighbours.modify(row, |it| it.border = border)).is_some()
    }

    /// A neighbour is met, for the first time or in another incarnation; gives whether there is room for it.
    pub(crate) fn accept(&mut self, id: RegionId, incarnation: u32) -> bool {
        if id == RegionId::ARCHIVE {
            return false;
        }
        let Some(row) = self.row_or_new(id, incarnation) else { return false };
        self.neighbours.modify(row, |it| {
            // A late one of an older incarnation changes nothing.
            if incarnation > it.incarnation {
                it.incarnation = incarnation;
            }
            if incarnation == it.incarnation && it.border == Border::Incarnation {
                it.border = Border::Open;
            }
        });
        true
    }

    /// Whether this is the next mail of a neighbour, in the incarnation that it was met in.
    pub(crate) fn is_next(&self, id: RegionId, incarnation: u32, sequence: u64) -> bool {
        let known = self.neighbour(id).filter(|it| it.incarnation == incarnation && id != RegionId::ARCHIVE);
        known.is_some_and(|it| it.last_in.checked_add(1) == Some(sequence))
    }

    /// A neighbour's mail was taken.
    pub(crate) fn took(&mut self, id: RegionId, sequence: u64) {
        if let Some(row) = self.row_of(id) {
            self.neighbours.modify(row, |it| it.last_in = sequence);
        }
    }

    /// Whether a parcel of so many bytes may be put into the outbox. The archive has no border.
    pub(crate) fn may_post(&self, to: RegionId, bytes: usize) -> bool {
        let known = self.neighbour(to);
        let is_open = to == RegionId::ARCHIVE || known.is_some_and(|it| it.border == Border::Open);
        let waiting = known.map_or(0, |it| it.waiting_bytes) as usize;
        let fits = waiting.saturating_add(bytes) <= limits::OUTBOX_NEIGHBOUR_BYTES_MAX as usize;
        is_open && fits && self.has_room(bytes)
    }

    fn has_room(&self, bytes: usize) -> bool {
        let chunks = (self.parcels.chunk_count() as usize).saturating_add(bytes.div_ceil(CHUNK_BYTES));
        chunks <= limits::OUTBOX_CHUNKS_MAX as usize && self.entries.lowest_absent(0) < limits::OUTBOX_ENTRIES_MAX
    }

    /// Puts a player's parcel into the outbox; gives whether there was room.
    pub(crate) fn post(&mut self, to: RegionId, player: PlayerId, hops: u64, parcel: &[u8]) -> bool {
        if !self.may_post(to, parcel.len()) {
            return false;
        }
        let Some(row) = self.row_or_new(to, 0) else { return false };
        let sequence = self.neighbours.get(row).map_or(0, |it| it.last_out).saturating_add(1);
        self.keep(to, sequence, player, hops, parcel);
        let bytes = u32::try_from(parcel.len()).unwrap_or(u32::MAX);
        self.neighbours.modify(row, |it| {
            (it.last_out, it.waiting_bytes) = (sequence, it.waiting_bytes.saturating_add(bytes));
        });
        true
    }

    /// Keeps a parcel, or the birth of a player who has none, for an operator; gives whether there was room. What was held of the
    /// player before, with fewer hops, is gone.
    pub(crate) fn hold(&mut self, player: PlayerId, hops: u64, parcel: &[u8]) -> bool {
        let own = self.own.id;
        let held = self.waiting().filter(|(_, entry)| entry.to == own).map(|(row, _)| self.parcels.len(row) as usize);
        let held = held.fold(parcel.len(), usize::saturating_add);
        let has_room = held <= limits::OUTBOX_HELD_BYTES_MAX as usize && self.has_room(parcel.len());
        if has_room {
            self.drop_held(player);
            self.keep(own, 0, player, hops, parcel);
        }
        has_room
    }

    /// Puts an entry where there is room for it.
    fn keep(&mut self, to: RegionId, sequence: u64, player: PlayerId, hops: u64, parcel: &[u8]) {
        let row = Row::new(self.entries.lowest_absent(0));
        self.parcels.assign(row, parcel).expect("the outbox has fewer chunks than a list column");
        let lamport = self.own.lamport;
        self.entries.set(row, OutboxEntry { to, sequence, player, hops, lamport, kind: 0 });
    }

    /// The hops of the player whose parcel is held.
    pub(crate) fn held_hops(&self, player: PlayerId) -> Option<u64> {
        self.held_entry(player).map(|(_, entry)| entry.hops)
    }

    /// What is held of a player: their hops from then on, and the parcel, which is empty where their birth is held.
    pub(crate) fn held_of(&self, player: PlayerId) -> Option<(u64, Vec<u8>)> {
        let (row, entry) = self.held_entry(player)?;
        Some((entry.hops, self.parcels.iter(row).copied().collect()))
    }

    /// Drops what is held of a player.
    pub(crate) fn drop_held(&mut self, player: PlayerId) {
        let own = self.own.id;
        self.remove(|entry| entry.to == own && entry.player == player);
    }

    /// Takes entries out of the outbox.
    fn remove(&mut self, is_gone: impl Fn(&OutboxEntry) -> bool) -> Vec<(OutboxEntry, u32)> {
        let rows: Vec<Row> = (0..self.entries.row_limit()).map(Row::new).collect();
        let mut gone = Vec::new();
        for row in rows {
            if let Some(entry) = self.entries.get(row).copied().filter(|entry| is_gone(entry)) {
                gone.push((entry, self.parcels.len(row)));
                self.entries.remove(row);
                self.parcels.clear(row);
            }
        }
        gone
    }

    /// A neighbour, or the archive, has everything up to a number: gives who is there for sure, with their hops.
    pub(crate) fn delivered(&mut self, id: RegionId, incarnation: u32, sequence: u64) -> Vec<(PlayerId, u64)> {
        let is_good = |it: &&Neighbour| sequence > it.delivered && sequence <= it.last_out;
        let Some(row) = self.row_of(id).filter(|_| self.own.incarnation == incarnation) else { return Vec::new() };
        if self.neighbours.get(row).filter(is_good).is_none() {
            return Vec::new();
        }
        let gone = self.remove(|entry| entry.to == id && entry.sequence <= sequence);
        let bytes = gone.iter().fold(0_u32, |sum, (_, bytes)| sum.saturating_add(*bytes));
        self.neighbours.modify(row, |it| {
            (it.delivered, it.waiting_bytes) = (sequence, it.waiting_bytes.saturating_sub(bytes));
        });
        gone.into_iter().map(|(entry, _)| (entry.player, entry.hops)).collect()
    }

    /// Makes the index of neighbours anew after the columns were loaded.
    pub(crate) fn reindex(&mut self) {
        let mut known = BTreeMap::new();
        join(&self.neighbours).for_each(|row, it| _ = known.insert(it.region, row.index()));
        self.known = Arc::new(known);
    }

    pub(crate) fn set_id(&mut self, id: RegionId) {
        self.own.modify(|own| own.id = id);
    }

    /// A tick begins.
    pub(crate) fn count_tick(&mut self) {
        self.own.modify(|own| own.lamport = own.lamport.saturating_add(1));
    }

    /// Begins an incarnation; gives by how many it is above the one before, 0 where it is no new one.
    pub(crate) fn begin_incarnation(&mut self, number: u32, lamport: u64) -> u32 {
        let lives = number.saturating_sub(self.own.incarnation);
        if lives > 0 {
            self.own.modify(|own| {
                own.incarnation = number;
                own.lamport = own.lamport.max(lamport);
            });
            join(&mut self.neighbours).for_each(|_, neighbour| {
                (neighbour.last_in_at_claim, neighbour.last_out_at_claim) = (neighbour.last_in, neighbour.last_out);
            });
        }
        lives
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
        self.parcels.check_lists().map_err(|what| ("outbox.parcels", what))?;
        self.check_outbox().map_err(|what| ("outbox.entries", what))
    }

    /// Everything between what was delivered and what was addressed to a neighbour waits, once; so is held at most one parcel a player.
    fn check_outbox(&self) -> Result<(), &'static str> {
        let own = self.own.id;
        let mut fits = self.entries.len() <= limits::OUTBOX_ENTRIES_MAX;
        fits &= self.parcels.chunk_count() <= limits::OUTBOX_CHUNKS_MAX;
        let mut with_parcel = 0_u32;
        let mut held = BTreeSet::new();
        let mut waiting: BTreeMap<RegionId, (BTreeSet<u64>, u64)> = BTreeMap::new();
        for (row, entry) in self.waiting() {
            let bytes = self.parcels.len(row);
            with_parcel = with_parcel.saturating_add(u32::from(bytes > 0));
            fits &= entry.kind == 0 && entry.player.is_player() && bytes as usize <= limits::PARCEL_BYTES_MAX;
            if entry.to == own {
                fits &= entry.sequence == 0 && held.insert(entry.player);
            } else {
                let (sequences, sum) = waiting.entry(entry.to).or_default();
                fits &= bytes > 0 && sequences.insert(entry.sequence);
                *sum = sum.saturating_add(u64::from(bytes));
            }
        }
        if !fits || with_parcel != self.parcels.list_count() {
            return Err("each entry of the outbox has its parcel, and there is no other");
        }
        for it in self.neighbours() {
            let (sequences, bytes) = waiting.remove(&it.region).unwrap_or_default();
            let are_next = sequences.iter().all(|sequence| it.delivered < *sequence && *sequence <= it.last_out);
            let are_all = sequences.len() as u64 == it.last_out.saturating_sub(it.delivered);
            if !are_next || !are_all || bytes != u64::from(it.waiting_bytes) {
                return Err("what waits for a neighbour is what it has not got yet");
            }
        }
        if waiting.is_empty() { Ok(()) } else { Err("something waits for a region that is not known") }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn open_to(neighbours: &[u32]) -> Region {
        let mut region = Region::default();
        for id in neighbours.iter().copied().map(RegionId) {
            assert!(region.accept(id, 1));
            region.set_border(id, Border::Open);
        }
        region
    }

    #[test]
    fn an_outbox_holds_so_much_for_a_neighbour_and_in_all() {
        let parcel = vec![7; limits::PARCEL_BYTES_MAX];
        let mut region = open_to(&[2, 3, 4, 5]);
        let mut fill = |to| (0..).find(|_| !region.post(RegionId(to), PlayerId(1), 1, &parcel));
        // A parcel takes 274 chunks, of 131,072.
        assert_eq!([2, 3, 4, 5].map(&mut fill), [Some(128), Some(128), Some(128), Some(94)]);
        assert!(!region.hold(PlayerId(1), 1, &parcel), "there is no chunk left for it");
        assert_eq!(region.delivered(RegionId(2), 1, 100).len(), 100);
        let held = (1..).find(|player| !region.hold(PlayerId(*player), 1, &parcel));
        assert_eq!(held, Some(65), "4 MiB are held");
        assert!(region.hold(PlayerId(99), 1, &[]), "a birth takes no chunk");
        assert_eq!(region.check(Tick(0)), Ok(()));
    }

    #[test]
    fn the_archive_has_no_border() {
        let mut region = open_to(&[]);
        assert!(region.may_post(RegionId::ARCHIVE, 9) && !region.may_post(RegionId(2), 9));
        assert!(region.post(RegionId::ARCHIVE, PlayerId(1), 1, b"parcel"));
        region.set_border(RegionId::ARCHIVE, Border::Full);
        assert!(!region.set_border_by_operator(RegionId::ARCHIVE, false) && !region.accept(RegionId::ARCHIVE, 1));
        assert_eq!(region.neighbour(RegionId::ARCHIVE).map(|it| it.border), Some(Border::Silent));
        assert!(region.may_post(RegionId::ARCHIVE, 9));
    }

    #[test]
    fn an_outbox_that_no_acts_leave_is_refused() {
        let mut region = open_to(&[2]);
        assert!(region.post(RegionId(2), PlayerId(1), 1, b"parcel"));
        assert!(region.hold(PlayerId(2), 1, b"parcel") && region.hold(PlayerId(3), 1, b""));
        assert_eq!(region.check(Tick(0)), Ok(()));
        type Tamper = fn(&mut Region) -> Option<()>;
        let tampers: [(&str, Tamper); 10] = [
            ("a number is left out", |it| it.entries.modify(Row::new(0), |entry| entry.sequence = 2)),
            ("a region is not known", |it| it.entries.modify(Row::new(0), |entry| entry.to = RegionId(9))),
            ("it is of no known kind", |it| it.entries.modify(Row::new(0), |entry| entry.kind = 1)),
            ("it is of nobody", |it| it.entries.modify(Row::new(0), |entry| entry.player = PlayerId::REGION)),
            ("bytes are counted wrong", |it| it.neighbours.modify(Row::new(0), |it| it.waiting_bytes = 5)),
            ("something waits no more", |it| it.neighbours.modify(Row::new(0), |it| it.last_out = 2)),
            ("something waits in vain", |it| it.neighbours.modify(Row::new(0), |it| it.delivered = 1)),
            ("one is held twice", |it| it.entries.modify(Row::new(1), |entry| entry.player = PlayerId(3))),
            ("a parcel is gone", |it| {
                it.parcels.clear(Row::new(0));
                Some(())
            }),
            ("a parcel is of no entry", |it| it.parcels.push(Row::new(7), 1).ok()),
        ];
        for (what, tamper) in tampers {
            let mut tampered = region.clone();
            assert!(tamper(&mut tampered).is_some(), "{what}");
            assert!(tampered.check(Tick(0)).is_err(), "{what}");
        }
    }
}
