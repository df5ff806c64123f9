//! What flags, environment and file make of a balancer, with the defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use member::flags;
use member::gossip::GossipConfig;
use member::hooks::Hooks;
use member::host;
use member::node::{DEFAULT_SERVICE, Description};
use member::parse::{self, Parsed};
use member::settings::{Problems, Sources};
use stats_ui::PageSettings;

use crate::app::Settings;
use crate::config::{CheckPolicy, IdlePolicy, ProxyPolicy, RetryPolicy, Timeouts};

/// A balancer's settings, every one from the highest source that has it.
pub(super) fn settings(sources: &Sources, problems: &mut Problems) -> Settings {
    let page = PageSettings {
        refresh: sources.optional("stats-refresh", number(1..=86_400_u32), problems),
        ..PageSettings::default()
    };
    let service = Arc::from(DEFAULT_SERVICE);
    Settings {
        listen: sources.one("listen", wildcard(80), parse::listen, problems),
        stats: sources.one("stats", Some(wildcard(STATS_PORT)), listen_or_off, problems),
        page,
        gossip: gossip(sources, problems),
        service: sources.one("service", service, flags::name, problems),
        workers: sources.one("workers", cores(), number(1..=1024), problems),
        maxconn: sources.one("maxconn", MAXCONN, number(1..=1_000_000), problems),
        drain_timeout: sources.one("drain-timeout", DRAIN, parse::duration, problems),
        checks: checks(sources, problems),
        proxy: proxy(sources, problems),
        pool_file: sources.optional("pool-file", file, problems),
        hooks: Hooks::from_sources(sources, problems),
    }
}

fn gossip(sources: &Sources, problems: &mut Problems) -> GossipConfig {
    let own = sources
        .optional("name", flags::name, problems)
        .or_else(|| host::name().map(Arc::from));
    if own.is_none() {
        problems.add("--name: missing; this host has no name to take");
    }
    let node = Description::balancer(own.as_deref().unwrap_or("unnamed"));
    flags::gossip(node, sources, problems)
}

fn checks(sources: &Sources, problems: &mut Problems) -> CheckPolicy {
    let default = CheckPolicy::default();
    CheckPolicy {
        interval: sources.one("check-inter", default.interval, positive, problems),
        ..default
    }
}

fn proxy(sources: &Sources, problems: &mut Problems) -> ProxyPolicy {
    let Timeouts {
        connect,
        client,
        server,
        request,
        tunnel,
    } = Timeouts::default();
    let mut limit = |key, default| sources.one(key, default, positive, problems);
    let timeouts = Timeouts {
        connect: limit("timeout-connect", connect),
        client: limit("timeout-client", client),
        server: limit("timeout-server", server),
        request: limit("timeout-http-request", request),
        tunnel: limit("timeout-tunnel", tunnel),
    };
    let retries = RetryPolicy::default().retries;
    let retry = RetryPolicy {
        retries: sources.one("retries", retries, number(0..=100), problems),
    };
    ProxyPolicy {
        timeouts,
        retry,
        idle: IdlePolicy::default(),
    }
}

fn listen_or_off(text: &str) -> Parsed<Option<SocketAddr>> {
    if text == "off" {
        return Ok(None);
    }
    parse::listen(text)
        .map(Some)
        .map_err(|rule| format!("{rule}, or `off`"))
}

fn file(text: &str) -> Parsed<PathBuf> {
    let path = PathBuf::from(text);
    path.file_name()
        .is_some_and(|_| !text.ends_with('/'))
        .then(|| path.clone())
        .ok_or_else(|| "the path of a file, as /var/lib/ragot/pool.json".to_owned())
}

fn positive(text: &str) -> Parsed<Duration> {
    let duration = parse::duration(text)?;
    if duration.is_zero() {
        Err("more than no time".to_owned())
    } else {
        Ok(duration)
    }
}

pub(super) fn number<T>(range: std::ops::RangeInclusive<T>) -> impl Fn(&str) -> Parsed<T>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    move |text| {
        let parsed = text.parse().ok().filter(|number| range.contains(number));
        parsed.ok_or_else(|| format!("a number from {} to {}", range.start(), range.end()))
    }
}

pub(super) fn wildcard(port: u16) -> SocketAddr {
    SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub(super) const STATS_PORT: u16 = 1936;
/// Room for twice as many descriptors is what most systems give a process.
const MAXCONN: usize = 10_000;
const DRAIN: Duration = Duration::from_secs(30);
