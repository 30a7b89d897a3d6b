//! What a lockstep [`Client`] does beyond its session: joining, following, finding out.
//!
//! Invariant: one of these at a time ([`Work`]); the world that was followed last stays to be shown, and lends its pages,
//! until another one is whole.

use alloc::{string::String, vec::Vec};

use tickworld_sim::{
    executor::Executor, frame::Tick, game::Game, hash::Hash, rollback::InputPredictor, simulation::Simulation,
    world::World,
};

use super::{
    Client, ClientEvent, Driven, Fault, SessionState,
    descent::{Descent, Progress},
    event::RejoinCause,
    join::{Expected, Join},
    replica::{Confirmed, Replica},
};
use crate::{
    channel::Channel,
    instant::{Instant, Micros},
    limits,
    message::{
        self, DesyncReport, Durability, Fate, Follow, Frame, ManifestOffer, Message, Page, Reason, RootReport, Welcome,
    },
};

/// What a lockstep client is at.
#[expect(clippy::large_enum_variant, reason = "a client has one of it")]
pub(super) enum Work<G: Game> {
    /// Nothing: before the first welcome, and for other kinds of sessions.
    Idle,
    /// It takes a world over.
    Joining(Join),
    /// It makes the host's ticks again.
    Following,
    /// It asks why a tick came out differently.
    Descending(Descent<G>),
}

impl<G: Game, P: InputPredictor<G> + Clone> Client<G, P> {
    /// Begins with a session: goes on where the last one ended, if the host still can.
    pub(super) fn open_lockstep(&mut self, welcome: &Welcome) {
        if self.region != Some(welcome.region) && self.region.is_some() {
            // What is known is of another region, ticks and all; content stays.
            self.replica = None;
            self.work = Work::Idle;
            self.input_sender.forget_guesses();
        }
        self.region = Some(welcome.region);
        if let Some(replica) = &mut self.replica {
            // The host sends them again, if they are of its history.
            replica.frames_mut().clear();
        }
        match &mut self.work {
            Work::Joining(join) => join.open(self.now),
            Work::Following => self.follow_again(welcome),
            Work::Idle | Work::Descending(_) => {
                let mut join = Join::default();
                join.open(self.now);
                self.work = Work::Joining(join);
            }
        }
        self.look_after_work();
    }

    fn follow_again(&mut self, welcome: &Welcome) {
        let confirmed = self.confirmed().map_or(Tick(0), World::tick);
        let behind = welcome.tick.0.saturating_sub(confirmed.0);
        if welcome.tick < confirmed {
            self.rejoin(RejoinCause::Ahead);
        } else if behind >= u64::from(welcome.history_ticks.max(1)) {
            self.rejoin(RejoinCause::Behind);
        } else {
            self.follow(confirmed, welcome.tick);
        }
    }

    /// Asks for every frame after `confirmed`.
    fn follow(&mut self, confirmed: Tick, released: Tick) {
        self.work = Work::Following;
        let root = self.replica.as_ref().and_then(|replica| replica.root(confirmed)).unwrap_or(Hash::ZERO).short();
        self.send(Channel::Control, &Message::Follow(Follow { first: confirmed.next(), root }));
        let (now, way) = (self.now, self.clock.way());
        // A snapshot is older than what the host has by now.
        let open = self.clock.open_tick(now).map_or(0, |open| open.tick.0.saturating_sub(1));
        self.lead.begin(released.max(Tick(open)));
        if let Some(replica) = &mut self.replica {
            replica.frames_mut().handle_known(released);
            replica.frames_mut().expect_all(now, way);
        }
    }

    /// The host says that the world which is followed is not its own, or too old.
    pub(super) fn handle_rejoin(&mut self, cause: message::RejoinCause) {
        // One that was on its way while another world was asked for is of no interest.
        if matches!(self.work, Work::Following) {
            self.rejoin(match cause {
                message::RejoinCause::Behind => RejoinCause::Behind,
                message::RejoinCause::Ahead => RejoinCause::Ahead,
                message::RejoinCause::Forked => RejoinCause::Forked,
            });
        }
    }

    fn rejoin(&mut self, cause: RejoinCause) {
        self.events.push(ClientEvent::Rejoining(cause));
        let mut join = Join::default();
        join.open(self.now);
        self.work = Work::Joining(join);
        if matches!(cause, RejoinCause::Ahead | RejoinCause::Forked)
            && let Some(replica) = &mut self.replica
        {
            // Frames of a history that the host has not are none of the new world's.
            replica.frames_mut().clear();
        }
    }

    pub(super) fn handle_frame(&mut self, frame: Frame) {
        let Some(replica) = &mut self.replica else { return };
        if let Err(fault) = replica.handle_frame(frame) {
            self.fault(fault);
        }
    }

    pub(super) fn handle_manifest(&mut self, offer: &ManifestOffer) {
        let Some(due) = self.manifests_due.checked_sub(1) else {
            return self.fault(Fault::Unasked { what: "manifest" });
        };
        self.manifests_due = due;
        // One that was asked for twice may come twice: the second of a join that is over harms nobody.
        let Work::Joining(join) = &mut self.work else { return };
        let expected = Expected {
            schema: &self.schema,
            schema_id: self.schema_id,
            base: self.replica.as_ref().map(|replica| replica.rollback().confirmed().world()),
            snapshot_bytes_max: self.settings.snapshot_bytes_max,
        };
        if let Err(fault) = join.handle_manifest(&expected, offer) {
            self.fault(fault);
        }
    }

    pub(super) fn handle_pages(&mut self, pages: &[Page]) {
        // A late page of a join that is over harms nobody.
        let faults = match &mut self.work {
            Work::Joining(join) => join.handle_pages(self.now, pages),
            Work::Following | Work::Descending(_) => Vec::new(),
            Work::Idle => Vec::from([Fault::Unasked { what: "page" }]),
        };
        faults.into_iter().for_each(|fault| self.fault(fault));
    }

    pub(super) fn handle_descent_response(&mut self, bytes: &[u8]) {
        let Work::Descending(descent) = &mut self.work else {
            return self.fault(Fault::Unasked { what: "answer of a descent" });
        };
        let progress = descent.handle_response(self.now, bytes);
        self.go_on_descending(progress);
    }

    /// There is nobody to ask any more.
    pub(super) fn give_up_descent(&mut self, descent: &Descent<G>) {
        self.note_desync(descent.give_up("the connection was lost"));
    }

    /// Says what was found where nobody else can be told, and takes the world anew.
    fn note_desync(&mut self, report: DesyncReport) {
        self.events.push(ClientEvent::Desync(report));
        self.events.push(ClientEvent::Rejoining(RejoinCause::Desync));
        self.work = Work::Joining(Join::default());
    }

    fn go_on_descending(&mut self, progress: Progress) {
        match progress {
            Progress::Ask(bytes) => self.send(Channel::Control, &Message::DescentRequest(bytes)),
            Progress::Done(report, fault) => {
                fault.into_iter().for_each(|fault| self.fault(fault));
                self.report_desync(report);
            }
        }
    }

    /// Tells everybody what was found, and takes the world anew.
    fn report_desync(&mut self, report: DesyncReport) {
        self.send(Channel::Control, &Message::DesyncReport(report.clone()));
        self.events.push(ClientEvent::Desync(report));
        if self.desyncs > limits::CLIENT_DESYNCS_MAX {
            return self.close(Reason::Incompatible, "this client's ticks are not the host's, time and again");
        }
        self.rejoin(RejoinCause::Desync);
    }

    /// Asks, asks again and gives up, wherever it is time to.
    pub(super) fn look_after_work(&mut self) {
        let SessionState::Open { welcome, .. } = &self.state else { return };
        let (now, way, history) = (self.now, self.clock.way(), u64::from(welcome.history_ticks.max(1)));
        let is_following = matches!(self.work, Work::Following);
        match &mut self.work {
            Work::Joining(join) => {
                let mut requests = Vec::new();
                while let Some(request) = join.poll_request(now, way) {
                    self.manifests_due = self.manifests_due.saturating_add(u32::from(request == Message::Join));
                    requests.push(request);
                }
                requests.iter().for_each(|request| self.send(Channel::Control, request));
            }
            Work::Descending(descent) if descent.poll_timeout() <= now => {
                let report = descent.give_up("the host did not answer");
                self.report_desync(report);
            }
            Work::Idle | Work::Following | Work::Descending(_) => {}
        }
        let Some(replica) = self.replica.as_mut().filter(|_| is_following) else { return };
        let confirmed = replica.rollback().confirmed_tick();
        let frames = replica.frames_mut();
        frames.look(now, confirmed);
        let is_out_of_reach =
            frames.newest().0.saturating_sub(confirmed.0) > history && !frames.is_next_here(confirmed);
        match frames.poll_request(now, way) {
            _ if is_out_of_reach => self.rejoin_behind(),
            Ok(None) => {}
            Ok(Some(request)) => self.send(Channel::Control, &Message::FrameRequest(request)),
            Err(_) => self.rejoin_behind(),
        }
    }

    fn rejoin_behind(&mut self) {
        self.rejoin(RejoinCause::Behind);
        self.look_after_work();
    }

    pub(super) fn work_timeout(&self) -> Option<Instant> {
        match &self.work {
            Work::Idle => None,
            Work::Joining(join) => join.poll_timeout(self.clock.way()),
            Work::Following => {
                let frames = self.replica.as_ref().and_then(|replica| replica.frames().poll_timeout());
                [frames, self.lead.poll_timeout()].into_iter().flatten().min()
            }
            Work::Descending(descent) => Some(descent.poll_timeout()),
        }
    }

    pub(super) fn drive_lockstep(&mut self, executor: &dyn Executor, ticks_max: u32) -> Driven {
        let mut driven = Driven::default();
        if matches!(&self.work, Work::Joining(join) if join.is_ready())
            && matches!(self.state, SessionState::Open { .. })
        {
            self.restore(executor);
        }
        while matches!(self.work, Work::Following) {
            let Some(replica) = &mut self.replica else { break };
            let done = driven.confirmed.saturating_add(driven.predicted);
            if done >= ticks_max {
                driven.has_more = replica.has_work();
                return driven;
            }
            let before = replica.rollback().counters().resimulated_ticks;
            let confirmed = replica.confirm_next(self.player, &mut self.input_sender, executor);
            let again = replica.rollback().counters().resimulated_ticks.saturating_sub(before);
            driven.predicted = driven.predicted.saturating_add(u32::try_from(again).unwrap_or(u32::MAX));
            match confirmed {
                Confirmed::Nothing => break,
                Confirmed::Bad(fault) => self.fault(fault),
                Confirmed::ContentMissing(id) => self.events.push(ClientEvent::ContentMissing(id)),
                Confirmed::Tick { tick, root, durability, pace_percent, desync } => {
                    driven.confirmed = driven.confirmed.saturating_add(1);
                    self.clock.handle_pace(pace_percent);
                    self.events.push(ClientEvent::Confirmed { tick, root, durability });
                    self.read_outcomes(durability);
                    let every = u64::from(self.settings.root_report_ticks);
                    if tick.0.checked_rem(every) == Some(0) {
                        self.report_root(tick);
                    }
                    if let Some(tick) = desync {
                        self.descend(tick);
                    }
                }
            }
        }
        self.predict(executor, ticks_max, &mut driven);
        driven
    }

    /// Runs ahead to the tick that an input sent now can first be in, or as far as it may.
    fn predict(&mut self, executor: &dyn Executor, ticks_max: u32, driven: &mut Driven) {
        self.lead.wait_until(None);
        let SessionState::Open { welcome, .. } = &self.state else { return };
        let Some(replica) = self.replica.as_mut().filter(|_| matches!(self.work, Work::Following)) else { return };
        let confirmed = replica.rollback().confirmed_tick();
        let arrival = self.now.after(Micros(self.clock.way().0 / 2));
        let Some(open) = self.clock.open_tick(arrival).filter(|_| self.lead.has_caught_up(confirmed)) else { return };
        let most = self.settings.rollback.prediction_ticks_max;
        let limit = confirmed.0.saturating_add(u64::from(most));
        let wanted = open.tick.0.saturating_add(u64::from(welcome.input_delay_ticks)).saturating_sub(1);
        let target = wanted.min(limit);
        while replica.rollback().tick().0 < target {
            if driven.confirmed.saturating_add(driven.predicted) >= ticks_max {
                driven.has_more = true;
                return;
            }
            if let Err(earned) = self.lead.take(self.now, self.clock.tick_length(), most) {
                return self.lead.wait_until(Some(earned));
            }
            if !replica.predict(self.player, &mut self.input_sender, executor) {
                return;
            }
            driven.predicted = driven.predicted.saturating_add(1);
        }
        if wanted < limit {
            // The next tick opens at the host, whether or not a frame comes.
            self.lead.wait_until(Some(self.now.after(Micros(open.closes_in.0.max(1)))));
        }
    }

    /// Makes a world of the pages that came, and follows the host from there.
    fn restore(&mut self, executor: &dyn Executor) {
        let Work::Joining(join) = &self.work else { return };
        let Some((manifest, pages)) = join.ready() else { return };
        let (tick, received_bytes) = (manifest.head.tick, join.progress().received_bytes);
        let restored = World::<G>::restore(manifest, |entry| pages.get(&entry.hash).cloned());
        let expected = manifest.roots(&self.schema).root;
        let mut world = match restored {
            Ok(world) => world,
            Err(cause) => {
                self.work = Work::Joining(Join::default());
                self.fault(Fault::Snapshot { tick, cause });
                return self.close(Reason::Violation, "the snapshot makes no world");
            }
        };
        let root = world.seal(self.schema_id, executor).root;
        if root != expected {
            self.work = Work::Joining(Join::default());
            let what = String::from("the restored world has another root than the manifest");
            self.fault(Fault::Manifest { tick, what });
            return self.close(Reason::Violation, "the snapshot makes another world");
        }
        let simulation = Simulation::resume(self.library.clone(), world);
        let frames = self.replica.take().map(|mut old| core::mem::take(old.frames_mut())).unwrap_or_default();
        let settings = self.settings.rollback;
        let replica = Replica::new(simulation, root, self.predictor.clone(), settings, frames, executor);
        self.replica = Some(replica);
        self.input_sender.forget_guesses();
        self.events.push(ClientEvent::Joined { tick, received_bytes });
        self.follow(tick, tick);
        self.report_root(tick);
        let durability = self.welcome().map_or(self.settings.durability, |welcome| welcome.durability);
        self.read_outcomes(durability);
    }

    /// Answers the own inputs whose outcomes stand in the confirmed world.
    fn read_outcomes(&mut self, durability: Durability) {
        let (Some(replica), Some(player)) = (&self.replica, self.player) else { return };
        let players = replica.rollback().confirmed().world().players();
        let mut answers = Vec::new();
        for sequence in self.input_sender.unanswered() {
            if let Some(outcome) = players.outcome(player, sequence) {
                answers.push((sequence, Fate::of(outcome)));
            }
        }
        answers.into_iter().for_each(|(sequence, fate)| self.answer(sequence, fate, durability));
    }

    fn report_root(&mut self, tick: Tick) {
        let root = self.replica.as_ref().and_then(|replica| replica.root(tick));
        if let Some(root) = root {
            self.send(Channel::Datagram, &Message::Root(RootReport { tick, root: root.short() }));
        }
    }

    /// Begins to ask why the root of a confirmed tick is not the host's.
    fn descend(&mut self, tick: Tick) {
        let Some(replica) = self.replica.as_ref() else { return };
        let (world, is_open) = (replica.world(tick).cloned(), matches!(self.state, SessionState::Open { .. }));
        self.desyncs = self.desyncs.saturating_add(1);
        self.counters.desyncs = self.counters.desyncs.saturating_add(1);
        self.report_root(tick);
        let Some(world) = world else {
            // The roots differ all the same: whoever follows on would follow another world.
            let finding = "no field was named: the world of that tick is not kept any more".into();
            let report = DesyncReport { tick, finding };
            return if is_open { self.report_desync(report) } else { self.note_desync(report) };
        };
        let descent = Descent::new(self.now, world, self.schema.clone());
        if !is_open {
            return self.give_up_descent(&descent);
        }
        let progress = descent.begin();
        self.work = Work::Descending(descent);
        self.go_on_descending(progress);
    }
}
