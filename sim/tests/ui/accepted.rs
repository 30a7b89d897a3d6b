//! Every shape in one program. It is here as well so that the others are built, not only checked: a row that is too long is
//! found when code is generated for its column.
use tickworld_sim::{
    Component, State,
    column::Column,
    derived::{Derived, Rebuild},
    entities::Entities,
    resource::Resource,
};

#[derive(Component, Clone, Copy)]
struct Longest {
    words: [u64; 32],
}

#[derive(Component, Clone, Copy)]
enum Weather {
    Clear,
    Rain { strength: u8 },
}

#[derive(Clone, PartialEq)]
struct Census(u32);

impl Rebuild<Realm> for Census {
    fn rebuild(_: Option<&Self>, _: &Realm) -> Self {
        Self(0)
    }
}

#[derive(State, Clone)]
struct Realm {
    entities: Entities,
    longest: Column<Longest>,
    weather: Resource<Weather>,
    census: Derived<Census>,
}

fn main() {
    let _ = Column::<Longest>::default();
    let mut realm = <Realm as tickworld_sim::state::State>::empty();
    tickworld_sim::state::State::rebuild(&mut realm);
    assert_eq!(realm.census.0, 0);
}
