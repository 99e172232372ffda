//! Nodes without a kubelet: a Node object that says Ready, and kube-proxy.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::lab::{Lab, joined};
use crate::plan::{self, Host};

impl Lab {
    /// Creates the Node objects and starts kube-proxy on each.
    pub(crate) fn start_process_nodes(&self) -> Result<()> {
        thread::scope(|threads| {
            let start =
                |(number, host): (u8, Host)| threads.spawn(move || self.start_process_node(number, &host));
            let nodes: Vec<_> = (1..).zip(self.nodes()).map(start).collect();
            nodes.into_iter().try_for_each(joined)
        })
    }

    fn start_process_node(&self, number: u8, host: &Host) -> Result<()> {
        let node = node(number, host, true);
        self.send("create", "/api/v1/nodes", &node)?;
        // The API server taints each new Node as not ready, and nobody else here takes that away.
        self.send("replace", &format!("/api/v1/nodes/{}", host.name), &node)?;
        self.start_proxy(host)
    }

    /// Says whether a process node is ready, in its Node's condition, as a node controller would.
    pub fn set_node_ready(&self, node: &str, ready: bool) -> Result<()> {
        let number = node.strip_prefix('n').and_then(|number| number.parse().ok());
        let number = number.with_context(|| format!("`{node}` is no node"))?;
        let object = self::node(number, &self.host(node)?, ready);
        self.send("replace", &format!("/api/v1/nodes/{node}/status"), &object)
    }

    /// Starts kube-proxy on a node, and waits until it has written its rules.
    pub(crate) fn start_proxy(&self, host: &Host) -> Result<()> {
        let mut proxy = Command::new(self.components.path("kube-proxy")?);
        proxy
            .arg("--kubeconfig")
            .arg(self.component_kubeconfig(&format!("kube-proxy-{}", host.name))?);
        proxy.args([
            format!("--hostname-override={}", host.name),
            "--proxy-mode=nftables".into(),
            format!("--cluster-cidr={}", plan::POD_RANGES),
            // The limit of tracked connections belongs to the machine, not to a namespace.
            "--conntrack-max-per-core=0".into(),
            "--healthz-bind-address=0.0.0.0:10256".into(),
            "--metrics-bind-address=127.0.0.1:10249".into(),
        ]);
        let proxy = self.spawn(&host.name, "kube-proxy", proxy)?;
        proxy.wait_for(
            &format!("kube-proxy on {}", host.name),
            Duration::from_secs(60),
            || {
                let healthy = self.http_get(&host.name, "127.0.0.1:10256".parse()?, "/healthz", PROBE)?;
                Ok(healthy.starts_with("HTTP/1.1 200").then_some(()))
            },
        )
    }
}

const PROBE: Duration = Duration::from_secs(1);

/// The Node object as a kubelet would register it.
fn node(number: u8, host: &Host, ready: bool) -> Value {
    let (v4, v6) = plan::pod_ranges(number);
    let (status, reason) = if ready {
        ("True", "KubeletReady")
    } else {
        ("False", "KubeletNotReady")
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": host.name,
            "labels": { "kubernetes.io/hostname": host.name, "kubernetes.io/os": "linux" },
        },
        "spec": { "podCIDR": v4, "podCIDRs": [v4, v6] },
        "status": {
            "addresses": [
                { "type": "InternalIP", "address": host.v4 },
                { "type": "InternalIP", "address": host.v6 },
                { "type": "Hostname", "address": host.name },
            ],
            "conditions": [{ "type": "Ready", "status": status, "reason": reason, "message": "set by the lab" }],
        },
    })
}
