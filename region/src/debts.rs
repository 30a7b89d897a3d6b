//! [`Owed`]: what claims owe that void ticks, before the region goes on.
//!
//! Invariant: it is read from the void records and nothing else, so whoever claims next finds the same.

use std::collections::{BTreeMap, BTreeSet};

use tickworld_persist::{Slot, Store, Why, error::ReadError};
use tickworld_sim::{
    component::Component,
    frame::{Act, Input, InputFrame, Request as WorldRequest, Sequence},
};

use crate::replay::ReplayError;

/// What claims owe that void ticks.
pub(crate) struct Owed<I> {
    /// What the first tick after them says.
    pub(crate) acts: Vec<Input<I>>,
    /// The greatest Lamport number that a void tick heard of: another region, or an earlier life of this one, had it.
    pub(crate) lamport: u64,
}

/// What claims owe after which no tick came. Of ticks that were skipped: everything that waits for an answer, and who came home in
/// them, kept for an operator, for taking them in may be what broke the tick.
pub(crate) async fn owed<I: Component, E: From<ReadError> + From<ReplayError>>(
    store: &impl Store,
    newest: Slot,
) -> Result<Owed<I>, E> {
    let (mut voided, mut held) = (BTreeSet::new(), BTreeMap::new());
    let (mut at, mut lamport) = (newest, 0);
    // A tick ends it, and so does what is no longer kept.
    while let Some(record) = store.record(at).await? {
        let Some(claim) = record.as_claim() else { break };
        for slot in (claim.after.slot.next().0..claim.slot.0).map(Slot) {
            let Some(void) = store.record(slot).await? else { continue };
            let Some(frame) = void.frame() else { continue };
            let frame = match InputFrame::<I>::decode_as(frame, void.frame_format()) {
                Ok(frame) => frame,
                Err(error) if claim.why == Why::Skip => {
                    return Err(ReplayError::Frame { tick: void.tick(), error }.into());
                }
                // What was taken back may have been taken back because nobody can read it.
                Err(_) => continue,
            };
            lamport = frame.inputs.iter().map(|input| heard(&input.act)).fold(lamport, u64::max);
            if claim.why != Why::Skip {
                continue;
            }
            let numbered = frame.inputs.iter().filter(|input| {
                input.sequence > Sequence(0) && matches!(input.act, Act::Play(_) | Act::Request(_) | Act::Void)
            });
            voided.extend(numbered.map(|input| (input.player, input.sequence)));
            for Input { player, act, .. } in &frame.inputs {
                if let Act::Return { hops, parcel, .. } = act {
                    held.insert(*player, (*hops, parcel.clone()));
                }
            }
        }
        at = claim.after.slot;
    }
    let held = held.into_iter().map(|(player, (hops, parcel))| {
        let act = Act::Return { hops, is_held: true, parcel };
        Input { player, sequence: Sequence(0), act }
    });
    let voided = voided.into_iter().map(|(player, sequence)| Input { player, sequence, act: Act::Void });
    Ok(Owed { acts: held.chain(voided).collect(), lamport })
}

/// The Lamport number that an act tells of.
const fn heard<I>(act: &Act<I>) -> u64 {
    match act {
        Act::Delivered { lamport, .. }
        | Act::Mail { lamport, .. }
        | Act::Incarnation { lamport, .. }
        | Act::Request(WorldRequest::Mark(lamport)) => *lamport,
        _ => 0,
    }
}
