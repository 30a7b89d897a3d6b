//! Exits: who stands on one leaves for the region that it leads to.
//!
//! Invariant: nothing changes here. Whether a character may leave, whether the border is open and whether there is room, the engine
//! asks at the end of the tick; who may not leave now is asked for again in every tick in which they still stand there.

use alloc::vec::Vec;

use tickworld_sim::{
    join::{join, without},
    step::Step,
};

use crate::{realm::Realm, rules::Rules};

/// `exits::leave`: players whose characters live and stand on an exit are to leave when the tick is over.
pub(crate) fn leave(realm: &mut Realm, step: &mut Step<'_, Rules>) {
    let mut exits = Vec::new();
    join((&realm.exit,)).for_each(|_, (exit,)| exits.push(*exit));
    if exits.is_empty() {
        return;
    }
    let lanes = (&realm.controlled, &realm.position, without(&realm.corpse));
    let leaving = join(lanes).par_for_each(step.executor(), |_, (player, position, ()), out| {
        if let Some(exit) = exits.iter().find(|exit| exit.holds(position.0)) {
            out.push((player.0, exit.region));
        }
    });
    for (player, region) in leaving {
        step.depart(player, region);
    }
}
