//! Who begins from a snapshot knows no root before it: the first records after a claim may carry none, others must.

mod support;

use std::ops::ControlFlow;

use support::{claim_of, header, record, records};
use tickworld_persist::{Durability, Finding, Journal as _, Record, TickRecord, memory::Memory, verify};
use tickworld_sim::frame::Tick;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers").block_on(future)
}

/// The same record without its root.
fn bare(record: &Record) -> Record {
    Record::new(TickRecord { root: None, ..record.as_tick().expect("a tick's").clone() })
        .expect("it was a record before")
}

#[test]
fn after_a_claim_and_nowhere_else() {
    block_on(async {
        let store = Memory::default();
        store.create(&header()).await.unwrap();
        let claim = store.claim(&claim_of(&store.log_state().await.unwrap())).await.unwrap();
        store.append(&records(claim.epoch, claim.last, 5, 3), Durability::Disk).await.unwrap();
        // The roots of ticks 4 and 5 belong to the records of 6 and 7, whose owner began at tick 5.
        let claim = store.claim(&claim_of(&store.log_state().await.unwrap())).await.unwrap();
        let sixth = bare(&record(claim.epoch, claim.last, 3));
        let seventh = record(claim.epoch, sixth.position(), 3);
        store.append(&[sixth, seventh.clone()], Durability::Disk).await.unwrap();
        assert_eq!(verify(&store, &mut |_| ControlFlow::Continue(())).await.unwrap().findings, []);
        let eighth = bare(&record(claim.epoch, seventh.position(), 3));
        store.append(&[eighth], Durability::Disk).await.unwrap();
        let findings = verify(&store, &mut |_| ControlFlow::Continue(())).await.unwrap().findings;
        assert_eq!(findings, [Finding::Unproven(Tick(8)..=Tick(8))]);
    });
}
