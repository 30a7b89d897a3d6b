//! [`Pool`]: worker threads for the engine.
//!
//! Invariant: how many workers there are changes how long a run takes and nothing else. Threads live as long as the pool:
//! starting them for every system would cost more than it gains.
//!
//! A tick hands out work some dozens of times, a few microseconds apart, and waking a thread that sleeps takes longer than
//! most of that work. So while a tick runs ([`install`](Executor::install)) it runs on one of the threads, and the others look
//! for work without sleeping; between ticks all of them sleep. It is rayon's pool underneath: no unsafe code of ours.
//!
//! ```
//! use tickworld_pool::Pool;
//! use tickworld_sim::prelude::*;
//!
//! #[derive(State, Clone)]
//! struct Field {
//!     entities: Entities,
//!     height: Column<u32>,
//! }
//!
//! fn grow(field: &mut Field, step: &mut Step<'_, Meadow>) {
//!     let tall = join(&mut field.height).par_for_each(step.executor(), |row, height, tall| {
//!         *height = height.saturating_add(1);
//!         if *height > 9 {
//!             tall.push(row);
//!         }
//!     });
//!     tall.into_iter().for_each(|row| field.height.set(row, 0)); // in row order, whoever found them
//! }
//! # struct Meadow;
//! # impl Game for Meadow {
//! #     type State = Field;
//! #     type Input = u8;
//! #     type Event = u8;
//! #     type Content = ();
//! #     const NAME: &'static str = "meadow";
//! #     const REVISION: u32 = 1;
//! #     const SYSTEMS: &'static [System<Self>] = &[System { name: "grow", run: grow }];
//! #     fn join(_: &mut Field, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
//! #         None
//! #     }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let meadow = || Simulation::<Meadow>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |field: &mut Field, ()| {
//! #     for _ in 0..5_000 {
//! #         let row = field.spawn(Band(0)).ok().and_then(|blade| field.entities.row(blade)).expect("there is room");
//! #         field.height.set(row, 0);
//! #     }
//! # });
//! let frame = InputFrame::empty(Tick(1), Entropy::from_bytes([7; 16]));
//! let (mut one, mut other) = (meadow(), meadow()); // the same world twice
//! assert_eq!(one.step(&frame, &Pool::new(2)?)?, other.step(&frame, &Inline)?);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, Ordering},
};

use rayon::{ThreadPool, ThreadPoolBuilder, Yield};
use tickworld_sim::executor::{Executor, Job};

/// Most workers that a pool has.
pub const WORKERS_MAX: usize = 256;

/// How often a worker looks for work in vain before it lets other processes have its core: some 20 microseconds.
const LOOKS_BEFORE_YIELDING: u32 = 200;
/// How often it looks in vain before it goes to sleep: a tick that hands out nothing for long needs nobody awake.
const LOOKS_BEFORE_SLEEPING: u32 = 2_000;
/// Processor pauses between two looks: looking takes turns with the others on shared memory.
const PAUSES_PER_LOOK: u32 = 8;

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// More were asked for than [`WORKERS_MAX`].
    #[error("{0} workers are more than a pool has, at most {WORKERS_MAX}")]
    TooMany(usize),
    /// The operating system gives no more threads.
    #[error("cannot start {workers} threads: {cause}")]
    Threads {
        /// The number of workers that was asked for.
        workers: usize,
        /// What the thread library says of it.
        cause: rayon::ThreadPoolBuildError,
    },
}

/// Runs the engine's jobs on threads of its own.
pub struct Pool {
    threads: Option<ThreadPool>,
}

impl Pool {
    /// `workers` threads; 0 and 1 start none and use the caller's.
    ///
    /// # Errors
    /// Where there are not that many to be had.
    pub fn new(workers: usize) -> Result<Self, PoolError> {
        if workers <= 1 {
            return Ok(Self { threads: None });
        }
        if workers > WORKERS_MAX {
            return Err(PoolError::TooMany(workers));
        }
        let threads = ThreadPoolBuilder::new().num_threads(workers).thread_name(|i| format!("tickworld-{i}")).build();
        Ok(Self { threads: Some(threads.map_err(|cause| PoolError::Threads { workers, cause })?) })
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

    fn install<'a>(&self, work: Job<'a>) {
        match &self.threads {
            // On one of the threads already: whoever brought it there keeps the others awake.
            Some(threads) if threads.current_thread_index().is_none() => {
                let done = Done::default();
                threads.scope(|scope| {
                    let own = rayon::current_thread_index();
                    let done = &done;
                    scope.spawn_broadcast(move |_, context| {
                        if Some(context.index()) != own {
                            done.look_for_work();
                        }
                    });
                    let _over = Over(done);
                    work();
                });
            }
            _ => work(),
        }
    }
}

/// Whether what the workers stay awake for is over.
#[derive(Default)]
struct Done(AtomicBool);

impl Done {
    fn look_for_work(&self) {
        let mut looks = 0;
        while !self.0.load(Ordering::Acquire) && looks < LOOKS_BEFORE_SLEEPING {
            if rayon::yield_now() == Some(Yield::Executed) {
                looks = 0;
                continue;
            }
            looks += 1;
            if looks > LOOKS_BEFORE_YIELDING {
                std::thread::yield_now();
            } else {
                (0..PAUSES_PER_LOOK).for_each(|_| spin_loop());
            }
        }
    }
}

/// Says so when it is dropped, also by a panic: else the workers would wait for good.
struct Over<'a>(&'a Done);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::atomic::AtomicUsize,
    };

    use super::*;

    fn count_jobs(pool: &Pool, count: &AtomicUsize) {
        let jobs = (0..100).map(|_| -> Job<'_> {
            Box::new(|| {
                count.fetch_add(1, Ordering::Relaxed);
            })
        });
        pool.run(jobs.collect());
    }

    #[test]
    fn every_job_runs_once_with_any_number_of_workers() {
        for workers in [0, 1, 2, 3, 8] {
            let pool = Pool::new(workers).expect("a few threads can be started");
            assert_eq!(pool.workers(), workers.max(1));
            let count = AtomicUsize::new(0);
            count_jobs(&pool, &count);
            assert_eq!(count.load(Ordering::Relaxed), 100);
        }
    }

    #[test]
    fn installed_work_runs_once_and_its_jobs_too() {
        for workers in [1, 2, 3, 8] {
            let pool = Pool::new(workers).expect("a few threads can be started");
            let (works, jobs) = (AtomicUsize::new(0), AtomicUsize::new(0));
            for _ in 0..50 {
                pool.install(Box::new(|| {
                    works.fetch_add(1, Ordering::Relaxed);
                    // As an embedder does who installs a whole loop of ticks, each of which installs itself.
                    pool.install(Box::new(|| count_jobs(&pool, &jobs)));
                    count_jobs(&pool, &jobs);
                }));
            }
            assert_eq!((works.into_inner(), jobs.into_inner()), (50, 10_000), "{workers} workers");
        }
    }

    #[test]
    fn two_who_share_a_pool_both_come_through() {
        let pool = Pool::new(2).expect("two threads can be started");
        let jobs = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..50).for_each(|_| pool.install(Box::new(|| count_jobs(&pool, &jobs)))));
            }
        });
        assert_eq!(jobs.into_inner(), 10_000);
    }

    /// Without [`Over`] the workers would look for work for good, and this test would not end.
    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let pool = Pool::new(3).expect("three threads can be started");
        let caught = catch_unwind(AssertUnwindSafe(|| pool.install(Box::new(|| panic!("of the game's making")))));
        let text = caught.expect_err("it panicked").downcast_ref::<&str>().copied();
        assert_eq!(text, Some("of the game's making"));
        let count = AtomicUsize::new(0);
        pool.install(Box::new(|| count_jobs(&pool, &count)));
        assert_eq!(count.into_inner(), 100);
    }

    #[test]
    fn too_many_workers_are_refused() {
        let error = Pool::new(257).err().expect("one more than the most").to_string();
        assert_eq!(error, "257 workers are more than a pool has, at most 256");
    }
}
