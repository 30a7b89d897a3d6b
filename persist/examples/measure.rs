//! Measures the embedded store on a folder's disk: appends, a snapshot, and opening after the process was killed.
//!
//! `cargo run --release -p tickworld-persist --example measure -- FOLDER`

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tickworld_persist::{
    Claim, Claimant, Durability, Epoch, JournalHeader, LogPosition, Page, Record, TickRecord, WallTime, Why, WorldId,
    embedded::{Core, Files, Settings},
    limits,
};
use tickworld_sim::{
    content::ContentId,
    frame::Tick,
    hash::Hash,
    region::RegionId,
    schema::{ColumnType, RowKind, Schema, Type},
    trace::Start,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = env::args().nth(1).ok_or("which folder?")?;
    let settings = Settings::default();
    for (name, frame_bytes, count, durability) in [
        ("small, on disk", 300, 1000, Durability::Disk),
        ("5,120 inputs, on disk", 5_120 * 35, 400, Durability::Disk),
        ("5,120 inputs, in memory", 5_120 * 35, 400, Durability::Memory),
    ] {
        let folder = Path::new(&root).join("measure");
        let mut core = begin(&folder, settings)?;
        appends(&mut core, name, frame_bytes, count, durability)?;
        fs::remove_dir_all(&folder)?;
    }
    let folder = Path::new(&root).join("measure");
    let mut core = begin(&folder, settings)?;
    snapshot(&mut core)?;
    fs::remove_dir_all(&folder)?;
    killed(&root, settings, 300, 108_000)?;
    killed(&root, settings, 5_120 * 35, 10_000)
}

type Result2<T> = Result<T, Box<dyn std::error::Error>>;

fn begin(folder: &Path, settings: Settings) -> Result2<Core<Files>> {
    let mut core = Core::open(Files::new(folder), settings)?;
    let column = ColumnType { name: "n".into(), rows: RowKind::Entity, page_rows: 1024, ty: Type::U64 };
    let schema = Schema { game: "measure".into(), columns: vec![column], input: Type::Unit, event: Type::Unit };
    let start = Start { tick: Tick(0), root: Hash::ZERO, content: ContentId::NONE };
    core.create(&JournalHeader {
        world: WorldId([1; 16]),
        region: Some(RegionId::FIRST),
        revision: 1,
        tick_rate: 30,
        root_lag_ticks: 1,
        start,
        schema,
    })?;
    Ok(core)
}

fn claimed(core: &mut Core<Files>) -> Result2<Claim> {
    let log = core.log_state()?;
    Ok(core.claim(&log.claim_after(log.last, Why::TakeOver, false, &Claimant::default())?)?)
}

/// Successive records of so many bytes.
fn next(position: &mut LogPosition, epoch: Epoch, frame_bytes: usize) -> Result2<Record> {
    let tick = position.tick.next();
    let mut frame = tick.0.to_le_bytes().to_vec();
    let mut state = tick.0 | 1;
    while frame.len() < frame_bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        frame.extend_from_slice(&state.to_le_bytes());
    }
    let record = Record::new(TickRecord {
        slot: position.slot.next(),
        epoch,
        previous_hash: position.record_hash,
        wall: WallTime(0),
        count: 1,
        root: None,
        frame: frame.into(),
    })?;
    *position = record.position();
    Ok(record)
}

fn appends(
    core: &mut Core<Files>,
    name: &str,
    frame_bytes: usize,
    count: usize,
    durability: Durability,
) -> Result2<()> {
    let claim = claimed(core)?;
    let mut position = claim.last;
    let mut times = Vec::new();
    for _ in 0..count {
        let record = next(&mut position, claim.epoch, frame_bytes)?;
        let begun = Instant::now();
        core.append(std::slice::from_ref(&record), durability)?;
        times.push(begun.elapsed());
    }
    tell(name, &mut times);
    Ok(())
}

fn tell(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let total: Duration = times.iter().sum();
    let rate = times.len() as f64 / total.as_secs_f64();
    println!("append, {name}: {rate:.0}/s, p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(50), at(99), at(100));
}

fn snapshot(core: &mut Core<Files>) -> Result2<()> {
    let mut state = 7_u64;
    let mut page = || {
        let body: Vec<u8> = (0..2048)
            .flat_map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_le_bytes()
            })
            .collect();
        Page::new(Bytes::from(body))
    };
    let pages: Vec<Page> = (0..13 * 64).map(|_| page()).collect();
    let begun = Instant::now();
    let mut times = Vec::new();
    for batch in pages.chunks(limits::PUT_BYTES_MAX / 16_384) {
        let begun = Instant::now();
        core.put_pages(batch)?;
        times.push(begun.elapsed());
    }
    let longest = times.iter().max().copied().unwrap_or_default();
    println!("snapshot of 13 MB: {:.1?}, the longest call {longest:.1?}", begun.elapsed());
    let hashes: Vec<Hash> = pages.iter().map(|page| page.hash).collect();
    let begun = Instant::now();
    assert!(core.missing(&hashes)?.is_empty());
    println!("  asked again: {:.1?}", begun.elapsed());
    Ok(())
}

/// Opens a copy of a database that is in use, as a killed process leaves it.
fn killed(root: &str, settings: Settings, frame_bytes: usize, count: usize) -> Result2<()> {
    let folder = Path::new(root).join("measure");
    let mut core = begin(&folder, settings)?;
    let claim = claimed(&mut core)?;
    let mut position = claim.last;
    let mut left = count;
    let some = (16 << 20) / (frame_bytes + 200);
    while left > 0 {
        let records: Vec<Record> = (0..left.min(some).min(limits::APPEND_RECORDS_MAX))
            .map(|_| next(&mut position, claim.epoch, frame_bytes))
            .collect::<Result<_, _>>()?;
        left -= records.len();
        core.append(&records, Durability::Disk)?;
    }
    let mut times = Vec::new();
    for _ in 0..100 {
        let record = next(&mut position, claim.epoch, frame_bytes)?;
        let begun = Instant::now();
        core.append(std::slice::from_ref(&record), Durability::Disk)?;
        times.push(begun.elapsed());
    }
    tell(&format!("after {count} of {frame_bytes} bytes, on disk"), &mut times);
    let copy = Path::new(root).join("measure-copy");
    fs::create_dir_all(&copy)?;
    fs::copy(folder.join(Files::DATABASE), copy.join(Files::DATABASE))?;
    let bytes = fs::metadata(copy.join(Files::DATABASE))?.len();
    let begun = Instant::now();
    let mut core = Core::open(Files::new(&copy), settings)?;
    println!(
        "opening after a kill, {count} records of {frame_bytes} bytes, file of {} MB: {:.1?}, at tick {}",
        bytes >> 20,
        begun.elapsed(),
        core.log_state()?.last.tick
    );
    drop(core);
    fs::remove_dir_all(&copy)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}
