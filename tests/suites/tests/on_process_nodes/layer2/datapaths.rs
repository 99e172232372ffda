use anyhow::{Result, ensure};
use serde_json::json;
use suites::{Bed, on};

use super::health::{Health, end_kube_proxy};
use super::{SERVICE, bed, nodes};

/// Where kube-proxy says how it is.
const HEALTH: u16 = 10256;

/// F28, S4, S5: a node whose kube-proxy says that it is not ready hands over to one that can forward; where none can, each forwards as
/// before and one answers; whoever says nothing any more is able again. And an interface without an address announces nothing, with
/// the reason.
#[test]
fn kube_proxies_that_are_not_ready_everywhere_or_gone_take_no_address_away() {
    on(bed("layer2-datapaths"), |bed| {
        let ip = bed.address(SERVICE)?;
        let holder = bed.holder(&ip)?;
        let nodes = nodes(bed);
        for node in &nodes {
            end_kube_proxy(bed, node)?;
        }
        let first = Health::on(bed, &holder, HEALTH)?;
        bed.wait("a node that can forward to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| *node != holder))
        })?;
        bed.answer(&ip)?;

        let others = nodes.iter().filter(|node| **node != holder);
        let others: Result<Vec<_>> = others.map(|node| Health::on(bed, node, HEALTH)).collect();
        let others = others?;
        for node in &nodes {
            bed.wait(&format!("{node} to say that it cannot forward"), || {
                Ok(cannot_forward(bed, node)?.then_some(()))
            })?;
        }
        bed.holder(&ip)?;
        bed.answer(&ip)?;

        first.end()?;
        bed.wait("the node that says nothing any more to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| *node == holder))
        })?;
        bed.answer(&ip)?;
        others.into_iter().try_for_each(Health::end)?;
        without_an_address(bed, &ip)
    });
}

fn cannot_forward(bed: &Bed, node: &str) -> Result<bool> {
    let speaker = bed.lab.kubectl_json(&["get", "speaker", node])?;
    Ok(speaker["status"]["canForward"] == false)
}

/// P-L2-44: nobody could be talked to there.
fn without_an_address(bed: &Bed, ip: &str) -> Result<()> {
    for node in nodes(bed) {
        let link = ["link", "add", "eth7", "type", "veth", "peer", "name", "eth8"];
        bed.lab.ip(&node, &link)?;
        bed.lab
            .exec(&node, &["sysctl", "-qw", "net.ipv6.conf.eth7.disable_ipv6=1"])?;
        for end in ["eth7", "eth8"] {
            bed.lab.ip(&node, &["link", "set", end, "up"])?;
        }
    }
    bed.advertise("lan", json!({"interfaces": ["eth7"]}))?;
    let (reason, message) = bed.condition(SERVICE, "heraldlb.io/Announced", "False")?;
    ensure!(
        reason == "NoInterface" && message.contains("eth7 has no address of its own"),
        "{reason}: {message}"
    );
    let macs = bed.macs(ip, 2)?;
    ensure!(macs.is_empty(), "{macs:?} answer");
    Ok(())
}
