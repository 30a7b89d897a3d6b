//! [`Plan`]: what a seed makes of a run, before anything happens.
//!
//! Invariant: a plan follows from its seed alone. Every seed switches about half of the faults off, for one fault may hide
//! what another one would show.

use tickworld_ledger::ACCOUNTS_MAX;
use tickworld_proto::{
    host::HostSettings,
    instant::{Instant, Micros},
    message::{Durability, SessionKind},
};
use tickworld_sim::region::RegionId;

use crate::{
    dice::Dice,
    network::{LinkSettings, QueueBytes},
};

// DOC:FAULTS
/// What can go wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Ways take up to 150 ms.
    Latency,
    /// Up to 80 ms more or less.
    Jitter,
    /// Up to a quarter of all packets is lost.
    Loss,
    /// Up to a fifth of all datagrams comes twice.
    Duplication,
    /// Up to a third of all datagrams is overtaken by far.
    Reordering,
    /// Down to 16 kB/s, with short queues.
    Bandwidth,
    /// Nothing arrives on one way or both, for longer or shorter than it takes to give a connection up.
    Partition,
    /// A connection is closed.
    Cut,
    /// A `Welcome` is lost with its connection.
    LostWelcome,
    /// A client's program ends without a word, and another one begins, with its ticket or without.
    ClientCrash,
    /// A client leaves and comes back.
    Leave,
    /// Everybody leaves without a word and stays away, for longer or shorter than a history is kept.
    Silence,
    /// Another program of a player comes, to their region or another one, stays for a while and ends without a word.
    Rival,
    /// The server's machine loses its power: of what was not synced, luck keeps what it likes, torn or whole.
    PowerCut,
    /// The server's process ends; its machine's caches stay.
    Kill,
    /// The power goes in the midst of an append.
    CutInAppend,
    /// The power goes in the midst of storing a snapshot.
    CutInSnapshot,
    /// The power goes in the midst of a recovery.
    CutInRecovery,
    /// The disk is full for a while.
    DiskFull,
    /// Syncs fail for a while, and keep or lose what was to be synced.
    SyncFails,
    /// Storing takes longer than ticks do.
    SlowDisk,
    /// Another server takes the world over while the first one still runs.
    Takeover,
    /// The server is told to end, and another one starts when it has.
    Restart,
    /// The rules panic in a tick; another build makes it, or an operator skips it.
    RulesPanic,
    /// An operator has a region go back behind ticks that were told.
    Restore,
    /// Nothing passes between regions, one way or both, for longer or shorter than borders bear.
    RegionsApart,
    /// An operator asks for something: how it is, a snapshot, a kick, other content, an input in the name of a player.
    Operator,
    /// Somebody comes who is nobody here.
    Stranger,
}
// DOC:END

impl Fault {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::Latency,
        Self::Jitter,
        Self::Loss,
        Self::Duplication,
        Self::Reordering,
        Self::Bandwidth,
        Self::Partition,
        Self::Cut,
        Self::LostWelcome,
        Self::ClientCrash,
        Self::Leave,
        Self::Silence,
        Self::Rival,
        Self::PowerCut,
        Self::Kill,
        Self::CutInAppend,
        Self::CutInSnapshot,
        Self::CutInRecovery,
        Self::DiskFull,
        Self::SyncFails,
        Self::SlowDisk,
        Self::Takeover,
        Self::Restart,
        Self::RulesPanic,
        Self::Restore,
        Self::RegionsApart,
        Self::Operator,
        Self::Stranger,
    ];

    /// Whether it is a property of links, there all the time until the calm.
    #[must_use]
    pub const fn is_weather(self) -> bool {
        matches!(
            self,
            Self::Latency | Self::Jitter | Self::Loss | Self::Duplication | Self::Reordering | Self::Bandwidth
        )
    }
}

/// A client of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientPlan {
    pub(super) kind: SessionKind,
    pub(super) durability: Durability,
    /// What the client's clock says at the beginning, and by how many millionths it is too fast or too slow.
    pub(super) clock_offset: Micros,
    pub(super) clock_ppm: i64,
    /// Longest time between two bursts of inputs.
    pub(super) pause: Micros,
    /// Most inputs in a burst.
    pub(super) burst: u64,
    pub(super) prediction_ticks_max: u32,
    pub(super) evidence_ticks: u32,
}

/// Everything that is settled before a run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) region_count: u32,
    /// Of a thousand inputs so many are journeys.
    pub(super) travel_permille: u32,
    pub(super) is_embedded: bool,
    pub(super) accounts: u32,
    pub(super) coins: u64,
    pub(super) tick: Micros,
    pub(super) root_lag_ticks: u8,
    pub(super) snapshot_ticks: u64,
    pub(super) replay_debt_max: Micros,
    pub(super) snapshots_kept: u32,
    pub(super) host: HostSettings,
    pub(super) network_timeout: Micros,
    pub(super) faults: Vec<Fault>,
    pub(super) weather: LinkSettings,
    pub(super) clients: Vec<ClientPlan>,
    /// A program that one of the players runs besides, now and then.
    pub(super) rival: ClientPlan,
    pub(super) calm_at: Instant,
    /// Sudden faults, by their time.
    pub(super) schedule: Vec<(Instant, Fault)>,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "plan", 0);
        let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|_| dice.permille(500)).collect();
        let tick_rate = *dice.pick(&[20_u16, 30, 60]);
        let calm_at = Instant(dice.between(2_000_000, 8_000_000));
        let accounts = *dice.pick(&[5, 60, 300, 1_500]);
        let mut host = host(&mut dice, tick_rate);
        let region_count = if dice.permille(500) { 2 } else { 1 };
        if region_count > 1 && host.archive_after_ticks.is_none() {
            // Regions of one world say in its archive who is where.
            host.archive_after_ticks = Some(dice.between(1, 30));
        }
        assert!(accounts <= ACCOUNTS_MAX, "a bank has room for them");
        Self {
            region_count,
            travel_permille: small(*dice.pick(&[0, 20, 80, 200])),
            is_embedded: dice.permille(600),
            accounts,
            coins: dice.between(10, 2_000),
            tick: Micros(1_000_000 / u64::from(tick_rate)),
            root_lag_ticks: u8::try_from(dice.between(1, 4)).expect("a small number"),
            // Rare ones leave room for runs of ticks.
            snapshot_ticks: if dice.permille(700) { dice.between(6, 60) } else { dice.between(300, 2_000) },
            replay_debt_max: dice.micros(Micros(20_000), Micros(500_000)),
            snapshots_kept: small(dice.between(1, 3)),
            host,
            network_timeout: dice.micros(Micros(800_000), Micros(3_000_000)),
            weather: weather(&mut dice, &faults),
            clients: clients(&mut dice),
            rival: client(&mut dice, SessionKind::Command),
            calm_at,
            schedule: schedule(&mut dice, &faults, calm_at),
            faults,
        }
    }
}

impl Plan {
    /// The regions of the world.
    pub(super) fn regions(&self) -> impl Iterator<Item = RegionId> + use<> {
        (1..=self.region_count).map(RegionId)
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("a small number")
}

fn host(dice: &mut Dice, tick_rate: u16) -> HostSettings {
    HostSettings {
        tick_rate,
        durability: Durability::Disk,
        input_delay_ticks: small(dice.below(3)),
        input_horizon_ticks: small(dice.between(30, 600)),
        inputs_in_flight_max: small(dice.between(4, 64)),
        frame_inputs_max: *dice.pick(&[3, 10, 65_536]),
        durable_lag_ticks_max: small(dice.between(8, 32)),
        history_ticks: small(dice.between(16, 256)),
        greeting_timeout: dice.micros(Micros(500_000), Micros(3_000_000)),
        idle_timeout: dice.micros(Micros(6_000_000), Micros(12_000_000)),
        player_timeout: dice.micros(Micros(500_000), Micros(6_000_000)),
        // Half of the worlds know no archive; in the others nobody is away for long.
        archive_after_ticks: dice.permille(500).then(|| dice.between(1, 30)),
        ticket_renewal: dice.micros(Micros(300_000), Micros(20_000_000)),
        snapshot_every_ticks: small(dice.between(4, 64)),
        snapshots_max: small(dice.between(1, 8)),
        page_bytes_per_tick: *dice.pick(&[4_096, 1 << 20]),
        ..HostSettings::default()
    }
}

fn weather(dice: &mut Dice, faults: &[Fault]) -> LinkSettings {
    let fair = LinkSettings::default();
    let on = |fault, value: u64, otherwise: u64| if faults.contains(&fault) { value } else { otherwise };
    let latency = on(Fault::Latency, dice.between(1_000, 150_000), fair.latency.0);
    let jitter = on(Fault::Jitter, dice.between(0, 80_000), fair.jitter.0);
    let loss = on(Fault::Loss, dice.between(5, 250), 0);
    let duplicate = on(Fault::Duplication, dice.between(5, 200), 0);
    let reorder = on(Fault::Reordering, dice.between(5, 330), 0);
    let bytes_per_second = on(Fault::Bandwidth, dice.between(16_000, 200_000), fair.bytes_per_second);
    let short = QueueBytes { control: 1 << 16, datagram: 1 << 13, bulk: 1 << 17 };
    let is_narrow = faults.contains(&Fault::Bandwidth);
    LinkSettings {
        latency: Micros(latency),
        jitter: Micros(jitter),
        loss_permille: small(loss),
        duplicate_permille: small(duplicate),
        reorder_permille: small(reorder),
        bytes_per_second,
        queue_bytes_max: if is_narrow { short } else { fair.queue_bytes_max },
    }
}

/// One of each kind, and some more.
fn clients(dice: &mut Dice) -> Vec<ClientPlan> {
    let mut kinds = vec![SessionKind::Lockstep, SessionKind::Witness, SessionKind::Command];
    for _ in 0..dice.below(4) {
        kinds.push(*dice.pick(&[SessionKind::Lockstep, SessionKind::Command, SessionKind::Command]));
    }
    kinds.into_iter().map(|kind| client(dice, kind)).collect()
}

fn client(dice: &mut Dice, kind: SessionKind) -> ClientPlan {
    let in_memory = kind == SessionKind::Command && dice.permille(300);
    ClientPlan {
        kind,
        durability: if in_memory { Durability::Memory } else { Durability::Disk },
        clock_offset: Micros(dice.below(1 << 40)),
        clock_ppm: i64::try_from(dice.below(401)).expect("a small number") - 200,
        pause: dice.micros(Micros(20_000), Micros(600_000)),
        burst: dice.between(1, 6),
        prediction_ticks_max: small(*dice.pick(&[0, 3, 8, 20])),
        evidence_ticks: small(dice.between(32, 128)),
    }
}

fn schedule(dice: &mut Dice, faults: &[Fault], calm_at: Instant) -> Vec<(Instant, Fault)> {
    let mut sudden: Vec<Fault> = faults.iter().copied().filter(|fault| !fault.is_weather()).collect();
    // Of those that spare the server there are fewer kinds.
    let milder = |fault: &Fault| {
        matches!(
            fault,
            Fault::Partition
                | Fault::Cut
                | Fault::LostWelcome
                | Fault::ClientCrash
                | Fault::Leave
                | Fault::Silence
                | Fault::Rival
                | Fault::RegionsApart
                | Fault::Operator
        )
    };
    let again: Vec<Fault> = sudden.iter().copied().filter(milder).collect();
    sudden.extend(again);
    let mut schedule = Vec::new();
    let pause = dice.between(200_000, 1_500_000);
    let mut at = Instant(dice.between(100_000, 1_000_000));
    while at < calm_at && !sudden.is_empty() {
        schedule.push((at, *dice.pick(&sudden)));
        at = at.after(dice.micros(Micros(10_000), Micros(2 * pause)));
    }
    schedule
}
