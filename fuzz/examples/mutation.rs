//! Writes down a mutation that a test found, as a seed of its own: `-- TARGET SEED NUMBER`. Then the target is run on it.
#![allow(clippy::print_stdout, reason = "a command-line tool: standard output is its answer")]

use std::{env, fs, path::Path, process::ExitCode};

use tickworld_fuzz::mutate::mutated;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, seed, number] = &arguments[..] else {
        eprintln!("usage: mutation TARGET SEED NUMBER, as the test printed them");
        return ExitCode::from(2);
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let (Some(target), Ok(bytes), Ok(number)) =
        (tickworld_fuzz::target(target), fs::read(folder.join(seed)), number.parse::<u64>())
    else {
        eprintln!("there is no such target or seed, or the number is none");
        return ExitCode::from(2);
    };
    let bytes = if number == 0 { bytes } else { mutated(&bytes, number) };
    let file = folder.join(format!("{seed}-{number}"));
    if let Err(error) = fs::write(&file, &bytes) {
        eprintln!("{}: {error}", file.display());
        return ExitCode::from(2);
    }
    println!("{}: {} bytes; delete it again if it is no finding", file.display(), bytes.len());
    (target.run)(&bytes);
    ExitCode::SUCCESS
}
