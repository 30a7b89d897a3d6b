//! [`NewFile`]: the one way in which commands write files.
//!
//! Invariant: a file is written beside its place under a name that was free, and takes its own name when it is whole and
//! stored. So whatever ends the command before (an error, a full disk, a signal, a kill) leaves what was there as it was.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tickworld_sim::trace::Sink;

use super::target::{Target, cannot_write};
use crate::{
    failure::Outcome,
    interrupt::{self, Leftover},
};

/// Names that are tried beside a file: so many writers, or files that kills left, one folder takes.
const PARTS_MAX: u32 = 100;

/// A file under way.
pub(crate) struct NewFile<'a> {
    target: Target<'a>,
    part: PathBuf,
    file: BufWriter<File>,
    /// Removes the part where its file is not finished.
    leftover: Leftover,
}

impl<'a> NewFile<'a> {
    /// Begins to write a target.
    pub(crate) fn create(target: Target<'a>) -> Outcome<Self> {
        let place = target.place()?;
        let (part, file) = beside(&place.file).map_err(|error| cannot_write(&target.path, &error))?;
        let leftover = interrupt::remove_afterwards(&part);
        Ok(Self { target, part, file: BufWriter::with_capacity(1 << 18, file), leftover })
    }

    /// All is written: the file takes its name, which is given back.
    pub(crate) fn finish(mut self) -> Outcome<PathBuf> {
        // What is there may have changed meanwhile.
        let place = self.target.place()?;
        let stored = self.file.flush().and_then(|()| {
            if let Some(replaced) = &place.replaced {
                fs::set_permissions(&self.part, replaced.permissions())?;
            }
            self.file.get_ref().sync_all()?;
            fs::rename(&self.part, &place.file)
        });
        stored.map_err(|error| cannot_write(&self.target.path, &error))?;
        self.leftover.keep();
        Ok(self.target.path)
    }

    /// The work was broken off, and what is written holds a part of it: it takes its name only where nothing is replaced.
    ///
    /// Gives the name under which it stays.
    pub(crate) fn finish_broken_off(mut self) -> Outcome<PathBuf> {
        if self.target.place()?.replaced.is_none() {
            return self.finish();
        }
        let stored = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        stored.map_err(|error| cannot_write(&self.part, &error))?;
        self.leftover.keep();
        Ok(self.part)
    }
}

impl Sink for NewFile<'_> {
    type Error = io::Error;

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

/// Writes a whole file.
pub(crate) fn write(target: Target<'_>, bytes: &[u8]) -> Outcome<()> {
    let mut file = NewFile::create(target)?;
    file.file.write_all(bytes).map_err(|error| cannot_write(&file.target.path, &error))?;
    file.finish().map(|_| ())
}

/// A new file in the folder of another one.
fn beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut number = 1;
    loop {
        let mut part = path.as_os_str().to_owned();
        part.push(if number == 1 { ".part".to_owned() } else { format!(".part-{number}") });
        let part = PathBuf::from(part);
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Ok(file) => return Ok((part, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < PARTS_MAX => number += 1,
            Err(error) => return Err(error),
        }
    }
}
