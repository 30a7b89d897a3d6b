//! A random history of one journal, beside a plain model of it.

use std::{collections::BTreeMap, ops::ControlFlow};

use tickworld_sim::hash::hash;

use super::{
    BackendUnderTest, Verdict, World, ensure,
    journal::{begin, held},
    same,
    snapshots::keep,
    tokens::{bearer, token},
};
use crate::{
    Durability,
    error::{AppendError, ClaimError, SpendError},
    memory::FaultMode,
    position::LogPosition,
    record::{Record, Why},
    recover::recover,
    retention::Retention,
    store::{Appended, Claim, Claimant, Journal, Snapshots as _},
    tokens::{Bearer, Tokens as _},
    verify::verify,
};

/// Steps of a walk.
const STEPS: u64 = 60;

/// Numbers that follow from a seed.
struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.thrown += 1;
        let mut key = self.seed.to_le_bytes().to_vec();
        key.extend_from_slice(&self.thrown.to_le_bytes());
        let thrown = hash(&key).0;
        u64::from_le_bytes(thrown[..8].try_into().expect("a hash has 32 bytes")) % bound
    }
}

/// What must be there.
struct Model {
    /// Every record of a tick that was appended and not given up.
    records: Vec<Record>,
    /// How many of them were reported durable.
    durable: usize,
    claim: Claim,
    /// The last record, claims among them.
    last: LogPosition,
    /// Of the tokens that may be spent, whose they are for sure.
    tokens: BTreeMap<u64, Option<Bearer>>,
}

impl Model {
    /// These were appended.
    fn take(&mut self, records: &[Record]) {
        self.records.extend_from_slice(records);
        self.last = records.last().map_or(self.last, Record::position);
    }

    /// The journal was claimed, durably and with everything before it.
    fn own(&mut self, claim: Claim) {
        (self.claim, self.last, self.durable) = (claim, claim.last, self.records.len());
    }
}

pub(super) async fn any_history_keeps_its_promises<S: BackendUnderTest>(subject: &mut S, seed: u64) -> Verdict {
    let (mut store, world, claim) = begin(subject).await?;
    let mut model = Model { records: Vec::new(), durable: 0, claim, last: claim.last, tokens: BTreeMap::new() };
    let mut dice = Dice { seed, thrown: 0 };
    for step in 0..STEPS {
        let done = match dice.below(16) {
            0 => crash(subject, &mut store, &mut model).await,
            1 => snapshot::<S>(&store, &world, &model).await,
            2 => retain::<S>(&store, &mut dice).await,
            3 => claim_again::<S>(&store, &world, &mut model).await,
            14 => {
                inject(subject, &mut dice);
                claim_again::<S>(&store, &world, &mut model).await
            }
            15 => cut::<S>(&store, &world, &mut model, &mut dice).await,
            4 => {
                inject(subject, &mut dice);
                append::<S>(&store, &world, &mut model, &mut dice).await
            }
            5 => {
                inject(subject, &mut dice);
                spend::<S>(&store, &mut model, &mut dice).await
            }
            6 => spend::<S>(&store, &mut model, &mut dice).await,
            _ => append::<S>(&store, &world, &mut model, &mut dice).await,
        };
        done.map_err(|found| format!("step {step}: {found}"))?;
    }
    crash(subject, &mut store, &mut model).await?;
    let report = verify(&store, &mut |_| ControlFlow::Continue(())).await.map_err(|error| error.to_string())?;
    same!("findings at the end", report.findings, vec![]);
    Ok(())
}

fn inject<S: BackendUnderTest>(subject: &mut S, dice: &mut Dice) {
    let faults = [FaultMode::Fails, FaultMode::UnknownWritten, FaultMode::UnknownLost, FaultMode::KeepsHalf];
    subject.inject(faults[dice.below(4) as usize]);
}

/// One of a few tokens, so that most are spent again; none of them expires.
async fn spend<S: BackendUnderTest>(store: &S::Store, model: &mut Model, dice: &mut Dice) -> Verdict {
    let number = dice.below(12);
    store.forget_spent(100).await.map_err(|error| format!("forgetting tokens: {error}"))?;
    let by = bearer(u8::try_from(dice.below(3)).expect("three of them"));
    match (store.spend(token(number), by, 100).await, model.tokens.get(&number).copied()) {
        (Ok(None), _) => return Err(format!("nobody knows whose token {number} is")),
        (Ok(Some(whose)), Some(Some(first))) if whose != first => {
            return Err(format!("token {number} is {whose:?}'s, and was {first:?}'s"));
        }
        (Ok(Some(whose)), None) if whose != by => return Err(format!("token {number} was spent before anybody did")),
        (Ok(whose), _) => _ = model.tokens.insert(number, whose),
        // It may be spent, and was told to be nobody's.
        (Err(SpendError::Storage(_) | SpendError::Unknown(_)), None) => _ = model.tokens.insert(number, None),
        (Err(SpendError::Storage(_) | SpendError::Unknown(_)), Some(_)) => {}
        (Err(error), _) => return Err(format!("spending: {error}")),
    }
    Ok(())
}

async fn append<S: BackendUnderTest>(store: &S::Store, world: &World, model: &mut Model, dice: &mut Dice) -> Verdict {
    let count = 1 + dice.below(4) as usize;
    let mut records = world.records(model.claim.epoch, model.last, count);
    if let (0, Some(last)) = (dice.below(3), records.last().map(Record::position)) {
        let ticks = u16::try_from(1 + dice.below(40)).expect("few");
        records.push(world.run(model.claim.epoch, last, ticks));
    }
    let durability = if dice.below(3) == 0 { Durability::Memory } else { Durability::Disk };
    match store.append(&records, durability).await {
        Ok(appended @ Appended { kept, durable }) => {
            let rest = appended.rest(&records);
            ensure!(rest.len() < records.len(), "nothing was kept, and no error told");
            model.take(&records[..records.len() - rest.len()]);
            same!("what is said to be kept", kept, model.last.tick);
            let reported = model.records.iter().filter(|record| record.tick() <= durable).count();
            model.durable = model.durable.max(reported);
            ensure!(
                durability == Durability::Memory || reported == model.records.len(),
                "an append on disk is durable to {durable} only"
            );
        }
        Err(AppendError::Storage(_)) => {
            let log = store.log_state().await.map_err(|error| error.to_string())?;
            same!("the log after a failure", log.last, model.last);
        }
        Err(AppendError::Unknown(_)) => {
            let log = store.log_state().await.map_err(|error| error.to_string())?;
            let rest = log.unwritten(&records).map_err(|error| format!("an unknown outcome: {error}"))?;
            model.take(&records[..records.len() - rest.len()]);
            same!("the log after an unknown outcome", log.last, model.last);
        }
        Err(other) => return Err(format!("appending: {other:?}")),
    }
    Ok(())
}

async fn crash<S: BackendUnderTest>(subject: &mut S, store: &mut S::Store, model: &mut Model) -> Verdict {
    subject.crash().await;
    *store = subject.open().await;
    let recovery = recover(store, &mut |_| {}).await.map_err(|error| format!("recovering: {error}"))?;
    same!("what is lost in a crash", recovery.lost, None);
    let kept = model.records.iter().filter(|record| record.tick() <= recovery.end.tick).count();
    ensure!(kept >= model.durable, "{kept} of {} durable records are left", model.durable);
    if kept < model.records.len() {
        model.records.truncate(kept);
        let before = model.records.last().map_or(model.claim.last, Record::position);
        model.last = if before.slot < model.claim.last.slot { model.claim.last } else { before };
    }
    same!("the end after a crash", recovery.end, model.last);
    let claim = recovery.claim(&Claimant::default()).map_err(|error| error.to_string())?;
    let claim = surely(store, &claim).await?;
    ensure!(claim.epoch > model.claim.epoch, "epoch {} after {}", claim.epoch, model.claim.epoch);
    let origin = recovery.origin.position();
    let replayed = store.read(origin.slot.next(), u64::MAX).await.map_err(|error| format!("reading: {error}"))?;
    let replayed: Vec<Record> = replayed.into_iter().filter(|record| !record.is_claim()).collect();
    let expected: Vec<Record> = model.records.iter().filter(|it| it.tick() > origin.tick).cloned().collect();
    same!("what is replayed", replayed, expected);
    model.own(claim);
    Ok(())
}

async fn claim_again<S: BackendUnderTest>(store: &S::Store, world: &World, model: &mut Model) -> Verdict {
    let before = store.log_state().await.map_err(|error| format!("before claiming: {error}"))?;
    same!("where the journal stands", before.last, model.last);
    let record = world.claim(&before);
    match store.claim(&record).await {
        Ok(claim) => {
            ensure!(claim.epoch > model.claim.epoch, "epoch {} after {}", claim.epoch, model.claim.epoch);
            same!("what a claim follows", claim.last.tick, model.last.tick);
            model.own(claim);
        }
        Err(ClaimError::Storage(_) | ClaimError::Unknown(_)) => {
            let log = store.log_state().await.map_err(|error| error.to_string())?;
            if log.last == record.position() {
                model.own(Claim::of(&record).ok_or("a claim is one")?);
            }
            same!("the log after a claim that failed", log.last, model.last);
        }
        Err(other) => return Err(format!("claiming: {other:?}")),
    }
    Ok(())
}

/// Claims, however often the storage fails: a fault that was meant for something else may still wait.
async fn surely<J: Journal>(store: &J, record: &Record) -> Result<Claim, String> {
    loop {
        match store.claim(record).await {
            Ok(claim) => return Ok(claim),
            Err(ClaimError::Storage(_) | ClaimError::Unknown(_)) => {
                let log = store.log_state().await.map_err(|error| error.to_string())?;
                if log.last == record.position() {
                    return Claim::of(record).ok_or_else(|| "a claim is one".to_owned());
                }
            }
            Err(other) => return Err(format!("claiming: {other:?}")),
        }
    }
}

/// Takes back some of the last ticks, by name.
async fn cut<S: BackendUnderTest>(store: &S::Store, world: &World, model: &mut Model, dice: &mut Dice) -> Verdict {
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let kept = held(store).await.map_err(|error| format!("reading: {error}"))?;
    let count = usize::try_from(dice.below(4)).map_err(|error| error.to_string())?.min(kept.len());
    if count == 0 {
        return Ok(());
    }
    let after = kept[..kept.len() - count].last().map_or(log.base, Record::position);
    let record = world.claim_after(&log, after, Why::Cut, true);
    let claim = surely(store, &record).await.map_err(|error| format!("cutting {count} ticks: {error}"))?;
    model.records.truncate(model.records.len() - count);
    model.own(claim);
    same!("what is left", held(store).await.map(|it| it.len()), Ok(kept.len() - count));
    Ok(())
}

async fn snapshot<S: BackendUnderTest>(store: &S::Store, world: &World, model: &Model) -> Verdict {
    // A snapshot is of a tick, not of a claim.
    let position = model.records.last().map(Record::position);
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let position = position.filter(|it| it.slot > log.base.slot).unwrap_or(log.base);
    keep::<S>(store, world, position).await
}

async fn retain<S: BackendUnderTest>(store: &S::Store, dice: &mut Dice) -> Verdict {
    let retention = Retention { snapshots_min: 1 + dice.below(2) as u32, ticks: dice.below(40) };
    store.retain(retention).await.map(|_| ()).map_err(|error| format!("retaining: {error}"))?;
    let log = store.log_state().await.map_err(|error| error.to_string())?;
    let read = store.read(log.base.slot.next(), u64::MAX).await;
    ensure!(read.is_ok(), "the first record kept: {read:?}");
    Ok(())
}
