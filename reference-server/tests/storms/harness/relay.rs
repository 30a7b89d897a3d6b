//! [`Relay`]: a UDP port in front of a server, with a network behind it that may be bad, and that stays while servers come and
//! go.
//!
//! Invariant: what happens to the n-th packet of a direction follows from the seed; packets are delayed, lost, doubled and
//! overtaken, never changed.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tickworld_testkit::dice::Dice;
use tokio::{
    net::UdpSocket,
    runtime::Runtime,
    sync::watch,
    time::{Instant, sleep_until},
};

/// How bad the network is, each way.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkFaults {
    /// At least so long on the way.
    pub delay: Duration,
    /// And at most so much longer: packets overtake each other within it.
    pub jitter: Duration,
    /// Of a thousand packets.
    pub lost: u32,
    /// Of a thousand packets.
    pub doubled: u32,
    /// Of a thousand packets: held back for a few delays.
    pub overtaken: u32,
}

/// See the module.
pub struct Relay {
    pub address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    heard: Arc<Mutex<Option<Vec<Vec<u8>>>>>,
    counters: Arc<Counters>,
    runtime: Option<Runtime>,
}

/// Packets that came, and what became of them.
#[derive(Debug, Default)]
struct Counters {
    carried: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
}

impl Relay {
    /// On a port of its own; to nowhere until it is told where the server is.
    pub fn new(faults: NetworkFaults, seed: u64) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), SocketAddr::from(([127, 0, 0, 1], 0)), faults, seed)
    }

    /// The same, listening at `front` and sending to the server from `back`.
    pub fn at(front: SocketAddr, back: SocketAddr, faults: NetworkFaults, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let socket = Arc::new(runtime.block_on(UdpSocket::bind(front)).unwrap());
        let address = socket.local_addr().unwrap();
        let (target, targets) = watch::channel(None);
        let (heard, counters) = (Arc::<Mutex<Option<Vec<Vec<u8>>>>>::default(), Arc::<Counters>::default());
        let way = Way { front: socket, back, faults, seed, targets, heard: heard.clone(), counters: counters.clone() };
        runtime.spawn(way.carry());
        Self { address, target, heard, counters, runtime: Some(runtime) }
    }

    /// Where the server is now; nowhere while it is down.
    pub fn lead_to(&self, server: Option<SocketAddr>) {
        self.target.send(server).unwrap();
    }

    /// Keeps a copy of every packet that clients send from now on.
    pub fn listen_in(&self) {
        *self.heard.lock().unwrap() = Some(Vec::new());
    }

    /// What was heard since.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().take().unwrap_or_default()
    }

    /// Packets carried, lost and doubled so far.
    pub fn counts(&self) -> (u64, u64, u64) {
        let Counters { carried, lost, doubled } = &*self.counters;
        (carried.load(Relaxed), lost.load(Relaxed), doubled.load(Relaxed))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Way {
    front: Arc<UdpSocket>,
    back: SocketAddr,
    faults: NetworkFaults,
    seed: u64,
    targets: watch::Receiver<Option<SocketAddr>>,
    heard: Arc<Mutex<Option<Vec<Vec<u8>>>>>,
    counters: Arc<Counters>,
}

impl Way {
    async fn carry(self) {
        let mut clients: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut fates = Fates::new(self.faults, self.seed, "up", 0, &self.counters);
        let mut bytes = vec![0; 65_536];
        loop {
            // An earlier packet that nobody took may be reported here.
            let Ok((length, client)) = self.front.recv_from(&mut bytes).await else { continue };
            if let Some(heard) = &mut *self.heard.lock().unwrap() {
                heard.push(bytes[..length].to_vec());
            }
            let Some(server) = *self.targets.borrow() else { continue };
            if !clients.contains_key(&client) {
                let socket = Arc::new(UdpSocket::bind(self.back).await.unwrap());
                let fates = Fates::new(self.faults, self.seed, "down", clients.len() as u64, &self.counters);
                tokio::spawn(back(socket.clone(), self.front.clone(), client, fates));
                clients.insert(client, socket);
            }
            fates.send(&clients[&client], &bytes[..length], server).await;
        }
    }
}

/// From the server to one client.
async fn back(socket: Arc<UdpSocket>, front: Arc<UdpSocket>, client: SocketAddr, mut fates: Fates) {
    let mut bytes = vec![0; 65_536];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut bytes).await else { continue };
        fates.send(&front, &bytes[..length], client).await;
    }
}

/// What becomes of the packets of one direction.
struct Fates {
    faults: NetworkFaults,
    dice: Dice,
    counters: Arc<Counters>,
}

impl Fates {
    fn new(faults: NetworkFaults, seed: u64, name: &str, index: u64, counters: &Arc<Counters>) -> Self {
        Self { faults, dice: Dice::new(seed, name, index), counters: counters.clone() }
    }

    async fn send(&mut self, socket: &Arc<UdpSocket>, bytes: &[u8], to: SocketAddr) {
        let NetworkFaults { delay, jitter, lost, doubled, overtaken } = self.faults;
        if self.dice.permille(lost) {
            self.counters.lost.fetch_add(1, Relaxed);
            return;
        }
        let copies = 1 + u32::from(self.dice.permille(doubled));
        self.counters.doubled.fetch_add(u64::from(copies - 1), Relaxed);
        for _ in 0..copies {
            let mut wait = delay + jitter.mul_f64(self.dice.below(1_000) as f64 / 1_000.0);
            if self.dice.permille(overtaken) {
                wait += delay * 3;
            }
            self.counters.carried.fetch_add(1, Relaxed);
            if wait.is_zero() {
                // A server that is gone refuses packets; that is what the network is for.
                _ = socket.send_to(bytes, to).await;
                continue;
            }
            let (socket, bytes, at) = (socket.clone(), bytes.to_vec(), Instant::now() + wait);
            tokio::spawn(async move {
                sleep_until(at).await;
                _ = socket.send_to(&bytes, to).await;
            });
        }
    }
}
