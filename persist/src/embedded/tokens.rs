//! The tokens' calls on [`Core`].
//!
//! Invariant: a token is told to be somebody's only after the commit that notes it. All that are spent together are in one commit, so
//! all of them are noted or none; after a failure the database is opened again and looked at. A row that is damaged counts as
//! spent, and is never forgotten: nobody knows any more when it expires.

use std::{collections::BTreeMap, ops::Bound};

use redb::{ReadableTableMetadata as _, WriteTransaction};
use tickworld_sim::{bytes::Reader, component::DecodeError};

use super::{
    Core, StorageBackend,
    core::Failure,
    rows::{TOKENS, checked, unchecked},
};
use crate::{
    append_validator::AppendValidator,
    error::{Fault, SpendError},
    tokens::{Bearer, TokenDigest},
};

/// A token to spend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spending {
    pub(super) token: TokenDigest,
    pub(super) bearer: Bearer,
    pub(super) expires_seconds: u64,
}

/// What stands under a token.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Spent {
    expires_seconds: u64,
    /// `None` where that is not known: of a row that is damaged, or of an earlier version.
    bearer: Option<Bearer>,
}

/// Tokens that are noted in one commit.
type News = BTreeMap<TokenDigest, Spent>;

impl<B: StorageBackend> Core<B> {
    /// See [`Tokens::spend`](crate::Tokens::spend).
    ///
    /// # Errors
    /// See there; so for all that follow.
    pub fn spend(
        &mut self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        self.spend_all(&[Spending { token, bearer, expires_seconds }]).pop().expect("one answer for each token")
    }

    /// Several tokens in one commit.
    pub(super) fn spend_all(&mut self, spendings: &[Spending]) -> Vec<Result<Option<Bearer>, SpendError>> {
        self.guarded(|core| core.spend_group(spendings))
            .unwrap_or_else(|fault: Fault| vec![Err(SpendError::Storage(fault)); spendings.len()])
    }

    fn spend_group(&mut self, spendings: &[Spending]) -> Result<Vec<Result<Option<Bearer>, SpendError>>, Fault> {
        let (spent, count) = self.read(|txn| {
            let table = txn.open_table(TOKENS)?;
            let mut spent = News::new();
            for Spending { token, .. } in spendings {
                if let Some(row) = table.get(&token.0)? {
                    let damaged = Spent { expires_seconds: u64::MAX, bearer: None };
                    spent.insert(*token, decode(*token, row.value()).unwrap_or(damaged));
                }
            }
            Ok((spent, table.len()?))
        })?;
        let mut room = self.settings.spent_tokens_max.saturating_sub(count);
        let mut news = News::new();
        let mut answers = Vec::with_capacity(spendings.len());
        for Spending { token, bearer, expires_seconds } in spendings {
            let known = news.get(token).or(spent.get(token)).copied();
            if known.is_none() && room == 0 {
                answers.push(Err(SpendError::Full));
                continue;
            }
            let bearer = known.map_or(Some(*bearer), |known| known.bearer);
            if known.is_none_or(|known| known.expires_seconds < *expires_seconds) {
                news.insert(*token, Spent { expires_seconds: *expires_seconds, bearer });
            }
            room -= u64::from(known.is_none());
            answers.push(Ok(bearer));
        }
        if let Err(error) = self.note_spent(&news) {
            // What was said of a token that is among them, also to those who came with it a second time, is not so.
            let touched = spendings.iter().zip(&mut answers).filter(|(it, _)| news.contains_key(&it.token));
            touched.for_each(|(_, answer)| *answer = Err(error.clone()));
        }
        Ok(answers)
    }

    fn note_spent(&mut self, news: &News) -> Result<(), SpendError> {
        let Some((first, noted)) = news.first_key_value().map(|(token, noted)| (*token, *noted)) else {
            return Ok(());
        };
        let unknown = match self.commit_spent(news) {
            Ok(()) => return Ok(()),
            Err(Failure::Before(fault)) => return Err(SpendError::Storage(fault)),
            Err(Failure::Unknown(fault)) => fault,
        };
        // Opening the database again tells: all of them are there, or none.
        let found = self.guarded(|core| {
            core.read(|txn| {
                let row = txn.open_table(TOKENS)?.get(&first.0)?;
                Ok(row.is_some_and(|row| decode(first, row.value()).ok() == Some(noted)))
            })
        });
        match found {
            // Once more, so that what was read back from a storage that failed is certainly on it.
            Ok(true) => self.commit_spent(news).map_err(|_| SpendError::Unknown(unknown)),
            Ok(false) => Err(SpendError::Storage(unknown)),
            Err(_) => Err(SpendError::Unknown(unknown)),
        }
    }

    fn commit_spent(&mut self, news: &News) -> Result<(), Failure> {
        self.commit(redb::Durability::Immediate, |txn| insert_spent(txn, news))?;
        let last = self.validator.as_ref().map(AppendValidator::last);
        last.map_or(Ok(()), |last| self.advance(last, redb::Durability::Immediate, &[])).map_err(Failure::Unknown)
    }

    /// Looks at so many spent tokens after `cursor` and forgets those that expire before a second: how many, and where to go
    /// on.
    pub(super) fn forget_some_spent(
        &mut self,
        cursor: Option<TokenDigest>,
        before_seconds: u64,
        count_max: usize,
    ) -> Result<(u64, Option<TokenDigest>), Fault> {
        self.guarded(|core| {
            let (expired, next) = core.read(|txn| {
                let table = txn.open_table(TOKENS)?;
                let from = cursor.as_ref().map_or(Bound::Unbounded, |token| Bound::Excluded(&token.0));
                let (mut expired, mut last) = (Vec::new(), None);
                for (seen, row) in table.range::<&[u8; 16]>((from, Bound::Unbounded))?.enumerate() {
                    if seen >= count_max {
                        return Ok((expired, last));
                    }
                    let (key, value) = row?;
                    let token = TokenDigest(*key.value());
                    if decode(token, value.value()).is_ok_and(|spent| spent.expires_seconds < before_seconds) {
                        expired.push(token);
                    }
                    last = Some(token);
                }
                Ok((expired, None))
            })?;
            if !expired.is_empty() {
                core.commit(redb::Durability::Immediate, |txn| {
                    let mut table = txn.open_table(TOKENS)?;
                    for token in &expired {
                        table.remove(&token.0)?;
                    }
                    Ok(())
                })
                .map_err(Failure::fault)?;
            }
            Ok((expired.len() as u64, next))
        })
    }

    /// See [`Tokens::forget_spent`](crate::Tokens::forget_spent); in one go.
    #[expect(clippy::missing_errors_doc, reason = "the trait has them")]
    pub fn forget_spent(&mut self, expired_before_seconds: u64) -> Result<u64, Fault> {
        self.forget_some_spent(None, expired_before_seconds, usize::MAX).map(|(count, _)| count)
    }
}

fn insert_spent(txn: &WriteTransaction, news: &News) -> Result<(), redb::Error> {
    let mut table = txn.open_table(TOKENS)?;
    for (token, Spent { expires_seconds, bearer }) in news {
        let mut row = expires_seconds.to_le_bytes().to_vec();
        if let Some(Bearer { nonce, generation }) = bearer {
            row.extend_from_slice(nonce);
            row.extend_from_slice(&generation.to_le_bytes());
        }
        table.insert(&token.0, checked(&token.0, row).as_slice())?;
    }
    Ok(())
}

/// What stands in a row.
fn decode(token: TokenDigest, row: &[u8]) -> Result<Spent, DecodeError> {
    let mut reader = Reader::new(unchecked(&token.0, row)?);
    let expires_seconds = reader.value()?;
    let bearer = match reader.left() {
        0 => None,
        _ => Some(Bearer { nonce: reader.value()?, generation: reader.value()? }),
    };
    reader.end()?;
    Ok(Spent { expires_seconds, bearer })
}
