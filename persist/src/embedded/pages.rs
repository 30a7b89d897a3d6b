//! The snapshots' calls on [`Core`].
//!
//! Invariant: a manifest or a pack is written only while all its pages are there, and pages are removed only while nothing
//! names them; both under one owner, so nothing comes between. Calls are small enough to stand between two appends: whoever
//! has more calls again.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use redb::{ReadableTable as _, ReadableTableMetadata as _};
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    hash::{Hash, hash},
    snapshot::Manifest,
};

use super::{
    Core, StorageBackend,
    core::{Failure, malformed},
    rows::{MANIFESTS, PACKS, PAGES, Pieces, decode_snapshot, encode_snapshot},
};
use crate::{
    append_validator::AppendValidator,
    error::{Cause, Fault, FetchError, ManifestError, PutError},
    limits,
    page::{check_pages, page_hashes},
    recover::prover_of,
    store::{Page, Snapshot},
};

impl<B: StorageBackend> Core<B> {
    /// See [`Snapshots::missing`](crate::Snapshots::missing). A page that is there but damaged counts as missing.
    ///
    /// # Errors
    /// See there; so for all that follow.
    pub fn missing(&mut self, hashes: &[Hash]) -> Result<Vec<Hash>, PutError> {
        if hashes.len() > limits::MISSING_HASHES_MAX {
            return Err(PutError::Limit { what: "the number of hashes" });
        }
        self.guarded(|core| {
            // Whoever asks is about to name them: retention must not take them away meanwhile.
            core.pinned_pages.extend(hashes);
            Ok(core.read(|txn| {
                let pages = txn.open_table(PAGES)?;
                let mut missing = Vec::new();
                for wanted in hashes {
                    if pages.get(&wanted.0)?.is_none_or(|row| hash(row.value()) != *wanted) {
                        missing.push(*wanted);
                    }
                }
                Ok(missing)
            })?)
        })
    }

    /// See [`Snapshots::put_pages`](crate::Snapshots::put_pages). A damaged page is replaced.
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn put_pages(&mut self, pages: &[Page]) -> Result<(), PutError> {
        check_pages(pages)?;
        self.guarded(|core| {
            core.pinned_pages.extend(pages.iter().map(|page| page.hash));
            let news = core.read(|txn| {
                let table = txn.open_table(PAGES)?;
                let mut news = Vec::new();
                for page in pages {
                    if table.get(&page.hash.0)?.is_none_or(|row| row.value() != page.bytes) {
                        news.push(page);
                    }
                }
                Ok(news)
            })?;
            if news.is_empty() {
                return Ok(());
            }
            let written = core.commit(redb::Durability::Immediate, |txn| {
                let mut table = txn.open_table(PAGES)?;
                for page in news {
                    table.insert(&page.hash.0, &page.bytes[..])?;
                }
                Ok(())
            });
            core.settled(written)
        })
    }

    /// Carries out [`Snapshots::page`](crate::Snapshots::page).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn page(&mut self, wanted: Hash) -> Result<Option<Bytes>, FetchError> {
        self.guarded(|core| {
            let row = core.read(|txn| {
                let row = txn.open_table(PAGES)?.get(&wanted.0)?;
                Ok(row.map(|row| Bytes::copy_from_slice(row.value())))
            })?;
            match row {
                Some(bytes) if hash(&bytes) != wanted => Err(FetchError::Damaged(Cause::Hash(wanted))),
                other => Ok(other),
            }
        })
    }

    /// Carries out [`Snapshots::put_manifest`](crate::Snapshots::put_manifest).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn put_manifest(&mut self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        self.guarded(|core| {
            core.check_snapshot(snapshot)?;
            let tick = snapshot.position().tick;
            let row = encode_snapshot(snapshot);
            let hashes: BTreeSet<Hash> = page_hashes(&snapshot.manifest).collect();
            core.pinned_pages.extend(&hashes);
            let (missing, manifests) = core.read(|txn| {
                let missing = absent(txn, hashes.iter().copied())?;
                Ok((missing, txn.open_table(MANIFESTS)?.len()?))
            })?;
            if let Some(first) = missing.first() {
                let count = u32::try_from(missing.len()).unwrap_or(u32::MAX);
                return Err(ManifestError::Missing { count, first: *first });
            }
            if manifests >= limits::MANIFESTS_MAX as u64 {
                return Err(ManifestError::Limit { what: "the number of snapshots" });
            }
            let last = core.validator.as_ref().map(AppendValidator::last);
            let written = core.commit(redb::Durability::Immediate, |txn| {
                txn.open_table(MANIFESTS)?.insert(tick.0, row.as_slice())?;
                Ok(())
            });
            match written {
                Ok(()) => {}
                Err(Failure::Before(fault)) => return Err(ManifestError::Storage(fault)),
                Err(Failure::Unknown(fault)) => return Err(ManifestError::Unknown(fault)),
            }
            core.pinned_pages.clear();
            if let Some(reachable_pages) = &mut core.reachable_pages {
                reachable_pages.extend(&hashes);
            }
            Ok(last.map_or(Ok(()), |last| core.advance(last, redb::Durability::Immediate, &[]))?)
        })
    }

    /// Whether a snapshot is of this journal's history and contradicts nothing in it.
    fn check_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), ManifestError> {
        let validator = self.validator.clone().ok_or(ManifestError::Absent)?;
        let (header, log) = (&validator.header, validator.log());
        let position = snapshot.position();
        let tick = position.tick;
        if tick < log.base.tick || tick > log.last.tick {
            return Err(ManifestError::Tick { tick, base: log.base.tick, last: log.last.tick });
        }
        let mut bytes = Vec::new();
        snapshot.manifest.encode(&mut bytes);
        if bytes.len() > limits::MANIFEST_BYTES_MAX {
            return Err(ManifestError::Limit { what: "the manifest" });
        }
        let read = Manifest::decode(&bytes, &header.schema).ok().filter(|read| *read == snapshot.manifest);
        if read.is_none() || snapshot.manifest.head.schema != header.schema_id() {
            return Err(ManifestError::Schema);
        }
        if !validator.live.holds(position.slot) || self.position_at(position.slot)? != Some(position) {
            return Err(ManifestError::Chain { tick });
        }
        let prover = self.slot_of(prover_of(header, snapshot))?;
        let prover = prover.map(|slot| self.row(slot)).transpose()?.flatten();
        let proof = prover.and_then(|record| record.proof(header)).filter(|proof| proof.tick == tick);
        let proven = proof.map(|proof| proof.root).or((tick == header.start.tick).then_some(header.start.root));
        if proven.is_some_and(|root| root != snapshot.manifest.roots(&header.schema).root) {
            return Err(ManifestError::Root { tick });
        }
        Ok(())
    }

    /// Carries out [`Snapshots::manifests`](crate::Snapshots::manifests).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn manifests(&mut self) -> Result<Vec<Tick>, FetchError> {
        self.guarded(|core| {
            Ok(core.read(|txn| {
                let table = txn.open_table(MANIFESTS)?;
                let rows = table.iter()?.map(|row| Ok(Tick(row?.0.value())));
                rows.collect()
            })?)
        })
    }

    /// Carries out [`Snapshots::manifest`](crate::Snapshots::manifest).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn manifest(&mut self, tick: Tick) -> Result<Option<Snapshot>, FetchError> {
        self.guarded(|core| {
            let schema =
                core.validator.as_ref().map(|validator| validator.header.schema.clone()).ok_or(FetchError::Absent)?;
            let row = core.read(|txn| Ok(txn.open_table(MANIFESTS)?.get(tick.0)?.map(|row| row.value().to_vec())))?;
            let is_old = core.is_old;
            row.map(|row| decode_snapshot(tick, &row, is_old, &schema))
                .transpose()
                .map_err(|e| Cause::Malformed(e).into())
        })
    }

    /// Names the pieces of a pack, all of which were put as pages.
    ///
    /// # Errors
    /// When a piece is missing, or the storage fails.
    pub(super) fn put_pieces(&mut self, id: ContentId, pieces: &Pieces) -> Result<(), PutError> {
        self.guarded(|core| {
            let (missing, packs) = core.read(|txn| {
                let packs = txn.open_table(PACKS)?;
                let others = packs.len()? - u64::from(packs.get(&id.0.0)?.is_some());
                Ok((absent(txn, pieces.hashes.iter().copied())?, others))
            })?;
            if !missing.is_empty() || packs >= limits::PACKS_MAX as u64 {
                return Err(PutError::Limit { what: "the number of packs, or of pieces that were put before" });
            }
            let row = pieces.encode(id.0);
            let written = core.commit(redb::Durability::Immediate, |txn| {
                txn.open_table(PACKS)?.insert(&id.0.0, row.as_slice())?;
                Ok(())
            });
            if let Some(reachable_pages) = &mut core.reachable_pages {
                reachable_pages.extend(&pieces.hashes);
            }
            core.settled(written)
        })
    }

    /// See [`Snapshots::put_pack`](crate::Snapshots::put_pack); in one go.
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn put_pack(&mut self, id: ContentId, bytes: &Bytes) -> Result<(), PutError> {
        let (pages, pieces) = pieces(bytes)?;
        for batch in batches(&pages) {
            self.put_pages(batch)?;
        }
        self.put_pieces(id, &pieces)
    }

    /// The pieces of a pack; `None` if it is not there.
    pub(super) fn pieces(&mut self, id: ContentId) -> Result<Option<Pieces>, FetchError> {
        self.guarded(|core| {
            let row = core.read(|txn| Ok(txn.open_table(PACKS)?.get(&id.0.0)?.map(|row| row.value().to_vec())))?;
            row.map(|row| Pieces::decode(id.0, &row)).transpose().map_err(|e| Cause::Malformed(e).into())
        })
    }

    /// Carries out [`Snapshots::pack`](crate::Snapshots::pack).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn pack(&mut self, id: ContentId) -> Result<Option<Bytes>, FetchError> {
        let Some(pieces) = self.pieces(id)? else { return Ok(None) };
        let mut bytes = BytesMut::new();
        for piece in &pieces.hashes {
            bytes.extend_from_slice(&self.page(*piece)?.ok_or(Cause::Missing)?);
        }
        pieces.check(bytes.freeze()).map(Some)
    }

    /// Carries out [`Snapshots::packs`](crate::Snapshots::packs).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn packs(&mut self) -> Result<Vec<ContentId>, FetchError> {
        self.guarded(|core| {
            Ok(core.read(|txn| {
                let table = txn.open_table(PACKS)?;
                let rows = table.iter()?.map(|row| Ok(ContentId(Hash(*row?.0.value()))));
                rows.collect()
            })?)
        })
    }

    /// Whether one of these pages is missing or damaged.
    pub(super) fn damaged(&mut self, hashes: &[Hash]) -> Result<bool, Fault> {
        self.guarded(|core| {
            core.read(|txn| {
                let pages = txn.open_table(PAGES)?;
                for wanted in hashes {
                    if pages.get(&wanted.0)?.is_none_or(|row| hash(row.value()) != *wanted) {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
        })
    }

    /// Removes the manifests of these ticks; gives how many there were.
    pub(super) fn drop_manifests(&mut self, ticks: &[Tick]) -> Result<u32, Fault> {
        self.guarded(|core| {
            core.commit(redb::Durability::Immediate, |txn| {
                let mut table = txn.open_table(MANIFESTS)?;
                let mut count = 0;
                for tick in ticks {
                    count += u32::from(table.remove(tick.0)?.is_some());
                }
                Ok(count)
            })
            .map_err(Failure::fault)
        })
    }

    /// Begins to sweep pages: notes which ones something names.
    pub(super) fn begin_sweep(&mut self) -> Result<(), FetchError> {
        let mut reachable_pages = BTreeSet::new();
        for tick in self.manifests()? {
            // Of a damaged manifest nothing is known to be needed; recovery passes it over as well.
            if let Ok(Some(snapshot)) = self.manifest(tick) {
                reachable_pages.extend(page_hashes(&snapshot.manifest));
            }
        }
        for id in self.packs()? {
            reachable_pages.extend(self.pieces(id)?.map(|pieces| pieces.hashes).unwrap_or_default());
        }
        self.reachable_pages = Some(reachable_pages);
        Ok(())
    }

    /// Looks at so many pages from `cursor` on and removes those that nothing names: how many, and where to go on.
    pub(super) fn sweep(&mut self, cursor: Hash, count_max: usize) -> Result<(u64, Option<Hash>), Fault> {
        self.guarded(|core| {
            let Some(reachable_pages) = core.reachable_pages.take() else { return Ok((0, None)) };
            let pinned_pages = std::mem::take(&mut core.pinned_pages);
            let looked = core.read(|txn| {
                let table = txn.open_table(PAGES)?;
                let mut doomed = Vec::new();
                for (seen, row) in table.range::<&[u8; 32]>(&cursor.0..)?.enumerate() {
                    let found = Hash(*row?.0.value());
                    if seen >= count_max {
                        return Ok((doomed, Some(found)));
                    }
                    if !reachable_pages.contains(&found) && !pinned_pages.contains(&found) {
                        doomed.push(found);
                    }
                }
                Ok((doomed, None))
            });
            core.pinned_pages = pinned_pages;
            let (doomed, next) = looked?;
            if !doomed.is_empty() {
                core.commit(redb::Durability::Immediate, |txn| {
                    let mut table = txn.open_table(PAGES)?;
                    for page in &doomed {
                        table.remove(&page.0)?;
                    }
                    Ok(())
                })
                .map_err(Failure::fault)?;
            }
            core.reachable_pages = next.map(|_| reachable_pages);
            Ok((doomed.len() as u64, next))
        })
    }

    fn settled(&mut self, written: Result<(), Failure>) -> Result<(), PutError> {
        match written {
            Ok(()) => {
                let last = self.validator.as_ref().map(AppendValidator::last);
                Ok(last.map_or(Ok(()), |last| self.advance(last, redb::Durability::Immediate, &[]))?)
            }
            Err(Failure::Before(fault)) => Err(PutError::Storage(fault)),
            Err(Failure::Unknown(fault)) => Err(PutError::Unknown(fault)),
        }
    }
}

impl Pieces {
    /// The whole pack, if the pieces make up its length.
    pub(super) fn check(&self, bytes: Bytes) -> Result<Bytes, FetchError> {
        if bytes.len() as u64 == self.length {
            return Ok(bytes);
        }
        Err(malformed("the pieces of a pack do not make up its length").into())
    }
}

/// A pack as pages.
pub(super) fn pieces(bytes: &Bytes) -> Result<(Vec<Page>, Pieces), PutError> {
    let length = bytes.len() as u64;
    if length > limits::PACK_BYTES_MAX {
        return Err(PutError::Limit { what: "the pack" });
    }
    let starts = (0..bytes.len()).step_by(limits::PACK_PIECE_BYTES);
    let pages: Vec<Page> =
        starts.map(|at| Page::new(bytes.slice(at..bytes.len().min(at + limits::PACK_PIECE_BYTES)))).collect();
    let hashes = pages.iter().map(|page| page.hash).collect();
    Ok((pages, Pieces { length, hashes }))
}

/// Pieces of a pack in calls that are within the limits.
pub(super) fn batches(pages: &[Page]) -> impl Iterator<Item = &[Page]> {
    pages.chunks(limits::PUT_BYTES_MAX / limits::PAGE_BYTES_MAX)
}

/// Those of the pages that are not there, ascending.
fn absent(txn: &redb::ReadTransaction, hashes: impl Iterator<Item = Hash>) -> Result<Vec<Hash>, redb::Error> {
    let pages = txn.open_table(PAGES)?;
    let mut missing = Vec::new();
    for wanted in hashes {
        if pages.get(&wanted.0)?.is_none() {
            missing.push(wanted);
        }
    }
    Ok(missing)
}
