//! Reading nodes: fields, lists, scalars, references.
//!
//! Invariant: every function reports what it does not understand and returns a default.

use std::collections::BTreeMap;

use tickworld_content::{limits, model::Key};

use crate::{
    kind::Kind,
    names::{Entry, Names, suggestion},
    source::{Sink, Source, Span},
    text::Parsed,
    yaml::{Node, Value},
};

/// Names to resolve against, and where to report.
pub(crate) struct Reader<'a, 'n> {
    pub(crate) names: &'a Names<'n>,
    sink: &'a mut Sink,
    source: Option<&'n Source>,
}

/// The fields of one mapping.
pub(crate) struct Fields<'n> {
    /// Where to report what is missing: the name of the entry, or the mapping itself.
    pub(crate) span: Span,
    by_name: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Fields<'n> {
    /// Whether no known field is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// A field that may be left out.
    pub(crate) fn optional(&self, name: &str) -> Option<&'n Node> {
        self.by_name.get(name).copied().filter(|node| !node.is_null())
    }
}

impl<'a, 'n> Reader<'a, 'n> {
    pub(crate) fn new(names: &'a Names<'n>, sink: &'a mut Sink) -> Self {
        Self { names, sink, source: None }
    }

    /// Everything from now on stands in this source.
    pub(crate) fn enter(&mut self, source: &'n Source) {
        self.source = Some(source);
    }

    pub(crate) fn report(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        let source = self.source.expect("a source is entered before anything of it is read");
        self.sink.report(source, span, message, help);
    }

    /// The fields of an entry, of which only `known` may occur.
    pub(crate) fn entry(&mut self, entry: &Entry<'n>, known: &[&str]) -> Fields<'n> {
        self.enter(entry.source);
        let mut fields = self.fields(entry.body, known);
        fields.span = entry.span;
        fields
    }

    /// The fields of a mapping, of which only `known` may occur.
    pub(crate) fn fields(&mut self, node: &'n Node, known: &[&str]) -> Fields<'n> {
        let mut by_name = BTreeMap::new();
        match &node.value {
            Value::Map(entries) => {
                for (head, body) in entries {
                    let name = head.text().unwrap_or_default();
                    if known.contains(&name) {
                        by_name.insert(name, body);
                    } else {
                        let help = suggestion(name, known.iter().copied());
                        let help = help.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                        self.report(head.span, format!("unknown field `{name}`"), Some(help));
                    }
                }
            }
            _ => self.report(node.span, format!("expected fields, found {}", node.describe()), None),
        }
        Fields { span: node.span, by_name }
    }

    /// The entries of a mapping from words to values, in source order.
    pub(crate) fn pairs(&mut self, node: &'n Node) -> &'n [(Node, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            _ => {
                self.report(node.span, format!("expected a mapping, found {}", node.describe()), None);
                &[]
            }
        }
    }

    /// The entries of a list with at most `max`.
    pub(crate) fn list(&mut self, node: Option<&'n Node>, max: usize) -> &'n [Node] {
        let Some(node) = node else { return &[] };
        match &node.value {
            Value::List(entries) if entries.len() > max => {
                self.report(node.span, format!("{} entries, at most {max} are allowed", entries.len()), None);
                &[]
            }
            Value::List(entries) => entries,
            _ => {
                let help = node.text().map(|text| format!("write [{text}]"));
                self.report(node.span, format!("expected a list, found {}", node.describe()), help);
                &[]
            }
        }
    }

    /// A field that must be there.
    pub(crate) fn require(&mut self, fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
        let node = fields.optional(name);
        if node.is_none() {
            self.report(fields.span, format!("missing field `{name}`"), None);
        }
        node
    }

    /// A scalar in one of the languages of [`crate::text`].
    pub(crate) fn scalar<T: Default>(&mut self, node: Option<&'n Node>, parse: impl Fn(&str) -> Parsed<T>) -> T {
        let Some(node) = node else { return T::default() };
        self.parsed(node, parse).unwrap_or_default()
    }

    /// The same, for types without a default.
    pub(crate) fn parsed<T>(&mut self, node: &'n Node, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let Some(text) = node.text() else {
            self.report(node.span, format!("expected a word or number, found {}", node.describe()), None);
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.report(node.span, message, None);
                None
            }
        }
    }

    /// A whole number; the range is part of the message.
    pub(crate) fn int<T: TryFrom<i64> + Default>(&mut self, node: Option<&'n Node>, min: i64, max: i64) -> T {
        let value = self.scalar(node, |text| crate::text::parse_int(text, min, max));
        T::try_from(value).unwrap_or_default()
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, node: Option<&'n Node>) -> bool {
        self.scalar(node, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("`{text}` is neither true nor false")),
        })
    }

    /// A title for people.
    pub(crate) fn title(&mut self, fields: &Fields<'n>) -> String {
        let node = self.require(fields, "name");
        self.short_text(node)
    }

    /// Free text within the limit of names.
    pub(crate) fn short_text(&mut self, node: Option<&'n Node>) -> String {
        self.scalar(node, |text| match text.len() {
            0 => Err("an empty name".to_owned()),
            length if length > limits::NAME_BYTES_MAX => {
                Err(format!("{length} bytes; a name has at most {}", limits::NAME_BYTES_MAX))
            }
            _ => Ok(text.to_owned()),
        })
    }

    /// Position of the entry that a word names.
    pub(crate) fn position(&mut self, kind: Kind, word: &str, span: Span) -> Option<usize> {
        let position = self.names.position(kind, word);
        if position.is_none() {
            let help = self.names.suggestion(kind, word);
            self.report(span, format!("unknown {} `{word}`", kind.word().replace('-', " ")), help);
        }
        position
    }

    /// Key of the entry that a word names.
    pub(crate) fn key(&mut self, kind: Kind, node: &'n Node) -> Key {
        let word = node.text().unwrap_or_default();
        self.position(kind, word, node.span);
        Key::of(kind.word(), word)
    }

    /// The bits of a list of words.
    pub(crate) fn set(&mut self, kind: Kind, node: Option<&'n Node>) -> u64 {
        let mut bits = 0;
        for node in self.list(node, 64) {
            let word = node.text().unwrap_or_default();
            if let Some(position) = self.position(kind, word, node.span) {
                let bit = u32::try_from(position).ok().and_then(|position| 1_u64.checked_shl(position)).unwrap_or(0);
                if bits & bit != 0 {
                    self.report(node.span, format!("`{word}` stands here twice"), Some("keep one".into()));
                }
                bits |= bit;
            }
        }
        bits
    }
}
