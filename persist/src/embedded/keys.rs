//! The keys' calls on [`Core`]: one row of the table `meta`.

use tickworld_sim::component::DecodeError;

use super::{
    Core, StorageBackend,
    core::Failure,
    rows::{KEYS_KEY, META, checked, unchecked},
};
use crate::{
    error::{Cause, Fault, FetchError},
    keys::KeysRow,
    limits::KEYS_BYTES_MAX,
};

impl<B: StorageBackend> Core<B> {
    /// See [`Keys::keys`](crate::Keys::keys).
    ///
    /// # Errors
    /// See there; so for the one that follows.
    pub fn keys(&mut self) -> Result<Option<KeysRow>, FetchError> {
        let row = self.guarded(Self::keys_row)?;
        row.map(|row| decode(&row)).transpose().map_err(|error| Cause::Malformed(error).into())
    }

    /// Carries out [`Keys::replace_keys`](crate::Keys::replace_keys).
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn replace_keys(&mut self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        if next.0.len() > KEYS_BYTES_MAX {
            return Err(Fault::Io(format!("keys of {} bytes, at most {KEYS_BYTES_MAX} are kept", next.0.len())));
        }
        self.guarded(|core| {
            let found = core.keys_row()?.and_then(|row| decode(&row).ok());
            if found.as_ref() != seen {
                return Ok(false);
            }
            let row = checked(KEYS_KEY.as_bytes(), next.0.to_vec());
            core.commit(redb::Durability::Immediate, |txn| {
                txn.open_table(META)?.insert(KEYS_KEY, row.as_slice())?;
                Ok(())
            })
            .map_err(Failure::fault)?;
            // A commit that is on disk takes what was appended before with it.
            let last = core.validator.as_ref().map(|validator| validator.log().last);
            last.map_or(Ok(()), |last| core.advance(last, redb::Durability::Immediate, &[]))?;
            Ok(true)
        })
    }

    fn keys_row(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        self.read(|txn| Ok(txn.open_table(META)?.get(KEYS_KEY)?.map(|row| row.value().to_vec())))
    }
}

fn decode(row: &[u8]) -> Result<KeysRow, DecodeError> {
    unchecked(KEYS_KEY.as_bytes(), row).map(|keys| KeysRow(keys.to_vec().into()))
}
