//! [`catch_panic`]: a panic of a run is a violation, not the end of the swarm.
//!
//! Invariant: only runs are caught; a panic of the swarm itself still ends it. [`silence_panics`] keeps caught panics off standard error.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    static IN_A_RUN: Cell<bool> = const { Cell::new(false) };
}

/// What `run` gives, or what its panic said. Whatever it was changing is not to be used after a panic.
pub(crate) fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let outside = IN_A_RUN.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    IN_A_RUN.set(outside);
    result.map_err(|panic| said(&*panic))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic that says nothing").to_owned()
}

/// From now on panics that are caught as violations print nothing; all others print as before.
pub fn silence_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IN_A_RUN.get() {
            before(info);
        }
    }));
}
