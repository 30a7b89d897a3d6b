//! Messages to bytes and back: FlatBuffers around the engine's canonical bytes (`schema/wire.fbs`).
//!
//! Invariant: no bytes make [`Message::decode`] panic or allocate more than their channel's cap; what it gives is within every
//! limit, and [`Message::encode`] of it decodes to the same message. Verified before it is read, counted before it is copied.

mod decode;
mod encode;

use alloc::{format, string::String};

use bytes::Bytes;
use flatbuffers::VerifierOptions;

use crate::{
    channel::Channel,
    generated::tickworld::wire as fb,
    limits::{self, PROTOCOL_VERSION},
    message::Message,
};

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Longer than anything that its channel carries.
    #[error("a message of {bytes} bytes, at most {max} are allowed there")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The channel's cap.
        max: u32,
    },
    /// A `Hello` of another version of the protocol.
    #[error("the peer speaks protocol version {found}, this build speaks version {}", PROTOCOL_VERSION)]
    Protocol {
        /// The version that the peer speaks.
        found: u16,
    },
    /// No FlatBuffers of this schema; names the place.
    #[error("malformed message: {0}")]
    Malformed(String),
    /// A message that does not travel this way.
    #[error("`{message}` does not travel on this channel")]
    Channel {
        /// Name of the message.
        message: &'static str,
    },
    /// More of something than its cap.
    #[error("`{field}` has {count} entries or bytes, at most {max} are allowed")]
    Count {
        /// Message and field.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: u32,
    },
    /// A value that the field cannot have.
    #[error("`{field}` cannot be {value}")]
    Value {
        /// Message and field.
        field: &'static str,
        /// What was found.
        value: u64,
    },
    /// Entries that are not in order, or fit no other part of the message.
    #[error("`{field}` is not in order or does not fit the rest of the message")]
    Form {
        /// Message and field.
        field: &'static str,
    },
}

/// Deepest nesting of tables: an envelope, its body, and room for one more.
const DEPTH_MAX: usize = 4;

/// Most tables of a message: lists are vectors of structs.
const TABLES_MAX: usize = 4;

impl Channel {
    /// The longest message that it carries, in bytes.
    #[must_use]
    pub const fn bytes_max(self) -> u32 {
        match self {
            Self::Control => limits::CONTROL_BYTES_MAX,
            // Widening; `from` is not const.
            Self::Datagram => limits::DATAGRAM_BYTES_MAX as u32,
            Self::Bulk => limits::BULK_BYTES_MAX,
        }
    }
}

impl Message {
    /// The message's bytes.
    ///
    /// # Panics
    /// If a list, a text or bytes inside are longer than [`limits`] allows: whoever builds a message keeps to them.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode::message(self)
    }

    /// Reads what [`encode`](Self::encode) wrote, as it came over `channel`.
    ///
    /// # Errors
    /// On bytes that are too long for the channel, malformed, over a cap, or do not travel there. A `Hello` of another
    /// version of the protocol is told apart from malformed bytes.
    pub fn decode(channel: Channel, bytes: &[u8]) -> Result<Self, WireError> {
        let max = channel.bytes_max();
        if bytes.len() > max as usize {
            return Err(WireError::TooLong { bytes: bytes.len(), max });
        }
        if bytes.len() < IDENTIFIED_BYTES_MIN || !fb::envelope_buffer_has_identifier(bytes) {
            return Err(WireError::Malformed("not a message of this protocol".into()));
        }
        let options = VerifierOptions {
            max_depth: DEPTH_MAX,
            max_tables: TABLES_MAX,
            // Structure may be read from one place twice, so the apparent size is a little over the real one.
            max_apparent_size: bytes.len().saturating_mul(2),
            ignore_missing_null_terminator: false,
        };
        // Before the rest: another version's `Hello` need not be one of ours.
        if let Some(found) = hello_protocol(&options, bytes)
            && found != PROTOCOL_VERSION
        {
            return Err(WireError::Protocol { found });
        }
        let envelope = fb::root_as_envelope_with_opts(&options, bytes)
            .map_err(|error| WireError::Malformed(clip(&format!("{error}"))))?;
        let message = decode::body(envelope)?;
        if message.travels_on(channel) { Ok(message) } else { Err(WireError::Channel { message: message.name() }) }
    }

    /// What it is called, for logs and counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Join => "join",
            Self::PageRequest(_) => "page request",
            Self::Follow(_) => "follow",
            Self::FrameRequest(_) => "frame request",
            Self::Inputs(_) => "inputs",
            Self::Root(_) => "root",
            Self::Ping(_) => "ping",
            Self::DescentRequest(_) => "descent request",
            Self::DesyncReport(_) => "desync report",
            Self::Welcome(_) => "welcome",
            Self::Manifest(_) => "manifest",
            Self::Pages(_) => "pages",
            Self::Frame(_) => "frame",
            Self::Head(_) => "head",
            Self::Outcomes(_) => "outcomes",
            Self::Pong(_) => "pong",
            Self::DescentResponse(_) => "descent response",
            Self::Notice(_) => "notice",
            Self::Ticket(_) => "ticket",
            Self::Moved(_) => "moved",
            Self::Rejoin(_) => "rejoin",
            Self::Goodbye(_) => "goodbye",
        }
    }

    /// Whether a peer takes it from there: what is lost must be sent again by somebody, and only the host has bulk.
    const fn travels_on(&self, channel: Channel) -> bool {
        match channel {
            Channel::Control => true,
            Channel::Datagram => matches!(
                self,
                Self::Inputs(_)
                    | Self::Root(_)
                    | Self::Ping(_)
                    | Self::Pong(_)
                    | Self::Frame(_)
                    | Self::Head(_)
                    | Self::Outcomes(_)
                    | Self::Notice(_)
            ),
            Channel::Bulk => matches!(
                self,
                Self::Manifest(_)
                    | Self::Pages(_)
                    | Self::Frame(_)
                    | Self::Head(_)
                    | Self::Outcomes(_)
                    | Self::DescentResponse(_)
                    | Self::Notice(_)
            ),
        }
    }
}

/// The root's offset and the identifier.
const IDENTIFIED_BYTES_MIN: usize = 8;

/// The version that a `Hello` of any version names; nothing of other messages.
fn hello_protocol(options: &VerifierOptions, bytes: &[u8]) -> Option<u16> {
    let envelope = flatbuffers::root_with_opts::<fb::AnyEnvelope<'_>>(options, bytes).ok()?;
    Some(envelope.body_as_hello()?.protocol())
}

/// Text cut at a character's end so that it fits a message.
#[must_use]
pub(crate) fn clip(text: &str) -> String {
    let mut end = text.len().min(usize::from(limits::TEXT_BYTES_MAX));
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    String::from(&text[..end])
}
