//! What accounts, purses and parcels have together never changes, whatever is ordered, by whomever, and whoever comes.

use std::sync::Arc;

use tickworld_ledger::{Account, Ledger, Order, codes};
use tickworld_sim::{
    parcel::Parcel,
    prelude::*,
    region::{Border, RegionId},
    session::OutcomeCode,
};

const ACCOUNTS: u32 = 4;
const COINS: u64 = 100;
const ALL: u64 = 400;
const CLERK: PlayerId = PlayerId(7);

type Bank = Simulation<Ledger>;

fn bank(id: u32, neighbour: u32) -> Bank {
    let mut bank = Ledger::open(ACCOUNTS, COINS);
    bank.world_mut().set_region(RegionId(id));
    let region = RegionId(neighbour);
    step(&mut bank, vec![own(Act::Accept { region, incarnation: 1 })]);
    step(&mut bank, vec![own(Act::Border { region, state: Border::Open })]);
    bank
}

fn own(act: Act<Order>) -> Input<Order> {
    Input { player: PlayerId::REGION, sequence: Sequence(0), act }
}

fn of_clerk(sequence: u32, act: Act<Order>) -> Input<Order> {
    Input { player: CLERK, sequence: Sequence(sequence), act }
}

/// Makes a tick; what the bank began with must be what it says it did.
fn step(bank: &mut Bank, inputs: Vec<Input<Order>>) {
    let tick = bank.world().tick().next();
    bank.step_inline(&InputFrame::new(tick, Entropy::from_bytes([1; 16]), inputs)).expect("a good frame");
    assert_eq!(bank.state().endowment(), ALL, "tick {tick}");
}

/// Has the clerk order something; gives what becomes of it.
fn order(bank: &mut Bank, sequence: u32, order: Order) -> (OutcomeCode, i64) {
    step(bank, vec![of_clerk(sequence, Act::Play(order))]);
    let outcome = bank.world().players().outcome(CLERK, Sequence(sequence)).expect("it was applied");
    (outcome.code, outcome.value)
}

fn purse(bank: &Bank) -> Option<u64> {
    let entity = bank.world().players().find(CLERK)?.entity?;
    bank.state().purses.get(bank.state().entities.row(entity)?).map(|purse| purse.coins)
}

/// A bank whose clerk has a full purse, leaves for region 2 and is under way.
fn with_clerk_under_way() -> (Bank, Vec<u8>) {
    let mut bank = bank(1, 2);
    step(&mut bank, vec![of_clerk(0, Act::ENTER)]);
    assert_eq!(order(&mut bank, 1, Order::Take { account: 3, amount: 60 }), (OutcomeCode::APPLIED, 40));
    assert_eq!(order(&mut bank, 2, Order::Travel { region: 2 }), (OutcomeCode::APPLIED, 60));
    let (_, parcel) = bank.world().region().outbox().next().expect("the parcel waits");
    (bank, parcel)
}

fn mail(sequence: u64, parcel: &[u8]) -> Input<Order> {
    let (region, incarnation, parcel) = (RegionId(1), 1, Arc::from(parcel));
    own(Act::Mail { region, incarnation, sequence, lamport: 9, is_held: false, parcel })
}

#[test]
fn an_order_moves_all_of_its_coins_or_says_why_not() {
    let mut bank = bank(1, 2);
    step(&mut bank, vec![of_clerk(0, Act::ENTER)]);
    let applied = OutcomeCode::APPLIED;
    let orders = [
        (Order::Transfer { from: 0, to: 1, amount: 30 }, (applied, 70)),
        (Order::Transfer { from: 0, to: 1, amount: 71 }, (codes::SHORT, 70)),
        (Order::Transfer { from: 0, to: 0, amount: 1 }, (codes::NO_ACCOUNT, 0)),
        (Order::Transfer { from: 0, to: 4, amount: 1 }, (codes::NO_ACCOUNT, 0)),
        (Order::Transfer { from: 0, to: 1, amount: 0 }, (codes::NOTHING, 70)),
        (Order::Put { account: 0, amount: 1 }, (codes::SHORT, 0)),
        (Order::Take { account: 1, amount: 130 }, (applied, 0)),
        (Order::Take { account: 1, amount: 1 }, (codes::SHORT, 0)),
        (Order::Take { account: 9, amount: 1 }, (codes::NO_ACCOUNT, 0)),
        // The clerk's own entity is no account.
        (Order::Take { account: 1_024, amount: 1 }, (codes::NO_ACCOUNT, 0)),
        (Order::Put { account: 2, amount: 0 }, (codes::NOTHING, 130)),
        (Order::Put { account: 2, amount: 50 }, (applied, 80)),
        (Order::Travel { region: 0 }, (codes::NO_REGION, 0)),
        (Order::Travel { region: 9 }, (applied, 80)),
    ];
    for (sequence, (body, expected)) in (1..).zip(orders) {
        assert_eq!(order(&mut bank, sequence, body), expected, "{body:?}");
    }
    assert_eq!(purse(&bank), Some(80), "region 9 is no neighbour, so the clerk is still here");
    let accounts =
        [0, 1, 2, 3].map(|number| bank.state().entities.at(number).and_then(|row| bank.state().accounts.get(row)));
    let of = |coins, transfers| Some(Account { coins, transfers });
    assert_eq!(accounts.map(Option::<&Account>::copied), [of(70, 1), of(0, 2), of(150, 1), of(100, 0)]);
}

#[test]
fn who_has_no_purse_uses_none() {
    let mut bank = bank(1, 2);
    step(&mut bank, vec![of_clerk(0, Act::ENTER)]);
    bank.world_mut().state_mut().purses = Column::default();
    assert_eq!(order(&mut bank, 1, Order::Take { account: 0, amount: 1 }), (codes::NO_PURSE, 0));
    assert_eq!(order(&mut bank, 2, Order::Put { account: 0, amount: 1 }), (codes::NO_PURSE, 0));
}

#[test]
fn a_purse_travels_with_its_player_and_is_counted_at_both_borders() {
    let (from, parcel) = with_clerk_under_way();
    let mut to = bank(2, 1);
    assert_eq!((from.state().total(), to.state().total(), purse(&from)), (ALL - 60, ALL, None));
    assert_eq!((from.state().crossed.taken, from.state().crossed.brought), (60, 0));
    // A second time it changes nothing.
    for _ in 0..2 {
        step(&mut to, vec![mail(1, &parcel)]);
        assert_eq!((to.state().total(), purse(&to)), (ALL + 60, Some(60)));
        assert_eq!((to.state().crossed.taken, to.state().crossed.brought), (0, 60));
    }
    step(&mut to, vec![of_clerk(0, Act::ENTER)]);
    assert_eq!(order(&mut to, 3, Order::Put { account: 1, amount: 60 }), (OutcomeCode::APPLIED, 0));
    assert_eq!(from.state().total() + to.state().total(), 2 * ALL);
}

#[test]
fn whatever_a_parcel_says_is_counted() {
    let (_, sent) = with_clerk_under_way();
    let parcel = Parcel::decode(&sent).expect("a region made it");
    let mut came = 0;
    let mut arrive = |parcel: &Parcel| {
        let mut bytes = Vec::new();
        parcel.encode(&mut bytes);
        let mut to = bank(2, 1);
        step(&mut to, vec![mail(1, &bytes)]);
        let brought = to.state().crossed.brought;
        assert_eq!(to.state().total(), ALL.wrapping_add(brought));
        // It goes on, and may go away again.
        step(&mut to, vec![of_clerk(0, Act::ENTER)]);
        step(&mut to, vec![of_clerk(9, Act::Play(Order::Put { account: 0, amount: 1 }))]);
        step(&mut to, vec![of_clerk(10, Act::Play(Order::Travel { region: 1 }))]);
        came += u32::from(brought != 60 && brought != 0);
    };
    for at in 0..parcel.rows.len() {
        for bit in 0..8 {
            let mut rows = parcel.rows.clone();
            rows[at] ^= 1 << bit;
            arrive(&Parcel { rows, ..parcel.clone() });
        }
    }
    // Nothing in it; an account's place; several who have a purse.
    arrive(&Parcel { rows: vec![0; 4], ..parcel.clone() });
    arrive(&Parcel { bands: vec![Band(0)], ..parcel.clone() });
    let (count, coins) = (3_u16, u64::MAX);
    let mut rows = parcel.rows[..4].to_vec();
    rows.extend_from_slice(&count.to_le_bytes());
    for local in 0..count {
        rows.extend_from_slice(&[&local.to_le_bytes()[..], &coins.to_le_bytes()].concat());
    }
    rows.extend_from_slice(&[0; 2]);
    arrive(&Parcel { rows, bands: vec![Band(1); 3], ..parcel });
    assert_eq!(came, 65, "every other number that one bit makes of 60 came in, and the three purses");
}
