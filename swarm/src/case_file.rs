//! A case as a file: JSON that a test reads, the test itself, and a trace for the other tools.
//!
//! Invariant: what is read is what was written, content and all; a file that is no case is refused with what is wrong.

use std::{fmt::Write as _, sync::Arc};

use serde::{Deserialize, Serialize};
use tickworld_content::PackError;
use tickworld_rules::{
    Command, ContentKey, SetUp,
    settings::{Faction, Settings},
    setup::{ExitArea, Group, PlayerClass, Rect, SpawnPoint, Treasure},
};
use tickworld_sim::{
    Component,
    component::DecodeError,
    content::ContentId,
    frame::{Act, Enter, Input, InputFrame, PlayerId, Request, Sequence, Tick},
    hash::Hash,
    math::Cell,
    region::RegionId,
    rng::Entropy,
};

use crate::{
    case::Case,
    content::Content,
    runner::{Found, Runner},
    variants::Variant,
    violation::Violation,
};

/// Version of the file.
const FORMAT: u32 = 1;
/// Longest run that a file may ask for: a file is no reason to be busy for ever.
const TICKS_MAX: u64 = 100_000;

/// Why a file is no case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// It is not the JSON of a case.
    #[error("not a case: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("a case of format {0}, this build reads format {FORMAT}: draw the seed again")]
    Format(u32),
    /// It would run too long.
    #[error("{0} ticks, at most {TICKS_MAX} are allowed")]
    Ticks(u64),
    /// Something is not in hexadecimal digits.
    #[error("`{0}` is not a number in hexadecimal digits of the right length")]
    Hex(String),
    /// Its content is no pack.
    #[error("its content: {0}")]
    Content(#[from] PackError),
    /// An input is none of this build's.
    #[error("an input of tick {tick}: {cause}")]
    Input {
        /// Of which tick.
        tick: u64,
        /// What is wrong.
        cause: DecodeError,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    format: u32,
    /// What failed, as a sentence for people; it is not read back.
    found: String,
    seed: u64,
    ticks: u64,
    ways: Vec<Variant>,
    world: WorldFile,
    inputs: Vec<InputFile>,
    packs: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorldFile {
    seed: u64,
    cells: [u16; 2],
    ticks_per_second: u16,
    path_nodes_per_tick: u32,
    rest_ticks: u32,
    day_ticks: u32,
    enemies: Vec<[u8; 2]>,
    walls: Vec<[u16; 4]>,
    groups: Vec<GroupFile>,
    spawn_points: Vec<SpawnFile>,
    classes: Vec<ClassFile>,
    treasures: Vec<TreasureFile>,
    /// Cases of earlier builds have none.
    #[serde(default)]
    exits: Vec<ExitFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    creature: String,
    count: u32,
    faction: u8,
    area: [u16; 4],
    coins: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpawnFile {
    creature: String,
    faction: u8,
    area: [u16; 4],
    every: u32,
    alive: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassFile {
    creature: String,
    faction: u8,
    area: [u16; 4],
    coins: u64,
    items: Vec<(String, u32)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TreasureFile {
    at: [i32; 2],
    item: Option<(String, u32)>,
    coins: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExitFile {
    area: [u16; 4],
    region: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFile {
    tick: u64,
    player: u64,
    sequence: u32,
    act: ActFile,
    /// What the input says, as text for people; it is not read back.
    #[serde(default)]
    says: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActFile {
    Enter {
        generation: u32,
        opened_by: u64,
    },
    Leave,
    TimeOut,
    Void,
    Kick(u64),
    Bar {
        player: u64,
        is_barred: bool,
    },
    Clear(u64),
    Content(String),
    Incarnation {
        number: u32,
        lamport: u64,
    },
    Play(String),
    /// Any other act: a frame that holds it alone.
    Frame(String),
}

impl Case {
    /// The case as JSON; `found` says to people what it fails with.
    #[must_use]
    pub fn to_json(&self, found: &str) -> String {
        let file = CaseFile {
            format: FORMAT,
            found: found.to_owned(),
            seed: self.seed,
            ticks: self.ticks,
            ways: self.variants.clone(),
            world: WorldFile::of(&self.set_up),
            inputs: self.inputs.iter().map(|(tick, input)| InputFile::of(*tick, input)).collect(),
            packs: self.packs.iter().map(|content| hex(&content.bytes)).collect(),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("plain values have a JSON form");
        text.push('\n');
        text
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// Where it is no case of this build.
    pub fn from_json(text: &str) -> Result<Self, CaseError> {
        let file: CaseFile = serde_json::from_str(text)?;
        if file.format != FORMAT {
            return Err(CaseError::Format(file.format));
        }
        if file.ticks > TICKS_MAX {
            return Err(CaseError::Ticks(file.ticks));
        }
        let packs = file.packs.iter().map(|pack| Ok(Arc::new(Content::read(unhex(pack)?)?)));
        let packs = packs.collect::<Result<_, CaseError>>()?;
        let inputs = file.inputs.iter().map(InputFile::read).collect::<Result<_, CaseError>>()?;
        let (seed, ticks, variants) = (file.seed, file.ticks, file.ways);
        Ok(Self { seed, set_up: file.world.read()?, packs, ticks, inputs, variants })
    }

    /// The trace of the run, for the other tools: as far as it goes before it stops.
    ///
    /// # Errors
    /// When the run cannot be recorded.
    pub fn to_trace(&self) -> Found<Vec<u8>> {
        let mut runner = Runner::new(self);
        let mut frames = self.frames().into_iter();
        // What is found on the way is why somebody wants the trace.
        _ = runner.straight(&mut |_| frames.next().map(|frame| frame.inputs));
        runner.frames.truncate(runner.line.len());
        runner.line.clear();
        runner.record(16, Variant::Straight)
    }

    /// A Rust test of the case, which it reads from the file `json_name` beside it.
    #[must_use]
    pub fn to_rust_test(&self, json_name: &str, violation: &Violation) -> String {
        let mut text = String::new();
        let size = self.size();
        let lines = [
            format!("//! Found by `tickworld swarm --seed {}` and shrunk to {} inputs,", self.seed, size.inputs),
            format!("//! {} entities and {} ticks:", size.entities, size.ticks),
            format!("//! {}.", violation.to_string().replace('\n', " ")),
            String::new(),
            "#[test]".into(),
            format!("fn swarm_seed_{}() {{", self.seed),
            format!(
                "    let case = tickworld_swarm::Case::from_json(include_str!(\"{json_name}\")).expect(\"a case\");"
            ),
            "    assert_eq!(case.check(), Ok(()));".into(),
            "}".into(),
        ];
        for line in lines {
            writeln!(text, "{line}").expect("a string takes everything");
        }
        text
    }
}

impl WorldFile {
    fn of(it: &SetUp) -> Self {
        let settings = it.settings;
        let group = |it: &Group| GroupFile {
            creature: key(it.creature),
            count: it.count,
            faction: it.faction.0,
            area: cells(it.area),
            coins: it.coins,
        };
        let spawn = |it: &SpawnPoint| SpawnFile {
            creature: key(it.creature),
            faction: it.faction.0,
            area: cells(it.area),
            every: it.interval_ticks,
            alive: it.alive_max,
        };
        let class = |it: &PlayerClass| ClassFile {
            creature: key(it.creature),
            faction: it.faction.0,
            area: cells(it.area),
            coins: it.coins,
            items: it.items.iter().map(|(item, count)| (key(*item), *count)).collect(),
        };
        let treasure = |it: &Treasure| TreasureFile {
            at: [it.cell.x, it.cell.y],
            item: it.item.map(|(item, count)| (key(item), count)),
            coins: it.coins,
        };
        Self {
            seed: it.seed,
            cells: [settings.width_cells, settings.height_cells],
            ticks_per_second: settings.ticks_per_second,
            path_nodes_per_tick: settings.path_nodes_per_tick,
            rest_ticks: settings.rest_ticks,
            day_ticks: settings.day_ticks,
            enemies: it.enemies.iter().map(|(a, b)| [a.0, b.0]).collect(),
            walls: it.walls.iter().copied().map(cells).collect(),
            groups: it.groups.iter().map(group).collect(),
            spawn_points: it.spawn_points.iter().map(spawn).collect(),
            classes: it.classes.iter().map(class).collect(),
            treasures: it.treasures.iter().map(treasure).collect(),
            exits: it.exits.iter().map(|it| ExitFile { area: cells(it.area), region: it.region.0 }).collect(),
        }
    }

    fn read(self) -> Result<SetUp, CaseError> {
        let [width, height] = self.cells;
        let settings = Settings {
            ticks_per_second: self.ticks_per_second,
            path_nodes_per_tick: self.path_nodes_per_tick,
            rest_ticks: self.rest_ticks,
            day_ticks: self.day_ticks,
            ..Settings::of_map(width, height)
        };
        let mut set_up = SetUp { settings, seed: self.seed, ..SetUp::of_map(width, height) };
        set_up.enemies = self.enemies.iter().map(|[a, b]| (Faction(*a), Faction(*b))).collect();
        set_up.walls = self.walls.into_iter().map(rect).collect();
        for GroupFile { creature, count, faction, area, coins } in self.groups {
            let (creature, area) = (unkey(&creature)?, rect(area));
            set_up.groups.push(Group { creature, count, area, faction: Faction(faction), coins });
        }
        for SpawnFile { creature, faction, area, every, alive } in self.spawn_points {
            let (creature, area, faction) = (unkey(&creature)?, rect(area), Faction(faction));
            let point = SpawnPoint { creature, area, faction, alive_max: alive, interval_ticks: every };
            set_up.spawn_points.push(point);
        }
        for ClassFile { creature, faction, area, coins, items } in self.classes {
            let items = items.iter().map(|(item, count)| Ok((unkey(item)?, *count)));
            let items = items.collect::<Result<_, CaseError>>()?;
            let (creature, area) = (unkey(&creature)?, rect(area));
            set_up.classes.push(PlayerClass { creature, area, faction: Faction(faction), coins, items });
        }
        for TreasureFile { at: [x, y], item, coins } in self.treasures {
            let item = item.map(|(item, count)| Ok::<_, CaseError>((unkey(&item)?, count))).transpose()?;
            set_up.treasures.push(Treasure { cell: Cell::new(x, y), item, coins });
        }
        let exit = |it: ExitFile| ExitArea { area: rect(it.area), region: RegionId(it.region) };
        set_up.exits = self.exits.into_iter().map(exit).collect();
        Ok(set_up)
    }
}

impl InputFile {
    fn of(tick: u64, input: &Input<Command>) -> Self {
        let (act, says) = match &input.act {
            Act::Enter(Enter { generation, opened_by }) => {
                (ActFile::Enter { generation: *generation, opened_by: *opened_by }, String::new())
            }
            Act::Leave => (ActFile::Leave, String::new()),
            Act::TimeOut => (ActFile::TimeOut, String::new()),
            Act::Void => (ActFile::Void, String::new()),
            Act::Incarnation { number, lamport } => {
                (ActFile::Incarnation { number: *number, lamport: *lamport }, String::new())
            }
            Act::Request(Request::Kick(player)) => (ActFile::Kick(player.0), String::new()),
            Act::Request(Request::Bar { player, is_barred }) => {
                (ActFile::Bar { player: player.0, is_barred: *is_barred }, String::new())
            }
            Act::Request(Request::Content(id)) => (ActFile::Content(hex(&id.0.0)), String::new()),
            Act::Request(Request::Clear(player)) => (ActFile::Clear(player.0), String::new()),
            Act::Play(command) => {
                let mut bytes = vec![0; Command::SIZE];
                command.encode(&mut bytes);
                (ActFile::Play(hex(&bytes)), format!("{command:?}"))
            }
            other => {
                let mut bytes = Vec::new();
                InputFrame::new(Tick(0), Entropy::PREDICTED, vec![input.clone()]).encode(&mut bytes);
                (ActFile::Frame(hex(&bytes)), format!("{other:?}"))
            }
        };
        Self { tick, player: input.player.0, sequence: input.sequence.0, act, says }
    }

    fn read(&self) -> Result<(u64, Input<Command>), CaseError> {
        let act = match &self.act {
            ActFile::Enter { generation, opened_by } => {
                Act::Enter(Enter { generation: *generation, opened_by: *opened_by })
            }
            ActFile::Void => Act::Void,
            ActFile::Kick(player) => Act::Request(Request::Kick(PlayerId(*player))),
            ActFile::Bar { player, is_barred } => {
                Act::Request(Request::Bar { player: PlayerId(*player), is_barred: *is_barred })
            }
            ActFile::Clear(player) => Act::Request(Request::Clear(PlayerId(*player))),
            ActFile::Incarnation { number, lamport } => Act::Incarnation { number: *number, lamport: *lamport },
            ActFile::Leave => Act::Leave,
            ActFile::TimeOut => Act::TimeOut,
            ActFile::Content(id) => {
                let bytes = unhex(id)?.try_into().map_err(|_| CaseError::Hex(id.clone()))?;
                Act::Request(Request::Content(ContentId(Hash(bytes))))
            }
            ActFile::Frame(bytes) => {
                let frame = InputFrame::decode(&unhex(bytes)?);
                let frame = frame.map_err(|cause| CaseError::Input { tick: self.tick, cause })?;
                frame.inputs.into_iter().next().ok_or_else(|| CaseError::Hex(bytes.clone()))?.act
            }
            ActFile::Play(body) => {
                let command = Command::decode(&unhex(body)?);
                Act::Play(command.map_err(|cause| CaseError::Input { tick: self.tick, cause })?)
            }
        };
        Ok((self.tick, Input { player: PlayerId(self.player), sequence: Sequence(self.sequence), act }))
    }
}

const fn cells(Rect { x, y, width, height }: Rect) -> [u16; 4] {
    [x, y, width, height]
}

const fn rect([x, y, width, height]: [u16; 4]) -> Rect {
    Rect { x, y, width, height }
}

fn key(key: ContentKey) -> String {
    format!("{:016x}", key.0)
}

fn unkey(text: &str) -> Result<ContentKey, CaseError> {
    let value = u64::from_str_radix(text, 16).map_err(|_| CaseError::Hex(text.to_owned()))?;
    Ok(ContentKey(value))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn unhex(text: &str) -> Result<Vec<u8>, CaseError> {
    let wrong = || CaseError::Hex(text.chars().take(80).collect());
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong());
    (0..text.len()).step_by(2).map(byte).collect()
}
