//! What speakers use that have nothing to do.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use process::clock::now;
use suites::Bed;

/// How long everything is given to come to rest, and how long it is looked at then.
const REST: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(20);

/// The most that any speaker used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// Resident memory, in millions of octets.
    pub(crate) resident_mb: f64,
    /// Percent of one processor.
    pub(crate) processor_percent: f64,
}

impl Idle {
    pub(crate) fn measure(bed: &Bed) -> Result<Self> {
        thread::sleep(REST);
        let nodes = bed.lab.nodes();
        let speakers: Result<Vec<_>> = nodes.iter().map(|node| bed.speaker_process(&node.name)).collect();
        let began = now();
        let before: Result<Vec<_>> = speakers?
            .into_iter()
            .map(|speaker| Ok((speaker, speaker.processor_time()?)))
            .collect();
        thread::sleep(LOOK);
        let mut most = Self {
            resident_mb: 0.0,
            processor_percent: 0.0,
        };
        for (speaker, used) in before? {
            let used = speaker.processor_time()?.saturating_sub(used);
            let share = used.as_secs_f64() / began.elapsed().as_secs_f64();
            most.processor_percent = most.processor_percent.max(share * 100.0);
            #[allow(clippy::cast_precision_loss, reason = "memory is less than 2^53")]
            let resident = speaker.resident()? as f64 / 1e6;
            most.resident_mb = most.resident_mb.max(resident);
        }
        Ok(most)
    }
}
