use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::attributes::{Fabric, is_there, prefix_of};
use super::{SERVICE, SPINE, external, with};

const ALL: [&str; 2] = ["n1", "n2"];

fn hostname(node: &str) -> Value {
    json!([{"matchLabels": {"kubernetes.io/hostname": node}}])
}

fn label(fabric: &Fabric<'_>, kind: &str, name: &str, label: &str) -> Result<()> {
    fabric
        .bed
        .lab
        .kubectl(&["label", "--overwrite", kind, name, label])
        .map(drop)
}

/// Which peers, nodes, pools and Services; each edit has its effect and no other.
pub(super) fn selected(fabric: &Fabric<'_>) -> Result<()> {
    by_peer(fabric)?;
    by_node(fabric)?;
    by_session(fabric)?;
    by_service(fabric)?;
    by_pool(fabric)?;
    unfit_nodes(fabric)
}

fn by_peer(fabric: &Fabric<'_>) -> Result<()> {
    fabric.advertise(json!({"peers": ["spine-v4", "spine-v6"]}))?;
    fabric.from(&[], &ALL)?;
    fabric.advertise(json!({"peers": ["nobody"]}))?;
    fabric.from(&[], &[])?;
    fabric.advertise(json!({}))?;
    fabric.from(&ALL, &ALL)
}

fn by_node(fabric: &Fabric<'_>) -> Result<()> {
    fabric.advertise(json!({"nodeSelectors": hostname("n1")}))?;
    fabric.from(&["n1"], &["n1"])?;
    fabric
        .bed
        .bgp_advertise("rack", json!({"nodeSelectors": [{"matchLabels": {"rack": "a"}}]}))?;
    label(fabric, "node", "n2", "rack=a")?;
    fabric.from(&ALL, &ALL)?;
    fabric.advertise(json!({"nodeSelectors": hostname("nowhere")}))?;
    fabric.from(&["n2"], &["n2"])?;
    label(fabric, "node", "n2", "rack-")?;
    fabric.from(&[], &[])?;
    fabric.bed.delete("bgpadvertisement", "rack")?;
    fabric.advertise(json!({}))?;
    fabric.from(&ALL, &ALL)
}

/// Which nodes have a session: a peer's own selectors, and a peer that goes.
fn by_session(fabric: &Fabric<'_>) -> Result<()> {
    let spine = |address: std::net::IpAddr, more: Value| with(external(address, SPINE), more);
    let host = fabric.bed.lab.host("spine")?;
    let to_both = |more: &Value| {
        fabric.bed.peer("spine-v4", spine(host.v4.into(), more.clone()))?;
        fabric.bed.peer("spine-v6", spine(host.v6.into(), more.clone()))
    };
    to_both(&json!({"nodeSelectors": hostname("n2")}))?;
    fabric.from(&ALL, &["n2"])?;
    ensure!(!fabric.bird.established("n1_4")? && fabric.bird.established("n2_4")?);
    to_both(&json!({"nodeSelectors": [{"matchLabels": {"rack": "b"}}]}))?;
    fabric.from(&ALL, &[])?;
    label(fabric, "node", "n1", "rack=b")?;
    fabric.from(&ALL, &["n1"])?;
    label(fabric, "node", "n1", "rack-")?;
    for peer in ["spine-v4", "spine-v6"] {
        fabric.bed.delete("bgppeer", peer)?;
    }
    fabric.from(&ALL, &[])?;
    to_both(&json!({"nodeSelectors": []}))?;
    fabric.from(&ALL, &ALL)
}

/// Selectors of Services are ORed; an edit of either side has its effect.
fn by_service(fabric: &Fabric<'_>) -> Result<()> {
    let bed = fabric.bed;
    let backend = bed.lab.backend("other")?;
    bed.lab.load_balancer("other", &[&backend])?;
    let other = prefix_of(bed, "other")?;
    is_there(bed, fabric.frr, &other, true)?;
    let chosen = |labels: &[&str]| {
        let selectors: Vec<_> = labels
            .iter()
            .map(|label| json!({"matchLabels": {"app": label}}))
            .collect();
        fabric.advertise(json!({"serviceSelectors": selectors}))
    };
    label(fabric, "service", SERVICE, "app=web")?;
    chosen(&["web"])?;
    is_there(bed, fabric.frr, &other, false)?;
    is_there(bed, fabric.bird, &other, false)?;
    fabric.from(&ALL, &ALL)?;
    label(fabric, "service", "other", "app=other")?;
    chosen(&["web", "other"])?;
    is_there(bed, fabric.bird, &other, true)?;
    label(fabric, "service", "other", "app=neither")?;
    is_there(bed, fabric.bird, &other, false)?;
    label(fabric, "service", SERVICE, "app-")?;
    fabric.from(&[], &[])?;
    fabric.advertise(json!({}))?;
    is_there(bed, fabric.bird, &other, true)?;
    bed.lab.kubectl(&["delete", "service", "other"])?;
    is_there(bed, fabric.frr, &other, false)?;
    fabric.from(&ALL, &ALL)
}

fn by_pool(fabric: &Fabric<'_>) -> Result<()> {
    fabric.advertise(json!({"ipPools": ["absent"]}))?;
    fabric.from(&[], &[])?;
    fabric.advertise(json!({"ipPools": ["absent"], "ipPoolSelectors": [{"matchLabels": {"use": "bgp"}}]}))?;
    label(fabric, "ippool", "bgp", "use=bgp")?;
    fabric.from(&ALL, &ALL)?;
    fabric.advertise(json!({"ipPools": ["bgp"]}))?;
    fabric.from(&ALL, &ALL)
}

/// A node with the exclusion label announces nothing, and neither does one whose network is not there.
fn unfit_nodes(fabric: &Fabric<'_>) -> Result<()> {
    let excluded = "node.kubernetes.io/exclude-from-external-load-balancers";
    label(fabric, "node", "n1", &format!("{excluded}="))?;
    fabric.from(&["n2"], &["n2"])?;
    label(fabric, "node", "n1", &format!("{excluded}-"))?;
    fabric.from(&ALL, &ALL)?;

    let unavailable = |status: &str| {
        let patch = json!({"status": {"conditions": [
            {"type": "NetworkUnavailable", "status": status, "reason": "Test", "message": "set by the suite"},
        ]}});
        let words = ["patch", "node", "n2", "--subresource=status", "-p"];
        fabric
            .bed
            .lab
            .kubectl(&[&words[..], &[&patch.to_string()]].concat())
    };
    unavailable("True")?;
    fabric.from(&["n1"], &["n1"])?;
    unavailable("False")?;
    fabric.from(&ALL, &ALL)
}
