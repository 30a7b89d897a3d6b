//! Two peers without a host and a spectator, in one process, over links that lose a tenth of all messages: each ship is flown
//! with held controls, guesses are mended by rollback, and all three end with one root.
//!
//! Run it with `cargo run --release -p tickworld-proto --example peers`. Where `Links` stands here, a program of yours has a UDP
//! socket; where `now` is counted up, a clock; and where the secrets are written down, `getrandom`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{collections::BTreeMap, error::Error};

use tickworld_proto::{
    instant::Instant,
    peer::{PeerError, PeerEvent, PeerId, PeerSession, PeerSettings, SessionState, SpectatorSession},
};
use tickworld_sim::{prelude::*, rng::StreamKey, rollback::RepeatLast};

// The game: ships on a ring of 64 places. The controls of each tick are one input.

/// What a player holds down.
#[derive(Component, Clone, Copy, Debug)]
struct Pad {
    turn: i8,
    fires: bool,
}

#[derive(Component, Clone, Copy, Debug)]
struct Ship {
    place: u8,
    shots: u32,
    hits: u32,
}

#[derive(State, Clone)]
struct Ring {
    entities: Entities,
    ship: Column<Ship>,
}

struct Ships;

fn fly(ring: &mut Ring, step: &mut Step<'_, Ships>) {
    let mut aim = step.stream("aim");
    for input in step.inputs() {
        let Some((entity, row)) = input.entity.and_then(|entity| Some((entity, ring.entities.row(entity)?))) else {
            continue;
        };
        ring.ship.modify(row, |ship| {
            ship.place = ship.place.wrapping_add_signed(input.body.turn) % 64;
            if input.body.fires {
                ship.shots += 1;
                ship.hits += u32::from(aim.open(entity).die(6) == 6); // the same die on all machines
            }
        });
    }
}

impl Game for Ships {
    type State = Ring;
    type Input = Pad;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "ships";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "fly", run: fly }];

    fn join(ring: &mut Ring, _: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity> {
        let ship = ring.spawn(Band(0)).ok()?;
        let row = ring.entities.row(ship)?;
        ring.ship.set(row, Ship { place: (player.0 * 20) as u8, shots: 0, hits: 0 });
        Some(ship)
    }
}

fn world() -> Simulation<Ships> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {})
}

/// What a person does with the controls: holds them for a while.
fn controls(player: PlayerId, tick: Tick) -> Pad {
    let phase = tick.0 / 20 + player.0;
    Pad { turn: (phase % 3) as i8 - 1, fires: phase.is_multiple_of(4) }
}

/// Messages under way, by arrival: a tenth is lost, the others take 20 to 90 ms, so that many come out of order.
struct Links {
    flying: BTreeMap<(u64, u64), (PeerId, PeerId, Vec<u8>)>,
    dice: tickworld_sim::rng::Rng,
    sent: u64,
    lost: u64,
}

impl Links {
    fn send(&mut self, now: Instant, from: PeerId, to: PeerId, bytes: &[u8]) {
        self.sent += 1;
        if self.dice.chance(1, 10) {
            self.lost += 1;
            return;
        }
        let arrival = now.0 + 20_000 + u64::from(self.dice.below(70_000));
        self.flying.insert((arrival, self.sent), (from, to, bytes.to_vec()));
    }

    fn arrived(&mut self, now: Instant) -> impl Iterator<Item = (PeerId, PeerId, Vec<u8>)> + use<> {
        let later = self.flying.split_off(&(now.0 + 1, 0));
        std::mem::replace(&mut self.flying, later).into_values()
    }
}

const TICKS: Tick = Tick(600);

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let seed = 7;
    let dice = StreamKey::new(&Entropy::from_bytes([1; 16]), seed, "links").rng(seed);
    let mut links = Links { flying: BTreeMap::new(), dice, sent: 0, lost: 0 };
    let mut now = Instant(1_000_000);
    let players = [PlayerId(1), PlayerId(2)];
    let settings = PeerSettings { input_delay_ticks: 2, ..PeerSettings::default() };
    let begin = |own: PlayerId, secret: [u8; 16]| {
        let guess = RepeatLast::new(vec![own]); // a ship goes on as it went
        PeerSession::new(now, settings, own, &players, world(), guess, secret, &Inline)
    };
    let mut peers = [begin(players[0], *b"secret of one...")?, begin(players[1], *b"secret of two...")?];
    let audience = PeerId::Spectator(1);
    peers[0].expect_spectator(1);
    let mut spectator = SpectatorSession::new(now, settings, players[0], &players, world(), &Inline);
    let mut spectator_root = None;

    println!("seed {seed}: two peers and a spectator, input delay {} ticks", settings.input_delay_ticks);
    let (mut next_tick, mut waits) = (now, [0_u32; 2]);
    while spectator.world().tick() < TICKS {
        now.0 += 1_000;
        for (from, to, bytes) in links.arrived(now) {
            match to {
                PeerId::Player(player) => peers[(player.0 - 1) as usize].handle_message(now, from, &bytes),
                PeerId::Spectator(_) => spectator.handle_message(now, &bytes),
            }
        }
        let is_tick = now >= next_tick;
        if is_tick {
            next_tick = next_tick.after(settings.tick_length);
        }
        for (own, peer) in peers.iter_mut().enumerate() {
            if is_tick && waits[own] > 0 {
                waits[own] -= 1; // lets the other one catch up, as advised
            } else if is_tick && peer.state() == SessionState::Running {
                match peer.advance(now, Some(controls(players[own], peer.tick())), &Inline) {
                    Ok(_) | Err(PeerError::Stall { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            peer.handle_timeout(now);
            while let Some(event) = peer.poll_event() {
                match event {
                    PeerEvent::Wait { ticks } => waits[own] = ticks,
                    PeerEvent::Desync { tick, .. } => return Err(format!("the worlds part at tick {tick}").into()),
                    event => println!("  peer {}: {event:?}", own + 1),
                }
            }
            while let Some((to, bytes)) = peer.poll_transmit() {
                links.send(now, PeerId::Player(players[own]), to, &bytes);
            }
        }
        // The spectator makes each tick when its frame is here.
        while spectator.world().tick() < TICKS
            && let Some(roots) = spectator.advance(&Inline)?
        {
            spectator_root = Some(roots.root);
        }
        spectator.handle_timeout(now);
        while let Some(bytes) = spectator.poll_transmit() {
            links.send(now, audience, PeerId::Player(players[0]), &bytes);
        }
    }
    show(&peers, &links, spectator_root.ok_or("the spectator saw nothing")?)
}

fn show(
    peers: &[PeerSession<Ships, RepeatLast<Pad>>; 2],
    links: &Links,
    spectator_root: tickworld_sim::hash::Hash,
) -> Result<(), Box<dyn Error>> {
    println!("  {} messages, {} of them lost", links.sent, links.lost);
    for (number, peer) in (1_u32..).zip(peers) {
        let counters = peer.counters();
        let root = peer.evidence(TICKS).ok_or("forgotten")?.roots.root;
        println!(
            "  peer {number}: {} rollbacks, {} ticks made again, {} guesses stood, {} stalls; root of tick {TICKS}: {}",
            counters.rollbacks,
            counters.resimulated_ticks,
            counters.predictions_kept,
            counters.stalls,
            root.short()
        );
        if root != spectator_root {
            return Err("the roots differ".into());
        }
    }
    println!("  spectator: root of tick {TICKS}: {}", spectator_root.short());
    join(&peers[0].confirmed().state().ship).for_each(|row, ship| {
        println!("  ship {row:?} at {:2}: {} shots, {} hits", ship.place, ship.shots, ship.hits);
    });
    Ok(())
}
