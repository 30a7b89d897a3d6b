//! [`Kills`]: a server that is killed again and again under load, and what must be true of it each time.
//!
//! Invariant: after each kill the journal as it was left holds every input that anybody was told of, once, where they were told;
//! what the server recovers is what the audit computed.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use tickworld_testkit::dice::Dice;

use super::{AnswerLog, Audit, Launch, LoadClients, NetworkFaults, Plan, Process, Ready, Relay, load_plan};

/// What is to happen.
#[derive(Clone, Debug)]
pub struct Kills {
    pub binary: PathBuf,
    pub seed: u64,
    pub kills: u32,
    pub players: RangeInclusive<u64>,
    pub tick_rate: u16,
    pub snapshot_ticks: u32,
    pub faults: NetworkFaults,
}

/// What a run with kills came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survived {
    pub kills: u32,
    /// Kills while the server was starting, and while it was ending in good order.
    pub kills_starting: u32,
    pub kills_ending: u32,
    pub answers: u64,
    pub ticks: u64,
    pub proven: u64,
    /// Ticks replayed at the starts, and most of them at once.
    pub replayed: u64,
    pub replayed_max: u64,
    /// Outages of which clients were told by a reset, and all.
    pub resets: usize,
    pub outages: usize,
}

/// When a server is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After so many more answers, and then a part of a tick.
    UnderLoad { answers: u64 },
    /// After so many lines of its log.
    Starting { lines: u64 },
    /// After a SIGTERM under load, and so many lines of its log.
    Ending { answers: u64, lines: u64 },
}

impl Kills {
    /// Runs it; says now and then how far it is.
    ///
    /// # Panics
    /// If anything is found.
    pub fn run(&self, tell: &mut dyn FnMut(&str)) -> Survived {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::new(&self.binary, folder.path())
            .with(&format!("--tick-rate={}", self.tick_rate))
            .with(&format!("--snapshot-ticks={}", self.snapshot_ticks))
            // So many that nothing is forgotten before the audit has read it.
            .with("--snapshots-kept=400");
        let mut dice = Dice::new(self.seed, "kills", 0);
        let relay = Relay::new(self.faults, self.seed);
        let (mut server, ready) = launch.start_ready();
        relay.lead_to(Some(ready.address));
        let load_clients = LoadClients::begin(&self.plan(&launch, &relay, ready));
        let (mut audit, mut survived) = (Audit::default(), Survived::default());
        while survived.kills < self.kills {
            let moment = self.moment(&mut dice);
            match moment {
                Moment::UnderLoad { answers } => load_clients.await_answers(answers),
                Moment::Starting { .. } => survived.kills_starting += 1,
                Moment::Ending { answers, .. } => {
                    load_clients.await_answers(answers);
                    survived.kills_ending += 1;
                }
            }
            server = self.strike(server, moment, &launch, &load_clients, &mut dice);
            relay.lead_to(None);
            server.kill();
            survived.kills += 1;
            self.hold(&mut audit, &load_clients, &launch, survived.kills, moment);
            let ready;
            (server, ready) = launch.start_ready();
            assert_eq!(
                ready.tick,
                audit.tick().0,
                "kill {}: the server does not go on where the journal ends",
                survived.kills
            );
            survived.replayed += ready.tick - ready.from;
            survived.replayed_max = survived.replayed_max.max(ready.tick - ready.from);
            relay.lead_to(Some(ready.address));
            if survived.kills.is_multiple_of(10) {
                tell(&format!("{} kills, tick {}, {} answers", survived.kills, audit.tick(), load_clients.answers()));
            }
        }
        self.end(server, load_clients, audit, survived, &launch)
    }

    /// A good end, and a last look at everything.
    fn end(
        &self,
        server: Process,
        load_clients: LoadClients,
        mut audit: Audit,
        mut survived: Survived,
        launch: &Launch,
    ) -> Survived {
        let answer_log = load_clients.settle();
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{}", exit.error);
        audit.follow(launch.data());
        let findings = audit.check_settled(&answer_log);
        assert!(findings.is_empty(), "seed {}: {findings:#?}", self.seed);
        let AnswerLog { answers, outages, .. } = answer_log;
        (survived.answers, survived.ticks, survived.proven) = (answers.len() as u64, audit.tick().0, audit.proven);
        survived.outages = outages.len();
        survived.resets = outages.iter().filter(|why| why.contains("reset")).count();
        survived
    }

    fn plan(&self, launch: &Launch, relay: &Relay, ready: Ready) -> Plan {
        Plan { address: relay.address, seed: self.seed, ..load_plan(launch, ready, self.players.clone()) }
    }

    fn moment(&self, dice: &mut Dice) -> Moment {
        match dice.below(10) {
            0 => Moment::Starting { lines: dice.below(6) },
            1 => Moment::Ending { answers: dice.between(1, 50), lines: dice.below(4) },
            _ => Moment::UnderLoad { answers: dice.between(1, 200) },
        }
    }

    /// Brings the server to the moment at which it is to be killed; where it has ended before, that is as good.
    fn strike(
        &self,
        mut server: Process,
        moment: Moment,
        launch: &Launch,
        load_clients: &LoadClients,
        dice: &mut Dice,
    ) -> Process {
        let lines = match moment {
            Moment::UnderLoad { .. } => {
                let tick = 1_000_000 / u64::from(self.tick_rate);
                load_clients.play_on(Duration::from_micros(dice.below(2 * tick)));
                return server;
            }
            Moment::Starting { lines } => {
                server.kill();
                server = launch.start();
                lines
            }
            Moment::Ending { lines, .. } => {
                server.terminate();
                lines
            }
        };
        for _ in 0..lines {
            if server.line().is_none() {
                break;
            }
        }
        server
    }

    fn hold(&self, audit: &mut Audit, load_clients: &LoadClients, launch: &Launch, kill: u32, moment: Moment) {
        // What was told before the kill was told before this line: the server is dead.
        let answer_log = load_clients.answer_log().clone();
        audit.follow(launch.data());
        let findings = audit.check(&answer_log);
        assert!(findings.is_empty(), "seed {}, kill {kill}, {moment:?}: {findings:#?}", self.seed);
    }
}
