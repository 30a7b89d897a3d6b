//! What a mailbox promises where peers are among its producers. The rest is in `tests/mailbox.rs`.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tickworld_proto::channel::Channel;
use tokio::{runtime::Runtime, task::JoinHandle, time::timeout};

use super::{Event, Mail, Mailbox, MailboxLimits, SessionLane, Waiting};
use crate::{address::SessionId, close::Disconnect, limits::MESSAGE_OVERHEAD_BYTES};

/// Only a failing test waits so long.
const LONG: Duration = Duration::from_secs(60);
/// What a message of so many bytes weighs is this much more.
const OVERHEAD: usize = MESSAGE_OVERHEAD_BYTES;

fn limits(requests_max: usize, peer_bytes_max: usize, session_bytes_max: u32) -> MailboxLimits {
    MailboxLimits { requests_max, peer_bytes_max, session_bytes_max }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Everything that waits now, in short.
fn now(mailbox: &mut Mailbox<&'static str>) -> Vec<String> {
    mailbox.wait(Some(Instant::now())).map(|mail| short(&mail)).collect()
}

fn short(mail: &Mail<&'static str>) -> String {
    match mail {
        Mail::Completion(text) => format!("completion {text}"),
        Mail::Request(text) => format!("request {text}"),
        Mail::Peer(Event::Connected { session, .. }) => format!("{} connects", session.0),
        Mail::Peer(Event::Message { session, bytes, .. }) => format!("{} sends {}", session.0, bytes.len()),
        Mail::Peer(Event::DatagramSize { session, .. }) => format!("{} has another size", session.0),
        Mail::Peer(Event::Disconnected { session, why }) => format!("{} ends: {why}", session.0),
    }
}

/// A session that is told of, its first message a byte long.
fn session<C: Send + 'static>(runtime: &Runtime, mailbox: &Mailbox<C>, number: u64) -> Arc<SessionLane> {
    let lane = SessionLane::new(SessionId(number), mailbox.lane());
    let remote = ([127, 0, 0, 1], 1).into();
    let connected = runtime.block_on(async { timeout(LONG, lane.connect(remote, 1_200, bytes(1))).await });
    assert!(connected.expect("there is room"), "the mailbox is there");
    Arc::new(lane)
}

fn bytes(count: usize) -> Bytes {
    vec![7; count].into()
}

/// A task that sends messages of a kilobyte for ever.
fn flood(runtime: &Runtime, lane: &Arc<SessionLane>) -> JoinHandle<()> {
    let lane = Arc::clone(lane);
    runtime.spawn(async move {
        loop {
            lane.push_message(Channel::Control, bytes(1_000)).await;
        }
    })
}

#[test]
fn a_batch_is_completions_then_requests_then_peers_each_in_order() {
    let runtime = runtime();
    let mut mailbox = Mailbox::new(MailboxLimits::default());
    let post = mailbox.post();
    let lane = session(&runtime, &mailbox, 5);
    let (first, second) = (post.reserve("lost"), post.reserve("lost"));
    assert_eq!(post.offer("a"), Ok(()));
    assert!(lane.offer_message(Channel::Datagram, bytes(3)));
    second.complete("2");
    assert_eq!(post.offer("b"), Ok(()));
    first.complete("1");
    let expected = ["completion 2", "completion 1", "request a", "request b", "5 connects", "5 sends 1", "5 sends 3"];
    assert_eq!(now(&mut mailbox), expected);
    assert_eq!(now(&mut mailbox), [""; 0]);
}

#[test]
fn what_is_not_taken_out_comes_again_before_what_is_newer_of_its_sort() {
    let runtime = runtime();
    let mut mailbox = Mailbox::new(MailboxLimits::default());
    let post = mailbox.post();
    let lane = session(&runtime, &mailbox, 5);
    post.reserve("lost").complete("1");
    post.reserve("lost").complete("2");
    assert_eq!(post.offer("a"), Ok(()));
    // Ends inside the connection's own pair of events.
    assert_eq!(mailbox.wait(None).take(4).count(), 4);
    assert_eq!(mailbox.wait(None).take(0).count(), 0);
    post.reserve("lost").complete("3");
    assert!(lane.offer_message(Channel::Datagram, bytes(3)));
    assert_eq!(now(&mut mailbox), ["completion 3", "5 sends 1", "5 sends 3"]);
}

#[test]
fn a_session_past_its_share_loses_datagrams_and_delays_no_other() {
    let runtime = runtime();
    let mut mailbox = Mailbox::new(limits(1, 1 << 20, 4_000));
    let (greedy, modest) = (session(&runtime, &mailbox, 1), session(&runtime, &mailbox, 2));
    let flooding = flood(&runtime, &greedy);
    // The connection's first message has a part of the share, and three of a kilobyte do not fit beside it.
    while mailbox.waiting().peer_events < 2 + 2 {
        thread::yield_now();
    }
    for _ in 0..100 {
        assert!(!greedy.offer_message(Channel::Datagram, bytes(1_000)), "a share is not to be had twice");
        assert!(mailbox.waiting().peer_bytes < 8_000);
    }
    let sent = runtime.block_on(async { timeout(LONG, modest.push_message(Channel::Control, bytes(9))).await });
    assert_eq!(sent, Ok(()));
    assert!(now(&mut mailbox).contains(&"2 sends 9".to_owned()));
    // What was taken out makes room for the greedy one too.
    let more = mailbox.wait(Some(Instant::now() + LONG)).next().map(|mail| short(&mail));
    assert_eq!(more.as_deref(), Some("1 sends 1000"));
    flooding.abort();
}

#[test]
fn a_full_lane_delays_no_completion_no_request_and_no_end_of_a_session() {
    const BYTES_MAX: usize = 100_000;
    let runtime = runtime();
    let mut mailbox = Mailbox::new(limits(8, BYTES_MAX, u32::MAX >> 4));
    let (post, greedy) = (mailbox.post(), session(&runtime, &mailbox, 0));
    let others: Vec<_> = (1..=20).map(|number| (number, session(&runtime, &mailbox, number))).collect();
    let flooding: Vec<_> = (0..4).map(|_| flood(&runtime, &greedy)).collect();
    for (round, lane) in others {
        while mailbox.waiting().peer_bytes + 1_000 + OVERHEAD <= BYTES_MAX {
            thread::yield_now();
        }
        assert!(!lane.offer_message(Channel::Datagram, bytes(1_000)), "round {round}: the lane is not full");
        let others_post = post.clone();
        let others = thread::spawn(move || {
            others_post.reserve("lost").complete("done");
            lane.disconnect(Disconnect::Closed);
            others_post.offer("please")
        });
        assert_eq!(others.join().unwrap(), Ok(()), "round {round}");
        assert!(mailbox.waiting().peer_bytes <= BYTES_MAX + OVERHEAD, "round {round}");
        let batch = now(&mut mailbox);
        assert_eq!(batch[..2], ["completion done", "request please"], "round {round}");
        assert_eq!(batch.last(), Some(&format!("{round} ends: closed by this side")), "round {round}");
        // What was taken out is given back with the next look.
        mailbox.wait(Some(Instant::now())).for_each(drop);
    }
    flooding.iter().for_each(JoinHandle::abort);
}

#[test]
fn a_session_ends_once_and_nothing_comes_after() {
    let runtime = runtime();
    let mut mailbox = Mailbox::new(MailboxLimits::default());
    let lane = session(&runtime, &mailbox, 1);
    lane.disconnect(Disconnect::HalfClosed);
    lane.disconnect(Disconnect::Closed);
    assert!(!lane.offer_message(Channel::Datagram, bytes(1)));
    assert!(!lane.offer_datagram_size(1_300));
    runtime.block_on(lane.push_message(Channel::Control, bytes(1)));
    assert_eq!(now(&mut mailbox), ["1 connects", "1 sends 1", "1 ends: the peer ended its messages and stayed"]);
    // One that was never told of has no end to tell.
    SessionLane::new(SessionId(2), mailbox.lane()).disconnect(Disconnect::Closed);
    assert_eq!(now(&mut mailbox), [""; 0]);
}

#[test]
fn a_single_event_past_the_cap_is_taken_where_none_waits() {
    let runtime = runtime();
    let mut mailbox = Mailbox::new(limits(1, 100, 50));
    let lane = session(&runtime, &mailbox, 1);
    assert!(!lane.offer_message(Channel::Datagram, bytes(1)), "one waits already");
    assert_eq!(now(&mut mailbox).len(), 2);
    // Its bytes are given back with the next look.
    assert!(mailbox.waiting().peer_bytes > 100);
    assert_eq!(now(&mut mailbox), [""; 0]);
    assert_eq!(mailbox.waiting().peer_bytes, 0);
    assert!(lane.offer_message(Channel::Datagram, bytes(1)));
}

#[test]
fn a_mailbox_that_is_gone_takes_everything_and_keeps_nothing() {
    let runtime = runtime();
    let mailbox = Mailbox::<Arc<()>>::new(limits(1, 10_000, 10_000));
    let (post, lane, counted) = (mailbox.post(), mailbox.lane(), Arc::new(()));
    let open = session(&runtime, &mailbox, 1);
    let waiting = flood(&runtime, &open);
    let ticket = post.reserve(Arc::clone(&counted));
    assert!(post.offer(Arc::clone(&counted)).is_ok());
    drop(mailbox);
    assert!(lane.is_closed());
    // Whoever awaited room is let go.
    waiting.abort();
    drop(ticket);
    post.reserve(Arc::clone(&counted)).complete(Arc::clone(&counted));
    open.disconnect(Disconnect::Closed);
    assert_eq!(Arc::strong_count(&counted), 1);
    assert_eq!(post.waiting(), Waiting::default());
}
