//! [`Archive`]: where each player of a world is, and what they have with them while they rest.
//!
//! Invariant: of all that is said of a player the one with most hops is so. A row is replaced only by one of more hops, durably
//! before anybody is told; so two regions that raise at once are told of one and the same, who comes late changes nothing, and a
//! raise whose outcome is unknown is simply raised again. Rows say what journals say too: a region that starts again raises what
//! its history implies.

use std::future::Future;

use bytes::Bytes;
use tickworld_sim::{
    frame::{PlayerId, Tick},
    limits::PARCEL_BYTES_MAX,
    region::RegionId,
};

use crate::error::{Cause, RaiseError};
#[cfg(feature = "stores")]
use crate::limits;

/// Where a player is, and since which hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// How often they changed places, the last time included; from 1.
    pub hops: u64,
    /// The region that has them; `None` while they rest in the archive.
    pub at: Option<RegionId>,
    /// The tick that says so.
    pub by: Voucher,
    /// What they have with them (docs/FORMATS.md, "Parcel"), at most [`PARCEL_BYTES_MAX`] bytes; empty of one who was just born.
    /// It stays while they are in a region, until the next one is put in its place: so a return can be said again.
    pub parcel: Bytes,
}

/// The tick that a row follows from: by it one that was taken back is told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Voucher {
    /// The region whose tick it is.
    pub region: RegionId,
    /// The life of the region that made it.
    pub incarnation: u32,
    /// The tick that says so.
    pub tick: Tick,
}

/// A row that is to take the place of one with fewer hops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raise {
    /// The player whose row it is.
    pub player: PlayerId,
    /// The hop that brings them there.
    pub hops: u64,
    /// The region that has them; `None` where they come to rest.
    pub at: Option<RegionId>,
    /// The tick that says so.
    pub by: Voucher,
    /// What they have with them; `None` keeps what is there.
    pub parcel: Option<Bytes>,
}

impl Raise {
    /// The row that stands after it, given the one before: that one, where it has no fewer hops.
    #[must_use]
    pub fn over(&self, before: Option<&Whereabouts>) -> Whereabouts {
        if let Some(before) = before.filter(|before| before.hops >= self.hops) {
            return before.clone();
        }
        let kept = || before.map(|before| before.parcel.clone()).unwrap_or_default();
        let parcel = self.parcel.clone().unwrap_or_else(kept);
        Whereabouts { hops: self.hops, at: self.at, by: self.by, parcel }
    }

    /// Whether it may be stored.
    ///
    /// # Errors
    /// When it is of nobody, of no hop, or its parcel is too long.
    pub fn check(&self) -> Result<(), RaiseError> {
        let bytes = self.parcel.as_ref().map_or(0, Bytes::len);
        if !self.player.is_player() || self.hops == 0 {
            return Err(RaiseError::Nobody(self.player));
        }
        if bytes > PARCEL_BYTES_MAX {
            return Err(RaiseError::TooLong { player: self.player, bytes });
        }
        Ok(())
    }
}

/// Refuses more at once than a call takes.
#[cfg(feature = "stores")]
pub(crate) fn check_count(count: usize) -> Result<(), RaiseError> {
    if count > limits::RAISES_MAX { Err(RaiseError::TooMany(count)) } else { Ok(()) }
}

/// Keeps where a world's players are. It needs no journal: players are a world's, and its regions share one archive. A row that is
/// damaged stands in the way of nobody else.
pub trait Archive: Send + Sync {
    /// Where these players are, in the order asked; `None` of those whom no region ever had. At most
    /// [`RAISES_MAX`](crate::limits::RAISES_MAX) at once.
    ///
    /// # Errors
    /// When there are too many, or the storage fails; of a player, when their row is damaged.
    fn whereabouts(
        &self,
        players: &[PlayerId],
    ) -> impl Future<Output = Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError>> + Send;

    /// Puts rows of more hops in the place of those that are there, durably, all or none of a call; gives the rows that stand
    /// then, in the order asked: where it is another one, that player is elsewhere. At most [`RAISES_MAX`](crate::limits::RAISES_MAX)
    /// at once.
    ///
    /// # Errors
    /// When there are too many, one may not be stored, or the storage fails: it may have been done then, and raising again does no
    /// harm. Of a player, when their row is damaged and the raise carries no parcel: it stays. One that does takes its place.
    fn raise(
        &self,
        raises: &[Raise],
    ) -> impl Future<Output = Result<Vec<Result<Whereabouts, Cause>>, RaiseError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raise(hops: u64, parcel: Option<&'static [u8]>) -> Raise {
        let by = Voucher { region: RegionId(1), incarnation: 1, tick: Tick(7) };
        let parcel = parcel.map(Bytes::from_static);
        Raise { player: PlayerId(1), hops, at: Some(RegionId(1)), by, parcel }
    }

    #[test]
    fn only_more_hops_replace_a_row() {
        let first = raise(2, Some(b"parcel")).over(None);
        assert_eq!(raise(2, Some(b"another")).over(Some(&first)), first);
        assert_eq!(raise(1, Some(b"another")).over(Some(&first)), first);
        assert_eq!(raise(3, None).over(Some(&first)), Whereabouts { hops: 3, ..first.clone() });
        assert_eq!(&raise(3, Some(b"")).over(Some(&first)).parcel[..], b"");
    }

    #[test]
    fn what_no_act_says_is_refused() {
        assert_eq!(raise(1, None).check(), Ok(()));
        assert_eq!(raise(0, None).check(), Err(RaiseError::Nobody(PlayerId(1))));
        let operator = Raise { player: PlayerId::OPERATOR, ..raise(1, None) };
        assert_eq!(operator.check(), Err(RaiseError::Nobody(PlayerId::OPERATOR)));
        let long = Raise { parcel: Some(vec![0; PARCEL_BYTES_MAX + 1].into()), ..raise(1, None) };
        assert_eq!(long.check(), Err(RaiseError::TooLong { player: PlayerId(1), bytes: PARCEL_BYTES_MAX + 1 }));
    }
}
