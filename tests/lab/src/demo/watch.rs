//! How long a Service waits for its address, as a watch sees it.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::clock::now;
use crate::interrupt;
use crate::lab::Lab;

/// A watch that ends with the value.
struct Watch {
    child: Child,
    lines: mpsc::Receiver<(Instant, String)>,
}

/// Creates the Service `web` in the namespace default and gives its first address, and the time from the moment its
/// creation was seen to the moment its address was.
pub(super) fn time_to_address(lab: &Lab, service: &str, limit: Duration) -> Result<(Ipv4Addr, Duration)> {
    let watch = Watch::start(lab)?;
    let end = now() + limit;
    // The Service `kubernetes` is there from the start: its event says that the watch stands.
    watch.until(end, |service| {
        (service["metadata"]["name"] == "kubernetes").then_some(())
    })?;
    lab.kubectl_apply(service)?;
    let (created, ()) = watch.until(end, |service| {
        (service["metadata"]["name"] == "web").then_some(())
    })?;
    let (assigned, address) = watch
        .until(end, |service| {
            let address = service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str()?;
            (service["metadata"]["name"] == "web").then(|| address.to_owned())
        })
        .context("the Service has no address")?;
    Ok((address.parse()?, assigned.saturating_duration_since(created)))
}

impl Watch {
    fn start(lab: &Lab) -> Result<Self> {
        let mut command = lab.kubectl_command()?;
        command.args(["get", "--raw", "/api/v1/namespaces/default/services?watch=1"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().context("kubectl has no output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens any more: the watch is over.
                if sender.send((now(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// Waits for an event whose object satisfies `wanted`, and gives the moment it came.
    fn until<T>(&self, end: Instant, wanted: impl Fn(&Value) -> Option<T>) -> Result<(Instant, T)> {
        while now() < end {
            interrupt::check()?;
            let (at, line) = match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(event) => event,
                Err(mpsc::RecvTimeoutError::Timeout) => continue,
                Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the watch has ended"),
            };
            let event: Value = serde_json::from_str(&line)?;
            if let Some(found) = wanted(&event["object"]) {
                return Ok((at, found));
            }
        }
        bail!("the awaited event did not come");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
