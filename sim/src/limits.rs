//! Every cap of the engine, in one table.
//!
//! A reader checks the cap before it allocates; a writer asserts it. Caps that peers must share are part of the handshake.

/// Longest encoded row in bytes; a longer one does not compile.
pub const ROW_BYTES_MAX: usize = 256;
/// Largest page body in bytes, for rows of up to [`ROW_BYTES_MAX`].
pub const PAGE_BYTES_MAX: usize = 16 * 1024;
/// Longest name of a column, field, type or variant in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Most columns in a state.
pub const COLUMNS_MAX: u16 = 1024;
/// Deepest nesting of types.
pub const TYPE_DEPTH_MAX: u8 = 16;
/// Most runs of 1,024 entity indices, dealt out to bands: four million entities.
pub const RUNS_MAX: u32 = 4096;
/// Most pages in a column (a run has at most sixteen).
pub const PAGES_MAX: u32 = RUNS_MAX * 16;
/// Most players a world remembers, those who make requests among them.
pub const PLAYERS_MAX: u32 = 65_536;
/// Slots that no player takes, so that who makes requests is heard in a full world too.
pub const REQUESTER_SLOTS: u32 = 64;
/// Outcomes remembered per player: how many inputs can be in flight.
pub const OUTCOMES_PER_PLAYER: u32 = 64;
/// Most inputs in one frame.
pub const FRAME_INPUTS_MAX: u32 = 65_536;
/// Most acts of the region itself in one frame.
pub const FRAME_REGION_ACTS_MAX: u32 = 1024;
/// Most regions that one knows.
pub const NEIGHBOURS_MAX: u32 = 16_384;
/// Longest parcel of a player in bytes.
pub const PARCEL_BYTES_MAX: usize = 65_536;
/// Most bytes of parcels in one frame.
pub const FRAME_PARCEL_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of parcels that wait for one neighbour, or for the archive.
pub const OUTBOX_NEIGHBOUR_BYTES_MAX: u32 = 8 * 1024 * 1024;
/// Most bytes of parcels that are held for an operator.
pub const OUTBOX_HELD_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// Most chunks of parcels in the outbox, 240 bytes each: with what stands around them 32 MiB.
pub const OUTBOX_CHUNKS_MAX: u32 = 131_072;
/// Most players who leave a region in one tick.
pub const DEPARTURES_PER_TICK_MAX: u32 = 64;
/// Most of these who leave for the archive.
pub const ARCHIVED_PER_TICK_MAX: u32 = 8;
/// Most entries of a region's outbox.
pub const OUTBOX_ENTRIES_MAX: u32 = 8192;
/// Most events of one tick; further ones are counted, not kept.
pub const EVENTS_PER_TICK_MAX: u32 = 65_536;
/// Most chunks of a list column.
pub const LIST_CHUNKS_MAX: u32 = RUNS_MAX * 1024;
/// Most buckets of a grid; one over a larger area has larger buckets.
pub const GRID_BUCKETS_MAX: u32 = 1 << 20;

/// Longest record body of a trace in bytes.
pub const RECORD_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// Longest text in a trace's header in bytes.
pub const TRACE_TEXT_BYTES_MAX: u16 = 4096;
/// Longest encoded schema in bytes.
pub const SCHEMA_BYTES_MAX: u32 = 1024 * 1024;
/// Most values that one type may hold, its leaves all counted: arrays of nothing take no bytes, but take time.
pub const TYPE_LEAVES_MAX: u32 = 65_536;
/// Most content packs in a trace.
pub const TRACE_CONTENTS_MAX: u16 = 1024;
/// Longest content pack in a trace in bytes.
pub const CONTENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Bytes of a pack in one record of a trace.
pub const CONTENT_CHUNK_BYTES: u32 = 1024 * 1024;
/// Most entries of each list of a trace's index; a longer trace has a coarser one.
pub const INDEX_ENTRIES_MAX: u32 = 65_536;
/// The last tick that a trace may start at: more can follow than fit into any file.
pub const START_TICK_MAX: u64 = 1 << 63;
/// Most ticks whose pages are evidence.
pub const EVIDENCE_TICKS_MAX: u32 = 1024;
/// Most expected roots that wait for their tick.
pub const EXPECTED_ROOTS_MAX: u32 = 65_536;
/// Most stages of a tick whose roots are recorded.
pub const STAGES_MAX: u16 = 1024;
/// Most bytes of memory that a world made from bytes may take: whole pages, however few of their rows are present, with the
/// tables of pages; of a world that is kept as raw pages, those.
pub const WORLD_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Most values in the inputs of one frame that is read by schema.
pub const FRAME_VALUES_MAX: u64 = 4 * 1024 * 1024;
/// Most bytes of memory that these values may take with their paths.
pub const FRAME_VALUE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Most rows and values that a diff of two states looks at, together.
pub const DIFF_VALUES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of worlds that a rollback session keeps as evidence where nothing else is set.
pub const EVIDENCE_BYTES: u64 = 256 * 1024 * 1024;
/// Most questions in one request of a descent.
pub const DESCENT_ITEMS_MAX: u8 = 64;
/// Most differences followed at each level of a descent.
pub const DESCENT_BRANCHES_MAX: u8 = 16;
/// Most digests in one answer of a descent: those of a column's groups of pages.
pub const DESCENT_DIGESTS_MAX: u16 = 2048;
