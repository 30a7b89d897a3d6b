//! `tickworld watch`: a world to look at.

use std::path::PathBuf;

use clap::Args;
use tickworld_net::tls::fingerprint::Fingerprint;

use super::{Beginning, GameName, whole::whole};

/// The arguments of `tickworld watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// A trace, or the game port of a server that runs (ADDRESS:PORT; a name is resolved)
    #[arg(value_name = "TRACE|ADDRESS", required_unless_present = "data")]
    pub(crate) target: Option<String>,
    /// A server's data folder. Alone: its journal, once the server has ended. With an address: the certificate and the key
    /// for tokens of a server on this machine
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Begin with this tick [default: the first; of --once, --json and --svg the last]
    #[arg(long, value_name = "T")]
    pub(crate) at: Option<u64>,
    /// Follow this entity: its index, or index and generation (17v1)
    #[arg(long, value_name = "E")]
    pub(crate) follow: Option<String>,
    /// Look at this cell of the map
    #[arg(long, value_name = "X,Y", conflicts_with = "follow")]
    pub(crate) around: Option<Cell>,
    /// Print one view as text, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Draw the view into this file
    #[arg(long, value_name = "FILE", conflicts_with = "once")]
    pub(crate) svg: Option<PathBuf>,
    /// Make it a moving picture that ends with this tick
    #[arg(long, value_name = "T", requires = "svg")]
    pub(crate) to: Option<u64>,
    /// Ticks from one picture to the next
    #[arg(long, value_name = "N", requires = "to", default_value_t = 6, value_parser = whole(1..=100_000))]
    pub(crate) every: u64,
    /// Columns and rows of what is printed or drawn
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "100x30")]
    pub(crate) size: Size,
    /// Replace what is there, even a file of another kind; never an input, a device or a server's data
    #[arg(long)]
    pub(crate) force: bool,
    /// How to come into a server
    #[command(flatten)]
    pub(crate) login: LoginArguments,
    /// The world of a server, or of a journal that does not hold its beginning
    #[command(flatten)]
    pub(crate) beginning: Beginning,
}

/// How to come into a server that runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "With an address: how to come in")]
pub(crate) struct LoginArguments {
    /// Of the server's certificate, as it prints it [default: that of --data]
    #[arg(long, value_name = "HEX")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// A file whose first line is a token for a lockstep session [default: one of the key in --data, for a spectator]
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// What the server calls itself, for a token of --data
    #[arg(long, value_name = "NAME", default_value = "tickworld")]
    pub(crate) audience: String,
    /// What is played there
    #[arg(long, value_name = "GAME", default_value = "d20")]
    pub(crate) game: GameName,
}

/// `X,Y`: a cell of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell(pub(crate) tickworld_sim::math::Cell);

impl std::str::FromStr for Cell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once(',').and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)));
        let (x, y) = numbers.ok_or("write column and row, such as 12,7")?;
        Ok(Self(tickworld_sim::math::Cell::new(x, y)))
    }
}

/// `COLUMNSxROWS`: the size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

/// Most columns and rows of what is printed or drawn.
const SIDE_MAX: u16 = 500;

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
        match numbers {
            Some((columns, rows)) if (1..=SIDE_MAX).contains(&columns) && (1..=SIDE_MAX).contains(&rows) => {
                Ok(Self { columns, rows })
            }
            _ => Err(format!("write columns and rows, each 1 to {SIDE_MAX}, such as 100x30")),
        }
    }
}
