//! [`Modules`]: the files of a crate as modules, and which of them each one imports.
//!
//! Works on tokens. Names are followed through `use` items to the file that defines them, as far as that shows without a
//! compiler: names that macros make or that a glob brings from another crate are taken for the module's that was named.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{self, Token};
use super::tree::{File, Finding, Tree};

/// For each module, the modules that it imports, each with the first line that does.
pub(super) type Imports = BTreeMap<String, BTreeMap<String, usize>>;

/// How the root of a crate is called among its modules.
const ROOT: &str = "crate";

/// Re-exports of re-exports that are followed.
const HOPS_MAX: usize = 16;

/// The modules of one crate, by path: `crate`, `a`, `a::b`.
pub(super) struct Modules(BTreeMap<String, Module>);

/// What a file says of names.
#[derive(Default)]
struct Module {
    /// Names that it defines.
    defined: BTreeSet<String>,
    /// Names that its `use` items bring, with their paths; `*` for globs.
    uses: Vec<Use>,
    /// Paths in code, as written, with the inline modules around them.
    paths: Vec<Path>,
    /// Identifiers outside `use` items.
    words: BTreeSet<String>,
}

#[derive(Clone)]
struct Use {
    name: String,
    path: Path,
    is_public: bool,
}

#[derive(Clone)]
struct Path {
    /// Inline modules of the file around it.
    depth: usize,
    segments: Vec<String>,
    line: usize,
}

impl Modules {
    /// The files of each crate that are no tests, by the crate's folder.
    pub(super) fn by_crate(tree: &Tree) -> BTreeMap<String, Vec<&File>> {
        let mut crates: BTreeMap<String, Vec<&File>> = BTreeMap::new();
        for file in tree.sources().filter(|file| !file.is_test()) {
            if let Some((folder, path)) = file.path.split_once("/src/")
                && !path.starts_with("bin/")
            {
                crates.entry(folder.to_owned()).or_default().push(file);
            }
        }
        crates
    }

    /// Reads the files of one crate.
    ///
    /// # Errors
    /// A finding, if one is no Rust at all.
    pub(super) fn read(files: &[&File]) -> Result<Self, Finding> {
        let mut modules: BTreeMap<String, Module> = BTreeMap::new();
        for file in files {
            let tokens: Vec<Token> = tokens::scan(file)?.into_iter().filter(|token| !token.in_test).collect();
            modules.entry(module_path(&file.path)).or_default().add(&tokens);
        }
        Ok(Self(modules))
    }

    /// Who imports whom.
    pub(super) fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (name, module) in &self.0 {
            let targets = imports.entry(name.clone()).or_default();
            let uses = module.uses.iter().filter(|it| !it.is_public || module.words.contains(&it.name));
            for path in uses.map(|it| &it.path).chain(&module.paths) {
                if let Some(target) = self.target(name, path, HOPS_MAX)
                    && target != *name
                {
                    let line = targets.entry(target).or_insert(path.line);
                    *line = path.line.min(*line);
                }
            }
        }
        imports
    }

    /// The module that defines what a path of `from` names; none for other crates and for what is within the file.
    fn target(&self, from: &str, path: &Path, hops: usize) -> Option<String> {
        let mut segments = path.segments.iter().map(String::as_str).peekable();
        let mut depth = path.depth;
        let mut module = from.to_owned();
        match segments.peek().copied()? {
            ROOT => {
                segments.next();
                module = ROOT.to_owned();
            }
            "self" | "super" => {
                while let Some(step) = segments.next_if(|it| matches!(*it, "self" | "super")) {
                    match (step, depth) {
                        ("self", _) => {}
                        (_, 0) => module = parent(&module)?,
                        _ => depth -= 1,
                    }
                }
                if depth > 0 {
                    return None;
                }
            }
            first if path.depth == 0 && self.0.contains_key(&child(from, first)) => {}
            _ => return None,
        }
        for segment in segments {
            if segment == "self" || segment == "*" {
                break;
            }
            let below = child(&module, segment);
            if self.0.contains_key(&below) {
                module = below;
            } else {
                return Some(self.definer(&module, segment, hops));
            }
        }
        Some(module)
    }

    /// Which module defines the name that `module` knows; itself where nothing else is found.
    fn definer(&self, module: &str, name: &str, hops: usize) -> String {
        let here = &self.0[module];
        if hops > 0 && !here.defined.contains(name) {
            let named = here.uses.iter().filter(|it| it.name == name && it.path.depth == 0);
            if let Some(target) = named.filter_map(|it| self.target(module, &it.path, hops - 1)).next() {
                return target;
            }
            for glob in here.uses.iter().filter(|it| it.name == "*" && it.path.depth == 0) {
                if let Some(target) = self.target(module, &glob.path, hops - 1)
                    && self.0[&target].defined.contains(name)
                {
                    return target;
                }
            }
        }
        module.to_owned()
    }
}

impl Module {
    fn add(&mut self, tokens: &[Token]) {
        // For each open brace, whether an inline module opened it.
        let mut braces: Vec<bool> = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let text = tokens[at].text.as_str();
            let before = at.checked_sub(1).map_or("", |index| tokens[index].text.as_str());
            let depth = braces.iter().filter(|is_module| **is_module).count();
            match text {
                "{" => braces.push(at >= 2 && tokens[at - 2].text == "mod"),
                "}" => {
                    braces.pop();
                }
                "use" => {
                    let is_public = before == "pub" || before == ")";
                    at = self.add_use(tokens, at + 1, depth, is_public);
                    continue;
                }
                "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" | "union" => {
                    let name = tokens.get(at + 1).map(|token| token.text.clone());
                    self.defined.extend(name);
                }
                // `$crate` is another crate's, as far as a macro's text shows.
                _ if is_identifier(text) && !is_inside_path(tokens, at) && before != "$" => {
                    let segments = segments(tokens, at);
                    if segments.len() > 1 {
                        self.paths.push(Path { depth, segments, line: tokens[at].line });
                    }
                }
                _ => {}
            }
            self.words.insert(text.to_owned());
            at += 1;
        }
    }

    /// Reads a `use` item from behind the word on; gives the index behind its semicolon.
    fn add_use(&mut self, tokens: &[Token], start: usize, depth: usize, is_public: bool) -> usize {
        let mut prefix: Vec<String> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut at = start;
        while let Some(token) = tokens.get(at) {
            let text = token.text.as_str();
            let ends = matches!(text, "," | "}" | ";");
            let before = tokens[at - 1].text.as_str();
            if ends && before != "}" && before != "{" && before != "," {
                self.push_use(&prefix, depth, is_public, token.line);
            }
            match text {
                ";" => return at + 1,
                "{" => open.push(prefix.len()),
                "," => prefix.truncate(open.last().copied().unwrap_or(0)),
                "}" => prefix.truncate(open.pop().unwrap_or(0)),
                ":" => {}
                _ => prefix.push(text.to_owned()),
            }
            at += 1;
        }
        at
    }

    fn push_use(&mut self, words: &[String], depth: usize, is_public: bool, line: usize) {
        // `a as b`: the last two words rename.
        let (segments, alias) = match words {
            [segments @ .., keyword, alias] if keyword == "as" => (segments, Some(alias)),
            segments => (segments, None),
        };
        let last = segments.iter().rev().find(|it| *it != "self");
        if let Some(name) = alias.or(last) {
            let path = Path { depth, segments: segments.to_vec(), line };
            self.uses.push(Use { name: name.clone(), path, is_public });
        }
    }
}

/// The identifiers of the path that begins at `at`.
fn segments(tokens: &[Token], at: usize) -> Vec<String> {
    let mut segments = vec![tokens[at].text.clone()];
    let mut rest = &tokens[at + 1..];
    while let [first, second, name, after @ ..] = rest
        && first.text == ":"
        && second.text == ":"
        && is_identifier(&name.text)
    {
        segments.push(name.text.clone());
        rest = after;
    }
    segments
}

/// Whether two colons stand before it; one alone is followed by a type.
fn is_inside_path(tokens: &[Token], at: usize) -> bool {
    at >= 2 && tokens[at - 1].text == ":" && tokens[at - 2].text == ":"
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// `sim/src/a/mod.rs` and `sim/src/a.rs` are `a`.
fn module_path(path: &str) -> String {
    let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(inside, "lib" | "main") { ROOT.to_owned() } else { inside.replace('/', "::") }
}

fn parent(module: &str) -> Option<String> {
    match module.rsplit_once("::") {
        Some((parent, _)) => Some(parent.to_owned()),
        None if module == ROOT => None,
        None => Some(ROOT.to_owned()),
    }
}

fn child(module: &str, name: &str) -> String {
    if module == ROOT { name.to_owned() } else { format!("{module}::{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom module `a` imports, of a crate with these files.
    fn imported(a: &str, others: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![("x/src/a.rs", a)];
        files.extend(others);
        let tree = Tree::of(&files);
        let files: Vec<&File> = tree.files.iter().collect();
        let modules = Modules::read(&files).expect("Rust");
        modules.imports()["a"].keys().cloned().collect()
    }

    const OTHERS: &[(&str, &str)] = &[
        ("x/src/lib.rs", "mod a; mod b; pub use b::B; pub fn root() {}"),
        ("x/src/b/mod.rs", "mod c; pub use c::*; pub use self::c::D as E; pub struct B;"),
        ("x/src/b/c.rs", "pub struct C; pub struct D;"),
    ];

    #[test]
    fn every_way_to_name_a_module_counts() {
        for text in [
            "use crate::b;",
            "use crate::{b::B};",
            "use super::b::{self, B as X};",
            "use crate::B;",
            "fn f() { crate::b::g() }",
            "fn f(_: super::B) {}",
            "mod inner { use super::super::b::B; }",
        ] {
            assert_eq!(imported(text, OTHERS), ["b"], "{text}");
        }
    }

    #[test]
    fn names_are_followed_to_the_file_that_defines_them() {
        assert_eq!(imported("use crate::b::C;", OTHERS), ["b::c"]);
        assert_eq!(imported("use crate::b::E;", OTHERS), ["b::c"]);
        assert_eq!(imported("use crate::{root, b::{B, C}};", OTHERS), ["b", "b::c", "crate"]);
    }

    #[test]
    fn a_child_is_imported_where_it_is_used_and_not_where_it_is_handed_on() {
        let child = [("x/src/a/d.rs", "pub struct D;")];
        assert_eq!(imported("mod d; pub use d::D;", &child), [""; 0]);
        assert_eq!(imported("mod d; pub use d::D; fn f(_: D) {}", &child), ["a::d"]);
        assert_eq!(imported("mod d; fn f() { d::g() }", &child), ["a::d"]);
        assert_eq!(imported("mod d; use d::D;", &child), ["a::d"]);
    }

    #[test]
    fn other_crates_strings_and_the_file_itself_are_none() {
        for text in [
            "use std::b::B; fn f() { other::b::g() }",
            "const B: &str = \"crate::b\"; // crate::b",
            "mod inner { use super::X; fn f() { self::g() } } struct X;",
            "macro_rules! m { () => { $crate::b::g() } }",
            "#[cfg(test)] mod tests { use crate::b; }",
        ] {
            assert_eq!(imported(text, OTHERS), [""; 0], "{text}");
        }
    }
}
