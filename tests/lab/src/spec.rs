//! What a caller says about the lab it wants.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::components::Components;
use crate::plan;
use crate::state::NodeKind;
use crate::steps::Steps;

/// What lab is wanted.
#[derive(Debug, Clone)]
pub struct Spec {
    /// At most 20 of a-z, 0-9 and `-`. No two labs of a machine have the same.
    pub name: String,
    /// Number of nodes, `n1` and so on.
    pub nodes: u8,
    /// Kind of all of them.
    pub kind: NodeKind,
    /// Whether there is a host `client` that is not a node.
    pub client: bool,
    /// Where the programs are; none: what [`Components::from_env`] finds or builds.
    pub components: Option<Components>,
    /// Where the logs go when the lab does not come up or ends in a panic; none: they are removed with the rest.
    pub keep_logs: Option<PathBuf>,
    /// Who is told about progress.
    pub steps: Steps,
}

impl Spec {
    /// Three nodes of a kind and a client, silently.
    pub fn new(name: &str, kind: NodeKind) -> Self {
        Self {
            name: name.to_owned(),
            nodes: 3,
            kind,
            client: true,
            components: None,
            keep_logs: None,
            steps: Steps::silent(),
        }
    }

    /// What must be so before anything is made, each with what provides it.
    pub(crate) fn check(&self) -> Result<()> {
        plan::check_lab_name(&self.name)?;
        if !(1..=plan::MAX_NODES).contains(&self.nodes) {
            bail!("a lab has 1 to {} nodes, not {}", plan::MAX_NODES, self.nodes);
        }
        if !nix::unistd::geteuid().is_root() {
            bail!("a lab makes network namespaces: run it as root");
        }
        let mut needed = vec![("ip", "iproute2"), ("nsenter", "util-linux"), ("nft", "nftables")];
        if self.kind == NodeKind::Kubelet {
            needed.push(("/usr/lib/cni/ptp", "containernetworking-plugins"));
            needed.push(("/usr/lib/cni/host-local", "containernetworking-plugins"));
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        for (program, package) in needed {
            if !std::env::split_paths(&path).any(|folder| folder.join(program).exists()) {
                bail!("{program} is missing: `apt-get install {package}` provides it");
            }
        }
        Ok(())
    }
}
