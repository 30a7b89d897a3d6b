//! The command line: every command, flag and exit code, with help that teaches.
//!
//! Invariant: names and exit codes are stable; a flag means the same everywhere.

mod journal;
mod measure;
mod watch;
mod whole;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};
use tickworld_net::tls::fingerprint::Fingerprint;
use tickworld_pool::WORKERS_MAX;
use tickworld_scenario::{scenario::TICKS_MAX, world_map::REGIONS_MAX};

use self::whole::{SECONDS_MAX, whole};
pub(crate) use self::{
    journal::{Beginning, FromJournal, Journal, Span},
    measure::{Measure, MeasureArchive, MeasureIdle, MeasureJoin, MeasureLedger, MeasureReplay, MeasureTraffic},
    watch::{Cell, Watch},
};
use crate::{drill::Kind, output::Color};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; or: both are the same, everything is as recorded
  1  different: a root, a trace or a tick is not what was recorded or expected
  2  unusable input or arguments, or an answer that could not be written; the message says what to do
  3  told to end (Ctrl-C, SIGTERM) before it was done: what it says holds until then";

const EXAMPLES: &str = "\
Examples:
  tickworld                                       a server with fifty bots in it, for a minute
  tickworld demo                                  record a battle, plant a fault, find it
  tickworld load --zipf 1.5                       durable transfers a second on this machine
  tickworld run siege                             a shipped scenario, or a YAML file of yours
  tickworld trace record siege -o siege.trace     record it
  tickworld trace verify siege.trace              simulate all of it again, compare every root
  tickworld trace diff siege.trace other.trace    who differs first, and in what
  tickworld watch siege.trace                     look at it: play, step, seek, follow
  tickworld drill --kind flip                     plant a fault and see whether diff finds it
  tickworld journal replay tickworld-data         simulate a server's history again
  tickworld swarm --seeds 0..1000                 random runs, each made many ways; what fails is shrunk";

/// The tickworld command.
#[derive(Debug, Parser)]
#[command(
    name = "tickworld",
    version,
    about = "Hosts, runs, records, verifies and compares deterministic worlds, and builds their content",
    long_about = "Hosts, runs, records, verifies and compares deterministic worlds, and builds their content.\n\n\
                  Without a command: `play`, a server of a d20 world with fifty bots in it, for a minute.",
    after_help = EXIT_CODES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// What holds for every command
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What holds for every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Common {
    /// Write one JSON value to standard output instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Simulate on this many threads; changes how long it takes, and nothing else. More than one pays from some ten
    /// thousand creatures on [default: 1]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX as i64))]
    pub(crate) threads: Option<u16>,
    /// When to colour what is for people
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a server of a d20 world with bots in it, and say where to look
    #[command(
        after_help = "Examples:\n  tickworld play\n  tickworld play siege --bots 100 --seconds 60\n  tickworld play --watch\n  tickworld play --regions 9 --bots 200"
    )]
    Play(Play),
    /// The shortest way to everything else: record a battle, verify it, plant a fault, find it
    Demo,
    /// Load a server with transfers between accounts, and measure
    ///
    /// The server and its clients are in this process, the network and the disk are real. One transfer is one input, one
    /// durable outcome and one operation.
    #[command(after_help = "Examples:\n  tickworld load --zipf 1.5\n  tickworld load --sessions 1000 --rate 5")]
    Load(Load),
    /// Measure what docs/PERFORMANCE.md tells of servers
    #[command(subcommand)]
    Measure(Measure),
    /// Let bots play on a server that runs already
    #[command(
        after_help = "Examples:\n  tickworld bots --data tickworld-data\n  tickworld-server token --player 7 >> tokens\n  tickworld bots --connect example.org:7310 --fingerprint AB:CD... --tokens tokens"
    )]
    Bots(Bots),
    /// Simulate a scenario and say what happened
    #[command(after_help = "Examples:\n  tickworld run duel\n  tickworld run my.yaml --ticks 9000 --record my.trace")]
    Run(Run),
    /// Record, verify, inspect and compare traces
    #[command(subcommand)]
    Trace(Trace),
    /// Look at a world: a trace's, a journal's, or that of a server that runs
    ///
    /// A map around a place or somebody, who is where, the last events, the tick and its root. This process simulates every tick
    /// itself and compares each root: a view says whether it is as recorded, as the journal proves, or as the server's. Keys
    /// pause, step, seek and follow; `?` shows all of them.
    #[command(
        after_help = "Examples:\n  tickworld watch siege.trace\n  tickworld watch --data tickworld-data\n  tickworld watch 127.0.0.1:7310 --data tickworld-data\n  tickworld watch siege.trace --at 300 --follow 17 --once\n  tickworld watch siege.trace --at 300 --to 450 --svg siege.svg"
    )]
    Watch(Watch),
    /// Read what a server keeps of its world, without changing it
    ///
    /// The server must have ended, in whatever way: a store is not read while somebody writes to it.
    #[command(subcommand)]
    Journal(Journal),
    /// Build, check, inspect and import content
    #[command(subcommand)]
    Content(Content),
    /// Plant a fault into one of two recordings and see whether diff finds it
    ///
    /// The ordinary diff is handed both recordings and knows nothing of the plant. A plant that changes no root is masked:
    /// both recordings are equal, and there is nothing to find.
    #[command(after_help = "Examples:\n  tickworld drill --kind flip --seed 3\n  tickworld drill --count 10000 --json")]
    Drill(Drill),
    /// Run random worlds, each by many ways, compare every root, and shrink what fails
    ///
    /// A seed gives content, a world, players and their inputs. The run is made straight, watched by the rules' invariants, then
    /// again, with jobs in another order, on threads, rolled back, restored from bytes, forked, hashed late, recorded and
    /// verified. The first seed that fails is shrunk to the fewest inputs, entities, ticks and content, and kept as a case, a
    /// Rust test and a trace. Without arguments: a minute.
    #[command(
        after_help = "Examples:\n  tickworld swarm --seeds 0..10000 --threads 2\n  tickworld swarm --time 600\n  tickworld swarm --seed 17\n  tickworld swarm --case swarm-findings/seed-17.json"
    )]
    Swarm(Swarm),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  tickworld completions bash > ~/.local/share/bash-completion/completions/tickworld"
    )]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// The arguments of `tickworld play`.
#[derive(Debug, Args)]
pub(crate) struct Play {
    /// The world: a scenario file (YAML), or a shipped one: duel, skirmish, siege (a file called duel is ./duel); with
    /// --regions a world map, or the shipped one: marches [default: skirmish, with --regions marches]
    pub(crate) scenario: Option<PathBuf>,
    /// The same, as commands take it whose first word is something else
    #[arg(long = "scenario", value_name = "SCENARIO", conflicts_with = "scenario", hide = true)]
    pub(crate) named_scenario: Option<PathBuf>,
    /// So many regions of a world map, each with a tick of its own, behind one game port: bots wander over their borders. Of
    /// a map that has more it is the first ones; the shipped one has nine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(REGIONS_MAX)))]
    pub(crate) regions: Option<u32>,
    /// How many bots
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) bots: u32,
    /// How long they play
    #[arg(long, value_name = "S", env = "TICKWORLD_SECONDS", default_value_t = 60, value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) seconds: u64,
    /// The game port; 0 for any. Where others can reach it, it says how they come in
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// The HTTP port; 0 for any. Regions have one each, from this one on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) http: SocketAddr,
    /// Keep the world in this folder; without it the world is gone afterwards
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Bots in a process of their own: what is said of memory and descriptors is then the server's alone
    #[arg(long)]
    pub(crate) apart: bool,
    /// Say every so many seconds how the server is, and at the end how it was at first and at last
    #[arg(long, value_name = "S", value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) report_every: Option<u64>,
    /// Look at the world meanwhile, as `tickworld watch` shows it; of several regions at the first one. Its end ends the
    /// server
    #[arg(long, conflicts_with_all = ["report_every", "json"])]
    pub(crate) watch: bool,
}

impl Play {
    /// The scenario, in whichever form it was named.
    pub(crate) fn scenario(&self) -> Option<&Path> {
        self.scenario.as_deref().or(self.named_scenario.as_deref())
    }
}

/// The arguments of `tickworld load`.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Command sessions that send transfers
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4_000))]
    pub(crate) sessions: u32,
    /// Transfers that each keeps without an answer
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) in_flight: u32,
    /// Instead: transfers a second of each
    #[arg(long, value_name = "N", conflicts_with = "in_flight")]
    pub(crate) rate: Option<f64>,
    /// Lockstep sessions beside them, which compute every root and count the coins
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) lockstep: u32,
    /// Lockstep sessions besides, each in a process of its own
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) apart: u32,
    /// Accounts that transfers go between
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) accounts: u32,
    /// Pick accounts by Zipf's law with this exponent; 0 picks all alike
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub(crate) zipf: f64,
    /// Ticks a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) tick_rate: u16,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) seconds: u64,
    /// Keep the world in this folder, whose disk is measured; without it the system's folder for scratch files
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Say every so many seconds how the server is
    #[arg(long, value_name = "S", value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) report_every: Option<u64>,
}

/// The arguments of `tickworld bots`.
#[derive(Debug, Args)]
pub(crate) struct Bots {
    /// The server's game port; a name is resolved
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7310")]
    pub(crate) connect: String,
    /// The data folder of a server on this machine: its certificate, and tokens of its development key
    #[arg(long, value_name = "FOLDER", required_unless_present_all = ["fingerprint", "tokens"])]
    pub(crate) data: Option<PathBuf>,
    /// Of the server's certificate, as it prints it [default: that of --data]
    #[arg(long, value_name = "HEX")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// A file with a token for each session, one a line: lockstep sessions first, then witnesses, then the rest [default:
    /// tokens of the key in --data]
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// What the server calls itself, for tokens of --data
    #[arg(long, value_name = "NAME", default_value = "tickworld")]
    pub(crate) audience: String,
    /// What is played there
    #[arg(long, value_name = "GAME", default_value = "d20")]
    pub(crate) game: GameName,
    /// The scenario whose content a d20 server has, as `tickworld play` takes it; of one with --regions its world map [default:
    /// skirmish, with --regions marches]
    pub(crate) scenario: Option<PathBuf>,
    /// The same, as commands take it whose first word is something else
    #[arg(long = "scenario", value_name = "SCENARIO", conflicts_with = "scenario", hide = true)]
    pub(crate) named_scenario: Option<PathBuf>,
    /// The regions of the d20 server, over whose borders the bots wander
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(REGIONS_MAX)))]
    pub(crate) regions: Option<u32>,
    /// Command sessions; where no session of any kind is asked for, one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) command: u32,
    /// Lockstep sessions, which simulate the world
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) lockstep: u32,
    /// Witness sessions, which see roots and no world
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) witness: u32,
    /// Inputs a second of each
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    pub(crate) rate: f64,
    /// Instead: inputs that each keeps without an answer
    #[arg(long, value_name = "N", conflicts_with = "rate", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) in_flight: Option<u32>,
    /// Accounts of a ledger server
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) accounts: u32,
    /// Coins in each of them
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) coins: u64,
    /// Pick accounts by Zipf's law with this exponent; 0 picks all alike
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    pub(crate) zipf: f64,
    /// How long they play
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = whole(1..=SECONDS_MAX))]
    pub(crate) seconds: u64,
    /// End when standard input ends: the process that started this one is gone
    #[arg(long, hide = true)]
    pub(crate) tethered: bool,
}

impl Bots {
    /// The scenario, in whichever form it was named.
    pub(crate) fn scenario(&self) -> Option<&Path> {
        self.scenario.as_deref().or(self.named_scenario.as_deref())
    }
}

/// A game by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum GameName {
    /// The d20 game
    D20,
    /// Accounts and transfers
    Ledger,
}

/// The arguments of `tickworld run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The scenario: a YAML file, or a shipped one: duel, skirmish, siege (a file called duel is ./duel)
    pub(crate) scenario: PathBuf,
    /// Run this many ticks instead of the scenario's
    #[arg(long, value_name = "N", value_parser = whole(1..=TICKS_MAX))]
    pub(crate) ticks: Option<u64>,
    /// Record a trace
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Use this seed instead of the scenario's
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Replace what is there, even a file of another kind; never an input, a device or a server's data
    #[arg(long)]
    pub(crate) force: bool,
}

/// The commands of `tickworld trace`.
#[derive(Debug, Subcommand)]
pub(crate) enum Trace {
    /// Record a scenario
    Record(Record),
    /// Simulate traces again and compare every root, link and page
    #[command(after_help = "Example:\n  tickworld trace verify golden-traces/*.trace --workers 1,2,3,8")]
    Verify(Verify),
    /// Say what is in a trace, and how far it can be read
    Info {
        /// The trace file
        file: PathBuf,
    },
    /// Show the world of any tick
    #[command(
        after_help = "Examples:\n  tickworld trace state a.trace --tick 900\n  tickworld trace state a.trace --tick 900 --entity 17v1\n  tickworld trace state a.trace --tick 900 --column health"
    )]
    State(State),
    /// Name the first tick, system, entity and field in which two traces differ
    Diff(Diff),
    /// Record what a server's journal makes of its world
    ///
    /// Every root that the journal proves is expected of the recording; the first other one ends it, with evidence.
    #[command(
        after_help = "Examples:\n  tickworld trace from-journal tickworld-data -o world.trace\n  tickworld trace from-journal tickworld-data -o part.trace --from 9001 --to 9900"
    )]
    FromJournal(FromJournal),
    /// Write a trace as JSON lines: the header, then a line a tick
    Export {
        /// The trace file
        file: PathBuf,
        /// Begin with this tick
        #[arg(long, value_name = "T")]
        from: Option<u64>,
        /// End with this tick
        #[arg(long, value_name = "T")]
        to: Option<u64>,
    },
}

/// `tickworld trace record`.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The scenario: a YAML file, or a shipped one: duel, skirmish, siege (a file called duel is ./duel)
    pub(crate) scenario: PathBuf,
    /// Where to write the trace
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Run this many ticks instead of the scenario's
    #[arg(long, value_name = "N", value_parser = whole(1..=TICKS_MAX))]
    pub(crate) ticks: Option<u64>,
    /// Use this seed instead of the scenario's
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Hash after every system: slower, but a mismatch names its system even if it cannot be repeated
    #[arg(long)]
    pub(crate) per_system: bool,
    /// Compare every tick with this trace; the first other root ends the recording, with evidence (exit code 1)
    #[arg(long, value_name = "TRACE")]
    pub(crate) expect: Option<PathBuf>,
    /// Ticks between keyframes
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keyframes: u32,
    /// Ticks whose pages are written at the end, or at a mismatch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub(crate) evidence: u32,
    /// Replace what is there, even a file of another kind; never an input, a device or a server's data
    #[arg(long)]
    pub(crate) force: bool,
}

/// `tickworld trace verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The traces to verify
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Verify with each of these numbers of workers, such as 1,2,3,8 [default: that of --threads]
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX as i64))]
    pub(crate) workers: Vec<u16>,
    /// Check records, chain and pages only, without simulating; for traces of other versions or games
    #[arg(long)]
    pub(crate) audit: bool,
    /// A trace that was broken off is good if it is as far as it goes
    #[arg(long)]
    pub(crate) prefix: bool,
}

/// `tickworld trace state`.
#[derive(Debug, Args)]
pub(crate) struct State {
    /// The trace file
    pub(crate) file: PathBuf,
    /// The tick whose world is shown
    #[arg(long, value_name = "T")]
    pub(crate) tick: u64,
    /// Only this entity: its index, or index and generation (17v1)
    #[arg(long, value_name = "E")]
    pub(crate) entity: Option<String>,
    /// Only this column
    #[arg(long, value_name = "C")]
    pub(crate) column: Option<String>,
    /// Most rows that are shown
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Everything as it is stored: all rows, keys of content as numbers
    #[arg(long, conflicts_with = "limit")]
    pub(crate) raw: bool,
}

/// `tickworld trace diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The left trace
    pub(crate) left: PathBuf,
    /// The right trace
    pub(crate) right: PathBuf,
    /// Most fields that are shown
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// A trace that ends earlier, or was broken off, is the same as one that begins like it
    #[arg(long)]
    pub(crate) prefix: bool,
}

/// The commands of `tickworld content`.
#[derive(Debug, Subcommand)]
pub(crate) enum Content {
    /// Compile a folder of YAML sources into a pack
    Build {
        /// The folder; `shipped` for the content inside this binary, `./shipped` for a folder of that name
        dir: PathBuf,
        /// Where to write the pack
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Replace what is there, even a file of another kind; never an input, a device or a server's data
        #[arg(long)]
        force: bool,
    },
    /// Check a folder of YAML sources, writing nothing
    Check {
        /// The folder; `shipped` for the content inside this binary, `./shipped` for a folder of that name
        dir: PathBuf,
    },
    /// Say what is in a pack
    Info {
        /// A pack, a folder of sources, or `shipped`: the content inside this binary (a file of that name is `./shipped`)
        pack: PathBuf,
        /// Name every entry of this table
        #[arg(long, value_name = "TABLE")]
        list: Option<Table>,
    },
    /// Turn the JSON of the 5e-database project into sources, and list what could not be expressed
    ///
    /// Both editions' files are read, and pages of Open5e's interface; what an entry is follows from its fields.
    #[command(name = "import-5e")]
    Import5e {
        /// A folder of JSON files, or one of them
        json_dir: PathBuf,
        /// The folder to write to
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Name every entry of which something could not be expressed
        #[arg(long)]
        all: bool,
        /// Replace files that are there, with every change that was made in them
        #[arg(long)]
        force: bool,
    },
    /// Write the shipped YAML sources to a folder, to change them
    Export {
        /// The folder to write to
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Replace files that are there, with every change that was made in them
        #[arg(long)]
        force: bool,
    },
}

/// A table of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Table {
    /// Stat blocks of creatures
    Creatures,
    /// Spells, of all levels
    Spells,
    /// Items, as creatures carry them
    Items,
}

/// The arguments of `tickworld drill`.
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// What to plant
    #[arg(long, value_name = "KIND", default_value = "random")]
    pub(crate) kind: Kind,
    /// Where to plant follows from this
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Plant this many, each in a recording of its own, and count what is found
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// Plant into a run of this scenario instead of a small built-in one
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) scenario: Option<PathBuf>,
    /// Keep both recordings of a single plant in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Replace what is there, even a file of another kind; never an input, a device or a server's data
    #[arg(long)]
    pub(crate) force: bool,
}

/// The arguments of `tickworld swarm`.
#[derive(Debug, Args)]
pub(crate) struct Swarm {
    /// Run this seed alone
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Run these seeds: from A on, up to but without B
    #[arg(long, value_name = "A..B")]
    pub(crate) seeds: Option<SeedRange>,
    /// End after so many seconds
    #[arg(long, value_name = "S", value_parser = whole(1..=31_536_000))]
    pub(crate) time: Option<u64>,
    /// Instead: run a case that was kept
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "time", "keep", "no_shrink"])]
    pub(crate) case: Option<PathBuf>,
    /// Keep what fails in this folder
    #[arg(long, value_name = "DIR", default_value = "swarm-findings")]
    pub(crate) keep: PathBuf,
    /// Do not shrink what fails, and keep nothing
    #[arg(long)]
    pub(crate) no_shrink: bool,
}

/// `A..B`: from A on, without B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeedRange {
    pub(crate) first: u64,
    pub(crate) end: u64,
}

impl std::str::FromStr for SeedRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once("..").and_then(|(first, end)| Some((first.parse().ok()?, end.parse().ok()?)));
        match numbers {
            Some((first, end)) if first < end => Ok(Self { first, end }),
            Some(_) => Err("there is no seed in it: the second number is beyond the last seed".into()),
            None => Err("write two numbers, such as 0..1000".into()),
        }
    }
}
