//! What lives in one place only, and why.

/// A package, where it may be named, and why nowhere else.
pub const HOMES: &[(&str, &[&str], &str)] = &[
    (
        "chitchat",
        &["member/src/gossip"],
        "everything else speaks of nodes and snapshots",
    ),
    (
        "anyhow",
        &["member/src/gossip"],
        "it is in chitchat's signatures only; ours have errors of their own",
    ),
    (
        "async_trait",
        &["member/src/gossip"],
        "chitchat's traits need it, ours do not",
    ),
    (
        "ring",
        &["member/src/seal", "member/src/entropy.rs"],
        "ciphers and secret chance are used in one place",
    ),
    ("base64", &["member/src/seal"], "only keys are written so"),
    (
        "zstd",
        &["member/src/inspect"],
        "what strangers compress is read in one place, with its limits",
    ),
    (
        "hickory_resolver",
        &["member/src/resolve.rs"],
        "a name is looked up in one way, with a deadline",
    ),
    (
        "if_addrs",
        &["member/src/gossip/route.rs"],
        "what others are told to reach us at is decided in one place",
    ),
    (
        "arc_swap",
        &["lb/src/pool/set.rs"],
        "there is one pointer to the pool",
    ),
    (
        "axum",
        &["stats-ui/src"],
        "the balancer's own path is hyper's",
    ),
    (
        "httparse",
        &["lb/src/codec"],
        "bytes of servers are read in one place",
    ),
    ("maud", &["stats-ui/src/page"], "one folder draws the page"),
    (
        "tower",
        &["lb/src/balancer.rs", "lb/src/io/admin.rs"],
        "it is how embedders see the balancer, and how axum is served",
    ),
    (
        "handlebars",
        &["member/src/template.rs"],
        "one file knows what a template may say",
    ),
    (
        "rand",
        // In entropy it is ring's.
        &["member/src/gossip", "lb/src/demo", "member/src/entropy.rs"],
        "decisions take their chance as an argument, so that tests can replay them",
    ),
    (
        "clap",
        &[
            "lb/src/cli",
            "member/src/cli",
            "member/src/control/args.rs",
            "member/src/flags.rs",
            "member/src/settings.rs",
        ],
        "a command line is read in one place, by rules both binaries share",
    ),
    (
        "regex",
        &["member/src/control/filter.rs"],
        "expressions that are typed are compiled in one place, with one bound",
    ),
];

/// A deed as it is written, where it may stand, and why nowhere else.
pub const DEEDS: &[(&str, &[&str], &str)] = &[
    (
        "TcpStream::connect",
        &["lb/src/io/upstream.rs", "member/src/probe.rs"],
        "outgoing connections are opened in one place, with its limits",
    ),
    (
        "TcpSocket::new",
        &["lb/src/io/upstream.rs", "member/src/probe.rs"],
        "as TcpStream::connect",
    ),
    (
        "pool.store(",
        &["lb/src/io/swap.rs"],
        "the pool has one writer",
    ),
    (
        "StatusCode::BAD_GATEWAY",
        &["lb/src/error.rs"],
        "one function maps an error to a status",
    ),
    (
        "StatusCode::GATEWAY_TIMEOUT",
        &["lb/src/error.rs"],
        "one function maps an error to a status",
    ),
    (
        "StatusCode::SERVICE_UNAVAILABLE",
        &["lb/src/error.rs", "stats-ui/src/router.rs"],
        "one function maps an error to a status; the page has its own",
    ),
    (
        ".inc()",
        &[
            "lb/src/io/record.rs",
            "lb/src/pool/set.rs",
            "lb/src/frontend.rs",
            "lb/src/counters.rs",
        ],
        "requests are counted by the recorder; a service counts its own downs, a frontend its connections",
    ),
];

/// What a pure module never names: it is given times and chances, and opens nothing.
pub const IMPURE: &[&str] = &[
    "Instant",
    "SystemTime",
    "tokio::time",
    "tokio::net",
    "tokio::spawn",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "std::fs",
    "std::env",
    "rand::",
];
