//! One JSON action to the actions it stands for: variants and options become actions of their own.
//!
//! Numbers come from the structured fields; reach, area, riders and which damage depends on the save come from the prose.
//! Where only one of both has a fact, that one is taken.

use serde_json::Value;
use tickworld_content::model::Usage;

use super::{
    draft::{ActionDraft, AttackDraft, DamageDraft, EffectDraft, ReachDraft, SaveDraft},
    json, prose,
    report::ImportReport,
};
use crate::text;

/// What an action needs to know of its owner.
pub(super) struct Owner<'a> {
    /// The entry that it belongs to, such as `creature/goblin`.
    pub(super) place: &'a str,
    /// Its weapon attacks count as magical.
    pub(super) magic_weapons: bool,
}

/// All actions that one JSON action stands for; empty where nothing of it can be expressed.
pub(super) fn actions(owner: &Owner<'_>, action: &Value, report: &mut ImportReport) -> Vec<ActionDraft> {
    let title = json::text(action, "name").unwrap_or_else(|| "Action".to_owned());
    let title = title.split('(').next().unwrap_or(&title).trim().to_owned();
    let place = format!("{}: {title}", owner.place);
    let desc = prose::normal(&json::prose(action, "desc"));
    let usage = usage(action, &place, report);
    let options = option_list(action, "options");
    if !options.is_empty() {
        if usage != Usage::AtWill {
            report.note("approximated: options that share one recharge each have their own", &place);
        }
        return options.iter().filter_map(|option| self::option(owner, option, &desc, usage, report)).collect();
    }
    let variants = variants(action, &place, report);
    let many = variants.len() > 1;
    let mut drafts = Vec::new();
    for (suffix, damage) in variants {
        let name = if suffix.is_empty() { title.clone() } else { format!("{title} ({suffix})") };
        let facts = Facts {
            title: &name,
            desc: &desc,
            damage,
            dc: action.get("dc"),
            bonus: json::int(action, "attack_bonus"),
            many,
        };
        drafts.extend(draft(owner, &facts, usage, report));
    }
    drafts
}

/// The options of an object such as `{choose: 1, from: {options: [...]}}`, also of older shapes.
pub(super) fn option_list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).map_or(&[], option_set)
}

fn option_set(set: &Value) -> &[Value] {
    match set.get("from") {
        Some(from @ Value::Object(_)) => json::list(from, "options"),
        Some(Value::Array(list)) => list,
        _ => set.as_array().map_or(&[], Vec::as_slice),
    }
}

fn option(
    owner: &Owner<'_>,
    option: &Value,
    desc: &str,
    usage: Usage,
    report: &mut ImportReport,
) -> Option<ActionDraft> {
    let name = json::text(option, "name").unwrap_or_else(|| "Option".to_owned());
    let needle = format!("{}.", prose::normal(&name));
    // Each option's text begins with its name and ends where the next one begins.
    let own = desc.find(&needle).and_then(|at| desc.get(at + needle.len()..)).unwrap_or(desc);
    let end = own.match_indices(" breath. ").map(|(at, _)| at).find(|&at| own[..at].contains('.'));
    let own = end.and_then(|at| own.get(..at)).unwrap_or(own);
    let damage = json::list(option, "damage").iter().filter_map(damage).collect();
    let facts = Facts { title: &name, desc: own, damage, dc: option.get("dc"), bonus: None, many: false };
    draft(owner, &facts, usage, report)
}

/// The structured part of one variant.
struct Facts<'a> {
    title: &'a str,
    desc: &'a str,
    damage: Vec<JsonDamage>,
    dc: Option<&'a Value>,
    bonus: Option<i64>,
    many: bool,
}

/// One entry of `damage`, with the save that it has of its own.
#[derive(Clone)]
struct JsonDamage {
    draft: DamageDraft,
    save: Option<SaveDraft>,
}

fn damage(value: &Value) -> Option<JsonDamage> {
    let dice = json::text(value, "damage_dice").or_else(|| json::text(value, "damage_bonus"))?;
    let (dice, _) = text::parse_damage_roll(&dice).ok()?;
    let kind = json::damage_type(value)?;
    Some(JsonDamage { draft: DamageDraft { dice, add_ability: false, kind }, save: value.get("dc").and_then(save) })
}

/// A JSON `dc`.
pub(super) fn save(value: &Value) -> Option<SaveDraft> {
    let ability = prose::ability(&json::field_reference(value, "dc_type")?)?;
    let dc = json::int(value, "dc_value").and_then(|dc| u8::try_from(dc).ok()).filter(|dc| (1..=100).contains(dc));
    let success = json::text(value, "success_type").or_else(|| json::text(value, "dc_success"));
    Some(SaveDraft { ability, dc, half: success.as_deref() == Some("half") })
}

/// Lists of damage that stand beside each other: one for each choice.
fn variants(action: &Value, place: &str, report: &mut ImportReport) -> Vec<(String, Vec<JsonDamage>)> {
    let mut all = vec![(String::new(), Vec::new())];
    for entry in json::list(action, "damage") {
        let options = option_set(entry);
        if options.is_empty() {
            match damage(entry) {
                Some(it) => all.iter_mut().for_each(|(_, list)| list.push(it.clone())),
                None => report.note("damage without dice or type", place),
            }
            continue;
        }
        let before = std::mem::take(&mut all);
        for (index, option) in options.iter().enumerate() {
            let Some(it) = damage(option) else {
                report.note("damage without dice or type", place);
                continue;
            };
            let notes = json::text(option, "notes").unwrap_or_default().to_lowercase();
            let suffix = match notes.as_str() {
                "one handed" | "one-handed" => String::new(),
                "two handed" | "two-handed" => "two hands".to_owned(),
                "" if index == 0 => String::new(),
                "" => it.draft.kind.clone(),
                _ => notes,
            };
            for (old, list) in &before {
                let suffix = if old.is_empty() { suffix.clone() } else { format!("{old} {suffix}") };
                all.push((suffix.trim().to_owned(), [list.as_slice(), std::slice::from_ref(&it)].concat()));
            }
        }
        if all.is_empty() {
            all = before;
        }
    }
    all
}

fn usage(action: &Value, place: &str, report: &mut ImportReport) -> Usage {
    let named = json::text(action, "name").unwrap_or_default().to_lowercase();
    let usage = action.get("usage").unwrap_or(&Value::Null);
    let kind = json::text(usage, "type").unwrap_or_default();
    let times = json::int(usage, "times").and_then(|it| u8::try_from(it).ok()).unwrap_or(1).max(1);
    let value = json::int(usage, "min_value").and_then(|it| u8::try_from(it).ok());
    match kind.as_str() {
        "per day" => Usage::PerDay(times),
        "recharge on roll" => Usage::Recharge(value.unwrap_or(6).clamp(2, 6)),
        "recharge after rest" => {
            report.note("approximated: recharge after a rest is once a day", place);
            Usage::PerDay(1)
        }
        _ => {
            let roll = named.split("recharge ").nth(1).and_then(json::leading_int);
            let day = named.split("/day").next().and_then(|it| it.rsplit('(').next()).and_then(json::leading_int);
            match (roll.and_then(|it| u8::try_from(it).ok()), day.and_then(|it| u8::try_from(it).ok())) {
                (Some(from @ 2..=6), _) => Usage::Recharge(from),
                (_, Some(times @ 1..)) if named.contains("/day") => Usage::PerDay(times),
                _ => Usage::AtWill,
            }
        }
    }
}

fn draft(owner: &Owner<'_>, facts: &Facts<'_>, usage: Usage, report: &mut ImportReport) -> Option<ActionDraft> {
    let place = format!("{}: {}", owner.place, facts.title);
    let head = prose::attack_head(facts.desc);
    let is_attack = facts.bonus.is_some() || (head.stated && head.bonus.is_some());
    if !is_attack && facts.dc.is_none() && facts.desc.contains("attack against") {
        // Swallowing: what happens follows from another attack's hit, and would be far too strong without it.
        report.note("an action that builds on the hit of another", &place);
        return None;
    }
    let effects = Outcome::read(facts, is_attack, &place, report).effects();
    if effects.is_empty() && !is_attack {
        report.note("action without an effect that the rules know", &place);
        return None;
    }
    let attack = is_attack.then(|| attack(owner, facts, &head, &place, report));
    let reach = match (&attack, prose::area(facts.desc)) {
        (Some(_), _) => ReachDraft::Targets { count: 1, range: 0 },
        (None, Some((shape, range))) => ReachDraft::Area { shape, range },
        (None, None) => {
            let range = prose::range(facts.desc).unwrap_or_else(|| {
                report.note("approximated: no range stated, 5 ft assumed", &place);
                5
            });
            ReachDraft::Targets { count: 1, range }
        }
    };
    let weight = match usage {
        Usage::AtWill if effects.iter().all(|it| it.damage.is_empty()) => 50,
        Usage::AtWill => 100,
        _ => 300,
    };
    Some(ActionDraft {
        slug: json::slug(facts.title),
        name: facts.title.to_owned(),
        reach,
        attack,
        effects,
        usage,
        weight,
    })
}

fn attack(
    owner: &Owner<'_>,
    facts: &Facts<'_>,
    head: &prose::AttackHead,
    place: &str,
    report: &mut ImportReport,
) -> AttackDraft {
    let bonus = facts.bonus.or(head.bonus.map(i64::from)).unwrap_or(0).clamp(-100, 100);
    if head.bonus.is_some_and(|stated| i64::from(stated) != bonus) {
        report.note("attack bonus: field and prose disagree, the field is taken", place);
    }
    let (mut reach, range) = (head.reach, head.range);
    if reach.is_none() && range.is_none() {
        report.note("approximated: no reach or range stated, 5 ft assumed", place);
        reach = Some(5);
    }
    if head.ranged && range.is_some() {
        reach = None;
    }
    AttackDraft { bonus: bonus.to_string(), reach, range, magical: head.spell || owner.magic_weapons }
}

/// What happens at once and what a save averts.
#[derive(Default)]
struct Outcome {
    always: EffectDraft,
    averted: EffectDraft,
}

impl Outcome {
    fn read(facts: &Facts<'_>, is_attack: bool, place: &str, report: &mut ImportReport) -> Self {
        let body = facts.desc.split_once("hit:").map_or(facts.desc, |(_, body)| body);
        let saves = prose::saves(body);
        let json_save = facts.dc.and_then(save).or_else(|| facts.damage.iter().find_map(|it| it.save));
        let stated =
            saves.iter().find(|(_, it)| json_save.is_none_or(|json| json.ability == it.ability) && it.dc.is_some());
        let save_at = stated.or(saves.first()).map_or(body.len(), |(place, _)| sentence_start(body, place.start));
        let mut save = json_save.or(stated.map(|(_, it)| *it));
        if let Some(save) = &mut save {
            save.half |= prose::halves(body.get(save_at..).unwrap_or_default());
            save.dc = save.dc.or(stated.and_then(|(_, it)| it.dc));
        }
        let mut outcome = Self::default();
        let mut used: Vec<std::ops::Range<usize>> = Vec::new();
        let mut prose_damage = prose::damages(body);
        for it in &facts.damage {
            let same = |known: &DamageDraft| known.dice == it.draft.dice && known.kind == it.draft.kind;
            let at = prose_damage.iter().position(|(_, known)| same(known)).map(|index| prose_damage.remove(index).0);
            let after_save = at.as_ref().map_or(!is_attack, |at| at.start >= save_at);
            let averted = save.is_some() && (it.save.is_some() || after_save);
            if averted { &mut outcome.averted } else { &mut outcome.always }.damage.push(it.draft.clone());
            used.extend(at);
        }
        let first_save_sentence = prose::sentences(body).into_iter().find(|it| it.end > save_at);
        for (at, it) in prose_damage {
            let in_sentence = first_save_sentence.as_ref().is_some_and(|sentence| at.start < sentence.end + 80);
            if save.is_some() && at.start >= save_at && in_sentence && outcome.averted.damage.is_empty() {
                outcome.averted.damage.push(it);
                used.push(at);
            } else if is_attack
                && at.start < save_at
                && belongs_to_hit(body, at.start, outcome.always.damage.is_empty())
            {
                outcome.always.damage.push(it);
                used.push(at);
            } else if !facts.many {
                report.note("damage under a condition that the rules do not know", place);
            }
        }
        outcome.conditions(body, save, save_at, is_attack, &mut used);
        if let Some((at, dice)) = prose::heal(body) {
            outcome.always.heal = Some((dice, false));
            used.push(at);
        }
        outcome.averted.save = save;
        outcome.leftovers(body, &used, &saves, place, report);
        outcome
    }

    fn conditions(
        &mut self,
        body: &str,
        save: Option<SaveDraft>,
        save_at: usize,
        is_attack: bool,
        used: &mut Vec<std::ops::Range<usize>>,
    ) {
        let repeats = prose::repeats(body);
        let mut escape = 0;
        for (at, mut it) in prose::inflicts(body) {
            if !is_attack && save.is_none() {
                continue;
            }
            escape = escape.max(it.escape_dc);
            let averted = save.is_some() && at.start >= save_at;
            if matches!(it.condition.as_str(), "restrained" | "grappled") && it.escape_dc == 0 && !averted {
                it.escape_dc = escape;
            }
            it.repeat_save = averted && repeats;
            if averted { &mut self.averted } else { &mut self.always }.conditions.push(it);
            used.push(at);
        }
    }

    /// Sentences in which nothing was found are counted, so that no rider is lost without a trace.
    fn leftovers(
        &self,
        body: &str,
        used: &[std::ops::Range<usize>],
        saves: &[(std::ops::Range<usize>, SaveDraft)],
        place: &str,
        report: &mut ImportReport,
    ) {
        let known = |sentence: &std::ops::Range<usize>| {
            used.iter()
                .chain(saves.iter().map(|(at, _)| at))
                .any(|at| at.start < sentence.end && at.end > sentence.start)
        };
        let left = prose::sentences(body).iter().filter(|sentence| !known(sentence)).count();
        if left > 0 {
            report.note("sentences beyond the facts that the rules know", format!("{place} ({left})"));
        }
        if self.averted.save.is_some() && self.averted.damage.is_empty() && self.averted.conditions.is_empty() {
            report.note("a save whose outcome the rules do not know", place);
        }
    }

    fn effects(self) -> Vec<EffectDraft> {
        [self.always, self.averted].into_iter().filter(|it| !it.is_empty()).collect()
    }
}

/// Whether damage that only the prose names belongs to the hit: it is the first, or joined to it by "plus".
fn belongs_to_hit(body: &str, at: usize, is_first: bool) -> bool {
    is_first || body.get(..at).is_some_and(|before| before.ends_with("plus "))
}

fn sentence_start(text: &str, at: usize) -> usize {
    // "...damage, and the target must make a DC 15 ...": the clause counts, not the sentence.
    text.get(..at).and_then(|before| before.rfind(['.', ','])).map_or(0, |end| end + 1)
}
