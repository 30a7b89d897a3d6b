//! [`Resumptions`]: secrets with which clients come back without a token.
//!
//! Invariant: a key is good for one use, ends with the player's leave and some time after the session, and the table is
//! bounded: where it is full, the key that would expire first gives way. Whoever is sent away loses every key that stands for
//! them. Keys are kept as their hashes, so that the time of a look-up says nothing about a secret.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use tickworld_sim::{
    frame::PlayerId,
    hash::{Hash, hash},
};

use super::event::{KeptKey, Resumed};
use crate::{instant::Instant, limits, message::ResumeKey};

/// A key as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyHash(Hash);

/// The keys that are good.
#[derive(Debug, Default)]
pub(super) struct Resumptions {
    by_key: BTreeMap<KeyHash, (Instant, Resumed)>,
    by_expiry: BTreeSet<(Instant, KeyHash)>,
    /// Those that stand for a player.
    by_player: BTreeSet<(PlayerId, KeyHash)>,
}

/// The expiry of a key whose session goes on.
const NEVER: Instant = Instant(u64::MAX);

impl Resumptions {
    /// Makes a key good for as long as its session lasts.
    pub(super) fn grant(&mut self, key: ResumeKey, resumed: Resumed) -> KeyHash {
        let key = KeyHash(hash(&key.0));
        self.insert(key, NEVER, resumed);
        self.make_room();
        key
    }

    fn make_room(&mut self) {
        while self.by_key.len() > limits::RESUME_KEYS_MAX as usize {
            let Some((_, first)) = self.by_expiry.first().copied() else { break };
            self.remove(first);
        }
    }

    /// The keys whose sessions are over, for a host that follows.
    pub(super) fn kept(&self, now: Instant) -> Vec<KeptKey> {
        let over = self.by_key.iter().filter(|(_, (expires, _))| now < *expires && *expires < NEVER);
        let kept = |(key, (expires, resumed)): (&KeyHash, &(Instant, Resumed))| KeptKey {
            key: key.0,
            good_for: expires.since(now),
            resumed: *resumed,
        };
        over.map(kept).collect()
    }

    /// Takes over a key of a host before.
    pub(super) fn take_over(&mut self, now: Instant, KeptKey { key, good_for, resumed }: KeptKey) {
        self.insert(KeyHash(key), now.after(good_for), resumed);
        self.make_room();
    }

    /// The session of a key is over: the key is good until `expires`.
    pub(super) fn end(&mut self, key: KeyHash, expires: Instant) {
        if let Some(resumed) = self.remove(key) {
            self.insert(key, expires, resumed);
        }
    }

    /// Uses up a key.
    pub(super) fn take(&mut self, now: Instant, key: ResumeKey) -> Option<Resumed> {
        let key = KeyHash(hash(&key.0));
        let is_good = self.by_key.get(&key).is_some_and(|(expires, _)| now < *expires);
        self.remove(key).filter(|_| is_good)
    }

    /// Makes a key good for nothing.
    pub(super) fn remove(&mut self, key: KeyHash) -> Option<Resumed> {
        let (expires, resumed) = self.by_key.remove(&key)?;
        self.by_expiry.remove(&(expires, key));
        if let Some(player) = resumed.player {
            self.by_player.remove(&(player, key));
        }
        Some(resumed)
    }

    /// What a key stands for.
    pub(super) fn find(&self, key: KeyHash) -> Option<Resumed> {
        self.by_key.get(&key).map(|(_, resumed)| *resumed)
    }

    /// Makes every key that stands for a player good for nothing; gives how many there were.
    pub(super) fn remove_player(&mut self, player: PlayerId) -> usize {
        let (first, last) = (KeyHash(Hash([0; 32])), KeyHash(Hash([u8::MAX; 32])));
        let keys: Vec<KeyHash> = self.by_player.range((player, first)..=(player, last)).map(|(_, key)| *key).collect();
        for key in &keys {
            self.remove(*key);
        }
        keys.len()
    }

    /// When the first key expires.
    pub(super) fn first_expiry(&self) -> Option<Instant> {
        self.by_expiry.first().map(|(expires, _)| *expires).filter(|expires| *expires < NEVER)
    }

    /// Forgets what has expired.
    pub(super) fn forget_expired(&mut self, now: Instant) {
        while let Some((expires, key)) = self.by_expiry.first().copied()
            && expires <= now
        {
            self.remove(key);
        }
    }

    fn insert(&mut self, key: KeyHash, expires: Instant, resumed: Resumed) {
        self.remove(key);
        self.by_key.insert(key, (expires, resumed));
        self.by_expiry.insert((expires, key));
        if let Some(player) = resumed.player {
            self.by_player.insert((player, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::event::Kinds;

    const WHO: Resumed = Resumed { player: None, kinds: Kinds::ALL };

    #[test]
    fn a_key_is_good_once_and_until_it_expires() {
        let mut keys = Resumptions::default();
        let granted = keys.grant(ResumeKey([1; 16]), WHO);
        keys.end(granted, Instant(10));
        assert_eq!(keys.take(Instant(9), ResumeKey([2; 16])), None);
        assert_eq!(keys.take(Instant(9), ResumeKey([1; 16])), Some(WHO));
        assert_eq!(keys.take(Instant(9), ResumeKey([1; 16])), None, "used");
        let granted = keys.grant(ResumeKey([1; 16]), WHO);
        keys.end(granted, Instant(10));
        assert_eq!(keys.take(Instant(10), ResumeKey([1; 16])), None, "expired");
        assert!(keys.by_key.is_empty() && keys.by_expiry.is_empty());
    }

    #[test]
    fn a_kept_key_is_good_once_in_the_next_host_and_no_longer_than_before() {
        let (mut one, mut other) = (Resumptions::default(), Resumptions::default());
        let granted = one.grant(ResumeKey([1; 16]), WHO);
        one.grant(ResumeKey([2; 16]), WHO);
        one.end(granted, Instant(100));
        let kept = one.kept(Instant(40));
        assert_eq!(kept.len(), 1, "the other one's session goes on");
        kept.iter().for_each(|key| other.take_over(Instant(7), *key));
        assert_eq!(other.first_expiry(), Some(Instant(67)));
        assert_eq!(other.take(Instant(66), ResumeKey([1; 16])), Some(WHO));
        assert_eq!(other.take(Instant(66), ResumeKey([1; 16])), None);
    }

    #[test]
    fn every_key_of_a_player_goes_and_no_other() {
        let mut keys = Resumptions::default();
        let of = |player| Resumed { player, kinds: Kinds::ALL };
        let owners = [Some(PlayerId(7)), Some(PlayerId(8)), Some(PlayerId(7)), None, Some(PlayerId(u64::MAX))];
        for (number, owner) in (1..).zip(owners) {
            let granted = keys.grant(ResumeKey([number; 16]), of(owner));
            keys.end(granted, Instant(10));
        }
        assert_eq!((keys.remove_player(PlayerId(7)), keys.remove_player(PlayerId(7))), (2, 0));
        for (number, owner) in (1..).zip(owners) {
            let expected = Some(of(owner)).filter(|_| owner != Some(PlayerId(7)));
            assert_eq!(keys.take(Instant(9), ResumeKey([number; 16])), expected, "key {number}");
        }
        assert!(keys.by_key.is_empty() && keys.by_expiry.is_empty() && keys.by_player.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_lasts_longest() {
        let mut keys = Resumptions::default();
        let key = |number: u32| {
            let mut key = [0; 16];
            key[..4].copy_from_slice(&number.to_le_bytes());
            ResumeKey(key)
        };
        for number in 0..=limits::RESUME_KEYS_MAX {
            let granted = keys.grant(key(number), WHO);
            keys.end(granted, Instant(1_000 + u64::from(number)));
        }
        assert_eq!(keys.by_key.len(), limits::RESUME_KEYS_MAX as usize);
        assert_eq!(keys.take(Instant(0), key(0)), None);
        assert_eq!(keys.take(Instant(0), key(1)), Some(WHO));
        keys.forget_expired(Instant(u64::MAX - 1));
        assert!(keys.by_key.is_empty() && keys.by_expiry.is_empty());
    }
}
