//! Server and clients as processes in network namespaces of their own. Between them stands `tc netem` where the kernel has it,
//! and otherwise a relay of ours that delays, loses, doubles and reorders packets from a seed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::Args;
use tickworld_net::tls::fingerprint::Fingerprint;
use tickworld_proto::message::Durability;

use crate::WORKS;
use crate::harness::{AnswerLog, Audit, Launch, LoadClients, NetworkFaults, Plan, Ready, Relay};

/// Answers after which the clients say how far they are.
const STRIDE: u64 = 50;

/// What the clients are told.
#[derive(Args)]
pub(crate) struct Clients {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    fingerprint: Fingerprint,
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    answers: u64,
    #[arg(long)]
    seed: u64,
    /// Where they write what they were told
    #[arg(long)]
    answer_log: PathBuf,
}

impl Clients {
    /// Plays until so many answers came and every input has its own.
    pub(crate) fn run(self) {
        let Self { address, fingerprint, data, answers, seed, answer_log } = self;
        let plan = Plan { address, fingerprint, data, players: 1..=6, durability: Durability::Disk, seed };
        let load_clients = LoadClients::begin(&plan);
        while load_clients.answers() < answers {
            load_clients.await_answers(STRIDE);
            println!("{}", load_clients.answers());
        }
        fs::write(answer_log, load_clients.settle().to_text()).expect(WORKS);
    }
}

/// Both sides, and what stands between.
pub(crate) fn run(binary: &Path, seed: u64, answers: u64, kills: u32) {
    let lab = Lab::build();
    let faults = if lab.netem() { NetworkFaults::default() } else { bad_network() };
    let folder = tempfile::tempdir().expect(WORKS);
    let launch = Launch::new(binary, folder.path())
        .with("--tick-rate=60")
        .with("--snapshot-ticks=0")
        .with(&format!("--listen={SERVER}:0"))
        .with("--dev-issuer")
        .with("--dev-certificate")
        .through(&["ip", "netns", "exec", SERVER_SPACE]);
    let relay = Relay::at(at(CLIENT_SIDE), at(SERVER_SIDE), faults, seed);
    let (mut server, ready) = launch.start_ready();
    relay.lead_to(Some(ready.address));
    let answer_log = folder.path().join("book");
    let mut clients = start_clients(&launch, &relay, ready, answers, seed, &answer_log);
    let mut told = BufReader::new(clients.stdout.take().expect(WORKS)).lines();
    let mut audit = Audit::default();
    let strides = answers / STRIDE / u64::from(kills + 1);
    for kill in 1..=kills {
        let heard = told.by_ref().take(usize::try_from(strides.max(1)).expect(WORKS)).count();
        assert!(heard > 0, "the clients ended");
        relay.lead_to(None);
        server.kill();
        audit.follow(folder.path());
        let ready;
        (server, ready) = launch.start_ready();
        relay.lead_to(Some(ready.address));
        println!("kill {kill}: it goes on at tick {}", ready.tick);
    }
    told.for_each(drop);
    assert!(clients.wait().expect(WORKS).success(), "the clients failed");
    assert_eq!(server.stop().code, Some(0));
    audit.follow(folder.path());
    let answer_log = AnswerLog::of_text(&fs::read_to_string(answer_log).expect(WORKS));
    let findings = audit.check_settled(&answer_log);
    assert!(findings.is_empty(), "seed {seed}: {findings:#?}");
    let (carried, lost, doubled) = relay.counts();
    println!(
        "{} answers in {} ticks, {} outages; the relay carried {carried} packets, lost {lost}, doubled {doubled}",
        answer_log.answers.len(),
        audit.tick(),
        answer_log.outages.len()
    );
}

/// 20 to 30 ms each way, 3 % lost, 1 % doubled, 3 % overtaken by far.
fn bad_network() -> NetworkFaults {
    let (delay, jitter) = (Duration::from_millis(20), Duration::from_millis(10));
    NetworkFaults { delay, jitter, lost: 30, doubled: 10, overtaken: 30 }
}

fn start_clients(launch: &Launch, relay: &Relay, ready: Ready, answers: u64, seed: u64, answer_log: &Path) -> Child {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", CLIENT_SPACE]).arg(std::env::current_exe().expect(WORKS)).arg("clients");
    command.args(["--address", &relay.address.to_string(), "--fingerprint", &ready.fingerprint.to_string()]);
    command.arg("--data").arg(launch.data()).arg("--answer-log").arg(answer_log);
    command.args(["--answers", &answers.to_string(), "--seed", &seed.to_string()]);
    command.stdout(Stdio::piped()).spawn().expect(WORKS)
}

const SERVER_SPACE: &str = "tickworld-server";
const CLIENT_SPACE: &str = "tickworld-client";
/// Addresses of the two ends of each link; the second stands where the relay is. TEST-NET-2 (RFC 5737).
const SERVER: &str = "198.51.100.2";
const SERVER_SIDE: &str = "198.51.100.1";
const CLIENT: &str = "198.51.100.18";
const CLIENT_SIDE: &str = "198.51.100.17";

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().expect(WORKS), 0)
}

/// Two namespaces, each joined to this one by a link of its own.
struct Lab;

impl Lab {
    fn build() -> Self {
        // What an earlier run left, if it was killed.
        drop(Self);
        let lab = Self;
        lab.join(SERVER_SPACE, "twsrv", SERVER, SERVER_SIDE);
        lab.join(CLIENT_SPACE, "twcli", CLIENT, CLIENT_SIDE);
        lab
    }

    fn join(&self, space: &str, link: &str, inside: &str, outside: &str) {
        let end = format!("{link}-in");
        let (inside, outside) = (format!("{inside}/28"), format!("{outside}/28"));
        ip(&["netns", "add", space]);
        ip(&["link", "add", link, "type", "veth", "peer", "name", &end]);
        ip(&["link", "set", &end, "netns", space]);
        ip(&["address", "add", &outside, "dev", link]);
        ip(&["link", "set", link, "up"]);
        ip(&["-n", space, "address", "add", &inside, "dev", &end]);
        ip(&["-n", space, "link", "set", &end, "up"]);
        ip(&["-n", space, "link", "set", "lo", "up"]);
    }

    /// Whether the kernel makes the network bad by itself; says which way it is done.
    fn netem(&self) -> bool {
        let words = "delay 20ms 5ms loss 3% duplicate 1% reorder 97% 50%";
        let on = |link: &str| {
            let mut command = Command::new("tc");
            command.args(["qdisc", "add", "dev", link, "root", "netem"]).args(words.split(' ')).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let has_netem = on("twsrv") && on("twcli");
        if has_netem {
            println!("the network is bad by tc netem: {words}");
        } else {
            println!("this kernel has no netem: the relay between the namespaces makes the network bad");
        }
        has_netem
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for space in [SERVER_SPACE, CLIENT_SPACE] {
            // There may be none yet. With it goes its end of the link, and with that the other one.
            _ = Command::new("ip").args(["netns", "del", space]).stderr(Stdio::null()).status();
        }
        for link in ["twsrv", "twcli"] {
            _ = Command::new("ip").args(["link", "del", link]).stderr(Stdio::null()).status();
        }
    }
}

fn ip(words: &[&str]) {
    let done = Command::new("ip").args(words).status().is_ok_and(|status| status.success());
    assert!(done, "skipped: `ip {}` is not possible here, so the network was not tried", words.join(" "));
}
