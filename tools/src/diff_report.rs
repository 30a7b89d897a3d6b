//! [`DiffReport`]: what a diff found, in the game's words, for people and for machines.
//!
//! Invariant: nothing is added to what the engine's diff says but names: of creatures for rows, of content for keys. The
//! columns that differ right after the first differing system come first, for that is where the fault is.

use std::collections::BTreeMap;

use serde::Serialize;
use tickworld_rules::Rules;
use tickworld_sim::{
    diff::{Difference, Fields, FirstDifference, Found, Rerun, StateView, Subject, TraceDiff, Verdict, WorldView},
    frame::{Act, Input, InputFrame, Request, Tick},
    schema::Value,
    trace::{Source, Trace},
};

use crate::{
    output::{Ink, Output},
    packs::Names,
};

/// What two traces say of each other.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiffReport {
    /// Equal as far as both go, or, where that was asked, as long too.
    pub(crate) same: bool,
    /// The last tick of each.
    pub(crate) last: [u64; 2],
    /// How each ends; none where that was not asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ends: Vec<End>,
    /// Lines of the headers that differ.
    pub(crate) header: Vec<HeaderLine>,
    /// The first tick that differs.
    #[serde(rename = "finding")]
    pub(crate) first: Option<FirstDifferenceReport>,
}

/// How a trace ends.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct End {
    /// The last tick that can be read.
    pub(crate) last_tick: u64,
    /// `whole`, `broken off` or `damaged`.
    pub(crate) state: &'static str,
    /// Where the good records end, if it is not whole.
    pub(crate) at_byte: Option<u64>,
    /// What is wrong there, if it is damaged.
    pub(crate) damage: Option<String>,
}

/// A line of the header.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeaderLine {
    what: &'static str,
    left: String,
    right: String,
    matters: bool,
}

/// The first tick that differs, and in what.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FirstDifferenceReport {
    /// The tick that differs.
    pub(crate) tick: u64,
    /// `reproduced`, `evidenced` or `bounded`.
    pub(crate) verdict: &'static str,
    /// The first system after which the sides differ.
    pub(crate) system: Option<String>,
    /// What the right side ran in its place, if it ran another.
    pub(crate) right_system: Option<String>,
    /// The columns that differ after that system.
    pub(crate) columns_after_system: Vec<String>,
    /// Whether the inputs of the tick differ.
    pub(crate) inputs_differ: bool,
    /// The inputs of the tick on each side.
    pub(crate) inputs: [Vec<String>; 2],
    /// Whether the tick has inputs at all: the start has none.
    #[serde(skip)]
    pub(crate) is_start: bool,
    /// The root of the tick on each side, in hex.
    pub(crate) roots: [String; 2],
    /// The columns that differ at the end of the tick.
    pub(crate) columns: Vec<String>,
    /// `reproduced`, `evidenced` or `neither`, for each side.
    pub(crate) standing: [&'static str; 2],
    /// Why a side is not reproduced.
    pub(crate) why: [Option<String>; 2],
    /// The tick whose fields are listed: this one, or a later one where only that can be shown.
    pub(crate) fields_of_tick: Option<u64>,
    /// How many fields differ in all; at least so many where `complete` is false.
    pub(crate) field_count: u64,
    /// Whether everything that differs was looked at.
    pub(crate) complete: bool,
    /// Pages that could not be read.
    pub(crate) malformed: Vec<String>,
    /// The first of them.
    pub(crate) fields: Vec<FieldReport>,
    /// Which systems of the reproduced side wrote the differing rows.
    pub(crate) writers: Vec<WriterReport>,
}

/// A field that differs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FieldReport {
    /// Name of the column.
    pub(crate) column: String,
    /// Number of the row.
    pub(crate) row: u32,
    /// Full name: `health.current`.
    pub(crate) path: String,
    /// The subject of the row: `entity 17v1`, `world`, `player 2`.
    pub(crate) subject: String,
    /// The entity: `17v1`.
    pub(crate) entity: Option<String>,
    /// What the creature is called.
    pub(crate) name: Option<String>,
    /// What the left side has.
    pub(crate) left: String,
    /// What the right side has.
    pub(crate) right: String,
}

/// Who wrote a row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WriterReport {
    column: String,
    row: u32,
    systems: Vec<String>,
}

impl DiffReport {
    /// Names what was found; `creature` gives the name of a row's creature.
    pub(crate) fn of(found: &TraceDiff, names: &Names, creature: &dyn Fn(&str, u32) -> Option<String>) -> Self {
        let header = found.header.iter().map(|it| HeaderLine {
            what: it.what,
            left: it.left.clone(),
            right: it.right.clone(),
            matters: it.matters,
        });
        Self {
            same: found.first.is_none(),
            last: found.last.map(|tick| tick.0),
            ends: Vec::new(),
            header: header.collect(),
            first: found.first.as_ref().map(|first| FirstDifferenceReport::of(first, names, creature)),
        }
    }
}

impl FirstDifferenceReport {
    fn of(difference: &FirstDifference, names: &Names, creature: &dyn Fn(&str, u32) -> Option<String>) -> Self {
        let blame = difference.blame.as_ref();
        let guilty: Vec<String> = blame.map(|blame| blame.columns.clone()).unwrap_or_default();
        let mut fields: Vec<FieldReport> = Vec::new();
        if let Some((_, differences)) = &difference.differences {
            fields = differences.list.iter().map(|it| field(it, names, creature)).collect();
            let is_guilty = |field: &FieldReport| {
                guilty
                    .iter()
                    .any(|column| *column == field.column || column.strip_suffix(".chunks") == Some(&field.column))
            };
            fields.sort_by_key(|field| !is_guilty(field));
        }
        let writers = blame.map(|blame| &blame.writers[..]).unwrap_or_default().iter().map(|it| WriterReport {
            column: it.column.clone(),
            row: it.row,
            systems: it.systems.clone(),
        });
        let inputs =
            |frame: &Option<InputFrame<Fields>>| frame.as_ref().map(|frame| inputs(frame, names)).unwrap_or_default();
        Self {
            tick: difference.tick.0,
            verdict: verdict_word(difference.verdict),
            system: blame.and_then(|blame| blame.system.clone()),
            right_system: blame.and_then(|blame| blame.right_system.clone()),
            columns_after_system: guilty,
            inputs_differ: difference.inputs_differ,
            inputs: [inputs(&difference.frames[0]), inputs(&difference.frames[1])],
            is_start: difference.frames.iter().all(Option::is_none),
            roots: difference.roots.map(|root| root.to_string()),
            columns: difference.columns.clone(),
            standing: [standing_word(&difference.standing[0]), standing_word(&difference.standing[1])],
            why: difference.why.clone(),
            fields_of_tick: difference.differences.as_ref().map(|(tick, _)| tick.0),
            field_count: difference.differences.as_ref().map_or(0, |(_, differences)| differences.field_count),
            complete: difference.differences.as_ref().is_none_or(|(_, differences)| differences.is_complete),
            malformed: difference
                .differences
                .iter()
                .flat_map(|(_, it)| &it.malformed)
                .map(ToString::to_string)
                .collect(),
            fields,
            writers: writers.collect(),
        }
    }
}

fn field(it: &Difference, names: &Names, creature: &dyn Fn(&str, u32) -> Option<String>) -> FieldReport {
    let owner = match it.subject {
        Subject::Entity { left, right } => left.or(right),
        _ => None,
    };
    FieldReport {
        column: it.column.clone(),
        row: it.row,
        path: it.path(),
        subject: it.subject.to_string(),
        entity: owner.map(|entity| entity.to_string()),
        name: owner.and_then(|entity| creature(&it.column, entity.index())),
        left: found(&it.left, names),
        right: found(&it.right, names),
    }
}

fn found(found: &Found, names: &Names) -> String {
    match found {
        Found::Value(value) => shown(value, names),
        other => other.to_string(),
    }
}

/// A value; keys of content with what they are called.
pub(crate) fn shown(value: &Value, names: &Names) -> String {
    match value {
        Value::Unsigned(key) => match names.title(*key) {
            Some(title) => format!("\"{title}\""),
            None => value.to_string(),
        },
        _ => value.to_string(),
    }
}

const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "reproduced",
        Verdict::Evidenced => "evidenced",
        Verdict::Bounded => "bounded",
    }
}

const fn standing_word(standing: &tickworld_sim::diff::Standing) -> &'static str {
    use tickworld_sim::diff::Standing;
    match standing {
        Standing::Reproduced => "reproduced",
        Standing::Evidenced => "evidenced",
        Standing::Neither => "neither",
    }
}

/// The inputs of a frame, one a line.
fn inputs(frame: &InputFrame<Fields>, names: &Names) -> Vec<String> {
    let line = |input: &Input<Fields>| {
        let act = match &input.act {
            Act::Enter(_) => "enters".to_owned(),
            Act::Leave => "leaves".to_owned(),
            Act::TimeOut => "times out".to_owned(),
            Act::Incarnation { number, .. } => format!("begins incarnation {number}"),
            Act::Return { hops, .. } => format!("comes back, after {hops} hops"),
            Act::Archive => "leaves for the archive".to_owned(),
            Act::Hold => "is held".to_owned(),
            Act::Border { region, state } => format!("says that the border to region {region} is {state:?}"),
            Act::Delivered { region, sequence, .. } => {
                format!("hears that region {region} has its mail up to {sequence}")
            }
            Act::Accept { region, incarnation } => format!("meets region {region} in incarnation {incarnation}"),
            Act::Mail { region, sequence, .. } => format!("gets mail {sequence} of region {region}"),
            Act::Void => format!("#{} is void", input.sequence.0),
            Act::Request(request) => match request {
                Request::Content(id) => format!("switches to content {}", crate::packs::short(*id)),
                Request::Kick(player) => format!("kicks player {}", player.0),
                Request::Bar { player, is_barred: true } => format!("keeps player {} out", player.0),
                Request::Bar { player, is_barred: false } => format!("lets player {} in again", player.0),
                Request::Held { player, is_taken: true } => format!("takes in what is held of player {}", player.0),
                Request::Held { player, is_taken: false } => format!("drops what is held of player {}", player.0),
                Request::Border { region, is_open: true } => format!("opens the border to region {region}"),
                Request::Border { region, is_open: false } => format!("closes the border to region {region}"),
                Request::Accept { region, incarnation } => {
                    format!("meets region {region} in incarnation {incarnation}")
                }
                Request::Mark(lamport) => format!("raises the Lamport number above {lamport}"),
                Request::Clear(player) => format!("takes inputs of player {} again", player.0),
            },
            Act::Play(fields) => {
                let values = fields.iter().map(|(path, value)| match path.as_str() {
                    "" => shown(value, names),
                    path => format!("{path} {}", shown(value, names)),
                });
                format!("#{} {}", input.sequence.0, values.collect::<Vec<_>>().join(", "))
            }
        };
        format!("player {} {act}", input.player.0)
    };
    frame.inputs.iter().map(line).collect()
}

/// The rows of the entities that a difference names.
pub(crate) fn rows(difference: &FirstDifference) -> Vec<u32> {
    let list = difference.differences.as_ref().map(|(_, differences)| &differences.list[..]).unwrap_or_default();
    let owners = list.iter().filter_map(|it| match it.subject {
        Subject::Entity { left, right } => left.or(right).map(|entity| entity.index()),
        _ => None,
    });
    owners.collect()
}

/// What the creatures in these rows are called at a tick, or just before it, as far as the trace can tell.
pub(crate) fn creatures_of<S: Source>(
    trace: &mut Trace<S>,
    tick: Tick,
    rows: &[u32],
    rerun: &Rerun<'_, Rules>,
    names: &Names,
) -> BTreeMap<u32, String> {
    if rows.is_empty() {
        return BTreeMap::new();
    }
    let eve = Tick(tick.0.saturating_sub(1)).max(trace.start());
    let mut named = match trace.seek::<Rules>(eve, rerun.library, rerun.executor) {
        Ok(simulation) => creature_names(&WorldView::new(simulation.world(), simulation.schema()), rows, names),
        Err(_) => BTreeMap::new(),
    };
    // Whoever came in this very tick.
    if let Some(state) = trace.state_at(tick)
        && let Ok(state) = trace.raw_state(state)
    {
        for (row, name) in creature_names(&state, rows, names) {
            named.entry(row).or_insert(name);
        }
    }
    named
}

/// What the creatures in these rows are called.
pub(crate) fn creature_names(view: &dyn StateView, rows: &[u32], names: &Names) -> BTreeMap<u32, String> {
    let Some((at, column)) = view.column("creature") else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    let mut bytes = Vec::new();
    for row in rows {
        bytes.clear();
        if !view.row_bytes(at, *row, &mut bytes) {
            continue;
        }
        let _ = column.ty.read(&bytes, &mut |path, value| {
            if let (true, Value::Unsigned(key)) = (path == "key" || path == "key.0", value)
                && let Some(title) = names.title(key)
            {
                found.insert(*row, title.to_owned());
            }
        });
    }
    found
}

/// Says it for people.
pub(crate) fn say(out: &mut Output, report: &DiffReport, files: [String; 2]) {
    let [left, right] = report.last;
    for line in report.header.iter().filter(|line| line.matters || report.same) {
        let [left, right] = [&line.left, &line.right].map(|text| if text.is_empty() { "none" } else { text });
        out.line(format!("header: {} is {left} on the left, {right} on the right", line.what));
    }
    let Some(difference) = &report.first else {
        let word = if report.same { out.paint(Ink::Green, "same") } else { out.paint(Ink::Red, "not as long") };
        out.line(format!("{word}: {} and {}, every root up to tick {}", files[0], files[1], left.min(right)));
        if left != right {
            let (longer, last) = if left > right { (&files[0], left) } else { (&files[1], right) };
            out.line(format!("  {longer} goes on to tick {last}"));
        }
        say_ends(out, report, &files);
        if !report.same {
            out.line("  --prefix takes a trace for the same as one that begins like it");
        }
        return;
    };
    out.line(format!("left   {}", files[0]));
    out.line(format!("right  {}", files[1]));
    say_first_difference(out, difference);
    say_ends(out, report, &files);
}

/// Says which files are not whole.
fn say_ends(out: &mut Output, report: &DiffReport, files: &[String; 2]) {
    for (file, end) in files.iter().zip(&report.ends) {
        let at = end.at_byte.unwrap_or(0);
        match &end.damage {
            Some(damage) => out.line(format!("  {file} is damaged after tick {}: byte {at}: {damage}", end.last_tick)),
            None if end.at_byte.is_some() => {
                out.line(format!("  {file} was broken off after tick {}, at byte {at}", end.last_tick));
            }
            None => {}
        }
    }
}

/// Says what differs, and how that is known.
pub(crate) fn say_first_difference(out: &mut Output, difference: &FirstDifferenceReport) {
    let place = match (&difference.system, &difference.right_system) {
        (Some(left), Some(right)) => format!(", where the left ran {left} and the right {right}"),
        (Some(system), None) => format!(", system {system}"),
        _ => String::new(),
    };
    let head = out.paint(Ink::Red, format!("first difference: tick {}{place}", difference.tick));
    out.line(head);
    if let Some(tick) = difference.fields_of_tick.filter(|tick| *tick != difference.tick) {
        out.line(format!("  what can be shown is the world of tick {tick}:"));
    }
    say_fields(out, difference);
    if difference.fields.is_empty() && !difference.columns.is_empty() {
        out.line(format!("  in the columns {}", difference.columns.join(", ")));
    }
    say_inputs(out, difference);
    let verdict = out.paint(Ink::Bold, difference.verdict);
    out.line(format!("{verdict}: {}", explanation(difference)));
}

fn say_fields(out: &mut Output, difference: &FirstDifferenceReport) {
    let whose = |field: &FieldReport| match &field.name {
        Some(name) => format!("{} ({name})", field.subject),
        None => field.subject.clone(),
    };
    let width = difference.fields.iter().map(|field| whose(field).len()).max().unwrap_or(0).min(40);
    let path_width = difference.fields.iter().map(|field| field.path.len()).max().unwrap_or(0).min(30);
    for field in &difference.fields {
        let (whose, path) = (whose(field), &field.path);
        let (left, right) = (out.paint(Ink::Cyan, &field.left), out.paint(Ink::Red, &field.right));
        out.line(format!("  {whose:width$}  {path:path_width$}  left {left}  right {right}"));
    }
    let more = difference.field_count.saturating_sub(u64::try_from(difference.fields.len()).unwrap_or(0));
    difference.malformed.iter().for_each(|page| out.line(format!("  {page}: its recorder is at fault")));
    if !difference.complete && difference.malformed.is_empty() {
        out.line(format!(
            "  and at least {more} more fields in {}: too much to look at",
            difference.columns.join(", ")
        ));
    } else if more > 0 {
        out.line(format!("  and {more} more fields in {}: --limit shows more", difference.columns.join(", ")));
    }
}

fn say_inputs(out: &mut Output, difference: &FirstDifferenceReport) {
    let [left, right] = &difference.inputs;
    if difference.is_start {
        out.line("both begin with this world: other set-ups, or other content");
    } else if difference.inputs_differ {
        out.line("inputs of that tick differ:");
        for (side, inputs) in [("left", left), ("right", right)] {
            let inputs = if inputs.is_empty() { vec!["none".to_owned()] } else { inputs.clone() };
            inputs.iter().for_each(|input| out.line(format!("  {side:5}  {input}")));
        }
        if left == right {
            out.line("  (they look alike: it is the entropy that differs)");
        }
    } else if left.is_empty() {
        out.line("inputs of that tick: none, and the same entropy on both sides");
    } else {
        out.line("inputs of that tick, the same on both sides:");
        left.iter().for_each(|input| out.line(format!("  {input}")));
    }
}

/// What the verdict rests on.
fn explanation(difference: &FirstDifferenceReport) -> String {
    if difference.is_start {
        return "the worlds are in the files; what follows from them is not compared, for it began otherwise".into();
    }
    match difference.standing {
        ["reproduced", "reproduced"] if difference.inputs_differ => {
            "running either side again gives its own roots: both do what their inputs say".into()
        }
        ["reproduced", "reproduced"] => "running either side again gives its own roots".into(),
        ["reproduced", "evidenced"] => {
            "the left side run again gives its roots; the right one's do not follow from its inputs".into()
        }
        ["evidenced", "reproduced"] => {
            "the right side run again gives its roots; the left one's do not follow from its inputs".into()
        }
        ["evidenced", "evidenced"] => {
            "this build reproduces neither side; the fields are from pages in both files".into()
        }
        [left, right] => format!("left {left}, right {right}: a file holds only roots of this tick, no pages"),
    }
}
