//! [`Posting`]: what passes between this region and the others of its world.
//!
//! Invariant: a player is posted only when the tick that they left in is kept, and what came from another region is acknowledged only
//! when the tick that took it is kept and the archive says so. So each side repeats from what is kept, and no sentence needs both of
//! them alive. What a frame says of another region follows from the newest stepped world and from what was heard since; the step
//! judges it once more. Nobody waits for a region that is silent: its border closes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tickworld_persist::{Raise, Voucher, limits::RAISES_MAX};
use tickworld_proto::{
    instant::{Instant, Micros},
    limits::RETURN_BYTES_PER_FRAME,
    message::Way,
};
use tickworld_sim::{
    frame::{Act, PlayerId},
    game::Game,
    parcel::Parcel,
    region::{Border, Neighbour, RegionId},
};

use super::Region;
use crate::{
    archive::Moves,
    effect::Effect,
    limits::{
        BORDER_CHANGE_WAIT, BORDER_OPEN_AFTER, BORDER_SILENCE_MAX, MAIL_AHEAD_MAX, MAIL_RETRY_WAIT, MAILS_PER_FRAME,
        POST_REPEAT_WAIT, POSTS_MAX,
    },
    post::{Mail, MailRefusal, Post, PostBody, Standing},
};

/// See the module.
#[derive(Default)]
pub(super) struct Posting {
    others: BTreeMap<RegionId, Other>,
    /// What is to be sent.
    posts: VecDeque<Post>,
    posts_dropped: u64,
}

/// What is known of another region, besides what the world knows.
struct Other {
    /// When it was told of; silence counts from then on.
    since: Instant,
    heard: Option<Heard>,
    /// Mail of its that is not acknowledged, by number.
    received: BTreeMap<u64, Received>,
    /// Everybody of its up to this number is here for sure.
    has: u64,
    is_moving: bool,
    move_not_before: Option<Instant>,
    /// The mail that the last frame said.
    said: Option<u64>,
    /// After a mail that the world did not take, none is said before this.
    say_not_before: Option<Instant>,
    refusal: Option<MailRefusal>,
    /// Everything up to this number was posted.
    posted: u64,
    /// What is there for sure, as the world knew it when this was last looked at.
    delivered: u64,
    /// When all that is not there for sure is posted again.
    repeat_at: Option<Instant>,
    /// When it is told next where this region stands.
    standing_at: Instant,
    /// When a frame last changed the border, and whether it closed it.
    border_changed: Option<(Instant, Border)>,
}

#[derive(Clone, Copy)]
struct Heard {
    standing: Standing,
    /// When it was last heard, and since when without a pause.
    last: Instant,
    since: Instant,
}

struct Received {
    mail: Mail,
    player: PlayerId,
    hops: u64,
}

impl Other {
    const fn new(now: Instant) -> Self {
        Self {
            since: now,
            heard: None,
            received: BTreeMap::new(),
            has: 0,
            is_moving: false,
            move_not_before: None,
            said: None,
            say_not_before: None,
            refusal: None,
            posted: 0,
            delivered: 0,
            repeat_at: None,
            standing_at: now,
            border_changed: None,
        }
    }

    /// When something is due.
    fn poll_timeout(&self) -> Instant {
        let others = [self.repeat_at, self.move_not_before].into_iter().flatten();
        others.fold(self.standing_at, Instant::min)
    }

    fn hear(&mut self, now: Instant, standing: Standing) {
        let is_old = |heard: &Heard| {
            (standing.incarnation, standing.lamport) < (heard.standing.incarnation, heard.standing.lamport)
        };
        if self.heard.as_ref().is_some_and(is_old) {
            return;
        }
        if self.heard.is_some_and(|heard| heard.standing.incarnation < standing.incarnation) {
            // Under those numbers it may have sent something else since.
            self.received.clear();
        }
        let goes_on = self.heard.filter(|heard| now.since(heard.last) <= BORDER_SILENCE_MAX);
        self.heard = Some(Heard { standing, last: now, since: goes_on.map_or(now, |heard| heard.since) });
        self.has = self.has.max(standing.delivered);
        let has = self.has;
        self.received.retain(|sequence, _| *sequence > has);
    }

    /// What the border of a neighbour should be, where that is another state than it has.
    fn border(&self, now: Instant, known: &Neighbour, is_of_these_terms: bool) -> Option<Border> {
        // These are for an operator, or for a meeting, to open.
        if matches!(known.border, Border::Operator | Border::Incarnation) {
            return None;
        }
        let changed = self.border_changed;
        if changed.is_some_and(|(at, _)| now.since(at) < BORDER_CHANGE_WAIT) {
            return None;
        }
        let silent = now.since(self.heard.map_or(self.since, |heard| heard.last));
        let refusal = self.heard.and_then(|heard| heard.standing.refusal);
        let wanted = match (self.heard, refusal) {
            (Some(_), Some(MailRefusal::Terms)) => Border::Terms,
            (Some(_), _) if !is_of_these_terms => Border::Terms,
            (Some(_), Some(MailRefusal::Full)) => Border::Full,
            _ if silent > BORDER_SILENCE_MAX => {
                // Silence matters to those who wait.
                if known.last_out == known.delivered { known.border } else { Border::Silent }
            }
            (Some(heard), None) => {
                let was_closed = changed.is_some_and(|(_, border)| border != Border::Open);
                let is_sure = !was_closed || now.since(heard.since) >= BORDER_OPEN_AFTER;
                if is_sure { Border::Open } else { known.border }
            }
            (None, _) => known.border,
        };
        (wanted != known.border).then_some(wanted)
    }
}

/// Whether a neighbour that has begun another incarnation can be met in it: nothing crossed in the ticks that it took back. Of more
/// than one incarnation in between nothing is known, so then nothing may have crossed at all.
const fn is_reconciled(known: &Neighbour, standing: &Standing) -> bool {
    let has_followed = known.incarnation.saturating_add(1) == standing.incarnation;
    let was_kept =
        known.last_in <= standing.last_out_at_claim && known.delivered <= standing.last_in_at_claim && has_followed;
    was_kept || known.last_in == 0 && known.delivered == 0
}

impl Posting {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.others.values().map(Other::poll_timeout).min()
    }

    fn send(&mut self, post: Post) {
        if self.posts.len() < POSTS_MAX {
            self.posts.push_back(post);
        } else {
            // It is said again.
            self.posts_dropped = self.posts_dropped.saturating_add(1);
        }
    }

    /// The archive says of those who came from a region that they are here.
    pub(super) fn handle_moved(
        &mut self,
        now: Instant,
        of: RegionId,
        sequence: Option<u64>,
        not_before: Option<Instant>,
    ) {
        let other = self.others.get_mut(&of).filter(|other| other.is_moving).expect("a move is answered once");
        (other.is_moving, other.move_not_before) = (false, not_before);
        if let Some(sequence) = sequence {
            other.has = other.has.max(sequence);
            other.received.retain(|of, _| *of > sequence);
            other.standing_at = now;
        }
    }
}

impl<G: Game> Region<G> {
    /// There is another region of this world, and no border between it and this one: clients whose player is there are told the way.
    pub fn tell_way(&mut self, region: RegionId, way: Way) {
        self.host.tell_neighbour(region, way);
    }

    /// There is another region of this world; clients reach it so. Players may cross once it was heard of. The world must have an
    /// archive ([`HostSettings::archive_after_ticks`](tickworld_proto::host::HostSettings)) that both regions ask, and one set of
    /// keys.
    ///
    /// # Panics
    /// If it is this region itself, or the archive.
    pub fn tell_neighbour(&mut self, now: Instant, region: RegionId, way: Way) {
        assert!(Some(region) != self.header.region && region != RegionId::ARCHIVE, "a neighbour is another region");
        self.host.tell_neighbour(region, way);
        self.posting.others.entry(region).or_insert_with(|| Other::new(now));
        self.settle(now);
    }

    /// The next thing to say to another region. It may be lost.
    pub fn poll_post(&mut self) -> Option<Post> {
        self.posting.posts.pop_front()
    }

    /// Posts that were dropped because nobody fetched them; what they said is said again.
    #[must_use]
    pub const fn posts_dropped(&self) -> u64 {
        self.posting.posts_dropped
    }

    /// Another region says something. What is of another world, for another region, or of one that nobody
    /// [told of](Self::tell_neighbour), changes nothing.
    pub fn handle_post(&mut self, now: Instant, post: Post) {
        let Post { world, from, to, body } = post;
        if self.has_ended() || world != self.header.world || Some(to) != self.header.region {
            return;
        }
        let is_ours = |parcel: &Parcel| {
            parcel.region == from && parcel.schema == self.schema_id && parcel.revision == G::REVISION
        };
        let Some(other) = self.posting.others.get_mut(&from) else { return };
        match body {
            PostBody::Standing(standing) => other.hear(now, standing),
            PostBody::Mail(mail) if mail.sequence <= other.has => other.standing_at = now,
            PostBody::Mail(mail) if mail.sequence.saturating_sub(other.has) > MAIL_AHEAD_MAX => {}
            PostBody::Mail(mail) if other.heard.is_some_and(|it| mail.incarnation < it.standing.incarnation) => {}
            PostBody::Mail(mail) => match Parcel::decode(&mail.parcel) {
                Ok(parcel) if is_ours(&parcel) => {
                    if other.refusal == Some(MailRefusal::Terms) {
                        (other.refusal, other.standing_at) = (None, now);
                    }
                    let (player, hops) = (parcel.player, parcel.hops);
                    other.received.insert(mail.sequence, Received { mail, player, hops });
                }
                _ => {
                    if other.refusal != Some(MailRefusal::Terms) {
                        (other.refusal, other.standing_at) = (Some(MailRefusal::Terms), now);
                    }
                }
            },
        }
        self.settle(now);
    }

    /// Says what is to be said to the others.
    pub(super) fn go_on_posting(&mut self, now: Instant) {
        let Some(own) = self.header.region.filter(|_| !self.posting.others.is_empty()) else { return };
        let Some(world) = self.host.released_world(self.host.released_tick()) else { return };
        let mut bodies: Vec<(RegionId, PostBody)> = Vec::new();
        let state = world.region().state();
        for (region, other) in &mut self.posting.others {
            let known = world.region().neighbour(*region);
            if let Some(known) = known {
                if known.delivered > other.delivered {
                    other.delivered = known.delivered;
                    other.repeat_at = Some(now.after(POST_REPEAT_WAIT));
                }
                if other.repeat_at.is_some_and(|at| at <= now) {
                    // Nothing was acknowledged for so long: all of it may be lost.
                    (other.posted, other.repeat_at) = (known.delivered, None);
                }
                other.posted = other.posted.max(known.delivered);
                let window = MAIL_AHEAD_MAX.saturating_sub(other.posted - known.delivered);
                let mut mails = Vec::new();
                if known.last_out > other.posted && window > 0 {
                    let most = usize::try_from(window).unwrap_or(usize::MAX);
                    mails = world.region().outbox_above(*region, other.posted, most);
                    other.repeat_at = other.repeat_at.or(Some(now.after(POST_REPEAT_WAIT)));
                }
                if known.last_out == known.delivered {
                    other.repeat_at = None;
                }
                for (entry, parcel) in mails {
                    other.posted = other.posted.max(entry.sequence);
                    bodies.push((
                        *region,
                        PostBody::Mail(Mail {
                            incarnation: state.incarnation,
                            sequence: entry.sequence,
                            lamport: entry.lamport,
                            parcel: Arc::from(parcel),
                        }),
                    ));
                }
            }
            if other.standing_at <= now {
                other.standing_at = now.after(POST_REPEAT_WAIT);
                let (last_in, last_out) = known.map_or((0, 0), |known| (known.last_in, known.last_out));
                bodies.push((
                    *region,
                    PostBody::Standing(Standing {
                        incarnation: state.incarnation,
                        lamport: state.lamport,
                        schema: self.schema_id,
                        revision: G::REVISION,
                        knows: known.map_or(0, |known| known.incarnation),
                        has: other.has.min(last_in),
                        last_in,
                        last_out,
                        delivered: known.map_or(0, |known| known.delivered),
                        last_in_at_claim: known.map_or(0, |known| known.last_in_at_claim),
                        last_out_at_claim: known.map_or(0, |known| known.last_out_at_claim),
                        refusal: other.refusal,
                    }),
                ));
            }
        }
        for (to, body) in bodies {
            self.posting.send(Post { world: self.header.world, from: own, to, body });
        }
    }

    /// The acts of the region itself in the next frame, kind by kind.
    pub(super) fn own_acts(&mut self, now: Instant) -> Vec<Act<G::Input>> {
        let world = self.host.stepped_world();
        let own = *world.region().state();
        let (mut borders, mut deliveries, mut accepts, mut mails) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut delivered = |region, sequence, lamport| {
            let incarnation = own.incarnation;
            deliveries.push(Act::Delivered { region, incarnation, sequence, lamport });
        };
        let of_archive = world.region().neighbour(RegionId::ARCHIVE);
        if of_archive.is_some_and(|known| known.delivered < self.archiving.raised) {
            // The archive has no ticks, so nothing of its own to be above.
            delivered(RegionId::ARCHIVE, self.archiving.raised, 0);
        }
        let mut room = Room { bytes: RETURN_BYTES_PER_FRAME, mails: MAILS_PER_FRAME };
        for (region, other) in &mut self.posting.others {
            let region = *region;
            let known = world.region().neighbour(region);
            let Some(Heard { standing, .. }) = other.heard else {
                // Silent since this region began: its border may be open from before.
                if let Some(state) = known.and_then(|known| other.border(now, known, true)) {
                    other.border_changed = Some((now, state));
                    borders.push(Act::Border { region, state });
                }
                continue;
            };
            let Some(known) = known else {
                accepts.push(Act::Accept { region, incarnation: standing.incarnation });
                continue;
            };
            if standing.incarnation < known.incarnation {
                // It does not know yet that it was replaced, and took back what it says.
                continue;
            }
            if standing.incarnation > known.incarnation {
                if is_reconciled(known, &standing) {
                    accepts.push(Act::Accept { region, incarnation: standing.incarnation });
                } else if known.border != Border::Incarnation {
                    borders.push(Act::Border { region, state: Border::Incarnation });
                }
                continue;
            }
            let is_of_these_terms = standing.schema == self.schema_id && standing.revision == G::REVISION;
            if let Some(state) = other.border(now, known, is_of_these_terms) {
                other.border_changed = Some((now, state));
                borders.push(Act::Border { region, state });
            }
            // Under another incarnation of ours it may have had something else.
            if standing.knows == own.incarnation && standing.has > known.delivered && standing.has <= known.last_out {
                delivered(region, standing.has, standing.lamport);
            }
            other.say(now, region, known, &mut room, &mut mails);
        }
        [borders, deliveries, accepts, mails].concat()
    }

    /// The archive is to say of those who came that they are here.
    pub(super) fn poll_arrived(&mut self) -> Option<Effect<G>> {
        let own = self.header.region?;
        let world = self.host.released_world(self.host.released_tick())?;
        let by = Voucher { region: own, incarnation: self.incarnation, tick: world.tick() };
        for (region, other) in &mut self.posting.others {
            let Some(known) = world.region().neighbour(*region) else { continue };
            if other.is_moving || other.move_not_before.is_some() || known.last_in <= other.has {
                continue;
            }
            let mut raises = Vec::new();
            let mut next = other.has.saturating_add(1);
            while let Some(Received { player, hops, .. }) = other.received.get(&next) {
                if next > known.last_in || raises.len() >= RAISES_MAX {
                    break;
                }
                raises.push((next, Raise { player: *player, hops: *hops, at: Some(own), by, parcel: None }));
                next += 1;
            }
            if !raises.is_empty() {
                other.is_moving = true;
                return Some(Effect::Move(Moves { of: *region, raises }));
            }
        }
        None
    }

    /// What failed may be tried again.
    pub(super) fn handle_posting_timeout(&mut self, now: Instant) {
        for other in self.posting.others.values_mut() {
            other.move_not_before = other.move_not_before.filter(|at| *at > now);
        }
    }
}

/// What a frame has room for, of all that other regions sent.
struct Room {
    bytes: usize,
    mails: usize,
}

impl Other {
    /// Says the next mails of the region's that came. One that the world did not take is said again after a while only.
    fn say<I>(&mut self, now: Instant, region: RegionId, known: &Neighbour, room: &mut Room, mails: &mut Vec<Act<I>>) {
        if let Some(said) = self.said.take() {
            let refusal = (known.last_in < said).then_some(MailRefusal::Full);
            self.say_not_before = refusal.map(|_| now.after(MAIL_RETRY_WAIT));
            if self.refusal != Some(MailRefusal::Terms) && self.refusal != refusal {
                (self.refusal, self.standing_at) = (refusal, now);
            }
        }
        if self.say_not_before.is_some_and(|at| at > now) {
            return;
        }
        let mut next = known.last_in.saturating_add(1);
        while let Some(Received { mail, .. }) = self.received.get(&next) {
            let is_first = mails.is_empty();
            if mail.incarnation != known.incarnation || room.mails == 0 || (mail.parcel.len() > room.bytes && !is_first)
            {
                break;
            }
            room.bytes = room.bytes.saturating_sub(mail.parcel.len());
            room.mails -= 1;
            self.said = Some(next);
            mails.push(Act::Mail {
                region,
                incarnation: mail.incarnation,
                sequence: mail.sequence,
                lamport: mail.lamport,
                is_held: false,
                parcel: mail.parcel.clone(),
            });
            next += 1;
        }
    }
}

/// The longest time between two looks at what is due.
const _: () = assert!(POST_REPEAT_WAIT.0 < BORDER_SILENCE_MAX.0 && MAIL_RETRY_WAIT.0 > Micros::from_millis(0).0);
