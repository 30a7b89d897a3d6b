//! Integer mathematics with one result on every machine: fixed point, binary angles, roots, vectors, grid cells.
//!
//! Invariant: every operation names its overflow policy (`saturating_`, `checked_`, `wrapping_`) and its rounding, and is
//! computed with integers alone, so debug and release builds and all targets agree bit for bit.
//!
//! Deliberately absent: floating point (also in the generation of tables), the std arithmetic operators on plain
//! numbers (their overflow policy depends on the build; [`Saturating`] and [`Checked`] have them), matrices and quaternions (views and tools may use a float library outside this crate).

mod angle;
mod atan;
mod cell;
mod decimal;
mod fx;
mod operators;
mod root;
mod round;
mod trig;
mod vec2;
mod vec3;

pub use angle::Angle;
pub use cell::Cell;
pub use decimal::FxParseError;
pub use fx::Fx;
pub use operators::{Checked, Saturating};
pub use root::{hypot, isqrt_u64, isqrt_u128};
pub use vec2::Vec2;
pub use vec3::Vec3;
