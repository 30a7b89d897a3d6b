//! [`Watch`]: the bystander of a run: all checkers, what they are told, the digest and the trace.
//!
//! Invariant: it changes nothing. The first violation stays; what comes after one may only follow from it.

use std::collections::BTreeMap;

use tickworld_ledger::{Bank, Order};
use tickworld_persist::{Epoch, Record};
use tickworld_proto::{
    channel::Channel,
    instant::Instant,
    message::{Durability, Fate, Message, Outcomes},
};
use tickworld_sim::{
    frame::{InputFrame, PlayerId, Sequence, Tick},
    hash::Hash,
};

use crate::{
    check::{Answered, Bounded, Coins, DurableAcks, Kept, Once, OneRoot, ReleaseOrder, Violation},
    digest::Digest,
};

/// Number of a server's life: each start of a process has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Life(pub(super) u64);

pub(super) struct Watch {
    pub(super) now: Instant,
    /// What happened, one line each; `None` where nobody reads it.
    pub(super) trace: Option<Vec<String>>,
    pub(super) digest: Digest,
    pub(super) violation: Option<(Instant, Violation)>,
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) one_root: OneRoot,
    pub(super) kept: Kept,
    pub(super) once: Once,
    pub(super) coins: Option<Coins>,
    pub(super) durable: DurableAcks,
    pub(super) answered: Answered,
    pub(super) bounded: Bounded,
    /// The frames of the history that goes on, from tick 1.
    pub(super) history: Vec<InputFrame<Order>>,
    /// The newest claim, and whose it is.
    owner: (Life, Epoch),
    releases: BTreeMap<Life, ReleaseOrder>,
    links: BTreeMap<(Life, Tick), Hash>,
    /// Roots that a server made of ticks which it has not stored yet.
    made: BTreeMap<(Life, Tick), Hash>,
}

impl Watch {
    pub(super) fn new(is_traced: bool) -> Self {
        Self {
            now: Instant(0),
            trace: is_traced.then(Vec::new),
            digest: Digest::default(),
            violation: None,
            counts: BTreeMap::new(),
            one_root: OneRoot::default(),
            kept: Kept::default(),
            once: Once::default(),
            coins: None,
            durable: DurableAcks::default(),
            answered: Answered::default(),
            bounded: Bounded::default(),
            history: Vec::new(),
            owner: (Life(0), Epoch(0)),
            releases: BTreeMap::new(),
            links: BTreeMap::new(),
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

    /// A server has claimed the journal, whose frames are now these.
    pub(super) fn begin(&mut self, life: Life, epoch: Epoch, end: Tick, history: Vec<InputFrame<Order>>) {
        if epoch <= self.owner.1 {
            let what = format!("epoch {epoch} was given after epoch {}", self.owner.1);
            self.judge(Err(Violation::Unfenced(what)));
        }
        self.owner = (life, epoch);
        self.kept.end_life();
        let verdicts = [self.kept.check(&history), self.once.restart(&history)];
        self.history = history;
        verdicts.into_iter().for_each(|verdict| self.judge(verdict));
        self.durable.restart(end);
        self.releases.entry(life).or_default().begin(end);
    }

    /// A frame was closed, and this is its record.
    pub(super) fn close(&mut self, life: Life, record: &Record) {
        let frame = InputFrame::decode(record.frame().expect("a region appends ticks")).expect("and they can be read");
        let (frame, link): (InputFrame<Order>, Hash) = (frame, record.hash());
        self.links.insert((life, frame.tick), link);
        self.digest.bytes(&link.0);
        if life == self.owner.0 {
            let verdict = self.once.observe(&frame);
            self.judge(verdict);
            self.history.push(frame);
        }
    }

    /// A server has a tick's root, and this world.
    pub(super) fn root(&mut self, life: Life, tick: Tick, root: Hash, bank: &Bank) {
        self.made.insert((life, tick), root);
        self.coins(tick, bank, || format!("server {}", life.0));
    }

    /// A world that somebody has.
    pub(super) fn coins(&mut self, tick: Tick, bank: &Bank, seen: impl Fn() -> String) {
        if let Some(coins) = self.coins {
            self.judge(coins.observe(tick, bank, seen));
        }
    }

    /// A store takes records of a server up to a tick at this moment.
    pub(super) fn take(&mut self, life: Life, tick: Tick) {
        if life != self.owner.0 {
            let what = format!("server {} stored tick {tick} after server {} had claimed", life.0, self.owner.0.0);
            self.judge(Err(Violation::Unfenced(what)));
        }
    }

    /// A server knows that its records are stored up to a tick.
    pub(super) fn store(&mut self, life: Life, tick: Tick) {
        let later = self.made.split_off(&(life, tick.next()));
        for ((of, tick), root) in core::mem::replace(&mut self.made, later) {
            if of == life {
                let verdict = self.one_root.observe(tick, root, || format!("server {}", life.0));
                self.judge(verdict);
            }
        }
    }

    /// Somebody who follows has a confirmed tick.
    pub(super) fn confirm(&mut self, tick: Tick, root: Hash, durability: Durability, seen: impl Fn() -> String) {
        let verdict = self.one_root.observe(tick, root, seen);
        self.judge(verdict);
        if durability >= Durability::Disk {
            self.kept.confirm(tick);
        }
    }

    /// Whether a life of the server is the one that goes on.
    pub(super) fn is_owner(&self, life: Life) -> bool {
        self.owner.0 == life
    }

    /// A client's caller was told what became of an input, by a server of this life.
    pub(super) fn answer(&mut self, life: Life, player: PlayerId, sequence: Sequence, fate: Fate, level: Durability) {
        self.count(if matches!(fate, Fate::Applied { .. }) { "inputs applied" } else { "inputs refused" });
        let verdict = self.answered.answer(player, sequence);
        self.judge(verdict);
        // What another life promised of its memory went with it.
        if level > Durability::Memory || self.is_owner(life) {
            self.kept.answer(player, sequence, fate, level);
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

    /// A message leaves a server, whose world is at `stepped`.
    pub(super) fn depart(&mut self, life: Life, stepped: Tick, channel: Channel, bytes: &[u8]) {
        let Ok(message) = Message::decode(channel, bytes) else { return };
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
                        self.acknowledge(life, stepped, tick, durability);
                    }
                }
            }
            _ => {}
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
            let verdict = self.durable.acknowledge(tick, link);
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
