//! The machine that everything is measured on.

use std::fs;

use anyhow::{Context, Result};

/// What the pods of a node weigh, where the daemons of that node weigh 1: these have left about what the chart requests for a
/// speaker, a tenth of a core, for a node of the lab has less than one.
pub(crate) const AS_REQUESTED: u32 = 10;

/// The number of processors.
pub(crate) fn cores() -> Result<f64> {
    let cores = std::thread::available_parallelism()?.get();
    #[allow(clippy::cast_precision_loss, reason = "a machine has few")]
    Ok(cores as f64)
}

/// How many processes want to run, on the average of the last minute.
pub(crate) fn load() -> Result<f64> {
    let load = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    Ok(load.parse()?)
}
