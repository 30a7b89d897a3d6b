//! Names of what this binary brings with it, in the places of paths: the shipped content and scenarios.
//!
//! Invariant: such a name means what is shipped, whatever lies in the folder where the command runs; something of that name
//! there is `./NAME`. Where both could be meant, the command says which one it took.

use std::{io::Write as _, path::Path};

use crate::{failure::Outcome, packs::PackSource, scenario::Scenario, world_map::WorldMap};

/// Content by a path, or the shipped one by its name.
pub(crate) fn content(path: &Path) -> PackSource {
    let source = PackSource::of(path);
    if source == PackSource::Shipped {
        tell_apart(path, "the content inside this binary");
    }
    source
}

/// A scenario by its path, or a shipped one by its name.
pub(crate) fn scenario(path: &Path) -> Outcome<Scenario> {
    if Scenario::is_shipped(path) {
        tell_apart(path, "the scenario inside this binary");
    }
    Scenario::load(path)
}

/// The first regions of a world map by its path, or of a shipped one by its name.
pub(crate) fn world_map(path: &Path, regions: u32) -> Outcome<WorldMap> {
    if WorldMap::is_shipped(path) {
        tell_apart(path, "the world map inside this binary");
    }
    WorldMap::load(path)?.first(regions)
}

/// Says what a name meant, where something else is called so too.
fn tell_apart(name: &Path, meant: &str) {
    if name.exists() {
        let name = name.display();
        // Whoever closed standard error does not want to know.
        _ = writeln!(std::io::stderr(), "note: `{name}` is {meant}; what is called so in this folder is `./{name}`");
    }
}
