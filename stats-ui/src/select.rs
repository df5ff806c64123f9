//! Which rows of a report are shown, and in what order. Every rendering asks here, so that
//! page, CSV and JSON always show the same ones. Knows no columns.

use crate::options::Options;
use crate::report::{BackendRow, FrontendRow, ListenerRow, ProxyReport, Report, ServerRow};

/// What a reader wants to see, and may.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct View {
    /// Without servers that are down or in maintenance.
    pub up: bool,
    /// Without servers in maintenance.
    pub no_maint: bool,
    /// Only proxies whose name contains this, whatever the case.
    pub scope: Option<String>,
    /// With addresses, cookies and algorithms: `stats show-legends`, or a runtime API level
    /// from operator on.
    pub legends: bool,
}

impl View {
    /// The view that the options of a URI ask for.
    #[must_use]
    pub fn new(options: &Options, legends: bool) -> Self {
        Self {
            up: options.up,
            no_maint: options.no_maint,
            scope: options.scope.clone(),
            legends,
        }
    }

    /// The visible proxies, in the order of the configuration.
    pub fn proxies<'a>(&'a self, report: &'a Report) -> impl Iterator<Item = &'a ProxyReport> {
        let scope = self.scope.as_deref().map(str::to_ascii_lowercase);
        let is_in_scope = move |proxy: &&ProxyReport| match &scope {
            Some(scope) => proxy.name.to_ascii_lowercase().contains(scope),
            None => true,
        };
        report.proxies.iter().filter(is_in_scope)
    }

    /// The visible rows of a proxy: frontend, listeners, servers, backend. Programs rely on
    /// that order.
    pub fn rows<'a>(&'a self, proxy: &'a ProxyReport) -> impl Iterator<Item = Row<'a>> {
        let frontend = proxy.frontend.iter().map(Object::Frontend);
        let listeners = proxy.listeners.iter().map(Object::Listener);
        let servers = proxy
            .servers
            .iter()
            .filter(|s| self.shows(s))
            .map(Object::Server);
        let backend = proxy.backend.iter().map(Object::Backend);
        let objects = frontend.chain(listeners).chain(servers).chain(backend);
        objects.map(move |object| Row {
            proxy,
            object,
            view: self,
        })
    }

    /// All visible rows of a report.
    pub fn all_rows<'a>(&'a self, report: &'a Report) -> impl Iterator<Item = Row<'a>> {
        self.proxies(report).flat_map(|proxy| self.rows(proxy))
    }

    /// Whether some servers may be missing from what is shown.
    #[must_use]
    pub const fn is_filtered(&self) -> bool {
        self.up || self.no_maint
    }

    fn shows(&self, server: &ServerRow) -> bool {
        let hidden_by_up =
            self.up && (server.status.is_maint() || server.status.is_down_for_good());
        let hidden_by_maint = self.no_maint && server.status.is_maint();
        !hidden_by_up && !hidden_by_maint
    }
}

/// One row, with what is around it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The proxy it belongs to.
    pub proxy: &'a ProxyReport,
    /// What it is about.
    pub object: Object<'a>,
    /// Who looks at it.
    pub view: &'a View,
}

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A frontend.
    Frontend(&'a FrontendRow),
    /// A listening socket.
    Listener(&'a ListenerRow),
    /// A server.
    Server(&'a ServerRow),
    /// A backend.
    Backend(&'a BackendRow),
}

impl<'a> Row<'a> {
    /// `svname`: a server's or listener's own name, or `FRONTEND`, `BACKEND`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        match self.object {
            Object::Frontend(_) => "FRONTEND",
            Object::Backend(_) => "BACKEND",
            Object::Listener(listener) => &listener.name,
            Object::Server(server) => &server.name,
        }
    }

    /// `sid`: a server's or listener's own number, or 0.
    #[must_use]
    pub const fn id(&self) -> u32 {
        match self.object {
            Object::Frontend(_) | Object::Backend(_) => 0,
            Object::Listener(listener) => listener.id,
            Object::Server(server) => server.id,
        }
    }

    /// `status`: the state in HAProxy's words. A backend says how many servers there are if
    /// the filters may hide some of them: `UP (2/3)`.
    #[must_use]
    pub fn status(&self) -> String {
        match self.object {
            Object::Frontend(frontend) => frontend.status.to_string(),
            Object::Listener(listener) => listener.status.to_string(),
            Object::Server(server) => server.status.to_string(),
            Object::Backend(backend) if self.view.is_filtered() => {
                let servers = &self.proxy.servers;
                let out = |s: &&ServerRow| s.status.is_maint() || s.status.is_down();
                let standing = servers.len() - servers.iter().filter(out).count();
                format!("{} ({standing}/{})", backend.status, servers.len())
            }
            Object::Backend(backend) => backend.status.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ServerStatus, Step};

    #[test]
    fn filters_hide_what_they_say() {
        let check = |status: ServerStatus, up, no_maint| {
            let shown = |view: View| {
                view.shows(&ServerRow {
                    status: status.clone(),
                    ..ServerRow::default()
                })
            };
            assert!(shown(View::default()), "{status}");
            assert_eq!(
                shown(View {
                    up: true,
                    ..View::default()
                }),
                up,
                "{status} ;up"
            );
            assert_eq!(
                shown(View {
                    no_maint: true,
                    ..View::default()
                }),
                no_maint,
                "{status}"
            );
        };
        let step = Some(Step { at: 1, of: 2 });
        check(ServerStatus::NoCheck, true, true);
        check(ServerStatus::Up(None), true, true);
        check(ServerStatus::Down(step), true, true);
        check(ServerStatus::Down(None), false, true);
        check(ServerStatus::DownByAgent, false, true);
        check(ServerStatus::Drain(None), true, true);
        check(ServerStatus::Maint, false, false);
        check(ServerStatus::MaintResolution, false, false);
    }

    #[test]
    fn a_scope_is_part_of_a_name_whatever_the_case() {
        let report = crate::sample::report();
        let check = |scope: &str, names: &[&str]| {
            let view = View {
                scope: Some(scope.to_owned()),
                ..View::default()
            };
            let shown: Vec<&str> = view
                .proxies(&report)
                .map(|proxy| proxy.name.as_str())
                .collect();
            assert_eq!(shown, names);
        };
        check("NODES", &["localnodes", "nodes"]);
        check("local", &["localnodes"]);
        check("other", &[]);
    }
}
