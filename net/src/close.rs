//! How connections end: [`Close`] is what one side says, [`Disconnect`] what the other learns.
//!
//! Invariant: the first reason is the one that is told. The protocol's own reasons travel in a `Goodbye` before the close;
//! these codes speak of the connection only.

/// The last word of one side, which travels with the end of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code as programs tell it from others.
    pub code: CloseCode,
    /// What happened, as a sentence for people.
    pub detail: String,
}

/// Application error codes of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// All has been said.
    Done,
    /// The process goes down.
    Shutdown,
    /// The peer did what it must not.
    Violation,
    /// The peer reads too slowly.
    TooSlow,
    /// The peer let a deadline pass.
    TimedOut,
    /// This side gave the connection up, through no fault of the peer's.
    Failed,
    /// Another version's code.
    Other(u64),
}

impl CloseCode {
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Done => 0,
            Self::Shutdown => 1,
            Self::Violation => 2,
            Self::TooSlow => 3,
            Self::TimedOut => 4,
            Self::Failed => 5,
            Self::Other(number) => number,
        }
    }

    pub(crate) const fn of(number: u64) -> Self {
        match number {
            0 => Self::Done,
            1 => Self::Shutdown,
            2 => Self::Violation,
            3 => Self::TooSlow,
            4 => Self::TimedOut,
            5 => Self::Failed,
            other => Self::Other(other),
        }
    }
}

/// Why a connection is no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// This side asked for it.
    #[error("closed by this side")]
    Closed,
    /// This side's process goes down.
    #[error("this side shuts down")]
    Shutdown,
    /// The peer closed it.
    #[error("closed by the peer ({:?}): {}", .0.code, .0.detail)]
    ByPeer(Close),
    /// The peer fell silent, restarted, or the transport itself failed.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The peer did not take what it asked for.
    #[error("the peer reads too slowly: {0}")]
    TooSlow(Backlog),
    /// The peer did what it must not.
    #[error("the peer broke the rules: {0}")]
    Violation(Violation),
    /// The peer ended its control channel and then did not close the connection.
    #[error("the peer ended its messages and stayed")]
    HalfClosed,
    /// This side's tasks for the connection are gone: they were aborted, or one of them panicked.
    #[error("this side gave the connection up")]
    Aborted,
}

/// Where a slow peer's messages piled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Backlog {
    /// The session's queue of control messages is over its cap.
    #[error("more than {bytes_max} bytes of control messages wait")]
    Queue {
        /// The cap in bytes.
        bytes_max: usize,
    },
    /// The control stream does not take a message in time.
    #[error("a control message was not taken in {seconds} s")]
    Stream {
        /// The deadline in seconds.
        seconds: u64,
    },
}

/// What a peer must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A length before a control message over the cap.
    #[error("a control message of {bytes} bytes, over {bytes_max}")]
    ControlTooLong {
        /// What it said.
        bytes: u32,
        /// The cap in bytes.
        bytes_max: u32,
    },
    /// A bulk stream that does not end within the cap.
    #[error("a bulk message over {bytes_max} bytes")]
    BulkTooLong {
        /// The cap in bytes.
        bytes_max: u32,
    },
    /// A control stream that ends inside a message, or is cut.
    #[error("a control stream that is cut inside a message")]
    ControlCut,
    /// A stream besides those of the protocol.
    #[error("a stream that the protocol does not have")]
    ExtraStream,
    /// Datagrams refused, or shorter ones than the protocol needs.
    #[error("no room for datagrams of {bytes_min} bytes")]
    NoDatagrams {
        /// What the protocol needs.
        bytes_min: u16,
    },
    /// No first message in time.
    #[error("no first control message within {seconds} s")]
    NoHello {
        /// The deadline in seconds.
        seconds: u64,
    },
}

impl Disconnect {
    /// What to tell the peer.
    pub(crate) fn close(&self) -> Close {
        let code = match self {
            Self::Closed | Self::ByPeer(_) | Self::Lost(_) => CloseCode::Done,
            Self::Shutdown => CloseCode::Shutdown,
            Self::TooSlow(_) => CloseCode::TooSlow,
            Self::Violation(Violation::NoHello { .. }) | Self::HalfClosed => CloseCode::TimedOut,
            Self::Violation(_) => CloseCode::Violation,
            Self::Aborted => CloseCode::Failed,
        };
        Close { code, detail: self.to_string() }
    }
}

/// As much of `text` as is at most so many bytes long.
pub(crate) fn clip(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_the_way() {
        for number in 0..10 {
            assert_eq!(CloseCode::of(number).number(), number);
        }
    }
}
