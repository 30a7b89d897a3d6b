//! [`Server`]: a driver of a region in simulated time.
//!
//! Invariant: whatever the region wants done takes time before it is done and before its answer is known, as long as the dice
//! say; ticks, messages and the end of the process come in between. The region is the one that ships.

use std::collections::VecDeque;

use tickworld_ledger::{Account, Ledger};
use tickworld_persist::{
    Appended, Bearer, Journal as _, LogState, Marks as _, Snapshots as _, Store, TokenDigest, Tokens as _,
    limits::RUN_TICKS_MAX,
};
use tickworld_proto::{
    channel::Channel,
    host::{AddressKey, Connection, HostSettings, Kinds, NotedGeneration, SessionId},
    instant::{Instant, Micros},
    message::{Goodbye, Reason},
};
use tickworld_region::{
    Append, AppendOutcome, Authenticate, Effect, Ended, Event, HashWorld, Identity, KeysEffect, LoadPack, Region,
    RegionSettings, Request, RequestError, RequestId, Secrets, SnapshotWrite, Step, StepError, limits::DRAIN_MAX,
    read_keys, rotate_keys,
};
use tickworld_sim::{
    executor::Inline,
    frame::{PlayerId, Tick},
    region::RegionId,
};

use super::{
    archive::ArchiveWork,
    bug::Bug,
    glue::Glue,
    opening::{Bank, Opened},
    plan::Plan,
    storage::{Disk, now as ready},
    watch::{Life, Watch},
    world_store::RegionStore,
};
use crate::{check::Violation, dice::Dice};

/// What a server asks to be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The region's timer.
    Timer,
    /// The journal goes on.
    Journal,
    /// The snapshot goes on.
    Snapshot,
    /// The step is over.
    Step,
    /// The next world is hashed.
    Hash,
    /// The world's keys are read or rotated.
    Keys,
    /// The next authentication is decided.
    Authenticate,
    /// The archive is asked.
    Archive,
    /// The pack is read and tried.
    Pack,
    /// A panic is noted.
    Mark,
    /// The claim is ended.
    EndClaim,
    /// [`Bug::AcknowledgesBeforeDurable`] answers before the append is over.
    Hurried,
}

/// Of every server: where it is and what goes wrong there.
pub(super) struct Site<'a, D> {
    pub(super) plan: &'a Plan,
    pub(super) bug: Option<Bug>,
    pub(super) disk: &'a mut D,
    pub(super) is_slow: bool,
    pub(super) watch: &'a mut Watch,
}

/// What is under way with the journal.
enum JournalWork {
    Append(Append),
    Appended(AppendOutcome),
    Read,
    WasRead(Result<LogState, String>),
}

pub(super) struct Server<S> {
    pub(super) life: Life,
    pub(super) region: Region<Ledger>,
    pub(super) store: RegionStore<S>,
    glue: Glue,
    /// What [`Bug::AcknowledgesBeforeDurable`] has answered too early.
    hurried: Vec<tickworld_persist::Record>,
    /// The last tick whose record was handed to the journal.
    closed: Tick,
    journal: Option<JournalWork>,
    snapshot: Option<(SnapshotWrite<Ledger>, Instant)>,
    step: Option<Box<Step<Ledger>>>,
    hashes: VecDeque<Box<HashWorld<Ledger>>>,
    authentications: VecDeque<Authenticate>,
    keys: VecDeque<KeysEffect>,
    archive: VecDeque<ArchiveWork>,
    pack: Option<Box<LoadPack<Ledger>>>,
    mark: Option<tickworld_persist::Mark>,
    end_of_claim: Option<tickworld_persist::Record>,
    /// Whether the power goes in the midst of the next append, or the next step of a snapshot.
    pub(super) is_append_armed: bool,
    pub(super) is_snapshot_armed: bool,
    /// Whether the rules panic in the next step.
    pub(super) panics: bool,
    /// Sessions that came back with a ticket so far.
    pub(super) resumptions: u64,
    /// Requests that it has not answered yet.
    pub(super) open_requests: u64,
    /// Whether it was told to end.
    pub(super) is_stopping: bool,
    /// Whether storing takes longer than a server that ends waits for it.
    pub(super) is_stuck: bool,
    pub(super) power_cut: bool,
    pub(super) ended: Option<Ended>,
    pub(super) timer_at: Option<Instant>,
    /// When to be woken for what.
    pub(super) wakes: Vec<(Micros, Wake)>,
    pub(super) dice: Dice,
}

/// A world's secrets, from its seed; or, where a bug says so, from a number that no seed knows.
struct SeededSecrets {
    dice: Dice,
    remembers: bool,
}

impl Secrets for SeededSecrets {
    fn secret(&mut self) -> [u8; 16] {
        if self.remembers { counted() } else { self.dice.bytes() }
    }
}

impl<S: Store + Clone> Server<S> {
    pub(super) fn new(
        now: Instant,
        life: Life,
        seed: u64,
        store: RegionStore<S>,
        opened: Opened,
        plan: &Plan,
        bug: Option<Bug>,
    ) -> Self {
        let mut host = plan.host;
        if bug == Some(Bug::KeepsEverythingForever) {
            host = HostSettings { history_ticks: 1 << 20, ..host };
        }
        let settings = RegionSettings {
            host,
            replay_debt_max: plan.replay_debt_max,
            snapshot_ticks: plan.snapshot_ticks,
            retention: plan.retention(),
            shows_released: true,
        };
        let remembers = bug == Some(Bug::RemembersEarlierRuns);
        let secrets = SeededSecrets { dice: Dice::new(seed, "secrets", life.0), remembers };
        let region = Region::new(now, wall_seconds(now), settings, opened.world, Box::new(secrets));
        Self {
            life,
            region,
            store,
            glue: Glue::default(),
            hurried: Vec::new(),
            closed: Tick(0),
            journal: None,
            snapshot: None,
            step: None,
            hashes: VecDeque::new(),
            authentications: VecDeque::new(),
            keys: VecDeque::new(),
            archive: VecDeque::new(),
            pack: None,
            mark: None,
            end_of_claim: None,
            is_append_armed: false,
            is_snapshot_armed: false,
            panics: false,
            resumptions: 0,
            open_requests: 0,
            is_stopping: false,
            is_stuck: false,
            power_cut: false,
            ended: None,
            timer_at: None,
            wakes: Vec::new(),
            dice: Dice::new(seed, "server", life.0),
        }
    }

    /// Something that the server asked to be woken for is due.
    pub(super) fn wake<D: Disk<Store = S>>(&mut self, now: Instant, wake: Wake, site: &mut Site<'_, D>) {
        match wake {
            Wake::Timer => {
                self.timer_at = None;
                self.region.tell_wall_time(now, wall_seconds(now));
                self.region.handle_timeout(now);
            }
            Wake::Journal => self.go_on_journaling(now, site),
            Wake::Snapshot => self.go_on_storing(now, site),
            Wake::Step => self.run_step(now, site),
            Wake::Hash => self.run_hash(now, site),
            Wake::Keys => self.read_keys(now, site),
            Wake::Authenticate => self.authenticate(now, site),
            Wake::Archive => {
                if let Some(work) = self.archive.pop_front() {
                    work.carry_out(now, &self.store, &mut self.region, site.bug, site.watch);
                }
            }
            Wake::Pack => self.try_pack(now, site),
            Wake::Hurried => self.append_hurried(site),
            Wake::Mark => {
                if let Some(mark) = self.mark.take() {
                    let result = ready(self.store.mark(&mark)).map_err(|error| error.to_string());
                    self.region.handle_marked(now, result);
                }
            }
            Wake::EndClaim => {
                if let Some(record) = self.end_of_claim.take() {
                    let result = ready(self.store.claim(&record)).map(drop).map_err(|error| error.to_string());
                    self.region.handle_claim_ended(now, result);
                }
            }
        }
    }

    /// The region has ended; what was under way for it comes to its end nevertheless, and more is asked of it. Nothing comes of that
    /// but a refusal of what was asked.
    pub(super) fn outlive<D: Disk<Store = S>>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let (session, request) = (SessionId(u64::MAX), RequestId(u64::MAX));
        (self.is_append_armed, self.is_snapshot_armed) = (false, false);
        let after =
            [Wake::Timer, Wake::Journal, Wake::Snapshot, Wake::Step, Wake::Hash, Wake::Keys, Wake::Authenticate];
        let rest = [Wake::Archive, Wake::Pack, Wake::Mark, Wake::EndClaim];
        // What was stored is known with the second wake.
        after.into_iter().chain(rest).chain([Wake::Journal]).for_each(|wake| self.wake(now, wake, site));
        self.region.handle_connected(
            now,
            session,
            Connection { address: AddressKey([98; 16]), datagram_bytes_max: 1_200 },
        );
        self.region.handle_message(now, session, Channel::Control, b"too late");
        self.region.handle_disconnected(now, session);
        self.region.handle_request(now, request, Request::Status);
        let refused = matches!(
            self.region.poll_event(),
            Some(Event::Answered { request: of, answer: Err(RequestError::Unavailable(_)) }) if of == request
        );
        let is_quiet = self.region.poll_event().is_none()
            && self.region.poll_effect().is_none()
            && self.region.poll_timeout().is_none();
        if !refused || !is_quiet {
            let life = self.life.0;
            site.watch.judge(Err(Violation::Stuck(format!("server {life} goes on after its end"))));
        }
    }

    /// Begins what the region wants done.
    pub(super) fn take_effects<D: Disk<Store = S>>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        while let Some(effect) = self.region.poll_effect() {
            match effect {
                Effect::Append(append) => self.begin_append(now, append, site),
                Effect::ReadLogState => {
                    self.journal = Some(JournalWork::Read);
                    self.wake_for_storage(site, Wake::Journal);
                }
                Effect::Step(step) => self.begin_step(now, step, site),
                Effect::Hash(hash) => {
                    self.hashes.push_back(hash);
                    let wait = self.dice.micros(Micros(50), Micros(2 * site.plan.tick.0));
                    self.wakes.push((wait, Wake::Hash));
                }
                Effect::StoreSnapshot(snapshot) => {
                    self.snapshot = Some((SnapshotWrite::new(*snapshot), now));
                    self.wake_for_storage(site, Wake::Snapshot);
                }
                Effect::Authenticate(authenticate) => {
                    self.authentications.push_back(authenticate);
                    let wait = self.dice.micros(Micros(50), Micros(20_000));
                    self.wakes.push((wait, Wake::Authenticate));
                }
                Effect::Keys(effect) => {
                    self.keys.push_back(effect);
                    self.wake_for_storage(site, Wake::Keys);
                }
                Effect::Seek(seek) => {
                    self.archive.push_back(ArchiveWork::Seek(seek));
                    self.wake_for_storage(site, Wake::Archive);
                }
                Effect::Move(moves) => {
                    self.archive.push_back(ArchiveWork::Move(moves));
                    self.wake_for_storage(site, Wake::Archive);
                }
                Effect::LoadPack(load) => {
                    self.pack = Some(load);
                    self.wake_for_storage(site, Wake::Pack);
                }
                Effect::Mark(mark) => {
                    self.mark = Some(mark);
                    self.wake_for_storage(site, Wake::Mark);
                }
                Effect::EndClaim(record) => {
                    self.end_of_claim = Some(record);
                    self.wake_for_storage(site, Wake::EndClaim);
                }
            }
        }
        self.observe(site);
    }

    /// Storage takes its time.
    fn wake_for_storage<D>(&mut self, site: &Site<'_, D>, wake: Wake) {
        let wait = if self.is_stuck {
            Micros(2 * DRAIN_MAX.0)
        } else {
            self.dice.micros(Micros(50), Micros(if site.is_slow { 250_000 } else { 4_000 }))
        };
        self.wakes.push((wait, wake));
    }

    fn begin_append<D: Disk<Store = S>>(&mut self, now: Instant, append: Append, site: &mut Site<'_, D>) {
        for record in append.records.iter().filter(|record| record.tick() > self.closed) {
            site.watch.close(self.life, record);
            if record.count() > 1 {
                site.watch.count("runs of ticks");
                let (found, max) = (u64::from(record.count()), u64::from(RUN_TICKS_MAX));
                _ = site.watch.bounded.observe("ticks in a run", found, max);
            }
        }
        self.closed = append.records.last().map_or(self.closed, |last| self.closed.max(last.tick()));
        let other = self.region.status().root.1;
        let append = self.glue.change(append, other, site.bug);
        if let (Some(Bug::AcknowledgesBeforeDurable), Some(last)) = (site.bug, append.records.last()) {
            let kept = last.tick();
            self.hurried.extend(append.records);
            self.wake_for_storage(site, Wake::Hurried);
            return self.region.handle_appended(now, AppendOutcome::Kept(Appended { kept, durable: kept }));
        }
        self.journal = Some(JournalWork::Append(append));
        self.wake_for_storage(site, Wake::Journal);
    }

    /// For [`Bug::AcknowledgesBeforeDurable`]: what was reported stored long ago.
    fn append_hurried(&mut self, site: &mut Site<'_, impl Disk<Store = S>>) {
        let records = core::mem::take(&mut self.hurried);
        _ = self.append(Append { records, durability: tickworld_persist::Durability::Disk }, site);
    }

    fn go_on_journaling<D: Disk<Store = S>>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        match self.journal.take() {
            None => {}
            Some(JournalWork::Append(append)) => {
                let is_armed = core::mem::take(&mut self.is_append_armed);
                if is_armed {
                    site.disk.arm(&mut self.dice);
                }
                let outcome = self.append(append, site);
                if is_armed {
                    self.power_cut = true;
                    return;
                }
                if let Some(outcome) = outcome {
                    self.journal = Some(JournalWork::Appended(outcome));
                    self.wake_for_storage(site, Wake::Journal);
                }
            }
            Some(JournalWork::Appended(outcome)) => {
                if let AppendOutcome::Unknown(error) = &outcome {
                    let life = self.life.0;
                    site.watch.note(|| format!("server {life} cannot store: {error}"));
                    site.watch.count("failed appends");
                    if site.bug == Some(Bug::NeverTriesAgain) {
                        return;
                    }
                }
                self.region.handle_appended(now, outcome);
            }
            Some(JournalWork::Read) => {
                let state = ready(self.store.log_state()).map_err(|error| error.to_string());
                self.journal = Some(JournalWork::WasRead(state));
                self.wake_for_storage(site, Wake::Journal);
            }
            Some(JournalWork::WasRead(state)) => self.region.handle_log_state(now, state),
        }
    }

    /// One try; nothing comes of it where a bug tries again at once.
    fn append<D: Disk<Store = S>>(&mut self, append: Append, site: &mut Site<'_, D>) -> Option<AppendOutcome> {
        let result = ready(self.store.append(&append.records, append.durability));
        let outcome = AppendOutcome::of(result);
        match &outcome {
            AppendOutcome::Kept(appended) => site.watch.take(self.life, appended.durable),
            AppendOutcome::Fenced(by) if site.bug == Some(Bug::IgnoresTheFence) => {
                let Ok(log) = ready(self.store.log_state()) else { return Some(AppendOutcome::Fenced(*by)) };
                let append = self.glue.steal(append, &log);
                self.journal = Some(JournalWork::Append(append));
                self.wake_for_storage(site, Wake::Journal);
                return None;
            }
            AppendOutcome::Fenced(by) => {
                let life = self.life.0;
                site.watch.note(|| format!("server {life} is fenced by epoch {by}"));
            }
            _ => {}
        }
        Some(outcome)
    }

    fn begin_step<D>(&mut self, now: Instant, step: Box<Step<Ledger>>, site: &mut Site<'_, D>) {
        self.step = Some(step);
        if self.dice.permille(600) {
            return self.run_step(now, site);
        }
        let wait = self.dice.micros(Micros(50), Micros(site.plan.tick.0 * 3 / 2));
        self.wakes.push((wait, Wake::Step));
    }

    fn run_step<D>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let Some(step) = self.step.take() else { return };
        let tick = step.tick();
        let result = if core::mem::take(&mut self.panics) {
            site.watch.count("steps that panicked");
            Err(StepError::Panicked("as the plan says".to_owned()))
        } else {
            step.run(&Inline)
        };
        let result = result.map(|mut stepped| {
            if site.bug == Some(Bug::ForgesCoins) && tick.0.is_multiple_of(16) {
                forge(&mut stepped.simulation);
                stepped.roots = stepped.roots.map(|_| stepped.simulation.seal(&Inline));
            }
            if let Some(roots) = &stepped.roots {
                site.watch.root(self.life, tick, roots.root, stepped.simulation.state());
            }
            stepped
        });
        let took = self.dice.micros(Micros(100), Micros(5_000));
        site.watch.count("ticks");
        self.region.handle_stepped(now, took, result);
    }

    fn run_hash<D>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let Some(hash) = self.hashes.pop_front() else { return };
        let hashed = hash.run(&Inline);
        site.watch.root(self.life, hashed.world.tick(), hashed.roots.root, hashed.world.state());
        let took = self.dice.micros(Micros(100), Micros(2_000));
        self.region.handle_hashed(now, took, hashed);
    }

    /// A token is a player's number and one of its own; whoever shows something else is a stranger.
    fn authenticate<D>(&mut self, now: Instant, site: &Site<'_, D>) {
        let Some(asking) = self.authentications.pop_front() else { return };
        let result = self.judge(&asking, site.bug).map_err(|(reason, detail)| Goodbye { reason, detail });
        self.region.handle_authenticated(now, asking.session, result);
    }

    fn judge(&mut self, asking: &Authenticate, bug: Option<Bug>) -> Result<Identity, (Reason, String)> {
        let unauthorized = |detail: &str| (Reason::Unauthorized, detail.to_owned());
        let token = <[u8; 16]>::try_from(&asking.token[..]).map_err(|_| unauthorized("that is no token"))?;
        let number = u128::from_le_bytes(token);
        let player = PlayerId(u64::try_from(number & u128::from(u64::MAX)).expect("64 bits of it"));
        if asking.generations.is_away(player) {
            // Shown again when they are home.
            return Ok(Identity::new(Some(player), Kinds::ALL));
        }
        let now = asking.generations.of(player);
        let mut bearer = Bearer { nonce: asking.nonce.0, generation: now };
        if bug == Some(Bug::BurnsTheToken) {
            bearer.nonce = self.dice.bytes();
        }
        let spent = ready(self.store.spend(TokenDigest::of(&number.to_string()), bearer, u64::MAX));
        match spent {
            Ok(Some(first)) if first.nonce == bearer.nonce || bug == Some(Bug::TakesASpentToken) => {
                let noted = NotedGeneration { first: first.generation, now };
                Ok(Identity { noted: Some(noted), ..Identity::new(Some(player), Kinds::ALL) })
            }
            Ok(_) => Err(unauthorized("another client has used the token")),
            Err(error) => Err((Reason::Storage, error.to_string())),
        }
    }

    fn read_keys<D>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let Some(KeysEffect { request, secret }) = self.keys.pop_front() else { return };
        let keys = match secret {
            Some(secret) => ready(rotate_keys(&self.store, secret, wall_seconds(now))),
            None => ready(read_keys(&self.store)),
        };
        site.watch.count(if keys.is_ok() { "keys read" } else { "keys not read" });
        self.region.handle_keys(now, request, keys.map_err(|error| error.to_string()));
    }

    fn try_pack<D>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        use tickworld_region::{GameAdapter as _, InlineStepper};
        let Some(load) = self.pack.take() else { return };
        let read = Bank::of(site.plan, RegionId::FIRST).read_pack(&load.pack);
        let tried = read.map_err(|error| RequestError::Unusable(error.to_string())).and_then(|(id, ())| {
            load.try_switch(id, (), &mut InlineStepper(&Inline))
                .map_err(|error| RequestError::Unusable(error.to_string()))?;
            ready(self.store.put_pack(id, load.pack.clone()))
                .map_err(|error| RequestError::Unavailable(error.to_string()))?;
            Ok((id, ()))
        });
        self.region.handle_pack_loaded(now, load.request, tried);
    }

    fn go_on_storing<D: Disk<Store = S>>(&mut self, now: Instant, site: &mut Site<'_, D>) {
        let Some((mut write, begun)) = self.snapshot.take() else { return };
        let is_armed = core::mem::take(&mut self.is_snapshot_armed);
        if is_armed {
            site.disk.arm(&mut self.dice);
        }
        let is_retention = |call: &tickworld_region::StoreCall| matches!(call, tickworld_region::StoreCall::Retain(_));
        let forgets = site.bug != Some(Bug::KeepsEverythingForever);
        let call = write.poll().filter(|call| forgets || !is_retention(call));
        let retained = call.as_ref().is_some_and(is_retention);
        let answer = call.map(|call| ready(call.run(&self.store)));
        if is_armed {
            self.power_cut = true;
            return;
        }
        let result = match answer {
            Some(Ok(answer)) => {
                write.handle(answer);
                self.snapshot = Some((write, begun));
                self.wake_for_storage(site, Wake::Snapshot);
                None
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Ok(write.stored())),
        };
        if retained || !forgets {
            let count = ready(self.store.manifests()).map_or(0, |kept| kept.len());
            let verdict =
                site.watch.bounded.observe("snapshots kept", count as u64, u64::from(site.plan.snapshots_kept));
            site.watch.judge(verdict);
        }
        if let Some(result) = result {
            site.watch.count(if result.is_ok() { "snapshots" } else { "failed snapshots" });
            self.region.handle_snapshot_stored(now, now.since(begun), result);
        }
    }

    /// What may not grow.
    fn observe<D>(&self, site: &mut Site<'_, D>) {
        let HostSettings { history_ticks, durable_lag_ticks_max: lag, sessions_max, .. } = site.plan.host;
        let host = self.region.host();
        // Ticks of runs do not count as ticks that wait for storage.
        let run_ticks = (self.region.waiting_records() as u64 + 1) * u64::from(RUN_TICKS_MAX);
        let early = self.region.released_tick().0.saturating_sub(self.region.kept_tick().0);
        let sizes = [
            ("ticks in the history", host.history_len(), u64::from(history_ticks + lag) + 16 + run_ticks),
            ("records that wait", self.region.waiting_records(), u64::from(lag) + 1),
            ("worlds without roots", self.region.waiting_roots(), u64::from(site.plan.root_lag_ticks)),
            ("pace in percent", self.region.pace_percent().into(), 10_000),
            ("sessions", self.region.session_count(), u64::from(sessions_max)),
            ("ticks released before they are kept", usize::try_from(early).unwrap_or(usize::MAX), 0),
            ("events dropped", usize::try_from(self.region.events_dropped()).unwrap_or(usize::MAX), 0),
            ("players known", host.player_count(), site.plan.clients.len() as u64 + 1),
        ];
        for (what, found, max) in sizes {
            let verdict = site.watch.bounded.observe(what, found as u64, max);
            site.watch.judge(verdict);
        }
    }

    /// The newest tick that was stepped.
    pub(super) const fn stepped(&self) -> Tick {
        self.region.tick()
    }
}

/// The time for people.
const fn wall_seconds(now: Instant) -> u64 {
    1_800_000_000 + now.0 / 1_000_000
}

fn forge(simulation: &mut tickworld_sim::simulation::Simulation<Ledger>) {
    let bank = simulation.world_mut().state_mut();
    let row = bank.entities.at(2).expect("every bank has five accounts");
    bank.accounts.modify(row, |account| *account = Account { coins: account.coins + 1, ..*account });
}

/// A number that no seed knows.
fn counted() -> [u8; 16] {
    static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}
