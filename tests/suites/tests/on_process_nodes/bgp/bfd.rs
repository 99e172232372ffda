use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use lab::{Bird, Frr, Process, stamp};
use serde_json::json;
use suites::{Bed, Neighbour, Peering, on};

use super::{
    NODES, SERVICE, SPINE, TOR, answers, bed, external, in_bird, in_frr, peers_of, prefixes, with, words,
};

const NODE: &str = "n1";

/// Three packets of 50 ms.
const FAST: &str =
    "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n  detect-multiplier 3\n exit\nexit\n";

/// What clients wait at most when a cable is pulled. The machine may have other things to do: `make bench-bgp` measures.
const SILENCE: Duration = Duration::from_millis(1500);

/// P-BGP-43, P-BGP-44, P-BGP-45, P-BGP-46, P-OBS-20: BFD comes up with FRR and with BIRD over both families, single-hop and
/// multi-hop, with the values of the profile; a cable that is pulled and BFD packets that are lost end the sessions long before
/// the hold time, also where the speaker is an ordinary process (P-INSTALL-8). A router without BFD keeps its session, and so does one that switches BFD off. D10, D12, D13, D14.
#[test]
fn bfd_ends_what_is_dead_and_nothing_else() {
    on(bed("bgp-bfd", 2), |bed| {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let (far, quiet) = (bed.lab.router("far")?, bed.lab.router("quiet")?);
        let nodes = bed.lab.nodes();
        let both = |node| {
            [Neighbour::v4(node, NODES), Neighbour::v6(node, NODES)]
                .map(|one| one.with("bfd profile fast", "bfd on;"))
        };
        let plain = |node| [Neighbour::v4(node, NODES), Neighbour::v6(node, NODES)];
        let frr = tor.frr(&format!(
            "{FAST}{}",
            Peering::of(&tor, TOR, nodes.iter().flat_map(both)).frr()
        ))?;
        let bird = spine.bird(
            &Peering::of(&spine, SPINE, nodes.iter().flat_map(both))
                .and("protocol bfd { interface \"eth0\" { interval 50 ms; multiplier 3; }; }")
                .bird(),
        )?;
        let hop = format!("update-source {}", far.loopback_v4);
        let distant = Neighbour::v4(&nodes[0], NODES)
            .with("ebgp-multihop 3", "")
            .with(&hop, "")
            .with("bfd profile fast", "");
        let far_frr = far.frr(&format!("{FAST}{}", Peering::of(&far, TOR, [distant]).frr()))?;
        let silent = quiet.bird(&Peering::of(&quiet, SPINE, nodes.iter().flat_map(plain)).bird())?;

        bed.object(
            "BFDProfile",
            "fast",
            json!({"receiveInterval": 50, "transmitInterval": 50, "detectMultiplier": 3}),
        )?;
        bed.object(
            "BFDProfile",
            "far",
            json!({"receiveInterval": 50, "transmitInterval": 50, "detectMultiplier": 5, "minimumTtl": 250}),
        )?;
        let watched = json!({"bfdProfile": "fast"});
        peers_of(bed, &tor, TOR, &watched)?;
        peers_of(bed, &spine, SPINE, &watched)?;
        peers_of(bed, &quiet, SPINE, &watched)?;
        let first = json!([{"matchLabels": {"kubernetes.io/hostname": NODE}}]);
        let more = json!({"bfdProfile": "far", "ebgpMultiHop": true, "nodeSelectors": first});
        bed.peer("far", with(external(far.loopback_v4, TOR), more))?;
        bed.bgp_advertise("all", json!({}))?;
        bed.speaker(NODE)?;
        let ordinary = bed.ordinary_speaker("n2")?;
        without_capabilities(&ordinary)?;
        bed.lab.load_balancer(SERVICE, &[&bed.lab.backend("echo")?])?;
        let addresses = bed.both_addresses(SERVICE)?;

        up(bed, &frr, &bird, &far_frr)?;
        complete(bed, &frr, &bird, addresses)?;
        ensure!(answers(bed, &quiet, addresses[0])?.contains("echo"));
        other_profile(bed, &frr)?;
        switched_off(bed, &frr, addresses)?;
        lost(bed, &frr, addresses)?;
        cut(bed, &tor.client.name, &frr, &bird, addresses)?;
        // What BFD never saw, it never ended.
        for name in ["quiet-v4", "quiet-v6"] {
            let said = bed.session_is("n2", name, "Established")?;
            ensure!(said["bfd"] != "Up" && said["bfd"] != "Down", "{name}: {said}");
        }
        ensure!(silent.established("n2_4")? && silent.established("n2_6")?);
        Ok(())
    });
}

/// All of it is done without a capability, by a user who is nobody.
fn without_capabilities(speaker: &Process) -> Result<()> {
    let status = fs::read_to_string(format!("/proc/{}/status", speaker.id.pid))?;
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
            .with_context(|| format!("no {name} in {status}"))
    };
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        ensure!(
            field(set)?.chars().all(|digit| digit == '0'),
            "{set}: {}",
            field(set)?
        );
    }
    ensure!(
        field("Uid")?.split_whitespace().all(|id| id == "65534"),
        "Uid: {}",
        field("Uid")?
    );
    Ok(())
}

/// Both ends say so, with each other's values.
fn up(bed: &Bed, frr: &Frr<'_>, bird: &Bird<'_>, far: &Frr<'_>) -> Result<()> {
    let is_up = |frr: &Frr<'_>, peer: IpAddr, multiplier: u32| {
        bed.wait(&format!("BFD of FRR with {peer}"), || {
            let shown = frr.bfd(peer)?;
            let expected = [
                ("status", json!("up")),
                ("remote-receive-interval", json!(50)),
                ("remote-transmit-interval", json!(50)),
                ("remote-detect-multiplier", json!(multiplier)),
            ];
            ensure!(
                expected.iter().all(|(field, value)| shown[*field] == *value),
                "{shown}"
            );
            Ok(Some(()))
        })
    };
    for node in bed.lab.nodes() {
        is_up(frr, node.v4.into(), 3)?;
        is_up(frr, node.v6.into(), 3)?;
        bed.wait("BFD of BIRD", || {
            let shown = bird.birdc("show bfd sessions")?;
            let up = |address: &str| {
                let line = shown
                    .lines()
                    .find(|line| line.split_whitespace().next() == Some(address));
                line.is_some_and(|line| line.contains(" Up "))
            };
            ensure!(up(&node.v4.to_string()) && up(&node.v6.to_string()), "{shown}");
            Ok(Some(()))
        })?;
    }
    is_up(far, bed.lab.host(NODE)?.v4.into(), 5)?;
    for peer in ["tor-v4", "tor-v6", "spine-v4", "spine-v6", "far"] {
        bed.wait(&format!("the speaker to say that BFD with {peer} is up"), || {
            let said = bed.session(NODE, peer)?;
            ensure!(
                said["bfd"] == "Up" && said["state"] == "Established",
                "it says {said}"
            );
            Ok(Some(()))
        })?;
    }
    Ok(())
}

/// A profile that is edited takes effect in the sessions that there are. So it does when it is taken off and named again, but then
/// the routers close theirs: to them an end that switches BFD off is one that is down.
fn other_profile(bed: &Bed, frr: &Frr<'_>) -> Result<()> {
    let (peer, watched) = ("spine-v4", bed.lab.host(NODE)?.v4.into());
    let since = || -> Result<_> { Ok((counts(bed, frr)?, bed.session(NODE, peer)?["since"].clone())) };
    let before = since()?;
    let fast = |multiplier: u32| {
        let profile = json!({"receiveInterval": 50, "transmitInterval": 50, "detectMultiplier": multiplier});
        bed.object("BFDProfile", "fast", profile)?;
        bed.wait(&format!("{multiplier} packets"), || {
            let seen = frr.bfd(watched)?["remote-detect-multiplier"] == multiplier;
            Ok(seen.then_some(()))
        })
    };
    let name = |profile: Option<&str>, state: Option<&str>| {
        let patch = json!({"spec": {"bfdProfile": profile}}).to_string();
        bed.lab
            .kubectl(&["patch", "bgppeer", peer, "--type=merge", "-p", &patch])?;
        bed.wait(&format!("the speaker to say {state:?} of BFD"), || {
            Ok((bed.session(NODE, peer)?["bfd"].as_str() == state).then_some(()))
        })
    };
    fast(4)?;
    fast(3)?;
    let after = since()?;
    ensure!(after == before, "a session was disturbed: {before:?}, {after:?}");
    name(None, None)?;
    bed.session_is(NODE, peer, "Established")?;
    name(Some("fast"), Some("Up"))?;
    bed.session_is(NODE, peer, "Established").map(drop)
}

fn complete(bed: &Bed, frr: &Frr<'_>, bird: &Bird<'_>, addresses: [IpAddr; 2]) -> Result<()> {
    let nodes = bed.lab.nodes();
    for (prefix, v6) in prefixes(addresses).iter().zip([false, true]) {
        bed.learns_from(frr, prefix, &words(&in_frr(&nodes, v6)))?;
        bed.learns_from(bird, prefix, &words(&in_bird(&nodes, if v6 { '6' } else { '4' })))?;
    }
    Ok(())
}

fn counts(bed: &Bed, frr: &Frr<'_>) -> Result<Vec<u64>> {
    let nodes = bed.lab.nodes();
    super::establishments(frr, &[in_frr(&nodes, false), in_frr(&nodes, true)].concat())
}

/// A router that switches BFD off says nothing about the path.
fn switched_off(bed: &Bed, frr: &Frr<'_>, addresses: [IpAddr; 2]) -> Result<()> {
    let before = counts(bed, frr)?;
    frr.configure("bfd\n profile fast\n  shutdown\n exit\nexit\n")?;
    let said = |wanted: &str| {
        bed.wait(&format!("the speaker to say {wanted} of BFD"), || {
            let said = bed.session(NODE, "tor-v4")?;
            ensure!(said["bfd"] == wanted, "it says {said}");
            Ok(Some(said))
        })
    };
    let session = said("AdminDown")?;
    ensure!(session["state"] == "Established", "{session}");
    frr.configure("bfd\n profile fast\n  no shutdown\n exit\nexit\n")?;
    let session = said("Up")?;
    ensure!(session["state"] == "Established", "{session}");
    let after = counts(bed, frr)?;
    ensure!(before == after, "a session was closed: {before:?}, {after:?}");
    ensure!(!frr.routes(&prefixes(addresses)[0])?.is_empty());
    Ok(())
}

/// The router's BFD packets are lost and all else goes through: the speaker closes, and comes back with them.
fn lost(bed: &Bed, frr: &Frr<'_>, addresses: [IpAddr; 2]) -> Result<()> {
    let before = counts(bed, frr)?;
    let rules =
        "table inet mute { chain output { type filter hook output priority 0; udp dport 3784 drop; }; }";
    bed.lab.exec("tor", &["nft", rules])?;
    for peer in ["tor-v4", "tor-v6"] {
        bed.wait(&format!("the speaker to close its session with {peer}"), || {
            let said = bed.session(NODE, peer)?;
            let error = said["lastError"].as_str().unwrap_or_default();
            ensure!(said["bfd"] == "Down" && error.contains("BFD"), "it says {said}");
            Ok(Some(()))
        })?;
    }
    bed.lab.exec("tor", &["nft", "delete table inet mute"])?;
    let nodes = bed.lab.nodes();
    for (prefix, v6) in prefixes(addresses).iter().zip([false, true]) {
        bed.learns_from(frr, prefix, &words(&in_frr(&nodes, v6)))?;
    }
    let after = counts(bed, frr)?;
    ensure!(
        before.iter().zip(&after).all(|(before, after)| before < after),
        "FRR lost no session: {before:?}, {after:?}"
    );
    Ok(())
}

/// Clients behind the router go on over the other node.
fn cut(bed: &Bed, client: &str, frr: &Frr<'_>, bird: &Bird<'_>, addresses: [IpAddr; 2]) -> Result<()> {
    complete(bed, frr, bird, addresses)?;
    let probes: Vec<_> = (0..6)
        .map(|number| {
            bed.lab
                .probe(client, SocketAddr::from((addresses[number % 2], 7777)))
        })
        .collect::<Result<_>>()?;
    let steady = |since: SystemTime| {
        bed.wait("every client to be served", || {
            Ok(probes
                .iter()
                .all(|probe| probe.is_steady_since(since))
                .then_some(()))
        })
    };
    steady(SystemTime::UNIX_EPOCH)?;
    let from = stamp();
    bed.lab.unplug(NODE)?;
    let others: Vec<_> = bed
        .lab
        .nodes()
        .into_iter()
        .filter(|node| node.name != NODE)
        .collect();
    for (prefix, v6) in prefixes(addresses).iter().zip([false, true]) {
        bed.learns_from(frr, prefix, &words(&in_frr(&others, v6)))?;
        bed.learns_from(
            bird,
            prefix,
            &words(&in_bird(&others, if v6 { '6' } else { '4' })),
        )?;
    }
    steady(stamp())?;
    for probe in &probes {
        let seen = probe.seen(from, stamp())?;
        ensure!(seen.silence < SILENCE, "{seen:?}");
    }
    bed.lab.plug(NODE)?;
    complete(bed, frr, bird, addresses)
}
