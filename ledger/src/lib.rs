//! A game of accounts and purses: the smallest world in which players contend for the same rows, and carry something away.
//!
//! Load tests and simulated clusters play it, because it has an invariant that anybody can check: coins are moved and never made,
//! so what the accounts and purses of all regions have, with what is under way between them, never changes; and of one bank
//! [`Bank::endowment`] does not. One input is one [`Order`]; one order is one outcome. Any player may order a transfer between any two
//! accounts, as a clerk may: who owns an account is not what it shows. A purse is its player's own, and goes where they go.
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

mod bank;
mod order;

pub use bank::{Account, Bank, Crossed, Purse};
pub use order::{Order, codes};
use tickworld_sim::prelude::*;

/// Most accounts of a world.
pub const ACCOUNTS_MAX: u32 = 1_000_000;

/// A game of accounts and purses.
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
                assert!(bank.open_account(coins), "ACCOUNTS_MAX is below what a world holds");
            }
        })
    }
}

impl Game for Ledger {
    type State = Bank;
    type Input = Order;
    type Event = ();
    type Content = ();

    const NAME: &'static str = "tickworld-ledger";
    const REVISION: u32 = 2;
    /// A player's purse goes along, and nothing else belongs to them.
    const TRAVELS: bool = true;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "execute", run: order::execute }];

    /// A player is who has a purse.
    fn join(bank: &mut Bank, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        bank.open_purse()
    }

    fn depart(bank: &mut Bank, entity: Entity) {
        bank.count_taken(entity);
    }

    fn arrive(bank: &mut Bank, _: &mut Step<'_, Self>, _: PlayerId, entities: &[Entity], _: Tick) {
        entities.iter().for_each(|entity| bank.count_brought(*entity));
    }

    fn outcome_name(code: OutcomeCode) -> &'static str {
        match code {
            codes::SHORT => "too few coins",
            codes::NO_ACCOUNT => "no such account",
            codes::NOTHING => "nothing to move",
            codes::NO_PURSE => "no purse",
            codes::NO_REGION => "no such region",
            code => code.engine_name().unwrap_or("refused"),
        }
    }
}
