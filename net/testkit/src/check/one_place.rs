//! [`OnePlace`]: no player is in two regions, at any moment.
//!
//! Invariant: it looks at worlds whose ticks are kept: what one region takes in follows from what another one has kept, so of the
//! newest of these at most one has a player.

use std::collections::BTreeMap;

use tickworld_sim::{frame::PlayerId, region::RegionId};

use super::Violation;

/// Who is in each region, with their hops.
#[derive(Clone, Debug, Default)]
pub struct OnePlace {
    present: BTreeMap<RegionId, BTreeMap<PlayerId, u64>>,
}

impl OnePlace {
    /// These are in the newest world of a region that is kept.
    ///
    /// # Errors
    /// When one of them is in that of another region as well.
    pub fn observe(
        &mut self,
        region: RegionId,
        present: impl IntoIterator<Item = (PlayerId, u64)>,
    ) -> Result<(), Violation> {
        let present: BTreeMap<PlayerId, u64> = present.into_iter().collect();
        for (other, there) in self.present.iter().filter(|(other, _)| **other != region) {
            if let Some((player, hops)) = present.iter().find(|(player, _)| there.contains_key(player)) {
                let places = [(region, *hops), (*other, there[player])];
                return Err(Violation::TwoPlaces { player: *player, places });
            }
        }
        self.present.insert(region, present);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_in_two_regions_is_noticed() {
        let (here, there, one, two) = (RegionId(1), RegionId(2), PlayerId(1), PlayerId(2));
        let mut check = OnePlace::default();
        check.observe(here, [(one, 1), (two, 5)]).unwrap();
        check.observe(there, []).unwrap();
        let places = [(there, 2), (here, 1)];
        assert_eq!(check.observe(there, [(one, 2)]), Err(Violation::TwoPlaces { player: one, places }));
        check.observe(here, [(two, 5)]).unwrap();
        check.observe(there, [(one, 2)]).unwrap();
    }
}
