//! One suite that every backend passes: the promises of [`Journal`](crate::Journal), [`Snapshots`](crate::Snapshots),
//! [`Tokens`](crate::Tokens) and the others as laws, with faults.
//!
//! Invariant: a law is told apart from its violation: for each there is a [`SeededBug`](crate::memory::SeededBug) that it is
//! shown to catch. What a backend cannot be made to suffer, it says so and is excused from; nothing else.

mod archive;
mod claims;
mod damage;
mod faults;
mod journal;
mod keys;
mod marks;
mod runs;
mod snapshots;
mod tokens;
mod walk;
mod world;

use std::future::Future;

use crate::{memory::FaultMode, salvage::Salvage, store::Store};

pub use world::World;

/// A backend under test, with the ways to hurt it.
pub trait BackendUnderTest: Send {
    /// The store that the backend gives.
    type Store: Store + Salvage + Clone + 'static;

    /// A handle on what is stored. While a handle lives, further ones share its storage.
    fn open(&mut self) -> impl Future<Output = Self::Store> + Send;

    /// The process dies at this moment. The old handles are dropped next, and must not reach what [`open`](Self::open) then
    /// gives.
    fn crash(&mut self) -> impl Future<Output = ()> + Send;

    /// What becomes of the next append or claim, of the next token to spend or of the next raise; whether the backend can be made to.
    fn inject(&mut self, fault: FaultMode) -> bool;

    /// Whether there is room; whether the backend can be made to.
    fn set_full(&mut self, full: bool) -> bool;

    /// How many spent tokens it keeps at most, where these are few enough to be tried.
    fn spent_tokens_max(&self) -> Option<u64>;

    /// Damages what is stored. Called after a crash, before the next open; whether the backend can be made to.
    fn corrupt(&mut self, corruption: Corruption) -> impl Future<Output = bool> + Send;
}

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// The record in a slot.
    Record(crate::Slot),
    /// The bytes of a page.
    Page(tickworld_sim::hash::Hash),
}

/// A law that a backend breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{law}: {found}")]
pub struct Violation {
    /// The law, as a sentence.
    pub law: &'static str,
    /// What was seen.
    pub found: String,
}

/// What a law says: nothing, or what was seen instead.
pub(crate) type Verdict = Result<(), String>;

/// Goes on only where a condition holds.
macro_rules! ensure {
    ($holds:expr, $($found:tt)+) => {
        if !$holds {
            return Err(format!($($found)+));
        }
    };
}

/// Goes on only where two values are the same.
macro_rules! same {
    ($what:expr, $found:expr, $expected:expr) => {{
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            return Err(format!("{}: {found:?} instead of {expected:?}", $what));
        }
    }};
}

pub(crate) use {ensure, same};

/// Holds a backend to every law; `make` gives a fresh, empty one for each.
///
/// # Errors
/// The first law that is broken.
pub async fn run<S: BackendUnderTest>(mut make: impl FnMut() -> S, seed: u64) -> Result<(), Violation> {
    macro_rules! laws {
        ($($module:ident :: $law:ident),+ $(,)?) => {$(
            let verdict = $module::$law(&mut make()).await;
            verdict.map_err(|found| Violation { law: stringify!($law), found })?;
        )+};
    }
    laws! {
        journal::a_journal_is_begun_once,
        journal::records_follow_each_other,
        journal::a_root_has_a_tick,
        journal::a_group_that_does_not_follow_is_refused_whole,
        journal::an_append_keeps_a_prefix,
        journal::reading_gives_what_was_written,
        runs::the_ticks_of_a_run_stand_in_one_record,
        claims::a_later_claim_fences_the_earlier,
        claims::a_slot_is_claimed_once,
        claims::a_claim_in_doubt_is_read_back,
        claims::an_ended_journal_takes_nothing_before_the_next_claim,
        claims::a_claim_goes_on_after_a_record_of_the_history_alone,
        claims::what_was_told_is_void_only_with_loss,
        claims::void_records_are_passed_over_and_stay,
        claims::a_life_ends_with_loss_and_not_without,
        journal::what_is_durable_survives_a_crash,
        marks::marks_outlive_a_crash,
        marks::attempts_are_counted_until_there_is_a_new_tick,
        marks::a_skip_is_free_where_the_writer_marked_the_last_tick,
        marks::a_claim_since_then_makes_a_skip_a_loss,
        snapshots::pages_are_put_once_under_their_hash,
        snapshots::a_manifest_needs_its_pages,
        snapshots::a_manifest_belongs_to_the_journal,
        snapshots::packs_come_back_whole,
        snapshots::records_are_forgotten_only_under_a_snapshot,
        snapshots::retention_leaves_what_replay_needs,
        snapshots::retention_needs_a_whole_snapshot,
        damage::a_whole_store_recovers_and_verifies,
        damage::a_damaged_record_is_named_and_cut_only_when_accepted,
        damage::a_damaged_claim_hides_no_ticks,
        damage::a_damaged_page_sends_recovery_to_an_older_snapshot,
        faults::a_failed_append_is_not_there,
        faults::an_unknown_outcome_is_read_back,
        faults::what_was_not_kept_is_given_again,
        faults::a_full_store_loses_nothing_and_goes_on,
        tokens::a_token_is_spent_once,
        tokens::of_those_who_come_at_once_one_is_first,
        tokens::what_expired_is_forgotten_and_nothing_else,
        tokens::no_more_are_kept_than_may_be,
        tokens::a_failure_admits_nobody_twice,
        tokens::a_full_store_admits_nobody_it_does_not_remember,
        keys::keys_are_replaced_only_by_who_saw_them,
        archive::a_row_is_replaced_by_more_hops_alone,
        archive::a_call_takes_many_and_no_more,
        archive::of_those_who_raise_at_once_one_is_told,
        archive::a_raise_in_doubt_is_raised_again,
    }
    for round in 0..WALKS {
        let seed = seed.wrapping_add(round);
        let verdict = walk::any_history_keeps_its_promises(&mut make(), seed).await;
        verdict.map_err(|found| Violation {
            law: "any_history_keeps_its_promises",
            found: format!("{found} (seed {seed})"),
        })?;
    }
    Ok(())
}

/// Random histories in a run.
const WALKS: u64 = 8;
