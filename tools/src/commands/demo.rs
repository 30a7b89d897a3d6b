//! `tickworld demo`: what traces are good for, on one screen.
//!
//! Invariant: one screen (40 lines of 100 columns), a few seconds, no network, no terminal needed. The diff at its end is the
//! ordinary one and gets two files; what was planted is known to this file alone.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tickworld_rules::{Event, Rules};
use tickworld_sim::{
    entity::Entity,
    hash::Hash,
    trace::{TraceSize, Verifier},
    world::World,
};

use super::{run::per_second, trace::compare};
use crate::{
    Context,
    diff_report::{self, FirstDifferenceReport},
    drive::{Drive, Recording},
    failure::{Failure, Outcome, Verdict},
    files::{self, Kind, Target, open_trace},
    interrupt,
    output::{Ink, counted},
    packs::{self, Names},
    run_summary::{self, RunStats},
    scenario::Scenario,
};

/// Where the fault goes: the last blow dealt before this part of the run.
const FAULT_AT_PERCENT: u64 = 70;
/// The system whose result is tampered with.
const FAULTY: &str = "combat::damage";

/// The battle, as the healthy side fought it.
struct Battle {
    happened: RunStats,
    roots: Vec<Hash>,
    size: TraceSize,
    elapsed: Duration,
    begun_with: u64,
    sides: String,
    /// The tick and victim of the blow that the fault falsifies.
    blow: (u64, Entity),
}

/// Shows what there is.
pub(crate) fn run(context: &mut Context) -> Outcome {
    let begun = Instant::now();
    let scenario = Scenario::load("siege".as_ref())?;
    let names = Names::of([&scenario.pack]);
    let compiled = begun.elapsed();
    let folder = folder()?;
    let (left, right) = (folder.join("left.trace"), folder.join("right.trace"));
    let title = context.out.paint(Ink::Bold, "the same inputs make the same world, byte for byte");
    context.out.line(format!("tickworld {}: {title}\n", env!("CARGO_PKG_VERSION")));
    let pack = &scenario.pack.pack;
    let (creatures, spells, items) = (pack.creatures.len(), pack.spells.len(), pack.items.len());
    step(
        context,
        "content",
        &format!(
            "{creatures} creatures, {spells} spells and {items} items from YAML to a pack in {} ms",
            compiled.as_millis()
        ),
    );
    let battle = fight(context, &scenario, &names, &left)?;
    say_battle(context, &scenario, &battle);
    let (left_file, right_file) = (left.display().to_string(), right.display().to_string());
    step(
        context,
        "trace",
        &format!(
            "{left_file}: {} KiB, {} bytes a tick",
            battle.size.bytes / 1024,
            battle.size.bytes / battle.size.ticks
        ),
    );

    let begun = Instant::now();
    let mut trace = open_trace(&left)?;
    let packs = packs::packs_of(&mut trace, &left_file)?;
    let library = packs::library(&packs);
    let verified = Verifier::<Rules>::run(&mut trace, &library, &context.pool, &mut |_, _| ());
    let verified = verified.map_err(|error| Failure::new(error.to_string()))?;
    let same = verified.divergence.is_none();
    let speed = per_second(verified.audit.ticks, begun.elapsed());
    let outcome = if same { "every root is the recorded one" } else { "a root is another one" };
    step(context, "verify", &format!("simulated again from the file: {outcome} ({speed} ticks/s)"));

    falsify(context, &scenario, &battle, &right)?;
    let (tick, victim) = battle.blow;
    step(context, "fault", &format!("in a second run, {FAULTY} of tick {tick} took a little too much from {victim};"));
    more(context, "that run saw its root differ from the first one's, and kept the evidence");

    let begun = Instant::now();
    let mut other = open_trace(&right)?;
    let report = compare(&mut trace, &mut other, &library, &names, &context.pool, 5)
        .map_err(|error| Failure::new(error.to_string()))?;
    step(context, "diff", &format!("of the two files, knowing nothing else, in {} ms:\n", begun.elapsed().as_millis()));
    let Some(found) = &report.first else {
        return Err(Failure::new("the planted fault was not found: this is a bug"));
    };
    diff_report::say_first_difference(&mut context.out, found);
    next(context, &left_file, &right_file, found);
    let planted = json!({ "tick": tick, "system": FAULTY, "entity": victim.to_string(), "field": "health.current" });
    context.out.value(&summary(&scenario, &battle, same, planted, found));
    let named = found.tick == tick && found.system.as_deref() == Some(FAULTY);
    Ok(Verdict::of(same && named))
}

fn summary(scenario: &Scenario, battle: &Battle, same: bool, planted: Value, found: &FirstDifferenceReport) -> Value {
    json!({
        "scenario": scenario.title,
        "content": packs::short(scenario.pack.id),
        "ticks": battle.size.ticks,
        "ticks_per_second": per_second(battle.size.ticks, battle.elapsed),
        "happened": battle.happened,
        "trace_bytes": battle.size.bytes,
        "verified": same,
        "planted": planted,
        "found": found,
    })
}

/// Under cargo's `target/` where there is one, else a folder of its own where temporary files go.
///
/// It stays, for the commands that the demonstration ends with. A fixed name among everybody's temporary files would belong
/// to whoever comes first.
fn folder() -> Outcome<PathBuf> {
    let target = PathBuf::from("target");
    if target.join("CACHEDIR.TAG").is_file() {
        let folder = target.join("tickworld-demo");
        return files::make_folder(&folder).map(|()| folder);
    }
    interrupt::private("tickworld-demo-").map(|folder| folder.keep())
}

fn step(context: &mut Context, name: &str, text: &str) {
    let name = context.out.paint(Ink::Cyan, format!("{name:8}"));
    context.out.line(format!("{name} {text}"));
}

fn more(context: &mut Context, text: &str) {
    context.out.line(format!("         {text}"));
}

fn fight(context: &Context, scenario: &Scenario, names: &Names, file: &std::path::Path) -> Outcome<Battle> {
    let mut drive = Drive::begin(scenario)?;
    let alive = |drive: &Drive| run_summary::sides(drive.simulation.state(), &scenario.factions);
    let begun_with = alive(&drive).iter().map(|side| side.alive).sum();
    let target = Target::new(file, Kind::Trace);
    let mut recording = Recording::begin(target, scenario, &drive.simulation, scenario.about())?;
    let (mut happened, mut roots, mut blow) = (RunStats::default(), Vec::new(), None);
    let begun = Instant::now();
    for tick in 1..=scenario.ticks {
        let ticked = drive.tick(&context.pool, false);
        happened.watch(&drive.simulation, ticked.frame.inputs.len(), names);
        roots.push(ticked.roots.root);
        if tick * 100 <= scenario.ticks * FAULT_AT_PERCENT {
            blow = struck(&drive).map(|victim| (tick, victim)).or(blow);
        }
        recording.add(ticked, &drive.simulation)?;
    }
    let (size, _) = recording.finish(false)?;
    let elapsed = begun.elapsed();
    let blow = blow.ok_or_else(|| Failure::new("nobody was struck: the shipped battle is broken"))?;
    let sides: Vec<String> = alive(&drive).iter().map(|side| format!("{} {}", side.alive, side.faction)).collect();
    Ok(Battle { happened, roots, size, elapsed, begun_with, sides: sides.join(", "), blow })
}

/// Somebody who was struck in this tick and lives.
fn struck(drive: &Drive) -> Option<Entity> {
    let mut victims = drive.simulation.world().events().iter().filter_map(|event| match event {
        Event::Hurt { target, .. } => Some(*target),
        _ => None,
    });
    let realm = drive.simulation.state();
    victims.find(|victim| {
        let row = realm.entities.row(*victim);
        row.and_then(|row| realm.health.get(row)).is_some_and(|health| health.current > 2)
    })
}

/// Runs the battle again with one wrong number, told the true root of each tick, up to the first that differs.
fn falsify(context: &Context, scenario: &Scenario, battle: &Battle, file: &std::path::Path) -> Outcome<()> {
    let mut drive = Drive::begin(scenario)?;
    let target = Target::new(file, Kind::Trace);
    let mut recording = Recording::begin(target, scenario, &drive.simulation, scenario.about())?;
    let (fault_tick, victim) = battle.blow;
    let mut plant = |stage: &'static str, world: &mut World<Rules>| {
        let realm = world.state_mut();
        if stage == FAULTY
            && let Some(row) = realm.entities.row(victim)
        {
            realm.health.modify(row, |health| health.current -= 2);
        }
    };
    for (tick, root) in (1..).zip(&battle.roots) {
        let ticked = match tick == fault_tick {
            true => drive.tick_observed(&context.pool, Some(&mut plant)),
            false => drive.tick(&context.pool, false),
        };
        recording.expect(*root)?;
        if recording.add(ticked, &drive.simulation)?.is_some() {
            break;
        }
    }
    recording.finish(false).map(|_| ())
}

fn say_battle(context: &mut Context, scenario: &Scenario, battle: &Battle) {
    let Battle { happened, size, elapsed, begun_with, sides, .. } = battle;
    let ticks = size.ticks;
    let speed = per_second(ticks, *elapsed);
    let seconds = ticks / u64::from(scenario.set_up.settings.ticks_per_second.max(1));
    let (arrivals, players) = (happened.arrivals, scenario.players.len());
    step(
        context,
        "battle",
        &format!(
            "{}: {}, {arrivals} who came later, {};",
            scenario.title,
            counted(begun_with, "creature"),
            counted(players, "player")
        ),
    );
    more(
        context,
        &format!(
            "{ticks} ticks ({}:{:02} min) at {speed} ticks/s, the whole world hashed at every one",
            seconds / 60,
            seconds % 60
        ),
    );
    let RunStats { actions, hits, criticals, damage, deaths, .. } = happened;
    more(
        context,
        &format!(
            "{}, {} ({criticals} critical), {} lost, {}",
            counted(actions, "action"),
            counted(hits, "hit"),
            counted(damage, "hit point"),
            counted(deaths, "death")
        ),
    );
    if let (Some(blow), Some((name, entity, kills))) = (&happened.hardest, happened.deadliest()) {
        more(
            context,
            &format!(
                "hardest blow: {} for {} on {}; deadliest: {name} {entity} with {kills}",
                blow.by, blow.amount, blow.to
            ),
        );
    }
    more(context, &format!("still standing: {sides}"));
}

fn next(context: &mut Context, left: &str, right: &str, found: &FirstDifferenceReport) {
    let entity = found.fields.iter().find_map(|field| field.entity.clone()).unwrap_or_default();
    let title = context.out.paint(Ink::Bold, "Next:");
    let out = &mut context.out;
    out.line(format!("\n{title}"));
    out.line(format!("  tickworld trace diff {left} {right}"));
    out.line(format!("  tickworld trace state {left} --tick {} --entity {entity}", found.tick));
    out.line("  tickworld drill --count 1000                   plant a thousand faults: is each one found?");
    out.line("  tickworld run skirmish                         or a scenario of yours: tickworld run --help");
    out.line("  tickworld content export -o my-content         creatures, spells and items as YAML, to change");
}
