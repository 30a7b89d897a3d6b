//! [`Mails`]: what passes between regions arrives as it was sent, in its order, after it was kept; and what each knows of the other
//! follows from that.
//!
//! Invariant: it believes worlds whose ticks are kept, and frames; it reads nothing of what regions say to each other.

use std::collections::BTreeMap;

use tickworld_sim::{
    hash::{Hash, hash},
    region::RegionId,
};

use super::{RegionTick, Violation};

/// The direction of mail from one region to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The region that sends.
    pub from: RegionId,
    /// The region that receives.
    pub to: RegionId,
}

/// What the newest kept world of a region says of another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The last that it took.
    pub last_in: u64,
    /// The last that it sent.
    pub last_out: u64,
    /// The last of these that the other one has for sure.
    pub delivered: u64,
}

/// All mail of a world.
#[derive(Clone, Debug, Default)]
pub struct Mails {
    /// Of each parcel that waited in a kept world.
    sent: BTreeMap<(Way, u64), Hash>,
    /// The last that frames of each history have.
    taken: BTreeMap<Way, u64>,
    /// What each region knows of another one.
    known: BTreeMap<(RegionId, RegionId), Numbers>,
}

impl Mails {
    /// A parcel waits in the newest kept world of its sender.
    ///
    /// # Errors
    /// When another one had its number.
    pub fn wait(&mut self, way: Way, sequence: u64, parcel: &[u8]) -> Result<(), Violation> {
        let parcel = hash(parcel);
        let first = *self.sent.entry((way, sequence)).or_insert(parcel);
        if first == parcel { Ok(()) } else { Err(Violation::Mail { way, sequence, what: "is two parcels" }) }
    }

    /// The frame of a tick says that a parcel came.
    ///
    /// # Errors
    /// When no kept world had it to send, or one before it did not come yet.
    pub fn take(&mut self, way: Way, sequence: u64, parcel: &[u8]) -> Result<(), Violation> {
        let fault = |what| Err(Violation::Mail { way, sequence, what });
        match self.sent.get(&(way, sequence)) {
            None => return fault("came, and nobody had kept it"),
            Some(sent) if *sent != hash(parcel) => return fault("came as another parcel than it was sent"),
            Some(_) => {}
        }
        let last = self.taken.entry(way).or_default();
        if sequence > *last + 1 {
            return fault("came before the one before it");
        }
        *last = sequence.max(*last);
        Ok(())
    }

    /// A region's server begins again: frames say from the first one on what came.
    pub fn restart(&mut self, to: RegionId) {
        self.taken.retain(|way, _| way.to != to);
    }

    /// The newest kept world of a region says this of another one.
    ///
    /// # Errors
    /// When a number falls; when it was told that more arrived than did, or took more than was sent.
    pub fn know(&mut self, at: RegionTick, of: RegionId, numbers: Numbers) -> Result<(), Violation> {
        let before = self.known.insert((at.region, of), numbers).unwrap_or_default();
        let fault = |what, found, most| Err(Violation::Numbers { at, of, what, found, most });
        let falls = [
            (before.last_in, numbers.last_in),
            (before.last_out, numbers.last_out),
            (before.delivered, numbers.delivered),
        ];
        if let Some((before, now)) = falls.into_iter().find(|(before, now)| now < before) {
            return fault("knew of more mail before", before, now);
        }
        let Some(other) = self.known.get(&(of, at.region)).copied() else { return Ok(()) };
        for (from, to) in [(numbers, other), (other, numbers)] {
            if from.delivered > to.last_in {
                return fault("more is known to have come than came", from.delivered, to.last_in);
            }
            if to.last_in > from.last_out {
                return fault("more came than was sent", to.last_in, from.last_out);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tickworld_sim::frame::Tick;

    use super::*;

    const A: RegionId = RegionId(1);
    const B: RegionId = RegionId(2);
    const WAY: Way = Way { from: A, to: B };

    fn fault(result: Result<(), Violation>) -> String {
        result.expect_err("it is noticed").to_string()
    }

    #[test]
    fn mail_comes_as_it_was_sent_after_that_and_in_its_order() {
        let mut check = Mails::default();
        assert!(fault(check.take(WAY, 1, b"one")).contains("nobody had kept it"));
        for (sequence, parcel) in [(1, b"one"), (2, b"two"), (3, b"six")] {
            check.wait(WAY, sequence, parcel).unwrap();
            check.wait(WAY, sequence, parcel).unwrap();
        }
        assert!(fault(check.wait(WAY, 3, b"ten")).contains("two parcels"));
        assert!(fault(check.take(WAY, 1, b"two")).contains("another parcel"));
        check.take(WAY, 1, b"one").unwrap();
        check.take(WAY, 1, b"one").unwrap();
        assert!(fault(check.take(WAY, 3, b"six")).contains("before the one before it"));
        check.take(WAY, 2, b"two").unwrap();
        check.restart(A);
        check.take(WAY, 3, b"six").unwrap();
        check.restart(B);
        assert!(check.take(WAY, 3, b"six").is_err(), "the others came in ticks that were taken back");
    }

    #[test]
    fn what_regions_know_of_each_other_follows_from_what_passed() {
        let mut check = Mails::default();
        let at = |region| RegionTick { region, tick: Tick(9) };
        let of = |last_in, last_out, delivered| Numbers { last_in, last_out, delivered };
        check.know(at(A), B, of(0, 3, 0)).unwrap();
        check.know(at(B), A, of(2, 0, 0)).unwrap();
        check.know(at(A), B, of(0, 3, 2)).unwrap();
        assert!(fault(check.clone().know(at(A), B, of(0, 3, 1))).contains("before"));
        assert!(fault(check.clone().know(at(A), B, of(0, 3, 3))).contains("known to have come"));
        assert!(fault(check.clone().know(at(B), A, of(4, 0, 0))).contains("more came"));
        assert!(fault(check.clone().know(at(B), A, of(2, 1, 1))).contains("known to have come"));
    }
}
