//! [`RegionSettings`]: what an embedder may choose, and [`Secrets`], which it must supply.

use tickworld_persist::{Durability, Retention};
use tickworld_proto::{host::HostSettings, instant::Micros};

/// Where fresh secret bytes come from. A server asks its operating system, a simulation its seed.
pub trait Secrets: Send {
    /// Sixteen bytes that nobody can foretell.
    fn secret(&mut self) -> [u8; 16];
}

impl<F: FnMut() -> [u8; 16] + Send> Secrets for F {
    fn secret(&mut self) -> [u8; 16] {
        self()
    }
}

/// Choices of a region, fixed while it runs.
#[derive(Clone, Copy, Debug)]
pub struct RegionSettings {
    /// Of the protocol's host. `tick_rate` is replaced by the world's own.
    pub host: HostSettings,
    /// A snapshot is stored when a replay from the last one would take this long, as measured. 0.5 s.
    pub replay_debt_max: Micros,
    /// A snapshot is stored after so many ticks, however cheap they were; 0 for never. 9,000.
    pub snapshot_ticks: u64,
    /// Which snapshots and records stay.
    pub retention: Retention,
    /// Whether every released world is given out as [`Event::Released`](crate::Event::Released).
    pub shows_released: bool,
}

impl RegionSettings {
    /// What records are appended for.
    pub(crate) const fn durability(&self) -> Durability {
        self.host.durability
    }
}

impl Default for RegionSettings {
    fn default() -> Self {
        Self {
            host: HostSettings::default(),
            replay_debt_max: Micros::from_millis(500),
            snapshot_ticks: 9_000,
            retention: Retention::default(),
            shows_released: false,
        }
    }
}
