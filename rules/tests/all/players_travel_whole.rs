//! A character that leaves for the archive comes back whole, here or in another world: what is kept, what goes on for as long as it had
//! left, and what stays behind, as the table in README.md says.

use std::collections::BTreeMap;

use crate::common::{
    BLUE, RED, affliction, class, creature, deal, find, frame, group, item,
    journey::{Rows, back, changed, column, waiting},
    pass, played, put, rect, step, world_of,
};
use tickworld_rules::{
    Command, ContentKey, Event, Realm, Rules, SetUp,
    components::{
        Act as Deeds, Affliction, Back, Balked, Blow, Controlled, Creature, Deed, Errand, Health, Intent, Motion,
        Position, RepeatSave, Rest, Rising, Seeking, Spent, Target, Turn,
    },
    invariants,
    items::{Equipment, Purse, Stack},
    limits,
    settings::{Faction, Settings},
};
use tickworld_sim::{
    component::Component,
    entity::{Entity, Row},
    executor::Inline,
    frame::{Act, InputFrame, PlayerId},
    math::{Fx, Vec2},
    region::RegionId,
    schema::RowKind,
    simulation::Simulation,
    world::World,
};

const DAY: u32 = 900;

fn at(x: i32, y: i32) -> Vec2 {
    Vec2::new(Fx::from_int(x), Fx::from_int(y))
}

fn handle(index: u32, generation: u32) -> Entity {
    Entity::decode(&[index.to_le_bytes(), generation.to_le_bytes()].concat()).expect("any numbers")
}

/// A world without enemies at this tick, whose players enter in the given cell.
fn world_at(tick: u64, x: u16) -> Simulation<Rules> {
    let set_up = SetUp {
        settings: Settings { day_ticks: DAY, rest_ticks: 400, ..Settings::of_map(30, 30) },
        enemies: vec![(RED, BLUE)],
        classes: vec![class(rect(x, 10, 1, 1), RED)],
        ..SetUp::of_map(30, 30)
    };
    let mut sim = world_of(&set_up);
    pass(&mut sim, 5, tick);
    sim
}

/// Lets player 1 in and waits until they have an action at hand.
fn enter(sim: &mut Simulation<Rules>) -> (Entity, Row) {
    let enters = frame(sim, 1, &[(1, Act::ENTER)]);
    step(sim, &enters);
    pass(sim, 1, 180);
    own(sim)
}

fn own(sim: &Simulation<Rules>) -> (Entity, Row) {
    let entity = played(sim, 1).expect("plays somebody");
    (entity, sim.state().entities.row(entity).expect("who lives"))
}

/// Sends player 1 to the archive; gives whether they left.
fn send_away(sim: &mut Simulation<Rules>) -> bool {
    let leaves = frame(sim, 1, &[(1, Act::TimeOut), (1, Act::Archive)]);
    step(sim, &leaves);
    sim.world().players().find(PlayerId(1)).expect("known").departed_to == Some(RegionId::ARCHIVE)
}

/// Has player 1 come back into `there`, and gives the world as the systems of that tick found it.
fn come_back(there: &mut Simulation<Rules>, hops: u64, parcel: &[u8]) -> Simulation<Rules> {
    let returns = frame(there, 1, &[(1, back(hops, parcel))]);
    let mut found = None;
    let mut observer = |system: &'static str, world: &mut World<Rules>| {
        if system == "session" {
            found = Some(world.clone());
        }
    };
    there.advance_observed(&returns, &Inline, Some(&mut observer)).expect("the next tick");
    Simulation::resume(there.library().clone(), found.expect("every tick begins"))
}

/// A character with something of everything that may go along.
fn laden() -> (Simulation<Rules>, Row) {
    let mut sim = world_at(100, 10);
    let (me, row) = enter(&mut sim);
    let now = sim.world().tick().0;
    let save = Some(RepeatSave { ability: 4, difficulty: 200 });
    let mine = |condition, expiry_tick, save| {
        let affliction = Affliction { expiry_tick, save, ..affliction(condition, me) };
        Blow::Inflict { affliction }
    };
    let blows = [("poisoned", Some(now + 41), None), ("restrained", Some(now + 141), save), ("frightened", None, save)];
    deal(&mut sim, 1, row, &blows.map(|(condition, expiry, save)| mine(condition, expiry, save)));
    let state = sim.world_mut().state_mut();
    state.health.modify(row, |health| health.current = 17);
    state.purse.set(row, Purse(431));
    state.rising.set(row, Rising { until_tick: now + 60 });
    state.rest.set(row, Rest { until_tick: now + 390 });
    let spent = |name, count, back| Spent { key: ContentKey::of("slot", name), count, back };
    state.spent.push(row, spent("1", 2, Back::Day { until_tick: now + 100 })).expect("room");
    state.spent.push(row, spent("2", 1, Back::Roll { from: 1 })).expect("room");
    state.bag.push(row, Stack { item: ContentKey(77), count: 3 }).expect("room");
    (sim, row)
}

/// The rows of an entity by the names of their columns.
fn rows(realm: &Realm, row: Row) -> BTreeMap<&'static str, String> {
    let mut rows = BTreeMap::new();
    macro_rules! show {
        ($($name:ident)*) => {
            $( rows.insert(stringify!($name), realm.$name.get(row).map_or(String::new(), |it| format!("{it:?}"))); )*
        };
    }
    macro_rules! show_lists {
        ($($name:ident)*) => {
            $( rows.insert(stringify!($name), realm.$name.iter(row).map(|it| format!("{it:?} ")).collect()); )*
        };
    }
    show! {
        creature controlled origin position health turn target motion seeking errand balked status rising intent corpse
        rest deed struck purse equipment ground_item wall spawner class exit
    }
    show_lists! { path affliction spent blow bag }
    rows
}

/// What the table in README.md says of each column.
fn table() -> Vec<(&'static str, &'static str)> {
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("TRAVEL -->\n```text\n").expect("the table is there");
    let (table, _) = table.split_once("```").expect("and ends");
    let mut lines = table.lines().map(str::split_whitespace);
    lines.by_ref().map(|mut words| (words.next().expect("a name"), words.next().expect("a verdict"))).collect()
}

/// A new column must decide.
#[test]
fn the_table_has_every_column_once_and_in_order() {
    let (sim, row) = laden();
    let schema = sim.schema();
    let first = schema.columns.iter().position(|column| column.name.starts_with("entities")).expect("is there");
    let mut names: Vec<&str> = Vec::new();
    for column in &schema.columns[first..] {
        let name = column.name.split('.').next().expect("a name");
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    assert_eq!(table().iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    let shown = rows(sim.state(), row);
    for column in &schema.columns[first..] {
        let is_row = column.rows == RowKind::Entity && !column.name.starts_with("entities");
        assert!(!is_row || shown.contains_key(&*column.name), "{} is compared", column.name);
    }
}

/// In another world at another tick, and in the same world later on.
#[test]
fn what_is_kept_moved_made_anew_and_left_behind() {
    for (later, x) in [(0, 20), (777, 20), (1_234, 10)] {
        let (mut here, row) = laden();
        let now = here.world().tick().0 - 1;
        let (me, _) = own(&here);
        let mut stays = here.clone();
        // What no player has, or loses when they time out, is there when they leave: after the last system.
        let mut busy = |system: &'static str, world: &mut World<Rules>| {
            if system == "combat::decay" {
                let (state, goal, enemy) = (world.state_mut(), at(140, 55), handle(999, 1));
                state.target.set(row, Target(enemy));
                state.motion.set(row, Motion { goal, step: at(0, 0), arrival_tick: now + 500 });
                state.path.assign(row, &[goal]).expect("room");
                state.seeking.set(row, Seeking { goal, since_tick: now });
                state.errand.set(row, Errand { goal });
                state.balked.set(row, Balked { enemy, failures: 1, until_tick: now + 90 });
            }
        };
        let leaves = frame(&here, 1, &[(1, Act::TimeOut), (1, Act::Archive)]);
        let times_out = frame(&here, 1, &[(1, Act::TimeOut)]);
        here.advance_observed(&leaves, &Inline, Some(&mut busy)).expect("the next tick");
        stays.advance_observed(&times_out, &Inline, Some(&mut busy)).expect("the next tick");
        assert!(!here.state().entities.contains(me), "they left");
        assert_eq!(here.check_derived(), Ok(()));
        let left = here.world().tick().0;
        let (_, parcel) = waiting(&here).remove(0);
        let mut there = if x == 10 { here } else { world_at(50, x) };
        pass(&mut there, 1, later);
        let found = come_back(&mut there, 2, &parcel);
        assert_eq!(there.check_derived(), Ok(()));
        let (entity, came) = own(&found);
        let to = found.world().tick().0;
        assert!(
            there.world().events().iter().any(|it| matches!(it, Event::Arrived { entity: it, .. } if *it == entity))
        );

        let (before, after) = (rows(stays.state(), row), rows(found.state(), came));
        let mut seen = BTreeMap::new();
        for (name, verdict) in table() {
            let (Some(before), Some(after)) = (before.get(name), after.get(name)) else { continue };
            *seen.entry(verdict).or_insert(0) += 1;
            match verdict {
                "kept" => assert!(!before.is_empty() && before == after, "{name}: {before} became {after}"),
                "moved" | "anew" => assert!(!after.is_empty(), "{name} is there"),
                "left" | "here" => assert!(after.is_empty(), "{name}: {after} came along"),
                other => panic!("{name}: what does {other} mean?"),
            }
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            [("anew", 3), ("here", 7), ("kept", 5), ("left", 10), ("moved", 5)]
        );
        for name in ["target", "motion", "path", "seeking", "errand", "balked"] {
            assert!(!before[name].is_empty(), "{name} was there to be left");
        }

        // The first tick here is the one after the last over there.
        let state = found.state();
        let ahead = |tick: u64| tick - (left + 1) + to;
        assert_eq!(state.controlled.get(came), Some(&Controlled(PlayerId(1))));
        let cell = |x: u16| state.settings.cell_at(at(i32::from(x) * 5, 50));
        assert_eq!(state.settings.cell_at(state.position.get(came).expect("stands").0), cell(x));
        assert_eq!(state.rising.get(came).map(|it| it.until_tick), Some(ahead(now + 60)));
        assert_eq!(state.rest.get(came).map(|it| it.until_tick), Some(ahead(now + 390)));
        let expiries: Vec<Option<u64>> = state.affliction.iter(came).map(|it| it.expiry_tick).collect();
        assert_eq!(expiries, [Some(ahead(now + 41)), Some(ahead(now + 141)), None]);
        assert!(state.affliction.iter(came).all(|it| it.source == entity));
        assert_eq!(state.status.get(came).and_then(|it| it.expiry_tick), Some(ahead(now + 41)));
        let (old, new) = (stays.state().turn.get(row).expect("has one"), state.turn.get(came).expect("has one"));
        assert!(old.ready && new.ready);
        let until = |phase: u32, tick: u64| (u64::from(phase) + 180 - tick % 180) % 180;
        assert_eq!(until(new.phase, to), until(old.phase, left + 1));
    }
}

/// What is seen of the passing of time.
fn signs(realm: &Realm, row: Row) -> [bool; 7] {
    let is_in = |name| realm.affliction.iter(row).any(|it| it.condition == ContentKey::of("condition", name));
    [
        is_in("poisoned"),
        is_in("restrained"),
        realm.rising.contains(row),
        realm.rest.contains(row),
        realm.spent.iter(row).any(|it| matches!(it.back, Back::Roll { .. })),
        realm.spent.iter(row).any(|it| matches!(it.back, Back::Day { .. })),
        realm.health.get(row).is_some_and(|it| it.current == it.maximum),
    ]
}

/// One who travels, and their twin who stays: their turns come, their conditions end and their rest is over after as many ticks.
#[test]
fn time_stands_still_on_the_way() {
    for later in [0, 333, 1_000] {
        let (mut here, row) = laden();
        let mut twin = here.clone();
        assert!(send_away(&mut here));
        let times_out = frame(&twin, 1, &[(1, Act::TimeOut)]);
        step(&mut twin, &times_out);
        let (_, parcel) = waiting(&here).remove(0);
        let mut there = world_at(1_000 + later, 20);
        let mut changes = 0;
        let mut last = None;
        for tick in 0..420 {
            let acts = [(1, back(2, &parcel))];
            let returns = frame(&there, 1, if tick == 0 { &acts[..] } else { &[] });
            step(&mut there, &returns);
            pass(&mut twin, 1, 1);
            let (_, came) = own(&there);
            let now = signs(there.state(), came);
            assert_eq!(now, signs(twin.state(), row), "{tick} ticks after, {later} later");
            changes += u32::from(last.is_some_and(|last| last != now));
            last = Some(now);
        }
        // Poison, bonds, rising, the roll and the day at turns, and the rest with all that it heals.
        assert!((4..=6).contains(&changes), "{changes} changes");
        assert_eq!(last, Some([false, false, false, false, false, false, true]));
    }
}

/// Whose uses come back by the day has them back with the first turn after as many ticks as were left, whatever day it is there.
#[test]
fn uses_of_a_day_come_back_after_as_many_ticks() {
    let (mut here, row) = laden();
    here.world_mut().state_mut().rest.remove(row);
    let day = |sim: &Simulation<Rules>, row| {
        let days = sim.state().spent.iter(row).filter_map(|it| match it.back {
            Back::Day { until_tick } => Some(until_tick),
            Back::Roll { .. } => None,
        });
        days.max()
    };
    let until = day(&here, row).expect("one is spent");
    assert!(send_away(&mut here));
    let (left, (_, parcel)) = (here.world().tick().0, waiting(&here).remove(0));
    // A day begins here before that, and there are no uses in it for who comes.
    let mut there = world_at(2 * u64::from(DAY) - 40, 20);
    let returns = frame(&there, 1, &[(1, back(2, &parcel))]);
    step(&mut there, &returns);
    let (_, came) = own(&there);
    let ahead = until - (left + 1) + there.world().tick().0;
    assert_eq!(day(&there, came), Some(ahead));
    while there.world().tick().0 + 1 < ahead {
        pass(&mut there, 1, 1);
        assert!(day(&there, came).is_some(), "in tick {}", there.world().tick().0);
    }
    pass(&mut there, 1, 180);
    assert_eq!(day(&there, came), None);
}

/// Who comes plays on: what they ask for is done, with the numbers that they had.
#[test]
fn who_comes_acts() {
    let (mut here, row) = laden();
    here.world_mut().state_mut().rest.remove(row);
    assert!(send_away(&mut here));
    let (_, parcel) = waiting(&here).remove(0);
    let mut there = world_at(900, 20);
    let comes = frame(&there, 1, &[(1, back(2, &parcel)), (1, Act::ENTER)]);
    step(&mut there, &comes);
    let (_, came) = own(&there);
    assert_eq!(there.state().purse.get(came), Some(&Purse(431)), "no class gives them coins again");
    let mend = Deeds::Spell { key: ContentKey::of("spell", "mend") };
    let asks =
        frame(&there, 1, &[(1, Act::Play(Command::Use { act: mend, target: played(&there, 1), place: at(0, 0) }))]);
    step(&mut there, &asks);
    assert!(there.state().health.get(came).expect("lives").current > 17, "mended");
    let count =
        |level| there.state().spent.iter(came).find(|it| it.key == ContentKey::of("slot", level)).map(|it| it.count);
    assert_eq!(count("1"), Some(3), "a slot more than they had spent over there");
    let drops = frame(&there, 1, &[(1, Act::Play(Command::Drop { item: ContentKey(77), count: 2 }))]);
    step(&mut there, &drops);
    let left = there.state().bag.iter(came).find(|it| it.item == ContentKey(77)).map(|it| it.count);
    assert_eq!(left, Some(1), "what the content does not know is theirs all the same");
}

/// Coins that come and go with a parcel are seen, one more or less of them, too.
#[test]
fn coins_of_parcels_are_counted() {
    let off_by = |world: &World<Rules>, by: i64| {
        let mut world = world.clone();
        let mut row = None;
        tickworld_sim::join::join((&world.state().purse,)).for_each(|at, _| row = Some(at));
        let row = row.expect("somebody has a purse");
        world.state_mut().purse.modify(row, |purse| purse.0 = purse.0.saturating_add_signed(by));
        world
    };
    let mut here = world_at(100, 10);
    let enters = frame(&here, 1, &[(1, Act::ENTER), (2, Act::ENTER)]);
    step(&mut here, &enters);
    pass(&mut here, 1, 180);
    let before = here.snapshot();
    let leaves = frame(&here, 1, &[(1, Act::TimeOut), (1, Act::Archive)]);
    step(&mut here, &leaves);
    assert_eq!((invariants::coins(here.state()), invariants::coins_under_way(here.world())), (500, 500));
    let law = |frame: &InputFrame<Command>, before: &World<Rules>, now: &World<Rules>| {
        invariants::coins_are_only_moved(frame, before, now, false).is_none()
    };
    assert!(law(&leaves, &before, here.world()));
    assert!(!law(&leaves, &before, &off_by(here.world(), 1)) && !law(&leaves, &before, &off_by(here.world(), -1)));
    let (_, parcel) = waiting(&here).remove(0);
    let mut there = world_at(50, 20);
    let before = there.snapshot();
    let comes = frame(&there, 1, &[(1, back(2, &parcel)), (1, Act::ENTER)]);
    step(&mut there, &comes);
    assert!(law(&comes, &before, there.world()));
    assert!(!law(&comes, &before, &off_by(there.world(), -1)));
    // Whoever enters may bring coins as a newcomer does: one more is seen where nobody enters.
    let quiet = frame(&there, 1, &[(1, back(2, &parcel))]);
    assert!(law(&quiet, &before, there.world()) && !law(&quiet, &before, &off_by(there.world(), 1)));
    // A parcel that is not taken in brings nothing.
    let before = there.snapshot();
    let again = frame(&there, 1, &[(1, back(2, &parcel))]);
    step(&mut there, &again);
    assert!(law(&again, &before, there.world()) && !law(&again, &before, &off_by(there.world(), 500)));
}

type Change<'c> = &'c dyn Fn(&mut Simulation<Rules>, Entity, Row);

#[test]
fn nobody_leaves_a_fight() {
    let foe = |sim: &Simulation<Rules>| find(sim.state(), "dummy");
    let stage = || {
        let mut set_up =
            SetUp { enemies: vec![(RED, BLUE)], classes: vec![class(rect(4, 10, 1, 1), RED)], ..SetUp::of_map(60, 30) };
        // Too far away to see anybody.
        set_up.groups.push(group("dummy", 1, rect(55, 10, 1, 1), BLUE));
        let mut sim = world_of(&set_up);
        let (me, row) = enter(&mut sim);
        (sim, me, row)
    };
    let stays: [(&str, Change<'_>); 6] = [
        ("somebody has them in mind", &|sim, me, _| {
            let (_, dummy) = foe(sim);
            let state = sim.world_mut().state_mut();
            state.target.set(dummy, Target(me));
            let place = state.position.get(dummy).expect("stands").0;
            let me_row = state.entities.row(me).expect("lives");
            put(sim, me_row, RED, place.saturating_add(at(-20, 0)));
        }),
        ("they acted since their turn", &|sim, _, row| {
            sim.world_mut().state_mut().turn.modify(row, |turn| turn.ready = false);
        }),
        ("they have asked for something", &|sim, me, row| {
            let deed =
                Deed { act: Deeds::Spell { key: ContentKey::of("spell", "mend") }, target: Some(me), place: at(0, 0) };
            let state = sim.world_mut().state_mut();
            state.turn.modify(row, |turn| turn.ready = false);
            state.intent.set(row, Intent { deed, asked_tick: 1 });
        }),
        ("somebody charmed them", &|sim, _, row| {
            let (dummy, _) = foe(sim);
            let now = sim.world().tick().0;
            let charm = Affliction { expiry_tick: Some(now + 500), ..affliction("charmed", dummy) };
            deal(sim, 1, row, &[Blow::Inflict { affliction: charm }]);
        }),
        ("who poisoned them is gone", &|sim, _, row| {
            let now = sim.world().tick().0;
            let poison = Affliction { expiry_tick: Some(now + 500), ..affliction("poisoned", handle(1_000, 7)) };
            deal(sim, 1, row, &[Blow::Inflict { affliction: poison }]);
        }),
        ("they are dead", &|sim, me, row| {
            deal(sim, 1, row, &[Blow::Damage { source: me, amount: 999, critical: false }]);
        }),
    ];
    for (why, change) in stays {
        let (mut sim, me, row) = stage();
        let peace = sim.clone();
        change(&mut sim, me, row);
        // Only what was changed keeps them.
        assert!(send_away(&mut peace.clone()), "{why}: not even in peace");
        assert!(!send_away(&mut sim), "{why}, and they left");
        assert_eq!(sim.check_derived(), Ok(()));
    }
    // They leave when it is over.
    let (mut sim, _, row) = stage();
    sim.world_mut().state_mut().turn.modify(row, |turn| turn.ready = false);
    assert!(!send_away(&mut sim));
    let round = (0..180).any(|_| {
        let again = frame(&sim, 1, &[(1, Act::Archive)]);
        step(&mut sim, &again);
        sim.world().players().find(PlayerId(1)).expect("known").departed_to.is_some()
    });
    assert!(round, "with their next turn");
}

/// Who has died and whose body is gone leaves as who they are, and has a new body when they come back.
#[test]
fn the_dead_travel_without_a_body() {
    let mut sim = world_at(10, 10);
    let (me, row) = enter(&mut sim);
    deal(&mut sim, 1, row, &[Blow::Damage { source: me, amount: 999, critical: false }]);
    assert!(!send_away(&mut sim));
    pass(&mut sim, 1, 180);
    assert!(send_away(&mut sim));
    let (_, parcel) = waiting(&sim).remove(0);
    let mut there = world_at(99, 20);
    let comes = frame(&there, 1, &[(1, back(2, &parcel)), (1, Act::ENTER)]);
    step(&mut there, &comes);
    let (_, came) = own(&there);
    assert_eq!(there.state().purse.get(came), Some(&Purse(500)));
}

/// A region without classes takes people in all the same; one without a free cell has no place for their bodies.
#[test]
fn every_map_has_some_place_of_entry() {
    let (mut here, _) = laden();
    assert!(send_away(&mut here));
    let (_, parcel) = waiting(&here).remove(0);
    let mut nowhere = SetUp::of_map(3, 3);
    let mut somewhere = nowhere.clone();
    nowhere.walls.push(rect(0, 0, 3, 3));
    somewhere.walls.extend([rect(0, 0, 3, 2), rect(0, 2, 2, 1)]);
    for (set_up, is_found) in [(somewhere, true), (nowhere, false)] {
        let mut there = world_of(&set_up);
        let comes = frame(&there, 1, &[(1, back(2, &parcel))]);
        step(&mut there, &comes);
        let entity = there.world().players().find(PlayerId(1)).expect("here").entity.expect("came with a body");
        let place = there.state().entities.row(entity).and_then(|row| there.state().position.get(row).copied());
        assert_eq!(place.map(|Position(place)| there.state().settings.cell_at(place).x), is_found.then_some(2));
        assert_eq!(there.check_derived(), Ok(()));
        pass(&mut there, 1, 10);
    }
}

/// What no rule writes is brought into its range, one by one.
#[test]
fn rows_beyond_reason_are_brought_into_their_ranges() {
    fn bytes<T: Component>(value: T) -> Vec<u8> {
        let mut bytes = vec![0; T::SIZE];
        value.encode(&mut bytes);
        bytes
    }
    let (mut here, _) = laden();
    assert!(send_away(&mut here));
    let (_, parcel) = waiting(&here).remove(0);
    let schema = here.schema().clone();
    let at = |name| column(&schema, name);
    let arrived = |change: &dyn Fn(&mut Rows)| {
        let parcel = changed(&parcel, |_, rows| change(rows));
        let mut there = world_at(500, 20);
        let found = come_back(&mut there, 2, &parcel);
        let row = played(&found, 1).and_then(|it| found.state().entities.row(it));
        (found, row)
    };
    let row = |name, value: Vec<u8>| {
        let (found, row) = arrived(&|rows| _ = rows.columns.entry(at(name)).or_default().insert(0, value.clone()));
        (found, row.expect("still a character"))
    };
    let list = |name, items: Vec<Vec<u8>>| {
        let (found, row) = arrived(&|rows| _ = rows.lists.entry(at(name)).or_default().insert(0, items.clone()));
        (found, row.expect("still a character"))
    };
    let without = |name| arrived(&|rows| _ = rows.columns.remove(&at(name)));

    for (from, to) in [((90, 60), (60, 60)), ((0, 60), (1, 60)), ((0, 0), (1, 1))] {
        let (found, row) = row("health", bytes(Health { current: from.0, maximum: from.1 }));
        assert_eq!(found.state().health.get(row), Some(&Health { current: to.0, maximum: to.1 }));
    }
    let (found, came) = row("creature", bytes(Creature { key: creature("hero"), faction: Faction(33) }));
    assert_eq!(found.state().creature.get(came).map(|it| it.faction), Some(BLUE));
    let (found, came) = row("creature", bytes(Creature { key: ContentKey(5), faction: RED }));
    assert_eq!(found.state().creature.get(came).map(|it| it.key), Some(ContentKey(5)), "a key is not rewritten");
    let (found, came) = row("turn", bytes(Turn { phase: u32::MAX, ready: true }));
    assert!(found.state().turn.get(came).expect("has one").phase < 180);
    let (found, came) = row("controlled", bytes(Controlled(PlayerId(9))));
    assert_eq!(found.state().controlled.get(came), Some(&Controlled(PlayerId(1))));
    let now = found.world().tick().0;
    let (found, came) = row("rest", bytes(Rest { until_tick: u64::MAX }));
    assert_eq!(found.state().rest.get(came), Some(&Rest { until_tick: now + 400 }));
    let (found, came) = row("rising", bytes(Rising { until_tick: u64::MAX }));
    assert_eq!(found.state().rising.get(came), Some(&Rising { until_tick: now + 180 }));

    let stack = |name, count| bytes(Stack { item: item(name), count });
    let (found, came) =
        list("bag", vec![stack("rope", 2), stack("rope", u32::MAX), stack("shield", 0), stack("rope", 5)]);
    let bag: Vec<Stack> = found.state().bag.iter(came).copied().collect();
    assert_eq!(bag, [Stack { item: item("rope"), count: 7 }]);
    assert!(!found.state().equipment.contains(came), "nothing of it is in the bag");
    let (found, came) = list("bag", (0..500).map(|key| bytes(Stack { item: ContentKey(key), count: 1 })).collect());
    assert_eq!(found.state().bag.len(came), limits::STACKS_MAX);
    let (found, came) = arrived(&|rows| {
        rows.lists.entry(at("bag")).or_default().insert(0, vec![stack("greatsword", 1), stack("shield", 1)]);
        let both = Equipment { weapon: Some(item("greatsword")), armor: None, shield: Some(item("shield")) };
        rows.columns.entry(at("equipment")).or_default().insert(0, bytes(both));
    });
    let worn = found.state().equipment.get(came.expect("came")).copied();
    assert_eq!(worn, Some(Equipment { weapon: Some(item("greatsword")), armor: None, shield: None }));

    // Own handles are number 0 in the parcel.
    let ill = |name, expiry_tick| bytes(Affliction { expiry_tick, ..affliction(name, handle(0, 0)) });
    let (found, came) =
        list("affliction", vec![ill("stunned", None), ill("stunned", Some(9)), ill("prone", Some(u64::MAX))]);
    let expiries: Vec<_> = found.state().affliction.iter(came).map(|it| it.expiry_tick).collect();
    assert_eq!(expiries, [Some(now + 10 * 180), Some(now + 65_535 * 180)], "no condition is for ever");
    let spent = |key, count, back| bytes(Spent { key: ContentKey(key), count, back });
    let late = Back::Day { until_tick: u64::MAX };
    let (found, came) = list(
        "spent",
        vec![spent(1, 0, late), spent(2, 255, Back::Roll { from: 9 }), spent(2, 1, late), spent(3, 1, late)],
    );
    let spents: Vec<Spent> = found.state().spent.iter(came).copied().collect();
    let second = Spent { key: ContentKey(2), count: 255, back: Back::Roll { from: 6 } };
    let back = Back::Day { until_tick: now + u64::from(DAY) };
    assert_eq!(spents, [second, Spent { key: ContentKey(3), count: 1, back }]);

    let (found, came) = without("health");
    assert_eq!(found.state().health.get(came.expect("came")).map(|it| it.current), Some(60), "as the stat block says");
    let (found, came) = without("purse");
    assert_eq!(found.state().purse.get(came.expect("came")), Some(&Purse(0)));
    assert!(without("turn").1.is_some() && without("position").1.is_some());
    let (found, came) = without("creature");
    assert!(
        came.is_none() && found.state().entities.len() == 1,
        "what is no creature is nobody: only the class is left"
    );
}
