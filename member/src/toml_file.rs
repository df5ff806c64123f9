//! A flat TOML file as texts with the line of each: keys, and scalars or arrays of scalars.
//! Which keys there are and what they mean is `settings`.

use std::path::Path;

use toml::de::{DeTable, DeValue};

/// One key of the file.
pub(crate) struct Entry {
    /// `lb.toml:3`
    pub(crate) line: String,
    /// As written.
    pub(crate) key: String,
    /// Each value with its own line; `None` when it is neither a scalar nor an array of them.
    pub(crate) values: Option<Vec<(String, String)>>,
}

/// The entries of `text`, in the order of their lines.
///
/// # Errors
/// Everything that is not TOML, each with its line.
pub(crate) fn read(path: &Path, text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let file = File { path, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let told = errors.iter().map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            format!("{}: {}", file.line(at), error.message())
        });
        return Err(told.collect());
    }
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries.into_iter().map(|(key, value)| {
        let line = file.line(key.span().start);
        let values = plain_values(value.get_ref()).map(|values| {
            let lined = |(at, value): (Option<usize>, String)| {
                (at.map_or_else(|| line.clone(), |at| file.line(at)), value)
            };
            values.into_iter().map(lined).collect()
        });
        Entry {
            key: key.get_ref().to_string(),
            values,
            line,
        }
    });
    Ok(entries.collect())
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    /// `lb.toml:3` for the byte offset `at`.
    fn line(&self, at: usize) -> String {
        let before = self.text.bytes().take(at);
        let line = 1 + before.filter(|c| *c == b'\n').count();
        format!("{}:{line}", self.path.display())
    }
}

/// The texts of a scalar or an array of scalars, with the offset of each array element.
fn plain_values(value: &DeValue<'_>) -> Option<Vec<(Option<usize>, String)>> {
    match value {
        DeValue::Array(array) => array
            .iter()
            .map(|item| Some((Some(item.span().start), plain(item.get_ref())?)))
            .collect(),
        _ => Some(vec![(None, plain(value)?)]),
    }
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}
