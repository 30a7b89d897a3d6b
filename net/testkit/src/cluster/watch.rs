//! [`Watch`]: the bystander of a run: all checkers, what they are told, the digest and the trace.
//!
//! Invariant: it changes nothing. The first violation stays; what comes after one may only follow from it. What holds of one region
//! is checked of each; of which one something is, the life of its server says.

use std::collections::BTreeMap;

use tickworld_ledger::{Bank, Ledger, Order};
use tickworld_persist::{Epoch, Record};
use tickworld_proto::{
    channel::Transmit,
    instant::Instant,
    message::{Durability, Fate, Message, Outcomes},
};
use tickworld_region::frames_of;
use tickworld_sim::{
    frame::{InputFrame, PlayerId, Sequence, Tick},
    hash::Hash,
    region::RegionId,
    world::World,
};

use super::crossings::Crossings;
use crate::{
    check::{Answered, Bounded, Coins, DurableAcks, Histories, Kept, Once, OneRoot, ReleaseOrder, Violation},
    digest::Digest,
};

/// Number of a server's life: each start of a process has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life(pub(super) u64);

/// Which server somebody talks with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub(super) region: RegionId,
    /// 0 where there is no connection any more.
    pub(super) life: Life,
}

pub(super) struct Watch {
    pub(super) now: Instant,
    /// What happened, one line each; `None` where nobody reads it.
    pub(super) trace: Option<Vec<String>>,
    pub(super) digest: Digest,
    pub(super) violation: Option<(Instant, Violation)>,
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) kept: Kept,
    pub(super) once: Once,
    pub(super) coins: Option<Coins>,
    pub(super) answered: Answered,
    pub(super) bounded: Bounded,
    pub(super) crossings: Crossings,
    regions: BTreeMap<RegionId, RegionWatch>,
    /// Whose servers have begun.
    lives: BTreeMap<Life, RegionId>,
    releases: BTreeMap<Life, ReleaseOrder>,
    links: BTreeMap<(Life, Tick), Hash>,
    /// What was taken back: of a region everything after a tick, as far as servers up to a life had it.
    voids: Vec<(Server, Tick)>,
    /// Roots that a server made of ticks which it has not stored yet.
    made: BTreeMap<(Life, Tick), Hash>,
}

/// What is known of one region.
#[derive(Default)]
pub(super) struct RegionWatch {
    pub(super) one_root: OneRoot,
    pub(super) durable: DurableAcks,
    /// The frames of the history that goes on, from tick 1.
    pub(super) history: Vec<InputFrame<Order>>,
    /// The newest claim, and whose it is.
    owner: (Life, Epoch),
}

impl Watch {
    pub(super) fn new(is_traced: bool, regions: impl Iterator<Item = RegionId>) -> Self {
        Self {
            now: Instant(0),
            trace: is_traced.then(Vec::new),
            digest: Digest::default(),
            violation: None,
            counts: BTreeMap::new(),
            kept: Kept::default(),
            once: Once::default(),
            coins: None,
            answered: Answered::default(),
            bounded: Bounded::default(),
            crossings: Crossings::default(),
            regions: regions.map(|region| (region, RegionWatch::default())).collect(),
            lives: BTreeMap::new(),
            releases: BTreeMap::new(),
            links: BTreeMap::new(),
            voids: Vec::new(),
            made: BTreeMap::new(),
        }
    }

    /// Writes a line of the trace.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10.6} {}", self.now.0 as f64 / 1e6, line()));
        }
    }

    /// Counts something for the statistics.
    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Keeps the first violation.
    pub(super) fn judge(&mut self, verdict: Result<(), Violation>) {
        if let Err(violation) = verdict
            && self.violation.is_none()
        {
            self.note(|| format!("VIOLATION {violation}"));
            self.violation = Some((self.now, violation));
        }
    }

    /// What is known of a region.
    pub(super) fn region(&mut self, region: RegionId) -> &mut RegionWatch {
        self.regions.get_mut(&region).expect("every region is watched")
    }

    /// The frames of a region's history that goes on, from tick 1.
    pub(super) fn history(&self, region: RegionId) -> &[InputFrame<Order>] {
        &self.regions[&region].history
    }

    /// A server of a region has claimed its journal, whose frames are now these.
    pub(super) fn begin(
        &mut self,
        region: RegionId,
        life: Life,
        epoch: Epoch,
        history: Vec<InputFrame<Order>>,
        world: &World<Ledger>,
    ) {
        let end = world.tick();
        self.lives.insert(life, region);
        let own = self.region(region);
        let earlier = core::mem::replace(&mut own.owner, (life, epoch)).1;
        own.durable.restart(end);
        own.history = history;
        if epoch <= earlier {
            let what = format!("epoch {epoch} was given after epoch {earlier}");
            self.judge(Err(Violation::Unfenced(what)));
        }
        self.kept.end_life(region);
        let histories: Histories<'_> = self.regions.iter().map(|(id, it)| (*id, &it.history[..])).collect();
        let history = histories[&region];
        let verdicts = [
            self.kept.check(&histories),
            self.once.restart(region, history),
            self.crossings.begin(region, history, world),
        ];
        verdicts.into_iter().for_each(|verdict| self.judge(verdict));
        self.releases.entry(life).or_default().begin(end);
    }

    /// Ticks of a region after this one are about to be taken back, as somebody decided; all servers up to this life are gone.
    pub(super) fn take_back(&mut self, region: RegionId, until: Life, after: Tick) {
        self.note(|| format!("region {region} goes back to tick {after}"));
        let once = &self.once;
        let is_here = |player, sequence| once.place(player, sequence).is_some_and(|place| place.region == region);
        self.kept.take_back(region, after, is_here);
        let own = self.region(region);
        own.one_root.take_back(after);
        own.durable.restart(after);
        self.voids.push((Server { region, life: until }, after));
    }

    /// They are taken back.
    pub(super) fn lose(&mut self, region: RegionId) {
        self.crossings.lose(region);
    }

    /// Whether a tick of a server was taken back.
    fn is_void(&self, of: Server, tick: Tick) -> bool {
        let is_void =
            |(until, after): &(Server, Tick)| of.region == until.region && of.life <= until.life && tick > *after;
        self.voids.iter().any(is_void)
    }

    /// Whether ticks of a region were ever taken back.
    pub(super) fn has_lost(&self, region: RegionId) -> bool {
        self.voids.iter().any(|(until, _)| until.region == region)
    }

    /// The region that a server is of; `None` before it has begun.
    fn region_of(&self, life: Life) -> Option<RegionId> {
        self.lives.get(&life).copied()
    }

    /// A frame was closed, and this is its record.
    pub(super) fn close(&mut self, life: Life, record: &Record) {
        let frames: Vec<InputFrame<Order>> = frames_of(record).expect("what a region appends can be read");
        let link = record.hash();
        self.digest.bytes(&link.0);
        for frame in frames {
            self.links.insert((life, frame.tick), link);
            if let Some(region) = self.region_of(life).filter(|_| self.is_owner(life)) {
                let verdicts = [self.once.observe(region, &frame), self.crossings.close(region, self.now, &frame)];
                verdicts.into_iter().for_each(|verdict| self.judge(verdict));
                self.region(region).history.push(frame);
            }
        }
    }

    /// A server has a tick's root, and this world.
    pub(super) fn root(&mut self, life: Life, tick: Tick, root: Hash, bank: &Bank) {
        self.made.insert((life, tick), root);
        self.coins(tick, bank, || format!("server {}", life.0));
    }

    /// A server has told of a tick that is kept, and this is its world.
    pub(super) fn release_world(&mut self, life: Life, world: &World<Ledger>) {
        self.coins(world.tick(), world.state(), || format!("server {}, released", life.0));
        if self.is_owner(life) {
            let verdict = self.crossings.keep(world);
            self.judge(verdict);
        }
    }

    /// A world that somebody has.
    pub(super) fn coins(&mut self, tick: Tick, bank: &Bank, seen: impl Fn() -> String) {
        if let Some(coins) = self.coins {
            self.judge(coins.observe(tick, bank, seen));
        }
    }

    /// A store takes records of a server up to a tick at this moment.
    pub(super) fn take(&mut self, life: Life, tick: Tick) {
        if !self.is_owner(life) {
            let what = format!("server {} stored tick {tick} after another one had claimed", life.0);
            self.judge(Err(Violation::Unfenced(what)));
        }
    }

    /// A server knows that its records are stored up to a tick.
    pub(super) fn store(&mut self, life: Life, tick: Tick) {
        let Some(region) = self.region_of(life) else { return };
        let of_life = (life, Tick(0))..=(life, tick);
        let due: Vec<(Tick, Hash)> = self.made.range(of_life).map(|((_, tick), root)| (*tick, *root)).collect();
        for (tick, root) in due {
            self.made.remove(&(life, tick));
            self.root_seen(region, tick, root, || format!("server {}", life.0));
        }
    }

    /// Somebody has this root for a confirmed tick of a region.
    pub(super) fn root_seen(&mut self, region: RegionId, tick: Tick, root: Hash, seen: impl Fn() -> String) {
        let verdict = self.region(region).one_root.observe(tick, root, seen);
        self.judge(verdict);
    }

    /// Somebody who follows a region has a confirmed tick.
    pub(super) fn confirm(
        &mut self,
        by: Server,
        (tick, root): (Tick, Hash),
        durability: Durability,
        seen: impl Fn() -> String,
    ) {
        if !self.is_void(by, tick) {
            self.root_seen(by.region, tick, root, seen);
        }
        if durability >= Durability::Disk {
            self.confirm_tick(by, tick);
        }
    }

    /// Somebody was told that a tick of a region is kept.
    pub(super) fn confirm_tick(&mut self, by: Server, tick: Tick) {
        if !self.is_void(by, tick) {
            self.kept.confirm(by.region, tick);
        }
    }

    /// Whether a life of a server is the one of its region that goes on.
    pub(super) fn is_owner(&self, life: Life) -> bool {
        self.region_of(life).is_some_and(|region| self.regions[&region].owner.0 == life)
    }

    /// A client's caller was told what became of an input, by a server of this life.
    pub(super) fn answer(&mut self, by: Server, player: PlayerId, sequence: Sequence, fate: Fate, level: Durability) {
        self.count(if matches!(fate, Fate::Applied { .. }) { "inputs applied" } else { "inputs refused" });
        if let Fate::Refused(why) = fate {
            self.note(|| format!("input {} of player {} is refused: {why:?}", sequence.0, player.0));
        }
        let verdict = self.answered.answer(player, sequence);
        self.judge(verdict);
        let is_void = matches!(fate, Fate::Applied { tick, .. } if self.is_void(by, tick));
        // What another life promised of its memory went with it.
        if !is_void && (level > Durability::Memory || self.is_owner(by.life)) {
            self.kept.answer(by.region, player, sequence, fate, level);
        }
    }

    /// A client's program ended: nobody waits for its answers, and its numbers may be given again.
    pub(super) fn forget(&mut self, player: PlayerId) {
        self.answered.forget(player);
        self.kept.forget_refusals(player);
    }

    /// Nobody is told of ticks at present, so the next one told need not follow the last one.
    pub(super) fn release_unseen(&mut self, life: Life, tick: Tick) {
        self.releases.entry(life).or_default().begin(tick);
    }

    /// A message leaves a server, whose world is at `stepped`, for somebody who is this player.
    pub(super) fn depart(
        &mut self,
        life: Life,
        stepped: Tick,
        player: Option<PlayerId>,
        Transmit { channel, bytes }: &Transmit,
    ) {
        let Ok(message) = Message::decode(*channel, bytes) else { return };
        match message {
            Message::Frame(frame) => {
                let tick = frame.frame.first_chunk().map_or(Tick(0), |bytes| Tick(u64::from_le_bytes(*bytes)));
                self.release(life, stepped, tick, frame.durability);
            }
            Message::Head(head) => self.release(life, stepped, head.tick, head.durability),
            Message::Welcome(welcome) => self.acknowledge(life, stepped, welcome.tick, welcome.durability),
            Message::Outcomes(Outcomes { durability, outcomes }) => {
                for outcome in outcomes {
                    if let Fate::Applied { tick, .. } = outcome.fate {
                        self.tell_outcome(life, stepped, player, (outcome.sequence, tick), durability);
                    }
                }
            }
            _ => {}
        }
    }

    /// What became of an input in a tick: of this region, or of the one that its player was in before.
    fn tell_outcome(
        &mut self,
        life: Life,
        stepped: Tick,
        player: Option<PlayerId>,
        (sequence, tick): (Sequence, Tick),
        level: Durability,
    ) {
        let place = player.and_then(|player| self.once.place(player, sequence));
        let elsewhere = place.filter(|place| self.region_of(life) != Some(place.region) && place.tick == tick);
        match elsewhere {
            None => self.acknowledge(life, stepped, tick, level),
            // Who came from there left in a tick that was kept.
            Some(place) => {
                let verdict = self.region(place.region).durable.acknowledge(place.tick, None);
                self.count("outcomes of inputs that another region applied");
                self.judge(verdict);
            }
        }
    }

    fn release(&mut self, life: Life, stepped: Tick, tick: Tick, level: Durability) {
        self.acknowledge(life, stepped, tick, level);
        let verdict = self.releases.entry(life).or_default().release(tick);
        self.judge(verdict);
    }

    fn acknowledge(&mut self, life: Life, stepped: Tick, tick: Tick, level: Durability) {
        if level >= Durability::Disk {
            let link = self.links.get(&(life, tick)).copied();
            let verdict =
                self.region_of(life).map_or(Ok(()), |region| self.region(region).durable.acknowledge(tick, link));
            self.judge(verdict);
        } else if tick > stepped {
            self.judge(Err(Violation::NotDurable { tick }));
        }
    }

    /// Everything is over, and this is the journal.
    pub(super) fn end(&mut self) {
        self.digest.number(self.answered.answers());
        let verdict = self.answered.check();
        self.judge(verdict);
    }
}
