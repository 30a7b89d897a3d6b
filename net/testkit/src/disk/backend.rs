//! [`SimFile`]: what redb sees of a simulated disk.
//!
//! Invariant: a handle works for the process that opened it: after a crash it fails, whatever the disk does.

use std::io::{Error, ErrorKind};

use redb::StorageBackend;

use super::{SimDisk, state::Refused, write::Write};

/// A handle on the disk's file. Errors look as the operating system's do.
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    generation: u64,
}

impl SimFile {
    pub(super) fn new(disk: SimDisk) -> Self {
        let generation = disk.state().generation;
        Self { disk, generation }
    }

    fn with<T>(&self, operation: impl FnOnce(&mut super::State) -> Result<T, Refused>) -> Result<T, Error> {
        let mut state = self.disk.state();
        let result = if state.generation == self.generation { operation(&mut state) } else { Err(Refused::Off) };
        result.map_err(|refused| match refused {
            Refused::Off => Error::new(ErrorKind::BrokenPipe, "the simulated power is off"),
            Refused::Full => Error::new(ErrorKind::StorageFull, "the simulated disk is full"),
            Refused::End => Error::new(ErrorKind::UnexpectedEof, "the simulated file ends before"),
            Refused::Sync => Error::other("the simulated sync failed"),
        })
    }
}

impl StorageBackend for SimFile {
    fn len(&self) -> Result<u64, Error> {
        self.with(|state| Ok(state.length()))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.with(|state| state.read(offset, out))
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.with(|state| state.write(Write::Length(len)))
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.with(super::State::sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.with(|state| state.write(Write::Bytes { offset, bytes: data.to_vec() }))
    }

    fn close(&self) -> Result<(), Error> {
        let mut state = self.disk.state();
        if state.generation == self.generation {
            state.is_open = false;
        }
        Ok(())
    }
}
