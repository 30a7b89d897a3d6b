//! The README's commands are the ones CI runs, so they work.

use super::tree::{Finding, Tree};

const SCRIPT_PATH: &str = ".ci/run";

/// Looks for each command of the README's `sh` blocks as a line of the script.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(readme) = tree.file("README.md") else {
        return vec![Finding::on("README.md", "is missing")];
    };
    let script = tree.file(SCRIPT_PATH).map_or("", |file| file.text.as_str());
    // What stands behind a pipe only changes how the output looks.
    let run: Vec<&str> = script.lines().map(|line| line.split(" |").next().unwrap_or(line).trim()).collect();
    let mut findings = Vec::new();
    let mut in_block = false;
    let mut count = 0;
    for (index, line) in readme.text.lines().enumerate() {
        if line.starts_with("```") {
            in_block = line == "```sh";
            continue;
        }
        let command = line.split('#').next().unwrap_or(line).trim();
        if !in_block || !command.starts_with("cargo ") {
            continue;
        }
        count += 1;
        if !run.contains(&command) {
            findings.push(readme.at(index + 1, format!("{SCRIPT_PATH} does not run `{command}`")));
        }
    }
    if count == 0 {
        findings.push(readme.whole("shows no command in a ```sh block"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(readme: &str, script: &str) -> usize {
        check(&Tree::of(&[("README.md", readme), (".ci/run", script)])).len()
    }

    #[test]
    fn a_command_that_ci_does_not_run_is_caught() {
        let readme = "```sh\ncargo run --release   # the demonstration\ncargo test --workspace\n```\n";
        assert_eq!(count(readme, "cargo run --release\n  cargo test --workspace | tee log\n"), 0);
        assert_eq!(count(readme, "cargo run --release\ncargo test\n"), 1);
        assert_eq!(count(readme, "# cargo run --release\n"), 2);
    }

    #[test]
    fn a_readme_without_commands_is_caught() {
        assert_eq!(count("Nothing.\n", ""), 1);
        assert_eq!(count("```rust\ncargo run\n```\n", ""), 1);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
