use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use lab::{Process, ProcessId, Signal};
use serde_json::json;

use super::{ADMINISTRATOR, Bed, User};
use crate::binaries::binary;

const NAME: &str = "speaker";
const DAEMON_SET: &str = "herald-speaker";
const PORT: u16 = 7473;

/// What speakers seal with until it is exchanged.
pub const KEY: &str = "the key of every speaker in the lab";

impl Bed {
    /// Starts the speaker of a node.
    ///
    /// # Errors
    /// It does not start.
    pub fn speaker(&self, node: &str) -> Result<Arc<Process>> {
        self.ready(self.spawn_speaker(node)?, PORT)
    }

    /// Starts the speaker of a node, and does not wait until it knows what the API server has to say.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn_speaker(&self, node: &str) -> Result<Arc<Process>> {
        let user = User {
            name: "herald-speaker",
            ..ADMINISTRATOR
        };
        let keys = self.folder_of("keys", node)?;
        if !keys.join("key").exists() {
            self.set_keys(node, KEY, None)?;
        }
        let program = match &self.speaker_program {
            Some(program) => program.clone(),
            None => binary("herald-speaker")?,
        };
        let mut command = self.herald(&program, "herald-system", user)?;
        command.args(["--node-name", node, "--daemon-set", DAEMON_SET]);
        command.arg("--segment-keys").arg(keys);
        command.arg("--state-dir").arg(self.folder_of("state", node)?);
        if self.realtime_bfd {
            self.lab.grant_real_time(node)?;
            command.arg("--realtime-bfd");
        }
        self.lab.spawn(node, NAME, command)
    }

    /// Starts a speaker of BGP alone, as an ordinary user without any capability: as the chart does without layer 2.
    ///
    /// # Errors
    /// It does not start.
    pub fn ordinary_speaker(&self, node: &str) -> Result<Arc<Process>> {
        const ORDINARY: &str = "65534";
        let user = User {
            name: "herald-ordinary-speaker",
            ..ADMINISTRATOR
        };
        let herald = self.herald(&binary("herald-speaker")?, "herald-system", user)?;
        let kubeconfig = self.lab.kubeconfig_for(user.name, user.group)?;
        chown(kubeconfig, ORDINARY.parse().ok(), None)?;
        let mut command = Command::new("setpriv");
        command
            .args([
                "--reuid",
                ORDINARY,
                "--regid",
                ORDINARY,
                "--clear-groups",
                "--no-new-privs",
            ])
            .args(["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"])
            .arg(herald.get_program())
            .args(herald.get_args())
            .args(["--node-name", node, "--daemon-set", DAEMON_SET, "--bgp-only"]);
        self.ready(self.lab.spawn(node, NAME, command)?, PORT)
    }

    /// Waits until a speaker that was started knows what the API server has to say.
    ///
    /// # Errors
    /// It ends, or does not come to know it in time.
    pub fn informed(&self, speaker: Arc<Process>) -> Result<()> {
        self.ready(speaker, PORT).map(drop)
    }

    /// The process of a node's speaker, the last that was started.
    ///
    /// # Errors
    /// None was.
    pub fn speaker_process(&self, node: &str) -> Result<ProcessId> {
        self.lab.process(node, NAME)
    }

    /// Sends a signal to a node's speaker and waits until it has ended.
    ///
    /// # Errors
    /// It does not end.
    pub fn end_speaker(&self, node: &str, signal: Signal) -> Result<()> {
        let process = self.speaker_process(node)?;
        process.signal(signal)?;
        self.wait(&format!("the speaker of {node} to end"), || {
            Ok((!process.alive()).then_some(()))
        })
    }

    /// Whether speakers that are told to end find the DaemonSet that will start others in their place. Without it they hand
    /// over what they hold.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn replacing(&self, replacing: bool) -> Result<()> {
        if !replacing {
            let words = ["delete", "daemonset", "--ignore-not-found", "-n", "herald-system"];
            return self.lab.kubectl(&[&words[..], &[DAEMON_SET]].concat()).map(drop);
        }
        // No pod comes of it, though it selects every node: the speakers are started by the lab.
        let object = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": DAEMON_SET, "namespace": "herald-system"},
            "spec": {
                "selector": {"matchLabels": {"app": DAEMON_SET}},
                "template": {
                    "metadata": {"labels": {"app": DAEMON_SET}},
                    "spec": {
                        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [{"matchExpressions": [{"key": "no", "operator": "Exists"}]}],
                        }}},
                        "containers": [{"name": "speaker", "image": "heraldlb.io/herald"}],
                    },
                },
            },
        });
        self.lab.kubectl_apply(&object.to_string()).map(drop)
    }

    /// Writes the keys of a node's speaker: what it seals with, and what it opens besides.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn set_keys(&self, node: &str, key: &str, also: Option<&str>) -> Result<()> {
        let folder = self.folder_of("keys", node)?;
        fs::write(folder.join("key"), key)?;
        match also {
            Some(also) => fs::write(folder.join("also"), also)?,
            None if folder.join("also").exists() => fs::remove_file(folder.join("also"))?,
            None => {}
        }
        Ok(())
    }

    /// The file in which the speaker of a node keeps what it needs to go on without the API server.
    ///
    /// # Errors
    /// Its folder cannot be made.
    pub fn state_file(&self, node: &str) -> Result<PathBuf> {
        Ok(self.folder_of("state", node)?.join(format!("{node}.state")))
    }

    fn folder_of(&self, what: &str, node: &str) -> Result<PathBuf> {
        let folder = self.lab.folder().join(what).join(node);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}
