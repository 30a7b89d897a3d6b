//! Traces: everything that a reader can be asked, of a damaged file and of one whose checks were mended.

use tickworld_ledger::Ledger;
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    trace::{Audit, Trace, Verifier},
};

use crate::fix_checksums;

/// Ticks that are asked for one by one.
const TICKS_READ: usize = 64;

/// See the module.
pub fn run(data: &[u8]) {
    read(data);
    read(&fix_checksums::trace(data));
}

fn read(bytes: &[u8]) {
    let Ok(mut trace) = Trace::open(bytes) else { return };
    let (start, last) = (trace.start(), trace.last());
    assert!(start <= last, "a trace ends before it starts: {start} to {last}");
    let ticks: Vec<_> = trace.ticks(start).take(TICKS_READ).filter_map(Result::ok).collect();
    for record in ticks {
        // A note or a state may be damaged where its tick is not.
        _ = trace.stages(record.tick);
        _ = trace.chain(record.tick);
        _ = trace.root(record.tick);
    }
    for state in trace.states().into_iter().take(8) {
        _ = trace.raw_state(state);
        _ = trace.load_world::<Ledger>(state);
    }
    for id in trace.contents() {
        _ = trace.content(id);
    }
    _ = trace.mismatch();
    let audited = Audit::run(&mut trace, &mut |_, _| {});
    let library = Library::of(ContentId::NONE, ());
    let verified = Verifier::<Ledger>::run(&mut trace, &library, &Inline, &mut |_, _| {});
    assert!(audited.is_ok() || verified.is_err(), "a trace that an audit refuses was verified");
}
