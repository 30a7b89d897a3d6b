//! `cargo xtask measure`: the figures of servers in docs/PERFORMANCE.md, one command after the other.
//!
//! Invariant: each is a command of the `tickworld` tool that stands in that document too; nothing is measured here. A
//! measurement that finds something wrong does not keep the others from running, and fails the whole.

use std::time::Instant;

use anyhow::bail;

use crate::shell;

/// A figure and the command that gives it.
struct Figure {
    name: &'static str,
    /// The aim of docs/PERFORMANCE.md.
    aim: &'static str,
    command: &'static str,
}

const FIGURES: &[Figure] = &[
    Figure {
        name: "throughput",
        aim: "100,000 durable transfers a second through the network, accounts picked alike",
        command: "load --seconds 20",
    },
    Figure {
        name: "throughput-zipf",
        aim: "the same, accounts picked by Zipf's law with exponent 1.5",
        command: "load --seconds 20 --zipf 1.5",
    },
    Figure {
        name: "ledger",
        aim: "500,000 durable transfers a second in process",
        command: "measure ledger --seconds 15",
    },
    Figure {
        name: "ledger-zipf",
        aim: "the same, by Zipf's law with exponent 1.5",
        command: "measure ledger --seconds 15 --zipf 1.5",
    },
    Figure {
        name: "load-best",
        aim: "the load that keeps the machine busy, for the next figure: 512 sessions with 64 transfers in flight",
        command: "load --sessions 512 --in-flight 64 --seconds 10",
    },
    Figure {
        name: "load-twice",
        aim: "at twice that load at least 80 % of its transfers a second, and a bounded latency",
        command: "load --sessions 1000 --in-flight 64 --seconds 10",
    },
    Figure {
        name: "latency",
        aim: "1,000 sessions at 5 inputs a second: p50 < 30 ms, p99 < 50, p99.9 < 75; tick p99 < 10 ms",
        command: "load --sessions 992 --lockstep 0 --apart 8 --rate 5 --accounts 10000 --seconds 60",
    },
    Figure {
        name: "traffic",
        aim: "16 KiB/s down to a lockstep client among 64 players; and as they grow",
        command: "measure traffic --players 64,128,256,512,1000",
    },
    Figure {
        name: "traffic-ledger",
        aim: "the same in a ledger",
        command: "measure traffic --players 64 --game ledger",
    },
    Figure {
        name: "join",
        aim: "10 s at 20 Mbit/s into 100,000 creatures, no tick delayed by more than one",
        command: "measure join --megabits 20",
    },
    Figure {
        name: "replay",
        aim: "100 x real time with 1,000 creatures in battle; restart after an hour under 3 s",
        command: "measure replay --hours 1",
    },
    Figure {
        name: "idle",
        aim: "at most 2 kB/s written while nobody is there, and the first input answered as fast as any",
        command: "measure idle --seconds 300",
    },
    Figure {
        name: "archive",
        aim: "200,000 accounts through 65,536 slots; 10,000 moves a minute cost less than 2 % of a tick",
        command: "measure archive --accounts 200000",
    },
    Figure { name: "idle-ledger", aim: "the same in a ledger", command: "measure idle --game ledger --seconds 300" },
];

/// Runs all, or the one of this name.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<()> {
    if let Some(name) = only.filter(|name| FIGURES.iter().all(|figure| figure.name != *name)) {
        let names: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
        bail!("no figure `{name}`: there are {}", names.join(", "));
    }
    shell::run(shell::cargo().args(["build", "--quiet", "--release", "--package", "tickworld-cli"]))?;
    let mut wrong = Vec::new();
    for figure in FIGURES.iter().filter(|figure| only.is_none_or(|name| name == figure.name)) {
        println!("\n{}: {}\n$ tickworld {}", figure.name, figure.aim, figure.command);
        let begun = Instant::now();
        let mut cargo = shell::cargo();
        cargo.args(["run", "--quiet", "--release", "--package", "tickworld-cli", "--"]);
        if let Err(error) = shell::run(cargo.args(figure.command.split(' '))) {
            println!("wrong      {error:#}");
            wrong.push(figure.name);
        }
        println!("took       {:.0} s", begun.elapsed().as_secs_f64());
    }
    if wrong.is_empty() { Ok(()) } else { bail!("something was wrong in: {}", wrong.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_stands_in_the_document() {
        let document = std::fs::read_to_string(shell::root().join("docs/PERFORMANCE.md")).expect("the document");
        for figure in FIGURES {
            let command = format!("tickworld {}", figure.command);
            assert!(document.contains(&command), "docs/PERFORMANCE.md does not say `{command}`");
        }
    }

    #[test]
    fn an_unknown_figure_is_named() {
        let error = run(Some("speed")).expect_err("there is no such figure");
        assert!(error.to_string().contains("throughput"), "{error}");
    }
}
