use anyhow::{Result, ensure};
use lab::Signal;
use suites::{Bed, on};

use super::{SERVICE, bed, nodes};

const TABLE: &str = "closed";

/// Nodes between which UDP of the speakers does not get through: whoever hears nobody sees by ARP that others are there, one node
/// answers for each address, and the Speaker says what to open.
#[test]
fn one_node_answers_while_the_port_of_the_speakers_is_closed_on_one_node_or_on_all() {
    on(bed("layer2-firewall"), |bed| {
        let ip = bed.address(SERVICE)?;
        let before = bed.holder(&ip)?;
        closed_on_one(bed, &ip, &before)?;
        closed_on_all(bed, &ip)
    });
}

/// Closed on the holder, and its speaker begins anew there: the others hear it, and it is told nothing.
fn closed_on_one(bed: &Bed, ip: &str, holder: &str) -> Result<()> {
    close(bed, holder)?;
    restart(bed, holder)?;
    says_what_to_open(bed, holder)?;
    bed.holder(ip)?;
    stays_one(bed, ip)?;
    open(bed, holder)?;
    all_is_well(bed, ip)
}

/// Closed everywhere: nobody hears anybody, and all begin anew at once.
fn closed_on_all(bed: &Bed, ip: &str) -> Result<()> {
    let nodes = nodes(bed);
    nodes.iter().try_for_each(|node| close(bed, node))?;
    nodes.iter().try_for_each(|node| restart(bed, node))?;
    nodes.iter().try_for_each(|node| says_what_to_open(bed, node))?;
    bed.holder(ip)?;
    stays_one(bed, ip)?;
    nodes.iter().try_for_each(|node| open(bed, node))?;
    all_is_well(bed, ip)
}

fn close(bed: &Bed, node: &str) -> Result<()> {
    let rules = format!(
        "add table inet {TABLE}; add chain inet {TABLE} in {{ type filter hook input priority 0; }}; \
         add rule inet {TABLE} in udp dport 7950 drop"
    );
    bed.lab.exec(node, &["nft", &rules]).map(drop)
}

fn open(bed: &Bed, node: &str) -> Result<()> {
    bed.lab
        .exec(node, &["nft", &format!("delete table inet {TABLE}")])
        .map(drop)
}

/// A speaker that was killed and begins anew; it need not become ready.
fn restart(bed: &Bed, node: &str) -> Result<()> {
    bed.end_speaker(node, Signal::SIGKILL)?;
    bed.spawn_speaker(node).map(drop)
}

/// Whether the Speaker is ready, the reason, and the message.
fn condition(bed: &Bed, node: &str) -> Result<(bool, String, String)> {
    let speaker = bed.lab.kubectl_json(&["get", "speaker", node])?;
    let ready = &speaker["status"]["conditions"][0];
    let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
    Ok((ready["status"] == "True", text("reason"), text("message")))
}

fn says_what_to_open(bed: &Bed, node: &str) -> Result<()> {
    bed.wait(
        &format!("the Speaker of {node} to say that nothing arrives"),
        || {
            let (ready, reason, message) = condition(bed, node)?;
            let says = !ready && reason == "Unheard" && message.contains("UDP 7950 does not arrive");
            Ok(says.then_some(()))
        },
    )
}

/// It is one node, and the same, for as long as a dozen questions take.
fn stays_one(bed: &Bed, ip: &str) -> Result<()> {
    let macs = bed.macs(ip, 3)?;
    for _ in 0..3 {
        let again = bed.macs(ip, 3)?;
        ensure!(
            macs.len() == 1 && again == macs,
            "{ip} is at {macs:?}, then at {again:?}"
        );
    }
    Ok(())
}

fn all_is_well(bed: &Bed, ip: &str) -> Result<()> {
    for node in nodes(bed) {
        bed.wait(&format!("the Speaker of {node} to be ready"), || {
            Ok(condition(bed, &node)?.0.then_some(()))
        })?;
    }
    bed.holder(ip)?;
    stays_one(bed, ip)?;
    bed.answer(ip).map(drop)
}
