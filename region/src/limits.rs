//! Every cap and every wait of a region, in one table.

use tickworld_proto::instant::Micros;

/// Between two tries of an append that failed.
pub const APPEND_RETRY_WAIT: Micros = Micros::from_millis(200);
/// After a snapshot that could not be stored, until the next one is begun unasked.
pub const SNAPSHOT_RETRY_WAIT: Micros = Micros::from_millis(5_000);
/// After the archive could not be asked, until it is asked again for those who leave.
pub const ARCHIVE_RETRY_WAIT: Micros = Micros::from_millis(1_000);
/// How often a player is looked for while others raise them at the same time.
pub const SEEK_TRIES_MAX: u32 = 8;
/// At the end, how long the journal may take for what is under way.
pub const DRAIN_MAX: Micros = Micros::from_millis(10_000);
/// Most requests that a region has not answered yet; a shutdown is taken beyond them.
pub const REQUESTS_MAX: usize = 64;
/// Most packs that are being read or tried at the same time: each holds a fork of the world.
pub const PACKS_LOADING_MAX: usize = 1;
/// Content packs that the running world keeps decoded; beyond it those go that are not in force.
pub const CONTENTS_MAX: usize = 8;
/// Events that wait for the driver; what comes beyond is counted and dropped, answers and ends excepted.
pub const EVENTS_MAX: usize = 65_536;
/// Ticks a second of a world where neither the settings nor its game say another number.
pub const TICK_RATE: u16 = 30;
/// Bytes of records that [`open`](fn@crate::open) reads at once.
pub const READ_BYTES: u64 = 8 * 1024 * 1024;
/// Of what a pack lacks, so many are named in the message of the refusal.
pub const UNRESOLVED_SHOWN: usize = 8;
/// How often [`open`](fn@crate::open) claims the next slot while another owner goes on taking it.
pub const CLAIM_TRIES_MAX: u32 = 1_000;
/// How often a build begins to make unproven ticks again without coming to a new one; then the region is halted.
pub const ATTEMPTS_MAX: u32 = 3;
/// From one word to another region to the next; and without a sign of it, until the mail that it has not acknowledged is posted again.
pub const POST_REPEAT_WAIT: Micros = Micros::from_millis(1_000);
/// Mails to a region that it has not acknowledged; the others wait in the outbox.
pub const MAIL_AHEAD_MAX: u64 = 64;
/// Mails of other regions in one frame.
pub const MAILS_PER_FRAME: usize = 256;
/// After a mail that the world did not take, until it is said again.
pub const MAIL_RETRY_WAIT: Micros = Micros::from_millis(1_000);
/// Silence of another region after which nobody leaves for it any more, where somebody is on the way already.
pub const BORDER_SILENCE_MAX: Micros = Micros::from_millis(2_000);
/// How long a region whose border was closed has to be heard without a pause before it opens again.
pub const BORDER_OPEN_AFTER: Micros = Micros::from_millis(5_000);
/// From one change of a border to the next.
pub const BORDER_CHANGE_WAIT: Micros = Micros::from_millis(5_000);
/// Posts that wait to be fetched; what comes beyond is counted and dropped, and said again.
pub const POSTS_MAX: usize = 4_096;
