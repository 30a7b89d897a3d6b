//! A tick of 100,000 entities with ten columns of sixteen bytes: beside its physical parts, bevy_ecs and hecs.

use std::{
    collections::VecDeque,
    hash::{Hash as _, Hasher as _},
    hint::black_box,
};

use bevy_platform::collections::HashMap;
use criterion::{Criterion, criterion_group, criterion_main};
use tickworld_benches::{ENTITIES, Pair, Wide, WideGame, next_frame, update, value, wide};
use tickworld_sim::{executor::Inline, join::join, simulation::Simulation, world::World};

/// Snapshots kept, as a rollback session keeps them.
const RING: usize = 16;

fn keep(ring: &mut VecDeque<World<WideGame>>, simulation: &Simulation<WideGame>) {
    if ring.len() == RING {
        ring.pop_front();
    }
    ring.push_back(simulation.snapshot());
}

fn tickworld(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick/2 of 10 columns change for all");
    let mut simulation = wide();
    simulation.seal(&Inline);
    let mut ring = VecDeque::new();
    group.bench_function("tickworld: step + snapshot kept + full root", |b| {
        b.iter(|| {
            let frame = next_frame(&simulation);
            let roots = simulation.step(&frame, &Inline).expect("the frame is good");
            keep(&mut ring, &simulation);
            black_box(roots.root)
        });
    });
    let mut simulation = wide();
    simulation.seal(&Inline);
    ring.clear();
    group.bench_function("tickworld: step + snapshot kept (critical path with the root beside it)", |b| {
        b.iter_custom(|count| {
            let mut spent = std::time::Duration::ZERO;
            for _ in 0..count {
                let frame = next_frame(&simulation);
                let start = std::time::Instant::now();
                simulation.advance(&frame, &Inline).expect("the frame is good");
                keep(&mut ring, &simulation);
                spent += start.elapsed();
                // What another core would do meanwhile.
                let mut sealed = simulation.snapshot();
                black_box(simulation.seal_snapshot(&mut sealed, &Inline).root);
                simulation.adopt_hashes(&sealed);
            }
            spent
        });
    });
    group.bench_function("tickworld: snapshot", |b| b.iter(|| black_box(simulation.snapshot())));
    let snapshot = simulation.snapshot();
    group.bench_function("tickworld: back to a snapshot", |b| b.iter(|| simulation.restore(black_box(&snapshot))));
    group.finish();
}

/// Two arrays that change, and two that are read.
struct Plain {
    a: Vec<Pair>,
    b: Vec<Pair>,
    c: Vec<Pair>,
    d: Vec<Pair>,
}

fn parts(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick/physical parts");
    let all = || (0..ENTITIES).map(value).collect::<Vec<_>>();
    let mut plain = Plain { a: all(), b: all(), c: all(), d: all() };
    let go = |plain: &mut Plain| {
        plain.a.iter_mut().zip(&plain.c).for_each(|(a, c)| update(a, c));
        plain.b.iter_mut().zip(&plain.d).for_each(|(b, d)| update(b, d));
    };
    group.bench_function("update on plain arrays", |b| b.iter(|| go(black_box(&mut plain))));
    let mut ring: VecDeque<(Vec<Pair>, Vec<Pair>)> = VecDeque::new();
    group.bench_function("copy of the changed bytes", |b| {
        b.iter(|| {
            let mut slot = if ring.len() == RING { ring.pop_front().expect("full") } else { (all(), all()) };
            slot.0.copy_from_slice(black_box(&plain.a));
            slot.1.copy_from_slice(black_box(&plain.b));
            ring.push_back(slot);
        });
    });
    let bytes = vec![7_u8; 2 * 16 * ENTITIES as usize];
    group.bench_function("BLAKE3 over the changed bytes in blocks of 16 KiB", |b| {
        b.iter(|| bytes.chunks(16 * 1024).for_each(|block| _ = black_box(blake3::hash(block))));
    });
    group.bench_function("BLAKE3 over the changed bytes in one piece", |b| b.iter(|| black_box(blake3::hash(&bytes))));
    group.finish();
}

fn partial(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick/snapshot + root after a partial change");
    let cases: [(&str, fn(u32) -> bool); 4] = [
        ("1 % in a cluster", |i| (50_000..51_000).contains(&i)),
        ("1 % scattered", |i| i % 100 == 0),
        ("5 % scattered", |i| i % 20 == 0),
        ("nothing", |_| false),
    ];
    for (name, changes) in cases {
        let mut simulation = wide();
        simulation.seal(&Inline);
        let mut ring = VecDeque::new();
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                let mut spent = std::time::Duration::ZERO;
                for _ in 0..count {
                    let state: &mut Wide = simulation.world_mut().state_mut();
                    join((&mut state.a, &state.c)).for_each(|row, (a, c)| {
                        if changes(row.index()) {
                            update(a, c);
                        }
                    });
                    let start = std::time::Instant::now();
                    black_box(simulation.seal(&Inline).root);
                    keep(&mut ring, &simulation);
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

mod bevy {
    use bevy_ecs::prelude::*;
    use tickworld_benches::Pair;

    macro_rules! columns { ($($name:ident)+) => { $( #[derive(Component, Clone, Copy)] pub struct $name(pub Pair); )+ } }
    columns!(A B C D E F G H I J);
}

/// bevy_ggrs 0.22's checksum of one value (`snapshot/component_checksum.rs`): SeaHash of the entity's rollback order and of
/// the value's own SeaHash.
fn checksum(order: u64, value: &Pair) -> u64 {
    let mut inner = seahash::SeaHasher::new();
    (value.x, value.y).hash(&mut inner);
    let mut outer = seahash::SeaHasher::new();
    order.hash(&mut outer);
    inner.finish().hash(&mut outer);
    outer.finish()
}

/// bevy_ecs and hecs keep nothing and hash nothing. bevy_ggrs keeps a hash map from entity to value for each registered
/// component and XORs a checksum of each value (0.22, `snapshot/{mod,component_snapshot,component_checksum}.rs`, read, not
/// linked: it needs the whole of bevy).
fn peers(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick/peers");
    {
        use bevy::*;
        use bevy_ecs::prelude::*;
        let mut world = World::new();
        for i in 0..ENTITIES {
            let v = value(i);
            world.spawn((A(v), B(v), C(v), D(v), E(v), F(v), G(v), H(v), I(v), J(v)));
        }
        let mut first = world.query::<(&mut A, &C)>();
        let mut second = world.query::<(&mut B, &D)>();
        group.bench_function("bevy_ecs: bare update, nothing kept, nothing hashed", |b| {
            b.iter(|| {
                first.iter_mut(&mut world).for_each(|(mut a, c)| update(&mut a.0, &c.0));
                second.iter_mut(&mut world).for_each(|(mut b, d)| update(&mut b.0, &d.0));
            });
        });
        let order: HashMap<Entity, u64> = world.query::<Entity>().iter(&world).zip(0..).collect();
        macro_rules! save_and_checksum {
            ($($column:ident)+) => {
                [$( {
                    let mut query = world.query::<(Entity, &$column)>();
                    let saved: HashMap<Entity, $column> = query.iter(&world).map(|(id, value)| (id, *value)).collect();
                    let parts = query.iter(&world).map(|(id, value)| checksum(order[&id], &value.0));
                    (saved.len() as u64, parts.fold(0, |sum, part| sum ^ part))
                } ),+]
            };
        }
        group.bench_function("save + checksum as bevy_ggrs does, all ten columns", |b| {
            b.iter(|| black_box(save_and_checksum!(A B C D E F G H I J)));
        });
    }
    {
        let mut world = hecs::World::new();
        #[derive(Clone, Copy)]
        struct Col<const N: usize>(Pair);
        for i in 0..ENTITIES {
            let v = value(i);
            world.spawn((
                Col::<0>(v), Col::<1>(v), Col::<2>(v), Col::<3>(v), Col::<4>(v),
                Col::<5>(v), Col::<6>(v), Col::<7>(v), Col::<8>(v), Col::<9>(v),
            ));
        }
        group.bench_function("hecs: bare update, nothing kept, nothing hashed", |b| {
            b.iter(|| {
                for (a, c) in world.query_mut::<(&mut Col<0>, &Col<2>)>() {
                    update(&mut a.0, &c.0);
                }
                for (b, d) in world.query_mut::<(&mut Col<1>, &Col<3>)>() {
                    update(&mut b.0, &d.0);
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).warm_up_time(std::time::Duration::from_secs(1));
    targets = tickworld, parts, partial, peers
}
criterion_main!(benches);
