//! [`overflow_is_checked!`](crate::overflow_is_checked): what a build does where an integer overflows.
//!
//! The engine's own arithmetic names its policy everywhere, and is the same in every build. A game's `+` is not: it panics
//! where `overflow-checks` are on, as in debug builds, and wraps where they are off, as in release builds unless the profile
//! says otherwise. Two builds of one game can then part without a word. So a program that steps worlds has in the `Cargo.toml`
//! at the root of its workspace
//!
//! ```toml
//! [profile.release]
//! overflow-checks = true
//! ```
//!
//! and looks at its start whether that is so. A build that was made otherwise, such as by `cargo install`, which does not read
//! the profiles of a workspace, then says so.

/// What to write where [`overflow_is_checked!`](crate::overflow_is_checked) finds no checks.
pub const ADVICE: &str = "this build does not check integer overflow, so a game's sums may wrap here and panic elsewhere: build \
    it with `overflow-checks = true` under [profile.release] in the Cargo.toml of the workspace, or with \
    CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true in the environment";

/// Whether the crate in which this stands is built with `overflow-checks`: write it in the crate with your systems.
///
/// `Some(true)` or `Some(false)`; `None` where a panic ends the process, for it is tried. It needs `std`, and keeps the panic
/// that it provokes from the panic hook: call it once, before other threads may panic.
///
/// ```
/// if tickworld_sim::overflow_is_checked!() == Some(false) {
///     eprintln!("warning: {}", tickworld_sim::overflow::ADVICE);
/// }
/// ```
#[macro_export]
macro_rules! overflow_is_checked {
    () => {{
        if cfg!(panic = "unwind") {
            let hook = ::std::panic::take_hook();
            ::std::panic::set_hook(::std::boxed::Box::new(|_| {}));
            #[allow(clippy::arithmetic_side_effects, reason = "what it does is the question")]
            let sum = ::std::panic::catch_unwind(|| ::core::hint::black_box(u8::MAX) + ::core::hint::black_box(1_u8));
            ::std::panic::set_hook(hook);
            ::core::option::Option::Some(sum.is_err())
        } else {
            ::core::option::Option::None
        }
    }};
}
