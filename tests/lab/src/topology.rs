//! The LAN: a namespace with a bridge, and hosts with one veth each in it.

use std::slice;

use anyhow::{Context, Result, bail};

use crate::lab::Lab;
use crate::netns;
use crate::plan::{self, Host};
use crate::spec::Spec;
use crate::state::State;

/// The bridge that is the LAN.
pub(crate) const BRIDGE: &str = "br0";

impl Lab {
    /// Name of the namespace that holds the bridge.
    pub(crate) fn lan(&self) -> String {
        format!("{}-lan", self.state().name)
    }

    /// Adds a host to the LAN, with addresses of its own, for instance a router or a second client.
    ///
    /// The name has at most 15 characters of a-z, 0-9 and `-`. It forwards nothing.
    pub fn add_host(&self, name: &str) -> Result<Host> {
        let taken = |state: &State, number: u8| {
            state
                .hosts
                .values()
                .any(|host| host.behind.is_none() && host.v4.octets()[3] == number)
        };
        let number = {
            let state = self.state();
            (plan::FIRST_EXTRA..=plan::LAST_EXTRA).find(|number| !taken(&state, *number))
        };
        let host = Host::on_lan(&self.name(), name, number.context("the LAN has no address left")?);
        self.record(slice::from_ref(&host))?;
        self.make_hosts(slice::from_ref(&host))?;
        Ok(host)
    }

    /// Makes the bridge, the control plane's host, the nodes and the client.
    pub(crate) fn make_topology(&self, spec: &Spec) -> Result<()> {
        let lan = self.lan();
        let mut hosts = vec![Host::on_lan(&spec.name, "cp", plan::CONTROL_PLANE)];
        let nodes: Vec<_> = (1..=spec.nodes)
            .map(|node| Host::on_lan(&spec.name, &plan::node_name(node), plan::node_address(node)))
            .collect();
        hosts.extend(nodes.iter().cloned());
        if spec.client {
            hosts.push(Host::on_lan(&spec.name, "client", plan::CLIENT));
        }
        self.update(|state| claim(state, &lan))?;
        self.record(&hosts)?;

        netns::add(&[&lan])?;
        // The bridge has the address of a router that forwards nothing: hosts need a default route for ClusterIPs.
        let router = plan::gateway();
        netns::batch(
            Some(&lan),
            [
                "link set lo up".into(),
                format!(
                    "link add {BRIDGE} address {} type bridge forward_delay 0 stp_state 0",
                    router.mac
                ),
                format!("addr add {}/24 dev {BRIDGE}", router.v4),
                format!("addr add {}/64 dev {BRIDGE} nodad", router.v6),
                format!("link set {BRIDGE} up"),
            ],
        )?;
        self.make_hosts(&hosts)?;
        for node in &nodes {
            netns::set_sysctls(
                &node.netns,
                &[("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")],
            )?;
        }
        for host in hosts
            .iter()
            .filter(|host| host.name == "cp" || nodes.contains(host))
        {
            let others = (1..).zip(&nodes).filter(|(_, node)| *node != host);
            netns::batch(
                Some(&host.netns),
                others.flat_map(|(number, node)| routes_to_pods(number, node)),
            )?;
        }
        Ok(())
    }

    /// Writes hosts down, before they are made.
    pub(crate) fn record(&self, hosts: &[Host]) -> Result<()> {
        self.update(|state| {
            for host in hosts {
                plan::check_host_name(&host.name)?;
                if host.name == BRIDGE || host.name == "lan" || state.hosts.contains_key(&host.name) {
                    bail!("there is a host `{}` already", host.name);
                }
                claim(state, &host.netns)?;
                state.hosts.insert(host.name.clone(), host.clone());
            }
            Ok(())
        })
    }

    fn make_hosts(&self, hosts: &[Host]) -> Result<()> {
        let lan = self.lan();
        netns::add(&hosts.iter().map(|host| host.netns.as_str()).collect::<Vec<_>>())?;
        for host in hosts {
            prepare(&host.netns)?;
        }
        // Both ends are made where they belong, so that no name is ever taken in a namespace that labs share.
        netns::batch(
            None,
            hosts.iter().map(|host| {
                format!(
                    "link add eth0 netns {} address {} type veth peer name {} netns {lan}",
                    host.netns, host.mac, host.name
                )
            }),
        )?;
        netns::batch(
            Some(&lan),
            hosts
                .iter()
                .map(|host| format!("link set {} master {BRIDGE} up", host.name)),
        )?;
        let router = plan::gateway();
        for host in hosts {
            netns::batch(
                Some(&host.netns),
                [
                    "link set lo up".into(),
                    format!("addr add {}/24 dev eth0", host.v4),
                    format!("addr add {}/64 dev eth0 nodad", host.v6),
                    "link set eth0 up".into(),
                    format!("route add default via {}", router.v4),
                    format!("route add default via {} dev eth0", router.v6),
                ],
            )?;
        }
        Ok(())
    }
}

/// Writes a namespace down as the lab's own. One that is there already is somebody else's, and stays.
fn claim(state: &mut State, netns: &str) -> Result<()> {
    if netns::path(netns).exists() {
        bail!("there is a network namespace `{netns}` already, which is not the lab's");
    }
    state.netns.push(netns.to_owned());
    Ok(())
}

/// How others reach the pods of a node.
fn routes_to_pods(number: u8, node: &Host) -> [String; 2] {
    let (v4, v6) = plan::pod_ranges(number);
    [
        format!("route add {v4} via {}", node.v4),
        format!("route add {v6} via {}", node.v6),
    ]
}

/// Link-local addresses are usable at once: nobody else on the LAN could have them.
pub(crate) fn prepare(netns: &str) -> Result<()> {
    netns::set_sysctls(
        netns,
        &[
            ("ipv6/conf/all/accept_dad", "0"),
            ("ipv6/conf/default/accept_dad", "0"),
        ],
    )
}
