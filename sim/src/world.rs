//! [`World`]: everything that is hashed: the game's state, the players, the last tick's events, tick and content id.
//!
//! Invariant: the root binds all of it; a clone is a snapshot; two worlds with equal roots continue equally under equal frames.

use alloc::{string::String, vec::Vec};

use crate::{
    column::{Pages, column_root},
    component::Component,
    content::ContentId,
    events::Events,
    executor::Executor,
    frame::Tick,
    game::Game,
    hash::{Hash, Hasher},
    region::{Region, RegionId},
    schema::{Schema, SchemaId},
    session::Players,
    state::State,
};

/// A whole world at the end of a tick.
pub struct World<G: Game> {
    pub(crate) tick: Tick,
    pub(crate) content: ContentId,
    pub(crate) region: Region,
    pub(crate) players: Players,
    pub(crate) events: Events<G::Event>,
    /// The game's part.
    pub(crate) state: G::State,
}

impl<G: Game> Clone for World<G> {
    fn clone(&self) -> Self {
        Self {
            tick: self.tick,
            content: self.content,
            region: self.region.clone(),
            players: self.players.clone(),
            events: self.events.clone(),
            state: self.state.clone(),
        }
    }
}

/// The hashes of a world: the root, and the roots of its columns in schema order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// The root, which binds the columns and what [`WorldHead`] lists.
    pub root: Hash,
    /// One per column of the schema.
    pub columns: Vec<Hash>,
}

/// What the root binds besides the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldHead {
    /// The tick that made this world.
    pub tick: Tick,
    /// The schema of its columns.
    pub schema: SchemaId,
    /// Revision of the rules that made it.
    pub revision: u32,
    /// The content in force.
    pub content: ContentId,
}

impl WorldHead {
    // DOC:ROOT
    // BLAKE3 over 16 "tickworld.root.1", tick (8), schema id (32), rules revision (4), content id (32), then the column
    // roots in schema order (32 each).
    // DOC:END
    /// The world root (docs/FORMATS.md, "Roots").
    pub fn root(&self, columns: &[Hash]) -> Hash {
        let mut hasher = Hasher::new(b"tickworld.root.1");
        hasher.update(&self.tick.0.to_le_bytes());
        hasher.update(&self.schema.0.0);
        hasher.update(&self.revision.to_le_bytes());
        hasher.update(&self.content.0.0);
        for column in columns {
            hasher.update(&column.0);
        }
        hasher.finish()
    }
}

/// The schema of a game, as a build describes it.
#[must_use]
pub fn schema<G: Game>() -> Schema {
    let world = World::<G>::new(G::State::empty(), ContentId::NONE);
    let mut columns = Vec::new();
    world.columns(&mut |name, column| columns.push(column.describe(name)));
    for (i, column) in columns.iter().enumerate() {
        assert!(columns[..i].iter().all(|other| other.name != column.name), "two columns are called `{}`", column.name);
    }
    let schema = Schema {
        game: String::from(G::NAME).into(),
        columns,
        input: G::Input::describe(),
        event: G::Event::describe(),
    };
    assert_eq!(Schema::decode(&schema.encode()).as_ref(), Ok(&schema), "the schema of {} is over a limit", G::NAME);
    schema
}

impl<G: Game> World<G> {
    pub(crate) fn new(state: G::State, content: ContentId) -> Self {
        let (region, players) = (Region::default(), Players::default());
        Self { tick: Tick(0), content, region, players, events: Events::new(), state }
    }

    /// Says which region of a larger world this is, before its first tick; it is [`RegionId::FIRST`] where nobody does.
    ///
    /// # Panics
    /// For region 0, and once the world has made a tick.
    pub fn set_region(&mut self, id: RegionId) {
        assert!(id.0 > 0 && self.tick == Tick(0), "regions count from 1, and a world stays the one that it began as");
        self.region.set_id(id);
    }

    /// The tick that made this world; 0 as set up.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// The content in force.
    #[must_use]
    pub const fn content(&self) -> ContentId {
        self.content
    }

    /// Which part of a larger world this is, and what it knows of the others.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The players whom this world knows.
    #[must_use]
    pub const fn players(&self) -> &Players {
        &self.players
    }

    /// What the last tick told the outside.
    #[must_use]
    pub const fn events(&self) -> &Events<G::Event> {
        &self.events
    }

    /// The game's part.
    #[must_use]
    pub const fn state(&self) -> &G::State {
        &self.state
    }

    /// The game's part, to write: for set-up, tools and tests. A running world is only changed by frames.
    pub const fn state_mut(&mut self) -> &mut G::State {
        &mut self.state
    }

    /// Shows every column in schema order: the region, players, events, then the game's.
    pub fn columns<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a dyn Pages)) {
        self.region.columns(visit);
        self.players.columns(visit);
        self.events.columns(visit);
        self.state.columns(visit);
    }

    /// The same, to write: for tools and tests. What follows from the players' and events' columns is made anew afterwards.
    pub fn columns_mut(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Pages)) {
        self.visit_mut(&mut |name, column| visit(name, column));
        // Columns that no game can have made are the caller's to have; restore is where they are refused.
        self.region.reindex();
        _ = self.players.reindex();
        _ = self.events.recount();
    }

    pub(crate) fn visit_mut<'a>(&'a mut self, visit: &mut dyn FnMut(&str, &'a mut dyn Pages)) {
        self.region.columns_mut(visit);
        self.players.columns_mut(visit);
        self.events.columns_mut(visit);
        self.state.columns_mut(visit);
    }

    /// The columns with their names.
    #[must_use]
    pub fn column_list(&self) -> Vec<(String, &dyn Pages)> {
        let mut list = Vec::new();
        self.columns(&mut |name, column| list.push((String::from(name), column)));
        list
    }

    /// What the root binds besides the columns.
    #[must_use]
    pub fn head(&self, schema: SchemaId) -> WorldHead {
        WorldHead { tick: self.tick, schema, revision: G::REVISION, content: self.content }
    }

    /// Hashes what is dirty, keeps the hashes, and gives all roots.
    pub fn seal(&mut self, schema: SchemaId, executor: &dyn Executor) -> Roots {
        if executor.workers() > 1 {
            let mut jobs = Vec::new();
            // A small column is hashed in less time than a job takes to hand over; below, with those that have nothing to do.
            self.visit_mut(&mut |_, column| {
                if column.dirty_row_count() >= executor.rows_per_job_min() {
                    column.hash_jobs(&mut jobs);
                }
            });
            executor.run(jobs);
        }
        let mut columns = Vec::new();
        let mut scratch = Vec::new();
        self.visit_mut(&mut |name, column| columns.push(column_root(name, column.seal(&mut scratch))));
        Roots { root: self.head(schema).root(&columns), columns }
    }

    /// Memory that was written since the last [`seal`](Self::seal), or since hashes were adopted: what a clone of before does not
    /// share with this world. O(pages).
    #[must_use]
    pub fn dirty_bytes(&self) -> u64 {
        let mut bytes = 0_u64;
        self.columns(&mut |_, column| bytes = bytes.saturating_add(column.dirty_bytes()));
        bytes
    }

    /// Takes over the page hashes that `sealed`, an earlier clone of this world, has computed since.
    pub fn adopt_hashes(&mut self, sealed: &Self) {
        self.region.adopt_hashes(&sealed.region);
        self.players.adopt_hashes(&sealed.players);
        self.events.adopt_hashes(&sealed.events);
        self.state.adopt_hashes(&sealed.state);
    }
}
