//! How the engine steps [`Rules`]: its types, its systems in their order, and what becomes of players who come and go.

use tickworld_sim::{
    entity::Entity,
    frame::{PlayerId, Tick},
    game::{Game, System},
    session::OutcomeCode,
    step::Step,
};

use crate::{
    command::{Command, codes},
    event::Event,
    realm::Realm,
    rules::Rules,
    ruleset::Ruleset,
    systems::{behaviour, combat, conditions, exits, movement, orders, paths, spawning, turns},
    travel,
};

impl Game for Rules {
    type State = Realm;
    type Input = Command;
    type Event = Event;
    type Content = Ruleset;

    const NAME: &'static str = "tickworld-d20";
    const REVISION: u32 = 3;
    /// Nothing goes along besides the character: all that a player has stands in its rows.
    const TRAVELS: bool = true;
    const SYSTEMS: &'static [System<Self>] = &[
        System { name: "conditions::expire", run: conditions::expire },
        System { name: "conditions::release", run: conditions::release },
        System { name: "conditions::rise", run: conditions::rise },
        System { name: "turns::begin", run: turns::begin },
        System { name: "turns::rest", run: turns::rest },
        System { name: "orders::apply", run: orders::apply },
        System { name: "spawning::spawn", run: spawning::spawn },
        System { name: "behaviour::aim", run: behaviour::aim },
        System { name: "behaviour::decide", run: behaviour::decide },
        System { name: "combat::strike", run: combat::strike },
        System { name: "combat::damage", run: combat::damage },
        System { name: "conditions::inflict", run: conditions::inflict },
        System { name: "combat::death", run: combat::death },
        System { name: "conditions::save", run: conditions::save },
        System { name: "behaviour::steer", run: behaviour::steer },
        System { name: "paths::serve", run: paths::serve },
        System { name: "movement::walk", run: movement::walk },
        System { name: "combat::decay", run: combat::decay },
        System { name: "exits::leave", run: exits::leave },
    ];

    fn join(realm: &mut Realm, step: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity> {
        spawning::enter(realm, step, player)
    }

    /// The character stays where it is, stops, and does nothing of itself.
    fn leave(realm: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId, entity: Option<Entity>) {
        if let Some(row) = entity.and_then(|entity| realm.entities.row(entity)) {
            realm.halt(row);
            realm.intent.remove(row);
        }
    }

    fn depart(realm: &mut Realm, entity: Entity) {
        travel::depart(realm, entity);
    }

    fn arrive(realm: &mut Realm, step: &mut Step<'_, Self>, player: PlayerId, entities: &[Entity], from: Tick) {
        travel::arrive(realm, step, player, entities, from);
    }

    fn may_leave(realm: &Realm, _: PlayerId, entity: Option<Entity>) -> bool {
        travel::may_leave(realm, entity)
    }

    fn outcome_name(code: OutcomeCode) -> &'static str {
        codes::name(code)
    }
}
