//! The machine that everything is measured on.

use std::fs;

use anyhow::{Context, Result};

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
