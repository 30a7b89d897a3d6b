//! Bots: sessions that play over the network, and what they saw.
//!
//! Invariant: a bot believes nothing: a lockstep one compares every root with its own, every input must get exactly one
//! answer, and what a game promises (no coin more or less) is checked in the bot's own world.

mod game;
mod report;
mod session;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tickworld_net::{
    dialer::{Dialer, DialerSettings},
    tls::{fingerprint::Fingerprint, trust::Trust},
};
use tickworld_proto::message::SessionKind;
use tickworld_sim::region::RegionId;
use tokio::{runtime::Handle, task::JoinSet, time::Instant};

pub(crate) use game::{Bot, Clerk, Moment, Wanderer};
pub(crate) use report::Report;

use crate::{
    failure::Failure,
    interrupt::{self, Asked},
};

/// When bots send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many inputs a second each.
    Rate(f64),
    /// So many without an answer, always: a load test.
    InFlight(u32),
}

/// Who plays, where and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The server's game port.
    pub(crate) address: SocketAddr,
    /// The fingerprint of the server's certificate.
    pub(crate) fingerprint: Fingerprint,
    /// Each session's kind and token.
    pub(crate) sessions: Vec<(SessionKind, String)>,
    /// When they send.
    pub(crate) pace: Pace,
    /// From when everybody could be there to the last input.
    pub(crate) time: Duration,
    /// Sessions that dial in a second: a server takes only so many connections from one address.
    pub(crate) dials_per_second: f64,
    /// Regions of the world, which newcomers share out among them; none where they come wherever they are led.
    pub(crate) regions: Option<u32>,
}

/// As many dials a second as any server takes.
pub(crate) const DIALS_PER_SECOND: f64 = 30.0;

impl Plan {
    /// How long it takes until everybody could be there.
    pub(crate) fn gathering(&self) -> Duration {
        self.dialed_at(self.sessions.len())
    }

    /// Where a session asks to come in: a player who is elsewhere is led there.
    fn first_region(&self, number: usize) -> RegionId {
        let shared = self.regions.filter(|regions| *regions > 0);
        let number = u32::try_from(number).unwrap_or(0);
        shared.map_or(RegionId(0), |regions| RegionId(number % regions + 1))
    }

    fn dialed_at(&self, number: usize) -> Duration {
        Duration::from_secs_f64(number as f64 / self.dials_per_second)
    }
}

/// Plays the plan on the current runtime.
pub(crate) async fn play<B: Bot>(plan: &Plan, bot: &B) -> Result<Report, Failure> {
    let dialer = Dialer::bind(&Handle::current(), DialerSettings::new(Trust::Pinned(plan.fingerprint)));
    let dialer = dialer.map_err(|error| Failure::new(error.to_string()))?;
    let begun = Instant::now();
    let bot = Arc::new(bot.clone());
    let mut sessions = JoinSet::new();
    // The time counts once everybody could be there.
    let gathering = plan.gathering();
    let until = begun + gathering + plan.time;
    for (number, (kind, token)) in plan.sessions.iter().enumerate() {
        let at = begun + plan.dialed_at(number);
        let (dialer, bot, kind, token) = (dialer.clone(), Arc::clone(&bot), *kind, token.clone());
        let (address, pace) = (plan.address, plan.pace);
        let region = plan.first_region(number);
        let mut asked = Asked::new();
        sessions.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(at) => {}
                () = asked.wait() => return None,
            }
            let count_from = begun + gathering;
            let player = session::Player { bot, kind, number: number as u64, region, pace, count_from, until, asked };
            player.play(dialer, address, token).await
        });
    }
    let mut asked = Asked::new();
    let stopped = tokio::spawn(async move {
        asked.wait().await;
        Instant::now()
    });
    let mut report = Report::new(plan.time);
    while let Some(ended) = sessions.join_next().await {
        // A panic of a bot is a defect of this tool, and must not look like a good run.
        if let Some(tally) = ended.expect("a bot does not panic") {
            report.add(&tally);
        }
    }
    if interrupt::is_asked()
        && let Ok(at) = stopped.await
    {
        report.set_time(plan.time.min(at.saturating_duration_since(begun + gathering)));
    }
    let traffic = dialer.traffic();
    report.set_traffic(traffic.sent_bytes, traffic.received_bytes);
    dialer.shutdown().await;
    Ok(report)
}
