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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_field_is_what_haproxy_prints() {
        let text = stats(&sample::report(), &View::default());
        let check = |line: &str| assert!(text.lines().any(|l| l == line), "{line}");
        check("F.3.0.4.scur.1:MGP:u32:0");
        check("F.3.0.6.slim.1:CLP:u32:9984");
        check("F.3.0.46.req_rate.1:MRP:u32:0");
        check("S.4.1.1.svname.1:KNS:str:s1");
        check("S.4.1.17.status.1:SGP:str:UP");
        check("S.4.1.27.iid.1:KGS:u32:4");
        check("S.4.1.36.check_status.1:MOP:str:L7OK");
        check("S.4.1.38.check_duration.1:MDP:u64:1");
        check("S.4.1.55.lastsess.1:MAP:s32:477");
        check("S.4.3.55.lastsess.1:MAP:s32:-1");
        check("B.4.0.7.stot.1:MCP:u64:2130");
        check("B.4.0.58.qtime.1:MaP:u32:0");
        check("B.4.0.75.mode.1:CGS:str:http");
    }
}
