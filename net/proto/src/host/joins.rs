//! [`Joins`]: snapshots for those who come, page by page.
//!
//! Invariant: a tick's work on pages is bounded by a number of bytes, whoever asks for how much; snapshots kept for joiners and
//! pages kept for the next one are bounded too. A joiner whose snapshot is gone is not answered, asks for a manifest again, and
//! loses nothing: it knows its pages by hash.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{column::PageEntry, frame::Tick, game::Game, hash::Hash, snapshot::Manifest, world::World};

use super::{Host, event::SessionId, history::place, session::Session};
use crate::{
    instant::Instant,
    limits,
    message::{ManifestOffer, Message, Page, PageRequest, Reason},
};

/// What joiners fetch.
pub(super) struct Joins<G: Game> {
    snapshots: BTreeMap<Tick, Snapshot<G>>,
    cache: PageCache,
    /// Bytes of pages that may still be encoded before the next tick.
    allowance: u64,
    /// Where the last round of serving ended.
    last_served: Option<SessionId>,
    /// Sessions that wait for pages or may ask for some.
    joiner_count: u32,
}

/// A world that joiners fetch.
struct Snapshot<G: Game> {
    world: World<G>,
    /// Column and entry of every page, by place.
    places: Arc<Vec<(u16, PageEntry)>>,
    offer: Bytes,
}

/// Compressed pages by hash: two generations, so that a full one is forgotten at once and without order.
#[derive(Default)]
struct PageCache {
    young: BTreeMap<Hash, (u32, Bytes)>,
    old: BTreeMap<Hash, (u32, Bytes)>,
    young_bytes: u64,
}

impl<G: Game> Default for Joins<G> {
    fn default() -> Self {
        Self {
            snapshots: BTreeMap::new(),
            cache: PageCache::default(),
            allowance: 0,
            last_served: None,
            joiner_count: 0,
        }
    }
}

impl PageCache {
    fn find(&self, hash: &Hash) -> Option<(u32, Bytes)> {
        self.young.get(hash).or_else(|| self.old.get(hash)).cloned()
    }

    fn insert(&mut self, hash: Hash, raw_bytes: u32, bytes: Bytes, bytes_max: u32) {
        if self.young_bytes >= u64::from(bytes_max) / 2 {
            self.old = core::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes = self.young_bytes.saturating_add(bytes.len() as u64);
        self.young.insert(hash, (raw_bytes, bytes));
    }
}

impl<G: Game> Joins<G> {
    /// A session fetches no more.
    pub(super) fn leave(&mut self, joining: Option<Tick>) {
        if joining.is_some() {
            self.joiner_count = self.joiner_count.saturating_sub(1);
        }
    }

    /// The compressed page of a snapshot; encodes it where there is allowance.
    fn page(&mut self, tick: Tick, index: u32, cache_bytes_max: u32) -> Served {
        let Some(snapshot) = self.snapshots.get(&tick) else { return Served::Gone };
        let Some((column, entry)) = snapshot.places.get(index as usize).copied() else { return Served::Gone };
        if let Some((raw_bytes, bytes)) = self.cache.find(&entry.hash) {
            return Served::Page(Page { index, raw_bytes, bytes });
        }
        if self.allowance == 0 {
            return Served::Later;
        }
        let mut raw = Vec::new();
        let mut at = 0_u16;
        snapshot.world.columns(&mut |_, pages| {
            if at == column {
                pages.page_bytes(entry.page, &mut raw);
            }
            at = at.saturating_add(1);
        });
        self.allowance = self.allowance.saturating_sub(raw.len() as u64);
        let raw_bytes = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        let packed = lz4_flex::block::compress(&raw);
        let bytes = Bytes::from(if packed.len() < raw.len() { packed } else { raw });
        self.cache.insert(entry.hash, raw_bytes, bytes.clone(), cache_bytes_max);
        Served::Encoded(Page { index, raw_bytes, bytes })
    }
}

enum Served {
    Page(Page),
    Encoded(Page),
    /// The tick's work on pages is done.
    Later,
    /// There is no such snapshot or page.
    Gone,
}

impl<G: Game> Host<G> {
    /// Offers the newest snapshot, or one shortly before it that others fetch too.
    pub(super) fn handle_join(&mut self, now: Instant, session: SessionId) {
        let Some(state) = self.sessions.get_mut(&session) else { return };
        if !state.budget.joins.take(now, 1) {
            self.counters.over_budget = self.counters.over_budget.saturating_add(1);
            return;
        }
        let Some(open) = state.open_mut() else { return };
        if open.joining.is_none() && self.joins.joiner_count >= self.settings.joins_max {
            return self.end(
                now,
                session,
                Reason::Full,
                "too many clients take the world over at once; come back later",
            );
        }
        let released = self.history.released[place(open.level)].min(self.history.rooted);
        let Some(tick) = self.snapshot(released) else { return };
        let Some(state) = self.sessions.get_mut(&session) else { return };
        let Some(open) = state.open_mut() else { return };
        if open.joining.replace(tick).is_none() {
            self.joins.joiner_count = self.joins.joiner_count.saturating_add(1);
        }
        (open.follows, open.follow, open.report) = (false, None, None);
        open.pages.clear();
        let Some(offer) = self.joins.snapshots.get(&tick).map(|snapshot| snapshot.offer.clone()) else { return };
        if state.budget.answers.take(now, offer.len() as u64) {
            self.outbox.push_answer(session, offer);
        }
    }

    /// The tick of a snapshot that is young enough, made if there is none.
    fn snapshot(&mut self, released: Tick) -> Option<Tick> {
        if let Some((newest, _)) = self.joins.snapshots.range(..=released).next_back()
            && newest.0.saturating_add(u64::from(self.settings.snapshot_every_ticks)) > released.0
        {
            return Some(*newest);
        }
        let kept = self.history.find(released)?;
        let world = kept.world.clone()?;
        let manifest = Manifest::of(&world, self.schema_id);
        let columns = (0_u16..).zip(&manifest.columns);
        let places = columns.flat_map(|(column, pages)| pages.iter().map(move |entry| (column, *entry))).collect();
        let mut raw = Vec::new();
        manifest.encode(&mut raw);
        let raw_bytes = u32::try_from(raw.len()).ok().filter(|bytes| *bytes <= limits::MANIFEST_BYTES_MAX)?;
        let bytes = Bytes::from(lz4_flex::block::compress(&raw));
        let offer = Message::Manifest(ManifestOffer { tick: released, raw_bytes, bytes }).encode();
        self.joins.snapshots.insert(released, Snapshot { world, places: Arc::new(places), offer });
        while self.joins.snapshots.len() > self.settings.snapshots_max.max(1) as usize {
            self.joins.snapshots.pop_first();
        }
        self.counters.snapshots = self.counters.snapshots.saturating_add(1);
        Some(released)
    }

    pub(super) fn handle_page_request(&mut self, now: Instant, session: SessionId, request: &PageRequest) {
        let Some(open) = self.sessions.get_mut(&session).and_then(Session::open_mut) else { return };
        if open.joining != Some(request.tick) {
            return;
        }
        let room = (limits::PAGES_QUEUED_MAX as usize).saturating_sub(open.pages.len());
        open.pages.extend(request.pages.iter().take(room));
        self.serve_session(now, session);
    }

    /// Goes on with pages that were asked for; `is_new_tick` brings a new allowance.
    pub(super) fn serve_pages(&mut self, now: Instant, is_new_tick: bool) {
        if is_new_tick {
            self.joins.allowance = u64::from(self.settings.page_bytes_per_tick);
            self.forget_snapshots();
        }
        if self.joins.joiner_count == 0 {
            return;
        }
        let waits = |(id, session): (&SessionId, &Session)| {
            session.open().is_some_and(|open| !open.pages.is_empty()).then_some(*id)
        };
        // Each round begins behind the one who was served last, so that the first do not starve the others.
        let from = self.joins.last_served.map_or(SessionId(0), |last| SessionId(last.0.saturating_add(1)));
        let mut order: Vec<SessionId> = self.sessions.range(from..).filter_map(waits).collect();
        order.extend(self.sessions.range(..from).filter_map(waits));
        for id in order {
            self.serve_session(now, id);
        }
    }

    /// Forgets snapshots that nobody fetches and nobody would be shown.
    fn forget_snapshots(&mut self) {
        if self.joins.snapshots.is_empty() {
            return;
        }
        let open = self.sessions.values().filter_map(Session::open);
        let in_use: alloc::collections::BTreeSet<Tick> = open.filter_map(|open| open.joining).collect();
        let every = u64::from(self.settings.snapshot_every_ticks);
        let stepped = self.history.stepped.0;
        self.joins.snapshots.retain(|tick, _| in_use.contains(tick) || tick.0.saturating_add(every) > stepped);
        if self.joins.snapshots.is_empty() {
            self.joins.cache = PageCache::default();
        }
    }

    /// Sends a joiner what it waits for, in messages of some size, while there is allowance and budget.
    fn serve_session(&mut self, now: Instant, id: SessionId) {
        loop {
            let Some(state) = self.sessions.get_mut(&id) else { return };
            let Some(open) = state.open_mut() else { return };
            let Some(tick) = open.joining else { return };
            let mut pages = Vec::new();
            let mut bytes = 0_usize;
            let most = usize::from(limits::PAGES_PER_REQUEST_MAX);
            let mut is_later = false;
            while pages.len() < most && bytes < limits::PAGES_MESSAGE_BYTES as usize {
                let Some(index) = open.pages.front().copied() else { break };
                // A message's pages ascend; what does not begins the next one.
                if pages.last().is_some_and(|last: &Page| last.index >= index) {
                    break;
                }
                let page = match self.joins.page(tick, index, self.settings.page_cache_bytes_max) {
                    Served::Page(page) => Some(page),
                    Served::Encoded(page) => {
                        self.counters.pages_encoded = self.counters.pages_encoded.saturating_add(1);
                        Some(page)
                    }
                    Served::Later => {
                        is_later = true;
                        break;
                    }
                    Served::Gone => None,
                };
                open.pages.pop_front();
                bytes = bytes.saturating_add(page.as_ref().map_or(0, |page| page.bytes.len()));
                pages.extend(page);
            }
            if pages.is_empty() {
                if is_later || open.pages.is_empty() {
                    return;
                }
                continue;
            }
            self.joins.last_served = Some(id);
            let count = pages.len() as u64;
            let message = Message::Pages(pages).encode();
            if !state.budget.answers.take(now, message.len() as u64) {
                // Dropped: the peer asks for them again, later.
                self.counters.over_budget = self.counters.over_budget.saturating_add(1);
                return;
            }
            self.counters.pages_sent = self.counters.pages_sent.saturating_add(count);
            self.outbox.push_answer(id, message);
        }
    }
}
