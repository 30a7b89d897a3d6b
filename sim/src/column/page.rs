//! [`Page`]: up to 1,024 rows behind one `Arc`, with a presence bitmap.
//!
//! Invariant: `blocks` reaches at least to the last present row; what absent rows hold is never read, encoded or hashed.
//! Encoding (docs/FORMATS.md, "Page"): count of presence words up to the last one that is not zero (u8), the words
//! (u64 little-endian; bit `i` of word `w` is row `64 w + i`), then the present rows in order.

use alloc::vec::Vec;

use super::RUN_WORDS;
use crate::component::{Component, DecodeCause, DecodeError};

/// Rows that share one presence word.
pub(crate) const BLOCK_ROWS: usize = 64;

#[derive(Clone)]
pub(crate) struct Page<T> {
    /// One word per block; those past the page's rows stay zero.
    pub(crate) bits: [u64; RUN_WORDS],
    pub(crate) blocks: Vec<[T; BLOCK_ROWS]>,
}

impl<T: Component> Page<T> {
    pub(crate) const fn new() -> Self {
        Self { bits: [0; RUN_WORDS], blocks: Vec::new() }
    }

    #[inline]
    pub(crate) const fn contains(&self, at: usize) -> bool {
        self.bits[at / BLOCK_ROWS] >> (at % BLOCK_ROWS) & 1 == 1
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        if self.contains(at) { Some(&self.blocks[at / BLOCK_ROWS][at % BLOCK_ROWS]) } else { None }
    }

    pub(crate) fn set(&mut self, at: usize, value: T) {
        let word = at / BLOCK_ROWS;
        if self.blocks.len() <= word {
            self.blocks.resize(word + 1, [T::FILLER; BLOCK_ROWS]);
        }
        self.bits[word] |= 1 << (at % BLOCK_ROWS);
        self.blocks[word][at % BLOCK_ROWS] = value;
    }

    pub(crate) fn remove(&mut self, at: usize) {
        self.bits[at / BLOCK_ROWS] &= !(1 << (at % BLOCK_ROWS));
        self.blocks.truncate(self.words());
    }

    /// Presence words up to the last one that is not zero.
    pub(crate) fn words(&self) -> usize {
        self.bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1)
    }

    pub(crate) fn row_count(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// Appends the canonical bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let words = self.words();
        out.push(words as u8);
        for word in &self.bits[..words] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        let start = out.len();
        out.resize(start + self.row_count() as usize * T::SIZE, 0);
        if T::SIZE == 0 {
            return;
        }
        let mut rest = &mut out[start..];
        for (word, block) in self.bits[..words].iter().zip(&self.blocks) {
            if *word == !0 {
                let (head, tail) = rest.split_at_mut(BLOCK_ROWS * T::SIZE);
                for (row, out) in block.iter().zip(head.chunks_exact_mut(T::SIZE)) {
                    row.encode(out);
                }
                rest = tail;
            } else {
                for at in ones(*word) {
                    let (head, tail) = rest.split_at_mut(T::SIZE);
                    block[at].encode(head);
                    rest = tail;
                }
            }
        }
    }

    /// Reads canonical bytes of a page of at most `page_rows` rows.
    pub(crate) fn decode(bytes: &[u8], page_rows: usize) -> Result<Self, DecodeError> {
        let (&words, rest) = bytes.split_first().ok_or(DecodeError::length(1, 0))?;
        let words = usize::from(words);
        if words == 0 || words > page_rows / BLOCK_ROWS {
            return Err(DecodeError::new(DecodeCause::Form("number of presence words")));
        }
        let Some((bits, rows)) = rest.split_at_checked(words * 8) else {
            return Err(DecodeError::length(1 + words * 8, bytes.len()));
        };
        let mut page = Self::new();
        for (word, bytes) in page.bits.iter_mut().zip(bits.chunks_exact(8)) {
            *word = u64::decode(bytes)?;
        }
        if page.bits[words - 1] == 0 {
            return Err(DecodeError::new(DecodeCause::Form("the last presence word is zero")));
        }
        let expected = 1 + words * 8 + page.row_count() as usize * T::SIZE;
        if bytes.len() != expected {
            return Err(DecodeError::length(expected, bytes.len()));
        }
        page.blocks.resize(words, [T::FILLER; BLOCK_ROWS]);
        let mut at = 0;
        for (word, block) in page.bits.iter().zip(&mut page.blocks) {
            for row in ones(*word) {
                block[row] = T::decode(&rows[at..at + T::SIZE]).map_err(|e| e.shift(1 + words * 8 + at))?;
                at += T::SIZE;
            }
        }
        Ok(page)
    }
}

/// Positions of the set bits, ascending.
#[inline]
pub(crate) fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let at = word.trailing_zeros() as usize & (BLOCK_ROWS - 1);
        word &= word - 1;
        Some(at)
    })
}
