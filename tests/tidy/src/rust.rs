//! Rust code, read roughly: the tests cut off, functions measured, paths followed through the
//! braces of a `use`. Code that rustfmt has formatted is assumed; macros are read like any other
//! code.

use crate::blank::blanked;
use crate::finding::Finding;

/// A Rust file, taken apart.
#[derive(Debug)]
pub struct Source {
    /// From the repository's root.
    pub path: String,
    /// As it stands there.
    pub text: String,
    /// The same lines with comments and the insides of literals blanked.
    pub code: String,
    /// Lines before an inline `#[cfg(test)] mod … {`; all of them without one.
    pub lines: usize,
}

impl Source {
    /// Takes a file apart.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let code = blanked(text);
        let lines = test_modules(&code)
            .find(|module| module.inline)
            .map_or_else(|| code.lines().count(), |module| module.line - 1);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            lines,
        }
    }

    /// The tokens of the code before the tests.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens = tokens(&self.code);
        tokens.retain(|token| token.line <= self.lines);
        tokens
    }

    /// The lines of the header, without their `//!`.
    pub fn docs(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(str::trim_end)
    }

    /// Modules in files of their own, declared here: name and line.
    #[must_use]
    pub fn modules(&self) -> Vec<(String, usize)> {
        let tests: Vec<_> = test_modules(&self.code).map(|module| module.name).collect();
        self.tokens()
            .windows(3)
            .filter(|three| three[0].text == "mod" && three[2].text == ";")
            .map(|three| (three[1].text.clone(), three[1].line))
            .filter(|(name, _)| !tests.contains(name))
            .collect()
    }

    /// Modules in files of their own that exist for tests only.
    #[must_use]
    pub fn test_modules(&self) -> Vec<String> {
        test_modules(&self.code)
            .filter(|module| !module.inline)
            .map(|module| module.name)
            .collect()
    }

    /// Functions of more than `limit` lines; a test may be a table of any length.
    #[must_use]
    pub fn long_functions(&self, limit: usize) -> Vec<Finding> {
        let lines: Vec<_> = self.code.lines().collect();
        let mut found = Vec::new();
        for (start, line) in lines.iter().enumerate().take(self.lines) {
            let Some(name) = function_name(line) else {
                continue;
            };
            let indent = line.len() - line.trim_start().len();
            let length = function_length(&lines[start..], indent);
            if length > limit {
                let what =
                    format!("`{name}` has {length} lines, more than {limit}: name its steps");
                found.push(Finding::new(&self.path, start + 1, what));
            }
        }
        found
    }
}

/// A word, `::`, or one other character, and the line it is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// As written.
    pub text: String,
    /// From 1.
    pub line: usize,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphanumeric() || first == '_')
    }
}

/// Splits blanked code into tokens.
#[must_use]
pub fn tokens(code: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                word => word,
            };
            found.push(Token {
                text: rest[..length].to_owned(),
                line: index + 1,
            });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// Every path in `tokens` that begins with one of `roots`, followed through braces:
/// `use crate::a::{b, c::d}` gives `crate a b` and `crate a c d`.
#[must_use]
pub fn paths(tokens: &[Token], roots: &[&str]) -> Vec<(Vec<String>, usize)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let inside = at > 0 && tokens[at - 1].text == "::";
        let goes_on = tokens.get(at + 1).is_some_and(|next| next.text == "::");
        if !inside && goes_on && roots.contains(&token.text.as_str()) {
            follow(tokens, at, &[], &mut found);
        }
    }
    found
}

/// Follows one path from `at`; returns where it ends.
fn follow(
    tokens: &[Token],
    mut at: usize,
    before: &[String],
    found: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let mut path = before.to_vec();
    let line = tokens[at].line;
    while tokens.get(at).is_some_and(Token::is_word) {
        path.push(tokens[at].text.clone());
        at += 1;
        if tokens.get(at).is_none_or(|next| next.text != "::") {
            found.push((path, line));
            return at;
        }
        at += 1;
    }
    if tokens.get(at).is_none_or(|next| next.text != "{") {
        found.push((path, line)); // a glob, or generics
        return at;
    }
    at += 1;
    while let Some(token) = tokens.get(at).filter(|token| token.text != "}") {
        if token.is_word() && token.text != "as" {
            at = follow(tokens, at, &path, found);
        } else {
            at += if token.text == "as" { 2 } else { 1 };
        }
    }
    at + 1
}

struct TestModule {
    name: String,
    line: usize,
    inline: bool,
}

fn test_modules(code: &str) -> impl Iterator<Item = TestModule> {
    let lines: Vec<_> = code.lines().map(str::trim).collect();
    let starts: Vec<_> = (0..lines.len())
        .filter(|&at| lines[at] == "#[cfg(test)]")
        .collect();
    starts.into_iter().filter_map(move |at| {
        let module = lines[at..].iter().take(8).find_map(|line| {
            line.strip_prefix("pub(crate) ")
                .unwrap_or(line)
                .strip_prefix("mod ")
        })?;
        let inline = module.ends_with('{') || module.ends_with('}');
        let name = module
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?;
        Some(TestModule {
            name: name.to_owned(),
            line: at + 1,
            inline,
        })
    })
}

fn function_name(line: &str) -> Option<&str> {
    let before = ["pub", "const", "async", "unsafe", "extern", "default"];
    let at = line.find("fn ").filter(|&at| {
        line[..at]
            .split_whitespace()
            .all(|word| before.contains(&word) || word.starts_with("pub("))
    })?;
    line[at + 3..].split(['(', '<']).next()
}

/// Lines until the brace that closes the function, which rustfmt puts under its beginning.
fn function_length(lines: &[&str], indent: usize) -> usize {
    let mut opened = false;
    for (index, line) in lines.iter().enumerate() {
        opened |= line.contains('{');
        let ends = line.trim_end();
        if !opened && ends.ends_with(';') {
            return index + 1;
        }
        let closes = ends.trim_start().starts_with('}') && ends.len() == indent + 1;
        if closes || (index == 0 && ends.ends_with('}')) {
            return index + 1;
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests;
