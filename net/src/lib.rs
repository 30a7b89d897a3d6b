//! The protocol over a network: a thin shell of tokio around `tickworld-proto`, with QUIC as its transport.
//!
//! Invariant: no protocol decision is made here; what a session may do, when it ends and what it is told is proto's. This
//! crate moves whole messages, bounds what a peer can hold of memory, and says why a connection ended.
//!
//! | you want | look at |
//! | --- | --- |
//! | to play: connect, send inputs, see the world, come back after an outage | [`connection::connect`], [`Connection`](connection::Connection), [`ConnectionEvent`](connection::ConnectionEvent), [`Backoff`](connection::Backoff) |
//! | from where clients connect | [`Endpoint`](endpoint::Endpoint) |
//! | to host: take connections | [`Listener`](listener::Listener), [`SessionLimits`](listener::SessionLimits) |
//! | to wait for players, effects and requests in one place | [`Mailbox`](mailbox::Mailbox), [`Post`](mailbox::Post), [`Ticket`](mailbox::Ticket) |
//! | to send to players, from any thread | [`Outbox`](listener::Outbox) |
//! | several worlds behind one port | [`Route`](router::Route) |
//! | to say who a server is, and to know one | [`tls`] |
//! | to know why a connection ended | [`Disconnect`](close::Disconnect) |
//! | numbers for metrics | [`Traffic`](counters::Traffic), [`Occupancy`](listener::Occupancy), [`Waiting`](mailbox::Waiting) |
//! | another transport, or none at all in a test | [`transport`], [`memory`](transport::memory) |
//! | messages without a client that is driven | [`ClientConnection`](client_connection::ClientConnection) |
//!
//! `examples/own_game.rs` has both sides of a game of one's own in one program; a server with accounts, recovery and HTTP is the
//! package `tickworld-server`.
//!
//! # A client
//!
//! [`connect`](connection::connect) gives three things: a hand on the client, its events, and a driver, which is a future that
//! owns the client and keeps it connected. Where a world takes long to simulate, give the driver a thread of its own
//! (`Handle::block_on`). The driver ends with a last event, which says why; until then it comes back after every outage.
//!
//! ```
//! # use std::{error::Error, net::SocketAddr, sync::Arc};
//! # use tickworld_ledger::{Ledger, Order};
//! use tickworld_net::{
//!     connection::{ConnectionEvent, ConnectionSettings, connect},
//!     endpoint::{Endpoint, EndpointSettings},
//!     tls::{fingerprint::Fingerprint, trust::Trust},
//! };
//! use tickworld_proto::{
//!     client::{Client, ClientEvent, ClientSettings},
//!     instant::Instant,
//!     message::{Nonce, SessionKind},
//! };
//! use tickworld_sim::{
//!     content::{ContentId, Library},
//!     executor::Inline,
//!     frame::Tick,
//!     rollback::PredictNothing,
//! };
//! use tokio::runtime::Handle;
//!
//! async fn pay(server: SocketAddr, known_by: Fingerprint, token: Vec<u8>, nonce: Nonce) -> Result<(), Box<dyn Error>> {
//!     let endpoint = Endpoint::bind(&Handle::current(), EndpointSettings::new(Trust::Pinned(known_by)))?;
//!     let settings = ClientSettings::new(SessionKind::Command, ContentId::NONE, token, nonce);
//!     let client = Client::<Ledger, _>::new(Instant(0), settings, PredictNothing, Library::of(ContentId::NONE, ()));
//!     let to = ConnectionSettings::new(server, "localhost");
//!     let (connection, mut events, driver) = connect(endpoint, client, Arc::new(Inline), to);
//!     tokio::spawn(driver.run());
//!     while let Some(event) = events.next().await {
//!         match event {
//!             ConnectionEvent::Client(ClientEvent::Welcome(_)) => {
//!                 let transfer = Order::Transfer { from: 0, to: 1, amount: 5 };
//!                 connection.submit(transfer, Tick(0), Tick(u64::MAX)).await?;
//!             }
//!             // One answer for each input, however often the connection breaks in between.
//!             ConnectionEvent::Client(ClientEvent::Outcome { fate, .. }) => {
//!                 println!("{fate:?}");
//!                 connection.leave().await;
//!             }
//!             ConnectionEvent::Outage { cause, wait } => println!("{cause}; again in {wait:?}"),
//!             ConnectionEvent::Ended(end) => println!("{end}"),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # A host
//!
//! A listener lets clients in and hands their events to the mailbox that a route names. A region's thread, which knows nothing
//! of tokio, waits in its mailbox, feeds a [`Host`](tickworld_proto::host::Host), and hands back what that has to say.
//!
//! ```
//! # use std::{error::Error, net::SocketAddr, sync::Arc, time::{Duration, Instant}};
//! # use tickworld_ledger::Ledger;
//! use tickworld_net::{
//!     listener::{Listener, ListenerSettings, Outbox},
//!     mailbox::{Event, Mail, Mailbox, MailboxLimits},
//!     tls::identity::Identity,
//! };
//! # use tickworld_proto::host::TicketIssuer;
//! use tickworld_proto::host::{Connection, Host};
//!
//! /// What completes, and what is asked for.
//! enum Work {
//!     Stop,
//! }
//!
//! fn host(runtime: &tokio::runtime::Handle, address: SocketAddr) -> Result<Listener, Box<dyn Error>> {
//!     let mailbox = Mailbox::new(MailboxLimits::default());
//!     let identity = Identity::generate(&["localhost"])?;
//!     println!("clients pin {}", identity.fingerprint());
//!     // One region: its lane is the route of everybody.
//!     let route = Arc::new(mailbox.lane());
//!     let (listener, outbox) = Listener::open(runtime, ListenerSettings::new(address, identity), route)?;
//!     std::thread::spawn(move || region(mailbox, &outbox));
//!     Ok(listener)
//! }
//!
//! fn region(mut mailbox: Mailbox<Work>, outbox: &Outbox) {
//! #   let mut simulation = Ledger::open(8, 100);
//! #   let roots = simulation.seal(&tickworld_sim::executor::Inline);
//! #   let now = || tickworld_proto::instant::Instant(0);
//!     let mut host: Host<Ledger> = // ..
//! #   Host::new(now(), Default::default(), simulation.schema(), simulation.snapshot(), roots, TicketIssuer {
//! #       world: tickworld_proto::message::WorldId([7; 16]),
//! #       keys: tickworld_proto::ticket::TicketKeys::first([9; 32]),
//! #       wall_seconds: 0,
//! #   });
//!     let mut due = Instant::now();
//!     loop {
//!         due += Duration::from_millis(33);
//!         for mail in mailbox.wait(Some(due)) {
//!             match mail {
//!                 Mail::Completion(Work::Stop) | Mail::Request(Work::Stop) => return,
//!                 Mail::Peer(Event::Connected { session, address, datagram_bytes_max, .. }) => {
//!                     host.handle_connected(now(), session, Connection { address, datagram_bytes_max });
//!                 }
//!                 Mail::Peer(Event::Message { session, channel, bytes }) => {
//!                     host.handle_message(now(), session, channel, &bytes);
//!                 }
//!                 Mail::Peer(Event::Disconnected { session, .. }) => host.handle_disconnected(now(), session),
//!                 Mail::Peer(Event::DatagramSize { .. }) => {}
//!             }
//!         }
//!         // Ticks are made here, and events of the host answered: see `Host`, and `examples/own_game.rs`.
//!         outbox.send(std::iter::from_fn(|| host.poll_transmit()));
//!     }
//! }
//! # let runtime = tokio::runtime::Runtime::new().unwrap();
//! # let listener = host(runtime.handle(), ([127, 0, 0, 1], 0).into()).unwrap();
//! # runtime.block_on(listener.shutdown(Duration::from_secs(5)));
//! ```
//!
//! # What is bounded, and what is done about it
//!
//! [`limits`] is the table. A session that sends more than is handled loses its own datagrams and is slowed on its control channel;
//! one that does not read is ended; an address that asks for more than its part is refused before it costs anything. Completions
//! of a region's own effects are bounded by whoever asks for them, and are never delayed by peers.
#![forbid(unsafe_code)]

pub mod address;
pub mod client_connection;
pub mod close;
pub mod connection;
pub mod counters;
pub mod endpoint;
pub mod limits;
pub mod listener;
pub mod mailbox;
mod peer;
mod queue;
pub mod quic;
pub mod router;
pub mod tls;
pub mod transport;

/// The names of [`endpoint`] and what is in it before they were the field's.
#[doc(hidden)]
pub mod dialer {
    pub use crate::endpoint::{DialError, Endpoint as Dialer, EndpointSettings as DialerSettings};
}
