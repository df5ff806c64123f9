//! What the whole page says, as those read it who look for it.

use super::{Look, page};
use crate::options::Options;
use crate::report::{ProxyReport, Report, ServerRow};
use crate::sample;
use crate::select::View;

fn look(options: &Options) -> Look<'_> {
    Look {
        uri: "/",
        refreshes: false,
        hide_version: true,
        show_node: false,
        description: None,
        options,
        view: View::new(options, false),
    }
}

/// The page for a path, with what `change` does to how it looks.
fn shown(path: &str, change: impl FnOnce(&mut Look<'_>)) -> String {
    let options = Options::parse("/", path).unwrap();
    let mut look = look(&options);
    change(&mut look);
    page(&sample::report(), &look)
}

#[test]
fn all_of_haproxys_headings_are_there() {
    let page = shown("/", |_| ());
    let mut rest = page.as_str();
    for heading in HEADINGS {
        let at = rest
            .find(heading)
            .unwrap_or_else(|| panic!("`{heading}` is missing or late"));
        rest = &rest[at + heading.len()..];
    }
}

#[test]
fn the_name_is_ours_and_the_version_is_found() {
    let hidden = shown("/", |_| ());
    assert!(hidden.contains("<h1><a href=\"/\">Ragot</a></h1>"));
    assert!(!hidden.contains("HAProxy version"));
    let page = shown("/", |look| look.hide_version = false);
    let line = page
        .lines()
        .find(|line| line.contains("HAProxy version "))
        .unwrap();
    let version = line
        .split("HAProxy version ")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    assert_eq!(version, "2.6.12");
}

#[test]
fn programs_find_uptime_and_idle_time() {
    let page = shown("/", |_| ());
    assert!(
        page.lines()
            .any(|line| line == "<b>uptime = </b> 0d 0h08m43s<br>")
    );
    assert!(page.contains("idle = 100 %"));
}

#[test]
fn node_and_description_follow_the_titles() {
    let page = shown("/", |look| {
        look.show_node = true;
        look.description = Some("the lab");
    });
    assert!(page.contains("Ragot on ha</title>"));
    assert!(page.contains("<h2>Statistics Report for pid 42 on ha: the lab</h2>"));
}

#[test]
fn a_link_keeps_the_other_options() {
    let page = shown("/;up;norefresh?scope=no", |look| look.refreshes = true);
    let check = |href: &str, words: &str| {
        assert!(
            page.contains(&format!("<a href=\"{href}\">{words}</a>")),
            "{href} {words}"
        );
    };
    check("/;norefresh?scope=no", "Show all servers");
    check("/;up?scope=no", "Enable refresh");
    check("/;up;norefresh?scope=no", "Refresh now");
    check("/;csv;up;norefresh?scope=no", "CSV export");
    check("/;json-schema", "schema");
    assert!(page.contains("name=\"scope\" value=\"no\""));
}

#[test]
fn a_banner_can_be_closed() {
    let page = shown("/;st=DENY;up", |_| ());
    assert!(page.contains("<div class=\"banner active_down\"><a href=\"/;up\">[X]</a>"));
}

#[test]
fn rows_have_anchors_colours_and_filters() {
    let page = shown("/", |_| ());
    assert!(page.contains("id=\"nodes/s1\"") && page.contains("<tr class=\"active_up\">"));
    assert!(page.contains("id=\"nodes/s3\"") && page.contains("<tr class=\"active_down\">"));
    let page = shown("/;up", |_| ());
    assert!(!page.contains("id=\"nodes/s3\""));
    assert!(page.contains("UP (1/2)"));
}

#[test]
fn legends_are_for_those_who_may_see_them() {
    let legend = "IPv4: 192.168.42.11:3000, id: 1";
    assert!(!shown("/", |_| ()).contains(legend));
    let page = shown("/", |look| look.view.legends = true);
    assert!(page.contains(legend));
    assert!(page.contains("cap: frontend, mode: http, id: 3"));
    assert!(page.contains("balancing: roundrobin"));
}

#[test]
fn names_cannot_become_markup_and_the_page_is_ascii() {
    let mut report = sample::report();
    report.proxies[1].servers[0].name = "<script>\u{e9}".to_owned();
    let options = Options::default();
    let page = page(&report, &look(&options));
    assert!(page.is_ascii());
    assert!(page.contains("&lt;script&gt;&#233;") && !page.contains("<script>"));
}

#[test]
fn ten_thousand_servers_are_shown() {
    let server = |id| ServerRow {
        name: format!("s{id}"),
        id,
        ..sample::s1()
    };
    let nodes = ProxyReport {
        name: "nodes".to_owned(),
        servers: (1..=10_000).map(server).collect(),
        ..ProxyReport::default()
    };
    let report = Report {
        proxies: vec![nodes],
        ..Report::default()
    };
    let options = Options::default();
    assert_eq!(
        page(&report, &look(&options))
            .matches("<tr class=\"active_up\">")
            .count(),
        10_000
    );
    let csv = crate::csv::stats(&report, &View::default());
    assert_eq!(csv.lines().count(), 10_001);
}

/// In the order in which they must come.
const HEADINGS: [&str; 37] = [
    "<title>Statistics Report for HAProxy",
    "Statistics Report for pid 42",
    "General process information",
    "pid = ",
    "uptime = ",
    "system limits:",
    "maxsock = ",
    "maxconn = ",
    "maxpipes = ",
    "current conns = ",
    "Running tasks: ",
    "active UP",
    "backup UP, going down",
    "active or backup DOWN for maintenance (MAINT)",
    "active or backup SOFT STOPPED for maintenance",
    "UP with load-balancing disabled.",
    "Display option:",
    "Scope : ",
    "Hide 'DOWN' servers",
    "Refresh now",
    "CSV export",
    "JSON export",
    "schema",
    "External resources:",
    "Primary site",
    "Updates (v0.1)",
    "Online manual",
    ">localnodes</a>",
    ">Queue</th>",
    ">Session rate</th>",
    ">Sessions</th>",
    ">Bytes</th>",
    ">Denied</th>",
    ">Errors</th>",
    ">Warnings</th>",
    ">Server</th>",
    ">Thrtle</th>",
];
