//! [`Bank`]: accounts, purses, and what crossed its border.
//!
//! Invariant: accounts and purses, with what left and without what came, are what the bank began with, modulo 2^64: at every tick,
//! and whatever a parcel says that somebody else made.

use tickworld_sim::prelude::*;

/// The coins of an account, and how often it was used.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Never below zero.
    pub coins: u64,
    /// Orders that this account took part in, wrapping.
    pub transfers: u32,
}

/// The coins that a player has on them; they travel along.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// Never below zero.
    pub coins: u64,
}

/// The coins that came and went with players, modulo 2^64.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossed {
    /// All that players brought.
    pub brought: u64,
    /// All that players took away.
    pub taken: u64,
}

/// The state: accounts are entities 0, 1, 2 and so on, and none is ever closed; players' purses are entities of another band.
#[derive(State, Clone)]
pub struct Bank {
    /// The handles of all accounts and purses.
    pub entities: Entities,
    /// The coins and counters of each account, which never travel.
    #[parcel(skip)]
    pub accounts: Column<Account>,
    /// The coins of each player who is here.
    pub purses: Column<Purse>,
    /// What crossed the border so far.
    pub crossed: Resource<Crossed>,
}

/// The band of accounts.
const ACCOUNT: Band = Band(0);
/// The band of those who have a purse.
const PURSE: Band = Band(1);

impl Bank {
    /// Opens the next account with so many coins; gives whether there was room.
    pub(crate) fn open_account(&mut self, coins: u64) -> bool {
        let row = self.spawn(ACCOUNT).ok().and_then(|entity| self.entities.row(entity));
        row.map(|row| self.accounts.set(row, Account { coins, transfers: 0 })).is_some()
    }

    /// Gives a player an empty purse, where there is room for it.
    pub(crate) fn open_purse(&mut self) -> Option<Entity> {
        let entity = self.spawn(PURSE).ok()?;
        self.purses.set(self.entities.row(entity)?, Purse::default());
        Some(entity)
    }

    /// A player takes their purse away.
    pub(crate) fn count_taken(&mut self, player: Entity) {
        let purse = self.entities.row(player).and_then(|row| self.purses.get(row)).copied().unwrap_or_default();
        self.crossed.modify(|crossed| crossed.taken = crossed.taken.wrapping_add(purse.coins));
    }

    /// A player brought a purse; who brought none has an empty one from now on.
    pub(crate) fn count_brought(&mut self, player: Entity) {
        let Some(row) = self.entities.row(player) else { return };
        let purse = self.purses.get(row).copied().unwrap_or_default();
        self.purses.set(row, purse);
        self.crossed.modify(|crossed| crossed.brought = crossed.brought.wrapping_add(purse.coins));
    }

    /// All coins that are here, modulo 2^64. O(accounts and players).
    #[must_use]
    pub fn total(&self) -> u64 {
        let mut total = 0_u64;
        join(&self.accounts).for_each(|_, account| total = total.wrapping_add(account.coins));
        join(&self.purses).for_each(|_, purse| total = total.wrapping_add(purse.coins));
        total
    }

    /// All coins that the bank began with, as the present ones and its border say: the same at every tick, modulo 2^64. O(accounts
    /// and players).
    #[must_use]
    pub fn endowment(&self) -> u64 {
        self.total().wrapping_add(self.crossed.taken).wrapping_sub(self.crossed.brought)
    }
}
