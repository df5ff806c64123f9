//! A balancer, and webapps with a member each, all in the pool.

use crate::backend::Backend;
use crate::lb::Lb;
use crate::member::Member;

/// What the cluster of the calling test is called, so that two that run side by side stay apart, also
/// when a port of one is given to the other. The harness runs each test on a thread that has its name;
/// elsewhere a process has one cluster.
#[must_use]
pub fn name() -> String {
    let own = std::process::id();
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.split_once("::"));
    let test = test.map_or(String::new(), |(_, test)| format!("-{test}"));
    let name = format!("test-{own}{}", test.replace("::", "-"));
    name.chars().take(64).collect()
}

/// Webapps of these names, each with a member that is started with `flags`; not waited for.
pub async fn announce(names: &[&str], seed: &str, flags: &str) -> Vec<(Backend, Member)> {
    let mut apps = Vec::new();
    for name in names {
        let backend = Backend::http1(name).await;
        let member = Member::with(name, backend.addr, seed, flags);
        apps.push((backend, member));
    }
    apps
}

/// A balancer and its webapps, named `s1`, `s2` and so on.
#[derive(Debug)]
pub struct Cluster {
    /// The balancer.
    pub lb: Lb,
    /// The webapps with their members, in the order of their names.
    pub apps: Vec<(Backend, Member)>,
}

impl Cluster {
    /// One balancer and `count` webapps.
    pub async fn of(count: usize) -> Self {
        Self::with(count, "").await
    }

    /// The same, the balancer started with more flags.
    pub async fn with(count: usize, flags: &str) -> Self {
        let mut cluster = Self {
            lb: Lb::with(flags).await,
            apps: Vec::new(),
        };
        for _ in 0..count {
            cluster.add("").await;
        }
        cluster.ready().await;
        cluster
    }

    /// One more webapp, whose member is started with `flags`; not waited for.
    pub async fn add(&mut self, flags: &str) -> &Backend {
        let name = format!("s{}", self.apps.len() + 1);
        let backend = Backend::http1(&name).await;
        let seed = self.lb.gossip().to_string();
        let member = Member::with(&name, backend.addr, &seed, flags);
        self.apps.push((backend, member));
        &self.apps[self.apps.len() - 1].0
    }

    /// Waits until all are in the pool.
    pub async fn ready(&self) {
        let mut names: Vec<&str> = self.apps.iter().map(|(app, _)| app.name.as_str()).collect();
        names.sort_unstable();
        self.lb.until_up(&names).await;
    }

    /// The webapp of that number, from 1.
    #[must_use]
    pub fn app(&self, number: usize) -> &Backend {
        &self.apps[number - 1].0
    }

    /// How many requests for a path all webapps have seen.
    #[must_use]
    pub fn hits(&self, path: &str) -> u64 {
        self.apps.iter().map(|(app, _)| app.hits(path)).sum()
    }
}
