//! The `member` binary: reads the command line, runs an agent, turns signals into a graceful
//! leave and everything into an exit code.

use std::process::ExitCode;
use std::time::Duration;

use member::agent::{Agent, DrainReport};
use member::log;
use member::signals::Signals;

mod cli;

fn main() -> ExitCode {
    let settings = match cli::read(std::env::args_os()) {
        Ok(settings) => settings,
        Err(stop) => return log::stop("member", &stop),
    };
    log::to_stderr(settings.log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start the runtime: {error}")),
    };
    runtime.block_on(async {
        let signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return complain(&format!("cannot listen for signals: {error}")),
        };
        match Agent::start(settings.agent).await {
            Ok(agent) => serve(agent, settings.drain_timeout, signals).await,
            Err(error) => complain(&error.line()),
        }
    })
}

/// Until a signal; then leaves, unless a second one cuts that short.
async fn serve(agent: Agent, drain_timeout: Duration, mut signals: Signals) -> ExitCode {
    signals.next().await;
    tokio::select! {
        report = agent.drain(drain_timeout) => {
            farewell(&report);
            ExitCode::SUCCESS
        }
        code = signals.next() => ExitCode::from(code),
    }
}

fn farewell(report: &DrainReport) {
    for (balancer, inflight) in &report.undrained {
        let name = &balancer.name;
        match inflight {
            Some(inflight) => tracing::warn!("{name} still had {inflight} requests in flight"),
            None => tracing::warn!("{name} did not acknowledge the drain"),
        }
    }
    let balancers = report.drained.len();
    tracing::info!(
        "left after {:?}; {balancers} balancers had let go",
        report.took
    );
}

fn complain(line: &str) -> ExitCode {
    log::complain("member", line)
}
