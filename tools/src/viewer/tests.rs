//! The viewer without a terminal: keys and times in, cells out, on golden traces.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent},
    style::{Color, Modifier},
};
use tickworld_ledger::Ledger;
use tickworld_pool::Pool;
use tickworld_rules::Rules;
use tickworld_sim::{frame::InputFrame, rng::Entropy};

use super::{
    history::{History, KeptTick},
    view::{RootDifference, SessionLine, SourceLine},
    *,
};
use crate::{
    files::open_trace,
    store::{D20, Hosted as _},
};

type TraceViewer = Viewer<Recorded<TraceTimeline<'static, Rules>>>;

/// A viewer of a golden trace, at its first tick.
fn viewer(name: &str, beginning: InitialView) -> TraceViewer {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tools/ lies in the root");
    let path: PathBuf = root.join(format!("golden-traces/{name}.trace"));
    let trace = open_trace(&path).expect("it is in the repository");
    let pool = Box::leak(Box::new(Pool::new(1).expect("a thread")));
    let (line, packs) = TraceTimeline::open::<D20>(&path, trace, pool).expect("this build knows it");
    let mut viewer = Viewer::new(Recorded::new(line), D20::depiction(&packs), beginning);
    viewer.controls.is_paused = true;
    settle(&mut viewer);
    viewer
}

/// Makes what is to be made.
fn settle<S: WorldSource>(viewer: &mut Viewer<S>) {
    viewer.advance(Duration::ZERO).expect("it can be read");
    while viewer.is_busy() {
        viewer.advance(Duration::ZERO).expect("it can be read");
    }
}

/// Presses keys: `<` is enter, `^` escape.
fn press<S: WorldSource>(viewer: &mut Viewer<S>, keys: &str) -> bool {
    let code = |letter| match letter {
        '<' => KeyCode::Enter,
        '^' => KeyCode::Esc,
        letter => KeyCode::Char(letter),
    };
    let has_ended = keys.chars().any(|letter| viewer.handle_key(KeyEvent::from(code(letter))));
    settle(viewer);
    has_ended
}

/// What a terminal of this size shows.
fn screen<S: WorldSource>(viewer: &mut Viewer<S>, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("memory");
    terminal.draw(|frame| viewer.draw(frame.area(), frame.buffer_mut(), true)).expect("memory");
    terminal.backend().buffer().clone()
}

fn text<S: WorldSource>(viewer: &mut Viewer<S>) -> String {
    text_of(&screen(viewer, 120, 34))
}

#[test]
fn a_tick_looks_the_same_whichever_way_led_there() {
    let fresh = |tick| text(&mut viewer("spells", InitialView { tick: Some(Tick(tick)), ..InitialView::default() }));
    let mut wandering = viewer("spells", InitialView::default());
    // There, further, back by seeking and by stepping, and over the world that is stored in between.
    for (keys, tick) in
        [("g130<", 130), (".", 131), ("g300<", 300), ("g131<", 131), (",,", 129), ("g118<", 118), ("....", 122)]
    {
        press(&mut wandering, keys);
        let compared =
            |text: &str| text.lines().filter(|line| !line.contains(" compared")).collect::<Vec<_>>().join("\n");
        assert_eq!(compared(&text(&mut wandering)), compared(&fresh(tick)), "{keys} to {tick}");
    }
}

#[test]
fn a_whole_trace_is_verified_tick_by_tick() {
    let mut viewer = viewer("melee", InitialView::default());
    for tick in 1..=340 {
        press(&mut viewer, ".");
        let view = viewer.view(Rect::new(0, 0, 100, 30), true).expect("it is shown");
        assert_eq!((view.tick, &view.source.root), (Tick(tick), &RootState::Verified));
    }
    assert_eq!(viewer.source.line(Tick(340)).compared, 341);
    press(&mut viewer, ".");
    assert!(text(&mut viewer).contains("tick 340 is the last one that there is"));
    press(&mut viewer, "g0<,");
    assert!(text(&mut viewer).contains("tick 0 is the first one that there is"));
}

#[test]
fn time_makes_ticks_at_the_worlds_rate_and_stops_at_the_end() {
    let mut viewer = viewer("melee", InitialView::default());
    press(&mut viewer, " ");
    let pass = |viewer: &mut TraceViewer, millis| {
        viewer.advance(Duration::from_millis(millis)).expect("it can be read");
        settle(viewer);
        viewer.shown().expect("it is shown").0
    };
    assert_eq!(pass(&mut viewer, 1_000), 30);
    // Parts of ticks add up.
    let ticks: Vec<u64> = (0..9).map(|_| pass(&mut viewer, 20)).collect();
    assert_eq!((ticks[0], ticks[8]), (30, 35));
    press(&mut viewer, "]]");
    assert_eq!(pass(&mut viewer, 500), 95, "four times as fast");
    assert_eq!(pass(&mut viewer, 60_000), 340);
    pass(&mut viewer, 20);
    assert!(viewer.controls.is_paused && text(&mut viewer).contains("tick 340 is the last one"));
}

#[test]
fn whoever_is_followed_stays_in_view_and_on_top_of_the_list() {
    let mut viewer = viewer("maze", InitialView { tick: Some(Tick(60)), ..InitialView::default() });
    press(&mut viewer, "f");
    let first = viewer.controls.followed.expect("somebody lives");
    press(&mut viewer, "f");
    let second = viewer.controls.followed.expect("somebody else does");
    assert!(second.index() > first.index());
    // A window smaller than the map goes along.
    let area = Rect::new(0, 0, 40, 9);
    for _ in 0..9 {
        press(&mut viewer, "..........");
        let view = viewer.view(area, true).expect("it is shown");
        let window = view.map.as_ref().expect("a map").window;
        assert_eq!(view.entities[0].entity, second);
        assert!(view.entities[0].place.is_some_and(|place| window.holds(place)), "{window:?}");
        let spots = view.map.iter().flat_map(|map| map.rows.iter().flatten());
        assert_eq!(spots.filter(|spot| spot.kind == map::SpotKind::Followed).count(), 1);
    }
    press(&mut viewer, "^");
    assert_eq!(viewer.controls.followed, None);
    let missing = "/900<";
    press(&mut viewer, missing);
    assert!(text(&mut viewer).contains("nobody to follow is 900 at this tick"));
}

#[test]
fn no_terminal_is_too_small_or_too_large() {
    let mut viewer = viewer("spells", InitialView { tick: Some(Tick(100)), ..InitialView::default() });
    for columns in [1, 2, 3, 5, 10, 37, 40, 60, 83, 84, 85, 110, 300, 9_000] {
        for rows in [1, 2, 3, 4, 5, 8, 13, 19, 20, 50] {
            for keys in ["", "?"] {
                press(&mut viewer, keys);
                let buffer = screen(&mut viewer, columns, rows);
                assert!(text_of(&buffer).chars().any(|letter| !letter.is_whitespace()), "{columns}x{rows}");
            }
            press(&mut viewer, "^");
        }
    }
}

#[test]
fn help_shows_every_key_and_any_key_closes_it() {
    let mut viewer = viewer("melee", InitialView::default());
    press(&mut viewer, "?");
    let page = text(&mut viewer);
    assert!(controls::HELP.iter().all(|(keys, what)| page.contains(keys) && page.contains(what)), "{page}");
    assert!(!press(&mut viewer, "q"), "closes the page, not the view");
    assert!(!text(&mut viewer).contains("a tick back"));
    assert!(press(&mut viewer, "q"));
}

#[test]
fn the_document_names_every_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tools/ lies in the root");
    let page = std::fs::read_to_string(root.join("docs/WATCH.md")).expect("it is in the repository");
    for (keys, what) in controls::HELP {
        assert!(page.contains(&format!("| `{keys}` | {what} |")), "{keys}: {what}");
    }
}

/// A source with words of its own on a world of the ledger.
struct Told {
    history: History<Ledger>,
    line: SourceLine,
}

impl Told {
    fn new(root: RootState, session: Option<SessionLine>) -> Self {
        let mut simulation = Ledger::open(3, 50);
        let mut history = History::new(9);
        for tick in 1..=4 {
            let frame = InputFrame::empty(Tick(tick), Entropy::from_bytes([3; 16]));
            let root = simulation.step_inline(&frame).expect("the next tick").root;
            history.push(KeptTick { world: simulation.snapshot(), root });
        }
        let line = SourceLine {
            title: "Told".into(),
            name: "a test".into(),
            span: (Tick(1), Tick(4)),
            ticks_per_second: 30,
            root,
            witness: "as the server's",
            compared: 4,
            session,
        };
        Self { history, line }
    }
}

impl WorldSource for Told {
    type Game = Ledger;

    fn history(&self) -> &History<Ledger> {
        &self.history
    }

    fn span(&self) -> (Tick, Tick) {
        self.line.span
    }

    fn is_live(&self) -> bool {
        self.line.session.is_some()
    }

    fn present(&self) -> Option<Tick> {
        Some(Tick(4))
    }

    fn poll(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn go_to(&mut self, tick: Tick) -> Outcome<bool> {
        Ok(self.history.moment(tick).is_some())
    }

    fn line(&self, _: Tick) -> SourceLine {
        self.line.clone()
    }

    fn difference(&self) -> Option<&RootDifference> {
        None
    }
}

/// What is shown of such words, and whether anything in it is marked as bad.
fn told(root: RootState, session: Option<SessionLine>) -> (String, bool) {
    let mut viewer = Viewer::new(Told::new(root, session), Box::new(Plain::of::<Ledger>()), InitialView::default());
    settle(&mut viewer);
    let buffer = screen(&mut viewer, 110, 34);
    let is_bad =
        |cell: &ratatui::buffer::Cell| cell.fg == Color::LightRed && cell.modifier.contains(Modifier::REVERSED);
    (text_of(&buffer), buffer.content.iter().any(is_bad))
}

#[test]
fn only_a_root_that_was_compared_is_called_what_it_is() {
    let difference = RootDifference { tick: Tick(3), detail: "recorded aa, found bb".into() };
    let (verified, is_bad) = told(RootState::Verified, None);
    assert!(verified.contains("as the server's  4 compared") && !is_bad, "{verified}");
    let (unproven, is_bad) = told(RootState::Unproven, None);
    assert!(
        unproven.contains("nothing proves it yet") && !unproven.contains("as the server's") && !is_bad,
        "{unproven}"
    );
    let (different, is_bad) = told(RootState::Different(difference), None);
    assert!(different.contains("NOT VERIFIED: tick 3: recorded aa, found bb") && is_bad, "{different}");
    assert!(!different.contains("as the server's"), "{different}");
}

#[test]
fn a_session_says_how_long_its_way_is_and_what_is_wrong() {
    let session = |trouble: Option<&str>| {
        Some(SessionLine {
            round_trip_micros: Some(12_345),
            behind_ticks: Some(3),
            trouble: trouble.map(str::to_owned),
        })
    };
    let (well, _) = told(RootState::Verified, session(None));
    assert!(well.contains("round trip 12.3 ms  3 behind") && well.contains("  live"), "{well}");
    let (broken, _) = told(RootState::Verified, session(Some("no session: no answer")));
    assert!(broken.contains("no session: no answer"), "{broken}");
}

#[test]
fn a_game_without_a_map_shows_its_columns() {
    let (text, _) = told(RootState::Verified, None);
    assert!(text.contains("3  accounts") && text.contains("1v1") && text.contains("accounts: coins 50"), "{text}");
    assert!(!text.contains(" map "), "{text}");
}

#[test]
fn without_colours_what_is_meant_is_still_there() {
    let mut viewer = viewer("melee", InitialView { tick: Some(Tick(90)), ..InitialView::default() });
    press(&mut viewer, "f");
    let mut buffer = screen(&mut viewer, 110, 34);
    let before = text_of(&buffer);
    without_colors(&mut buffer);
    assert_eq!(text_of(&buffer), before);
    assert!(buffer.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    assert!(buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)), "whoever is followed");
}

#[test]
fn a_servers_log_has_a_pane_of_its_own() {
    use std::io::Write as _;
    use tracing_subscriber::fmt::MakeWriter as _;
    let log = LogLines::default();
    writeln!(log.make_writer(), "players may come").expect("it takes everything");
    let mut viewer = viewer("melee", InitialView::default()).with_log(log);
    let text = text(&mut viewer);
    assert!(text.contains("server's log: 1 line") && text.contains("players may come"), "{text}");
}
