//! [`Crossings`]: who crosses the borders of a world in this process, and for how many ticks they are on the way.
//!
//! Invariant: it reads worlds that are stored, tick by tick, as anybody may who embeds a server, and no region waits for it. Regions
//! count their ticks from beginnings of their own, and all at one rate: somebody's way is measured in ticks of the region that they
//! come to, from its newest one when that in which they left was stored.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tickworld_server::server::{Ticks, TicksError, WorldHandle};
use tickworld_sim::{
    frame::PlayerId,
    game::Game,
    region::{OutboxEntry, RegionId},
    world::World,
};
use tokio::time::{Instant, timeout_at};

use crate::output::counted;

/// For everybody who is on the way to arrive, once nobody plays any more.
const ARRIVALS_MAX: Duration = Duration::from_secs(20);
/// Players who are named one by one.
const NAMED_MAX: usize = 8;

/// See the module.
pub(crate) struct Crossings<G: Game> {
    worlds: Vec<(RegionId, WorldHandle<G>)>,
    seen: Arc<Mutex<Seen>>,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    /// The newest tick of each region.
    newest: BTreeMap<RegionId, u64>,
    /// Everybody who was in any of them.
    players: BTreeSet<PlayerId>,
    /// The hops with which each left last.
    left: BTreeMap<PlayerId, u64>,
    under_way: BTreeMap<PlayerId, UnderWay>,
    /// How many took so many ticks.
    took: BTreeMap<u64, u64>,
    crossings: u64,
    /// Ticks of regions that went by unseen.
    missed: u64,
}

/// Somebody who left, and where for.
struct UnderWay {
    hops: u64,
    to: RegionId,
    /// The newest tick there when they left; none where nothing was seen of it yet.
    since: Option<u64>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crossed {
    crossings: u64,
    took: BTreeMap<u64, u64>,
    missed: u64,
    /// Players in each region.
    players: BTreeMap<RegionId, u64>,
    /// Players who wait for a region that does not take them.
    waiting: u64,
    /// Players who are nowhere, and those who are in several places.
    lost: Vec<PlayerId>,
    doubled: Vec<PlayerId>,
}

impl<G: Game> Crossings<G> {
    /// Follows the regions from now on, on the current runtime.
    pub(crate) fn follow(worlds: Vec<(RegionId, WorldHandle<G>)>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        for (region, world) in &worlds {
            let (region, ticks, seen) = (*region, world.follow(), Arc::clone(&seen));
            tokio::spawn(async move { follow(region, ticks, &seen).await });
        }
        Self { worlds, seen }
    }

    /// Waits until everybody who left has come, and says where all of them are. Nobody plays any more, and all regions still run.
    pub(crate) async fn end(self) -> Crossed {
        let limit = Instant::now() + ARRIVALS_MAX;
        let mut ticks: Vec<Ticks<G>> = self.worlds.iter().map(|(_, world)| world.follow()).collect();
        loop {
            let crossed = self.crossed();
            let is_settled = crossed.waiting == 0 && crossed.is_good();
            if is_settled || Instant::now() >= limit {
                return crossed;
            }
            // Regions are read one after the other, and somebody may have crossed meanwhile: so once more in all of them.
            for next in &mut ticks {
                // One that has ended, or takes too long, has no more to say.
                _ = timeout_at(limit, next.next()).await;
            }
        }
    }

    fn crossed(&self) -> Crossed {
        let worlds: Vec<(RegionId, World<G>)> = self.worlds.iter().map(|(id, world)| (*id, world.newest())).collect();
        let seen = lock(&self.seen);
        let mut crossed =
            Crossed { crossings: seen.crossings, took: seen.took.clone(), missed: seen.missed, ..Crossed::default() };
        let mut places: BTreeMap<PlayerId, u64> = seen.players.iter().map(|player| (*player, 0)).collect();
        let mut waiting = BTreeSet::new();
        for (id, world) in &worlds {
            let here: Vec<PlayerId> = present(world).collect();
            crossed.players.insert(*id, here.len() as u64);
            here.into_iter().for_each(|player| *places.entry(player).or_insert(0) += 1);
            waiting.extend(departures(world).map(|entry| entry.player));
        }
        for (player, count) in places {
            match count {
                0 if waiting.contains(&player) => crossed.waiting += 1,
                0 => crossed.lost.push(player),
                1 => {}
                _ => crossed.doubled.push(player),
            }
        }
        crossed
    }
}

/// Takes in every tick of a region, until it ends.
async fn follow<G: Game>(region: RegionId, mut ticks: Ticks<G>, seen: &Mutex<Seen>) {
    loop {
        match ticks.next().await {
            Ok(world) => lock(seen).take(region, &world),
            Err(TicksError::Missed(count)) => lock(seen).missed += count,
            Err(_) => return,
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // A panic of a task that follows a region is a defect of this tool, and its numbers are as they were.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Players who are in a world, connected or not.
fn present<G: Game>(world: &World<G>) -> impl Iterator<Item = PlayerId> {
    let here = world.players().iter().filter(|player| player.id.is_player() && player.departed_to.is_none());
    here.map(|player| player.id)
}

/// Those who left for other regions and are not there for sure.
fn departures<G: Game>(world: &World<G>) -> impl Iterator<Item = &OutboxEntry> {
    world.region().departures().filter(|entry| entry.to != RegionId::ARCHIVE)
}

impl Seen {
    fn take<G: Game>(&mut self, region: RegionId, world: &World<G>) {
        let tick = world.tick().0;
        self.newest.insert(region, tick);
        self.players.extend(present(world));
        for entry in departures(world) {
            let last = self.left.entry(entry.player).or_insert(0);
            if entry.hops > *last {
                *last = entry.hops;
                let (hops, to, since) = (entry.hops, entry.to, self.newest.get(&entry.to).copied());
                self.under_way.insert(entry.player, UnderWay { hops, to, since });
                self.crossings += 1;
            }
        }
        // Who came may have left again.
        let has_come = |player: &PlayerId, it: &UnderWay| {
            it.to == region && world.players().find(*player).is_some_and(|known| known.hops >= it.hops)
        };
        let took = &mut self.took;
        self.under_way.retain(|player, it| {
            let has_come = has_come(player, it);
            if let (true, Some(since)) = (has_come, it.since) {
                *took.entry(tick.saturating_sub(since)).or_insert(0) += 1;
            }
            !has_come
        });
    }
}

impl Crossed {
    /// Whether everybody is in one place, or on the way to it.
    pub(crate) const fn is_good(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty()
    }

    /// Players in a region.
    pub(crate) fn players_in(&self, region: RegionId) -> u64 {
        self.players.get(&region).copied().unwrap_or(0)
    }

    /// Ticks that this part of all ways took at most; none where nobody's was measured.
    fn ticks(&self, quantile: f64) -> Option<u64> {
        let rank = (self.took.values().sum::<u64>() as f64 * quantile).ceil().max(1.0);
        let mut sum = 0;
        let found = self.took.iter().find(|(_, count)| {
            sum += **count;
            sum as f64 >= rank
        });
        found.map(|(ticks, _)| *ticks)
    }

    /// For people; clients followed so many of them.
    pub(crate) fn to_text(&self, followed: u64) -> String {
        let mut text =
            format!("crossings  {} over borders, clients followed {}", self.crossings, counted(followed, "time"));
        if let (Some(half), Some(most), Some(longest)) = (self.ticks(0.5), self.ticks(0.99), self.ticks(1.0)) {
            text.push_str(&format!(
                "; from the tick that left to the tick that holds the arrival {half} ticks at p50, {most} at p99, {longest} at most"
            ));
        }
        if self.waiting > 0 {
            text.push_str(&format!("; {} still wait for a region", self.waiting));
        }
        if self.missed > 0 {
            text.push_str(&format!("; {} went by unseen", counted(self.missed, "tick")));
        }
        for (players, what) in [(&self.lost, "are in no region"), (&self.doubled, "are in several regions")] {
            if !players.is_empty() {
                let some: Vec<String> = players.iter().take(NAMED_MAX).map(|player| player.0.to_string()).collect();
                text.push_str(&format!(
                    "\nwrong      {} {what}: {}",
                    counted(players.len(), "player"),
                    some.join(", ")
                ));
            }
        }
        text
    }

    /// For machines; clients followed so many of them.
    pub(crate) fn to_json(&self, followed: u64) -> Value {
        let ids = |players: &[PlayerId]| players.iter().map(|player| player.0).collect::<Vec<_>>();
        json!({
            "count": self.crossings,
            "followed": followed,
            "measured": self.took.values().sum::<u64>(),
            "ticks": { "p50": self.ticks(0.5), "p99": self.ticks(0.99), "max": self.ticks(1.0) },
            "ticks_unseen": self.missed,
            "waiting": self.waiting,
            "lost": ids(&self.lost),
            "doubled": ids(&self.doubled),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_all_ways() {
        let crossed = Crossed { took: BTreeMap::from([(1, 50), (2, 49), (9, 1)]), ..Crossed::default() };
        assert_eq!([0.5, 0.51, 0.99, 1.0].map(|quantile| crossed.ticks(quantile)), [1, 2, 2, 9].map(Some));
        assert_eq!(Crossed::default().ticks(0.99), None);
    }

    #[test]
    fn whoever_is_nowhere_is_named() {
        let crossed = Crossed { crossings: 3, lost: vec![PlayerId(7)], ..Crossed::default() };
        assert!(!crossed.is_good());
        let text = crossed.to_text(2);
        assert!(
            text.starts_with("crossings  3 over borders, clients followed 2 times")
                && text.ends_with("in no region: 7"),
            "{text}"
        );
        assert_eq!(crossed.to_json(2)["lost"], json!([7]));
    }
}
