//! `tickworld measure replay`: how fast a journal is replayed, and how soon a region is back after hours of play.
//!
//! Invariant: the hours are played as fast as they can be and journaled as a server does; then a server is started on what a
//! crash would have left, once without a snapshot and once with the last one that its schedule had stored. It compares every
//! root of the journal with its own, or does not start.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::json;
use tickworld_persist::{
    AnyStore, Claimant, Durability, Journal as _, JournalHeader, LogPosition, Page, Record, Snapshot, Snapshots as _,
    StoreConfig, TickRecord, WallTime, Why, WorldId,
    limits::{APPEND_RECORDS_MAX, PUT_BYTES_MAX, PUT_PAGES_MAX},
};
use tickworld_region::{Answer, Request};
use tickworld_rules::Rules;
use tickworld_server::{
    config::Config,
    server::{Ended, Running, Server},
    world::GameAdapter,
};
use tickworld_sim::{
    executor::Inline,
    frame::{InputFrame, Tick},
    game::Game as _,
    region::RegionId,
    rng::Entropy,
    simulation::Simulation,
    snapshot::Manifest,
    trace::Start,
    world::World,
};

use super::{battle::Battle, machine::load_average};
use crate::{
    Context,
    cli::MeasureReplay,
    failure::{Failure, Outcome, Verdict},
    hosting::{any_port, runtime},
    interrupt::{self, Scratch},
    progress::Progress,
};

const TICK_RATE: u16 = 30;

/// Measures and tells.
pub(super) fn run(context: &mut Context, arguments: &MeasureReplay) -> Outcome {
    let battle = Battle::of(arguments.creatures, arguments.creatures)?;
    let ticks = (arguments.hours * 3_600.0 * f64::from(TICK_RATE)) as u64;
    let folder = Scratch::new()?;
    let (bare, kept) = (folder.path().join("bare"), folder.path().join("kept"));
    let runtime = runtime("net")?;
    let every = Config::default().snapshot_ticks;
    // Just before the next snapshot: the longest way back.
    let ticks = (ticks / every).max(1) * every + every - 1;
    let begun = Instant::now();
    interrupt::take_over();
    let snapshot = runtime.block_on(play(context, &battle, &bare, ticks, every))?;
    let Some(snapshot) = snapshot else { return Ok(stopped(context)) };
    let played = begun.elapsed();
    copy(&bare, &kept)?;
    runtime.block_on(keep(&kept, &snapshot))?;
    let journal_bytes =
        StoreConfig::embedded(&bare).file().and_then(|file| fs::metadata(file).ok()).map_or(0, |it| it.len());
    context.out.line(format!(
        "journal    {ticks} ticks ({:.2} hours) of {} creatures in battle, {} MiB; played at {:.0} ticks a second",
        ticks as f64 / f64::from(TICK_RATE) / 3_600.0,
        battle.creatures,
        journal_bytes >> 20,
        ticks as f64 / played.as_secs_f64(),
    ));
    context.out.flush();
    if interrupt::is_asked() {
        return Ok(stopped(context));
    }
    let (whole, whole_first) = runtime.block_on(start(&battle, &bare, ticks))?;
    if interrupt::is_asked() {
        return Ok(stopped(context));
    }
    let (short, short_first) = runtime.block_on(start(&battle, &kept, ticks))?;
    if interrupt::is_asked() {
        return Ok(stopped(context));
    }
    let speed = ticks as f64 / whole.as_secs_f64();
    context.out.line(format!(
        "replay     {speed:.0} ticks a second with every root compared, {:.0} x real time; {:.1} s from start to its next tick",
        speed / f64::from(TICK_RATE),
        whole_first.as_secs_f64(),
    ));
    context.out.line(format!(
        "restart    from the last snapshot, {} ticks before the end: {:.2} s until players may come, {:.2} s until its next tick",
        every - 1,
        short.as_secs_f64(),
        short_first.as_secs_f64(),
    ));
    if let Some(load) = load_average() {
        context.out.line(format!("machine    load average {load:.1}"));
    }
    context.out.value(&json!({
        "good": true, "ticks": ticks, "creatures": battle.creatures, "journal_bytes": journal_bytes,
        "replay_ticks_per_second": speed, "replay_times_real_time": speed / f64::from(TICK_RATE),
        "restart_seconds": short.as_secs_f64(), "restart_first_tick_seconds": short_first.as_secs_f64(),
        "load_average": load_average(),
    }));
    Ok(Verdict::Same)
}

/// Told to end before there was anything to measure.
fn stopped(context: &mut Context) -> Verdict {
    context.out.value(&json!({ "good": true, "interrupted": true }));
    Verdict::Interrupted
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// A world and its record's position in the journal.
struct Kept {
    world: World<Rules>,
    position: LogPosition,
}

/// Plays and journals; gives the world of the last snapshot's tick.
async fn play(context: &Context, battle: &Battle, folder: &Path, ticks: u64, every: u64) -> Outcome<Option<Kept>> {
    let store = AnyStore::open(&StoreConfig::embedded(folder)).await.map_err(|error| failed(&error))?;
    let mut simulation: Simulation<Rules> = battle.begin()?;
    let roots = simulation.seal(&Inline);
    let content = simulation.world().content();
    if let Some(pack) = GameAdapter::pack(battle)? {
        store.put_pack(content, pack.into()).await.map_err(|error| failed(&error))?;
    }
    let header = JournalHeader {
        world: WorldId([9; 16]),
        region: Some(RegionId::FIRST),
        revision: Rules::REVISION,
        tick_rate: TICK_RATE,
        root_lag_ticks: 1,
        start: Start { tick: Tick(0), root: roots.root, content },
        schema: (**simulation.schema()).clone(),
    };
    store.create(&header).await.map_err(|error| failed(&error))?;
    let log = store.log_state().await.map_err(|error| failed(&error))?;
    let claim =
        log.claim_after(log.last, Why::TakeOver, false, &Claimant::default()).map_err(|error| failed(&error))?;
    let claim = store.claim(&claim).await.map_err(|error| failed(&error))?;
    let (mut last, mut root) = (claim.last, roots.root);
    let mut kept = None;
    let mut group = Vec::with_capacity(APPEND_RECORDS_MAX);
    let mut progress = Progress::new(context.quiet, "playing", ticks);
    for tick in (1..=ticks).map(Tick) {
        if interrupt::is_asked() {
            store.close().await;
            return Ok(None);
        }
        let mut entropy = [5; 16];
        entropy[..8].copy_from_slice(&tick.0.to_le_bytes());
        let frame = InputFrame::empty(tick, Entropy::from_bytes(entropy));
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let (slot, epoch, previous_hash) = (last.slot.next(), claim.epoch, last.record_hash);
        let (wall, frame_bytes) = (WallTime(0), bytes.into());
        let record = TickRecord { slot, epoch, previous_hash, wall, count: 1, root: Some(root), frame: frame_bytes };
        let record = Record::new(record).map_err(|error| failed(&error))?;
        last = record.position();
        group.push(record);
        let roots = simulation.step(&frame, &Inline).map_err(|error| failed(&error))?;
        root = roots.root;
        if tick.0.is_multiple_of(every) {
            kept = Some(Kept { world: simulation.snapshot(), position: last });
        }
        if group.len() == APPEND_RECORDS_MAX || tick.0 == ticks {
            while !group.is_empty() {
                let appended = store.append(&group, Durability::Disk).await.map_err(|error| failed(&error))?;
                group = appended.rest(&group).to_vec();
            }
            progress.set(tick.0);
        }
    }
    store.close().await;
    kept.map(Some).ok_or_else(|| Failure::new("too short for a snapshot"))
}

/// As a crash leaves the folder: nothing is sealed, no snapshot was made at the end.
fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to).map_err(|error| failed(&error))?;
    for name in StoreConfig::FILE_NAMES {
        fs::copy(from.join(name), to.join(name)).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Stores a snapshot as a server does.
async fn keep(folder: &Path, Kept { world, position }: &Kept) -> Outcome<()> {
    let store = AnyStore::open(&StoreConfig::embedded(folder)).await.map_err(|error| failed(&error))?;
    let manifest = Manifest::of(world, tickworld_sim::world::schema::<Rules>().id());
    let columns = world.column_list();
    let mut pages = Vec::new();
    for ((_, column), entries) in columns.iter().zip(&manifest.columns) {
        for entry in entries {
            let mut bytes = Vec::new();
            if column.page_bytes(entry.page, &mut bytes) {
                pages.push(Page { hash: entry.hash, bytes: Bytes::from(bytes) });
            }
        }
    }
    // A page is 16 KiB at most, so these are within both limits of a call.
    for some in pages.chunks(PUT_PAGES_MAX.min(PUT_BYTES_MAX / (17 * 1024))) {
        store.put_pages(some).await.map_err(|error| failed(&error))?;
    }
    store
        .put_manifest(&Snapshot { slot: position.slot, record_hash: position.record_hash, manifest })
        .await
        .map_err(|error| failed(&error))?;
    store.close().await;
    Ok(())
}

/// Starts a server on a folder, and stops it again: how long until players may come, and until its first tick.
async fn start(battle: &Battle, folder: &Path, ticks: u64) -> Outcome<(Duration, Duration)> {
    let config = Config {
        data: folder.to_path_buf(),
        listen: any_port(),
        http: any_port(),
        snapshot_ticks: 0,
        ..Config::default()
    };
    let begun = Instant::now();
    let running = Server::new(config, battle.clone()).start().await.map_err(|error| failed(&error))?;
    let ready = begun.elapsed();
    while newest(&running).await? <= ticks && !interrupt::is_asked() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let first = begun.elapsed();
    match running.stop().await {
        Ended::Asked => Ok((ready, first)),
        ended => Err(Failure::new(format!("the server did not end in good order: {ended:?}"))),
    }
}

async fn newest(running: &Running<Rules>) -> Outcome<u64> {
    match running.world().ask(Request::Status).await.map_err(|error| failed(&error))? {
        Answer::Status(status) => Ok(status.tick.0),
        other => unreachable!("a region answers what it was asked, not {other:?}"),
    }
}
