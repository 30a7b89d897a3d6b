//! The world as the configuration wants it opened, and what is told of that.

use std::{sync::Arc, time::Instant};

use tickworld_persist::{BuildId, Claimant, DataLossPolicy, Durability, Retention, Salvage, Store, WallTime, WorldId};
use tickworld_proto::host::{AddressRates, HostSettings, Rate};
use tickworld_region::{OpenSettings, Opened, RegionSettings};
use tickworld_sim::{executor::Executor, game::Game, region::RegionId, rng::Entropy, world::World};

use super::regions::Place;
use crate::{
    config::{Config, ConfigError, DurabilityLevel},
    driver::{CatchingStepper, OpenError},
    meters::Meters,
    start_checks,
    start_error::StartError,
    world::GameAdapter,
};

/// Opens the world or begins it, and says what was found.
pub(super) async fn open_world<A: GameAdapter, S: Store + Salvage>(
    adapter: &A,
    store: &S,
    config: &Config,
    executor: &Arc<dyn Executor>,
    meters: &Meters,
    place: Option<&Place<A::Game>>,
) -> Result<Opened<A::Game>, StartError> {
    if (config.archive_after_seconds.is_some() || place.is_some()) && !A::Game::TRAVELS {
        return Err(ConfigError::untravelled(A::Game::NAME).into());
    }
    let (mut world, mut entropy, mut key) = ([0; 16], [0; 16], [0; 32]);
    for secret in [&mut world[..], &mut entropy[..], &mut key[..]] {
        getrandom::fill(secret).map_err(|error| StartError::Thread(std::io::Error::other(error.to_string())))?;
    }
    let stored = store.header().await.ok().flatten();
    let world = stored.as_ref().map_or(WorldId(world), |header| header.world);
    let world = place.map_or(world, |place| place.regions.world(world));
    let settings = OpenSettings {
        world,
        region: place.map(|place| place.id),
        key,
        tick_rate: config.tick_rate,
        root_lag_ticks: config.root_lag_ticks.unwrap_or(start_checks::ROOT_LAG_TICKS),
        loss: if config.accept_loss { DataLossPolicy::Accept } else { DataLossPolicy::Refuse },
        retention: retention(config, stored.as_ref().map_or(start_checks::TICK_RATE, |header| header.tick_rate)),
        build: build_id(),
        retries_halted: config.retry_halted,
        claimant: claimant(),
        entropy: Entropy::from_bytes(entropy),
    };
    let (begun, mut steps) = (Instant::now(), CatchingStepper(Arc::clone(executor)));
    let opened = tickworld_region::open(adapter, store, &settings, &**executor, &mut steps, &mut |_| {}).await;
    let opened = opened.map_err(OpenError::from)?;
    if let Some(place) = place {
        place.check(&opened.header)?;
    }
    warn(adapter, config, &opened);
    let (ticks, root) = (opened.report.replayed_ticks, opened.roots.root);
    let per_second = ticks as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    meters.replayed.set(ticks as f64);
    meters.replay_speed.set(if ticks == 0 { 0.0 } else { per_second });
    let (from, tick) = (opened.snapshot_tick.0, opened.position.tick.0);
    if opened.report.has_begun {
        tracing::info!(world = adapter.title(), tick, %root, "began a world");
    } else {
        tracing::info!(from, tick, %root, per_second = per_second as u64, "the world is where it left off");
    }
    Ok(opened)
}

/// This program: a mark of one build must not bind another one, though both call themselves the same version.
fn build_id() -> BuildId {
    static BUILD: std::sync::OnceLock<BuildId> = std::sync::OnceLock::new();
    *BUILD.get_or_init(|| {
        let program = std::env::current_exe().and_then(std::fs::read);
        program.map_or_else(|_| BuildId::of(env!("CARGO_PKG_VERSION").as_bytes()), |bytes| BuildId::of(&bytes))
    })
}

/// This process, as a claim names it.
fn claimant() -> Claimant {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let wall = wall.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let who = concat!("tickworld-server ", env!("CARGO_PKG_VERSION")).to_owned();
    Claimant { who, wall: WallTime(wall) }
}

/// What somebody should know of the world that was opened.
fn warn<A: GameAdapter>(adapter: &A, config: &Config, opened: &Opened<A::Game>) {
    let report = &opened.report;
    for skipped in &report.skipped {
        tracing::warn!(tick = skipped.tick.0, cause = %skipped.cause, "a snapshot cannot be used");
    }
    if let Some(damage) = &report.damage {
        tracing::warn!(%damage, "the journal's end is void from now on");
    }
    let rules = adapter.tick_rate(opened.simulation.world());
    let mut warnings = start_checks::warnings(config, &opened.header, rules);
    if config.durability == DurabilityLevel::Disk && !report.has_begun {
        let (first, last) = (opened.header.start.tick, opened.position.tick);
        warnings.extend(start_checks::store_warning(report.is_watermark_noted, first, last));
    }
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
}

/// What the configuration says of a region.
pub(super) fn region_settings<G: Game>(
    config: &Config,
    tick_rate: u16,
    world: &World<G>,
    has_neighbours: bool,
) -> RegionSettings {
    let per_address = config.sessions_per_address_max;
    let connections = Rate { per_second: per_address.div_ceil(2), burst: per_address.saturating_mul(2) };
    let defaults = HostSettings::default();
    // Whether any leave for it now or not: who left once is sought there, and not born again.
    let left_once = world.region().neighbour(RegionId::ARCHIVE).map(|_| u64::MAX);
    // Where players cross borders, the archive says where they are.
    let left_once = left_once.or(has_neighbours.then_some(u64::MAX));
    let archive_after = config.archive_after_seconds.map(|seconds| u64::from(seconds) * u64::from(tick_rate));
    let host = HostSettings {
        durability: match config.durability {
            DurabilityLevel::Memory => Durability::Memory,
            DurabilityLevel::Disk => Durability::Disk,
        },
        input_delay_ticks: config.input_delay_ticks,
        durable_lag_ticks_max: config.durable_lag_ticks_max,
        history_ticks: config.history_ticks,
        archive_after_ticks: archive_after.or(left_once),
        sessions_max: config.sessions_max,
        sessions_per_address_max: per_address,
        address_budget: AddressRates { connections, ..defaults.address_budget },
        ..defaults
    };
    RegionSettings {
        host,
        snapshot_ticks: config.snapshot_ticks,
        retention: retention(config, tick_rate),
        shows_released: true,
        ..RegionSettings::default()
    }
}

fn retention(config: &Config, tick_rate: u16) -> Retention {
    let ticks = u64::from(config.history_seconds) * u64::from(tick_rate);
    Retention { snapshots_min: config.snapshots_kept, ticks }
}
