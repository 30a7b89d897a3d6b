//! Buttons that are held over many ticks, where an input is sent only when something changes: the controls become a component, each
//! tick reads them, and what was *pressed just now* is told from what is *still held*.
//!
//! Run it with `cargo run --release -p tickworld-sim --example held_controls`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use tickworld_sim::prelude::*;

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const JUMP: u8 = 4;

/// The input: what is held down from now on.
#[derive(Component, Clone, Copy)]
struct Buttons(u8);

/// The same as a component, with what was held a tick ago. It is in the root, so everybody has it, restored or rolled back.
#[derive(Component, Clone, Copy)]
struct Held {
    now: u8,
    before: u8,
}

impl Held {
    const fn is_held(self, button: u8) -> bool {
        self.now & button != 0
    }

    const fn is_pressed(self, button: u8) -> bool {
        self.now & !self.before & button != 0
    }
}

#[derive(Component, Clone, Copy)]
struct Body {
    x: i32,
    height: i32,
    rise: i32,
}

#[derive(State, Clone)]
struct Stage {
    entities: Entities,
    held: Column<Held>,
    body: Column<Body>,
}

struct Jumping;

/// Takes the inputs of this tick. Of two of one player the later counts; a press and its release within one tick are sent as two
/// inputs, and would be lost here: a game that cares keeps `pressed` apart.
fn take_controls(stage: &mut Stage, step: &mut Step<'_, Jumping>) {
    join(&mut stage.held).for_each(|_, held| held.before = held.now);
    for input in step.inputs() {
        let Some(row) = input.entity.and_then(|entity| stage.entities.row(entity)) else { continue };
        stage.held.modify(row, |held| held.now = input.body.0);
    }
}

/// Works on what is held, whether an input came in this tick or not.
fn move_bodies(stage: &mut Stage, _: &mut Step<'_, Jumping>) {
    join((&mut stage.body, &stage.held)).for_each(|_, (body, held)| {
        body.x += i32::from(held.is_held(RIGHT)) - i32::from(held.is_held(LEFT));
        if held.is_pressed(JUMP) && body.height == 0 {
            body.rise = 4; // once a press, however long it is held
        }
        body.height = (body.height + body.rise).max(0);
        body.rise = if body.height == 0 { 0 } else { body.rise - 1 };
    });
}

impl Game for Jumping {
    type State = Stage;
    type Input = Buttons;
    type Event = ();
    type Content = ();
    const NAME: &'static str = "jumping";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] =
        &[System { name: "take_controls", run: take_controls }, System { name: "move_bodies", run: move_bodies }];

    fn join(stage: &mut Stage, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        let body = stage.spawn_with(Band(0), |stage, _, row| {
            stage.held.set(row, Held { now: 0, before: 0 });
            stage.body.set(row, Body { x: 2, height: 0, rise: 0 });
        });
        body.ok()
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut game = Simulation::<Jumping>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_, ()| {});
    let player = PlayerId(1);
    // Four inputs in forty ticks: the button goes down, the other one too, one comes up, then both.
    let changes = [(3, RIGHT), (8, RIGHT | JUMP), (25, RIGHT), (33, 0)];
    let (mut picture, mut sequence) = (vec![vec![' '; 40]; 12], 0);
    for tick in 1..=40_u64 {
        let mut inputs = Vec::new();
        if tick == 1 {
            inputs.push(Input { player, sequence: Sequence(0), act: Act::ENTER });
        }
        if let Some((_, buttons)) = changes.iter().find(|(at, _)| *at == tick) {
            sequence += 1;
            inputs.push(Input { player, sequence: Sequence(sequence), act: Act::Play(Buttons(*buttons)) });
        }
        game.step(&InputFrame::new(Tick(tick), Entropy::from_bytes([0; 16]), inputs), &Inline)?;
        for (_, body) in &game.state().body {
            picture[11 - body.height as usize][body.x as usize] = 'o';
        }
    }
    println!(
        "{sequence} inputs, 40 ticks: held to the right, one jump, and no second one while the button is still down\n"
    );
    picture.iter().for_each(|line| println!("  |{}", line.iter().collect::<String>().trim_end()));
    println!("  +{}\n  root {}", "-".repeat(40), game.seal(&Inline).root.short());
    let (_, body) = game.state().body.iter().next().ok_or("the player has a body")?;
    if (body.x, body.height) == (32, 0) {
        Ok(())
    } else {
        Err(format!("the body is at {}, {}", body.x, body.height).into())
    }
}
