//! [`Bot`]: how a game is played without thinking.

use tickworld_ledger::{Ledger, Order};
use tickworld_rules::{Command, Rules, Ruleset, bot::random_command};
use tickworld_sim::{
    content::{ContentId, Library},
    frame::PlayerId,
    game::Game,
    math::{Fx, Vec2},
    rng::Rng,
    world::World,
};

/// Plays one game.
pub(crate) trait Bot: Clone + Send + Sync + 'static {
    /// Which.
    type Game: Game<Input: Send>;

    /// What lockstep bots simulate with.
    fn library(&self) -> (ContentId, Library<<Self::Game as Game>::Content>);

    /// The next input; lockstep bots see the world.
    fn next(&self, dice: &mut Rng, world: Option<&World<Self::Game>>, player: PlayerId) -> <Self::Game as Game>::Input;

    /// What is wrong with a world, if anything.
    fn check(&self, world: &World<Self::Game>) -> Option<String>;
}

/// Moves coins between the accounts of a ledger.
#[derive(Clone, Debug)]
pub(crate) struct Clerk {
    accounts: u32,
    total: u64,
    /// Part of all transfers that concern the accounts up to each; empty where all are alike.
    cumulative: Vec<f64>,
}

impl Clerk {
    /// Of a ledger with so many accounts, picked by Zipf's law with this exponent, or all alike for 0.
    pub(crate) fn new(accounts: u32, coins: u64, exponent: f64) -> Self {
        let mut cumulative = Vec::new();
        if exponent > 0.0 {
            let mut sum = 0.0;
            cumulative.extend((1..=accounts).map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            }));
            cumulative.iter_mut().for_each(|part| *part /= sum);
        }
        Self { accounts, total: u64::from(accounts) * coins, cumulative }
    }

    fn account(&self, dice: &mut Rng) -> u32 {
        if self.cumulative.is_empty() {
            return dice.below(self.accounts);
        }
        let drawn = (dice.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        u32::try_from(self.cumulative.partition_point(|part| *part < drawn)).unwrap_or(0)
    }
}

impl Bot for Clerk {
    type Game = Ledger;

    fn library(&self) -> (ContentId, Library<()>) {
        (ContentId::NONE, Library::of(ContentId::NONE, ()))
    }

    fn next(&self, dice: &mut Rng, _: Option<&World<Ledger>>, _: PlayerId) -> Order {
        let from = self.account(dice);
        let mut to = self.account(dice);
        if to == from {
            to = (from + 1) % self.accounts;
        }
        Order::Transfer { from, to, amount: dice.die(9) }
    }

    fn check(&self, world: &World<Ledger>) -> Option<String> {
        let total = world.state().endowment();
        (total != self.total).then(|| format!("there are {total} coins, there were {}", self.total))
    }
}

/// Walks about a d20 world; a lockstep one does whatever it can.
#[derive(Clone)]
pub(crate) struct Wanderer {
    library: Library<Ruleset>,
    content: ContentId,
}

impl Wanderer {
    /// With this content.
    pub(crate) const fn new(content: ContentId, library: Library<Ruleset>) -> Self {
        Self { library, content }
    }
}

/// How far a bot that sees nothing walks, in feet from the map's corner.
const STROLL_FEET: i32 = 200;

impl Bot for Wanderer {
    type Game = Rules;

    fn library(&self) -> (ContentId, Library<Ruleset>) {
        (self.content, self.library.clone())
    }

    fn next(&self, dice: &mut Rng, world: Option<&World<Rules>>, player: PlayerId) -> Command {
        let seen = world.and_then(|world| {
            let own = world.players().find(player)?.entity?;
            let rules = self.library.find(world.content())?;
            Some(random_command(dice, world.state(), rules, own))
        });
        seen.unwrap_or_else(|| {
            let mut feet = || Fx::from_int(dice.range_inclusive_i32(0, STROLL_FEET));
            Command::MoveTo { place: Vec2::new(feet(), feet()) }
        })
    }

    fn check(&self, _: &World<Rules>) -> Option<String> {
        None
    }
}
