//! What is published can be published: its manifest says what registries and readers ask, and it needs nothing that is not.
//!
//! What is inside a package, and that it builds by itself, is the check `package`.

use serde_json::Value;

use super::tree::{Finding, Tree};

/// Checks the members' manifests in `cargo metadata`.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let packages = list(&tree.metadata["packages"]);
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| is_published(package)) {
        let name = package["name"].as_str().unwrap_or_default();
        let mut find = |message: String| findings.push(Finding::on("Cargo.toml", format!("{name} {message}")));
        for key in ["description", "documentation", "license", "readme", "rust_version", "keywords", "categories"] {
            let value = &package[key];
            if value.is_null() || value.as_array().is_some_and(Vec::is_empty) {
                find(format!("is published without `{key}`: see the other members, and give it a README.md"));
            }
        }
        // The default feature alone hides nothing.
        let has_features = package["features"].as_object().is_some_and(|features| !features.is_empty());
        if has_features && package["metadata"]["docs"]["rs"]["all-features"] != true {
            find("has features and no [package.metadata.docs.rs] with all-features: docs.rs would hide a part".into());
        }
        list(&package["dependencies"]).iter().filter_map(|dependency| wrong(dependency, packages)).for_each(find);
    }
    findings
}

/// Whether cargo would publish a member.
pub(crate) fn is_published(package: &Value) -> bool {
    // An empty list of registries is what `publish = false` means.
    !package["publish"].as_array().is_some_and(Vec::is_empty)
}

/// What is wrong with a dependency of a published package.
fn wrong(dependency: &Value, packages: &[Value]) -> Option<String> {
    // Only members have a path.
    if dependency["path"].is_null() {
        return None;
    }
    let (name, required) = (dependency["name"].as_str()?, dependency["req"].as_str()?);
    let used = packages.iter().find(|package| package["name"] == name)?;
    let is_for_tests = dependency["kind"] == "dev";
    match (is_published(used), required) {
        // Cargo leaves it out of the published manifest: a circle of packages, or what only tests need.
        (_, "*") if is_for_tests => None,
        (false, _) if is_for_tests => Some(format!("names a version of {name}, which is not published")),
        (false, _) => Some(format!("is published and needs {name}, which is not")),
        (true, "*") => Some(format!("names no version of {name}: no registry takes it")),
        (true, _) => {
            let version = used["version"].as_str()?;
            (required != format!("^{version}")).then(|| {
                format!("asks for {name} {required}, and the tree has {version}: nobody builds those together")
            })
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A member that can be published, but for what `change` does to it, beside one that is published and one that is not.
    fn findings(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut package = json!({
            "name": "tickworld-shown", "version": "0.1.0", "publish": null, "description": "Shows", "license": "MIT",
            "documentation": "there",
            "readme": "README.md", "rust_version": "1.95", "keywords": ["a"], "categories": ["simulation"], "features": {},
            "metadata": null, "dependencies": [{ "name": "tickworld-sim", "path": "sim", "req": "^0.1.0", "kind": null }],
        });
        change(&mut package);
        let mut tree = Tree::of(&[]);
        let mut sim = package.clone();
        (sim["name"], sim["dependencies"]) = ("tickworld-sim".into(), json!([]));
        for key in ["description", "documentation", "license", "readme", "rust_version"] {
            sim[key] = "given".into();
        }
        (sim["keywords"], sim["features"], sim["publish"]) = (json!(["a"]), json!({}), Value::Null);
        let hidden = json!({ "name": "tickworld-testkit", "version": "0.1.0", "publish": [] });
        tree.metadata = json!({ "packages": [package, sim, hidden] });
        check(&tree).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_whole_manifest_passes() {
        assert_eq!(findings(|_| {}), [""; 0]);
    }

    #[test]
    fn what_readers_ask_for_is_missed() {
        for key in ["description", "documentation", "license", "readme", "rust_version"] {
            assert_eq!(findings(|package| package[key] = Value::Null).len(), 1, "{key}");
        }
        assert_eq!(findings(|package| package["keywords"] = json!([])).len(), 1);
        assert_eq!(findings(|package| package["features"] = json!({ "stores": [] })).len(), 1);
        let is_private = |package: &mut Value| (package["publish"], package["readme"]) = (json!([]), Value::Null);
        assert_eq!(findings(is_private), [""; 0], "who is not published owes nobody a README");
    }

    #[test]
    fn dependencies_that_no_registry_takes_are_caught() {
        let with = |name: &str, required: &str, kind: Value| {
            findings(|package| {
                package["dependencies"] = json!([{ "name": name, "path": "there", "req": required, "kind": kind }]);
            })
        };
        assert!(with("tickworld-sim", "*", Value::Null)[0].contains("names no version"));
        assert!(with("tickworld-sim", "^0.0.9", Value::Null)[0].contains("the tree has 0.1.0"));
        assert!(with("tickworld-testkit", "*", Value::Null)[0].contains("which is not"));
        assert!(with("tickworld-testkit", "^0.1.0", json!("dev"))[0].contains("not published"));
        assert_eq!(with("tickworld-testkit", "*", json!("dev")), [""; 0], "cargo leaves it out");
        assert_eq!(with("tickworld-sim", "*", json!("dev")), [""; 0], "a circle for tests");
    }
}
