//! A webapp within the test: answers its name, counts what it is asked, and has a path for every
//! way of answering well or badly.

mod routes;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::deadline::eventually;
use crate::process::own_ip;

/// A webapp that is running.
#[derive(Debug)]
pub struct Backend {
    /// What it answers.
    pub name: String,
    /// Where it listens.
    pub addr: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

/// What its routes share.
#[derive(Debug)]
struct State {
    name: String,
    health: AtomicU16,
    hits: Mutex<HashMap<String, u64>>,
}

impl Backend {
    /// On a free port of loopback, to which it can come back.
    pub async fn http1(name: &str) -> Self {
        Self::at(name, (own_ip(), 0).into()).await
    }

    /// At a given address, as one that comes back. Whatever listens on all addresses may have been given its
    /// port meanwhile, for as long as another test runs.
    pub async fn at(name: &str, addr: SocketAddr) -> Self {
        let bind = async || TcpListener::bind(addr).await.ok();
        let listener = eventually(format_args!("{addr} is free"), bind).await;
        let state = Arc::new(State {
            name: name.to_owned(),
            health: AtomicU16::new(200),
            hits: Mutex::default(),
        });
        Self {
            name: name.to_owned(),
            addr: listener.local_addr().expect("an address"),
            task: tokio::spawn(serve(listener, Arc::clone(&state))),
            state,
        }
    }

    /// What `/health` answers from now on.
    pub fn set_health(&self, status: u16) {
        self.state.health.store(status, Relaxed);
    }

    /// How many requests for a path it has seen.
    #[must_use]
    pub fn hits(&self, path: &str) -> u64 {
        let hits = self
            .state
            .hits
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        hits.get(path).copied().unwrap_or_default()
    }

    /// How many requests it has seen.
    #[must_use]
    pub fn total(&self) -> u64 {
        let hits = self
            .state
            .hits
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        hits.values().sum()
    }

    /// Ends it with all its connections, as a crash would; returns when the port is free.
    pub async fn stop(mut self) -> SocketAddr {
        self.crash().await
    }

    /// Ends it as a crash would; another takes its place at its address.
    pub async fn crash_and_return(&mut self) -> Self {
        let addr = self.crash().await;
        Self::at(&self.name, addr).await
    }

    async fn crash(&mut self) -> SocketAddr {
        self.task.abort();
        // That it was aborted is no news.
        let _ = (&mut self.task).await;
        self.addr
    }

    /// Runs until the process ends.
    pub async fn forever(self) {
        // It ends only with its runtime.
        let _ = self.task.await;
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    let service = service_fn(|request| routes::answer(&state, request));
                    let connection = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades();
                    // How it ends is the client's business.
                    let _ = connection.await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
