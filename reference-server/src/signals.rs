//! Signals that tell the process to end: SIGTERM, or Ctrl-C.
//!
//! Invariant: the first one is handed to whoever runs the server, which ends in good order; the second one ends the process at
//! once, wherever it is, also while it starts. What was acknowledged is stored by then, as it would be after a crash.

use std::{io, io::Write as _, sync::Arc};

use tokio::sync::Notify;

use crate::FAILED;

/// Listens from now on; the value is notified by the first signal. Takes a runtime's context.
pub(crate) fn listen() -> io::Result<Arc<Notify>> {
    let mut signals = Signals::listen()?;
    let first = Arc::new(Notify::new());
    let heard = first.clone();
    // A task of its own: it is heard while the main one replays a journal.
    tokio::spawn(async move {
        signals.next().await;
        heard.notify_one();
        signals.next().await;
        _ = writeln!(
            io::stderr(),
            "error: told to end a second time: ended at once, the next start replays the last ticks"
        );
        std::process::exit(FAILED.into());
    });
    Ok(first)
}

struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        _ = tokio::signal::ctrl_c().await;
    }
}
