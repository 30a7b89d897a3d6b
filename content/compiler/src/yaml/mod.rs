//! YAML text to a tree that knows where each part stands.
//!
//! Invariant: a tree holds scalars as their source text (nothing is turned into a number, a date or a bool), keys are
//! scalars and unique, and depth and node count are bounded. Anchors, aliases, tags and several documents are refused:
//! content needs none of them, and aliases let a small file unfold into a huge one. What YAML 1.2 allows besides passes.

mod load;
mod node;

pub(crate) use load::{is_empty, load, odd_space};
pub use node::{Node, Value};
