//! `tickworld watch`: a world on the terminal, as text, as JSON or as a picture.
//!
//! Invariant: what is looked at, and where a view goes to, is decided here; what is seen in the [`viewer`](crate::viewer).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::json;
use tickworld_sim::{
    content::{ContentId, Library},
    frame::Tick,
    game::Game,
    trace::Trace,
};

use super::{
    journal::{WithGame, with_game, with_game_of},
    login,
    trace::check_game,
};
use crate::{
    Context, builtin,
    cli::{self, GameName},
    failure::{Failure, Outcome, Verdict},
    files::{Kind, Target, TraceFile, open_trace, write},
    hosting::spectator_token,
    interrupt,
    output::{Output, counted},
    packs::LoadedPack,
    store::{D20, Hosted, Ledger, OpenStore},
    viewer::{
        Depiction, InitialView, JournalTimeline, LiveSession, Recorded, RootState, ServerLogin, TraceTimeline, View,
        Viewer, WorldSource, check_terminal, look, parse_entity, svg, text_of,
    },
};

/// Most frames of a moving picture.
const FRAMES_MAX: u64 = 400;
/// How long a server may take until the first root is known to be right.
const FIRST_ROOT_TIME: Duration = Duration::from_secs(60);
/// How often it is looked whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Shows what the arguments name.
pub(crate) fn run(context: &mut Context, arguments: &cli::Watch) -> Outcome {
    let wanted = Wanted::of(context, arguments)?;
    interrupt::take_over();
    match (&arguments.target, &arguments.data) {
        (Some(target), _) if is_address(target) => watch_server(context, arguments, wanted, target),
        (Some(target), Some(_)) => Err(Failure::new(format!("`{target}` is no address, and --data is given too"))
            .help("name a trace, or an address with --data, or --data alone for the journal in that folder")),
        (Some(target), None) => {
            let path = Path::new(target);
            if path.is_dir() {
                let help = format!("`tickworld watch --data {target}` shows the journal of a server's data folder");
                return Err(Failure::new(format!("{target} is a folder, not a trace")).help(help));
            }
            let trace = open_trace(path)?;
            check_game(path, &trace)?;
            let game = trace.schema().game.to_string();
            with_game_of(&game, target, OfTrace { context, arguments, wanted, path, trace })
        }
        (None, Some(data)) => {
            let store = OpenStore::open(data)?;
            with_game(&store, OfJournal { context, arguments, wanted, store: &store })
        }
        (None, None) => Err(Failure::new("nothing to look at").help("name a trace, an address, or --data FOLDER")),
    }
}

/// Where a view goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The terminal, until a key ends it.
    Terminal,
    /// Standard output, as text or as JSON.
    Once,
    /// A picture in an SVG file.
    Picture,
}

/// What is to be seen, and where.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    form: Form,
    beginning: InitialView,
}

impl Wanted {
    fn of(context: &Context, arguments: &cli::Watch) -> Outcome<Self> {
        let form = match &arguments.svg {
            Some(_) => Form::Picture,
            None if arguments.once || context.out.is_json() => Form::Once,
            None => Form::Terminal,
        };
        if form == Form::Terminal {
            check_terminal("--once prints one view as text, --json one as JSON, --svg FILE draws one")?;
        }
        let followed = arguments.follow.as_deref().map(|text| {
            let help = "write its index, or index and generation: 17v1";
            parse_entity(text).ok_or_else(|| Failure::new(format!("`{text}` is no entity")).help(help))
        });
        let middle = arguments.around.map(|cli::Cell(cell)| cell);
        let beginning = InitialView { tick: arguments.at.map(Tick), middle, followed: followed.transpose()? };
        Ok(Self { form, beginning })
    }
}

/// Whether a target is meant as a server's address: a file of that name goes first.
fn is_address(target: &str) -> bool {
    let port = target.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.is_some() && !Path::new(target).exists()
}

struct OfTrace<'a> {
    context: &'a mut Context,
    arguments: &'a cli::Watch,
    wanted: Wanted,
    path: &'a Path,
    trace: Trace<TraceFile>,
}

impl WithGame for OfTrace<'_> {
    fn run<H: Hosted>(self) -> Outcome {
        let Self { context, arguments, wanted, path, trace } = self;
        let Context { out, pool, .. } = context;
        let (line, packs) = TraceTimeline::<H::Game>::open::<H>(path, trace, pool)?;
        show(out, arguments, wanted, Recorded::new(line), H::depiction(&packs)).map(|(_, verdict)| verdict)
    }
}

struct OfJournal<'a> {
    context: &'a mut Context,
    arguments: &'a cli::Watch,
    wanted: Wanted,
    store: &'a OpenStore,
}

impl WithGame for OfJournal<'_> {
    fn run<H: Hosted>(self) -> Outcome {
        let Self { context, arguments, wanted, store } = self;
        let Context { out, pool, .. } = context;
        let mut packs = Vec::new();
        for id in store.packs()? {
            // A damaged one is complained about where the world needs it; here it only names things.
            packs.extend(store.pack(id)?.ok().and_then(|bytes| LoadedPack::read(bytes.to_vec(), "a pack").ok()));
        }
        let line = JournalTimeline::<H>::open(store, &arguments.beginning, pool)?;
        show(out, arguments, wanted, Recorded::new(line), H::depiction(&packs)).map(|(_, verdict)| verdict)
    }
}

/// Looks at a server that runs.
fn watch_server(context: &mut Context, arguments: &cli::Watch, wanted: Wanted, target: &str) -> Outcome {
    if arguments.at.is_some() || arguments.to.is_some() {
        return Err(Failure::new("--at and --to name ticks of what was recorded; a server shows the newest")
            .help("g goes to a tick that is kept; a trace or a journal can be gone through from its beginning"));
    }
    let login = login_of(arguments, target)?;
    match arguments.login.game {
        GameName::D20 => {
            let scenario = builtin::scenario(&arguments.beginning.scenario)?;
            let depiction = D20::depiction(std::slice::from_ref(&scenario.pack));
            let library = scenario.pack.library();
            go::<<D20 as Hosted>::Game>(context, arguments, wanted, &login, (scenario.pack.id, library), depiction)
        }
        GameName::Ledger => {
            let library = (ContentId::NONE, Ledger::library(&[]));
            go::<<Ledger as Hosted>::Game>(context, arguments, wanted, &login, library, Ledger::depiction(&[]))
        }
    }
}

/// How to come in, as the arguments say.
fn login_of(arguments: &cli::Watch, target: &str) -> Outcome<ServerLogin> {
    let (certificate, data) = (arguments.login.fingerprint, arguments.data.as_deref());
    let fingerprint = login::fingerprint(certificate, data)?;
    let token = match &arguments.login.tokens {
        Some(file) => login::tokens_in(file)?.into_iter().next().ok_or_else(|| {
            Failure::new(format!("{} holds no token", file.display()))
                .help("`tickworld-server token --kinds lockstep` prints one for a spectator; each counts once")
        })?,
        None => spectator_token(login::issuer_folder(data)?, &arguments.login.audience)?,
    };
    Ok(ServerLogin { address: login::resolve(target)?, fingerprint, token })
}

fn go<G: Game>(
    context: &mut Context,
    arguments: &cli::Watch,
    wanted: Wanted,
    login: &ServerLogin,
    (content, library): (ContentId, Library<G::Content>),
    depiction: Box<dyn Depiction<G>>,
) -> Outcome {
    let live = LiveSession::<G>::begin(login, login.address.to_string(), content, library)?;
    let (live, verdict) = show(&mut context.out, arguments, wanted, live, depiction)?;
    live.end();
    Ok(verdict)
}

/// What a view that does not stay is made of.
struct Still<'a> {
    arguments: &'a cli::Watch,
    is_live: bool,
    /// The first tick; none of a server.
    from: Option<Tick>,
    /// What is read, and so not written.
    inputs: Vec<&'a Path>,
}

impl Still<'_> {
    const fn area(&self) -> Rect {
        Rect::new(0, 0, self.arguments.size.columns, self.arguments.size.rows)
    }
}

/// Shows a source where it is wanted, and gives it back with the verdict on its roots.
fn show<S: WorldSource>(
    out: &mut Output,
    arguments: &cli::Watch,
    wanted: Wanted,
    source: S,
    depiction: Box<dyn Depiction<S::Game>>,
) -> Outcome<(S, Verdict)> {
    let mut beginning = wanted.beginning;
    let is_live = source.is_live();
    if !is_live {
        let (first, last) = source.span();
        let from = *beginning.tick.get_or_insert(if wanted.form == Form::Terminal { first } else { last });
        check_span(arguments, (first, last), from)?;
    }
    let inputs = arguments.target.iter().map(Path::new).chain(arguments.data.as_deref());
    let still = Still { arguments, is_live, from: beginning.tick, inputs: inputs.collect() };
    let mut viewer = Viewer::new(source, depiction, beginning);
    let verdict = match (wanted.form, &arguments.svg) {
        (Form::Terminal, _) => {
            look(&mut viewer, out.has_color(), &|| false)?;
            let (source, failure) = viewer.into_parts();
            let verdict = Verdict::of(source.difference().is_none());
            return failure.map_or(Ok((source, verdict)), Err);
        }
        (Form::Picture, Some(file)) => picture(out, &still, &mut viewer, file)?,
        (Form::Once | Form::Picture, _) => once(out, &still, &mut viewer)?,
    };
    Ok((viewer.into_parts().0, verdict))
}

/// Refuses ticks that are not there, and pictures of too many.
fn check_span(arguments: &cli::Watch, (first, last): (Tick, Tick), from: Tick) -> Outcome<()> {
    let to = arguments.to.map_or(from, Tick);
    if from < first || to > last || from > to {
        let what = if arguments.to.is_some() { format!("ticks {from} to {to} are") } else { format!("tick {from} is") };
        return Err(Failure::new(format!("{what} not there")).help(format!("there are {first} to {last}")));
    }
    let frames = (to.0 - from.0) / arguments.every + 1;
    if frames > FRAMES_MAX {
        let message = format!("a picture of {frames} frames, at most {FRAMES_MAX} are drawn");
        return Err(Failure::new(message).help("--every N takes every N-th tick only; --at and --to take fewer"));
    }
    Ok(())
}

/// What is done between two looks at whether a tick is there: whoever simulates goes on at once, whoever waits for a server gives
/// it up in time. Both end when the process is told to.
fn between(is_live: bool) -> impl FnMut() -> bool {
    let begun = Instant::now();
    move || {
        if is_live {
            std::thread::sleep(LOOK_EVERY);
        }
        !interrupt::is_asked() && (!is_live || begun.elapsed() < FIRST_ROOT_TIME)
    }
}

/// Makes a tick, or of a server the first whose root is known to be right, and draws it; none where the process was told to end.
fn draw<S: WorldSource>(
    viewer: &mut Viewer<S>,
    is_live: bool,
    tick: Option<Tick>,
    area: Rect,
) -> Outcome<Option<(View, Buffer)>> {
    viewer.show(tick, &mut between(is_live))?;
    let is_there = tick.is_none_or(|tick| viewer.shown() == Some(tick));
    let Some(view) = viewer.view(area, false).filter(|_| is_there) else {
        if interrupt::is_asked() {
            return Ok(None);
        }
        return Err(
            Failure::new("no tick came whose root is known to be right").help("does the server's world stand still?")
        );
    };
    let mut buffer = Buffer::empty(area);
    viewer.draw(area, &mut buffer, false);
    Ok(Some((view, buffer)))
}

const fn verdict_of(view: &View) -> Verdict {
    Verdict::of(!matches!(view.source.root, RootState::Different(_)))
}

/// One view as text, or as JSON.
fn once<S: WorldSource>(out: &mut Output, still: &Still<'_>, viewer: &mut Viewer<S>) -> Outcome {
    let Some((view, buffer)) = draw(viewer, still.is_live, still.from, still.area())? else {
        out.value(&json!({ "interrupted": true }));
        return Ok(Verdict::Interrupted);
    };
    out.line(text_of(&buffer).trim_end());
    out.value(&view.to_json());
    Ok(verdict_of(&view))
}

/// One view, or several, into a file.
fn picture<S: WorldSource>(out: &mut Output, still: &Still<'_>, viewer: &mut Viewer<S>, file: &Path) -> Outcome {
    let arguments = still.arguments;
    let (mut frames, mut verdict, mut title, mut shown) = (Vec::new(), Verdict::Same, String::new(), Vec::new());
    let mut rate = 30;
    let from = still.from.map_or(0, |tick| tick.0);
    let every = usize::try_from(arguments.every).unwrap_or(usize::MAX);
    for tick in (from..=arguments.to.unwrap_or(from)).step_by(every) {
        let Some((view, buffer)) = draw(viewer, still.is_live, still.from.map(|_| Tick(tick)), still.area())? else {
            out.value(&json!({ "file": null, "interrupted": true }));
            return Ok(Verdict::Interrupted);
        };
        if verdict == Verdict::Same {
            verdict = verdict_of(&view);
        }
        rate = view.source.ticks_per_second;
        title = format!("{}, {}", view.source.title, view.source.name);
        shown.push(view.tick.0);
        frames.push(buffer);
    }
    let millis = u32::try_from(arguments.every * 1_000 / u64::from(rate.max(1))).unwrap_or(u32::MAX).max(1);
    let picture = svg(&frames, millis, &title);
    let inputs = still.inputs.iter().copied();
    write(Target::new(file, Kind::Picture).reads(inputs).force(arguments.force), picture.as_bytes())?;
    let (file, first, last) = (file.display().to_string(), shown.first(), shown.last());
    out.value(&json!({
        "file": file,
        "first_tick": first,
        "last_tick": last,
        "frames": frames.len(),
        "bytes": picture.len(),
        "verified": verdict == Verdict::Same,
    }));
    let ticks = match (first, last) {
        (Some(first), Some(last)) if first != last => {
            format!("ticks {first} to {last}, {}", counted(frames.len(), "frame"))
        }
        (Some(first), _) => format!("tick {first}"),
        (None, _) => "nothing".into(),
    };
    let of_what = if verdict == Verdict::Same { "" } else { "; a root in it is NOT as it should be" };
    out.line(format!("{file}: {ticks}, {} KiB{of_what}", picture.len() / 1024));
    Ok(verdict)
}
