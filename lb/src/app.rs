//! The one place where a balancer process is put together: addresses bound, threads started,
//! parts handed to each other; and taken apart again in order.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use member::gossip::{Gossip, GossipConfig};
use member::receipt::{Ack, Receipt};
use stats_ui::PageSettings;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, mpsc};

use crate::config::{CheckPolicy, ProxyPolicy};
use crate::core::{Core, CoreConfig, Keeper};
use crate::frontend::Frontend;
use crate::io::accept::{self, Door};
use crate::io::record::Recorder;
use crate::io::stop::{Stop, Stopping};
use crate::io::swap::Acknowledgement;
use crate::io::{admin, upstream};
use crate::report::Reports;
use crate::vitals::{self, Vitals};

/// What a balancer process is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the statistics page is; `None`: nowhere.
    pub stats: Option<SocketAddr>,
    /// What the statistics page shows.
    pub page: PageSettings,
    /// How it gossips.
    pub gossip: GossipConfig,
    /// The service that requests go to.
    pub service: Arc<str>,
    /// Worker threads, at least 1.
    pub workers: usize,
    /// Client connections at once.
    pub maxconn: usize,
    /// How long requests in flight may take when the balancer stops.
    pub drain_timeout: Duration,
    /// How servers are checked.
    pub checks: CheckPolicy,
    /// How requests are treated.
    pub proxy: ProxyPolicy,
}

/// Why a balancer could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address could not be bound.
    #[error("cannot listen on {addr} for {purpose}")]
    Bind {
        /// What the address is for.
        purpose: &'static str,
        /// The address.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// Gossip could not start.
    #[error("cannot gossip")]
    Gossip(#[source] member::error::Error),
    /// A thread or its runtime could not be started.
    #[error("cannot start thread `{name}`")]
    Thread {
        /// The thread's name.
        name: String,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    /// Whether an address was already taken, and which.
    #[must_use]
    pub fn taken(&self) -> Option<SocketAddr> {
        match self {
            Self::Bind { addr, source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some(*addr)
            }
            _ => None,
        }
    }
}

/// A running balancer.
pub struct Lb {
    /// Where clients connect, as bound.
    pub listen: SocketAddr,
    /// Where the statistics page is, as bound.
    pub stats: Option<SocketAddr>,
    /// Where gossip listens, as bound.
    pub gossip: SocketAddr,
    /// Its parts.
    pub core: Core,
    handle: Gossip,
    stop: Stop,
    drain_timeout: Duration,
    places: Arc<Semaphore>,
    workers: Vec<Room>,
    others: Vec<Room>,
}

impl fmt::Debug for Lb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lb")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl Lb {
    /// Binds every address, then starts every thread. Nothing runs if anything fails.
    ///
    /// # Errors
    ///
    /// The first address that cannot be bound, or thread that cannot be started.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let ulimit_n = vitals::raise_open_files();
        let bind = |purpose, addr| {
            accept::bind(addr)
                .and_then(|listener| Ok((listener.local_addr()?, listener)))
                .map_err(|source| Error::Bind {
                    purpose,
                    addr,
                    source,
                })
        };
        let (listen, listener) = bind("clients (--listen)", settings.listen)?;
        let page = settings
            .stats
            .map(|addr| bind("the statistics page (--stats)", addr));
        let page = page.transpose()?;

        let control = Room::open("control")?;
        let gossip_room = Room::open("gossip")?;
        let config = settings.gossip.clone();
        let handle = gossip_room
            .ask(Gossip::start(config))
            .await
            .map_err(Error::Gossip)?;

        let workers = settings.workers.max(1);
        let frontend = Arc::new(Frontend::new(
            Arc::from("localnodes"),
            listen,
            settings.maxconn,
            workers,
        ));
        let config = CoreConfig {
            service: Arc::clone(&settings.service),
            workers,
            checks: settings.checks,
            proxy: settings.proxy,
        };
        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let (core, keeper) = Core::new(&config, frontend, acknowledge);
        keep(&control, keeper, &handle, acknowledged);

        let (stop, stopping) = Stop::new();
        let rooms = (0..workers).map(|worker| Room::open(&format!("worker {worker}")));
        let rooms = rooms.collect::<Result<Vec<_>, _>>()?;
        let places = Arc::new(Semaphore::new(settings.maxconn));
        let door = Door {
            places: Arc::clone(&places),
            stopping: stopping.clone(),
        };
        for (worker, room) in rooms.iter().enumerate() {
            let own = listener.try_clone();
            let own = own.map_err(|source| Error::Bind {
                purpose: "a worker",
                addr: listen,
                source,
            })?;
            work(room, worker, own, &core, door.clone());
        }

        let mut others = vec![control, gossip_room];
        let stats = page.as_ref().map(|(addr, _)| *addr);
        if let Some((addr, listener)) = page {
            let room = Room::open("admin")?;
            let runtimes = rooms.iter().chain(&others).map(|room| room.handle.clone());
            let vitals = Arc::new(Vitals::new(ulimit_n, runtimes.collect()));
            show(&room, addr, listener, &settings, &core, vitals, stopping);
            others.push(room);
        }
        Ok(Self {
            listen,
            stats,
            gossip: handle.local_addr(),
            core,
            handle,
            stop,
            drain_timeout: settings.drain_timeout,
            places,
            workers: rooms,
            others,
        })
    }

    /// The gossip handle.
    #[must_use]
    pub const fn gossip(&self) -> &Gossip {
        &self.handle
    }

    /// Stops accepting, finishes what is in flight within the drain timeout, leaves gossip, ends.
    /// Returns how many requests were cut off.
    pub async fn stop(self) -> u64 {
        let maxconn = self.core.frontend.maxconn as u32;
        self.stop.stop();
        let in_flight = || {
            self.core
                .ledger
                .current
                .load(std::sync::atomic::Ordering::Relaxed)
        };
        let idle = async {
            // Every place free: every connection has ended. Tunnels live on without theirs.
            drop(self.places.acquire_many(maxconn).await);
            while in_flight() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        let cut = match tokio::time::timeout(self.drain_timeout, idle).await {
            Ok(()) => 0,
            Err(_) => in_flight(),
        };
        // Not before: members that drain meanwhile wait for our word.
        self.handle.leave().await;
        self.workers
            .into_iter()
            .chain(self.others)
            .for_each(Room::close);
        cut
    }
}

/// The control thread keeps the pool right and passes acknowledgements on to gossip.
fn keep(
    room: &Room,
    keeper: Keeper,
    gossip: &Gossip,
    mut acknowledged: mpsc::UnboundedReceiver<Acknowledgement>,
) {
    let snapshots = gossip.snapshots();
    room.handle.spawn(keeper.run(snapshots));
    let gossip = gossip.clone();
    room.handle.spawn(async move {
        while let Some((key, inflight)) = acknowledged.recv().await {
            let ack = if inflight == 0 {
                Ack::Drained
            } else {
                Ack::Draining
            };
            gossip.acknowledge(&key, Receipt { ack, inflight });
        }
    });
}

fn work(room: &Room, worker: usize, listener: StdListener, core: &Core, door: Door) {
    let proxy = core.proxy(worker);
    let shard = Arc::downgrade(&proxy.shard);
    room.handle.spawn(async move {
        tokio::spawn(upstream::sweep(shard));
        match TcpListener::from_std(listener) {
            Ok(listener) => accept::accept(listener, worker, proxy, door).await,
            Err(error) => tracing::error!(%error, "worker {worker} cannot accept"),
        }
    });
}

fn show(
    room: &Room,
    addr: SocketAddr,
    listener: StdListener,
    settings: &Settings,
    core: &Core,
    vitals: Arc<Vitals>,
    stopping: Stopping,
) {
    let stats = Arc::new(Frontend::new(Arc::from("stats"), addr, STATS_MAXCONN, 1));
    let recorder = Recorder::new(Arc::clone(&stats), 0, core.clock);
    let workers = settings.workers.max(1);
    let reports = Reports {
        core: core.clone(),
        stats: Some(stats),
        vitals: Arc::clone(&vitals),
        node: settings.gossip.node.name.to_string(),
        workers,
    };
    let router = stats_ui::router(Arc::new(reports), settings.page.clone());
    room.handle
        .spawn(vitals.sample(Arc::clone(&core.frontend), workers));
    room.handle.spawn(async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => admin::serve(listener, router, recorder, stopping).await,
            Err(error) => tracing::error!(%error, "no statistics page"),
        }
    });
}

/// A thread with a runtime of its own.
struct Room {
    handle: Handle,
    close: tokio::sync::oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Room {
    fn open(name: &str) -> Result<Self, Error> {
        let failed = |source| Error::Thread {
            name: name.to_owned(),
            source,
        };
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (close, closed) = tokio::sync::oneshot::channel();
        let live = move |runtime: Runtime| {
            // An error means that the room was dropped, which says the same.
            let _ = runtime.block_on(closed).is_ok();
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || live(runtime))
            .map_err(failed)?;
        Ok(Self {
            handle,
            close,
            thread,
        })
    }

    /// Runs a future in the room and waits for its result.
    async fn ask<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.handle.spawn(async move {
            let _ = tell.send(future.await).is_ok();
        });
        match told.await {
            Ok(value) => value,
            // The task neither panics nor is aborted while the room is open.
            Err(_) => std::future::pending().await,
        }
    }

    fn close(self) {
        let _ = self.close.send(()).is_ok();
        if self.thread.join().is_err() {
            tracing::error!("a thread ended by a panic");
        }
    }
}

/// Few look at the statistics page.
const STATS_MAXCONN: usize = 100;
const LOOK: Duration = Duration::from_millis(10);
