//! Marks and attempts of the double.

use tickworld_sim::hash::Hash;

use super::{Memory, SeededBug};
use crate::{
    error::Fault,
    limits,
    marks::{Attempts, BuildId, Mark, Marks},
};

impl Marks for Memory {
    async fn mark(&self, mark: &Mark) -> Result<(), Fault> {
        let mut state = self.state();
        let key = (mark.record_hash, mark.build);
        if state.marks.len() as u64 >= limits::MARKS_MAX && !state.marks.contains_key(&key) {
            state.marks.retain(|(record_hash, _), _| *record_hash == mark.record_hash);
        }
        state.marks.insert(key, mark.clone());
        Ok(())
    }

    async fn marks(&self) -> Result<Vec<Mark>, Fault> {
        Ok(self.state().marks.values().cloned().collect())
    }

    async fn attempt(&self, build: BuildId, record_hash: Hash) -> Result<u32, Fault> {
        let mut state = self.state();
        if !state.has(SeededBug::CountsAttemptsForEver) {
            state.attempts.retain(|_, (of, _)| *of == record_hash);
        }
        let is_first_alone = state.has(SeededBug::CountsAttemptsOnce);
        let (of, count) = state.attempts.entry(build).or_insert((record_hash, 0));
        (*of, *count) = (record_hash, if is_first_alone { 1 } else { count.saturating_add(1) });
        Ok(*count)
    }

    async fn attempts(&self) -> Result<Vec<Attempts>, Fault> {
        let state = self.state();
        let attempts = state.attempts.iter();
        Ok(attempts
            .map(|(build, (record_hash, count))| Attempts { build: *build, record_hash: *record_hash, count: *count })
            .collect())
    }

    async fn forget_attempts(&self) -> Result<(), Fault> {
        self.state().attempts.clear();
        Ok(())
    }
}
