//! Each side of the protocol against a peer that does what the bytes say.

pub mod between;
pub mod client;
pub mod host;
pub mod script;
