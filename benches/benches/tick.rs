//! A tick of 100,000 entities with ten columns of sixteen bytes: beside its physical parts, bevy_ecs and hecs.

use std::{collections::VecDeque, hint::black_box};

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
    let mut go = |plain: &mut Plain| {
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
        b.iter(|| bytes.chunks(16 * 1024).for_each(|block| drop(black_box(blake3::hash(block)))));
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
        // As bevy_ggrs 0.22 does it per registered component: save a clone of each value keyed by rollback id, and a
        // checksum part that hashes every value and folds the results together.
        let mut all = world.query::<(Entity, &A, &B, &C, &D, &E, &F, &G, &H, &I, &J)>();
        group.bench_function("bevy_ecs: update + save + checksum as bevy_ggrs does", |b| {
            b.iter(|| {
                first.iter_mut(&mut world).for_each(|(mut a, c)| update(&mut a.0, &c.0));
                second.iter_mut(&mut world).for_each(|(mut b, d)| update(&mut b.0, &d.0));
                let mut saved: [std::collections::HashMap<Entity, Pair>; 10] = std::array::from_fn(|_| {
                    std::collections::HashMap::with_capacity(ENTITIES as usize)
                });
                let mut sums = [0_u64; 10];
                for (entity, a, b, c, d, e, f, g, h, i, j) in all.iter(&world) {
                    for (n, v) in [a.0, b.0, c.0, d.0, e.0, f.0, g.0, h.0, i.0, j.0].into_iter().enumerate() {
                        saved[n].insert(entity, v);
                        let mut hasher = seahash::SeaHasher::new();
                        std::hash::Hasher::write_u64(&mut hasher, entity.to_bits());
                        std::hash::Hasher::write_i64(&mut hasher, v.x);
                        std::hash::Hasher::write_i64(&mut hasher, v.y);
                        sums[n] ^= std::hash::Hasher::finish(&hasher);
                    }
                }
                black_box((saved, sums))
            });
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
