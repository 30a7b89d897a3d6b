//! [`ReadOnly`]: a store's folder, looked at without changing it.
//!
//! Invariant: nothing in the folder is written, whatever is done with the store. redb notes in its file that it is open, and
//! repairs it after a crash; both go to memory here and are gone with the store. So the store of a server that was killed
//! reads as the server would find it. The file is locked against writers: a store that a server has open is refused, and a
//! server is refused while somebody reads.
//!
//! What it deliberately does not do: hold the file still against programs that ignore locks.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, DatabaseError, StorageBackend as _, backends::FileBackend};

use super::{Files, StorageBackend};

/// The database and the watermark in a folder, for reading.
#[derive(Clone)]
pub struct ReadOnly {
    folder: PathBuf,
}

impl fmt::Debug for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadOnly({})", self.folder.display())
    }
}

impl ReadOnly {
    /// Reads what is in this folder.
    #[must_use]
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().to_path_buf() }
    }
}

impl StorageBackend for ReadOnly {
    type File = Overlay;

    fn open(&mut self) -> Result<Overlay, DatabaseError> {
        let file = fs::File::open(self.folder.join(Files::DATABASE))?;
        Overlay::over(FileBackend::new(file)?)
    }

    fn watermark(&mut self) -> io::Result<Vec<u8>> {
        Files::new(&self.folder).watermark()
    }

    /// Does nothing: what is only read makes no progress to note.
    fn write_watermark(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    /// Refuses: nothing is given up in a store that is only read.
    fn keep_damaged(&mut self) -> io::Result<Option<String>> {
        Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "the store is open for reading alone"))
    }
}

/// Bytes of a block that was written to.
const BLOCK_BYTES: u64 = 4096;

/// A file, and what was written over it in memory.
#[derive(Debug)]
pub struct Overlay {
    below: FileBackend,
    over: Mutex<Over>,
}

/// What differs from the file.
#[derive(Debug)]
struct Over {
    /// Bytes of the storage.
    len: u64,
    /// Bytes of it that are the file's where no block is.
    below_len: u64,
    /// Blocks of [`BLOCK_BYTES`] by their number in the file.
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    fn over(below: FileBackend) -> Result<Self, DatabaseError> {
        let len = below.len().map_err(redb::StorageError::from)?;
        Ok(Self { below, over: Mutex::new(Over { len, below_len: len, blocks: BTreeMap::new() }) })
    }

    fn lock(&self) -> MutexGuard<'_, Over> {
        // Nothing in here panics between two changes that belong together.
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `out` from the file, with zeros past its end.
    fn read_below(&self, over: &Over, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = over.below_len.saturating_sub(offset).min(out.len() as u64);
        let (there, rest) = out.split_at_mut(index(there));
        rest.fill(0);
        if there.is_empty() { Ok(()) } else { self.below.read(offset, there) }
    }
}

impl redb::StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.lock();
        let end = offset.saturating_add(out.len() as u64);
        if end > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_below(&over, offset, out)?;
        for (number, block) in over.blocks.range(offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES)) {
            let start = number * BLOCK_BYTES;
            let (from, to) = (start.max(offset), (start + BLOCK_BYTES).min(end));
            out[index(from - offset)..index(to - offset)]
                .copy_from_slice(&block[index(from - start)..index(to - start)]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.lock();
        if len < over.len {
            over.below_len = over.below_len.min(len);
            over.blocks.retain(|number, _| number * BLOCK_BYTES < len);
            if let Some(block) = over.blocks.get_mut(&(len / BLOCK_BYTES)) {
                block[index(len % BLOCK_BYTES)..].fill(0);
            }
        }
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.lock();
        let end = offset.saturating_add(data.len() as u64);
        over.len = over.len.max(end);
        for number in offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES) {
            let start = number * BLOCK_BYTES;
            let (from, to) = (start.max(offset), (start + BLOCK_BYTES).min(end));
            let mut block = match over.blocks.remove(&number) {
                Some(block) => block,
                None => {
                    let mut block = vec![0; index(BLOCK_BYTES)];
                    self.read_below(&over, start, &mut block)?;
                    block
                }
            };
            block[index(from - start)..index(to - start)]
                .copy_from_slice(&data[index(from - offset)..index(to - offset)]);
            over.blocks.insert(number, block);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }

    /// A shared one: many may read, and who writes is kept out as long.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.below.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.below.query_lock_range(start, end)
    }
}

/// A distance within what is in memory.
fn index(bytes: u64) -> usize {
    usize::try_from(bytes).expect("the lengths of slices fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splitmix64: which operations follow from the seed alone.
    fn draw(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    #[test]
    fn reads_as_a_plain_buffer_would_and_leaves_the_file_alone() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("file");
        for seed in 0..40_u64 {
            let mut state = seed;
            let original: Vec<u8> = (0..draw(&mut state) % 20_000).map(|_| draw(&mut state) as u8).collect();
            fs::write(&path, &original).expect("it can be written");
            let below = FileBackend::new(fs::File::open(&path).expect("it is there")).expect("a file is a backend");
            let (overlay, mut model) = (Overlay::over(below).expect("its length is known"), original.clone());
            for _ in 0..60 {
                let at = (draw(&mut state) % 24_000) as usize;
                match draw(&mut state) % 3 {
                    0 => {
                        let data = vec![draw(&mut state) as u8; (draw(&mut state) % 9_000) as usize];
                        overlay.write(at as u64, &data).expect("into memory");
                        model.resize(model.len().max(at + data.len()), 0);
                        model[at..at + data.len()].copy_from_slice(&data);
                    }
                    1 => {
                        overlay.set_len(at as u64).expect("in memory");
                        model.resize(at, 0);
                    }
                    _ => {}
                }
                assert_eq!(overlay.len().expect("in memory"), model.len() as u64, "seed {seed}");
                let mut all = vec![1; model.len()];
                overlay.read(0, &mut all).expect("all of it is there");
                assert!(all == model, "seed {seed}");
                let from = at.min(model.len());
                let mut part = vec![1; (draw(&mut state) as usize % 7_000).min(model.len() - from)];
                overlay.read(from as u64, &mut part).expect("a part of it");
                assert!(part == model[from..from + part.len()], "seed {seed}");
                assert!(overlay.read(model.len() as u64, &mut [0]).is_err(), "seed {seed}: past the end");
            }
            assert_eq!(fs::read(&path).expect("it is there"), original, "seed {seed}");
        }
    }
}
