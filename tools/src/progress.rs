//! [`Progress`]: a bar for work that takes more than a second, where a person looks on.
//!
//! Invariant: never on standard output, never without a terminal, never with `--json`; what a command prints and returns does
//! not depend on it.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress of one piece of work.
pub(crate) struct Progress {
    wanted: bool,
    title: String,
    total: u64,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar of `total` units.
    pub(crate) fn new(quiet: bool, title: impl Into<String>, total: u64) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        Self { wanted, title: title.into(), total, begun: Instant::now(), bar: None }
    }

    /// `done` units are done. Cheap.
    pub(crate) fn set(&mut self, done: u64) {
        if !self.wanted {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.begun.elapsed() > PATIENCE {
            let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} {eta}");
            bar.set_style(style.expect("the template is a valid one"));
            bar.set_prefix(self.title.clone());
            bar.set_position(done);
            self.bar = Some(bar);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
