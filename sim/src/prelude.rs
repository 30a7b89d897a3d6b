//! The names that every game uses: `use tickworld_sim::prelude::*;`.
//!
//! Invariant: nothing is defined here.

pub use crate::{
    column::Column,
    component::Component,
    content::{ContentId, Library},
    derived::{Derived, Rebuild},
    entities::Entities,
    entity::{Band, Entity, Row},
    executor::{Executor, Inline},
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    game::{Game, System},
    join::{join, opt, without},
    list::ListColumn,
    math::{Angle, Cell, Fx, Vec2, Vec3},
    resource::Resource,
    rng::Entropy,
    session::OutcomeCode,
    simulation::Simulation,
    state::State,
    step::Step,
    world::World,
};
