//! [`StageRoots`]: the column roots after every system of one tick, to name the first system after which two sides differ.
//!
//! Invariant: one stage for joins and leaves ("session"), one per system in order, and one for what the engine does after the
//! last system ("outcomes"), so that every change of a tick lies in exactly one stage.

use alloc::{string::String, vec::Vec};

use crate::{
    bytes::Reader,
    component::{DecodeCause, DecodeError},
    executor::Executor,
    frame::{FrameError, InputFrame, Tick},
    game::Game,
    hash::ShortHash,
    limits,
    simulation::{Observer, Simulation},
    world::{Roots, World},
};

use super::tick::{put_columns, read_columns, short};

/// What the last stage is called.
pub(crate) const OUTCOMES: &str = "outcomes";

/// The column roots of a tick after each of its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRoots {
    /// The tick whose stages they are.
    pub tick: Tick,
    /// In order: the stage's name and the first bytes of every column root after it.
    pub stages: Vec<(String, Vec<ShortHash>)>,
}

impl StageRoots {
    // DOC:STAGES
    /// 0   8  tick
    /// 8   2  stages  number (from 1 to 1,024), then each: name ("Schema"), number of columns (2), first 8 bytes of each
    ///                column root; those of the last stage are the tick's
    // DOC:END
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        let kept = self.stages.len().min(usize::from(limits::STAGES_MAX));
        out.extend_from_slice(&u16::try_from(kept).expect("within the limit").to_le_bytes());
        for (name, columns) in self.stages.iter().take(kept) {
            let name = &name[..name.floor_char_boundary(limits::NAME_BYTES_MAX)];
            out.push(u8::try_from(name.len()).expect("cut to 64 bytes"));
            out.extend_from_slice(name.as_bytes());
            put_columns(out, columns);
        }
    }

    pub(super) fn decode(bytes: &[u8], column_count: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let tick = Tick(reader.value()?);
        let count: u16 = reader.value()?;
        if count > limits::STAGES_MAX {
            return Err(reader.fail(DecodeCause::Range));
        }
        let mut stages = Vec::new();
        for _ in 0..count {
            let length = usize::from(reader.value::<u8>()?);
            let error = reader.fail(DecodeCause::Form("a stage's name is 1 to 64 bytes of UTF-8"));
            let name = core::str::from_utf8(reader.take(length)?).map_err(|_| error)?;
            if length == 0 || length > limits::NAME_BYTES_MAX {
                return Err(error);
            }
            stages.push((String::from(name), read_columns(&mut reader, column_count)?));
        }
        reader.end()?;
        Ok(Self { tick, stages })
    }

    /// Compares the last stage with the column roots recorded for the tick.
    pub(super) fn check(&self, recorded: &[ShortHash]) -> Result<(), &'static str> {
        match self.stages.last() {
            Some((_, columns)) if columns == recorded => Ok(()),
            _ => Err("the last stage does not have the column roots of its tick"),
        }
    }
}

/// Makes the next tick and hashes it after every stage: dearer than a plain step, for blame and drills.
///
/// `observer` is shown the world before each stage is hashed, so what it changes belongs to that stage.
///
/// # Errors
/// When the frame is refused; the world is then unchanged.
pub fn step_staged<G: Game>(
    simulation: &mut Simulation<G>,
    frame: &InputFrame<G::Input>,
    executor: &dyn Executor,
    mut observer: Option<Observer<'_, G>>,
) -> Result<(Roots, StageRoots), FrameError> {
    let schema = simulation.schema_id();
    let mut stages = Vec::new();
    let mut stage = |name: &'static str, world: &mut World<G>| {
        if let Some(observer) = &mut observer {
            observer(name, world);
        }
        stages.push((String::from(name), short(&world.seal(schema, executor).columns)));
    };
    simulation.advance_observed(frame, executor, Some(&mut stage))?;
    let roots = simulation.seal(executor);
    stages.push((OUTCOMES.into(), short(&roots.columns)));
    Ok((roots, StageRoots { tick: frame.tick, stages }))
}
