//! [`Meters`]: what the server counts and measures, and its text form for Prometheus.
//!
//! Invariant: one table says of each number its name, kind and meaning; the README's table follows from it, and every name is
//! there from the first scrape on. Several servers in one process count apart: nothing here is global.

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// What is known of a number before it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// The name as it is scraped.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it means; a unit is in the name.
    pub about: &'static str,
    /// Its one label and the label's values; none for a number of its own.
    pub label: Option<(&'static str, &'static [&'static str])>,
}

/// The kinds of numbers, and how one is made.
trait Kind: Sized {
    const WORD: &'static str;

    fn register(recorder: &PrometheusRecorder, key: &Key) -> Self;
}

const METADATA: Metadata<'static> = Metadata::new("tickworld", Level::INFO, None);

macro_rules! kinds {
    ($($type:ident $word:literal $register:ident;)+) => {$(
        impl Kind for $type {
            const WORD: &'static str = $word;

            fn register(recorder: &PrometheusRecorder, key: &Key) -> Self {
                recorder.$register(key, &METADATA)
            }
        }
    )+};
}

kinds! {
    Counter "counter" register_counter;
    Gauge "gauge" register_gauge;
    Histogram "histogram" register_histogram;
}

macro_rules! meters {
    ($($(#[doc = $about:literal])+ $field:ident: $type:ident $([$label:literal: $($value:literal)|+])? = $name:literal;)+) => {
        /// Every number of a server.
        pub struct Meters {
            $($(#[doc = $about])+ pub $field: meters!(@type $type $($label)?),)+
            text: PrometheusHandle,
        }

        /// What is known of every number, in the order of their declaration.
        pub const METERS: &[Meter] = &[$(Meter {
            name: $name,
            kind: <$type as Kind>::WORD,
            about: concat!($($about),+),
            label: meters!(@label $($label: $($value)|+)?),
        },)+];

        impl Meters {
            fn of(recorder: &PrometheusRecorder) -> Self {
                Self {
                    $($field: meters!(@make recorder $type $name $($label: $($value)|+)?),)+
                    text: recorder.handle(),
                }
            }
        }
    };
    (@type $type:ident) => { $type };
    (@type $type:ident $label:literal) => { Labelled<$type> };
    (@label) => { None };
    (@label $label:literal: $($value:literal)|+) => { Some(($label, &[$($value),+])) };
    (@make $recorder:ident $type:ident $name:literal) => { $type::register($recorder, &Key::from_name($name)) };
    (@make $recorder:ident $type:ident $name:literal $label:literal: $($value:literal)|+) => {
        Labelled(vec![$(($value, $type::register($recorder, &Key::from_parts($name, vec![Label::new($label, $value)])))),+])
    };
}

/// One number for each value of a label.
#[derive(Debug)]
pub struct Labelled<T>(Vec<(&'static str, T)>);

impl<T> Labelled<T> {
    /// The number of a label's value.
    ///
    /// # Panics
    /// If the table does not have the value.
    #[must_use]
    pub fn of(&self, value: &str) -> &T {
        &self.0.iter().find(|(known, _)| *known == value).expect("the table of meters has every value of the label").1
    }
}

meters! {
    /// Newest tick that was simulated.
    tick: Gauge = "tickworld_tick";
    /// Newest tick that is stored as surely as acknowledgements promise. Where nobody is it rises by up to 1,024 at a time.
    durable_tick: Gauge = "tickworld_durable_tick";
    /// Ticks that were simulated and are not stored yet.
    durable_lag_ticks: Gauge = "tickworld_durable_lag_ticks";
    /// Time from the closing of a frame to its being stored.
    durable_lag: Histogram = "tickworld_durable_lag_seconds";
    /// Time that a tick took, as a part of the time that it has.
    tick_budget_used: Histogram = "tickworld_tick_budget_used_ratio";
    /// Time from when a tick was due until it began.
    tick_late: Histogram = "tickworld_tick_late_seconds";
    /// How much slower than its rate the world runs; 100 is not at all.
    pace: Gauge = "tickworld_pace_percent";
    /// Whether ticks cannot be stored, so that nothing is acknowledged: 1 or 0.
    storage_failed: Gauge = "tickworld_storage_failed";
    /// Appends and snapshots that failed and were tried again.
    storage_retries: Counter = "tickworld_storage_retries_total";
    /// Players who left the world for the archive.
    archive_departures: Counter = "tickworld_archive_departures_total";
    /// Players who came into the world from the archive, or were born.
    archive_arrivals: Counter = "tickworld_archive_arrivals_total";
    /// Players who could not be fetched from the archive or told to it; it is tried again.
    archive_failures: Counter = "tickworld_archive_failures_total";
    /// Snapshots that were stored.
    snapshots: Counter = "tickworld_snapshots_total";
    /// Pages stored for them, those not counted that were there.
    snapshot_pages: Counter = "tickworld_snapshot_pages_total";
    /// Time that a snapshot took, beside the ticks.
    snapshot_time: Histogram = "tickworld_snapshot_seconds";
    /// Ticks a second of the replay at the last start.
    replay_speed: Gauge = "tickworld_replay_ticks_per_second";
    /// Ticks replayed at the last start.
    replayed: Gauge = "tickworld_replayed_ticks";
    /// Things that wait: mail for the region, records for the journal, newcomers for their verdict.
    queue: Gauge ["queue": "region" | "journal" | "admission"] = "tickworld_queue_length";
    /// Bytes of memory that peers can make the server hold: worlds of past ticks, messages on their way out, messages that came.
    memory: Gauge ["what": "history" | "outgoing" | "incoming"] = "tickworld_memory_bytes";
    /// Sessions that are open.
    sessions: Gauge ["kind": "lockstep" | "witness" | "command"] = "tickworld_sessions";
    /// Connections, with those that were not let in yet.
    connections: Gauge = "tickworld_connections";
    /// Tokens that were refused.
    tokens_refused: Counter = "tickworld_tokens_refused_total";
    /// Players' inputs that were put into frames.
    inputs: Counter = "tickworld_inputs_total";
    /// Outcomes sent to command sessions.
    acknowledged: Counter = "tickworld_acknowledgements_total";
    /// Inputs that were refused.
    refused: Counter = "tickworld_refusals_total";
    /// Roots reported by clients that differ from the server's.
    root_mismatches: Counter = "tickworld_root_mismatches_total";
    /// Findings that clients sent after such a mismatch.
    desync_reports: Counter = "tickworld_desync_reports_total";
    /// Messages from peers that broke the protocol.
    violations: Counter = "tickworld_violations_total";
    /// Bytes of messages that came in.
    bytes_received: Counter = "tickworld_received_bytes_total";
    /// Bytes of messages that went out.
    bytes_sent: Counter = "tickworld_sent_bytes_total";
    /// Messages that were dropped because a peer reads too slowly; it asks again.
    dropped: Counter = "tickworld_dropped_transmits_total";
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

impl Meters {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        const RATIO: &[f64] = &[
            0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0, 1.5,
            2.0, 5.0,
        ];
        const SECONDS: &[f64] = &[
            0.0005, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.5, 1.0, 5.0,
            30.0,
        ];
        let mut builder = PrometheusBuilder::new();
        for meter in METERS.iter().filter(|meter| meter.kind == Histogram::WORD) {
            let buckets = if meter.name.ends_with("_ratio") { RATIO } else { SECONDS };
            let set = builder.set_buckets_for_metric(Matcher::Full(meter.name.to_owned()), buckets);
            builder = set.expect("the buckets are not empty");
        }
        let recorder = builder.build_recorder();
        for meter in METERS {
            let (name, about) = (meter.name.into(), meter.about.trim().into());
            match meter.kind {
                Counter::WORD => recorder.describe_counter(name, None, about),
                Gauge::WORD => recorder.describe_gauge(name, None, about),
                _ => recorder.describe_histogram(name, None, about),
            }
        }
        let meters = Self::of(&recorder);
        meters.pace.set(100.0);
        meters
    }

    /// Puts what histograms were given into their buckets; until then each value takes memory. To be called now and then, for
    /// nobody may ever ask for the text.
    pub fn settle(&self) {
        self.text.run_upkeep();
    }

    /// The Prometheus text (exposition format 0.0.4).
    #[must_use]
    pub fn text(&self) -> String {
        self.settle();
        self.text.render()
    }
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_from_the_first_scrape_on() {
        let meters = Meters::new();
        // A histogram shows up with its first value.
        meters.durable_lag.record(0.001);
        meters.tick_budget_used.record(0.1);
        meters.tick_late.record(0.0);
        meters.snapshot_time.record(0.1);
        let text = meters.text();
        for meter in METERS {
            assert!(text.contains(&format!("# TYPE {} {}\n", meter.name, meter.kind)), "{} in\n{text}", meter.name);
            let (label, values) = meter.label.unwrap_or(("", &[]));
            for value in values {
                assert!(text.contains(&format!("{}{{{label}=\"{value}\"}}", meter.name)), "{value} in\n{text}");
            }
        }
    }

    #[test]
    fn two_servers_count_apart() {
        let (one, other) = (Meters::new(), Meters::new());
        one.inputs.increment(3);
        assert!(one.text().contains("tickworld_inputs_total 3"), "{}", one.text());
        assert!(other.text().contains("tickworld_inputs_total 0"), "{}", other.text());
    }
}
