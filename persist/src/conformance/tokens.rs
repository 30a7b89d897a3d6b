//! Laws of single-use tokens: one bearer's, and only when that is durable.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use super::{BackendUnderTest, Verdict, ensure, same};
use crate::{
    error::{Fault, SpendError},
    memory::FaultMode,
    tokens::{Bearer, TokenDigest, Tokens},
};

/// The pretended token of a number.
pub(super) fn token(number: u64) -> TokenDigest {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    TokenDigest(digest)
}

/// All answers, in order, of calls that are under way at the same time.
pub(super) async fn at_once<T: Unpin>(calls: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.into_iter().map(|call| (Box::pin(call), None)).collect();
    poll_fn(|context| {
        for (call, answer) in calls.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(found) = Pin::as_mut(call).poll(context) {
                *answer = Some(found);
            }
        }
        if calls.iter().any(|(_, answer)| answer.is_none()) {
            return Poll::Pending;
        }
        Poll::Ready(calls.iter_mut().filter_map(|(_, answer)| answer.take()).collect())
    })
    .await
}

/// Somebody who shows tokens.
pub(super) fn bearer(number: u8) -> Bearer {
    Bearer { nonce: [number; 16], generation: number.into() }
}

/// Spends a token as this bearer: whether it is theirs then.
async fn spend(store: &impl Tokens, number: u64, by: u8, expires_seconds: u64) -> Result<bool, SpendError> {
    let whose = store.spend(token(number), bearer(by), expires_seconds).await?;
    Ok(whose == Some(bearer(by)))
}

pub(super) async fn a_token_is_spent_once<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    // There is no journal, and none is needed.
    let store = subject.open().await;
    same!("a new one", spend(&store, 1, 1, 100).await, Ok(true));
    same!("again, by another one", store.spend(token(1), bearer(2), 100).await, Ok(Some(bearer(1))));
    same!("again, by the same one", spend(&store, 1, 1, 100).await, Ok(true));
    let later = Bearer { generation: 9, ..bearer(1) };
    same!("again, of a later generation", store.spend(token(1), later, 100).await, Ok(Some(bearer(1))));
    same!("again, with another second to forget it", spend(&store, 1, 2, 200).await, Ok(false));
    same!("another one", spend(&store, 2, 1, 100).await, Ok(true));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    for number in [1, 2] {
        same!("by another one, after a crash", spend(&store, number, 2, 100).await, Ok(false));
        same!("by the same one, after a crash", spend(&store, number, 1, 100).await, Ok(true));
    }
    same!("a third one", spend(&store, 3, 2, 100).await, Ok(true));
    Ok(())
}

pub(super) async fn of_those_who_come_at_once_one_is_first<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    const TOKENS: u64 = 40;
    let (one, other) = (subject.open().await, subject.open().await);
    let try_to = |store: &S::Store, number: u64, by: u8| {
        let store = store.clone();
        async move { (number, spend(&store, number, by, 100).await) }
    };
    let by = |call: u64| u8::try_from(call / TOKENS).expect("three calls for each token");
    let calls = (0..3 * TOKENS).map(|call| try_to(if call % 2 == 0 { &one } else { &other }, call % TOKENS, by(call)));
    let answers = at_once(calls.collect()).await;
    for number in 0..TOKENS {
        let mut told: Vec<_> = answers.iter().filter(|(of, _)| *of == number).map(|(_, answer)| answer).collect();
        told.sort_by_key(|answer| answer.as_ref().ok());
        same!(format!("token {number}, spent three times"), told, vec![&Ok(false), &Ok(false), &Ok(true)]);
    }
    subject.crash().await;
    drop((one, other));
    let store = subject.open().await;
    for number in 0..TOKENS {
        same!("after a crash", spend(&store, number, 9, 100).await, Ok(false));
    }
    Ok(())
}

pub(super) async fn what_expired_is_forgotten_and_nothing_else<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let store = subject.open().await;
    let spent = at_once((0..120).map(|number| spend(&store, number, 1, 10 + number % 3)).collect()).await;
    ensure!(spent.iter().all(|answer| *answer == Ok(true)), "not all of them are new");
    // Spent with another second, it is kept until the later one.
    for (number, expires) in [(0, 90), (3, 1)] {
        same!("again, with another second", spend(&store, number, 2, expires).await, Ok(false));
    }
    same!("before any expires", store.forget_spent(10).await, Ok(0));
    same!("those that expire before 12", store.forget_spent(12).await, Ok(79));
    same!("once more", store.forget_spent(12).await, Ok(0));
    same!("one that has not", spend(&store, 2, 2, 12).await, Ok(false));
    same!("one that was spent with a later second", spend(&store, 0, 2, 12).await, Ok(false));
    same!("one that has", spend(&store, 3, 3, 50).await, Ok(true));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("one that has not, after a crash", spend(&store, 119, 2, 12).await, Ok(false));
    same!("all but one, after a crash", store.forget_spent(50).await, Ok(40));
    same!("that one", spend(&store, 3, 2, 50).await, Ok(false));
    same!("the one with a later second", spend(&store, 0, 2, 12).await, Ok(false));
    Ok(())
}

pub(super) async fn no_more_are_kept_than_may_be<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let Some(max) = subject.spent_tokens_max() else { return Ok(()) };
    let store = subject.open().await;
    let below = at_once((0..max - 2).map(|number| spend(&store, number, 1, 10)).collect()).await;
    ensure!(below.iter().all(|answer| *answer == Ok(true)), "not all below the limit are new");
    let crowd: Vec<_> = (max - 2..max + 3).map(|number| spend(&store, number, 1, 20)).collect();
    let mut answers = at_once(crowd).await;
    answers.sort_by_key(|answer| answer.as_ref().ok().copied());
    let (full, new) = (Err(SpendError::Full), Ok(true));
    same!("at the limit", answers, vec![full.clone(), full.clone(), full.clone(), new.clone(), new]);
    same!("one more", spend(&store, max + 9, 1, 20).await, full);
    same!("one that was spent", spend(&store, 0, 2, 10).await, Ok(false));
    same!("making room", store.forget_spent(11).await, Ok(max - 2));
    same!("then", spend(&store, max + 9, 1, 20).await, Ok(true));
    Ok(())
}

/// Whatever fails while a token is spent, it is told to be one bearer's only, who may come again, and remembered from then on.
pub(super) async fn a_failure_admits_nobody_twice<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    for (number, fault) in (0..).zip([FaultMode::Fails, FaultMode::UnknownWritten, FaultMode::UnknownLost]) {
        for is_crashing in [false, true] {
            let store = subject.open().await;
            let token = 2 * number + u64::from(is_crashing);
            if !subject.inject(fault) {
                return Ok(());
            }
            let said = spend(&store, token, 1, 100).await;
            let is_fit = matches!(said, Ok(true) | Err(SpendError::Unknown(_) | SpendError::Storage(_)));
            ensure!(is_fit, "{fault:?} gives {said:?}");
            let store = if is_crashing {
                subject.crash().await;
                drop(store);
                subject.open().await
            } else {
                store
            };
            let again = spend(&store, token, 2, 100).await.map_err(|error| format!("after {fault:?}: {error}"))?;
            ensure!(!again || said != Ok(true), "{fault:?}: told to be two bearers'");
            ensure!(
                again || !matches!(said, Err(SpendError::Storage(_))),
                "{fault:?}: told that nothing was noted, and it was"
            );
            same!("a third one", spend(&store, token, 3, 100).await, Ok(false));
            same!("the first one", spend(&store, token, 1, 100).await, Ok(!again));
            subject.crash().await;
            drop(store);
            same!("after a crash", spend(&subject.open().await, token, 1, 100).await, Ok(!again));
        }
    }
    Ok(())
}

pub(super) async fn a_full_store_admits_nobody_it_does_not_remember<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    let store = subject.open().await;
    same!("while there is room", spend(&store, 0, 1, 100).await, Ok(true));
    if !subject.set_full(true) {
        return Ok(());
    }
    // A storage may have room left for a few.
    let (mut admitted, mut refused) = (vec![0], None);
    for number in 1..100_000 {
        match spend(&store, number, 1, 100).await {
            Ok(true) => admitted.push(number),
            Err(SpendError::Storage(Fault::Full)) => {
                refused = Some(number);
                break;
            }
            other => return Err(format!("a full storage gives {other:?}")),
        }
    }
    let Some(refused) = refused else { return Err("a full storage takes everything".into()) };
    subject.set_full(false);
    same!("the refused one, when there is room", spend(&store, refused, 1, 100).await, Ok(true));
    admitted.push(refused);
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    for number in admitted {
        same!("an admitted one, after a crash", spend(&store, number, 2, 100).await, Ok(false));
    }
    Ok(())
}
