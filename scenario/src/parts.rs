//! The parts of a scenario: groups, spawners, classes, treasures, exits, players.
//!
//! Invariant: a part with a mistake is left out; the mistake is noted, so the scenario is refused.

use std::collections::BTreeSet;

use tickworld_content::model::Key;
use tickworld_contentc::document::{Node, Value, suggestion};
use tickworld_rules::{
    ContentKey,
    components::Act,
    limits,
    setup::{ExitArea, Group, PlayerClass, SpawnPoint, Treasure},
};
use tickworld_sim::{frame::PlayerId, region::RegionId};

use crate::{
    Aim, Order,
    builder::Builder,
    packs::{Entry, slug},
    reader::Fields,
    scenario::{Player, TICKS_MAX},
};

/// Most coins of one purse.
const COINS_MAX: u64 = 1_000_000_000_000;
/// Most players that the rules and the engine are asked to bear.
const PLAYERS_MAX: u64 = 10_000;
/// Players' numbers; bots count on from here.
const FIRST_BOT: u64 = 1_000_000;

fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// `{creature: goblin, count: 40, faction: raiders, area: [0, 0, 20, 40]}`.
pub(super) fn group<'n>(builder: &mut Builder<'_, 'n, '_>, node: &'n Node) -> Option<Group> {
    let fields = builder.reader.fields(node, &["creature", "count", "faction", "area", "coins"]);
    let (creature, faction, area) = (builder.creature(&fields), builder.faction(&fields), builder.area(&fields));
    let count = number(builder.reader.int_or(fields.find("count"), 1, 1, limits::GROUP_MAX.into()));
    let coins = builder.reader.int_or(fields.find("coins"), 0, 0, COINS_MAX);
    Some(Group { creature: creature?, count, area: area?, faction: faction?, coins })
}

/// `{creature: orc, faction: raiders, area: [50, 0, 10, 40], every: 300, alive: 12}`.
pub(super) fn spawner<'n>(builder: &mut Builder<'_, 'n, '_>, node: &'n Node) -> Option<SpawnPoint> {
    let fields = builder.reader.fields(node, &["creature", "faction", "area", "every", "alive"]);
    let (creature, faction, area) = (builder.creature(&fields), builder.faction(&fields), builder.area(&fields));
    let interval_ticks = number(builder.reader.int_or(fields.find("every"), 300, 1, u32::MAX.into()));
    let alive_max = number(builder.reader.int_or(fields.find("alive"), 10, 1, limits::GROUP_MAX.into()));
    Some(SpawnPoint { creature: creature?, area: area?, faction: faction?, alive_max, interval_ticks })
}

/// `{creature: knight, faction: villagers, area: [0, 0, 5, 5], coins: 100, items: {longsword: 1}}`.
pub(super) fn class<'n>(builder: &mut Builder<'_, 'n, '_>, node: &'n Node) -> Option<PlayerClass> {
    let fields = builder.reader.fields(node, &["creature", "faction", "area", "coins", "items"]);
    let (creature, faction, area) = (builder.creature(&fields), builder.faction(&fields), builder.area(&fields));
    let coins = builder.reader.int_or(fields.find("coins"), 0, 0, COINS_MAX);
    let mut items = Vec::new();
    let pairs = fields.find("items").map_or(&[][..], |node| builder.reader.pairs(node));
    for (head, body) in pairs {
        let count = number(builder.reader.int(body, 1, u32::MAX.into()));
        items.extend(builder.entry(Entry::Item, head).map(|item| (item, count)));
    }
    Some(PlayerClass { creature: creature?, area: area?, faction: faction?, coins, items })
}

/// `{at: [3, 4], item: dagger, count: 2, coins: 50}`.
pub(super) fn treasure<'n>(builder: &mut Builder<'_, 'n, '_>, node: &'n Node) -> Option<Treasure> {
    let fields = builder.reader.fields(node, &["at", "item", "count", "coins"]);
    let cell = builder.reader.require(&fields, "at").and_then(|node| builder.cell(node));
    let count = number(builder.reader.int_or(fields.find("count"), 1, 1, u32::MAX.into()));
    let coins = builder.reader.int_or(fields.find("coins"), 0, 0, COINS_MAX);
    let item = fields.find("item").map(|node| builder.entry(Entry::Item, node));
    if item.is_none() && coins == 0 {
        builder.reader.error(node.span, "a treasure of nothing", Some("give `item` or `coins`".into()));
    }
    Some(Treasure { cell: cell?, item: item.flatten().map(|item| (item, count)), coins })
}

/// `{to: 2, area: [23, 9, 1, 6]}`.
pub(super) fn exit<'n>(builder: &mut Builder<'_, 'n, '_>, node: &'n Node) -> Option<ExitArea> {
    let fields = builder.reader.fields(node, &["to", "area"]);
    let to = builder.reader.require(&fields, "to");
    let region = to.map(|node| RegionId(number(builder.reader.int(node, 1, u32::MAX.into()))));
    let area = builder.area(&fields);
    Some(ExitArea { area: area?, region: region? })
}

/// The players with scripts, then the bots.
pub(super) fn players<'n>(builder: &mut Builder<'_, 'n, '_>, fields: &Fields<'n>) -> Vec<Player> {
    let mut players = Vec::new();
    let mut seen = BTreeSet::new();
    for node in builder.reader.list(fields.find("players")) {
        let parts = builder.reader.fields(node, &["player", "joins", "leaves", "bot_every", "inputs"]);
        let Some(id) = builder.reader.require(&parts, "player") else { continue };
        let player = PlayerId(builder.reader.int(id, 1, FIRST_BOT - 1));
        if !seen.insert(player) {
            builder.reader.error(id.span, format!("player {} stands here twice", player.0), Some("keep one".into()));
        }
        players.push(one_player(builder, &parts, player));
    }
    if let Some(node) = fields.find("bots") {
        let bots = builder.reader.fields(node, &["count", "joins", "every"]);
        let count = builder.reader.int_or(bots.find("count"), 1, 1, PLAYERS_MAX);
        let joins = builder.reader.int_or(bots.find("joins"), 1, 1, TICKS_MAX);
        let every = number(builder.reader.int_or(bots.find("every"), 30, 1, u32::MAX.into()));
        let bot =
            |n| Player { id: PlayerId(FIRST_BOT + n), joins, leaves: None, bot_every: Some(every), orders: Vec::new() };
        players.extend((0..count).map(bot));
    }
    if !players.is_empty() && builder.set_up.classes.is_empty() {
        let node = fields.find("players").or(fields.find("bots"));
        let span = node.map_or(fields.span, |node| node.span);
        let help = "say under `classes:` what players begin as";
        builder.reader.error(span, "there are players, but no class to begin as", Some(help.into()));
    }
    players
}

fn one_player<'n>(builder: &mut Builder<'_, 'n, '_>, fields: &Fields<'n>, id: PlayerId) -> Player {
    let joins = builder.reader.int_or(fields.find("joins"), 1, 1, TICKS_MAX);
    let leaves = fields.find("leaves").map(|node| builder.reader.int(node, 1, TICKS_MAX));
    let bot_every = fields.find("bot_every").map(|node| number(builder.reader.int(node, 1, u32::MAX.into())));
    let mut orders = Vec::new();
    for node in builder.reader.list(fields.find("inputs")) {
        const KNOWN: &[&str] = &[
            "tick", "stop", "rest", "move", "action", "spell", "use", "routine", "on", "pick_up", "drop", "count",
            "equip", "unequip", "give", "to",
        ];
        let parts = builder.reader.fields(node, KNOWN);
        let Some(at) = builder.reader.require(&parts, "tick") else { continue };
        let tick = builder.reader.int(at, 1, TICKS_MAX);
        if tick <= joins {
            let help = format!("player {} joins at tick {joins}: the first input can be of the tick after", id.0);
            builder.reader.error(at.span, format!("tick {tick} is too early"), Some(help));
        }
        orders.extend(order(builder, &parts, id).map(|order| (tick, order)));
    }
    Player { id, joins, leaves, bot_every, orders }
}

/// One of the verbs, with what belongs to it.
fn order<'n>(builder: &mut Builder<'_, 'n, '_>, fields: &Fields<'n>, id: PlayerId) -> Option<Order> {
    const VERBS: &[&str] =
        &["stop", "rest", "move", "action", "spell", "use", "routine", "pick_up", "drop", "equip", "unequip", "give"];
    let verbs: Vec<&str> = fields.names().filter(|name| VERBS.contains(name)).collect();
    let [verb] = verbs[..] else {
        let message = if verbs.is_empty() { "an input that does nothing" } else { "an input that does several things" };
        builder.reader.error(fields.span, message, Some(format!("give one of: {}", VERBS.join(", "))));
        return None;
    };
    let node = fields.find(verb)?;
    let count = number(builder.reader.int_or(fields.find("count"), 1, 1, u32::MAX.into()));
    match verb {
        "stop" => Some(Order::Stop),
        "rest" => Some(Order::Rest),
        "pick_up" => Some(Order::PickUp),
        "move" => builder.cell(node).map(Order::Move),
        "drop" => builder.entry(Entry::Item, node).map(|item| Order::Drop(item, count)),
        "equip" => builder.entry(Entry::Item, node).map(Order::Equip),
        "unequip" => builder.entry(Entry::Item, node).map(Order::Unequip),
        "give" => {
            let amount = builder.reader.int(node, 1, COINS_MAX);
            let to = builder.reader.require(fields, "to")?;
            let to = PlayerId(builder.reader.int(to, 1, u64::MAX));
            Some(Order::Give(to, i64::try_from(amount).unwrap_or(i64::MAX)))
        }
        _ => {
            let act = act(builder, verb, node, id)?;
            Some(Order::Use(act, aim(builder, fields)?))
        }
    }
}

fn aim<'n>(builder: &mut Builder<'_, 'n, '_>, fields: &Fields<'n>) -> Option<Aim> {
    let Some(node) = fields.find("on") else { return Some(Aim::NearestEnemy) };
    if matches!(node.value, Value::List(_)) {
        return builder.cell(node).map(Aim::At);
    }
    match builder.reader.text(node) {
        "nearest-enemy" => Some(Aim::NearestEnemy),
        "self" => Some(Aim::Oneself),
        other => {
            let help = suggestion(other, ["nearest-enemy", "self"].into_iter());
            let help = help.unwrap_or_else(|| "nearest-enemy, self, or [x, y] in cells".into());
            builder.reader.error(node.span, format!("`{other}` is no target"), Some(help));
            None
        }
    }
}

fn act<'n>(builder: &mut Builder<'_, 'n, '_>, verb: &str, node: &'n Node, id: PlayerId) -> Option<Act> {
    match verb {
        "spell" => builder.entry(Entry::Spell, node).map(|key| Act::Spell { key }),
        "use" => builder.entry(Entry::Item, node).map(|key| Act::Item { key }),
        "routine" => u8::try_from(builder.reader.int(node, 0, 31)).ok().map(|index| Act::Routine { index }),
        _ => action(builder, node, id).map(|key| Act::Action { key }),
    }
}

/// `scimitar` of the player's own stat block, or a whole path such as `item/longsword`.
fn action<'n>(builder: &mut Builder<'_, 'n, '_>, node: &'n Node, id: PlayerId) -> Option<ContentKey> {
    let name = builder.reader.text(node);
    let pack = &builder.pack.pack;
    if name.contains('/') {
        let key = Key::of("action", name);
        if pack.find_action(key).is_none() {
            builder.reader.error(node.span, format!("unknown action `{name}`"), None);
        }
        return Some(key.into());
    }
    let classes = &builder.set_up.classes;
    let count = u64::try_from(classes.len()).unwrap_or(1).max(1);
    // Player p gets class p modulo their number.
    let class = usize::try_from(id.0 % count).ok().and_then(|at| classes.get(at))?;
    let block = pack.find_creature(class.creature.key())?;
    let actions: Vec<_> = block.actions.iter().filter_map(|at| pack.actions.get(usize::try_from(*at).ok()?)).collect();
    match actions.iter().find(|action| slug(&action.name) == name) {
        Some(action) => Some(action.key.into()),
        None => {
            let known: Vec<String> = actions.iter().map(|action| slug(&action.name)).collect();
            let help = suggestion(name, known.iter().map(String::as_str));
            let help = help.unwrap_or_else(|| format!("it can: {}", known.join(", ")));
            builder.reader.error(node.span, format!("{} has no action `{name}`", block.name), Some(help));
            None
        }
    }
}
