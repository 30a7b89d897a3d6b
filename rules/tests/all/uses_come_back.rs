//! Uses of one day come back together: with the first turn from the tick on that was noted with the first of them.

use crate::common::{RED, class, frame, pass, played, rect, step, world_of};
use tickworld_rules::{
    Command, ContentKey, SetUp,
    components::{Act as Deeds, Back},
    settings::Settings,
};
use tickworld_sim::{frame::Act, math::Vec2};

const DAY: u32 = 900;

#[test]
fn a_day_is_noted_as_a_tick() {
    let set_up = SetUp {
        settings: Settings { day_ticks: DAY, ..Settings::of_map(30, 30) },
        classes: vec![class(rect(10, 10, 1, 1), RED)],
        ..SetUp::of_map(30, 30)
    };
    let mut sim = world_of(&set_up);
    let enters = frame(&sim, 1, &[(1, Act::ENTER)]);
    step(&mut sim, &enters);
    pass(&mut sim, 1, 180);
    let me = played(&sim, 1).expect("plays somebody");
    let row = sim.state().entities.row(me).expect("who lives");
    let mend = Deeds::Spell { key: ContentKey::of("spell", "mend") };
    let mut days = Vec::new();
    while sim.world().tick().0 < 2 * u64::from(DAY) {
        let is_ready = sim.state().turn.get(row).is_some_and(|turn| turn.ready);
        let acts = [(1, Act::Play(Command::Use { act: mend, target: Some(me), place: Vec2::ZERO }))];
        let asks = frame(&sim, 1, &acts[..usize::from(is_ready)]);
        step(&mut sim, &asks);
        let tick = sim.world().tick().0;
        for it in sim.state().spent.iter(row) {
            let Back::Day { until_tick } = it.back else { panic!("{it:?} is no slot") };
            assert_eq!(until_tick % u64::from(DAY), 0, "a day begins then");
            assert!(until_tick > tick || tick - until_tick < 180, "{it:?} in tick {tick}: a turn was there since");
            if !days.contains(&until_tick) {
                days.push(until_tick);
            }
        }
    }
    assert_eq!(days, [u64::from(DAY), 2 * u64::from(DAY)]);
}
