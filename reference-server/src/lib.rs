//! A region of a Tickworld world: configuration, admission, recovery, the tick loop, HTTP.
//!
//! Invariant: nothing is acknowledged that is not stored at the level that the acknowledgement names.
