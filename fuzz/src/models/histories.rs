//! One run of a ledger, made straight, and through whatever detours the bytes ask for.

use arbitrary::{Result, Unstructured};
use tickworld_ledger::{Ledger, Order};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence},
    hash::Hash,
    rng::Entropy,
    rollback::{PredictNothing, Rollback, RollbackSettings},
    simulation::Simulation,
    world::World,
};

use crate::peers::script::order;

/// Accounts of the world.
pub const ACCOUNTS: u32 = 80;
/// Coins in each.
pub const COINS: u64 = 100;
/// Ticks of a run at most.
const TICKS_MAX: u64 = 40;

/// A frame of the next tick from the bytes: joins, leaves, orders, repeated and late numbers.
///
/// # Errors
/// When the bytes are at their end.
pub fn frame(u: &mut Unstructured<'_>, tick: tickworld_sim::frame::Tick) -> Result<InputFrame<Order>> {
    let mut inputs = Vec::new();
    for _ in 0..u.int_in_range(0..=6_u8)? {
        let player = PlayerId(u.int_in_range(1..=3)?);
        let act = match u.int_in_range(0..=9_u8)? {
            0 => Act::ENTER,
            1 => Act::Leave,
            2 => Act::TimeOut,
            _ => {
                let (from, to) = (u.int_in_range(0..=ACCOUNTS)?, u.int_in_range(0..=ACCOUNTS)?);
                Act::Play(order(from, to, u.int_in_range(0..=200)?))
            }
        };
        let number = if matches!(act, Act::Play(_)) { u.int_in_range(1..=60)? } else { 0 };
        inputs.push(Input { player, sequence: Sequence(number), act });
    }
    let entropy = Entropy::from_bytes(u128::from(tick.0).to_le_bytes());
    let frame = InputFrame::new(tick, entropy, inputs);
    // A sequencer makes no other frames: one of two inputs with one number is left out.
    Ok(if frame.check().is_ok() { frame } else { InputFrame::empty(tick, entropy) })
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut straight = Ledger::open(ACCOUNTS, COINS);
    let mut frames = Vec::new();
    let mut roots = vec![straight.seal(&Inline).root];
    while !u.is_empty() && (frames.len() as u64) < TICKS_MAX {
        let Ok(frame) = frame(&mut u, straight.world().tick().next()) else { break };
        roots.push(straight.step(&frame, &Inline).expect("a frame of the next tick").root);
        assert_eq!(straight.state().endowment(), u64::from(ACCOUNTS) * COINS, "coins at {}", frame.tick);
        frames.push(frame);
    }
    // The same bytes again say which way to go.
    detours(&mut Unstructured::new(data), &frames, &roots);
    predicted(&mut Unstructured::new(data), &frames, &roots);
}

/// Restores, from bytes and from clones, and goes on.
fn detours(u: &mut Unstructured<'_>, frames: &[InputFrame<Order>], roots: &[Hash]) {
    let mut simulation = Ledger::open(ACCOUNTS, COINS);
    let mut kept: Vec<World<Ledger>> = vec![simulation.snapshot()];
    let mut steps = 0;
    while let Some(frame) = frames.get(usize::try_from(simulation.world().tick().0).expect("few ticks")) {
        let root = simulation.step(frame, &Inline).expect("a frame of the next tick").root;
        let tick = usize::try_from(frame.tick.0).expect("few ticks");
        assert_eq!(root, roots[tick], "tick {tick} after a detour");
        kept.truncate(tick);
        kept.push(simulation.snapshot());
        steps += 1;
        let way = if steps > 4 * frames.len() { 7 } else { u.int_in_range(0..=7_u8).unwrap_or(7) };
        match way {
            0 => {
                let world = World::from_bytes(&simulation.to_bytes()).expect("what was written is read");
                simulation = Simulation::resume(Library::of(ContentId::NONE, ()), world);
            }
            1 => {
                let back = kept.len() - 1 - usize::from(u.int_in_range(0..=4_u8).unwrap_or(0)).min(kept.len() - 1);
                simulation.restore(&kept[back]);
            }
            2 => {
                // A fork goes another way and leaves no trace.
                let mut fork = simulation.clone();
                let next = fork.world().tick().next();
                let other = InputFrame::empty(next, Entropy::from_bytes([9; 16]));
                drop(fork.step(&other, &Inline));
            }
            _ => {}
        }
    }
}

/// Predicts as far ahead as the bytes say, with local inputs that come true or not.
fn predicted(u: &mut Unstructured<'_>, frames: &[InputFrame<Order>], roots: &[Hash]) {
    let settings = RollbackSettings::default();
    let mut session = Rollback::new(Ledger::open(ACCOUNTS, COINS), PredictNothing, settings, &Inline);
    for frame in frames {
        for _ in 0..u.int_in_range(0..=3_u8).unwrap_or(0) {
            let next = session.tick().next();
            let at = usize::try_from(next.0).expect("few ticks") - 1;
            let local = match u.ratio(1_u8, 2).unwrap_or(false) {
                true => frames.get(at).map(|frame| frame.inputs.clone()).unwrap_or_default(),
                false => Vec::new(),
            };
            // At the limit it stalls; a guess that makes no frame is refused. Both change nothing.
            _ = session.advance_predicted(local, &Inline);
        }
        let tick = usize::try_from(frame.tick.0).expect("few ticks");
        let found = session.confirm(frame, &Inline).expect("a frame of the next tick").root;
        assert_eq!(found, roots[tick], "tick {tick} confirmed over a prediction");
    }
}
