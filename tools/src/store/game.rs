//! [`Hosted`]: the games whose journals this build can simulate, and how a world of theirs began.
//!
//! Invariant: how a world began is only a proposal, judged by the root in the journal's header.

use tickworld_rules::{Rules, Ruleset};
use tickworld_server::world::{Accounts, Content, GameAdapter as _};
use tickworld_sim::{
    content::{ContentId, Library},
    game::Game,
    simulation::Simulation,
};

use crate::{
    builtin,
    cli::Beginning,
    failure::Outcome,
    packs::{self, LoadedPack, Names},
    viewer::{D20Depiction, Depiction, Plain},
};

/// A game as a server hosts it.
pub(crate) trait Hosted {
    /// The game that is hosted.
    type Game: Game;

    /// Content from the bytes of its pack, with the id that these have.
    fn content(pack: &[u8]) -> Outcome<(ContentId, <Self::Game as Game>::Content)>;

    /// What a world without a pack reads; none for games that need one.
    fn default_content() -> Option<<Self::Game as Game>::Content>;

    /// What worlds with these packs read.
    fn library(packs: &[LoadedPack]) -> Library<<Self::Game as Game>::Content>;

    /// How its worlds are shown, with the names that these packs give.
    fn depiction(packs: &[LoadedPack]) -> Box<dyn Depiction<Self::Game>>;

    /// The world as a server that was told this would begin it; with the pack that the journal names, if it names one.
    fn begin(beginning: &Beginning, pack: Option<LoadedPack>) -> Outcome<Simulation<Self::Game>>;
}

/// The d20 game.
pub(crate) enum D20 {}

impl Hosted for D20 {
    type Game = Rules;

    fn content(pack: &[u8]) -> Outcome<(ContentId, Ruleset)> {
        let LoadedPack { id, pack, .. } = LoadedPack::read(pack.to_vec(), "the pack")?;
        Ok((id, Ruleset::new(pack)))
    }

    fn default_content() -> Option<Ruleset> {
        None
    }

    fn library(packs: &[LoadedPack]) -> Library<Ruleset> {
        packs::library(packs)
    }

    fn depiction(packs: &[LoadedPack]) -> Box<dyn Depiction<Rules>> {
        Box::new(D20Depiction::new(Names::of(packs)))
    }

    fn begin(beginning: &Beginning, pack: Option<LoadedPack>) -> Outcome<Simulation<Rules>> {
        let mut scenario = builtin::scenario(&beginning.scenario)?.with_seed(beginning.seed);
        // What the world began with is in the store; what is in this binary may be newer.
        scenario.pack = pack.unwrap_or(scenario.pack);
        scenario.begin()
    }
}

/// Accounts and transfers.
pub(crate) enum Ledger {}

impl Hosted for Ledger {
    type Game = tickworld_ledger::Ledger;

    fn content(pack: &[u8]) -> Outcome<(ContentId, Content<Accounts>)> {
        Ok(Self::accounts(0, 0).read_pack(pack)?)
    }

    fn default_content() -> Option<Content<Accounts>> {
        Self::accounts(0, 0).default_content()
    }

    fn library(_: &[LoadedPack]) -> Library<Content<Accounts>> {
        Library::of(ContentId::NONE, ())
    }

    fn depiction(_: &[LoadedPack]) -> Box<dyn Depiction<Self::Game>> {
        Box::new(Plain::of::<Self::Game>())
    }

    fn begin(beginning: &Beginning, _: Option<LoadedPack>) -> Outcome<Simulation<Self::Game>> {
        Ok(Self::accounts(beginning.accounts, beginning.coins).begin()?)
    }
}

impl Ledger {
    const fn accounts(accounts: u32, coins: u64) -> Accounts {
        Accounts { accounts, coins }
    }
}
