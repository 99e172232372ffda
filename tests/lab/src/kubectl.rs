//! Talking to the API server the way a user does.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::pki::{self, Pki};
use crate::plan::{self, Host};
use crate::run::{run, run_with_input};

impl Lab {
    /// The administrator's kubeconfig for processes outside of the lab's namespaces.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folders.run.join("kubeconfig")
    }

    /// The administrator's kubeconfig for processes on the lab's hosts.
    pub fn node_kubeconfig(&self) -> PathBuf {
        self.folders.run.join("node.kubeconfig")
    }

    /// A kubeconfig of a user of its own, for processes on the lab's hosts. In the group `system:masters` it may do
    /// everything; in none it may do what the test gives it. The audit log tells users apart.
    pub fn kubeconfig_for(&self, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let pki = self.pki();
        let file = self.folders.run.join(format!("{user}.kubeconfig"));
        let text = pki::kubeconfig(&inner_address(), &pki.authority()?, &pki.issue(user, group)?);
        pki::write_secret(&file, &text)?;
        Ok(file)
    }

    /// Runs kubectl as administrator and gives what it printed.
    pub fn kubectl(&self, words: &[&str]) -> Result<String> {
        let mut command = self.kubectl_command()?;
        command.args(words);
        run(command)
    }

    /// Runs kubectl with `-o json` and parses what it printed.
    pub fn kubectl_json(&self, words: &[&str]) -> Result<Value> {
        let text = self.kubectl(&[words, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).context("kubectl printed no JSON")
    }

    /// `kubectl apply` of YAML or JSON documents.
    pub fn kubectl_apply(&self, documents: &str) -> Result<String> {
        let mut command = self.kubectl_command()?;
        command.args(["apply", "-f", "-"]);
        run_with_input(command, documents.as_bytes())
    }

    /// `kubectl create` of a list of objects: fast, for many. Those before one that is refused are there.
    pub fn kubectl_create(&self, objects: &[Value]) -> Result<()> {
        let mut command = self.kubectl_command()?;
        command.args(["create", "--validate=false", "-f", "-"]);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        run_with_input(command, list.to_string().as_bytes()).map(drop)
    }

    /// kubectl as administrator, to be completed and started by the caller: for instance a watch.
    pub fn kubectl_command(&self) -> Result<Command> {
        Ok(self.administrator()?.command())
    }

    pub(crate) fn administrator(&self) -> Result<Kubectl> {
        Ok(Kubectl {
            program: self.components.path("kubectl")?,
            kubeconfig: self.kubeconfig(),
            cache: self.folders.run.join("kubectl-cache"),
        })
    }

    /// Sends an object as it is, without discovery or validation: fast. `verb` is `create` or `replace`.
    pub(crate) fn send(&self, verb: &str, path: &str, object: &Value) -> Result<()> {
        let mut command = self.kubectl_command()?;
        command.args([verb, "--raw", path, "-f", "-"]);
        run_with_input(command, object.to_string().as_bytes()).map(drop)
    }

    pub(crate) fn pki(&self) -> Pki {
        Pki::open(self.folders.run.join("pki"))
    }

    /// Writes the administrator's two kubeconfigs.
    pub(crate) fn write_kubeconfigs(&self, pki: &Pki) -> Result<()> {
        let admin = pki::Identity {
            certificate: fs::read_to_string(pki.file("admin.crt"))?,
            key: fs::read_to_string(pki.file("admin.key"))?,
        };
        let outer = format!("https://127.0.0.1:{}", self.state().api_port);
        for (file, server) in [
            (self.kubeconfig(), outer),
            (self.node_kubeconfig(), inner_address()),
        ] {
            pki::write_secret(&file, &pki::kubeconfig(&server, &pki.authority()?, &admin))?;
        }
        Ok(())
    }
}

/// How kubectl is called.
#[derive(Debug, Clone)]
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command.arg("--cache-dir").arg(&self.cache);
        command
    }
}

/// Where the API server is on the LAN.
fn inner_address() -> String {
    format!("https://{}:6443", Host::on_lan("", "cp", plan::CONTROL_PLANE).v4)
}
