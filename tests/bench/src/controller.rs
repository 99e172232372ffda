use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lab::{Lab, Process, Signal};
use process::clock::now;

/// Where the controller runs, and the bench beside it.
pub(crate) const HOST: &str = "cp";

/// Who the controller is to the API server.
pub(crate) const USER: &str = "herald-controller";

const LISTEN: &str = "127.0.0.1:7481";

/// How long it may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A controller as a user would run it: nothing is set that the chart does not set.
pub(crate) struct Controller(Arc<Process>);

impl Controller {
    /// Starts it, and gives the time until it said that it was ready.
    pub(crate) fn start(lab: &Lab, program: &Path, identity: &str) -> Result<(Self, Duration)> {
        let mut command = Command::new(program);
        command.args([
            "--namespace",
            "herald-system",
            "--identity",
            identity,
            "--listen",
            LISTEN,
        ]);
        command
            .arg("--kubeconfig")
            .arg(lab.kubeconfig_for(USER, Some("system:masters"))?);
        let began = now();
        let process = lab.spawn(HOST, identity, command)?;
        process.wait_for("the controller to be ready", PATIENCE, || {
            Ok(is_ready(lab).then_some(()))
        })?;
        Ok((Self(process), now() - began))
    }

    /// Ends it in order, so that the next one leads at once.
    pub(crate) fn stop(self) -> Result<()> {
        self.0.kill(Signal::SIGTERM)?;
        self.0.wait(PATIENCE).map(drop)
    }

    /// Its resident memory now, in millions of bytes.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        self.status("VmRSS")
    }

    /// The most that its resident memory ever was, in millions of bytes.
    pub(crate) fn peak_mb(&self) -> Result<f64> {
        self.status("VmHWM")
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        self.0.id.pid
    }

    /// The processor time that it has used.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        self.0.id.processor_time()
    }

    /// What it counts, in the text format of metrics.
    pub(crate) fn metrics(&self, lab: &Lab) -> Result<String> {
        lab.http_get(HOST, LISTEN.parse()?, "/metrics", Duration::from_secs(5))
    }

    fn status(&self, field: &str) -> Result<f64> {
        let file = format!("/proc/{}/status", self.0.id.pid);
        let status = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        kilobytes(&status, field)
            .map(|kilobytes| kilobytes * 1024.0 / 1e6)
            .with_context(|| format!("no {field} in {file}"))
    }
}

fn is_ready(lab: &Lab) -> bool {
    let Ok(address) = LISTEN.parse() else { return false };
    let answer = lab.http_get(HOST, address, "/readyz", Duration::from_secs(1));
    answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// A field of /proc/PID/status that is given in kB, which are 1024 bytes each.
fn kilobytes(status: &str, field: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "Name:\tx\nVmRSSFile:\t   1 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!(kilobytes(status, "VmRSS"), Some(10240.0));
        assert_eq!(kilobytes(status, "VmHWM"), None);
    }
}
