//! [`Command`]: what a player can ask for, and [`codes`]: what becomes of it.
//!
//! Invariant: every input is answered with one code that has a name; a refused one changes nothing.

use tickworld_sim::{Component, entity::Entity, math::Vec2};

use crate::{components::Act, key::ContentKey};

/// The body of a player's input.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stops walking, forgets what was queued, breaks off a rest.
    Stop,
    /// Walks to a place, around obstacles.
    MoveTo {
        /// The place, in feet from the map's corner.
        place: Vec2,
    },
    /// Uses an action, at once or on the player's next turn.
    Use {
        /// The action, routine, spell or item that is used.
        act: Act,
        /// The creature that it is used on; none for areas and for what is used on oneself.
        target: Option<Entity>,
        /// Where, for areas; with a target its place counts.
        place: Vec2,
    },
    /// Takes up what lies on the ground.
    PickUp {
        /// The item or heap of coins to take up.
        item: Entity,
    },
    /// Puts down things from the bag.
    Drop {
        /// The item's key, `item/NAME`.
        item: ContentKey,
        /// How many are put down, at least 1.
        count: u32,
    },
    /// Wears or holds a thing from the bag.
    Equip {
        /// The item's key, `item/NAME`.
        item: ContentKey,
    },
    /// Takes off what is worn or held.
    Unequip {
        /// The item's key, `item/NAME`.
        item: ContentKey,
    },
    /// Hands coins to a living creature nearby.
    GiveCoins {
        /// The living creature that receives the coins.
        to: Entity,
        /// Coins in copper pieces, at least 1.
        amount: i64,
    },
    /// Begins a long rest.
    Rest,
}

/// Outcome codes of the game.
pub mod codes {
    use tickworld_sim::session::OutcomeCode;

    macro_rules! codes {
        ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal;)*) => {
            $( $(#[$doc])* pub const $name: OutcomeCode = OutcomeCode($number); )*

            /// The name of a code.
            #[must_use]
            pub const fn name(code: OutcomeCode) -> &'static str {
                match code {
                    $( $name => $text, )*
                    code => match code.engine_name() {
                        Some(name) => name,
                        None => "refused",
                    },
                }
            }
        };
    }

    codes! {
        /// It will be done on the player's next turn.
        QUEUED = 1 "queued until your turn";
        /// The player has no living character.
        DEAD = 2 "you are dead";
        /// The handle is stale, or of the wrong kind.
        NO_SUCH_TARGET = 3 "no such target";
        /// The target is dead.
        TARGET_DEAD = 4 "the target is dead";
        /// Out of reach or range; the value is the distance in feet.
        TOO_FAR = 5 "too far";
        /// A wall stands between the actor and the target.
        NO_SIGHT = 6 "no line of sight";
        /// The place is in a wall or off the map.
        BLOCKED = 7 "the place is blocked";
        /// The character does not have this action.
        UNKNOWN_ACTION = 8 "you cannot do that";
        /// No use of it is left.
        SPENT = 9 "no uses left";
        /// Stunned and the like.
        INCAPACITATED = 10 "a condition prevents it";
        /// The purse holds less.
        NOT_ENOUGH_COINS = 11 "not enough coins";
        /// Zero, negative or too large.
        BAD_AMOUNT = 12 "not a sensible amount";
        /// The bag does not hold it.
        NOT_IN_BAG = 13 "not in your bag";
        /// The bag takes no more kinds of things.
        BAG_FULL = 14 "your bag is full";
        /// It is neither a weapon nor armour nor a shield.
        NOT_EQUIPPABLE = 15 "it cannot be worn or held";
        /// It is neither worn nor held.
        NOT_EQUIPPED = 16 "it is not equipped";
        /// Enemies are within the character's awareness.
        ENEMIES_NEAR = 17 "enemies are near";
        /// The giver or user may not name themselves.
        SELF_TARGET = 18 "not to yourself";
        /// Both hands are needed.
        HANDS_FULL = 19 "both hands are needed";
        /// One deed a turn: another one is done in this tick.
        BUSY = 20 "you are already acting";
        /// The world holds no more things.
        WORLD_FULL = 21 "there is no room in the world";
    }
}
