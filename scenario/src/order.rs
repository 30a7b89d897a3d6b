//! [`Order`]: what a scenario lets a player send, before it is known whom "the nearest enemy" means.
//!
//! Invariant: an order becomes a command from the state of the world at its tick alone; the command stands in the frame, so a
//! replay needs no scenario.

use tickworld_rules::{Command, ContentKey, Realm, components::Act, realm::LivingCreature};
use tickworld_sim::{
    entity::Entity,
    frame::PlayerId,
    join::join,
    math::{Cell, Vec2},
    session::Players,
};

/// What a player does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Stops where they are.
    Stop,
    /// Begins a long rest.
    Rest,
    /// Walks to a cell.
    Move(Cell),
    /// Uses an action.
    Use(Act, Aim),
    /// Takes up the nearest thing.
    PickUp,
    /// Puts things down.
    Drop(ContentKey, u32),
    /// Wears or holds.
    Equip(ContentKey),
    /// Takes off what they wear or hold.
    Unequip(ContentKey),
    /// Gives coins to another player.
    Give(PlayerId, i64),
}

/// On whom an action is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The nearest living enemy.
    NearestEnemy,
    /// The character itself.
    Oneself,
    /// A place on the ground.
    At(Cell),
}

impl Order {
    /// The command of the character `who`; a stop where its target is not there.
    pub(super) fn command(&self, realm: &Realm, players: &Players, who: Entity) -> Command {
        let place = |cell: Cell| cell.center(realm.settings.cell());
        match self {
            Self::Stop => Command::Stop,
            Self::Rest => Command::Rest,
            Self::Move(cell) => Command::MoveTo { place: place(*cell) },
            Self::Use(act, aim) => {
                let me = realm.living(who);
                let (target, at) = match aim {
                    Aim::At(cell) => (None, place(*cell)),
                    Aim::Oneself => (Some(who), me.map_or(Vec2::ZERO, |me| me.place)),
                    Aim::NearestEnemy => {
                        let enemy = me.and_then(|me| nearest_enemy(realm, &me));
                        (enemy.map(|it| it.entity), enemy.or(me).map_or(Vec2::ZERO, |it| it.place))
                    }
                };
                Command::Use { act: *act, target, place: at }
            }
            Self::PickUp => match realm.living(who).and_then(|me| nearest_item(realm, &me)) {
                Some(item) => Command::PickUp { item },
                None => Command::Stop,
            },
            Self::Drop(item, count) => Command::Drop { item: *item, count: *count },
            Self::Equip(item) => Command::Equip { item: *item },
            Self::Unequip(item) => Command::Unequip { item: *item },
            Self::Give(player, amount) => match players.find(*player).and_then(|player| player.entity) {
                Some(to) => Command::GiveCoins { to, amount: *amount },
                None => Command::Stop,
            },
        }
    }
}

fn nearest_enemy(realm: &Realm, me: &LivingCreature) -> Option<LivingCreature> {
    let mut best: Option<(u128, LivingCreature)> = None;
    join((&realm.creature, &realm.position)).for_each(|row, (creature, _)| {
        if !realm.are_enemies(&me.creature, creature) {
            return;
        }
        let Some(it) = realm.living_in(row) else { return };
        let distance = distance(me.place, it.place);
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, it));
        }
    });
    best.map(|(_, it)| it)
}

fn nearest_item(realm: &Realm, me: &LivingCreature) -> Option<Entity> {
    let mut best: Option<(u128, Entity)> = None;
    join((&realm.ground_item, &realm.position, &realm.entities)).for_each(|_, (_, position, entity)| {
        let distance = distance(me.place, position.0);
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, entity));
        }
    });
    best.map(|(_, entity)| entity)
}

/// The square of the distance, in units too small to overflow.
fn distance(a: Vec2, b: Vec2) -> u128 {
    let square = |a: i64, b: i64| u128::from(a.abs_diff(b)).saturating_mul(u128::from(a.abs_diff(b)));
    square(a.x.to_bits(), b.x.to_bits()).saturating_add(square(a.y.to_bits(), b.y.to_bits()))
}
