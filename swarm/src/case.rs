//! [`Case`]: a run with everything that belongs to it: content, beginning, inputs, entropy, and how it is to be made again.
//!
//! Invariant: a case is closed: no file, no shipped content and no drawing changes what it does. Inputs stand by tick; within
//! a tick the frame sorts them.

use std::sync::Arc;

use tickworld_rules::{Command, Rules, Ruleset, SetUp};
use tickworld_sim::{
    content::Library,
    frame::{Act, Input, InputFrame, Request, Tick},
    simulation::Simulation,
};

use crate::{
    content::Content,
    dice::entropy,
    variants::Variant,
    violation::{Fault, Violation},
};

/// A run, ready to be made.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the frames' entropy is drawn from.
    pub seed: u64,
    /// How the world begins.
    pub set_up: SetUp,
    /// The packs that it may use, at least one; the first is in force at the beginning.
    pub packs: Vec<Arc<Content>>,
    /// How long it runs.
    pub ticks: u64,
    /// Inputs by the tick of their frame.
    pub inputs: Vec<(u64, Input<Command>)>,
    /// How it is made after the first time.
    pub variants: Vec<Variant>,
}

/// How much there is of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Size {
    /// Inputs of players, joins and leaves, and switches of content.
    pub inputs: usize,
    /// Entities of the set-up.
    pub entities: u64,
    /// Ticks that the run has.
    pub ticks: u64,
    /// Creatures, spells and items of all packs.
    pub content: usize,
}

impl Case {
    /// How much there is.
    #[must_use]
    pub fn size(&self) -> Size {
        let it = &self.set_up;
        let groups: u64 = it.groups.iter().map(|group| u64::from(group.count)).sum();
        let others = it.walls.len() + it.spawn_points.len() + it.classes.len() + it.treasures.len() + it.exits.len();
        Size {
            inputs: self.inputs.len(),
            entities: groups + others as u64,
            ticks: self.ticks,
            content: self.packs.iter().map(|content| content.entry_count()).sum(),
        }
    }

    /// The packs as the rules read them.
    pub(crate) fn library(&self) -> Library<Ruleset> {
        let mut library = Library::default();
        for content in &self.packs {
            library.add(content.id, Ruleset::new(content.pack.clone()));
        }
        library
    }

    /// The world at tick 0.
    pub(crate) fn begin(&self, library: &Library<Ruleset>) -> Result<Simulation<Rules>, Violation> {
        let no_case = |why: String| Violation { variant: Variant::Straight, tick: 0, fault: Fault::NoCase(why) };
        let first = self.packs.first().ok_or_else(|| no_case("there is no content".into()))?;
        let mut laid_out = Ok(());
        let simulation = Simulation::new(library.clone(), first.id, |realm, rules| {
            laid_out = self.set_up.apply(realm, rules);
        });
        laid_out.map(|()| simulation).map_err(|error| no_case(error.to_string()))
    }

    /// The frames, from tick 1 on.
    pub(crate) fn frames(&self) -> Vec<InputFrame<Command>> {
        let mut by_tick: Vec<Vec<Input<Command>>> = Vec::new();
        by_tick.resize_with(usize::try_from(self.ticks).unwrap_or(0), Vec::new);
        for (tick, input) in &self.inputs {
            let at = tick.checked_sub(1).and_then(|at| usize::try_from(at).ok());
            if let Some(inputs) = at.and_then(|at| by_tick.get_mut(at)) {
                inputs.push(input.clone());
            }
        }
        let frame = |(inputs, tick)| InputFrame::new(Tick(tick), entropy(self.seed, tick), inputs);
        by_tick.into_iter().zip(1..).map(frame).collect()
    }

    /// Leaves out what is beyond the last tick, and switches to packs that are not there.
    pub(crate) fn trim(&mut self) {
        let (ticks, packs) = (self.ticks, &self.packs);
        self.inputs.retain(|(tick, input)| {
            let known = match input.act {
                Act::Request(Request::Content(id)) => packs.iter().any(|content| content.id == id),
                _ => true,
            };
            known && *tick <= ticks
        });
    }
}
