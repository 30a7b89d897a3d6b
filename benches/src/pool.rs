//! [`Pool`]: worker threads that stay, as an [`Executor`].

use tickworld_sim::{column::Job, executor::Executor};

/// A rayon pool.
pub struct Pool(rayon::ThreadPool);

impl Pool {
    /// A pool of `workers` threads.
    ///
    /// # Panics
    /// If the machine gives no threads.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self(rayon::ThreadPoolBuilder::new().num_threads(workers).build().expect("the machine gives threads"))
    }
}

impl Executor for Pool {
    fn workers(&self) -> usize {
        self.0.current_num_threads()
    }

    fn run<'a>(&self, jobs: Vec<Job<'a>>) {
        self.0.in_place_scope(|scope| jobs.into_iter().for_each(|job| scope.spawn(|_| job())));
    }
}
