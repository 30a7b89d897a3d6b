//! [`Accounts`]: the ledger, for load tests.

use tickworld_ledger::{ACCOUNTS_MAX, Ledger};
use tickworld_sim::{content::ContentId, simulation::Simulation};

use super::Hosted;
use crate::failure::{Failure, Outcome};

/// A bank with so many accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// How many, at most [`ACCOUNTS_MAX`].
    pub accounts: u32,
    /// Coins in each.
    pub coins: u64,
}

impl Hosted for Accounts {
    type Game = Ledger;

    fn title(&self) -> String {
        format!("{} accounts with {} coins each", self.accounts, self.coins)
    }

    fn begin(&self) -> Outcome<Simulation<Ledger>> {
        if self.accounts > ACCOUNTS_MAX {
            let message = format!("{} accounts are asked for, at most {ACCOUNTS_MAX} are allowed", self.accounts);
            return Err(Failure::new(message));
        }
        Ok(Ledger::open(self.accounts, self.coins))
    }

    fn pack(&self) -> Option<Vec<u8>> {
        None
    }

    fn read_pack(&self, _: &[u8]) -> Outcome<(ContentId, ())> {
        Err(Failure::new("a ledger has no content"))
    }

    fn bare_content(&self) -> Option<()> {
        Some(())
    }
}
