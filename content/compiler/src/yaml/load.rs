//! Events to tree, iteratively: the depth of a source is bounded by a number, not by the stack.

use std::{borrow::Cow, collections::BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::{
    source::{SOURCE_BYTES_MAX, Sink, Source, Span},
    yaml::{Node, Value},
};

/// Nesting of lists and mappings; content uses eight.
const DEPTH_MAX: usize = 32;
/// Values of one source.
const NODES_MAX: usize = 1_000_000;

/// The tree of a source, or `None` after reporting why there is none.
pub(crate) fn load(source: &Source, sink: &mut Sink) -> Option<Node> {
    if source.text.len() > SOURCE_BYTES_MAX {
        let message = format!("{} bytes; a source has at most {SOURCE_BYTES_MAX}", source.text.len());
        sink.report(source, Span { line: 1, ..Span::default() }, message, None);
        return None;
    }
    if let Some((at, line)) = deep_flow(&source.text) {
        let span = Span { line, start: at, length: 1 };
        sink.report(source, span, format!("nested deeper than {DEPTH_MAX} levels"), None);
        return None;
    }
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let text = if text.contains('\t') { Cow::Owned(without_separating_tabs(text)) } else { Cow::Borrowed(text) };
    Loader { source, sink, open: Vec::new(), root: None, nodes: 0, documents: 0 }.run(&text)
}

/// Whether a file says nothing: comments, and lines that only begin or end a document.
pub(crate) fn is_empty(text: &str) -> bool {
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim_end);
    lines
        .all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#') || matches!(line, "---" | "..."))
}

/// Column and line where `[` and `{` first nest too deep, comments and quoted text left out. The parser keeps its own stack of
/// open brackets and looks back through it, so that a megabyte of them costs it minutes: they never reach it.
fn deep_flow(text: &str) -> Option<(u32, u32)> {
    let mut depth = 0_usize;
    let mut lexer = Lexer::default();
    for (row, line) in text.lines().zip(1..) {
        lexer.begin_line();
        for (c, column) in row.chars().zip(0..) {
            match lexer.next(c) {
                Place::Comment => break,
                Place::Open => depth += 1,
                Place::Close => depth = depth.saturating_sub(1),
                Place::Text => {}
            }
            if depth > DEPTH_MAX {
                return Some((column, line));
            }
        }
    }
    None
}

/// The text with a space for every tab that only separates, at the same place: YAML 1.2 allows one between a key or a dash and
/// its value, the parser does not. Tabs that indent stay, for YAML refuses them, and so do tabs in quotes.
fn without_separating_tabs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lexer = Lexer::default();
    for row in text.split_inclusive('\n') {
        lexer.begin_line();
        let (mut is_indent, mut is_comment) = (true, false);
        for c in row.chars() {
            let separates = c == '\t' && !is_indent && !is_comment && !lexer.is_quoted();
            if !matches!(c, ' ' | '\t') {
                is_indent = false;
            }
            if !is_comment && c != '\n' {
                is_comment = lexer.next(c) == Place::Comment;
            }
            out.push(if separates { ' ' } else { c });
        }
    }
    out
}

/// What a character is, as far as that shows without parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// From here to the end of the line.
    Comment,
    /// `[` or `{` that may open a list or mapping.
    Open,
    /// `]` or `}` that may close one.
    Close,
    /// Any other character.
    Text,
}

/// Follows quotes and comments along a line: a quote counts where a value may begin, a `#` after white space.
///
/// A quoted text over several lines is not followed: a block of text may hold a lone quote, behind which nothing must hide.
#[derive(Debug, Default)]
struct Lexer {
    quote: Option<char>,
    is_escaped: bool,
    /// The last character on this line that was no white space; none at its beginning.
    last: Option<char>,
    /// Whether that character ended a quoted text.
    is_closed: bool,
    /// Whether that character is the colon behind a quoted key, as JSON has it.
    is_json_colon: bool,
    /// Whether the last character was white space, or there was none.
    after_space: bool,
}

impl Lexer {
    fn begin_line(&mut self) {
        *self = Self { after_space: true, ..Self::default() };
    }

    const fn is_quoted(&self) -> bool {
        self.quote.is_some()
    }

    fn next(&mut self, c: char) -> Place {
        if let Some(quote) = self.quote {
            if self.is_escaped {
                self.is_escaped = false;
            } else if c == '\\' && quote == '"' {
                self.is_escaped = true;
            } else if c == quote {
                self.quote = None;
                (self.last, self.is_closed, self.is_json_colon, self.after_space) = (Some(c), true, false, false);
            }
            return Place::Text;
        }
        // Two single quotes within single quotes stand for one.
        if c == '\'' && self.is_closed && self.last == Some(c) && !self.after_space {
            self.quote = Some(c);
            return Place::Text;
        }
        let place = match c {
            '#' if self.after_space => Place::Comment,
            '"' | '\'' if self.begins_value() => {
                self.quote = Some(c);
                Place::Text
            }
            '[' | '{' => Place::Open,
            ']' | '}' => Place::Close,
            _ => Place::Text,
        };
        self.after_space = c.is_whitespace();
        if !self.after_space {
            self.is_json_colon = c == ':' && self.is_closed;
            (self.last, self.is_closed) = (Some(c), false);
        }
        place
    }

    /// Whether a value may begin here: at the line's beginning, or behind what separates one.
    fn begins_value(&self) -> bool {
        match self.last {
            None | Some(',' | '[' | '{') => true,
            Some(':' | '-' | '?') => self.after_space || self.is_json_colon,
            Some(_) => false,
        }
    }
}

/// A character that looks like a space and is none for YAML, where a line holds one: its place and what it is.
pub(crate) fn odd_space(line: &str) -> Option<(u32, &'static str)> {
    let name = |c: char| match c {
        '\u{a0}' => Some("a non-breaking space (U+00A0)"),
        '\u{202f}' | '\u{2007}' => Some("a narrow or figure space that does not break (U+202F, U+2007)"),
        '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' => Some("a space of another width than the plain one"),
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => Some("a character of no width"),
        _ => None,
    };
    line.chars().zip(0..).find_map(|(c, at)| Some((at, name(c)?)))
}

/// A list or mapping that is not closed yet.
struct Open {
    span: Span,
    is_map: bool,
    key: Option<Node>,
    keys: BTreeSet<String>,
    list: Vec<Node>,
    map: Vec<(Node, Node)>,
}

struct Loader<'a> {
    source: &'a Source,
    sink: &'a mut Sink,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Loader<'_> {
    fn run(mut self, text: &str) -> Option<Node> {
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((event, span)) => self.accept(event, place(&span))?,
                Err(error) => {
                    self.malformed(&error);
                    return None;
                }
            }
        }
        self.root.or_else(|| {
            self.sink.report(self.source, Span { line: 1, ..Span::default() }, "an empty file", None);
            None
        })
    }

    /// Reports what the parser refuses, and what in that line looks like something that it is not.
    fn malformed(&mut self, error: &ScanError) {
        let lines: Vec<&str> = self.source.text.trim_start_matches('\u{feff}').lines().collect();
        let found = (line(error.marker()) as usize).clamp(1, lines.len().max(1));
        // Where a line misses its colon, the parser stops at the beginning of the next one.
        for number in [found, found.saturating_sub(1)] {
            let Some((at, what)) = lines.get(number.wrapping_sub(1)).and_then(|line| odd_space(line)) else { continue };
            let span = Span { line: u32::try_from(number).unwrap_or(u32::MAX), start: at, length: 1 };
            let message = format!("{what}, which YAML takes for a letter");
            self.sink.report(self.source, span, message, Some("type a plain space instead".into()));
            return;
        }
        let row = lines.get(found - 1).copied().unwrap_or_default();
        let is_within = found == line(error.marker()) as usize;
        let start = if is_within { column(error.marker()) } else { u32::try_from(row.chars().count()).unwrap_or(0) };
        let at = Span { line: u32::try_from(found).unwrap_or(u32::MAX), start, length: 1 };
        let tabbed = row.trim_start_matches(' ').starts_with('\t');
        let help = tabbed.then(|| "indent with spaces: YAML allows no tabs there".to_owned());
        self.sink.report(self.source, at, format!("not YAML: {}", error.info()), help);
    }

    fn accept(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let is_nothing = match &event {
            Event::Scalar(text, style, 0, None) => *style == ScalarStyle::Plain && matches!(&**text, "" | "~"),
            Event::SequenceStart(..) | Event::MappingStart(..) | Event::Scalar(..) | Event::Alias(_) => false,
            Event::DocumentStart(_) => {
                self.documents += 1;
                return Some(());
            }
            _ => true,
        };
        if self.documents > 1 && self.open.is_empty() && self.root.is_some() {
            // A file may end with the line that begins the next document.
            if is_nothing {
                return Some(());
            }
            let help = Some("put it in a file of its own".into());
            self.sink.report(self.source, span, "a second document in one file", help);
            return None;
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                let text =
                    if plain { self.without_typographic_quotes(span, text.into_owned()) } else { text.into_owned() };
                self.add(Node { span, value: Value::Scalar { text, plain } })?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                self.enter(span, false)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                self.enter(span, true)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let value = if open.is_map { Value::Map(open.map) } else { Value::List(open.list) };
                self.add(Node { span: open.span, value })?;
            }
            Event::Alias(_) => return self.refuse(span, "an alias (`*name`)", "write the value out"),
            _ => {}
        }
        Some(())
    }

    /// Refuses a text between quotes as printers set them, which would become part of a name; what is within goes on being read.
    fn without_typographic_quotes(&mut self, span: Span, text: String) -> String {
        const OPENING: &[char] = &['\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}', '\u{2018}', '\u{2019}'];
        const CLOSING: &[char] = &['\u{201d}', '\u{201c}', '\u{bb}', '\u{2019}', '\u{2018}'];
        let Some(within) = text.strip_prefix(OPENING).and_then(|rest| rest.strip_suffix(CLOSING)) else { return text };
        let help = Some("type \" on both sides, or leave them away".into());
        self.sink.report(self.source, span, "quotes of a text program, which YAML takes for letters", help);
        within.to_owned()
    }

    fn plain_only(&mut self, span: Span, anchor: usize, tagged: bool) -> Option<()> {
        if anchor != 0 {
            return self.refuse(span, "an anchor (`&name`)", "write the value out where it is needed");
        }
        if tagged {
            return self.refuse(span, "a tag (`!name`)", "types are known from the field");
        }
        Some(())
    }

    fn refuse(&mut self, span: Span, what: &str, help: &str) -> Option<()> {
        self.sink.report(self.source, span, format!("{what} is not allowed in content"), Some(help.to_owned()));
        None
    }

    fn enter(&mut self, span: Span, is_map: bool) -> Option<()> {
        if self.open.len() >= DEPTH_MAX {
            self.sink.report(self.source, span, format!("nested deeper than {DEPTH_MAX} levels"), None);
            return None;
        }
        self.open.push(Open { span, is_map, key: None, keys: BTreeSet::new(), list: Vec::new(), map: Vec::new() });
        Some(())
    }

    fn add(&mut self, node: Node) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.sink.report(self.source, node.span, format!("more than {NODES_MAX} values in one file"), None);
            return None;
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        if !parent.is_map {
            parent.list.push(node);
            return Some(());
        }
        match parent.key.take() {
            Some(key) => parent.map.push((key, node)),
            None if node.text().is_some_and(|text| !parent.keys.insert(text.to_owned())) => {
                let message = format!("{} stands here twice", node.describe());
                self.sink.report(self.source, node.span, message, Some("keep one".into()));
                parent.key = Some(node);
            }
            None if odd_space(node.text().unwrap_or_default()).is_some() => {
                let (at, what) = odd_space(node.text().unwrap_or_default()).unwrap_or((0, "a space"));
                let span = Span { start: node.span.start + at, length: 1, ..node.span };
                let message = format!("{what} in a key, which YAML takes for a letter");
                self.sink.report(self.source, span, message, Some("type a plain space instead".into()));
                return None;
            }
            None if node.text().is_none() => {
                let found = node.describe();
                self.sink.report(self.source, node.span, format!("{found} as a key"), Some("keys are words".into()));
                return None;
            }
            None => {
                parent.key = Some(node);
            }
        }
        Some(())
    }
}

fn line(marker: &saphyr_parser::Marker) -> u32 {
    u32::try_from(marker.line()).unwrap_or(u32::MAX)
}

fn column(marker: &saphyr_parser::Marker) -> u32 {
    u32::try_from(marker.col()).unwrap_or(u32::MAX)
}

fn place(span: &saphyr_parser::Span) -> Span {
    let start = column(&span.start);
    let length = if line(&span.start) == line(&span.end) { column(&span.end).saturating_sub(start) } else { 1 };
    Span { line: line(&span.start), start, length }
}
