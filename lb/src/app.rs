//! The one place where a balancer process is put together: addresses bound, threads started,
//! parts handed to each other; and taken apart again in order.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use member::children::Children;
use member::control::basics::Basics;
use member::control::{Endpoint, server};
use member::gossip::{Given, Gossip, GossipConfig};
use member::hooks::Hooks;
use member::log::Tap;
use member::receipt::{Ack, Receipt};
use stats_ui::PageSettings;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::config::{CheckPolicy, ProxyPolicy};
use crate::core::{Core, CoreConfig, Keeper};
use crate::desk::LbDesk;
use crate::frontend::Frontend;
use crate::io::accept::{self, Door};
use crate::io::record::Recorder;
use crate::io::room::Room;
use crate::io::stop::{Stop, Stopping};
use crate::io::swap::Acknowledgement;
use crate::io::{admin, pool_file, upstream};
use crate::pool::memory::{Memory, Notes};
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
    /// Where servers are remembered for the next start; `None`: nowhere.
    pub pool_file: Option<PathBuf>,
    /// What is done for other programs.
    pub hooks: Hooks,
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
    /// As they were given.
    given: Given,
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
        settings.maxconn = affordable(&settings, ulimit_n);
        let (listen, listener) = bind("clients (--listen)", settings.listen)?;
        let page = settings
            .stats
            .map(|addr| bind("the statistics page (--stats)", addr));
        let page = page.transpose()?;
        let (handle, gossip_room) = gossip(&settings).await?;

        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let (core, mut keeper) = core(&settings, acknowledge);
        let control = room("control")?;
        if let Some(path) = &settings.pool_file {
            remember(path, &settings.service, &mut keeper, &handle, &control);
        }
        keep(&control, keeper, &handle, acknowledged);

        let (stop, stopping) = Stop::new();
        let places = Arc::new(Semaphore::new(settings.maxconn));
        let door = Door {
            places: Arc::clone(&places),
            stopping: stopping.clone(),
        };
        let workers = hire(settings.workers, listen, &listener, &core, &door)?;

        let mut others = vec![control, gossip_room];
        others.extend(hook(&settings, &handle).await?);
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
        let gossip = handle.local_addr();
        let inside = Inside {
            handle,
            given: settings.gossip.as_given(),
            stop,
            drain_timeout: settings.drain_timeout,
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

    /// Answers an operator on `endpoint`, on a thread of its own, until the balancer stops. `log` is
    /// where its log can be listened to.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn answer(&mut self, endpoint: Endpoint, log: Option<Tap>) -> Result<(), Error> {
        let room = room("operator")?;
        let path = endpoint.path().to_owned();
        let inside = &mut self.inside;
        let basics = Basics::new(inside.handle.clone(), inside.given.clone(), path, log);
        let desk = LbDesk::new(basics, self.core.clone(), self.listen, self.stats);
        room.handle.spawn(server::serve(endpoint, Arc::new(desk)));
        inside.others.push(room);
        Ok(())
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
fn affordable(settings: &Settings, ulimit_n: u64) -> usize {
    let maxconn = settings.maxconn;
    let ours = RESERVED + upstream::DESCRIPTORS_BESIDE * settings.workers as u64;
    let room = (ulimit_n.saturating_sub(ours) / 2).max(1) as usize;
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

/// Gossip, on a thread of its own.
async fn gossip(settings: &Settings) -> Result<(Gossip, Room), Error> {
    let room = room("gossip")?;
    let handle = room.ask(Gossip::start(settings.gossip.clone())).await;
    Ok((handle.map_err(Error::Gossip)?, room))
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

/// Begins with the servers of the pool file, and keeps it. Their members are contacted, in case
/// that is the only way to them; a datagram may get lost.
fn remember(path: &Path, service: &str, keeper: &mut Keeper, gossip: &Gossip, room: &Room) {
    let mut remembered = pool_file::read(path).unwrap_or_else(|error| {
        tracing::warn!("pool file {} is ignored: {error}", path.display());
        Vec::new()
    });
    remembered.retain(|seen| *seen.node.service == *service);
    let (servers, shown) = (remembered.len(), path.display());
    tracing::info!("pool file {shown} remembers {servers} servers");
    let members: Vec<_> = remembered.iter().map(|seen| seen.gossip).collect();
    let (notes, noted) = watch::channel(Notes::default());
    keeper.remember(Memory::of(remembered), notes);
    room.handle.spawn(pool_file::keep(path.to_owned(), noted));
    let gossip = gossip.clone();
    room.handle.spawn(async move {
        for pause in CONTACTS {
            gossip.contact(members.clone());
            tokio::time::sleep(pause).await;
        }
    });
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

/// Handlers and files, in a room of their own where there are any.
async fn hook(settings: &Settings, gossip: &Gossip) -> Result<Option<Room>, Error> {
    let hooks = settings.hooks.clone();
    if hooks.is_empty() {
        return Ok(None);
    }
    let (room, gossip) = (room("hooks")?, gossip.clone());
    let node = settings.gossip.node.clone();
    let start =
        async move { Children::new().map(|children| hooks.start(&gossip, node, &children)) };
    match room.ask(start).await {
        Ok(()) => Ok(Some(room)),
        Err(source) => Err(Error::Thread {
            name: "hooks".to_owned(),
            source,
        }),
    }
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
/// Descriptors for listeners, gossip, checks (256 at once, 48 for attempts beside them), the statistics
/// page and the runtimes.
const RESERVED: u64 = 400;
/// Pauses after each contact of those that the pool file remembers.
const CONTACTS: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(1),
];
const LOOK: Duration = Duration::from_millis(10);
