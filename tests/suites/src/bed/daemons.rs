use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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
        let mut command = self.herald("herald-controller", user)?;
        let port = port(number);
        command
            .args(["--identity", &format!("controller-{number}-{}", nonce())])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(flags);
        let controller = self.lab.spawn("cp", &format!("controller-{number}"), command)?;
        self.ready(controller, port)
    }

    /// Starts the speaker of a node.
    ///
    /// # Errors
    /// It does not start.
    pub fn speaker(&self, node: &str) -> Result<Arc<Process>> {
        let user = User {
            name: "herald-speaker",
            ..ADMINISTRATOR
        };
        let mut command = self.herald("herald-speaker", user)?;
        command.args(["--node-name", node]);
        self.ready(self.lab.spawn(node, "speaker", command)?, 7473)
    }

    /// Waits until a daemon says that it is ready; gives up at once when it has ended.
    fn ready(&self, process: Arc<Process>, port: u16) -> Result<Arc<Process>> {
        let url = format!("http://127.0.0.1:{port}/readyz");
        let what = format!("{} on {} to be ready", process.name, process.host);
        process.wait_for(&what, PATIENCE, || Ok(self.lab.curl(&process.host, &url, 1).ok()))?;
        Ok(process)
    }

    fn herald(&self, program: &str, user: User<'_>) -> Result<Command> {
        let mut command = Command::new(binary(program)?);
        command.args([
            "--namespace",
            "herald-system",
            "--log-format",
            "text",
            "--log-level",
            "debug,hyper=info,tower=info",
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
