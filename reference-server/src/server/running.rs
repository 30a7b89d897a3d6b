//! [`Running`]: a server that runs, and how it ends.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tickworld_net::tls::fingerprint::Fingerprint;
use tickworld_region::Ended;
use tickworld_sim::game::Game;
use tokio::{sync::oneshot, time::timeout};

use super::{Closing, Door, END_MAX, WorldHandle, door::Entry, parts::HttpPorts};
use crate::{
    http::{self, HttpState, port::HttpPort},
    meters::Meters,
};

/// For the last requests at a shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// A server that runs.
pub struct Running<G: Game> {
    /// The game port.
    pub address: SocketAddr,
    /// The HTTP port, if there is one.
    pub http_address: Option<SocketAddr>,
    /// Where operators' requests are taken, if they are.
    pub admin_address: Option<SocketAddr>,
    /// Ticks a second of the world.
    pub tick_rate: u16,
    /// Of the certificate, for clients to pin.
    pub fingerprint: Fingerprint,
    /// What it counts.
    pub meters: Arc<Meters>,
    state: HttpState,
    world: WorldHandle<G>,
    ended: oneshot::Receiver<Ended>,
    /// Its place behind the door, which others may go on using.
    entry: Entry,
    own_door: Option<Door>,
    ports: Vec<HttpPort>,
    closing: Option<Closing>,
}

impl<G: Game> Running<G> {
    pub(super) fn new(
        (door, own_door, entry): (Door, Option<Door>, Entry),
        tick_rate: u16,
        state: HttpState,
        world: WorldHandle<G>,
        ended: oneshot::Receiver<Ended>,
        http: HttpPorts,
    ) -> Self {
        let HttpPorts { ports, address, admin_address } = http;
        Self {
            address: door.address(),
            http_address: address,
            admin_address,
            tick_rate,
            fingerprint: door.fingerprint(),
            meters: state.meters.clone(),
            state,
            world,
            ended,
            entry,
            own_door,
            ports,
            closing: None,
        }
    }

    pub(super) fn announce(&self) {
        let (address, fingerprint) = (self.address, self.fingerprint);
        let http = self.http_address.map(tracing::field::display);
        let admin = self.admin_address.map(tracing::field::display);
        tracing::info!(%address, http, admin, %fingerprint, "players may come");
    }

    /// What is awaited at the very end.
    pub(super) fn close_after(&mut self, closing: impl Future<Output = ()> + Send + 'static) {
        self.closing = Some(Box::pin(closing));
    }

    /// The world: to read, to follow, to put inputs in, to ask for things.
    #[must_use]
    pub fn world(&self) -> WorldHandle<G> {
        self.world.clone()
    }

    /// Everything that the HTTP port serves, operators' requests included, to nest in a router of one's own: health, metrics and,
    /// for those who show the operators' token, administration.
    pub fn routes(&self) -> axum::Router {
        http::router(self.state.clone())
    }

    /// Waits until the region ends by itself, or because somebody asked for it. Loses nothing when dropped.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or_else(|_| Ended::Failed("the region's thread panicked".to_owned()))
    }

    /// Says goodbye to everybody, stores a snapshot, and ends everything.
    pub async fn stop(mut self) -> Ended {
        self.world.shut_down();
        let ended = timeout(END_MAX, self.ended()).await;
        self.close().await;
        ended.unwrap_or_else(|_| Ended::Failed(format!("the region did not end within {} seconds", END_MAX.as_secs())))
    }

    /// Ends the ports and the store after the region has ended. Whoever takes their time is not waited for.
    pub async fn close(self) {
        let Self { entry, own_door, ports, closing, .. } = self;
        if let Some(door) = own_door {
            door.close().await;
        }
        drop(entry);
        for port in ports {
            port.shutdown(GRACE).await;
        }
        if let Some(closing) = closing
            && timeout(END_MAX, closing).await.is_err()
        {
            tracing::error!("the storage did not close in time");
        }
    }
}
