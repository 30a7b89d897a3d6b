//! [`Audit`]: somebody who follows the journal with a simulation of its own, and holds it against the [`AnswerLog`].
//!
//! Invariant: it believes nothing that the server says: records must continue the ones it read before, every root that they
//! carry must be its own, and what clients were told must be what its own world made of their inputs.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
};

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    JournalHeader, LogPosition, Record,
    embedded::{Core, Files, Settings},
};
use tickworld_proto::message::Fate;
use tickworld_region::frames_of;
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{Act, InputFrame, Tick},
    hash::Hash,
    session::Outcome,
    simulation::Simulation,
    world::World,
};

use super::{
    ACCOUNTS, AnswerLog, COINS, Launch, Process,
    answer_log::{Answer, Key},
};

/// What must not be.
pub type Finding = String;

/// See the module.
pub struct Audit {
    simulation: Simulation<Ledger>,
    /// The last record that was read, or the header.
    last: Option<LogPosition>,
    roots: VecDeque<(Tick, Hash)>,
    applied: BTreeMap<Key, Applied>,
    /// The world of a snapshot, where records before it were forgotten unread.
    skipped: Option<World<Ledger>>,
    /// Roots that records carried and that were compared.
    pub proven: u64,
    findings: Vec<Finding>,
}

/// An input as it stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Applied {
    fate: Option<Fate>,
    body: Order,
    tick: Tick,
}

impl Default for Audit {
    fn default() -> Self {
        let mut simulation = Ledger::open(ACCOUNTS, COINS);
        let root = simulation.seal(&Inline).root;
        let roots = VecDeque::from([(Tick(0), root)]);
        Self { simulation, last: None, roots, applied: BTreeMap::new(), skipped: None, proven: 0, findings: Vec::new() }
    }
}

impl Audit {
    /// The last tick that was followed.
    pub fn tick(&self) -> Tick {
        self.simulation.world().tick()
    }

    /// The root of that tick.
    pub fn root(&self) -> Hash {
        self.roots.back().unwrap().1
    }

    /// Reads on in the journal of a server that does not run, in a copy, so that the server recovers from what it left.
    pub fn follow(&mut self, data: &Path) {
        let copy = tempfile::tempdir().unwrap();
        copy_world(data, copy.path());
        let mut core = match Core::open(Files::new(copy.path()), Settings::default()) {
            Ok(core) => core,
            Err(fault) => return self.findings.push(format!("the store does not open: {fault}")),
        };
        let Some(header) = core.header().unwrap() else {
            // Killed before the world had begun.
            if self.last.is_some() {
                self.findings.push("the journal is gone".to_owned());
            }
            return;
        };
        if self.last.is_none() {
            if header.start.root != self.root() {
                self.findings.push("the world begins with another root".to_owned());
            }
            self.last = Some(header.start_position());
        }
        let head = core.log_state().unwrap();
        if head.base.tick > self.tick() {
            self.skip_to(&mut core, head.base);
        }
        if head.last.tick < self.tick() {
            let (last, own) = (head.last.tick, self.tick());
            return self.findings.push(format!("the journal ends at tick {last}, it was at {own} before"));
        }
        while let Some(next) = self.last.map(|last| last.slot.next()).filter(|next| *next <= head.last.slot) {
            match core.read_records(next, 1 << 20) {
                Ok(records) => records.iter().for_each(|record| self.take(&header, record)),
                Err(error) => return self.findings.push(error.to_string()),
            }
        }
    }

    /// Goes on from the snapshot under which the records before were forgotten.
    fn skip_to(&mut self, core: &mut Core<Files>, base: LogPosition) {
        let Some(snapshot) = core.manifest(base.tick).unwrap() else {
            let own = self.tick();
            return self.findings.push(format!(
                "the audit is at tick {own}, the journal is kept from {} on, and there is no snapshot of it",
                base.tick
            ));
        };
        if snapshot.record_hash != base.record_hash {
            self.findings.push(format!("the snapshot of tick {} belongs to another history", base.tick));
        }
        let restored = World::restore(&snapshot.manifest, |entry| core.page(entry.hash).unwrap().map(|it| it.to_vec()));
        self.simulation = Simulation::resume(Library::of(ContentId::NONE, ()), restored.unwrap());
        let root = self.simulation.seal(&Inline).root;
        self.roots = VecDeque::from([(base.tick, root)]);
        self.last = Some(base);
        self.skipped = Some(self.simulation.snapshot());
    }

    /// Whether an input whose record was forgotten went into the snapshot, as far as the snapshot tells.
    fn is_in_snapshot(&self, (player, sequence): Key, tick: Tick, fate: Fate) -> bool {
        let Some(world) = self.skipped.as_ref().filter(|world| tick <= world.tick()) else { return false };
        let players = world.players();
        let is_applied = players.last_sequence(player) >= sequence;
        let remembered = players.outcome(player, sequence);
        let fits = |it: &Outcome| fate == Fate::Applied { tick: Tick(it.tick), code: it.code, value: it.value };
        is_applied && remembered.is_none_or(fits)
    }

    fn take(&mut self, header: &JournalHeader, record: &Record) {
        let tick = record.tick();
        if self.last.is_some_and(|last| last.record_hash != record.previous_hash()) {
            self.findings.push(format!("the record of tick {tick} does not follow what was there before"));
        }
        self.last = Some(record.position());
        // Only of a record with one tick are there inputs.
        let mut inputs = Vec::new();
        for frame in frames_of::<Order>(record).unwrap() {
            let roots = self.simulation.step(&frame, &Inline).unwrap();
            self.roots.push_back((frame.tick, roots.root));
            if self.roots.len() > 16 {
                self.roots.pop_front();
            }
            inputs = frame.inputs;
        }
        if record.is_claim() {
            return;
        }
        if let Some(proof) = record.proof(header) {
            let own = self.roots.iter().find(|(of, _)| *of == proof.tick);
            self.proven += 1;
            if own.is_none_or(|(_, root)| *root != proof.root) {
                self.findings.push(format!("the record of tick {tick} carries another root of tick {}", proof.tick));
            }
        }
        let total = self.simulation.world().state().endowment();
        if total != u64::from(ACCOUNTS) * COINS {
            self.findings.push(format!("there are {total} coins at tick {tick}"));
        }
        for input in inputs {
            if let Act::Play(body) = input.act {
                self.apply((input.player, input.sequence), body, tick);
            }
        }
    }

    fn apply(&mut self, key: Key, body: Order, tick: Tick) {
        let players = self.simulation.world().players();
        let outcome = players.outcome(key.0, key.1);
        let fate = outcome.map(|it| Fate::Applied { tick: Tick(it.tick), code: it.code, value: it.value });
        if let Some(before) = self.applied.insert(key, Applied { fate, body, tick }) {
            self.findings.push(format!("{key:?} stands in tick {} and again in tick {tick}", before.tick));
        }
    }

    /// What is wrong so far: of the journal itself, and of what the answer log says of it.
    pub fn check(&self, answer_log: &AnswerLog) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        findings.extend(answer_log.wrong.iter().cloned());
        for (key, Answer { fate, .. }) in &answer_log.answers {
            let applied = self.applied.get(key);
            match fate {
                Fate::Applied { tick, .. }
                    if applied.is_none_or(|it| it.fate != Some(*fate)) && !self.is_in_snapshot(*key, *tick, *fate) =>
                {
                    let found = applied.map(|it| (it.tick, it.fate));
                    findings.push(format!(
                        "{key:?} was acknowledged ({fate:?}, tick {tick}); the journal, which ends at tick {}, has {found:?}",
                        self.tick()
                    ));
                }
                Fate::Refused(_) if applied.is_some() => {
                    findings.push(format!("{key:?} was refused ({fate:?}) and stands in the journal"));
                }
                _ => {}
            }
        }
        for (key, it) in &self.applied {
            match answer_log.submitted.get(key) {
                Some(submitted) if *submitted == it.body => {}
                other => {
                    findings.push(format!("{key:?} stands in the journal as {:?}, submitted was {other:?}", it.body))
                }
            }
        }
        findings
    }

    /// The same, once every input has its answer: all of them stand in the journal.
    pub fn check_settled(&self, answer_log: &AnswerLog) -> Vec<Finding> {
        let mut findings = self.check(answer_log);
        let open = answer_log.submitted.keys().filter(|key| !answer_log.answers.contains_key(key));
        findings.extend(open.map(|key| format!("{key:?} never got its answer")));
        let refused = answer_log.answers.iter().filter(|(_, answer)| matches!(answer.fate, Fate::Refused(_)));
        findings.extend(refused.map(|(key, answer)| format!("{key:?} was refused: {:?}", answer.fate)));
        findings
    }

    /// Ends a server so that its whole journal is there to be read, and reads it; then starts it once more and ends it in
    /// good order.
    pub fn read_to_the_end(&mut self, server: Process, launch: &Launch) {
        server.kill();
        self.follow(launch.data());
        let (server, ready) = launch.start_ready();
        assert_eq!(ready.tick, self.tick().0, "the server does not go on where the journal ends");
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{}", exit.error);
    }
}

/// Database and watermark, nothing else.
pub fn copy_world(data: &Path, to: &Path) {
    for name in [Files::DATABASE, Files::WATERMARK] {
        if data.join(name).exists() {
            fs::copy(data.join(name), to.join(name)).unwrap();
        }
    }
}
