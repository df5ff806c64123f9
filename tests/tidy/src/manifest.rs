//! Cargo manifests, as far as the rules need them: dependencies one a line, under their
//! section, with what is said about them.

use crate::finding::Finding;

/// One dependency as a manifest states it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dependency {
    /// The name that it goes by.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// Whether a comment stands beside it or on the lines above it.
    pub explained: bool,
    /// Whether the workspace states its version.
    pub inherited: bool,
}

/// The dependencies in every section whose name ends with `dependencies`.
#[must_use]
pub fn dependencies(text: &str) -> Vec<Dependency> {
    let (mut found, mut inside, mut commented) = (Vec::new(), false, false);
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((key, value)) = line.split_once('=') {
            let comment = line.starts_with('#');
            if !comment {
                let name = key.trim().trim_end_matches(".workspace");
                found.push(Dependency {
                    name: name.to_owned(),
                    line: index + 1,
                    explained: commented || value.contains(" # "),
                    inherited: key.trim().ends_with(".workspace")
                        || value.contains("workspace = true"),
                });
            }
        }
        commented = line.starts_with('#');
    }
    found
}

/// Dependencies of the workspace without a reason, and those that no member uses.
#[must_use]
pub fn unexplained(path: &str, root: &str, members: &[Vec<Dependency>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for dependency in dependencies(root) {
        let Dependency {
            name,
            line,
            explained,
            ..
        } = &dependency;
        if !explained {
            let what = format!("say in a comment what `{name}` is for");
            found.push(Finding::new(path, *line, what));
        }
        if !members.iter().flatten().any(|used| used.name == *name) {
            let what = format!("no member uses `{name}`: remove it");
            found.push(Finding::new(path, *line, what));
        }
    }
    found
}

/// Dependencies of a member that state a version of their own, and what the member lacks.
#[must_use]
pub fn own_ways(path: &str, text: &str) -> Vec<Finding> {
    let mut found: Vec<_> = dependencies(text)
        .iter()
        .filter(|dependency| !dependency.inherited)
        .map(|Dependency { name, line, .. }| {
            let what = format!("state `{name}` in the root's [workspace.dependencies] and write `{name}.workspace = true` here");
            Finding::new(path, *line, what)
        })
        .collect();
    if !text.contains("[lints]\nworkspace = true") {
        let what = "take the workspace's lints: `[lints]`, `workspace = true`";
        found.push(Finding::new(path, 1, what));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\n# Why a,\n# in two lines.\na = \"1\"\nb = \"2\" # why b\n\n# A title.\n\nc = { version = \"3\", features = [\"x\"] }\n[profile.release]\nlto = \"thin\"\n";

    #[test]
    fn a_dependency_has_a_reason_and_a_user() {
        let member = dependencies(
            "[dependencies]\na.workspace = true\n[dev-dependencies]\nc = { workspace = true, features = [\"y\"] }\n",
        );
        let found: Vec<_> = unexplained("Cargo.toml", ROOT, &[member])
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "Cargo.toml:5: no member uses `b`: remove it",
                "Cargo.toml:9: say in a comment what `c` is for",
            ]
        );
    }

    #[test]
    fn a_member_states_no_version_and_takes_the_lints() {
        let good = "[lints]\nworkspace = true\n\n[dependencies]\na.workspace = true\n";
        assert_eq!(own_ways("p/Cargo.toml", good), []);
        let bad = "[dependencies]\na.workspace = true\nb = \"2\"\n";
        let found = own_ways("p/Cargo.toml", bad);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].line, 3);
    }
}
