//! [`Message`]: what the two sides say, as owned values.
//!
//! Invariant: a message that was decoded is within every limit; inputs, frames, pages and descents travel inside as the
//! engine's canonical bytes, which are checked where they are used. The envelope is FlatBuffers (`schema/wire.fbs`).

use alloc::{string::String, vec::Vec};

use bytes::Bytes;
pub use tickworld_sim::durability::Durability;
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Sequence, Tick},
    hash::{Hash, ShortHash},
    region::RegionId,
    schema::SchemaId,
    session::{Outcome, OutcomeCode},
};

use crate::instant::{Instant, Micros};
pub use crate::{
    identity::{Nonce, SessionKind, WorldId},
    ticket::Ticket,
};

/// Anything that one side says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    // From the client.
    /// First of all: who, and what for.
    Hello(Hello),
    /// A lockstep client asks for the newest snapshot's manifest.
    Join,
    /// It asks for pages of that snapshot.
    PageRequest(PageRequest),
    /// It has a world: from now on it wants every frame after it, if that is the host's.
    Follow(Follow),
    /// Frames that did not come: at most [`FRAMES_PER_REQUEST_MAX`](crate::limits::FRAMES_PER_REQUEST_MAX).
    FrameRequest(FrameRequest),
    /// Inputs without an answer yet, oldest first.
    Inputs(Inputs),
    /// The root that a lockstep client's confirmed world has.
    Root(RootReport),
    /// What time is it?
    Ping(Instant),
    /// A question of a descent, in `sim`'s bytes.
    DescentRequest(Bytes),
    /// What a client found out about a desync, for the operator's log.
    DesyncReport(DesyncReport),

    // From the host.
    /// The session is open.
    Welcome(Welcome),
    /// A snapshot's manifest, to an answer of `Join`.
    Manifest(ManifestOffer),
    /// Pages, to an answer of `PageRequest`.
    Pages(Vec<Page>),
    /// A confirmed tick's inputs.
    Frame(Frame),
    /// A confirmed tick without its inputs, for witnesses.
    Head(Head),
    /// What became of inputs.
    Outcomes(Outcomes),
    /// The answer to `Ping`.
    Pong(Pong),
    /// The answer to `DescentRequest`, in `sim`'s bytes.
    DescentResponse(Bytes),
    /// Something that everybody should know: acknowledgements have stopped, or go on.
    Notice(Notice),
    /// A younger ticket than the one that the client has.
    Ticket(Ticket),
    /// The client's player is elsewhere.
    Moved(Moved),
    /// The answer to `Follow` of a world that is not the host's: the client is to take the world over anew.
    Rejoin(RejoinCause),

    // From either.
    /// The session ends.
    Goodbye(Goodbye),
}

/// A client's first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`](crate::limits::PROTOCOL_VERSION) of the client.
    pub protocol: u16,
    /// The client's program and version, for the log.
    pub build: String,
    /// Name of the game.
    pub game: String,
    /// Of the client's build. Only lockstep clients need the host's.
    pub schema: SchemaId,
    /// Of the client's rules. Only lockstep clients need the host's.
    pub revision: u32,
    /// The content that the client has. Only lockstep clients need the host's.
    pub content: ContentId,
    /// What the session is for.
    pub kind: SessionKind,
    /// What an acknowledgement must promise. A host that cannot refuses.
    pub durability: Durability,
    /// Proof of who it is; looked at where there is no ticket, or none that is good.
    pub token: Vec<u8>,
    /// The world that it wants; `None` for whichever is there.
    pub world: Option<WorldId>,
    /// The region that it wants; 0 for any.
    pub region: RegionId,
    /// How often its player has changed places, as far as it was told.
    pub hops: u64,
    /// The client program's own number.
    pub nonce: Nonce,
    /// From an earlier session, with which it needs no token.
    pub ticket: Option<Ticket>,
}

/// The host's answer to a `Hello` that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Who the client is; `None` for a spectator.
    pub player: Option<PlayerId>,
    /// The number of the player's next input. Inputs in flight from an earlier session are below it or answered again.
    pub next_sequence: Sequence,
    /// Ticks a second, when nothing slows the world.
    pub tick_rate: u16,
    /// The newest released tick.
    pub tick: Tick,
    /// The world's schema, rules and content.
    pub schema: SchemaId,
    /// The revision of the rules that the world is made by.
    pub revision: u32,
    /// The content in force in the newest released tick.
    pub content: ContentId,
    /// Ticks that the host adds before an input's first frame.
    pub input_delay_ticks: u32,
    /// What acknowledgements promise.
    pub durability: Durability,
    /// The region that the session is in.
    pub region: RegionId,
    /// Which life of it: another one than before has taken back ticks that may have been told.
    pub incarnation: u32,
    /// The ticket by which the client comes back without a token.
    pub ticket: Ticket,
    /// Inputs without an answer that the host takes.
    pub inputs_in_flight_max: u32,
    /// Ticks for which the host can answer descents and send frames again.
    pub history_ticks: u32,
}

/// One input on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputMessage {
    /// The number of the input.
    pub sequence: Sequence,
    /// The first tick that may apply it; 0 for any.
    pub not_before: Tick,
    /// The last tick that may apply it; `u64::MAX` for any.
    pub not_after: Tick,
    /// The game's input in canonical bytes, zeros at the end left out.
    pub body: Bytes,
}

/// Inputs of the session's player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Every input below has its answer: the host need not wait for one that never comes.
    pub base: Sequence,
    /// Ascending by sequence, each at `base` or above.
    pub inputs: Vec<InputMessage>,
}

/// The root of a confirmed tick, as a client has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootReport {
    /// The tick that the root is of.
    pub tick: Tick,
    /// Its root, cut.
    pub root: ShortHash,
}

/// Asks for every frame from a tick on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The first one.
    pub first: Tick,
    /// The root of the tick before it, as the client has it.
    pub root: ShortHash,
}

/// Why a client is to take the world over anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejoinCause {
    /// Its tick is before what the host keeps.
    Behind,
    /// Its tick is after what the host has released: the world went back.
    Ahead,
    /// The host's world of that tick is another one.
    Forked,
}

/// Where a client's player is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The region that the player is in.
    pub region: RegionId,
    /// How often the player had changed places then.
    pub hops: u64,
    /// How the region is reached.
    pub way: Way,
}

/// How clients reach a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Host name or address, and port; at most [`TEXT_BYTES_MAX`](crate::limits::TEXT_BYTES_MAX). Empty where it is reached as the one
    /// that says so.
    pub address: String,
    /// In which ways it can be reached, best first; at most [`MOVED_WAYS_MAX`](crate::limits::MOVED_WAYS_MAX).
    pub transports: Vec<String>,
    /// Of the certificates that it may show; at most [`MOVED_WAYS_MAX`](crate::limits::MOVED_WAYS_MAX).
    pub certificate_hashes: Vec<Hash>,
}

/// Asks for pages by their place in the manifest of `tick`: the n-th page over all columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The tick of the snapshot.
    pub tick: Tick,
    /// Places of the pages in the manifest, ascending.
    pub pages: Vec<u32>,
}

/// Asks for frames again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRequest {
    /// The first one missing.
    pub first: Tick,
    /// How many frames are asked for.
    pub count: u16,
}

/// A manifest, compressed (LZ4 block).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestOffer {
    /// The snapshot's tick.
    pub tick: Tick,
    /// Length before compression in bytes.
    pub raw_bytes: u32,
    /// The compressed manifest.
    pub bytes: Bytes,
}

/// A page, compressed (LZ4 block) where that is shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its place in the manifest.
    pub index: u32,
    /// Length before compression in bytes; equal to the body's length where it is not compressed.
    pub raw_bytes: u32,
    /// The page's bytes, compressed or not.
    pub bytes: Bytes,
}

/// A confirmed tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How surely it is kept.
    pub durability: Durability,
    /// How much slower than its rate the world runs, in percent: 100 is none. Never reaches the simulation.
    pub pace_percent: u16,
    /// The newest root that is known, of this tick or of one shortly before.
    pub proof: Option<RootReport>,
    /// The input frame in canonical bytes; its tick is in there.
    pub frame: Bytes,
}

/// A confirmed tick as a witness sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The tick that is confirmed.
    pub tick: Tick,
    /// The tick whose root follows: this one or one shortly before.
    pub root_tick: Tick,
    /// The whole root.
    pub root: Hash,
    /// Number of inputs.
    pub inputs: u32,
    /// How surely it is kept.
    pub durability: Durability,
    /// How much slower than its rate the world runs, as in [`Frame`].
    pub pace_percent: u16,
}

/// What became of inputs of the session's player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// How surely the ticks are kept that are named here.
    pub durability: Durability,
    /// Ascending by sequence.
    pub outcomes: Vec<InputOutcome>,
}

/// What became of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputOutcome {
    /// The number of the input.
    pub sequence: Sequence,
    /// Whether it was applied.
    pub fate: Fate,
}

/// Applied, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The game had it.
    Applied {
        /// The tick that applied it.
        tick: Tick,
        /// What the game says of it.
        code: OutcomeCode,
        /// A number whose meaning the code decides.
        value: i64,
    },
    /// It was not applied and never will be.
    Refused(Refusal),
}

impl Fate {
    /// What an outcome in the world says of its input.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        if outcome.code == OutcomeCode::VOID {
            return Self::Refused(Refusal::Void);
        }
        Self::Applied { tick: Tick(outcome.tick), code: outcome.code, value: outcome.value }
    }
}

/// Why an input was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The last tick that it allowed went by.
    Expired,
    /// Too many of the player's inputs wait for their tick.
    QueueFull,
    /// It waits for a tick too far ahead.
    TooFarAhead,
    /// Its bytes are no input of this game.
    Malformed,
    /// The player left before its tick.
    Left,
    /// It was refused or answered so long ago that nobody remembers how; it will not be applied any more.
    Forgotten,
    /// It stood in a tick that broke, and was passed over with it.
    Void,
}

/// The host's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// What the `Ping` said.
    pub sent: Instant,
    /// The host's time then.
    pub host: Instant,
    /// The tick that was open then.
    pub open_tick: Tick,
    /// How long until it closes.
    pub closes_in: Micros,
}

/// What everybody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nothing is acknowledged until further notice: ticks cannot be stored.
    StorageFailed {
        /// Why they cannot be stored.
        reason: String,
    },
    /// Ticks are stored again.
    StorageRecovered,
}

/// What a client found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesyncReport {
    /// The first confirmed tick whose root differs.
    pub tick: Tick,
    /// The first field that differs, or why none could be named, as a sentence.
    pub finding: String,
}

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    /// The reason as programs tell it from others.
    pub reason: Reason,
    /// For people: where, what, and what to do.
    pub detail: String,
}

/// The kinds of endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The client is done; the player leaves the world.
    Leave,
    /// The host shuts down; come back.
    Shutdown,
    /// Another session of the same player took its place.
    Replaced,
    /// Another protocol version.
    Protocol,
    /// Another game, schema, rules or content than lockstep needs.
    Incompatible,
    /// Token or ticket is missing, forged, out of date, used, void, or for something else.
    Unauthorized,
    /// No room: sessions, players, joins under way.
    Full,
    /// The budget of the address or the identity is used up.
    Budget,
    /// A message that is malformed, or not allowed at this point.
    Violation,
    /// The peer reads too slowly.
    TooSlow,
    /// Nothing was heard of the peer.
    TimedOut,
    /// The host cannot promise the durability asked for.
    Durability,
    /// The operator ended it.
    Operator,
    /// The player is held until an operator has looked: ticks with inputs of theirs broke twice in a row.
    Held,
    /// The player is in another region, which a `Moved` before it named.
    Moved,
    /// What the host needs to know is stored, and cannot be read or written at present; come back.
    Storage,
    /// The world or region asked for is not here, or the player is not here yet.
    Elsewhere,
}
