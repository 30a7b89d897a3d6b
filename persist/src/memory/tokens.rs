//! Spent tokens and keys of [`Memory`].

use super::{FaultMode, Memory, SeededBug, State, told_to_fail};
use crate::{
    error::{Fault, FetchError, SpendError},
    keys::{Keys, KeysRow},
    limits,
    tokens::{Bearer, TokenDigest, Tokens},
};

impl Keys for Memory {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        Ok(self.state().keys.clone())
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        let mut state = self.state();
        if next.0.len() > limits::KEYS_BYTES_MAX {
            return Err(Fault::Io(format!("keys of {} bytes", next.0.len())));
        }
        if state.full {
            return Err(Fault::Full);
        }
        if state.keys.as_ref() != seen && !state.has(SeededBug::ReplacesKeysUnseen) {
            return Ok(false);
        }
        state.keys = Some(next.clone());
        Ok(true)
    }
}

impl Tokens for Memory {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        self.state().spend(token, bearer, expires_seconds)
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        let mut state = self.state();
        let before = state.tokens.len();
        let is_early = u64::from(state.has(SeededBug::ForgetsTokensEarly));
        state.tokens.retain(|_, (expires, _)| *expires >= expired_before_seconds.saturating_add(is_early));
        Ok((before - state.tokens.len()) as u64)
    }
}

impl State {
    fn spend(
        &mut self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        let key = (token, if self.has(SeededBug::SpendsBySecond) { expires_seconds } else { 0 });
        if let Some((expires, first)) = self.tokens.get_mut(&key)
            && self.bug != Some(SeededBug::SpendsTwice)
        {
            if self.bug != Some(SeededBug::KeepsTheFirstSecond) {
                *expires = expires_seconds.max(*expires);
            }
            return Ok(Some(*first));
        }
        let max = self.tokens_max.unwrap_or(limits::SPENT_TOKENS_MAX);
        if self.tokens.len() as u64 >= max && !self.has(SeededBug::SpendsWithoutLimit) {
            return Err(SpendError::Full);
        }
        if self.full {
            let is_admitting = self.has(SeededBug::AdmitsWhenFull);
            return if is_admitting { Ok(Some(bearer)) } else { Err(SpendError::Storage(Fault::Full)) };
        }
        match self.fault.take() {
            Some(FaultMode::Fails) => return Err(SpendError::Storage(told_to_fail())),
            Some(FaultMode::UnknownLost) if self.has(SeededBug::AdmitsTheUnknown) => return Ok(Some(bearer)),
            Some(FaultMode::UnknownLost) => return Err(SpendError::Unknown(told_to_fail())),
            Some(FaultMode::UnknownWritten) => {
                self.tokens.insert(key, (expires_seconds, bearer));
                return Err(SpendError::Unknown(told_to_fail()));
            }
            Some(FaultMode::KeepsHalf) | None => {}
        }
        self.tokens.insert(key, (expires_seconds, bearer));
        Ok(Some(bearer))
    }
}
