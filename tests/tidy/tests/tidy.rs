//! The rules of the house. Each test is one rule, with its reason in CONTRIBUTING.md; it fails
//! with the places and what to do there. `cargo test -p tidy` runs them all.

#![allow(clippy::panic, reason = "a test that cannot read the tree fails")]

use std::sync::LazyLock;

use tidy::finding::Finding;
use tidy::homes::{DEEDS, HOMES, IMPURE};
use tidy::layers::Library;
use tidy::manifest::{self, Dependency};
use tidy::rust::Source;
use tidy::text;
use tidy::tree::{File, Tree};

#[test]
fn every_rust_file_says_what_it_owns() {
    let bare = sources().filter(|source| !source.text.starts_with("//! "));
    verdict(bare.map(|source| {
        let what = "begin with `//!`: what this file owns, and what it deliberately does not know";
        Finding::new(&source.path, 1, what)
    }));
}

#[test]
fn files_are_short() {
    let what = |lines, limit| {
        format!("{lines} lines without tests, more than {limit}: which idea can move out?")
    };
    let measured = sources().filter(|source| !is_test(&source.path));
    let mut long = Vec::new();
    for Source { path, lines, .. } in measured {
        if *lines > LINES {
            long.push(Finding::new(path, *lines, what(*lines, LINES)));
        } else if *lines > SOFT_LINES {
            println!(
                "warning: {}",
                Finding::new(path, *lines, what(*lines, SOFT_LINES))
            );
        }
    }
    verdict(long);
}

#[test]
fn functions_are_short() {
    verdict(sources().flat_map(|source| source.long_functions(FUNCTION_LINES)));
}

#[test]
fn modules_are_files_beside_their_folder() {
    let old = sources().filter(|source| source.path.ends_with("/mod.rs"));
    verdict(old.map(|source| Finding::new(&source.path, 1, "name it x.rs, beside the folder x/")));
}

#[test]
fn imports_follow_the_layers() {
    let crates = CRATES.iter().chain(&["tests/tidy"]);
    verdict(crates.flat_map(|krate| library(krate).findings()));
}

#[test]
fn pure_files_read_no_clock_and_open_nothing() {
    let crates = CRATES.iter().map(|krate| library(krate));
    let pure: Vec<_> = crates.flat_map(|library| library.layer("pure")).collect();
    assert!(pure.len() > CRATES.len(), "no pure layer found");
    verdict(pure.into_iter().flat_map(|source| {
        text::lines(&source.path, &before_tests(source), |line| {
            let impure = IMPURE.iter().find(|impure| line.contains(**impure))?;
            Some(format!(
                "`{impure}` in a pure file: take its answer as an argument"
            ))
        })
    }));
}

#[test]
fn crates_know_only_whom_they_may() {
    let arrows = [
        ("lb", ["member", "stats-ui"].as_slice()),
        ("member", &[]),
        ("stats-ui", &[]),
    ];
    for (krate, may) in arrows {
        let path = format!("{krate}/Cargo.toml");
        let known = manifest::dependencies(file(&path));
        let wrong = known.iter().filter(|known| {
            CRATES.contains(&known.name.as_str()) && !may.contains(&known.name.as_str())
        });
        verdict(wrong.map(|Dependency { name, line, .. }| {
            Finding::new(&path, *line, format!("{krate} must not know {name}"))
        }));
    }
}

#[test]
fn both_images_are_built_by_one_stage() {
    let [lb, webapp] = ["lb", "webapp"].map(|image| file(&format!("docker/{image}/Dockerfile")));
    let what = "its stage `build` is that of docker/lb/Dockerfile word for word, or is built twice";
    let differs = text::build_stage(lb) != text::build_stage(webapp);
    assert!(text::build_stage(lb).is_some(), "no stage `build`");
    let differs = differs.then(|| Finding::new("docker/webapp/Dockerfile", 1, what.to_owned()));
    verdict(differs);
}

#[test]
fn every_package_has_its_home() {
    verdict(HOMES.iter().flat_map(|(package, homes, reason)| {
        outside(homes, |source| {
            let tokens = source.tokens();
            tokens
                .windows(2)
                .filter(|two| two[0].text == *package && two[1].text == "::")
                .map(|two| {
                    let what = format!("`{package}` lives in {}: {reason}", homes.join(", "));
                    Finding::new(&source.path, two[0].line, what)
                })
                .collect()
        })
    }));
}

#[test]
fn what_one_file_does_no_other_does() {
    verdict(DEEDS.iter().flat_map(|(words, homes, reason)| {
        outside(homes, |source| {
            text::lines(&source.path, &before_tests(source), |line| {
                let what = || format!("`{words}` stands only in {}: {reason}", homes.join(", "));
                line.contains(words).then(what)
            })
        })
    }));
}

#[test]
fn dependencies_are_stated_once_and_explained() {
    let members = manifests()
        .map(|file| manifest::dependencies(&file.text))
        .collect::<Vec<_>>();
    assert!(members.len() > CRATES.len(), "no member found");
    verdict(manifest::unexplained(
        "Cargo.toml",
        file("Cargo.toml"),
        &members,
    ));
    verdict(manifests().flat_map(|file| manifest::own_ways(&file.path, &file.text)));
}

#[test]
fn dependencies_are_used() {
    let folders: Vec<_> = manifests()
        .map(|file| file.path.trim_end_matches("Cargo.toml"))
        .collect();
    // The innermost package that a file lies in.
    let package = |path: &str| {
        let around = folders.iter().filter(|folder| path.starts_with(**folder));
        around.max_by_key(|folder| folder.len()).copied()
    };
    verdict(manifests().zip(&folders).flat_map(|(file, folder)| {
        let words: Vec<String> = sources()
            .filter(|source| package(&source.path) == Some(folder))
            .flat_map(|source| tidy::rust::tokens(&source.code))
            .map(|token| token.text)
            .collect();
        manifest::dependencies(&file.text)
            .into_iter()
            .filter(move |dependency| !words.contains(&dependency.name.replace('-', "_")))
            .map(|Dependency { name, line, .. }| {
                Finding::new(
                    &file.path,
                    line,
                    format!("nothing here uses `{name}`: remove it"),
                )
            })
    }));
}

#[test]
fn nothing_is_left_unfinished() {
    verdict(sources().flat_map(|source| text::lines(&source.path, &source.text, text::unfinished)));
}

#[test]
fn no_line_ends_in_space() {
    let kinds = [
        ".rs", ".toml", ".md", ".sh", ".yml", ".yaml", ".css", ".js", "/run", "justfile",
    ];
    let ours = TREE
        .files
        .iter()
        .filter(|file| kinds.iter().any(|kind| file.path.ends_with(kind)));
    verdict(ours.flat_map(|file| text::lines(&file.path, &file.text, text::trailing_space)));
}

#[test]
fn nothing_names_one_machine() {
    let all = TREE.files.iter().filter(|file| file.path != "Cargo.lock");
    verdict(all.flat_map(|file| text::lines(&file.path, &file.text, text::of_one_machine)));
}

#[test]
fn tests_take_free_ports() {
    let tests = sources().filter(|source| {
        (source.path.starts_with("tests/") || source.path.contains("/tests/"))
            && !source.path.starts_with("tests/tidy/")
    });
    verdict(tests.flat_map(|source| text::lines(&source.path, &source.text, text::fixed_port)));
}

#[test]
fn documents_name_files_that_exist() {
    let documents = TREE.files.iter().filter(|file| file.path.ends_with(".md"));
    let exists = |name: &str| {
        let end = format!("/{}", name.trim_start_matches("../"));
        TREE.files
            .iter()
            .any(|file| format!("/{}", file.path).ends_with(&end))
    };
    verdict(documents.flat_map(|file| {
        text::lines(&file.path, &file.text, |line| {
            let named = text::named_files(line);
            let gone = named.into_iter().find(|name| !exists(name))?;
            Some(format!("there is no {gone}: say where it went"))
        })
    }));
}

#[test]
fn a_laptop_runs_what_ci_runs() {
    let recipes = file("justfile");
    let steps = file(".ci/run")
        .lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let name = line.strip_prefix("step ")?.split_whitespace().next()?;
            let known = recipes.lines().any(|line| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| {
                    rest.ends_with(':') && !rest.starts_with(char::is_alphanumeric)
                })
            });
            (!known).then(|| {
                Finding::new(
                    ".ci/run",
                    index + 1,
                    format!("give the justfile a recipe `{name}`"),
                )
            })
        });
    verdict(steps);
}

/// Fails with all of them.
fn verdict(found: impl IntoIterator<Item = Finding>) {
    let found: Vec<String> = found
        .into_iter()
        .map(|finding| format!("\n{finding}"))
        .collect();
    assert!(found.is_empty(), "{}", found.concat());
}

fn library(krate: &str) -> Library<'static> {
    let found = Library::new(&format!("{krate}/src"), &TREE.sources);
    found.unwrap_or_else(|| panic!("{krate} has no library"))
}

fn sources() -> impl Iterator<Item = &'static Source> {
    TREE.sources.iter()
}

/// What `look` finds in the crates' own code outside `homes`, tests and benches aside.
fn outside(homes: &[&str], look: impl Fn(&Source) -> Vec<Finding>) -> Vec<Finding> {
    sources()
        .filter(|source| {
            CRATES
                .iter()
                .any(|krate| source.path.starts_with(&format!("{krate}/src/")))
        })
        .filter(|source| {
            !is_test(&source.path) && !homes.iter().any(|home| source.path.starts_with(home))
        })
        .flat_map(look)
        .collect()
}

/// The code of a file, without its comments, literals and tests.
fn before_tests(source: &Source) -> String {
    let lines: Vec<_> = source.code.lines().take(source.lines).collect();
    lines.join("\n")
}

/// Files that exist for tests only, beside the code they test.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") && path.contains("/src/")
}

fn manifests() -> impl Iterator<Item = &'static File> {
    TREE.manifests()
}

fn file(path: &str) -> &'static str {
    let found = TREE.file(path);
    found.unwrap_or_else(|| panic!("there is no {path}"))
}

static TREE: LazyLock<Tree> =
    LazyLock::new(|| Tree::read().unwrap_or_else(|error| panic!("the tree: {error}")));

/// The crates that we ship.
const CRATES: [&str; 3] = ["lb", "member", "stats-ui"];

const LINES: usize = 500;
const SOFT_LINES: usize = 300;
const FUNCTION_LINES: usize = 60;
