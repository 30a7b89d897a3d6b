//! Two regions of one world: who leaves one of them is in the other, once, with all that is theirs, whatever becomes of what the
//! regions say to each other; and nobody leaves for a region that does not answer.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use tickworld_ledger::{Ledger, Order};
use tickworld_persist::{
    Archive as _, WorldId,
    memory::{FaultMode, Memory},
};
use tickworld_proto::{host::HostSettings, instant::Micros, message::Way};
use tickworld_region::{
    Answer, Mail, MailRefusal, Opened, Post, PostBody, RegionSettings, Request, RequestError, Standing,
    limits::{BORDER_CHANGE_WAIT, BORDER_OPEN_AFTER, BORDER_SILENCE_MAX},
    move_players, seek,
};
use tickworld_sim::{
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence},
    region::{Border, Neighbour, RegionId},
    rng::Entropy,
};

use common::{Driver, opened_as};

const CLERK: PlayerId = PlayerId(7);
const A: RegionId = RegionId(1);
const B: RegionId = RegionId(2);

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory answers at once"),
    }
}

/// Two regions that know of each other, and the archive that both ask.
struct World {
    regions: [Driver; 2],
    archive: Memory,
    /// What was said and has not been heard.
    said: Vec<Post>,
    /// What becomes of a post: how often it comes.
    comes: fn(&Post) -> usize,
}

impl World {
    fn new() -> Self {
        let regions = [Self::begin(opened_as(A, 1), B), Self::begin(opened_as(B, 1), A)];
        Self { regions, archive: Memory::default(), said: Vec::new(), comes: |_| 1 }
    }

    /// A region that was told of the other one.
    fn begin(opened: Opened<Ledger>, other: RegionId) -> Driver {
        let host = HostSettings {
            archive_after_ticks: Some(1_000_000),
            player_timeout: Micros(600_000_000),
            history_ticks: 64,
            ..HostSettings::default()
        };
        let settings = RegionSettings { host, snapshot_ticks: 0, ..RegionSettings::default() };
        let mut driver = Driver::begin(opened, settings);
        let now = driver.now;
        driver.region.tell_neighbour(now, other, Way::default());
        driver
    }

    /// The regions that know of each other and whose borders are open.
    fn open() -> Self {
        let mut world = Self::new();
        world.ticks_until("the borders open", |world| {
            [A, B].iter().all(|id| world.neighbour(*id).is_some_and(|it| it.border == Border::Open))
        });
        world
    }

    fn region(&mut self, id: RegionId) -> &mut Driver {
        &mut self.regions[id.0 as usize - 1]
    }

    /// What a region knows of the other one.
    fn neighbour(&self, id: RegionId) -> Option<Neighbour> {
        let other = if id == A { B } else { A };
        self.regions[id.0 as usize - 1].region.newest_world().region().neighbour(other).copied()
    }

    /// Both make a tick; then what they said is heard, and the archive is asked.
    fn tick(&mut self) {
        for driver in &mut self.regions {
            driver.tick();
            while let Some(post) = driver.region.poll_post() {
                let mut bytes = Vec::new();
                post.encode(&mut bytes);
                self.said.push(Post::decode(&bytes).expect("a region says what can be read"));
            }
        }
        for post in core::mem::take(&mut self.said) {
            for _ in 0..(self.comes)(&post) {
                let driver = &mut self.regions[post.to.0 as usize - 1];
                driver.region.handle_post(driver.now, post.clone());
                driver.settle();
            }
        }
        for driver in &mut self.regions {
            for work in std::mem::take(&mut driver.seeks) {
                let found = now(seek(&self.archive, &work));
                driver.region.handle_found(driver.now, found);
            }
            for moves in std::mem::take(&mut driver.raises) {
                let moved = now(move_players(&self.archive, &moves));
                driver.region.handle_moved(driver.now, moved);
            }
            driver.settle();
        }
    }

    #[track_caller]
    fn ticks_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> u32 {
        for count in 0..1_000 {
            if is_so(self) {
                return count;
            }
            self.tick();
        }
        panic!("never: {what}");
    }

    /// An order in the clerk's name, given to a region.
    #[track_caller]
    fn order(&mut self, id: RegionId, input: Order) {
        self.order_of(CLERK, id, input);
    }

    #[track_caller]
    fn order_of(&mut self, player: PlayerId, id: RegionId, input: Order) {
        let order = self.region(id).ask(Request::Input { player, input });
        for _ in 0..8 {
            self.tick();
        }
        let answer = self.region(id).answer(order);
        assert!(matches!(answer, Some(Ok(Answer::Input { .. }))), "{answer:?}");
    }

    /// Whether the clerk is in a region, with so many coins in their purse.
    fn purse(&self, id: RegionId) -> Option<u64> {
        let world = self.regions[id.0 as usize - 1].region.newest_world();
        let entity = world.players().find(CLERK).filter(|player| player.departed_to.is_none())?.entity?;
        let bank = world.state();
        bank.entities.row(entity).and_then(|row| bank.purses.get(row)).map(|purse| purse.coins)
    }

    fn row(&self) -> Option<(u64, Option<RegionId>)> {
        let row = now(self.archive.whereabouts(&[CLERK])).unwrap().remove(0).unwrap();
        row.map(|row| (row.hops, row.at))
    }

    fn knows(&self, id: RegionId) -> bool {
        self.regions[id.0 as usize - 1].region.newest_world().players().find(CLERK).is_some()
    }
}

#[test]
fn a_player_crosses_with_their_purse_and_comes_back() {
    let mut world = World::open();
    world.order(A, Order::Take { account: 0, amount: 50 });
    assert_eq!((world.purse(A), world.row()), (Some(50), Some((1, Some(A)))));
    world.region(A).ask(Request::Input { player: CLERK, input: Order::Travel { region: B.0 } });
    world.ticks_until("the clerk leaves", |world| world.purse(A).is_none());
    assert_eq!(world.row(), Some((1, Some(A))), "the row follows the world");
    let ticks = world.ticks_until("the clerk arrives", |world| world.purse(B) == Some(50));
    assert!(ticks <= 3, "{ticks} ticks from the one that left to the one that has them");
    world.ticks_until("the slot is free", |world| !world.knows(A));
    assert_eq!(world.row(), Some((2, Some(B))));
    // Their numbers go on, and so does the way back.
    world.order(B, Order::Put { account: 3, amount: 20 });
    let last = world.region(B).region.newest_world().players().last_sequence(CLERK);
    assert_eq!((last.0, world.purse(B)), (3, Some(30)));
    world.order(B, Order::Travel { region: A.0 });
    world.ticks_until("the clerk is back", |world| world.purse(A) == Some(30) && !world.knows(B));
    assert_eq!(world.row(), Some((3, Some(A))));
    let [at_a, at_b] = [A, B].map(|id| world.neighbour(id).unwrap());
    assert_eq!((at_a.last_out, at_a.delivered, at_a.last_in), (1, 1, 1));
    assert_eq!((at_b.last_out, at_b.delivered, at_b.last_in), (1, 1, 1));
}

/// Two of three posts are lost, and what comes, comes twice.
#[test]
fn whatever_becomes_of_what_is_said_everybody_arrives_once() {
    let mut world = World::open();
    for player in 7..27 {
        world.order_of(PlayerId(player), A, Order::Take { account: 0, amount: 1 });
    }
    world.comes = |post| {
        let number = match &post.body {
            PostBody::Standing(standing) => standing.lamport,
            PostBody::Mail(mail) => mail.sequence + mail.lamport,
        };
        static SAID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let said = SAID.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if (number + said).is_multiple_of(3) { 2 } else { 0 }
    };
    for player in 7..27 {
        world.region(A).ask(Request::Input { player: PlayerId(player), input: Order::Travel { region: B.0 } });
    }
    let count = |world: &World, id: RegionId| {
        let players = world.regions[id.0 as usize - 1].region.newest_world().players();
        players.iter().filter(|player| player.departed_to.is_none()).count()
    };
    world.ticks_until("all of them arrive", |world| count(world, B) == 20);
    world.ticks_until("it is known that they have", |world| {
        world.neighbour(A).is_some_and(|it| it.delivered == 20 && it.waiting_bytes == 0)
    });
    assert_eq!((count(&world, A), world.neighbour(B).unwrap().last_in), (0, 20));
}

#[test]
fn an_arrival_is_acknowledged_only_when_the_archive_says_so() {
    let mut world = World::open();
    world.order(A, Order::Take { account: 0, amount: 5 });
    world.archive.inject(FaultMode::Fails);
    world.region(A).ask(Request::Input { player: CLERK, input: Order::Travel { region: B.0 } });
    world.ticks_until("the clerk arrives", |world| world.purse(B) == Some(5));
    for _ in 0..10 {
        world.tick();
    }
    assert!(world.knows(A) && world.neighbour(A).unwrap().delivered == 0, "the row does not say so yet");
    world.ticks_until("the archive is asked again", |world| world.row() == Some((2, Some(B))));
    world.ticks_until("the slot is free", |world| !world.knows(A));
}

/// A region that starts again finds its border open, as it was, and never hears of the other one.
#[test]
fn a_border_that_was_open_closes_where_nothing_is_heard_after_a_start() {
    let mut opened = opened_as(A, 1);
    for act in [Act::Accept { region: B, incarnation: 1 }, Act::Border { region: B, state: Border::Open }] {
        let input = Input { player: PlayerId::REGION, sequence: Sequence(0), act };
        let frame = InputFrame::new(opened.position.tick.next(), Entropy::from_bytes([1; 16]), vec![input]);
        opened.roots = opened.simulation.step(&frame, &Inline).unwrap();
        opened.recent = vec![(frame.tick, opened.roots.root)];
        (opened.position.tick, opened.last.tick) = (frame.tick, frame.tick);
    }
    let mut world = World::new();
    world.comes = |_| 0;
    world.regions[0] = World::begin(opened, B);
    world.tick();
    assert_eq!(world.neighbour(A).unwrap().border, Border::Open);
    world.order(A, Order::Take { account: 0, amount: 5 });
    world.order_of(PlayerId(8), A, Order::Travel { region: B.0 });
    assert_eq!(world.neighbour(A).unwrap().last_out, 1, "silence is not noticed at once");
    world.ticks_until("the border closes", |world| world.neighbour(A).unwrap().border == Border::Silent);
    world.order(A, Order::Travel { region: B.0 });
    assert_eq!(world.purse(A), Some(5), "the border is closed");
}

#[test]
fn nobody_leaves_for_a_region_that_is_silent_or_was_never_heard() {
    let mut world = World::new();
    world.comes = |_| 0;
    world.order(A, Order::Take { account: 0, amount: 5 });
    world.order(A, Order::Travel { region: B.0 });
    assert_eq!(world.purse(A), Some(5), "nobody knows that region");

    let mut world = World::open();
    world.order(A, Order::Take { account: 0, amount: 5 });
    world.order_of(PlayerId(8), A, Order::Take { account: 0, amount: 5 });
    world.comes = |_| 0;
    world.order_of(PlayerId(8), A, Order::Travel { region: B.0 });
    assert_eq!(world.neighbour(A).unwrap().last_out, 1, "silence is not noticed at once");
    let begun = world.region(A).now;
    world.ticks_until("the border closes", |world| world.neighbour(A).unwrap().border == Border::Silent);
    assert!(world.region(A).now.since(begun) < Micros(BORDER_SILENCE_MAX.0 + BORDER_CHANGE_WAIT.0));
    world.order(A, Order::Travel { region: B.0 });
    assert_eq!(world.purse(A), Some(5), "the border is closed");
    let heard = world.region(A).now;
    world.comes = |_| 1;
    world.ticks_until("who waited arrives", |world| world.neighbour(A).unwrap().delivered == 1);
    assert_eq!(world.neighbour(A).unwrap().border, Border::Silent, "one word is no sign of health");
    world.ticks_until("the border opens", |world| world.neighbour(A).unwrap().border == Border::Open);
    assert!(world.region(A).now.since(heard) >= BORDER_OPEN_AFTER);
    world.order(A, Order::Travel { region: B.0 });
    world.ticks_until("the clerk arrives", |world| world.purse(B) == Some(5));
}

#[test]
fn a_parcel_that_nobody_can_read_closes_the_border_by_name_and_stays_with_its_sender() {
    let mut world = World::open();
    let post = |body| Post { world: WorldId([7; 16]), from: A, to: B, body };
    let nonsense =
        |sequence| PostBody::Mail(Mail { incarnation: 1, sequence, lamport: 9, parcel: b"nonsense".as_slice().into() });
    // What is for somebody else, of another world, of a stranger, or far ahead, is of no interest.
    let stranger = Post { from: RegionId(9), ..post(nonsense(1)) };
    let other = Post { world: WorldId([8; 16]), ..post(nonsense(1)) };
    let elsewhere = Post { to: A, ..post(nonsense(1)) };
    for post in [stranger, other, elsewhere, post(nonsense(5_000))] {
        let driver = world.region(B);
        driver.region.handle_post(driver.now, post);
        driver.settle();
    }
    world.tick();
    assert_eq!(refusal(&mut world), None);
    let driver = world.region(B);
    driver.region.handle_post(driver.now, post(nonsense(1)));
    driver.settle();
    assert_eq!(refusal(&mut world), Some(MailRefusal::Terms));
    world.ticks_until("the border closes", |world| world.neighbour(A).unwrap().border == Border::Terms);
    assert_eq!(world.neighbour(B).unwrap().last_in, 0);
}

/// What the second region says next of the first one's mail.
fn refusal(world: &mut World) -> Option<MailRefusal> {
    let mut standing: Option<Standing> = None;
    for _ in 0..40 {
        let driver = world.region(B);
        driver.tick();
        let mut posts = Vec::new();
        while let Some(post) = driver.region.poll_post() {
            posts.push(post);
        }
        for post in posts {
            if let PostBody::Standing(it) = post.body {
                standing = Some(it);
            }
            world.said.push(post);
        }
    }
    standing.expect("a region says where it stands every second").refusal
}

#[test]
fn what_is_asked_about_who_is_elsewhere_names_the_region() {
    let mut world = World::open();
    world.order(A, Order::Take { account: 0, amount: 5 });
    world.order(A, Order::Travel { region: B.0 });
    world.ticks_until("the clerk is there", |world| world.purse(B) == Some(5) && !world.knows(A));
    let asked = [
        Request::Kick { player: CLERK, reason: String::new() },
        Request::Input { player: CLERK, input: Order::Take { account: 0, amount: 1 } },
    ];
    for request in asked {
        let id = world.region(A).ask(request);
        for _ in 0..8 {
            world.tick();
        }
        match world.region(A).answer(id) {
            Some(Err(RequestError::Absent(why))) => assert!(why.contains("region 2"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
