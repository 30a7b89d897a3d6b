//! [`StandardOutput`]: the one way in which the project's commands write to standard output.
//!
//! Invariant: what could not be written is an error at the end, whatever the command itself came to. Only a reader that goes
//! away (`| head`) is none: it has what it wanted, so the rest is dropped without a word.

use std::io::{self, BufWriter, Write};

use tickworld_scenario::failure::{Failure, Outcome};

/// Standard output, buffered.
#[derive(Debug)]
pub struct StandardOutput<W: Write = io::Stdout> {
    stream: BufWriter<W>,
    /// Why nothing more is written.
    ended: Option<io::Error>,
}

impl StandardOutput {
    /// This process' standard output.
    #[must_use]
    pub fn new() -> Self {
        Self::to(io::stdout())
    }
}

impl Default for StandardOutput {
    fn default() -> Self {
        Self::new()
    }
}

impl<W: Write> StandardOutput<W> {
    fn to(stream: W) -> Self {
        Self { stream: BufWriter::new(stream), ended: None }
    }

    /// Adds text to what will be written.
    pub fn write(&mut self, text: &str) {
        if self.ended.is_none() {
            self.ended = self.stream.write_all(text.as_bytes()).err();
        }
    }

    /// Sends what is buffered.
    pub fn flush(&mut self) {
        if self.ended.is_none() {
            self.ended = self.stream.flush().err();
        }
    }

    /// Whether nothing more can be written; long outputs may stop.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Sends what is buffered, and says whether everything was written that anybody wanted to read.
    ///
    /// # Errors
    /// Why something could not be written: a full disk, for one.
    pub fn finish(&mut self) -> Outcome<()> {
        self.flush();
        match &self.ended {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let help = "what was written until then is not the whole answer: do not use it";
                Err(Failure::new(format!("cannot write to standard output: {error}")).help(help))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some bytes, then fails.
    struct Full(usize, io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0);
            self.0 -= count;
            if count == 0 { Err(self.1.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_reader_that_goes_away_is_no_error() {
        for (kind, is_error) in [(io::ErrorKind::StorageFull, true), (io::ErrorKind::BrokenPipe, false)] {
            let mut out = StandardOutput::to(Full(3, kind));
            out.write("abc");
            assert!(!out.has_ended());
            out.write("more");
            assert_eq!(out.finish().is_err(), is_error, "{kind}");
            assert!(out.has_ended());
            assert_eq!(out.finish().is_err(), is_error, "asked again, it says the same: {kind}");
        }
    }

    #[test]
    fn what_fits_is_written() {
        let mut out = StandardOutput::to(Full(3, io::ErrorKind::StorageFull));
        out.write("abc");
        out.finish().expect("three bytes fit");
    }
}
