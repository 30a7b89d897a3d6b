//! What bugs are made of: statics, clocks, addresses, threads, hash maps.
//!
//! Invariant: all of it is outside every world, which is the point.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

/// Numbers by name and key.
type Store = BTreeMap<(&'static str, u64), Vec<u64>>;

fn with_store<T>(change: impl FnOnce(&mut Store) -> T) -> T {
    static STORE: Mutex<Store> = Mutex::new(BTreeMap::new());
    // A run that panics is caught and the next one goes on.
    change(&mut STORE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Counts the calls under a name, from 1.
#[must_use]
pub fn next(name: &'static str) -> u64 {
    with_store(|store| {
        let list = store.entry((name, 0)).or_default();
        let count = list.pop().unwrap_or(0) + 1;
        list.push(count);
        count
    })
}

/// Begins a count anew.
pub fn forget(name: &'static str) {
    with_store(|store| store.retain(|(known, _), _| *known != name));
}

/// The number kept under a key; `value` is kept where there is none yet.
#[must_use]
pub fn remember(name: &'static str, key: u64, value: u64) -> u64 {
    with_store(|store| *store.entry((name, key)).or_insert_with(|| vec![value]).last().unwrap_or(&value))
}

/// The last number pushed under a key, which stays.
#[must_use]
pub fn last(name: &'static str, key: u64) -> Option<u64> {
    with_store(|store| store.get(&(name, key))?.last().copied())
}

/// Pushes a number under a key.
pub fn push(name: &'static str, key: u64, value: u64) {
    with_store(|store| store.entry((name, key)).or_default().push(value));
}

/// Takes the last number pushed under a key.
#[must_use]
pub fn pop(name: &'static str, key: u64) -> Option<u64> {
    with_store(|store| store.get_mut(&(name, key))?.pop())
}

/// The order of a hash map, which is another one in every map.
pub fn by_hash<T>(items: &mut Vec<T>) {
    let map: HashMap<usize, T> = items.drain(..).enumerate().collect();
    items.extend(map.into_values());
}

/// The order of addresses on the heap, among blocks of sizes as a game has them.
pub fn by_address<T>(items: &mut Vec<T>) {
    // What was freed in between is taken again in another order than it was made.
    let holes: Vec<Box<[u8; 48]>> = (0..next("holes") % 7).map(|_| Box::new([0; 48])).collect();
    let boxes: Vec<(Box<[u8; 48]>, T)> = items.drain(..).map(|item| (Box::new([1; 48]), item)).collect();
    drop(holes);
    let (mut first, second): (Vec<_>, Vec<_>) = boxes.into_iter().enumerate().partition(|(at, _)| at % 2 == 1);
    // Half of them move, as they do when a pool compacts.
    first.extend(second.into_iter().map(|(at, (old, item))| (at, (Box::new(*old), item))));
    first.sort_by_key(|(_, (block, _))| std::ptr::from_ref(&**block).addr());
    items.extend(first.into_iter().map(|(_, (_, item))| item));
}

/// The lowest bit of the microseconds since the process began.
#[must_use]
pub fn clock_bit() -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let nanos = BEGUN.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(nanos / 100 % 2).unwrap_or(0)
}

/// 1 on every other thread that asks.
#[must_use]
pub fn thread_bit() -> u64 {
    thread_local! {
        static NUMBER: u64 = next("threads") % 2;
    }
    NUMBER.with(|number| *number)
}

/// A hash with a key that every process draws for itself.
#[must_use]
pub fn process_hash(value: u64) -> u64 {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::new).hash_one(value)
}
