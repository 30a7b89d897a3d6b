//! What regions say to each other, on roads of their own: it may be lost, late, doubled and overtaken.
//!
//! Invariant: a post travels as bytes and comes out as the value that went in; who is replaced and does not know it still sends, and is
//! sent to.

use std::collections::BTreeMap;

use bytes::Bytes;
use tickworld_ledger::Ledger;
use tickworld_proto::{instant::Micros, message::Way};
use tickworld_region::{Mail, Post, PostBody, Region, limits::BORDER_SILENCE_MAX};
use tickworld_sim::{
    hash::{Hash, hash},
    region::{Neighbour, RegionId},
};

use super::{Bug, Cluster, Event, opening::WORLD, plan::Plan, storage::Disk, watch::Life};
use crate::{
    dice::Dice,
    network::{LinkSettings, QueueBytes, Road},
};

/// The road from one region to another.
pub(super) type Roads = BTreeMap<(RegionId, RegionId), Road>;

/// Something on such a road.
#[derive(Clone, Debug)]
pub(super) struct PostUnderWay {
    from: RegionId,
    to: RegionId,
    bytes: Bytes,
}

/// Machines of one world are well connected, but for what the run's weather does to everybody.
fn weather(plan: &Plan) -> LinkSettings {
    let queue_bytes_max = QueueBytes { datagram: 1 << 20, ..LinkSettings::default().queue_bytes_max };
    LinkSettings { queue_bytes_max, ..plan.weather }
}

/// Roads between all regions.
pub(super) fn roads(seed: u64, plan: &Plan) -> Roads {
    let pairs = plan.regions().flat_map(|from| plan.regions().map(move |to| (from, to)));
    let roads = pairs.filter(|(from, to)| from != to).zip(0..);
    roads.map(|(pair, index)| (pair, Road::new(weather(plan), Dice::new(seed, "road", index)))).collect()
}

/// How clients reach a region.
pub(super) fn way(region: RegionId) -> Way {
    Way {
        address: format!("region-{region}"),
        transports: vec!["simulated".to_owned()],
        certificate_hashes: Vec::new(),
    }
}

/// The region that clients reach so.
pub(super) fn region_at(way: &Way) -> Option<RegionId> {
    way.address.strip_prefix("region-")?.parse().ok().map(RegionId)
}

impl<D: Disk> Cluster<D> {
    /// A server that begins is told of the other regions.
    pub(super) fn tell_neighbours(&mut self, region: RegionId, life: Life) {
        let now = self.clock.now();
        let others: Vec<RegionId> = self.plan.regions().filter(|other| *other != region).collect();
        let Some(server) = self.server(life) else { return };
        others.into_iter().for_each(|other| server.region.tell_neighbour(now, other, way(other)));
    }

    /// Takes what a server has to say to other regions.
    pub(super) fn send_posts(&mut self, life: Life) {
        let now = self.clock.now();
        let bug = self.bug;
        let Some(server) = self.server(life) else { return };
        let mut posts: Vec<Post> = core::iter::from_fn(|| server.region.poll_post()).collect();
        match bug {
            Some(Bug::PostsTooEarly) => posts.extend(hasty(&server.region)),
            Some(Bug::AcknowledgesTooMuch) => posts.iter_mut().for_each(overstate),
            Some(Bug::PostsNothingAgain) => posts.retain(|post| self.posted.insert(content(post))),
            _ => {}
        }
        for post in posts {
            let mut bytes = Vec::new();
            post.encode(&mut bytes);
            let (from, to, bytes) = (post.from, post.to, Bytes::from(bytes));
            let Some(road) = self.roads.get_mut(&(from, to)) else { continue };
            self.watch.digest.bytes(&bytes);
            for at in road.send(now, bytes.len()) {
                self.clock.at(at, Event::Post(PostUnderWay { from, to, bytes: bytes.clone() }));
            }
        }
    }

    /// A post comes to a region: to who owns it, to who does not know that it was replaced, or to both.
    pub(super) fn deliver(&mut self, under_way: &PostUnderWay) {
        let now = self.clock.now();
        let PostUnderWay { from, to, bytes } = under_way;
        if self.roads[&(*from, *to)].is_blocked(now) {
            return;
        }
        let mut lives: Vec<Life> = self.seat(*to).servers.iter().map(|server| server.life).collect();
        if lives.len() > 1 && self.dice.permille(700) {
            lives.remove(usize::from(self.dice.permille(500)));
        }
        let post = Post::decode(bytes).expect("what a region said is read");
        for life in lives {
            if let Some(server) = self.server(life) {
                server.region.handle_post(now, post.clone());
                self.settle_server(life);
            }
        }
    }

    /// Nothing passes between regions, one way or both, for shorter or longer than borders bear.
    pub(super) fn part_regions(&mut self) -> bool {
        let longest = Micros(2 * BORDER_SILENCE_MAX.0);
        let until = self.clock.now().after(self.dice.micros(Micros(50_000), longest));
        let (forth, back) = *self.dice.pick(&[(true, false), (false, true), (true, true)]);
        let parted = self.roads.iter_mut().filter(|((from, to), _)| if from < to { forth } else { back });
        parted.map(|(_, road)| road.block(until)).count() > 0
    }

    /// All roads are fair and open.
    pub(super) fn mend_roads(&mut self) {
        self.roads.values_mut().for_each(|road| road.tune(LinkSettings::default()));
    }
}

/// For [`Bug::PostsTooEarly`]: who left in the newest tick that was made.
fn hasty(region: &Region<Ledger>) -> Vec<Post> {
    let world = region.host().stepped_world();
    let state = world.region().state();
    let mail = |known: &Neighbour| {
        let (entry, parcel) = world.region().outbox_above(known.region, known.delivered, usize::MAX).pop()?;
        let (incarnation, sequence, lamport) = (state.incarnation, entry.sequence, entry.lamport);
        let body = PostBody::Mail(Mail { incarnation, sequence, lamport, parcel: parcel.into() });
        Some(Post { world: WORLD, from: state.id, to: known.region, body })
    };
    world.region().neighbours().filter_map(mail).collect()
}

/// Says what [`Bug::AcknowledgesTooMuch`] says: one mail more than there was.
fn overstate(post: &mut Post) {
    if let PostBody::Standing(standing) = &mut post.body {
        standing.has += 1;
    }
}

/// For [`Bug::PostsNothingAgain`]: what a mail says; of where a region stands there is always something new.
fn content(post: &Post) -> Hash {
    let mut bytes = Vec::new();
    post.encode(&mut bytes);
    hash(&bytes)
}
