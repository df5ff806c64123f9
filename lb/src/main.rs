//! The `lb` binary: reads the command line, runs what it asks for, turns signals into a graceful
//! stop and everything into an exit code.

use std::error::Error as StdError;
use std::process::ExitCode;

use lb::app::{Lb, Settings};
use lb::cli::{self, Command, Shell};
use lb::{demo, ping};
use member::control::{Endpoint, print};
use member::log;
use member::signals::{self, Signals};
use tokio::runtime::Builder;

/// For this program only: whoever embeds the library chooses for themselves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = match cli::read(std::env::args_os()) {
        Ok(command) => command,
        Err(stop) => return log::stop("lb", &stop),
    };
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start the runtime: {error}")),
    };
    match command {
        Command::Check => {
            eprintln!("lb: the configuration is valid");
            ExitCode::SUCCESS
        }
        Command::Ping(addr) => match runtime.block_on(ping::ping(addr)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error),
        },
        Command::Demo { backends, log } => {
            log::to_stderr(log);
            match runtime.block_on(demo::run(backends)) {
                Ok(code) => ExitCode::from(code),
                Err(error) => complain(&chain(&*error)),
            }
        }
        Command::Ask(ask) => match runtime.block_on(print::ask(&ask)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error),
        },
        Command::Run(settings, shell) => runtime.block_on(serve(*settings, shell)),
    }
}

/// Until a signal; then stops, unless a second one cuts that short.
async fn serve(settings: Settings, shell: Shell) -> ExitCode {
    let tap = log::to_stderr(shell.log);
    let rereads = settings.gossip.protection.file.is_some();
    let listening = signals::outlive_hangups(rereads).and_then(|()| Signals::new());
    let mut signals = match listening {
        Ok(signals) => signals,
        Err(error) => return complain(&format!("cannot listen for signals: {error}")),
    };
    let endpoint = match shell.control.as_deref().map(Endpoint::bind).transpose() {
        Ok(endpoint) => endpoint,
        Err(error) => return complain(&error.to_string()),
    };
    let mut lb = match Lb::start(settings).await {
        Ok(lb) => lb,
        Err(error) => return complain(&chain(&error)),
    };
    if let Some(endpoint) = endpoint {
        tracing::info!("control socket {}", endpoint.path().display());
        if let Err(error) = lb.answer(endpoint, Some(tap)) {
            return complain(&chain(&error));
        }
    }
    tracing::info!("clients on {}, gossip on {}/udp", lb.listen, lb.gossip);
    if let Some(stats) = lb.stats {
        tracing::info!("statistics on http://{stats}/");
    }
    signals.next().await;
    tracing::info!("stopping: no new connections, finishing what is in flight");
    tokio::select! {
        cut = lb.stop() => {
            match cut {
                0 => tracing::info!("stopped"),
                cut => tracing::warn!("stopped; {cut} requests did not end in time"),
            }
            ExitCode::SUCCESS
        }
        code = signals.next() => ExitCode::from(code),
    }
}

fn complain(line: &str) -> ExitCode {
    log::complain("lb", line)
}

/// An error and its causes in one line.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    line
}
