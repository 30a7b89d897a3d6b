//! Readers of bytes from outside: each refuses with an error, or reads to a value that gives the same bytes again.

pub mod descent;
pub mod dice;
pub mod journal;
pub mod pack;
pub mod parcel;
pub mod post;
pub mod schema;
pub mod snapshot;
pub mod ticket;
pub mod trace;
pub mod wire;
pub mod yaml;
