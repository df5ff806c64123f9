//! The statistics as CSV, read the way the many clients of HAProxy read it: split on commas,
//! fields by the names in the header.

use std::collections::HashMap;

/// One line of statistics.
#[derive(Clone, Debug, Default)]
pub struct Row(HashMap<String, String>);

impl Row {
    /// A field; empty if there is none of that name.
    #[must_use]
    pub fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// A field that counts something.
    ///
    /// # Panics
    ///
    /// If it is no number.
    #[must_use]
    pub fn count(&self, field: &str) -> u64 {
        let text = self.get(field);
        text.parse()
            .unwrap_or_else(|_| panic!("{field} is {text:?} in {self:?}"))
    }

    /// `svname`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get("svname")
    }

    /// `status`.
    #[must_use]
    pub fn status(&self) -> &str {
        self.get("status")
    }

    /// Whether requests are sent to it; `UP 2/3` is up as well.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.status().starts_with("UP")
    }

    /// Whether it is a server of the pool.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.get("pxname") == "nodes" && self.name() != "FRONTEND" && self.name() != "BACKEND"
    }
}

/// Reads a document; `None` if it has no header.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<Row>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next()?.strip_prefix("# ")?.split(',').collect();
    let row = |line: &str| {
        let fields = line.split(',').map(str::to_owned);
        Row(header
            .iter()
            .map(|name| (*name).to_owned())
            .zip(fields)
            .collect())
    };
    Some(lines.map(row).collect())
}

/// The names of those that are up, sorted.
#[must_use]
pub fn up(rows: &[Row]) -> Vec<String> {
    let up = rows.iter().filter(|row| row.is_server() && row.is_up());
    let mut names: Vec<_> = up.map(|row| row.name().to_owned()).collect();
    names.sort();
    names
}

/// The row of one server.
#[must_use]
pub fn server<'a>(rows: &'a [Row], name: &str) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.is_server() && row.name() == name)
}
