//! The yardstick: `lb`, HAProxy and nginx in front of the same server, one worker each, measured
//! in turn. What is measured, and what that does not tell, is in `docs/versus.md`. Nothing here is
//! asserted; who reads the tables judges.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement that cannot be made is of no use"
)]

mod cli;
mod contestant;
mod cores;
mod header;
mod idle;
mod load;
mod measure;
mod origin;
mod own;
mod procfs;
mod relay;
mod report;
mod sample;
mod scenario;
mod statistics;
mod table;
mod tools;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use member::signals::Signals;
use tokio::runtime::Builder;

use crate::cli::{Options, Part};
use crate::measure::Rounds;
use crate::tools::Tools;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    match options.part {
        Some(Part::Origin) => runtime.block_on(own::until_left(origin::serve())),
        Some(Part::Relay { to }) => runtime.block_on(own::until_left(relay::serve(to))),
        None => return runtime.block_on(until_signal(&options)),
    }
    ExitCode::SUCCESS
}

/// A signal drops what runs, and with it every process that was started.
async fn until_signal(options: &Options) -> ExitCode {
    let mut signals = Signals::new().expect("signals can be listened for");
    tokio::select! {
        result = compare(options) => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(line) => {
                eprintln!("versus: {line}");
                ExitCode::FAILURE
            }
        },
        code = signals.next() => ExitCode::from(code),
    }
}

async fn compare(options: &Options) -> Result<(), String> {
    let plan = options.plan()?;
    let tools = Tools::find(options.install)?;
    eprintln!("building lb as it is shipped, and member");
    let lb = e2e::bin::shipped_lb();
    let _ = e2e::bin::member(); // not when everything is pinned and a contestant runs
    eprintln!("comparing {}", lb.display());
    let cores = cores::pick()?;
    cores::allow_files();
    print(&header::text(&plan, &tools, cores));
    let mut rounds = Rounds::begin(plan, tools, cores).await;
    rounds.run().await;
    print(&rounds.report());
    Ok(())
}

fn print(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("standard output");
}
