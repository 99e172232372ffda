//! What a lab writes down about itself, before it makes it, so that another process can find and remove all of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::components::Components;
use crate::plan::Host;
use crate::process::ProcessId;

/// Which kind of nodes a lab has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// A Node object, kube-proxy and what the suite starts: up in seconds, and every fault can be injected.
    Process,
    /// containerd, kubelet and kube-proxy: pods are real.
    Kubelet,
}

/// Where the files of labs are. Sockets and what others read are under `run`, the bulk under `data`.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// State, PKI, kubeconfigs, sockets.
    pub(crate) run: PathBuf,
    /// etcd, logs, containers.
    pub(crate) data: PathBuf,
}

const RUN: &str = "/run/herald-lab";
const DATA: &str = "/var/lib/herald-lab";

impl Folders {
    pub(crate) fn of(lab: &str) -> Self {
        Self {
            run: Path::new(RUN).join(lab),
            data: Path::new(DATA).join(lab),
        }
    }
}

/// Everything that is needed to find, use and remove a lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) nodes: u8,
    /// The process that removes it at its end; none: it stays until someone asks.
    pub(crate) owner: Option<ProcessId>,
    /// By name.
    pub(crate) hosts: BTreeMap<String, Host>,
    /// Every network namespace, the LAN's among them.
    pub(crate) netns: Vec<String>,
    /// By host and name; the last one of a name.
    pub(crate) processes: BTreeMap<String, ProcessRecord>,
    /// Port on 127.0.0.1 at which the API server answers outside of the lab's namespaces.
    pub(crate) api_port: u16,
    pub(crate) components: Components,
}

/// A process as others see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProcessRecord {
    pub(crate) id: ProcessId,
    pub(crate) log: PathBuf,
}

impl State {
    pub(crate) fn load(lab: &str) -> Result<Self> {
        let file = Folders::of(lab).run.join("state.json");
        let text =
            fs::read(&file).with_context(|| format!("no lab `{lab}`: cannot read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))
    }

    /// Writes all of it; a reader sees either the old or the new.
    pub(crate) fn save(&self) -> Result<()> {
        let folder = Folders::of(&self.name).run;
        let (partial, file) = (folder.join("state.json.partial"), folder.join("state.json"));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&partial, serde_json::to_vec_pretty(self)?))
            .and_then(|()| fs::rename(&partial, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether nobody will remove this lab any more, although nobody wanted it to stay.
    pub(crate) fn abandoned(&self) -> bool {
        self.owner.is_some_and(|owner| !owner.alive())
    }
}

/// Names of all labs of this machine, also of those that only left files.
pub(crate) fn labs() -> Vec<String> {
    let folders = fs::read_dir(RUN).into_iter().flatten().flatten();
    let mut names: Vec<_> = folders
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Keeps other processes from taking or sweeping labs for as long as the value lives.
pub(crate) fn lock() -> Result<File> {
    fs::create_dir_all(RUN).with_context(|| format!("cannot make {RUN}; root may"))?;
    let lock = File::create(Path::new(RUN).join("lock"))?;
    lock.lock().context("cannot lock the labs")?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(owner: Option<ProcessId>) -> State {
        State {
            name: "t".into(),
            kind: NodeKind::Kubelet,
            nodes: 3,
            owner,
            hosts: BTreeMap::from([("cp".into(), Host::on_lan("t", "cp", 2))]),
            netns: vec!["t-lan".into()],
            processes: BTreeMap::new(),
            api_port: 40000,
            components: Components::default(),
        }
    }

    #[test]
    fn a_kept_lab_is_never_abandoned_and_an_owned_one_is_when_its_owner_is_gone() {
        assert!(!state(None).abandoned());
        assert!(!state(Some(ProcessId::own().unwrap())).abandoned());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = ProcessId::of(child.id().try_into().unwrap());
        child.wait().unwrap();
        assert!(state(gone).abandoned());
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let text = serde_json::to_string(&state(Some(ProcessId::own().unwrap()))).unwrap();
        let read: State = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert!(text.contains(r#""kind":"kubelet""#));
    }
}
