//! A game of accounts and transfers: the smallest world in which players contend for the same rows.
//!
//! Load tests and simulated clusters play it, because it has an invariant that anybody can check: the sum of coins never
//! changes. One input is one transfer; one transfer is one outcome. Any player may order a transfer between any two accounts,
//! as a clerk may: who owns an account is not what it shows.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::float_arithmetic,
        clippy::default_numeric_fallback,
        clippy::arithmetic_side_effects,
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::iter_over_hash_type,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

extern crate alloc;

use tickworld_sim::prelude::*;

/// Most accounts of a world.
pub const ACCOUNTS_MAX: u32 = 1_000_000;

/// The coins of an account, and how often it was used.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Never below zero, and all of them together never more or less.
    pub coins: u64,
    /// Transfers that this account took part in, wrapping.
    pub transfers: u32,
}

/// The state: accounts are entities 0, 1, 2 and so on, and none is ever closed.
#[derive(State, Clone)]
pub struct Bank {
    /// The handles of all accounts.
    pub entities: Entities,
    /// The coins and counters of each account.
    pub accounts: Column<Account>,
}

/// The body of an input: move coins between two accounts.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Number of the account that pays.
    pub from: u32,
    /// Number of the account that receives.
    pub to: u32,
    /// Coins, at least one.
    pub amount: u32,
}

/// What becomes of a transfer; [`OutcomeCode::APPLIED`] carries what the payer has left.
pub mod codes {
    use tickworld_sim::session::OutcomeCode;

    /// The payer has too little; the value is what it has.
    pub const SHORT: OutcomeCode = OutcomeCode(1);
    /// No such account, or both are one.
    pub const NO_ACCOUNT: OutcomeCode = OutcomeCode(2);
    /// The amount is zero.
    pub const NOTHING: OutcomeCode = OutcomeCode(3);
}

/// A game of accounts and transfers.
#[derive(Clone, Copy, Debug)]
pub struct Ledger;

impl Ledger {
    /// A world of `accounts` accounts with `coins` each.
    ///
    /// # Panics
    /// If there are more than [`ACCOUNTS_MAX`] accounts.
    #[must_use]
    pub fn open(accounts: u32, coins: u64) -> Simulation<Self> {
        assert!(accounts <= ACCOUNTS_MAX, "at most {ACCOUNTS_MAX} accounts");
        let library = Library::of(ContentId::NONE, ());
        Simulation::new(library, ContentId::NONE, |bank: &mut Bank, ()| {
            for _ in 0..accounts {
                let opened = bank.spawn(Band(0)).ok().and_then(|entity| bank.entities.row(entity));
                let row = opened.expect("ACCOUNTS_MAX is below what a world holds");
                bank.accounts.set(row, Account { coins, transfers: 0 });
            }
        })
    }
}

impl Bank {
    /// All coins of the bank: the same at every tick.
    #[must_use]
    pub fn total(&self) -> u64 {
        let mut total = 0_u64;
        join(&self.accounts).for_each(|_, account| total = total.saturating_add(account.coins));
        total
    }
}

fn transfer(bank: &mut Bank, step: &mut Step<'_, Ledger>) {
    let inputs = step.inputs();
    for (index, input) in inputs.iter().enumerate() {
        let (code, value) = settle(bank, input.body);
        step.answer(index, code, i64::try_from(value).unwrap_or(i64::MAX));
    }
}

/// Moves the coins, or says why not; the value is what the payer has afterwards.
fn settle(bank: &mut Bank, Transfer { from, to, amount }: Transfer) -> (OutcomeCode, u64) {
    let (Some(payer), Some(payee)) = (bank.entities.at(from), bank.entities.at(to)) else {
        return (codes::NO_ACCOUNT, 0);
    };
    let (Some(paying), Some(receiving)) = (bank.accounts.get(payer), bank.accounts.get(payee)) else {
        return (codes::NO_ACCOUNT, 0);
    };
    if payer == payee {
        return (codes::NO_ACCOUNT, 0);
    }
    if amount == 0 {
        return (codes::NOTHING, paying.coins);
    }
    let moved = (paying.coins.checked_sub(u64::from(amount)), receiving.coins.checked_add(u64::from(amount)));
    let (Some(left), Some(received)) = moved else {
        return (codes::SHORT, paying.coins);
    };
    let after = |account: &Account, coins| Account { coins, transfers: account.transfers.wrapping_add(1) };
    let (paying, receiving) = (after(paying, left), after(receiving, received));
    bank.accounts.set(payer, paying);
    bank.accounts.set(payee, receiving);
    (OutcomeCode::APPLIED, left)
}

impl Game for Ledger {
    type State = Bank;
    type Input = Transfer;
    type Event = ();
    type Content = ();

    const NAME: &'static str = "tickworld-ledger";
    const REVISION: u32 = 1;
    /// Clerks have nothing with them; their numbers and outcomes go along.
    const TRAVELS: bool = true;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "transfer", run: transfer }];

    /// A clerk has no body.
    fn join(_: &mut Bank, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }

    fn outcome_name(code: OutcomeCode) -> &'static str {
        match code {
            codes::SHORT => "too few coins",
            codes::NO_ACCOUNT => "no such account",
            codes::NOTHING => "nothing to move",
            code => code.engine_name().unwrap_or("refused"),
        }
    }
}
