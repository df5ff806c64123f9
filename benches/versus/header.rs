//! When, where, with what: what a reader of the numbers must know.

use std::process::Command;

use crate::cli::Plan;
use crate::cores::Cores;
use crate::procfs;
use crate::tools::{Tools, says};

/// The head of the report.
pub(crate) fn text(plan: &Plan, tools: &Tools, cores: Cores) -> String {
    let Cores {
        proxy,
        load,
        origin,
    } = cores;
    let system = rustix::system::uname();
    let mut lines = vec![
        format!(
            "versus {}",
            std::env::args().skip(1).collect::<Vec<_>>().join(" ")
        ),
        says(Command::new("date").args(["-u", "+%F %R UTC"])),
        format!(
            "{}, {} cores, Linux {}",
            procfs::model(),
            procfs::cores(),
            system.release().to_string_lossy()
        ),
        format!("core {proxy}: the contestant; core {load}: wrk; core {origin}: the server behind"),
        format!(
            "{} rounds of {:?}, each after {:?} to warm up",
            plan.rounds, plan.seconds, plan.warm_up
        ),
    ];
    lines.extend(plan.builds().map(|(name, program)| {
        let version = says(Command::new(&program).arg("--version"));
        format!("{name}: {version}, {}", built(&program))
    }));
    lines.extend(tools.versions());
    lines.join("\n")
}

/// When a build of ours was made: its version seldom changes.
fn built(program: &std::path::Path) -> String {
    let mut date = Command::new("date");
    date.args(["-u", "+built %F %R UTC", "-r"]).arg(program);
    says(&mut date)
}
