//! [`Watch`]: what a server in this process uses while bots play on it.
//!
//! Invariant: it only looks on: a thread that sleeps, reads `/proc` and the server's own meters, and writes to standard error.

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tickworld_server::meters::Meters;

use super::machine::{Buckets, Usage, load_average};
use crate::bots::Plan;

/// A server that is watched.
pub(crate) struct Watch {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Watched>,
}

/// What was seen: the measured time, and its first and last interval.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    whole: Interval,
    first: Option<Interval>,
    last: Option<Interval>,
    tick_seconds: f64,
}

/// A time, and what happened in it.
#[derive(Clone, Debug, Default)]
struct Interval {
    seconds: f64,
    used: Option<Usage>,
    /// Of all regions.
    ticks: Ticks,
    /// Of each, in order.
    regions: Vec<Ticks>,
    load: Option<f64>,
}

/// What ticks took.
#[derive(Clone, Debug, Default)]
struct Ticks {
    /// Part of a tick's time that the tick took.
    budget: Buckets,
    /// Seconds from a frame's closing until it was stored.
    stored: Buckets,
    /// Seconds from when a tick was due until it began.
    late: Buckets,
}

/// What one look at the process and its metrics gave.
struct Look {
    at: Instant,
    usage: Option<Usage>,
    regions: Vec<Ticks>,
}

impl Ticks {
    fn of(meters: &Meters) -> Self {
        let text = meters.text();
        Self {
            budget: Buckets::of(&text, "tickworld_tick_budget_used_ratio"),
            stored: Buckets::of(&text, "tickworld_durable_lag_seconds"),
            late: Buckets::of(&text, "tickworld_tick_late_seconds"),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            budget: self.budget.since(&before.budget),
            stored: self.stored.since(&before.stored),
            late: self.late.since(&before.late),
        }
    }

    fn add(&mut self, other: &Self) {
        self.budget.add(&other.budget);
        self.stored.add(&other.stored);
        self.late.add(&other.late);
    }

    /// Milliseconds that so many of them took at most.
    fn milliseconds(&self, quantile: f64, tick_seconds: f64) -> f64 {
        self.budget.at_most(quantile) * tick_seconds * 1e3
    }
}

impl Look {
    fn at(meters: &[Arc<Meters>]) -> Self {
        let regions = meters.iter().map(|meters| Ticks::of(meters)).collect();
        Self { at: Instant::now(), usage: Usage::now(), regions }
    }

    fn since(&self, before: &Self) -> Interval {
        let used = self.usage.as_ref().zip(before.usage.as_ref()).map(|(now, before)| now.since(before));
        let regions: Vec<Ticks> = self.regions.iter().zip(&before.regions).map(|(now, it)| now.since(it)).collect();
        let mut ticks = Ticks::default();
        regions.iter().for_each(|region| ticks.add(region));
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        Interval { seconds, used, ticks, regions, load: load_average() }
    }
}

impl Watch {
    /// Watches from when the plan's players are there; says something every so many seconds.
    pub(crate) fn start(meters: Vec<Arc<Meters>>, plan: &Plan, tick_rate: u16, every: Option<u64>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let (gathering, time) = (plan.gathering(), plan.time);
        let run = move || {
            // Whoever ends it early hangs up.
            let wait = |time: Duration| stopped.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout);
            wait(gathering);
            let begun = Look::at(&meters);
            let (mut watched, until) = (Watched::default(), begun.at + time);
            watched.tick_seconds = 1.0 / f64::from(tick_rate.max(1));
            let every = every.map_or(time, Duration::from_secs);
            let mut before = Look::at(&meters);
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let goes_on = wait(every.min(left));
                let now = Look::at(&meters);
                let interval = now.since(&before);
                if every < time {
                    let line = interval.line(now.at.duration_since(begun.at), watched.tick_seconds);
                    // Whoever closed standard error does not want to know.
                    _ = writeln!(std::io::stderr(), "{line}");
                    watched.first.get_or_insert_with(|| interval.clone());
                    watched.last = Some(interval);
                }
                before = now;
                if !goes_on || Instant::now() >= until {
                    break;
                }
            }
            watched.whole = before.since(&begun);
            watched
        };
        Self { stop, thread: std::thread::spawn(run) }
    }

    /// What was seen.
    pub(crate) fn end(self) -> Watched {
        drop(self.stop);
        self.thread.join().expect("looking on does not panic")
    }
}

impl Interval {
    fn tick_ms(&self, quantile: f64, tick_seconds: f64) -> f64 {
        self.ticks.milliseconds(quantile, tick_seconds)
    }

    fn line(&self, at: Duration, tick_seconds: f64) -> String {
        let (memory, descriptors, cores) = self.used.as_ref().map_or((0, 0, 0.0), |used| {
            (used.resident_kib / 1024, used.descriptors, used.cpu_seconds / self.seconds.max(1e-9))
        });
        format!(
            "{:>6} s   {memory} MiB, {descriptors} descriptors, {cores:.2} cores; {} ticks, p50 at most {:.1} ms, p99 {:.1}; \
             stored p99 at most {:.0} ms",
            at.as_secs(),
            self.ticks.budget.count(),
            self.tick_ms(0.5, tick_seconds),
            self.tick_ms(0.99, tick_seconds),
            self.ticks.stored.at_most(0.99) * 1e3,
        )
    }

    fn to_json(&self, tick_seconds: f64) -> Value {
        let used = self.used.as_ref();
        let late = |quantile| self.ticks.late.at_most(quantile) * 1e3;
        let stored = |quantile| self.ticks.stored.at_most(quantile) * 1e3;
        json!({
            "seconds": self.seconds,
            "ticks": self.ticks.budget.count(),
            "tick_ms_at_most": {
                "p50": self.tick_ms(0.5, tick_seconds), "p99": self.tick_ms(0.99, tick_seconds),
                "p999": self.tick_ms(0.999, tick_seconds),
            },
            "late_ms_at_most": { "p99": late(0.99), "max": late(1.0) },
            "stored_ms_at_most": { "p50": stored(0.5), "p99": stored(0.99) },
            "cpu_seconds": used.map(|used| used.cpu_seconds),
            "cpu_seconds_by_thread": used.map(|used| used.threads.clone()),
            "resident_kib": used.map(|used| used.resident_kib),
            "descriptors": used.map(|used| used.descriptors),
            "load_average": self.load,
        })
    }
}

impl Watched {
    /// For people; `outcomes` were answered in the measured time.
    pub(crate) fn to_text(&self, outcomes: u64) -> String {
        let Self { whole, tick_seconds, .. } = self;
        let tick = |quantile| whole.tick_ms(quantile, *tick_seconds);
        let mut text = format!(
            "server     {} ticks in {:.0} s, each at most {:.1} ms at p50, {:.1} at p99, {:.1} at p99.9; begun at most {:.0} ms late\n",
            whole.ticks.budget.count(),
            whole.seconds,
            tick(0.5),
            tick(0.99),
            tick(0.999),
            whole.ticks.late.at_most(1.0) * 1e3,
        );
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "storage    ticks are stored within {:.0} ms at p50, {:.0} at p99",
            whole.ticks.stored.at_most(0.5) * 1e3,
            whole.ticks.stored.at_most(0.99) * 1e3
        );
        if let Some(used) = &whole.used {
            _ = writeln!(text, "costs      {outcomes} outcomes took {}", used.each(outcomes));
            let load = whole.load.map_or_else(String::new, |load| format!("; load average of the machine {load:.1}"));
            let (cores, memory) = (used.cpu_seconds / whole.seconds.max(1e-9), used.resident_kib / 1024);
            _ = writeln!(text, "process    {cores:.2} cores, {memory} MiB, {} descriptors{load}", used.descriptors);
        }
        for (name, interval) in [("at first", &self.first), ("at last", &self.last)] {
            if let Some(interval) = interval {
                let at = Duration::from_secs_f64(interval.seconds);
                _ = writeln!(text, "{name:<10}{}", interval.line(at, *tick_seconds));
            }
        }
        text
    }

    /// The ticks of one of several regions, by its place among them: for people.
    pub(crate) fn region_text(&self, index: usize) -> String {
        let Some(ticks) = self.whole.regions.get(index) else { return "no ticks".to_owned() };
        let at_most = |quantile| ticks.milliseconds(quantile, self.tick_seconds);
        format!(
            "{} ticks, each at most {:.1} ms at p50, {:.1} at p99",
            ticks.budget.count(),
            at_most(0.5),
            at_most(0.99)
        )
    }

    /// The same for machines.
    pub(crate) fn region_json(&self, index: usize) -> Value {
        let Some(ticks) = self.whole.regions.get(index) else { return Value::Null };
        let at_most = |quantile| ticks.milliseconds(quantile, self.tick_seconds);
        json!({ "ticks": ticks.budget.count(), "tick_ms_at_most": { "p50": at_most(0.5), "p99": at_most(0.99) } })
    }

    /// The whole as one JSON value.
    pub(crate) fn to_json(&self) -> Value {
        let interval = |interval: &Interval| interval.to_json(self.tick_seconds);
        json!({
            "whole": interval(&self.whole),
            "first": self.first.as_ref().map(interval),
            "last": self.last.as_ref().map(interval),
        })
    }
}
