//! [`Write`]: a change of a simulated disk's file, and what it makes of the file.
//!
//! Invariant: applying a write to equal images gives equal images; what it does not name stays as it is.

/// A change of the file that was not synced yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// These bytes at this place; the file grows if it must.
    Bytes {
        /// Offset of the first byte in the file.
        offset: u64,
        /// What is written there.
        bytes: Vec<u8>,
    },
    /// The file has this length from now on; new bytes are zeros.
    Length(u64),
}

/// Changes `image` as a write says.
pub(super) fn apply(image: &mut Vec<u8>, write: &Write) {
    match write {
        Write::Length(length) => image.resize(usize::try_from(*length).expect("a file in memory"), 0),
        Write::Bytes { offset, bytes } => {
            let start = usize::try_from(*offset).expect("a file in memory");
            let end = start + bytes.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[start..end].copy_from_slice(bytes);
        }
    }
}
