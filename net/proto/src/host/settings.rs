//! [`HostSettings`]: what an embedder may choose, with defaults that suit a thousand players on one machine.
//!
//! Invariant: every dimension in which peers could make the host grow has a number here or in [`limits`](crate::limits).

use tickworld_sim::limits::FRAME_INPUTS_MAX;

use super::budget::Rate;
use crate::{instant::Micros, limits, message::Durability};

// DOC:SETTINGS
/// Choices of a host, fixed while it runs.
#[derive(Clone, Copy, Debug)]
pub struct HostSettings {
    /// Ticks a second when nothing slows the world. 30.
    pub tick_rate: u16,
    /// The surest level that the embedder ever reports to `handle_durable`; sessions that ask for more are refused. Disk.
    pub durability: Durability,
    /// Ticks added before an input's first frame, so that lockstep clients mispredict less. 0.
    pub input_delay_ticks: u32,
    /// How far ahead of the open tick an input's first tick may be. 600.
    pub input_horizon_ticks: u32,
    /// Inputs of a player that may be without an answer, at most
    /// [`INPUTS_IN_FLIGHT_MAX`](limits::INPUTS_IN_FLIGHT_MAX). 64.
    pub inputs_in_flight_max: u32,
    /// Most inputs of a frame, acts included. 65,536.
    pub frame_inputs_max: u32,
    /// Closed ticks that may be neither stepped nor durable before `may_close` says no. 32.
    pub durable_lag_ticks_max: u32,
    /// Released ticks whose frames can be sent again and whose worlds can be asked about. 256.
    pub history_ticks: u32,
    /// Bytes that the worlds of released ticks may hold besides the newest one; the oldest are forgotten beyond it, their
    /// frames stay. 256 MiB.
    pub history_bytes_max: u64,
    /// From the connection to the verdict on its `Hello`. 5 s.
    pub greeting_timeout: Micros,
    /// Silence after which a session ends. 15 s.
    pub idle_timeout: Micros,
    /// From the loss of a player's connection to their time-out. 30 s.
    pub player_timeout: Micros,
    /// After how many ticks without a connection a player leaves for the archive; and whether there is one at all, in which players are
    /// sought whom the world does not have. None.
    pub archive_after_ticks: Option<u64>,
    /// How long a ticket is good for, at most [`TICKET_LIFE_SECONDS_MAX`](crate::ticket::TICKET_LIFE_SECONDS_MAX): 15 min.
    pub ticket_life: Micros,
    /// From one ticket of a session to the next. 5 min.
    pub ticket_renewal: Micros,
    /// Sessions at once. 4,096.
    pub sessions_max: u32,
    /// Sessions at once that are not admitted yet. 256.
    pub greetings_max: u32,
    /// Pace from which on nobody new is taken: a world that is so much slower than its rate, in percent, serves those who are
    /// there. 400.
    pub newcomers_pace_percent_max: u16,
    /// Sessions at once of one address. 64.
    pub sessions_per_address_max: u32,
    /// Clients at once that fetch a snapshot. 64.
    pub joins_max: u32,
    /// Joiners that come within this many ticks of a snapshot share it. 32.
    pub snapshot_every_ticks: u32,
    /// Snapshots that joiners may be fetching at once; the oldest goes first. 8.
    pub snapshots_max: u32,
    /// Bytes of pages encoded and compressed in one tick. 1 MiB.
    pub page_bytes_per_tick: u32,
    /// Compressed pages kept for the next joiner in bytes. 64 MiB.
    pub page_cache_bytes_max: u32,
    /// What one address may do.
    pub address_budget: AddressRates,
    /// What one identity may do: a player over all their sessions, or a spectator's session.
    pub budget: IdentityRates,
}

/// What one address may do, over all its sessions.
#[derive(Clone, Copy, Debug)]
pub struct AddressRates {
    /// New connections. 32 a second, 128 at once.
    pub connections: Rate,
    /// Messages. 20,000 a second, 40,000 at once.
    pub messages: Rate,
    /// Bytes of messages. 16 MiB a second, 32 MiB at once.
    pub bytes: Rate,
}

/// What one identity may do.
#[derive(Clone, Copy, Debug)]
pub struct IdentityRates {
    /// Messages. 500 a second, 1,000 at once.
    pub messages: Rate,
    /// Bytes of messages. 1 MiB a second, 2 MiB at once.
    pub bytes: Rate,
    /// Inputs taken for the first time. One over it is not taken, and comes again. 4,096 a second, 4,096 at once.
    pub inputs: Rate,
    /// Bytes of frames, pages and manifests asked for. 8 MiB a second, 64 MiB at once.
    pub answers: Rate,
    /// Questions of descents. 8 a second, 64 at once.
    pub descents: Rate,
    /// Manifests asked for. 1 a second, 8 at once.
    pub joins: Rate,
    /// Messages over the other budgets that are dropped before the session ends. 20 a second, 500 at once.
    pub patience: Rate,
}

// DOC:END

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            tick_rate: 30,
            durability: Durability::Disk,
            input_delay_ticks: 0,
            input_horizon_ticks: 600,
            inputs_in_flight_max: limits::INPUTS_IN_FLIGHT_MAX,
            frame_inputs_max: FRAME_INPUTS_MAX,
            durable_lag_ticks_max: 32,
            history_ticks: 256,
            history_bytes_max: 256 << 20,
            greeting_timeout: Micros::from_millis(5_000),
            idle_timeout: Micros::from_millis(15_000),
            player_timeout: Micros::from_millis(30_000),
            archive_after_ticks: None,
            ticket_life: Micros::from_millis(900_000),
            ticket_renewal: Micros::from_millis(300_000),
            sessions_max: 4_096,
            greetings_max: 256,
            newcomers_pace_percent_max: 400,
            sessions_per_address_max: 64,
            joins_max: 64,
            snapshot_every_ticks: 32,
            snapshots_max: 8,
            page_bytes_per_tick: 1 << 20,
            page_cache_bytes_max: 64 << 20,
            address_budget: AddressRates {
                connections: Rate { per_second: 32, burst: 128 },
                messages: Rate { per_second: 20_000, burst: 40_000 },
                bytes: Rate { per_second: 16 << 20, burst: 32 << 20 },
            },
            budget: IdentityRates {
                messages: Rate { per_second: 500, burst: 1_000 },
                bytes: Rate { per_second: 1 << 20, burst: 2 << 20 },
                inputs: Rate { per_second: 4_096, burst: 4_096 },
                answers: Rate { per_second: 8 << 20, burst: 64 << 20 },
                descents: Rate { per_second: 8, burst: 64 },
                joins: Rate { per_second: 1, burst: 8 },
                patience: Rate { per_second: 20, burst: 500 },
            },
        }
    }
}
