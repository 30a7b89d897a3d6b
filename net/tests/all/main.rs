//! The tests of the transports from outside, in one program: what they share is compiled once. What changes the process has a
//! program of its own.

mod connections;
mod examples;
mod hostile_hosts;
mod mailbox;
mod messages;
#[path = "../support/region.rs"]
mod region;
mod regions;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod transports;
mod violations;
