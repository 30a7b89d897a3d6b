//! [`SeededBug`]: deliberate faults that show what the matrix notices, and on which targets.
//!
//! Each goes through the frame's entropy, so it reaches the world as a real one would: through dice. What is recorded is
//! the true frame, so that only the roots can give it away.

use tickworld_sim::rng::Entropy;

/// A fault of code that looks right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeededBug {
    /// A 64-bit number kept in a `usize`: harmless where pointers have 64 bits.
    Width,
    /// Bytes read in the machine's order: harmless on little-endian machines.
    Endian,
    /// A flipped bit: harmful everywhere.
    Everywhere,
}

impl SeededBug {
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "width" => Some(Self::Width),
            "endian" => Some(Self::Endian),
            "everywhere" => Some(Self::Everywhere),
            _ => None,
        }
    }

    /// What becomes of a tick's entropy.
    #[allow(clippy::host_endian_bytes, reason = "it is the bug")]
    pub(crate) fn distort(self, entropy: Entropy) -> Entropy {
        let mut bytes = entropy.to_bytes();
        let (head, _) = bytes.split_at_mut(8);
        let number = u64::from_le_bytes(head.try_into().expect("eight bytes"));
        let wrong = match self {
            Self::Width => number as usize as u64,
            Self::Endian => u64::from_ne_bytes(number.to_le_bytes()),
            Self::Everywhere => number ^ 1,
        };
        head.copy_from_slice(&wrong.to_le_bytes());
        Entropy::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bug_bites_where_it_should() {
        let entropy = Entropy::from_bytes(std::array::from_fn(|at| 0x81 + at as u8));
        let bites = |bug: SeededBug| bug.distort(entropy) != entropy;
        assert_eq!(bites(SeededBug::Width), cfg!(target_pointer_width = "32"));
        assert_eq!(bites(SeededBug::Endian), cfg!(target_endian = "big"));
        assert!(bites(SeededBug::Everywhere));
    }
}
