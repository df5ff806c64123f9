//! Rules on text of any kind: what must not stand in a line.

use crate::finding::Finding;

/// Lines of `text` in which `breaks` finds something, with what it says of them.
#[must_use]
pub fn lines(path: &str, text: &str, breaks: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| Some(Finding::new(path, index + 1, breaks(line)?)))
        .collect()
}

/// White space at the end of a line.
#[must_use]
pub fn trailing_space(line: &str) -> Option<String> {
    (line.trim_end() != line).then(|| "remove the space at the end".to_owned())
}

/// The stage of a Dockerfile that builds the binaries.
#[must_use]
pub fn build_stage(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\nFROM ${RUST_IMAGE} AS build\n")?;
    rest.split_once("\nFROM ").map(|(stage, _)| stage)
}

/// A mark of something unfinished.
#[must_use]
pub fn unfinished(line: &str) -> Option<String> {
    let mark = UNFINISHED.iter().find(|mark| line.contains(**mark))?;
    Some(format!(
        "{mark}: finish it, or file an issue and say what holds until then"
    ))
}

/// A path that exists on one machine only, or the host of a package registry.
#[must_use]
pub fn of_one_machine(line: &str) -> Option<String> {
    if let Some(path) = PATHS.iter().find(|path| line.contains(**path)) {
        return Some(format!(
            "{path} is there on one machine only: take it from the environment"
        ));
    }
    let mut hosts = line.split("://").skip(1);
    let host = hosts.find(|host| REGISTRIES.iter().any(|name| host.starts_with(name)))?;
    let host = host.split(['/', ' ', '"']).next().unwrap_or_default();
    Some(format!(
        "{host} is not reachable everywhere: leave the host to the machine's settings"
    ))
}

/// An address on this host with a port that somebody else may hold.
#[must_use]
pub fn fixed_port(line: &str) -> Option<String> {
    if line.contains("// fixed port: ") {
        return None; // with its reason
    }
    HERE.iter().find_map(|host| {
        line.match_indices(host).find_map(|(at, _)| {
            let rest = &line[at + host.len()..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            (digits >= 4 && !rest.starts_with('0')).then(|| {
                format!(
                    "{host}{} may be taken: bind port 0, or say `// fixed port: why`",
                    &rest[..digits]
                )
            })
        })
    })
}

/// The files a document names, in backticks or as a link, of the kinds in which we write.
#[must_use]
pub fn named_files(line: &str) -> Vec<&str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let linked = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next());
    let whole = |name: &&str| {
        let kind = [".rs", ".md"].iter().any(|kind| name.ends_with(kind));
        kind && !name.contains(|c: char| c.is_whitespace() || "*<{:".contains(c))
    };
    quoted.chain(linked).filter(whole).collect()
}

// In pieces, so that this file does not break its own rules.
const UNFINISHED: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
const PATHS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];
const REGISTRIES: [&str; 5] = ["index.", "static.", "registry.", "deb.", "files."];
const HERE: [&str; 3] = ["127.0.0.1:", "localhost:", "[::1]:"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_tells_good_lines_from_bad() {
        type Rule = fn(&str) -> Option<String>;
        let rules: [(Rule, &str, &[String]); 4] = [
            (
                trailing_space,
                "fine",
                &["bad ".to_owned(), "\t".to_owned()],
            ),
            (
                unfinished,
                "do it",
                &UNFINISHED.map(|mark| format!("x {mark}")),
            ),
            (
                of_one_machine,
                "http://example.org/index.html and https://github.com/x",
                &[
                    format!("see {}me/x", PATHS[0]),
                    format!("https://{}example.org/x", REGISTRIES[0]),
                    format!("\"http://{}example.org\"", REGISTRIES[3]),
                ],
            ),
            (
                fixed_port,
                "127.0.0.1:0, [::1]:1, localhost:{port}, 127.0.0.1:8080 // fixed port: only parsed",
                &["x(\"127.0.0.1:8080\")".to_owned(), "[::1]:1936".to_owned()],
            ),
        ];
        for (rule, good, bad) in rules {
            assert_eq!(rule(good), None, "{good}");
            for line in bad {
                assert!(rule(line).is_some(), "{line}");
            }
        }
        let found = lines("a.rs", "fine\nbad \n", trailing_space);
        assert_eq!(found[0].to_string(), "a.rs:2: remove the space at the end");
    }

    #[test]
    fn a_build_stage_ends_where_the_next_begins() {
        let text = |command| format!("ARG X\nFROM ${{RUST_IMAGE}} AS build\n{command}\n\nFROM x\n");
        assert_eq!(build_stage(&text("RUN a")), Some("RUN a\n"));
        assert_ne!(build_stage(&text("RUN a")), build_stage(&text("RUN b")));
        assert_eq!(build_stage("FROM x\n"), None);
    }

    #[test]
    fn a_document_names_files() {
        let line =
            "`a/b.rs` and `x::y` in [C](docs/c.md#d), `cargo run x.rs`, [e](https://e.md), `*.rs`";
        assert_eq!(named_files(line), ["a/b.rs", "docs/c.md"]);
        assert!(named_files("no `code`").is_empty());
    }
}
