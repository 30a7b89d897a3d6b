//! [`Join`]: a world taken over, page by page.
//!
//! Invariant: a page is kept only if its bytes have the hash that a manifest names, and none is inflated beyond what its rows
//! can take; so what was kept is good for any later manifest that names the same hash, of this session or another. Kept pages
//! and pages asked for are bounded. Nothing is restored here: a join ends with a manifest all of whose pages are at hand.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::ToString,
    vec::Vec,
};

use tickworld_sim::{
    column::{PageEntry, Pages},
    game::Game,
    hash::{Hash, hash},
    schema::{ColumnType, Schema, SchemaId},
    snapshot::Manifest,
    world::World,
};

use super::{
    event::{Fault, PageFault},
    inflate::inflate,
};
use crate::{
    instant::{Instant, Micros},
    limits,
    message::{ManifestOffer, Message, Page, PageRequest},
};

/// How far a join is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinProgress {
    /// Pages of the manifest under way that are at hand.
    pub pages_held: u32,
    /// Pages of that manifest; 0 before there is one.
    pub pages: u32,
    /// Bytes of manifests and pages that came, as they were sent.
    pub received_bytes: u64,
}

/// What a build knows of the world to be taken over.
pub(super) struct Expected<'a, G: Game> {
    pub(super) schema: &'a Schema,
    pub(super) schema_id: SchemaId,
    /// An older world, whose pages may be the same.
    pub(super) base: Option<&'a World<G>>,
    pub(super) snapshot_bytes_max: u64,
}

/// A join under way.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// When to ask for a manifest, if it has none or wants a newer one.
    ask_at: Option<Instant>,
    offer: Option<Offer>,
    /// Pages by hash: those of the last manifest, or of an earlier session's.
    held: BTreeMap<Hash, Vec<u8>>,
    /// Pages that came since the last manifest did.
    fresh: usize,
    rounds: u32,
    waits: u32,
    /// Pages that were asked for and may still come although nobody waits for them any more.
    strays: usize,
    received_bytes: u64,
}

/// A manifest, and what is missing of it.
#[derive(Debug)]
struct Offer {
    manifest: Manifest,
    /// Hash and greatest length of every page, by its place.
    places: Vec<(Hash, u32)>,
    /// Places not asked for yet: one for each hash.
    missing: BTreeSet<u32>,
    /// Places asked for, and when.
    asked: BTreeMap<u32, Instant>,
}

impl Join {
    /// Begins a session, or begins anew in one. Pages at hand stay.
    pub(super) fn open(&mut self, now: Instant) {
        *self = Self {
            ask_at: Some(now),
            held: core::mem::take(&mut self.held),
            received_bytes: self.received_bytes,
            strays: self.strays.saturating_add(self.asked()),
            ..Self::default()
        };
    }

    /// The connection is gone; nothing is asked before the next one, and nothing old will come over it.
    pub(super) fn close(&mut self) {
        (self.ask_at, self.offer, self.strays) = (None, None, 0);
    }

    fn asked(&self) -> usize {
        self.offer.as_ref().map_or(0, |offer| offer.asked.len())
    }

    pub(super) fn progress(&self) -> JoinProgress {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let Some(offer) = &self.offer else {
            return JoinProgress { received_bytes: self.received_bytes, ..JoinProgress::default() };
        };
        let missing = offer.missing.len().saturating_add(offer.asked.len());
        JoinProgress {
            pages_held: count(offer.places.len().saturating_sub(missing)),
            pages: count(offer.places.len()),
            received_bytes: self.received_bytes,
        }
    }

    /// Whether a manifest with all its pages is at hand.
    pub(super) fn is_ready(&self) -> bool {
        self.ask_at.is_none()
            && self.offer.as_ref().is_some_and(|offer| offer.missing.is_empty() && offer.asked.is_empty())
    }

    /// The manifest of a join that is ready, and its pages.
    pub(super) fn ready(&self) -> Option<(&Manifest, &BTreeMap<Hash, Vec<u8>>)> {
        let offer = self.offer.as_ref().filter(|_| self.is_ready())?;
        Some((&offer.manifest, &self.held))
    }

    /// Takes a manifest: what is not at hand will be asked for.
    pub(super) fn handle_manifest<G: Game>(
        &mut self,
        expected: &Expected<'_, G>,
        offer: &ManifestOffer,
    ) -> Result<(), Fault> {
        let manifest = read_manifest(expected, offer)?;
        self.received_bytes = self.received_bytes.saturating_add(offer.bytes.len() as u64);
        self.strays = self.strays.saturating_add(self.asked());
        let places = places(expected.schema, &manifest);
        let wanted: BTreeMap<Hash, u32> = (0..).zip(&places).map(|(index, (hash, _))| (*hash, index)).collect();
        self.held.retain(|hash, _| wanted.contains_key(hash));
        if let Some(base) = expected.base {
            take_over(base, &manifest, &mut self.held);
        }
        let missing = wanted.iter().filter(|(hash, _)| !self.held.contains_key(hash)).map(|(_, index)| *index);
        let missing: BTreeSet<u32> = missing.collect();
        self.offer = Some(Offer { manifest, places, missing, asked: BTreeMap::new() });
        (self.ask_at, self.fresh, self.waits) = (None, 0, 0);
        self.rounds = self.rounds.saturating_add(1);
        Ok(())
    }

    /// Takes pages; gives what is wrong with those that are not kept.
    pub(super) fn handle_pages(&mut self, now: Instant, pages: &[Page]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for page in pages {
            if let Err(fault) = self.handle_page(page) {
                faults.push(fault);
            }
        }
        if self.is_ready() && self.fresh > limits::CLIENT_PAGES_FEW && self.rounds < limits::CLIENT_JOIN_ROUNDS_MAX {
            // The world went on meanwhile. What changed is less than what came, so the next round is shorter.
            self.ask_at = Some(now);
        }
        faults
    }

    fn handle_page(&mut self, page: &Page) -> Result<(), Fault> {
        let stray = Fault::Unasked { what: "page" };
        let Some(offer) = self.offer.as_mut() else { return use_up(&mut self.strays).ok_or(stray) };
        let place = usize::try_from(page.index).ok().and_then(|index| offer.places.get(index)).copied();
        let Some((expected, bytes_max)) = place.filter(|_| offer.asked.contains_key(&page.index)) else {
            return use_up(&mut self.strays).ok_or(stray);
        };
        let raw = check_page(page, expected, bytes_max);
        if raw.is_err() && use_up(&mut self.strays).is_some() {
            // It may be a late page of an earlier manifest, at a place that this one has too.
            return Ok(());
        }
        offer.asked.remove(&page.index);
        match raw {
            Ok(raw) => {
                self.received_bytes = self.received_bytes.saturating_add(page.bytes.len() as u64);
                self.fresh = self.fresh.saturating_add(1);
                self.waits = 0;
                self.held.insert(expected, raw);
                Ok(())
            }
            Err(cause) => {
                offer.missing.insert(page.index);
                Err(Fault::Page { index: page.index, cause })
            }
        }
    }

    /// What to ask now.
    pub(super) fn poll_request(&mut self, now: Instant, way: Micros) -> Option<Message> {
        self.give_up_on_late_pages(now, way);
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = Some(now.after(limits::CLIENT_MANIFEST_WAIT.max(four(way))));
            return Some(Message::Join);
        }
        let offer = self.offer.as_mut()?;
        let room = limits::CLIENT_PAGES_ASKED_MAX.saturating_sub(offer.asked.len());
        let most = usize::from(limits::PAGES_PER_REQUEST_MAX);
        if offer.missing.is_empty() || room < most {
            return None;
        }
        let pages: Vec<u32> = offer.missing.iter().take(most).copied().collect();
        for index in &pages {
            offer.missing.remove(index);
            offer.asked.insert(*index, now);
        }
        Some(Message::PageRequest(PageRequest { tick: offer.manifest.head.tick, pages }))
    }

    fn give_up_on_late_pages(&mut self, now: Instant, way: Micros) {
        let wait = limits::CLIENT_PAGES_WAIT.max(four(way));
        let Some(offer) = self.offer.as_mut() else { return };
        let late: Vec<u32> =
            offer.asked.iter().filter(|(_, asked)| asked.after(wait) <= now).map(|(index, _)| *index).collect();
        if late.is_empty() {
            return;
        }
        self.strays = self.strays.saturating_add(late.len());
        for index in late {
            offer.asked.remove(&index);
            offer.missing.insert(index);
        }
        self.waits = self.waits.saturating_add(1);
        if self.waits >= limits::CLIENT_PAGE_WAITS_MAX {
            // The host may have let go of this snapshot.
            (self.waits, self.rounds) = (0, 0);
            self.ask_at = Some(now);
        }
    }

    pub(super) fn poll_timeout(&self, way: Micros) -> Option<Instant> {
        let wait = limits::CLIENT_PAGES_WAIT.max(four(way));
        let late = self.offer.as_ref().and_then(|offer| offer.asked.values().min()).map(|asked| asked.after(wait));
        [self.ask_at, late].into_iter().flatten().min()
    }
}

fn use_up(strays: &mut usize) -> Option<()> {
    *strays = strays.checked_sub(1)?;
    Some(())
}

const fn four(way: Micros) -> Micros {
    Micros(way.0.saturating_mul(4))
}

/// Inflates and reads a manifest, and holds it against what this build can take over.
fn read_manifest<G: Game>(expected: &Expected<'_, G>, offer: &ManifestOffer) -> Result<Manifest, Fault> {
    let wrong = |what: &str| Fault::Manifest { tick: offer.tick, what: what.to_string() };
    if offer.raw_bytes > limits::MANIFEST_BYTES_MAX {
        return Err(wrong("it claims to be longer than any that a client takes"));
    }
    let bytes = inflate(&offer.bytes, offer.raw_bytes).ok_or_else(|| wrong("it does not inflate to what it claims"))?;
    let manifest = Manifest::decode(&bytes, expected.schema).map_err(|error| wrong(&error.to_string()))?;
    let head = manifest.head;
    if head.tick != offer.tick || head.schema != expected.schema_id || head.revision != G::REVISION {
        return Err(wrong("it is of another tick, schema or revision"));
    }
    let bytes =
        places(expected.schema, &manifest).iter().map(|(_, bytes)| u64::from(*bytes)).fold(0, u64::saturating_add);
    if bytes > expected.snapshot_bytes_max {
        return Err(wrong("its pages are more than the settings allow (snapshot_bytes_max)"));
    }
    Ok(manifest)
}

fn places(schema: &Schema, manifest: &Manifest) -> Vec<(Hash, u32)> {
    let columns = schema.columns.iter().zip(&manifest.columns);
    columns.flat_map(|(ty, pages)| pages.iter().map(|entry| (entry.hash, page_bytes_max(ty, entry)))).collect()
}

/// The longest that a page with so many rows can be: its rows after all presence words.
fn page_bytes_max(ty: &ColumnType, entry: &PageEntry) -> u32 {
    let row_bytes = u32::try_from(ty.ty.size()).unwrap_or(u32::MAX);
    let presence = u32::from(ty.page_rows) / 8;
    entry.row_count.saturating_mul(row_bytes).saturating_add(presence).saturating_add(1)
}

fn check_page(page: &Page, expected: Hash, bytes_max: u32) -> Result<Vec<u8>, PageFault> {
    if page.raw_bytes > bytes_max {
        return Err(PageFault::Length { found: page.raw_bytes, max: bytes_max });
    }
    let raw = inflate(&page.bytes, page.raw_bytes).ok_or(PageFault::Compression(page.raw_bytes))?;
    if hash(&raw) == expected { Ok(raw) } else { Err(PageFault::Hash) }
}

/// Keeps the pages of an older world that the manifest names too, at the same place.
fn take_over<G: Game>(base: &World<G>, manifest: &Manifest, held: &mut BTreeMap<Hash, Vec<u8>>) {
    let mut lists = manifest.columns.iter();
    base.columns(&mut |_, column: &dyn Pages| {
        for entry in lists.next().into_iter().flatten() {
            if held.contains_key(&entry.hash) || column.page_hash(entry.page) != Some(entry.hash) {
                continue;
            }
            let mut bytes = Vec::new();
            // The hash beside a page is believed by nobody else: what a fault changed behind its back is not kept.
            if column.page_bytes(entry.page, &mut bytes) && hash(&bytes) == entry.hash {
                held.insert(entry.hash, bytes);
            }
        }
    });
}
