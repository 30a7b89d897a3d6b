//! [`Reader`]: fields, lists and numbers of a scenario, with the place of whatever is wrong.
//!
//! Invariant: a mistake is noted and reading goes on with a harmless value, so that one run names all of them; the result is
//! used only if nothing was noted.

use tickworld_contentc::{
    Source,
    document::{Node, Report, Span, Value, suggestion},
};

/// Reads one source.
pub(super) struct Reader<'s> {
    pub(super) report: Report<'s>,
}

/// The fields of a mapping.
pub(super) struct Fields<'n> {
    pub(super) span: Span,
    entries: Vec<(&'n str, &'n Node)>,
}

impl<'n> Fields<'n> {
    /// A field that may be left out.
    pub(super) fn find(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(known, _)| *known == name).map(|(_, node)| *node)
    }

    /// The names of the fields that stand there.
    pub(super) fn names(&self) -> impl Iterator<Item = &'n str> {
        self.entries.iter().map(|(name, _)| *name)
    }
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { report: Report::new(source) }
    }

    pub(super) fn error(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        self.report.error(span, message, help);
    }

    /// The fields of a mapping, of which only `known` may occur.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, known: &[&str]) -> Fields<'n> {
        let mut entries = Vec::new();
        for (head, body) in self.pairs(node) {
            let name = head.text().unwrap_or_default();
            if known.contains(&name) {
                if !body.is_null() {
                    entries.push((name, body));
                }
            } else {
                let help = suggestion(name, known.iter().copied());
                let help = help.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                self.error(head.span, format!("unknown field `{name}`"), Some(help));
            }
        }
        Fields { span: node.span, entries }
    }

    /// The entries of a mapping.
    pub(super) fn pairs<'n>(&mut self, node: &'n Node) -> &'n [(Node, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            _ => {
                self.error(node.span, format!("expected fields, found {}", node.describe()), None);
                &[]
            }
        }
    }

    /// The entries of a list; none where it is left out.
    pub(super) fn list<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
        let Some(node) = node else { return &[] };
        match &node.value {
            Value::List(entries) => entries,
            _ => {
                let help = node.text().map(|text| format!("write [{text}]"));
                self.error(node.span, format!("expected a list, found {}", node.describe()), help);
                &[]
            }
        }
    }

    /// A field that must be there.
    pub(super) fn require<'n>(&mut self, fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
        let node = fields.find(name);
        if node.is_none() {
            self.error(fields.span, format!("missing field `{name}`"), None);
        }
        node
    }

    /// A word, or any text on one line.
    pub(super) fn text<'n>(&mut self, node: &'n Node) -> &'n str {
        match node.text() {
            Some(text) => text,
            None => {
                self.error(node.span, format!("expected a word, found {}", node.describe()), None);
                ""
            }
        }
    }

    /// A whole number within `min` to `max`; `min` where it is wrong.
    pub(super) fn int(&mut self, node: &Node, min: u64, max: u64) -> u64 {
        let Some(text) = node.text() else {
            self.error(node.span, format!("expected a whole number, found {}", node.describe()), None);
            return min;
        };
        match text.parse::<u64>() {
            Ok(value) if (min..=max).contains(&value) => value,
            Ok(value) => {
                self.error(node.span, format!("{value} is not within {min} to {max}"), None);
                min
            }
            Err(_) => {
                self.error(node.span, format!("`{text}` is not a whole number"), None);
                min
            }
        }
    }

    /// The same, with a value for one that is left out.
    pub(super) fn int_or(&mut self, node: Option<&Node>, default: u64, min: u64, max: u64) -> u64 {
        node.map_or(default, |node| self.int(node, min, max))
    }

    /// A list of exactly `N` whole numbers up to `max`.
    pub(super) fn ints<const N: usize>(&mut self, node: &Node, what: &str, max: u64) -> Option<[u64; N]> {
        let list = match &node.value {
            Value::List(list) if list.len() == N => list,
            _ => {
                self.error(node.span, format!("expected {what}, found {}", node.describe()), None);
                return None;
            }
        };
        let mut numbers = [0; N];
        for (number, node) in numbers.iter_mut().zip(list) {
            *number = self.int(node, 0, max);
        }
        Some(numbers)
    }
}
