//! Records a run, reads it back, verifies it, and finds by two recordings what a change of the rules changed: the tick, the
//! entity, the field and the system.
//!
//! Run it with `cargo run --release -p tickworld-sim --example recording`. `tickworld trace` does the same with files.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use tickworld_sim::{
    diff::{self, Rerun},
    prelude::*,
    trace::{About, Recorder, Trace, Verifier},
};

#[derive(Component, Clone, Copy)]
struct Knock;

#[derive(Component, Clone, Copy)]
struct Purse {
    coins: u32,
    knocks: u32,
}

#[derive(State, Clone)]
struct Street {
    entities: Entities,
    purse: Column<Purse>,
}

/// A game, and the same game as it will be with `GENEROUS`: a change of a system without another revision, as a bug is.
struct Alms<const GENEROUS: bool>;

fn beg<const GENEROUS: bool>(street: &mut Street, step: &mut Step<'_, Alms<GENEROUS>>) {
    let mut luck = step.stream("luck");
    for input in step.inputs() {
        let Some((entity, row)) = input.entity.and_then(|it| Some((it, street.entities.row(it)?))) else { continue };
        street.purse.modify(row, |purse| {
            purse.knocks += 1;
            purse.coins += luck.open(entity).die(6) / 3;
            if GENEROUS && purse.knocks == 40 {
                purse.coins += 1;
            }
        });
    }
}

impl<const GENEROUS: bool> Game for Alms<GENEROUS> {
    type State = Street;
    type Input = Knock;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "alms";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "beg", run: beg }];

    fn join(street: &mut Street, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        street.spawn_with(Band(0), |street, _, row| street.purse.set(row, Purse { coins: 0, knocks: 0 })).ok()
    }
}

/// Plays and records 60 ticks, here into memory. For a file, say in a type of your own how it takes bytes
/// (`Sink`) and gives them (`Source`), a few lines each: the crate itself knows no files.
fn record<const GENEROUS: bool>() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut game = Simulation::<Alms<GENEROUS>>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
    // A keyframe is a whole world: rare ones make a small file, frequent ones a quick seek. Evidence is the pages of the last
    // ticks, kept for the case that somebody has another root.
    let about = About { title: "alms".into(), keyframe_ticks: 20, evidence_ticks: 4, ..About::default() };
    let mut recorder = Recorder::begin(Vec::new(), &game, about, &[])?;
    for tick in 1..=60 {
        let input = |player, sequence, act| Input { player: PlayerId(player), sequence: Sequence(sequence), act };
        let inputs = match tick {
            1 => vec![input(1, 0, Act::ENTER), input(2, 0, Act::ENTER)],
            _ => vec![input(1, tick, Act::Play(Knock)), input(2, tick, Act::Play(Knock))],
        };
        let frame = InputFrame::new(Tick(tick.into()), Entropy::from_bytes([tick as u8; 16]), inputs);
        let roots = game.step(&frame, &Inline)?;
        recorder.record(&frame, &roots, game.world())?;
    }
    let (bytes, size) = recorder.seal()?;
    println!("recorded {} ticks in {} bytes: {} worlds in {} pages", size.ticks, size.bytes, size.states, size.pages);
    Ok(bytes)
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let library = Library::of(ContentId::NONE, ());
    let mut trace = Trace::open(record::<false>()?)?;

    // Read: any tick's world, made again from the keyframe before it.
    let sought = trace.seek::<Alms<false>>(Tick(33), &library, &Inline)?;
    for (row, purse) in &sought.state().purse {
        let who = sought.state().entities.entity(row).ok_or("rows belong to the living")?;
        println!("tick 33: {who} has {} coins after {} knocks", purse.coins, purse.knocks);
    }

    // Verify: every tick again, every root compared.
    let report = Verifier::<Alms<false>>::run(&mut trace, &library, &Inline, &mut |_, _| {})?;
    println!("verified {} ticks and {} keyframes: {:?}", report.audit.ticks, report.audit.keyframes, report.divergence);

    // The other rules make other roots from the same inputs.
    let report = Verifier::<Alms<true>>::run(&mut trace, &library, &Inline, &mut |_, _| {})?;
    let divergence = report.divergence.ok_or("the change shows")?;
    println!("with other rules tick {} differs in {}", divergence.tick, divergence.columns.join(", "));

    // Compare two recordings. `Rerun` is this build's game: what it can make again, it can blame on a system.
    let mut other = Trace::open(record::<true>()?)?;
    let rerun = Rerun::<Alms<false>> { library: &library, executor: &Inline };
    let diff = diff::traces(&mut trace, &mut other, &rerun, 10)?;
    let finding = diff.first.ok_or("they differ")?;
    println!(
        "the recordings part in tick {}: {:?}, inputs differ: {}",
        finding.tick, finding.verdict, finding.inputs_differ
    );
    if let Some((tick, differences)) = &finding.differences {
        differences.list.iter().for_each(|difference| println!("  tick {tick}: {difference}"));
    }
    if (finding.tick, divergence.tick) == (Tick(41), Tick(41)) { Ok(()) } else { Err("another tick".into()) }
}
