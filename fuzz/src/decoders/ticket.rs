//! Tickets and the keys that make them: whatever the bytes, a ticket is refused unless the keys made it, and what is sealed is read
//! as it was.

use tickworld_proto::{
    host::Kinds,
    message::{Ticket, WorldId},
    ticket::{TICKET_BYTES, TicketClaims, TicketError, TicketKeys},
};
use tickworld_sim::frame::PlayerId;

const WORLD: WorldId = WorldId([7; 16]);
/// Keys that everybody knows, so that a seed can have a good ticket.
const KEYS: TicketKeys = TicketKeys::first([1; 32]);
const NOW: u64 = 1_800_000_000;

/// See the module. The first byte says how late it is.
pub fn run(data: &[u8]) {
    if let Ok(keys) = TicketKeys::decode(data) {
        assert_eq!(keys.encode(), data, "keys read back as others");
    }
    let Some((late, bytes)) = data.split_first() else { return };
    let Ok(bytes) = <[u8; TICKET_BYTES]>::try_from(bytes) else { return };
    let (rotated, now) = (KEYS.rotated([9; 32], NOW), NOW + u64::from(*late) * 8);
    for keys in [&KEYS, &rotated] {
        let Ok(claims) = Ticket(bytes).open(WORLD, keys, now) else { continue };
        assert!(claims.expires_seconds > now && claims.player.is_none_or(|player| player.is_player()));
    }
    let claims = claims(&bytes);
    let ticket = Ticket::seal(WORLD, &KEYS, &claims);
    let expected = match claims {
        TicketClaims { player: Some(player), .. } if !player.is_player() => Err(TicketError::Form),
        TicketClaims { expires_seconds, .. } if expires_seconds <= now => Err(TicketError::Expired),
        claims => Ok(claims),
    };
    assert_eq!(ticket.open(WORLD, &KEYS, now), expected);
    assert_eq!(ticket.open(WorldId([8; 16]), &KEYS, now), Err(TicketError::Forged), "good in another world");
    let is_lapsed = now >= NOW + 900;
    let by_the_next = if is_lapsed { Err(TicketError::Key) } else { expected };
    assert_eq!(ticket.open(WORLD, &rotated, now), by_the_next, "after a rotation");
}

/// Whatever numbers stand where a ticket has them.
fn claims(bytes: &[u8; TICKET_BYTES]) -> TicketClaims {
    let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight of them"));
    let short = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four of them"));
    TicketClaims {
        player: Some(PlayerId(long(2))).filter(|player| player.0 > 0),
        kinds: Kinds::of_bits(bytes[10] % 8).expect("below 8"),
        generation: short(11),
        expires_seconds: u64::from(short(15).min(u32::MAX - 1)),
        until_seconds: Some(u64::from(short(19))).filter(|until| *until < u64::from(u32::MAX)),
    }
}
