//! [`Admission`]: what the acts of a frame do before any system runs.
//!
//! Invariant: the world judges each act as it comes. One that does not fit (any more) changes nothing, so whoever made the frame
//! need not know the world, and a frame that is made again for another world does no harm.

use crate::{
    frame::{Act, Enter, Input, PlayerId, Request},
    game::Game,
    parcel::{Arrival, Parcel, Refusal, arrive, judge},
    region::{Region, RegionId},
    schema::Schema,
    session::{Entry, Outcome, OutcomeCode, Players},
    state::State as _,
    step::{Accepted, Step},
};

/// The acts of a frame, while they are applied one after another.
pub(super) struct Admission<'a, 's, G: Game> {
    pub(super) schema: &'a Schema,
    pub(super) region: &'a mut Region,
    pub(super) players: &'a mut Players,
    pub(super) state: &'a mut G::State,
    pub(super) step: Step<'s, G>,
    /// Whose tick broke, of whom an input was just voided.
    pub(super) voided: Option<PlayerId>,
    pub(super) entries_refused: u64,
}

impl<G: Game> Admission<'_, '_, G> {
    /// Applies an act; gives the input that the game's systems are to see, if it is one.
    pub(super) fn apply(&mut self, input: &Input<G::Input>) -> Option<Accepted<G::Input>> {
        let Input { player, sequence, act } = input;
        let (player, sequence) = (*player, *sequence);
        match act {
            Act::Enter(enter) => self.enter(player, *enter),
            Act::Leave | Act::TimeOut => self.leave(player),
            Act::Incarnation { number, lamport } => {
                let lives = self.region.begin_incarnation(*number, *lamport);
                if lives > 0 {
                    self.players.begin_incarnation(self.region.state().first_generation(), lives);
                }
            }
            Act::Play(body) => {
                let entity = self.players.accept(player, sequence)?;
                return Some(Accepted { player, sequence, entity, body: *body });
            }
            Act::Void => {
                let counts = self.voided != Some(player);
                if self.players.void(player, sequence, counts) {
                    self.voided = Some(player);
                    self.answer(input, OutcomeCode::VOID, 0);
                }
            }
            Act::Return { hops, is_held, parcel } => {
                let result = self.take_back(player, *hops, *is_held, parcel);
                // The sender keeps it, and says so again.
                self.entries_refused = self.entries_refused.saturating_add(u64::from(result == Err(Refusal::Full)));
            }
            Act::Archive => {
                if self.players.find(player).is_some_and(|player| !player.connected) {
                    self.step.depart(player, RegionId::ARCHIVE);
                }
            }
            Act::Hold => self.players.hold(player),
            Act::Border { region, state } => self.region.set_border(*region, *state),
            Act::Accept { region, incarnation } => _ = self.region.accept(*region, *incarnation),
            Act::Delivered { region, incarnation, sequence, lamport } => {
                let arrived = self.region.delivered(*region, *incarnation, *sequence);
                if !arrived.is_empty() {
                    self.region.hear(*lamport);
                }
                arrived.into_iter().for_each(|(player, hops)| self.players.forget_departed(player, hops));
            }
            Act::Mail { region, incarnation, sequence, lamport, is_held, parcel } => {
                let is_next = self.region.is_next(*region, *incarnation, *sequence);
                if is_next && self.take_mail(*region, *is_held, parcel).is_ok() {
                    self.region.took(*region, *sequence);
                    self.region.hear(*lamport);
                }
            }
            Act::Request(request) => {
                self.players.accept(player, sequence)?;
                let (code, value) = self.grant(*request);
                self.answer(input, code, value);
            }
        }
        None
    }

    fn enter(&mut self, id: PlayerId, enter: Enter) {
        match self.players.enter(id, enter, self.region.state().first_generation()) {
            Entry::In(player) => {
                if player.entity.is_none_or(|entity| !self.state.entities().contains(entity)) {
                    let entity = G::join(self.state, &mut self.step, id);
                    self.players.modify(id, |player| player.entity = entity);
                }
            }
            Entry::Refused => {}
            Entry::Full => self.entries_refused = self.entries_refused.saturating_add(1),
        }
    }

    fn leave(&mut self, id: PlayerId) {
        if let Some(player) = self.players.leave(id, self.step.tick) {
            G::leave(self.state, &mut self.step, id, player.entity);
        }
    }

    /// Takes in what a neighbour sent, or keeps it for an operator.
    ///
    /// # Errors
    /// Why not; nothing has changed then.
    fn take_mail(&mut self, from: RegionId, is_held: bool, bytes: &[u8]) -> Result<(), Refusal> {
        let parcel = Parcel::decode(bytes)?;
        if parcel.region != from {
            return Err(Refusal::Sender);
        }
        self.take_in(&parcel, parcel.hops, is_held, bytes)
    }

    /// A player comes back from the archive, or is born; or that is kept for an operator.
    ///
    /// # Errors
    /// As [`take_mail`](Self::take_mail).
    fn take_back(&mut self, player: PlayerId, hops: u64, is_held: bool, bytes: &[u8]) -> Result<(), Refusal> {
        if !bytes.is_empty() {
            let parcel = Parcel::decode(bytes)?;
            // A return is another hop after the one that its parcel was made for.
            if parcel.player != player || parcel.hops >= hops {
                return Err(Refusal::Sender);
            }
            return self.take_in(&parcel, hops, is_held, bytes);
        }
        if self.players.find(player).is_some() || self.region.held_hops(player).is_some_and(|held| held >= hops) {
            return Err(Refusal::Known);
        }
        if is_held { self.hold(player, hops, bytes) } else { self.be_born(player, hops) }
    }

    fn be_born(&mut self, player: PlayerId, hops: u64) -> Result<(), Refusal> {
        let first = self.region.state().first_generation();
        if !self.players.be_born(player, hops, first, self.step.tick) {
            return Err(Refusal::Full);
        }
        self.region.drop_held(player);
        Ok(())
    }

    /// Takes in a parcel whose player has `hops` from now on, or keeps it for an operator. What is held of the player with fewer
    /// hops is void then.
    ///
    /// # Errors
    /// As [`take_mail`](Self::take_mail).
    fn take_in(&mut self, parcel: &Parcel, hops: u64, is_held: bool, bytes: &[u8]) -> Result<(), Refusal> {
        judge::<G>(self.schema, parcel)?;
        let is_newest = self.region.held_hops(parcel.player).is_none_or(|held| held < hops);
        if !is_newest || !self.players.may_arrive(parcel.player, hops) {
            return Err(Refusal::Known);
        }
        if is_held { self.hold(parcel.player, hops, bytes) } else { self.let_in(parcel, hops) }
    }

    /// Keeps a parcel, or a birth, for an operator.
    fn hold(&mut self, player: PlayerId, hops: u64, bytes: &[u8]) -> Result<(), Refusal> {
        if self.region.hold(player, hops, bytes) { Ok(()) } else { Err(Refusal::Full) }
    }

    /// Lets in who was judged.
    fn let_in(&mut self, parcel: &Parcel, hops: u64) -> Result<(), Refusal> {
        let arrival = Arrival { parcel, hops, own: *self.region.state() };
        arrive::<G>(self.state, self.players, self.schema, &mut self.step, &arrival)?;
        self.region.drop_held(parcel.player);
        Ok(())
    }

    /// Takes in what is held of a player.
    ///
    /// # Errors
    /// As [`take_mail`](Self::take_mail).
    fn take_held(&mut self, player: PlayerId, hops: u64, bytes: &[u8]) -> Result<(), Refusal> {
        if bytes.is_empty() {
            return if self.players.find(player).is_none() { self.be_born(player, hops) } else { Err(Refusal::Known) };
        }
        let parcel = Parcel::decode(bytes)?;
        judge::<G>(self.schema, &parcel)?;
        if !self.players.may_arrive(player, hops) {
            return Err(Refusal::Known);
        }
        self.let_in(&parcel, hops)
    }

    /// Does what is asked of the engine; gives the outcome.
    fn grant(&mut self, request: Request) -> (OutcomeCode, i64) {
        let of_player = |result: Result<(), RegionId>| match result {
            Ok(()) => (OutcomeCode::APPLIED, 0),
            Err(region) => (OutcomeCode::NOT_HERE, i64::from(region.0)),
        };
        let of_neighbour = |is_done| if is_done { (OutcomeCode::APPLIED, 0) } else { (OutcomeCode::REFUSED, 0) };
        match request {
            Request::Kick(player) => {
                let voided = self.players.void_tickets(player, None);
                self.leave(player);
                of_player(voided)
            }
            Request::Bar { player, is_barred } => {
                let voided = self.players.void_tickets(player, Some(is_barred));
                if is_barred {
                    self.leave(player);
                }
                of_player(voided)
            }
            // In force already: the tick's content was chosen before anything else.
            Request::Content(_) => (OutcomeCode::APPLIED, 0),
            Request::Clear(player) => of_player(self.players.clear_voids(player)),
            Request::Held { player, is_taken } => {
                let Some((hops, parcel)) = self.region.held_of(player) else { return (OutcomeCode::NOT_HERE, 0) };
                if is_taken && self.take_held(player, hops, &parcel).is_err() {
                    return (OutcomeCode::REFUSED, 0);
                }
                self.region.drop_held(player);
                (OutcomeCode::APPLIED, 0)
            }
            Request::Border { region, is_open } => of_neighbour(self.region.set_border_by_operator(region, is_open)),
            Request::Accept { region, incarnation } => of_neighbour(self.region.accept(region, incarnation)),
            Request::Mark(lamport) => {
                self.region.hear(lamport);
                (OutcomeCode::APPLIED, 0)
            }
        }
    }

    fn answer(&mut self, input: &Input<G::Input>, code: OutcomeCode, value: i64) {
        let (player, sequence) = (input.player, input.sequence);
        let (region, tick) = (self.region.state().id, self.step.tick.0);
        self.players.record(player, Outcome { sequence, region, tick, code, value });
    }
}
