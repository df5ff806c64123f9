//! One small request through the whole balancer over a kept-alive connection: client, balancer and
//! webapp on one machine, so the figure is the sum of all three.

#![allow(clippy::expect_used, reason = "what cannot be set up fails the bench")]

use bench::lab::{Lab, exchange};
use criterion::{Criterion, criterion_group, criterion_main};

fn forwarding(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let lab = runtime.block_on(Lab::start()).expect("the lab starts");
    let mut client = runtime.block_on(lab.client()).expect("a connection");
    criterion.bench_function("forward", |bencher| {
        bencher.iter(|| runtime.block_on(exchange(&mut client)).expect("an answer"));
    });
}

criterion_group!(benches, forwarding);
criterion_main!(benches);
