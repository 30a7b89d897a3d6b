//! Two runs of one ledger, into the second of which the bytes plant one field: the diff of both traces must name it.

use arbitrary::{Result, Unstructured};
use tickworld_ledger::{Account, Ledger};
use tickworld_sim::{
    content::{ContentId, Library},
    diff::{Rerun, Verdict, traces},
    executor::Inline,
    frame::Tick,
    trace::{About, Recorder, Trace},
};

use super::histories::{ACCOUNTS, COINS, frame};

/// Ticks of a run.
const TICKS: u64 = 12;

/// What is planted, where and when.
#[derive(Clone, Copy, Debug)]
struct Plant {
    tick: Tick,
    account: u32,
    transfers: bool,
    by: u32,
}

/// See the module.
pub fn run(data: &[u8]) {
    // At the end of the bytes there is nothing to compare.
    _ = compare(&mut Unstructured::new(data));
}

fn compare(u: &mut Unstructured<'_>) -> Result<()> {
    let plant = Plant {
        tick: Tick(u.int_in_range(1..=TICKS)?),
        account: u.int_in_range(0..=ACCOUNTS - 1)?,
        transfers: u.arbitrary()?,
        by: u.int_in_range(0..=50)?,
    };
    let rest = u.bytes(u.len())?.to_vec();
    let (left, right) = (record(&rest, None)?, record(&rest, Some(plant))?);
    let mut left = Trace::open(left).expect("a sound trace");
    let mut right = Trace::open(right).expect("a sound trace");
    let library = Library::of(ContentId::NONE, ());
    let rerun = Rerun { library: &library, executor: &Inline };
    let diff = traces::<Ledger, _, _>(&mut left, &mut right, &rerun, 16).expect("both have the same ticks");
    if plant.by == 0 {
        assert!(diff.first.is_none(), "equal runs differ: {:?}", diff.first);
        return Ok(());
    }
    let first = diff.first.expect("a planted field changes the root");
    assert_eq!((first.tick, first.inputs_differ), (plant.tick, false), "{plant:?}");
    assert_ne!(first.verdict, Verdict::Bounded, "{plant:?}: one side is reproduced");
    let (_, differences) = first.differences.expect("the fields are known");
    let field = if plant.transfers { "accounts.transfers" } else { "accounts.coins" };
    let paths: Vec<String> = differences.list.iter().map(|it| it.path()).collect();
    assert_eq!(paths, [field], "{plant:?}");
    Ok(())
}

fn record(data: &[u8], plant: Option<Plant>) -> Result<Vec<u8>> {
    let mut u = Unstructured::new(data);
    let mut simulation = Ledger::open(ACCOUNTS, COINS);
    simulation.seal(&Inline);
    let about = About { keyframe_ticks: 5, evidence_ticks: 16, ..About::default() };
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about, &[]).expect("memory takes all");
    for tick in 1..=TICKS {
        let frame = frame(&mut u, Tick(tick)).unwrap_or_else(|_| {
            tickworld_sim::frame::InputFrame::empty(Tick(tick), tickworld_sim::rng::Entropy::from_bytes([0; 16]))
        });
        simulation.advance(&frame, &Inline).expect("a frame of the next tick");
        if let Some(plant) = plant.filter(|plant| plant.tick.0 == tick) {
            let bank = simulation.world_mut().state_mut();
            let row = bank.entities.at(plant.account).expect("an account of it");
            bank.accounts.modify(row, |account: &mut Account| match plant.transfers {
                true => account.transfers = account.transfers.wrapping_add(plant.by),
                false => account.coins = account.coins.wrapping_add(u64::from(plant.by)),
            });
        }
        let roots = simulation.seal(&Inline);
        recorder.record(&frame, &roots, simulation.world()).expect("memory takes all");
    }
    Ok(recorder.seal().expect("memory takes all").0)
}
