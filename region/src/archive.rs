//! [`Seek`] and [`Moves`]: what a region asks of the archive, and how it is done.
//!
//! Invariant: a birth and a return are in the archive before they are in the world; a departure, and an arrival from another region,
//! after it; each can be done again, whoever does it, and does no harm. Only a row that says so is taken for the player being here, or gone: another one that
//! stands in its place is told.

use std::sync::Arc;

use tickworld_persist::{
    Archive, Raise, Voucher, Whereabouts,
    error::{Cause, RaiseError},
    limits::RAISES_MAX,
};
use tickworld_proto::host::{Finding, Found, Search};
use tickworld_sim::{frame::PlayerId, game::Game, parcel::Parcel, region::RegionId, session::Player, world::World};

use crate::limits::SEEK_TRIES_MAX;

/// Players who are to be in this region and are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seek {
    /// Whom, and whether they may be born; at most [`RAISES_MAX`].
    pub searches: Vec<Search>,
    /// The tick that will have them, or one before it.
    pub by: Voucher,
}

/// Of each search what the archive has, or why that cannot be said.
pub type Findings = Vec<(Search, Result<Finding, SeekError>)>;

impl Seek {
    /// What comes of it where the archive cannot be asked at all.
    #[must_use]
    pub fn failed(&self, error: &SeekError) -> Findings {
        self.searches.iter().map(|search| (*search, Err(error.clone()))).collect()
    }
}

/// Players who changed places in ticks that are kept: who left for the archive, or came from another region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moves {
    /// Whose mail they are: of the archive those that it is to have, of a region those that came from it.
    pub of: RegionId,
    /// Their rows, with the numbers of their mail, ascending.
    pub raises: Vec<(u64, Raise)>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The region that [`Moves::of`] said.
    pub of: RegionId,
    /// The archive has everybody up to this number; `None` where it has nobody of them.
    pub sequence: Option<u64>,
    /// How many these are.
    pub count: u64,
    /// Why it has not got the rest, where it has not.
    pub error: Option<SeekError>,
}

/// Why a player does not come, or go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeekError {
    /// The archive cannot be asked at present.
    #[error("the archive does not answer: {0}")]
    Storage(#[from] RaiseError),
    /// What it has of the player is damaged.
    #[error("what the archive has of player {} is damaged: {cause}", player.0)]
    Damaged {
        /// The player who is sought.
        player: PlayerId,
        /// What is wrong with it.
        cause: Cause,
    },
    /// Others raised them again and again meanwhile.
    #[error("others move the player at the same time: come back later")]
    Contended,
    /// The archive has something else of somebody who leaves, which is not older.
    #[error("player {} leaves with hop {hops}, and the archive has them with hop {found} already", player.0)]
    Contradicted {
        /// The player who leaves.
        player: PlayerId,
        /// How often they had changed places when they left.
        hops: u64,
        /// The hop of the row that stands.
        found: u64,
    },
}

impl SeekError {
    /// What those are told who wait for the player; what is wrong with the storage is not theirs to know.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Contended => self.to_string(),
            _ => "the archive cannot be asked for the player: try again later".to_owned(),
        }
    }
}

/// Has players be in the region that seeks them, from the archive or for the first time, but those whom another region has. However
/// many they are, the archive is asked once and written once, unless others move the same players at the same time.
pub async fn seek(archive: &impl Archive, seek: &Seek) -> Findings {
    let mut findings = Findings::new();
    match seek_all(archive, seek, &mut findings).await {
        Ok(()) => findings,
        Err(error) => seek.failed(&error.into()),
    }
}

async fn seek_all(archive: &impl Archive, seek: &Seek, findings: &mut Findings) -> Result<(), RaiseError> {
    let players: Vec<PlayerId> = seek.searches.iter().map(|search| search.player).collect();
    let rows = archive.whereabouts(&players).await?;
    let mut open: Vec<(Search, Result<Option<Whereabouts>, Cause>)> = seek.searches.iter().copied().zip(rows).collect();
    for _ in 0..SEEK_TRIES_MAX {
        let (mut left, mut raises) = (Vec::new(), Vec::new());
        for (search, row) in open {
            match judge(search, row, seek.by) {
                Ok(finding) => findings.push((search, finding)),
                Err(raise) => {
                    left.push(search);
                    raises.push(raise);
                }
            }
        }
        if raises.is_empty() {
            return Ok(());
        }
        let rows = archive.raise(&raises).await?;
        open = left.into_iter().zip(rows.into_iter().map(|row| row.map(Some))).collect();
    }
    findings.extend(open.into_iter().map(|(search, _)| (search, Err(SeekError::Contended))));
    Ok(())
}

/// What a row says of somebody who is sought, or what it has to say first.
fn judge(
    search: Search,
    row: Result<Option<Whereabouts>, Cause>,
    by: Voucher,
) -> Result<Result<Finding, SeekError>, Raise> {
    let Search { player, may_be_born, .. } = search;
    Ok(match row {
        // It was raised just now, or before and no tick that is kept has them: once more.
        Ok(Some(Whereabouts { at: Some(region), hops, parcel, .. })) if region == by.region => {
            Ok(Finding::Here(Found { hops, parcel: Arc::from(&parcel[..]) }))
        }
        Ok(Some(Whereabouts { at: Some(region), hops, .. })) => Ok(Finding::Elsewhere { region, hops }),
        Ok(None) if !may_be_born => Ok(Finding::Nowhere),
        Ok(row) => {
            let hops = row.map_or(0, |row| row.hops).saturating_add(1);
            return Err(Raise { player, hops, at: Some(by.region), by, parcel: None });
        }
        Err(cause) => Err(SeekError::Damaged { player, cause }),
    })
}

/// Has the archive say of players where they are now, of as many as can be.
pub async fn move_players(archive: &impl Archive, moves: &Moves) -> Moved {
    let of = moves.of;
    let raises: Vec<Raise> = moves.raises.iter().map(|(_, raise)| raise.clone()).collect();
    let rows = match archive.raise(&raises).await {
        Ok(rows) => rows,
        Err(error) => return Moved { of, sequence: None, count: 0, error: Some(error.into()) },
    };
    let mut moved = Moved { of, sequence: None, count: 0, error: None };
    for ((sequence, raise), row) in moves.raises.iter().zip(rows) {
        let player = raise.player;
        moved.error = match row {
            Err(cause) => Some(SeekError::Damaged { player, cause }),
            Ok(row) if says(&row, raise) => None,
            Ok(row) => Some(SeekError::Contradicted { player, hops: raise.hops, found: row.hops }),
        };
        if moved.error.is_some() {
            break;
        }
        (moved.sequence, moved.count) = (Some(*sequence), moved.count + 1);
    }
    moved
}

/// Whether a row says what it was to, or something later: who went on since is nobody's concern here. Who arrives may have been raised
/// before by another tick's voucher, for the region began again since; a parcel that rests has one that names its tick.
fn says(row: &Whereabouts, raise: &Raise) -> bool {
    let is_same = (row.hops, row.at) == (raise.hops, raise.at) && (raise.at.is_some() || row.by == raise.by);
    row.hops > raise.hops || is_same
}

/// Those in a world's outbox whom the archive is to have, from the one after `above` on; `None` where there are none.
pub(crate) fn archived<G: Game>(world: &World<G>, above: u64) -> Option<Moves> {
    let known = world.region().neighbour(RegionId::ARCHIVE)?;
    let above = above.max(known.delivered);
    if known.last_out <= above {
        return None;
    }
    let waiting = world.region().outbox_above(RegionId::ARCHIVE, above, RAISES_MAX);
    let raises = waiting.into_iter().map(|(entry, bytes)| {
        let parcel = Parcel::decode(&bytes).expect("this region made the parcel");
        let by = Voucher { region: parcel.region, incarnation: parcel.incarnation, tick: parcel.tick };
        let parcel = Some(bytes.into());
        (entry.sequence, Raise { player: entry.player, hops: entry.hops, at: None, by, parcel })
    });
    Some(Moves { of: RegionId::ARCHIVE, raises: raises.collect() })
}

/// After ticks were taken back: has the archive say of everybody who is in the world that they are, whatever it was told in those
/// ticks. Of each the hops are those that they have once the new life of the region begins.
///
/// # Errors
/// When the archive cannot be asked, or has a damaged row.
pub(crate) async fn keep_present(
    archive: &impl Archive,
    present: &[Player],
    by: Voucher,
    hops_added: u64,
) -> Result<(), SeekError> {
    for players in present.chunks(RAISES_MAX) {
        let ids: Vec<PlayerId> = players.iter().map(|player| player.id).collect();
        let rows = archive.whereabouts(&ids).await?;
        let mut raises = Vec::new();
        for (player, row) in players.iter().zip(rows) {
            let row = row.map_err(|cause| SeekError::Damaged { player: player.id, cause })?;
            let hops = player.hops.saturating_add(hops_added);
            if row.is_some() {
                raises.push(Raise { player: player.id, hops, at: Some(by.region), by, parcel: None });
            }
        }
        archive.raise(&raises).await?;
    }
    Ok(())
}
