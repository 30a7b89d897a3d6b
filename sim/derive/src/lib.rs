//! `derive(Component)` and `derive(State)` for `tickworld-sim`, which re-exports both.
//!
//! What the derives write is the plainest code that a person would write for the trait, field by field in declared order; what
//! they refuse, they refuse at the field, and the message says what to do instead. The traits' meaning is documented with the
//! traits.

mod component;
mod fields;
mod state;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, Result, parse_macro_input};

/// Derives `Component`: a fixed-size canonical encoding, with names and types for reports.
#[proc_macro_derive(Component, attributes(component))]
pub fn derive_component(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), component::derive)
}

/// Derives `State` for a struct of parts.
#[proc_macro_derive(State)]
pub fn derive_state(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), state::derive)
}

fn expand(
    input: &DeriveInput,
    derive: fn(&DeriveInput) -> Result<proc_macro2::TokenStream>,
) -> TokenStream {
    derive(input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}
