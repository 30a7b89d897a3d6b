//! [`Server`]: a region as the reference server runs one, without threads: the whole way of a tick.
//!
//! Invariant: the order is the region's: the frame is handed to the journal before it is stepped, roots come up to the lag
//! later, and nothing is reported stored that the store did not report. Where the region waits for a thread, this asks to be
//! woken.

use std::collections::VecDeque;

use tickworld_ledger::{Account, Ledger};
use tickworld_persist::{Body, Epoch, JournalHeader, LogPosition, Proof, Record, Store};
use tickworld_proto::{
    host::{Host, HostSettings},
    instant::{Instant, Micros},
    message::Durability,
};
use tickworld_sim::{
    executor::Inline,
    frame::Tick,
    hash::Hash,
    rng::Entropy,
    simulation::Simulation,
    world::{Roots, World},
};

use super::{
    bug::Bug,
    journaling::Journaling,
    opening::Opened,
    plan::Plan,
    storing::Storing,
    watch::{Life, Watch},
};
use crate::dice::Dice;

/// What a server asks to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// A tick is due.
    Tick,
    /// The journal goes on.
    Journal,
    /// The snapshot goes on.
    Snapshot,
    /// The host's timer.
    Timer,
}

/// Why a server ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Fenced,
    Failed(String),
    /// The power went, as it was told to.
    PowerCut,
}

/// Of every server: where it is and what goes wrong there.
pub(super) struct Site<'a, D> {
    pub(super) plan: &'a Plan,
    pub(super) bug: Option<Bug>,
    pub(super) disk: &'a mut D,
    pub(super) is_slow: bool,
    pub(super) watch: &'a mut Watch,
}

pub(super) struct Server<S> {
    pub(super) life: Life,
    pub(super) epoch: Epoch,
    pub(super) host: Host<Ledger>,
    pub(super) simulation: Simulation<Ledger>,
    pub(super) header: JournalHeader,
    pub(super) store: S,
    /// The last record, and those that are not stored yet.
    pub(super) last: LogPosition,
    pub(super) links: VecDeque<LogPosition>,
    pub(super) durable: Tick,
    recent: VecDeque<(Tick, Hash)>,
    pub(super) sealed: World<Ledger>,
    /// Worlds that wait for their roots.
    unsealed: VecDeque<World<Ledger>>,
    pub(super) journaling: Journaling,
    pub(super) storing: Storing,
    due: Instant,
    /// The tick is due and waits for the journal.
    is_late: bool,
    pace: u64,
    pub(super) storage_failed: bool,
    pub(super) ended: Option<Ended>,
    pub(super) timer_at: Option<Instant>,
    /// When to be woken for what.
    pub(super) wakes: Vec<(Micros, Wake)>,
    pub(super) dice: Dice,
}

/// How much of the pace one tick is, as a shift.
const SMOOTHING: u32 = 4;

impl<S: Store + Clone> Server<S> {
    pub(super) fn new(
        now: Instant,
        life: Life,
        seed: u64,
        store: S,
        opened: Opened,
        plan: &Plan,
        bug: Option<Bug>,
    ) -> Self {
        let Opened { simulation, roots, recent, header, claim, .. } = opened;
        let mut settings = plan.host;
        if bug == Some(Bug::KeepsEverythingForever) {
            settings = HostSettings { history_ticks: 1 << 20, ..settings };
        }
        let sealed = simulation.snapshot();
        let host = Host::new(now, settings, simulation.schema(), sealed.clone(), roots);
        Self {
            life,
            epoch: claim.epoch,
            host,
            simulation,
            header,
            store,
            last: claim.last,
            links: VecDeque::new(),
            durable: claim.last.tick,
            recent: recent.into(),
            sealed,
            unsealed: VecDeque::new(),
            journaling: Journaling::default(),
            storing: Storing::default(),
            due: now.after(plan.tick),
            is_late: false,
            pace: 100 << SMOOTHING,
            storage_failed: false,
            ended: None,
            timer_at: None,
            wakes: vec![(plan.tick, Wake::Tick)],
            dice: Dice::new(seed, "server", life.0),
        }
    }

    /// The newest tick that was stepped.
    pub(super) const fn stepped(&self) -> Tick {
        self.simulation.world().tick()
    }

    /// Something that the server asked to be woken for is due.
    pub(super) fn wake<D>(&mut self, now: Instant, wake: Wake, site: &mut Site<'_, D>)
    where
        D: super::storage::Disk<Store = S>,
    {
        match wake {
            Wake::Tick => self.is_late = true,
            Wake::Journal => self.go_on_journaling(now, site),
            Wake::Snapshot => self.go_on_storing(site),
            Wake::Timer => {
                self.timer_at = None;
                if self.host.poll_timeout().is_some_and(|due| due <= now) {
                    self.host.handle_timeout(now);
                }
            }
        }
        if self.ended.is_none() && self.is_late && self.host.may_close() {
            self.is_late = false;
            self.tick(now, site);
        }
        self.begin_storing(site);
    }

    /// The way of a tick: frame, journal beside step, root; the release follows when the journal reports.
    fn tick<D>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let pace = self.begin_tick(now, site.plan.tick);
        self.host.set_pace(pace);
        self.take_roots(now, site);
        let entropy = if site.bug == Some(Bug::RemembersEarlierRuns) { counted() } else { self.dice.bytes() };
        let frame = self.host.close_frame(now, Entropy::from_bytes(entropy));
        self.journal(frame.tick, site);
        site.watch.close(self.life, &frame, self.last.record_hash);
        if site.bug == Some(Bug::AcknowledgesBeforeDurable) {
            self.host.handle_durable(now, frame.tick, Durability::Disk);
        }
        self.simulation.advance(&frame, &Inline).expect("the host makes frames of the next tick");
        if site.bug == Some(Bug::ForgesCoins) && frame.tick.0.is_multiple_of(16) {
            self.forge();
        }
        let is_within = self.header.root_lag_ticks <= 1;
        let hashed = is_within.then(|| (self.simulation.seal(&Inline), self.simulation.snapshot()));
        self.host.handle_stepped(now, self.simulation.snapshot());
        match hashed {
            Some((roots, world)) => self.know_root(now, roots, world, site),
            None => self.unsealed.push_back(self.simulation.snapshot()),
        }
        site.watch.count("ticks");
        self.observe(site);
    }

    /// Gives the pace in percent; lost time is not made up for.
    fn begin_tick(&mut self, now: Instant, tick: Micros) -> u16 {
        let late = now.since(self.due);
        self.due = if late < tick { self.due.after(tick) } else { now.after(tick) };
        let lost = if late < tick { 0 } else { late.0 };
        let length = (100 + lost * 100 / tick.0).min(10_000);
        self.pace = self.pace - (self.pace >> SMOOTHING) + length;
        self.wakes.push((self.due.since(now), Wake::Tick));
        u16::try_from(self.pace >> SMOOTHING).unwrap_or(u16::MAX).max(100)
    }

    /// Roots that another thread would have computed meanwhile; those that the next record needs are waited for.
    fn take_roots<D>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let pending_max = usize::from(self.header.root_lag_ticks.saturating_sub(2));
        while !self.unsealed.is_empty() && (self.unsealed.len() > pending_max || self.dice.permille(500)) {
            let Some(mut world) = self.unsealed.pop_front() else { return };
            let roots = world.seal(self.simulation.schema_id(), &Inline);
            self.simulation.adopt_hashes(&world);
            self.know_root(now, roots, world, site);
        }
    }

    fn know_root<D>(&mut self, now: Instant, roots: Roots, world: World<Ledger>, site: &mut Site<'_, D>) {
        let tick = world.tick();
        site.watch.root(self.life, tick, roots.root, world.state());
        self.recent.push_back((tick, roots.root));
        while self.recent.len() > usize::from(self.header.root_lag_ticks) + 1 {
            self.recent.pop_front();
        }
        self.sealed = world.clone();
        self.host.handle_root(now, roots, world);
        if tick.0.is_multiple_of(site.plan.snapshot_ticks) {
            self.want_snapshot();
        }
    }

    /// Hands the closed frame's record to the journal.
    fn journal<D>(&mut self, tick: Tick, site: &mut Site<'_, D>) {
        let proven = self.header.proven_by(tick);
        let mut root = proven.and_then(|tick| self.recent.iter().find(|(of, _)| *of == tick)).copied();
        if site.bug == Some(Bug::ProvesAnotherRoot)
            && let (Some((_, root)), Some((_, other))) = (&mut root, self.recent.back())
        {
            *root = *other;
        }
        let body = Body {
            tick,
            epoch: self.epoch,
            previous_hash: self.last.record_hash,
            durable: self.durable,
            proof: root.map(|(tick, root)| Proof { tick, root }),
            frame: self.host.frame_bytes(tick).expect("the frame was closed just now"),
        };
        let record = Record::new(body).expect("frames are within the journal's limits");
        self.last = record.position();
        self.links.push_back(self.last);
        self.take_record(record, site);
    }

    fn forge(&mut self) {
        let bank = self.simulation.world_mut().state_mut();
        let row = bank.entities.at(2).expect("every bank has five accounts");
        bank.accounts.modify(row, |account| *account = Account { coins: account.coins + 1, ..*account });
    }

    /// What may not grow.
    fn observe<D>(&self, site: &mut Site<'_, D>) {
        let HostSettings { history_ticks, durable_lag_ticks_max: lag, sessions_max, .. } = site.plan.host;
        let sizes = [
            ("ticks in the history", self.host.history_len(), u64::from(history_ticks + lag) + 16),
            ("records that wait", self.links.len(), u64::from(lag) + 1),
            ("sessions", self.host.session_count(), u64::from(sessions_max)),
            ("players known", self.host.player_count(), site.plan.clients.len() as u64),
        ];
        for (what, found, max) in sizes {
            let verdict = site.watch.bounded.observe(what, found as u64, max);
            site.watch.judge(verdict);
        }
    }
}

/// A number that no seed knows.
fn counted() -> [u8; 16] {
    static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}
