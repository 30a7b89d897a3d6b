//! Snapshots: a world that is restored gives the bytes that it was restored from.

use tickworld_ledger::Ledger;
use tickworld_rules::Rules;
use tickworld_sim::{
    content::{ContentId, Library},
    game::Game,
    simulation::Simulation,
    world::World,
};

use crate::fix_checksums;

/// See the module. Worlds of two games: a small one, and one with every kind of part.
pub fn run(data: &[u8]) {
    for bytes in [data.to_vec(), fix_checksums::snapshot(data)] {
        if let Ok(world) = World::<Ledger>::from_bytes(&bytes) {
            same_bytes(Library::of(ContentId::NONE, ()), world, &bytes);
        }
        if let Ok(world) = World::<Rules>::from_bytes(&bytes) {
            same_bytes(Library::default(), world, &bytes);
        }
    }
}

fn same_bytes<G: Game>(library: Library<G::Content>, world: World<G>, bytes: &[u8]) {
    let again = Simulation::resume(library, world).to_bytes();
    assert!(again == bytes, "a restored world has other bytes than those it was restored from");
}
