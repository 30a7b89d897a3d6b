//! Executors for the hunt: jobs in an unkind order on one thread, and jobs on real threads.
//!
//! Invariant: every job runs exactly once. Both ask for jobs of single rows, so that even a small world is shared out.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use tickworld_pool::Pool;
use tickworld_sim::executor::{Executor, Job};

use crate::dice::Dice;

/// Runs jobs on the caller's thread in an order drawn from a number: what a scheduler might do, the same every time.
pub(crate) struct Shuffled {
    workers: usize,
    order: u64,
    calls: AtomicU64,
}

impl Shuffled {
    pub(crate) const fn new(workers: usize, order: u64) -> Self {
        Self { workers, order, calls: AtomicU64::new(0) }
    }
}

impl Executor for Shuffled {
    fn workers(&self) -> usize {
        self.workers
    }

    fn run<'a>(&self, mut jobs: Vec<Job<'a>>) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        Dice::new(self.order, "executor").at(call).shuffle(&mut jobs);
        jobs.into_iter().for_each(|job| job());
    }

    fn rows_per_job_min(&self) -> u32 {
        1
    }
}

/// Runs jobs as servers do, on threads that the whole process shares.
pub(crate) struct Threads;

/// As many as the machine has cores would be kinder, but more of them than cores interleave more.
const THREADS: usize = 4;

fn threads() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::new(THREADS).expect("four threads can be started where a swarm runs"))
}

impl Executor for Threads {
    fn workers(&self) -> usize {
        threads().workers()
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        threads().run(jobs);
    }

    fn install<'a>(&self, work: Job<'a>) {
        threads().install(work);
    }

    fn rows_per_job_min(&self) -> u32 {
        1
    }
}
