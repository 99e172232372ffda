use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use suites::{Bed, on};

/// P-L2-43: an address is announced where a route says that its subnet is on the link, whatever the node's own prefix says, as
/// with node addresses of /32. And the Speaker tells what the interface is.
#[test]
fn a_node_whose_lan_is_an_on_link_route_announces_there() {
    on(Bed::up("on-link"), |bed| {
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let holder = bed.holder(&ip)?;
        let nodes = bed.lab.nodes();
        let other = nodes.iter().find(|node| node.name != holder);
        let other = &other.context("there is one node only")?.name;
        let own = address_of(bed, other)?;
        bed.lab.ip(
            other,
            &["address", "replace", &format!("{own}/32"), "dev", "eth0"],
        )?;
        bed.lab
            .ip(other, &["address", "delete", &format!("{own}/24"), "dev", "eth0"])?;
        bed.lab.ip(
            other,
            &["route", "add", "192.168.1.0/24", "dev", "eth0", "scope", "link"],
        )?;
        let selected = json!({"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": other}}]});
        bed.advertise("lan", selected)?;
        bed.wait("the node with the route to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| node == other))
        })?;
        bed.answer(&ip)?;
        tells_what_its_interface_is(bed, other)
    });
}

/// The node's address on eth0.
fn address_of(bed: &Bed, node: &str) -> Result<String> {
    let shown = bed
        .lab
        .ip(node, &["-json", "-4", "address", "show", "dev", "eth0"])?;
    let shown: Value = serde_json::from_str(&shown)?;
    let local = shown[0]["addr_info"][0]["local"].as_str();
    Ok(local.context("eth0 has no address")?.to_owned())
}

/// P-OBS-1: with its hardware address, its subnet, and the Service that is announced there.
fn tells_what_its_interface_is(bed: &Bed, node: &str) -> Result<()> {
    let shown = bed.wait("the Speaker to name the Service", || {
        let speaker = bed.lab.kubectl_json(&["get", "speaker", node])?;
        let status = speaker["status"].clone();
        let names = status["layer2Services"][0]["service"] == "default/web";
        Ok(names.then_some(status))
    })?;
    ensure!(shown["layer2Services"][0]["role"] == "Holder", "{shown}");
    let interfaces = shown["interfaces"].as_array().cloned().unwrap_or_default();
    let eth0 = interfaces.iter().find(|interface| interface["name"] == "eth0");
    let eth0 = eth0.context("eth0 is not shown")?;
    let mac = eth0["hardwareAddress"].as_str().unwrap_or_default();
    ensure!(bed.node_of(mac)? == node, "{eth0}");
    let subnets = eth0["subnets"].as_array().cloned().unwrap_or_default();
    ensure!(subnets.contains(&json!("192.168.1.0/24")), "{eth0}");
    // Whoever deletes it finds it there again.
    let uid = |speaker: &Value| speaker["metadata"]["uid"].as_str().map(str::to_owned);
    let before = uid(&bed.lab.kubectl_json(&["get", "speaker", node])?);
    bed.lab.kubectl(&["delete", "speaker", node])?;
    bed.wait("the Speaker to be written again", || {
        let speakers = bed.lab.kubectl_json(&["get", "speakers"])?;
        let items = speakers["items"].as_array().cloned().unwrap_or_default();
        let again = items
            .into_iter()
            .find(|speaker| speaker["metadata"]["name"] == node);
        Ok(again.filter(|speaker| uid(speaker) != before && speaker["status"]["count"] == 1))
    })?;
    Ok(())
}
