//! Messages on the control stream: each after its length.
//!
//! Invariant: nothing is allocated for a length; a message grows as its bytes come, and a length over the cap is refused
//! before the first of them is read.

use bytes::Bytes;
use quinn::{ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use tickworld_proto::limits::CONTROL_BYTES_MAX;

use super::failure::disconnected;
use crate::close::{Disconnect, Violation};

/// The next message; nothing if the stream ended before it.
pub(super) async fn read(stream: &mut RecvStream) -> Result<Option<Bytes>, Disconnect> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(ReadExactError::FinishedEarly(_)) => return Err(Disconnect::Violation(Violation::ControlCut)),
        Err(ReadExactError::ReadError(error)) => return Err(read_failed(error)),
    }
    let bytes = u32::from_le_bytes(length);
    if bytes > CONTROL_BYTES_MAX {
        return Err(Disconnect::Violation(Violation::ControlTooLong { bytes, bytes_max: CONTROL_BYTES_MAX }));
    }
    let bytes = bytes as usize;
    let mut message = Vec::new();
    while message.len() < bytes {
        let chunk = stream.read_chunk(bytes - message.len(), true).await.map_err(read_failed)?;
        let Some(chunk) = chunk else {
            return Err(Disconnect::Violation(Violation::ControlCut));
        };
        // Copied: a chunk keeps the whole packet alive that it came in.
        message.extend_from_slice(&chunk.bytes);
    }
    Ok(Some(message.into()))
}

/// Writes one message, as fast as the peer takes it.
pub(super) async fn write(stream: &mut SendStream, message: Bytes) -> Result<(), Disconnect> {
    assert!(message.len() <= CONTROL_BYTES_MAX as usize, "whoever makes messages keeps to their limits");
    let length = u32::try_from(message.len()).expect("checked above");
    let mut chunks = [Bytes::copy_from_slice(&length.to_le_bytes()), message];
    stream.write_all_chunks(&mut chunks).await.map_err(write_failed)
}

fn read_failed(error: ReadError) -> Disconnect {
    match error {
        ReadError::ConnectionLost(error) => disconnected(error),
        _ => Disconnect::Violation(Violation::ControlCut),
    }
}

fn write_failed(error: WriteError) -> Disconnect {
    match error {
        WriteError::ConnectionLost(error) => disconnected(error),
        _ => Disconnect::Violation(Violation::ControlCut),
    }
}
