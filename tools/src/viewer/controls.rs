//! [`Controls`]: what the keys of a viewer do.
//!
//! Invariant: no key does anything that another view cannot undo, and every key is on the help page. Keys become wishes here;
//! which tick a wish means, and whether it can be shown, is [`Viewer`](super::Viewer)'s.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tickworld_sim::{entity::Entity, math::Cell};

/// What the keys do, one a line.
pub(crate) const HELP: &[(&str, &str)] = &[
    ("space", "pause, go on"),
    (", .", "a tick back, a tick forward"),
    ("[ ]", "slower, faster"),
    ("g", "go to a tick"),
    ("f", "follow the next one"),
    ("/", "find and follow an entity: 17, or 17v1"),
    ("arrows hjkl", "move; follows nobody then"),
    ("esc", "follow nobody, close what is open"),
    ("?", "all keys"),
    ("q", "end"),
];

/// The same on one line.
pub(crate) const HELP_LINE: &str =
    "q end  space pause  , . step  [ ] speed  g tick  f follow  / find  arrows move  ? help";

/// Cells that an arrow moves.
const STRIDE: i32 = 2;
/// Most letters of a tick or an entity.
const ENTRY_LETTERS_MAX: usize = 24;

/// How fast time goes, as halvings and doublings of the world's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Speed(i8);

/// What the keys go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The view itself: every key has its meaning of the help page.
    #[default]
    Looking,
    /// The help page: any key closes it.
    Help,
    /// A tick that is being typed.
    Seeking(String),
    /// An entity that is being typed.
    Finding(String),
}

/// What a key wants of the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewAction {
    /// End the view.
    End,
    /// So many ticks on, or back.
    Step(i64),
    /// Go to this tick.
    Seek(u64),
    /// Whoever comes after the one that is followed.
    FollowNext,
    /// Whoever has this index, and this generation where one was said.
    Find(u32, Option<u32>),
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Controls {
    /// The middle of the window, where nobody is followed.
    pub(crate) middle: Cell,
    /// Who is followed.
    pub(crate) followed: Option<Entity>,
    /// Whether time stands still.
    pub(crate) is_paused: bool,
    /// How fast it goes otherwise.
    pub(crate) speed: Speed,
    /// What the keys go to.
    pub(crate) mode: Mode,
    /// What is to be said in the place of the keys, until the next one is pressed.
    pub(crate) message: Option<String>,
}

impl Speed {
    const SLOWEST: Self = Self(-3);
    const FASTEST: Self = Self(8);

    fn slower(self) -> Self {
        Self((self.0 - 1).max(Self::SLOWEST.0))
    }

    fn faster(self) -> Self {
        Self((self.0 + 1).min(Self::FASTEST.0))
    }

    /// How much of a world's time passes in a time.
    pub(crate) fn of(self, time: Duration) -> Duration {
        let factor = 1_u32 << self.0.unsigned_abs();
        if self.0 < 0 { time / factor } else { time.saturating_mul(factor) }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let factor = 1_u32 << self.0.unsigned_abs();
        if self.0 < 0 { write!(f, "x1/{factor}") } else { write!(f, "x{factor}") }
    }
}

impl Controls {
    /// What a key wants, if it is not for the controls themselves.
    pub(crate) fn handle_key(&mut self, key: KeyEvent) -> Option<ViewAction> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.message = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return matches!(key.code, KeyCode::Char('c' | 'd')).then_some(ViewAction::End);
        }
        match &mut self.mode {
            Mode::Looking => self.handle_looking(key.code),
            Mode::Help => {
                self.mode = Mode::Looking;
                None
            }
            Mode::Seeking(_) | Mode::Finding(_) => self.handle_entry(key.code),
        }
    }

    fn handle_looking(&mut self, code: KeyCode) -> Option<ViewAction> {
        match code {
            KeyCode::Char('q') => return Some(ViewAction::End),
            KeyCode::Char(' ') => self.is_paused = !self.is_paused,
            KeyCode::Char(',') => return self.step(-1),
            KeyCode::Char('.') => return self.step(1),
            KeyCode::Char('[') => self.speed = self.speed.slower(),
            KeyCode::Char(']') => self.speed = self.speed.faster(),
            KeyCode::Char('g') => self.mode = Mode::Seeking(String::new()),
            KeyCode::Char('/') => self.mode = Mode::Finding(String::new()),
            KeyCode::Char('f') => return Some(ViewAction::FollowNext),
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Left | KeyCode::Char('h') => self.go(-STRIDE, 0),
            KeyCode::Right | KeyCode::Char('l') => self.go(STRIDE, 0),
            KeyCode::Up | KeyCode::Char('k') => self.go(0, -STRIDE),
            KeyCode::Down | KeyCode::Char('j') => self.go(0, STRIDE),
            KeyCode::Esc => self.followed = None,
            _ => {}
        }
        None
    }

    /// Whoever steps wants time to stand still.
    fn step(&mut self, ticks: i64) -> Option<ViewAction> {
        self.is_paused = true;
        Some(ViewAction::Step(ticks))
    }

    fn go(&mut self, x: i32, y: i32) {
        self.followed = None;
        self.middle = self.middle.saturating_add(Cell::new(x, y));
    }

    fn handle_entry(&mut self, code: KeyCode) -> Option<ViewAction> {
        let (Mode::Seeking(text) | Mode::Finding(text)) = &mut self.mode else { return None };
        match code {
            KeyCode::Char(letter) if letter.is_ascii_alphanumeric() && text.len() < ENTRY_LETTERS_MAX => {
                text.push(letter);
            }
            KeyCode::Backspace => _ = text.pop(),
            KeyCode::Esc => self.mode = Mode::Looking,
            KeyCode::Enter => return self.enter(),
            _ => {}
        }
        None
    }

    /// What was typed.
    fn enter(&mut self) -> Option<ViewAction> {
        match std::mem::take(&mut self.mode) {
            Mode::Seeking(text) => match text.parse() {
                Ok(tick) => {
                    self.is_paused = true;
                    return Some(ViewAction::Seek(tick));
                }
                Err(_) => self.message = Some(format!("`{text}` is no tick: write a whole number")),
            },
            Mode::Finding(text) => match parse_entity(&text) {
                Some((index, generation)) => return Some(ViewAction::Find(index, generation)),
                None => self.message = Some(format!("`{text}` is no entity: write 17, or 17v1")),
            },
            Mode::Looking | Mode::Help => {}
        }
        None
    }
}

/// The index and generation of `17v1`, or the index `17`.
pub(crate) fn parse_entity(text: &str) -> Option<(u32, Option<u32>)> {
    let (index, generation) =
        text.split_once('v').map_or((text, None), |(index, generation)| (index, Some(generation)));
    Some((index.parse().ok()?, generation.map(str::parse).transpose().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presses keys, and gives what they want: `<` is enter, `^` escape, `~` backspace.
    fn press(controls: &mut Controls, keys: &str) -> Vec<ViewAction> {
        let code = |letter| match letter {
            '<' => KeyCode::Enter,
            '^' => KeyCode::Esc,
            '~' => KeyCode::Backspace,
            letter => KeyCode::Char(letter),
        };
        keys.chars().filter_map(|letter| controls.handle_key(KeyEvent::from(code(letter)))).collect()
    }

    #[test]
    fn a_tick_is_typed_mended_and_gone_to() {
        let mut controls = Controls::default();
        assert_eq!(press(&mut controls, "g12q55~~0<"), [], "a letter is no tick");
        assert!(controls.message.as_ref().is_some_and(|text| text.contains("`12q0` is no tick")), "{controls:?}");
        assert_eq!(press(&mut controls, "g125~0<"), [ViewAction::Seek(120)]);
        assert!(controls.is_paused && controls.mode == Mode::Looking);
        assert_eq!(press(&mut controls, "g7^q"), [ViewAction::End], "escape takes it back");
    }

    #[test]
    fn an_entity_is_found_by_index_or_by_both() {
        let mut controls = Controls::default();
        assert_eq!(press(&mut controls, "/17<"), [ViewAction::Find(17, None)]);
        assert_eq!(press(&mut controls, "/17v3<"), [ViewAction::Find(17, Some(3))]);
        assert_eq!(press(&mut controls, "/v<"), []);
        assert!(controls.message.is_some_and(|text| text.contains("`v` is no entity")));
    }

    #[test]
    fn a_step_pauses_and_a_move_follows_nobody() {
        let mut controls = Controls::default();
        assert_eq!(press(&mut controls, ".,"), [ViewAction::Step(1), ViewAction::Step(-1)]);
        assert!(controls.is_paused);
        press(&mut controls, " ");
        assert!(!controls.is_paused);
        press(&mut controls, "llkj");
        assert_eq!(controls.middle, Cell::new(4, 0));
    }

    #[test]
    fn control_c_ends_whatever_is_open() {
        for keys in ["", "?", "g12", "/"] {
            let mut controls = Controls::default();
            press(&mut controls, keys);
            let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(controls.handle_key(key), Some(ViewAction::End), "{keys}");
        }
    }

    #[test]
    fn speed_halves_and_doubles_within_its_bounds() {
        let mut controls = Controls::default();
        assert_eq!(controls.speed.of(Duration::from_secs(2)), Duration::from_secs(2));
        press(&mut controls, "]]");
        assert_eq!(
            (controls.speed.to_string(), controls.speed.of(Duration::from_secs(1))),
            ("x4".into(), Duration::from_secs(4))
        );
        press(&mut controls, &"[".repeat(90));
        assert_eq!((controls.speed.to_string(), controls.speed), ("x1/8".into(), Speed::SLOWEST));
        press(&mut controls, &"]".repeat(90));
        assert_eq!(controls.speed, Speed::FASTEST);
    }

    #[test]
    fn help_names_every_key_of_the_last_line() {
        for word in ["q", "space", "[ ]", "g", "f", "/", "?"] {
            assert!(HELP.iter().any(|(keys, _)| *keys == word), "{word}");
            assert!(HELP_LINE.split("  ").any(|part| part.starts_with(word)), "{word}");
        }
    }
}
