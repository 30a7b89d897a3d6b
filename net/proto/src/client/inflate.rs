//! Bounded inflation of LZ4 blocks.
//!
//! Invariant: exactly as many bytes are allocated as the caller's own limit allows, never what the sender claims beyond it.

use alloc::vec::Vec;

/// Inflates a block to exactly `raw_bytes`; a block as long as that is not compressed. `None` where it is no such block.
pub(super) fn inflate(block: &[u8], raw_bytes: u32) -> Option<Vec<u8>> {
    let raw_bytes = usize::try_from(raw_bytes).ok()?;
    if block.len() == raw_bytes {
        return Some(Vec::from(block));
    }
    let mut raw = alloc::vec![0; raw_bytes];
    let found = lz4_flex::block::decompress_into(block, &mut raw).ok()?;
    (found == raw_bytes).then_some(raw)
}
