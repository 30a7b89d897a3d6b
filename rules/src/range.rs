//! Distances between creatures, and who is within an area.
//!
//! Invariant: distances are between middles, less what the sizes add beyond one cell each, so that two medium creatures in
//! neighbouring cells are one cell apart, and so are a dragon and a halfling that touch (SRD 5.1 p. 92).

use alloc::vec::Vec;

use tickworld_content::model::{ConditionEffect, Shape, Target};
use tickworld_sim::math::{Fx, Vec2};

use crate::{
    key::ContentKey,
    limits,
    realm::{LivingCreature, Realm},
    ruleset::{Ruleset, feet},
};

/// What the sizes of creatures add to every reach between them, in feet.
#[must_use]
pub fn girth(realm: &Realm, rules: &Ruleset, creatures: &[ContentKey]) -> Fx {
    let cells = creatures.iter().filter_map(|key| rules.creature(*key)).map(|(_, sheet)| i64::from(sheet.girth_cells));
    realm.settings.cell().saturating_mul(Fx::HALF).mul_int(cells.sum())
}

/// Whether two places are at most `distance` feet apart.
#[must_use]
#[inline]
pub fn within(a: Vec2, b: Vec2, distance: Fx) -> bool {
    let far = u128::from(u64::try_from(distance.to_bits()).unwrap_or(0));
    square_distance(a, b) <= far.saturating_mul(far)
}

/// Exact, on the bits; only places some 2^47 feet apart saturate, and they are not within anything.
#[inline]
fn square_distance(a: Vec2, b: Vec2) -> u128 {
    let square = |a: Fx, b: Fx| {
        let side = u128::from(a.to_bits().abs_diff(b.to_bits()));
        side.saturating_mul(side)
    };
    square(a.x, b.x).saturating_add(square(a.y, b.y))
}

/// Whether `target` is within `distance` feet of `actor`, their sizes taken into account.
#[must_use]
pub fn reaches(realm: &Realm, rules: &Ruleset, actor: &LivingCreature, target: &LivingCreature, distance: Fx) -> bool {
    let girth = girth(realm, rules, &[actor.creature.key, target.creature.key]);
    within(actor.place, target.place, distance.saturating_add(girth))
}

/// What the largest creature's size adds to every reach, in feet: who is within reach is found by looking so much farther.
#[must_use]
pub fn girth_max(realm: &Realm, rules: &Ruleset) -> Fx {
    realm.settings.cell().saturating_mul(Fx::HALF).mul_int(rules.girth_cells_max().into())
}

/// Whether an enemy who can act stands within a cell of `who`, or `target` does, whoever it is: what hinders ranged attacks
/// (SRD 5.1, "Ranged Attacks in Close Combat").
#[must_use]
pub fn is_pressed(realm: &Realm, rules: &Ruleset, who: &LivingCreature, target: &LivingCreature) -> bool {
    let cell = realm.settings.cell();
    let presses = |other: &LivingCreature| {
        other.row != who.row
            && reaches(realm, rules, who, other, cell)
            && !realm.has_effect(other.row, ConditionEffect::NoActions)
            && realm.obstacles.can_see(other.place, who.place)
    };
    if presses(target) {
        return true;
    }
    let radius = cell.saturating_add(girth(realm, rules, &[who.creature.key])).saturating_add(girth_max(realm, rules));
    let mut pressed = false;
    realm.grid.visit(who.place, radius, realm.factions.enemies_of(who.creature.faction), |member| {
        pressed = pressed || realm.living_in(member.row).is_some_and(|other| presses(&other));
    });
    pressed
}

/// An area laid on the map (SRD 5.1 p. 102).
#[derive(Clone, Copy, Debug)]
pub struct Area {
    shape: Shape,
    /// Where it starts: the actor, or the place aimed at.
    pub origin: Vec2,
    /// Unit vector from the actor to the place aimed at.
    axis: Vec2,
    /// It starts at the actor, who is not in it unless it is a sphere's middle; cubes then extend to one side.
    from_actor: bool,
}

impl Area {
    /// The area of an action used by one at `actor`, aimed at `place`; `None` for actions without an area.
    #[must_use]
    pub fn of(target: &Target, actor: Vec2, place: Vec2) -> Option<Self> {
        let Target::Area { shape, range } = *target else { return None };
        let from_actor = range.0 == 0;
        let axis = place.saturating_sub(actor).normalize().unwrap_or(Vec2::new(Fx::ONE, Fx::ZERO));
        Some(Self { shape, origin: if from_actor { actor } else { place }, axis, from_actor })
    }

    /// Whether the area begins at the one who makes it.
    #[must_use]
    pub const fn is_from_actor(&self) -> bool {
        self.from_actor
    }

    /// Whether a place is in it; `girth` is what its owner's size adds.
    #[must_use]
    pub fn holds(&self, place: Vec2, girth: Fx) -> bool {
        let offset = place.saturating_sub(self.origin);
        let (along, across) = (offset.dot(self.axis), self.axis.cross(offset).abs());
        let strip = |length: Fx, width: Fx| {
            along >= Fx::ZERO
                && along <= length.saturating_add(girth)
                && across.mul_int(2) <= width.saturating_add(girth.mul_int(2))
        };
        match self.shape {
            Shape::Sphere { radius } => within(self.origin, place, feet(radius).saturating_add(girth)),
            // As wide at any point as it is far from its origin.
            Shape::Cone { length } => strip(feet(length), along),
            Shape::Line { length, width } => strip(feet(length), feet(width)),
            Shape::Cube { side } if self.from_actor => strip(feet(side), feet(side)),
            Shape::Cube { side } => {
                let half = feet(side).saturating_mul(Fx::HALF).saturating_add(girth);
                offset.x.abs() <= half && offset.y.abs() <= half
            }
            _ => false,
        }
    }

    /// No point of it is farther than this from its origin.
    fn radius(&self) -> Fx {
        let farthest = match self.shape {
            Shape::Sphere { radius } => radius.0,
            Shape::Cone { length } => length.0,
            Shape::Line { length, width } => length.0.saturating_add(width.0),
            Shape::Cube { side } => side.0,
            _ => 0,
        };
        // A cone's corners lie sqrt(5)/2 of its length away, a cube's sqrt(5)/2 of its side: five quarters covers both.
        Fx::from_int(i32::from(farthest)).mul_int(5).saturating_div(Fx::from_int(4))
    }

    /// Living creatures in it that its origin can see, nearest to the origin first, the lower row of equals; at most
    /// [`limits::AREA_TARGETS_MAX`]. The one who makes an area that starts at them is left out.
    #[must_use]
    pub fn creatures(&self, realm: &Realm, rules: &Ruleset, actor: &LivingCreature) -> Vec<LivingCreature> {
        let mut near = Vec::new();
        let radius = self.radius().saturating_add(girth_max(realm, rules));
        realm.grid.visit(self.origin, radius, u32::MAX, |member| {
            if self.from_actor && member.row == actor.row {
                return;
            }
            near.extend(realm.living_in(member.row).map(|it| (square_distance(self.origin, it.place), it)));
        });
        near.sort_unstable_by_key(|(distance, it)| (*distance, it.row));
        let mut found = Vec::new();
        for (_, someone) in near {
            let girth = girth(realm, rules, &[someone.creature.key]);
            if self.holds(someone.place, girth) && realm.obstacles.can_see(self.origin, someone.place) {
                found.push(someone);
                if found.len() >= limits::AREA_TARGETS_MAX {
                    break;
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickworld_content::model::Feet;

    fn at(x: i32, y: i32) -> Vec2 {
        Vec2::new(Fx::from_int(x), Fx::from_int(y))
    }

    fn area(shape: Shape, range: u16, place: Vec2) -> Area {
        Area::of(&Target::Area { shape, range: Feet(range) }, at(100, 100), place).expect("it is an area")
    }

    #[test]
    fn shapes_hold_what_the_rules_say() {
        let cone = area(Shape::Cone { length: Feet(30) }, 0, at(200, 100));
        for (place, inside) in [
            (at(130, 100), true),
            (at(131, 100), false),
            (at(120, 110), true),
            (at(120, 111), false),
            (at(99, 100), false),
        ] {
            assert_eq!(cone.holds(place, Fx::ZERO), inside, "{place:?}");
        }
        let line = area(Shape::Line { length: Feet(60), width: Feet(5) }, 0, at(100, 200));
        assert!(line.holds(at(102, 160), Fx::ZERO) && !line.holds(at(103, 160), Fx::ZERO));
        let sphere = area(Shape::Sphere { radius: Feet(20) }, 150, at(150, 100));
        assert!(sphere.holds(at(162, 116), Fx::ZERO) && !sphere.holds(at(163, 116), Fx::ZERO));
        let cube = area(Shape::Cube { side: Feet(10) }, 60, at(150, 100));
        assert!(cube.holds(at(155, 95), Fx::ZERO) && !cube.holds(at(156, 100), Fx::ZERO));
    }
}
