//! Choosing a server, lease and all, from 1 to 10,000 servers.

use bench::cluster::{SIZES, service};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lb::pool::choose::{Tried, choose};

fn choosing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choose");
    for size in SIZES {
        let service = service(size);
        group.bench_with_input(
            BenchmarkId::from_parameter(size),
            &service,
            |bencher, service| {
                bencher.iter(|| choose(service, &Tried::default()));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, choosing);
criterion_main!(benches);
