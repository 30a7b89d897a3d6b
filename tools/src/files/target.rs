//! [`Target`]: a file that a command is about to write, and what it must not replace.
//!
//! Invariant: nothing is lost that the command cannot make again. What is there is replaced only where it is of the same kind
//! (or where `--force` says so); never an input of the same command, a file of a data folder, or anything but a regular file.
//! A name that is a symbolic link means the file that it points to.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use tickworld_persist::StoreConfig;
use tickworld_scenario::files::FileKind;

use crate::failure::{Failure, Outcome};

/// Links that are followed from one name, as many as Linux follows.
const LINKS_MAX: usize = 40;
/// What only a server's data folder holds.
const DATA_FILES: [&str; 4] =
    [StoreConfig::FILE_NAMES[0], StoreConfig::FILE_NAMES[1], "development-issuer.pem", "dev-certificate-key.pem"];

/// What is written: a file of the same kind may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// A trace, in Tickworld's own format.
    Trace,
    /// A content pack.
    Pack,
    /// A picture, as SVG.
    Picture,
    /// These bytes, which people change: only a file that holds them already may be replaced.
    Exactly(&'a [u8]),
}

/// A file to write.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    /// The path as it was asked for.
    pub(crate) path: PathBuf,
    kind: Kind<'a>,
    inputs: Vec<PathBuf>,
    force: bool,
}

/// Where a target's bytes go.
pub(super) struct Place {
    /// The file itself, behind all links.
    pub(super) file: PathBuf,
    /// Of the file that is replaced; none where there is none.
    pub(super) replaced: Option<fs::Metadata>,
}

impl<'a> Target<'a> {
    /// A file of this kind at `path`.
    pub(crate) fn new(path: impl Into<PathBuf>, kind: Kind<'a>) -> Self {
        Self { path: path.into(), kind, inputs: Vec::new(), force: false }
    }

    /// The command reads these.
    pub(crate) fn reads(mut self, inputs: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.inputs.extend(inputs.into_iter().map(Into::into));
        self
    }

    /// Whether a file of another kind, or one that somebody changed, may be replaced too.
    pub(crate) const fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Whether a file is there that is not to be replaced without being asked.
    pub(crate) fn is_changed(&self) -> Outcome<bool> {
        let place = self.clone().force(true).place()?;
        Ok(place.replaced.is_some() && self.check_kind(&place.file).is_err())
    }

    /// Where the bytes go, if nothing speaks against it.
    pub(super) fn place(&self) -> Outcome<Place> {
        let shown = self.path.display();
        let file = behind_links(&self.path)?;
        outside_data_folders(&self.path, file.parent().unwrap_or(Path::new("/")))?;
        let replaced = match fs::symlink_metadata(&file) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot_write(&self.path, &error)),
        };
        let Some(metadata) = replaced else { return Ok(Place { file, replaced: None }) };
        if metadata.is_dir() {
            let help = "name a file in it, or another one";
            return Err(Failure::new(format!("{shown} is a folder, not a file")).help(help));
        }
        if !metadata.is_file() {
            return Err(no_file(&self.path));
        }
        if let Some(input) = self.inputs.iter().find(|input| is_same(input, &file)) {
            let message = format!("{shown} is what is read ({}): it cannot be written too", input.display());
            return Err(Failure::new(message).help("name another file to write to"));
        }
        if !self.force && metadata.len() > 0 {
            self.check_kind(&file)?;
        }
        Ok(Place { file, replaced: Some(metadata) })
    }

    /// Whether the file that is there is one of the kind that is written.
    fn check_kind(&self, file: &Path) -> Outcome<()> {
        let shown = self.path.display();
        let failed = |error: io::Error| Failure::new(format!("cannot read {shown}, which is there: {error}"));
        let opened = File::open(file).map_err(failed)?;
        if let Kind::Exactly(bytes) = self.kind {
            let mut found = Vec::new();
            opened.take(bytes.len() as u64 + 1).read_to_end(&mut found).map_err(failed)?;
            if found == bytes {
                return Ok(());
            }
            return Err(Failure::new(format!("{shown} is there and says something else"))
                .help("--force replaces it, with every change that was made in it; or name another place"));
        }
        let mut head = Vec::new();
        opened.take(256).read_to_end(&mut head).map_err(failed)?;
        let found = FileKind::of(&head);
        let is_picture = head.starts_with(b"<svg ");
        let is_same = match self.kind {
            Kind::Trace => found == FileKind::Trace,
            Kind::Pack => found == FileKind::Pack,
            Kind::Picture => is_picture,
            Kind::Exactly(_) => false,
        };
        if is_same {
            return Ok(());
        }
        let found = match found {
            _ if is_picture => "a picture",
            FileKind::Trace => "a trace",
            FileKind::Pack => "a content pack",
            FileKind::Text => "a text file",
            _ => "a file that no command of tickworld wrote",
        };
        let wanted = match self.kind {
            Kind::Trace => "a trace",
            Kind::Picture => "a picture",
            Kind::Pack | Kind::Exactly(_) => "a content pack",
        };
        Err(Failure::new(format!("{shown} is {found}: it is not replaced by {wanted}"))
            .help("name another file, or replace it with --force"))
    }
}

/// Whether files may be written to a folder, which need not be there yet.
pub(crate) fn check_folder(folder: &Path) -> Outcome<()> {
    // What is not there is made in the first folder above that is.
    let named = |above: &'_ Path| if above.as_os_str().is_empty() { PathBuf::from(".") } else { above.to_owned() };
    let there = folder.ancestors().map(named).find(|above| above.exists()).unwrap_or_else(|| folder.to_owned());
    let whole = fs::canonicalize(&there).map_err(|error| cannot_write(folder, &error))?;
    if !whole.is_dir() {
        return Err(Failure::new(format!("{} is a file, not a folder", there.display())).help("name another folder"));
    }
    outside_data_folders(folder, &whole)
}

/// Refuses what lies where a server keeps its world; `folder` is whole, without links.
fn outside_data_folders(asked: &Path, folder: &Path) -> Outcome<()> {
    let Some(data) = folder.ancestors().find(|folder| is_data_folder(folder)) else { return Ok(()) };
    let message = format!("{} is in {}, where a server keeps its world", asked.display(), data.display());
    Err(Failure::new(message).help("nothing is written there: name a place somewhere else"))
}

/// The file that a name means: links are followed, also one that points to a file that is not there yet.
fn behind_links(path: &Path) -> Outcome<PathBuf> {
    let failed = |error: &io::Error| cannot_write(path, error);
    let mut file = path.to_owned();
    for _ in 0..LINKS_MAX {
        let has_name = !ends_with_separator(&file);
        let Some(name) = file.file_name().filter(|_| has_name) else {
            return Err(Failure::new(format!("{} names a folder, not a file", path.display())));
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let message = format!("cannot write {}: there is no folder {}", path.display(), folder.display());
                Failure::new(message).help("make the folder first")
            }
            _ => failed(&error),
        })?;
        // The open files of processes look like links to files; renaming there would hit something else.
        if cfg!(unix) && folder.starts_with("/proc") {
            return Err(no_file(path));
        }
        let named = folder.join(name);
        match fs::read_link(&named) {
            Ok(link) => file = folder.join(link),
            Err(_) => return Ok(named),
        }
    }
    Err(Failure::new(format!(
        "cannot write {}: it is a link that leads to more than {LINKS_MAX} others",
        path.display()
    )))
}

fn ends_with_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|last| std::path::is_separator(char::from(*last)))
}

fn is_data_folder(folder: &Path) -> bool {
    DATA_FILES.iter().any(|name| folder.join(name).is_file())
}

/// Whether two names mean one file.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let id = |path| fs::metadata(path).ok().map(|it| (it.dev(), it.ino()));
        id(one).is_some_and(|found| id(other) == Some(found))
    }
    #[cfg(not(unix))]
    {
        let whole = |path| fs::canonicalize(path).ok();
        whole(one).is_some_and(|found| whole(other) == Some(found))
    }
}

fn no_file(path: &Path) -> Failure {
    Failure::new(format!("{} is a device, a pipe or a socket, not a file", path.display()))
        .help("what is written there must be searched and renamed: name a regular file")
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(format!("cannot write {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            failure.help("make room and try again; what was there before is as it was")
        }
        _ => failure,
    }
}
