//! [`Departures`]: who is given up, and how those who are left agree on a player's last tick.
//!
//! Invariant: whoever fixes a last tick fixes the same. Whoever gives a player up takes nothing from them any more, and says in
//! every turn whom they gave up and for which tick they have an input of each; who hears that gives them up too. Once all who
//! are left have said so of the same players, the last tick is the newest that anybody has, and those who lack inputs
//! get them from those who have them. A player of whom others say so is out. So whoever is left after all partings is one
//! group; two groups that cannot hear each other play on apart. What somebody confirmed with inputs that nobody else got, and then
//! was gone themselves, is no part of the game: whoever is left never hears of it.

use alloc::{collections::BTreeMap, vec::Vec};

use tickworld_sim::frame::Tick;

/// The players who are given up, by their places.
#[derive(Debug)]
pub(super) struct Departures {
    own: usize,
    players: usize,
    /// With the last tick, once it is fixed.
    gone: BTreeMap<usize, Option<Tick>>,
    /// For which tick a player (first) has an input of one who is gone (second).
    announced: BTreeMap<(usize, usize), Tick>,
}

impl Departures {
    pub(super) const fn new(own: usize, players: usize) -> Self {
        Self { own, players, gone: BTreeMap::new(), announced: BTreeMap::new() }
    }

    pub(super) fn is_gone(&self, place: usize) -> bool {
        self.gone.contains_key(&place)
    }

    /// The other players who are left.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let others: Vec<usize> =
            (0..self.players).filter(|place| *place != self.own && !self.is_gone(*place)).collect();
        others.into_iter()
    }

    /// Those who are given up, ascending.
    pub(super) fn gone(&self) -> impl Iterator<Item = usize> + '_ {
        self.gone.keys().copied()
    }

    /// Gives a player up; gives whether that is news.
    pub(super) fn give_up(&mut self, place: usize) -> bool {
        let is_news = !self.is_gone(place);
        self.gone.entry(place).or_default();
        is_news
    }

    /// Player `from` has an input of `gone` for `tick`.
    pub(super) fn handle_announcement(&mut self, from: usize, gone: usize, tick: Tick) {
        let known = self.announced.entry((from, gone)).or_insert(tick);
        *known = (*known).max(tick);
    }

    /// For which tick `from` has an input of `gone`, as far as was heard.
    pub(super) fn announced(&self, from: usize, gone: usize) -> Option<Tick> {
        self.announced.get(&(from, gone)).copied()
    }

    /// Fixes what can be fixed. `newest` says for which tick there is an input here.
    pub(super) fn agree(&mut self, newest: impl Fn(usize) -> Tick) -> Vec<(usize, Tick)> {
        let others: Vec<usize> = self.others().collect();
        let all_said =
            others.iter().all(|from| self.gone.keys().all(|gone| self.announced.contains_key(&(*from, *gone))));
        if !all_said {
            return Vec::new();
        }
        let mut fixed = Vec::new();
        for (gone, last) in self.gone.iter_mut().filter(|(_, last)| last.is_none()) {
            let most = others.iter().filter_map(|from| self.announced.get(&(*from, *gone))).copied().max();
            let here = newest(*gone);
            if most.is_none_or(|most| most <= here) {
                *last = Some(here);
                fixed.push((*gone, here));
            }
        }
        fixed
    }
}
