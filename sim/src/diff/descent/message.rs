//! [`Request`] and [`Response`]: what the two sides of a descent say, and its bytes.
//!
//! Invariant: one message, one byte string; decoders refuse everything else, and check counts before they allocate.

use alloc::vec::Vec;

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    frame::Tick,
    hash::{Hash, ShortHash},
    limits,
    schema::SchemaId,
    world::WorldHead,
};

/// Questions about one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The world that is meant, as the asker has it: its tick, and the schema, revision and content in force.
    pub head: WorldHead,
    /// The questions, at most [`DESCENT_ITEMS_MAX`](limits::DESCENT_ITEMS_MAX).
    pub items: Vec<Item>,
}

/// One question, which has one [`Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "numbers of what the variant asks for, in the schema's and the page's order")]
pub enum Item {
    /// A digest of every column.
    Columns,
    /// A digest of every group of pages.
    Groups { column: u16 },
    /// A digest of every page of a group.
    Pages { column: u16, group: u32 },
    /// A digest of every block of a page.
    Blocks { column: u16, page: u32 },
    /// The rows of a block, or their digests.
    Rows { column: u16, page: u32, block: u8 },
    /// The bytes of a row.
    Row { column: u16, row: u32 },
}

/// Answers, in the order of the questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The state of that tick is not at hand.
    Unavailable,
    /// The state of that tick has another schema, revision or content: its columns are not worth comparing.
    Other(WorldHead),
    /// One for each item.
    Answers(Vec<Answer>),
}

/// The answer to one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was asked for, as digests.
    Digests(Vec<ShortHash>),
    /// To [`Item::Groups`] where there is at most one group: its pages.
    Pages(Vec<ShortHash>),
    /// Rows: those of a block, or the one asked for.
    Rows(Vec<Option<Vec<u8>>>),
}

impl Request {
    // DOC:DESCENT_REQUEST
    /// 0    8  tick
    /// 8   32  schema id
    /// 40   4  rules revision
    /// 44  32  content id
    /// 76   1  items   number, at most 64, then each: what (1) and its numbers
    ///                 0 columns | 1 groups: column (2) | 2 pages: column (2), group (4) | 3 blocks: column (2), page (4)
    ///                 | 4 rows: column (2), page (4), block (1) | 5 row: column (2), row (4)
    // DOC:END
    pub fn encode(&self, out: &mut Vec<u8>) {
        assert!(self.items.len() <= usize::from(limits::DESCENT_ITEMS_MAX), "too many items in a request");
        put_head(&self.head, out);
        out.push(u8::try_from(self.items.len()).expect("within the limit"));
        for item in &self.items {
            let (tag, column, number, block) = match *item {
                Item::Columns => (0, None, None, None),
                Item::Groups { column } => (1, Some(column), None, None),
                Item::Pages { column, group } => (2, Some(column), Some(group), None),
                Item::Blocks { column, page } => (3, Some(column), Some(page), None),
                Item::Rows { column, page, block } => (4, Some(column), Some(page), Some(block)),
                Item::Row { column, row } => (5, Some(column), Some(row), None),
            };
            out.push(tag);
            out.extend(column.map(u16::to_le_bytes).into_iter().flatten());
            out.extend(number.map(u32::to_le_bytes).into_iter().flatten());
            out.extend(block);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// On any other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let head = read_head(&mut reader)?;
        let count: u8 = reader.value()?;
        if count > limits::DESCENT_ITEMS_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let items = (0..count).map(|_| read_item(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { head, items })
    }
}

fn put_head(head: &WorldHead, out: &mut Vec<u8>) {
    out.extend_from_slice(&head.tick.0.to_le_bytes());
    out.extend_from_slice(&head.schema.0.0);
    out.extend_from_slice(&head.revision.to_le_bytes());
    out.extend_from_slice(&head.content.0.0);
}

fn read_head(reader: &mut Reader<'_>) -> Result<WorldHead, DecodeError> {
    Ok(WorldHead {
        tick: Tick(reader.value()?),
        schema: SchemaId(Hash(reader.value()?)),
        revision: reader.value()?,
        content: ContentId(Hash(reader.value()?)),
    })
}

/// Bytes of a head.
const HEAD_BYTES: u64 = 8 + 32 + 4 + 32;

fn read_item(reader: &mut Reader<'_>) -> Result<Item, DecodeError> {
    Ok(match reader.value::<u8>()? {
        0 => Item::Columns,
        1 => Item::Groups { column: reader.value()? },
        2 => Item::Pages { column: reader.value()?, group: reader.value()? },
        3 => Item::Blocks { column: reader.value()?, page: reader.value()? },
        4 => Item::Rows { column: reader.value()?, page: reader.value()?, block: reader.value()? },
        5 => Item::Row { column: reader.value()?, row: reader.value()? },
        other => return Err(reader.fail(DecodeCause::Variant(other))),
    })
}

impl Response {
    // DOC:DESCENT_RESPONSE
    /// 0  1  answers  number, at most 64; then each: what (1), then
    ///                0 digests or 1 pages: number (2, at most 2,048), 8 bytes each
    ///                | 2 rows: number (1, at most 32), presence (4, bit i is row i), row bytes (2, at most 256), the
    ///                rows present
    ///                255: the state of that tick is not at hand; nothing follows
    ///                254: it has another schema, revision or content; its tick (8), schema id (32), rules revision (4)
    ///                and content id (32) follow
    // DOC:END
    pub fn encode(&self, out: &mut Vec<u8>) {
        let answers = match self {
            Self::Unavailable => {
                out.push(UNAVAILABLE);
                return;
            }
            Self::Other(head) => {
                out.push(OTHER);
                put_head(head, out);
                return;
            }
            Self::Answers(answers) => answers,
        };
        assert!(answers.len() <= usize::from(limits::DESCENT_ITEMS_MAX), "too many answers in a response");
        out.push(u8::try_from(answers.len()).expect("within the limit"));
        for answer in answers {
            match answer {
                Answer::Digests(digests) | Answer::Pages(digests) => {
                    out.push(u8::from(matches!(answer, Answer::Pages(_))));
                    out.extend_from_slice(&u16::try_from(digests.len()).expect("at most 2048").to_le_bytes());
                    digests.iter().for_each(|digest| out.extend_from_slice(&digest.0));
                }
                Answer::Rows(rows) => put_rows(rows, out),
            }
        }
    }

    /// Length of the encoding in bytes.
    #[must_use]
    pub fn byte_count(&self) -> u64 {
        let answers = match self {
            Self::Unavailable => return 1,
            Self::Other(_) => return 1 + HEAD_BYTES,
            Self::Answers(answers) => answers,
        };
        let answer_bytes = |answer: &Answer| match answer {
            Answer::Digests(digests) | Answer::Pages(digests) => {
                (digests.len() as u64).saturating_mul(8).saturating_add(3)
            }
            Answer::Rows(rows) => rows.iter().flatten().fold(8_u64, |sum, row| sum.saturating_add(row.len() as u64)),
        };
        answers.iter().map(answer_bytes).fold(1, u64::saturating_add)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// On any other bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let count: u8 = reader.value()?;
        if count == UNAVAILABLE {
            reader.end()?;
            return Ok(Self::Unavailable);
        }
        if count == OTHER {
            let head = read_head(&mut reader)?;
            reader.end()?;
            return Ok(Self::Other(head));
        }
        if count > limits::DESCENT_ITEMS_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let answers = (0..count).map(|_| read_answer(&mut reader)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self::Answers(answers))
    }
}

const UNAVAILABLE: u8 = 255;
const OTHER: u8 = 254;

fn read_answer(reader: &mut Reader<'_>) -> Result<Answer, DecodeError> {
    Ok(match reader.value::<u8>()? {
        0 => Answer::Digests(read_digests(reader)?),
        1 => Answer::Pages(read_digests(reader)?),
        2 => Answer::Rows(read_rows(reader)?),
        other => return Err(reader.fail(DecodeCause::Variant(other))),
    })
}

fn read_digests(reader: &mut Reader<'_>) -> Result<Vec<ShortHash>, DecodeError> {
    let count: u16 = reader.value()?;
    if count > limits::DESCENT_DIGESTS_MAX || usize::from(count) > reader.left() / 8 {
        return Err(reader.fail(DecodeCause::Range));
    }
    (0..count).map(|_| Ok(ShortHash(reader.value()?))).collect()
}

fn put_rows(rows: &[Option<Vec<u8>>], out: &mut Vec<u8>) {
    let presence = rows.iter().enumerate().fold(0_u32, |bits, (at, row)| bits | u32::from(row.is_some()) << at);
    let row_bytes = rows.iter().flatten().next().map_or(0, Vec::len);
    out.push(2);
    out.push(u8::try_from(rows.len()).expect("at most 32"));
    out.extend_from_slice(&presence.to_le_bytes());
    out.extend_from_slice(&u16::try_from(row_bytes).expect("at most 256").to_le_bytes());
    rows.iter().flatten().for_each(|row| out.extend_from_slice(row));
}

fn read_rows(reader: &mut Reader<'_>) -> Result<Vec<Option<Vec<u8>>>, DecodeError> {
    let count: u8 = reader.value()?;
    let presence: u32 = reader.value()?;
    let row_bytes = usize::from(reader.value::<u16>()?);
    let past = u64::from(presence) >> count.min(32) != 0;
    if count > 32 || past || row_bytes > limits::ROW_BYTES_MAX || (presence == 0 && row_bytes != 0) {
        return Err(reader.fail(DecodeCause::Form("rows of an answer")));
    }
    let mut row =
        |at| if presence >> at & 1 == 1 { reader.take(row_bytes).map(|row| Some(row.to_vec())) } else { Ok(None) };
    (0..u32::from(count)).map(&mut row).collect()
}
