//! The rows of items and coins: purses, stacks in bags, what is worn, what lies on the ground.
//!
//! Invariant: coins are only moved, never made, by inputs; the sum over all purses changes only where a set-up or a
//! newcomer's class brings some in, or what nobody took up in time is gone.

use tickworld_sim::Component;

use crate::key::ContentKey;

/// Copper pieces (SRD 5.1 p. 62).
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse(pub u64);

/// Items of one kind.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The item's key, `item/NAME`.
    pub item: ContentKey,
    /// Number of items, at least 1.
    pub count: u32,
}

/// What is held and worn; the things stay in the bag.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Equipment {
    /// The key of the weapon in hand.
    pub weapon: Option<ContentKey>,
    /// The key of the armour that is worn.
    pub armor: Option<ContentKey>,
    /// The key of the shield in hand.
    pub shield: Option<ContentKey>,
}

/// Lies on the ground, where its position says; may also hold a purse.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroundItem {
    /// The things; none for a heap of coins.
    pub stack: Option<Stack>,
    /// The tick in which it goes; `None` for what the set-up laid out, which stays.
    pub until_tick: Option<u64>,
}
