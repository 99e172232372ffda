//! Herald's BGP against FRR and BIRD as routers that forward: what they show is what counts, and what a client behind them gets.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context, Result, ensure};
use lab::{Host, NodeKind, Router, Spec};
use serde_json::{Value, json};
use suites::Bed;

mod accepting;
mod attributes;
mod bfd;
mod families;
mod malformed;
mod restart;
mod selection;
mod sessions;

/// The AS number of the nodes, and those of the routers.
const NODES: u32 = 64512;
const TOR: u32 = 64601;
const SPINE: u32 = 64602;

const SERVICE: &str = "web";

/// FRR calls GRACEFUL_SHUTDOWN by its name, BIRD by its number (RFC 8326).
const MARKS: [&str; 2] = ["graceful-shutdown", "65535:0"];

/// So many nodes with a controller and a pool; no speaker yet.
fn bed(name: &str, nodes: u8) -> Result<Bed> {
    Bed::for_bgp(Bed::bare_on(Spec {
        nodes,
        ..Spec::new(name, NodeKind::Process)
    })?)
}

fn start_speakers(bed: &Bed) -> Result<()> {
    let speakers: Result<Vec<_>> = bed
        .lab
        .nodes()
        .iter()
        .map(|node| bed.spawn_speaker(&node.name))
        .collect();
    speakers?
        .into_iter()
        .try_for_each(|speaker| bed.informed(speaker))
}

/// The spec of a BGPPeer: an external one at this address.
fn external(address: impl Into<IpAddr>, asn: u32) -> Value {
    json!({"myASN": NODES, "peerASN": asn, "peerAddress": address.into(), "connectTime": "1s"})
}

/// The same with more fields, or others.
fn with(mut spec: Value, more: Value) -> Value {
    if let (Some(all), Value::Object(more)) = (spec.as_object_mut(), more) {
        all.extend(more);
    }
    spec
}

/// A BGPPeer for each family of a router: `NAME-v4` and `NAME-v6`.
fn peers_of(bed: &Bed, router: &Router<'_>, asn: u32, more: &Value) -> Result<()> {
    let Host { name, v4, v6, .. } = &router.host;
    bed.peer(&format!("{name}-v4"), with(external(*v4, asn), more.clone()))?;
    bed.peer(&format!("{name}-v6"), with(external(*v6, asn), more.clone()))
}

/// The prefixes of one address of each family.
fn prefixes(addresses: [IpAddr; 2]) -> [String; 2] {
    addresses.map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 }))
}

/// Names of the sessions of these nodes in BIRD, or their addresses as FRR calls its neighbours.
fn in_bird(nodes: &[Host], family: char) -> Vec<String> {
    nodes
        .iter()
        .map(|node| format!("{}_{family}", node.name))
        .collect()
}

fn in_frr(nodes: &[Host], v6: bool) -> Vec<String> {
    let address = |node: &Host| {
        if v6 {
            node.v6.to_string()
        } else {
            node.v4.to_string()
        }
    };
    nodes.iter().map(address).collect()
}

fn words(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// A client behind a router gets an answer from this address.
fn answers(bed: &Bed, router: &Router<'_>, address: IpAddr) -> Result<String> {
    let url = match address {
        IpAddr::V4(ip) => format!("http://{ip}/"),
        IpAddr::V6(ip) => format!("http://[{ip}]/"),
    };
    bed.wait(
        &format!("an answer from {address} behind {}", router.host.name),
        || Ok(bed.lab.curl(&router.client.name, &url, 1).ok()),
    )
}

/// How often FRR's session with each of these was established.
fn establishments(frr: &lab::Frr<'_>, neighbours: &[String]) -> Result<Vec<u64>> {
    neighbours
        .iter()
        .map(|neighbour| {
            let shown = frr.neighbour(neighbour)?;
            let count = shown["connectionsEstablished"].as_u64();
            ensure!(count.is_some(), "FRR does not say how often: {shown}");
            Ok(count.unwrap_or_default())
        })
        .collect()
}

/// The link-local address of an interface.
fn link_local(bed: &Bed, host: &str, interface: &str) -> Result<Ipv6Addr> {
    let text = bed
        .lab
        .ip(host, &["-j", "-6", "address", "show", "dev", interface])?;
    let shown: Value = serde_json::from_str(&text)?;
    let addresses = shown[0]["addr_info"].as_array().into_iter().flatten();
    let mut local = addresses.filter(|address| address["scope"] == "link");
    let address = local.next().and_then(|address| address["local"].as_str());
    Ok(address.context("no link-local address")?.parse()?)
}
