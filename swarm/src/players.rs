//! [`Players`]: what the players of a drawn run send while it is played for the first time.
//!
//! Invariant: every frame they make passes [`InputFrame::check`](tickworld_sim::frame::InputFrame::check); what the world makes
//! of the inputs is its business: resent, late and nonsensical ones are among them.

use std::{collections::BTreeMap, sync::Arc};

use tickworld_rules::{Command, Rules, Ruleset, bot};
use tickworld_sim::{
    content::ContentId,
    frame::{Act, Enter, Input, PlayerId, Request, Sequence},
    region::{Border, RegionId},
    rng::Rng,
    simulation::Simulation,
};

use crate::{
    content::{Content, pick},
    dice::Dice,
    features::{Features, OTHER_REGION},
};

/// Players of a drawn run, with what they have sent so far.
pub(crate) struct Players {
    inputs: Dice,
    list: Vec<Player>,
    leaves: bool,
    resends: bool,
    /// Whether there is another region, with an open border.
    exits: bool,
    /// When players leave for the archive and come back; none do where there are none.
    journeys: Option<Dice>,
    /// The newest parcel of everybody who has been in the archive, with their hops.
    archive: BTreeMap<PlayerId, (u64, Arc<[u8]>)>,
    /// Switches of content.
    switches: Vec<(u64, ContentId)>,
}

struct Player {
    id: PlayerId,
    joins: u64,
    /// Sends something about every so many ticks.
    every: u32,
    sent: BTreeMap<Sequence, Command>,
}

impl Players {
    pub(crate) fn draw(seed: u64, features: &Features, ticks: u64, packs: &[Arc<Content>]) -> Self {
        let mut rng = Dice::one(seed, "players");
        let within = |rng: &mut Rng| 1 + rng.below_u64(ticks);
        let mut list = Vec::new();
        let count = if features.players { 1 + rng.below(6) } else { 0 };
        for number in 0..u64::from(count) {
            // Ids are the embedder's: some count, some do not.
            let id = if rng.chance(1, 3) { rng.next_u64() >> 2 | 1 << 62 | number } else { number + 1 };
            let joins = if rng.chance(2, 3) { 1 } else { within(&mut rng) };
            list.push(Player { id: PlayerId(id), joins, every: 1 + rng.below(8), sent: BTreeMap::new() });
        }
        let mut switches = Vec::new();
        if packs.len() > 1 {
            switches.extend((0..=rng.below(3)).map(|_| (within(&mut rng), packs[pick(&mut rng, packs.len())].id)));
        }
        let (leaves, resends, exits) = (features.leaves, features.resends, features.exits);
        let journeys = features.journeys.then(|| Dice::new(seed, "journeys"));
        let archive = BTreeMap::new();
        Self { inputs: Dice::new(seed, "inputs"), list, leaves, resends, exits, journeys, archive, switches }
    }

    /// What they send for the next tick.
    pub(crate) fn inputs(&mut self, simulation: &Simulation<Rules>) -> Vec<Input<Command>> {
        let tick = simulation.world().tick().next().0;
        let mut rng = self.inputs.at(tick);
        let mut inputs = Vec::new();
        let world = simulation.world();
        let switches = self.switches.iter().filter(|(at, _)| *at == tick).map(|(_, id)| Request::Content(*id));
        let mut requests: Vec<Request> = switches.collect();
        if self.leaves && !self.list.is_empty() && rng.chance(1, 32) {
            let player = self.list[pick(&mut rng, self.list.len())].id;
            requests.push(match rng.below(4) {
                0 => Request::Bar { player, is_barred: true },
                1 => Request::Bar { player, is_barred: false },
                2 => Request::Clear(player),
                _ => Request::Kick(player),
            });
        }
        let last = world.players().last_sequence(PlayerId::OPERATOR).0;
        let numbered = (last + 1..).map(Sequence).zip(requests);
        inputs.extend(numbered.map(|(sequence, request)| Input {
            player: PlayerId::OPERATOR,
            sequence,
            act: Act::Request(request),
        }));
        if self.resends && rng.chance(1, 64) {
            let region = world.region().state();
            let (number, lamport) = (region.incarnation + rng.below(2), region.lamport + u64::from(rng.below(40)));
            inputs.push(Input {
                player: PlayerId::REGION,
                sequence: Sequence(0),
                act: Act::Incarnation { number, lamport },
            });
        }
        let Some(rules) = simulation.library().find(world.content()) else { return inputs };
        for player in &mut self.list {
            player.come_and_go(simulation, tick, self.leaves, &mut rng, &mut inputs);
            player.play(simulation, rules, self.resends, &mut rng, &mut inputs);
        }
        self.travel(simulation, tick, &mut inputs);
        if self.exits {
            inputs.extend(border(simulation, &mut rng));
        }
        inputs
    }

    /// Sends the absent to the archive, and has those who rest there come back; parcels of earlier journeys are among those that come.
    fn travel(&mut self, simulation: &Simulation<Rules>, tick: u64, inputs: &mut Vec<Input<Command>>) {
        let Some(mut rng) = self.journeys.as_ref().map(|dice| dice.at(tick)) else { return };
        let world = simulation.world();
        let mut last = None;
        for (entry, parcel) in world.region().outbox().filter(|(entry, _)| entry.to == RegionId::ARCHIVE) {
            last = last.max(Some(entry.sequence));
            // Now and then the row of the archive is an older one.
            if !self.archive.contains_key(&entry.player) || rng.chance(7, 8) {
                self.archive.insert(entry.player, (entry.hops, parcel.into()));
            }
        }
        if let Some(sequence) = last.filter(|_| rng.chance(1, 4)) {
            let (region, incarnation) = (RegionId::ARCHIVE, world.region().state().incarnation);
            let act = Act::Delivered { region, incarnation, sequence, lamport: 0 };
            inputs.push(Input { player: PlayerId::REGION, sequence: Sequence(0), act });
        }
        for Player { id, .. } in &self.list {
            let known = world.players().find(*id).filter(|known| known.departed_to.is_none());
            let (is_here, is_connected) = (known.is_some(), known.is_some_and(|known| known.connected));
            let mut say = |act| inputs.push(Input { player: *id, sequence: Sequence(0), act });
            if is_connected && rng.chance(1, 16) {
                say(Act::Leave);
            }
            if is_here && rng.chance(1, if is_connected { 16 } else { 2 }) {
                say(Act::Archive);
            }
            if let Some((hops, parcel)) = self.archive.get(id)
                && rng.chance(1, if is_here { 32 } else { 4 })
            {
                let hops = hops.saturating_add(1 + rng.below_u64(2));
                say(Act::Return { hops, is_held: rng.chance(1, 16), parcel: parcel.clone() });
            }
        }
    }
}

/// What the region itself says of the other one: it is met, its border opens, closes now and then, and it has what was sent.
fn border(simulation: &Simulation<Rules>, rng: &mut Rng) -> Option<Input<Command>> {
    let (region, own) = (OTHER_REGION, simulation.world().region());
    let act = match own.neighbour(region) {
        None => Act::Accept { region, incarnation: 1 },
        Some(known) if known.border != Border::Open => Act::Border { region, state: Border::Open },
        Some(_) if rng.chance(1, 32) => Act::Border { region, state: Border::Silent },
        Some(known) if known.delivered < known.last_out && rng.chance(1, 4) => {
            let incarnation = own.state().incarnation;
            Act::Delivered { region, incarnation, sequence: known.last_out, lamport: 0 }
        }
        Some(_) => return None,
    };
    Some(Input { player: PlayerId::REGION, sequence: Sequence(0), act })
}

impl Player {
    fn come_and_go(
        &self,
        simulation: &Simulation<Rules>,
        tick: u64,
        leaves: bool,
        rng: &mut Rng,
        inputs: &mut Vec<Input<Command>>,
    ) {
        let mut say = |act| inputs.push(Input { player: self.id, sequence: Sequence(0), act });
        let known = simulation.world().players().find(self.id);
        let enter = known.map_or(Act::ENTER, |known| {
            // The same client again, or another one; now and then one whose ticket is void.
            let generation = (known.generation + rng.below(3)).saturating_sub(u32::from(rng.chance(1, 8)));
            Act::Enter(Enter { generation, opened_by: u64::from(rng.below(2)) })
        });
        match known {
            None if tick >= self.joins => say(enter),
            Some(known) if known.connected && leaves && rng.chance(1, 24) => {
                say(if rng.chance(1, 2) { Act::Leave } else { Act::TimeOut });
                if rng.chance(1, 3) {
                    say(enter);
                }
            }
            Some(known) if !known.connected && rng.chance(1, 6) => say(enter),
            // Who is dead and gone comes again.
            Some(known) if known.entity.is_none_or(|entity| !simulation.state().entities.contains(entity)) => {
                say(enter);
            }
            _ => {}
        }
    }

    fn play(
        &mut self,
        simulation: &Simulation<Rules>,
        rules: &Ruleset,
        resends: bool,
        rng: &mut Rng,
        inputs: &mut Vec<Input<Command>>,
    ) {
        let Some(entity) = simulation.world().players().find(self.id).and_then(|known| known.entity) else { return };
        let mut frame = BTreeMap::new();
        while rng.chance(1, self.every) && frame.len() < 3 {
            let command = bot::random_command(rng, simulation.state(), rules, entity);
            let last = self.sent.last_key_value().map_or(0, |(sequence, _)| sequence.0);
            let gap = if resends { rng.below(3) } else { 0 };
            self.sent.insert(Sequence(last + 1 + gap), command);
            frame.insert(Sequence(last + 1 + gap), command);
        }
        if resends && rng.chance(1, 3) && !self.sent.is_empty() {
            let (sequence, command) = self.sent.iter().nth(pick(rng, self.sent.len())).expect("below the length");
            // What is sent again may have been tampered with: only its number counts.
            let other = if rng.chance(1, 4) { Command::Stop } else { *command };
            frame.entry(*sequence).or_insert(other);
        }
        // Of a tick that broke, all inputs of a player come again as void.
        let is_void = resends && rng.chance(1, 32);
        let act = |command| if is_void { Act::Void } else { Act::Play(command) };
        let input = |(sequence, command)| Input { player: self.id, sequence, act: act(command) };
        inputs.extend(frame.into_iter().map(input));
    }
}
