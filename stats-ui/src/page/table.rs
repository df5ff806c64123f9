//! One proxy: the bar with its name, and the table with its rows under HAProxy's columns.

use maud::{Markup, html};

use super::look::Look;
use super::{backend, client, server};
use crate::report::ProxyReport;
use crate::select::{Object, Row};

/// The bar and the table of a proxy.
pub(super) fn proxy(proxy: &ProxyReport, look: &Look<'_>) -> Markup {
    html! {
        table.tbl {
            tr.titre {
                th.pxname {
                    a.px id=(proxy.name) href={ "#" (proxy.name) } { (proxy.name) }
                    @if look.view.legends { div.tip { (legend(proxy)) } }
                }
                @match &proxy.description {
                    Some(description) => th.desc { (description) },
                    None => th.empty {},
                }
            }
        }
        table.tbl {
            (headings())
            @for line in look.view.rows(proxy) { "\n" (row(&line, look)) }
        }
        p {}
        "\n"
    }
}

fn legend(proxy: &ProxyReport) -> Markup {
    html! {
        "cap: " (proxy.capability().name())
        ", mode: " (proxy.mode.name())
        ", id: " (proxy.iid)
    }
}

fn headings() -> Markup {
    html! {
        tr.titre {
            th rowspan="2" {}
            @for (group, columns) in GROUPS { th colspan=(columns.len()) { (group) } }
        }
        tr.titre {
            @for (_, columns) in GROUPS { @for column in *columns { th { (column) } } }
        }
    }
}

fn row(row: &Row<'_>, look: &Look<'_>) -> Markup {
    let name = &row.proxy.name;
    match row.object {
        Object::Frontend(frontend) => client::frontend(name, frontend),
        Object::Listener(listener) => client::listener(name, listener, look),
        Object::Server(server) => server::row(name, server, look),
        Object::Backend(backend) => backend::row(row.proxy, backend, &row.status(), look),
    }
}

/// The columns under their groups.
const GROUPS: &[(&str, &[&str])] = &[
    ("Queue", &["Cur", "Max", "Limit"]),
    ("Session rate", &["Cur", "Max", "Limit"]),
    (
        "Sessions",
        &["Cur", "Max", "Limit", "Total", "LbTot", "Last"],
    ),
    ("Bytes", &["In", "Out"]),
    ("Denied", &["Req", "Resp"]),
    ("Errors", &["Req", "Conn", "Resp"]),
    ("Warnings", &["Retr", "Redis"]),
    (
        "Server",
        &[
            "Status", "LastChk", "Wght", "Act", "Bck", "Chk", "Dwn", "Dwntme", "Thrtle",
        ],
    ),
];
