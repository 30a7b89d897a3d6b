//! A name in the schema has at most 64 bytes.
use tickworld_sim::Component;

#[derive(Component, Clone, Copy)]
struct Verbose {
    a_name_that_has_just_the_length_that_a_name_in_a_schema_may_have_: u8,
}

fn main() {}
