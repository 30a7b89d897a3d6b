//! [`Peer`]: a client's program: its clock, its connection, what it plays, and what its caller is told.
//!
//! Invariant: the client's clock is its own: it runs from another moment and at another pace than the simulation's, and only
//! this module knows both.

use tickworld_ledger::{Ledger, Order};
use tickworld_proto::{
    channel::Channel,
    client::{Client, ClientEvent, ClientSettings, RejoinCause, Side},
    instant::{Instant, Micros},
    message::{Durability, Fate, Goodbye, Message, Nonce, Reason, RootReport, SessionKind, Ticket},
};
use tickworld_sim::{
    content::{ContentId, Library},
    executor::Inline,
    frame::{InputFrame, PlayerId, Tick},
    region::RegionId,
    rollback::PredictNothing,
};

use super::{
    bug::Bug,
    plan::{ClientPlan, Plan},
    posts::region_at,
    watch::{self, Life, Watch},
};
use crate::{check::Violation, dice::Dice, network::ConnectionId};

pub(super) struct Peer {
    pub(super) client: Client<Ledger, PredictNothing>,
    pub(super) plan: ClientPlan,
    pub(super) player: PlayerId,
    /// Whether it is the second program of a player.
    pub(super) is_rival: bool,
    pub(super) connection: Option<ConnectionId>,
    /// The region that it went to last, and the one that it goes to next.
    pub(super) region: RegionId,
    pub(super) next_region: RegionId,
    /// The region that it wants to be in.
    wish: Option<RegionId>,
    /// Before that it does not ask again to go there.
    not_before: Instant,
    /// Which run of the program this is.
    pub(super) run: u64,
    pub(super) timer_at: Option<Instant>,
    /// The last tick that is confirmed here.
    pub(super) confirmed: Tick,
    /// Whether the input that ends the run was taken.
    pub(super) is_done: bool,
    /// The session is over: the connection is to be closed.
    pub(super) is_closing: bool,
    /// The program does not know the world's content: another one is needed.
    pub(super) is_outdated: bool,
    /// What the program began with.
    pub(super) content: ContentId,
    /// Coins of the last order: each is another number, so none is said twice.
    amount: u32,
    /// The number of its token: another one for each program that needs one.
    token: u64,
    /// How often it may be refused yet: where it was sent away, or began again with a ticket that its earlier life may have used.
    pub(super) pardons: u64,
    /// What the program before this one came in with, and what surely lets nobody in any more, since a later program's was used.
    replaced: Option<Ticket>,
    stale: Option<Ticket>,
    /// The number of a token that let a program in, and whether the present one shows its token.
    spent: Option<u64>,
    shows_token: bool,
    /// Whether the program shows what is not good any more.
    pub(super) is_impostor: bool,
    /// Whether it does not come back: a rival that was sent away leaves the player alone.
    pub(super) gives_up: bool,
    /// Whether [`Bug::SkipsAFrameAfterRejoin`] is about to skip one.
    skips: bool,
    connections: u64,
    pub(super) dice: Dice,
}

impl Peer {
    pub(super) fn new(now: Instant, seed: u64, index: u64, plan: ClientPlan) -> Self {
        let player = PlayerId(index + 1);
        let mut dice = Dice::new(seed, "client", index);
        let begun = Begun { player, token: 0, nonce: Nonce(dice.bytes()), ticket: None, content: ContentId::NONE };
        let client = program(local(&plan, now), &plan, begun);
        Self {
            client,
            plan,
            player,
            is_rival: false,
            connection: None,
            region: RegionId::FIRST,
            next_region: RegionId::FIRST,
            wish: None,
            not_before: Instant(0),
            run: 0,
            timer_at: None,
            confirmed: Tick(0),
            is_done: false,
            is_closing: false,
            is_outdated: false,
            content: ContentId::NONE,
            amount: 0,
            token: 0,
            pardons: 0,
            replaced: None,
            stale: None,
            spent: None,
            shows_token: true,
            is_impostor: false,
            gives_up: false,
            skips: false,
            connections: 0,
            dice,
        }
    }

    /// A second program of this player, which does nothing; its tokens are others.
    pub(super) fn rival(seed: u64, index: u64, plan: ClientPlan, player: PlayerId) -> Self {
        Self { player, is_rival: true, token: RIVAL_TOKENS, ..Self::new(Instant(0), seed, index, plan) }
    }

    /// What is not good any more: a ticket or a token.
    pub(super) fn spoils(&mut self) -> Option<Shown> {
        let is_ticket = self.stale.is_some() && self.dice.permille(500);
        let spent = self.spent.map(|number| Shown::Token(token_bytes(self.player, number)));
        if is_ticket { self.stale.map(Shown::Ticket) } else { spent }
    }

    /// Another program begins, of somebody who found what was used before.
    pub(super) fn begin_as_impostor(&mut self, now: Instant, shown: Shown) {
        let (ticket, token) = match shown {
            Shown::Ticket(ticket) => (Some(ticket), b"nothing".to_vec()),
            Shown::Token(token) => (None, token),
        };
        self.begin_again(now, ticket, self.content);
        self.client.set_token(token);
        self.is_impostor = true;
    }

    /// The program ends without a word, and none follows it.
    pub(super) fn end(&mut self) -> Option<ConnectionId> {
        self.run += 1;
        self.timer_at = None;
        self.connection.take()
    }

    /// Where the next program goes first.
    pub(super) fn choose_region(&mut self, plan: &Plan) {
        let regions: Vec<RegionId> = plan.regions().collect();
        if regions.len() > 1 {
            self.next_region = *self.dice.pick(&regions);
        }
    }

    /// Whoever plays wants to be in the next region from now on.
    pub(super) fn wish_to_cross(&mut self, regions: &[RegionId]) {
        if self.plays() && regions.len() > 1 {
            let at = regions.iter().position(|region| *region == self.region).unwrap_or(0);
            self.wish = Some(regions[(at + 1) % regions.len()]);
        }
    }

    /// Whether it has a session.
    pub(super) fn is_welcome(&self) -> bool {
        self.connection.is_some() && self.client.welcome().is_some()
    }

    /// Whether it is where it wants to be.
    pub(super) fn is_content(&self) -> bool {
        self.wish.is_none_or(|wish| self.is_welcome() && self.region == wish)
    }

    /// This moment by the client's clock.
    pub(super) fn local(&self, now: Instant) -> Instant {
        local(&self.plan, now)
    }

    /// The simulation's moment at which the client's clock shows this.
    pub(super) fn global(&self, local: Instant) -> Instant {
        let since = i128::from(local.0.saturating_sub(self.plan.clock_offset.0));
        let now = since * 1_000_000 / (1_000_000 + i128::from(self.plan.clock_ppm));
        Instant(u64::try_from(now).unwrap_or(u64::MAX).saturating_add(1))
    }

    /// The program ends, and another one begins.
    pub(super) fn begin_again(&mut self, now: Instant, ticket: Option<Ticket>, content: ContentId) {
        self.content = content;
        if self.client.welcome().is_none() {
            // It may have said hello with that ticket, and never heard what came of it: this program has another nonce.
            self.pardons += PARDONS;
        }
        self.token += u64::from(ticket.is_none());
        self.shows_token = ticket.is_none();
        self.replaced = self.client.ticket().or(self.replaced.take());
        let (player, token, nonce) = (self.player, self.token, Nonce(self.dice.bytes()));
        self.client = program(self.local(now), &self.plan, Begun { player, token, nonce, ticket, content });
        (self.is_outdated, self.is_impostor, self.gives_up) = (false, false, false);
        (self.run, self.connection, self.timer_at) = (self.run + 1, None, None);
        (self.confirmed, self.is_done, self.is_closing) = (Tick(0), false, false);
    }

    pub(super) fn handle_connected(&mut self, now: Instant, connection: ConnectionId) {
        self.connection = Some(connection);
        (self.is_closing, self.skips) = (false, self.connections > 0);
        self.connections += 1;
        self.client.handle_connected(self.local(now), 1_200);
    }

    pub(super) fn handle_lost(&mut self, now: Instant) {
        self.connection = None;
        self.client.handle_disconnected(self.local(now));
    }

    pub(super) fn handle_message(&mut self, now: Instant, channel: Channel, bytes: &[u8], bug: Option<Bug>) {
        let local = self.local(now);
        if bug == Some(Bug::SkipsAFrameAfterRejoin)
            && self.skips
            && let Some(emptied) = emptied(channel, bytes)
        {
            self.skips = false;
            return self.client.handle_message(local, channel, &emptied);
        }
        self.client.handle_message(local, channel, bytes);
    }

    /// Submits some orders, if the client takes them; gives whether it took any.
    pub(super) fn play(&mut self, now: Instant, plan: &Plan, watch: &mut Watch) -> bool {
        let mut is_taken = false;
        for _ in 0..self.dice.between(1, self.plan.burst) {
            let (not_before, not_after) = self.window(now);
            let order = self.order(now, plan);
            let Ok(sequence) = self.client.submit(self.local(now), order, not_before, not_after) else { break };
            is_taken = true;
            watch.count("inputs submitted");
            watch.once.submit(self.player, sequence, order);
            watch.kept.submit(self.player, sequence, order);
            let verdict = watch.answered.submit(self.player, sequence);
            watch.judge(verdict);
        }
        is_taken
    }

    /// Something to do, with one coin more than the last time.
    fn order(&mut self, now: Instant, plan: &Plan) -> Order {
        if let Some(RegionId(region)) = self.wish.filter(|_| !self.is_content() && now >= self.not_before) {
            self.not_before = now.after(JOURNEY_WAIT);
            return Order::Travel { region };
        }
        if self.wish.is_none() && self.dice.permille(plan.travel_permille) {
            // One region more than there are, and the one that it is in.
            return Order::Travel { region: 1 + below(&mut self.dice, plan.region_count + 1) };
        }
        self.amount += 1;
        let (kind, amount) = (self.dice.below(8), self.amount);
        // One account more than there are: some orders are of accounts that are not there.
        let mut account = || below(&mut self.dice, plan.accounts + 1);
        match kind {
            0 => Order::Take { account: account(), amount },
            1 => Order::Put { account: account(), amount },
            _ => Order::Transfer { from: account(), to: account(), amount },
        }
    }

    /// Mostly any tick; now and then some that may be over already, or far ahead.
    fn window(&mut self, now: Instant) -> (Tick, Tick) {
        let open = self.client.open_tick(self.local(now)).map_or(Tick(0), |open| open.tick).0;
        match self.dice.below(10) {
            0 => (Tick(0), Tick(open + self.dice.below(6))),
            1 => (Tick(open + self.dice.below(20)), Tick(u64::MAX)),
            2 => {
                let first = (open + self.dice.below(12)).saturating_sub(4);
                (Tick(first), Tick(first + self.dice.below(4)))
            }
            _ => (Tick(0), Tick(u64::MAX)),
        }
    }

    /// Steps what came, and tells the caller what happened.
    pub(super) fn drive(&mut self, now: Instant, life: Life, bug: Option<Bug>, watch: &mut Watch) -> Option<Message> {
        let local = self.local(now);
        let (mut is_stepped, mut report) = (false, None);
        loop {
            let driven = self.client.drive(local, &Inline, 16);
            is_stepped |= driven.confirmed + driven.predicted > 0;
            while let Some(event) = self.client.poll_event() {
                self.take_event(event, life, bug, watch);
            }
            if !driven.has_more {
                break;
            }
        }
        if is_stepped {
            for world in [self.client.confirmed(), self.client.predicted()].into_iter().flatten() {
                watch.coins(world.tick(), world.state(), || self.name());
            }
            if bug == Some(Bug::ComparesAPredictedRoot)
                && let Some(world) = self.client.predicted()
            {
                let (mut world, schema) = (world.clone(), tickworld_sim::world::schema::<Ledger>().id());
                let root = world.seal(schema, &Inline).root.short();
                report = Some(Message::Root(RootReport { tick: world.tick(), root }));
            }
        }
        report
    }

    /// A client that was let in comes back by its ticket, and needs another token only where it was sent away.
    fn refused(&mut self, goodbye: &Goodbye, watch: &mut Watch) {
        let pardon = self
            .pardons
            .checked_sub(1)
            .ok_or_else(|| Violation::KeptOut(format!("{}: {}", self.name(), goodbye.detail)));
        self.pardons = *pardon.as_ref().unwrap_or(&0);
        watch.judge(pardon.map(drop));
        watch.count("clients refused");
        self.token += 1;
        self.shows_token = true;
        self.client.set_token(token_bytes(self.player, self.token));
    }

    /// Whether it sends inputs.
    pub(super) fn plays(&self) -> bool {
        self.plan.kind != SessionKind::Witness && !self.is_rival
    }

    /// Whether it is told of ticks.
    pub(super) fn follows(&self) -> bool {
        self.plan.kind != SessionKind::Command
    }

    pub(super) fn name(&self) -> String {
        let rival = if self.is_rival { "the rival of " } else { "" };
        format!("{rival}client {} ({:?})", self.player.0, self.plan.kind)
    }

    fn take_event(&mut self, event: ClientEvent, life: Life, bug: Option<Bug>, watch: &mut Watch) {
        let server = watch::Server { region: self.region, life };
        if !matches!(event, ClientEvent::Confirmed { .. } | ClientEvent::Head(_) | ClientEvent::Outcome { .. }) {
            let name = self.name();
            watch.note(|| format!("{name}: {event:?}"));
        }
        match event {
            ClientEvent::Confirmed { tick, root, durability } => {
                self.confirmed = tick;
                watch.confirm(server, (tick, root), durability, || self.name());
            }
            ClientEvent::Head(head) => {
                self.confirmed = self.confirmed.max(head.tick);
                watch.confirm(server, (head.root_tick, head.root), head.durability, || self.name());
                watch.confirm_tick(server, head.tick);
            }
            ClientEvent::Outcome { sequence, fate, durability } => {
                if matches!(fate, Fate::Applied { .. }) && durability >= Durability::Disk {
                    // The tick is kept in which this program came in, so what the one before it had is void.
                    self.stale = self.replaced.take().or(self.stale);
                }
                let is_lost = bug == Some(Bug::LosesAnAnswer) && self.dice.permille(50);
                if !is_lost {
                    watch.answer(server, self.player, sequence, fate, durability);
                }
                if bug == Some(Bug::AnswersTwice) && self.dice.permille(50) {
                    watch.answer(server, self.player, sequence, fate, durability);
                }
            }
            ClientEvent::Desync(report) => {
                let what = format!("{} at tick {}: {}", self.name(), report.tick, report.finding);
                watch.judge(Err(Violation::FalseDesync(what)));
            }
            ClientEvent::Fault(fault) => {
                let what = format!("the host, by {}: {fault}", self.name());
                watch.judge(Err(Violation::Accused(what)));
            }
            ClientEvent::Joined { tick, .. } => {
                self.confirmed = tick;
                watch.count("joins");
            }
            ClientEvent::Rejoining(RejoinCause::Behind) => watch.count("rejoins of clients behind"),
            ClientEvent::Rejoining(_) if watch.has_lost(self.region) => watch.count("rejoins after a restore"),
            ClientEvent::Rejoining(cause @ (RejoinCause::Ahead | RejoinCause::Forked)) => {
                let what = format!("{} has ticks that the server has not: {cause:?}", self.name());
                watch.judge(Err(Violation::Recovery(what)));
            }
            ClientEvent::Closed { goodbye, by } if is_outdated(&goodbye) => {
                watch.count("clients without the world's content");
                self.is_closing = true;
                self.is_outdated = by == Side::Host;
            }
            ClientEvent::Moved(moved) => {
                watch.count("clients told where their player is");
                match region_at(&moved.way) {
                    Some(region) if region == moved.region => self.next_region = region,
                    _ => watch.judge(Err(Violation::Stuck(format!("{} is sent nowhere: {moved:?}", self.name())))),
                }
            }
            ClientEvent::Welcome(_) if self.is_impostor => watch.judge(Err(Violation::LetIn(self.name()))),
            ClientEvent::Welcome(_) => self.spent = self.spent.max(self.shows_token.then_some(self.token)),
            ClientEvent::Closed { by: Side::Host, goodbye }
                if self.is_impostor && goodbye.reason == Reason::Unauthorized =>
            {
                watch.count("impostors sent away");
                self.is_closing = true;
            }
            ClientEvent::Closed { by: Side::Host, goodbye }
                if self.is_rival && matches!(goodbye.reason, Reason::Replaced | Reason::Unauthorized) =>
            {
                (self.is_closing, self.gives_up) = (true, true);
            }
            ClientEvent::Closed { goodbye, by: Side::Host } if goodbye.reason == Reason::Unauthorized => {
                self.is_closing = true;
                self.refused(&goodbye, watch);
            }
            ClientEvent::Closed { goodbye, by } => {
                self.is_closing = true;
                let is_unjust = matches!(
                    goodbye.reason,
                    Reason::Violation | Reason::Incompatible | Reason::Protocol | Reason::Budget
                );
                if by == Side::Host && is_unjust {
                    let what = format!("{}: {:?}, {}", self.name(), goodbye.reason, goodbye.detail);
                    watch.judge(Err(Violation::Accused(what)));
                }
            }
            _ => {}
        }
    }
}

/// What somebody shows who is to be sent away.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// A ticket of a generation that is over.
    Ticket(Ticket),
    /// The token with which another program came in.
    Token(Vec<u8>),
}

/// What a client is shown that begins.
struct Begun {
    player: PlayerId,
    token: u64,
    nonce: Nonce,
    ticket: Option<Ticket>,
    content: ContentId,
}

/// After it was asked for, a journey is given so long before it is asked for again.
const JOURNEY_WAIT: Micros = Micros(400_000);

/// The number of a rival's first token.
const RIVAL_TOKENS: u64 = 1 << 32;

/// So often somebody is refused who needs a new token: with the ticket, and with the old token.
pub(super) const PARDONS: u64 = 2;

/// Whether the world has switched to content that the program did not know of.
fn is_outdated(goodbye: &Goodbye) -> bool {
    goodbye.reason == Reason::Incompatible && goodbye.detail.contains("get that pack first")
}

fn local(plan: &ClientPlan, now: Instant) -> Instant {
    let skew = i128::from(now.0) * i128::from(plan.clock_ppm) / 1_000_000;
    Instant(u64::try_from(i128::from(now.0) + i128::from(plan.clock_offset.0) + skew).unwrap_or(0))
}

fn token_bytes(player: PlayerId, number: u64) -> Vec<u8> {
    [player.0.to_le_bytes(), number.to_le_bytes()].concat()
}

fn program(now: Instant, plan: &ClientPlan, begun: Begun) -> Client<Ledger, PredictNothing> {
    let Begun { player, token, nonce, ticket, content } = begun;
    let mut settings = ClientSettings::new(plan.kind, content, token_bytes(player, token), nonce);
    settings.durability = plan.durability;
    settings.ticket = ticket;
    settings.rollback.prediction_ticks_max = plan.prediction_ticks_max;
    settings.rollback.evidence_ticks = plan.evidence_ticks;
    let mut library = Library::of(ContentId::NONE, ());
    super::opening::contents().for_each(|id| library.add(id, ()));
    Client::new(now, settings, PredictNothing, library)
}

fn below(dice: &mut Dice, count: u32) -> u32 {
    u32::try_from(dice.below(u64::from(count))).expect("below a small number")
}

/// The frame of this message without its inputs and its proof, if it has inputs.
fn emptied(channel: Channel, bytes: &[u8]) -> Option<bytes::Bytes> {
    let Ok(Message::Frame(mut message)) = Message::decode(channel, bytes) else { return None };
    let frame = InputFrame::<Order>::decode(&message.frame).ok()?;
    if !frame.inputs.iter().any(|input| input.sequence.0 > 0) {
        return None;
    }
    let mut empty = Vec::new();
    InputFrame::<Order>::empty(frame.tick, frame.entropy).encode(&mut empty);
    (message.frame, message.proof) = (empty.into(), None);
    Some(Message::Frame(message).encode())
}

/// So long a program waits before it connects again.
pub(super) fn backoff(dice: &mut Dice) -> Micros {
    dice.micros(Micros(20_000), Micros(800_000))
}
