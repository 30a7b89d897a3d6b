//! [`Bot`]: how a game is played without thinking.

use std::collections::BTreeMap;

use tickworld_ledger::{Ledger, Order};
use tickworld_rules::{Command, Rules, Ruleset, bot::random_command, setup::Rect};
use tickworld_scenario::WorldMap;
use tickworld_sim::{
    content::{ContentId, Library},
    frame::PlayerId,
    game::Game,
    math::{Cell, Fx, Vec2},
    region::RegionId,
    rng::{Entropy, Rng, StreamKey},
    world::World,
};

/// Where a bot plays, and how far it has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The region that has its player.
    pub(crate) region: RegionId,
    /// How often it has sent something.
    pub(crate) round: u64,
}

impl Moment {
    /// In a world of one region, before anything was sent.
    pub(crate) const FIRST: Self = Self { region: RegionId::FIRST, round: 0 };
}

/// Plays one game.
pub(crate) trait Bot: Clone + Send + Sync + 'static {
    /// The game that it plays.
    type Game: Game<Input: Send>;

    /// What lockstep bots simulate with.
    fn library(&self) -> (ContentId, Library<<Self::Game as Game>::Content>);

    /// The next input; lockstep bots see the world.
    fn next(
        &self,
        dice: &mut Rng,
        world: Option<&World<Self::Game>>,
        player: PlayerId,
        moment: Moment,
    ) -> <Self::Game as Game>::Input;

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

    fn next(&self, dice: &mut Rng, _: Option<&World<Ledger>>, _: PlayerId, _: Moment) -> Order {
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

/// Walks about a d20 world; a lockstep one does whatever it can. Where the world has several regions, it goes over a border most of the
/// time: to an exit, and on in the region that this leads to.
#[derive(Clone)]
pub(crate) struct Wanderer {
    library: Library<Ruleset>,
    content: ContentId,
    /// The exits of each region, in cells, and the side of a cell in feet.
    exits: BTreeMap<RegionId, Vec<Rect>>,
    cell_feet: u16,
}

impl Wanderer {
    /// A bot that simulates with this content.
    pub(crate) const fn new(content: ContentId, library: Library<Ruleset>) -> Self {
        Self { library, content, exits: BTreeMap::new(), cell_feet: 5 }
    }

    /// Of a world of several regions.
    pub(crate) fn of_map(map: &WorldMap) -> Self {
        let pack = &map.regions.first().expect("a map has at least one region").scenario.pack;
        let areas = map.regions.iter().map(|region| {
            // Beyond the regions that are played nobody goes.
            let exits = region.scenario.set_up.exits.iter().filter(|exit| region.neighbours.contains(&exit.region));
            (region.id, exits.map(|exit| exit.area).collect())
        });
        let cell_feet = pack.pack.constants.cell_feet;
        Self { exits: areas.collect(), cell_feet, ..Self::new(pack.id, pack.library()) }
    }

    /// Where it is going for some time: a place on an exit; nowhere in particular in a quarter of all times, and where there are none.
    fn errand(&self, player: PlayerId, moment: Moment) -> Option<Vec2> {
        let exits = self.exits.get(&moment.region).filter(|exits| !exits.is_empty())?;
        let key = StreamKey::new(&Entropy::from_bytes([8; 16]), moment.round / ERRAND_ROUNDS, "errands");
        let mut dice = key.rng(player.0);
        if dice.chance(1, 4) {
            return None;
        }
        let exit = exits[dice.below(u32::try_from(exits.len()).ok()?) as usize];
        let mut within = |start: u16, length: u16| i32::from(start) + dice.below(length.into()).cast_signed();
        let cell = Cell::new(within(exit.x, exit.width), within(exit.y, exit.height));
        Some(cell.center(Fx::from_int(self.cell_feet.into())))
    }
}

/// Inputs that a bot sends until it goes somewhere else: as many as it takes to walk there at five a second.
const ERRAND_ROUNDS: u64 = 100;
/// How far a bot that sees nothing walks, in feet from the map's corner.
const STROLL_FEET: i32 = 200;

impl Bot for Wanderer {
    type Game = Rules;

    fn library(&self) -> (ContentId, Library<Ruleset>) {
        (self.content, self.library.clone())
    }

    fn next(&self, dice: &mut Rng, world: Option<&World<Rules>>, player: PlayerId, moment: Moment) -> Command {
        if let Some(place) = self.errand(player, moment) {
            return Command::MoveTo { place };
        }
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
