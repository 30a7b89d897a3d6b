//! Laws of the archive: of a player there is one row, that of most hops, and nobody is told of it before it is durable.

use bytes::Bytes;
use tickworld_sim::{
    frame::{PlayerId, Tick},
    limits::PARCEL_BYTES_MAX,
    region::RegionId,
};

use super::{BackendUnderTest, Verdict, ensure, same, tokens::at_once};
use crate::{
    archive::{Archive as _, Raise, Voucher, Whereabouts},
    error::{Cause, RaiseError},
    limits,
    memory::FaultMode,
};

/// A hop of a player into a region, with a parcel or without; 0 is the archive.
fn raise(player: u64, hops: u64, at: u32, parcel: Option<&'static [u8]>) -> Raise {
    let by = Voucher { region: RegionId(at.max(1)), incarnation: 1, tick: Tick(hops * 10) };
    let at = (at > 0).then_some(RegionId(at));
    let parcel = parcel.map(Bytes::from_static);
    Raise { player: PlayerId(player), hops, at, by, parcel }
}

/// What a call gives, its errors as text.
type Told<T> = Result<Vec<Result<T, Cause>>, RaiseError>;

fn one<T: Clone>(told: Told<T>) -> Result<T, String> {
    let told = told.map_err(|error| error.to_string())?;
    let [row] = &told[..] else { return Err(format!("{} rows instead of one", told.len())) };
    row.clone().map_err(|cause| cause.to_string())
}

async fn row_of<S: BackendUnderTest>(store: &S::Store, player: u64) -> Result<Option<Whereabouts>, String> {
    one(store.whereabouts(&[PlayerId(player)]).await)
}

pub(super) async fn a_row_is_replaced_by_more_hops_alone<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    // There is no journal, and none is needed.
    let store = subject.open().await;
    same!("nobody", row_of::<S>(&store, 7).await, Ok(None));
    let born = raise(7, 1, 2, Some(b""));
    same!("a birth", one(store.raise(std::slice::from_ref(&born)).await), Ok(born.over(None)));
    let row = born.over(None);
    for late in [raise(7, 1, 3, Some(b"late")), raise(7, 1, 2, Some(b""))] {
        same!("as many hops", one(store.raise(&[late]).await), Ok(row.clone()));
    }
    let gone = raise(7, 2, 0, Some(b"all that is mine"));
    let row = gone.over(Some(&row));
    same!("into the archive", one(store.raise(&[gone]).await), Ok(row.clone()));
    same!("fewer hops", one(store.raise(&[raise(7, 1, 9, Some(b"late"))]).await), Ok(row.clone()));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("after a crash", row_of::<S>(&store, 7).await, Ok(Some(row.clone())));
    let back = raise(7, 3, 4, None);
    let returned = back.over(Some(&row));
    same!("a parcel stays", returned.parcel, row.parcel);
    same!("a return", one(store.raise(&[back]).await), Ok(returned.clone()));
    same!("another one's return", one(store.raise(&[raise(7, 3, 5, None)]).await), Ok(returned.clone()));
    let cleared = raise(7, 4, 5, Some(b""));
    let row = cleared.over(Some(&returned));
    same!("a parcel goes", one(store.raise(&[cleared]).await), Ok(row.clone()));
    subject.crash().await;
    drop(store);
    same!("after another crash", row_of::<S>(&subject.open().await, 7).await, Ok(Some(row)));
    Ok(())
}

pub(super) async fn a_call_takes_many_and_no_more<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let store = subject.open().await;
    let count = limits::RAISES_MAX as u64;
    let raises: Vec<Raise> = (1..=count).map(|player| raise(player, 1, 1, Some(b"parcel"))).collect();
    let rows: Vec<_> = raises.iter().map(|raise| Ok(raise.over(None))).collect();
    same!("as many as may be", store.raise(&raises).await, Ok(rows));
    let players: Vec<PlayerId> = (1..=count + 1).map(PlayerId).collect();
    let found = store.whereabouts(&players[1..]).await.map_err(|error| error.to_string())?;
    same!(
        "those that are there",
        found.iter().filter(|row| matches!(row, Ok(Some(_)))).count(),
        limits::RAISES_MAX - 1
    );
    same!("the one that is not", found.last(), Some(&Ok(None)));
    let many = players.len();
    same!("looking for one more", store.whereabouts(&players).await, Err(RaiseError::TooMany(many)));
    let raises: Vec<Raise> = players.iter().map(|player| raise(player.0, 2, 1, None)).collect();
    same!("raising one more", store.raise(&raises).await, Err(RaiseError::TooMany(many)));
    let mut wrong = vec![raise(1, 2, 1, None), raise(2, 0, 1, None)];
    same!("no hop", store.raise(&wrong).await, Err(RaiseError::Nobody(PlayerId(2))));
    wrong[1] = Raise { player: PlayerId::OPERATOR, ..raise(2, 2, 1, None) };
    same!("nobody", store.raise(&wrong).await, Err(RaiseError::Nobody(PlayerId::OPERATOR)));
    wrong[1] = Raise { parcel: Some(vec![7; PARCEL_BYTES_MAX + 1].into()), ..raise(2, 2, 1, None) };
    let bytes = PARCEL_BYTES_MAX + 1;
    same!("too much", store.raise(&wrong).await, Err(RaiseError::TooLong { player: PlayerId(2), bytes }));
    same!("those beside them", row_of::<S>(&store, 1).await?.map(|row| row.hops), Some(1));
    wrong[1] = Raise { parcel: Some(vec![7; PARCEL_BYTES_MAX].into()), ..raise(2, 2, 1, None) };
    same!("as much as may be", store.raise(&wrong).await.map(|rows| rows.len()), Ok(2));
    // Of one player twice: the later one goes on from the earlier.
    let twice = [raise(9, 5, 1, Some(b"first")), raise(9, 6, 2, None), raise(9, 6, 3, None)];
    let first = twice[0].over(None);
    let second = twice[1].over(Some(&first));
    same!("of one twice", store.raise(&twice).await, Ok(vec![Ok(first), Ok(second.clone()), Ok(second)]));
    Ok(())
}

/// A player who says hello at several regions is born in one.
pub(super) async fn of_those_who_raise_at_once_one_is_told<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let stores = [subject.open().await, subject.open().await];
    let calls = (1..=120_u64).map(|call| {
        let (store, player, region) = (stores[usize::from(call % 2 == 0)].clone(), call % 40 + 1, call as u32);
        async move { (player, store.raise(&[raise(player, 1, region, Some(b""))]).await) }
    });
    let told = at_once(calls.collect()).await;
    subject.crash().await;
    drop(stores);
    let store = subject.open().await;
    for (player, told) in told {
        same!(format!("player {player}"), row_of::<S>(&store, player).await?, Some(one(told)?));
    }
    Ok(())
}

/// Whatever fails while a row is raised: once more, and it stands.
pub(super) async fn a_raise_in_doubt_is_raised_again<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    for (hops, fault) in (2..).step_by(2).zip([FaultMode::Fails, FaultMode::UnknownWritten, FaultMode::UnknownLost]) {
        let store = subject.open().await;
        one(store.raise(&[raise(7, hops - 1, 0, Some(b"parcel"))]).await)?;
        if !subject.inject(fault) {
            return Ok(());
        }
        let again = raise(7, hops, 2, None);
        if let Ok(told) = store.raise(std::slice::from_ref(&again)).await {
            ensure!(told.len() == 1, "{fault:?} gives {told:?}");
        }
        subject.crash().await;
        drop(store);
        let store = subject.open().await;
        let found = row_of::<S>(&store, 7).await?.map_or(0, |row| row.hops);
        ensure!(found == hops || found == hops - 1, "{fault:?}: {found} hops");
        let row = one(store.raise(&[again]).await)?;
        same!("once more", (row.hops, row.at, &row.parcel[..]), (hops, Some(RegionId(2)), &b"parcel"[..]));
    }
    let store = subject.open().await;
    if subject.set_full(true) {
        let said = store.raise(&[raise(8, 1, 1, Some(&[7; 4_000]))]).await;
        subject.set_full(false);
        let found = row_of::<S>(&store, 8).await?;
        ensure!(said.is_err() || found.is_some(), "a full storage says that it was raised, and it was not");
        one(store.raise(&[raise(8, 2, 1, None)]).await)?;
    }
    Ok(())
}
