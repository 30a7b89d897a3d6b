//! The commands, one a file; each says what it did and gives a verdict.

pub(crate) mod completions;
pub(crate) mod content;
pub(crate) mod demo;
pub(crate) mod drill;
pub(crate) mod journal;
mod login;
pub(crate) mod play;
pub(crate) mod run;
pub(crate) mod swarm;
pub(crate) mod trace;
pub(crate) mod watch;
