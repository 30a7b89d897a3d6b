//! [`look`]: a viewer on the terminal of this process.
//!
//! Invariant: the terminal is given back as it was, however the view ends: by a key, a signal, an error or a panic. Nothing else
//! here decides anything: keys, times and cells are handed on.

use std::{
    io::{self, IsTerminal as _, Write as _},
    panic,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    buffer::Buffer,
    crossterm::{
        cursor::{Hide, Show},
        event::{self, Event},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
    layout::Rect,
};

use super::{Viewer, WorldSource, without_colors};
use crate::{
    failure::{Failure, Outcome},
    interrupt,
};

/// How long a picture stays until the next one.
const FRAME: Duration = Duration::from_millis(50);
/// Most time that passes between two pictures: a process that stood still goes on where it was.
const PASSED_MAX: Duration = Duration::from_millis(250);

/// Whether the terminal is not as it was.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether something panicked while it was taken.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Refuses what is no terminal to look at and to type on, and says what to do `instead`.
pub(crate) fn check_terminal(instead: &str) -> Outcome<()> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stdout().is_terminal() && io::stdin().is_terminal() && !is_dumb {
        return Ok(());
    }
    Err(Failure::new("standard input and output are no terminal to look at and to type on").help(instead))
}

/// Shows the viewer until a key ends it, the process is told to end, or `is_over` says so.
///
/// # Errors
/// When the terminal cannot be used, or there is nothing to show.
pub(crate) fn look<S: WorldSource>(viewer: &mut Viewer<S>, has_color: bool, is_over: &dyn Fn() -> bool) -> Outcome<()> {
    let mut screen = Screen::take().map_err(|error| unusable(&error))?;
    let mut before = Instant::now();
    while !is_over() && !interrupt::is_asked() {
        let now = Instant::now();
        viewer.advance(now.duration_since(before).min(PASSED_MAX))?;
        before = now;
        let drawn = screen.draw(|area, buffer| {
            viewer.draw(area, buffer, true);
            if !has_color {
                without_colors(buffer);
            }
        });
        drawn.map_err(|error| unusable(&error))?;
        if PANICKED.load(Ordering::SeqCst) {
            return Err(Failure::new("a part of the program panicked: the view ended with it"));
        }
        let wait = if viewer.is_busy() { Duration::ZERO } else { FRAME };
        if pressed(viewer, wait).map_err(|error| unusable(&error))? {
            break;
        }
    }
    Ok(())
}

/// Hands on the keys that come within a time; gives whether one of them ends the view.
fn pressed<S: WorldSource>(viewer: &mut Viewer<S>, wait: Duration) -> io::Result<bool> {
    if !has_input(wait)? {
        return Ok(false);
    }
    while event::poll(Duration::ZERO)? {
        if let Event::Key(key) = event::read()?
            && viewer.handle_key(key)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until something was typed. The library's own wait never ends on a terminal that is gone: it reads nothing, for ever.
#[cfg(unix)]
fn has_input(wait: Duration) -> io::Result<bool> {
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        io::Errno,
    };
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    let mut input = [PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN)];
    match poll(&mut input, Some(&wait)) {
        // A signal came: whoever asks looks at what it wants.
        Err(Errno::INTR) => return Ok(false),
        other => other?,
    };
    let found = input[0].revents();
    if found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::Error::new(io::ErrorKind::BrokenPipe, "it is gone"));
    }
    Ok(found.contains(PollFlags::IN))
}

#[cfg(not(unix))]
fn has_input(wait: Duration) -> io::Result<bool> {
    event::poll(wait)
}

fn unusable(error: &io::Error) -> Failure {
    Failure::new(format!("cannot use the terminal: {error}")).help("--once prints one view as text")
}

/// The terminal, while it is taken.
struct Screen {
    terminal: Terminal<CrosstermBackend<io::Stdout>>,
}

impl Screen {
    fn take() -> io::Result<Self> {
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        // What ends the process at once must not leave it so.
        interrupt::before_end(give_back);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            give_back();
            PANICKED.store(true, Ordering::SeqCst);
            before(panicked);
        }));
        TAKEN.store(true, Ordering::SeqCst);
        let screen = Self { terminal };
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        if PANICKED.load(Ordering::SeqCst) {
            // The message of the panic stands there.
            return Ok(());
        }
        self.terminal.draw(|frame| draw(frame.area(), frame.buffer_mut()))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Makes the terminal what it was, if it is taken.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing any more.
        _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        _ = io::stdout().flush();
        _ = disable_raw_mode();
    }
}
