//! `tickworld journal info`: what a store says of itself, and what it holds.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;
use tickworld_persist::Record;
use tickworld_sim::{diff::read_frame, hash::Hash};

use crate::{
    Context,
    failure::{Outcome, Verdict},
    games::is_known,
    interrupt,
    output::{Ink, counted},
    packs,
    progress::Progress,
    store::OpenStore,
};

/// What a claim wrote.
#[derive(Serialize)]
struct Claim {
    epoch: u64,
    first_tick: u64,
    last_tick: u64,
}

/// What the records come to.
#[derive(Default, Serialize)]
struct Counted {
    records: u64,
    /// The ticks that they make: one each, or a run of empty ones.
    ticks: u64,
    /// Claims that are kept.
    claims: u64,
    record_bytes: u64,
    inputs: u64,
    proofs: u64,
    /// Ticks whose records cannot be used.
    damaged: u64,
    epochs: Vec<Claim>,
}

/// A stored world.
#[derive(Serialize)]
struct World {
    tick: u64,
    root: Option<String>,
    content: Option<String>,
    pages: u64,
    bytes: u64,
    /// Those of pages that no older one has.
    new_bytes: u64,
    /// What is wrong with it.
    damage: Option<String>,
}

/// A content pack.
#[derive(Serialize)]
struct Pack {
    id: String,
    bytes: u64,
    damage: Option<String>,
}

pub(super) fn run(context: &mut Context, store: &OpenStore) -> Outcome {
    interrupt::take_over();
    let found = count(context, store);
    let worlds = worlds(store)?;
    let packs = stored_packs(store)?;
    let interrupted = interrupt::is_asked();
    let (header, log) = (&store.header, &store.log);
    context.out.value(&json!({
        "folder": store.shown(),
        "interrupted": interrupted,
        "world": header.world.to_string(),
        "game": header.game(),
        "known_game": is_known(header.game()),
        "revision": header.revision,
        "schema": header.schema_id().0.to_string(),
        "ticks_per_second": header.tick_rate,
        "root_lag_ticks": header.root_lag_ticks,
        "start": {
            "tick": header.start.tick.0,
            "root": header.start.root.to_string(),
            "content": header.start.content.to_string(),
        },
        "first_tick": store.base().next().0,
        "last_tick": store.last().0,
        "durable_tick": store.acknowledged().0,
        "format": if header.is_old() { 1 } else { 2 },
        "region": header.region.map(|region| region.0),
        "epoch": log.epoch.0,
        "incarnation": log.incarnation,
        "next_slot": log.next.0,
        "ended_in_order": log.sealed,
        "torn_to": store.tail.torn_tail.map(|slot| slot.0),
        "journal": found,
        "snapshots": worlds,
        "packs": packs,
        "file_bytes": store.file_bytes(),
    }));
    say(context, store, &found, &worlds, &packs);
    Ok(Verdict::Same.interrupted(interrupted))
}

fn count(context: &Context, store: &OpenStore) -> Counted {
    let mut counted = Counted::default();
    let (base, last) = (store.base(), store.last());
    let mut progress = Progress::new(context.quiet, "records", last.0.saturating_sub(base.0));
    for (done, record) in (1..).zip(store.records(base.next(), last)) {
        if interrupt::is_asked() {
            break;
        }
        match record {
            Ok(record) => counted.add(&record, store),
            Err(_) => counted.damaged += 1,
        }
        progress.set(done);
    }
    counted
}

impl Counted {
    fn add(&mut self, record: &Record, store: &OpenStore) {
        let (tick, epoch) = (record.tick().0, record.epoch().0);
        self.record_bytes += record.encoded_bytes() as u64;
        let Some(frame) = record.frame() else {
            self.claims += 1;
            return;
        };
        self.records += 1;
        self.ticks += u64::from(record.count());
        self.proofs += u64::from(record.proof(&store.header).is_some());
        // One that cannot be read is `journal verify`'s to name.
        let frame = read_frame(frame, record.frame_format(), &store.header.schema.input);
        self.inputs += frame.map_or(0, |frame| frame.inputs.len() as u64);
        match self.epochs.last_mut() {
            Some(claim) if claim.epoch == epoch => claim.last_tick = tick,
            _ => {
                let first_tick = record.tick_before().next().0;
                self.epochs.push(Claim { epoch, first_tick, last_tick: tick });
            }
        }
    }
}

fn worlds(store: &OpenStore) -> Outcome<Vec<World>> {
    let mut known = BTreeSet::<Hash>::new();
    let mut worlds = Vec::new();
    for tick in store.snapshots()? {
        if interrupt::is_asked() {
            break;
        }
        let mut world =
            World { tick: tick.0, root: None, content: None, pages: 0, bytes: 0, new_bytes: 0, damage: None };
        match store.snapshot(tick)? {
            Err(cause) => world.damage = Some(cause.to_string()),
            Ok(snapshot) => {
                world.root = Some(snapshot.manifest.roots(&store.header.schema).root.to_string());
                world.content = Some(snapshot.manifest.head.content.to_string());
                let entries = snapshot.manifest.columns.iter().flatten();
                for entry in entries.take_while(|_| !interrupt::is_asked()) {
                    world.pages += 1;
                    match store.page(entry.hash)? {
                        Ok(bytes) => {
                            world.bytes += bytes.len() as u64;
                            world.new_bytes += if known.insert(entry.hash) { bytes.len() as u64 } else { 0 };
                        }
                        Err(cause) => world.damage = Some(cause.to_string()),
                    }
                }
            }
        }
        worlds.push(world);
    }
    Ok(worlds)
}

fn stored_packs(store: &OpenStore) -> Outcome<Vec<Pack>> {
    let mut packs = Vec::new();
    for id in store.packs()? {
        if interrupt::is_asked() {
            break;
        }
        let (bytes, damage) = match store.pack(id)? {
            Ok(bytes) => (bytes.len() as u64, None),
            Err(cause) => (0, Some(cause.to_string())),
        };
        packs.push(Pack { id: packs::short(id), bytes, damage });
    }
    Ok(packs)
}

fn say(context: &mut Context, store: &OpenStore, found: &Counted, worlds: &[World], packs: &[Pack]) {
    let (header, log, out) = (&store.header, &store.log, &mut context.out);
    let title = out.paint(Ink::Bold, format!("world {}", header.world));
    out.line(format!("{}: {title}", store.shown()));
    out.line(format!("  of         {}, rules revision {}", header.game(), header.revision));
    if header.is_old() {
        out.line("  format     1: it is read, and no server of this build continues it");
    }
    let (first, last) = (store.base().next(), store.last());
    if found.records + found.damaged == 0 {
        out.line(format!("  ticks      none after the world of tick {}", store.base()));
    } else {
        let seconds = (last.0 + 1 - first.0) / u64::from(header.tick_rate);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        let rate = header.tick_rate;
        out.line(format!("  ticks      {first} to {last}: {minutes}:{seconds:02} min of the world at {rate} a second"));
    }
    let missing = if store.acknowledged() > last { out.paint(Ink::Red, "; the rest is lost") } else { String::new() };
    out.line(format!("  durable    reported up to tick {}{missing}", store.acknowledged()));
    let claims = found.epochs.iter().map(|it| format!("{} wrote {} to {}", it.epoch, it.first_tick, it.last_tick));
    let claims: Vec<String> = claims.collect();
    let ended = if log.sealed { "ended in good order" } else { "not ended in good order: its server was killed" };
    let claims = if claims.is_empty() { String::new() } else { format!("{}; ", claims.join(", ")) };
    out.line(format!("  epochs     {claims}{} is in force, {ended}", log.epoch));
    out.line(format!(
        "  records    {} of {}, {}, {} a tick; {}, {}",
        found.records,
        counted(found.ticks, "tick"),
        size(found.record_bytes),
        counted(found.record_bytes / found.ticks.max(1), "byte"),
        counted(found.inputs, "input"),
        counted(found.proofs, "root"),
    ));
    if found.damaged > 0 || store.tail.torn_tail.is_some() {
        let red = out.paint(Ink::Red, "damaged");
        let torn = store.tail.torn_tail.map_or(0, |slot| slot.0.saturating_sub(log.last.slot.0));
        out.line(format!(
            "  {red}    {}: `tickworld journal verify` names them",
            counted(found.damaged + torn, "tick")
        ));
    }
    for World { tick, pages, bytes, new_bytes, damage, .. } in worlds {
        let what = format!("tick {tick}: {}, {}, {} of it new", counted(pages, "page"), size(*bytes), size(*new_bytes));
        let damage = damage.as_ref().map(|damage| out.paint(Ink::Red, format!("; {damage}")));
        out.line(format!("  snapshot   {what}{}", damage.unwrap_or_default()));
    }
    for Pack { id, bytes, damage } in packs {
        let damage = damage.as_ref().map(|damage| out.paint(Ink::Red, format!("; {damage}")));
        out.line(format!("  content    {id}: {}{}", size(*bytes), damage.unwrap_or_default()));
    }
    out.line(format!("  file       {}", size(store.file_bytes())));
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => counted(bytes, "byte"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1024 / 1024),
    }
}
