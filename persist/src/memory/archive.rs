//! The archive of the double.

use std::collections::BTreeMap;

use tickworld_sim::frame::PlayerId;

use super::{FaultMode, Memory, SeededBug, told_to_fail};
use crate::{
    archive::{Archive, Raise, Whereabouts, check_count},
    error::{Cause, Fault, RaiseError},
};

impl Archive for Memory {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        check_count(players.len())?;
        let state = self.state();
        Ok(players.iter().map(|player| Ok(state.archive.get(player).cloned())).collect())
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        check_count(raises.len())?;
        raises.iter().try_for_each(Raise::check)?;
        let mut state = self.state();
        let mut rows = BTreeMap::new();
        let mut told = Vec::with_capacity(raises.len());
        for raise in raises {
            let before = rows.get(&raise.player).or(state.archive.get(&raise.player));
            let is_forgotten = state.has(SeededBug::RaisesToFewerHops)
                || (state.has(SeededBug::RaisesToEqualHops) && before.is_some_and(|row| row.hops == raise.hops));
            let mut row = raise.over(before.filter(|_| !is_forgotten));
            if state.has(SeededBug::DropsParcels) && raise.parcel.is_none() {
                row.parcel = bytes::Bytes::new();
            }
            rows.insert(raise.player, row.clone());
            let own = Whereabouts { hops: raise.hops, at: raise.at, by: raise.by, ..row.clone() };
            told.push(Ok(if state.has(SeededBug::TellsWhatWasAsked) { own } else { row }));
        }
        if state.full && rows.iter().any(|(player, row)| state.archive.get(player) != Some(row)) {
            return Err(Fault::Full.into());
        }
        let fault = state.fault.take();
        if matches!(fault, Some(FaultMode::Fails | FaultMode::UnknownLost)) {
            return Err(told_to_fail().into());
        }
        if !state.has(SeededBug::RaisesNothing) {
            state.archive.extend(rows);
        }
        if fault == Some(FaultMode::UnknownWritten) { Err(told_to_fail().into()) } else { Ok(told) }
    }
}
