//! [`Crossings`]: what the bystander knows of players on their way between regions, and how long they take.
//!
//! Invariant: it is shown every frame of the histories that go on, and every world of theirs that is kept.

use std::collections::BTreeMap;

use tickworld_ledger::{Ledger, Order};
use tickworld_proto::instant::{Instant, Micros};
use tickworld_sim::{
    frame::{Act, InputFrame},
    parcel::Parcel,
    region::RegionId,
    world::World,
};

use crate::check::{AfterLoss, Mails, Numbers, OnePlace, RegionTick, Violation, Way};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    one_place: OnePlace,
    after_loss: AfterLoss,
    mails: Mails,
    /// When the frame of each tick was closed first.
    closed: BTreeMap<RegionTick, Instant>,
    /// Who is under way or came: when the tick that they left in was closed, and whether the one that has them was.
    under_way: BTreeMap<(Way, u64), bool>,
    /// How long each took from frame to frame, of those who left since then.
    took: Vec<Micros>,
    since: Option<Instant>,
}

impl Crossings {
    /// From now on it is measured how long players take.
    pub(super) fn measure(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// How long players took, from the frame that they left in to the one that has them.
    pub(super) fn took(&self) -> &[Micros] {
        &self.took
    }

    /// Told ticks of a region are taken back.
    pub(super) fn lose(&mut self, region: RegionId) {
        self.after_loss.lose(region);
    }

    /// A region's server begins with this history and this world.
    pub(super) fn begin(
        &mut self,
        region: RegionId,
        history: &[InputFrame<Order>],
        world: &World<Ledger>,
    ) -> Result<(), Violation> {
        self.keep(world)?;
        self.mails.restart(region);
        history.iter().try_for_each(|frame| self.take(region, frame))
    }

    /// A region closes a frame.
    pub(super) fn close(&mut self, region: RegionId, now: Instant, frame: &InputFrame<Order>) -> Result<(), Violation> {
        self.closed.entry(RegionTick { region, tick: frame.tick }).or_insert(now);
        for input in &frame.inputs {
            if let Act::Mail { region: from, sequence, parcel, .. } = &input.act {
                self.time(now, Way { from: *from, to: region }, *sequence, parcel);
            }
        }
        self.take(region, frame)
    }

    fn take(&mut self, to: RegionId, frame: &InputFrame<Order>) -> Result<(), Violation> {
        for input in &frame.inputs {
            if let Act::Mail { region: from, sequence, parcel, .. } = &input.act {
                self.mails.take(Way { from: *from, to }, *sequence, parcel)?;
            }
        }
        Ok(())
    }

    fn time(&mut self, now: Instant, way: Way, sequence: u64, parcel: &[u8]) {
        let is_known = self.under_way.insert((way, sequence), true).is_some();
        let left = Parcel::decode(parcel).ok().and_then(|parcel| {
            let at = RegionTick { region: way.from, tick: parcel.tick };
            self.closed.get(&at).copied()
        });
        if let Some(left) = left.filter(|left| !is_known && self.since.is_some_and(|since| *left >= since)) {
            self.took.push(now.since(left));
        }
    }

    /// A tick of a history that goes on is kept, and this is its world.
    pub(super) fn keep(&mut self, world: &World<Ledger>) -> Result<(), Violation> {
        let own = world.region();
        let region = own.state().id;
        self.after_loss.observe(world)?;
        let present = world.players().iter().filter(|it| it.id.is_player() && it.departed_to.is_none());
        self.one_place.observe(region, present.map(|player| (player.id, player.hops)))?;
        for (entry, parcel) in own.outbox().filter(|(entry, _)| entry.to != region && entry.to != RegionId::ARCHIVE) {
            self.mails.wait(Way { from: region, to: entry.to }, entry.sequence, &parcel)?;
        }
        for known in own.neighbours().filter(|known| known.region != RegionId::ARCHIVE) {
            let at = RegionTick { region, tick: world.tick() };
            let numbers = Numbers { last_in: known.last_in, last_out: known.last_out, delivered: known.delivered };
            self.mails.know(at, known.region, numbers)?;
        }
        Ok(())
    }
}
