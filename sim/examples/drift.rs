//! The README's example: a body that moves, a world that goes back a tick and makes the same tick again.
#![allow(clippy::print_stdout, reason = "it is a program")]

// DOC:DRIFT
use tickworld_sim::prelude::*;

#[derive(Component, Clone, Copy)]
struct Body {
    x: Fx,
    speed: Fx,
}

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    body: Column<Body>,
}

fn movement(realm: &mut Realm, _: &mut Step<'_, Drift>) {
    join(&mut realm.body).for_each(|_, body| body.x = body.x.saturating_add(body.speed));
}

struct Drift;
impl Game for Drift {
    type State = Realm;
    type Input = u8;
    type Event = u8;
    type Content = ();
    const NAME: &'static str = "drift";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "movement", run: movement }];

    fn join(_: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

fn main() {
    let library = Library::of(ContentId::NONE, ());
    let mut world = Simulation::<Drift>::new(library, ContentId::NONE, |realm: &mut Realm, ()| {
        let row = realm.spawn(Band(0)).ok().and_then(|entity| realm.entities.row(entity)).expect("there is room");
        realm.body.set(row, Body { x: Fx::ZERO, speed: Fx::from_ratio(1, 30) });
    });
    let before = world.snapshot();
    let frame = InputFrame::empty(Tick(1), Entropy::from_bytes([7; 16]));
    let first = world.step(&frame, &Inline).expect("the frame is for the next tick");
    world.restore(&before);
    let again = world.step(&frame, &Inline).expect("the same frame again");
    assert_eq!(first, again);
    println!("tick 1 has root {}, and after going back {}", first.root.short(), again.root.short());
}
// DOC:END
