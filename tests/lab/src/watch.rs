//! What the API server says of objects as it happens.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::clock::now;
use crate::interrupt;
use crate::lab::Lab;

/// A watch that ends with the value. Events are read as they come, also while nobody asks for them.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    lines: mpsc::Receiver<(Instant, String)>,
}

impl Lab {
    /// Starts a watch as administrator. `path` is the request: `/api/v1/services?watch=1`. What there is already comes
    /// first, unless the request names a version.
    pub fn watch(&self, path: &str) -> Result<Watch> {
        Watch::start(self.kubectl_command()?, path)
    }
}

impl Watch {
    /// Starts a watch by `kubectl`, to which nothing but the connection has been said.
    pub(crate) fn start(mut kubectl: Command, path: &str) -> Result<Self> {
        let mut child = kubectl
            .args(["get", "--raw", path])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start kubectl")?;
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

    /// Waits for an event (`{"type": …, "object": …}`) that satisfies `wanted`, and gives the moment it came. Events before
    /// it are passed over.
    ///
    /// # Errors
    /// None comes within `patience`, or the watch has ended.
    pub fn until<T>(
        &self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&Value) -> Option<T>,
    ) -> Result<(Instant, T)> {
        let end = now() + patience;
        while now() < end {
            interrupt::check()?;
            let Some((at, line)) = self.next(Duration::from_millis(100))? else {
                continue;
            };
            if let Some(found) = wanted(&serde_json::from_str(&line)?) {
                return Ok((at, found));
            }
        }
        bail!("waited {patience:?} for a watch to show {what}");
    }

    /// The next event, as a line of JSON, and the moment it came; none when none comes within `patience`.
    ///
    /// # Errors
    /// The watch has ended.
    pub(crate) fn next(&self, patience: Duration) -> Result<Option<(Instant, String)>> {
        match self.lines.recv_timeout(patience) {
            Ok(event) => Ok(Some(event)),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the watch has ended"),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
