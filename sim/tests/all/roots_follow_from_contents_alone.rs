//! However a world came to hold what it holds, its root is the same: columns moved or copied to another name, players who leave
//! and come back within a tick, indexes that remember what they were. Each test here was a fault once, found by review.

use std::collections::BTreeSet;

use tickworld_sim::{
    column::{column_root, table_hash},
    derived::Rebuild,
    hash::{Hash, hash},
    limits,
    prelude::*,
    schema::{Field, Schema, SchemaId, Type},
    snapshot::{Manifest, RestoreError},
    world::WorldHead,
};

fn frame<I: Component>(tick: u64, inputs: Vec<Input<I>>) -> InputFrame<I> {
    InputFrame::new(Tick(tick), Entropy::from_bytes([tick as u8; 16]), inputs)
}

fn act<I>(player: u64, act: Act<I>) -> Input<I> {
    Input { player: PlayerId(player), sequence: Sequence(0), act }
}

fn new_world<G: Game<Content = ()>>(set_up: impl FnOnce(&mut G::State)) -> Simulation<G> {
    Simulation::new(Library::of(ContentId::NONE, ()), ContentId::NONE, |state, ()| set_up(state))
}

/// Columns and resources that change places every tick, and a column that is a copy of another.
mod movers {
    use super::*;

    #[derive(State, Clone)]
    pub(crate) struct Realm {
        pub(crate) entities: Entities,
        pub(crate) a: Column<u32>,
        pub(crate) b: Column<u32>,
        pub(crate) before: Column<u32>,
        pub(crate) left: Resource<u32>,
        pub(crate) right: Resource<u32>,
    }

    fn change(realm: &mut Realm, _: &mut Step<'_, Movers>) {
        realm.before = realm.a.freeze();
        core::mem::swap(&mut realm.a, &mut realm.b);
        core::mem::swap(&mut realm.left, &mut realm.right);
    }

    pub(crate) struct Movers;

    impl Game for Movers {
        type State = Realm;
        type Input = ();
        type Event = ();
        type Content = ();
        const NAME: &'static str = "movers";
        const REVISION: u32 = 1;
        const SYSTEMS: &'static [System<Self>] = &[System { name: "change", run: change }];

        fn join(_: &mut Realm, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
            None
        }
    }
}

#[test]
fn a_column_sealed_under_one_name_has_the_right_root_under_another() {
    let start = new_world::<movers::Movers>(|realm| {
        for value in 0..100 {
            let entity = realm.spawn(Band(0)).expect("room");
            let row = realm.entities.row(entity).expect("just spawned");
            realm.a.set(row, value);
            realm.b.set(row, 1_000 + value);
        }
        realm.left.set(1);
        realm.right.set(2);
    });
    let mut sealed = start.clone();
    let mut unsealed = start;
    for tick in 1..6 {
        let roots = sealed.step(&frame(tick, vec![]), &Inline).expect("good");
        unsealed.advance(&frame(tick, vec![]), &Inline).expect("good");
        let manifest = Manifest::of(sealed.world(), sealed.schema_id());
        assert_eq!(manifest.roots(sealed.schema()), roots, "tick {tick}: what a peer computes");
        assert_eq!(unsealed.clone().seal(&Inline), roots, "tick {tick}: sealed for the first time");
    }
}

#[test]
fn a_dropped_event_count_in_another_row_is_refused() {
    let mut sim = new_world::<movers::Movers>(|_| {});
    sim.seal(&Inline);
    let mut manifest = Manifest::of(sim.world(), sim.schema_id());
    let names: Vec<String> = sim.world().column_list().into_iter().map(|(name, _)| name).collect();
    // One row in place 5 instead of place 0, in canonical bytes.
    let page = [&[1_u8][..], &(1_u64 << 5).to_le_bytes(), &7_u32.to_le_bytes()].concat();
    let at = names.iter().position(|name| name == "events.dropped").expect("the engine's own column");
    manifest.columns[at][0].hash = hash(&page);
    let fetch = |hash: Hash| {
        let mut found = (hash == hash_of(&page)).then(|| page.clone());
        sim.world().columns(&mut |_, column| {
            let mut bytes = Vec::new();
            if column.page_hash(0) == Some(hash) && found.is_none() && column.page_bytes(0, &mut bytes) {
                found = Some(bytes);
            }
        });
        found
    };
    let restored = World::<movers::Movers>::restore(&manifest, |entry| fetch(entry.hash));
    assert!(matches!(restored.map(|_| ()), Err(RestoreError::Impossible { .. })));
}

fn hash_of(bytes: &[u8]) -> Hash {
    hash(bytes)
}

#[test]
fn a_root_binds_what_it_is_of() {
    let root = |tick, schema: &[u8], revision, content: &[u8]| {
        let (schema, content) = (SchemaId(hash_of(schema)), ContentId(hash_of(content)));
        WorldHead { tick: Tick(tick), schema, revision, content }.root(&[])
    };
    let heads = [
        root(1, b"a", 1, b"b"),
        root(2, b"a", 1, b"b"),
        root(1, b"c", 1, b"b"),
        root(1, b"a", 2, b"b"),
        root(1, b"a", 1, b"d"),
    ];
    assert_eq!(BTreeSet::from(heads).len(), heads.len());
    let table = table_hash([].into_iter());
    assert_ne!(column_root("health", table), column_root("position", table));
}

#[test]
fn types_without_values_cannot_keep_a_reader_busy() {
    let empty = Type::Struct { name: "Nothing".into(), fields: vec![] };
    let many = |inner| Type::Array(Box::new(inner), 1_000);
    let field = |ty| Field { name: "it".into(), ty };
    let busy = Type::Struct { name: "Busy".into(), fields: vec![field(many(many(many(empty))))] };
    assert!(busy.leaf_count() > limits::TYPE_LEAVES_MAX);
    assert_eq!(Type::Array(Box::new(Type::U8), 0).leaf_count(), 1);
    let mut schema = Schema { game: "g".into(), columns: vec![], input: Type::Unit, event: Type::Unit };
    assert_eq!(Schema::decode(&schema.encode()), Ok(schema.clone()));
    schema.input = Type::Array(Box::new(Type::U64), 64);
    assert!(Schema::decode(&schema.encode()).is_err(), "an input of 512 bytes");
}

/// A player's entity goes with them.
mod guests {
    use super::*;

    #[derive(State, Clone)]
    pub(crate) struct Inn {
        pub(crate) entities: Entities,
        pub(crate) roll: Column<u32>,
    }

    pub(crate) struct Guests;

    impl Game for Guests {
        type State = Inn;
        type Input = Entity;
        type Event = ();
        type Content = ();
        const NAME: &'static str = "guests";
        const REVISION: u32 = 1;
        const SYSTEMS: &'static [System<Self>] = &[System { name: "draw", run: draw }];

        fn join(inn: &mut Inn, step: &mut Step<'_, Self>, player: PlayerId) -> Option<Entity> {
            let entity = inn.spawn(Band(0)).ok()?;
            let roll = step.player_rng("join::roll", player).next_u32();
            inn.roll.set(inn.entities.row(entity)?, roll);
            Some(entity)
        }

        fn leave(_: &mut Inn, step: &mut Step<'_, Self>, _: PlayerId, entity: Option<Entity>) {
            entity.into_iter().for_each(|entity| step.commands.despawn(entity));
        }
    }

    /// Opens whatever handle a player sends, unchecked, and the world's generator.
    fn draw(_: &mut Inn, step: &mut Step<'_, Guests>) {
        let mut stream = step.stream("draw");
        step.inputs().iter().for_each(|input| _ = stream.open(input.body));
        _ = stream.open_world();
    }
}

#[test]
fn who_leaves_and_comes_back_within_a_tick_has_a_living_entity() {
    let mut sim = new_world::<guests::Guests>(|_| {});
    sim.step(&frame(1, vec![act(2, Act::ENTER)]), &Inline).expect("good");
    sim.step(&frame(2, vec![act(2, Act::TimeOut), act(2, Act::ENTER)]), &Inline).expect("good");
    let player = sim.world().players().find(PlayerId(2)).expect("known");
    let entity = player.entity.expect("plays somebody");
    assert!(player.connected && sim.state().entities.contains(entity), "{player:?}");
}

#[test]
fn no_two_joins_draw_the_same_number_and_many_joins_are_quick() {
    let mut sim = new_world::<guests::Guests>(|_| {});
    // A player whose id is the first one's less the step of splitmix64: once their second draw was the first's first.
    let other = 1_u64.wrapping_sub(0x9E37_79B9_7F4A_7C15);
    let mut inputs = vec![act(1, Act::ENTER), act(1, Act::Leave), act(1, Act::ENTER)];
    inputs.extend((2..20_000).map(|player| act(player, Act::ENTER)));
    inputs.push(act(other, Act::ENTER));
    sim.step(&frame(1, inputs), &Inline).expect("good");
    let mut rolls = Vec::new();
    join(&sim.state().roll).for_each(|_, roll| rolls.push(*roll));
    let distinct: BTreeSet<u32> = rolls.iter().copied().collect();
    // Among 20,000 draws of 32 bits some two are equal with a chance of one in twenty; three pairs never.
    assert_eq!(rolls.len(), 20_000);
    assert!(distinct.len() >= rolls.len() - 2, "{}", distinct.len());
}

#[test]
fn no_handle_from_outside_takes_the_worlds_own_numbers() {
    let mut sim = new_world::<guests::Guests>(|_| {});
    sim.step(&frame(1, vec![act(1, Act::ENTER)]), &Inline).expect("good");
    let anything = Entity::decode(&[0xFF; 8]).expect("every handle can be sent");
    let input = Input { player: PlayerId(1), sequence: Sequence(1), act: Act::Play(anything) };
    sim.step(&frame(2, vec![input]), &Inline).expect("good");
}

#[test]
fn more_inputs_than_outcomes_are_refused() {
    let mut sim = new_world::<guests::Guests>(|_| {});
    sim.step(&frame(1, vec![act(1, Act::ENTER)]), &Inline).expect("good");
    let entity = sim.world().players().find(PlayerId(1)).and_then(|player| player.entity).expect("plays somebody");
    let play = |sequence| Input { player: PlayerId(1), sequence: Sequence(sequence), act: Act::Play(entity) };
    let error = sim.step(&frame(2, (1..=65).map(play).collect()), &Inline).expect_err("one too many");
    assert_eq!(error.to_string(), "more than 64 inputs of player 1 in a frame");
}

/// An index that keeps counting what it has seen: history, not state.
#[derive(Clone, PartialEq)]
struct Rebuilds(u32);

#[derive(State, Clone)]
struct Haunted {
    entities: Entities,
    rebuilds: Derived<Rebuilds>,
}

impl Rebuild<Haunted> for Rebuilds {
    fn rebuild(previous: Option<&Self>, _: &Haunted) -> Self {
        Self(previous.map_or(0, |previous| previous.0))
    }
}

struct Ghosts;

impl Game for Ghosts {
    type State = Haunted;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "ghosts";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] =
        &[System { name: "haunt", run: |haunted, _| haunted.rebuilds.get_mut().0 += 1 }];

    fn join(_: &mut Haunted, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

#[test]
fn an_index_that_remembers_is_caught() {
    let mut sim = new_world::<Ghosts>(|_| {});
    assert_eq!(sim.check_derived(), Ok(()));
    sim.step(&frame(1, vec![]), &Inline).expect("good");
    assert_eq!(sim.check_derived(), Err("rebuilds"), "rebuilding from itself would agree");
}
