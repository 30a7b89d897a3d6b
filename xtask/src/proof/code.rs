//! [`Program`]: the functions of some crates, and those that they can reach, as machine code.
//!
//! Invariant: every function of an own crate is in it, and so is whatever these name, directly or through data (a table of
//! functions counts as a call of each). What is named and nowhere defined is listed with who names it. Names of debug
//! information and of unwinding reach nothing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use object::{
    Architecture, File, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionIndex,
    SectionKind, read::archive::ArchiveFile,
};

use super::build::Built;

/// The machine code that runs when a world is simulated.
#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) functions: Vec<Function>,
    pub(super) missing: Vec<Missing>,
}

/// A function's machine code.
#[derive(Debug)]
pub(super) struct Function {
    /// The demangled name.
    pub(super) name: String,
    pub(super) krate: String,
    pub(super) is_own: bool,
    pub(super) machine: Machine,
    pub(super) bytes: Vec<u8>,
}

/// A symbol that nobody defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    /// The demangled name.
    pub(super) symbol: String,
    /// The function that names it.
    pub(super) user: String,
    pub(super) krate: String,
}

/// For which the code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    X86,
    Arm,
    /// One that is not read here.
    Other,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) own: usize,
    pub(super) reached: usize,
    pub(super) bytes: usize,
}

/// An object file of an archive.
struct Member {
    krate: String,
    is_own: bool,
    bytes: Vec<u8>,
}

/// A member of an archive, parsed.
struct Unit<'d> {
    member: &'d Member,
    file: File<'d>,
    /// Defined names by section and address.
    names: BTreeMap<(usize, u64), String>,
}

/// A section of a unit.
type Place = (usize, SectionIndex);

impl Program {
    /// Reads the functions out of what was built.
    pub(super) fn read(built: &Built) -> Result<Self> {
        let members = members(built)?;
        let mut units = Vec::new();
        for member in &members {
            let file = File::parse(&*member.bytes).with_context(|| format!("an object of {}", member.krate))?;
            let mut names = BTreeMap::new();
            for symbol in file.symbols().filter(|symbol| symbol.is_definition()) {
                if let (Some(section), Ok(name)) = (symbol.section_index(), symbol.name()) {
                    names.entry((section.0, symbol.address())).or_insert_with(|| readable(name));
                }
            }
            units.push(Unit { member, file, names });
        }
        let defined = defined(&units);
        let mut program = Self::default();
        let mut missing = BTreeSet::new();
        let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut waiting: Vec<Place> = own(&units);
        while let Some((at, index)) = waiting.pop() {
            if !seen.insert((at, index.0)) {
                continue;
            }
            let unit = &units[at];
            let section = unit.file.section_by_index(index)?;
            if section.kind() == SectionKind::Text {
                program.functions.extend(unit.functions(index, section.data()?));
            }
            for (offset, relocation) in section.relocations() {
                match unit.target(&defined, at, relocation.target()) {
                    Some(Ok(place)) => waiting.push(place),
                    Some(Err(symbol)) => {
                        let user = unit.name_at(index, offset).to_owned();
                        missing.insert(Missing { symbol, user, krate: unit.member.krate.clone() });
                    }
                    None => {}
                }
            }
        }
        program.missing = missing.into_iter().collect();
        Ok(program)
    }

    /// Numbers of functions, our own and others, and of bytes.
    pub(super) fn counts(&self) -> Counts {
        let own = self.functions.iter().filter(|function| function.is_own).count();
        let bytes = self.functions.iter().map(|function| function.bytes.len()).sum();
        Counts { own, reached: self.functions.len() - own, bytes }
    }
}

impl Unit<'_> {
    /// The functions of a section.
    fn functions(&self, index: SectionIndex, code: &[u8]) -> Vec<Function> {
        let named = self.names.range((index.0, 0)..=(index.0, u64::MAX)).map(|((_, at), _)| *at);
        let starts: BTreeSet<u64> = named.chain([0]).collect();
        let end = code.len() as u64;
        let ends = starts.iter().skip(1).copied().chain([end]);
        let machine = match self.file.architecture() {
            Architecture::X86_64 => Machine::X86,
            Architecture::Aarch64 => Machine::Arm,
            _ => Machine::Other,
        };
        let function = |(start, end): (&u64, u64)| {
            let range = usize::try_from(*start).ok()?..usize::try_from(end).ok()?;
            Some(Function {
                name: self.name_at(index, *start).to_owned(),
                krate: self.member.krate.clone(),
                is_own: self.member.is_own,
                machine,
                bytes: code.get(range)?.to_vec(),
            })
        };
        starts.iter().zip(ends).filter_map(function).filter(|function| !function.bytes.is_empty()).collect()
    }

    /// What stands at an address of a section.
    fn name_at(&self, index: SectionIndex, address: u64) -> &str {
        let before = self.names.range((index.0, 0)..=(index.0, address)).next_back();
        before.map_or("something without a name", |(_, name)| name)
    }

    /// Where a relocation leads: a section, or a name that nobody defines.
    fn target(
        &self,
        defined: &BTreeMap<String, Place>,
        at: usize,
        target: RelocationTarget,
    ) -> Option<Result<Place, String>> {
        let symbol = match target {
            RelocationTarget::Section(index) => return Some(Ok((at, index))),
            RelocationTarget::Symbol(index) => self.file.symbol_by_index(index).ok()?,
            _ => return None,
        };
        if let Some(section) = symbol.section_index() {
            return Some(Ok((at, section)));
        }
        let name = symbol.name().ok().filter(|name| !name.is_empty())?;
        Some(defined.get(name).copied().ok_or_else(|| readable(name)))
    }
}

/// Every object of every archive.
fn members(built: &Built) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for archive in &built.archives {
        let bytes = std::fs::read(&archive.path).with_context(|| format!("cannot read {}", archive.path.display()))?;
        let parsed = ArchiveFile::parse(&*bytes).with_context(|| format!("{}", archive.path.display()))?;
        for member in parsed.members() {
            let member = member?;
            // Beside the objects lies the compiler's metadata.
            if member.name().ends_with(b".o") {
                let bytes = member.data(&*bytes)?.to_vec();
                members.push(Member { krate: archive.krate.clone(), is_own: archive.is_own, bytes });
            }
        }
    }
    Ok(members)
}

/// Where each name is defined that other units may use.
fn defined(units: &[Unit<'_>]) -> BTreeMap<String, Place> {
    let mut defined = BTreeMap::new();
    for (at, unit) in units.iter().enumerate() {
        for symbol in unit.file.symbols().filter(|symbol| symbol.is_global()) {
            if let (Some(section), Ok(name)) = (symbol.section_index(), symbol.name()) {
                defined.entry(name.to_owned()).or_insert((at, section));
            }
        }
    }
    defined
}

/// Every section with code of the own crates.
fn own(units: &[Unit<'_>]) -> Vec<Place> {
    let mut places = Vec::new();
    for (at, unit) in units.iter().enumerate().filter(|(_, unit)| unit.member.is_own) {
        let code = unit.file.sections().filter(|section| section.kind() == SectionKind::Text);
        places.extend(code.map(|section| (at, section.index())));
    }
    places
}

/// A symbol as people write it.
fn readable(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}
