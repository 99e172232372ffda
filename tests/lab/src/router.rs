//! Routers on the LAN, with a network of clients behind each: FRR and BIRD as peers that forward.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::User;
use serde::Deserialize;

use crate::lab::Lab;
use crate::netns;
use crate::plan::{self, Host};
use crate::topology::prepare;

mod bird;
mod frr;
mod learned;

pub use bird::Bird;
pub use frr::Frr;
pub use learned::Learned;

/// The router's interface to its clients.
const CLIENTS: &str = "clients";

/// A host that forwards between the LAN and a client behind it. It knows no way to any other network until a routing
/// daemon tells it one: [`Router::frr`] or [`Router::bird`].
#[derive(Debug)]
pub struct Router<'a> {
    lab: &'a Lab,
    /// The router, with its addresses on the LAN.
    pub host: Host,
    /// A client whose only way anywhere is the router. The nodes know the way back.
    pub client: Host,
    /// An address of the router that is on no link: the nodes reach it over the LAN, one hop further away.
    pub loopback_v4: Ipv4Addr,
    /// The same of the other family.
    pub loopback_v6: Ipv6Addr,
}

impl Lab {
    /// Adds a router to the LAN. Its name has at most 8 characters; its client is called `NAME-client`.
    pub fn router(&self, name: &str) -> Result<Router<'_>> {
        let host = self.add_host(name)?;
        let number = host.v4.octets()[3];
        let client = Host::behind_router(&self.name(), &host);
        self.record(std::slice::from_ref(&client))?;
        netns::add(&[&client.netns])?;
        prepare(&client.netns)?;
        let router = Router {
            lab: self,
            host,
            client,
            loopback_v4: Ipv4Addr::new(10, 99, number, 1),
            loopback_v6: Ipv6Addr::new(0xfd00, 0x99, number.into(), 0, 0, 0, 0, 1),
        };
        router.make_networks(number)?;
        router.tell_nodes(number)?;
        Ok(router)
    }
}

impl Router<'_> {
    /// Makes a cable of its own to a node, whose ends have link-local addresses only. The router's end is named as the node,
    /// the node's end as the router.
    pub fn link(&self, node: &str) -> Result<()> {
        let (node, router) = (self.lab.host(node)?, &self.host);
        netns::batch(
            None,
            [format!(
                "link add {} netns {} type veth peer name {} netns {}",
                node.name, router.netns, router.name, node.netns
            )],
        )?;
        for (netns, interface) in [(&router.netns, &node.name), (&node.netns, &router.name)] {
            netns::set_sysctls(
                netns,
                &[
                    // What comes over this cable has its way back over the LAN.
                    ("ipv4/conf/all/rp_filter", "0"),
                    (&format!("ipv4/conf/{interface}/rp_filter"), "0"),
                ],
            )?;
            netns::batch(Some(netns), [format!("link set {interface} up")])?;
        }
        Ok(())
    }

    /// Starts FRR (zebra, bgpd, bfdd) with this configuration, and waits until it has taken it.
    pub fn frr(&self, configuration: &str) -> Result<Frr<'_>> {
        Frr::start(self.lab, &self.host, configuration)
    }

    /// Starts BIRD with this configuration, and waits until it answers.
    pub fn bird(&self, configuration: &str) -> Result<Bird<'_>> {
        Bird::start(self.lab, &self.host, configuration)
    }

    /// Where the router's kernel forwards what is for exactly this prefix, sorted; nothing: it has no such route.
    pub fn forwards(&self, prefix: &str) -> Result<Vec<String>> {
        let family = if prefix.contains(':') { "-6" } else { "-4" };
        let words = [family, "-j", "route", "show", "exact", prefix];
        gateways(&self.lab.ip(&self.host.name, &words)?)
    }

    fn make_networks(&self, number: u8) -> Result<()> {
        let (router, client, gateway) = (&self.host, &self.client, plan::gateway());
        netns::set_sysctls(
            &router.netns,
            &[
                ("ipv4/ip_forward", "1"),
                ("ipv6/conf/all/forwarding", "1"),
                ("ipv4/conf/all/rp_filter", "0"),
                ("ipv4/conf/default/rp_filter", "0"),
                // Connections, not only pairs of hosts, are spread over next hops.
                ("ipv4/fib_multipath_hash_policy", "1"),
                ("ipv6/fib_multipath_hash_policy", "1"),
            ],
        )?;
        let link = format!(
            "link add eth0 netns {} address {} type veth peer name {CLIENTS} netns {}",
            client.netns, client.mac, router.netns
        );
        netns::batch(None, [link])?;
        netns::batch(
            Some(&router.netns),
            [
                // The way to everywhere is what it learns.
                format!("route del default via {}", gateway.v4),
                format!("route del default via {}", gateway.v6),
                format!("addr add {}/32 dev lo", self.loopback_v4),
                format!("addr add {}/128 dev lo nodad", self.loopback_v6),
                format!("addr add 10.98.{number}.1/24 dev {CLIENTS}"),
                format!("addr add fd00:98:{number:x}::1/64 dev {CLIENTS} nodad"),
                format!("link set {CLIENTS} up"),
            ],
        )?;
        netns::batch(
            Some(&client.netns),
            [
                "link set lo up".into(),
                format!("addr add {}/24 dev eth0", client.v4),
                format!("addr add {}/64 dev eth0 nodad", client.v6),
                "link set eth0 up".into(),
                format!("route add default via 10.98.{number}.1"),
                format!("route add default via fd00:98:{number:x}::1"),
            ],
        )
    }

    /// The way back to the client, and the way to the loopback addresses.
    fn tell_nodes(&self, number: u8) -> Result<()> {
        let Host { v4, v6, .. } = &self.host;
        for node in self.lab.nodes() {
            netns::batch(
                Some(&node.netns),
                [
                    format!("route add 10.98.{number}.0/24 via {v4}"),
                    format!("route add fd00:98:{number:x}::/64 via {v6}"),
                    format!("route add {}/32 via {v4}", self.loopback_v4),
                    format!("route add {}/128 via {v6}", self.loopback_v6),
                ],
            )?;
        }
        Ok(())
    }
}

/// A folder for the sockets and files of a routing daemon, given to the user it runs as.
fn folder(lab: &Lab, host: &Host, user: Option<&str>) -> Result<PathBuf> {
    let folder = lab.folder().join("routers").join(&host.name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    if let Some(user) = user {
        let found = User::from_name(user)?;
        let found =
            found.with_context(|| format!("there is no user {user}: `apt-get install frr` makes it"))?;
        chown(&folder, Some(found.uid.as_raw()), Some(found.gid.as_raw()))?;
    }
    Ok(folder)
}

/// A program of a package, or which package provides it.
fn program(path: &str, package: &str) -> Result<PathBuf> {
    if !Path::new(path).exists() {
        bail!("{path} is missing: `apt-get install {package}` provides it");
    }
    Ok(path.into())
}

/// A route as `ip -j` shows it: one next hop, or several.
#[derive(Debug, Deserialize)]
struct KernelRoute {
    #[serde(flatten)]
    only: Hop,
    #[serde(default)]
    nexthops: Vec<Hop>,
}

#[derive(Debug, Deserialize)]
struct Hop {
    gateway: Option<String>,
    /// A gateway of the other family.
    via: Option<Via>,
}

#[derive(Debug, Deserialize)]
struct Via {
    host: String,
}

fn gateways(table: &str) -> Result<Vec<String>> {
    if table.trim().is_empty() {
        return Ok(vec![]);
    }
    let routes: Vec<KernelRoute> =
        serde_json::from_str(table).with_context(|| format!("`ip -j route` printed {table}"))?;
    let hops = routes
        .into_iter()
        .flat_map(|route| std::iter::once(route.only).chain(route.nexthops));
    let mut gateways: Vec<_> = hops
        .filter_map(|hop| hop.gateway.or_else(|| hop.via.map(|via| via.host)))
        .collect();
    gateways.sort();
    Ok(gateways)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_hops_are_found_however_the_kernel_shows_them() {
        let several = r#"[{"dst":"198.51.100.1","nhid":9,"protocol":"bgp","nexthops":[
            {"gateway":"192.168.1.12","dev":"eth0","weight":1},{"gateway":"192.168.1.11","dev":"eth0","weight":1}]}]"#;
        assert_eq!(gateways(several).unwrap(), ["192.168.1.11", "192.168.1.12"]);
        let one = r#"[{"dst":"198.51.100.1","gateway":"192.168.1.11","dev":"eth0"}]"#;
        assert_eq!(gateways(one).unwrap(), ["192.168.1.11"]);
        let other_family = r#"[{"dst":"198.51.100.1","via":{"family":"inet6","host":"fe80::1"},"dev":"n1"}]"#;
        assert_eq!(gateways(other_family).unwrap(), ["fe80::1"]);
        assert!(gateways("").unwrap().is_empty() && gateways("[]").unwrap().is_empty());
    }
}
