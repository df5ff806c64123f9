//! Where a setting comes from: a flag, else the environment, else a TOML file; and all that
//! is wrong with them, told together. What the settings mean is each binary's affair.
//!
//! A binary declares its flags with clap as `Option<String>` or `Vec<String>` with
//! `env = "RAGOT_..."`, hands the matches over, and asks for one key after another. A flag's
//! long name is its key in the file.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::parse::Parsed;
use crate::toml_file::{self, Entry};

/// The exit code of a command line or configuration that cannot be used: EX_USAGE of
/// sysexits.h.
pub const EX_USAGE: u8 = 64;

/// Why a command line ends the program before it starts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stop {
    /// What to print: help to standard output, one line of complaint to standard error.
    pub text: String,
    /// The exit code: 0 for help and version, else [`EX_USAGE`].
    pub code: u8,
}

/// Reads the command line.
///
/// # Errors
/// Help and version (code 0), or one line that says what is wrong (code 64).
pub fn arguments(
    command: Command,
    args: impl IntoIterator<Item = OsString>,
) -> Result<ArgMatches, Stop> {
    let wraps = command.get_arguments().any(clap::Arg::is_last_set);
    command.try_get_matches_from(args).map_err(|error| {
        let text = error.render().to_string();
        if error.use_stderr() {
            Stop {
                text: format!("{}{}", complaint(&text), order(&error, wraps)),
                code: EX_USAGE,
            }
        } else {
            Stop { text, code: 0 }
        }
    })
}

/// clap explains over several lines; the first paragraph is the complaint, tips follow.
fn complaint(text: &str) -> String {
    let lines = || text.lines().map(str::trim);
    let first = lines().take_while(|line| !line.is_empty());
    let line = first.collect::<Vec<_>>().join(" ");
    let tips = lines().filter_map(|line| line.strip_prefix("tip: "));
    let tips: String = tips.map(|tip| format!("; {tip}")).collect();
    format!("{}{tips}", line.strip_prefix("error: ").unwrap_or(&line))
}

/// Where a word should stand that is taken for none that is known; of a command that `wraps` a program or not.
fn order(error: &clap::Error, wraps: bool) -> &'static str {
    let is_word = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(arg))) => !arg.starts_with('-'),
        (ErrorKind::ArgumentConflict, _) => error.get(ContextKind::InvalidSubcommand).is_some(),
        _ => false,
    };
    match (is_word, wraps) {
        (false, _) => "",
        (true, false) => "; a subcommand comes before its flags",
        (true, true) => "; a subcommand comes before its flags, a program after `--`",
    }
}

/// Everything that is wrong, in the order in which it was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes one more.
    pub fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value`, unless something is wrong.
    ///
    /// # Errors
    /// All problems, one a line when displayed.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// The values of every key, with where each was written.
#[derive(Clone, Debug)]
pub struct Sources {
    keys: Vec<&'static str>,
    given: Vec<Given>,
    from_file: Vec<Given>,
}

#[derive(Clone, Debug)]
struct Given {
    key: &'static str,
    /// As it stands in front of a complaint: `--weight "300"`.
    shown: String,
    value: String,
    /// A variable cannot be repeated, so one may hold several values.
    from_env: bool,
}

impl Sources {
    /// Takes the values of `keys` (long flag names) from the flags and the environment.
    /// An empty variable, as compose files pass them on, is none.
    pub fn from_matches(matches: &ArgMatches, keys: &[&'static str]) -> Self {
        let given = keys.iter().flat_map(|key| {
            let id = key.replace('-', "_");
            let from_env = matches.value_source(&id) == Some(ValueSource::EnvVariable);
            let values = matches.try_get_many::<String>(&id).ok().flatten();
            let values = values.into_iter().flatten();
            values
                .flat_map(move |value| given(key, value, from_env))
                .collect::<Vec<_>>()
        });
        Self {
            keys: keys.to_vec(),
            given: given.collect(),
            from_file: Vec::new(),
        }
    }

    /// Nothing given yet.
    #[cfg(test)]
    pub(crate) fn without_flags(keys: &[&'static str]) -> Self {
        Self {
            keys: keys.to_vec(),
            given: Vec::new(),
            from_file: Vec::new(),
        }
    }

    /// Adds the settings of a TOML file, below flags and environment.
    pub fn add_file(&mut self, path: &Path, problems: &mut Problems) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.add_toml(path, &text, problems),
            Err(error) => problems.add(format!("{}: cannot be read: {error}", path.display())),
        }
    }

    /// As [`Sources::add_file`], with the text already read.
    pub fn add_toml(&mut self, path: &Path, text: &str, problems: &mut Problems) {
        let entries = match toml_file::read(path, text) {
            Ok(entries) => entries,
            Err(errors) => return errors.into_iter().for_each(|error| problems.add(error)),
        };
        for entry in entries {
            self.add_entry(entry, problems);
        }
    }

    fn add_entry(&mut self, entry: Entry, problems: &mut Problems) {
        let Entry { line, key, values } = entry;
        let Some(known) = self.keys.iter().find(|known| **known == key) else {
            let hint = nearest(&key, &self.keys)
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            problems.add(format!("{line}: key `{key}` is not known{hint}"));
            return;
        };
        let Some(values) = values else {
            problems.add(format!(
                "{line}: `{key}`: expected a string, a whole number, true, false or an array of strings"
            ));
            return;
        };
        let given = values.into_iter().map(|(line, value)| Given {
            key: known,
            shown: format!("{line}: {key} = {value:?}"),
            value,
            from_env: false,
        });
        self.from_file.extend(given);
    }

    /// The one value of `key`, or `default`. What cannot be parsed is noted, and `default`
    /// stands in so that the rest can be checked too.
    pub fn one<T>(
        &self,
        key: &str,
        default: T,
        parse: impl Fn(&str) -> Parsed<T>,
        problems: &mut Problems,
    ) -> T {
        self.optional(key, parse, problems).unwrap_or(default)
    }

    /// The one value of `key`, if it is given.
    pub fn optional<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Parsed<T>,
        problems: &mut Problems,
    ) -> Option<T> {
        let mut all = self.parsed(self.of(key).cloned(), parse, problems);
        if all.len() > 1 {
            problems.add(format!("{}: given more than once", self.shown(key)));
        }
        all.pop()
    }

    /// Whether `key` is given at all, well or badly.
    pub fn is_given(&self, key: &str) -> bool {
        self.of(key).next().is_some()
    }

    /// All values of `key`, from the highest source that has any. A variable, which cannot be
    /// repeated, is split at commas.
    pub fn many<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Parsed<T>,
        problems: &mut Problems,
    ) -> Vec<T> {
        let values = self.of(key).flat_map(|given| given.split(','));
        self.parsed(values, parse, problems)
    }

    /// As [`Sources::many`], but a variable is split at the ends of lines: commands have commas.
    pub fn lines<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Parsed<T>,
        problems: &mut Problems,
    ) -> Vec<T> {
        let lines = self.of(key).flat_map(|given| given.split('\n'));
        self.parsed(lines, parse, problems)
    }

    fn parsed<T>(
        &self,
        all: impl Iterator<Item = Given>,
        parse: impl Fn(&str) -> Parsed<T>,
        problems: &mut Problems,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for given in all {
            match parse(&given.value) {
                Ok(value) => values.push(value),
                Err(rule) => problems.add(format!("{}: expected {rule}", given.shown)),
            }
        }
        values
    }

    /// Where `key` was last written, to begin a complaint about it; the flag when nowhere.
    pub fn shown(&self, key: &str) -> String {
        let last = self.of(key).last();
        last.map_or_else(|| format!("--{key}"), |given| given.shown.clone())
    }

    fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Given> {
        let above = self.given.iter().any(|given| given.key == key);
        let layer = if above { &self.given } else { &self.from_file };
        layer.iter().filter(move |given| given.key == key)
    }
}

/// The name of the environment variable of `key`.
pub fn variable(key: &str) -> String {
    format!("RAGOT_{}", key.replace('-', "_").to_uppercase())
}

fn given(key: &'static str, value: &str, from_env: bool) -> Option<Given> {
    let shown = if from_env {
        format!("{} {value:?}", variable(key))
    } else {
        format!("--{key} {value:?}")
    };
    let given = Given {
        key,
        shown,
        value: value.to_owned(),
        from_env,
    };
    // An empty variable is one that is not set.
    (!from_env || !value.trim().is_empty()).then_some(given)
}

impl Given {
    /// Each of the values that one variable holds, between `separator`s.
    fn split(&self, separator: char) -> Vec<Self> {
        if !self.from_env {
            return vec![self.clone()];
        }
        let values = self.value.split(separator).map(str::trim);
        let values = values.filter(|value| !value.is_empty());
        values
            .filter_map(|value| given(self.key, value, true))
            .collect()
    }
}

/// The known key that `name` is most likely a slip of, if any is close.
fn nearest<'a>(name: &str, keys: &[&'a str]) -> Option<&'a str> {
    let near = keys.iter().map(|key| (distance(name, key), *key)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let swap = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = swap.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
