//! [`Descent`]: what a client asks a host about a tick that came out differently.
//!
//! Invariant: the world in question is kept, and nothing of it changes. `sim`'s requester borrows that world, and a client
//! could not keep both in one value; so the answers are kept instead, and a requester is led through them anew at each one.
//! There are at most six, each bounded, which makes that cheaper than a second kind of requester.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{
    diff::{
        WorldView,
        descent::{DescentError, DescentReport, Requester, Response},
    },
    game::Game,
    schema::Schema,
    world::World,
};

use super::event::Fault;
use crate::{codec::clip, instant::Instant, limits, message::DesyncReport};

/// A descent under way.
pub(super) struct Descent<G: Game> {
    world: World<G>,
    schema: Arc<Schema>,
    answers: Vec<Response>,
    /// When the host is not waited for any longer.
    give_up_at: Instant,
}

/// How a descent goes on.
pub(super) enum Progress {
    /// It asks this next.
    Ask(Bytes),
    /// Not at all: here is what was found, and what the host did wrong on the way.
    Done(DesyncReport, Option<Fault>),
}

impl<G: Game> Descent<G> {
    /// Begins with the own world of the tick in question.
    pub(super) fn new(now: Instant, world: World<G>, schema: Arc<Schema>) -> Self {
        Self { world, schema, answers: Vec::new(), give_up_at: now.after(limits::CLIENT_DESCENT_WAIT) }
    }

    pub(super) const fn poll_timeout(&self) -> Instant {
        self.give_up_at
    }

    /// The first question.
    pub(super) fn begin(&self) -> Progress {
        self.progress()
    }

    /// Takes an answer.
    pub(super) fn handle_response(&mut self, now: Instant, bytes: &[u8]) -> Progress {
        match Response::decode(bytes) {
            Ok(response) => {
                self.answers.push(response);
                self.give_up_at = now.after(limits::CLIENT_DESCENT_WAIT);
                self.progress()
            }
            Err(error) => {
                let finding = format!("no field was named: the host's answer is none ({error})");
                Progress::Done(self.report(finding), Some(Fault::DescentBytes(error)))
            }
        }
    }

    /// Ends it without an answer.
    pub(super) fn give_up(&self, why: &str) -> DesyncReport {
        self.report(format!("no field was named: {why}"))
    }

    fn progress(&self) -> Progress {
        let view = WorldView::new(&self.world, &self.schema);
        match lead(Requester::new(&view, 1), &self.answers) {
            Ok(Led::Ask(bytes)) => Progress::Ask(bytes),
            Ok(Led::Done(report)) => Progress::Done(self.report(finding(&report)), None),
            Err(error) => {
                let report = self.report(format!("no field was named: {error}"));
                // A host may have forgotten the tick; that is no fault.
                let fault = (error != DescentError::Unavailable).then_some(Fault::Descent(error));
                Progress::Done(report, fault)
            }
        }
    }

    fn report(&self, finding: String) -> DesyncReport {
        DesyncReport { tick: self.world.tick(), finding: clip(&finding) }
    }
}

enum Led {
    Ask(Bytes),
    Done(DescentReport),
}

/// Leads a new requester through the answers that came so far.
fn lead(mut requester: Requester<'_>, answers: &[Response]) -> Result<Led, DescentError> {
    for answer in answers {
        requester.poll_request();
        requester.handle_response(answer)?;
    }
    match requester.poll_request() {
        Some(request) => {
            let mut bytes = Vec::new();
            request.encode(&mut bytes);
            Ok(Led::Ask(Bytes::from(bytes)))
        }
        None => requester.into_report().map(Led::Done),
    }
}

/// The first difference as a sentence: the client's value on the left.
fn finding(report: &DescentReport) -> String {
    match report.differences.first() {
        Some(first) => {
            let more = if report.is_complete { "" } else { "; there are more" };
            format!("{first} (client | host){more}")
        }
        None => String::from("no field was named: all columns are equal on both sides"),
    }
}
