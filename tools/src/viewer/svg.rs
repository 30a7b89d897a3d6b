//! [`svg`]: buffers of cells as a picture, one after the other as a moving one.
//!
//! Invariant: the same buffers give the same bytes: there is no clock, no random id and no float in it. A row that several frames
//! share is in the picture once, so what stands still costs nothing. Neither fonts nor spaces decide where something stands.

use std::{collections::BTreeMap, fmt::Write as _};

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Position,
    style::{Color, Modifier},
    symbols::line,
};

/// Size of a cell in tenths of a pixel: that of a letter of 14 pixels in most fonts of even width.
const CELL_TENTHS: (u32, u32) = (84, 170);
/// Around the cells.
const MARGIN_TENTHS: u32 = 120;
/// Below the upper end of a row, where letters stand.
const BASELINE_TENTHS: u32 = 130;

const GROUND: &str = "#10151c";
const INK: &str = "#d5dbe3";
const BORDER: &str = "#4a5563";

/// A row's letters of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    column: u16,
    columns: u16,
    text: String,
    ink: &'static str,
    is_bold: bool,
}

/// The frames, all of one size, each shown for so many milliseconds, over and over; one alone stands still. `title` says to
/// those who do not see it what it shows.
///
/// # Panics
/// If there is no frame.
pub(crate) fn svg(frames: &[Buffer], frame_millis: u32, title: &str) -> String {
    let area = frames.first().expect("a picture shows something").area;
    let width = u32::from(area.width) * CELL_TENTHS.0 + 2 * MARGIN_TENTHS;
    let height = u32::from(area.height) * CELL_TENTHS.1 + 2 * MARGIN_TENTHS;
    let mut out = String::new();
    line(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\">",
            w = tenths(width),
            h = tenths(height),
        ),
    );
    line(&mut out, format_args!("<title>{}</title>", escape(title)));
    line(
        &mut out,
        format_args!(
            "<style>text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:{INK}}}.b{{font-weight:bold}}path{{fill:none;stroke:{BORDER}}}</style>"
        ),
    );
    line(&mut out, format_args!("<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>"));
    for row in 0..area.height {
        for layer in [grounds, borders, letters] {
            let mut contents: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (number, frame) in frames.iter().enumerate() {
                contents.entry(layer(frame, row)).or_default().push(number);
            }
            // In the order in which they come.
            let mut contents: Vec<_> = contents.into_iter().filter(|(drawn, _)| !drawn.is_empty()).collect();
            contents.sort_by(|(_, one), (_, other)| one.cmp(other));
            for (drawn, shown) in contents {
                if shown.len() == frames.len() {
                    out.push_str(&drawn);
                    continue;
                }
                let hidden = if shown.first() == Some(&0) { "" } else { " visibility=\"hidden\"" };
                line(&mut out, format_args!("<g{hidden}>"));
                animate(&mut out, &shown, frames.len(), frame_millis);
                out.push_str(&drawn);
                out.push_str("</g>\n");
            }
        }
    }
    out.push_str("</svg>\n");
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a string takes everything");
}

/// Shows what it stands in during some frames of all.
fn animate(out: &mut String, shown: &[usize], count: usize, frame_millis: u32) {
    let (mut values, mut times) = (Vec::new(), Vec::new());
    let is_shown = |number: usize| shown.binary_search(&number).is_ok();
    for number in 0..count {
        if number == 0 || is_shown(number) != is_shown(number - 1) {
            values.push(if is_shown(number) { "visible" } else { "hidden" });
            times.push(millionths(number, count));
        }
    }
    let millis = u64::from(frame_millis) * count as u64;
    line(
        out,
        format_args!(
            "<animate attributeName=\"visibility\" calcMode=\"discrete\" repeatCount=\"indefinite\" dur=\"{millis}ms\" values=\"{}\" keyTimes=\"{}\"/>",
            values.join(";"),
            times.join(";"),
        ),
    );
}

/// A part of the whole, as a decimal.
fn millionths(part: usize, whole: usize) -> String {
    if part == 0 { "0".into() } else { format!("0.{:06}", part as u64 * 1_000_000 / whole as u64) }
}

/// The cells of a row, with their columns.
fn cells(buffer: &Buffer, row: u16) -> impl Iterator<Item = (u16, &Cell)> {
    let at = move |column| Position { x: buffer.area.x + column, y: buffer.area.y + row };
    (0..buffer.area.width).filter_map(move |column| Some((column, buffer.cell(at(column))?)))
}

/// The borders of a row as lines: letters of a font would leave gaps between rows.
fn borders(buffer: &Buffer, row: u16) -> String {
    let (mut path, mut before) = (String::new(), "");
    let [top, center, bottom] = [0, CELL_TENTHS.1 / 2, CELL_TENTHS.1].map(|y| tenths(top_of(row) + y));
    for (column, cell) in cells(buffer, row) {
        let [left, middle, right] = [0, CELL_TENTHS.0 / 2, CELL_TENTHS.0].map(|x| tenths(left_of(column) + x));
        let from = if matches!(before, line::HORIZONTAL | line::TOP_LEFT | line::BOTTOM_LEFT) {
            String::new()
        } else {
            format!("M{left} {center}")
        };
        path.push_str(&match cell.symbol() {
            line::HORIZONTAL => format!("{from}H{right}"),
            line::VERTICAL => format!("M{middle} {top}V{bottom}"),
            line::TOP_LEFT => format!("M{middle} {bottom}V{center}H{right}"),
            line::TOP_RIGHT => format!("{from}H{middle}V{bottom}"),
            line::BOTTOM_LEFT => format!("M{middle} {top}V{center}H{right}"),
            line::BOTTOM_RIGHT => format!("{from}H{middle}V{top}"),
            _ => String::new(),
        });
        before = cell.symbol();
    }
    if path.is_empty() { path } else { format!("<path d=\"{path}\"/>\n") }
}

/// Whether [`borders`] draws it.
fn is_border(symbol: &str) -> bool {
    matches!(
        symbol,
        line::HORIZONTAL | line::VERTICAL | line::TOP_LEFT | line::TOP_RIGHT | line::BOTTOM_LEFT | line::BOTTOM_RIGHT
    )
}

/// What a row's letters stand on, where it is not the picture's own ground.
fn grounds(buffer: &Buffer, row: u16) -> String {
    let mut runs: Vec<(u16, u16, &str)> = Vec::new();
    for (column, cell) in cells(buffer, row) {
        let Some(ground) = inks(cell).1 else { continue };
        match runs.last_mut() {
            Some((_, end, last)) if *end == column && *last == ground => *end += 1,
            _ => runs.push((column, column + 1, ground)),
        }
    }
    let (y, height) = (tenths(top_of(row)), tenths(CELL_TENTHS.1));
    let mut out = String::new();
    for (column, end, ground) in runs {
        let (x, width) = (tenths(left_of(column)), tenths(u32::from(end - column) * CELL_TENTHS.0));
        line(
            &mut out,
            format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>"),
        );
    }
    out
}

/// The letters of a row, style by style. A space within a text is a part of it; after two a new one begins, for some that draw
/// pictures make one of them.
fn letters(buffer: &Buffer, row: u16) -> String {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (column, cell) in cells(buffer, row) {
        let (symbol, (ink, _)) = (cell.symbol(), inks(cell));
        if symbol == " " || is_border(symbol) {
            continue;
        }
        let is_bold = cell.modifier.contains(Modifier::BOLD);
        let like = |last: &&mut Stretch| {
            column - last.column - last.columns <= 1 && (last.ink, last.is_bold) == (ink, is_bold)
        };
        match stretches.last_mut().filter(like) {
            Some(last) => {
                if last.column + last.columns < column {
                    last.text.push(' ');
                }
                last.text.push_str(symbol);
                last.columns = column + 1 - last.column;
            }
            None => stretches.push(Stretch { column, columns: 1, text: symbol.to_owned(), ink, is_bold }),
        }
    }
    let y = tenths(top_of(row) + BASELINE_TENTHS);
    let mut out = String::new();
    for Stretch { column, columns, text, ink, is_bold } in stretches {
        let bold = if is_bold { " class=\"b\"" } else { "" };
        let ink = if ink == INK { String::new() } else { format!(" style=\"fill:{ink}\"") };
        let (x, width) = (tenths(left_of(column)), tenths(u32::from(columns) * CELL_TENTHS.0));
        // Whatever font is there, letters stand in their columns.
        let length = format!(" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\"");
        line(&mut out, format_args!("<text x=\"{x}\" y=\"{y}\"{length}{bold}{ink}>{}</text>", escape(&text)));
    }
    out
}

fn left_of(column: u16) -> u32 {
    MARGIN_TENTHS + u32::from(column) * CELL_TENTHS.0
}

fn top_of(row: u16) -> u32 {
    MARGIN_TENTHS + u32::from(row) * CELL_TENTHS.1
}

/// The colours of letters and ground.
fn inks(cell: &Cell) -> (&'static str, Option<&'static str>) {
    let (ink, ground) = (color(cell.fg).unwrap_or(INK), color(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) { (ground.unwrap_or(GROUND), Some(ink)) } else { (ink, ground) }
}

/// A terminal's colour; none for the one that it has anyway.
const fn color(color: Color) -> Option<&'static str> {
    Some(match color {
        Color::Black => GROUND,
        Color::Red => "#c0392b",
        Color::Green => "#4cc38a",
        Color::Yellow => "#e0b341",
        Color::Blue => "#4f8fe6",
        Color::Magenta => "#b07cd8",
        Color::Cyan => "#4fb6c2",
        Color::Gray => "#a7b0bb",
        Color::DarkGray => "#7b8794",
        Color::LightRed => "#ff7b72",
        Color::LightGreen => "#7ee2a8",
        Color::LightYellow => "#f2d479",
        Color::LightBlue => "#79b8ff",
        Color::LightMagenta => "#d8a8f5",
        Color::LightCyan => "#8be0ea",
        Color::White => "#ffffff",
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => return None,
    })
}

fn tenths(number: u32) -> String {
    if number.is_multiple_of(10) { (number / 10).to_string() } else { format!("{}.{}", number / 10, number % 10) }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn buffers(rows: &[&[&str]]) -> Vec<Buffer> {
        rows.iter().map(|lines| Buffer::with_lines(lines.iter().copied())).collect()
    }

    #[test]
    fn one_frame_stands_still_and_its_letters_are_escaped() {
        let picture = svg(&buffers(&[&["a <b> & c", "         "]]), 100, "one & only");
        assert!(picture.contains("<title>one &amp; only</title>"), "{picture}");
        assert!(picture.contains(">a &lt;b&gt; &amp; c</text>"), "{picture}");
        assert!(!picture.contains("animate"), "{picture}");
        assert_eq!(picture.matches("<text ").count(), 1, "an empty row shows nothing: {picture}");
    }

    #[test]
    fn a_row_that_stands_still_is_there_once_and_one_that_moves_says_when() {
        let picture = svg(&buffers(&[&["same", "one"], &["same", "two"], &["same", "one"]]), 250, "moving");
        assert_eq!((picture.matches(">same<").count(), picture.matches(">one<").count()), (1, 1), "{picture}");
        assert!(
            picture.contains("dur=\"750ms\" values=\"visible;hidden;visible\" keyTimes=\"0;0.333333;0.666666\""),
            "{picture}"
        );
        assert!(picture.contains("<g visibility=\"hidden\">"), "{picture}");
    }

    #[test]
    fn a_border_is_lines_and_two_spaces_begin_a_new_text() {
        let picture =
            svg(&buffers(&[&["\u{250c}\u{2500}\u{2500}\u{2510}a b  c", "\u{2514}\u{2500}\u{2500}\u{2518}"]]), 100, "");
        assert!(picture.contains("<path d=\"M16.2 29V20.5H20.4H28.8H37.2H41.4V29\"/>"), "{picture}");
        assert!(
            picture.contains(">a b</text>") && picture.contains(">c</text>") && !picture.contains('\u{2500}'),
            "{picture}"
        );
    }

    #[test]
    fn colours_and_reversed_letters_have_their_own_stretches() {
        let mut buffer = Buffer::with_lines(["abc"]);
        buffer.set_string(1, 0, "b", Style::new().fg(Color::LightRed).add_modifier(Modifier::REVERSED));
        let picture = svg(&[buffer], 100, "");
        assert!(picture.contains("fill=\"#ff7b72\"/>"), "the ground is what the ink was: {picture}");
        assert_eq!(picture.matches("<text ").count(), 3, "{picture}");
    }

    #[test]
    fn the_same_frames_give_the_same_bytes() {
        let frames = buffers(&[&["a", "b"], &["a", "c"]]);
        assert_eq!(svg(&frames, 100, "x"), svg(&frames.clone(), 100, "x"));
        assert_ne!(svg(&frames, 100, "x"), svg(&frames[..1], 100, "x"));
    }
}
