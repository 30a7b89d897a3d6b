//! [`Disk`]: what a run's world is stored on: redb on a simulated disk, or the double in memory.
//!
//! Invariant: a store's futures are ready when they are first polled, so a run needs no executor and has one order.

use std::{
    fmt::Debug,
    pin::pin,
    task::{Context, Poll, Waker},
};

use tickworld_persist::{
    Journal as _, Salvage, Slot, Store,
    embedded::{self, Settings},
    memory::{FaultMode, Memory},
};
use tickworld_sim::hash::Hash;

use crate::{
    check::DurableAcks,
    dice::Dice,
    disk::{CrashKind, SimMedium, SyncFault, Write},
};

/// Polls a store's future, once.
///
/// # Panics
/// If it is not ready: then it waits for a thread that a simulation has not.
pub(super) fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a simulated store answers at once"),
    }
}

/// A machine's storage, and what can happen to it.
pub(super) trait Disk: Default {
    type Store: Store + Salvage + Clone;

    /// The server's process opens its store.
    fn open(&mut self) -> Result<Self::Store, String>;
    /// The power goes.
    fn crash(&mut self, kind: CrashKind, dice: &mut Dice);
    /// The process ends.
    fn kill(&mut self);
    /// The power will go in the midst of the next operation.
    fn arm(&mut self, dice: &mut Dice);
    fn set_full(&mut self, is_full: bool);
    fn fail_syncs(&mut self, fault: Option<SyncFault>);
    /// Shows the checker what is on the disk for good since the last time.
    fn tell(&mut self, acks: &mut DurableAcks);
    /// The digest of all that was written.
    fn digest(&self) -> Hash;
    /// The same storage with one bit turned, if anything is there; what this was may be harmed.
    fn turned(&mut self, dice: &mut Dice) -> Option<Self>;
}

/// redb on a simulated disk.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    medium: SimMedium,
}

impl Disk for Embedded {
    type Store = embedded::Store<SimMedium>;

    fn open(&mut self) -> Result<Self::Store, String> {
        let settings = Settings { cache_bytes: 1 << 20, ..Settings::default() };
        embedded::Store::open_within(self.medium.clone(), settings).map_err(|fault| fault.to_string())
    }

    fn crash(&mut self, kind: CrashKind, dice: &mut Dice) {
        self.medium.crash(kind, dice);
    }

    fn kill(&mut self) {
        self.medium.kill();
    }

    fn arm(&mut self, dice: &mut Dice) {
        self.medium.database.fail_after(Some(dice.below(40)));
    }

    fn set_full(&mut self, is_full: bool) {
        let length = is_full.then(|| self.medium.database.length());
        self.medium.database.set_capacity(length);
    }

    fn fail_syncs(&mut self, fault: Option<SyncFault>) {
        self.medium.database.fail_syncs(fault);
    }

    fn tell(&mut self, acks: &mut DurableAcks) {
        acks.sync(&self.medium.database.take_news());
    }

    fn digest(&self) -> Hash {
        self.medium.database.digest().finish()
    }

    fn turned(&mut self, dice: &mut Dice) -> Option<Self> {
        let medium = SimMedium::default();
        medium.database.load_image(self.medium.database.image());
        medium.watermark.load_image(self.medium.watermark.image());
        medium.database.flip_bit(dice)?;
        Some(Self { medium })
    }
}

/// The double in memory, which knows no torn writes but unknown outcomes.
#[derive(Default)]
pub(super) struct Double {
    memory: Memory,
    told: Slot,
}

impl Debug for Double {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Double(told to slot {})", self.told)
    }
}

impl Disk for Double {
    type Store = Memory;

    fn open(&mut self) -> Result<Memory, String> {
        Ok(self.memory.clone())
    }

    fn crash(&mut self, _: CrashKind, _: &mut Dice) {
        self.memory.crash();
    }

    fn kill(&mut self) {
        self.memory.crash();
    }

    fn arm(&mut self, dice: &mut Dice) {
        self.memory.inject(*dice.pick(&[FaultMode::Fails, FaultMode::UnknownWritten, FaultMode::UnknownLost]));
    }

    fn set_full(&mut self, is_full: bool) {
        self.memory.set_full(is_full);
    }

    fn fail_syncs(&mut self, fault: Option<SyncFault>) {
        match fault {
            Some(SyncFault::Retained) => self.memory.inject(FaultMode::UnknownWritten),
            Some(SyncFault::Lost) => self.memory.inject(FaultMode::UnknownLost),
            None => {}
        }
    }

    fn tell(&mut self, acks: &mut DurableAcks) {
        let Ok(head) = now(self.memory.log_state()) else { return };
        self.told = self.told.min(head.durable.slot).max(head.base.slot);
        if self.told == head.durable.slot {
            return;
        }
        let Ok(records) = now(self.memory.read(self.told.next(), u64::MAX)) else { return };
        for record in records.iter().take_while(|record| record.slot() <= head.durable.slot) {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            acks.sync(&[Write::Bytes { offset: 0, bytes }]);
            self.told = record.slot();
        }
    }

    fn digest(&self) -> Hash {
        now(self.memory.log_state()).map_or(Hash::ZERO, |head| head.last.record_hash)
    }

    /// A record before the last one: the double keeps no watermark, so that a last record with damage is a torn tail to it.
    fn turned(&mut self, dice: &mut Dice) -> Option<Self> {
        let head = now(self.memory.log_state()).ok()?;
        let count = head.last.slot.0.checked_sub(head.base.slot.0 + 1).filter(|count| *count > 0)?;
        self.memory.damage_record(Slot(head.base.slot.0 + 1 + dice.below(count)));
        Some(Self { memory: self.memory.clone(), told: Slot(0) })
    }
}
