//! Content packs: where they come from, and what their entries are called.
//!
//! Invariant: a pack is used only after its reader has checked every byte of it and its id is the one that was asked for.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use tickworld_content::{
    model::{Key, Pack},
    shipped::SOURCES,
};
use tickworld_contentc::{Source, document::suggestion};
use tickworld_rules::{ContentKey, Ruleset};
use tickworld_sim::{
    content::{ContentId, Library},
    trace::{self, Trace},
};

use crate::{
    failure::{Failure, Outcome},
    files::{self, FileKind},
};

/// Where a pack comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackSource {
    /// The content inside this binary.
    Shipped,
    /// A pack file, or a folder of sources.
    Path(PathBuf),
}

/// A pack, ready for use.
#[derive(Clone, Debug)]
pub struct LoadedPack {
    /// Its id, as traces have it.
    pub id: ContentId,
    /// The pack file.
    pub bytes: Vec<u8>,
    /// What it holds.
    pub pack: Pack,
}

impl LoadedPack {
    /// Reads the bytes of a pack, which messages call `what`.
    pub fn read(bytes: Vec<u8>, what: &str) -> Outcome<Self> {
        let (id, pack) = Pack::from_bytes(&bytes).map_err(|error| {
            Failure::new(format!("{what}: {error}")).help("build it again with `tickworld content build DIR -o FILE`")
        })?;
        Ok(Self { id, bytes, pack })
    }

    /// A library of this pack alone.
    pub fn library(&self) -> Library<Ruleset> {
        Library::of(self.id, Ruleset::new(self.pack.clone()))
    }
}

impl PackSource {
    /// `shipped` is the content inside this binary, whatever lies at that path; a file or folder of that name is `./shipped`.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        if path.as_os_str() == "shipped" { Self::Shipped } else { Self::Path(path.to_owned()) }
    }

    /// Loads or compiles it.
    pub fn load(&self) -> Outcome<LoadedPack> {
        match self {
            Self::Shipped => shipped(),
            Self::Path(path) if path.is_dir() => {
                let compiled = tickworld_contentc::compile_dir(path)
                    .map_err(|list| Failure::of_sources(&format!("the content in {}", path.display()), list))?;
                LoadedPack::read(compiled.bytes, &path.display().to_string())
            }
            Self::Path(path) => read_pack(path),
        }
    }
}

/// The content inside this binary, as sources.
pub fn shipped_sources() -> Vec<Source> {
    SOURCES.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

/// The content inside this binary.
pub fn shipped() -> Outcome<LoadedPack> {
    let compiled = tickworld_contentc::compile(&shipped_sources())
        .map_err(|list| Failure::of_sources("the shipped content", list))?;
    LoadedPack::read(compiled.bytes, "the shipped content")
}

/// A pack file.
pub fn read_pack(path: &Path) -> Outcome<LoadedPack> {
    let mut file = std::fs::File::open(path).map_err(|error| files::cannot_open(path, &error, "pack"))?;
    let mut bytes = Vec::new();
    let limit = tickworld_content::limits::PACK_BYTES_MAX as u64 + 1;
    let read = Read::by_ref(&mut file).take(limit).read_to_end(&mut bytes);
    read.map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    match FileKind::of(bytes.get(..256).unwrap_or(&bytes)) {
        FileKind::Pack if !files::is_changed_in_transfer(&bytes) => {
            LoadedPack::read(bytes, &path.display().to_string())
        }
        _ => Err(files::wrong_kind(path, "content pack")),
    }
}

/// Every pack inside a trace.
pub fn packs_of<S>(trace: &mut Trace<S>, what: &str) -> Outcome<Vec<LoadedPack>>
where
    S: trace::Source,
    S::Error: std::fmt::Display,
{
    let mut packs = Vec::new();
    for id in trace.contents() {
        let bytes = trace.content(id).map_err(|error| Failure::new(format!("{what}: {error}")))?;
        let pack = LoadedPack::read(bytes.unwrap_or_default(), &format!("{what}: content {}", short(id)))?;
        if pack.id != id {
            let message =
                format!("{what}: the content inside is {}, the trace was made with {}", short(pack.id), short(id));
            return Err(Failure::new(message).help("the file was put together from two: record the trace again"));
        }
        packs.push(pack);
    }
    Ok(packs)
}

/// A library of several packs.
pub fn library<'p>(packs: impl IntoIterator<Item = &'p LoadedPack>) -> Library<Ruleset> {
    let mut library = Library::default();
    for pack in packs {
        if library.find(pack.id).is_none() {
            library.add(pack.id, Ruleset::new(pack.pack.clone()));
        }
    }
    library
}

/// The first digits of an id.
pub fn short(id: ContentId) -> String {
    id.0.short().to_string()
}

/// What the keys of packs are called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    titles: BTreeMap<u64, String>,
}

impl Names {
    /// The names of everything in these packs.
    pub fn of<'p>(packs: impl IntoIterator<Item = &'p LoadedPack>) -> Self {
        Self::of_packs(packs.into_iter().map(|loaded| &loaded.pack))
    }

    /// The names of everything in one pack.
    #[must_use]
    pub fn of_pack(pack: &Pack) -> Self {
        Self::of_packs([pack])
    }

    fn of_packs<'p>(packs: impl IntoIterator<Item = &'p Pack>) -> Self {
        let mut titles = BTreeMap::new();
        for pack in packs {
            let creatures = pack.creatures.iter().map(|it| (it.key, &it.name));
            let spells = pack.spells.iter().map(|it| (it.key, &it.name));
            let items = pack.items.iter().map(|it| (it.key, &it.name));
            let actions = pack.actions.iter().map(|it| (it.key, &it.name));
            let conditions = pack.conditions.iter().map(|it| (it.key, &it.name));
            for (key, name) in creatures.chain(spells).chain(items).chain(actions).chain(conditions) {
                titles.entry(key.0).or_insert_with(|| name.clone());
            }
        }
        Self { titles }
    }

    /// What a key is called.
    pub fn title(&self, key: u64) -> Option<&str> {
        self.titles.get(&key).map(String::as_str)
    }
}

/// The kinds of entries that scenarios name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A stat block.
    Creature,
    /// A spell of any level.
    Spell,
    /// An item of any sort.
    Item,
}

impl Entry {
    /// The word that keys and messages have for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Creature => "creature",
            Self::Spell => "spell",
            Self::Item => "item",
        }
    }
}

/// The key of an entry that a scenario names, or the name that may have been meant.
pub fn find(pack: &Pack, kind: Entry, name: &str) -> Result<ContentKey, Option<String>> {
    let key = Key::of(kind.word(), name);
    let found = match kind {
        Entry::Creature => pack.find_creature(key).is_some(),
        Entry::Spell => pack.find_spell(key).is_some(),
        Entry::Item => pack.find_item(key).is_some(),
    };
    if found {
        return Ok(key.into());
    }
    // Packs hold keys and titles: those titles whose plain spelling is the name behind the key can be suggested.
    let entries: Vec<(Key, String)> = match kind {
        Entry::Creature => pack.creatures.iter().map(|it| (it.key, slug(&it.name))).collect(),
        Entry::Spell => pack.spells.iter().map(|it| (it.key, slug(&it.name))).collect(),
        Entry::Item => pack.items.iter().map(|it| (it.key, slug(&it.name))).collect(),
    };
    let known = entries.iter().filter(|(key, slug)| Key::of(kind.word(), slug) == *key);
    Err(suggestion(name, known.map(|(_, slug)| slug.as_str())))
}

/// `Adult Red Dragon` -> `adult-red-dragon`.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in title.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if letter != '\'' && !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}
