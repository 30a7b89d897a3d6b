//! The world's keys: drawn once, rotated by who saw them, and a request for another one is answered with what became of it.

mod common;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use common::Driver;
use tickworld_persist::{Keys as _, KeysRow, memory::Memory};
use tickworld_proto::ticket::TicketKeys;
use tickworld_region::{Answer, KeysError, Request, RequestError, read_keys, rotate_keys};

/// A store in memory answers at once.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}

#[test]
fn a_rotation_is_answered_with_the_number_of_the_new_key_or_why_the_old_one_stays() {
    let mut driver = Driver::plain(1);
    let first = driver.ask(Request::RotateKey);
    let effect = driver.keys.pop_front().expect("the keys are to be rotated");
    assert_eq!(effect.request, Some(first));
    let rotated = TicketKeys::first([7; 32]).rotated(effect.secret.expect("a new key"), 1_800_000_000);
    driver.region.handle_keys(driver.now, effect.request, Ok(rotated));
    driver.settle();
    assert_eq!(driver.answer(first), Some(&Ok(Answer::KeyRotated(2))));
    let second = driver.ask(Request::RotateKey);
    let other = driver.keys.pop_front().expect("once more");
    assert_ne!(other.secret, effect.secret, "each key is drawn anew");
    driver.region.handle_keys(driver.now, other.request, Err("the disk is full".to_owned()));
    driver.settle();
    let refused = RequestError::Unavailable("the key stays: the disk is full".to_owned());
    assert_eq!(driver.answer(second), Some(&Err(refused)));
}

#[test]
fn keys_are_read_as_they_were_rotated_and_bytes_that_are_none_are_refused() {
    let store = Memory::default();
    assert_eq!(now(read_keys(&store)), Err(KeysError::Absent));
    assert_eq!(now(rotate_keys(&store, [2; 32], 5)), Err(KeysError::Absent));
    let first = TicketKeys::first([1; 32]);
    let row = KeysRow(first.encode().to_vec().into());
    assert_eq!(now(store.replace_keys(None, &row)), Ok(true));
    assert_eq!(now(read_keys(&store)), Ok(first.clone()));
    let rotated = first.rotated([2; 32], 5);
    assert_eq!(now(rotate_keys(&store, [2; 32], 5)), Ok(rotated.clone()));
    assert_eq!(now(read_keys(&store)), Ok(rotated));
    let seen = now(store.keys()).expect("memory does not fail");
    let other = KeysRow(vec![9; 12].into());
    assert_eq!(now(store.replace_keys(seen.as_ref(), &other)), Ok(true));
    assert!(matches!(now(read_keys(&store)), Err(KeysError::Form(_))));
}
