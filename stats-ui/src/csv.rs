//! Statistics as HAProxy's CSV (management guide, 9.1): framing only. Which rows and which
//! columns there are is decided elsewhere.

use std::fmt::Write;

use crate::column::Value;
use crate::field::COLUMNS;
use crate::plain::plain;
use crate::report::Report;
use crate::select::{Row, View};

/// The header and all visible rows, each line with the same number of commas, one of them at
/// its end.
#[must_use]
pub fn stats(report: &Report, view: &View) -> String {
    let mut text = String::from("# ");
    for column in &COLUMNS {
        text.push_str(column.name);
        text.push(',');
    }
    text.push('\n');
    for row in view.all_rows(report) {
        line(&mut text, &row);
    }
    text
}

fn line(text: &mut String, row: &Row<'_>) {
    let start = text.len();
    for column in &COLUMNS {
        // Writing into a string cannot fail.
        let (Ok(()) | Err(_)) = match column.value(row) {
            Value::Empty => Ok(()),
            Value::Number(number) => write!(text, "{number}"),
            Value::Signed(number) => write!(text, "{number}"),
            Value::Text(words) => text.write_str(&plain(&words)),
        };
        text.push(',');
    }
    text.push('\n');
    // A line that begins like a comment would be lost to those who skip comments.
    if text[start..].starts_with('#') {
        text.replace_range(start..=start, "_");
    }
}
