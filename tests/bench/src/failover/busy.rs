//! Whether addresses stay where they are while pods would take every core.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use lab::Signal;
use suites::{Bed, Watched};

use crate::machine;

/// Between two looks at where the addresses are. They do not go back by themselves: a move between two looks is seen.
const LOOK: Duration = Duration::from_secs(2);

/// What became of the addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busy {
    /// How long the cores were busy.
    pub(crate) lasted: Duration,
    /// How often the addresses were on another node than before.
    pub(crate) moved: usize,
}

impl Busy {
    /// Has pods on every node that would take every core, for so many looks.
    pub(crate) fn measure(bed: &Bed, watched: &Watched<'_>, looks: usize) -> Result<Self> {
        let nodes = bed.lab.nodes();
        let cores = thread::available_parallelism()?.get();
        let mut holder = watched.holder()?;
        let pods = nodes
            .iter()
            .map(|node| bed.lab.keep_busy(&node.name, cores, machine::AS_REQUESTED));
        let pods = pods.collect::<Result<Vec<_>>>()?;
        let mut moved = 0;
        for _ in 0..looks {
            thread::sleep(LOOK);
            let now = watched.holder()?;
            moved += usize::from(now != holder);
            holder = now;
        }
        for pod in pods.iter().flatten() {
            pod.kill(Signal::SIGKILL)?;
        }
        let looks = u32::try_from(looks).unwrap_or(u32::MAX);
        Ok(Self {
            lasted: LOOK.saturating_mul(looks),
            moved,
        })
    }
}
