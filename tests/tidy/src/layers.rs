//! The layers of a crate: the list in the header of its `lib.rs` read, made into one order of
//! all modules, and every import held against it.
//!
//! In the list, an item `- **layer**: …` names modules in backticks, in the order in which they
//! may use each other; other words in backticks are ignored. A folder's name stands for what is
//! in it, in the order in which the folder's own header first names it, less what the list
//! names by itself. A folder comes after all of its parts.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::rust::{Source, paths};

/// The files of one crate's library.
#[derive(Debug)]
pub struct Library<'a> {
    modules: BTreeMap<String, &'a Source>,
    root: &'a Source,
}

impl<'a> Library<'a> {
    /// The library in `folder` (as `lb/src`) among `sources`; `None` without a `lib.rs`.
    /// What exists for tests only, and the binary's own modules, are left out.
    #[must_use]
    pub fn new(folder: &str, sources: &'a [Source]) -> Option<Self> {
        let inside = |source: &&'a Source| source.path.starts_with(&format!("{folder}/"));
        let find = |name: &str| {
            sources
                .iter()
                .find(|s| s.path == format!("{folder}/{name}"))
        };
        let root = find("lib.rs")?;
        let mut modules = BTreeMap::new();
        let mut apart = BTreeSet::from(["lib".to_owned(), "main".to_owned()]);
        for source in sources.iter().filter(inside) {
            let name = module_name(folder, &source.path);
            let within = if source.path == root.path {
                String::new()
            } else {
                format!("{name}::")
            };
            apart.extend(
                source
                    .test_modules()
                    .into_iter()
                    .map(|test| format!("{within}{test}")),
            );
            modules.insert(name, source);
        }
        if let Some(main) = find("main.rs") {
            apart.extend(main.modules().into_iter().map(|(name, _)| name));
        }
        modules.retain(|name, _| {
            !apart
                .iter()
                .any(|apart| name == apart || name.starts_with(&format!("{apart}::")))
        });
        Some(Self { modules, root })
    }

    /// Everything that disagrees with the list of layers, and disagreements within the list.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let listed = self.listed();
        let (order, mut found) = self.order(&listed);
        found.extend(self.declarations(&listed));
        let place = |module: &str| order.iter().position(|other| other == module);
        for (name, source) in &self.modules {
            let Some(own) = place(name) else {
                continue; // told already
            };
            for (path, line) in paths(&source.tokens(), &["crate", "super", "self"]) {
                let absolute = absolute(name, &path);
                let what = match self.owner(&absolute) {
                    None => format!(
                        "`crate::{}` is no module: import from the one that owns it",
                        absolute.join("::")
                    ),
                    Some(target) if place(target).is_some_and(|other| other > own) => format!(
                        "imports `{target}`, which comes later in the layers of {}: turn the arrow round, or move what is shared to an earlier module",
                        self.root.path
                    ),
                    Some(_) => continue,
                };
                found.push(Finding::new(&source.path, line, what));
            }
        }
        found.dedup(); // one `use` of several names
        found
    }

    /// The files of one layer, as the list has them.
    #[must_use]
    pub fn layer(&self, name: &str) -> Vec<&'a Source> {
        let listed = self.listed();
        let parts = |module: &str| {
            let within = format!("{module}::");
            let all = self.modules.iter();
            all.filter(move |(other, _)| *other == module || other.starts_with(&within))
                .filter(|(other, _)| {
                    *other == module || !listed.iter().any(|(_, one)| one == *other)
                })
                .map(|(_, source)| *source)
                .collect::<Vec<_>>()
        };
        let ours = listed.iter().filter(|(layer, _)| LAYERS[*layer] == name);
        ours.flat_map(|(_, module)| parts(module)).collect()
    }

    /// The longest beginning of a path that is a module.
    fn owner(&self, path: &[String]) -> Option<&str> {
        (1..=path.len()).rev().find_map(|length| {
            let name = path[..length].join("::");
            self.modules
                .get_key_value(&name)
                .map(|(name, _)| name.as_str())
        })
    }

    /// What the header lists: layer and module.
    fn listed(&self) -> Vec<(usize, String)> {
        let (mut listed, mut layer) = (Vec::new(), None);
        for line in self.root.docs().map(str::trim) {
            if line.is_empty() {
                layer = None;
            }
            if let Some(item) = line.strip_prefix("- ") {
                let title = item.split(':').next().unwrap_or_default();
                let title = title.trim_matches('*');
                layer = LAYERS.iter().position(|known| *known == title);
            }
            let Some(layer) = layer else { continue };
            for name in quoted(line) {
                let new = listed.iter().all(|(_, other)| *other != name);
                if new && self.modules.contains_key(&name) {
                    listed.push((layer, name));
                }
            }
        }
        listed
    }

    /// All modules in one order.
    fn order(&self, listed: &[(usize, String)]) -> (Vec<String>, Vec<Finding>) {
        let (mut order, mut found) = (Vec::new(), Vec::new());
        if !listed.is_sorted_by_key(|(layer, _)| layer) {
            let what = format!("list the layers in this order: {}", LAYERS.join(", "));
            found.push(Finding::new(&self.root.path, 1, what));
        }
        for (_, name) in listed {
            self.expand(name, listed, &mut order, &mut found);
        }
        for (name, source) in self.modules.iter().filter(|(name, _)| !name.contains("::")) {
            if !order.contains(name) {
                let what = format!("name `{name}` in the layers of {}", self.root.path);
                found.push(Finding::new(&source.path, 1, what));
            }
        }
        (order, found)
    }

    fn expand(
        &self,
        name: &str,
        listed: &[(usize, String)],
        order: &mut Vec<String>,
        found: &mut Vec<Finding>,
    ) {
        let within = format!("{name}::");
        let mut parts: Vec<_> = self
            .modules
            .keys()
            .filter(|other| {
                other
                    .strip_prefix(&within)
                    .is_some_and(|rest| !rest.contains("::"))
            })
            .collect();
        if let Some(source) = self.modules.get(name).filter(|_| parts.len() > 1) {
            let named: Vec<_> = source.docs().flat_map(quoted).collect();
            let place = |part: &str| named.iter().position(|name| *name == part[within.len()..]);
            for part in parts.iter().filter(|part| place(part).is_none()) {
                let what = format!(
                    "name `{}` in the header, in the order of use",
                    &part[within.len()..]
                );
                found.push(Finding::new(&source.path, 1, what));
            }
            parts.sort_by_key(|part| place(part));
        }
        for part in parts {
            if !listed.iter().any(|(_, other)| other == part) {
                self.expand(part, listed, order, found);
            }
        }
        order.push(name.to_owned());
    }

    /// The `mod` lines of `lib.rs` stand in the order of the layers.
    fn declarations(&self, listed: &[(usize, String)]) -> Vec<Finding> {
        let (mut latest, mut found) = (0, Vec::new());
        for (name, line) in self.root.modules() {
            let Some((layer, _)) = listed.iter().find(|(_, other)| *other == name) else {
                continue; // told already
            };
            if *layer < latest {
                let what = format!("`{name}` is of layer {}: declare it there", LAYERS[*layer]);
                found.push(Finding::new(&self.root.path, line, what));
            }
            latest = latest.max(*layer);
        }
        found
    }
}

/// `lb/src/io/conn.rs` is `io::conn`.
fn module_name(folder: &str, path: &str) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path);
    name.trim_matches('/')
        .trim_end_matches(".rs")
        .replace('/', "::")
}

/// A path as written in `module`, from the crate's root, without the `crate`.
fn absolute(module: &str, path: &[String]) -> Vec<String> {
    let mut base: Vec<String> = match path.first().map(String::as_str) {
        Some("crate") | None => Vec::new(),
        _ => module.split("::").map(str::to_owned).collect(),
    };
    for word in path {
        match word.as_str() {
            "crate" | "self" => {}
            "super" => drop(base.pop()),
            word => base.push(word.to_owned()),
        }
    }
    base
}

/// What stands in backticks in a line, without rustdoc's `mod@`.
fn quoted(line: &str) -> Vec<String> {
    let inside = line.split('`').skip(1).step_by(2);
    inside
        .map(|word| word.trim_start_matches("mod@").to_owned())
        .collect()
}

const LAYERS: [&str; 4] = ["data", "pure", "io", "app"];

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: &str = "//! - **data**: [`a`]\n//! - **io**: [`io`], then [`b`] for [`io::z`]\n//! - app: [`mod@c`], `main`\n\npub mod a;\n\npub mod b;\npub mod io;\n\npub mod c;\n#[cfg(test)]\nmod sample;\n";

    fn with<T>(lib: &str, changed: &[(&str, &str)], look: impl Fn(Library<'_>) -> T) -> T {
        let files = [
            ("lib.rs", lib),
            ("a.rs", "//! A"),
            ("b.rs", "//! B\nuse crate::io::x::X;\nuse crate::a;"),
            (
                "io.rs",
                "//! - `y`: why\n//! - `x`: ex\n//! - `z`: zed\nmod x;\nmod y;\nmod z;",
            ),
            (
                "io/x.rs",
                "//! X\nuse super::y::Y;\n// crate::c in a comment\n#[cfg(test)]\nmod tests {\n    use crate::c;\n}",
            ),
            ("io/y.rs", "//! Y"),
            (
                "io/z.rs",
                "//! Z\nuse crate::{a, b::B};\nuse super::{x, y};",
            ),
            ("c.rs", "//! C\nuse crate::a::A;"),
            ("main.rs", "//! M\nmod cli;"),
            ("cli.rs", "//! CLI\nuse crate::nothing;"),
            ("sample.rs", "//! S\nuse crate::c;"),
        ];
        let sources: Vec<_> = files
            .iter()
            .map(|(name, text)| {
                let text = changed
                    .iter()
                    .find(|(other, _)| other == name)
                    .map_or(*text, |(_, new)| new);
                Source::new(&format!("p/src/{name}"), text)
            })
            .collect();
        look(Library::new("p/src", &sources).unwrap())
    }

    fn check(lib: &str, changed: &[(&str, &str)]) -> Vec<String> {
        let tell =
            |library: Library<'_>| library.findings().iter().map(ToString::to_string).collect();
        with(lib, changed, tell)
    }

    #[test]
    fn a_crate_in_order_passes() {
        assert_eq!(check(LIB, &[]), [""; 0]);
    }

    #[test]
    fn a_layer_has_its_files() {
        with(LIB, &[], |library| {
            let io = library
                .layer("io")
                .into_iter()
                .map(|source| &source.path[6..]);
            let io = io.collect::<Vec<_>>().join(" ");
            assert_eq!(io, "io.rs io/x.rs io/y.rs b.rs io/z.rs");
        });
    }

    #[test]
    fn an_import_against_the_layers_fails() {
        for (file, text, expected) in [
            (
                "a.rs",
                "//! A\nuse crate::b::B;",
                "p/src/a.rs:2: imports `b`",
            ),
            (
                "a.rs",
                "//! A\nfn f() { crate::c::g() }",
                "p/src/a.rs:2: imports `c`",
            ),
            (
                "io/y.rs",
                "//! Y\nuse super::x::X;",
                "p/src/io/y.rs:2: imports `io::x`",
            ),
            (
                "io/y.rs",
                "//! Y\n\nuse super::Z;",
                "p/src/io/y.rs:3: imports `io`",
            ),
            (
                "b.rs",
                "//! B\nuse crate::io::{x, z};",
                "p/src/b.rs:2: imports `io::z`",
            ),
            (
                "c.rs",
                "//! C\nuse crate::Thing;",
                "p/src/c.rs:2: `crate::Thing` is no module",
            ),
        ] {
            let found = check(LIB, &[(file, text)]);
            assert_eq!(found.len(), 1, "{file}: {found:?}");
            assert!(
                found[0].starts_with(expected),
                "{} instead of {expected}",
                found[0]
            );
        }
    }

    #[test]
    fn the_list_must_be_whole_and_in_order() {
        let unlisted = LIB.replace("[`mod@c`], ", "");
        assert!(check(&unlisted, &[])[0].starts_with("p/src/c.rs:1: name `c` in the layers"));
        let unnamed = [("io.rs", "//! - `y`, `x`\nmod x;\nmod y;\nmod z;")];
        // `z` is placed by lib.rs, but the folder's own list should still tell of it.
        assert!(check(LIB, &unnamed)[0].starts_with("p/src/io.rs:1: name `z` in the header"));
        let misplaced = LIB
            .replace("pub mod a;\n\n", "")
            .replace("pub mod c;", "pub mod c;\npub mod a;");
        assert!(check(&misplaced, &[])[0].contains("`a` is of layer data: declare it there"));
    }
}
