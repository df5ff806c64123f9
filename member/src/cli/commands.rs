//! The commands of `member` besides running the agent. All but one ask a process that runs.

use clap::Subcommand;
use member::control::args::{
    Ask, Drain, Evict, Info, Keys, Leave, List, Monitor, Ready, Tags, Weight,
};

#[derive(Debug, Subcommand)]
pub(super) enum Sub {
    #[command(flatten)]
    Ask(Question),
    /// Print a new key to seal gossip with, as `serf keygen` does; the same for every node
    Keygen,
}

#[derive(Debug, Subcommand)]
pub(super) enum Question {
    /// Who is in the cluster, as `serf members` prints it
    #[command(visible_alias = "members")]
    List(List),
    /// How this member, its webapp and its gossip are
    Info(Info),
    /// Which keys gossip is sealed with, by their ids, and who does not hold one, as `serf keys -list`
    Keys(Keys),
    /// Who joins, leaves, falls silent or changes, line by line, until you stop it
    Monitor(Monitor),
    /// Take the webapp out of rotation and wait until no request is in flight; it stays out,
    /// and the member running, until `member ready`. Exit code 0: every balancer has let go
    Drain(Drain),
    /// Put the webapp back into rotation. Exit code 0: it answers, and every
    /// balancer that is heard is told
    Ready(Ready),
    /// Change this member's tags while it runs
    Tags(Tags),
    /// Change this member's weight while it runs
    Weight(Weight),
    /// Have a silent node count as left, on every node, as `serf force-leave`
    ///
    /// Only a node that has failed can be evicted; one that is alive is drained. Should it speak
    /// again after all, or come back anew, it is believed again.
    #[command(visible_alias = "force-leave")]
    Evict(Evict),
    /// Leave as on SIGTERM: drain, tell everybody, end the process
    Leave(Leave),
}

impl Question {
    /// What it asks.
    pub(super) fn ask(self) -> Result<Ask, String> {
        match self {
            Self::List(list) => list.ask(),
            Self::Info(info) => info.ask(),
            Self::Keys(keys) => keys.ask(),
            Self::Monitor(monitor) => monitor.ask(),
            Self::Drain(drain) => drain.ask(),
            Self::Ready(ready) => ready.ask(),
            Self::Tags(tags) => tags.ask(),
            Self::Weight(weight) => weight.ask(),
            Self::Evict(evict) => evict.ask(),
            Self::Leave(leave) => leave.ask(),
        }
    }
}
