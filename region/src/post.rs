//! [`Post`]: what one region says to another, as a value and as bytes.
//!
//! Invariant: a post may be lost, come twice, late or out of order, and does no harm; it is said again until it is answered. What it
//! says of numbers is true of ticks that are kept. One value, one byte string.

use std::sync::Arc;

use tickworld_persist::WorldId;
use tickworld_sim::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    hash::Hash,
    limits::PARCEL_BYTES_MAX,
    region::RegionId,
    schema::SchemaId,
};

/// From one region of a world to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The world that both regions are of.
    pub world: WorldId,
    /// The region that says it.
    pub from: RegionId,
    /// The region that it is said to.
    pub to: RegionId,
    /// What is said.
    pub body: PostBody,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostBody {
    /// Where the sender stands: every second, and whenever the other side waits for it.
    Standing(Standing),
    /// Somebody who left for the receiver.
    Mail(Mail),
}

/// What a region says of itself and of what passed between it and the receiver, in the newest tick that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The sender's incarnation.
    pub incarnation: u32,
    /// The Lamport number of that tick.
    pub lamport: u64,
    /// The schema of its world, by which parcels are read.
    pub schema: SchemaId,
    /// The revision of its rules.
    pub revision: u32,
    /// The receiver's incarnation, as it was met; 0 before the first meeting.
    pub knows: u32,
    /// The last mail of the receiver's whose player is there for sure, in the world and in the archive's rows.
    pub has: u64,
    /// The last mail of the receiver's that the world took.
    pub last_in: u64,
    /// The last mail that was addressed to the receiver.
    pub last_out: u64,
    /// The last of these that the receiver has for sure, as far as the world knows.
    pub delivered: u64,
    /// `last_in` when the incarnation began.
    pub last_in_at_claim: u64,
    /// `last_out` when the incarnation began.
    pub last_out_at_claim: u64,
    /// Why the receiver's next mail is not taken.
    pub refusal: Option<MailRefusal>,
}

/// Why a region does not take the next mail of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailRefusal {
    /// It has no room for the player.
    Full,
    /// It plays by other rules, or cannot read the parcel.
    Terms,
}

/// A player's parcel on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The sender's incarnation.
    pub incarnation: u32,
    /// Which mail of the sender's to the receiver, from 1.
    pub sequence: u64,
    /// The Lamport number of the tick in which the player left.
    pub lamport: u64,
    /// The parcel's bytes.
    pub parcel: Arc<[u8]>,
}

const MAGIC: [u8; 8] = *b"TWREGION";
const VERSION: u16 = 1;
const STANDING: u8 = 0;
const MAIL: u8 = 1;

impl Post {
    // DOC:POST
    // 0     8  magic        "TWREGION"
    // 8     2  version      1
    // 10   16  world
    // 26    4  from         region
    // 30    4  to           region
    // 34    1  kind         0 standing | 1 mail
    //
    // a standing:
    // 35    4  incarnation  the sender's
    // 39    8  lamport      number of the newest tick that is kept
    // 47   32  schema id
    // 79    4  rules revision
    // 83    4  knows        the receiver's incarnation, as the sender met it; 0 before that
    // 87    8  has          the last mail of the receiver's whose player is there for sure
    // 95    8  last in      the last mail of the receiver's that the world took
    // 103   8  last out     the last mail that was addressed to the receiver
    // 111   8  delivered    the last of these that the receiver has for sure
    // 119   8  last in at claim, and 8 last out at claim: these numbers when the incarnation began
    // 135   1  refusal      0 none | 1 full | 2 terms
    //
    // a mail:
    // 35    4  incarnation  the sender's
    // 39    8  sequence     from 1
    // 47    8  lamport      number of the tick in which the player left
    // 55    4  length       L, at most 65,536
    // 59    L  parcel       ("Parcel")
    // DOC:END
    /// Appends the canonical bytes (docs/FORMATS.md, "Between regions").
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.world.0);
        out.extend_from_slice(&self.from.0.to_le_bytes());
        out.extend_from_slice(&self.to.0.to_le_bytes());
        match &self.body {
            PostBody::Standing(standing) => {
                out.push(STANDING);
                standing.encode(out);
            }
            PostBody::Mail(mail) => {
                out.push(MAIL);
                mail.encode(out);
            }
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// On any bytes that [`encode`](Self::encode) does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.value::<[u8; 8]>()? != MAGIC {
            return Err(DecodeError::new(DecodeCause::Form("nothing that a region says: another magic")));
        }
        if reader.value::<u16>()? != VERSION {
            return Err(reader.fail(DecodeCause::Form("a version of what regions say that this build cannot read")));
        }
        let world = WorldId(reader.value()?);
        let (from, to) = (RegionId(reader.value()?), RegionId(reader.value()?));
        let body = match reader.value::<u8>()? {
            STANDING => PostBody::Standing(Standing::decode(&mut reader)?),
            MAIL => PostBody::Mail(Mail::decode(&mut reader)?),
            _ => return Err(reader.fail(DecodeCause::Form("something that this build does not know regions to say"))),
        };
        reader.end()?;
        Ok(Self { world, from, to, body })
    }
}

impl Standing {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        out.extend_from_slice(&self.lamport.to_le_bytes());
        out.extend_from_slice(&self.schema.0.0);
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.extend_from_slice(&self.knows.to_le_bytes());
        let numbers =
            [self.has, self.last_in, self.last_out, self.delivered, self.last_in_at_claim, self.last_out_at_claim];
        numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.push(match self.refusal {
            None => 0,
            Some(MailRefusal::Full) => 1,
            Some(MailRefusal::Terms) => 2,
        });
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            incarnation: reader.value()?,
            lamport: reader.value()?,
            schema: SchemaId(Hash(reader.value()?)),
            revision: reader.value()?,
            knows: reader.value()?,
            has: reader.value()?,
            last_in: reader.value()?,
            last_out: reader.value()?,
            delivered: reader.value()?,
            last_in_at_claim: reader.value()?,
            last_out_at_claim: reader.value()?,
            refusal: match reader.value::<u8>()? {
                0 => None,
                1 => Some(MailRefusal::Full),
                2 => Some(MailRefusal::Terms),
                _ => return Err(reader.fail(DecodeCause::Range)),
            },
        })
    }
}

impl Mail {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.lamport.to_le_bytes());
        let length = u32::try_from(self.parcel.len()).expect("a parcel has at most 65,536 bytes");
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&self.parcel);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (incarnation, sequence, lamport) = (reader.value()?, reader.value()?, reader.value()?);
        let length = reader.value::<u32>()? as usize;
        if length > PARCEL_BYTES_MAX || sequence == 0 {
            return Err(reader.fail(DecodeCause::Range));
        }
        Ok(Self { incarnation, sequence, lamport, parcel: Arc::from(reader.take(length)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(post: &Post) -> Vec<u8> {
        let mut bytes = Vec::new();
        post.encode(&mut bytes);
        assert_eq!(Post::decode(&bytes).as_ref(), Ok(post));
        for length in 0..bytes.len() {
            assert!(Post::decode(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Post::decode(&longer).is_err(), "something follows it");
        bytes
    }

    fn post(body: PostBody) -> Post {
        Post { world: WorldId([1; 16]), from: RegionId(2), to: RegionId(3), body }
    }

    fn standing() -> Standing {
        Standing {
            incarnation: 4,
            lamport: 5,
            schema: SchemaId(Hash([6; 32])),
            revision: 7,
            knows: 8,
            has: 9,
            last_in: 10,
            last_out: 11,
            delivered: 12,
            last_in_at_claim: 13,
            last_out_at_claim: 14,
            refusal: Some(MailRefusal::Terms),
        }
    }

    /// By hand, after the table in docs/FORMATS.md.
    #[test]
    fn both_kinds_have_the_bytes_of_the_table() {
        let head = [&b"TWREGION"[..], &[1, 0], &[1; 16], &[2, 0, 0, 0], &[3, 0, 0, 0]].concat();
        let numbers: Vec<u8> = (9_u64..=14).flat_map(u64::to_le_bytes).collect();
        let before = [&[4, 0, 0, 0][..], &5_u64.to_le_bytes(), &[6; 32], &[7, 0, 0, 0], &[8, 0, 0, 0]].concat();
        let expected = [&head[..], &[0], &before, &numbers, &[2]].concat();
        assert_eq!(read_back(&post(PostBody::Standing(standing()))), expected);

        let mail = Mail { incarnation: 4, sequence: 5, lamport: 6, parcel: Arc::from(&b"parcel"[..]) };
        let numbers = [&[4, 0, 0, 0][..], &5_u64.to_le_bytes(), &6_u64.to_le_bytes(), &[6, 0, 0, 0]].concat();
        let expected = [&head[..], &[1], &numbers, b"parcel"].concat();
        assert_eq!(read_back(&post(PostBody::Mail(mail))), expected);
    }

    #[test]
    fn what_nobody_says_is_refused_by_name() {
        let mut bytes = Vec::new();
        post(PostBody::Standing(standing())).encode(&mut bytes);
        let refused = |at: usize, value: u8, word: &str| {
            let mut changed = bytes.clone();
            changed[at] = value;
            let error = Post::decode(&changed).expect_err("nobody writes it").to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(0, b'X', "magic");
        refused(8, 2, "version");
        refused(34, 2, "does not know");
        refused(135, 3, "");
        let large = Mail { incarnation: 1, sequence: 1, lamport: 1, parcel: vec![0; PARCEL_BYTES_MAX + 1].into() };
        let none = Mail { sequence: 0, parcel: [].into(), ..large.clone() };
        for mail in [large, none] {
            let mut bytes = Vec::new();
            post(PostBody::Mail(mail)).encode(&mut bytes);
            assert!(Post::decode(&bytes).is_err());
        }
    }
}
