//! The view on a terminal: keys do what the last line says, and the terminal is given back as it was.
#![cfg(target_os = "linux")]

mod common;

use common::{
    Bench,
    screen::{Screen, code_without_terminal},
};

/// A trace to look at.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.ok("trace record skirmish -o a.trace --ticks 400 --keyframes 100");
    bench
}

fn signal(process: u32, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[test]
fn keys_pause_step_seek_follow_and_end() {
    let bench = bench();
    let mut screen = Screen::start(&bench, "watch a.trace --at 100");
    screen.wait_for(&["Skirmish at the ford", "as recorded", "q end", "x1"]);
    screen.press(" ");
    screen.wait_for(&["paused"]);
    screen.press("g250\r");
    screen.wait_for(&["tick 250 of 0 to 400"]);
    screen.press(".");
    screen.wait_for(&["tick 251 of"]);
    screen.press(",,");
    screen.wait_for(&["tick 249 of"]);
    screen.press("g7\r");
    screen.wait_for(&["tick 7 of 0 to 400", "as recorded"]);
    screen.press("f");
    screen.wait_for(&["with 1024v1"]);
    screen.press("/1030\r");
    screen.wait_for(&["with 1030v1"]);
    screen.press("/900\r");
    screen.wait_for(&["nobody to follow is 900"]);
    screen.press("g401\r");
    screen.wait_for(&["tick 401 is not there: there are 0 to 400"]);
    screen.press("]]");
    screen.press("g399\r");
    screen.wait_for(&["tick 399 of"]);
    screen.press(" ");
    screen.wait_for(&["tick 400 of", "tick 400 is the last one", "paused"]);
    screen.press("?");
    screen.wait_for(&["a tick back, a tick forward"]);
    screen.press("?q");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn time_goes_on_by_itself_and_faster() {
    let bench = bench();
    let mut screen = Screen::start(&bench, "watch a.trace");
    screen.wait_for(&["as recorded"]);
    screen.press("]]]]");
    // Thirteen seconds of the world, in a part of one; then it stands still.
    screen.wait_for(&["tick 400 of", "paused"]);
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn control_c_and_a_signal_give_the_terminal_back() {
    let bench = bench();
    let mut screen = Screen::start(&bench, "watch a.trace --at 100");
    screen.wait_for(&["as recorded"]);
    screen.press("\x03");
    assert_eq!(screen.end().0, 0);
    for name in ["TERM", "INT"] {
        let mut screen = Screen::start(&bench, "watch a.trace --at 100");
        screen.wait_for(&["as recorded"]);
        signal(screen.id(), name);
        assert_eq!(screen.end().0, 0, "{name}");
    }
}

/// Whoever closes a window need not send a signal; nobody sees what goes on then, so nothing does.
#[test]
fn a_terminal_that_is_gone_ends_the_view_and_the_server() {
    let bench = bench();
    assert_eq!(code_without_terminal(&bench, "watch a.trace"), 2);
    assert_eq!(code_without_terminal(&bench, "play duel --bots 2 --seconds 600 --watch --data w"), 2);
    let info = bench.json("journal info w --json", 0);
    assert_eq!(info["ended_in_order"], true, "{info}");
}

#[test]
fn a_fault_is_shown_where_it_is_and_is_the_exit_code() {
    let bench = Bench::new();
    let case = bench.json("drill --kind flip --seed 12 --keep kept --json", 0);
    let tick = case["plant"]["tick"].as_u64().expect("a tick");
    let mut screen = Screen::start(&bench, &format!("watch kept/right.trace --at {}", tick - 1));
    screen.wait_for(&["as recorded"]);
    screen.press(" ");
    screen.press(&format!("g{}\r", tick - 1));
    screen.wait_for(&[&format!("tick {} of", tick - 1), "as recorded", "paused"]);
    screen.press(".");
    screen.wait_for(&[&format!("tick {tick} of"), &format!("NOT VERIFIED: tick {tick}")]);
    screen.press("q");
    assert_eq!(screen.end().0, 1);
}

#[test]
fn a_server_with_bots_and_its_view_share_a_terminal() {
    let bench = Bench::new();
    let mut screen = Screen::start(&bench, "play duel --bots 2 --seconds 600 --watch --data w");
    screen.wait_for(&["Owlbear", "as the server's", "live", "server's log:"]);
    screen.press(",");
    screen.wait_for(&["paused; kept"]);
    screen.press(" ");
    screen.wait_for(&["live"]);
    screen.press("q");
    let (code, written) = screen.end();
    let text = String::from_utf8_lossy(&written).into_owned();
    assert_eq!(code, 0, "{text}");
    let (_, after) = text.rsplit_once("\x1b[?1049l").expect("the screen before is shown again");
    // How many bots were there by then is the machine's business.
    assert!(after.contains("of 2 opened"), "what was played is told afterwards: {after}");
    let info = bench.json("journal info w --json", 0);
    assert_eq!(info["ended_in_order"], true, "{info}");
}

#[test]
fn the_view_ends_when_the_bots_have_played() {
    let bench = Bench::new();
    let screen = Screen::start(&bench, "play duel --bots 2 --seconds 2 --watch");
    let (code, written) = screen.end();
    assert_eq!(code, 0, "{}", String::from_utf8_lossy(&written));
}
