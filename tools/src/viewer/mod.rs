//! [`Viewer`]: a world to look at, tick by tick: a trace's, a journal's, or a server's.
//!
//! Invariant: it shows only worlds that this process made, and says of each whether its root is the one that was recorded or that
//! the server has. Everything but [`terminal`] is plain data: keys and times go in, cells come out.
//!
//! A [`WorldSource`] makes worlds, a [`Depiction`] says what is in them, [`View`] is what of that is to be seen, [`render()`] puts it
//! into cells. `measure::watch` is another matter: what a server's process uses.

mod controls;
mod d20;
mod depiction;
mod history;
mod journal_timeline;
mod live_session;
mod log_lines;
mod login;
mod map;
mod recorded;
mod render;
mod source;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;
mod trace_timeline;
mod view;

use std::time::Duration;

use ratatui::{buffer::Buffer, crossterm::event::KeyEvent, layout::Rect};
use tickworld_sim::{entity::Entity, frame::Tick, math::Cell};

pub(crate) use self::{
    controls::parse_entity,
    d20::D20Depiction,
    depiction::{Depiction, Plain},
    journal_timeline::JournalTimeline,
    live_session::LiveSession,
    log_lines::LogLines,
    login::ServerLogin,
    recorded::Recorded,
    render::{text_of, without_colors},
    source::WorldSource,
    svg::svg,
    terminal::{check_terminal, look},
    trace_timeline::TraceTimeline,
    view::{RootState, View},
};
use self::{
    controls::{Controls, ViewAction},
    render::{Chrome, Panes, render},
    view::Viewpoint,
};
use crate::failure::{Failure, Outcome};

/// Where to begin.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InitialView {
    /// The tick; the first one where nothing is said, or of a server the newest.
    pub(crate) tick: Option<Tick>,
    /// The middle of the window.
    pub(crate) middle: Option<Cell>,
    /// Index, and generation where one was said, of whoever is followed.
    pub(crate) followed: Option<(u32, Option<u32>)>,
}

/// See the module.
pub(crate) struct Viewer<S: WorldSource> {
    source: S,
    depiction: Box<dyn Depiction<S::Game>>,
    controls: Controls,
    /// Where to begin; none once it has.
    beginning: Option<InitialView>,
    /// The tick that is shown.
    shown: Option<Tick>,
    /// The tick that is to be shown once it is made.
    goal: Option<Tick>,
    /// The world's time that has passed and made no tick yet.
    carry: Duration,
    /// What went wrong last.
    failure: Option<Failure>,
    log: Option<LogLines>,
}

impl<S: WorldSource> Viewer<S> {
    /// A view of a source, before its first picture.
    pub(crate) fn new(source: S, depiction: Box<dyn Depiction<S::Game>>, beginning: InitialView) -> Self {
        let first = if source.is_live() { None } else { Some(beginning.tick.unwrap_or(source.span().0)) };
        Self {
            source,
            depiction,
            controls: Controls::default(),
            beginning: Some(beginning),
            shown: None,
            goal: first,
            carry: Duration::ZERO,
            failure: None,
            log: None,
        }
    }

    /// Shows what a server in this process logs.
    pub(crate) fn with_log(mut self, log: LogLines) -> Self {
        self.log = Some(log);
        self
    }

    /// The source, and what went wrong last.
    pub(crate) fn into_parts(self) -> (S, Option<Failure>) {
        (self.source, self.failure)
    }

    /// The tick that is shown.
    pub(crate) const fn shown(&self) -> Option<Tick> {
        self.shown
    }

    /// Whether there is work that waits for nothing.
    fn is_busy(&self) -> bool {
        self.goal.is_some()
    }

    /// Takes a key; gives whether it ends the view.
    fn handle_key(&mut self, key: KeyEvent) -> bool {
        match self.controls.handle_key(key) {
            Some(ViewAction::End) => return true,
            Some(ViewAction::Step(ticks)) => self.step(ticks),
            Some(ViewAction::Seek(tick)) => self.seek(Tick(tick)),
            Some(ViewAction::FollowNext) => self.follow_next(),
            Some(ViewAction::Find(index, generation)) => self.find(index, generation),
            None => {}
        }
        false
    }

    /// Takes in what came, and lets time pass.
    ///
    /// # Errors
    /// When nothing was ever shown, and nothing can be.
    fn advance(&mut self, elapsed: Duration) -> Outcome<()> {
        self.source.poll()?;
        if self.goal.is_none() && !self.controls.is_paused {
            self.pass(elapsed);
        }
        let Some(goal) = self.goal else { return Ok(()) };
        match self.source.go_to(goal) {
            Ok(true) => {
                (self.shown, self.goal) = (Some(goal), None);
                self.look_around();
            }
            Ok(false) => {}
            Err(failure) if self.shown.is_none() => return Err(failure),
            Err(failure) => self.fail(failure),
        }
        Ok(())
    }

    /// Lets time pass that is not paused.
    fn pass(&mut self, elapsed: Duration) {
        let (_, last) = self.source.span();
        if self.source.is_live() {
            let present = self.source.present();
            if present.is_some() && present != self.shown {
                self.goal = present;
            }
            return;
        }
        let Some(shown) = self.shown else { return };
        if shown >= last {
            self.controls.is_paused = true;
            self.controls.message = Some(format!("tick {last} is the last one: , steps back, g goes anywhere"));
            return;
        }
        let rate = self.source.line(shown).ticks_per_second.max(1);
        self.carry = self.carry.saturating_add(self.controls.speed.of(elapsed));
        let ticks = u64::try_from(self.carry.as_nanos() * u128::from(rate) / NANOS).unwrap_or(u64::MAX);
        if ticks > 0 {
            let used = u128::from(ticks) * NANOS / u128::from(rate);
            self.carry = self.carry.saturating_sub(Duration::from_nanos(u64::try_from(used).unwrap_or(u64::MAX)));
            self.goal = Some(Tick(shown.0.saturating_add(ticks)).min(last));
        }
    }

    /// Where the first view is to be, once there is a world.
    fn look_around(&mut self) {
        let Some(moment) = self.shown.and_then(|tick| self.source.history().moment(tick)) else { return };
        let world = &moment.world;
        let Some(beginning) = self.beginning.take() else { return };
        let first = self.depiction.followable(world).first().copied();
        let place = || first.and_then(|entity| self.depiction.place(world, entity));
        self.controls.middle = beginning.middle.or_else(place).unwrap_or(Cell::ZERO);
        if let Some((index, generation)) = beginning.followed {
            self.find(index, generation);
        }
    }

    fn fail(&mut self, failure: Failure) {
        let text = failure.to_text(false);
        self.controls.message = text.lines().next().map(str::to_owned);
        self.controls.is_paused = true;
        (self.goal, self.failure) = (None, Some(failure));
    }

    fn step(&mut self, ticks: i64) {
        let Some(from) = self.goal.or(self.shown) else { return };
        let (first, last) = self.source.span();
        let to = Tick(from.0.saturating_add_signed(ticks)).clamp(first.min(last), last);
        if to == from {
            let end = if ticks < 0 { "first" } else { "last" };
            self.controls.message = Some(format!("tick {to} is the {end} one that there is"));
        } else {
            self.goal = Some(to);
        }
    }

    fn seek(&mut self, tick: Tick) {
        let (first, last) = self.source.span();
        if (first..=last).contains(&tick) {
            self.goal = Some(tick);
        } else {
            self.controls.message = Some(format!("tick {tick} is not there: there are {first} to {last}"));
        }
    }

    /// Everybody who can be followed at the tick that is shown.
    fn followable(&self) -> Vec<Entity> {
        let moment = self.shown.and_then(|tick| self.source.history().moment(tick));
        moment.map_or_else(Vec::new, |moment| self.depiction.followable(&moment.world))
    }

    fn follow_next(&mut self) {
        let all = self.followable();
        let after = self.controls.followed.map_or(0, |entity| entity.index().saturating_add(1));
        let next = all.iter().find(|entity| entity.index() >= after).or(all.first()).copied();
        if next.is_none() {
            self.controls.message = Some("there is nobody to follow".into());
        }
        self.controls.followed = next;
    }

    fn find(&mut self, index: u32, generation: Option<u32>) {
        let all = self.followable();
        let found = all.iter().find(|entity| entity.index() == index).copied();
        match found.filter(|entity| generation.is_none_or(|generation| entity.generation() == generation)) {
            Some(entity) => self.controls.followed = Some(entity),
            None => {
                let asked = generation.map_or_else(|| index.to_string(), |generation| format!("{index}v{generation}"));
                let other = found.map_or_else(String::new, |entity| format!("; {entity} is in its row"));
                self.controls.message = Some(format!("nobody to follow is {asked} at this tick{other}"));
            }
        }
    }

    /// What is to be seen in an area; none before the first tick.
    pub(crate) fn view(&self, area: Rect, has_keys: bool) -> Option<View> {
        let panes = Panes::of(area, self.log.is_some(), has_keys);
        let tick = self.shown?;
        let Controls { middle, followed, .. } = self.controls;
        let look = Viewpoint { tick, middle, followed, size: panes.window() };
        View::of(self.source.history(), self.source.line(tick), &*self.depiction, &look)
    }

    /// Draws into the cells of an area.
    pub(crate) fn draw(&mut self, area: Rect, buffer: &mut Buffer, has_keys: bool) {
        let view = self.view(area, has_keys);
        let log = self.log.as_ref().map(LogLines::tail);
        let is_live = self.source.is_live();
        let made = self.source.history().span().map_or(Tick(0), |(_, last)| last);
        let progress = self.goal.map(|goal| format!("tick {made}, on the way to {goal}"));
        let chrome = Chrome { controls: &self.controls, is_live, log: log.as_ref(), progress, has_keys };
        match &view {
            Some(view) => render(Ok(view), &chrome, area, buffer),
            None => {
                let line = self.source.line(Tick(0));
                let trouble = line.session.and_then(|session| session.trouble).unwrap_or_default();
                render(Err(&format!("{}: nothing yet  {trouble}", line.name)), &chrome, area, buffer);
            }
        }
        let Some(view) = view else { return };
        // Moves go on from where the window stands.
        self.controls.middle = view.middle().unwrap_or_else(|| {
            let last = i32::try_from(view.entity_count.saturating_sub(1)).unwrap_or(i32::MAX);
            Cell::new(0, self.controls.middle.y.clamp(0, last))
        });
    }

    /// Makes the tick of the beginning, or of a server the first whose root is known to be right, however long that takes, and
    /// shows it; `wait` is called in between and says whether to go on.
    ///
    /// # Errors
    /// When the tick cannot be made, or there is nobody to follow as was asked.
    pub(crate) fn show(&mut self, tick: Option<Tick>, wait: &mut dyn FnMut() -> bool) -> Outcome<()> {
        self.goal = tick.or(self.goal);
        self.controls.is_paused = !self.source.is_live();
        loop {
            self.advance(Duration::ZERO)?;
            let is_there = self.goal.is_none() && self.shown.is_some();
            let is_judged = |tick| !self.source.is_live() || self.source.line(tick).root != RootState::Unproven;
            if is_there && self.shown.is_some_and(is_judged) {
                break;
            }
            if !wait() {
                return Ok(());
            }
        }
        match (self.failure.take(), self.controls.message.take()) {
            (Some(failure), _) => Err(failure),
            (None, Some(message)) => Err(Failure::new(message)),
            (None, None) => Ok(()),
        }
    }
}

/// Nanoseconds of a second.
const NANOS: u128 = 1_000_000_000;
