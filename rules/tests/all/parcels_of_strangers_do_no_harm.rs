//! A parcel is bytes of somebody else: whatever rows it has, the world that takes it in keeps every invariant and goes on.

use tickworld_rules::{Command, Rules, bot, invariants, setup::SpawnPoint};
use tickworld_sim::{
    entity::Band,
    frame::{Act, PlayerId, Tick},
    parcel::Parcel,
    rng::{Rng, StreamKey},
    schema::{RowKind, Schema, Type},
    simulation::Simulation,
};

use crate::common::{
    RED, creature, entropy, frame,
    journey::{Rows, back, changed, item_type, waiting},
    pass, played, random_frame, rect, rules, skirmish, step, world_of,
};

/// Strangers who come at once.
const STRANGERS: u64 = 3;

/// The parcels of players who fought for a while, and had time to come to rest.
fn parcels() -> Vec<Vec<u8>> {
    let mut sim = world_of(&skirmish(3));
    for _ in 0..300 {
        let random = random_frame(&sim, 3, 8);
        step(&mut sim, &random);
    }
    for _ in 0..900 {
        let leaves = |player| [(player, Act::TimeOut), (player, Act::Archive)];
        let archives = frame(&sim, 3, &(1..=8).flat_map(leaves).collect::<Vec<_>>());
        step(&mut sim, &archives);
    }
    let all: Vec<Vec<u8>> = waiting(&sim).into_iter().map(|(_, parcel)| parcel).collect();
    let with_body = |parcel: &Vec<u8>| !Parcel::decode(parcel).expect("our own").bands.is_empty();
    let all: Vec<Vec<u8>> = all.into_iter().filter(with_body).collect();
    assert!(!all.is_empty(), "somebody lived to leave");
    all
}

/// A number that is one of the ends, small, or anything.
fn number(rng: &mut Rng) -> u64 {
    match rng.below(5) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << 63,
        3 => u64::from(rng.below(600)),
        _ => rng.next_u64(),
    }
}

/// Canonical bytes of any value of a type; handles lead to one of `locals` entities.
fn value(rng: &mut Rng, ty: &Type, locals: u16, out: &mut Vec<u8>) {
    match ty {
        Type::Bool => out.push(u8::from(rng.chance(1, 2))),
        Type::Entity => {
            out.extend(rng.below(u32::from(locals)).to_le_bytes());
            out.extend(0_u32.to_le_bytes());
        }
        Type::Option(inner) => {
            let is_there = rng.chance(2, 3);
            out.push(u8::from(is_there));
            let start = out.len();
            value(rng, inner, locals, out);
            if !is_there {
                out[start..].fill(0);
            }
        }
        Type::Array(inner, count) => (0..*count).for_each(|_| value(rng, inner, locals, out)),
        Type::Struct { fields, .. } => fields.iter().for_each(|field| value(rng, &field.ty, locals, out)),
        Type::Enum { variants, .. } => {
            let end = out.len() + ty.size();
            let tag = rng.below(u32::try_from(variants.len()).expect("few"));
            out.push(u8::try_from(tag).expect("few"));
            variants[tag as usize].fields.iter().for_each(|field| value(rng, &field.ty, locals, out));
            out.resize(end, 0);
        }
        ty => out.extend(&number(rng).to_le_bytes()[..ty.size()]),
    }
}

fn any(rng: &mut Rng, ty: &Type, locals: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    value(rng, ty, locals, &mut bytes);
    assert_eq!(bytes.len(), ty.size());
    bytes
}

/// One change of a parcel's rows, of its entities or of the tick when it was made.
fn mutate(rng: &mut Rng, schema: &Schema, parcel: &mut Parcel, rows: &mut Rows) {
    let locals = u16::try_from(parcel.bands.len()).expect("few");
    let local = u16::try_from(rng.below(u32::from(locals))).expect("few");
    let first = schema.columns.iter().position(|it| *it.name == *"creature").expect("is there");
    let number = first + rng.below(u32::try_from(schema.columns.len() - first).expect("few")) as usize;
    let column = u16::try_from(number).expect("few");
    match rng.below(12) {
        0 => parcel.bands.push(Band(if rng.chance(1, 2) { 1 } else { rng.below(8) as u8 })),
        1 if rng.chance(1, 6) => parcel.bands[0] = Band(rng.below(6) as u8),
        1 => parcel.tick = Tick(self::number(rng)),
        2 => drop(rows.columns.remove(&column)),
        3 => drop(rows.lists.remove(&column)),
        // Among the bytes that are there; most are refused where they are decoded.
        4 => {
            let mut all: Vec<&mut Vec<u8>> = rows.columns.values_mut().flat_map(|rows| rows.values_mut()).collect();
            let count = u32::try_from(all.len()).expect("few");
            if count > 0 {
                let row = &mut all[rng.below(count) as usize];
                let at = rng.below(u32::try_from(row.len().max(1)).expect("few")) as usize;
                row.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.next_u64() as u8);
            }
        }
        _ => match item_type(schema, column) {
            Some(item) => {
                let list = rows.lists.entry(column).or_default().entry(local).or_default();
                let more = if rng.chance(1, 4) { rng.below(1_500) } else { 1 + rng.below(4) };
                for _ in 0..more {
                    let copy = list.first().filter(|_| rng.chance(1, 4)).cloned();
                    list.push(copy.unwrap_or_else(|| any(rng, item, locals)));
                }
                if list.is_empty() {
                    rows.lists.remove(&column);
                }
            }
            None if schema.columns[number].rows == RowKind::Entity => {
                let row = any(rng, &schema.columns[number].ty, locals);
                rows.columns.entry(column).or_default().insert(local, row);
            }
            None => {}
        },
    }
}

/// Any rows that the engine lets through to the game.
fn strange(rng: &mut Rng, schema: &Schema, parcel: &[u8]) -> Vec<u8> {
    changed(parcel, |parcel, rows| {
        for _ in 0..1 + rng.below(12) {
            mutate(rng, schema, parcel, rows);
        }
        // What does not travel is refused by the engine: nothing would be tried.
        for (number, column) in (0..).zip(&schema.columns) {
            let stays = ["target", "motion", "path", "seeking", "errand", "balked", "intent", "deed", "blow", "struck"];
            if stays.contains(&&*column.name) && rng.chance(31, 32) {
                rows.columns.remove(&number);
                rows.lists.remove(&number);
            }
        }
    })
}

/// A world with fights, and a spawner in it.
fn battlefield(seed: u64) -> Simulation<Rules> {
    let mut set_up = skirmish(seed);
    set_up.groups.iter_mut().for_each(|group| group.count = group.count.div_ceil(3));
    set_up.spawn_points.push(SpawnPoint {
        creature: creature("goblin"),
        area: rect(4, 4, 6, 6),
        faction: RED,
        alive_max: 4,
        interval_ticks: 20,
    });
    let mut sim = world_of(&set_up);
    pass(&mut sim, seed, 60);
    sim
}

/// Has the strangers come, play and leave again; gives how many came with a body.
fn visit(sim: &mut Simulation<Rules>, seed: u64, parcels: &[Vec<u8>]) -> usize {
    let length_max = invariants::step_length_max(&sim.state().settings, rules(sim));
    let mut bodies = 0;
    for tick in 0..200 {
        let key = StreamKey::new(&entropy(seed, tick), tick, "strangers");
        let mut acts: Vec<(u64, Act<Command>)> = Vec::new();
        for parcel in parcels {
            let player = Parcel::decode(parcel).expect("readable").player.0;
            let mut rng = key.rng(player);
            match tick {
                0 => acts.push((player, back(9, parcel))),
                // Some rest where they came, and some play.
                150.. => acts.extend([(player, Act::Leave), (player, Act::Archive)]),
                _ => {
                    if rng.chance(1, 30) {
                        acts.push((player, Act::ENTER));
                    }
                    let own = played(sim, player).filter(|_| rng.chance(1, 3));
                    acts.extend(
                        own.map(|own| (player, Act::Play(bot::random_command(&mut rng, sim.state(), rules(sim), own)))),
                    );
                }
            }
        }
        let before = sim.snapshot();
        let made = frame(sim, seed, &acts);
        step(sim, &made);
        let now = sim.state();
        assert_eq!(invariants::first_violation(before.state(), now), None, "seed {seed}, tick {tick}");
        assert_eq!(invariants::nobody_jumps(before.state(), now, length_max), None, "seed {seed}, tick {tick}");
        assert_eq!(sim.check_derived(), Ok(()), "seed {seed}, tick {tick}");
        if tick == 0 {
            let mut owners = Vec::new();
            tickworld_sim::join::join((&now.controlled,)).for_each(|_, (owner,)| owners.push(owner.0));
            owners.sort_unstable();
            let came = |id: &PlayerId| played(sim, id.0).is_some_and(|own| now.entities.contains(own));
            assert!(owners.iter().all(came), "seed {seed}: a body that nobody plays");
            bodies = owners.len();
            owners.dedup();
            assert_eq!(owners.len(), bodies, "seed {seed}: nobody has two bodies");
            assert_eq!(invariants::first_violation(now, now), None, "seed {seed}: already in the tick of arrival");
        }
    }
    bodies
}

#[test]
fn whatever_rows_come_every_invariant_holds() {
    let parcels = parcels();
    let (mut came, mut cases) = (0, 0);
    for seed in 1..=120_u64 {
        println!("seed {seed}");
        let mut sim = battlefield(seed);
        let schema = sim.schema().clone();
        let mut rng = StreamKey::new(&entropy(seed, 0), 0, "mutations").rng(seed);
        let picked = (0..STRANGERS).map(|stranger| {
            let count = u32::try_from(parcels.len()).expect("few");
            let parcel = &parcels[rng.below(count) as usize];
            let parcel = strange(&mut rng, &schema, parcel);
            changed(&parcel, |parcel, _| parcel.player = PlayerId(100 + stranger))
        });
        let picked: Vec<Vec<u8>> = picked.collect();
        let readable: Vec<Vec<u8>> = picked.into_iter().filter(|it| Parcel::decode(it).is_ok()).collect();
        cases += readable.len();
        came += visit(&mut sim, seed, &readable);
    }
    assert!(came * 3 > cases, "most were refused before the game saw them: {came} of {cases}");
}
