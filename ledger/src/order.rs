//! [`Order`]: what players have done with coins.
//!
//! Invariant: an order moves all of its coins or none, and says which; what it takes from one place is in the other.

use tickworld_sim::{prelude::*, region::RegionId, step::Accepted};

use crate::{Account, Bank, Ledger, Purse};

/// The body of an input. Any player may order a transfer between any two accounts, and use any account with their own purse.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Moves coins between two accounts.
    Transfer {
        /// Number of the account that pays.
        from: u32,
        /// Number of the account that receives.
        to: u32,
        /// Coins, at least one.
        amount: u32,
    },
    /// Takes coins out of an account, into the player's purse.
    Take {
        /// Number of the account that pays.
        account: u32,
        /// Coins, at least one.
        amount: u32,
    },
    /// Puts coins from the player's purse into an account.
    Put {
        /// Number of the account that receives.
        account: u32,
        /// Coins, at least one.
        amount: u32,
    },
    /// Leaves for another region at the end of the tick, with the purse. Whether the border lets the player go is not known before.
    Travel {
        /// Number of the region.
        region: u32,
    },
}

/// What becomes of an order; [`OutcomeCode::APPLIED`] carries what whoever paid has left, or the coins of who travels.
pub mod codes {
    use tickworld_sim::session::OutcomeCode;

    /// Whoever pays has too little; the value is what they have. Or whoever receives could not count so much.
    pub const SHORT: OutcomeCode = OutcomeCode(1);
    /// No such account, or both are one.
    pub const NO_ACCOUNT: OutcomeCode = OutcomeCode(2);
    /// The amount is zero.
    pub const NOTHING: OutcomeCode = OutcomeCode(3);
    /// The player has no purse: the world was full when they came.
    pub const NO_PURSE: OutcomeCode = OutcomeCode(4);
    /// No region has this number.
    pub const NO_REGION: OutcomeCode = OutcomeCode(5);
}

/// An outcome, and its value.
type Settled = (OutcomeCode, u64);

/// The system of the game.
pub(crate) fn execute(bank: &mut Bank, step: &mut Step<'_, Ledger>) {
    let inputs = step.inputs();
    for (index, input) in inputs.iter().enumerate() {
        let (code, value) = match input.body {
            Order::Transfer { from, to, amount } => transfer(bank, from, to, amount),
            Order::Take { account, amount } => with_purse(bank, input.entity, account, amount, take),
            Order::Put { account, amount } => with_purse(bank, input.entity, account, amount, put),
            Order::Travel { region } => travel(bank, step, input, RegionId(region)),
        };
        step.answer(index, code, i64::try_from(value).unwrap_or(i64::MAX));
    }
}

/// Moves the coins, or says why not; the value is what the payer has afterwards.
fn transfer(bank: &mut Bank, from: u32, to: u32, amount: u32) -> Settled {
    let (Some(payer), Some(payee)) = (bank.entities.at(from), bank.entities.at(to)) else {
        return (codes::NO_ACCOUNT, 0);
    };
    let (Some(paying), Some(receiving)) = (bank.accounts.get(payer), bank.accounts.get(payee)) else {
        return (codes::NO_ACCOUNT, 0);
    };
    if payer == payee {
        return (codes::NO_ACCOUNT, 0);
    }
    let moved = match moved(paying.coins, receiving.coins, amount) {
        Ok(moved) => moved,
        Err(settled) => return settled,
    };
    let (paying, receiving) = (used(paying, moved.left), used(receiving, moved.received));
    bank.accounts.set(payer, paying);
    bank.accounts.set(payee, receiving);
    (OutcomeCode::APPLIED, moved.left)
}

/// What both have after coins were moved.
struct Moved {
    left: u64,
    received: u64,
}

/// Counts coins over.
///
/// # Errors
/// What the order comes to where they are not moved.
fn moved(paying: u64, receiving: u64, amount: u32) -> Result<Moved, Settled> {
    if amount == 0 {
        return Err((codes::NOTHING, paying));
    }
    match (paying.checked_sub(u64::from(amount)), receiving.checked_add(u64::from(amount))) {
        (Some(left), Some(received)) => Ok(Moved { left, received }),
        _ => Err((codes::SHORT, paying)),
    }
}

const fn used(account: &Account, coins: u64) -> Account {
    Account { coins, transfers: account.transfers.wrapping_add(1) }
}

/// What an account and a purse have after coins were moved between them, and what whoever paid has left.
type Exchange = Result<(Account, Purse, u64), Settled>;

/// Moves coins between an account and a player's purse.
fn with_purse(
    bank: &mut Bank,
    player: Option<Entity>,
    account: u32,
    amount: u32,
    exchange: impl Fn(&Account, &Purse, u32) -> Exchange,
) -> Settled {
    let Some(own) = player.and_then(|player| bank.entities.row(player)) else { return (codes::NO_PURSE, 0) };
    let Some(row) = bank.entities.at(account) else { return (codes::NO_ACCOUNT, 0) };
    let Some(purse) = bank.purses.get(own) else { return (codes::NO_PURSE, 0) };
    let Some(kept) = bank.accounts.get(row) else { return (codes::NO_ACCOUNT, 0) };
    match exchange(kept, purse, amount) {
        Ok((account, purse, left)) => {
            bank.accounts.set(row, account);
            bank.purses.set(own, purse);
            (OutcomeCode::APPLIED, left)
        }
        Err(settled) => settled,
    }
}

fn take(account: &Account, purse: &Purse, amount: u32) -> Exchange {
    let moved = moved(account.coins, purse.coins, amount)?;
    Ok((used(account, moved.left), Purse { coins: moved.received }, moved.left))
}

fn put(account: &Account, purse: &Purse, amount: u32) -> Exchange {
    let moved = moved(purse.coins, account.coins, amount)?;
    Ok((used(account, moved.received), Purse { coins: moved.left }, moved.left))
}

/// A player is to leave; to the archive nobody sends themselves.
fn travel(bank: &Bank, step: &mut Step<'_, Ledger>, input: &Accepted<Order>, to: RegionId) -> Settled {
    if to == RegionId::ARCHIVE {
        return (codes::NO_REGION, 0);
    }
    step.depart(input.player, to);
    let row = input.entity.and_then(|own| bank.entities.row(own));
    (OutcomeCode::APPLIED, row.and_then(|row| bank.purses.get(row)).map_or(0, |purse| purse.coins))
}
