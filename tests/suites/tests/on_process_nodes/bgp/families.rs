use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, ensure};
use lab::{Backend, Bird, Frr, Host, Learned, Router};
use serde_json::json;
use suites::{Bed, Learns, Neighbour, Peering, on};

use super::{
    MARKS, NODES, SERVICE, SPINE, TOR, answers, bed, establishments, in_bird, in_frr, peers_of, prefixes,
    start_speakers, words,
};

/// P-BGP-1, P-BGP-2, P-BGP-3, P-BGP-5, P-BGP-8, P-BGP-10, P-BGP-12, P-BGP-13, P-BGP-32, P-BGP-35, P-BGP-50, P-BGP-53, P-OBS-3: a Service
/// is a route of each family over every node, in FRR and in BIRD and in their kernels, and a client behind either is served; what
/// follows the endpoints is on the routers. U2, U3, U4, U7.
#[test]
fn routers_spread_clients_over_every_node_that_has_an_endpoint() {
    on(bed("bgp-families", 3), |bed| {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let nodes = bed.lab.nodes();
        let both = |node: &Host| [Neighbour::v4(node, NODES), Neighbour::v6(node, NODES)];
        let frr = tor.frr(
            &Peering::of(&tor, TOR, nodes.iter().flat_map(both))
                .and(&offer())
                .frr(),
        )?;
        let bird = spine.bird(&Peering::of(&spine, SPINE, nodes.iter().flat_map(both)).bird())?;

        peers_of(bed, &tor, TOR, &json!({}))?;
        peers_of(bed, &spine, SPINE, &json!({}))?;
        bed.bgp_advertise("all", json!({}))?;
        start_speakers(bed)?;
        let backend = bed.lab.backend("echo")?;
        bed.lab.load_balancer(SERVICE, &[&backend])?;
        let addresses = bed.both_addresses(SERVICE)?;
        on_every_node(bed, &frr, &bird, addresses)?;
        said(bed, true)?;
        refreshed(bed, &frr, &bird, addresses)?;
        forwarded(bed, [&tor, &spine], addresses)?;
        follows_the_endpoints(bed, &tor, &frr, &bird, addresses)?;

        said(bed, false)?;
        // No session was disturbed, though FRR dials as well.
        let all = [in_frr(&nodes, false), in_frr(&nodes, true)].concat();
        let count = establishments(&frr, &all)?;
        ensure!(count.iter().all(|count| *count == 1), "{count:?}");
        let routes = bed.lab.ip("n1", &["route", "show"])?;
        ensure!(!routes.contains(OFFERED), "a router's route is taken: {routes}");
        Ok(())
    });
}

/// What a router announces to everyone: nobody is to take it (P-BGP-50).
const OFFERED: &str = "203.0.113.0";

fn offer() -> String {
    format!(
        " no bgp network import-check\n address-family ipv4 unicast\n  network {OFFERED}/24\n exit-address-family"
    )
}

fn on_every_node(bed: &Bed, frr: &Frr<'_>, bird: &Bird<'_>, addresses: [IpAddr; 2]) -> Result<()> {
    let nodes = bed.lab.nodes();
    for (prefix, v6) in prefixes(addresses).iter().zip([false, true]) {
        bed.learns_from(frr, prefix, &words(&in_frr(&nodes, v6)))?;
        bed.learns_from(bird, prefix, &words(&in_bird(&nodes, if v6 { '6' } else { '4' })))?;
        let of_every_node = |routes: &[Learned]| {
            let hop = |node: &Host| -> IpAddr { if v6 { node.v6.into() } else { node.v4.into() } };
            let from = |node: &Host| {
                routes
                    .iter()
                    .any(|route| route.next_hops.first() == Some(&hop(node)))
            };
            nodes.iter().all(from)
                && routes
                    .iter()
                    .all(|route| route.as_path == [NODES] && route.communities.is_empty() && !route.stale)
        };
        // A router takes a moment to make several ways of routes that it has. FRR shows no LOCAL_PREF where none came; BIRD shows
        // its own.
        bed.learns(
            frr,
            prefix,
            "used over every node, without LOCAL_PREF",
            |routes| {
                of_every_node(routes)
                    && routes
                        .iter()
                        .all(|route| route.used && route.local_pref.is_none())
            },
        )?;
        bed.learns(bird, prefix, "over every node", of_every_node)?;
    }
    Ok(())
}

/// Each node says that it announces the Service, and to whom; nothing of a Service that is gone (P-OBS-3).
fn said(bed: &Bed, announced: bool) -> Result<()> {
    if announced {
        bed.condition(SERVICE, "heraldlb.io/Announced", "True")?;
    }
    for node in bed.lab.nodes() {
        bed.wait(
            &format!("the Speaker of {} to say what it announces", node.name),
            || {
                let status = bed.lab.kubectl_json(&["get", "speaker", &node.name])?["status"].take();
                let peers = status["bgpServices"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|entry| entry["service"] == format!("default/{SERVICE}"))
                    .and_then(|entry| entry["peers"].as_array());
                let expected = announced.then_some(4);
                ensure!(peers.map(Vec::len) == expected, "{status}");
                ensure!(status["bgpServiceCount"] == u64::from(announced), "{status}");
                Ok(Some(()))
            },
        )?;
    }
    Ok(())
}

/// A router that asks for its routes again gets them: to FRR it shows in what it makes of them, to BIRD in
/// how many came.
fn refreshed(bed: &Bed, frr: &Frr<'_>, bird: &Bird<'_>, addresses: [IpAddr; 2]) -> Result<()> {
    let node = &bed.lab.nodes()[0];
    let of_node = |preference: Option<u32>| {
        bed.learns(frr, &prefixes(addresses)[0], "preferred", |routes| {
            let mut all = routes.iter().filter(|route| route.peer == node.v4.to_string());
            all.all(|route| route.local_pref == preference) && routes.len() == 3
        })
    };
    let enter = |line: &str| {
        frr.configure(&format!(
            "route-map PREFERRED permit 10\n set local-preference 222\nexit\n\
             router bgp {TOR}\n address-family ipv4 unicast\n  {line}\n exit-address-family\nexit\n"
        ))?;
        frr.vtysh(&format!("clear bgp ipv4 unicast {} soft in", node.v4))
    };
    enter(&format!("neighbor {} route-map PREFERRED in", node.v4))?;
    of_node(Some(222))?;
    enter(&format!("no neighbor {} route-map PREFERRED in", node.v4))?;
    of_node(None)?;

    let updates = || -> Result<u32> {
        let shown = bird.birdc(&format!("show protocols all {}_4", node.name))?;
        let line = shown
            .lines()
            .find_map(|line| line.trim().strip_prefix("Import updates:"));
        let first = line.and_then(|line| line.split_whitespace().next());
        Ok(first.with_context(|| shown.clone())?.parse()?)
    };
    let before = updates()?;
    bird.birdc(&format!("reload in {}_4", node.name))?;
    bed.wait("BIRD to get its routes again", || {
        Ok((updates()? > before).then_some(()))
    })
}

/// Three ways in each kernel, and an answer over TCP and UDP.
fn forwarded(bed: &Bed, routers: [&Router<'_>; 2], addresses: [IpAddr; 2]) -> Result<()> {
    for router in routers {
        for (address, prefix) in addresses.into_iter().zip(prefixes(addresses)) {
            bed.wait(
                &format!("three ways to {prefix} from {}", router.host.name),
                || Ok((router.forwards(&prefix)?.len() == 3).then_some(())),
            )?;
            ensure!(answers(bed, router, address)?.contains("echo"));
            let probe = bed
                .lab
                .probe(&router.client.name, SocketAddr::from((address, 7777)))?;
            bed.wait("datagrams to come back", || {
                Ok(probe
                    .is_steady_since(std::time::SystemTime::UNIX_EPOCH)
                    .then_some(()))
            })?;
        }
    }
    Ok(())
}

/// With external traffic policy Local: exactly the nodes with a usable endpoint, and the clients are spread over them.
fn follows_the_endpoints(
    bed: &Bed,
    tor: &Router<'_>,
    frr: &Frr<'_>,
    bird: &Bird<'_>,
    addresses: [IpAddr; 2],
) -> Result<()> {
    let pods: Vec<Backend> = (1..=3)
        .map(|number| bed.lab.backend_on(&format!("n{number}"), &format!("pod{number}")))
        .collect::<Result<_>>()?;
    let policy = |policy: &str| {
        let patch = json!({"spec": {"externalTrafficPolicy": policy}}).to_string();
        bed.lab.kubectl(&["patch", "service", SERVICE, "-p", &patch])
    };
    let set = |chosen: &[&Backend]| bed.lab.set_endpoints("default", SERVICE, chosen);
    let nodes = bed.lab.nodes();
    let everywhere = |chosen: &[Host]| -> Result<()> {
        for (prefix, v6) in prefixes(addresses).iter().zip([false, true]) {
            bed.learns_from(frr, prefix, &words(&in_frr(chosen, v6)))?;
            bed.learns_from(bird, prefix, &words(&in_bird(chosen, if v6 { '6' } else { '4' })))?;
        }
        Ok(())
    };

    set(&[&pods[0], &pods[2]])?;
    everywhere(&nodes)?;
    policy("Local")?;
    everywhere(&[nodes[0].clone(), nodes[2].clone()])?;
    set(&pods.iter().collect::<Vec<_>>())?;
    everywhere(&nodes)?;
    let prefix = &prefixes(addresses)[0];
    bed.wait("three ways", || {
        Ok((tor.forwards(prefix)?.len() == 3).then_some(()))
    })?;
    let mut met = BTreeSet::new();
    bed.wait("connections on all three nodes", || {
        met.insert(answers(bed, tor, addresses[0])?);
        Ok((met.len() == 3).then_some(()))
    })?;

    // The pod of n2 is about to end: other nodes are preferred, and nothing is withdrawn before it has (F30 of faults.md).
    let staying = [&pods[0], &pods[2]];
    bed.lab
        .retire_endpoints("default", SERVICE, &staying, &[&pods[1]])?;
    bed.wait(
        "two ways",
        || Ok((tor.forwards(prefix)?.len() == 2).then_some(())),
    )?;
    for prefix in prefixes(addresses) {
        marked_once(bed, frr, &prefix)?;
        marked_once(bed, bird, &prefix)?;
    }
    set(&staying)?;
    everywhere(&[nodes[0].clone(), nodes[2].clone()])?;

    set(&[])?;
    everywhere(&[])?;
    set(&[&pods[1]])?;
    everywhere(&[nodes[1].clone()])?;
    ensure!(answers(bed, tor, addresses[0])?.contains("pod2"));
    policy("Cluster")?;
    everywhere(&nodes)?;
    bed.lab.kubectl(&["delete", "service", SERVICE])?;
    everywhere(&[])
}

/// Waits until one of three routes is marked.
fn marked_once(bed: &Bed, router: &impl Learns, prefix: &str) -> Result<()> {
    let is_marked = |route: &&Learned| MARKS.iter().any(|mark| route.communities.contains(*mark));
    bed.learns(router, prefix, "one of three is marked", |routes| {
        routes.len() == 3 && routes.iter().filter(is_marked).count() == 1
    })
    .map(drop)
}
