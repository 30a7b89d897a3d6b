//! The run as a rollback session sees it: some players are here, the rest is guessed and confirmed late.
//!
//! Invariant: confirmed roots are the first time's, evidence is what was confirmed, and the predicted world is the one that a
//! plain simulation makes from the confirmed world and the same guesses.

use std::collections::VecDeque;

use tickworld_rules::{Command, Rules};
use tickworld_sim::{
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId},
    rng::Entropy,
    rollback::{AdvanceError, InputPredictor, PredictNothing, RepeatLast, Rollback, RollbackSettings},
};

use super::{Found, Runner};
use crate::{dice::Dice, variants::Variant, violation::Fault};

pub(crate) fn run(runner: &Runner<'_>, ahead: u8, mood: u64, variant: Variant) -> Found {
    let here = own_players(runner, mood);
    if Dice::one(mood, "predictor").chance(1, 2) {
        Session { runner, variant, here: &here, mirror: PredictNothing }.play(ahead, mood)
    } else {
        Session { runner, variant, here: &here, mirror: RepeatLast::new(here.clone()) }.play(ahead, mood)
    }
}

/// Those whose inputs are known before they are confirmed.
fn own_players(runner: &Runner<'_>, mood: u64) -> Vec<PlayerId> {
    let dice = Dice::new(mood, "own players");
    let mut players: Vec<PlayerId> = runner.frames.iter().flat_map(|frame| &frame.inputs).map(|it| it.player).collect();
    players.sort_unstable();
    players.dedup();
    players.retain(|player| dice.at(player.0).chance(1, 2));
    players
}

struct Session<'r, P> {
    runner: &'r Runner<'r>,
    variant: Variant,
    here: &'r [PlayerId],
    /// Told what the session's own predictor is told.
    mirror: P,
}

impl<P: InputPredictor<Rules> + Clone> Session<'_, P> {
    fn play(mut self, ahead: u8, mood: u64) -> Found {
        let runner = self.runner;
        let mut rng = Dice::one(mood, "latency");
        let settings = RollbackSettings {
            prediction_ticks_max: ahead.into(),
            evidence_ticks: 1 + rng.below(6),
            ..RollbackSettings::default()
        };
        let simulation = runner.case.begin(&runner.library)?;
        let mut session = Rollback::new(simulation, self.mirror.clone(), settings, &Inline);
        let mut pending = VecDeque::new();
        for frame in &runner.frames {
            while rng.chance(3, 5) {
                let next = usize::try_from(session.tick().0).unwrap_or(usize::MAX);
                let Some(later) = runner.frames.get(next) else { break };
                runner.begin_tick(later.tick);
                let local = self.local(later);
                match session.advance_predicted(local.clone(), &Inline) {
                    Ok(()) => pending.push_back(local),
                    Err(AdvanceError::Stall { .. }) => break,
                    Err(error) => return Err(runner.violation(self.variant, Fault::Refused(error.to_string()))),
                }
            }
            runner.begin_tick(frame.tick);
            let roots = session.confirm(frame, &Inline);
            let roots = roots.map_err(|error| runner.violation(self.variant, Fault::Refused(error.to_string())))?;
            runner.compare(self.variant, frame.tick, &roots)?;
            self.mirror.confirmed(frame);
            pending.pop_front();
            self.look_at_evidence(&session, frame)?;
            self.look_ahead(&session, &pending)?;
        }
        Ok(())
    }

    fn local(&self, frame: &InputFrame<Command>) -> Vec<Input<Command>> {
        let is_local = |it: &&Input<Command>| self.here.contains(&it.player) && matches!(it.act, Act::Play(_));
        frame.inputs.iter().filter(is_local).cloned().collect()
    }

    /// What is kept of the tick just confirmed, and of the oldest that is still kept.
    fn look_at_evidence(&self, session: &Rollback<Rules, P>, frame: &InputFrame<Command>) -> Found {
        let fault = |what: &str| self.runner.violation(self.variant, Fault::Bytes(what.into()));
        let evidence = session.evidence(frame.tick).ok_or_else(|| fault("a confirmed tick left no evidence"))?;
        let world = evidence.world.as_ref().ok_or_else(|| fault("the newest evidence has no world"))?;
        if !evidence.frame.canonical_eq(frame) || world.tick() != frame.tick {
            return Err(fault("the evidence of a tick is of another one"));
        }
        self.runner.compare(self.variant, frame.tick, &evidence.roots)?;
        let mut world = world.clone();
        let roots = session.confirmed().seal_snapshot(&mut world, &Inline);
        self.runner.compare(self.variant, frame.tick, &roots)
    }

    /// The predicted world against a plain simulation of the same guesses.
    fn look_ahead(&self, session: &Rollback<Rules, P>, pending: &VecDeque<Vec<Input<Command>>>) -> Found {
        let wrong = || Err(self.runner.violation(self.variant, Fault::Predicted));
        if session.tick().0 != session.confirmed_tick().0 + pending.len() as u64 {
            return wrong();
        }
        let mut plain = session.confirmed().clone();
        let mut predictor = self.mirror.clone();
        for local in pending {
            let tick = plain.world().tick().next();
            let mut inputs = predictor.predict(tick, plain.world(), local);
            inputs.retain(|guess| local.iter().all(|own| own.player != guess.player));
            inputs.extend_from_slice(local);
            let frame = InputFrame::new(tick, Entropy::PREDICTED, inputs);
            self.runner.step(&mut plain, &frame, &Inline, self.variant)?;
        }
        let expected = plain.seal(&Inline);
        let mut predicted = session.predicted().clone();
        let found = plain.seal_snapshot(&mut predicted, &Inline);
        if found == expected { Ok(()) } else { wrong() }
    }
}
