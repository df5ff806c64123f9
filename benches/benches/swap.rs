//! From a new snapshot to the pool that requests see, at 1 to 10,000 servers, while two readers
//! choose without pause.

#![allow(clippy::expect_used, reason = "what cannot be set up fails the bench")]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bench::cluster::{SIZES, snapshot};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lb::balancer::Balancer;
use lb::config::{CheckPolicy, ProxyPolicy};
use lb::pool::choose::{Tried, choose};
use lb::pool::set::SharedPool;
use tokio::sync::{mpsc, watch};

fn swapping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("swap");
    group.sample_size(20);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let http = accepting();
    for size in SIZES {
        let pictures = [1, 2].map(|weight| snapshot(size, http, weight));
        let (tell, told) = watch::channel(Arc::clone(&pictures[0]));
        let (acknowledge, _acknowledged) = mpsc::unbounded_channel();
        let checks = CheckPolicy {
            interval: Duration::from_secs(3600),
            ..CheckPolicy::default()
        };
        let balancer = runtime.block_on(async {
            Balancer::start("nodes", checks, ProxyPolicy::default(), told, acknowledge)
        });
        let pool = balancer.pool().clone();
        wait(&pool, |service| {
            service.rotation.servers.len() == usize::from(size)
        });
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

fn wait(pool: &SharedPool, is_there: impl Fn(&lb::pool::set::Service) -> bool) {
    while !pool
        .load()
        .services
        .get("nodes")
        .is_some_and(|service| is_there(service))
    {
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

/// An address that takes every connection, for the one connect that admits a server.
fn accepting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let addr = listener.local_addr().expect("its address");
    std::thread::spawn(move || listener.incoming().for_each(drop));
    addr
}

criterion_group!(benches, swapping);
criterion_main!(benches);
