//! Every cap of the stores, in one table.
//!
//! A reader checks the cap before it allocates, a writer before it writes; so nothing is stored that could not be read back.

use tickworld_sim::limits as sim;

/// Most ticks between a record and the root that it carries; at least 1, since a record is written while its tick is stepped.
pub const ROOT_LAG_TICKS_MAX: u8 = 8;
/// Longest input frame of a record in bytes: [`FRAME_INPUTS_MAX`](sim::FRAME_INPUTS_MAX) inputs of the largest size fit.
pub const FRAME_BYTES_MAX: u32 = 32 * 1024 * 1024;
/// Most ticks of one record: a run of empty ones.
pub const RUN_TICKS_MAX: u16 = 1024;
/// Bytes of an input frame without inputs (docs/FORMATS.md, "Input frame").
pub const EMPTY_FRAME_BYTES: usize = 25;
/// Longest text of a claim that says who claims, in bytes.
pub const CLAIM_WHO_BYTES_MAX: usize = 256;
/// Most marks in a store; a further one takes the place of those of other records.
pub const MARKS_MAX: u64 = 1024;
/// Longest message of a mark in bytes; the rest is left out.
pub const MARK_MESSAGE_BYTES_MAX: usize = 1024;
/// Most records that one append keeps; those after them are to be given again.
pub const APPEND_RECORDS_MAX: usize = 1024;
/// Most bytes of records in one commit, so that one append keeps; a single record may be longer.
pub const APPEND_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most bytes of records that one read gives; a single record may be longer.
pub const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest page in bytes: a page of a column, a piece of a pack.
pub const PAGE_BYTES_MAX: usize = 64 * 1024;
/// Most pages in one call.
pub const PUT_PAGES_MAX: usize = 1024;
/// Most bytes of pages in one call: what an append may have to wait for.
pub const PUT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most hashes in one question for missing pages.
pub const MISSING_HASHES_MAX: usize = 1024;
/// Longest encoded manifest in bytes.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most manifests in a store.
pub const MANIFESTS_MAX: usize = 4096;
/// About so many snapshots keep a history that is kept by age, however often they are stored.
pub const HISTORY_SNAPSHOTS: u64 = 16;
/// Longest content pack in bytes.
pub const PACK_BYTES_MAX: u64 = sim::CONTENT_BYTES_MAX;
/// Bytes of a pack in one page, the last one less.
pub const PACK_PIECE_BYTES: usize = PAGE_BYTES_MAX;
/// Most packs in a store.
pub const PACKS_MAX: usize = 1024;
/// Bytes of records not yet on disk that a store keeps to write them again; past this an append of
/// [`Durability::Memory`](crate::Durability::Memory) goes to the disk as well.
pub const PENDING_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Appends, and other calls, that may wait for a store's thread; a further one waits outside.
pub const QUEUE_CALLS_MAX: usize = 64;
/// Longest row of a world's keys in bytes.
pub const KEYS_BYTES_MAX: usize = 256;
/// Most spent tokens in a store; a further one is refused until some are forgotten.
pub const SPENT_TOKENS_MAX: u64 = 1 << 20;
/// Tokens that may wait to be spent, and so most of them in one commit; a further one waits outside.
pub const SPENDS_WAITING_MAX: usize = 4096;
/// Most players in one call to the archive: with the longest parcels 16 MiB.
pub const RAISES_MAX: usize = 256;
/// Memory that the embedded database may keep pages in.
pub const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Rows that retention, or forgetting tokens, looks at between two appends.
pub const SWEEP_ROWS_MAX: usize = 1024;
/// Bytes of records that verification and recovery hold at once.
pub const WALK_BYTES: u64 = 8 * 1024 * 1024;
/// Most findings of a verification; it stops there.
pub const FINDINGS_MAX: usize = 1024;
