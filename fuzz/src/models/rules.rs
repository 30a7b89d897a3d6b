//! The d20 game under arbitrary commands.

use std::{path::Path, sync::OnceLock};

use arbitrary::{Result, Unstructured};
use tickworld_content::model::Pack;
use tickworld_contentc::compile_dir;
use tickworld_rules::{
    Command, ContentKey, Rules, Ruleset, SetUp, invariants,
    settings::Faction,
    setup::{Group, PlayerClass, Rect},
};
use tickworld_sim::{
    component::Component as _,
    content::{ContentId, Library},
    entity::Entity,
    executor::Inline,
    frame::{Act, Input, InputFrame, PlayerId, Sequence, Tick},
    rng::{Entropy, StreamKey},
    simulation::Simulation,
    world::World,
};

/// Ticks of a run at most.
const TICKS_MAX: u64 = 60;
/// Coins that a player brings in.
const PLAYER_COINS: u64 = 500;
/// Players of a run.
const PLAYERS: u64 = 4;

/// The shipped content.
fn pack() -> &'static Pack {
    static PACK: OnceLock<Pack> = OnceLock::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../content/data");
    PACK.get_or_init(|| compile_dir(&folder).unwrap_or_else(|wrong| panic!("{wrong}")).pack)
}

fn world() -> Simulation<Rules> {
    let creature = |name| ContentKey::of("creature", name);
    let rect = |x, y, width, height| Rect { x, y, width, height };
    let (red, blue) = (Faction(0), Faction(1));
    let group = |name, count, area, faction| Group { creature: creature(name), count, area, faction, coins: 10 };
    let item = |name| ContentKey::of("item", name);
    let class = |area, faction| PlayerClass {
        creature: creature("knight"),
        area,
        faction,
        coins: PLAYER_COINS,
        items: vec![(item("longsword"), 1), (item("chain-mail"), 1)],
    };
    let set_up = SetUp {
        seed: 7,
        enemies: vec![(red, blue)],
        walls: vec![rect(12, 0, 1, 10), rect(12, 14, 1, 10)],
        groups: vec![
            group("goblin", 6, rect(2, 2, 8, 20), red),
            group("wolf", 3, rect(2, 2, 8, 20), red),
            group("mage", 1, rect(15, 2, 8, 20), blue),
            group("zombie", 4, rect(15, 2, 8, 20), blue),
        ],
        classes: vec![class(rect(4, 8, 6, 6), red), class(rect(15, 8, 6, 6), blue)],
        ..SetUp::of_map(26, 24)
    };
    let library = Library::of(ContentId::NONE, Ruleset::new(pack().clone()));
    Simulation::new(library, ContentId::NONE, |realm, rules| set_up.apply(realm, rules).expect("a possible set-up"))
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut simulation = world();
    let rules = simulation.library().find(ContentId::NONE).expect("the library holds it").clone();
    let stride = invariants::step_length_max(&simulation.state().settings, &rules);
    let mut frames = Vec::new();
    while !u.is_empty() && simulation.world().tick().0 < TICKS_MAX {
        let Ok(frame) = frame(&mut u, &simulation) else { break };
        let before = simulation.snapshot();
        let roots = simulation.step(&frame, &Inline).expect("a frame of the next tick");
        let now = simulation.state();
        let broken = invariants::first_violation(before.state(), now);
        assert!(broken.is_none(), "tick {}: {broken:?}", frame.tick);
        let jump = invariants::nobody_jumps(before.state(), now, stride);
        assert!(jump.is_none(), "tick {}: {jump:?}", frame.tick);
        // A run ends long before what lies about is taken away.
        let coins = invariants::coins_are_only_moved(&frame, &before, simulation.world(), false);
        assert!(coins.is_none(), "tick {}: {coins:?}", frame.tick);
        frames.push((frame, roots));
    }
    simulation.check_derived().expect("a derived part equals a rebuilt one");
    again_from_bytes(&frames);
}

/// The same frames over a world that was written and read after every fourth tick.
fn again_from_bytes(frames: &[(InputFrame<Command>, tickworld_sim::world::Roots)]) {
    let mut simulation = world();
    for (frame, roots) in frames {
        assert_eq!(&simulation.step(frame, &Inline).expect("it was taken before"), roots, "{} again", frame.tick);
        if frame.tick.0.is_multiple_of(4) {
            let world = World::<Rules>::from_bytes(&simulation.to_bytes()).expect("what was written is read");
            simulation = Simulation::resume(simulation.library().clone(), world);
        }
    }
}

fn frame(u: &mut Unstructured<'_>, simulation: &Simulation<Rules>) -> Result<InputFrame<Command>> {
    let tick = simulation.world().tick().next();
    let mut inputs = Vec::new();
    for player in 1..=PLAYERS {
        let id = PlayerId(player);
        let own = simulation.world().players().find(id).and_then(|it| it.entity);
        let act = match (tick.0, own) {
            (1, _) => Act::ENTER,
            (_, Some(own)) if u.ratio(1, 3)? => Act::Play(command(u, simulation, own)?),
            (_, None) if u.ratio(1, 8)? => Act::ENTER,
            (_, Some(_)) if u.ratio(1, 60)? => Act::Leave,
            _ => continue,
        };
        let number = if matches!(act, Act::Play(_)) { u32::try_from(tick.0).expect("few ticks") } else { 0 };
        inputs.push(Input { player: id, sequence: Sequence(number), act });
    }
    Ok(InputFrame::new(tick, entropy(tick), inputs))
}

fn entropy(tick: Tick) -> Entropy {
    Entropy::from_bytes((u128::from(tick.0) << 64 | 0x5eed).to_le_bytes())
}

/// A sensible command, or any bytes that are one.
fn command(u: &mut Unstructured<'_>, simulation: &Simulation<Rules>, own: Entity) -> Result<Command> {
    if u.ratio(1, 2)? {
        let rules = simulation.library().find(ContentId::NONE).expect("the library holds it");
        let mut rng = StreamKey::new(&entropy(Tick(0)), u.arbitrary()?, "fuzz").rng(0);
        return Ok(tickworld_rules::bot::random_command(&mut rng, simulation.state(), rules, own));
    }
    let mut bytes = vec![0; Command::SIZE];
    let given = u.int_in_range(1..=Command::SIZE)?.min(u.len());
    u.fill_buffer(&mut bytes[..given])?;
    bytes[0] %= 9;
    Ok(Command::decode(&bytes).unwrap_or(Command::Stop))
}
