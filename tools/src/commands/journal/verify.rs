//! `tickworld journal verify`: everything that is kept, read and compared, without simulating.

use std::{collections::BTreeSet, ops::ControlFlow};

use serde::Serialize;
use tickworld_persist::{Epoch, Finding, Progress as Reading, RecoverError, Recovery};
use tickworld_sim::{content::ContentId, diff::read_frame, frame::Tick};

use crate::{
    Context,
    failure::{Outcome, Verdict},
    games::is_rules,
    interrupt,
    output::{Ink, counted},
    packs::LoadedPack,
    progress::Progress,
    store::OpenStore,
};

/// What was read, and what is wrong.
#[derive(Serialize)]
struct Report {
    folder: String,
    /// Nothing is wrong with what was read.
    ok: bool,
    /// Told to end before everything was read.
    interrupted: bool,
    first_tick: u64,
    last_tick: u64,
    records: u64,
    claims: u64,
    proofs: u64,
    frames: u64,
    inputs: u64,
    snapshots: u64,
    pages: u64,
    packs: u64,
    findings: Vec<Found>,
    /// Where a server would go on; `null` where nothing is wrong, or where it was told to end before that was found.
    goes_on: Option<GoesOn>,
}

/// Something that is not as it was written.
#[derive(Serialize)]
struct Found {
    /// `record`, `root`, `snapshot`, `pack`, `frame`, `epoch` or `content`.
    kind: &'static str,
    first_tick: Option<u64>,
    last_tick: Option<u64>,
    content: Option<String>,
    message: String,
}

/// Where a server would go on.
#[derive(Serialize)]
struct GoesOn {
    /// The last tick that would be kept; `null` where it would not start.
    tick: Option<u64>,
    /// Ticks that were reported durable and would be lost.
    lost: Option<[u64; 2]>,
    message: String,
}

pub(super) fn run(context: &mut Context, store: &OpenStore) -> Outcome {
    interrupt::take_over();
    let total = store.last().0.saturating_sub(store.base().0);
    let mut progress = Progress::new(context.quiet, "records", total);
    let read = store.verify(&mut |reading| {
        if let Reading::Records { done, .. } = reading {
            progress.set(done);
        }
        if interrupt::is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    drop(progress);
    let mut contents = Contents::new(context, store)?;
    contents.read_frames(context);
    contents.read_snapshots()?;
    let mut findings: Vec<Found> = read.findings.iter().map(Found::of).collect();
    findings.append(&mut contents.findings);
    let ok = findings.is_empty();
    let recovery = if ok { None } else { store.recover() };
    let interrupted = read.is_stopped || contents.is_stopped || (!ok && recovery.is_none());
    let report = Report {
        folder: store.shown(),
        ok,
        interrupted,
        first_tick: store.base().next().0,
        last_tick: store.last().0,
        records: read.records,
        claims: read.claims,
        proofs: read.proofs,
        frames: contents.frames,
        inputs: contents.inputs,
        snapshots: read.snapshots,
        pages: read.pages,
        packs: read.packs,
        findings,
        goes_on: recovery.map(GoesOn::of),
    };
    context.out.value(&report);
    say(context, &report);
    Ok(Verdict::of(ok).interrupted(interrupted))
}

/// What the records say, beyond that they are whole.
struct Contents<'s> {
    store: &'s OpenStore,
    /// Packs that are whole and what their id says.
    packs: BTreeSet<ContentId>,
    frames: u64,
    inputs: u64,
    findings: Vec<Found>,
    /// Told to end before everything was read.
    is_stopped: bool,
}

impl<'s> Contents<'s> {
    fn new(context: &Context, store: &'s OpenStore) -> Outcome<Self> {
        let (mut packs, mut findings) = (BTreeSet::new(), Vec::new());
        let all = store.packs()?;
        let mut progress = Progress::new(context.quiet, "content", all.len() as u64);
        let mut is_stopped = false;
        for (done, id) in (1..).zip(all) {
            is_stopped = interrupt::is_asked();
            if is_stopped {
                break;
            }
            // Damaged ones were named already.
            let Ok(bytes) = store.pack(id)? else { continue };
            match LoadedPack::read(bytes.to_vec(), "the pack") {
                _ if !is_rules(store.header.game()) => _ = packs.insert(id),
                Ok(pack) if pack.id == id => _ = packs.insert(id),
                Ok(pack) => findings.push(Found::content(id, format!("its bytes are those of {}", pack.id))),
                Err(failure) => findings.push(Found::content(id, failure.to_string())),
            }
            progress.set(done);
        }
        Ok(Self { store, packs, frames: 0, inputs: 0, findings, is_stopped })
    }

    fn read_frames(&mut self, context: &Context) {
        let (base, last) = (self.store.base(), self.store.last());
        let mut progress = Progress::new(context.quiet, "frames", last.0.saturating_sub(base.0));
        let mut epoch = Epoch(0);
        for (done, record) in (1..).zip(self.store.records(base.next(), last)) {
            // Without every pack, those that are missing cannot be told from those that were not read.
            self.is_stopped |= interrupt::is_asked();
            if self.is_stopped {
                return;
            }
            progress.set(done);
            // What is damaged was named already.
            let Ok(record) = record else { continue };
            let (tick, wrote) = (record.tick(), record.epoch());
            if record.is_claim() {
                epoch = wrote;
            }
            // Records of format 1 count their claims, which stand nowhere.
            let is_old = self.store.header.is_old();
            let is_wrong = if is_old { wrote < epoch || wrote > self.store.log.epoch } else { wrote != epoch };
            if is_wrong && epoch.0 > 0 {
                let message = format!("the record of tick {tick} is of epoch {wrote}, and {epoch} is in force");
                self.findings.push(Found::record("epoch", tick, message));
            }
            if is_old {
                epoch = epoch.max(wrote);
            }
            let Some(frame) = record.frame() else { continue };
            match read_frame(frame, record.frame_format(), &self.store.header.schema.input) {
                Err(error) => {
                    let message = format!("the frame of tick {tick} cannot be read: {error}");
                    self.findings.push(Found::record("frame", tick, message));
                }
                Ok(frame) => {
                    self.frames += 1;
                    self.inputs += frame.inputs.len() as u64;
                    frame.switches().for_each(|(.., id)| self.needs(id, tick, "switches to"));
                }
            }
        }
    }

    fn read_snapshots(&mut self) -> Outcome<()> {
        for tick in self.store.snapshots()? {
            self.is_stopped |= interrupt::is_asked();
            if self.is_stopped {
                return Ok(());
            }
            if let Ok(snapshot) = self.store.snapshot(tick)? {
                self.needs(snapshot.manifest.head.content, tick, "is stored with");
            }
        }
        Ok(())
    }

    /// The world needs a pack at a tick.
    fn needs(&mut self, id: ContentId, tick: Tick, how: &str) {
        if id != ContentId::NONE && !self.packs.contains(&id) {
            let message = format!("tick {tick} {how} content pack {id}, which is missing or damaged");
            self.findings.push(Found { content: Some(id.to_string()), ..Found::record("content", tick, message) });
        }
    }
}

impl Found {
    fn of(finding: &Finding) -> Self {
        let message = finding.to_string();
        let of_ticks = |kind, first: Tick, last: Tick| Self {
            kind,
            first_tick: Some(first.0),
            last_tick: Some(last.0),
            content: None,
            message: message.clone(),
        };
        match finding {
            Finding::Records(damage) => of_ticks("record", *damage.ticks.start(), *damage.ticks.end()),
            Finding::Unproven(ticks) => of_ticks("root", *ticks.start(), *ticks.end()),
            Finding::Snapshot { tick, .. } => of_ticks("snapshot", *tick, *tick),
            Finding::Pack { id, .. } => {
                Self { kind: "pack", first_tick: None, last_tick: None, content: Some(id.to_string()), message }
            }
            _ => Self { kind: "other", first_tick: None, last_tick: None, content: None, message },
        }
    }

    fn record(kind: &'static str, tick: Tick, message: String) -> Self {
        Self { kind, first_tick: Some(tick.0), last_tick: Some(tick.0), content: None, message }
    }

    fn content(id: ContentId, what: String) -> Self {
        let message = format!("content pack {id}: {what}");
        Self { kind: "pack", first_tick: None, last_tick: None, content: Some(id.to_string()), message }
    }
}

impl GoesOn {
    fn of(recovery: Result<Recovery, RecoverError>) -> Self {
        match recovery {
            Ok(Recovery { end, lost: None, .. }) => {
                let message = format!("a server goes on from tick {}, nothing that was acknowledged is lost", end.tick);
                Self { tick: Some(end.tick.0), lost: None, message }
            }
            Ok(Recovery { end, lost: Some(lost), .. }) => {
                let message = format!(
                    "ticks {} to {} were acknowledged and would be lost: restore the folder from a copy, or a server goes \
                     on from tick {} with --accept-loss",
                    lost.start(),
                    lost.end(),
                    end.tick
                );
                Self { tick: Some(end.tick.0), lost: Some([lost.start().0, lost.end().0]), message }
            }
            Err(error) => Self { tick: None, lost: None, message: format!("no server starts on it: {error}") },
        }
    }
}

fn say(context: &mut Context, report: &Report) {
    let out = &mut context.out;
    let Report { folder, first_tick, last_tick, records, proofs, inputs, snapshots, pages, packs, .. } = report;
    let what = format!(
        "{} with {} and {}, {} with {}, {}",
        counted(records, "record"),
        counted(inputs, "input"),
        counted(proofs, "root"),
        counted(snapshots, "snapshot"),
        counted(pages, "page"),
        counted(packs, "pack"),
    );
    if report.ok {
        let ok = out.paint(Ink::Green, "ok");
        match report.interrupted {
            false => out.line(format!("{ok}  {folder}: ticks {first_tick} to {last_tick}; {what}")),
            true => out.line(format!("{ok}  {folder}, as far as it was read: {what}")),
        }
        return;
    }
    let red = out.paint(Ink::Red, "damaged");
    out.line(format!("{red}  {folder}: {}; whole are {what}", counted(report.findings.len(), "finding")));
    for found in &report.findings {
        out.line(format!("    {}", found.message));
    }
    if let Some(goes_on) = &report.goes_on {
        out.line(format!("  {}", goes_on.message));
    }
}
