//! [`Grouping`]: ticks in which nothing comes from outside and that nobody sees, stored together as a run.
//!
//! Invariant: a run holds stepped ticks without inputs, all with the entropy of the first; so its record says everything of them, and
//! none of them can break a replay. The first frame that says something ends it, and stands in the same append. Nobody waits because
//! ticks were grouped: while anybody is there, or has been shortly, every tick has a record of its own, at once.

use bytes::Bytes;
use tickworld_persist::{Record, TickRecord, WallTime, limits::RUN_TICKS_MAX};
use tickworld_proto::instant::Instant;
use tickworld_sim::{
    frame::{InputFrame, Tick},
    game::Game,
    rng::Entropy,
};

use super::Region;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    /// So many ticks were closed since somebody was there.
    quiet_ticks: u32,
    run: Option<Run>,
    /// The frame that is being stepped, if it joins the run.
    pending: Option<Run>,
}

/// Ticks that follow each other; a frame that says something is one of its own.
#[derive(Debug)]
struct Run {
    first: Tick,
    /// Of the first tick.
    frame: Bytes,
    entropy: Entropy,
    /// When the first frame was closed.
    wall: WallTime,
    count: u16,
}

impl Grouping {
    /// Somebody was there.
    pub(super) const fn wake(&mut self) {
        self.quiet_ticks = 0;
    }

    /// What the frames of the run have, if there is one.
    fn entropy(&self) -> Option<Entropy> {
        self.pending.as_ref().or(self.run.as_ref()).map(|run| run.entropy)
    }
}

impl<G: Game> Region<G> {
    /// Somebody reads worlds or follows events, though they have no session: ticks are stored one by one for the next
    /// [`history_ticks`](tickworld_proto::host::HostSettings::history_ticks), as for players.
    pub const fn note_reader(&mut self) {
        self.grouping.wake();
    }

    /// Whether somebody waits for ticks: a session, a request, the archive or another region.
    fn is_awaited(&self) -> bool {
        let world = self.host.stepped_world();
        self.host.session_count() > 0 || !self.open_requests.is_empty() || world.region().outbox().next().is_some()
    }

    /// Whether the tick that is closed now may join a run, and the entropy that it then has.
    pub(super) fn may_group(&mut self) -> (bool, Entropy) {
        if self.is_awaited() {
            self.grouping.wake();
        }
        let groups = self.grouping.quiet_ticks >= self.settings.host.history_ticks;
        self.grouping.quiet_ticks = self.grouping.quiet_ticks.saturating_add(1);
        let entropy = self.grouping.entropy().filter(|_| groups);
        (groups, entropy.unwrap_or_else(|| Entropy::from_bytes(self.secrets.secret())))
    }

    /// A frame was closed: without inputs it joins the run once it was stepped, where it may; else it ends the run.
    pub(super) fn take_closed(&mut self, now: Instant, frame: &InputFrame<G::Input>, groups: bool) {
        let (first, entropy, wall) = (frame.tick, frame.entropy, self.wall(now));
        let bytes = self.host.frame_bytes(first).expect("the frame was closed just now");
        let run = Run { first, frame: bytes, entropy, wall, count: 1 };
        if groups && frame.inputs.is_empty() {
            self.grouping.pending = Some(run);
        } else {
            self.end_run(now);
            self.journal(now, run);
        }
    }

    /// The tick that was pending is stepped.
    pub(super) fn join_run(&mut self, now: Instant) {
        let Some(pending) = self.grouping.pending.take() else { return };
        match &mut self.grouping.run {
            Some(run) if run.entropy == pending.entropy => run.count = run.count.saturating_add(1),
            _ => {
                self.end_run(now);
                self.grouping.run = Some(pending);
            }
        }
        let Some(run) = &self.grouping.run else { return };
        let is_full = run.count >= RUN_TICKS_MAX;
        self.host.join_run(run.first);
        if is_full {
            self.end_run(now);
        }
    }

    /// What was stepped goes to the journal. A tick that is being stepped begins the next run.
    pub(super) fn end_run(&mut self, now: Instant) {
        if let Some(run) = self.grouping.run.take() {
            self.journal(now, run);
        }
    }

    /// A tick that was pending could not be stepped: it stands in a record of its own, so that it can be named and left out alone.
    pub(super) fn end_run_before_pending(&mut self, now: Instant) {
        self.end_run(now);
        if let Some(run) = self.grouping.pending.take() {
            self.journal(now, run);
        }
    }

    /// Hands the record of one tick, or of a run, to the journal.
    fn journal(&mut self, now: Instant, Run { first, frame, wall, count, .. }: Run) {
        let last = Tick(first.0.saturating_add(u64::from(count.saturating_sub(1))));
        // The first records after an opening have none: its root was known to the owner before.
        let root = self.header.proven_by(last).and_then(|tick| self.hashing.root_of(tick));
        let record = Record::new(TickRecord {
            slot: self.last.slot.next(),
            epoch: self.epoch,
            previous_hash: self.last.record_hash,
            wall,
            root,
            count,
            frame,
        });
        let record = record.expect("frames are within the journal's limits");
        self.last = record.position();
        self.records.push_back(self.last);
        self.journaling.push(record, now);
    }
}
