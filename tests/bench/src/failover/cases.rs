//! Faults, and what clients see of them.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Seen, Signal};
use suites::{Bed, Watched};

/// How long a kubelet leaves a container that has ended alone before it starts it again.
const RESTART: Duration = Duration::from_secs(1);

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// The holder's cable is pulled, on a segment of so many nodes.
    Cut {
        /// Of which one is cut off.
        nodes: u8,
    },
    /// The holder's node is tainted for a drain.
    Planned,
    /// The holder's speaker is told to end, and no DaemonSet will start another.
    Sigterm,
    /// The holder's speaker is told to end, and another one is started in its place.
    Replaced,
    /// That happens to all speakers, one after the other.
    Rolling,
    /// The holder's speaker is killed, and started again a second later.
    Kill,
}

/// A fault that happened many times.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) case: Case,
    /// What each client saw ([`suites::CLIENTS`]) of each.
    pub(crate) runs: Vec<Vec<Seen>>,
    /// How often the addresses were on another node afterwards.
    pub(crate) moved: usize,
}

impl Case {
    /// The names of its numbers begin with this, and its file is called so.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Cut { nodes } => format!("cut{nodes}"),
            Self::Planned => "planned".into(),
            Self::Sigterm => "sigterm".into(),
            Self::Replaced => "replaced".into(),
            Self::Rolling => "rolling".into(),
            Self::Kill => "kill".into(),
        }
    }

    pub(crate) fn title(self) -> String {
        match self {
            Self::Cut { nodes } => format!("cable pulled, {nodes} nodes"),
            Self::Planned => "drain".into(),
            Self::Sigterm => "SIGTERM, handed over".into(),
            Self::Replaced => "SIGTERM, replaced".into(),
            Self::Rolling => "rolling restart".into(),
            Self::Kill => "SIGKILL, back 1 s later".into(),
        }
    }

    /// Lets it happen to the holder.
    fn happen(self, bed: &Bed, holder: &str) -> Result<()> {
        match self {
            Self::Cut { .. } => bed.lab.unplug(holder),
            Self::Planned => taint(bed, holder, ""),
            Self::Sigterm => bed.end_speaker(holder, Signal::SIGTERM),
            Self::Replaced => replace(bed, holder),
            Self::Rolling => bed
                .lab
                .nodes()
                .iter()
                .try_for_each(|node| replace(bed, &node.name)),
            Self::Kill => {
                bed.end_speaker(holder, Signal::SIGKILL)?;
                thread::sleep(RESTART);
                bed.speaker(holder).map(drop)
            }
        }
    }

    /// Whether the addresses are to be elsewhere afterwards.
    fn moves(self) -> bool {
        match self {
            Self::Cut { .. } | Self::Planned | Self::Sigterm => true,
            Self::Replaced | Self::Rolling | Self::Kill => false,
        }
    }

    /// Makes everything as it was before, but for where the addresses are.
    fn mend(self, bed: &Bed, holder: &str) -> Result<()> {
        match self {
            Self::Cut { .. } => bed.lab.plug(holder),
            Self::Planned => taint(bed, holder, "-"),
            Self::Sigterm => bed.speaker(holder).map(drop),
            Self::Replaced | Self::Rolling | Self::Kill => Ok(()),
        }
    }
}

impl Faults {
    /// Lets `case` happen so many times, each when all speakers are up and every client is served.
    pub(crate) fn measure(case: Case, bed: &Bed, watched: &Watched<'_>, runs: usize) -> Result<Self> {
        bed.replacing(!case.moves())?;
        let nodes: Vec<_> = bed.lab.nodes().into_iter().map(|node| node.name).collect();
        let mut faults = Self {
            case,
            runs: Vec::with_capacity(runs),
            moved: 0,
        };
        for _ in 0..runs {
            watched.wait_until_up(&nodes)?;
            let holder = watched.holder()?;
            let (after, seen) = watched.through(|| {
                case.happen(bed, &holder)?;
                if !case.moves() {
                    return watched.holder();
                }
                bed.wait("another node to be told of", || {
                    Ok(watched.told_of()?.filter(|node| *node != holder))
                })
            })?;
            ensure!(
                seen.iter().all(|client| client.sent > 0),
                "a client sent nothing: {seen:?}"
            );
            faults.runs.push(seen);
            faults.moved += usize::from(after != holder);
            case.mend(bed, &holder)?;
        }
        Ok(faults)
    }

    /// What the clients whose names begin so saw, in all runs.
    pub(crate) fn of<'a>(&'a self, clients: &'a str) -> impl Iterator<Item = &'a Seen> {
        let chosen = move |run: &'a Vec<Seen>| suites::CLIENTS.iter().zip(run);
        let named = self.runs.iter().flat_map(chosen);
        named
            .filter(move |(client, _)| client.starts_with(clients))
            .map(|(_, seen)| seen)
    }
}

fn replace(bed: &Bed, node: &str) -> Result<()> {
    bed.end_speaker(node, Signal::SIGTERM)?;
    bed.speaker(node).map(drop)
}

/// Sets the taint that asks a node to hand over, or takes it away.
fn taint(bed: &Bed, node: &str, end: &str) -> Result<()> {
    let taint = format!("heraldlb.io/drain:NoSchedule{end}");
    bed.lab.kubectl(&["taint", "node", node, &taint]).map(drop)
}
