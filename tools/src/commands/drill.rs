//! `tickworld drill`: plants faults and shows what the ordinary diff makes of them.

use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    Context, builtin,
    cli::Drill,
    commands::run::per_second,
    diff_report,
    drill::{self, Case, Field, Result as Drilled, Stage},
    failure::{Failure, Outcome, Verdict},
    files::{self, Kind, Target},
    interrupt,
    output::{Ink, counted},
    progress::Progress,
    scenario::Scenario,
};

/// Cases that are shown in full where something was not found.
const MISSED_SHOWN: usize = 5;

/// What many drills came to.
#[derive(Debug, Default, Serialize)]
struct Tally {
    planted: u64,
    /// No root changed: nothing to find.
    masked: u64,
    /// The planted value made the rules stop in the same tick.
    stopped: u64,
    /// Diff says that both are the same although a root changed.
    missed: u64,
    tick_named: u64,
    /// Plants whose system is known.
    system_known: u64,
    system_named: u64,
    /// Of those that belong to an entity and are still there at the end of the tick.
    entity_known: u64,
    entity_named: u64,
    /// Of those in a field that is still there at the end of the tick.
    field_known: u64,
    field_named: u64,
    /// The value was used up within the tick: diff can show what followed from it.
    used_up: u64,
    used_up_column_named: u64,
    columns: std::collections::BTreeMap<String, u64>,
    fields: usize,
    plants_per_second: u64,
}

/// Plants one, or counts many.
pub(crate) fn run(context: &mut Context, arguments: &Drill) -> Outcome {
    let scenario = match &arguments.scenario {
        Some(path) => builtin::scenario(path)?,
        None => drill::scenario()?,
    };
    drill::silence_faulty_ticks();
    if arguments.count == 1 { one(context, arguments, &scenario) } else { many(context, arguments, &scenario) }
}

fn one(context: &mut Context, arguments: &Drill, scenario: &Scenario) -> Outcome {
    let stage = Stage::of_plant(scenario, arguments.seed)?;
    let case = stage.drill(arguments.kind, arguments.seed)?;
    if let Some(folder) = &arguments.keep {
        keep(arguments, folder, "left.trace", stage.left())?;
        keep(arguments, folder, "right.trace", &case.right)?;
    }
    context.out.value(&case);
    let out = &mut context.out;
    let bold = out.paint(Ink::Bold, "planted");
    out.line(format!("{bold}: {}", case.plant));
    match (&case.result, &case.report.first) {
        (Drilled::Masked, _) => out.line("masked: the fault was undone before the tick ended; no root changed"),
        (_, Some(found)) => {
            let bold = out.paint(Ink::Bold, "found");
            out.line(format!("{bold}, by a diff that was handed both files and nothing else:"));
            diff_report::say_first_difference(out, found);
        }
        (_, None) => out.line("diff finds both recordings equal, although a root changed"),
    }
    if let Some(folder) = &arguments.keep {
        let file = |name| folder.join(name).display().to_string();
        out.line(format!("again: tickworld trace diff {} {}", file("left.trace"), file("right.trace")));
    }
    Ok(Verdict::of(case.result.is_well()))
}

fn keep(arguments: &Drill, folder: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    files::make_folder(folder)?;
    let target = Target::new(folder.join(name), Kind::Trace).reads(&arguments.scenario).force(arguments.force);
    files::write(target, bytes)
}

fn many(context: &mut Context, arguments: &Drill, scenario: &Scenario) -> Outcome {
    let mut tally = Tally::default();
    let mut fields = std::collections::BTreeSet::new();
    let mut missed = Vec::new();
    let mut progress = Progress::new(context.quiet, "drill", arguments.count.into());
    let begun = std::time::Instant::now();
    interrupt::take_over();
    let Some(end) = arguments.seed.checked_add(arguments.count.into()) else {
        return Err(Failure::new(format!("there are no {} seeds from {} on", arguments.count, arguments.seed)));
    };
    let mut seed = arguments.seed;
    while seed < end {
        let stage = Stage::of_plant(scenario, seed)?;
        let last = end.min(Stage::seeds_with(seed).end);
        let cases: Vec<Case> = (seed..last)
            .into_par_iter()
            .filter(|_| !interrupt::is_asked())
            .map(|seed| stage.drill(arguments.kind, seed))
            .collect::<Outcome<_>>()?;
        seed = last;
        for case in cases {
            tally.add(&case);
            fields.extend(case.plant.field.as_ref().map(Field::general));
            if !case.result.is_well() && missed.len() < MISSED_SHOWN {
                missed.push(case);
            }
        }
        progress.set(seed - arguments.seed);
        if interrupt::is_asked() {
            break;
        }
    }
    drop(progress);
    tally.fields = fields.len();
    tally.plants_per_second = per_second(tally.planted, begun.elapsed());
    let all_well = tally.is_well();
    let interrupted = tally.planted < u64::from(arguments.count);
    context.out.value(&serde_json::json!({
        "kind": arguments.kind, "seed": arguments.seed, "well": all_well, "interrupted": interrupted, "tally": tally, "fields": fields, "not_found": missed,
    }));
    say(context, arguments, &tally, &missed);
    Ok(Verdict::of(all_well).interrupted(interrupted))
}

impl Tally {
    fn add(&mut self, case: &Case) {
        self.planted += 1;
        if let Some(field) = &case.plant.field {
            *self.columns.entry(field.column.clone()).or_default() += 1;
        }
        match case.result {
            Drilled::Masked => self.masked += 1,
            Drilled::Stopped => self.stopped += 1,
            Drilled::Missed => self.missed += 1,
            Drilled::Found(found) => {
                self.tick_named += u64::from(found.tick);
                self.system_known += u64::from(case.plant.system.is_some());
                self.system_named += u64::from(found.system && case.plant.system.is_some());
                if found.used_up {
                    self.used_up += 1;
                    self.used_up_column_named += u64::from(found.column);
                } else {
                    let (has_entity, has_field) = (case.plant.entity.is_some(), case.plant.field.is_some());
                    self.entity_known += u64::from(has_entity);
                    self.entity_named += u64::from(has_entity && found.entity);
                    self.field_known += u64::from(has_field);
                    self.field_named += u64::from(has_field && found.field);
                }
            }
        }
    }

    const fn found(&self) -> u64 {
        self.planted - self.masked - self.stopped - self.missed
    }

    const fn is_well(&self) -> bool {
        self.missed == 0
            && self.tick_named == self.found()
            && self.system_named == self.system_known
            && self.entity_named == self.entity_known
            && self.field_named == self.field_known
            && self.used_up_column_named == self.used_up
    }
}

fn say(context: &mut Context, arguments: &Drill, tally: &Tally, missed: &[Case]) {
    let out = &mut context.out;
    let percent = |part: u64, whole: u64| part * 1000 / whole.max(1);
    let share = |part: u64, whole: u64| {
        let permille = percent(part, whole);
        format!("{part} of {whole} ({}.{} %)", permille / 10, permille % 10)
    };
    let title = out.paint(Ink::Bold, counted(tally.planted, "plant"));
    out.line(format!(
        "{title} in {}, {}; {} a second",
        counted(tally.columns.len(), "column"),
        counted(tally.fields, "field"),
        tally.plants_per_second
    ));
    out.line(format!("  masked: no root changed        {}", share(tally.masked, tally.planted)));
    if tally.stopped > 0 {
        out.line(format!("  the rules refused the value    {}", share(tally.stopped, tally.planted)));
    }
    let found = tally.found() + tally.missed;
    out.line(format!("  changed a root: tick named     {}", share(tally.tick_named, found)));
    out.line(format!("  system named                   {}", share(tally.system_named, tally.system_known)));
    out.line(format!("  entity named                   {}", share(tally.entity_named, tally.entity_known)));
    out.line(format!("  field named                    {}", share(tally.field_named, tally.field_known)));
    if tally.used_up > 0 {
        let column = share(tally.used_up_column_named, tally.used_up);
        out.line(format!("  used up within the tick: system and column named, with what followed: {column}"));
    }
    for case in missed {
        out.line(format!("not found: {}", case.plant));
        let scenario =
            arguments.scenario.as_ref().map(|path| format!(" --scenario {}", path.display())).unwrap_or_default();
        out.line(format!(
            "  again: tickworld drill --kind {} --seed {}{scenario}",
            arguments.kind.argument(),
            case.seed
        ));
    }
    let well = tally.is_well();
    let verdict = if well { out.paint(Ink::Green, "all found") } else { out.paint(Ink::Red, "not all found") };
    out.line(verdict);
}
