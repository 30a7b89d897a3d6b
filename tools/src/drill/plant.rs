//! [`Plant`]: what was planted, in words that can be laid beside what a diff says.

use serde::Serialize;

use super::rows::Place;

/// What to plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// One bit of one field of one row, after the system that wrote it last
    Flip,
    /// What a system wrote is undone: in one row, or everything
    Skip,
    /// Two players' inputs, or two rows that a system wrote, change places
    Swap,
    /// Somebody who was just spawned is gone
    LostSpawn,
    /// One bit of the tick's entropy, so that its dice fall otherwise
    AlteredDraw,
    /// Any of these, mostly flips
    Random,
}

impl Kind {
    /// The word on the command line: `lost-spawn`.
    pub(crate) fn argument(self) -> String {
        self.word().replace(' ', "-")
    }

    /// The word for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Flip => "flip",
            Self::Skip => "skip",
            Self::Swap => "swap",
            Self::LostSpawn => "lost spawn",
            Self::AlteredDraw => "altered draw",
            Self::Random => "random",
        }
    }
}

/// A fault, as it was planted.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Plant {
    /// The kind of fault.
    pub(crate) kind: Kind,
    /// The tick that it was planted in.
    pub(crate) tick: u64,
    /// After which system; none where the fault lies in what systems were given.
    pub(crate) system: Option<String>,
    /// The entity whose row it is, if it is one's: `17v1`.
    pub(crate) entity: Option<String>,
    /// Which field, if it is a single one (or the first of a row).
    pub(crate) field: Option<Field>,
    /// What was done, for people.
    pub(crate) story: String,
}

/// A field of a row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Field {
    /// Its column; for an item of a list the list's.
    pub(crate) column: String,
    /// Its full name: `health.current`, `bag[1].count`.
    pub(crate) path: String,
    /// Where it is.
    #[serde(skip)]
    pub(crate) place: Place,
}

impl Field {
    /// The path without the positions of list items: what counts as one field of a component.
    pub(crate) fn general(&self) -> String {
        let mut general = String::new();
        let mut inside = false;
        for letter in self.path.chars() {
            match letter {
                '[' => {
                    inside = true;
                    general.push_str("[]");
                }
                ']' => inside = false,
                _ if !inside => general.push(letter),
                _ => {}
            }
        }
        general
    }
}
