//! What a process uses: memory and processors.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::ProcessId;

impl ProcessId {
    /// Its resident memory now, in octets.
    pub fn resident(self) -> Result<u64> {
        let file = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        resident(&status).with_context(|| format!("no VmRSS in {file}"))
    }

    /// The time that all its threads have run so far. Those that have ended are not counted.
    pub fn processor_time(self) -> Result<Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).context("the process has ended")?;
        let times = threads.flatten().filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        });
        Ok(times.sum())
    }
}

/// The field is given in kB, which are 1024 octets each.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_found_by_its_whole_name() {
        assert_eq!(
            resident("Name:\tx\nVmRSSFile:\t   1 kB\nVmRSS:\t   10240 kB\n"),
            Some(10240 * 1024)
        );
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_has_run_and_has_memory() {
        let own = ProcessId::own().unwrap();
        assert!(own.resident().unwrap() > 0 && own.processor_time().unwrap() > Duration::ZERO);
    }
}
