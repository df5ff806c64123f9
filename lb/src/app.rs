//! The one place where a balancer process is put together: addresses bound, threads started,
//! parts handed to each other; and taken apart again in order.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use member::gossip::{Gossip, GossipConfig};
use member::receipt::{Ack, Receipt};
use stats_ui::PageSettings;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::config::{CheckPolicy, ProxyPolicy};
use crate::core::{Core, CoreConfig, Keeper};
use crate::frontend::Frontend;
use crate::io::accept::{self, Door};
use crate::io::record::Recorder;
use crate::io::room::Room;
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
    inside: Inside,
}

struct Inside {
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
    pub async fn start(mut settings: Settings) -> Result<Self, Error> {
        let ulimit_n = vitals::raise_open_files();
        settings.maxconn = affordable(settings.maxconn, ulimit_n);
        let (listen, listener) = bind("clients (--listen)", settings.listen)?;
        let page = settings
            .stats
            .map(|addr| bind("the statistics page (--stats)", addr));
        let page = page.transpose()?;
        let gossip_room = room("gossip")?;
        let handle = gossip_room
            .ask(Gossip::start(settings.gossip.clone()))
            .await;
        let handle = handle.map_err(Error::Gossip)?;

        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let (core, keeper) = core(&settings, acknowledge);
        let control = room("control")?;
        keep(&control, keeper, &handle, acknowledged);

        let (stop, stopping) = Stop::new();
        let places = Arc::new(Semaphore::new(settings.maxconn));
        let door = Door {
            places: Arc::clone(&places),
            stopping: stopping.clone(),
        };
        let workers = hire(settings.workers, listen, &listener, &core, &door)?;

        let mut others = vec![control, gossip_room];
        let stats = page.as_ref().map(|(addr, _)| *addr);
        if let Some(page) = page {
            let admin = room("admin")?;
            let runtimes = workers
                .iter()
                .chain(&others)
                .map(|room| room.handle.clone());
            let vitals = Arc::new(Vitals::new(ulimit_n, runtimes.collect()));
            show(&admin, page.1, &settings, &core, vitals, stopping);
            others.push(admin);
        }
        let (gossip, drain_timeout) = (handle.local_addr(), settings.drain_timeout);
        let inside = Inside {
            handle,
            stop,
            drain_timeout,
            places,
            workers,
            others,
        };
        Ok(Self {
            listen,
            stats,
            gossip,
            core,
            inside,
        })
    }

    /// Stops accepting, finishes what is in flight within the drain timeout, leaves gossip, ends.
    /// Returns how many requests were cut off.
    pub async fn stop(self) -> u64 {
        let Self { core, inside, .. } = self;
        inside.stop.stop();
        let in_flight = || core.ledger.current.load(Relaxed);
        let idle = async {
            // Every place free: every connection and every tunnel has ended.
            drop(
                inside
                    .places
                    .acquire_many(core.frontend.maxconn as u32)
                    .await,
            );
            while in_flight() > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        let cut = match tokio::time::timeout(inside.drain_timeout, idle).await {
            Ok(()) => 0,
            Err(_) => in_flight(),
        };
        // Not before: members that drain meanwhile wait for our word.
        inside.handle.leave().await;
        inside
            .workers
            .into_iter()
            .chain(inside.others)
            .for_each(Room::close);
        cut
    }
}

fn bind(purpose: &'static str, addr: SocketAddr) -> Result<(SocketAddr, StdListener), Error> {
    accept::bind(addr)
        .and_then(|listener| Ok((listener.local_addr()?, listener)))
        .map_err(|source| Error::Bind {
            purpose,
            addr,
            source,
        })
}

/// As many connections as there are descriptors for: one in and one out each, and some for us.
fn affordable(maxconn: usize, ulimit_n: u64) -> usize {
    let room = (ulimit_n.saturating_sub(RESERVED) / 2).max(1) as usize;
    if ulimit_n == 0 || maxconn <= room {
        return maxconn;
    }
    tracing::info!("{ulimit_n} open files are too few for --maxconn {maxconn}: taking {room}");
    room
}

fn room(name: &str) -> Result<Room, Error> {
    Room::open(name).map_err(|source| Error::Thread {
        name: name.to_owned(),
        source,
    })
}

fn core(
    settings: &Settings,
    acknowledge: mpsc::UnboundedSender<Acknowledgement>,
) -> (Core, Keeper) {
    let frontend = Frontend::new(Arc::from("localnodes"), settings.maxconn, settings.workers);
    let config = CoreConfig {
        service: Arc::clone(&settings.service),
        workers: settings.workers,
        checks: settings.checks,
        proxy: settings.proxy,
    };
    Core::new(&config, Arc::new(frontend), acknowledge)
}

/// Starts the workers, each accepting from the one listener.
fn hire(
    workers: usize,
    addr: SocketAddr,
    listener: &StdListener,
    core: &Core,
    door: &Door,
) -> Result<Vec<Room>, Error> {
    let hire = |worker| {
        let room = room(&format!("worker-{worker}"))?;
        let listener = listener.try_clone();
        let listener = listener.map_err(|source| Error::Bind {
            purpose: "a worker",
            addr,
            source,
        })?;
        work(&room, worker, listener, core, door.clone());
        Ok(room)
    };
    (0..workers.max(1)).map(hire).collect()
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
    listener: StdListener,
    settings: &Settings,
    core: &Core,
    vitals: Arc<Vitals>,
    stopping: Stopping,
) {
    let stats = Arc::new(Frontend::new(Arc::from("stats"), STATS_MAXCONN, 1));
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

/// Few look at the statistics page.
const STATS_MAXCONN: usize = 100;
/// Descriptors for listeners, gossip, checks, the statistics page and the runtimes.
const RESERVED: u64 = 320;
const LOOK: Duration = Duration::from_millis(10);
