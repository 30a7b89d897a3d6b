//! [`Game`]: what a game says once, so that the engine can step it.

pub mod step;

use alloc::vec::Vec;

use step::Step;

use crate::{
    component::Component,
    entity::Entity,
    frame::{PlayerId, Tick},
    session::OutcomeCode,
    state::State,
};

/// A game on the engine: its state, its inputs and events, its content, and its systems in order.
///
/// `examples/` of this crate has a whole game in under a hundred lines.
pub trait Game: Sized + Send + Sync + 'static {
    /// The game's part of the world.
    type State: State;
    /// The body of a player's input.
    type Input: Component;
    /// What a tick tells the outside.
    type Event: Component;
    /// Decoded, immutable content; `()` for games without.
    type Content: Send + Sync + 'static;

    /// Stands in traces and the schema; 1 to 64 bytes.
    const NAME: &'static str;
    /// Revision of the rules: raise it with any change that gives other roots. Replay promises equal roots for equal
    /// (schema, revision).
    const REVISION: u32;
    /// Every system, in the order in which a tick runs them.
    const SYSTEMS: &'static [System<Self>];
    /// Whether players of this game travel, to other regions and to the archive. A game that says so says below what belongs to a
    /// player, and keeps what is derived in order; in any other one players stay, and parcels are refused.
    const TRAVELS: bool = false;

    /// A player enters: gives the entity they play from now on. Called again for one who comes back only if the entity is gone.
    fn join(state: &mut Self::State, step: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity>;

    /// A player left or timed out.
    fn leave(_state: &mut Self::State, _step: &mut Step<'_, Self>, _player: PlayerId, _entity: Option<Entity>) {}

    /// What else goes along when the player of `own` leaves for another region: their entities besides it. Each goes with all its
    /// rows; a handle in them that leads elsewhere becomes `None`, or its row stays behind (see [`State`]).
    #[must_use]
    fn belongings(_state: &Self::State, _own: Entity) -> Vec<Entity> {
        Vec::new()
    }

    /// An entity leaves the world with its player: takes it out of what is derived. Its rows are dropped afterwards.
    fn depart(_state: &mut Self::State, _entity: Entity) {}

    /// A player came with their entities, the one that they play first, none where they play none: with the rows that these had at
    /// the end of tick `from` elsewhere. Sets where they are, moves phases and ticks that they remember, and puts them into what is
    /// derived; one that does not fit here is despawned. Rows may be missing that the game would never leave out, or say what it
    /// would never write: a parcel is bytes of somebody else.
    fn arrive(
        _state: &mut Self::State,
        _step: &mut Step<'_, Self>,
        _player: PlayerId,
        _entities: &[Entity],
        _from: Tick,
    ) {
    }

    /// Whether a player may leave for another region, or for the archive, now. Asked at the very end of a tick.
    #[must_use]
    fn may_leave(_state: &Self::State, _player: PlayerId, _entity: Option<Entity>) -> bool {
        true
    }

    /// What an outcome code means, for reports: the engine's by [`OutcomeCode::engine_name`].
    #[must_use]
    fn outcome_name(code: OutcomeCode) -> &'static str {
        code.engine_name().unwrap_or("refused")
    }
}

/// A named step of a tick: a plain function over the fields of the state.
pub struct System<G: Game> {
    /// Stands in blame reports; by habit the function's path (`combat::damage`).
    pub name: &'static str,
    /// What the system does; it is called once a tick.
    pub run: fn(&mut G::State, &mut Step<'_, G>),
}
