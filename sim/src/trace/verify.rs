//! [`Verifier`]: simulates a whole trace again and compares everything.
//!
//! Invariant: a trace that passes was made by these rules from these inputs: every record's check, every link, every root,
//! every world and page. One that does not is named by the first tick whose root differs. It works step by step, so that the
//! caller can show how far it is.

use alloc::{string::String, vec::Vec};

use crate::{content::Library, executor::Executor, frame::Tick, game::Game, hash::Hash};

use super::{Audit, AuditReport, Audited, Replay, ReplayError, Source, Trace};

/// The first tick that came out differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The tick that came out differently.
    pub tick: Tick,
    /// The root that the trace says.
    pub recorded: Hash,
    /// The root that this build gives.
    pub found: Hash,
    /// Names of the columns that differ.
    pub columns: Vec<String>,
}

/// What a verification came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// What was gone through.
    pub audit: AuditReport,
    /// The first tick that came out differently; simulating ends there.
    pub divergence: Option<Divergence>,
}

/// A verification under way.
pub struct Verifier<G: Game> {
    audit: Audit,
    replay: Replay<G>,
    divergence: Option<Divergence>,
}

impl<G: Game> Verifier<G> {
    /// At the start of `trace`.
    ///
    /// # Errors
    /// When the trace is of another game, schema or revision, its first world cannot be read, or `library` lacks its content.
    pub fn new<S: Source>(trace: &mut Trace<S>, library: &Library<G::Content>) -> Result<Self, ReplayError<S::Error>> {
        let first = trace.keyframe_at_or_before(trace.start())?;
        let replay = Replay::from_state(trace, first, library)?;
        Ok(Self { audit: Audit::new(trace), replay, divergence: None })
    }

    /// Verifies all of `trace`; `progress` is told the tick and the last one.
    ///
    /// # Errors
    /// When the trace is damaged or of another game. A tick that comes out differently is no error: the report names it.
    pub fn run<S: Source>(
        trace: &mut Trace<S>,
        library: &Library<G::Content>,
        executor: &dyn Executor,
        progress: &mut dyn FnMut(Tick, Tick),
    ) -> Result<VerifyReport, ReplayError<S::Error>> {
        let mut verifier = Self::new(trace, library)?;
        let last = trace.last();
        while let Some(tick) = verifier.step(trace, executor)? {
            progress(tick, last);
        }
        Ok(verifier.into_report())
    }

    /// Verifies up to the end of the next tick; gives it, or `None` at the end or after the first divergence.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn step<S: Source>(
        &mut self,
        trace: &mut Trace<S>,
        executor: &dyn Executor,
    ) -> Result<Option<Tick>, ReplayError<S::Error>> {
        while self.divergence.is_none() {
            let Some(audited) = self.audit.step(trace)? else { return Ok(None) };
            let Audited::Tick(record) = audited else { continue };
            match self.replay.step(&record, executor) {
                Ok(_) => {}
                Err(ReplayError::NotReproduced { tick, recorded, found, columns }) => {
                    self.divergence = Some(Divergence { tick, recorded, found, columns });
                }
                Err(error) => return Err(error),
            }
            return Ok(Some(record.tick));
        }
        Ok(None)
    }

    /// What it came to.
    #[must_use]
    pub fn into_report(self) -> VerifyReport {
        VerifyReport { audit: *self.audit.report(), divergence: self.divergence }
    }
}
