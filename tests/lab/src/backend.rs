//! Endpoints for process nodes: servers in namespaces, and the objects that say where they are.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::net::{SocketType, sockopt};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use serde_json::json;

use crate::lab::Lab;
use crate::netns;
use crate::plan::Host;
use crate::state::NodeKind;
use crate::topology::prepare;

/// A server that answers HTTP on port 8080 with its own name, and echoes UDP on port 7777, over both families.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Where it runs.
    pub host: Host,
}

/// So many octets may wait until the server takes them.
const ROOM: usize = 16 << 20;

/// Lets datagrams wait for seconds while the server waits for a processor: what its socket has no room for would be taken for a loss of the
/// network. False while it has no socket for datagrams.
fn make_room(server: i32) -> Result<bool> {
    let pid = Pid::from_raw(server).context("a process has a number")?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let mut found = false;
    for entry in fs::read_dir(format!("/proc/{server}/fd"))? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // What it has closed meanwhile was none.
        let Ok(file) = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        if sockopt::socket_type(&file) == Ok(SocketType::DGRAM) {
            sockopt::set_socket_recv_buffer_size_force(&file, ROOM)?;
            found = true;
        }
    }
    Ok(found)
}

impl Lab {
    /// Starts a server on a host of its own on the LAN, so that pulling a node's cable costs the announcer and not the
    /// endpoint. Its answers find their way only where kube-proxy hides the client: external traffic policy Cluster.
    pub fn backend(&self, name: &str) -> Result<Backend> {
        let host = self.add_host(name)?;
        self.serve(host)
    }

    /// Starts a server behind a process node, as a pod is: for external traffic policy Local.
    pub fn backend_on(&self, node: &str, name: &str) -> Result<Backend> {
        let host = self.add_pod(node, name)?;
        self.serve(host)
    }

    /// Creates a Service of type LoadBalancer (TCP 80, UDP 7777, both families if possible) and its endpoints.
    pub fn load_balancer(&self, name: &str, backends: &[&Backend]) -> Result<()> {
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": name },
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": false,
                "ipFamilyPolicy": "PreferDualStack",
                "ports": [
                    { "name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080 },
                    { "name": "echo", "protocol": "UDP", "port": 7777, "targetPort": 7777 },
                ],
            },
        });
        self.send("create", "/api/v1/namespaces/default/services", &service)?;
        self.set_endpoints("default", name, backends)
    }

    /// Says which servers are behind a Service without selector, whose ports are named `http` and `echo`. What was said
    /// before is replaced; no server at all is possible.
    pub fn set_endpoints(&self, namespace: &str, service: &str, backends: &[&Backend]) -> Result<()> {
        self.retire_endpoints(namespace, service, backends, &[])
    }

    /// The same, where some of the servers are about to end and serve until then.
    pub fn retire_endpoints(
        &self,
        namespace: &str,
        service: &str,
        staying: &[&Backend],
        leaving: &[&Backend],
    ) -> Result<()> {
        for (family, suffix) in [("IPv4", "v4"), ("IPv6", "v6")] {
            let staying = staying.iter().map(|backend| (backend, false));
            let all = staying.chain(leaving.iter().map(|backend| (backend, true)));
            let endpoints = all.map(|(backend, leaving)| {
                let address = if family == "IPv4" {
                    backend.host.v4.to_string()
                } else {
                    backend.host.v6.to_string()
                };
                json!({
                    "addresses": [address],
                    "conditions": { "ready": !leaving, "serving": true, "terminating": leaving },
                    "nodeName": backend.host.behind,
                })
            });
            let name = format!("{service}-{suffix}");
            let slice = json!({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {
                        "kubernetes.io/service-name": service,
                        "endpointslice.kubernetes.io/managed-by": "herald-lab",
                    },
                },
                "addressType": family,
                "endpoints": endpoints.collect::<Vec<_>>(),
                "ports": [
                    { "name": "http", "protocol": "TCP", "port": 8080 },
                    { "name": "echo", "protocol": "UDP", "port": 7777 },
                ],
            });
            let all = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
            self.send("replace", &format!("{all}/{name}"), &slice)
                .or_else(|_| self.send("create", &all, &slice))?;
        }
        Ok(())
    }

    fn serve(&self, host: Host) -> Result<Backend> {
        let mut web = Command::new(self.components.path("web")?);
        web.env("NAME", &host.name);
        let web = self.spawn(&host.name, "web", web)?;
        web.wait_for(
            &format!("the server on {}", host.name),
            Duration::from_secs(30),
            || {
                self.http_get(&host.name, "127.0.0.1:8080".parse()?, "/", Duration::from_secs(1))?;
                Ok(make_room(web.id.pid)?.then_some(()))
            },
        )?;
        Ok(Backend { host })
    }

    /// Makes a namespace behind a process node, with addresses of the node's pod ranges.
    fn add_pod(&self, node: &str, name: &str) -> Result<Host> {
        if self.state().kind == NodeKind::Kubelet {
            bail!("{node} has a kubelet: give it a pod");
        }
        let number: u8 = node
            .strip_prefix('n')
            .and_then(|n| n.parse().ok())
            .with_context(|| format!("`{node}` is no node"))?;
        let node = self.host(node)?;
        let taken = self
            .state()
            .hosts
            .values()
            .filter(|host| host.behind.as_ref() == Some(&node.name))
            .count();
        let pod = Host::pod(&self.name(), name, number, u8::try_from(taken + 2)?);
        self.record(std::slice::from_ref(&pod))?;

        netns::add(&[&pod.netns])?;
        prepare(&pod.netns)?;
        let link = format!(
            "link add eth0 netns {} address {} type veth peer name {name} netns {}",
            pod.netns, pod.mac, node.netns
        );
        netns::batch(None, [link])?;
        // As the CNI plugin ptp does it: the node's end has the node's own address, and a route to this pod alone.
        netns::batch(
            Some(&node.netns),
            [
                format!("addr add {}/32 dev {name}", node.v4),
                format!("addr add {}/128 dev {name} nodad", node.v6),
                format!("link set {name} up"),
                format!("route add {}/32 dev {name} src {}", pod.v4, node.v4),
                format!("route add {}/128 dev {name}", pod.v6),
            ],
        )?;
        netns::batch(
            Some(&pod.netns),
            [
                "link set lo up".into(),
                format!("addr add {}/32 dev eth0", pod.v4),
                format!("addr add {}/128 dev eth0 nodad", pod.v6),
                "link set eth0 up".into(),
                format!("route add {}/32 dev eth0 scope link", node.v4),
                format!("route add {}/128 dev eth0", node.v6),
                format!("route add default via {} dev eth0", node.v4),
                format!("route add default via {} dev eth0", node.v6),
            ],
        )?;
        Ok(pod)
    }
}
