//! `tickworld journal`: what a server keeps of its world, read without changing it; and the one thing that an operator does to it.

mod export;
mod info;
mod marks;
mod replay;
mod skip;
mod verify;

use tickworld_sim::frame::Tick;

use crate::{
    Context, cli,
    failure::{Failure, Outcome},
    interrupt,
    output::Ink,
    store::{D20, Divergence, Follow, Hosted, Ledger, OpenStore, Origin, oldest_origin, origin_of},
};

/// Runs the command.
pub(crate) fn run(context: &mut Context, command: &cli::Journal) -> Outcome {
    match command {
        cli::Journal::Info { data } => info::run(context, &OpenStore::open(data)?),
        cli::Journal::Verify { data } => verify::run(context, &OpenStore::open(data)?),
        cli::Journal::Export { data, span } => export::run(context, &OpenStore::open(data)?, *span),
        cli::Journal::Marks { data } => marks::run(context, &OpenStore::open(data)?),
        cli::Journal::Skip { data, accept_loss } => skip::run(context, data, *accept_loss),
        cli::Journal::Replay { data, span, beginning } => {
            replay::run(context, &OpenStore::open(data)?, *span, beginning)
        }
    }
}

/// Something to do with a game whose type is known.
pub(crate) trait WithGame {
    /// Does it with that game.
    fn run<H: Hosted>(self) -> Outcome;
}

/// Does it with the game of a store.
pub(crate) fn with_game(store: &OpenStore, work: impl WithGame) -> Outcome {
    with_game_of(store.header.game(), &store.shown(), work)
}

/// Does it with a game by its name, which what is `shown` has.
pub(crate) fn with_game_of(game: &str, shown: &str, work: impl WithGame) -> Outcome {
    use tickworld_sim::game::Game as _;
    if game == <D20 as Hosted>::Game::NAME {
        work.run::<D20>()
    } else if game == <Ledger as Hosted>::Game::NAME {
        work.run::<Ledger>()
    } else {
        let message = format!("{shown}: this build does not know the game {game}");
        Err(Failure::new(message).help(
            "`journal info`, `verify` and `export` need no game; a program that has it goes through the journal with \
             tickworld_region::Replay",
        ))
    }
}

/// Ticks that are in the store, and the world to begin with.
pub(crate) struct Stretch {
    /// What is simulated first is the tick after this world.
    pub(crate) origin: Origin,
    /// The world's tick.
    pub(crate) at: Tick,
    /// The first tick that was asked for.
    pub(crate) from: Tick,
    /// The last one.
    pub(crate) to: Tick,
}

/// Finds the world to begin with, and says which ones cannot be used.
pub(crate) fn stretch(context: &mut Context, store: &OpenStore, span: cli::Span) -> Outcome<Stretch> {
    let (first, last) = held(store)?;
    let (origin, passed_over) = match span.from {
        Some(from) => {
            within(store, Tick(from), span.to.map_or(last, Tick))?;
            origin_of(store, Tick(from.saturating_sub(1)))?
        }
        None => oldest_origin(store)?,
    };
    for (tick, cause) in &passed_over {
        context.out.line(format!("the snapshot of tick {tick} cannot be used: {cause}"));
    }
    let at = match &origin {
        Origin::Start => store.header.start.tick,
        Origin::Snapshot(snapshot) => snapshot.position().tick,
    };
    let from = span.from.map_or(at.next().max(first), Tick);
    let to = span.to.map_or(last, Tick);
    within(store, from, to)?;
    Ok(Stretch { origin, at, from, to })
}

/// The first and the last tick that are kept.
fn held(store: &OpenStore) -> Outcome<(Tick, Tick)> {
    let (first, last) = (store.base().next(), store.last());
    if first > last {
        let message = format!("{}: no ticks are kept after the world of tick {}", store.shown(), store.base());
        return Err(Failure::new(message).help(
            "the journal is kept from the oldest stored world on: the server's setting `snapshots-kept` says how many",
        ));
    }
    Ok((first, last))
}

/// Checks that the store holds these ticks.
fn within(store: &OpenStore, from: Tick, to: Tick) -> Outcome<()> {
    let (first, last) = held(store)?;
    if from >= first && to <= last && from <= to {
        return Ok(());
    }
    let message = format!("{}: ticks {from} to {to} are not in the journal", store.shown());
    Err(Failure::new(message).help(format!("it holds {first} to {last}")))
}

/// Follows the journal up to a tick, without showing it to anybody; the first root that is not the proven one ends it, and so
/// does whoever tells the process to end.
pub(crate) fn skip<H: Hosted>(
    context: &Context,
    follow: &mut Follow<'_, H>,
    to: Tick,
    progress: &mut dyn FnMut(Tick),
) -> Outcome<Option<Divergence>> {
    while let Some(followed) = follow.next(to, &context.pool)? {
        if followed.divergence.is_some() {
            return Ok(followed.divergence);
        }
        progress(follow.tick());
        if interrupt::is_asked() {
            break;
        }
    }
    Ok(None)
}

/// Says which root is not the proven one.
pub(crate) fn say_divergence(context: &mut Context, divergence: &Divergence) {
    let Divergence { tick, recorded, found, witness, columns } = divergence;
    let out = &mut context.out;
    let red = out.paint(Ink::Red, "different");
    out.line(format!("{red}  tick {tick} comes out differently than {witness} says"));
    out.line(format!("    recorded {recorded}\n    found    {found}"));
    if !columns.is_empty() {
        out.line(format!("    in {}", columns.join(", ")));
    }
}

/// The same for machines.
pub(crate) fn divergence_json(divergence: &Divergence) -> serde_json::Value {
    serde_json::json!({
        "tick": divergence.tick.0,
        "recorded": divergence.recorded.to_string(),
        "found": divergence.found.to_string(),
        "witness": divergence.witness.to_string(),
        "columns": divergence.columns,
    })
}
