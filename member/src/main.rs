//! The `member` binary: reads the command line, runs an agent beside a webapp or around it, or
//! asks one that runs; turns signals into a graceful leave and everything into an exit code.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use member::agent::{Agent, DrainReport};
use member::children::Children;
use member::control::basics::Basics;
use member::control::{Endpoint, print, server};
use member::desk::{Leaving, MemberDesk};
use member::hooks::Hooks;
use member::log::{self, Tap};
use member::node::Description;
use member::signals::{self, Signals};
use member::wrapper::{self, Ears, Wrapping};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::cli::{Command, Settings};

mod cli;
mod keygen;

fn main() -> ExitCode {
    let command = match cli::read(std::env::args_os()) {
        Ok(command) => command,
        Err(stop) => return log::stop("member", &stop),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start the runtime: {error}")),
    };
    let code = match command {
        Command::Run(settings) => runtime.block_on(run(*settings)),
        Command::Ask(ask) => runtime
            .block_on(print::ask(&ask))
            .map(|()| ExitCode::SUCCESS),
        Command::Keygen => keygen::print().map(|()| ExitCode::SUCCESS),
    };
    // Dropping it would wait for what blocks, such as the look-up of a name.
    runtime.shutdown_background();
    code.unwrap_or_else(|error| complain(&error))
}

/// Its exit code, or one line that says why it cannot run.
async fn run(mut settings: Settings) -> Result<ExitCode, String> {
    let tap = log::to_stderr(settings.log.clone());
    match settings.wrapping.take() {
        Some(wrapping) => around(settings, wrapping, tap).await,
        None => beside(settings, tap).await,
    }
}

async fn beside(settings: Settings, tap: Tap) -> Result<ExitCode, String> {
    let rereads = settings.agent.gossip.protection.file.is_some();
    let listening = signals::outlive_hangups(rereads).and_then(|()| Signals::new());
    let signals = listening.map_err(|error| deaf(&error))?;
    let limit = settings.drain_timeout;
    let (agent, control) = begin(settings, tap).await?;
    let (answering, leaving) = control.unzip();
    let code = serve(agent, limit, signals, leaving).await;
    end(answering).await;
    Ok(code)
}

async fn around(settings: Settings, wrapping: Wrapping, tap: Tap) -> Result<ExitCode, String> {
    let mut ears = Ears::new().map_err(|error| deaf(&error))?;
    let (agent, control) = begin(settings, tap).await?;
    let (answering, leaving) = control.unzip();
    ears.asking.leaving = leaving;
    let code = match wrapper::run(agent, wrapping, ears).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error.line());
            ExitCode::from(error.code())
        }
    };
    end(answering).await;
    Ok(code)
}

type Control = (JoinHandle<()>, mpsc::Receiver<Leaving>);

/// The agent, and whoever answers on its control socket.
async fn begin(settings: Settings, tap: Tap) -> Result<(Agent, Option<Control>), String> {
    let endpoint = settings.control.as_deref().map(Endpoint::bind).transpose();
    let endpoint = endpoint.map_err(|error| error.to_string())?;
    let given = settings.agent.gossip.as_given();
    let node = settings.agent.gossip.node.clone();
    let agent = Agent::start(settings.agent).await;
    let agent = agent.map_err(|error| error.line())?;
    hook(&agent, settings.hooks, node).map_err(|error| deaf(&error))?;
    let control = endpoint.map(|endpoint| {
        let path = endpoint.path().to_owned();
        tracing::info!("control socket {}", path.display());
        let basics = Basics::new(agent.gossip().clone(), given, path, Some(tap));
        let duty = agent.duty().clone();
        let (desk, leaving) = MemberDesk::new(basics, duty, settings.drain_timeout);
        let answering = tokio::spawn(server::serve(endpoint, Arc::new(desk)));
        (answering, leaving)
    });
    Ok((agent, control))
}

/// Handlers and files, if there are any.
fn hook(agent: &Agent, hooks: Hooks, node: Description) -> io::Result<()> {
    if !hooks.is_empty() {
        hooks.start(agent.gossip(), node, &Children::new()?);
    }
    Ok(())
}

async fn end(answering: Option<JoinHandle<()>>) {
    if let Some(answering) = answering {
        answering.abort();
        // It has ended, and its socket is gone with it; that it was cancelled is no news.
        let _ = answering.await;
    }
}

/// Until a signal, or until it is asked to leave; then leaves, unless a signal cuts that short.
async fn serve(
    agent: Agent,
    drain_timeout: Duration,
    mut signals: Signals,
    leaving: Option<mpsc::Receiver<Leaving>>,
) -> ExitCode {
    let asked = async {
        match leaving {
            Some(mut leaving) => leaving.recv().await,
            None => None,
        }
    };
    // Without a control socket, or when it has gone, only a signal asks.
    let asked = tokio::select! {
        _ = signals.next() => None,
        Some(leaving) = asked => Some(leaving),
    };
    tokio::select! {
        report = agent.drain(drain_timeout) => {
            farewell(&report);
            if let Some(asked) = asked {
                asked.report(&report).await;
            }
            ExitCode::SUCCESS
        }
        code = signals.next() => ExitCode::from(code),
    }
}

fn farewell(report: &DrainReport) {
    report
        .complaints()
        .for_each(|line| tracing::warn!("{line}"));
    let (took, balancers) = (report.took, report.in_words());
    tracing::info!("left after {took:?}; {balancers} had let go");
}

fn deaf(error: &io::Error) -> String {
    format!("cannot listen for signals: {error}")
}

fn complain(line: &str) -> ExitCode {
    log::complain("member", line)
}
