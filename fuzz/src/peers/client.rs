//! A lockstep client of a ledger, and a host that lies.
//!
//! Whatever the host says: no panic, no more work at once than was asked for, and output that ends.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    client::{Client, ClientSettings},
    instant::{Instant, Micros},
    message::{Durability, Message, Nonce, SessionKind, Ticket, Welcome},
    ticket::TICKET_BYTES,
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{PlayerId, Sequence, Tick},
    game::Game as _,
    region::RegionId,
    rollback::PredictNothing,
    schema::SchemaId,
    snapshot::Manifest,
};

use super::script;

/// Messages in an outbox that nobody fetches.
const TRANSMITS_MAX: usize = 100_000;
/// Ticks that a client may simulate at once.
const TICKS_MAX: u32 = 8;

/// See the module.
pub fn run(data: &[u8]) {
    // An error is the end of the bytes.
    _ = talk(&mut Unstructured::new(data));
}

/// Bytes that a true host would send: a manifest and the pages that it names.
fn truth() -> (Vec<Bytes>, SchemaId) {
    let mut simulation = Ledger::open(300, 1_000);
    simulation.seal(&Inline);
    let manifest = Manifest::of(simulation.world(), simulation.schema_id());
    let mut known = vec![Vec::new()];
    manifest.encode(&mut known[0]);
    for (number, pages) in manifest.columns.iter().enumerate() {
        let columns = simulation.world().column_list();
        known.extend(pages.iter().map(|entry| {
            let mut bytes = Vec::new();
            columns[number].1.page_bytes(entry.page, &mut bytes);
            bytes
        }));
    }
    (known.into_iter().map(Bytes::from).collect(), simulation.schema_id())
}

fn talk(u: &mut Unstructured<'_>) -> Result<()> {
    let (known, schema) = truth();
    let kind =
        *u.choose(&[SessionKind::Lockstep, SessionKind::Lockstep, SessionKind::Witness, SessionKind::Command])?;
    let settings = ClientSettings::new(kind, ContentId::NONE, b"token".to_vec(), Nonce([7; 16]));
    let library = Library::of(ContentId::NONE, ());
    let mut client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, library);
    let mut now = Instant(1_000);
    client.handle_connected(now, 1_200);
    while !u.is_empty() {
        let around = client.welcome().map_or(Tick(5), |welcome| welcome.tick);
        match u.int_in_range(0..=11_u8)? {
            0 => {
                let welcome = welcome(u, schema)?;
                client.handle_message(
                    now,
                    tickworld_proto::channel::Channel::Control,
                    &Message::Welcome(welcome).encode(),
                );
            }
            1 => {
                now = now.after(Micros(u.int_in_range(0..=2_000_000)?));
                client.handle_timeout(now);
            }
            2 => {
                client.handle_disconnected(now);
                client.handle_connected(now, u.int_in_range(0..=1_500)?);
            }
            3 => {
                let transfer = Order::Transfer { from: 1, to: 2, amount: u.arbitrary()? };
                // Not always one that can be sent.
                _ = client.submit(now, transfer, script::tick(u, around)?, script::tick(u, around)?);
            }
            4 => {
                let length = u.int_in_range(0..=400_usize)?.min(u.len());
                let channel = script::channel(u)?;
                client.handle_message(now, channel, u.bytes(length)?);
            }
            _ => {
                let message = script::from_host(u, around, &known)?;
                client.handle_message(now, script::channel(u)?, &message.encode());
            }
        }
        settle(&mut client, now);
    }
    Ok(())
}

fn welcome(u: &mut Unstructured<'_>, schema: SchemaId) -> Result<Welcome> {
    Ok(Welcome {
        player: if u.ratio(7, 8)? { Some(PlayerId(u.int_in_range(1..=2)?)) } else { None },
        next_sequence: Sequence(u.int_in_range(0..=8)?),
        tick_rate: u.int_in_range(1..=1_000)?,
        tick: script::tick(u, Tick(6))?,
        schema,
        revision: Ledger::REVISION,
        content: ContentId::NONE,
        input_delay_ticks: u.int_in_range(0..=1_000)?,
        durability: Durability::Disk,
        region: RegionId(u.int_in_range(1..=2)?),
        incarnation: u.int_in_range(1..=2)?,
        ticket: Ticket([3; TICKET_BYTES]),
        inputs_in_flight_max: u.int_in_range(1..=64)?,
        history_ticks: u.int_in_range(1..=1_000)?,
    })
}

fn settle(client: &mut Client<Ledger, PredictNothing>, now: Instant) {
    let driven = client.drive(now, &Inline, TICKS_MAX);
    assert!(driven.confirmed <= TICKS_MAX, "{driven:?}");
    while client.poll_event().is_some() {}
    let sent = std::iter::from_fn(|| client.poll_transmit()).take(TRANSMITS_MAX).count();
    assert!(sent < TRANSMITS_MAX, "a client that sends for ever");
}
