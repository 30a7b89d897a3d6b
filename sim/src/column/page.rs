//! [`Page`]: up to 1,024 rows behind one `Arc`, with a presence bitmap beside it.
//!
//! Invariant: `blocks` reaches at least to the last present row; what absent rows hold is never read, encoded or hashed.
//! Encoding (docs/FORMATS.md, "Page"), given the number of rows: where the rows present are the first ones without a gap,
//! just these rows; otherwise the count of presence words up to the last one that is not zero (u8), the words (u64
//! little-endian; bit `i` of word `w` is row `64 w + i`), then the rows in order. The length tells which. (A dense page of
//! 16 KiB is sixteen BLAKE3 chunks; a seventeenth for its presence words cost four per cent of a tick.)
#![expect(
    clippy::arithmetic_side_effects,
    reason = "coordinates within a page: at most 1,024 rows of at most 256 bytes"
)]

use alloc::{sync::Arc, vec};

use crate::component::{Component, DecodeCause, DecodeError};

/// Rows that share one presence word.
pub(crate) const BLOCK_ROWS: usize = 64;
/// Entity indices of one band's smallest share, and what a join visits at a time.
pub(crate) const RUN_ROWS: usize = 1024;
/// Presence words of a run.
pub(crate) const RUN_WORDS: usize = RUN_ROWS / BLOCK_ROWS;

/// A clone shares the rows until one of the two is written.
pub(crate) struct Page<T> {
    /// One word per block; those past the page's rows stay zero. In the table, not with the rows: joins ask who is there
    /// without touching the rows, and a page is one allocation.
    pub(crate) bits: [u64; RUN_WORDS],
    pub(crate) blocks: Arc<[[T; BLOCK_ROWS]]>,
}

// By hand: a derive would ask for rows that can be cloned, which rows behind an `Arc` need not be.
impl<T> Clone for Page<T> {
    fn clone(&self) -> Self {
        Self { bits: self.bits, blocks: self.blocks.clone() }
    }
}

/// How much of a page there is.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Presence words up to the last one that is not zero.
    words: usize,
    row_count: u32,
    /// Whether the rows present are the first ones without a gap; the bytes then carry no presence words.
    is_dense: bool,
}

impl Shape {
    /// Length of the canonical bytes.
    pub(crate) const fn encoded_bytes<T: Component>(self) -> usize {
        let bits = if self.is_dense { 0 } else { 1 + self.words * 8 };
        bits + self.row_count as usize * T::SIZE
    }
}

impl<T: Component> Page<T> {
    pub(crate) fn new() -> Self {
        Self { bits: [0; RUN_WORDS], blocks: Arc::default() }
    }

    /// Whether nothing was written since one was cloned from the other, or both from a third.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.blocks, &other.blocks) && self.bits == other.bits
    }

    /// The rows, to write: copied first where they are shared.
    #[inline]
    pub(crate) fn blocks_mut(&mut self) -> &mut [[T; BLOCK_ROWS]] {
        Arc::make_mut(&mut self.blocks)
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
            let fillers = core::iter::repeat_n([T::FILLER; BLOCK_ROWS], word + 1 - self.blocks.len());
            self.blocks = self.blocks.iter().copied().chain(fillers).collect();
        }
        self.bits[word] |= 1 << (at % BLOCK_ROWS);
        self.blocks_mut()[word][at % BLOCK_ROWS] = value;
    }

    pub(crate) fn remove(&mut self, at: usize) {
        self.bits[at / BLOCK_ROWS] &= !(1 << (at % BLOCK_ROWS));
        let words = self.words();
        if words < self.blocks.len() {
            self.blocks = Arc::from(&self.blocks[..words]);
        }
    }

    /// Presence words up to the last one that is not zero.
    pub(crate) fn words(&self) -> usize {
        self.bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1)
    }

    pub(crate) fn row_count(&self) -> u32 {
        self.shape().row_count
    }

    /// What there is to encode. Dense pages, which are most, are not counted bit by bit.
    #[inline]
    pub(crate) fn shape(&self) -> Shape {
        let words = self.words();
        let Some((last, full)) = self.bits[..words].split_last() else {
            return Shape { words, row_count: 0, is_dense: true };
        };
        let is_dense = full.iter().all(|word| *word == !0) && *last & last.wrapping_add(1) == 0;
        let row_count = if is_dense {
            full.len() as u32 * BLOCK_ROWS as u32 + last.trailing_ones()
        } else {
            self.bits.iter().map(|word| word.count_ones()).sum()
        };
        Shape { words, row_count, is_dense }
    }

    // DOC:PAGE
    // Given the number of rows N, which stands wherever a page is named, and the row size S:
    //
    // dense (the rows present are the first N): 0  N*S  rows
    // any other:
    // 0     1    words  W, count of presence words up to the last one that is not zero
    // 1     8*W  bits   bit i of word w is row 64 w + i
    // 1+8W  N*S  rows   the present ones, ascending
    // DOC:END
    /// Writes the canonical bytes; `shape` is this page's and `out` [`encoded_bytes`](Shape::encoded_bytes) long.
    pub(crate) fn encode(&self, shape: Shape, out: &mut [u8]) {
        let words = shape.words;
        let mut rest = out;
        if !shape.is_dense {
            let (count, after) = rest.split_at_mut(1);
            count.fill(words as u8);
            let (bits, after) = after.split_at_mut(words * 8);
            for (word, out) in self.bits[..words].iter().zip(bits.chunks_exact_mut(8)) {
                word.encode(out);
            }
            rest = after;
        }
        if T::SIZE == 0 {
            return;
        }
        for (word, block) in self.bits[..words].iter().zip(self.blocks.iter()) {
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

    /// Reads the canonical bytes of a page with `row_count` rows.
    pub(crate) fn decode(bytes: &[u8], row_count: u32, page_rows: usize) -> Result<Self, DecodeError> {
        let parsed = PageBytes::parse(bytes, row_count, T::SIZE, page_rows)?;
        let words = parsed.bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        let mut blocks = vec![[T::FILLER; BLOCK_ROWS]; words];
        for (at, row) in parsed.rows() {
            let shift = bytes.len() - parsed.rows.len() + parsed.offset(at);
            blocks[at / BLOCK_ROWS][at % BLOCK_ROWS] = T::decode(row).map_err(|e| e.shift(shift))?;
        }
        Ok(Self { bits: parsed.bits, blocks: Arc::from(blocks) })
    }
}

/// A page's canonical bytes, taken apart without the Rust type of its rows.
#[derive(Clone, Debug)]
pub struct PageBytes<'a> {
    bits: [u64; RUN_WORDS],
    rows: &'a [u8],
    row_bytes: usize,
}

impl<'a> PageBytes<'a> {
    /// Takes apart the bytes of a page with `row_count` rows of `row_bytes`, out of `page_rows`.
    ///
    /// # Errors
    /// Where the bytes are not in canonical form. What the rows say is not looked at.
    pub fn parse(bytes: &'a [u8], row_count: u32, row_bytes: usize, page_rows: usize) -> Result<Self, DecodeError> {
        let page_rows = page_rows.min(RUN_ROWS);
        let count = row_count as usize;
        if count == 0 || count > page_rows {
            return Err(DecodeError::new(DecodeCause::Form("number of rows")));
        }
        let dense = dense_bits(row_count);
        if bytes.len() == count * row_bytes {
            return Ok(Self { bits: dense, rows: bytes, row_bytes });
        }
        let (&words, rest) = bytes.split_first().ok_or(DecodeError::length(count * row_bytes, 0))?;
        let words = usize::from(words);
        if words == 0 || words > page_rows / BLOCK_ROWS {
            return Err(DecodeError::new(DecodeCause::Form("number of presence words")));
        }
        let expected = 1 + words * 8 + count * row_bytes;
        if bytes.len() != expected {
            return Err(DecodeError::length(expected, bytes.len()));
        }
        let (words_bytes, rows) = rest.split_at(words * 8);
        let mut bits = [0; RUN_WORDS];
        for (word, bytes) in bits.iter_mut().zip(words_bytes.chunks_exact(8)) {
            *word = u64::decode(bytes)?;
        }
        let found: u32 = bits.iter().map(|word| word.count_ones()).sum();
        if found != row_count || bits[words - 1] == 0 || bits == dense {
            return Err(DecodeError::new(DecodeCause::Form("presence words")).shift(1));
        }
        Ok(Self { bits, rows, row_bytes })
    }

    /// The rows present, ascending: position in the page and bytes.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &'a [u8])> + '_ {
        let positions = (0..RUN_WORDS).flat_map(|word| ones(self.bits[word]).map(move |at| word * BLOCK_ROWS + at));
        positions.enumerate().map(|(nth, at)| (at, &self.rows[nth * self.row_bytes..][..self.row_bytes]))
    }

    /// The bytes of the row at `at`, if present.
    #[must_use]
    pub fn row(&self, at: usize) -> Option<&'a [u8]> {
        let word = self.bits.get(at / BLOCK_ROWS)?;
        if word >> (at % BLOCK_ROWS) & 1 == 0 {
            return None;
        }
        Some(&self.rows[self.offset(at)..][..self.row_bytes])
    }

    /// Where the row at `at` begins among the rows.
    fn offset(&self, at: usize) -> usize {
        let (word, bit) = (at / BLOCK_ROWS, at % BLOCK_ROWS);
        let before: u32 = self.bits[..word].iter().map(|word| word.count_ones()).sum();
        let here = (self.bits[word] & ((1 << bit) - 1)).count_ones();
        (before + here) as usize * self.row_bytes
    }
}

/// The first `row_count` bits.
fn dense_bits(row_count: u32) -> [u64; RUN_WORDS] {
    let count = row_count as usize;
    core::array::from_fn(|word| match count.saturating_sub(word * BLOCK_ROWS) {
        0 => 0,
        left if left >= BLOCK_ROWS => !0,
        left => (1 << left) - 1,
    })
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
