//! The engine and the rules beside something slower and plainer, under operations read from the bytes.

pub mod columns;
pub mod divergence;
pub mod histories;
pub mod rules;
