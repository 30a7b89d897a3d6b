//! UDP sockets with room for a tick's burst.
//!
//! Invariant: the socket is bound and non-blocking; that the system grants less room is told in the log, and no error.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::SOCKET_BUFFER_BYTES;

/// A socket at `address`. All sessions share it, so a tick's datagrams come and go in one burst: the usual 200 KiB would
/// hold some two hundred of them and silently lose the rest.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        // One socket for both families.
        socket.set_only_v6(false)?;
    }
    for set in [Socket::set_recv_buffer_size, Socket::set_send_buffer_size] {
        if let Err(error) = set(&socket, SOCKET_BUFFER_BYTES) {
            tracing::debug!(%error, "the socket's buffers stay as they are");
        }
    }
    let granted = socket.recv_buffer_size()?;
    if granted < SOCKET_BUFFER_BYTES {
        tracing::info!(granted, asked = SOCKET_BUFFER_BYTES, "the system grants a smaller receive buffer");
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// One socket for both families, or, where there is no IPv6, for the other one.
pub(super) fn bind_any() -> (SocketAddr, io::Result<UdpSocket>) {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let only = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    match bind(both) {
        Ok(socket) => (both, Ok(socket)),
        Err(_) => (only, bind(only)),
    }
}
