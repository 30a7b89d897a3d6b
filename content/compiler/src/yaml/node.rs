//! The tree that a source is read to: values, each with the place where it stands.

use crate::source::Span;

/// One value of a source and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The place of the value in its source.
    pub span: Span,
    /// The value itself.
    pub value: Value,
}

/// What a value can be: a scalar, a list or a mapping.
#[derive(Clone, Debug)]
pub enum Value {
    /// A word, a number, a text.
    Scalar {
        /// As in the source, without quotes.
        text: String,
        /// Whether it stood without quotes.
        plain: bool,
    },
    /// `- a` or `[a]`.
    List(Vec<Node>),
    /// `a: b` or `{a: b}`; keys are scalars and unique, in source order.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// A scalar without content: `key:`, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// The value as messages call it, as in "expected a list, found ...".
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            _ if self.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => format!("`{}`", text.chars().take(40).collect::<String>()),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}
