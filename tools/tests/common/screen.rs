//! A pseudo-terminal with the binary on it, and what its screen shows.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of it")]

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use super::Bench;

/// How long anything here may take, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Columns and rows of the terminal.
const SIZE: (u16, u16) = (110, 34);

/// A command on a terminal of its own.
pub(crate) struct Screen {
    child: Child,
    keys: File,
    /// The side that the command has.
    terminal: OwnedFd,
    output: Receiver<Vec<u8>>,
    /// Everything that was written.
    pub(crate) written: Vec<u8>,
    cells: Cells,
    modes: LocalModes,
}

/// A command on a terminal that was just made: the controlling side, the command's side, and its modes.
struct Started {
    child: Child,
    controller: File,
    terminal: OwnedFd,
    modes: LocalModes,
}

impl Started {
    fn new(bench: &Bench, line: &str) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("a terminal of one's own");
        let name = ptsname(&controller, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(&name, flags, Mode::empty()).expect("the other side");
        let (columns, rows) = SIZE;
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("it takes a size");
        let modes = tcgetattr(&terminal).expect("it has modes").local_modes;
        let side = || Stdio::from(terminal.try_clone().expect("a handle"));
        let mut command = bench.command(line);
        command.env("TERM", "xterm-256color").stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().expect("the binary starts");
        Self { child, controller: File::from(controller), terminal, modes }
    }
}

/// Starts a command, takes its terminal away once it has drawn something, and gives its exit code.
pub(crate) fn code_without_terminal(bench: &Bench, line: &str) -> i32 {
    let Started { mut child, mut controller, terminal, .. } = Started::new(bench, line);
    let (mut drawn, mut bytes) = (Vec::new(), [0; 4096]);
    while !drawn.windows(8).any(|window| window == b"\x1b[?1049h") {
        let count = controller.read(&mut bytes).expect("the command draws");
        drawn.extend_from_slice(&bytes[..count]);
    }
    drop((controller, terminal));
    let limit = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status.code().unwrap_or(-1);
        }
        if Instant::now() >= limit {
            child.kill().expect("it can be ended");
            panic!("`{line}` goes on without its terminal");
        }
        std::thread::yield_now();
    }
}

impl Screen {
    /// Starts a command.
    pub(crate) fn start(bench: &Bench, line: &str) -> Self {
        let Started { child, controller: keys, terminal, modes } = Started::new(bench, line);
        let (mut reading, (send, output)) = (keys.try_clone().expect("a handle"), channel());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal that nobody has open any more ends with an error.
            while let Ok(count @ 1..) = reading.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, terminal, output, written: Vec::new(), cells: Cells::new(), modes }
    }

    /// Which process it is.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Presses keys, as a terminal sends them.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until the screen shows all of these words, and gives it.
    pub(crate) fn wait_for(&mut self, words: &[&str]) -> String {
        let limit = Instant::now() + PATIENCE;
        loop {
            let text = self.cells.text();
            if words.iter().all(|word| text.contains(word)) {
                return text;
            }
            match self.output.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!("{error}: no {words:?} on\n{text}"),
            }
        }
    }

    /// Waits until the command ends, and gives its exit code; the terminal must be as it was before.
    pub(crate) fn end(mut self) -> (i32, Vec<u8>) {
        let limit = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(Instant::now() < limit, "it goes on:\n{}", self.cells.text());
            match self.output.recv_timeout(Duration::from_millis(20)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        };
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.take(&bytes);
        }
        let modes = tcgetattr(&self.terminal).expect("it has modes").local_modes;
        assert_eq!(modes, self.modes, "the terminal is as it was");
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "lines and echo");
        let at = |code: &[u8]| self.written.windows(code.len()).rposition(|window| window == code);
        // What shows the other screen and hides the cursor is undone, in this order.
        assert!(at(b"\x1b[?1049l") > at(b"\x1b[?1049h"), "the screen before is shown again");
        assert!(at(b"\x1b[?25h") > at(b"\x1b[?25l"), "the cursor is shown again");
        (status.code().unwrap_or(-1), std::mem::take(&mut self.written))
    }

    fn take(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        self.cells.take(bytes);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What a terminal shows, as far as the commands that are used here go.
struct Cells {
    rows: Vec<Vec<char>>,
    at: (usize, usize),
    /// Bytes of a letter or a command that is not whole.
    pending: Vec<u8>,
}

impl Cells {
    fn new() -> Self {
        let row = vec![' '; usize::from(SIZE.0)];
        Self { rows: vec![row; usize::from(SIZE.1)], at: (0, 0), pending: Vec::new() }
    }

    fn text(&self) -> String {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.pending.push(*byte);
            let is_done = match &*self.pending {
                [0x1b] | [0x1b, b'['] => false,
                [0x1b, b'[', .., last] => {
                    let is_last = (0x40..=0x7e).contains(last);
                    if is_last {
                        self.apply();
                    }
                    is_last
                }
                [0x1b, ..] => true,
                letters => match std::str::from_utf8(letters) {
                    Ok(text) => {
                        let letter = text.chars().next().expect("it has one");
                        self.put(letter);
                        true
                    }
                    Err(_) => letters.len() >= 4,
                },
            };
            if is_done {
                self.pending.clear();
            }
        }
    }

    /// A command: `ESC [ numbers letter`.
    fn apply(&mut self) {
        let text = String::from_utf8_lossy(&self.pending[2..]).into_owned();
        let (numbers, letter) = text.split_at(text.len() - 1);
        let mut numbers = numbers.split(';').map(|number| number.parse::<usize>().ok());
        match letter {
            "H" => {
                let mut next = || numbers.next().flatten().unwrap_or(1).saturating_sub(1);
                self.at = (next(), next());
            }
            "J" => self.rows = Self::new().rows,
            // The other screen is empty, whatever was written before.
            "h" if text == "?1049h" => *self = Self { pending: std::mem::take(&mut self.pending), ..Self::new() },
            _ => {}
        }
    }

    fn put(&mut self, letter: char) {
        let (row, column) = self.at;
        match letter {
            '\r' => self.at.1 = 0,
            '\n' => self.at.0 = (row + 1).min(self.rows.len() - 1),
            letter if !letter.is_control() => {
                if let Some(cell) = self.rows.get_mut(row).and_then(|row| row.get_mut(column)) {
                    *cell = letter;
                }
                self.at.1 += 1;
            }
            _ => {}
        }
    }
}
