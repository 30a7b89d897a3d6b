//! Laws of runs: records that make many ticks.

use std::ops::ControlFlow;

use tickworld_sim::frame::Tick;

use super::{BackendUnderTest, Verdict, ensure, journal::begin, same, snapshots::keep};
use crate::{
    Durability,
    error::{AppendError, ManifestError},
    position::{LogPosition, Slot},
    record::Record,
    recover::recover,
    store::{Journal as _, Snapshots as _},
    verify::verify,
};

pub(super) async fn the_ticks_of_a_run_stand_in_one_record<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let (mut store, world, claim) = begin(subject).await?;
    let mut records: Vec<Record> = Vec::new();
    let mut last = claim.last;
    for count in [1, 100, 1, 1_024, 7, 1] {
        let record = if count == 1 { world.record(claim.epoch, last, 40) } else { world.run(claim.epoch, last, count) };
        last = record.position();
        records.push(record);
    }
    let early = LogPosition { tick: Tick(claim.last.tick.0 + 1), ..claim.last };
    let refused = store.append(&[world.run(claim.epoch, early, 5)], Durability::Disk).await;
    same!("a run that leaves out a tick", refused, Err(AppendError::Tick { expected: Tick(1), found: Tick(2) }));
    let kept = store.append(&records, Durability::Disk).await.map(|appended| appended.kept);
    same!("the tick that is kept", kept, Ok(Tick(1_134)));
    // The snapshots: inside a run there is none.
    let (run, single) = (records[3].position(), records[2].position());
    let inside = LogPosition { tick: Tick(run.tick.0 - 1), ..run };
    for position in [single, run] {
        keep::<S>(&store, &world, position).await?;
    }
    let put = keep::<S>(&store, &world, inside).await;
    ensure!(put.is_err(), "a snapshot inside of a run was taken");
    let put = store.put_manifest(&world.snapshot(inside)).await;
    same!("a snapshot inside of a run", put, Err(ManifestError::Chain { tick: inside.tick }));
    for round in 0..2 {
        let mut slots = vec![Slot(0)];
        for record in &records {
            slots.extend((0..record.count()).map(|_| record.slot()));
        }
        for tick in [0, 1, 2, 50, 101, 102, 103, 500, 1_126, 1_127, 1_133, 1_134] {
            let found = Ok(slots.get(tick as usize).copied());
            same!(format!("where tick {tick} stands, round {round}"), store.find(Tick(tick)).await, found);
        }
        same!("where no tick stands", store.find(Tick(1_135)).await, Ok(None));
        subject.crash().await;
        drop(store);
        store = subject.open().await;
    }
    let report = verify(&store, &mut |_| ControlFlow::Continue(())).await.map_err(|error| error.to_string())?;
    same!("findings", report.findings, vec![]);
    let forgotten = store.trim_prefix(run.tick).await;
    same!("forgetting up to the end of a run", forgotten, Ok(()));
    let base = store.log_state().await.map(|log| log.base);
    same!("the base after that", base, Ok(run));
    for (tick, found) in [(run.tick.0 - 1, None), (run.tick.0, Some(run.slot)), (1_130, Some(records[4].slot()))] {
        same!(format!("where tick {tick} stands then"), store.find(Tick(tick)).await, Ok(found));
    }
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    let recovery = recover(&store, &mut |_| {}).await.map_err(|error| format!("recovering: {error}"))?;
    same!("where it begins", recovery.origin.position(), run);
    same!("where it ends", recovery.end, last);
    same!("what it proves", recovery.proven.map(|proof| proof.tick), Some(Tick(1_132)));
    Ok(())
}
