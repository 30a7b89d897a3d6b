//! [`Frames`]: what a sequencer would send: joins and leaves, the players' inputs, and entropy from the seed.
//!
//! Invariant: the frame of a tick follows from the scenario and the world before it.

use std::collections::BTreeMap;

use tickworld_rules::{Command, Rules, bot};
use tickworld_sim::{
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    rng::{Entropy, StreamKey},
    simulation::Simulation,
};

use crate::scenario::{Player, Scenario};

/// Makes the frames of a scenario, one after the other.
pub struct Frames {
    seed: u64,
    players: Vec<Player>,
    sequences: BTreeMap<PlayerId, u32>,
}

impl Frames {
    /// Makes frames from the first tick on.
    pub fn new(scenario: &Scenario) -> Self {
        Self { seed: scenario.seed, players: scenario.players.clone(), sequences: BTreeMap::new() }
    }

    /// The entropy of a tick: in production sixteen secret bytes, here drawn from the seed so that a run can be repeated.
    pub fn entropy(seed: u64, tick: u64) -> Entropy {
        let mut material = [0; 16];
        material[..8].copy_from_slice(&seed.to_le_bytes());
        material[8..].copy_from_slice(&tick.to_le_bytes());
        let hash = blake3::derive_key("tickworld-cli 2026-11 scenario entropy v1", &material);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        Entropy::from_bytes(bytes)
    }

    /// The frame that follows the world as it is.
    pub fn next(&mut self, simulation: &Simulation<Rules>) -> InputFrame<Command> {
        let tick = simulation.world().tick().next();
        let mut inputs = Vec::new();
        for player in &self.players {
            let of = |sequence, act| Input { player: player.id, sequence: Sequence(sequence), act };
            if tick.0 == player.joins {
                inputs.push(of(0, Act::ENTER));
            }
            if player.leaves == Some(tick.0) {
                inputs.push(of(0, Act::Leave));
            }
            let sent = self.sequences.entry(player.id).or_default();
            for command in commands(player, tick, simulation, self.seed) {
                *sent += 1;
                inputs.push(of(*sent, Act::Play(command)));
            }
        }
        InputFrame::new(tick, Self::entropy(self.seed, tick.0), inputs)
    }
}

fn commands(player: &Player, tick: Tick, simulation: &Simulation<Rules>, seed: u64) -> Vec<Command> {
    let (world, realm) = (simulation.world(), simulation.state());
    let known = world.players().find(player.id).filter(|known| known.connected);
    let Some(entity) = known.and_then(|known| known.entity) else { return Vec::new() };
    let scripted = player.orders.iter().filter(|(at, _)| *at == tick.0);
    let mut commands: Vec<Command> = scripted.map(|(_, order)| order.command(realm, world.players(), entity)).collect();
    if let Some(every) = player.bot_every {
        let mut rng = StreamKey::new(&Frames::entropy(seed, tick.0), tick.0, "tickworld-cli/bot").rng(player.id.0);
        if rng.chance(1, every)
            && let Some(rules) = simulation.library().find(world.content())
        {
            commands.push(bot::random_command(&mut rng, realm, rules, entity));
        }
    }
    commands
}
