//! All names of all sources, gathered before anything is read that refers to them.
//!
//! Invariant: a position here is the position in the finished pack, because both sort by key.

use std::collections::BTreeMap;

use tickworld_content::model::Key;

use crate::{
    kind::Kind,
    source::{Sink, Source, Span},
    text,
    yaml::{Node, Value},
};

/// One entry: where it stands and what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'n> {
    pub(crate) source: &'n Source,
    pub(crate) name: &'n str,
    pub(crate) span: Span,
    pub(crate) body: &'n Node,
    pub(crate) key: Key,
}

/// The entries of each kind, sorted by key.
#[derive(Debug, Default)]
pub(crate) struct Names<'n> {
    by_kind: BTreeMap<Kind, Vec<Entry<'n>>>,
    by_name: BTreeMap<(Kind, &'n str), usize>,
    /// What is said of entries that are gone.
    pub(crate) replaced: Vec<(&'n Source, &'n Node)>,
    /// The constants, once.
    pub(crate) constants: Option<(&'n Source, Span, &'n Node)>,
}

impl<'n> Names<'n> {
    /// Gathers from all trees; reports unknown sections, bad names and names that stand twice.
    pub(crate) fn gather(trees: &'n [(&'n Source, Node)], sink: &mut Sink) -> Self {
        let mut names = Self::default();
        for (source, tree) in trees {
            let Value::Map(sections) = &tree.value else {
                let message = format!("expected sections such as `creatures:`, found {}", tree.describe());
                sink.report(source, tree.span, message, None);
                continue;
            };
            for (head, body) in sections {
                names.section(source, head, body, sink);
            }
        }
        for entries in names.by_kind.values_mut() {
            entries.sort_by_key(|entry| entry.key);
        }
        for (kind, entries) in &names.by_kind {
            for (position, entry) in entries.iter().enumerate() {
                names.by_name.insert((*kind, entry.name), position);
            }
        }
        names
    }

    fn section(&mut self, source: &'n Source, head: &'n Node, body: &'n Node, sink: &mut Sink) {
        let title = head.text().unwrap_or_default();
        if title == "constants" {
            if self.constants.is_some() {
                sink.report(source, head.span, "constants stand in two places", Some("keep one".into()));
            }
            self.constants = Some((source, head.span, body));
            return;
        }
        if title == "replaced" {
            self.replaced.push((source, body));
            return;
        }
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.section() == title) else {
            let known = Kind::ALL.iter().map(|kind| kind.section()).chain(["constants", "replaced"]);
            sink.report(source, head.span, format!("unknown section `{title}`"), suggestion(title, known));
            return;
        };
        match &body.value {
            Value::Map(entries) => entries.iter().for_each(|(name, body)| self.entry(kind, source, name, body, sink)),
            _ if body.is_null() => {}
            _ => {
                let message = format!("expected a mapping from names to {title}, found {}", body.describe());
                sink.report(source, body.span, message, None);
            }
        }
    }

    fn entry(&mut self, kind: Kind, source: &'n Source, head: &'n Node, body: &'n Node, sink: &mut Sink) {
        let name = head.text().unwrap_or_default();
        if let Err(message) = text::parse_name(name) {
            sink.report(source, head.span, message, None);
            return;
        }
        let key = Key::of(kind.word(), name);
        let entry = Entry { source, name, span: head.span, body, key };
        if self.by_name.insert((kind, name), 0).is_some() {
            let entries = self.by_kind.entry(kind).or_default();
            let first = entries.iter().find(|entry| entry.name == name);
            let first = first.map(|it| format!("the first is at {}:{}", it.source.path, it.span.line));
            sink.report(source, head.span, format!("{} `{name}` stands twice", kind.word()), first);
            return;
        }
        self.by_kind.entry(kind).or_default().push(entry);
    }

    /// The entries of a kind, in pack order.
    pub(crate) fn entries(&self, kind: Kind) -> &[Entry<'n>] {
        self.by_kind.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Position of `name` in the pack.
    pub(crate) fn position(&self, kind: Kind, name: &str) -> Option<usize> {
        self.by_name.get(&(kind, name)).copied()
    }

    /// "did you mean ..." for an unknown `name`.
    pub(crate) fn suggestion(&self, kind: Kind, name: &str) -> Option<String> {
        suggestion(name, self.entries(kind).iter().map(|entry| entry.name))
    }
}

/// The most similar known word, if one is similar enough to be meant.
#[must_use]
pub fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    // A distance up to a third of the word, so that short words do not suggest just anything; ties go to the first word.
    let most = (word.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.filter(|candidate| candidate.len().abs_diff(word.len()) <= most) {
        let distance = strsim::damerau_levenshtein(word, candidate);
        if distance <= most && best.is_none_or(|it| (distance, candidate) < it) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}
