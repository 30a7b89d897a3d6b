//! [`find_path`]: A* over the cells, then pulled straight.
//!
//! Invariant: the result depends on obstacles, start, goal and the cap alone: ties are broken by estimate, then by cell.
//! A diagonal step needs both its neighbours free, so no segment cuts a corner. Where the cap ends the search, the path leads
//! to the expanded cell nearest to the goal.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "cells of a map of at most 4,096 a side that were looked up as free, and costs of at most 2^24 steps"
)]

use alloc::{collections::BinaryHeap, vec, vec::Vec};
use core::cmp::Reverse;

use tickworld_sim::math::{Cell, Vec2};

use super::Obstacles;
use crate::{limits, settings::Settings};

/// Cost of a straight step; a diagonal one costs [`DIAGONAL`].
const STRAIGHT: u32 = 10;
/// About 10 times the root of two.
const DIAGONAL: u32 = 14;

/// The result of a path search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPath {
    /// Corners of the way, the first being the first to walk to; empty where no step is possible.
    pub waypoints: Vec<Vec2>,
    /// Whether a way to the goal was found, be it longer than the waypoints.
    pub reached: bool,
    /// Whether the last waypoint is the goal.
    pub complete: bool,
    /// Cells that the search expanded, at most the cap.
    pub nodes: u32,
}

/// Cells seen so far, by open addressing: never iterated, so its order cannot matter.
struct Seen {
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    /// Packed cell plus one; 0 is free.
    tag: u32,
    cost: u32,
    parent: u32,
    closed: bool,
}

impl Seen {
    fn new() -> Self {
        // Each expanded cell may open eight more; twice that leaves the table at most half full.
        Self { slots: vec![Slot { tag: 0, cost: 0, parent: 0, closed: false }; 1 << 10] }
    }

    fn place(slots: &[Slot], cell: u32) -> usize {
        let mask = slots.len() - 1;
        let mut at = (cell.wrapping_mul(0x9E37_79B1) >> 7_u32) as usize & mask;
        while slots[at].tag != 0 && slots[at].tag != cell + 1 {
            at = (at + 1) & mask;
        }
        at
    }

    fn slot(&mut self, cell: u32) -> &mut Slot {
        let at = Self::place(&self.slots, cell);
        &mut self.slots[at]
    }

    fn parent(&self, cell: u32) -> u32 {
        self.slots[Self::place(&self.slots, cell)].parent
    }

    /// Doubles the table while more than half of it may be taken.
    fn make_room(&mut self, taken: usize) {
        if taken * 2 <= self.slots.len() {
            return;
        }
        let mut wider = vec![Slot { tag: 0, cost: 0, parent: 0, closed: false }; self.slots.len() * 2];
        for slot in self.slots.iter().filter(|slot| slot.tag != 0) {
            let at = Self::place(&wider, slot.tag - 1);
            wider[at] = *slot;
        }
        self.slots = wider;
    }
}

const fn pack(cell: Cell) -> u32 {
    (cell.y as u32) << 12 | cell.x as u32
}

const fn unpack(cell: u32) -> Cell {
    Cell::new((cell & 0xFFF) as i32, (cell >> 12) as i32)
}

fn estimate(from: Cell, to: Cell) -> u32 {
    let (dx, dy) = (from.x.abs_diff(to.x), from.y.abs_diff(to.y));
    let (short, long) = if dx < dy { (dx, dy) } else { (dy, dx) };
    DIAGONAL * short + STRAIGHT * (long - short)
}

/// The way from `from` to `to`, expanding at most `nodes_max` cells.
#[must_use]
pub fn find_path(obstacles: &Obstacles, settings: &Settings, from: Vec2, to: Vec2, nodes_max: u32) -> FoundPath {
    let (start, goal) = (settings.cell_at(from), settings.cell_at(to));
    if obstacles.is_blocked(start) || obstacles.is_blocked(goal) {
        return FoundPath { waypoints: Vec::new(), reached: false, complete: false, nodes: 0 };
    }
    let (seen, last, nodes) = search(obstacles, start, goal, nodes_max);
    let mut cells = vec![last];
    while *cells.last().expect("never empty") != pack(start) {
        cells.push(seen.parent(*cells.last().expect("never empty")));
    }
    cells.reverse();
    let mut corners: Vec<Vec2> = cells.iter().map(|cell| unpack(*cell).center(settings.cell())).collect();
    let reached = last == pack(goal);
    if reached {
        corners.push(obstacles.inset(to));
    }
    let (waypoints, all) = straighten(obstacles, from, &corners);
    FoundPath { waypoints, reached, complete: reached && all, nodes }
}

fn search(obstacles: &Obstacles, start: Cell, goal: Cell, nodes_max: u32) -> (Seen, u32, u32) {
    let mut seen = Seen::new();
    let mut taken = 1;
    *seen.slot(pack(start)) = Slot { tag: pack(start) + 1, cost: 0, parent: pack(start), closed: false };
    let mut open = BinaryHeap::new();
    open.push(Reverse((estimate(start, goal), estimate(start, goal), pack(start))));
    let mut best = (estimate(start, goal), pack(start));
    let mut nodes = 0;
    while let Some(Reverse((_, left, at))) = open.pop() {
        let slot = seen.slot(at);
        if slot.closed {
            continue;
        }
        slot.closed = true;
        let cost = slot.cost;
        nodes += 1;
        best = best.min((left, at));
        if at == pack(goal) || nodes >= nodes_max {
            break;
        }
        seen.make_room(taken + 8);
        let cell = unpack(at);
        for near in cell.neighbours() {
            let diagonal = near.x != cell.x && near.y != cell.y;
            if obstacles.is_blocked(near)
                || diagonal
                    && (obstacles.is_blocked(Cell::new(near.x, cell.y))
                        || obstacles.is_blocked(Cell::new(cell.x, near.y)))
            {
                continue;
            }
            let cost = cost + if diagonal { DIAGONAL } else { STRAIGHT };
            let slot = seen.slot(pack(near));
            if slot.tag != 0 && (slot.closed || slot.cost <= cost) {
                continue;
            }
            taken += usize::from(slot.tag == 0);
            *slot = Slot { tag: pack(near) + 1, cost, parent: at, closed: false };
            let left = estimate(near, goal);
            open.push(Reverse((cost + left, left, pack(near))));
        }
    }
    (seen, best.1, nodes)
}

/// Leaves out corners that can be passed by; gives whether the last one is reached within [`limits::WAYPOINTS_MAX`].
fn straighten(obstacles: &Obstacles, from: Vec2, corners: &[Vec2]) -> (Vec<Vec2>, bool) {
    let mut waypoints = Vec::new();
    let mut here = from;
    let mut next = 0;
    while next < corners.len() {
        if waypoints.len() >= limits::WAYPOINTS_MAX {
            return (waypoints, false);
        }
        // Within one free cell, and from its middle to the next one's, every line is free: `next` itself always can be walked to.
        let mut reach = next;
        while reach + 1 < corners.len() && obstacles.can_walk(here, corners[reach + 1]) {
            reach += 1;
        }
        here = corners[reach];
        waypoints.push(here);
        next = reach + 1;
    }
    (waypoints, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Wall;
    use tickworld_sim::math::Fx;

    fn at(x: i32, y: i32) -> Vec2 {
        Vec2::new(Fx::from_int(x), Fx::from_int(y))
    }

    #[test]
    fn a_way_around_a_wall_is_found_and_free() {
        let settings = Settings::of_map(40, 40);
        let mut obstacles = Obstacles::of_map(settings);
        obstacles.block(&Wall { x: 20, y: 0, width: 1, height: 39 });
        let found = find_path(&obstacles, &settings, at(52, 12), at(152, 12), 4096);
        assert!(found.complete);
        let mut here = at(52, 12);
        for waypoint in &found.waypoints {
            for part in 0..=100 {
                assert!(!obstacles.is_blocked_at(here.lerp(*waypoint, Fx::from_ratio(part, 100))));
            }
            here = *waypoint;
        }
        assert_eq!(here, at(152, 12));
        assert!(found.waypoints.len() <= 6, "pulled straight: {:?}", found.waypoints);
    }

    #[test]
    fn a_capped_search_leads_nearer() {
        let settings = Settings::of_map(100, 100);
        let obstacles = Obstacles::of_map(settings);
        let found = find_path(&obstacles, &settings, at(12, 12), at(452, 452), 20);
        assert!(!found.complete && found.nodes == 20);
        let end = found.waypoints.last().expect("it got somewhere");
        assert!(end.distance(at(452, 452)) < at(12, 12).distance(at(452, 452)));
    }

    #[test]
    fn no_way_leads_out_of_a_closed_room() {
        let settings = Settings::of_map(20, 20);
        let mut obstacles = Obstacles::of_map(settings);
        obstacles.block(&Wall { x: 0, y: 5, width: 6, height: 1 });
        obstacles.block(&Wall { x: 5, y: 0, width: 1, height: 6 });
        let found = find_path(&obstacles, &settings, at(12, 12), at(80, 80), 4096);
        assert!(!found.complete && found.nodes == 25);
    }
}
