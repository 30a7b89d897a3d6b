//! [`render`]: a view in the cells of a terminal.
//!
//! Invariant: a pure function of the view, what the controls say, and the area: the terminal, the text of `--once`, the pictures
//! and the tests are made from the same buffer. No area is too small, however little of the view it shows.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Color, Modifier, Style},
    widgets::{Block, Clear, Widget},
};

use super::{
    controls::{Controls, HELP, HELP_LINE, Mode},
    log_lines::LogTail,
    map::{EntityLine, Spot, SpotKind},
    view::{MapView, RootState, View},
};

/// Colours of the sides, by number.
const SIDES: [Color; 6] =
    [Color::LightBlue, Color::LightRed, Color::LightGreen, Color::LightMagenta, Color::LightCyan, Color::LightYellow];
/// Columns of a cell of the map: about as wide as a row is high.
const CELL_COLUMNS: u16 = 2;
/// From this width on the lists stand beside the map.
const WIDE_COLUMNS: u16 = 84;
/// From this height on there is room for lines of a log.
const TALL_ROWS: u16 = 20;

/// Also where something else was drawn before, such as a border.
const PLAIN: Style = Style::new().fg(Color::Reset);
const FAINT: Style = Style::new().fg(Color::DarkGray);
const BOLD: Style = PLAIN.add_modifier(Modifier::BOLD);
const GOOD: Style = Style::new().fg(Color::Green).add_modifier(Modifier::BOLD);
const BAD: Style = Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD).add_modifier(Modifier::REVERSED);

/// What is drawn beside the view itself.
pub(crate) struct Chrome<'a> {
    /// Speed, pause, what is typed.
    pub(crate) controls: &'a Controls,
    /// Whether ticks come by themselves.
    pub(crate) is_live: bool,
    /// What a server in this process logged; none where there is none.
    pub(crate) log: Option<&'a LogTail>,
    /// How far the way to a tick is, while it is long.
    pub(crate) progress: Option<String>,
    /// Whether the last line says what the keys do: nobody presses them in a picture.
    pub(crate) has_keys: bool,
}

/// Where everything stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panes {
    header: Rect,
    map: Rect,
    entities: Rect,
    events: Rect,
    log: Rect,
    footer: Rect,
}

impl Panes {
    /// Of an area, with or without room for a log and for keys.
    pub(crate) fn of(area: Rect, has_log: bool, has_keys: bool) -> Self {
        let (header, rest) = cut_top(area, 2);
        let (rest, footer) = cut_bottom(rest, u16::from(has_keys));
        let log_rows = if has_log && area.height >= TALL_ROWS { 5 } else { 0 };
        let (body, log) = cut_bottom(rest, log_rows);
        let (map, lists) = if area.width >= WIDE_COLUMNS {
            let columns = part(body.width, 9).clamp(38, 64);
            let map = Rect { width: body.width - columns, ..body };
            (map, Rect { x: map.right(), width: columns, ..body })
        } else {
            cut_top(body, if body.height >= 12 { body.height / 2 } else { body.height })
        };
        let (entities, events) = cut_top(lists, part(lists.height, 11));
        Self { header, map, entities, events, log, footer }
    }

    /// Columns and rows of the map that are shown.
    pub(crate) fn window(&self) -> (u16, u16) {
        let inner = inside(self.map);
        (inner.width / CELL_COLUMNS, inner.height)
    }
}

fn cut_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

fn cut_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    cut_top(area, area.height - rows.min(area.height))
}

/// So many twentieths.
fn part(length: u16, twentieths: u16) -> u16 {
    u16::try_from(u32::from(length) * u32::from(twentieths) / 20).unwrap_or(length)
}

/// The area without its border.
fn inside(area: Rect) -> Rect {
    let (width, height) = (area.width.saturating_sub(2), area.height.saturating_sub(2));
    Rect { x: area.x.saturating_add(1), y: area.y.saturating_add(1), width, height }
}

/// Draws a view, or where there is none yet, why.
pub(crate) fn render(view: Result<&View, &str>, chrome: &Chrome<'_>, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    Clear.render(area, buffer);
    let panes = Panes::of(area, chrome.log.is_some(), chrome.has_keys);
    match view {
        Ok(view) => {
            header(view, chrome, panes.header, buffer);
            match &view.map {
                Some(map) => draw_map(view, map, panes.map, buffer),
                None => draw_columns(view, panes.map, buffer),
            }
            draw_entities(view, panes.entities, buffer);
            draw_events(view, panes.events, buffer);
        }
        Err(why) => _ = put(buffer, panes.header, 0, &[(why, PLAIN)]),
    }
    if let Some(log) = chrome.log {
        draw_log(log, panes.log, buffer);
    }
    if chrome.has_keys {
        footer(chrome, panes.footer, buffer);
    }
    if chrome.controls.mode == Mode::Help {
        draw_help(area, buffer);
    }
}

/// Writes texts one after the other into a row of an area, as far as there is room; gives where they end.
fn put(buffer: &mut Buffer, area: Rect, row: u16, texts: &[(&str, Style)]) -> u16 {
    let mut x = area.x;
    if row >= area.height {
        return x;
    }
    for (text, style) in texts {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 {
            break;
        }
        (x, _) = buffer.set_stringn(x, area.y + row, text, room, *style);
    }
    x
}

/// Writes a text at the right end of a row, if it fits there beside what ends at `left`.
fn put_right(buffer: &mut Buffer, area: Rect, row: u16, left: u16, text: &str, style: Style) {
    let width = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
    let Some(x) = area.right().checked_sub(width).filter(|x| *x > left && row < area.height) else { return };
    buffer.set_stringn(x, area.y + row, text, usize::from(width), style);
}

fn header(view: &View, chrome: &Chrome<'_>, area: Rect, buffer: &mut Buffer) {
    let source = &view.source;
    let left = put(buffer, area, 0, &[(&source.title, BOLD), ("  ", PLAIN), (&source.name, FAINT)]);
    put_right(buffer, area, 0, left, &time_line(view, chrome), PLAIN);
    let root = format!("{:.16}", view.root);
    let compared = format!("  {} compared", source.compared);
    let difference = match &source.root {
        RootState::Different(difference) => format!(" NOT VERIFIED: tick {}: {} ", difference.tick, difference.detail),
        RootState::Verified | RootState::Unproven => String::new(),
    };
    let texts = match &source.root {
        RootState::Verified => {
            vec![("root ", PLAIN), (&*root, PLAIN), (" ", PLAIN), (source.witness, GOOD), (&*compared, FAINT)]
        }
        RootState::Unproven => vec![("root ", PLAIN), (&*root, PLAIN), (" computed; nothing proves it yet", FAINT)],
        RootState::Different(_) => vec![("root ", PLAIN), (&*root, PLAIN), (" ", PLAIN), (&*difference, BAD)],
    };
    let left = put(buffer, area, 1, &texts);
    put_right(buffer, area, 1, left, &session_line(view), FAINT);
}

/// The tick, and how time goes.
fn time_line(view: &View, chrome: &Chrome<'_>) -> String {
    let (source, controls) = (&view.source, chrome.controls);
    let tenths = view.tick.0.saturating_mul(10) / u64::from(source.ticks_per_second.max(1));
    let (first, last) = source.span;
    let of =
        if chrome.is_live { format!("tick {}", view.tick) } else { format!("tick {} of {first} to {last}", view.tick) };
    let pace = match (controls.is_paused, chrome.is_live, chrome.has_keys) {
        (_, _, false) => String::new(),
        (true, true, _) => format!("  paused; kept {first} to {last}"),
        (true, false, _) => "  paused".into(),
        (false, true, _) => "  live".into(),
        (false, false, _) => format!("  {}", controls.speed),
    };
    format!("{of}  {}.{} s{pace}", tenths / 10, tenths % 10)
}

fn session_line(view: &View) -> String {
    let Some(session) = &view.source.session else { return String::new() };
    let mut parts = Vec::new();
    parts.extend(session.trouble.clone());
    parts.extend(
        session.round_trip_micros.map(|micros| format!("round trip {}.{} ms", micros / 1_000, micros % 1_000 / 100)),
    );
    parts.extend(session.behind_ticks.map(|ticks| format!("{ticks} behind")));
    parts.join("  ")
}

fn frame(title: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    Block::bordered().border_style(FAINT).render(area, buffer);
    let room = usize::from(area.width.saturating_sub(4));
    if room > 0 && area.height > 0 {
        buffer.set_stringn(area.x + 2, area.y, format!(" {title} "), room, PLAIN);
    }
    inside(area)
}

fn draw_map(view: &View, map: &MapView, area: Rect, buffer: &mut Buffer) {
    let (width, height) = view.map_size.unwrap_or_default();
    let title = match view.followed {
        Some(entity) => format!("map {width} by {height}, with {entity}"),
        None => format!("map {width} by {height}"),
    };
    let inner = frame(&title, area, buffer);
    for (y, row) in (inner.y..inner.bottom()).zip(&map.rows) {
        for (x, spot) in (inner.x..inner.right()).step_by(CELL_COLUMNS.into()).zip(row) {
            if x + CELL_COLUMNS <= inner.right() {
                draw_spot(spot, x, y, buffer);
            }
        }
    }
}

fn draw_spot(spot: &Spot, x: u16, y: u16, buffer: &mut Buffer) {
    let second = match (spot.kind, spot.count) {
        (SpotKind::Wall, _) => spot.glyph,
        (_, 0 | 1) => ' ',
        (_, count @ 2..=9) => char::from(b'0' + u8::try_from(count).unwrap_or(9)),
        _ => '+',
    };
    let style = style_of(spot.kind);
    for (at, letter) in [(x, spot.glyph), (x + 1, second)] {
        if let Some(cell) = buffer.cell_mut(Position { x: at, y }) {
            cell.set_char(letter).set_style(style);
        }
    }
}

fn style_of(kind: SpotKind) -> Style {
    match kind {
        SpotKind::Nowhere => PLAIN,
        SpotKind::Free | SpotKind::Wall => FAINT,
        SpotKind::Thing => Style::new().fg(Color::Yellow),
        SpotKind::Dead => Style::new().fg(Color::Gray),
        SpotKind::Side(side) => BOLD.fg(SIDES[usize::from(side) % SIDES.len()]),
        SpotKind::Followed => BOLD.add_modifier(Modifier::REVERSED),
    }
}

fn draw_columns(view: &View, area: Rect, buffer: &mut Buffer) {
    let inner = frame("columns", area, buffer);
    for (row, line) in (0..inner.height).zip(&view.columns) {
        let rows = format!("{:>9}  ", line.rows);
        put(buffer, inner, row, &[(&rows, PLAIN), (&line.name, BOLD)]);
    }
}

fn draw_entities(view: &View, area: Rect, buffer: &mut Buffer) {
    let inner = frame(&format!("here: {}", view.entity_count), area, buffer);
    for (row, line) in (0..inner.height).zip(&view.entities) {
        let is_followed = view.followed == Some(line.entity);
        let kind = if is_followed { SpotKind::Followed } else { line.kind };
        let (glyph, head) = (line.glyph.to_string(), head(line));
        let doing = format!("  {}", line.doing);
        put(buffer, inner, row, &[(&glyph, style_of(kind)), (" ", PLAIN), (&head, PLAIN), (&doing, FAINT)]);
    }
}

/// Who it is, and how well.
fn head(line: &EntityLine) -> String {
    let mut text = line.entity.to_string();
    if !line.name.is_empty() {
        text.push_str(&format!(" {}", line.name));
    }
    if let Some((current, maximum)) = line.health {
        text.push_str(&format!(" {current}/{maximum}"));
    }
    text
}

fn draw_events(view: &View, area: Rect, buffer: &mut Buffer) {
    let inner = frame("events", area, buffer);
    let skipped = view.events.len().saturating_sub(usize::from(inner.height));
    for (row, line) in (0..inner.height).zip(view.events.iter().skip(skipped)) {
        let tick = format!("{:>6}  ", line.tick.0);
        // What this tick told stands out from what is over.
        let style = if line.tick == view.tick { BOLD } else { PLAIN };
        put(buffer, inner, row, &[(&tick, FAINT), (&line.text, style)]);
    }
}

fn draw_log(log: &LogTail, area: Rect, buffer: &mut Buffer) {
    let inner = frame(&format!("server's log: {}", crate::output::counted(log.count, "line")), area, buffer);
    let skipped = log.lines.len().saturating_sub(usize::from(inner.height));
    for (row, line) in (0..inner.height).zip(log.lines.iter().skip(skipped)) {
        put(buffer, inner, row, &[(line, PLAIN)]);
    }
}

fn footer(chrome: &Chrome<'_>, area: Rect, buffer: &mut Buffer) {
    let controls = chrome.controls;
    let entry = |what: &str, text: &str| format!("{what} {text}_   enter: go   esc: back");
    let text = match (&controls.mode, &controls.message) {
        (Mode::Seeking(text), _) => entry("tick", text),
        (Mode::Finding(text), _) => entry("entity", text),
        (_, Some(message)) => message.clone(),
        _ if chrome.progress.is_some() => chrome.progress.clone().unwrap_or_default(),
        _ => HELP_LINE.to_owned(),
    };
    put(buffer, area, 0, &[(&text, Style::new().fg(Color::Cyan))]);
}

fn draw_help(area: Rect, buffer: &mut Buffer) {
    let rows = u16::try_from(HELP.len()).unwrap_or(u16::MAX).saturating_add(2);
    let (width, height) = (58.min(area.width), rows.min(area.height));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let page = Rect { x, y, width, height };
    Clear.render(page, buffer);
    let inner = frame("keys", page, buffer);
    for (row, (keys, what)) in (0..inner.height).zip(HELP) {
        put(buffer, inner, row, &[(&format!("{keys:<13}"), BOLD), (what, PLAIN)]);
    }
}

/// The letters of a buffer, a line a row, without spaces at the ends.
pub(crate) fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let row = (buffer.area.left()..buffer.area.right()).filter_map(|x| buffer.cell(Position { x, y }));
        let row: String = row.map(|cell| cell.symbol()).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Takes the colours away, for terminals and people that want none; bold and reversed letters stay.
pub(crate) fn without_colors(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
    }
}
