//! [`Route`]: which region a client comes to.
//!
//! Invariant: a client's first message decides, once, before anything of it reaches a mailbox; a client that no region takes
//! is told so in a `Goodbye` and closed. What the message says is judged by the region: a route only reads where to.
//!
//! One region needs no route of its own: its [`Lane`] is one. Two regions behind one port:
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//!
//! use bytes::Bytes;
//! use tickworld_net::{
//!     mailbox::{Lane, Mailbox, MailboxLimits},
//!     router::{Route, read_hello},
//! };
//! use tickworld_proto::message::{Goodbye, Reason};
//!
//! /// The region is the first word of the token.
//! struct ByToken(BTreeMap<Vec<u8>, Lane>);
//!
//! impl Route for ByToken {
//!     fn lane(&self, hello: &Bytes) -> Result<Lane, Goodbye> {
//!         let refuse = |reason, detail: &str| Goodbye { reason, detail: detail.into() };
//!         let hello = read_hello(hello).map_err(|error| refuse(Reason::Violation, &error.to_string()))?;
//!         let region = hello.token.split(|byte| *byte == b' ').next().unwrap_or_default();
//!         let lane = self.0.get(region).cloned();
//!         lane.ok_or_else(|| refuse(Reason::Unauthorized, "no region here is named by this token: ask for another"))
//!     }
//! }
//!
//! let (north, south) = (Mailbox::<()>::new(MailboxLimits::default()), Mailbox::<u32>::new(MailboxLimits::default()));
//! let lanes = [(b"north".to_vec(), north.lane()), (b"south".to_vec(), south.lane())];
//! let route: Arc<dyn Route> = Arc::new(ByToken(lanes.into()));
//! assert_eq!(route.lane(&Bytes::from("?")).unwrap_err().reason, Reason::Violation);
//! ```

use bytes::Bytes;
use tickworld_proto::{
    WireError,
    channel::Channel,
    message::{Goodbye, Hello, Message, Reason},
};

use crate::mailbox::Lane;

/// Says by a client's first message which region's mailbox its events go to.
///
/// It is asked on a thread of the network's runtime, at the same time for many clients: it must neither block nor take long.
pub trait Route: Send + Sync {
    /// The lane of the region that the client comes to. `hello` is its first control message as it came: at most
    /// [`CONTROL_BYTES_MAX`](tickworld_proto::limits::CONTROL_BYTES_MAX) bytes, and not known to be anything.
    ///
    /// # Errors
    /// The last word to a client that no region takes. Its detail is cut to
    /// [`TEXT_BYTES_MAX`](tickworld_proto::limits::TEXT_BYTES_MAX).
    fn lane(&self, hello: &Bytes) -> Result<Lane, Goodbye>;
}

/// One region takes everybody, and judges them itself.
impl Route for Lane {
    fn lane(&self, _hello: &Bytes) -> Result<Lane, Goodbye> {
        Ok(self.clone())
    }
}

/// Why a first message says nothing of where its client wants to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadHelloError {
    /// It is no message.
    #[error("the first message cannot be read: {0}")]
    Wire(#[from] WireError),
    /// It is another message.
    #[error("the first message must be a `hello`")]
    NotHello,
}

/// Reads a client's first message, within the protocol's limits.
///
/// # Errors
/// If it is no `Hello`.
pub fn read_hello(hello: &Bytes) -> Result<Hello, ReadHelloError> {
    match Message::decode(Channel::Control, hello)? {
        Message::Hello(hello) => Ok(hello),
        _ => Err(ReadHelloError::NotHello),
    }
}

/// The lane of a region that is there, or the last word to the client.
pub(crate) fn route(route: &dyn Route, hello: &Bytes) -> Result<Lane, Goodbye> {
    let lane = route.lane(hello)?;
    if lane.is_closed() {
        let detail = "the region has ended on this server; come back later".to_owned();
        return Err(Goodbye { reason: Reason::Shutdown, detail });
    }
    Ok(lane)
}
