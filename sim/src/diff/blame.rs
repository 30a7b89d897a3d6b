//! [`Blame`]: which system of a tick made the difference.
//!
//! Invariant: both sides agree before the tick, so the first stage after which their column roots differ holds the fault. The
//! stages of a reproduced side come from running it again, those of another side only from what its recorder noted.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    executor::Executor,
    frame::InputFrame,
    game::Game,
    schema::Schema,
    simulation::Simulation,
    trace::{OUTCOMES, Source, StageRoots, TickRecord, Trace, TraceError, step_staged},
    world::World,
};

use super::{
    side::{Rerun, Side},
    worlds::Differences,
};

/// Where in a tick two sides part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// The first stage (a system, or "session" before and "outcomes" after all) after which the sides differ; `None` where
    /// the stages of a side are not known.
    pub system: Option<String>,
    /// What the right side ran in its place, where the two did not run the same systems.
    pub right_system: Option<String>,
    /// The columns that differ after that stage.
    pub columns: Vec<String>,
    /// Which systems of the reproduced side wrote the differing rows.
    pub writers: Vec<RowWriters>,
}

/// The stages that changed a row in one tick: systems, "session" before and "outcomes" after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowWriters {
    /// The name of the column.
    pub column: String,
    /// The row's number.
    pub row: u32,
    /// Names of the stages, in their order; empty where none changed it.
    pub systems: Vec<String>,
}

/// Most rows whose writers are looked for.
const ROWS_WATCHED: usize = 64;

/// Finds where in the tick of the records the sides part.
pub(super) fn blame<G: Game, L: Source, R: Source>(
    (left, left_side): (&mut Trace<L>, &Side<G>),
    (right, right_side): (&mut Trace<R>, &Side<G>),
    [left_record, right_record]: [&TickRecord; 2],
    differences: Option<&Differences>,
    rerun: Option<&Rerun<'_, G>>,
) -> Result<Blame, BlameError<L::Error, R::Error>> {
    let schema = left.schema().clone();
    let rows = differences.map(|differences| watched(differences, &schema)).unwrap_or_default();
    let mut writers = Vec::new();
    let mut again = |side: &Side<G>, record: &TickRecord| {
        let (before, rerun) = (side.before.as_deref()?, rerun?);
        let (stages, found) = run_staged(before, record, rerun, &rows, &schema)?;
        if writers.is_empty() {
            writers = found;
        }
        Some(stages)
    };
    let (left_again, right_again) = (again(left_side, left_record), again(right_side, right_record));
    let tick = left_record.tick;
    let left_stages = match left_again {
        Some(stages) => Some(stages),
        None => unless_damaged(left.stages(tick)).map_err(BlameError::Left)?,
    };
    let right_stages = match right_again {
        Some(stages) => Some(stages),
        None => unless_damaged(right.stages(tick)).map_err(BlameError::Right)?,
    };
    let mut blame = Blame { system: None, right_system: None, columns: Vec::new(), writers };
    if let (Some(left), Some(right)) = (left_stages, right_stages) {
        first_difference(&left, &right, &schema, &mut blame);
    }
    Ok(blame)
}

/// Which source failed.
pub(super) enum BlameError<L, R> {
    Left(TraceError<L>),
    Right(TraceError<R>),
}

fn unless_damaged<T, E>(read: Result<Option<T>, TraceError<E>>) -> Result<Option<T>, TraceError<E>> {
    match read {
        Err(TraceError::Source(error)) => Err(TraceError::Source(error)),
        Err(_) => Ok(None),
        read => read,
    }
}

fn first_difference(left: &StageRoots, right: &StageRoots, schema: &Schema, blame: &mut Blame) {
    let count = left.stages.len().max(right.stages.len());
    for at in 0..count {
        let (mine, theirs) = (left.stages.get(at), right.stages.get(at));
        if mine == theirs {
            continue;
        }
        let name = |stage: Option<&(String, _)>| stage.map(|(name, _)| name.clone());
        blame.system = name(mine).or_else(|| name(theirs));
        blame.right_system = name(theirs).filter(|theirs| Some(theirs) != blame.system.as_ref());
        if let (Some((_, mine)), Some((_, theirs))) = (mine, theirs) {
            let differs = mine.iter().zip(theirs).map(|(mine, theirs)| mine != theirs);
            let named = schema.columns.iter().zip(differs).filter(|(_, differs)| *differs);
            blame.columns = named.map(|(column, _)| column.name.to_string()).collect();
        }
        return;
    }
}

/// The differing rows: column and row.
fn watched(differences: &Differences, schema: &Schema) -> Vec<(usize, u32)> {
    let mut rows = Vec::new();
    for difference in &differences.list {
        // An item of a list is in the chunks' column.
        let chunks = alloc::format!("{}.chunks", difference.column);
        let is_item = difference.field.starts_with('[');
        let place = |name: &str| schema.columns.iter().position(|column| column.name == name);
        let found = if is_item { place(&chunks) } else { None }.or_else(|| place(&difference.column));
        let Some(column) = found else { continue };
        if !rows.contains(&(column, difference.row)) {
            rows.push((column, difference.row));
        }
        if rows.len() == ROWS_WATCHED {
            break;
        }
    }
    rows
}

/// Runs the tick of `record` again: its stages, and who wrote `rows`. `None` where this build cannot.
fn run_staged<G: Game>(
    before: &World<G>,
    record: &TickRecord,
    rerun: &Rerun<'_, G>,
    rows: &[(usize, u32)],
    schema: &Schema,
) -> Option<(StageRoots, Vec<RowWriters>)> {
    let frame = InputFrame::<G::Input>::decode(&record.frame).ok()?;
    let mut simulation = Simulation::<G>::resume(rerun.library.clone(), before.clone());
    let mut contents: Vec<Option<Vec<u8>>> = rows.iter().map(|row| row_bytes(before, *row)).collect();
    let name = |column: usize| schema.columns.get(column).map_or(String::new(), |column| column.name.to_string());
    let writers = |(column, row): &(usize, u32)| RowWriters { column: name(*column), row: *row, systems: Vec::new() };
    let mut writers: Vec<RowWriters> = rows.iter().map(writers).collect();
    let mut note = |stage: &'static str, world: &World<G>| {
        for ((row, content), writer) in rows.iter().zip(&mut contents).zip(&mut writers) {
            let now = row_bytes(world, *row);
            if now != *content {
                *content = now;
                writer.systems.push(stage.into());
            }
        }
    };
    let executor: &dyn Executor = rerun.executor;
    let mut watch = |stage: &'static str, world: &mut World<G>| note(stage, world);
    let (roots, stages) = step_staged(&mut simulation, &frame, executor, Some(&mut watch)).ok()?;
    // What the engine writes after the last system is shown to no observer.
    note(OUTCOMES, simulation.world());
    // It gave this root a moment ago; a machine that does not give it again has no say in which system is to blame.
    (roots.root == record.root).then_some((stages, writers))
}

fn row_bytes<G: Game>(world: &World<G>, (column, row): (usize, u32)) -> Option<Vec<u8>> {
    let columns = world.column_list();
    let (_, column) = columns.get(column)?;
    let mut bytes = Vec::new();
    column.row_bytes(row, &mut bytes).then_some(bytes)
}
