//! Frames of format 1, as old traces and journals hold them: read, never written.
//!
//! Invariant: what is read says what the old frame said in today's words. A join is an [`Enter`](super::Act::Enter) without a
//! ticket; a switch of content, which was player 0's with sequence 0, is a request of the operator's, still with sequence 0, which
//! passes no [`check`](InputFrame::check). Such frames tell what happened; worlds that they were made for have another schema.

use alloc::vec::Vec;

use super::{Act, Input, InputFrame, PlayerId, Request, Sequence, Tick};
use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    content::ContentId,
    hash::Hash,
    limits,
    rng::Entropy,
};

// DOC:OLD_FRAME
// 0    8  tick
// 8   16  entropy
// 24   4  inputs      at most 65,536, and 64 of one player; then for each, by player and sequence (no sequence but 0
//                    stands twice; a player's acts with sequence 0 stand as they came):
//      8    player    0, the operator's, where the act is 3, and only there
//      4    sequence  0 unless the act is 4
//      1    act       0 join | 1 leave | 2 time-out | 3 content: id (32), in force from this tick on | 4 play: length
//                     (2), then the body without the zeros at its end
// DOC:END
pub(super) fn decode<I>(
    bytes: &[u8],
    mut body: impl FnMut(&mut Reader<'_>, usize) -> Result<I, DecodeError>,
) -> Result<InputFrame<I>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let tick = Tick(reader.value()?);
    let entropy = Entropy::from_bytes(reader.value()?);
    let count: u32 = reader.value()?;
    if count > limits::FRAME_INPUTS_MAX {
        return Err(reader.fail(DecodeCause::Range));
    }
    let mut inputs = Vec::new();
    let (mut before, mut of_player) = (None, 0_u32);
    for _ in 0..count {
        let player = PlayerId(reader.value()?);
        let sequence = Sequence(reader.value()?);
        let act = match reader.value::<u8>()? {
            0 => Act::ENTER,
            1 => Act::Leave,
            2 => Act::TimeOut,
            3 => Act::Request(Request::Content(ContentId(Hash(reader.value()?)))),
            4 => {
                let length = usize::from(reader.value::<u16>()?);
                Act::Play(body(&mut reader, length)?)
            }
            other => return Err(reader.fail(DecodeCause::Variant(other))),
        };
        let is_operator = matches!(act, Act::Request(_));
        let is_play = matches!(act, Act::Play(_));
        let key = (player, sequence);
        let is_in_order = before.is_none_or(|before| before < key || before == key && sequence.0 == 0);
        of_player = if before.is_some_and(|(same, _)| same == player) { of_player.saturating_add(1) } else { 1 };
        let fits = is_in_order
            && is_play == (sequence.0 > 0)
            && is_operator == (player == PlayerId::REGION)
            && of_player <= limits::OUTCOMES_PER_PLAYER;
        if !fits {
            return Err(reader.fail(DecodeCause::Form("inputs out of order")));
        }
        before = Some(key);
        inputs.push(Input { player: if is_operator { PlayerId::OPERATOR } else { player }, sequence, act });
    }
    reader.end()?;
    Ok(InputFrame { tick, entropy, inputs })
}

#[cfg(test)]
mod tests {
    use super::super::{FrameFormat, Input, InputFrame, Request};
    use super::*;

    /// Player, sequence, act, and what follows.
    type Bytes<'a> = (u64, u32, u8, &'a [u8]);

    /// An old frame of tick 3 by hand.
    fn frame(inputs: &[Bytes<'_>]) -> Vec<u8> {
        let mut bytes = [3_u64.to_le_bytes(), [7; 8], [7; 8]].concat();
        bytes.extend_from_slice(&u32::try_from(inputs.len()).expect("few").to_le_bytes());
        for (player, sequence, act, rest) in inputs {
            bytes.extend_from_slice(&player.to_le_bytes());
            bytes.extend_from_slice(&sequence.to_le_bytes());
            bytes.push(*act);
            bytes.extend_from_slice(rest);
        }
        bytes
    }

    fn read(inputs: &[Bytes<'_>]) -> Result<InputFrame<u32>, DecodeError> {
        InputFrame::decode_as(&frame(inputs), FrameFormat::Old)
    }

    #[test]
    fn every_act_is_read_in_todays_words() {
        let content = [9; 32];
        let read = read(&[
            (0, 0, 3, &content),
            (1, 0, 0, &[]),
            (1, 7, 4, &[2, 0, 5, 1]),
            (2, 0, 1, &[]),
            (2, 0, 0, &[]),
            (5, 0, 2, &[]),
        ]);
        let input = |player, sequence, act| Input { player: PlayerId(player), sequence: Sequence(sequence), act };
        let switch = Act::Request(Request::Content(ContentId(Hash(content))));
        let expected = alloc::vec![
            input(PlayerId::OPERATOR.0, 0, switch),
            input(1, 0, Act::ENTER),
            input(1, 7, Act::Play(0x0105)),
            input(2, 0, Act::Leave),
            input(2, 0, Act::ENTER),
            input(5, 0, Act::TimeOut),
        ];
        let frame = read.expect("as it was written then");
        assert_eq!((frame.tick, frame.entropy, &frame.inputs), (Tick(3), Entropy::from_bytes([7; 16]), &expected));
        assert_eq!(frame.switches().count(), 1);
        assert!(frame.check().is_err(), "no step takes it");
    }

    #[test]
    fn what_no_old_writer_wrote_is_refused() {
        let many: Vec<Bytes<'_>> = (1..=65).map(|at| (1, at, 4, &[0, 0][..])).collect();
        assert!(read(&many[..64]).is_ok());
        let wrong: [&[Bytes<'_>]; 10] = [
            &many,
            &[(2, 1, 4, &[0, 0]), (1, 1, 4, &[0, 0])],
            &[(1, 2, 4, &[0, 0]), (1, 1, 4, &[0, 0])],
            &[(1, 1, 4, &[0, 0]), (1, 1, 4, &[0, 0])],
            &[(1, 0, 4, &[0, 0])],
            &[(1, 1, 0, &[])],
            &[(1, 0, 3, &[9; 32])],
            &[(0, 0, 1, &[])],
            &[(1, 0, 5, &[])],
            &[(1, 1, 4, &[2, 0, 5, 0])],
        ];
        for inputs in wrong {
            assert!(read(inputs).is_err(), "{inputs:?}");
        }
        let mut longer = frame(&[(1, 0, 1, &[])]);
        longer.push(0);
        assert!(InputFrame::<u32>::decode_as(&longer, FrameFormat::Old).is_err());
        assert!(InputFrame::<u32>::decode(&frame(&[(1, 0, 1, &[])])).is_err(), "it is no frame of today");
    }
}
