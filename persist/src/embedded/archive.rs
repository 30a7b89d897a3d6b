//! The archive's calls on [`Core`].
//!
//! Invariant: a raise is one commit, and nobody is told of it before. A row that is damaged gives way to a raise with a parcel, for
//! whoever has that had the player; by others it is left as it is, since nobody knows any more how many hops it had.

use std::collections::BTreeMap;

use bytes::Bytes;
use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::{PlayerId, Tick},
    limits::PARCEL_BYTES_MAX,
    region::RegionId,
};

use super::{
    Core, StorageBackend,
    rows::{PLAYERS, checked, unchecked},
};
use crate::{
    archive::{Raise, Voucher, Whereabouts, check_count},
    error::{Cause, Fault, RaiseError},
};

type Row = Result<Option<Whereabouts>, Cause>;

impl<B: StorageBackend> Core<B> {
    /// See [`Archive::whereabouts`](crate::Archive::whereabouts).
    ///
    /// # Errors
    /// See there; so for all that follow.
    pub fn whereabouts(&mut self, players: &[PlayerId]) -> Result<Vec<Row>, RaiseError> {
        check_count(players.len())?;
        Ok(self.guarded(|core| core.rows_of(players))?)
    }

    fn rows_of(&mut self, players: &[PlayerId]) -> Result<Vec<Row>, Fault> {
        self.read(|txn| {
            let table = match txn.open_table(PLAYERS) {
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(vec![Ok(None); players.len()]),
                table => table?,
            };
            let row = |player: &PlayerId| {
                let found = table.get(player.0)?;
                Ok(found.map(|row| decode(*player, row.value())).transpose().map_err(Cause::Malformed))
            };
            players.iter().map(row).collect()
        })
    }

    /// Carries out [`Archive::raise`](crate::Archive::raise).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn raise(&mut self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        check_count(raises.len())?;
        raises.iter().try_for_each(Raise::check)?;
        let players: Vec<PlayerId> = raises.iter().map(|raise| raise.player).collect();
        let before = self.guarded(|core| core.rows_of(&players))?;
        let mut news: BTreeMap<PlayerId, Whereabouts> = BTreeMap::new();
        let mut standing = Vec::with_capacity(raises.len());
        for (raise, before) in raises.iter().zip(before) {
            let before = if raise.parcel.is_some() { before.or(Ok(None)) } else { before };
            standing.push(before.map(|before| {
                let before = news.get(&raise.player).or(before.as_ref());
                let row = raise.over(before);
                if before != Some(&row) {
                    news.insert(raise.player, row.clone());
                }
                row
            }));
        }
        if !news.is_empty() {
            self.noted(|txn| {
                let mut table = txn.open_table(PLAYERS)?;
                for (player, row) in &news {
                    table.insert(player.0, encode(*player, row).as_slice())?;
                }
                Ok(())
            })?;
        }
        Ok(standing)
    }
}

fn encode(player: PlayerId, row: &Whereabouts) -> Vec<u8> {
    let mut out = row.hops.to_le_bytes().to_vec();
    out.extend_from_slice(&row.at.unwrap_or(RegionId::ARCHIVE).0.to_le_bytes());
    out.extend_from_slice(&row.by.region.0.to_le_bytes());
    out.extend_from_slice(&row.by.incarnation.to_le_bytes());
    out.extend_from_slice(&row.by.tick.0.to_le_bytes());
    out.extend_from_slice(&row.parcel);
    checked(&player.0.to_le_bytes(), out)
}

fn decode(player: PlayerId, row: &[u8]) -> Result<Whereabouts, DecodeError> {
    let mut reader = Reader::new(unchecked(&player.0.to_le_bytes(), row)?);
    let hops = reader.value()?;
    let at: RegionId = reader.value()?;
    let by = Voucher { region: reader.value()?, incarnation: reader.value()?, tick: Tick(reader.value()?) };
    let parcel = reader.take(reader.left())?;
    if hops == 0 || parcel.len() > PARCEL_BYTES_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let at = (at != RegionId::ARCHIVE).then_some(at);
    Ok(Whereabouts { hops, at, by, parcel: Bytes::copy_from_slice(parcel) })
}
