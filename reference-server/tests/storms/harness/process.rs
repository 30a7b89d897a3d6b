//! [`Process`]: the real server binary, its log as events, and how it ended.
//!
//! Invariant: no process outlives its value.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Instant,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::Value;
use tickworld_net::tls::fingerprint::Fingerprint;

use super::{ACCOUNTS, COINS, LONG};

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: PathBuf,
    data: PathBuf,
    flags: Vec<String>,
    /// A program that becomes the server, with what stands before the server's own command line.
    through: Vec<String>,
}

impl Launch {
    /// A server of a ledger in this folder, on ports that the system chooses.
    pub fn new(binary: &Path, data: &Path) -> Self {
        let flags = ["--world=ledger", "--listen=127.0.0.1:0", "--http=127.0.0.1:0", "--log=json"];
        let mut flags: Vec<String> = flags.map(str::to_owned).into();
        flags.extend([
            format!("--accounts={ACCOUNTS}"),
            format!("--coins={COINS}"),
            format!("--data={}", data.display()),
        ]);
        Self { binary: binary.to_owned(), data: data.to_owned(), flags, through: Vec::new() }
    }

    /// With this flag, instead of an earlier one of its name.
    pub fn with(mut self, flag: &str) -> Self {
        if let Some((name, _)) = flag.split_once('=') {
            self.flags.retain(|earlier| earlier.split_once('=').is_none_or(|(other, _)| other != name));
        }
        self.flags.push(flag.to_owned());
        self
    }

    /// With operators, who show [`OPERATORS`].
    pub fn with_operators(self) -> Self {
        // Not in the data folder, which is the server's.
        let file = std::env::temp_dir().join(format!("tickworld-operators-{}", std::process::id()));
        std::fs::write(&file, OPERATORS).unwrap();
        self.with(&format!("--admin-token-file={}", file.display()))
    }

    /// By way of a program that becomes the server.
    pub fn through(mut self, words: &[&str]) -> Self {
        self.through = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// A write beyond the limit of a file's size fails, as on a full disk, instead of ending the process by a signal: what a
    /// process ignores stays ignored across exec.
    pub fn shrugging_at_file_limits(self) -> Self {
        self.through(&["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Starts the server as a process of its own.
    pub fn start(&self) -> Process {
        let mut words = self.through.iter().map(OsStr::new).chain([self.binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TICKWORLD_"));
        for (name, _) in ours {
            command.env_remove(name);
        }
        command.args(&self.flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", self.binary.display()));
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Process { child, lines, seen: Vec::new() }
    }

    /// Starts it and waits until players may come.
    ///
    /// # Panics
    /// If it ends instead.
    pub fn start_ready(&self) -> (Process, Ready) {
        let mut process = self.start();
        match process.ready() {
            Ok(ready) => (process, ready),
            Err(exit) => panic!("the server does not start: {exit:?}"),
        }
    }
}

/// A server that runs, or has just ended.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

/// Where a server is.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    pub address: SocketAddr,
    pub http: SocketAddr,
    /// Where operators' requests are taken.
    pub admin: Option<SocketAddr>,
    pub fingerprint: Fingerprint,
    /// The tick of the state that it began with, the tick where it goes on, and its root.
    pub from: u64,
    pub tick: u64,
}

/// How a server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed that is no log.
    pub error: String,
}

impl Process {
    /// Waits until players may come, or the server has ended.
    pub fn ready(&mut self) -> Result<Ready, Exit> {
        let mut began = (0, 0);
        while let Some(line) = self.line() {
            let Some(fields) = fields(&line) else { continue };
            match fields["message"].as_str() {
                Some("the world is where it left off") => {
                    began = (fields["from"].as_u64().unwrap(), fields["tick"].as_u64().unwrap());
                }
                Some("players may come") => {
                    let text = |name: &str| fields[name].as_str().unwrap().to_owned();
                    return Ok(Ready {
                        address: text("address").parse().unwrap(),
                        http: text("http").parse().unwrap(),
                        admin: fields["admin"].as_str().map(|text| text.parse().unwrap()),
                        fingerprint: text("fingerprint").parse().unwrap(),
                        from: began.0,
                        tick: began.1,
                    });
                }
                _ => {}
            }
        }
        Err(self.ended())
    }

    /// Waits for a line of the log with this message; gives its fields.
    ///
    /// # Panics
    /// If the server ends without it.
    pub fn await_message(&mut self, message: &str) -> Value {
        loop {
            let Some(line) = self.line() else {
                panic!("the server ended before it said {message:?}:\n{}", self.tail())
            };
            if let Some(fields) = fields(&line)
                && fields["message"].as_str() == Some(message)
            {
                return fields;
            }
        }
    }

    /// The next line of what it prints; none once it has ended.
    ///
    /// # Panics
    /// If nothing comes for too long.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(LONG) {
            Ok(line) => {
                self.seen.push(line.clone());
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the server says nothing more:\n{}", self.tail()),
        }
    }

    /// SIGKILL: no goodbye, no flush. Gives what was printed before.
    pub fn kill(mut self) -> Vec<String> {
        // Fails where it has ended by itself, which is then seen in what it printed.
        _ = self.child.kill();
        self.child.wait().unwrap();
        while self.line().is_some() {}
        std::mem::take(&mut self.seen)
    }

    /// SIGTERM; what follows is awaited by [`exit`](Self::exit).
    pub fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits until it ends by itself.
    pub fn exit(mut self) -> Exit {
        while self.line().is_some() {}
        self.ended()
    }

    /// SIGTERM, and how it ended.
    pub fn stop(self) -> Exit {
        self.terminate();
        self.exit()
    }

    /// From now on no file may be written beyond so many bytes; `None` lifts the limit.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let hard = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit { current: bytes.or(hard), maximum: hard };
        prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    /// What the process has in memory at present and had at most, in KiB (Linux).
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The last lines that were read, for messages.
    pub fn tail(&self) -> String {
        self.seen[self.seen.len().saturating_sub(20)..].join("\n")
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// After the last line: the process is about to end, or has.
    fn ended(&mut self) -> Exit {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < LONG, "the server closed its log and goes on");
            std::thread::yield_now();
        };
        let text: Vec<&str> = self.seen.iter().filter(|line| fields(line).is_none()).map(String::as_str).collect();
        Exit { code: status.code(), error: text.join("\n") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Has ended already where a test went well.
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's last lines:\n{}", self.tail());
        }
    }
}

/// A page of the HTTP port: code and body.
pub fn page(http: SocketAddr, path: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(format!("http://{http}{path}")).call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// The token of operators that [`Launch::with_operators`] sets.
pub const OPERATORS: &str = "0123456789abcdef";

/// What an operator's request comes to: code and body.
pub fn operate(http: SocketAddr, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("http://{http}/admin/{path}"));
    let request = request.header("authorization", format!("Bearer {OPERATORS}"));
    let mut response = request.header("content-type", "application/json").send(&body.into()[..]).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} is no JSON")))
}

/// A number of `/metrics`.
pub fn meter(http: SocketAddr, name: &str) -> u64 {
    let (_, text) = page(http, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    let number: f64 = line.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim().parse().unwrap();
    number as u64
}

fn fields(line: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("fields").cloned()
}
