//! The tooltips: what a cell tells to those who point at it. Each is a small table of what,
//! how much, and of how much that is.

use maud::{Markup, Render, html};

use super::cells::{limit, number};
use super::words::percent;
use crate::report::{
    Address, BackendRow, Compression, FrontendRow, Responses, ServerRow, Times, Timing,
};

/// Frontend, session rate now.
pub(super) fn rates_now(frontend: &FrontendRow) -> Markup {
    let rates = [
        frontend.connection_rate.current,
        frontend.session_rate.current,
        frontend.request_rate.current,
    ];
    rates_of("Current", rates)
}

/// Frontend, highest session rate.
pub(super) fn rates_max(frontend: &FrontendRow) -> Markup {
    let rates = [
        frontend.connection_rate.max,
        frontend.session_rate.max,
        frontend.request_rate.max,
    ];
    rates_of("Max", rates)
}

fn rates_of(when: &str, rates: [u64; 3]) -> Markup {
    html! {
        table {
            @for (what, rate) in ["connection", "session", "request"].into_iter().zip(rates) {
                (line(format!("{when} {what} rate:"), html! { (number(rate)) "/s" }))
            }
        }
    }
}

/// Frontend, sessions in all.
pub(super) fn frontend_total(frontend: &FrontendRow) -> Markup {
    let (lookups, hits) = (frontend.cache_lookups, frontend.cache_hits);
    html! {
        table {
            (line("Cum. connections:", number(frontend.connections_total)))
            (line("Cum. sessions:", number(frontend.sessions_total)))
            (line("Cum. HTTP requests:", number(frontend.requests_total)))
            (classes(&frontend.responses, Some(&frontend.compression)))
            (line("Intercepted requests:", number(frontend.intercepted)))
            (line("Cache lookups:", number(lookups)))
            (share("Cache hits:", hits, lookups))
            (line("Failed hdr rewrites:", number(frontend.failed_rewrites)))
            (line("Internal errors:", number(frontend.internal_errors)))
        }
    }
}

/// Backend, sessions in all.
pub(super) fn backend_total(backend: &BackendRow) -> Markup {
    let (opened, reused) = (backend.connections_opened, backend.connections_reused);
    let (lookups, hits) = (backend.cache_lookups, backend.cache_hits);
    html! {
        table {
            (line("Cum. sessions:", number(backend.sessions_total)))
            (line("New connections:", number(opened)))
            (share("Reused connections:", reused, opened.saturating_add(reused)))
            (line("Cum. HTTP requests:", number(backend.requests_total)))
            (classes(&backend.responses, Some(&backend.compression)))
            (line("Cache lookups:", number(lookups)))
            (share("Cache hits:", hits, lookups))
            (line("Failed hdr rewrites:", number(backend.failed_rewrites)))
            (line("Internal errors:", number(backend.internal_errors)))
            (times(&backend.times))
        }
    }
}

/// Server, sessions in all.
pub(super) fn server_total(server: &ServerRow) -> Markup {
    let (opened, reused) = (server.connections.opened, server.connections.reused);
    html! {
        table {
            (line("Cum. sessions:", number(server.sessions_total)))
            (line("New connections:", number(opened)))
            (share("Reused connections:", reused, opened.saturating_add(reused)))
            (line("Cum. HTTP requests:", number(server.requests_total)))
            @for (class, count) in by_class(&server.responses) {
                (share(format!("- {class} responses:"), count, server.requests_total))
            }
            (line("Failed hdr rewrites:", number(server.failed_rewrites)))
            (line("Internal error:", number(server.internal_errors)))
            (times(&server.times))
        }
    }
}

/// Server, sessions now.
pub(super) fn server_connections(server: &ServerRow) -> Markup {
    let connections = &server.connections;
    html! {
        table {
            (line("Current active connections:", number(server.sessions.current)))
            (line("Current used connections:", number(connections.used)))
            (line("Current idle connections:", number(connections.idle)))
            (line("- unsafe:", number(connections.idle_unsafe)))
            (line("- safe:", number(connections.idle_safe)))
            (line("Estimated need of connections:", number(connections.needed)))
            (line("Active connections limit:", limit(server.session_limit)))
            (line("Idle connections limit:", limit(connections.idle_limit)))
        }
    }
}

/// Bytes out of a frontend or a backend.
pub(super) fn bytes_out(bytes: u64, compression: &Compression) -> Markup {
    let (before, after) = (compression.bytes_in, compression.bytes_out);
    let saved = before.saturating_sub(after);
    html! {
        table {
            (line("Response bytes in:", number(bytes.saturating_add(saved))))
            (line("Compression in:", number(before)))
            (share("Compression out:", after, before))
            (line("Compression bypass:", number(compression.bytes_bypassed)))
            (share("Total bytes saved:", saved, bytes.saturating_add(saved)))
        }
    }
}

/// Response errors of a server or a backend.
pub(super) fn aborts(client: u64, server: u64) -> Markup {
    html! { "Connection resets during transfers: " (client) " client, " (server) " server" }
}

/// What `show-legends` says at the name of a server or a listener.
pub(super) fn identity(address: Option<Address>, id: u32, cookie: Option<&str>) -> Markup {
    html! {
        @match address {
            Some(Address::Ip(ip)) if ip.is_ipv4() => { "IPv4: " (ip.to_string()) ", " }
            Some(Address::Ip(ip)) => { "IPv6: " (ip.to_string()) ", " }
            Some(Address::Unix) => { "unix, " }
            None => {}
        }
        "id: " (id)
        @if let Some(cookie) = cookie { ", cookie: '" (cookie) "'" }
    }
}

fn classes(responses: &Responses, compression: Option<&Compression>) -> Markup {
    html! {
        @for (class, count) in by_class(responses) {
            (line(format!("- {class} responses:"), number(count)))
            @if let Some(compression) = compression.filter(|_| class == "HTTP 2xx") {
                (share("\u{a0}\u{a0}Compressed 2xx:", compression.responses, count))
            }
        }
    }
}

const fn by_class(responses: &Responses) -> [(&'static str, u64); 6] {
    [
        ("HTTP 1xx", responses.c1xx),
        ("HTTP 2xx", responses.c2xx),
        ("HTTP 3xx", responses.c3xx),
        ("HTTP 4xx", responses.c4xx),
        ("HTTP 5xx", responses.c5xx),
        ("other", responses.other),
    ]
}

fn times(times: &Times) -> Markup {
    let phases = [
        ("- Queue time:", times.queue),
        ("- Connect time:", times.connect),
        ("- Responses time:", times.response),
        ("- Total time:", times.total),
    ];
    html! {
        tr { th colspan="3" { "Max / Avg over last 1024 success. conn." } }
        @for (phase, Timing { average, max }) in phases {
            tr { th { (phase) } td { (max.as_millis()) " / " (average.as_millis()) } td { "ms" } }
        }
    }
}

fn line(what: impl Render, value: impl Render) -> Markup {
    html! { tr { th { (what) } td { (value) } } }
}

fn share(what: impl Render, part: u64, whole: u64) -> Markup {
    html! { tr { th { (what) } td { (number(part)) } td { "(" (percent(part, whole)) "%)" } } }
}
