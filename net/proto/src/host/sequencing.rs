//! Frames: which inputs and acts the next tick sees.
//!
//! Invariant: a player's inputs stand in a frame only while the player is in the world, and never beside their leave or
//! time-out, so the engine drops none of them. Who finds a full frame comes first in the next one. Where a frame asks the engine to
//! keep somebody out who has not entered yet, their entry stands in it too: else the world would not know whom it is about, and
//! what was given out to them would stay good.

use alloc::{collections::BTreeSet, vec::Vec};

use bytes::Bytes;
use tickworld_sim::{
    frame::{Act, Enter, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    game::Game,
    limits::{FRAME_INPUTS_MAX, OUTCOMES_PER_PLAYER},
    rng::Entropy,
    session::{self, Players},
};

use super::{
    Host,
    history::Kept,
    players::{Departure, Player, entry_in_world, is_in_archive},
    session::Session,
};
use crate::{
    instant::Instant,
    message::{Fate, InputOutcome, Refusal},
};

impl<G: Game> Host<G> {
    /// Closes the open frame: it is what the next tick is made of. `entropy` is fresh and secret. `own` are the acts of the region
    /// itself, in the order of kinds: what other regions and the archive have said.
    ///
    /// # Panics
    /// If [`may_close`](Self::may_close) says no.
    pub fn close_frame(&mut self, now: Instant, entropy: Entropy, own: Vec<Act<G::Input>>) -> InputFrame<G::Input> {
        assert!(self.may_close(), "a frame is closed only while storage and steps keep up");
        let tick = self.history.open();
        let most = self.settings.frame_inputs_max.min(FRAME_INPUTS_MAX);
        let turn = self.turn(tick);
        let mut filling = Filling {
            tick,
            turn,
            room: most,
            has_archive: self.has_archive(),
            first_generation: self.history.stepped_world().region().state().first_generation(),
            inputs: Vec::new(),
            entering: Vec::new(),
            refused: Vec::new(),
        };
        let mail_bytes = own.iter().filter_map(Act::parcel).map(|parcel| parcel.len()).fold(0, usize::saturating_add);
        for act in own {
            filling.push(PlayerId::REGION, Sequence(0), act);
        }
        for (id, act) in self.returns(filling.room, mail_bytes) {
            filling.push(id, Sequence(0), act);
        }
        for id in self.leavers(tick) {
            filling.push(id, Sequence(0), Act::Archive);
        }
        let known = self.history.stepped_world().players();
        let mut asked_about = BTreeSet::new();
        for (id, entry) in self.requests.take_entries() {
            // Who is back already says so in the same frame; and who rests elsewhere would be born a second time.
            if !self.is_away(id) && self.roster.find(id).is_none_or(|player| !player.wants_in) {
                filling.push(id, Sequence(0), Act::Enter(entry));
            }
        }
        for (by, sequence, request) in self.requests.take(tick) {
            if let Request::Kick(player) | Request::Bar { player, .. } = request {
                asked_about.insert(player);
            }
            filling.push(by, sequence, Act::Request(request));
        }
        for id in &asked_about {
            if self.roster.find_mut(*id).is_none_or(|player| !filling.add(*id, player, known)) {
                self.roster.ready.remove(id);
            }
        }
        let mut order: Vec<PlayerId> = Vec::with_capacity(self.roster.ready.len());
        let first = self.roster.first.take().unwrap_or(PlayerId::REGION);
        order.extend(self.roster.ready.range(first..));
        order.extend(self.roster.ready.range(..first));
        order.retain(|id| !asked_about.contains(id));
        for id in order {
            if filling.room == 0 {
                self.roster.first = Some(id);
                break;
            }
            let is_done = self.roster.find_mut(id).is_none_or(|player| !filling.add(id, player, known));
            if is_done {
                self.roster.ready.remove(&id);
            }
        }
        let Filling { inputs, entering, refused, .. } = filling;
        entering.into_iter().for_each(|player| self.requests.enters(tick, player));
        for (id, refused) in refused {
            self.refuse_expired(id, &refused);
        }
        self.keep(now, InputFrame::new(tick, entropy, inputs))
    }

    /// Whose inputs a frame may hold. After a tick that broke, those whose inputs stood in it come one a frame, every second frame,
    /// until a tick of each has passed: so the next one that breaks names one player.
    fn turn(&mut self, tick: Tick) -> Turn {
        let known = self.history.stepped_world().players();
        let is_due = |id: &PlayerId| self.roster.find(*id).is_some_and(|player| player.inbox.is_due(tick));
        let is_suspect = |id: &PlayerId| known.find(*id).is_some_and(is_suspect) && is_due(id);
        let after = PlayerId(self.roster.last_suspect.0.saturating_add(1));
        let ready = &self.roster.ready;
        let Some(next) = ready.range(after..).chain(ready.range(..after)).copied().find(|id| is_suspect(id)) else {
            return Turn::Everybody;
        };
        if !tick.0.is_multiple_of(2) {
            return Turn::Unsuspected;
        }
        self.roster.last_suspect = next;
        Turn::Alone(next)
    }

    fn keep(&mut self, now: Instant, frame: InputFrame<G::Input>) -> InputFrame<G::Input> {
        let plays: Vec<_> = frame.inputs.iter().filter(|input| input.sequence.0 > 0).collect();
        let plays: Vec<_> = plays.into_iter().map(|input| (input.player, input.sequence)).collect();
        self.counters.inputs_framed = self.counters.inputs_framed.saturating_add(plays.len() as u64);
        let mut bytes = Vec::with_capacity(frame.inputs.len().saturating_mul(32).saturating_add(64));
        frame.encode(&mut bytes);
        let mut kept = Kept::closed(frame.tick, Bytes::from(bytes), plays);
        kept.input_count = u32::try_from(frame.inputs.len()).unwrap_or(u32::MAX);
        kept.pace_percent = self.pace_percent;
        self.history.close(kept);
        self.closed_at = now;
        frame
    }

    fn refuse_expired(&mut self, id: PlayerId, refused: &[Sequence]) {
        self.counters.inputs_refused = self.counters.inputs_refused.saturating_add(refused.len() as u64);
        let fate = Fate::Refused(Refusal::Expired);
        let answers: Vec<_> = refused.iter().map(|sequence| InputOutcome { sequence: *sequence, fate }).collect();
        let Some(session) = self.roster.find(id).and_then(|player| player.session) else { return };
        if let Some(level) = self.sessions.get(&session).and_then(Session::open).map(|open| open.level) {
            self.answer_inputs(session, level, &answers);
        }
    }
}

/// What the next frame says of a player's entry: nothing where the world has it already. Who enters without a session of their own
/// raises nothing, so what was given out to them stays good.
fn due_entry<I>(player: &mut Player<I>, known: Option<&session::Player>, first: u32) -> Option<Enter> {
    let is_due = core::mem::take(&mut player.is_entry_due);
    if player.is_in_world && !is_due {
        return None;
    }
    let as_known = entry_in_world(known, first);
    let entry = player.entry.filter(|entry| is_due || entry.generation > as_known.generation).unwrap_or(as_known);
    let has_it = player.is_in_world && known.is_some_and(|known| known.connected) && entry == as_known;
    (!has_it).then_some(entry)
}

/// Whether the last tick with inputs of a player's broke, as far as the world knows.
fn is_suspect(player: &session::Player) -> bool {
    player.voids > 0 && !player.is_held()
}

/// Whose inputs a frame may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It may hold everybody's: nobody is suspected.
    Everybody,
    /// Those of everybody whose last tick passed.
    Unsuspected,
    /// It may hold those of one player.
    Alone(PlayerId),
}

/// A frame that is being filled.
struct Filling<I> {
    tick: Tick,
    turn: Turn,
    room: u32,
    /// Whether who is not in the world may be in the archive: nobody enters before they are home.
    has_archive: bool,
    /// The generation of who is new.
    first_generation: u32,
    inputs: Vec<Input<I>>,
    /// Whom it lets in.
    entering: Vec<PlayerId>,
    refused: Vec<(PlayerId, Vec<Sequence>)>,
}

impl<I> Filling<I> {
    fn push(&mut self, player: PlayerId, sequence: Sequence, act: Act<I>) {
        self.inputs.push(Input { player, sequence, act });
        self.room = self.room.saturating_sub(1);
    }

    /// Adds what there is of a player, of whom the world knows what is in `known`; gives whether there may be more for the frame
    /// after.
    fn add(&mut self, id: PlayerId, player: &mut Player<I>, known: &Players) -> bool {
        if let Some(departure) = player.departure.take() {
            let act = match departure {
                Departure::Leave => Act::Leave,
                Departure::TimeOut => Act::TimeOut,
            };
            self.push(id, Sequence(0), act);
            player.is_in_world = false;
            // Whoever is back already enters in the frame after, and plays from then on.
            return player.wants_in;
        }
        let mut most = OUTCOMES_PER_PLAYER;
        let known = known.find(id);
        let is_gone = known.is_some_and(|known| known.departed_to.is_some());
        if !player.is_in_world && !player.wants_in || is_gone || self.has_archive && is_in_archive(known) {
            return false;
        }
        if let Some(enter) = due_entry(player, known, self.first_generation) {
            self.push(id, Sequence(0), Act::Enter(enter));
            self.entering.push(id);
            player.is_in_world = true;
            most = most.saturating_sub(1);
        }
        if known.is_some_and(session::Player::is_held) {
            // What waits stays, until an operator has cleared them and they say it again.
            return false;
        }
        let is_their_turn = match self.turn {
            Turn::Everybody => true,
            Turn::Unsuspected => !known.is_some_and(is_suspect),
            Turn::Alone(one) => one == id,
        };
        if !is_their_turn {
            return player.inbox.has_waiting();
        }
        let Self { tick, room, inputs, .. } = self;
        let before = inputs.len();
        let take = |sequence, body| inputs.push(Input { player: id, sequence, act: Act::Play(body) });
        let expired = player.inbox.take_due(*tick, most.min(*room), take);
        let taken = u32::try_from(inputs.len().saturating_sub(before)).unwrap_or(u32::MAX);
        *room = room.saturating_sub(taken);
        if !expired.is_empty() {
            self.refused.push((id, expired));
        }
        player.inbox.has_waiting()
    }
}
