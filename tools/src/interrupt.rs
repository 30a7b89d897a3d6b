//! Ctrl-C and SIGTERM: how a command that is told to end does so in good order.
//!
//! Invariant: nothing is left behind. A command that works long says so ([`take_over`]) and looks at [`is_asked`] from then on:
//! it ends by itself, with what it found until then. All others are ended at once, and so is one that is told twice; before
//! that, what they would leave (half-written files, scratch folders) is removed. What a `kill -9` leaves stays.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tempfile::TempDir;
use tokio::sync::watch;

use crate::failure::{Failure, Outcome};

/// Whether the process was asked to end.
static ASKED: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));
/// Whether the command ends by itself when it is asked to.
static TAKEN_OVER: AtomicBool = AtomicBool::new(false);
/// What the process would leave.
static LEFTOVERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What is done last when the process is ended at once.
static LAST: Mutex<Option<fn()>> = Mutex::new(None);

/// Listens for signals from now on, on a thread of its own.
pub(crate) fn listen() {
    let thread = std::thread::Builder::new().name("signals".into()).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Where nobody listens, signals do what they always did.
        let Ok(runtime) = runtime else { return };
        runtime.block_on(handle_signals());
    });
    drop(thread);
}

/// Calls `last` before the process is ended at once: what it changed outside of itself is to be as it was.
pub(crate) fn before_end(last: fn()) {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
}

/// The command looks at [`is_asked`], or waits for [`Asked`], and ends by itself.
pub(crate) fn take_over() {
    TAKEN_OVER.store(true, Ordering::SeqCst);
}

/// Asks the process to end, as Ctrl-C does.
pub(crate) fn ask() {
    ASKED.send_replace(true);
}

/// Whether the process was asked to end. Cheap.
pub(crate) fn is_asked() -> bool {
    *ASKED.borrow()
}

/// Waits until the process is asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Asked(watch::Receiver<bool>);

impl Asked {
    /// Notices requests from now on.
    pub(crate) fn new() -> Self {
        Self(ASKED.subscribe())
    }

    /// Waits; gives an answer at once where it was asked already.
    pub(crate) async fn wait(&mut self) {
        // The sender lives as long as the process.
        _ = self.0.wait_for(|asked| *asked).await;
    }
}

/// What must not stay when the process ends.
#[derive(Debug)]
pub(crate) struct Leftover {
    path: PathBuf,
    is_kept: bool,
}

/// Removes a file at the end, however the process ends, unless it is kept.
pub(crate) fn remove_afterwards(path: &Path) -> Leftover {
    list().push(path.to_owned());
    Leftover { path: path.to_owned(), is_kept: false }
}

impl Leftover {
    /// Lets the file stay when the process ends.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        list().retain(|path| *path != self.path);
        if !self.is_kept {
            // It may be gone already.
            _ = fs::remove_file(&self.path);
        }
    }
}

/// A folder that only this user can read, and that is gone when the process ends.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// A new one, where temporary files go.
    pub(crate) fn new() -> Outcome<Self> {
        let folder = private("tickworld-")?;
        list().push(folder.path().to_owned());
        Ok(Self { folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        list().retain(|path| path != self.folder.path());
    }
}

/// A new folder of a name that nobody can foresee, which only this user can read or write.
pub(crate) fn private(prefix: &str) -> Outcome<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir().map_err(|error| {
        let message = format!("cannot make a scratch folder in {}: {error}", std::env::temp_dir().display());
        Failure::new(message).help("the variable TMPDIR names another place")
    })
}

fn list() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is whole whatever panicked beside it.
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears signals: the first asks, the second ends.
async fn handle_signals() {
    let Ok(mut signals) = Signals::listen() else { return };
    loop {
        let code = signals.next().await;
        if TAKEN_OVER.load(Ordering::SeqCst) && !is_asked() {
            ask();
            continue;
        }
        // A folder that cannot be removed is no reason to stay.
        for path in list().iter() {
            _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
        let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last {
            last();
        }
        std::process::exit(code);
    }
}

/// Ctrl-C, and where there is one SIGTERM.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next signal, as the exit code that shells give to a process that it ended.
    #[cfg(unix)]
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> i32 {
        // Where it cannot be heard, it ends the process as it always did.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}
