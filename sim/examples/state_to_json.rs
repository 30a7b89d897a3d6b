//! A world as JSON, read by its schema: for inspectors, logs and programs in other languages, without a line in the game.
//!
//! Run it with `cargo run --release -p tickworld-sim --example state_to_json`; behind a pipe, `| jq .columns.order`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use tickworld_sim::{diff::WorldView, json, prelude::*, text::Text};

/// What somebody wants to do.
#[derive(Component, Clone, Copy)]
enum Order {
    Rest,
    Walk { to: Cell, speed: Fx },
    Follow(Entity),
}

#[derive(State, Clone)]
struct Camp {
    entities: Entities,
    name: Column<Text<16>>,
    #[parcel(skip)]
    order: Column<Order>,
    bag: ListColumn<u16, 4>,
    weather: Resource<Option<u8>>,
}

struct Camping;

impl Game for Camping {
    type State = Camp;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "camping";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Camp, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

fn set_up(camp: &mut Camp) -> Result<(), Box<dyn Error>> {
    let mut settle = |name: &str, order| -> Result<Entity, Box<dyn Error>> {
        let name = Text::new(name)?;
        Ok(camp.spawn_with(Band(0), |camp, _, row| {
            camp.name.set(row, name);
            camp.order.set(row, order);
        })?)
    };
    let cook = settle("Ada \"the cook\"", Order::Rest)?;
    settle("Brun", Order::Walk { to: Cell::new(3, -4), speed: Fx::from_ratio(3, 2) })?;
    settle("Cai", Order::Follow(cook))?;
    let row = camp.entities.row(cook).ok_or("she lives")?;
    for item in [7, 7, 12] {
        camp.bag.push(row, item)?;
    }
    camp.weather.set(Some(3));
    Ok(())
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut outcome = Ok(());
    let mut simulation = Simulation::<Camping>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |camp, ()| {
        outcome = set_up(camp);
    });
    outcome?;
    simulation.seal(&Inline); // pages are hashed once, not at every look
    let mut text = String::new();
    json::state(&WorldView::new(simulation.world(), simulation.schema()), &mut text)?;
    println!("{text}");
    let expected = r#""order":{"rows":"entity","values":{"0":"Rest","1":{"Walk":{"to":{"x":3,"y":-4},"speed":1.5}},"2":{"Follow":"0v1"}}}"#;
    if text.contains(expected) { Ok(()) } else { Err(format!("expected {expected}").into()) }
}
