//! A mailbox loses no completion, delays none, bounds requests, and wakes its consumer for whatever comes.
//!
//! What peers bring is tested beside the code, and by every test of sessions.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tickworld_net::mailbox::{Mail, Mailbox, MailboxLimits, Waiting};

/// Only a failing test waits so long.
const LONG: Duration = Duration::from_secs(60);

fn limits(requests_max: usize) -> MailboxLimits {
    MailboxLimits { requests_max, ..MailboxLimits::default() }
}

/// Everything that waits now, in short.
fn now(mailbox: &mut Mailbox<&'static str>) -> Vec<String> {
    mailbox.wait(Some(Instant::now())).map(|mail| short(&mail)).collect()
}

fn short(mail: &Mail<&'static str>) -> String {
    match mail {
        Mail::Completion(text) => format!("completion {text}"),
        Mail::Request(text) => format!("request {text}"),
        Mail::Peer(event) => panic!("there are no peers: {event:?}"),
    }
}

#[test]
fn a_ticket_that_is_dropped_delivers_what_was_agreed() {
    let mut mailbox = Mailbox::new(MailboxLimits::default());
    let post = mailbox.post();
    drop(post.reserve("dropped"));
    let ticket = post.reserve("panicked");
    let thread = thread::spawn(move || {
        let _ticket = ticket;
        panic!("the effect's thread dies, as this test wants");
    });
    assert!(thread.join().is_err());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ticket = post.reserve("aborted");
    let task = runtime.spawn(async move {
        let _ticket = ticket;
        std::future::pending::<()>().await;
    });
    task.abort();
    assert!(runtime.block_on(task).is_err());
    assert_eq!(post.waiting().tickets, 0);
    assert_eq!(now(&mut mailbox), ["completion dropped", "completion panicked", "completion aborted"]);
}

#[test]
fn completing_cannot_fail_however_many_tickets_there_are_and_whoever_completes() {
    const COUNT: usize = 20_000;
    let mut mailbox = Mailbox::new(limits(1));
    let post = mailbox.post();
    let tickets: Vec<_> = (0..COUNT).map(|_| post.reserve(usize::MAX)).collect();
    assert_eq!(mailbox.waiting(), Waiting { tickets: COUNT, ..Waiting::default() });
    let mut threads = Vec::new();
    let mut tickets = tickets.into_iter().enumerate();
    while tickets.len() > 0 {
        let part: Vec<_> = tickets.by_ref().take(COUNT / 4).collect();
        threads.push(thread::spawn(move || part.into_iter().for_each(|(number, ticket)| ticket.complete(number))));
    }
    let mut seen = vec![false; COUNT];
    let until = Instant::now() + LONG;
    while seen.iter().any(|it| !it) {
        assert!(Instant::now() < until, "completions are missing");
        for mail in mailbox.wait(Some(until)) {
            let Mail::Completion(number) = mail else { panic!("nobody offers anything") };
            assert!(!std::mem::replace(&mut seen[number], true), "{number} came twice");
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(mailbox.waiting(), Waiting::default());
}

#[test]
fn requests_are_bounded_by_number() {
    let mut mailbox = Mailbox::new(limits(2));
    let post = mailbox.post();
    assert_eq!([post.offer("a"), post.offer("b"), post.offer("c")], [Ok(()), Ok(()), Err("c")]);
    // One that was not looked at is still one that waits.
    assert_eq!(mailbox.wait(None).take(1).count(), 1);
    assert_eq!(mailbox.wait(None).take(0).count(), 0);
    assert_eq!([post.offer("c"), post.offer("d")], [Ok(()), Err("d")]);
    assert_eq!(now(&mut mailbox), ["request b", "request c"]);
    drop(mailbox);
    assert!(post.is_closed());
    assert_eq!(post.offer("e"), Err("e"));
    post.reserve("nobody").complete("hears it");
}

#[test]
fn a_consumer_sleeps_until_something_comes_or_the_deadline() {
    let mut mailbox = Mailbox::new(MailboxLimits::default());
    let start = Instant::now();
    let soon = Duration::from_millis(20);
    assert_eq!(mailbox.wait(Some(start + soon)).count(), 0);
    assert!(start.elapsed() >= soon, "woke early");
    let post = mailbox.post();
    // Woken by each sort, from a sleep without a deadline too.
    for round in 0..200 {
        let post = post.clone();
        let (go, gone) = mpsc::channel();
        let thread = thread::spawn(move || {
            gone.recv().unwrap();
            if round % 2 == 0 { post.reserve("lost").complete("x") } else { assert_eq!(post.offer("x"), Ok(())) }
        });
        go.send(()).unwrap();
        let deadline = (round % 3 == 0).then(|| Instant::now() + LONG);
        assert_eq!(mailbox.wait(deadline).count(), 1);
        thread.join().unwrap();
    }
    assert!(start.elapsed() < LONG);
}

#[test]
fn a_consumer_that_panics_over_its_batch_finds_the_rest() {
    let mut mailbox = Mailbox::new(MailboxLimits::default());
    let post = mailbox.post();
    ["1", "2", "3"].into_iter().for_each(|number| post.reserve("lost").complete(number));
    let died = catch_unwind(AssertUnwindSafe(|| {
        for mail in mailbox.wait(None) {
            assert_ne!(short(&mail), "completion 2", "as this test wants");
        }
    }));
    assert!(died.is_err());
    assert_eq!(now(&mut mailbox), ["completion 3"]);
}
