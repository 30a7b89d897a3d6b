//! What a crash leaves of writes that were not synced.
//!
//! Invariant: every image that [`crash_image`] makes is one that a page cache and a disk with a write cache may leave: of
//! writes to one byte the kept ones apply in their order, and a cut write is a part of its bytes at their places.

use super::write::{Write, apply};
use crate::dice::Dice;

/// How unkind a crash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashKind {
    /// Everything reached the disk just before.
    KeepAll,
    /// Nothing reached the disk since its last sync.
    DropAll,
    /// The first so many did, and a part of the next: a disk that writes in order.
    Cut,
    /// They went out in an order of the disk's own, and a part of them did.
    Reorder,
    /// Each did, did not, or did in part, whatever the others did.
    Scatter,
}

impl CrashKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::KeepAll, Self::DropAll, Self::Cut, Self::Reorder, Self::Scatter];
}

/// What became of unsynced writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fates {
    pub(super) dropped: u64,
    pub(super) torn: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
    Torn,
}

/// The file after a crash: `synced`, with what `kind` and `dice` leave of `unsynced`.
pub(super) fn crash_image(synced: &[u8], unsynced: &[Write], kind: CrashKind, dice: &mut Dice) -> (Vec<u8>, Fates) {
    let fates = fates(unsynced.len(), kind, dice);
    let mut image = synced.to_vec();
    let mut count = Fates::default();
    for (write, fate) in unsynced.iter().zip(fates) {
        match fate {
            Fate::Kept => apply(&mut image, write),
            Fate::Dropped => count.dropped += 1,
            Fate::Torn => {
                count.torn += 1;
                tear(&mut image, write, dice);
            }
        }
    }
    (image, count)
}

fn fates(count: usize, kind: CrashKind, dice: &mut Dice) -> Vec<Fate> {
    match kind {
        CrashKind::KeepAll => vec![Fate::Kept; count],
        CrashKind::DropAll => vec![Fate::Dropped; count],
        CrashKind::Cut => {
            let order: Vec<usize> = (0..count).collect();
            cut(&order, dice)
        }
        CrashKind::Reorder => {
            let mut order: Vec<usize> = (0..count).collect();
            dice.shuffle(&mut order);
            cut(&order, dice)
        }
        CrashKind::Scatter => (0..count)
            .map(|_| *dice.pick(&[Fate::Kept, Fate::Kept, Fate::Dropped, Fate::Dropped, Fate::Torn]))
            .collect(),
    }
}

/// Keeps what comes first in `order`, up to a point, tears what is there, and drops the rest.
fn cut(order: &[usize], dice: &mut Dice) -> Vec<Fate> {
    let mut fates = vec![Fate::Dropped; order.len()];
    let kept = usize::try_from(dice.between(0, u64::try_from(order.len()).expect("fits the memory")));
    let kept = kept.expect("at most the number of writes");
    for index in &order[..kept] {
        fates[*index] = Fate::Kept;
    }
    if let Some(torn) = order.get(kept) {
        fates[*torn] = Fate::Torn;
    }
    fates
}

/// Applies a part of a write: its beginning, its end, or what lies outside a hole. A length is changed or it is not.
fn tear(image: &mut Vec<u8>, write: &Write, dice: &mut Dice) {
    let Write::Bytes { offset, bytes } = write else {
        return;
    };
    let length = u64::try_from(bytes.len()).expect("a slice fits the memory");
    let (from, to) = (dice.between(0, length), dice.between(0, length));
    let hole = match dice.below(3) {
        0 => from..length,
        1 => 0..from,
        _ => from.min(to)..from.max(to),
    };
    for (at, byte) in (0_u64..).zip(bytes) {
        if !hole.contains(&at) {
            apply(image, &Write::Bytes { offset: offset + at, bytes: vec![*byte] });
        }
    }
}
