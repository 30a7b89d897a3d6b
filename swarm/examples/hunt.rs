//! A hunt for programs: `hunt SECONDS SEEDS [bare]` runs seeds from 0 on until one fails, the time is up or they are
//! over, shrinks what failed unless it is to be `bare`, and says in one line of JSON what came of it. `tickworld swarm` is for
//! people.
#![allow(clippy::print_stdout, reason = "standard output is its answer")]

use std::{path::Path, time::Instant};

use serde_json::json;
use tickworld_swarm::{ContentPool, hunt, shrink, silence_panics};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let [seconds, seeds] = numbers[..] else { panic!("give the seconds and the seeds at most") };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
    let pool = ContentPool::new(tickworld_contentc::compile_dir(&data).expect("the shipped content compiles").pack);
    silence_panics();
    let begun = Instant::now();
    let elapsed = |begun: Instant| begun.elapsed().as_secs_f32();
    let (mut done, mut ticks, mut stepped, mut roots) = (0, 0, 0, String::new());
    while done < seeds && begun.elapsed().as_secs() < seconds {
        let run = hunt::seed(&pool, done);
        (done, ticks, stepped) = (done + 1, ticks + run.case.ticks, stepped + run.ticks_stepped);
        roots.extend(run.last_root.map(|root| root.to_string()[..8].to_owned()));
        if let Some(violation) = run.violation {
            let (found_seconds, begun) = (elapsed(begun), Instant::now());
            if std::env::args().any(|it| it == "bare") {
                println!("{}", json!({ "seed": run.seed, "seconds": found_seconds, "way": violation.variant.word() }));
                return;
            }
            let shrunk = shrink(&run.case, &violation);
            let report = json!({
                "seed": run.seed, "seconds": found_seconds, "way": violation.variant.word(), "text": violation.to_string(),
                "before": shrunk.before, "after": shrunk.after, "tries": shrunk.tries, "always": shrunk.always,
                "shrink_seconds": elapsed(begun), "shrunk": shrunk.violation.to_string(),
            });
            println!("{report}");
            return;
        }
    }
    let digest = tickworld_sim::hash::hash(roots.as_bytes()).to_string();
    let report = json!({
        "seed": null, "seconds": elapsed(begun), "seeds": done, "ticks": ticks, "stepped": stepped, "digest": digest,
    });
    println!("{report}");
}
