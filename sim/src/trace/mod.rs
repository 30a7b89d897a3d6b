//! Traces: a run as its frames and roots, with keyframes and evidence, to be replayed, verified and diffed.
//!
//! Invariant: a trace is written front to back and never held in memory, by the writer or by a reader. Every record carries a
//! check over its bytes, every page a hash that a keyframe names, every tick a link of a hash chain from the start; so a
//! damaged trace is refused at the damage, and two traces with equal links were equal up to there. Nothing is allocated for a
//! length that was not checked. This module does no I/O: bytes go to a [`Sink`] and come from a [`Source`].
//!
//! To write: [`Recorder`]. To read: [`Trace::open`], then ticks, worlds ([`Trace::seek`]) or raw states ([`Trace::raw_state`]).
//! To check: [`Audit`] needs no game, [`Verifier`] simulates everything again. To compare two: [`crate::diff::traces`].
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/counter.inc"));
//! # use tickworld_sim::{executor::Inline, frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick}, rng::Entropy};
//! use tickworld_sim::trace::{About, Recorder, Trace, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `simulation()` gives the world of a game `Counter`; each input counts.
//! let mut game = simulation();
//! // A keyframe is a whole world, and evidence one of each of the last ticks: of a large world, both are most of the file.
//! let about = About { title: "presses".into(), keyframe_ticks: 50, evidence_ticks: 4, ..About::default() };
//! let mut recorder = Recorder::begin(Vec::new(), &game, about, &[])?; // or a type of yours around a file, which is a `Sink`
//! for tick in 1..=120 {
//!     # let input = |sequence, act| Input { player: PlayerId(1), sequence: Sequence(sequence), act };
//!     # let inputs = if tick == 1 { vec![input(0, Act::ENTER)] } else { vec![input(tick, Act::Play(Press))] };
//!     let frame = InputFrame::new(Tick(tick.into()), Entropy::from_bytes([tick as u8; 16]), inputs);
//!     let roots = game.step(&frame, &Inline)?;
//!     recorder.record(&frame, &roots, game.world())?; // after the step that it records
//! }
//! let (bytes, size) = recorder.seal()?;
//! assert_eq!(size.ticks, 120);
//!
//! let mut trace = Trace::open(bytes)?;
//! let past = trace.seek::<Counter>(Tick(77), game.library(), &Inline)?; // from the keyframe of tick 50
//! assert_eq!(*past.state().presses, 76);
//!
//! let report = Verifier::<Counter>::run(&mut trace, game.library(), &Inline, &mut |_, _| {})?;
//! assert_eq!((report.audit.ticks, report.divergence), (120, None));
//! # Ok(())
//! # }
//! ```

mod audit;
mod error;
mod header;
mod index;
mod packs;
mod reader;
mod record;
mod recorder;
mod replay;
mod scan;
mod seal;
mod stages;
mod state;
mod tick;
mod ticks;
mod verify;
mod window;
mod writer;

use alloc::vec::Vec;
use core::{convert::Infallible, fmt::Display};

pub use audit::{Audit, AuditReport, Audited};
pub use error::{Damage, RecordError, ReplayError, TraceError};
pub use header::{About, Header, Start};
pub use reader::{StateKind, StateRef, Torn, Trace};
pub use recorder::{AfterMismatch, Expectation, Recorder};
pub use replay::Replay;
pub(crate) use stages::OUTCOMES;
pub use stages::{StageRoots, step_staged};
pub use state::RawState;
pub use tick::{Chain, Mismatch, Reproducible, TickRecord};
pub use ticks::Ticks;
pub(crate) use ticks::Unchecked;
pub use verify::{Divergence, Verifier, VerifyReport};
pub use writer::TraceSize;

/// Where a trace is written.
pub trait Sink {
    /// What can go wrong.
    type Error;

    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// When they could not be written; the trace is then of no use beyond this point.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Where a trace is read.
#[expect(clippy::len_without_is_empty, reason = "an empty file is no trace; nobody asks")]
pub trait Source {
    /// What can go wrong.
    type Error: Display;

    /// Length in bytes.
    ///
    /// # Errors
    /// When it cannot be told.
    fn len(&mut self) -> Result<u64, Self::Error>;

    /// Fills `buffer` with the bytes from `offset` on. Never asked for bytes past [`len`](Self::len).
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error>;
}

impl Sink for Vec<u8> {
    type Error = Infallible;

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl<S: Sink> Sink for &mut S {
    type Error = S::Error;

    fn write(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        (**self).write(bytes)
    }
}

impl Source for &[u8] {
    type Error = Infallible;

    fn len(&mut self) -> Result<u64, Infallible> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Infallible> {
        let start = usize::try_from(offset).expect("only asked for bytes that are there");
        buffer.copy_from_slice(&self[start..][..buffer.len()]);
        Ok(())
    }
}

impl Source for Vec<u8> {
    type Error = Infallible;

    fn len(&mut self) -> Result<u64, Infallible> {
        Source::len(&mut self.as_slice())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.as_slice().read_at(offset, buffer)
    }
}
