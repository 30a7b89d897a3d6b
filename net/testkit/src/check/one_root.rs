//! [`OneRoot`]: every confirmed tick has one root, at every peer, in every life of the server.
//!
//! Invariant: only what was confirmed is compared; what a server made and lost in a crash before anybody was told may come out
//! differently the next time.

use std::collections::BTreeMap;

use tickworld_sim::{frame::Tick, hash::Hash};

use super::Violation;

/// Roots of confirmed ticks, with who saw them first.
#[derive(Clone, Debug, Default)]
pub struct OneRoot {
    roots: BTreeMap<Tick, (Hash, String)>,
}

impl OneRoot {
    /// Somebody has this root for a confirmed tick.
    ///
    /// # Errors
    /// When somebody had another one.
    pub fn observe(&mut self, tick: Tick, root: Hash, seen: impl Fn() -> String) -> Result<(), Violation> {
        let (first, first_seen) = self.roots.entry(tick).or_insert_with(|| (root, seen()));
        if *first == root {
            return Ok(());
        }
        let (first, first_seen) = (*first, first_seen.clone());
        Err(Violation::TwoRoots { tick, first, first_seen, second: root, second_seen: seen() })
    }

    /// Ticks after this one were taken back, as somebody decided: they may come out differently.
    pub fn take_back(&mut self, after: Tick) {
        self.roots.retain(|tick, _| *tick <= after);
    }

    /// The root that was seen, if any was.
    #[must_use]
    pub fn root(&self, tick: Tick) -> Option<Hash> {
        self.roots.get(&tick).map(|(root, _)| *root)
    }

    /// The newest tick that anybody saw confirmed.
    #[must_use]
    pub fn newest(&self) -> Option<Tick> {
        self.roots.keys().next_back().copied()
    }

    /// How many ticks were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_root_is_noticed_with_who_has_it() {
        let mut check = OneRoot::default();
        let (a, b) = (Hash([1; 32]), Hash([2; 32]));
        check.observe(Tick(5), a, || "host".into()).unwrap();
        check.observe(Tick(5), a, || "client 1".into()).unwrap();
        check.observe(Tick(6), b, || "client 1".into()).unwrap();
        let found = check.observe(Tick(5), b, || "client 2".into()).unwrap_err();
        assert!(found.to_string().contains("(host)") && found.to_string().contains("(client 2)"), "{found}");
    }
}
