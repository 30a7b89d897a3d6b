//! What was found out about an entry, and how it is written as YAML.
//!
//! Invariant: what is written compiles: names are slugs, lists are short enough, scalars are quoted where YAML asks for it.

use tickworld_content::{
    limits,
    model::{Ability, Dice, Feet, Shape, Usage},
};

use super::report::ImportReport;
use crate::text;

/// A condition to inflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InflictDraft {
    pub(super) condition: String,
    pub(super) rounds: u16,
    pub(super) repeat_save: bool,
    pub(super) escape_dc: u8,
}

/// A saving throw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SaveDraft {
    pub(super) ability: Ability,
    pub(super) dc: Option<u8>,
    pub(super) half: bool,
}

/// Damage of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DamageDraft {
    pub(super) dice: Dice,
    pub(super) add_ability: bool,
    pub(super) kind: String,
}

/// One group of effects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EffectDraft {
    pub(super) save: Option<SaveDraft>,
    pub(super) damage: Vec<DamageDraft>,
    pub(super) heal: Option<(Dice, bool)>,
    pub(super) conditions: Vec<InflictDraft>,
}

/// The creatures that an action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReachDraft {
    Actor,
    Targets { count: u8, range: u16 },
    Area { shape: Shape, range: u16 },
}

/// An attack roll; `bonus` as content writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttackDraft {
    pub(super) bonus: String,
    pub(super) reach: Option<u16>,
    pub(super) range: Option<(u16, u16)>,
    pub(super) magical: bool,
}

/// One action, as far as the input says what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActionDraft {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) reach: ReachDraft,
    pub(super) attack: Option<AttackDraft>,
    pub(super) effects: Vec<EffectDraft>,
    pub(super) usage: Usage,
    pub(super) weight: u16,
}

impl ActionDraft {
    /// Brings every number and list within what content may hold, and notes it: a typing mistake in the input must cost one
    /// fact, not the whole output.
    pub(super) fn within_limits(mut self, place: &str, report: &mut ImportReport) -> Self {
        let before = self.clone();
        if let Some(attack) = &mut self.attack {
            attack.reach = attack.reach.map(feet);
            attack.range = attack.range.map(|(near, far)| (feet(near.min(far)), feet(near.max(far))));
        }
        self.reach = match self.reach {
            ReachDraft::Actor => ReachDraft::Actor,
            ReachDraft::Targets { count, range } => ReachDraft::Targets { count: count.max(1), range: feet(range) },
            ReachDraft::Area { shape, range } => ReachDraft::Area { shape: area(shape), range: feet(range) },
        };
        for effect in &mut self.effects {
            if let Some(save) = &mut effect.save {
                save.dc = save.dc.map(|dc| dc.clamp(1, 100));
            }
            effect.damage.truncate(limits::DAMAGE_MAX);
            effect.conditions.truncate(limits::INFLICTS_MAX);
            effect.conditions.iter_mut().for_each(|it| it.escape_dc = it.escape_dc.min(100));
        }
        self.effects.truncate(limits::EFFECTS_MAX);
        if self != before {
            report.note("approximated: a number or list beyond what content may hold", place);
        }
        self
    }
}

fn feet(feet: u16) -> u16 {
    feet.min(limits::FEET_MAX)
}

/// No area is without size.
fn area(shape: Shape) -> Shape {
    let size = |size: Feet| Feet(size.0.clamp(1, limits::FEET_MAX));
    match shape {
        Shape::Sphere { radius } => Shape::Sphere { radius: size(radius) },
        Shape::Cone { length } => Shape::Cone { length: size(length) },
        Shape::Cube { side } => Shape::Cube { side: size(side) },
        Shape::Line { length, width } => Shape::Line { length: size(length), width: size(width) },
        // Shapes that prose is not read for.
        other => other,
    }
}

impl EffectDraft {
    pub(super) fn is_empty(&self) -> bool {
        self.damage.is_empty() && self.heal.is_none() && self.conditions.is_empty() && self.save.is_none()
    }
}

/// Lines of YAML.
#[derive(Default)]
pub(super) struct Yaml {
    pub(super) text: String,
}

impl Yaml {
    /// `key: value` at a depth.
    pub(super) fn line(&mut self, depth: usize, line: &str) {
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(super) fn field(&mut self, depth: usize, key: &str, value: &str) {
        self.line(depth, &format!("{key}: {value}"));
    }

    /// Whom, attack and effects of an action.
    pub(super) fn action_body(&mut self, depth: usize, action: &ActionDraft) {
        if let Some(attack) = &action.attack {
            self.field(depth, "attack", &flow_attack(attack));
        } else {
            match action.reach {
                ReachDraft::Actor => self.field(depth, "target", "self"),
                ReachDraft::Targets { range, .. } => self.field(depth, "range", &format!("{range} ft")),
                ReachDraft::Area { shape, range } => {
                    self.field(depth, "area", &text::write_area(shape));
                    if range > 0 {
                        self.field(depth, "range", &format!("{range} ft"));
                    }
                }
            }
        }
        if let ReachDraft::Targets { count, .. } = action.reach
            && count > 1
        {
            self.field(depth, "targets", &count.to_string());
        }
        self.effects(depth, "effects", &action.effects);
    }

    pub(super) fn effects(&mut self, depth: usize, key: &str, effects: &[EffectDraft]) {
        if effects.is_empty() {
            return;
        }
        self.line(depth, &format!("{key}:"));
        for effect in effects {
            let fields = effect_fields(effect);
            for (index, (key, value)) in fields.iter().enumerate() {
                self.line(depth + 1, &format!("{} {key}: {value}", if index == 0 { "-" } else { " " }));
            }
        }
    }
}

fn effect_fields(effect: &EffectDraft) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if let Some(save) = effect.save {
        let dc = save.dc.map(|dc| format!(" {dc}")).unwrap_or_default();
        let half = if save.half { " half" } else { "" };
        fields.push(("save", format!("{}{dc}{half}", text::write_ability(save.ability))));
    }
    if !effect.damage.is_empty() {
        let all: Vec<_> =
            effect.damage.iter().map(|it| format!("{} {}", roll(it.dice, it.add_ability), it.kind)).collect();
        fields.push(("damage", format!("[{}]", all.join(", "))));
    }
    if let Some((dice, add)) = effect.heal {
        fields.push(("heal", roll(dice, add)));
    }
    if !effect.conditions.is_empty() {
        let all: Vec<_> = effect.conditions.iter().map(flow_inflict).collect();
        fields.push(("conditions", format!("[{}]", all.join(", "))));
    }
    fields
}

fn roll(dice: Dice, add_ability: bool) -> String {
    format!("{}{}", text::write_dice(dice), if add_ability { "+ability" } else { "" })
}

fn flow_inflict(it: &InflictDraft) -> String {
    let mut text = format!("{{inflict: {}", it.condition);
    if it.rounds > 0 {
        text.push_str(&format!(", rounds: {}", it.rounds));
    }
    if it.repeat_save {
        text.push_str(", repeat_save: true");
    }
    if it.escape_dc > 0 {
        text.push_str(&format!(", escape_dc: {}", it.escape_dc));
    }
    text.push('}');
    text
}

/// `{bonus: 4, reach: 5 ft, range: 80/320 ft}`.
pub(super) fn flow_attack(attack: &AttackDraft) -> String {
    let mut text = format!("{{bonus: {}", attack.bonus);
    if let Some(reach) = attack.reach {
        text.push_str(&format!(", reach: {reach} ft"));
    }
    match attack.range {
        Some((near, far)) if near == far => text.push_str(&format!(", range: {near} ft")),
        Some((near, far)) => text.push_str(&format!(", range: {near}/{far} ft")),
        None => {}
    }
    if attack.magical {
        text.push_str(", magical: true");
    }
    text.push('}');
    text
}

/// A name as a YAML scalar: plain where that cannot be mistaken for anything else.
pub(super) fn quoted(name: &str) -> String {
    let mut name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() {
        name.push_str("Unnamed");
    }
    while name.len() > limits::NAME_BYTES_MAX {
        name.pop();
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '\'' | '-' | '(' | ')' | '/');
    let word = matches!(name.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "null");
    if name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.trim() == name && !word {
        name
    } else {
        serde_json::Value::String(name).to_string()
    }
}
