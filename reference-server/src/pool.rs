//! [`Pool`]: worker threads for the engine.
//!
//! Invariant: how many workers there are changes how long a run takes and nothing else. Threads live as long as the pool:
//! starting them for every system would cost more than it gains.

use rayon::{ThreadPool, ThreadPoolBuilder};
use tickworld_sim::executor::{Executor, Job};

use crate::failure::{Failure, Outcome};

/// Most workers that `--threads` takes.
pub const WORKERS_MAX: usize = 256;

/// Runs the engine's jobs on threads of its own.
pub struct Pool {
    threads: Option<ThreadPool>,
}

impl Pool {
    /// `workers` threads; one is the caller's own.
    pub fn new(workers: usize) -> Outcome<Self> {
        if workers <= 1 {
            return Ok(Self { threads: None });
        }
        let threads = ThreadPoolBuilder::new().num_threads(workers).thread_name(|i| format!("tickworld-{i}")).build();
        let threads = threads.map_err(|error| {
            Failure::new(format!("cannot start {workers} threads: {error}")).help("give fewer with --threads")
        })?;
        Ok(Self { threads: Some(threads) })
    }
}

impl Executor for Pool {
    fn workers(&self) -> usize {
        self.threads.as_ref().map_or(1, ThreadPool::current_num_threads)
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        match &self.threads {
            Some(threads) if jobs.len() > 1 => threads.scope(|scope| {
                for job in jobs {
                    scope.spawn(|_| job());
                }
            }),
            _ => jobs.into_iter().for_each(|job| job()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_job_runs_once_with_any_number_of_workers() {
        for workers in [0, 1, 2, 3, 8] {
            let pool = Pool::new(workers).expect("a few threads can be started");
            assert_eq!(pool.workers(), workers.max(1));
            let count = AtomicUsize::new(0);
            let jobs: Vec<Job<'_>> = (0..100)
                .map(|_| -> Job<'_> {
                    Box::new(|| {
                        count.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            pool.run(jobs);
            assert_eq!(count.load(Ordering::Relaxed), 100);
        }
    }
}
