//! What an announcer costs beside a webapp: memory, processor time at rest, size on disk; ours and
//! Serf's agent, ten of each.

use std::path::Path;
use std::time::Duration;

use e2e::bin;
use e2e::cluster::Cluster;
use e2e::process::Process;
use e2e::ring;

use super::print;
use super::serf::Balancer;

/// Ten members and a balancer, then ten agents and a balancer's.
pub(super) async fn footprint() {
    match bin::given() {
        Some(folder) => print(&format!("footprint: member, of {}:", folder.display())),
        None => print(&format!(
            "footprint: member, of profile {}:",
            bin::profile()
        )),
    }
    {
        let cluster = Cluster::of(NODES).await;
        let members = cluster.apps.iter().map(|(_, member)| &member.process);
        weigh(&members.collect::<Vec<_>>()).await;
    }
    size(&bin::member());
    let tool = |name| ring::tool("measure", "footprint", name);
    let (Some(serf), Some(haproxy)) = (tool("serf"), tool("haproxy")) else {
        return print("footprint: Debian's packages serf and haproxy are needed for the rest");
    };
    print("footprint: serf agent:");
    let balancer = Balancer::start(&serf, &haproxy).await;
    let mut agents = Vec::new();
    for number in 0..NODES {
        // Nobody answers there, nor need anybody.
        let nowhere = e2e::process::free_port();
        agents.push(balancer.announce(&format!("s{number}"), nowhere).await);
    }
    weigh(&agents.iter().collect::<Vec<_>>()).await;
    size(&serf);
}

/// Memory now and processor time over ten seconds, once they have settled.
async fn weigh(processes: &[&Process]) {
    tokio::time::sleep(SETTLE).await;
    let before: Vec<_> = processes.iter().map(|p| p.processor_time()).collect();
    tokio::time::sleep(WATCHED).await;
    let spent = processes
        .iter()
        .zip(before)
        .map(|(p, was)| p.processor_time() - was);
    let shares: Vec<_> = spent
        .map(|t| 100.0 * t.as_secs_f64() / WATCHED.as_secs_f64())
        .collect();
    tell("processor, % of a core", &shares);
    let mib = |line: &str| {
        let all = processes.iter().map(|p| p.memory_map(line) as f64 / 1024.0);
        all.collect::<Vec<_>>()
    };
    tell("RSS, MiB", &mib("Rss"));
    tell("PSS, MiB", &mib("Pss"));
    tell("private, dirty, MiB", &mib("Private_Dirty"));
}

fn tell(what: &str, values: &[f64]) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let most = values.iter().fold(0.0, |most: f64, value| most.max(*value));
    print(&format!("  {what}: {mean:.2} each, {most:.2} at most"));
}

fn size(program: &Path) {
    let bytes = std::fs::metadata(program).expect("a program").len();
    let path = program.display();
    print(&format!("  {path}: {:.2} MiB", bytes as f64 / 1_048_576.0));
}

const NODES: usize = 10;
const SETTLE: Duration = Duration::from_secs(5);
const WATCHED: Duration = Duration::from_secs(10);
