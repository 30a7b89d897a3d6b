//! [`WorldStore`]: the keys, tokens and archive of a world, as its regions' servers reach them.
//!
//! Invariant: where a world has several regions this is a store on a machine of its own, which may be down; a world of one region has
//! it in the region's own store.

use std::sync::{Arc, Mutex, PoisonError};

use tickworld_persist::{
    Archive, Bearer, Keys, KeysRow, Raise, Store, TokenDigest, Tokens, Whereabouts,
    error::{Cause, Fault, FetchError, RaiseError, SpendError},
};
use tickworld_sim::frame::PlayerId;

/// What a region's server keeps things in.
pub(super) type RegionStore<S> = tickworld_persist::RegionStore<S, WorldStore<S>>;

/// See the module; none while its machine is down.
pub(super) struct WorldStore<S>(Arc<Mutex<Option<S>>>);

impl<S> Clone for WorldStore<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Clone> WorldStore<S> {
    pub(super) fn new(store: S) -> Self {
        Self(Arc::new(Mutex::new(Some(store))))
    }

    /// From now on it is this one, or down.
    pub(super) fn set(&self, store: Option<S>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    fn store(&self) -> Result<S, Fault> {
        let store = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        store.ok_or_else(|| Fault::Io("the machine of the world's store does not answer".to_owned()))
    }
}

impl<S: Store + Clone> Keys for WorldStore<S> {
    async fn keys(&self) -> Result<Option<KeysRow>, FetchError> {
        self.store()?.keys().await
    }

    async fn replace_keys(&self, seen: Option<&KeysRow>, next: &KeysRow) -> Result<bool, Fault> {
        self.store()?.replace_keys(seen, next).await
    }
}

impl<S: Store + Clone> Tokens for WorldStore<S> {
    async fn spend(
        &self,
        token: TokenDigest,
        bearer: Bearer,
        expires_seconds: u64,
    ) -> Result<Option<Bearer>, SpendError> {
        self.store()?.spend(token, bearer, expires_seconds).await
    }

    async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
        self.store()?.forget_spent(expired_before_seconds).await
    }
}

impl<S: Store + Clone> Archive for WorldStore<S> {
    async fn whereabouts(&self, players: &[PlayerId]) -> Result<Vec<Result<Option<Whereabouts>, Cause>>, RaiseError> {
        self.store()?.whereabouts(players).await
    }

    async fn raise(&self, raises: &[Raise]) -> Result<Vec<Result<Whereabouts, Cause>>, RaiseError> {
        self.store()?.raise(raises).await
    }
}
