//! Golden traces: every root of every tick, with any number of workers, in every build.

mod common;

use common::{Bench, root};

fn names() -> Vec<String> {
    let files = std::fs::read_dir(root().join("golden-traces")).expect("the golden traces are in the repository");
    let paths = files.map(|file| file.expect("a listing").path());
    let scenarios = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut names: Vec<String> =
        scenarios.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

#[test]
fn every_one_verifies_with_any_number_of_workers() {
    let names = names();
    assert!(names.len() >= 6, "{names:?}");
    let bench = Bench::new();
    for name in names {
        let file = root().join(format!("golden-traces/{name}.trace"));
        let mut command = bench.command("trace verify --workers 1,2,3,8");
        let output = command.arg(&file).output().expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {text}");
        assert_eq!(text.matches("ok  ").count(), 4, "{text}");
    }
}

#[test]
fn every_one_is_what_its_scenario_gives() {
    let bench = Bench::new();
    for name in names() {
        let folder = root().join("golden-traces");
        let mut record = bench.command("trace record --keyframes 120 --evidence 0 -o new.trace");
        let recorded = record.arg(folder.join(format!("{name}.yaml"))).output().expect("the binary starts");
        assert!(recorded.status.success(), "{name}: {}", String::from_utf8_lossy(&recorded.stderr));
        let mut diff = bench.command("trace diff new.trace");
        let output = diff.arg(folder.join(format!("{name}.trace"))).output().expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{name}: {text}\nif it is meant: cargo xtask bless --reason \"...\"");
    }
}
