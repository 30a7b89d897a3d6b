//! [`QuicConnection`]: a connection's three channels on QUIC's streams and datagrams.
//!
//! Invariant: a message goes out whole or not at all; what came is copied out of the packets that it came in, since those keep
//! far more memory alive.

use std::net::SocketAddr;

use bytes::Bytes;
use quinn::{Connection, ReadError, ReadToEndError, RecvStream, SendDatagramError, SendStream, Side, VarInt};
use tickworld_proto::limits::BULK_BYTES_MAX;

use super::{
    control,
    failure::{disconnected, number_on_wire},
};
use crate::{
    close::{Close, Disconnect, Violation, clip},
    limits::CLOSE_DETAIL_BYTES_MAX,
    transport::{BulkError, BulkReceiver, ControlReceiver, ControlSender, DatagramSent, TransportConnection},
};

/// See the module.
#[derive(Clone)]
pub struct QuicConnection {
    connection: Connection,
}

impl QuicConnection {
    pub(super) const fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

impl TransportConnection for QuicConnection {
    type Sender = QuicSender;
    type Receiver = QuicReceiver;
    type Bulk = QuicBulk;

    fn remote_address(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    async fn open_control(&self) -> Result<(QuicSender, QuicReceiver), Disconnect> {
        self.connection.open_bi().await.map(ends).map_err(disconnected)
    }

    async fn accept_control(&self) -> Result<(QuicSender, QuicReceiver), Disconnect> {
        self.connection.accept_bi().await.map(ends).map_err(disconnected)
    }

    fn datagram_bytes_max(&self) -> usize {
        self.connection.max_datagram_size().unwrap_or(0)
    }

    fn send_datagram(&self, bytes: Bytes) -> DatagramSent {
        // QUIC drops the oldest ones where there is no room, and does not tell.
        let has_room = self.connection.datagram_send_buffer_space() >= bytes.len();
        match self.connection.send_datagram(bytes) {
            Ok(()) if has_room => DatagramSent::Queued,
            Ok(()) => DatagramSent::Displaced,
            Err(SendDatagramError::ConnectionLost(_)) => DatagramSent::Closed,
            Err(_) => DatagramSent::TooLong,
        }
    }

    async fn receive_datagram(&self) -> Result<Bytes, Disconnect> {
        let bytes = self.connection.read_datagram().await.map_err(disconnected)?;
        // Copied: a datagram keeps the whole read of the socket alive that it came in, 64 KiB at worst.
        Ok(Bytes::copy_from_slice(&bytes))
    }

    async fn send_bulk(&self, message: Bytes) -> Result<(), BulkError> {
        let opened = self.connection.open_uni().await;
        let stream = opened.map_err(|error| BulkError::Disconnected(disconnected(error)))?;
        let mut stream = WholeOrReset { stream, is_whole: false };
        match stream.stream.write_chunk(message).await {
            Ok(()) => stream.is_whole = true,
            Err(quinn::WriteError::ConnectionLost(error)) => return Err(BulkError::Disconnected(disconnected(error))),
            Err(_) => return Err(BulkError::Stopped),
        }
        let _ = stream.stream.finish();
        Ok(())
    }

    async fn accept_bulk(&self) -> Result<QuicBulk, Disconnect> {
        self.connection.accept_uni().await.map(QuicBulk).map_err(disconnected)
    }

    async fn extra_channel(&self) -> Disconnect {
        let connection = &self.connection;
        let opened = match connection.side() {
            Side::Client => connection.accept_bi().await.map(drop),
            Side::Server => tokio::select! {
                stream = connection.accept_bi() => stream.map(drop),
                stream = connection.accept_uni() => stream.map(drop),
            },
        };
        opened.map_or_else(disconnected, |()| Disconnect::Violation(Violation::ExtraStream))
    }

    fn close(&self, close: &Close) {
        if self.connection.close_reason().is_some() {
            // QUIC would forget the first reason for this one.
            return;
        }
        let detail = clip(&close.detail, CLOSE_DETAIL_BYTES_MAX);
        self.connection.close(number_on_wire(close.code), detail.as_bytes());
    }

    async fn closed(&self) -> Disconnect {
        disconnected(self.connection.closed().await)
    }
}

fn ends((sending, receiving): (SendStream, RecvStream)) -> (QuicSender, QuicReceiver) {
    // Ahead of bulk streams; an error here means that the connection is gone, which the first write tells.
    let _ = sending.set_priority(1);
    (QuicSender(sending), QuicReceiver(receiving))
}

/// The sending half of the control stream.
pub struct QuicSender(SendStream);

impl ControlSender for QuicSender {
    async fn send(&mut self, message: Bytes) -> Result<(), Disconnect> {
        control::write(&mut self.0, message).await
    }

    async fn finish(&mut self) {
        // It is finished or gone already where this fails.
        let _ = self.0.finish();
        let _ = self.0.stopped().await;
    }
}

/// The receiving half of the control stream.
pub struct QuicReceiver(RecvStream);

impl ControlReceiver for QuicReceiver {
    async fn receive(&mut self) -> Result<Option<Bytes>, Disconnect> {
        control::read(&mut self.0).await
    }
}

/// A stream with one message.
pub struct QuicBulk(RecvStream);

impl BulkReceiver for QuicBulk {
    async fn receive(mut self) -> Result<Option<Bytes>, Disconnect> {
        match self.0.read_to_end(BULK_BYTES_MAX as usize).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(ReadToEndError::TooLong) => {
                Err(Disconnect::Violation(Violation::BulkTooLong { bytes_max: BULK_BYTES_MAX }))
            }
            Err(ReadToEndError::Read(ReadError::ConnectionLost(error))) => Err(disconnected(error)),
            // Given up by the host.
            Err(ReadToEndError::Read(_)) => Ok(None),
        }
    }
}

/// QUIC's stream ends as if all were well when it is dropped: half a message would look like a whole one.
struct WholeOrReset {
    stream: SendStream,
    is_whole: bool,
}

impl Drop for WholeOrReset {
    fn drop(&mut self) {
        if !self.is_whole {
            // Fails only where there is nothing left to reset.
            let _ = self.stream.reset(VarInt::from_u32(0));
        }
    }
}
