//! YAML of another kind than content, such as scenarios, read and reported in the same way.
//!
//! Invariant: as for content, nothing is guessed: a tree holds text, and every mistake is named with its place. What the
//! fields mean is for the caller.

pub use crate::{
    names::suggestion,
    source::Span,
    yaml::{Node, Value},
};

use crate::{
    diagnostic::Diagnostics,
    source::{Sink, Source},
    yaml,
};

/// What is wrong with one source, while it is read.
///
/// ```
/// use tickworld_contentc::{Source, document::Report};
///
/// let source = Source { path: "duel.yaml".into(), text: "ticks: many".into() };
/// let mut report = Report::new(&source);
/// let tree = report.load().expect("it is YAML");
/// report.error(tree.span, "a duel needs an end", None);
/// let wrong = report.finish().expect_err("something was reported");
/// assert!(wrong.to_string().starts_with("duel.yaml:1:1: error: a duel needs an end"));
/// ```
#[derive(Debug)]
pub struct Report<'s> {
    source: &'s Source,
    sink: Sink,
}

impl<'s> Report<'s> {
    /// An empty list of findings about `source`.
    #[must_use]
    pub fn new(source: &'s Source) -> Self {
        Self { source, sink: Sink::default() }
    }

    /// The source's tree, or `None` after reporting why there is none.
    pub fn load(&mut self) -> Option<Node> {
        yaml::load(self.source, &mut self.sink)
    }

    /// Notes a mistake: what is wrong, in lower case without a full stop, and what to do about it.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        self.sink.report(self.source, span, message, help);
    }

    /// Whether nothing was wrong so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sink.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub fn finish(self) -> Result<(), Diagnostics> {
        if self.sink.is_empty() { Ok(()) } else { Err(self.sink.into_diagnostics()) }
    }
}
