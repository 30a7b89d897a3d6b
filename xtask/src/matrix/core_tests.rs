//! The core's own tests on foreign targets, through the emulators.

use std::time::Instant;

use super::compare::{Entry, RowResult};
use super::kit::Kit;
use super::rows::Row;
use crate::shell;

/// Packages and tests: those that need neither a compiler nor other processes. What takes minutes under an emulator
/// (exhaustive mathematics) is run by this machine's own checks.
const TESTS: &[&str] = &["--package", "tickworld-sim", "--lib"];

/// Runs them for each row.
pub(crate) fn run(rows: &[Row], kit: &Kit) -> Vec<Entry> {
    rows.iter().filter_map(|row| Some(run_one(*row, row.target?, kit))).collect()
}

fn run_one(row: Row, target: &super::rows::Target, kit: &Kit) -> Entry {
    if let Some(reason) = kit.missing.get(target.name) {
        return Entry { result: RowResult::LeftOut(reason.clone()), ..Entry::of(row) };
    }
    let start = Instant::now();
    let mut cargo = kit.cargo();
    cargo.args(["test", "--quiet", "--release", "--target", target.triple]).args(TESTS);
    let printed = shell::read(&mut cargo);
    let seconds = start.elapsed().as_secs_f32();
    match printed {
        Ok(printed) => {
            let passed = passed(&printed);
            let result = if passed > 0 { RowResult::Same } else { RowResult::Wrong("no test ran".to_owned()) };
            Entry { result, seconds, lines: vec![format!("passed={passed}")], ..Entry::of(row) }
        }
        Err(error) => Entry { result: RowResult::Wrong(error.to_string()), seconds, ..Entry::of(row) },
    }
}

/// The sum over all test binaries.
fn passed(printed: &str) -> u64 {
    let results = printed.lines().filter_map(|line| line.strip_prefix("test result: ok. ")?.split_once(" passed"));
    results.filter_map(|(count, _)| count.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_over_all_binaries() {
        let printed =
            "running 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored\n\ntest result: ok. 40 passed; 0";
        assert_eq!(passed(printed), 42);
        assert_eq!(passed("nothing"), 0);
    }
}
