//! A whole game on the engine alone: wolves hunt sheep, a shepherd whistles, and the past can be visited.
//! Run it with `cargo run -p tickworld-sim --example pasture`.
#![expect(clippy::print_stdout, reason = "an example shows itself")]

use tickworld_sim::prelude::*;

#[derive(Component, Clone, Copy)]
struct Whistle;
#[derive(State, Clone)]
struct Pasture {
    entities: Entities,
    at: Column<Cell>,
    wolf: Column<()>,
    whistle_until: Resource<u64>,
}

struct Herd;

/// Everyone takes a random step; sheep that hear the whistle run home to the left.
fn roam(pasture: &mut Pasture, step: &mut Step<'_, Herd>) {
    step.inputs().iter().for_each(|_| pasture.whistle_until.set(step.tick().0 + 12));
    let is_called = step.tick().0 <= *pasture.whistle_until;
    let (dice, wolves) = (step.stream("roam"), &pasture.wolf);
    join((&mut pasture.at, dice.each(&pasture.entities))).par_for_each::<()>(step.executor(), |row, (at, seed), _| {
        let mut dice = seed.open();
        let (dx, dy) = (dice.die(3) as i32 - 2, dice.die(3) as i32 - 2);
        let dx = if is_called && !wolves.contains(row) { -1 } else { dx };
        *at = Cell::new((at.x + dx).clamp(0, 59), (at.y + dy).clamp(0, 11));
    });
}

/// A wolf eats the sheep beside it.
fn hunt(pasture: &mut Pasture, step: &mut Step<'_, Herd>) {
    let Pasture { at, wolf, entities, .. } = pasture;
    join((&*at, &*wolf)).for_each(|_, (here, ())| {
        join((&*at, &*entities, without(&*wolf))).for_each(|_, (there, sheep, ())| {
            (here.chebyshev_distance(*there) <= 1).then(|| step.commands.despawn(sheep));
        });
    });
}

impl Game for Herd {
    type State = Pasture;
    type Input = Whistle;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "pasture";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[System { name: "roam", run: roam }, System { name: "hunt", run: hunt }];

    fn join(_: &mut Pasture, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None // the shepherd only whistles
    }
}

/// The shepherd, player 1, comes at tick 1 and may whistle at tick 41.
fn run(game: &mut Simulation<Herd>, to: u64, whistles: bool) {
    for tick in game.world().tick().0 + 1..=to {
        let input = |sequence, act| vec![Input { player: PlayerId(1), sequence: Sequence(sequence), act }];
        let inputs = match tick {
            1 => input(0, Act::ENTER),
            41 if whistles => input(1, Act::Play(Whistle)),
            _ => vec![],
        };
        let frame = InputFrame::new(Tick(tick), Entropy::from_bytes([tick as u8; 16]), inputs);
        game.step(&frame, &Inline).expect("the next tick, in order");
    }
}

fn show(title: &str, game: &mut Simulation<Herd>) {
    println!("\n{title}: tick {}, root {}", game.world().tick(), game.seal(&Inline).root.short());
    let (mut map, wolf) = (vec![['.'; 60]; 12], &game.state().wolf);
    join(&game.state().at).for_each(|row, at| {
        map[at.y as usize][at.x as usize] = if wolf.contains(row) { 'W' } else { 's' };
    });
    map.iter().for_each(|line| println!("  {}", line.iter().collect::<String>()));
}

fn main() {
    let mut game = Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |pasture: &mut Pasture, ()| {
        for i in 0..80 {
            let entity = pasture.spawn(Band(u8::from(i % 10 == 9))).expect("room for millions");
            let row = pasture.entities.row(entity).expect("just spawned");
            pasture.at.set(row, Cell::new(i * 37 % 60, i * 11 % 12));
            (i % 10 == 9).then(|| pasture.wolf.set(row, ()));
        }
    });
    run(&mut game, 40, false);
    show("the wolves hunt", &mut game);
    let past = game.snapshot(); // shares every page
    run(&mut game, 100, false);
    show("nobody whistles", &mut game);
    game.restore(&past);
    run(&mut game, 100, true);
    show("back at tick 40, the shepherd whistles", &mut game);
    game.restore(&past);
    run(&mut game, 100, false);
    println!("\nonce more without: root {}, as before", game.seal(&Inline).root.short());
}
