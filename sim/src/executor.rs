//! [`Executor`]: threads come from outside.
//!
//! Invariant: which thread runs a job, and in which order, changes nothing: jobs of one call share no writable memory.

use alloc::vec::Vec;

pub use crate::column::Job;

/// Runs jobs and returns when all are done.
pub trait Executor: Send + Sync {
    /// How many jobs can run at once, at least 1. Only a hint for how finely to share out work.
    fn workers(&self) -> usize;

    /// Runs every job, in any order, on any thread.
    fn run<'a>(&self, jobs: Vec<Job<'a>>);

    /// Runs `work`, which hands out jobs many times in a row: an executor may get its threads ready for them, and run it on
    /// any. Returns when it is done.
    fn install<'a>(&self, work: Job<'a>) {
        work();
    }

    /// How few rows are worth a job of their own, at least 1: handing one over costs some microseconds. Only a hint too.
    fn rows_per_job_min(&self) -> u32 {
        128
    }
}

/// Runs jobs one after the other on the caller's thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline;

impl Executor for Inline {
    fn workers(&self) -> usize {
        1
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        jobs.into_iter().for_each(|job| job());
    }
}
