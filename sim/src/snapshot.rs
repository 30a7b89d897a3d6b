//! [`Manifest`]: a world as a list of page hashes, and the way back from bytes.
//!
//! Invariant: a manifest's root is computed from its page hashes, every page is checked against its hash before it is read,
//! and only canonical bytes are read; so whoever knows the root can take a world from anyone. Nothing is allocated for a
//! count that was not checked.

use alloc::{string::String, vec::Vec};

use crate::{
    column::{PageEntry, column_root, table_hash},
    component::{DecodeCause, DecodeError},
    content::ContentId,
    frame::Tick,
    game::Game,
    hash::{Hash, hash},
    limits,
    part::Impossible,
    schema::{RowKind, Schema, SchemaId},
    simulation::Simulation,
    state::State,
    world::{Roots, World, WorldHead},
};

/// A world as its page hashes, columns in schema order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What the root binds besides the columns.
    pub head: WorldHead,
    /// The pages of each column, ascending by number.
    pub columns: Vec<Vec<PageEntry>>,
}

/// Why a snapshot is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Another schema: the columns of this build are not those of the snapshot.
    #[error("the snapshot has schema {found}, this build has {expected}: use a build of the snapshot's version", found = .found.0, expected = .expected.0)]
    Schema {
        /// The schema of this build.
        expected: SchemaId,
        /// The schema of the snapshot.
        found: SchemaId,
    },
    /// Another revision of the rules, under which the same inputs may lead elsewhere.
    #[error("the snapshot was made by rules revision {found}, this build has revision {expected}")]
    Revision {
        /// The revision of this build.
        expected: u32,
        /// The revision that made the snapshot.
        found: u32,
    },
    /// Its pages would take more memory than is allowed, however little is in them.
    #[error("the snapshot takes {bytes} bytes of memory, at most {} are allowed", limits::WORLD_BYTES_MAX)]
    TooLarge {
        /// Bytes of whole pages.
        bytes: u64,
    },
    /// Bytes that are no manifest.
    #[error("the manifest is damaged: {0}")]
    Manifest(DecodeError),
    /// A page that is not to be had.
    #[error("page {page} of column `{column}` ({hash}) is missing")]
    MissingPage {
        /// Name of the column.
        column: String,
        /// Number of the page.
        page: u32,
        /// The hash that the manifest asks for.
        hash: Hash,
    },
    /// A page whose bytes have another hash.
    #[error("page {page} of column `{column}` is damaged: its bytes do not have the hash {hash}")]
    PageHash {
        /// Name of the column.
        column: String,
        /// Number of the page.
        page: u32,
        /// The hash it should have.
        hash: Hash,
    },
    /// A page with the right hash that no encoder writes.
    #[error("page {page} of column `{column}` is malformed: {cause}")]
    Page {
        /// Name of the column.
        column: String,
        /// Number of the page.
        page: u32,
        /// What is wrong.
        cause: DecodeError,
    },
    /// Columns that cannot belong together.
    #[error("column `{column}` cannot be: {what}")]
    Impossible {
        /// Name of the column.
        column: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl Manifest {
    /// Of a world whose pages are hashed; dirty pages are hashed on the way, without keeping the hash.
    #[must_use]
    pub fn of<G: Game>(world: &World<G>, schema: SchemaId) -> Self {
        let mut columns = Vec::new();
        world.columns(&mut |_, column| {
            let entry = |page| {
                let hash = column.page_hash(page)?;
                Some(PageEntry { page, row_count: column.page_row_count(page), hash })
            };
            columns.push((0..column.page_limit()).filter_map(entry).collect());
        });
        Self { head: world.head(schema), columns }
    }

    /// The roots that a world with these pages has.
    ///
    /// # Panics
    /// If `schema` has another number of columns; [`decode`](Self::decode) checks it.
    #[must_use]
    pub fn roots(&self, schema: &Schema) -> Roots {
        assert_eq!(schema.columns.len(), self.columns.len(), "a manifest has the columns of its schema");
        let columns: Vec<Hash> = schema
            .columns
            .iter()
            .zip(&self.columns)
            .map(|(column, pages)| column_root(&column.name, table_hash(pages.iter().copied())))
            .collect();
        Roots { root: self.head.root(&columns), columns }
    }

    // DOC:MANIFEST
    // 0    8  tick
    // 8   32  schema id
    // 40   4  rules revision
    // 44  32  content id
    // 76   2  columns         as many as the schema has; then for each, in its order:
    //      4    pages         at most 65,536; then for each, ascending:
    //      4      number    below 65,536
    //      2      row count   from 1 to the column's rows per page
    //     32      hash        BLAKE3 of the page's bytes
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Snapshot").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head.tick.0.to_le_bytes());
        out.extend_from_slice(&self.head.schema.0.0);
        out.extend_from_slice(&self.head.revision.to_le_bytes());
        out.extend_from_slice(&self.head.content.0.0);
        out.extend_from_slice(&u16::try_from(self.columns.len()).expect("at most COLUMNS_MAX columns").to_le_bytes());
        for pages in &self.columns {
            out.extend_from_slice(&u32::try_from(pages.len()).expect("at most PAGES_MAX pages").to_le_bytes());
            for entry in pages {
                out.extend_from_slice(&entry.page.to_le_bytes());
                out.extend_from_slice(
                    &u16::try_from(entry.row_count).expect("a page has at most 1,024 rows").to_le_bytes(),
                );
                out.extend_from_slice(&entry.hash.0);
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On bytes that [`encode`](Self::encode) does not write for a world of this schema.
    pub fn decode(bytes: &[u8], schema: &Schema) -> Result<Self, DecodeError> {
        let mut reader = crate::bytes::Reader::new(bytes);
        let head = WorldHead {
            tick: Tick(reader.value()?),
            schema: SchemaId(Hash(reader.value()?)),
            revision: reader.value()?,
            content: ContentId(Hash(reader.value()?)),
        };
        if usize::from(reader.value::<u16>()?) != schema.columns.len() {
            return Err(reader.fail(DecodeCause::Form("number of columns")));
        }
        let mut columns = Vec::new();
        for column in &schema.columns {
            let count: u32 = reader.value()?;
            if count > limits::PAGES_MAX || count as usize > reader.left() / ENTRY_BYTES {
                return Err(reader.fail(DecodeCause::Range));
            }
            let mut pages: Vec<PageEntry> = Vec::with_capacity(count as usize);
            for _ in 0..count {
                let page = reader.value()?;
                let row_count = u32::from(reader.value::<u16>()?);
                let hash = Hash(reader.value()?);
                let rising = pages.last().is_none_or(|last| last.page < page);
                if !rising || page >= limits::PAGES_MAX || row_count == 0 || row_count > u32::from(column.page_rows) {
                    return Err(reader.fail(DecodeCause::Form("page entry")));
                }
                pages.push(PageEntry { page, row_count, hash });
            }
            columns.push(pages);
        }
        reader.end()?;
        Ok(Self { head, columns })
    }
}

/// Bytes of a page entry in a manifest.
const ENTRY_BYTES: usize = 4 + 2 + 32;

impl<G: Game> World<G> {
    /// The world that a manifest describes; `fetch` gives the bytes of a page by hash.
    ///
    /// # Errors
    /// When schema or revision are not this build's, the pages would take more than [`limits::WORLD_BYTES_MAX`], one is missing
    /// or damaged, or the columns cannot belong together.
    pub fn restore(
        manifest: &Manifest,
        mut fetch: impl FnMut(&PageEntry) -> Option<Vec<u8>>,
    ) -> Result<Self, RestoreError> {
        let schema = crate::world::schema::<G>();
        let expected = schema.id();
        if manifest.head.schema != expected {
            return Err(RestoreError::Schema { expected, found: manifest.head.schema });
        }
        if manifest.head.revision != G::REVISION {
            return Err(RestoreError::Revision { expected: G::REVISION, found: manifest.head.revision });
        }
        let mut world = Self::new(G::State::empty(), manifest.head.content);
        world.tick = manifest.head.tick;
        let mut lists = manifest.columns.iter();
        let mut bytes = 0_u64;
        world.columns(&mut |_, column| {
            let pages = lists.next().map_or(&[][..], Vec::as_slice);
            bytes = bytes.saturating_add(column.memory_bytes(pages));
        });
        if bytes > limits::WORLD_BYTES_MAX {
            return Err(RestoreError::TooLarge { bytes });
        }
        let mut lists = manifest.columns.iter();
        let mut result = Ok(());
        world.visit_mut(&mut |name, column| {
            column.clear();
            let pages = lists.next().map_or(&[][..], Vec::as_slice);
            for entry in pages {
                if result.is_ok() {
                    result = load(name, column, entry, &mut fetch);
                }
            }
            if result.is_ok() && column.row_kind() == RowKind::Resource && !is_single(pages) {
                result = Err(impossible(name, "a resource has exactly one row"));
            }
        });
        result?;
        world.settle()?;
        Ok(world)
    }

    /// Checks the columns against each other and rebuilds what follows from them, after they were loaded.
    fn settle(&mut self) -> Result<(), RestoreError> {
        self.region.reindex();
        self.region.check(self.tick).map_err(|(column, what)| impossible(column, what))?;
        self.players.reindex().map_err(|(column, what)| impossible(column, what))?;
        if !self.events.recount() {
            let what = "events are numbered without a gap, and none is dropped before the list is full";
            return Err(impossible("events.list", what));
        }
        self.state.check().map_err(|Impossible { field, what }| impossible(field, what))?;
        self.state.rebuild();
        Ok(())
    }
}

fn load(
    name: &str,
    column: &mut dyn crate::column::Pages,
    entry: &PageEntry,
    fetch: &mut impl FnMut(&PageEntry) -> Option<Vec<u8>>,
) -> Result<(), RestoreError> {
    let PageEntry { page, row_count, hash: expected } = *entry;
    let column_name = || String::from(name);
    let missing = || RestoreError::MissingPage { column: column_name(), page, hash: expected };
    let bytes = fetch(entry).ok_or_else(missing)?;
    if hash(&bytes) != expected {
        return Err(RestoreError::PageHash { column: column_name(), page, hash: expected });
    }
    column.load_page(page, row_count, &bytes).map_err(|cause| RestoreError::Page { column: column_name(), page, cause })
}

fn is_single(pages: &[PageEntry]) -> bool {
    matches!(pages, [PageEntry { page: 0, row_count: 1, .. }])
}

fn impossible(column: &str, what: &'static str) -> RestoreError {
    RestoreError::Impossible { column: column.into(), what }
}

impl<G: Game> Simulation<G> {
    /// The whole world as one byte string: the manifest's length (u32) and bytes, then the pages in its order, each with its
    /// length (u32).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let manifest = Manifest::of(self.world(), self.schema_id());
        let mut out = Vec::new();
        put_sized(&mut out, |out| manifest.encode(out));
        let mut lists = manifest.columns.iter();
        self.world().columns(&mut |_, column| {
            for entry in lists.next().expect("a manifest has every column") {
                put_sized(&mut out, |out| {
                    assert!(column.page_bytes(entry.page, out), "the manifest names pages that are there")
                });
            }
        });
        out
    }
}

/// Appends what `put` appends, after its length (u32).
fn put_sized(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let body = out.len();
    put(out);
    let length =
        u32::try_from(out.len().saturating_sub(body)).expect("a manifest of at most COLUMNS_MAX columns, a page");
    out[start..body].copy_from_slice(&length.to_le_bytes());
}

impl<G: Game> World<G> {
    /// Reads what [`Simulation::to_bytes`] wrote.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), and on bytes that are too few, too many, or no manifest.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut reader = crate::bytes::Reader::new(bytes);
        let schema = crate::world::schema::<G>();
        let length: u32 = reader.value().map_err(RestoreError::Manifest)?;
        let manifest = reader.take(length as usize).map_err(RestoreError::Manifest)?;
        let manifest = Manifest::decode(manifest, &schema).map_err(RestoreError::Manifest)?;
        let world = Self::restore(&manifest, |_| {
            let length: u32 = reader.value().ok()?;
            reader.take(length as usize).ok().map(Vec::from)
        })?;
        reader.end().map_err(RestoreError::Manifest)?;
        Ok(world)
    }
}
