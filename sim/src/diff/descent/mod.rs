//! Descent: two peers that each hold only their own state find what differs, in a few KiB.
//!
//! Invariant: sans I/O and stateless on the answering side, so a peer answers anyone at bounded cost. Digests are cut to eight
//! bytes: enough to follow a difference, never to prove equality to an enemy. A lying peer gets an error or a wrong report
//! about its own state, never a panic, and never memory beyond the limits.
//!
//! ```text
//! asks for            gets                                        at 100,000 entities
//! columns             a digest per column                         8 bytes each
//! groups of 32 pages  a digest per group, or the pages' at once   up to 392 bytes
//! pages of a group    32 digests                                  256 bytes
//! blocks of 32 rows   a digest per block (pages of 64: skipped)   up to 256 bytes
//! rows of a block     32 digests, or short rows themselves        256 to 512 bytes
//! a row               its bytes                                   up to 256 bytes
//! ```

mod digest;
mod message;
mod requester;
mod responder;

pub use message::{Answer, Item, Request, Response};
pub use requester::{DescentError, DescentReport, DescentTraffic, Requester};
pub use responder::answer;
