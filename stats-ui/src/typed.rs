//! Statistics as HAProxy's typed text (management guide, 9.2): one field a line, with where it
//! belongs, its tags and its type. Framing only.

use std::fmt::Write;

use crate::column::{Column, Value};
use crate::field::COLUMNS;
use crate::plain::plain;
use crate::report::Report;
use crate::select::{Object, Row, View};

/// All visible rows, the fields that apply.
#[must_use]
pub fn stats(report: &Report, view: &View) -> String {
    let mut text = String::new();
    for row in view.all_rows(report) {
        for (position, column) in COLUMNS.iter().enumerate().filter(|(_, c)| c.name != "-") {
            line(&mut text, &row, position, column);
        }
    }
    text
}

fn line(text: &mut String, row: &Row<'_>, position: usize, column: &Column) {
    let value = match column.value(row) {
        Value::Empty => return,
        Value::Number(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Text(words) => plain(&words).into_owned(),
    };
    let (letter, iid, sid) = (letter(row.object), row.proxy.iid, row.id());
    let (o, n, s) = (column.tags.origin, column.tags.nature, column.tags.scope);
    // Writing into a string cannot fail.
    let (Ok(()) | Err(_)) = writeln!(
        text,
        "{letter}.{iid}.{sid}.{position}.{}.1:{}{}{}:{}:{value}",
        column.name,
        o.letter,
        n.letter,
        s.letter,
        column.kind.name(),
    );
}

const fn letter(object: Object<'_>) -> char {
    match object {
        Object::Frontend(_) => 'F',
        Object::Listener(_) => 'L',
        Object::Server(_) => 'S',
        Object::Backend(_) => 'B',
    }
}
