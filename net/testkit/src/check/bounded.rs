//! [`Bounded`]: nothing grows over its limit, however slow a reader or long a fault.
//!
//! Invariant: it remembers the most that was ever seen of each thing, for the statistics of a run.

use std::collections::BTreeMap;

use super::Violation;

/// The most of everything.
#[derive(Clone, Debug, Default)]
pub struct Bounded {
    most: BTreeMap<&'static str, u64>,
}

impl Bounded {
    /// There is so much of something now.
    ///
    /// # Errors
    /// When that is more than may be.
    pub fn observe(&mut self, what: &'static str, found: u64, max: u64) -> Result<(), Violation> {
        let most = self.most.entry(what).or_default();
        *most = found.max(*most);
        if found > max { Err(Violation::Unbounded { what, found, max }) } else { Ok(()) }
    }

    /// What was seen, and how much of it.
    pub fn most(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.most.iter().map(|(what, most)| (*what, *most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_noticed() {
        let mut check = Bounded::default();
        check.observe("frames", 3, 4).unwrap();
        check.observe("frames", 2, 4).unwrap();
        assert_eq!(check.observe("frames", 5, 4), Err(Violation::Unbounded { what: "frames", found: 5, max: 4 }));
        assert_eq!(check.most().collect::<Vec<_>>(), [("frames", 5)]);
    }
}
