//! Journals and snapshots of worlds: traits, redb behind them, a double in memory, and one conformance suite for all.
//!
//! Invariant: what an append reported as durable is there after any crash that its level allows, and damage is never
//! silent.
