//! From a new snapshot to the pool that requests see, at 1 to 10,000 servers, while two readers
//! choose without pause.

#![allow(clippy::expect_used, reason = "what cannot be set up fails the bench")]

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bench::cluster::{SIZES, snapshot};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lb::balancer::Balancer;
use lb::config::{CheckPolicy, ProxyPolicy};
use lb::pool::choose::{Tried, choose};
use lb::pool::set::SharedPool;
use member::snapshot::Snapshot;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

fn swapping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("swap");
    group.sample_size(20);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let port = accepting();
    for size in SIZES {
        let pictures = [1, 2].map(|weight| snapshot(size, port, weight));
        let (tell, told) = watch::channel(snapshot(0, port, 1));
        let (acknowledge, _acknowledged) = mpsc::unbounded_channel();
        let checks = CheckPolicy {
            interval: Duration::from_secs(3600),
            ..CheckPolicy::default()
        };
        let balancer = runtime.block_on(async {
            Balancer::start("nodes", checks, ProxyPolicy::default(), told, acknowledge)
        });
        let pool = balancer.pool().clone();
        admit_in_steps(size, port, &tell, &pool);
        let done = Arc::new(AtomicBool::new(false));
        let readers = [0, 1].map(|_| reader(pool.clone(), Arc::clone(&done)));
        let mut turn = 0;
        group.bench_with_input(BenchmarkId::from_parameter(size), &size, |bencher, _| {
            bencher.iter(|| {
                turn ^= 1;
                tell.send_replace(Arc::clone(&pictures[turn]));
                wait(&pool, |service| {
                    usize::from(service.rows[0].weight) == turn + 1
                });
            });
        });
        done.store(true, Relaxed);
        readers
            .into_iter()
            .for_each(|reader| reader.join().expect("the reader ends"));
    }
    group.finish();
}

/// All servers into rotation, `STEP` at a time: a connect admits each, and what more at once would
/// find the queue of the listener full, and not be tried again.
fn admit_in_steps(size: u16, port: u16, tell: &Tell, pool: &SharedPool) {
    let steps = (STEP..size).step_by(STEP.into()).chain([size]);
    for servers in steps {
        tell.send_replace(snapshot(servers, port, 1));
        wait(pool, |service| {
            service.rotation.servers.len() == usize::from(servers)
        });
    }
}

fn wait(pool: &SharedPool, is_there: impl Fn(&lb::pool::set::Service) -> bool) {
    let started = Instant::now();
    while !pool
        .load()
        .services
        .get("nodes")
        .is_some_and(|service| is_there(service))
    {
        assert!(
            started.elapsed() < PATIENCE,
            "the pool that was waited for never comes"
        );
        std::thread::yield_now();
    }
}

fn reader(pool: SharedPool, done: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !done.load(Relaxed) {
            let chosen = pool
                .load()
                .services
                .get("nodes")
                .map(|service| choose(service, &Tried::default()).is_some());
            std::hint::black_box(chosen);
            std::thread::yield_now();
        }
    })
}

/// A port that takes every connection, at any address of loopback: for the one connect that admits
/// a server.
fn accepting() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a listener");
    let addr = listener.local_addr().expect("its address");
    std::thread::spawn(move || listener.incoming().for_each(drop));
    addr.port()
}

type Tell = watch::Sender<Arc<Snapshot>>;

const STEP: u16 = 100;
const PATIENCE: Duration = Duration::from_secs(60);

criterion_group!(benches, swapping);
criterion_main!(benches);
