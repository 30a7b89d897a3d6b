//! [`findings`]: what must not be in the code of a simulation.
//!
//! Invariant: every exception says what it is for and where it holds, and one that is never needed is an error, so the list
//! does not outlive its reasons.

use std::{cell::RefCell, collections::BTreeSet};

use anyhow::{Result, bail};

use super::{
    arm,
    code::{Function, Machine, Program},
    instruction::{Kind, Noted},
    x86,
};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The function, or the file.
    pub(super) place: String,
    pub(super) krate: String,
    pub(super) what: String,
}

/// Instructions that may stand in functions of a crate.
struct Exception {
    machine: Machine,
    krate: &'static str,
    /// How the names of the functions begin.
    prefixes: &'static [&'static str],
    instructions: &'static [&'static str],
    reason: &'static str,
}

/// What may be, with its reasons.
pub(super) struct Exceptions {
    list: &'static [Exception],
    needed: RefCell<BTreeSet<usize>>,
}

const KNOWN: &[Exception] = &[Exception {
    machine: Machine::X86,
    krate: "blake3",
    // The second are the toolchain's own instructions, where they are not inlined.
    prefixes: &["blake3::", "core::core_arch::x86::"],
    instructions: &["cpuid", "xgetbv"],
    reason: "chooses the widest vectors of the processor; the hash is the same with each, which the library tests and the \
             golden matrix compares between machines",
}];

/// Symbols that nobody below the line defines, and what they are for.
const SYMBOLS: &[(&str, &str)] = &[
    ("memcpy", "copies memory"),
    ("memmove", "copies memory"),
    ("memset", "fills memory"),
    ("memcmp", "compares memory"),
    ("bcmp", "compares memory"),
    ("strlen", "measures a text"),
    ("__rust_alloc", "the embedder's allocator"),
    ("__rust_alloc_zeroed", "the embedder's allocator"),
    ("__rust_realloc", "the embedder's allocator"),
    ("__rust_dealloc", "the embedder's allocator"),
    ("__rust_alloc_error_handler", "the embedder's allocator"),
    ("__rust_alloc_error_handler_should_panic_v2", "the embedder's allocator"),
    ("__rust_no_alloc_shim_is_unstable_v2", "the embedder's allocator"),
    ("__rg_oom", "the embedder's allocator"),
    ("rust_begin_unwind", "the embedder's handler of panics"),
    ("rust_eh_personality", "the embedder's handler of panics"),
    ("_Unwind_Resume", "the embedder's handler of panics"),
    ("_GLOBAL_OFFSET_TABLE_", "the linker's"),
];

/// How names of functions begin that have no place below the line, whoever brought them.
const PATHS: &[&str] = &["std::", "hashbrown::", "getrandom::", "libc::", "rand::", "time::", "chrono::"];

impl Exceptions {
    /// Those of this project.
    pub(super) fn known() -> Self {
        Self { list: KNOWN, needed: RefCell::default() }
    }

    fn allow(&self, function: &Function, noted: &Noted) -> bool {
        let found = self.list.iter().position(|it| {
            let is_there = it.machine == function.machine && it.krate == function.krate;
            is_there
                && it.prefixes.iter().any(|prefix| is_of(&function.name, prefix))
                && it.instructions.contains(&&*noted.text)
        });
        self.needed.borrow_mut().extend(found);
        found.is_some()
    }
}

/// Everything that must not be.
///
/// # Errors
/// When an exception that is listed for this machine is not needed.
pub(super) fn findings(program: &Program, exceptions: &Exceptions) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for function in &program.functions {
        if let Some(path) = PATHS.iter().find(|path| is_of(&function.name, path)) {
            findings.push(function.finding(format!("code of {path}")));
        }
        let noted = match function.machine {
            Machine::X86 => x86::noted(&function.bytes),
            Machine::Arm => arm::noted(&function.bytes),
            Machine::Other => bail!("{}: code for a machine that this check cannot read", function.krate),
        };
        for noted in noted.iter().filter(|noted| !exceptions.allow(function, noted)) {
            let what = match noted.kind {
                Kind::Float => format!("`{}` computes with floats", noted.text),
                Kind::Environment => format!("`{}` asks the machine", noted.text),
                Kind::Unreadable => "bytes that are no instruction".to_owned(),
            };
            findings.push(function.finding(what));
        }
    }
    for missing in &program.missing {
        if !SYMBOLS.iter().any(|(symbol, _)| *symbol == missing.symbol || is_mangled(&missing.symbol, symbol)) {
            let (place, krate) = (missing.user.clone(), missing.krate.clone());
            findings.push(Finding {
                place,
                krate,
                what: format!("names `{}`, which is not below the line", missing.symbol),
            });
        }
    }
    for (index, Exception { machine, krate, reason, .. }) in exceptions.list.iter().enumerate() {
        let is_needed = exceptions.needed.borrow().contains(&index);
        if !is_needed && program.functions.iter().any(|it| it.krate == *krate && it.machine == *machine) {
            bail!("the exception for {krate} ({reason}) is not needed any more: remove it");
        }
    }
    Ok(findings)
}

impl Function {
    fn finding(&self, what: String) -> Finding {
        Finding { place: self.name.clone(), krate: self.krate.clone(), what }
    }
}

/// `std::env::vars`, `<std::fs::File as Drop>::drop`.
fn is_of(name: &str, path: &str) -> bool {
    name.trim_start_matches(['<', '&', '(']).starts_with(path)
}

/// The allocator's symbols carry a hash of their own: `__rustc::__rust_alloc`.
fn is_mangled(found: &str, symbol: &str) -> bool {
    found.strip_prefix("__rustc::").is_some_and(|name| name == symbol)
}

#[cfg(test)]
mod tests {
    use super::{super::code::Missing, *};

    const CPUID: &[u8] = &[0x0F, 0xA2, 0xC3];
    const RDTSC: &[u8] = &[0x0F, 0x31, 0xC3];

    fn function(krate: &str, name: &str, bytes: &[u8]) -> Function {
        let (name, krate, bytes) = (name.to_owned(), krate.to_owned(), bytes.to_vec());
        Function { name, krate, is_own: true, machine: Machine::X86, bytes }
    }

    fn checked(functions: Vec<Function>, symbols: &[&str]) -> Result<Vec<String>> {
        let missing = |symbol: &&str| Missing {
            symbol: (*symbol).to_owned(),
            user: "sim::step".to_owned(),
            krate: "sim".to_owned(),
        };
        let program = Program { functions, missing: symbols.iter().map(missing).collect() };
        let findings = findings(&program, &Exceptions::known())?;
        Ok(findings.into_iter().map(|it| format!("{}: {}", it.place, it.what)).collect())
    }

    #[test]
    fn an_exception_holds_for_its_crate_and_its_instructions() {
        let fine = || function("blake3", "<blake3::Hasher>::new", CPUID);
        assert_eq!(checked(vec![fine()], &[]).expect("a needed exception"), [""; 0]);
        let others = vec![fine(), function("blake3", "blake3::now", RDTSC), function("sim", "blake3::new", CPUID)];
        let found = checked(others, &[]).expect("a needed exception");
        assert_eq!(found, ["blake3::now: `rdtsc` asks the machine", "blake3::new: `cpuid` asks the machine"]);
    }

    #[test]
    fn an_exception_that_nothing_needs_is_an_error() {
        let error = checked(vec![function("blake3", "blake3::hash", &[0xC3])], &[]).expect_err("nothing needs it");
        assert!(error.to_string().contains("not needed any more"), "{error}");
    }

    #[test]
    fn a_symbol_from_above_the_line_is_named_with_its_user() {
        let found =
            checked(Vec::new(), &["memcpy", "__rustc::__rust_alloc", "getenv"]).expect("no exception is at stake");
        assert_eq!(found, ["sim::step: names `getenv`, which is not below the line"]);
    }
}
