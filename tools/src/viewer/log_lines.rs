//! [`LogLines`]: what a server in this process logs while a view has the terminal.
//!
//! Invariant: nothing of it is written to the terminal, all of it is counted, and the last lines are kept to be shown.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that are kept.
const LINES_MAX: usize = 8;
/// Letters of a line that are kept.
const LETTERS_MAX: usize = 400;
/// Bytes of a line that are looked at: letters of four bytes, and spaces before them.
const LINE_BYTES_MAX: usize = 8 * LETTERS_MAX;

/// The last lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogTail {
    /// The last ones, the newest last.
    pub(crate) lines: VecDeque<String>,
    /// How many there were in all.
    pub(crate) count: u64,
}

/// Where a log goes; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines(Arc<Mutex<LogTail>>);

impl LogLines {
    /// Takes in everything that is logged in this process from now on. A log that goes elsewhere already stays there.
    pub(crate) fn listen() -> Self {
        let lines = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(lines.clone())
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .finish();
        _ = tracing::subscriber::set_global_default(subscriber);
        lines
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> LogTail {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, LogTail> {
        // A list of lines is whole whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if text.trim().is_empty() {
            return;
        }
        let mut tail = self.lock();
        if tail.lines.len() == LINES_MAX {
            tail.lines.pop_front();
        }
        let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
        tail.lines.push_back(text.trim().chars().take(LETTERS_MAX).map(plain).collect());
        tail.count += 1;
    }
}

/// Writes lines; one that is not whole yet waits in it.
pub(crate) struct LogWriter {
    lines: LogLines,
    pending: Vec<u8>,
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            match byte {
                b'\n' => self.lines.push(&std::mem::take(&mut self.pending)),
                byte if self.pending.len() < LINE_BYTES_MAX => self.pending.push(*byte),
                _ => {}
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.lines.push(&self.pending);
    }
}

impl MakeWriter<'_> for LogLines {
    type Writer = LogWriter;

    fn make_writer(&self) -> LogWriter {
        LogWriter { lines: self.clone(), pending: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_all_are_counted() {
        let lines = LogLines::default();
        for number in 0..20 {
            writeln!(lines.make_writer(), "line {number}").expect("it takes everything");
        }
        lines.make_writer().write_all(b"one\x1b[31m\ntwo\n\nthree").expect("it takes everything");
        let tail = lines.tail();
        assert_eq!((tail.count, tail.lines.len()), (23, LINES_MAX));
        assert_eq!(tail.lines.iter().rev().take(3).collect::<Vec<_>>(), ["three", "two", "one [31m"]);
        assert!(tail.lines.iter().all(|line| !line.contains('\x1b')), "nothing that a terminal would obey");
    }

    #[test]
    fn a_long_line_is_cut() {
        let lines = LogLines::default();
        lines.make_writer().write_all("x".repeat(9_000).as_bytes()).expect("it takes everything");
        assert_eq!(lines.tail().lines[0].len(), LETTERS_MAX);
    }
}
