//! Columns, lists and entities beside ordered maps, under a list of operations.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use tickworld_sim::{
    State,
    column::Column,
    content::{ContentId, Library},
    entities::Entities,
    entity::{Band, Entity, Row},
    executor::Inline,
    frame::PlayerId,
    game::{Game, System},
    join::{join, without},
    list::ListColumn,
    simulation::Simulation,
    step::Step,
    world::World,
};

#[derive(State, Clone)]
struct Shelf {
    entities: Entities,
    number: Column<u64>,
    wide: Column<[u8; 256]>,
    mark: Column<()>,
    items: ListColumn<u16, 3>,
}

struct Shelving;

impl Game for Shelving {
    type State = Shelf;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "shelving";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Shelf, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// What an entity has, in plain maps.
#[derive(Clone, Debug, Default, PartialEq)]
struct Plain {
    number: Option<u64>,
    wide: Option<u8>,
    mark: bool,
    items: Vec<u16>,
}

type Model = BTreeMap<Entity, Plain>;

/// Entities alive at once.
const ALIVE_MAX: usize = 300;
/// Items of a list.
const ITEMS_MAX: usize = 40;

/// See the module.
pub fn run(data: &[u8]) {
    let mut simulation =
        Simulation::<Shelving>::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |_: &mut Shelf, ()| {});
    let mut model = Model::new();
    let mut kept: Option<(World<Shelving>, Model)> = None;
    let mut u = Unstructured::new(data);
    // An error is the end of the bytes.
    while !u.is_empty() {
        match u.int_in_range(0..=15_u8) {
            Ok(14) => kept = Some((simulation.snapshot(), model.clone())),
            Ok(15) => {
                if let Some((world, then)) = &kept {
                    simulation.restore(world);
                    model.clone_from(then);
                }
            }
            Ok(13) => drop(simulation.seal(&Inline)),
            Ok(kind) if operate(kind, &mut u, simulation.world_mut().state_mut(), &mut model).is_ok() => {}
            _ => break,
        }
    }
    compare(simulation.state(), &model);
    let roots = simulation.seal(&Inline);
    let bytes = simulation.to_bytes();
    let world = World::<Shelving>::from_bytes(&bytes).expect("what was written is read");
    compare(world.state(), &model);
    let mut again = Simulation::resume(Library::of(ContentId::NONE, ()), world);
    assert_eq!(again.seal(&Inline), roots, "restored from bytes it has another root");
}

fn operate(kind: u8, u: &mut Unstructured<'_>, shelf: &mut Shelf, model: &mut Model) -> Result<()> {
    if kind < 3 {
        let band = Band(u.int_in_range(0..=3)?);
        if model.len() < ALIVE_MAX {
            let entity = shelf.spawn(band).expect("far below what a band holds");
            assert!(model.insert(entity, Plain::default()).is_none(), "{entity} was there already");
        }
        return Ok(());
    }
    if model.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(model.len())?;
    let (entity, plain) = model.iter_mut().nth(at).map(|(entity, plain)| (*entity, plain)).expect("an index of it");
    let row = shelf.entities.row(entity).expect("the model says that it lives");
    change(kind, u, shelf, row, plain)?;
    if kind == 12 {
        shelf.despawn(entity);
        model.remove(&entity);
        assert!(shelf.entities.row(entity).is_none(), "{entity} outlives its end");
    }
    Ok(())
}

fn change(kind: u8, u: &mut Unstructured<'_>, shelf: &mut Shelf, row: Row, plain: &mut Plain) -> Result<()> {
    match kind {
        3 => {
            let value = u.arbitrary()?;
            shelf.number.set(row, value);
            plain.number = Some(value);
        }
        4 => assert_eq!(shelf.number.remove(row), plain.number.take()),
        5 => {
            let by = u.arbitrary()?;
            shelf.number.modify(row, |number| *number = number.wrapping_add(by));
            plain.number = plain.number.map(|number| number.wrapping_add(by));
        }
        6 => {
            let value = u.arbitrary()?;
            shelf.wide.set(row, [value; 256]);
            plain.wide = Some(value);
        }
        7 => assert_eq!(shelf.wide.remove(row).map(|wide| wide[0]), plain.wide.take()),
        8 => {
            plain.mark = !plain.mark;
            match plain.mark {
                true => shelf.mark.set(row, ()),
                false => drop(shelf.mark.remove(row)),
            }
        }
        9 if plain.items.len() < ITEMS_MAX => {
            let item = u.arbitrary()?;
            shelf.items.push(row, item).expect("far below what the pool holds");
            plain.items.push(item);
        }
        10 if !plain.items.is_empty() => {
            let at = u.choose_index(plain.items.len())?;
            let index = u32::try_from(at).expect("short lists");
            assert_eq!(shelf.items.remove(row, index), Some(plain.items.remove(at)));
        }
        11 => {
            let least: u16 = u.arbitrary()?;
            shelf.items.retain(row, |item| *item >= least);
            plain.items.retain(|item| *item >= least);
        }
        _ => {}
    }
    Ok(())
}

fn compare(shelf: &Shelf, model: &Model) {
    assert_eq!(shelf.entities.len() as usize, model.len());
    for (entity, plain) in model {
        let row = shelf.entities.row(*entity).expect("the model says that it lives");
        let found = Plain {
            number: shelf.number.get(row).copied(),
            wide: shelf.wide.get(row).map(|wide| wide[0]),
            mark: shelf.mark.contains(row),
            items: shelf.items.iter(row).copied().collect(),
        };
        assert_eq!(&found, plain, "{entity}");
    }
    let mut visited = Vec::new();
    join((&shelf.number, &shelf.entities, without(&shelf.mark))).for_each(|_, (number, entity, ())| {
        visited.push((entity, *number));
    });
    let expected = model.iter().filter(|(_, plain)| !plain.mark);
    let expected: BTreeMap<_, _> = expected.filter_map(|(entity, plain)| Some((*entity, plain.number?))).collect();
    assert!(visited.windows(2).all(|pair| pair[0].0.index() < pair[1].0.index()), "a join goes by index");
    assert_eq!(visited.into_iter().collect::<BTreeMap<_, _>>(), expected);
}
