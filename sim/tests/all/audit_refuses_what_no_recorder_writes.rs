//! Someone who changes a trace and sets every check, link and seal anew still has to make it consistent: an audit compares
//! what the records say of each other.

use crate::trace_support::{Fair, Fairground, about, frame, open};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    hash::{Hash, hash},
    simulation::Simulation,
    trace::{Audit, Chain, Recorder, Trace, TraceError},
};

const HEADER: u8 = 1;
const CONTENT: u8 = 2;
const KEYFRAME: u8 = 4;
const TICK: u8 = 5;
const SEAL: u8 = 6;
const STAGES: u8 = 0x82;
const MISMATCH: u8 = 0x83;

const PACKS: [ContentId; 2] = [ContentId(Hash([7; 32])), ContentId(Hash([8; 32]))];

/// A recording of 12 ticks with two packs, a switch from the first to the second at tick 5 and a mismatch at tick 8.
fn recorded() -> Vec<u8> {
    let mut library = Library::of(PACKS[0], ());
    library.add(PACKS[1], ());
    let mut simulation = Simulation::<Fairground>::new(library, PACKS[0], |_: &mut Fair, ()| {});
    let (long, short) = (vec![1; 2_500_000], vec![2; 10]);
    let packs = [(PACKS[0], &long[..]), (PACKS[1], &short[..])];
    let mut recorder = Recorder::begin(Vec::new(), &simulation, about(4, 3), &packs).expect("a Vec takes everything");
    for tick in 1..=12 {
        let mut frame = frame(1, tick);
        if tick == 5 {
            let act = Act::Request(Request::Content(PACKS[1]));
            frame.inputs.push(Input { player: PlayerId::OPERATOR, sequence: Sequence(1), act });
            frame = InputFrame::new(frame.tick, frame.entropy, frame.inputs);
        }
        let roots = simulation.step(&frame, &Inline).expect("the frame is good");
        if tick == 8 {
            recorder.expect(Tick(8), Hash([5; 32])).expect("a Vec takes everything");
        }
        recorder.record(&frame, &roots, simulation.world()).expect("a Vec takes everything");
    }
    recorder.seal().expect("a Vec takes everything").0
}

/// Where the bodies of a kind stand.
fn bodies(bytes: &[u8], kind: u8) -> Vec<core::ops::Range<usize>> {
    let (mut at, mut found) = (20, Vec::new());
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four bytes")) as usize;
        if bytes[at] == kind {
            found.push(at + 5..at + 5 + length);
        }
        at += 13 + length;
    }
    found
}

/// Sets every check, link and seal anew.
fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
    let header = bodies(&bytes, HEADER)[0].clone();
    set_check(&mut bytes, &header);
    let trace = open(&bytes);
    let mut chain = Chain::start(trace.schema_id(), trace.header().revision, &trace.header().start);
    for body in bodies(&bytes, TICK) {
        let record = &bytes[body.clone()];
        let columns: usize = u16::from_le_bytes([record[72], record[73]]).into();
        let (root, frame) = (Hash(record[40..72].try_into().expect("a root")), &record[74 + 8 * columns..]);
        let short = |at: usize| tickworld_sim::hash::ShortHash(record[at..at + 8].try_into().expect("eight bytes"));
        let columns: Vec<_> = (0..columns).map(|nth| short(74 + 8 * nth)).collect();
        let tick = Tick(u64::from_le_bytes(record[..8].try_into().expect("a tick")));
        chain = chain.next(tick, frame, root, &columns);
        bytes[body.start + 8..body.start + 40].copy_from_slice(&chain.0.0);
    }
    let seal = bodies(&bytes, SEAL)[0].clone();
    bytes[seal.end - 32..seal.end].copy_from_slice(&chain.0.0);
    for kind in [CONTENT, KEYFRAME, TICK, SEAL, STAGES, MISMATCH] {
        bodies(&bytes, kind).iter().for_each(|body| set_check(&mut bytes, body));
    }
    bytes
}

fn set_check(bytes: &mut [u8], body: &core::ops::Range<usize>) {
    let check = hash(&bytes[body.start - 5..body.end]).short();
    bytes[body.end..body.end + 8].copy_from_slice(&check.0);
}

/// What an audit says of the recording after `change`, without the place.
fn audited(change: impl FnOnce(&mut [u8])) -> String {
    let mut bytes = recorded();
    change(&mut bytes);
    let bytes = mended(bytes);
    let audit = |bytes: &[u8]| Audit::run(&mut Trace::open(bytes)?, &mut |_, _| {});
    match audit(&bytes) {
        Ok(_) => "nothing".into(),
        Err(TraceError::Damaged { damage, .. }) => damage.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Changes one byte of the body number `nth` of a kind.
fn flip(bytes: &mut [u8], kind: u8, nth: usize, offset: usize) {
    let body = bodies(bytes, kind)[nth].clone();
    bytes[body.start + offset] ^= 1;
}

#[test]
fn what_was_recorded_passes() {
    assert_eq!(audited(|_| {}), "nothing");
}

#[test]
fn a_header_that_says_other_things_than_the_worlds() {
    let checked = |offset| audited(|bytes| flip(bytes, HEADER, 0, offset));
    assert_eq!(checked(72), "a world of another rules revision than the header's");
    let found = audited(|bytes| {
        let header = bodies(bytes, HEADER)[0].start;
        bytes[header + 40..header + 72].copy_from_slice(&PACKS[1].0.0);
    });
    assert_eq!(found, "the first world has other content than the header says");
    assert_eq!(checked(40), "the content of the start is not in the trace");
    // The last id of the list, which stands before the schema.
    let found = audited(|bytes| {
        let body = bodies(bytes, HEADER)[0].clone();
        let at = bytes[body.clone()].windows(32).rposition(|window| window == [8; 32]).expect("the second pack");
        bytes[body.start + at] ^= 1;
    });
    assert_eq!(found, "the content packs are not those that the header names");
}

#[test]
fn a_world_of_another_schema() {
    // A manifest: length, tick, schema.
    assert_eq!(audited(|bytes| flip(bytes, KEYFRAME, 1, 12)), "a world of another schema than the header's");
}

#[test]
fn a_world_of_other_column_roots_than_its_tick() {
    // The first column root of tick 4, which has a keyframe and no stages. The root itself is as it was.
    assert_eq!(audited(|bytes| flip(bytes, TICK, 3, 74)), "a world has other column roots than its tick");
}

#[test]
fn content_in_pieces_that_do_not_fit() {
    let order = "the pieces of a content pack must follow one another";
    assert_eq!(audited(|bytes| flip(bytes, CONTENT, 1, 0)), order);
    // The second piece, of the same length, in the place of the first.
    let found = audited(|bytes| {
        let (first, second) = (bodies(bytes, CONTENT)[0].clone(), bodies(bytes, CONTENT)[1].clone());
        let kept = bytes[first.clone()].to_vec();
        bytes.copy_within(second.clone(), first.start);
        bytes[second].copy_from_slice(&kept);
    });
    assert_eq!(found, order);
    // A pack that is one byte longer than its pieces.
    let longer = audited(|bytes| {
        for nth in 0..3 {
            flip(bytes, CONTENT, nth, 32);
        }
    });
    assert_eq!(longer, "a piece of a content pack is not 1 MiB long, nor its last");
    let same = audited(|bytes| {
        let second = bodies(bytes, CONTENT)[3].start;
        bytes[second..second + 32].copy_from_slice(&PACKS[0].0.0);
    });
    assert_eq!(same, "a content pack stands here twice");
}

#[test]
fn frames_that_do_not_fit() {
    let columns = open(&recorded()).schema().columns.len();
    let frame_at = 74 + 8 * columns;
    assert_eq!(audited(|bytes| flip(bytes, TICK, 2, frame_at)), "a tick holds another tick's frame");
    let switch = |id: ContentId| {
        audited(|bytes| {
            let body = bodies(bytes, TICK)[4].clone();
            let at = bytes[body.clone()].windows(32).position(|window| window == PACKS[1].0.0).expect("the switch");
            bytes[body.start + at..body.start + at + 32].copy_from_slice(&id.0.0);
        })
    };
    assert_eq!(switch(ContentId(Hash([9; 32]))), "a frame switches to content that is not in the trace");
    assert_eq!(switch(PACKS[0]), "a world has other content than its frames switch to");
    // The count of inputs.
    let malformed = audited(|bytes| flip(bytes, TICK, 2, frame_at + 24));
    assert!(malformed.starts_with("a record is malformed: byte "), "{malformed}");
}

#[test]
fn stages_and_mismatches_that_do_not_fit() {
    let last = |bytes: &[u8], kind| bodies(bytes, kind)[0].len() - 1;
    let stages = audited(|bytes| flip(bytes, STAGES, 0, last(bytes, STAGES)));
    assert_eq!(stages, "the last stage does not have the column roots of its tick");
    assert_eq!(audited(|bytes| flip(bytes, STAGES, 0, 7)), "stages of a tick that is not near");
    assert_eq!(audited(|bytes| flip(bytes, MISMATCH, 0, 8)), "a mismatch does not have the root of its tick");
    assert_eq!(audited(|bytes| flip(bytes, MISMATCH, 0, 7)), "a mismatch of a tick that is not near");
    let met = audited(|bytes| {
        let body = bodies(bytes, MISMATCH)[0].start;
        bytes.copy_within(body + 8..body + 40, body + 40);
    });
    assert_eq!(met, "a mismatch expects the root that the tick has");
}

#[test]
fn what_a_reader_is_asked_for_is_compared_too() {
    let mut bytes = recorded();
    let end = bodies(&bytes, STAGES)[0].len() - 1;
    flip(&mut bytes, STAGES, 0, end);
    flip(&mut bytes, MISMATCH, 0, 8);
    flip(&mut bytes, HEADER, 0, 72);
    let bytes = mended(bytes);
    let mut trace = open(&bytes);
    assert!(trace.stages(Tick(8)).is_err() && trace.mismatch().is_err());
    let start = trace.keyframe_at_or_before(Tick(0)).expect("there is one");
    assert!(trace.raw_state(start).is_err(), "a world of another revision");
}
