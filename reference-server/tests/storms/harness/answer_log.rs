//! [`AnswerLog`]: what clients submitted and what they were told, written down outside the server.
//!
//! Invariant: it lives in another process than the server, so nothing that happens to the server changes it; an answer that
//! contradicts an earlier one is a finding at once.

use std::collections::BTreeMap;

use tickworld_ledger::Order;
use tickworld_proto::message::{Durability, Fate};
use tickworld_sim::{
    frame::{PlayerId, Sequence, Tick},
    session::OutcomeCode,
};

/// An input, wherever it is.
pub type Key = (PlayerId, Sequence);

/// What a client was told of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub fate: Fate,
    pub durability: Durability,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct AnswerLog {
    pub submitted: BTreeMap<Key, Order>,
    pub answers: BTreeMap<Key, Answer>,
    /// Why sessions broke off, in order.
    pub outages: Vec<String>,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl AnswerLog {
    pub(super) fn submit(&mut self, key: Key, transfer: Order) {
        if let Some(before) = self.submitted.insert(key, transfer) {
            self.wrong.push(format!("{key:?} was given to {before:?} and to {transfer:?}"));
        }
    }

    pub(super) fn answer(&mut self, key: Key, answer: Answer) {
        if !self.submitted.contains_key(&key) {
            self.wrong.push(format!("{key:?} was answered and never submitted"));
        }
        if let Some(before) = self.answers.insert(key, answer) {
            self.wrong.push(format!("{key:?} was answered twice: {before:?}, then {answer:?}"));
        }
    }

    /// As lines, for another process.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for ((player, sequence), order) in &self.submitted {
            let Order::Transfer { from, to, amount } = order else {
                panic!("load clients order transfers alone: {order:?}")
            };
            text.push_str(&format!("submitted {} {} {from} {to} {amount}\n", player.0, sequence.0));
        }
        for ((player, sequence), answer) in &self.answers {
            match answer.fate {
                Fate::Applied { tick, code, value } => {
                    text.push_str(&format!("applied {} {} {} {} {value}\n", player.0, sequence.0, tick.0, code.0));
                }
                Fate::Refused(why) => text.push_str(&format!("wrong {player:?} {sequence:?} was refused: {why:?}\n")),
            }
        }
        self.outages.iter().for_each(|why| text.push_str(&format!("outage {why}\n")));
        self.wrong.iter().for_each(|what| text.push_str(&format!("wrong {what}\n")));
        text
    }

    /// Of such lines.
    pub fn of_text(text: &str) -> Self {
        let mut answer_log = Self::default();
        for line in text.lines() {
            let (kind, rest) = line.split_once(' ').unwrap();
            match kind {
                "outage" => answer_log.outages.push(rest.to_owned()),
                "wrong" => answer_log.wrong.push(rest.to_owned()),
                _ => {
                    let numbers: Vec<i64> = rest.split(' ').map(|word| word.parse().unwrap()).collect();
                    let [player, sequence, a, b, c] = numbers[..] else { panic!("{line}") };
                    let key = (PlayerId(player as u64), Sequence(sequence as u32));
                    if kind == "submitted" {
                        answer_log.submit(key, Order::Transfer { from: a as u32, to: b as u32, amount: c as u32 });
                    } else {
                        let (tick, code) = (Tick(a as u64), OutcomeCode(b as u16));
                        let fate = Fate::Applied { tick, code, value: c };
                        answer_log.answer(key, Answer { fate, durability: Durability::Disk });
                    }
                }
            }
        }
        answer_log
    }

    /// Inputs that were submitted and have no answer.
    pub fn unanswered(&self) -> usize {
        self.submitted.len() - self.answers.len()
    }
}
