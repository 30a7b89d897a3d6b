//! [`Relay`]: a line of some bandwidth and length between one client and a server of this machine.
//!
//! Invariant: datagrams arrive in order and unchanged, or not at all: what finds the line's buffer full is dropped, as a
//! router does. Every byte is counted as it would be on a real line, with the headers of UDP and IP.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    runtime::Builder,
    sync::oneshot,
    time::{Instant, sleep_until},
};

/// Bytes of the headers of IPv4 and UDP.
const HEADER_BYTES: usize = 20 + 8;
/// What the line's buffer holds: how long it takes to send.
const BUFFER: Duration = Duration::from_millis(100);
/// Bytes of the longest datagram that UDP has.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// What a line is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Bits a second each way; none is as many as there are.
    pub(crate) bits_per_second: Option<u64>,
    /// How long a datagram takes from one end to the other.
    pub(crate) delay: Duration,
}

/// What passed through a line, each way.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// What went to the client: bytes, datagrams, and those that were dropped.
    pub(crate) down: Way,
    /// What came from the client.
    pub(crate) up: Way,
}

/// One direction's sums.
#[derive(Debug, Default)]
pub(crate) struct Way {
    bytes: AtomicU64,
    datagrams: AtomicU64,
    dropped: AtomicU64,
    /// Bytes in each second since the relay began.
    by_second: Mutex<Vec<u64>>,
}

impl Way {
    /// Bytes in each second since the relay began.
    pub(crate) fn by_second(&self) -> Vec<u64> {
        // A sum is whole whoever panicked.
        self.by_second.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, second: usize, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.datagrams.fetch_add(1, Relaxed);
        let mut seconds = self.by_second.lock().unwrap_or_else(PoisonError::into_inner);
        if seconds.len() <= second {
            seconds.resize(second + 1, 0);
        }
        seconds[second] += bytes;
    }

    /// Bytes, datagrams, and datagrams that were dropped.
    pub(crate) fn sums(&self) -> (u64, u64, u64) {
        (self.bytes.load(Relaxed), self.datagrams.load(Relaxed), self.dropped.load(Relaxed))
    }
}

/// See the module; it ends when it is dropped.
pub(crate) struct Relay {
    /// Where the client connects to.
    pub(crate) address: SocketAddr,
    pub(crate) passed: Arc<Passed>,
    _stop: oneshot::Sender<()>,
}

impl Relay {
    /// A line to `server`, on a thread of its own.
    pub(crate) fn start(server: SocketAddr, line: Line) -> io::Result<Self> {
        let (near, far) = (bind()?, bind()?);
        far.connect(server)?;
        let address = near.local_addr()?;
        let passed = Arc::new(Passed::default());
        let (stop, stopped) = oneshot::channel();
        let counted = Arc::clone(&passed);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(async {
                let (Ok(near), Ok(far)) = (UdpSocket::from_std(near), UdpSocket::from_std(far)) else { return };
                tokio::select! {
                    () = carry(near, far, line, &counted) => {}
                    _ = stopped => {}
                }
            });
        };
        std::thread::Builder::new().name("relay".into()).spawn(run)?;
        Ok(Self { address, passed, _stop: stop })
    }
}

/// A socket for the relay's thread.
fn bind() -> io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// One direction: what is on its way.
struct Queue<'a> {
    line: Line,
    begun: Instant,
    /// When the line has sent all that it took.
    free: Instant,
    travelling: VecDeque<(Instant, Vec<u8>)>,
    way: &'a Way,
}

impl<'a> Queue<'a> {
    fn new(line: Line, way: &'a Way) -> Self {
        let now = Instant::now();
        Self { line, begun: now, free: now, travelling: VecDeque::new(), way }
    }

    /// Takes a datagram, or drops it.
    fn take(&mut self, datagram: &[u8]) {
        let (now, bytes) = (Instant::now(), (datagram.len() + HEADER_BYTES) as u64);
        let begins = self.free.max(now);
        if begins.duration_since(now) > BUFFER {
            self.way.dropped.fetch_add(1, Relaxed);
            return;
        }
        let takes = self.line.bits_per_second.map_or(0, |bits| bytes * 8 * 1_000_000_000 / bits.max(1));
        self.free = begins + Duration::from_nanos(takes);
        let second = now.duration_since(self.begun).as_secs();
        self.way.count(usize::try_from(second).unwrap_or(usize::MAX), bytes);
        self.travelling.push_back((self.free + self.line.delay, datagram.to_vec()));
    }

    /// When the next one arrives; far away where none does.
    fn due(&self) -> Instant {
        self.travelling.front().map_or_else(|| Instant::now() + Duration::from_secs(60), |(at, _)| *at)
    }

    /// The next one that has arrived.
    fn arrived(&mut self) -> Option<Vec<u8>> {
        let has_arrived = self.travelling.front().is_some_and(|(at, _)| *at <= Instant::now());
        if has_arrived { self.travelling.pop_front().map(|(_, datagram)| datagram) } else { None }
    }
}

/// Carries datagrams both ways, until nobody needs them.
async fn carry(near: UdpSocket, far: UdpSocket, line: Line, passed: &Passed) {
    let (mut up, mut down) = (Queue::new(line, &passed.up), Queue::new(line, &passed.down));
    let (mut buffer, mut back) = (vec![0; DATAGRAM_BYTES_MAX], vec![0; DATAGRAM_BYTES_MAX]);
    let mut client = None;
    loop {
        // What a socket fails at is a datagram lost, as on any line.
        tokio::select! {
            came = near.recv_from(&mut buffer) => if let Ok((bytes, from)) = came {
                client = Some(from);
                up.take(&buffer[..bytes]);
            },
            came = far.recv(&mut back) => if let Ok(bytes) = came {
                down.take(&back[..bytes]);
            },
            () = sleep_until(up.due().min(down.due())) => {}
        }
        while let Some(datagram) = up.arrived() {
            _ = far.send(&datagram).await;
        }
        while let Some(datagram) = down.arrived() {
            if let Some(client) = client {
                _ = near.send_to(&datagram, client).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `count` datagrams of 972 bytes through a line, and gives how many and how many bytes arrive.
    fn through(line: Line, count: u64) -> (u64, u64, u64) {
        let server = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        server.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        let relay = Relay::start(server.local_addr().expect("its port"), line).expect("a relay");
        let client = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        for number in 0..count {
            let mut datagram = [0; 972];
            datagram[..8].copy_from_slice(&number.to_le_bytes());
            client.send_to(&datagram, relay.address).expect("sent");
        }
        let (mut arrived, mut buffer, mut last) = (0, [0; 2_000], None);
        while let Ok(bytes) = server.recv(&mut buffer) {
            let number = u64::from_le_bytes(buffer[..8].try_into().expect("eight bytes"));
            assert!(bytes == 972 && last < Some(number), "in order and whole");
            (arrived, last) = (arrived + 1, Some(number));
        }
        let (bytes, datagrams, dropped) = relay.passed.up.sums();
        assert_eq!(datagrams, arrived);
        (arrived, bytes, dropped)
    }

    #[test]
    fn what_passes_is_counted_with_its_headers() {
        let line = Line { bits_per_second: None, delay: Duration::ZERO };
        assert_eq!(through(line, 20), (20, 20_000, 0));
    }

    #[test]
    fn a_slow_line_holds_so_much_and_drops_the_rest() {
        // A datagram takes 80 ms to send, so the buffer holds two beside the one under way.
        let line = Line { bits_per_second: Some(100_000), delay: Duration::ZERO };
        let (arrived, bytes, dropped) = through(line, 20);
        assert!(arrived >= 2 && dropped > 0 && arrived + dropped == 20 && bytes == arrived * 1_000, "{arrived} of 20");
    }
}
