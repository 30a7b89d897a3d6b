//! Players without a host, of whom one sends what the script says: forged, bent, late and doubled messages in their name.
//!
//! What must hold: nobody panics, what waits stays bounded, and who was not lied to goes on until they say that they cannot.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    instant::Instant,
    limits::{CLIENT_EVENTS_MAX, PEER_TRANSMITS_MAX},
    peer::{PeerId, PeerSession, PeerSettings, SessionState, SpectatorSession},
};
use tickworld_sim::{executor::Inline, frame::PlayerId, rollback::PredictNothing};

const PLAYERS: [PlayerId; 2] = [PlayerId(1), PlayerId(2)];
/// Messages that the script may send again.
const KEPT_MAX: usize = 64;

struct Party {
    now: Instant,
    /// The first one is lied to; the second one is honest, and so is the spectator, who listens to the first.
    players: [PeerSession<Ledger, PredictNothing>; 2],
    spectator: SpectatorSession<Ledger>,
    kept: Vec<Bytes>,
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut party = Party::new();
    // A script that ends in the middle of an operation is over there.
    while !u.is_empty() && party.act(&mut u).is_ok() {}
    for _ in 0..200 {
        party.pass(true);
    }
}

impl Party {
    fn new() -> Self {
        let now = Instant(1_000_000);
        let settings = PeerSettings::default();
        let begin = |own: PlayerId, secret| {
            let world = Ledger::open(8, 100);
            PeerSession::new(now, settings, own, &PLAYERS, world, PredictNothing, [secret; 16], &Inline)
                .expect("two players are a session")
        };
        let mut players = [begin(PLAYERS[0], 1), begin(PLAYERS[1], 2)];
        players[0].expect_spectator(9);
        let spectator = SpectatorSession::new(now, settings, PLAYERS[0], &PLAYERS, Ledger::open(8, 100), &Inline);
        Self { now, players, spectator, kept: Vec::new() }
    }

    fn act(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=7_u8)? {
            0..=3 => self.pass(true),
            4 => self.pass(false),
            5 => {
                // A message of before, as it was or bent.
                let Some(bytes) = self.kept.len().checked_sub(1).map(|last| u.int_in_range(0..=last)).transpose()?
                else {
                    return Ok(());
                };
                let mut bytes = self.kept[bytes].to_vec();
                for _ in 0..u.int_in_range(0..=3_u8)? {
                    if let Some(at) = bytes.len().checked_sub(1).map(|last| u.int_in_range(0..=last)).transpose()? {
                        bytes[at] = u.arbitrary()?;
                    }
                }
                bytes.truncate(bytes.len().saturating_sub(u.int_in_range(0..=4)?));
                self.lie(&bytes);
            }
            6 => {
                let length = u.int_in_range(0..=120)?;
                let bytes = u.bytes(length)?.to_vec();
                self.lie(&bytes);
            }
            _ => {
                self.now = self.now.after(tickworld_proto::instant::Micros(u.int_in_range(0..=3_000_000)?));
            }
        }
        Ok(())
    }

    /// In the name of the second player, of somebody who watches, and to the one who watches.
    fn lie(&mut self, bytes: &[u8]) {
        self.players[0].handle_message(self.now, PeerId::Player(PLAYERS[1]), bytes);
        self.players[0].handle_message(self.now, PeerId::Spectator(9), bytes);
        self.spectator.handle_message(self.now, bytes);
        self.drain(false);
    }

    /// A tick's time goes by.
    fn pass(&mut self, arrives: bool) {
        self.now.0 += 16_667;
        for player in &mut self.players {
            if player.state() == SessionState::Running {
                // A stall is an answer.
                _ = player.advance(self.now, Some(Order::Transfer { from: 0, to: 1, amount: 1 }), &Inline);
            }
            player.handle_timeout(self.now);
        }
        self.spectator.handle_timeout(self.now);
        _ = self.spectator.advance(&Inline);
        self.drain(arrives);
    }

    /// What everybody sent comes, or is lost.
    fn drain(&mut self, arrives: bool) {
        for (own, other) in [(0, 1), (1, 0)] {
            let mut transmits = 0;
            while let Some((to, bytes)) = self.players[own].poll_transmit() {
                transmits += 1;
                if self.kept.len() < KEPT_MAX {
                    self.kept.push(bytes.clone());
                }
                match to {
                    PeerId::Player(_) if arrives => {
                        self.players[other].handle_message(self.now, PeerId::Player(PLAYERS[own]), &bytes);
                    }
                    PeerId::Spectator(_) if arrives => self.spectator.handle_message(self.now, &bytes),
                    _ => {}
                }
            }
            assert!(transmits <= 2 * PEER_TRANSMITS_MAX, "{transmits} messages wait");
            let mut events = 0;
            while self.players[own].poll_event().is_some() {
                events += 1;
            }
            assert!(events <= CLIENT_EVENTS_MAX, "{events} events wait");
        }
        while let Some(bytes) = self.spectator.poll_transmit() {
            if arrives {
                self.players[0].handle_message(self.now, PeerId::Spectator(9), &bytes);
            }
        }
        while self.spectator.poll_event().is_some() {}
    }
}
