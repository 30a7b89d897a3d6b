//! What a file is when it is not what was asked for.
//!
//! Invariant: a message about a file names it, says what it is as far as its first bytes tell, and what to do next.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use crate::failure::Failure;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A trace, of any version.
    Trace,
    /// A content pack, of any version.
    Pack,
    /// Text: a scenario or a content source.
    Text,
    /// Nothing that this tool writes.
    Unknown,
    /// No bytes at all.
    Empty,
}

impl FileKind {
    /// What a file is that begins with these bytes.
    pub fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            Self::Empty
        } else if head.starts_with(b"TWPACK") {
            Self::Pack
        } else if head.starts_with(b"tickworld-trace") {
            Self::Trace
        } else if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace() || *byte >= 0x80) {
            Self::Text
        } else {
            Self::Unknown
        }
    }
}

/// "this is a pack, not a trace: ...".
pub fn wrong_kind(path: &Path, wanted: &str) -> Failure {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(256).read_to_end(&mut head));
    let shown = path.display();
    let found = read.map_or(FileKind::Unknown, |_| FileKind::of(&head));
    match found {
        FileKind::Trace | FileKind::Pack if is_changed_in_transfer(&head) => {
            Failure::new(format!("{shown} was changed in transfer: its line ends were converted, as for a text file"))
                .help("copy it again as it is (binary)")
        }
        FileKind::Pack => Failure::new(format!("{shown} is a content pack, not a {wanted}"))
            .help(format!("`tickworld content info {shown}` shows what is in it")),
        FileKind::Trace if wanted == "trace" => {
            Failure::new(format!("{shown} begins like a trace, but its first bytes are damaged")).help("copy it again")
        }
        FileKind::Trace => Failure::new(format!("{shown} is a trace, not a {wanted}"))
            .help(format!("`tickworld trace info {shown}` shows what is in it")),
        FileKind::Text if wanted == "trace" => Failure::new(format!("{shown} is a text file, not a trace"))
            .help(format!("if it is a scenario, `tickworld trace record {shown} -o FILE` makes a trace of it")),
        FileKind::Text => Failure::new(format!("{shown} is a text file, not a {wanted}")),
        FileKind::Empty => Failure::new(format!("{shown} is empty, not a {wanted}")),
        FileKind::Unknown => {
            Failure::new(format!("{shown} is not a {wanted}, nor anything else that tickworld writes"))
        }
    }
}

/// Whether the line end within the magic bytes was converted to that of another system: LF in a trace, CR LF in a pack.
pub(crate) fn is_changed_in_transfer(head: &[u8]) -> bool {
    let trace = head.strip_prefix(b"tickworld-trace").is_some_and(|rest| rest.starts_with(b"\r"));
    trace || head.strip_prefix(b"TWPACK").is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\r"))
}

/// A file that is not there, or not for us.
pub fn cannot_open(path: &Path, error: &io::Error, wanted: &str) -> Failure {
    let failure = Failure::new(format!("cannot open {}: {error}", path.display()));
    if error.kind() == io::ErrorKind::NotFound && wanted == "trace" {
        return failure.help("`tickworld trace record SCENARIO -o FILE` makes a trace");
    }
    failure
}
