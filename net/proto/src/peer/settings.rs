//! [`PeerSettings`]: what an embedder decides once.
//!
//! Invariant: nothing here reaches a root, so peers need not agree about any of it.

use tickworld_sim::rollback::RollbackSettings;

use crate::instant::Micros;

/// How a session between peers runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// By how many ticks the own inputs apply later than they are given: what the network needs less than this, nobody has to
    /// guess. At most [`PEER_DELAY_TICKS_MAX`](crate::limits::PEER_DELAY_TICKS_MAX).
    pub input_delay_ticks: u32,
    /// How far the session runs ahead of what all inputs are known for (at most
    /// [`PEER_PREDICTION_TICKS_MAX`](crate::limits::PEER_PREDICTION_TICKS_MAX); 0 is plain lockstep), and for how many ticks it
    /// can show what it had.
    pub rollback: RollbackSettings,
    /// Every how many ticks the peers compare roots, at least 1.
    pub root_ticks: u32,
    /// How long a tick takes, for the advice about time: the same for all peers.
    pub tick_length: Micros,
    /// How soon the newest message is sent again where no tick was made in between.
    pub resend_wait: Micros,
    /// After how long a silence [`PeerEvent::Interrupted`](super::PeerEvent::Interrupted) is told.
    pub silence_warning: Micros,
    /// After how long a silence a player is given up, and a spectator is forgotten.
    pub silence_max: Micros,
}

impl Default for PeerSettings {
    /// Two ticks of delay, sixty ticks a second, eight of them ahead at most; roots every eight ticks; a warning after half a
    /// second and the end after two.
    fn default() -> Self {
        Self {
            input_delay_ticks: 2,
            rollback: RollbackSettings::default(),
            root_ticks: 8,
            tick_length: Micros(16_667),
            resend_wait: Micros::from_millis(40),
            silence_warning: Micros::from_millis(500),
            silence_max: Micros::from_millis(2_000),
        }
    }
}
