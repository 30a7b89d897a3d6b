//! [`Report`]: what all bots saw.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tickworld_proto::message::SessionKind;

use crate::output::counted;

/// What one session saw.
pub(crate) struct Tally {
    pub(crate) kind: SessionKind,
    pub(crate) opened: bool,
    pub(crate) submitted: u64,
    pub(crate) applied: u64,
    pub(crate) refused: u64,
    /// Outcomes within the measured time.
    pub(crate) measured: u64,
    /// Microseconds from submitting to the answer.
    pub(crate) latency: Histogram<u64>,
    pub(crate) unanswered: u64,
    pub(crate) roots: u64,
    pub(crate) desyncs: u64,
    pub(crate) outages: u64,
    /// How often it was told that its player is in another region, and went there.
    pub(crate) moves: u64,
    /// How it joined, of a lockstep bot that did.
    pub(crate) joined: Option<Joined>,
    pub(crate) wrong: Vec<String>,
}

/// How a lockstep bot came into the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    /// From its first word until it had the snapshot's world.
    pub(crate) restored: Duration,
    /// Until it had confirmed all that the server had released by then; none if it never did.
    pub(crate) caught_up: Option<Duration>,
    /// Bytes of manifests and pages.
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn new(kind: SessionKind) -> Self {
        Self {
            kind,
            opened: false,
            submitted: 0,
            applied: 0,
            refused: 0,
            measured: 0,
            latency: micros(),
            unanswered: 0,
            roots: 0,
            desyncs: 0,
            outages: 0,
            moves: 0,
            joined: None,
            wrong: Vec::new(),
        }
    }
}

/// Lines about what went wrong that people are shown; machines get all.
const WRONG_SHOWN: usize = 8;

/// Longest latency that is told apart, in microseconds.
const LATENCY_MAX: u64 = 120_000_000;

fn micros() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX, 3).expect("bounds and precision are within the library's")
}

/// The sum over all sessions.
pub(crate) struct Report {
    time: Duration,
    sessions: u64,
    opened: u64,
    sum: Tally,
    bytes: (u64, u64),
}

impl Report {
    pub(super) fn new(time: Duration) -> Self {
        Self { time, sessions: 0, opened: 0, sum: Tally::new(SessionKind::Command), bytes: (0, 0) }
    }

    pub(super) fn add(&mut self, tally: &Tally) {
        self.sessions += 1;
        self.opened += u64::from(tally.opened);
        let sum = &mut self.sum;
        sum.submitted += tally.submitted;
        sum.applied += tally.applied;
        sum.refused += tally.refused;
        sum.measured += tally.measured;
        sum.unanswered += tally.unanswered;
        sum.roots += if tally.kind == SessionKind::Lockstep { tally.roots } else { 0 };
        sum.desyncs += tally.desyncs;
        sum.outages += tally.outages;
        sum.moves += tally.moves;
        sum.latency.add(&tally.latency).expect("both have the same bounds");
        sum.joined = sum.joined.or(tally.joined);
        sum.wrong.extend(tally.wrong.iter().cloned());
    }

    /// The time that was measured, where it was broken off.
    pub(super) const fn set_time(&mut self, time: Duration) {
        self.time = time;
    }

    pub(super) const fn set_traffic(&mut self, sent: u64, received: u64) {
        self.bytes = (sent, received);
    }

    /// Whether everybody saw one history, and every input got its answer.
    pub(crate) fn is_good(&self) -> bool {
        let Self { sum, sessions, opened, .. } = self;
        sessions == opened && sum.desyncs == 0 && sum.unanswered == 0 && sum.wrong.is_empty()
    }

    /// How the first lockstep bot joined.
    pub(crate) const fn joined(&self) -> Option<Joined> {
        self.sum.joined
    }

    /// Ticks that lockstep bots computed.
    pub(crate) const fn roots(&self) -> u64 {
        self.sum.roots
    }

    /// How often bots followed their players to other regions.
    pub(crate) const fn moves(&self) -> u64 {
        self.sum.moves
    }

    /// Outcomes within the measured time.
    pub(crate) const fn measured(&self) -> u64 {
        self.sum.measured
    }

    /// Outcomes a second.
    pub(crate) fn rate(&self) -> f64 {
        self.sum.measured as f64 / self.time.as_secs_f64().max(1e-9)
    }

    /// Milliseconds; none where nothing was answered.
    fn milliseconds(&self, quantile: f64) -> Option<f64> {
        let latency = &self.sum.latency;
        (!latency.is_empty()).then(|| latency.value_at_quantile(quantile) as f64 / 1_000.0)
    }

    fn latency(&self) -> String {
        let Some(median) = self.milliseconds(0.5) else {
            return "none: no input was answered in the measured time".into();
        };
        let of = |quantile| self.milliseconds(quantile).unwrap_or(0.0);
        format!(
            "p50 {median:.1} ms, p90 {:.1}, p99 {:.1}, p99.9 {:.1}, longest {:.1}",
            of(0.9),
            of(0.99),
            of(0.999),
            of(1.0)
        )
    }

    /// The report as a table for people.
    pub(crate) fn to_text(&self) -> String {
        let Self { sum, sessions, opened, .. } = self;
        let mut text = format!(
            "sessions   {opened} of {sessions} opened, {}\n\
             inputs     {} sent: {} applied, {} refused, {} without an answer; {:.0} outcomes a second\n\
             latency    from input to stored outcome: {}\n\
             roots      {} computed by lockstep bots, {} differed\n\
             messages   {} KiB up, {} KiB down\n",
            counted(sum.outages, "outage"),
            sum.submitted,
            sum.applied,
            sum.refused,
            sum.unanswered,
            self.rate(),
            self.latency(),
            counted(sum.roots, "tick"),
            sum.desyncs,
            self.bytes.0 / 1024,
            self.bytes.1 / 1024,
        );
        for wrong in sum.wrong.iter().take(WRONG_SHOWN) {
            text.push_str(&format!("wrong      {wrong}\n"));
        }
        if sum.wrong.len() > WRONG_SHOWN {
            text.push_str(&format!("wrong      and {} more\n", sum.wrong.len() - WRONG_SHOWN));
        }
        text
    }

    /// The report as one JSON value.
    pub(crate) fn to_json(&self) -> Value {
        let sum = &self.sum;
        json!({
            "good": self.is_good(),
            "seconds": self.time.as_secs_f64(),
            "sessions": self.sessions,
            "opened": self.opened,
            "outages": sum.outages,
            "moves": sum.moves,
            "submitted": sum.submitted,
            "applied": sum.applied,
            "refused": sum.refused,
            "unanswered": sum.unanswered,
            "measured": sum.measured,
            "outcomes_per_second": self.rate(),
            "latency_ms": {
                "p50": self.milliseconds(0.5),
                "p90": self.milliseconds(0.9),
                "p99": self.milliseconds(0.99),
                "p999": self.milliseconds(0.999),
                "max": self.milliseconds(1.0),
            },
            "lockstep_ticks": sum.roots,
            "desyncs": sum.desyncs,
            "sent_bytes": self.bytes.0,
            "received_bytes": self.bytes.1,
            "wrong": sum.wrong,
        })
    }
}
