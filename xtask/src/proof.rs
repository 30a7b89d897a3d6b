//! `cargo xtask proof`: what the crates below the sans-I/O line are compiled to holds no float, no clock, no environment.
//!
//! The crates are compiled as for release, with a probe that uses what is generic in them for every game. Then every function
//! of theirs is read as machine code, and every function of other crates and of the toolchain's libraries that one of them
//! can reach; no linker and no disassembler of the machine is needed. What is found beyond the explained exceptions of
//! [`judge`] fails.
//!
//! What it does not show: that code which only an embedder's own game instantiates is as clean.

mod arm;
mod build;
mod code;
mod instruction;
mod judge;
mod tree;
mod x86;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use self::{
    build::{Built, Toolchain},
    code::Program,
    judge::{Exceptions, Finding},
};
use crate::{no_std::NO_STD_CRATES, shell};

/// The other machine that is read, where something here compiles for it: its triple, and its row in the matrix.
const AARCH64: (&str, &str) = ("aarch64-unknown-linux-gnu", "aarch64");
const PROBE: &str = include_str!("../fixtures/proof_probe.rs");

/// How the other machine's compiler is got.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Get what compiles for AArch64 as the golden matrix does, through apt-get; without it, that machine is left out where
    /// nothing here compiles for it
    #[arg(long)]
    install: bool,
}

/// Compiles, reads, judges.
///
/// # Errors
/// Names what was found, by function; or what could not be had for `--install`.
pub(crate) fn run(options: Options) -> Result<()> {
    let crates = build::crates(NO_STD_CRATES);
    let mut findings = Vec::new();
    let host = shell::host()?;
    let Some(own) = Toolchain::in_use(&host) else { bail!("the toolchain has no libraries for {host}, this machine") };
    findings.extend(read(&own, &crates)?);
    let (triple, row) = AARCH64;
    if host != triple {
        match Toolchain::in_use(triple).map_or_else(|| Toolchain::of_matrix(row, options.install), Ok) {
            Ok(other) => findings.extend(read(&other, &crates)?),
            Err(reason) if !options.install => println!("{triple}: not checked: {reason} (try --install)"),
            Err(reason) => return Err(reason.context(format!("nothing here compiles for {triple}"))),
        }
    }
    findings.extend(tree::findings(&crates, &shell::scratch("proof")?, &host)?);
    if findings.is_empty() {
        return Ok(());
    }
    bail!("{}", report(&findings))
}

/// Compiles with `toolchain` and says what is wrong with it.
fn read(toolchain: &Toolchain, crates: &[build::Crate]) -> Result<Vec<Finding>> {
    let built = build::probe("proof", PROBE, crates, toolchain)?;
    let (program, found) = checked(&built)?;
    let counts = program.counts();
    println!(
        "{}: {} functions of ours, {} reached beyond them, {} KiB of code: {} findings",
        built.target,
        counts.own,
        counts.reached,
        counts.bytes / 1024,
        found.len()
    );
    Ok(found)
}

/// What is wrong with what was built.
fn checked(built: &Built) -> Result<(Program, Vec<Finding>)> {
    let program = Program::read(built)?;
    let findings = judge::findings(&program, &Exceptions::known())?;
    Ok((program, findings))
}

/// Findings by function, each with the first of its kind.
fn report(findings: &[Finding]) -> String {
    let mut by_place: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for Finding { place, krate, what } in findings {
        by_place.entry((krate, place)).or_default().push(what);
    }
    let line = |((krate, place), whats): (&(&str, &str), &Vec<&str>)| {
        let more = if whats.len() > 1 { format!(" and {} more", whats.len() - 1) } else { String::new() };
        format!("  {krate}: {place}: {}{more}", whats[0])
    };
    let lines: Vec<String> = by_place.iter().map(line).collect();
    format!("below the sans-I/O line there is what must not be:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a crate of this source, and in what it calls.
    fn found(name: &str, source: &str) -> String {
        let host = shell::host().expect("rustc knows where it runs");
        let toolchain = Toolchain::in_use(&host).expect("rustc has its own libraries");
        let built = build::probe(&format!("proof-{name}"), source, &[], &toolchain).expect("the fixture compiles");
        let (program, findings) = checked(&built).expect("what rustc writes can be read");
        assert!(program.counts().own > 0, "there is a function to read");
        if findings.is_empty() { String::new() } else { report(&findings) }
    }

    #[test]
    fn integers_alone_are_clean() {
        let source = "#![no_std]\n#[inline(never)]\npub fn sum(list: &[u32]) -> u32 { list.iter().fold(0, |a, b| a.wrapping_add(*b)) }\n\
            #[inline(never)]\npub fn copy(from: &[u8; 64], to: &mut [u8; 64]) { *to = *from; }\n";
        assert_eq!(found("clean", source), "");
    }

    #[test]
    fn one_multiplication_of_floats_is_named() {
        let text = found("float", "#![no_std]\n#[inline(never)]\npub fn scaled(x: f32) -> f32 { x * 3.0 }\n");
        assert!(text.contains("scaled") && text.contains("mul"), "{text}");
    }

    #[test]
    fn a_conversion_that_nobody_sees_in_the_source_is_named() {
        let source = "#![no_std]\n#[inline(never)]\npub fn half(x: u32) -> u32 { (x as f64 / 2.0) as u32 }\n";
        assert!(found("conversion", source).contains("half"));
    }

    #[test]
    fn a_float_in_a_function_of_the_toolchain_is_reached() {
        let source = "#![no_std]\npub fn parsed(text: &str) -> bool { text.parse::<f64>().is_ok() }\n";
        let text = found("reached", source);
        assert!(text.contains("core: ") && text.contains("f64"), "{text}");
    }

    #[test]
    fn a_clock_is_named_with_who_reads_it() {
        let source = "#![no_std]\nunsafe extern \"C\" { fn clock_gettime(clock: i32, time: *mut i64) -> i32; }\n\
            pub fn now() -> i64 { let mut it = [0; 2]; unsafe { clock_gettime(0, it.as_mut_ptr()) }; it[0] }\n";
        let text = found("clock", source);
        assert!(text.contains("now") && text.contains("clock_gettime"), "{text}");
    }

    #[test]
    fn the_standard_library_is_named() {
        let source = "pub fn path() -> usize { std::env::vars().count() }\n";
        let text = found("std", source);
        assert!(text.contains("path") && text.contains("std::"), "{text}");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_processor_s_own_clock_is_named() {
        let source = "#![no_std]\n#[inline(never)]\npub fn now() -> u64 { unsafe { core::arch::x86_64::_rdtsc() } }\n";
        assert!(found("rdtsc", source).contains("rdtsc"));
    }
}
