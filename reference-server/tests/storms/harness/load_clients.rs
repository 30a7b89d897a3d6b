//! [`LoadClients`]: command clients that order transfers without end and write down what they are told.
//!
//! Invariant: whatever a client was told stands in the [`AnswerLog`] before anybody is asked to look; a client comes back by
//! itself, with its ticket and never with another token, for as long as the load clients lives.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tickworld_ledger::Ledger;
use tickworld_net::{
    connection::{Connection, ConnectionEvent, ConnectionEvents, ConnectionSettings, connect},
    endpoint::{Endpoint, EndpointSettings},
    tls::{fingerprint::Fingerprint, trust::Trust},
};
use tickworld_proto::{
    client::{Client, ClientEvent, ClientSettings},
    instant::Instant,
    message::{Durability, Nonce, SessionKind},
};
use tickworld_server::admission::{Claims, DevelopmentIssuer, KindName};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    rollback::PredictNothing,
};
use tickworld_testkit::dice::Dice;
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle, time::timeout};

use super::{ACCOUNTS, AnswerLog, LONG, Launch, Ready, answer_log::Answer};

/// Inputs without an answer that each client keeps up.
const IN_FLIGHT: usize = 8;

/// See the module.
pub struct LoadClients {
    pub runtime: Runtime,
    answer_log: Arc<Mutex<AnswerLog>>,
    answers: watch::Receiver<u64>,
    order: watch::Sender<Order>,
    players: Vec<JoinHandle<()>>,
}

/// What the clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Play,
    /// Submit nothing more; end once everything has its answer.
    Settle,
}

/// Who plays where.
#[derive(Clone, Debug)]
pub struct Plan {
    pub address: SocketAddr,
    pub fingerprint: Fingerprint,
    /// Where the development key is.
    pub data: PathBuf,
    pub players: std::ops::RangeInclusive<u64>,
    /// What answers must promise.
    pub durability: Durability,
    pub seed: u64,
}

/// Players that play directly on a server, and are told nothing that is not on disk.
pub fn plan(launch: &Launch, ready: Ready, players: std::ops::RangeInclusive<u64>) -> Plan {
    Plan {
        address: ready.address,
        fingerprint: ready.fingerprint,
        data: launch.data().to_owned(),
        players,
        durability: Durability::Disk,
        seed: 1,
    }
}

impl LoadClients {
    /// Begins to play.
    pub fn begin(plan: &Plan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut settings = EndpointSettings::new(Trust::Pinned(plan.fingerprint));
        // On the loopback: always the same address, so that hostile peers can have others.
        settings.local = plan.address.ip().is_loopback().then(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        // A first packet that met a dead server is repeated only after a second; a new attempt costs nothing.
        settings.handshake_timeout = Duration::from_millis(500);
        settings.idle_timeout = Duration::from_secs(30);
        let endpoint = Endpoint::bind(runtime.handle(), settings).unwrap();
        let answer_log = Arc::<Mutex<AnswerLog>>::default();
        let (order, orders) = watch::channel(Order::Play);
        let (count, answers) = watch::channel(0);
        let count = Arc::new(count);
        let players = plan.players.clone().map(|number| {
            let shared = Shared { answer_log: answer_log.clone(), count: count.clone() };
            let player = Player::new(plan, number, &endpoint, shared, &runtime);
            runtime.spawn(player.play(orders.clone()))
        });
        let players = players.collect();
        Self { runtime, answer_log, answers, order, players }
    }

    /// What was written down so far.
    pub fn answer_log(&self) -> MutexGuard<'_, AnswerLog> {
        self.answer_log.lock().unwrap()
    }

    /// Answers so far.
    pub fn answers(&self) -> u64 {
        *self.answers.borrow()
    }

    /// Waits until so many more answers came.
    pub fn await_answers(&self, more: u64) {
        let wanted = self.answers() + more;
        let mut answers = self.answers.clone();
        let waited = self.runtime.block_on(async { timeout(LONG, answers.wait_for(|count| *count >= wanted)).await });
        assert!(
            waited.is_ok(),
            "answers stopped at {}, {wanted} were awaited: {:?}",
            self.answers(),
            self.answer_log()
        );
    }

    /// Keeps playing for so long, or until somebody has seen enough.
    pub fn play_on(&self, time: Duration) {
        let mut answers = self.answers.clone();
        // Never so many: it is the time that ends this.
        _ = self.runtime.block_on(async { timeout(time, answers.wait_for(|count| *count == u64::MAX)).await });
    }

    /// Waits until every input has its answer and everybody has gone.
    pub fn settle(mut self) -> AnswerLog {
        self.order.send(Order::Settle).unwrap();
        for player in std::mem::take(&mut self.players) {
            let ended = self.runtime.block_on(async { timeout(LONG, player).await });
            let open = self.answer_log().unanswered();
            ended.unwrap_or_else(|_| panic!("{open} inputs have no answer: {:?}", self.answer_log().outages)).unwrap();
        }
        self.answer_log().clone()
    }

    /// Ends it as it is: without a word.
    pub fn abandon(self) -> AnswerLog {
        let answer_log = self.answer_log().clone();
        self.runtime.shutdown_background();
        answer_log
    }
}

/// What all clients have.
struct Shared {
    answer_log: Arc<Mutex<AnswerLog>>,
    count: Arc<watch::Sender<u64>>,
}

struct Player {
    number: u64,
    shared: Shared,
    connection: Connection<Ledger, PredictNothing>,
    events: ConnectionEvents,
    dice: Dice,
    waiting: BTreeSet<Sequence>,
    is_welcome: bool,
}

impl Player {
    fn new(plan: &Plan, number: u64, endpoint: &Endpoint, shared: Shared, runtime: &Runtime) -> Self {
        let token = token(&plan.data, number);
        let mut settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, token.into_bytes(), nonce());
        settings.durability = plan.durability;
        let client = Client::new(Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
        let mut settings = ConnectionSettings::new(plan.address, "localhost");
        settings.backoff.first = Duration::from_millis(20);
        settings.backoff.max = Duration::from_millis(100);
        let (connection, events, driver) = connect(endpoint.clone(), client, Arc::new(Inline), settings);
        runtime.spawn(driver.run());
        let dice = Dice::new(plan.seed, "transfers", number);
        Self { number, shared, connection, events, dice, waiting: BTreeSet::new(), is_welcome: false }
    }

    async fn play(mut self, mut orders: watch::Receiver<Order>) {
        loop {
            let order = *orders.borrow_and_update();
            match order {
                Order::Play => self.submit().await,
                Order::Settle if self.waiting.is_empty() => break,
                Order::Settle => {}
            }
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => self.take(event).await,
                    None => return,
                },
                _ = orders.changed() => {}
            }
        }
        // What it still has to say is of no interest, and must not keep it from ending.
        let Self { connection, events, .. } = self;
        drop(events);
        connection.detach().await;
    }

    async fn submit(&mut self) {
        while self.is_welcome && self.waiting.len() < IN_FLIGHT {
            let from = self.dice.below(u64::from(ACCOUNTS)) as u32;
            let to = self.dice.below(u64::from(ACCOUNTS)) as u32;
            let amount = self.dice.between(0, 40) as u32;
            let transfer = tickworld_ledger::Order::Transfer { from, to, amount };
            match self.connection.submit(transfer, Tick(0), Tick(u64::MAX)).await {
                Ok(sequence) => {
                    self.waiting.insert(sequence);
                    self.shared.answer_log().submit((PlayerId(self.number), sequence), transfer);
                }
                Err(_) => return,
            }
        }
    }

    async fn take(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Client(ClientEvent::Welcome(_)) => self.is_welcome = true,
            ConnectionEvent::Client(ClientEvent::Outcome { sequence, fate, durability }) => {
                self.waiting.remove(&sequence);
                self.shared.answer_log().answer((PlayerId(self.number), sequence), Answer { fate, durability });
                self.shared.count.send_modify(|count| *count += 1);
            }
            ConnectionEvent::Client(ClientEvent::Fault(fault)) => {
                self.shared.answer_log().wrong.push(format!("player {}: {fault}", self.number));
            }
            ConnectionEvent::Outage { cause, .. } => {
                self.shared.answer_log().outages.push(cause.to_string());
            }
            ConnectionEvent::Ended(end) => {
                self.shared.answer_log().wrong.push(format!("player {} was sent away: {end}", self.number));
            }
            _ => {}
        }
    }
}

impl Shared {
    fn answer_log(&self) -> MutexGuard<'_, AnswerLog> {
        self.answer_log.lock().unwrap()
    }
}

/// A number of its own for each client's program.
pub fn nonce() -> Nonce {
    static PROGRAMS: AtomicU64 = AtomicU64::new(1);
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&PROGRAMS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    nonce[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    Nonce(nonce)
}

/// A token of the development key.
pub fn token(data: &Path, player: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let kinds = [KindName::Lockstep, KindName::Witness, KindName::Command];
    let claims = Claims::fresh(Some(player), "tickworld", &kinds, now, 3_600).unwrap();
    DevelopmentIssuer::open(data).unwrap().sign(&claims)
}
