//! [`ActionList`]: the actions of all entries, gathered in the order of reading and sorted by key at the end.
//!
//! Invariant: a position that [`add`](ActionList::add) gave names the same action after [`sorted`](ActionList::sorted), by the
//! function that it returns.

use std::collections::BTreeMap;

use tickworld_content::model::{Action, Key};

/// Actions in the order in which they were read; positions are final only after sorting.
#[derive(Default)]
pub(crate) struct ActionList {
    list: Vec<Action>,
}

impl ActionList {
    /// Adds an action and returns its position for now.
    pub(crate) fn add(&mut self, action: Action) -> u32 {
        self.list.push(action);
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn sorted(self) -> (Vec<Action>, impl Fn(u32) -> u32) {
        let mut keyed: BTreeMap<(Key, u32), Action> = BTreeMap::new();
        for (action, position) in self.list.into_iter().zip(0..) {
            keyed.insert((action.key, position), action);
        }
        let moved: BTreeMap<u32, u32> = keyed.keys().zip(0..).map(|((_, before), after)| (*before, after)).collect();
        (keyed.into_values().collect(), move |before| moved.get(&before).copied().unwrap_or(u32::MAX))
    }
}
