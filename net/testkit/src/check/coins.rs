//! [`Coins`]: the sum of coins never changes.
//!
//! Invariant: it looks at whole worlds, the host's and the clients', predicted ones too: no guess makes money either.

use tickworld_ledger::Bank;
use tickworld_sim::frame::Tick;

use super::Violation;

/// All coins there are.
#[derive(Clone, Copy, Debug)]
pub struct Coins {
    total: u64,
}

impl Coins {
    /// Expects as many coins as the bank begins with.
    #[must_use]
    pub fn new(bank: &Bank) -> Self {
        Self { total: bank.endowment() }
    }

    /// Counts a bank's.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn observe(&self, tick: Tick, bank: &Bank, seen: impl Fn() -> String) -> Result<(), Violation> {
        let found = bank.endowment();
        if found == self.total {
            return Ok(());
        }
        Err(Violation::Coins { tick, seen: seen(), expected: self.total, found })
    }
}

#[cfg(test)]
mod tests {
    use tickworld_ledger::{Account, Ledger};

    use super::*;

    #[test]
    fn one_coin_more_is_noticed() {
        let mut simulation = Ledger::open(4, 10);
        let check = Coins::new(simulation.state());
        check.observe(Tick(0), simulation.state(), || "here".into()).unwrap();
        let bank = simulation.world_mut().state_mut();
        let row = bank.entities.at(2).unwrap();
        bank.accounts.set(row, Account { coins: 11, transfers: 0 });
        let found = check.observe(Tick(1), simulation.state(), || "here".into()).unwrap_err();
        assert_eq!(found.to_string(), "41 coins at tick 1 (here), there were 40");
    }
}
