//! What is asked of every contestant. How it is asked and measured is not known here.

/// One thing to compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// As `--only` has it.
    pub(crate) name: &'static str,
    /// As the report has it.
    pub(crate) title: &'static str,
    /// How it is measured.
    pub(crate) kind: Kind,
}

/// How a scenario is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// By requests, as many as are answered.
    Load(Shape),
    /// By connections that wait for their second request.
    Idle {
        /// How many.
        connections: u32,
    },
}

/// What a load is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) connections: u32,
    pub(crate) path: &'static str,
    /// A connection for every request.
    pub(crate) closes: bool,
}

impl Scenario {
    /// Whether a relay that knows no HTTP does the same work.
    pub(crate) const fn suits_relay(&self) -> bool {
        matches!(self.kind, Kind::Load(Shape { closes: false, .. }))
    }
}

/// Where the origin has its large answer.
pub(crate) const LARGE: &str = "/large";

/// All of them.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "keepalive-1",
        title: "keep-alive, small answers, 1 connection",
        kind: keep_alive(1, "/"),
    },
    Scenario {
        name: "keepalive-64",
        title: "keep-alive, small answers, 64 connections",
        kind: keep_alive(64, "/"),
    },
    Scenario {
        name: "keepalive-512",
        title: "keep-alive, small answers, 512 connections",
        kind: keep_alive(512, "/"),
    },
    Scenario {
        name: "large",
        title: "keep-alive, answers of 64 KiB, 16 connections",
        kind: keep_alive(16, LARGE),
    },
    Scenario {
        name: "close",
        title: "a new connection for each request, small answers, 64 at a time",
        kind: Kind::Load(Shape {
            connections: 64,
            path: "/",
            closes: true,
        }),
    },
    Scenario {
        name: "idle",
        title: "memory of an idle keep-alive connection, 2000 of them",
        kind: Kind::Idle { connections: 2_000 },
    },
];

const fn keep_alive(connections: u32, path: &'static str) -> Kind {
    Kind::Load(Shape {
        connections,
        path,
        closes: false,
    })
}
