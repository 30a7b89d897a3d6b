//! libFuzzer around the targets of `tickworld-fuzz`: the variable `TICKWORLD_FUZZ_TARGET` says which one.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tickworld_fuzz::{TARGETS, Target};

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("TICKWORLD_FUZZ_TARGET").unwrap_or_default();
    tickworld_fuzz::target(&name).unwrap_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("set TICKWORLD_FUZZ_TARGET to one of: {}", names.join(", "));
        std::process::exit(2)
    })
}

fuzz_target!(|data: &[u8]| {
    (TARGET.get_or_init(chosen).run)(data);
});
