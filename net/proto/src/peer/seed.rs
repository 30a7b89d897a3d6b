//! How peers agree on the seed of a session, and what it gives.
//!
//! Invariant: nobody shows their part before they have everybody's commitment, so nobody can choose the seed. Everybody knows
//! it from then on, and with it the dice of every tick to come: peers have no secrets from each other. Who needs dice that no
//! player can foresee needs a [host](crate::host).

use alloc::vec::Vec;

use tickworld_sim::{
    frame::{PlayerId, Tick},
    game::Game,
    hash::{Hash, Hasher},
    rng::Entropy,
    schema::SchemaId,
    world::World,
};

use super::{event::Farewell, message::Greeting};
use crate::limits::PEER_VERSION;

/// What all peers know, and nobody chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seed(Hash);

impl Seed {
    /// The entropy of a tick's frame.
    pub(super) fn entropy(&self, tick: Tick) -> Entropy {
        let hash = Hasher::new(b"tickworld peer entropy").update(&self.0.0).update(&tick.0.to_le_bytes()).finish();
        Entropy::from_bytes(hash.0.first_chunk().copied().expect("a hash is longer"))
    }

    /// What stands in the session's messages.
    pub(super) fn tag(&self) -> u32 {
        let hash = Hasher::new(b"tickworld peer tag").update(&self.0.0).finish();
        u32::from_le_bytes(hash.0.first_chunk().copied().expect("a hash is longer"))
    }
}

/// Digest of everything that must be the same for all peers.
pub(super) fn fingerprint<G: Game>(world: &World<G>, schema: SchemaId, root: Hash, players: &[PlayerId]) -> Hash {
    let mut hasher = Hasher::new(b"tickworld peer session");
    hasher.update(&[PEER_VERSION]).update(&schema.0.0).update(&G::REVISION.to_le_bytes());
    hasher.update(&world.tick().0.to_le_bytes()).update(&root.0);
    for player in players {
        hasher.update(&player.0.to_le_bytes());
    }
    hasher.finish()
}

/// What is known of a player's part.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    commitment: Option<Hash>,
    part: Option<[u8; 16]>,
}

/// The agreement under way.
#[derive(Debug)]
pub(super) struct Agreement {
    fingerprint: Hash,
    players: Vec<PlayerId>,
    own: usize,
    known: Vec<Known>,
}

impl Agreement {
    pub(super) fn new(fingerprint: Hash, players: &[PlayerId], own: usize, part: [u8; 16]) -> Self {
        let mut known = alloc::vec![Known::default(); players.len()];
        known[own] = Known { commitment: Some(commitment(players[own], &part)), part: Some(part) };
        Self { fingerprint, players: players.to_vec(), own, known }
    }

    pub(super) const fn fingerprint(&self) -> Hash {
        self.fingerprint
    }

    /// What to say to the player at `place`.
    pub(super) fn greeting(&self, place: usize) -> Greeting {
        let own = self.known[self.own];
        let has_all = self.known.iter().all(|known| known.commitment.is_some());
        Greeting {
            fingerprint: self.fingerprint,
            commitment: own.commitment.expect("the own part is known"),
            part: own.part.filter(|_| has_all),
            asks: self.known[place].part.is_none(),
        }
    }

    /// Takes what a player says.
    ///
    /// # Errors
    /// Why nothing will come of it.
    pub(super) fn handle_greeting(&mut self, place: usize, greeting: &Greeting) -> Result<(), Farewell> {
        if greeting.fingerprint != self.fingerprint {
            return Err(Farewell::OtherGame);
        }
        let player = self.players[place];
        let known = &mut self.known[place];
        let promised = *known.commitment.get_or_insert(greeting.commitment);
        let is_kept = greeting.part.is_none_or(|part| commitment(player, &part) == promised);
        if promised != greeting.commitment || !is_kept {
            return Err(Farewell::BrokenPromise);
        }
        known.part = known.part.or(greeting.part);
        Ok(())
    }

    /// The seed, once every part is here.
    pub(super) fn seed(&self) -> Option<Seed> {
        let mut hasher = Hasher::new(b"tickworld peer seed");
        hasher.update(&self.fingerprint.0);
        for known in &self.known {
            hasher.update(&known.part?);
        }
        Some(Seed(hasher.finish()))
    }
}

fn commitment(player: PlayerId, part: &[u8; 16]) -> Hash {
    Hasher::new(b"tickworld peer commitment").update(&player.0.to_le_bytes()).update(part).finish()
}
