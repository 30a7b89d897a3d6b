//! [`Ticket`]: what lets a client come back without a token, and [`TicketKeys`], which make it good.
//!
//! Invariant: nobody makes a ticket who has no key of its world, and a ticket says by itself all that its judge needs, so it is
//! good across crashes, owners and restarts without a table of those given out. What makes it void before its time is the
//! player's generation, which is hashed state; that is the host's to compare.

use core::fmt;

use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    frame::PlayerId,
    hash::Hasher,
};

use crate::identity::{Kinds, Nonce, WorldId};

// DOC:TICKET
// 0    1  version     1
// 1    1  key         number of the world's key that made the seal
// 2    8  player      0 for a spectator
// 10   1  kinds       of sessions: 1 lockstep + 2 witness + 4 command
// 11   4  generation  the player's, when it was given out; 0 for a spectator
// 15   4  expiry      seconds since 1970
// 19   4  until       seconds since 1970 that no ticket which comes of this one goes beyond; 2^32 - 1 where there are none
// 23  16  seal        the first 16 bytes of BLAKE3, keyed with that key, over 18 "tickworld.ticket.1", world id (16), and
//                     everything before it
// DOC:END
/// Length of a ticket in bytes.
pub const TICKET_BYTES: usize = 39;
const VERSION: u8 = 1;
const SEALED_BYTES: usize = 23;
/// Stands for no moment.
const NEVER: u32 = u32::MAX;

/// A ticket as it travels. To its bearer it is a secret without a meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub [u8; TICKET_BYTES]);

impl fmt::Debug for Ticket {
    /// Hides the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

/// What a ticket says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketClaims {
    /// Who its bearer is; `None` for a spectator.
    pub player: Option<PlayerId>,
    /// What sessions they may have.
    pub kinds: Kinds,
    /// The player's generation when it was given out.
    pub generation: u32,
    /// When it ends, in seconds since 1970.
    pub expires_seconds: u64,
    /// When every ticket that comes of it ends, in seconds since 1970.
    pub until_seconds: Option<u64>,
}

/// Why a ticket is not good, whatever the world says of its player. A peer is told no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// The bytes are none that this version makes.
    #[error("the ticket is not one of this version")]
    Form,
    /// Its key is not known here, or not any more.
    #[error("the ticket was made with another key than this world's")]
    Key,
    /// Somebody made it who has not the key, or for another world.
    #[error("the ticket is not one of this world's")]
    Forged,
    /// Its time is over.
    #[error("the ticket has expired")]
    Expired,
}

impl Ticket {
    /// A ticket of a world.
    #[must_use]
    pub fn seal(world: WorldId, keys: &TicketKeys, claims: &TicketClaims) -> Self {
        let mut bytes = [0; TICKET_BYTES];
        let (head, seal) = bytes.split_at_mut(SEALED_BYTES);
        let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(NEVER.saturating_sub(1)).to_le_bytes();
        (head[0], head[1]) = (VERSION, keys.number);
        head[2..10].copy_from_slice(&claims.player.map_or(0, |player| player.0).to_le_bytes());
        head[10] = claims.kinds.bits();
        head[11..15].copy_from_slice(&claims.generation.to_le_bytes());
        head[15..19].copy_from_slice(&seconds(claims.expires_seconds));
        head[19..23].copy_from_slice(&claims.until_seconds.map_or(NEVER.to_le_bytes(), seconds));
        seal.copy_from_slice(&seal_of(world, &keys.current, head));
        Self(bytes)
    }

    /// What a ticket of a world says, if it is good at this moment.
    ///
    /// # Errors
    /// Why it is not. [`TicketError::Key`] may be mended by reading the world's keys again.
    pub fn open(&self, world: WorldId, keys: &TicketKeys, now_seconds: u64) -> Result<TicketClaims, TicketError> {
        let (head, seal) = self.0.split_at(SEALED_BYTES);
        if head.first() != Some(&VERSION) {
            return Err(TicketError::Form);
        }
        let key = keys.find(self.key_number(), now_seconds).ok_or(TicketError::Key)?;
        // In constant time: how much of a forged seal is right is nobody's to learn.
        let differing = seal_of(world, key, head).iter().zip(seal).fold(0, |differing, (a, b)| differing | (a ^ b));
        if differing != 0 {
            return Err(TicketError::Forged);
        }
        let claims = decode(head).map_err(|_| TicketError::Form)?;
        if claims.expires_seconds <= now_seconds {
            return Err(TicketError::Expired);
        }
        Ok(claims)
    }

    /// The number of the key that it was made with, unchecked.
    #[must_use]
    pub const fn key_number(&self) -> u8 {
        self.0[1]
    }
}

fn seal_of(world: WorldId, key: &[u8; 32], head: &[u8]) -> [u8; 16] {
    let hash = Hasher::keyed(key, b"tickworld.ticket.1").update(&world.0).update(head).finish();
    *hash.0.first_chunk().expect("a hash has 32 bytes")
}

fn decode(head: &[u8]) -> Result<TicketClaims, DecodeError> {
    let mut reader = Reader::new(head);
    reader.take(2)?;
    let player = Some(PlayerId(reader.value()?)).filter(|player| player.0 > 0);
    let kinds = Kinds::of_bits(reader.value()?).ok_or(DecodeError::new(DecodeCause::Range))?;
    if player.is_some_and(|player| !player.is_player()) {
        return Err(DecodeError::new(DecodeCause::Range));
    }
    let (generation, expires): (u32, u32) = (reader.value()?, reader.value()?);
    let until: u32 = reader.value()?;
    reader.end()?;
    let until_seconds = (until != NEVER).then_some(u64::from(until));
    Ok(TicketClaims { player, kinds, generation, expires_seconds: expires.into(), until_seconds })
}

/// What opened a player's generation: a ticket or token with the nonce of who showed it, so that the same client is known when it
/// comes again because it never heard its welcome. Never 0, which stands for nothing.
#[must_use]
pub fn opened_by(shown: &[u8], nonce: Nonce) -> u64 {
    let hash = Hasher::new(b"tickworld.opened.1").update(&nonce.0).update(shown).finish();
    u64::from_le_bytes(hash.short().0).max(1)
}

// DOC:TICKET_KEYS
// 0    1  version   1
// 1    1  number    of the current key; the previous one has the number before, modulo 256
// 2   32  current
// 34   1  previous  1, then 32 bytes; or 0, then 32 zeros
// 67   8  rotated   when the current key became so, in seconds since 1970
// DOC:END
/// The keys of a world, as its store keeps them: never in hashed state, never in a snapshot.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKeys {
    number: u8,
    current: [u8; 32],
    previous: Option<[u8; 32]>,
    rotated_seconds: u64,
}

impl fmt::Debug for TicketKeys {
    /// Hides the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The longest that any ticket lives, in seconds, and so for how long the previous key is good.
pub const TICKET_LIFE_SECONDS_MAX: u64 = 15 * 60;

impl TicketKeys {
    /// Those of a world that begins; `secret` is random.
    #[must_use]
    pub const fn first(secret: [u8; 32]) -> Self {
        Self { number: 1, current: secret, previous: None, rotated_seconds: 0 }
    }

    /// A further key: what the present one made is good until its time is over, and what the one before made is not. So rotating
    /// twice makes every ticket void. `secret` is random.
    #[must_use]
    pub const fn rotated(&self, secret: [u8; 32], now_seconds: u64) -> Self {
        let number = self.number.wrapping_add(1);
        Self { number, current: secret, previous: Some(self.current), rotated_seconds: now_seconds }
    }

    /// The number of the current key.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// The key of a number, while it is good.
    fn find(&self, number: u8, now_seconds: u64) -> Option<&[u8; 32]> {
        if number == self.number {
            return Some(&self.current);
        }
        let is_previous = number == self.number.wrapping_sub(1);
        let ends = self.rotated_seconds.saturating_add(TICKET_LIFE_SECONDS_MAX);
        self.previous.as_ref().filter(|_| is_previous && now_seconds < ends)
    }

    /// Their row in the world's store.
    #[must_use]
    pub fn encode(&self) -> [u8; 75] {
        let mut row = [0; 75];
        (row[0], row[1]) = (VERSION, self.number);
        row[2..34].copy_from_slice(&self.current);
        row[34] = u8::from(self.previous.is_some());
        row[35..67].copy_from_slice(&self.previous.unwrap_or_default());
        row[67..].copy_from_slice(&self.rotated_seconds.to_le_bytes());
        row
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// On other bytes.
    pub fn decode(row: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(row);
        let (version, number): (u8, u8) = (reader.value()?, reader.value()?);
        if version != VERSION {
            return Err(DecodeError::new(DecodeCause::Form("keys of another version")));
        }
        let (current, has_previous): ([u8; 32], bool) = (reader.value()?, reader.value()?);
        let previous: [u8; 32] = reader.value()?;
        let rotated_seconds = reader.value()?;
        reader.end()?;
        if !has_previous && previous != [0; 32] {
            return Err(DecodeError::new(DecodeCause::Form("a key where there is none")));
        }
        Ok(Self { number, current, previous: has_previous.then_some(previous), rotated_seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: WorldId = WorldId([7; 16]);
    const NOW: u64 = 1_800_000_000;

    fn claims() -> TicketClaims {
        TicketClaims {
            player: Some(PlayerId(7)),
            kinds: Kinds::ALL,
            generation: 3,
            expires_seconds: NOW + 900,
            until_seconds: Some(NOW + 5_000),
        }
    }

    #[test]
    fn a_ticket_says_what_was_sealed_until_it_expires() {
        let keys = TicketKeys::first([1; 32]);
        let spectator = TicketClaims { player: None, generation: 0, until_seconds: None, ..claims() };
        for claims in [claims(), spectator] {
            let ticket = Ticket::seal(WORLD, &keys, &claims);
            assert_eq!(ticket.open(WORLD, &keys, NOW + 899), Ok(claims));
            assert_eq!(ticket.open(WORLD, &keys, NOW + 900), Err(TicketError::Expired));
        }
    }

    #[test]
    fn every_changed_bit_another_key_and_another_world_are_noticed() {
        let keys = TicketKeys::first([1; 32]);
        let ticket = Ticket::seal(WORLD, &keys, &claims());
        for bit in 0..TICKET_BYTES * 8 {
            let mut changed = ticket;
            changed.0[bit / 8] ^= 1 << (bit % 8);
            assert!(changed.open(WORLD, &keys, NOW).is_err(), "bit {bit}");
        }
        assert_eq!(ticket.open(WorldId([8; 16]), &keys, NOW), Err(TicketError::Forged));
        assert_eq!(ticket.open(WORLD, &TicketKeys::first([2; 32]), NOW), Err(TicketError::Forged));
    }

    #[test]
    fn a_rotation_voids_what_the_key_before_the_last_made_and_in_time_what_the_last_made() {
        let keys = TicketKeys::first([1; 32]);
        let lasting = TicketClaims { expires_seconds: NOW + 100_000, ..claims() };
        let ticket = Ticket::seal(WORLD, &keys, &lasting);
        let rotated = keys.rotated([2; 32], NOW);
        assert_eq!(ticket.open(WORLD, &rotated, NOW + TICKET_LIFE_SECONDS_MAX - 1), Ok(lasting));
        assert_eq!(ticket.open(WORLD, &rotated, NOW + TICKET_LIFE_SECONDS_MAX), Err(TicketError::Key));
        assert_eq!(ticket.open(WORLD, &rotated.rotated([3; 32], NOW), NOW), Err(TicketError::Key));
        let newer = Ticket::seal(WORLD, &rotated, &lasting);
        assert_eq!((newer.open(WORLD, &keys, NOW), newer.key_number()), (Err(TicketError::Key), 2));
        let mut wrapped = keys;
        (0..255_u8).for_each(|secret| wrapped = wrapped.rotated([secret; 32], NOW));
        assert_eq!(wrapped.number(), 0);
        let ticket = Ticket::seal(WORLD, &wrapped, &lasting);
        assert_eq!(ticket.open(WORLD, &wrapped.rotated([9; 32], NOW), NOW), Ok(lasting));
    }

    #[test]
    fn keys_come_back_as_they_were_and_other_bytes_are_none() {
        let first = TicketKeys::first([1; 32]);
        for keys in [first.clone(), first.rotated([2; 32], NOW)] {
            let row = keys.encode();
            assert_eq!(TicketKeys::decode(&row), Ok(keys));
            assert!(TicketKeys::decode(&row[..74]).is_err());
            assert!(TicketKeys::decode(&[&row[..], &[0]].concat()).is_err());
        }
        let mut row = first.encode();
        row[40] = 1;
        assert!(TicketKeys::decode(&row).is_err(), "a previous key that is none");
        row[0] = 2;
        assert!(TicketKeys::decode(&row).is_err(), "another version");
    }

    #[test]
    fn who_comes_again_is_known_by_both_what_they_show_and_their_nonce() {
        let (one, other) = (Nonce([1; 16]), Nonce([2; 16]));
        assert_eq!(opened_by(b"token", one), opened_by(b"token", one));
        assert_ne!(opened_by(b"token", one), opened_by(b"token", other));
        assert_ne!(opened_by(b"token", one), opened_by(b"taken", one));
    }
}
