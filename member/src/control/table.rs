//! How answers are printed: Serf's text, column by column.

use std::collections::BTreeMap;

use super::message::{Event, Holder};
use super::roll::Member;

/// `serf members`, or `serf members -detailed` and what we know beyond it.
pub(crate) fn members(members: &[Member], detailed: bool) -> String {
    let row = |member: &Member| {
        let mut row = vec![
            member.name.clone(),
            member.addr.clone(),
            member.status.as_str().to_owned(),
            tags(&member.tags),
        ];
        if detailed {
            row.extend(details(member));
        }
        row
    };
    columns(&members.iter().map(row).collect::<Vec<_>>())
}

/// `serf info`: sections of keys and values.
pub(crate) fn info(sections: &BTreeMap<String, BTreeMap<String, String>>) -> String {
    let mut text = String::new();
    for (section, values) in sections {
        text.push_str(&format!("{section}:\n"));
        for (key, value) in values {
            text.push_str(&format!("\t{key} = {value}\n"));
        }
    }
    text
}

/// A time in Unix milliseconds, as the log has it: `2026-11-25T19:07:52.123Z`.
pub(crate) fn clock(ms: u64) -> String {
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days: years of 400 that begin in March.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// One line for a change.
pub(crate) fn event(event: &Event) -> String {
    let Event { event, member, .. } = event;
    let mut line = format!("{event}: {} {}", member.name, member.addr);
    let why = member.reason.as_deref();
    let state = why.map_or_else(
        || member.state.clone(),
        |why| format!("{}: {why}", member.state),
    );
    line.push_str(&format!(" {state}, weight {}", member.weight));
    if !member.tags.is_empty() {
        line.push_str(&format!(", {}", tags(&member.tags)));
    }
    line
}

/// Who still holds requests of a webapp that drains.
pub(crate) fn draining(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return "no balancer is heard".to_owned();
    }
    let one = |holder: &Holder| {
        let name = &holder.balancer;
        match holder.inflight {
            None => format!("{name}: not yet acknowledged"),
            Some(_) if holder.released => format!("{name}: released"),
            Some(1) => format!("{name}: 1 request in flight"),
            Some(inflight) => format!("{name}: {inflight} requests in flight"),
        }
    };
    holders.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn details(member: &Member) -> [String; 8] {
    let protocol = &member.protocol;
    let http = member.http.map(|http| http.to_string());
    let beat = member.last_heartbeat_ms;
    [
        format!("Protocol Version: {}", protocol.version),
        format!(
            "Available Protocol Range: [{}, {}]",
            protocol.min, protocol.max
        ),
        format!("Generation: {}", member.generation),
        format!("State: {}", member.state),
        format!("Service: {}", member.service),
        format!("HTTP: {}", http.as_deref().unwrap_or("none")),
        format!("Weight: {}", member.weight),
        beat.map_or("Heartbeat: own".to_owned(), |ms| {
            format!("Heartbeat: {ms} ms ago")
        }),
    ]
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    let pair = |(name, value): (&String, &String)| format!("{name}={value}");
    tags.iter().map(pair).collect::<Vec<_>>().join(",")
}

/// As Serf's columnize: two spaces between columns as wide as their widest cell, the last
/// column as it is, no space or line at the very end but one line break.
fn columns(rows: &[Vec<String>]) -> String {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let last = row.len().saturating_sub(1);
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match column {
                _ if column == last => text.push_str(cell),
                _ => text.push_str(&format!("{cell:<width$}  ")),
            }
        }
        text.push('\n');
    }
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::roll::{Protocol, Status};

    fn member(name: &str, addr: &str, status: Status, tags: &[(&str, &str)]) -> Member {
        let tag = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Member {
            name: name.to_owned(),
            addr: addr.to_owned(),
            port: addr.rsplit(':').next().unwrap().parse().unwrap(),
            tags: tags.iter().map(tag).collect(),
            status,
            protocol: Protocol {
                max: 5,
                min: 2,
                version: 5,
            },
            generation: 7,
            state: "ready".to_owned(),
            reason: None,
            presence: "live".to_owned(),
            service: "nodes".to_owned(),
            http: None,
            weight: 1,
            last_heartbeat_ms: Some(40),
        }
    }

    /// What `serf members` (Debian's 0.8.2-dev) printed of three agents on loopback, one of them
    /// killed and one without tags, typed here: also the spaces at the ends of lines.
    #[test]
    fn the_text_is_serfs_byte_for_byte() {
        let all = [
            member(
                "n1",
                "127.0.0.1:17946",
                Status::Alive,
                &[("role", "backend"), ("x", "y")],
            ),
            member("longername2", "127.0.0.1:17947", Status::Failed, &[]),
            member("s2", "127.0.0.1:17948", Status::Alive, &[]),
        ];
        assert_eq!(
            members(&all, false),
            "n1           127.0.0.1:17946  alive   role=backend,x=y\n\
             longername2  127.0.0.1:17947  failed  \n\
             s2           127.0.0.1:17948  alive\n"
        );
        // With nobody to list, Serf prints an empty line.
        assert_eq!(members(&[], false), "\n");
    }

    /// The same of `serf members -detailed`; what we add follows on the line.
    #[test]
    fn detailed_begins_as_serfs() {
        let all = [
            member("longername2", "127.0.0.1:17947", Status::Alive, &[]),
            member(
                "n1",
                "127.0.0.1:17946",
                Status::Alive,
                &[("role", "backend"), ("a", "b")],
            ),
        ];
        let text = members(&all, true);
        let lines: Vec<_> = text.lines().collect();
        let serfs = [
            "longername2  127.0.0.1:17947  alive                    Protocol Version: 5  Available Protocol Range: [2, 5]",
            "n1           127.0.0.1:17946  alive  a=b,role=backend  Protocol Version: 5  Available Protocol Range: [2, 5]",
        ];
        for (line, serfs) in lines.iter().zip(serfs) {
            let ours = line.strip_prefix(serfs).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                ours,
                "  Generation: 7  State: ready  Service: nodes  HTTP: none  Weight: 1  Heartbeat: 40 ms ago"
            );
        }
    }

    /// What `serf info` prints is sections, a tab, and keys in order.
    #[test]
    fn info_is_laid_out_as_serfs() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let sections = BTreeMap::from([
            (
                "tags".to_owned(),
                BTreeMap::from([pair("role", "backend"), pair("a", "b")]),
            ),
            ("event_handlers".to_owned(), BTreeMap::new()),
            ("agent".to_owned(), BTreeMap::from([pair("name", "n1")])),
        ]);
        assert_eq!(
            info(&sections),
            "agent:\n\tname = n1\nevent_handlers:\ntags:\n\ta = b\n\trole = backend\n"
        );
    }

    #[test]
    fn times_are_the_calendars() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_764_097_672_123, "2025-11-25T19:07:52.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(clock(ms), text);
        }
    }

    #[test]
    fn a_drain_is_told_in_words() {
        let holder = |inflight, released| Holder {
            balancer: "ha".to_owned(),
            inflight,
            released,
        };
        assert_eq!(draining(&[]), "no balancer is heard");
        let all = [
            holder(None, false),
            holder(Some(2), false),
            holder(Some(1), false),
            holder(Some(0), true),
        ];
        assert_eq!(
            draining(&all),
            "ha: not yet acknowledged, ha: 2 requests in flight, ha: 1 request in flight, ha: released"
        );
    }
}
