//! [`Effect`]: what a region wants done, and what is to be handed back for each.
//!
//! Invariant: every effect is answered once, and the region says which method takes the answer. Answers of different kinds may
//! come in any order; those of one kind come in the order of the effects.

use bytes::Bytes;
use tickworld_persist::{
    Appended, Durability, Epoch, LogPosition, Mark, Record, Retention,
    error::{AppendError, Fault},
};
use tickworld_proto::{
    host::{Generations, Kinds, NotedGeneration, SessionId},
    message::{Nonce, SessionKind},
};
use tickworld_sim::{
    content::ContentId,
    executor::Executor,
    frame::{Act, Input, InputFrame, PlayerId, Request, Sequence},
    game::Game,
    rng::Entropy,
    schema::SchemaId,
    simulation::Simulation,
    world::{Roots, World},
};

use crate::{
    archive::{Moves, Seek},
    request::RequestId,
    step::{Step, StepError, Stepped, Stepper},
};

/// Something to do for a region.
pub enum Effect<G: Game> {
    /// Append records; answered with [`handle_appended`](crate::Region::handle_appended). One append is under way at a time.
    Append(Append),
    /// Read where the journal stands after an append of unknown outcome; answered with
    /// [`handle_log_state`](crate::Region::handle_log_state).
    ReadLogState,
    /// Make a tick; answered with [`handle_stepped`](crate::Region::handle_stepped). Nothing else is stepped meanwhile.
    Step(Box<Step<G>>),
    /// Compute a world's roots; answered with [`handle_hashed`](crate::Region::handle_hashed), in the order of ticks.
    Hash(Box<HashWorld<G>>),
    /// Find out who somebody is; answered with [`handle_authenticated`](crate::Region::handle_authenticated).
    Authenticate(Authenticate),
    /// Read the world's keys, or rotate them; answered with [`handle_keys`](crate::Region::handle_keys).
    Keys(KeysEffect),
    /// Look for players in the archive, or have them be born ([`seek`](fn@crate::seek)); answered with
    /// [`handle_found`](crate::Region::handle_found). One look is under way at a time: who is wanted meanwhile is of the next one.
    Seek(Seek),
    /// Tell the archive who left for it, or came from another region ([`move_players`](crate::move_players)); answered with
    /// [`handle_moved`](crate::Region::handle_moved). Of each region, and of the archive, one is under way at a time.
    Move(Moves),
    /// Read, try and store a content pack; answered with [`handle_pack_loaded`](crate::Region::handle_pack_loaded).
    LoadPack(Box<LoadPack<G>>),
    /// Note that this build cannot make a tick; answered with [`handle_marked`](crate::Region::handle_marked).
    Mark(Mark),
    /// Store a snapshot; answered with [`handle_snapshot_stored`](crate::Region::handle_snapshot_stored).
    StoreSnapshot(Box<StoreSnapshot<G>>),
    /// Put this claim into the journal, which ends the region's own in good order; answered with
    /// [`handle_claim_ended`](crate::Region::handle_claim_ended).
    EndClaim(Record),
}

/// Records for the journal.
#[derive(Clone, Debug)]
pub struct Append {
    /// Of successive ticks. Empty where all were written and only have to become durable.
    pub records: Vec<Record>,
    /// How surely they are to be kept before the answer.
    pub durability: Durability,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// A prefix of the records is kept as surely as was asked.
    Kept(Appended),
    /// Somebody else has claimed the journal.
    Fenced(Epoch),
    /// The storage fails, or nobody knows what it did. It is looked at, then tried again.
    Unknown(String),
    /// The journal cannot go on.
    Lost(String),
}

impl AppendOutcome {
    /// The outcome that a store's answer comes to.
    #[must_use]
    pub fn of(result: Result<Appended, AppendError>) -> Self {
        match result {
            Ok(appended) => Self::Kept(appended),
            Err(AppendError::Fenced { by }) => Self::Fenced(by),
            Err(error @ AppendError::Storage(Fault::Closed)) => Self::Lost(error.to_string()),
            Err(error @ (AppendError::Unknown(_) | AppendError::Storage(_))) => Self::Unknown(error.to_string()),
            Err(error) => Self::Lost(error.to_string()),
        }
    }
}

/// A world whose roots are wanted.
pub struct HashWorld<G: Game> {
    pub(crate) world: World<G>,
    pub(crate) schema: SchemaId,
}

/// A world and its roots.
pub struct Hashed<G: Game> {
    /// The world, whose pages know their hashes now.
    pub world: World<G>,
    /// The roots of that world.
    pub roots: Roots,
}

impl<G: Game> HashWorld<G> {
    /// Computes the roots.
    #[must_use]
    pub fn run(self, executor: &dyn Executor) -> Hashed<G> {
        let Self { mut world, schema } = self;
        let roots = world.seal(schema, executor);
        Hashed { world, roots }
    }
}

/// Somebody who wants to come in.
#[derive(Clone)]
pub struct Authenticate {
    /// The session that they ask for.
    pub session: SessionId,
    /// What they show.
    pub token: Vec<u8>,
    /// The number of their program, by which it is told from another one that shows the same.
    pub nonce: Nonce,
    /// What they want.
    pub kind: SessionKind,
    /// The generations of all players, of which one is to be noted with a token that lets one client in.
    pub generations: Generations,
}

/// What is to be done with the world's keys: [`read_keys`](crate::read_keys) and [`rotate_keys`](crate::rotate_keys) do it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeysEffect {
    /// Who asked for another key; `None` where they are only to be read.
    pub request: Option<RequestId>,
    /// The new key, where there is to be one.
    pub secret: Option<[u8; 32]>,
}

/// Who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The player that they are; `None` may watch.
    pub player: Option<PlayerId>,
    /// The kinds of session that they may have.
    pub kinds: Kinds,
    /// When the last ticket that comes of this ends, in seconds since 1970; `None` where there is no such moment.
    pub until_seconds: Option<u64>,
    /// Where a token lets one client in: what was noted with it, and what its player's generation is. `None` where it may be shown
    /// again and again.
    pub noted: Option<NotedGeneration>,
}

impl Identity {
    /// Of a token that may be shown again and again.
    #[must_use]
    pub const fn new(player: Option<PlayerId>, kinds: Kinds) -> Self {
        Self { player, kinds, until_seconds: None, noted: None }
    }
}

/// A content pack to be read, tried on a fork, and stored: in this order, so that a pack that does not pass leaves nothing
/// behind.
pub struct LoadPack<G: Game> {
    /// Who asked for it.
    pub request: RequestId,
    /// The bytes of the pack.
    pub pack: Bytes,
    /// Whether to go on although the world holds what the pack lacks.
    pub force: bool,
    pub(crate) fork: Simulation<G>,
}

impl<G: Game> LoadPack<G> {
    /// The world that would switch.
    #[must_use]
    pub const fn world(&self) -> &World<G> {
        self.fork.world()
    }

    /// The content in force.
    #[must_use]
    pub fn content(&self) -> Option<&G::Content> {
        self.fork.library().find(self.world().content()).map(|content| &**content)
    }

    /// Makes the next tick of a fork with the content in force.
    ///
    /// # Errors
    /// When the world cannot go on with it.
    pub fn try_switch(
        &self,
        id: ContentId,
        content: G::Content,
        stepper: &mut dyn Stepper<G>,
    ) -> Result<(), StepError> {
        let mut simulation = self.fork.clone();
        simulation.library_mut().add(id, content);
        let tick = simulation.world().tick().next();
        let player = PlayerId::OPERATOR;
        let sequence = Sequence(simulation.world().players().last_sequence(player).0.saturating_add(1));
        let act = Input { player, sequence, act: Act::Request(Request::Content(id)) };
        let frame = InputFrame::new(tick, Entropy::PREDICTED, vec![act]);
        let stepped: Result<Stepped<G>, StepError> = stepper.step(Step { simulation, frame, seals: false });
        stepped.map(drop)
    }
}

/// A world to be stored, whose record is durable.
pub struct StoreSnapshot<G: Game> {
    /// The world, hashed.
    pub world: World<G>,
    /// Where the record of its tick stands.
    pub position: LogPosition,
    /// The schema of its columns.
    pub schema: SchemaId,
    /// Which snapshots stay afterwards.
    pub retention: Retention,
}
