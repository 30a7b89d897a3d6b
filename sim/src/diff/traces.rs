//! [`traces`]: where two recordings part, in what, and by whom.
//!
//! Invariant: the first differing tick is found from the records themselves ([`first_difference`]). What differs there is then
//! shown from the best that each side offers, and the verdict says which that was.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Display;

use crate::{
    State,
    entities::Entities,
    entity::Entity,
    frame::{InputFrame, PlayerId, Tick},
    game::{Game, System},
    hash::{Hash, ShortHash},
    step::Step,
    trace::{Header, Source, TickRecord, Trace, TraceError},
};

use super::{
    Blame, Differences, Fields, Rerun, Standing,
    blame::{BlameError, blame},
    first::{TraceDiffError, first_difference},
    read_frame,
    side::{Side, SideState, raw_state, run_on, side},
    worlds,
};

/// What two traces say of each other.
#[derive(Clone, Debug)]
pub struct TraceDiff {
    /// What their headers differ in.
    pub header: Vec<HeaderDifference>,
    /// The last tick of each.
    pub last: [Tick; 2],
    /// The first tick that differs; `None` where everything is equal as far as both go.
    pub first: Option<FirstDifference>,
}

/// A line of the header that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderDifference {
    /// Name of the line, for people.
    pub what: &'static str,
    /// What the left one says.
    pub left: String,
    /// What the right one says.
    pub right: String,
    /// Whether it is part of the run's identity; else two recordings of one run may differ in it.
    pub matters: bool,
}

/// How much can be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This build reproduces a side, and the other one too or its pages are there: field and system.
    Reproduced,
    /// The pages of both sides are there: field.
    Evidenced,
    /// Only the columns, and the next tick at which both sides' pages are there.
    Bounded,
}

/// The first tick at which two traces differ.
#[derive(Clone, Debug)]
pub struct FirstDifference {
    /// Which tick; the start if they begin differently.
    pub tick: Tick,
    /// How much is known.
    pub verdict: Verdict,
    /// Whether the input frames differ: then the game is not at fault.
    pub inputs_differ: bool,
    /// The input frames of the tick; none at the start, or where one is malformed.
    pub frames: [Option<InputFrame<Fields>>; 2],
    /// The root of the tick on each side.
    pub roots: [Hash; 2],
    /// The columns whose roots differ.
    pub columns: Vec<String>,
    /// What is known of each side's world.
    pub standing: [Standing; 2],
    /// Why a side is not reproduced.
    pub why: [Option<String>; 2],
    /// The fields that differ, and the tick at which: a later one where the verdict is bounded.
    pub differences: Option<(Tick, Differences)>,
    /// Which system made the difference; none at the start.
    pub blame: Option<Blame>,
}

/// Compares two traces; lists at most `limit` differing fields.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/counter.inc"));
/// # use tickworld_sim::{executor::Inline, frame::{InputFrame, Tick}, rng::Entropy};
/// use tickworld_sim::{
///     diff::{Rerun, traces},
///     trace::{About, Recorder, Trace},
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Two runs of a game `Counter`, into the second of which something reached from outside.
/// let record = |meddle: bool| -> Result<Vec<u8>, Box<dyn std::error::Error>> {
///     let mut game = simulation();
///     let mut recorder = Recorder::begin(Vec::new(), &game, About::default(), &[])?;
///     for tick in 1..=9 {
///         let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([7; 16]));
///         if meddle && tick == 6 {
///             game.world_mut().state_mut().presses.set(40);
///         }
///         let roots = game.step(&frame, &Inline)?;
///         recorder.record(&frame, &roots, game.world())?;
///     }
///     Ok(recorder.seal()?.0)
/// };
/// let (mut left, mut right) = (Trace::open(record(false)?)?, Trace::open(record(true)?)?);
/// # let simulation = simulation();
/// let rerun = Rerun::<Counter> { library: simulation.library(), executor: &Inline }; // this build, to run them again
/// let found = traces(&mut left, &mut right, &rerun, 10)?.first.expect("they differ");
/// assert_eq!((found.tick, found.inputs_differ), (Tick(6), false));
/// let (_, differences) = found.differences.expect("both sides' pages are in the files");
/// assert_eq!(differences.list[0].to_string(), "presses of world: 0 | 40");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`first_difference`].
pub fn traces<G: Game, L: Source, R: Source>(
    left: &mut Trace<L>,
    right: &mut Trace<R>,
    rerun: &Rerun<'_, G>,
    limit: usize,
) -> Result<TraceDiff, TraceDiffError<L::Error, R::Error>> {
    let first = first_difference(left, right)?;
    traces_at(left, right, first, rerun, limit)
}

/// The same where `first` is known, what [`first_difference`] gives: for whoever wants to tell it before what differs there is
/// found, which may take as long as running both sides again from their keyframes.
///
/// # Errors
/// As [`traces`].
pub fn traces_at<G: Game, L: Source, R: Source>(
    left: &mut Trace<L>,
    right: &mut Trace<R>,
    first: Option<Tick>,
    rerun: &Rerun<'_, G>,
    limit: usize,
) -> Result<TraceDiff, TraceDiffError<L::Error, R::Error>> {
    Comparison { left, right, rerun: Some(rerun), limit }.run(first)
}

/// The same for traces of a game that this build does not know: nothing is run again.
///
/// # Errors
/// As [`traces`].
pub fn traces_of_unknown_game<L: Source, R: Source>(
    left: &mut Trace<L>,
    right: &mut Trace<R>,
    limit: usize,
) -> Result<TraceDiff, TraceDiffError<L::Error, R::Error>> {
    let first = first_difference(left, right)?;
    Comparison::<Unknown, L, R> { left, right, rerun: None, limit }.run(first)
}

struct Comparison<'a, G: Game, L, R> {
    left: &'a mut Trace<L>,
    right: &'a mut Trace<R>,
    rerun: Option<&'a Rerun<'a, G>>,
    limit: usize,
}

type Compared<T, L, R> = Result<T, TraceDiffError<<L as Source>::Error, <R as Source>::Error>>;

impl<G: Game, L: Source, R: Source> Comparison<'_, G, L, R> {
    fn run(mut self, first: Option<Tick>) -> Compared<TraceDiff, L, R> {
        let header = header_differences(self.left.header(), self.right.header());
        let last = [self.left.last(), self.right.last()];
        let first = match first {
            Some(tick) => Some(self.first_difference_at(tick)?),
            None => None,
        };
        Ok(TraceDiff { header, last, first })
    }

    fn first_difference_at(&mut self, tick: Tick) -> Compared<FirstDifference, L, R> {
        let left_side = side(self.left, tick, self.rerun).map_err(TraceDiffError::Left)?;
        let right_side = side(self.right, tick, self.rerun).map_err(TraceDiffError::Right)?;
        let records = self.records(tick)?;
        let roots = [
            self.left.root(tick).map_err(TraceDiffError::Left)?,
            self.right.root(tick).map_err(TraceDiffError::Right)?,
        ];
        let standing = [left_side.standing.clone(), right_side.standing.clone()];
        let verdict = verdict(&standing);
        let differences = match (&left_side.state, &right_side.state) {
            (Some(left), Some(right)) => Some((tick, worlds(&*left.view(), &*right.view(), self.limit))),
            _ => self.later_differences(tick, [&left_side, &right_side])?,
        };
        let at_tick = differences.as_ref().filter(|(at, _)| *at == tick).map(|(_, differences)| differences);
        let mut found = FirstDifference {
            tick,
            verdict,
            inputs_differ: false,
            frames: [None, None],
            roots,
            columns: at_tick
                .map(|found| found.columns.iter().map(|(name, _)| name.clone()).collect())
                .unwrap_or_default(),
            standing,
            why: [left_side.why.clone(), right_side.why.clone()],
            differences: None,
            blame: None,
        };
        if let Some([left, right]) = &records {
            let formats = [self.left.frame_format(), self.right.frame_format()];
            found.frames = [
                read_frame(&left.frame, formats[0], &self.left.schema().input).ok(),
                read_frame(&right.frame, formats[1], &self.right.schema().input).ok(),
            ];
            found.inputs_differ = match (&found.frames, formats[0] == formats[1]) {
                // The same inputs have other bytes in another format.
                ([Some(left), Some(right)], false) => left != right,
                _ => left.frame != right.frame,
            };
            found.columns = self.columns([&left.columns, &right.columns]);
            let sides = ((&mut *self.left, &left_side), (&mut *self.right, &right_side));
            found.blame = Some(blame(sides.0, sides.1, [left, right], at_tick, self.rerun)?);
        }
        found.differences = differences;
        Ok(found)
    }

    /// Both sides' records of the tick; none where it is the start of one.
    fn records(&mut self, tick: Tick) -> Compared<Option<[TickRecord; 2]>, L, R> {
        if tick <= self.left.start() || tick <= self.right.start() {
            return Ok(None);
        }
        let left = self.left.tick(tick).map_err(TraceDiffError::Left)?;
        let right = self.right.tick(tick).map_err(TraceDiffError::Right)?;
        Ok(Some([left, right]))
    }

    /// Names of the columns whose short roots differ, by name where the schemas do.
    fn columns(&self, [left, right]: [&[ShortHash]; 2]) -> Vec<String> {
        let theirs = |name: &str| {
            let at = self.right.schema().columns.iter().position(|column| column.name == name)?;
            right.get(at)
        };
        let named = self.left.schema().columns.iter().zip(left);
        let differing = named.filter(|(column, root)| theirs(&column.name) != Some(root));
        differing.map(|(column, _)| column.name.to_string()).collect()
    }

    /// The next tick at which both worlds can be had, and how they differ there.
    fn later_differences(
        &mut self,
        tick: Tick,
        [left, right]: [&Side<G>; 2],
    ) -> Compared<Option<(Tick, Differences)>, L, R> {
        let (mine, theirs) = (ticks_with_pages(self.left, tick), ticks_with_pages(self.right, tick));
        let candidates: Vec<Tick> = match (&left.standing, &right.standing) {
            (Standing::Reproduced, _) => theirs,
            (_, Standing::Reproduced) => mine,
            _ => mine.into_iter().filter(|tick| theirs.contains(tick)).collect(),
        };
        for candidate in candidates.into_iter().take(LATER_TICKS_TRIED) {
            let one = later(self.left, candidate, &left.standing, self.rerun).map_err(TraceDiffError::Left)?;
            let other = later(self.right, candidate, &right.standing, self.rerun).map_err(TraceDiffError::Right)?;
            if let (Some(one), Some(other)) = (one, other) {
                return Ok(Some((candidate, worlds(&*one.view(), &*other.view(), self.limit))));
            }
        }
        Ok(None)
    }
}

/// Later keyframes tried before a bounded verdict is given without fields.
const LATER_TICKS_TRIED: usize = 4;

const fn verdict(standing: &[Standing; 2]) -> Verdict {
    match standing {
        [Standing::Reproduced, Standing::Reproduced | Standing::Evidenced]
        | [Standing::Evidenced, Standing::Reproduced] => Verdict::Reproduced,
        [Standing::Evidenced, Standing::Evidenced] => Verdict::Evidenced,
        _ => Verdict::Bounded,
    }
}

fn ticks_with_pages<S: Source>(trace: &Trace<S>, from: Tick) -> Vec<Tick> {
    let mut ticks: Vec<Tick> =
        trace.states().iter().map(|state| state.tick).filter(|tick| *tick >= from && *tick <= trace.last()).collect();
    ticks.dedup();
    ticks
}

/// A side's world at a tick after the first that differs.
fn later<G: Game, S: Source>(
    trace: &mut Trace<S>,
    tick: Tick,
    standing: &Standing,
    rerun: Option<&Rerun<'_, G>>,
) -> Result<Option<SideState<G>>, TraceError<S::Error>> {
    if let Ok(Some(state)) = raw_state(trace, tick)? {
        return Ok(Some(state));
    }
    match (standing, rerun) {
        (Standing::Reproduced, Some(rerun)) if tick <= trace.last() => run_on(trace, tick, rerun),
        _ => Ok(None),
    }
}

impl<L, R> From<BlameError<L, R>> for TraceDiffError<L, R> {
    fn from(error: BlameError<L, R>) -> Self {
        match error {
            BlameError::Left(error) => Self::Left(error),
            BlameError::Right(error) => Self::Right(error),
        }
    }
}

fn header_differences(left: &Header, right: &Header) -> Vec<HeaderDifference> {
    let mut list = Vec::new();
    let mut compare = |what, matters, left: &dyn Display, right: &dyn Display| {
        let (left, right) = (left.to_string(), right.to_string());
        if left != right {
            list.push(HeaderDifference { what, left, right, matters });
        }
    };
    compare("game", true, &left.schema.game, &right.schema.game);
    compare("schema", true, &left.schema.id().0, &right.schema.id().0);
    compare("rules revision", true, &left.revision, &right.revision);
    compare("start tick", true, &left.start.tick, &right.start.tick);
    compare("start root", true, &left.start.root, &right.start.root);
    compare("start content", true, &left.start.content, &right.start.content);
    compare("engine", false, &left.about.engine, &right.about.engine);
    compare("title", false, &left.about.title, &right.about.title);
    compare("seed", false, &left.about.seed, &right.about.seed);
    compare("ticks per second", false, &left.about.ticks_per_second, &right.about.ticks_per_second);
    let contents = |header: &Header| format!("{:?}", header.contents);
    compare("content packs", false, &contents(left), &contents(right));
    list
}

/// Stands for a game that this build does not know; never run.
struct Unknown;

#[derive(State, Clone)]
struct Nothing {
    entities: Entities,
}

impl Game for Unknown {
    type State = Nothing;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "unknown";
    const REVISION: u32 = 0;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Nothing, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}
