//! Events to tree, iteratively: the depth of a source is bounded by a number, not by the stack.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle};

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
    Loader { source, sink, open: Vec::new(), root: None, nodes: 0 }.run()
}

/// Column and line where `[` and `{` first nest too deep, comments left out. The parser keeps its own stack of open
/// brackets and looks back through it, so that a megabyte of them costs it minutes: they never reach it.
fn deep_flow(text: &str) -> Option<(u32, u32)> {
    let mut depth = 0_usize;
    for (row, line) in text.lines().zip(1..) {
        for (c, column) in row.chars().zip(0..) {
            match c {
                '#' => break,
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > DEPTH_MAX {
                return Some((column, line));
            }
        }
    }
    None
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
}

impl Loader<'_> {
    fn run(mut self) -> Option<Node> {
        let text = &self.source.text;
        let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok((event, span)) => (event, place(&span)),
                Err(error) => {
                    let at = Span { line: line(error.marker()), start: column(error.marker()), length: 1 };
                    let tab = self.source.text.lines().nth((at.line as usize).saturating_sub(1)).unwrap_or_default();
                    let tabbed = tab.trim_start_matches(' ').starts_with('\t');
                    let help = tabbed.then(|| "indent with spaces: YAML allows no tabs there".to_owned());
                    self.sink.report(self.source, at, format!("not YAML: {}", error.info()), help);
                    return None;
                }
            };
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
                if documents > 1 {
                    self.sink.report(
                        self.source,
                        span,
                        "a second document in one file",
                        Some("put it in a file of its own".into()),
                    );
                    return None;
                }
            }
            self.accept(event, span)?;
        }
        self.root.or_else(|| {
            self.sink.report(self.source, Span { line: 1, ..Span::default() }, "an empty file", None);
            None
        })
    }

    fn accept(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                self.add(Node { span, value: Value::Scalar { text: text.into_owned(), plain } })?;
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
