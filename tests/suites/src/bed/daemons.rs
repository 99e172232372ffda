use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use lab::{Process, Signal};

use super::{Bed, PATIENCE};
use crate::binaries::binary;

/// Election flags for suites that kill leaders: a takeover within three seconds.
pub const ELECTION: &[&str] = &[
    "--lease-duration",
    "3s",
    "--renew-deadline",
    "2s",
    "--retry-period",
    "500ms",
];

/// Who a daemon is to the API server.
#[derive(Clone, Copy, Debug)]
pub struct User<'a> {
    /// Its name, by which the audit log tells it apart.
    pub name: &'a str,
    /// A group of its; in none it may do what the test lets it.
    pub group: Option<&'a str>,
}

/// The controller of most suites, which may do everything.
pub const ADMINISTRATOR: User<'static> = User {
    name: "herald-controller",
    group: Some("system:masters"),
};

impl Bed {
    /// Starts controller number `number`.
    ///
    /// # Errors
    /// It does not start.
    pub fn controller(&self, number: u8) -> Result<Arc<Process>> {
        self.controller_with(number, ADMINISTRATOR, ELECTION)
    }

    /// Starts controller number `number` as another user or with other flags.
    ///
    /// # Errors
    /// It does not start.
    pub fn controller_with(&self, number: u8, user: User<'_>, flags: &[&str]) -> Result<Arc<Process>> {
        let controller = self.release("herald-system", number, user, flags)?;
        self.ready(controller, port(number))
    }

    /// Starts the controller of a release in this namespace, and does not wait until it is ready: it may have a reason never
    /// to be.
    ///
    /// # Errors
    /// It does not start.
    pub fn release(
        &self,
        namespace: &str,
        number: u8,
        user: User<'_>,
        flags: &[&str],
    ) -> Result<Arc<Process>> {
        let mut command = self.herald(&binary("herald-controller")?, namespace, user)?;
        let port = port(number);
        command
            .args(["--identity", &format!("controller-{number}-{}", nonce())])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(flags);
        self.lab.spawn("cp", &format!("controller-{number}"), command)
    }

    /// What controller number `number` answers to the question whether it is ready: the whole HTTP response.
    ///
    /// # Errors
    /// It does not answer.
    pub fn readiness(&self, number: u8) -> Result<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], port(number)));
        self.lab
            .http_get("cp", address, "/readyz", Duration::from_secs(1))
    }

    /// Waits until a daemon says that it is ready; gives up at once when it has ended.
    pub(super) fn ready(&self, process: Arc<Process>, port: u16) -> Result<Arc<Process>> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let what = format!("{} on {} to be ready", process.name, process.host);
        process.wait_for(&what, PATIENCE, || {
            let answer = self
                .lab
                .http_get(&process.host, address, "/readyz", Duration::from_secs(1))?;
            Ok(answer.starts_with("HTTP/1.1 200").then_some(()))
        })?;
        Ok(process)
    }

    pub(super) fn herald(&self, program: &Path, namespace: &str, user: User<'_>) -> Result<Command> {
        let mut command = Command::new(program);
        command.args([
            "--namespace",
            namespace,
            "--log-format",
            "text",
            "--log-level",
            self.log_level,
        ]);
        command
            .arg("--kubeconfig")
            .arg(self.lab.kubeconfig_for(user.name, user.group)?);
        Ok(command)
    }

    /// Which controller leads, once one does.
    ///
    /// # Errors
    /// None comes to lead in time.
    pub fn leader(&self) -> Result<String> {
        self.wait("a leader", || {
            let lease = self
                .lab
                .kubectl_json(&["get", "lease", "-n", "herald-system", "herald-controller"]);
            let holder = lease
                .ok()
                .and_then(|lease| Some(lease["spec"]["holderIdentity"].as_str()?.to_owned()));
            Ok(holder.filter(|holder| !holder.is_empty()))
        })
    }

    /// A metric of controller number `number`, named with its labels as in the text format; none while there is none.
    ///
    /// # Errors
    /// The controller does not answer.
    pub fn metric(&self, number: u8, name: &str) -> Result<Option<f64>> {
        let url = format!("http://127.0.0.1:{}/metrics", port(number));
        let text = self.lab.curl("cp", &url, 2)?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .map(|value| value.parse().context("a metric that is no number"))
            .transpose()
    }

    /// Kills a process and waits until it is gone.
    ///
    /// # Errors
    /// It does not end.
    pub fn kill(&self, process: &Process, signal: Signal) -> Result<()> {
        process.kill(signal)?;
        process
            .wait(PATIENCE)
            .map(drop)
            .with_context(|| format!("{} does not end", process.name))
    }
}

fn port(controller: u8) -> u16 {
    7480 + u16::from(controller)
}

/// A replica that is started again is another candidate.
fn nonce() -> u32 {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    STARTED.fetch_add(1, Ordering::Relaxed)
}
