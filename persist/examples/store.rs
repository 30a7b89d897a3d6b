//! The whole life of a journal: a world's journal is created, claimed and appended to; the program "dies"; the next start recovers,
//! replays, compares roots, fences the dead one off with a claim of its own, and goes on.
//!
//! Run it with `cargo run --release -p tickworld-persist --example store`. A region (`tickworld-region`) does all of this, with
//! snapshots besides, so that a replay is short.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use tickworld_persist::{
    AnyStore, Claim, Claimant, Durability, Journal as _, JournalHeader, LogPosition, Origin, Record, StoreConfig,
    TickRecord, WallTime, WorldId, error::AppendError, recover,
};
use tickworld_sim::{hash::Hash, prelude::*, region::RegionId, trace::Start};

// A game, as small as can be: whoever knocks is counted.

#[derive(Component, Clone, Copy)]
struct Knock;

#[derive(State, Clone)]
struct Door {
    entities: Entities,
    knocks: Resource<u64>,
}

struct Knocking;

fn count(door: &mut Door, step: &mut Step<'_, Knocking>) {
    door.knocks.modify(|knocks| *knocks += step.inputs().len() as u64);
}

impl Game for Knocking {
    type State = Door;
    type Input = Knock;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "knocking";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "count", run: count }];

    fn join(door: &mut Door, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        door.spawn(Band(0)).ok()
    }
}

fn world() -> Simulation<Knocking> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {})
}

/// A world that is kept: nothing of a tick is told to anybody before its record is durable.
struct Kept {
    store: AnyStore,
    simulation: Simulation<Knocking>,
    claim: Claim,
    last: LogPosition,
    root: Hash,
}

impl Kept {
    /// Begins the journal of a new world.
    async fn create(store: AnyStore) -> Result<Self, Box<dyn Error>> {
        let mut simulation = world();
        let root = simulation.seal(&Inline).root;
        let header = JournalHeader {
            world: WorldId(*b"sixteen fresh by"), // of the system's randomness
            region: Some(RegionId::FIRST),
            revision: Knocking::REVISION,
            tick_rate: 30,
            root_lag_ticks: 1, // the record of a tick proves the root of the tick before it
            start: Start { tick: Tick(0), root, content: ContentId::NONE },
            schema: (**simulation.schema()).clone(),
        };
        store.create(&header).await?;
        Self::take_over(store, simulation, root).await
    }

    /// From here on whoever claimed before cannot append: its epoch is lower.
    async fn take_over(store: AnyStore, simulation: Simulation<Knocking>, root: Hash) -> Result<Self, Box<dyn Error>> {
        let recovery = recover(&store, &mut |_| {}).await?;
        let who = Claimant { who: "the example".into(), wall: WallTime(0) }; // of the system's clock
        let claim = store.claim(&recovery.claim(&who)?).await?;
        Ok(Self { store, simulation, last: claim.last, claim, root })
    }

    /// Starts again from what is there.
    async fn recover(store: AnyStore) -> Result<Self, Box<dyn Error>> {
        let recovery = recover(&store, &mut |_| {}).await?;
        println!("recovered: up to tick {}, lossless: {}", recovery.end.tick, recovery.is_lossless());
        let Origin::Start(start) = recovery.origin else { return Err("this example keeps no snapshots".into()) };
        // Replays: each record has the frame, and the root that the tick before it must have.
        let mut simulation = world();
        let mut root = simulation.seal(&Inline).root;
        let mut last = start;
        while last.slot < recovery.end.slot {
            for record in store.read(last.slot.next(), 1 << 20).await? {
                last = record.position();
                // Claims stand among the ticks, and make none.
                let Some(made) = record.as_tick() else { continue };
                if made.root.is_some_and(|before| before != root) {
                    return Err(format!("the tick before {} came out differently", last.tick).into());
                }
                root = simulation.step(&InputFrame::decode(&made.frame)?, &Inline)?.root;
            }
        }
        Self::take_over(store, simulation, root).await
    }

    /// Makes a tick: the record is durable before anybody is told.
    async fn tick(&mut self, inputs: Vec<Input<Knock>>) -> Result<(), Box<dyn Error>> {
        let tick = self.last.tick.next();
        let frame = InputFrame::new(tick, Entropy::from_bytes([tick.0 as u8; 16]), inputs);
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let record = Record::new(TickRecord {
            slot: self.last.slot.next(),
            epoch: self.claim.epoch,
            previous_hash: self.last.record_hash,
            wall: WallTime(0),
            count: 1,
            root: Some(self.root), // of the tick before it, as the header says
            frame: bytes.into(),
        })?;
        self.store.append(std::slice::from_ref(&record), Durability::Disk).await?;
        self.last = record.position();
        self.root = self.simulation.step(&frame, &Inline)?.root;
        Ok(())
    }

    async fn knock(&mut self, ticks: u64) -> Result<(), Box<dyn Error>> {
        for _ in 0..ticks {
            let input = |sequence, act| Input { player: PlayerId(1), sequence: Sequence(sequence), act };
            let tick = self.last.tick.next().0;
            let knock = input(u32::try_from(tick)?, Act::Play(Knock));
            let enter = input(0, Act::ENTER);
            self.tick(if tick == 1 { vec![enter, knock] } else { vec![knock] }).await?;
        }
        println!("tick {}: {} knocks, root {}", self.last.tick, *self.simulation.state().knocks, self.root.short());
        Ok(())
    }
}

async fn live(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let config = StoreConfig::embedded(folder);
    let mut first = Kept::create(AnyStore::open(&config).await?).await?;
    first.knock(40).await?;
    let (root, epoch) = (first.root, first.claim.epoch);
    first.store.close().await; // without a claim that ends it: as it is after a crash
    println!("the program is gone");

    let mut second = Kept::recover(AnyStore::open(&config).await?).await?;
    if second.root != root {
        return Err("the world came back differently".into());
    }
    // What the first one would still append, were it not dead, is refused.
    let own = std::mem::replace(&mut second.claim.epoch, epoch);
    match second.knock(1).await {
        Err(error) if matches!(error.downcast_ref(), Some(AppendError::Fenced { .. })) => {
            println!("the dead one writes no more: {error}")
        }
        other => return Err(format!("the dead one appends: {other:?}").into()),
    }
    second.claim.epoch = own;
    second.knock(10).await?;
    second.store.close().await;
    if *second.simulation.state().knocks == 50 { Ok(()) } else { Err("not every knock was kept".into()) }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    // No driver is needed: the store has a thread of its own.
    tokio::runtime::Builder::new_current_thread().build()?.block_on(live(folder.path()))
}
