//! [`Accounts`]: the ledger, for load tests.

use tickworld_ledger::{ACCOUNTS_MAX, Ledger};
use tickworld_sim::simulation::Simulation;

use super::{AdapterError, GameAdapter};

/// A bank with so many accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// How many accounts there are, at most [`ACCOUNTS_MAX`].
    pub accounts: u32,
    /// Coins in each.
    pub coins: u64,
}

impl GameAdapter for Accounts {
    type Game = Ledger;

    fn title(&self) -> String {
        format!("{} accounts with {} coins each", self.accounts, self.coins)
    }

    fn begin(&self) -> Result<Simulation<Ledger>, AdapterError> {
        if self.accounts > ACCOUNTS_MAX {
            let message = format!("{} accounts are asked for, at most {ACCOUNTS_MAX} are allowed", self.accounts);
            return Err(message.into());
        }
        Ok(Ledger::open(self.accounts, self.coins))
    }
}
