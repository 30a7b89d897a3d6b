//! What is said of a world that is begun or gone on with: why it is not this server's, and what was set and does not apply.
//!
//! Invariant: nothing here reads a store or changes anything; each is a function of what was read, and what is refused is
//! judged where the world is opened. A world that is there decides; whoever set something else is told so.

use tickworld_persist::JournalHeader;
use tickworld_sim::{frame::Tick, schema::SchemaId};

use crate::config::Config;

/// Ticks a second of a world whose game does not say.
pub const TICK_RATE: u16 = 30;
/// Ticks until a root is journaled, where nobody says otherwise.
pub const ROOT_LAG_TICKS: u8 = 1;

/// Why a world is not begun, or not gone on with, by this server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// The stored world's journal is of format 1.
    #[error(
        "the stored world's journal is of format 1, which this build reads and does not continue: go on with the build that wrote \
         it, or give another folder as `data` to begin a new world; `tickworld trace from-journal` keeps its history"
    )]
    OldJournal,
    /// The stored world is another game's.
    #[error(
        "the stored world is one of the game `{stored}`, and this server runs `{ours}`: start a server of that game, or give \
         another folder as `data`"
    )]
    Game {
        /// What the journal says.
        stored: String,
        /// What this server runs.
        ours: &'static str,
    },
    /// Other rules of the same game.
    #[error(
        "the stored world follows revision {stored} of the rules, and this build has {ours}: start the build that it was made \
         with"
    )]
    Revision {
        /// What the journal says.
        stored: u32,
        /// What this build has.
        ours: u32,
    },
    /// Other components of the same game.
    #[error(
        "the stored world has the schema {:.16}, and this build has {:.16}: start the build that it was made with",
        stored.0, ours.0
    )]
    Schema {
        /// What the journal says.
        stored: SchemaId,
        /// What this build has.
        ours: SchemaId,
    },
    /// A new world would not run at the rate that its rules count with.
    #[error(
        "tick-rate is {set}, and the rules of this world count {rules} ticks a second: six of their seconds would last {:.1}. \
         Leave tick-rate out, or say the same in the scenario (pace: ticks_per_second)",
        6.0 * f64::from(*rules) / f64::from(*set)
    )]
    TickRate {
        /// What somebody set.
        set: u16,
        /// What the rules count with.
        rules: u16,
    },
}

/// What was set and does not apply to the world that is there, and what is odd about that world: a line each.
#[must_use]
pub fn warnings(config: &Config, header: &JournalHeader, rules: Option<u16>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut kept = |name: &str, set: Option<u64>, stored: u64| {
        if let Some(set) = set.filter(|set| *set != stored) {
            warnings
                .push(format!("{name} is {set}, and the world that is there was made with {stored}, which it keeps"));
        }
    };
    kept("tick-rate", config.tick_rate.map(u64::from), header.tick_rate.into());
    kept("root-lag-ticks", config.root_lag_ticks.map(u64::from), header.root_lag_ticks.into());
    if let Some(rules) = rules.filter(|rules| *rules != header.tick_rate) {
        warnings.push(format!(
            "the world runs at {} ticks a second, and its rules count {rules}: its time goes by at another pace than ours",
            header.tick_rate
        ));
    }
    warnings
}

/// What is odd about the files of a store: `noted` is whether anything beside the database names the last tick that was
/// acknowledged in this world, `first` and `last` the ticks that its journal has.
#[must_use]
pub fn store_warning(noted: bool, first: Tick, last: Tick) -> Option<String> {
    let message = "nothing beside the database (world.mark) tells up to which tick this world was acknowledged: if the file was \
                   copied or put back by itself, later ticks may be missing";
    (!noted && last > first).then(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use tickworld_ledger::Ledger;
    use tickworld_persist::WorldId;
    use tickworld_sim::{content::ContentId, game::Game as _, hash::Hash, trace::Start, world::schema};

    use super::*;

    fn header() -> JournalHeader {
        let start = Start { tick: Tick(0), root: Hash::ZERO, content: ContentId::NONE };
        let schema = schema::<Ledger>();
        JournalHeader {
            world: WorldId([7; 16]),
            region: Some(tickworld_sim::region::RegionId::FIRST),
            revision: Ledger::REVISION,
            tick_rate: 30,
            root_lag_ticks: 1,
            start,
            schema,
        }
    }

    #[test]
    fn what_does_not_apply_is_told() {
        let config = Config { tick_rate: Some(60), root_lag_ticks: Some(4), ..Config::default() };
        let told = warnings(&config, &header(), Some(20));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("tick-rate is 60") && told[0].contains("made with 30"), "{told:?}");
        assert!(told[1].contains("root-lag-ticks is 4") && told[2].contains("count 20"), "{told:?}");
        let same = Config { tick_rate: Some(30), root_lag_ticks: Some(1), ..Config::default() };
        assert_eq!(warnings(&same, &header(), Some(30)), [""; 0]);
        assert_eq!(warnings(&Config::default(), &header(), None), [""; 0]);
    }

    #[test]
    fn a_database_without_its_mark_is_told() {
        assert_eq!(store_warning(true, Tick(0), Tick(9)), None);
        assert_eq!(store_warning(false, Tick(0), Tick(0)), None, "a new world");
        assert!(store_warning(false, Tick(0), Tick(9)).is_some_and(|told| told.contains("world.mark")));
    }
}
