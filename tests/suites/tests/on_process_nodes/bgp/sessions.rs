use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use lab::{Frr, Learned};
use serde_json::{Value, json};
use suites::{Bed, Learns, Neighbour, Peering, on};

use self::cases::{Case, of_bird, of_frr};
use super::{NODES, SERVICE, SPINE, TOR, answers, bed, external, link_local, prefixes, start_speakers, with};

mod cases;

const NODE: &str = "n1";

/// P-BGP-13, P-BGP-14, P-BGP-15, P-BGP-16, P-BGP-17, P-BGP-18, P-BGP-19, P-BGP-20, P-BGP-24, P-BGP-26, P-BGP-27, P-BGP-29,
/// P-BGP-30, P-BGP-31, P-BGP-35, P-BGP-36, P-BGP-37, P-BGP-47, P-BGP-48, P-BGP-49: every way to peer with FRR and with BIRD, all on one node.
/// Those that are wrong stay down, say why, and disturb nobody. B13, U4.
#[test]
fn every_way_to_peer_works_with_both_routers_and_what_is_wrong_says_why() {
    on(bed("bgp-sessions", 1), |bed| {
        let (in_frr, in_bird) = (of_frr(bed)?, of_bird(bed)?);
        let frrs = start(&in_frr, |case, peering| case.router.frr(&peering.frr()))?;
        let birds = start(&in_bird, |case, peering| case.router.bird(&peering.bird()))?;
        bed.password("right", "correct-horse")?;
        bed.bgp_advertise("all", json!({}))?;
        for case in in_frr.iter().chain(&in_bird) {
            bed.peer(&case.router.host.name, case.peer.clone())?;
        }
        start_speakers(bed)?;
        bed.lab.load_balancer(SERVICE, &[&bed.lab.backend("echo")?])?;
        let addresses = bed.both_addresses(SERVICE)?;

        for (case, frr) in in_frr.iter().zip(&frrs) {
            learned(bed, case, frr, addresses)?;
        }
        for (case, bird) in in_bird.iter().zip(&birds) {
            learned(bed, case, bird, addresses)?;
        }
        next_hops(bed, &in_frr, &frrs, addresses)?;
        marked(bed, &in_frr, &frrs, addresses)?;
        parameters(bed, &in_frr, &frrs)?;
        wrong(bed, addresses)?;
        rotated(bed, &in_frr, &frrs, addresses)
    });
}

fn start<'c, T>(cases: &'c [Case<'c>], start: impl Fn(&'c Case<'c>, Peering) -> Result<T>) -> Result<Vec<T>> {
    let peering = |case: &Case<'_>| {
        let peering = Peering::of(&case.router, case.asn, [case.neighbour.clone()]);
        // BIRD is silent on a link until it is told to advertise itself there.
        if case.asn == SPINE && case.neighbour.name.ends_with("link") {
            return peering
                .and("protocol radv { interface \"n1\" { max ra interval 4; default lifetime 0; }; }");
        }
        peering
    };
    cases.iter().map(|case| start(case, peering(case))).collect()
}

fn learned(bed: &Bed, case: &Case<'_>, router: &impl Learns, addresses: [IpAddr; 2]) -> Result<()> {
    let name = &case.router.host.name;
    let prefixes = prefixes(addresses);
    for v6 in [false, true] {
        let prefix = &prefixes[usize::from(v6)];
        if !case.families.contains(&v6) {
            ensure!(router.routes(prefix)?.is_empty(), "{name} has {prefix}");
            continue;
        }
        let one = |routes: &[Learned]| routes.len() == 1 && routes[0].as_path == case.path && routes[0].used;
        bed.learns(router, prefix, &format!("{name}: by AS {:?}", case.path), one)?;
        // By one link or another, the client behind it is served.
        ensure!(answers(bed, &case.router, addresses[usize::from(v6)])?.contains("echo"));
    }
    let said = bed.session_is(NODE, name, "Established")?;
    ensure!(said["routesSent"] == case.families.len(), "{name}: {said}");
    Ok(())
}

/// Whatever the session runs over, a route points to the node's address of its own family; where it has none, over a link of
/// link-local addresses alone, IPv4 points to that (RFC 8950).
fn next_hops(bed: &Bed, cases: &[Case<'_>], frrs: &[Frr<'_>], addresses: [IpAddr; 2]) -> Result<()> {
    let node = bed.lab.host(NODE)?;
    let [v4, v6] = prefixes(addresses);
    let over_v6 = of(cases, frrs, "f-dual6")?.routes(&v4)?;
    ensure!(
        over_v6[0].next_hops.first() == Some(&node.v4.into()),
        "{over_v6:?}"
    );
    let over_v4 = of(cases, frrs, "f-dual4")?.routes(&v6)?;
    ensure!(
        over_v4[0].next_hops.first() == Some(&node.v6.into()),
        "{over_v4:?}"
    );
    let over_link = of(cases, frrs, "f-link")?.routes(&v4)?;
    let expected = link_local(bed, NODE, "f-link")?;
    ensure!(over_link[0].next_hops.contains(&expected.into()), "{over_link:?}");
    Ok(())
}

/// What an advertisement says reaches both families over one session, whichever that runs over.
fn marked(bed: &Bed, cases: &[Case<'_>], frrs: &[Frr<'_>], addresses: [IpAddr; 2]) -> Result<()> {
    bed.bgp_advertise("all", json!({"localPref": 300, "communities": ["64512:48"]}))?;
    for name in ["f-in4", "f-in6"] {
        for prefix in prefixes(addresses) {
            bed.learns(
                of(cases, frrs, name)?,
                &prefix,
                &format!("{name}: marked"),
                |routes| {
                    let marked = |route: &Learned| {
                        route.local_pref == Some(300) && route.communities == ["64512:48".to_owned()].into()
                    };
                    routes.len() == 1 && routes.iter().all(marked)
                },
            )?;
        }
    }
    bed.bgp_advertise("all", json!({}))
}

fn parameters(bed: &Bed, cases: &[Case<'_>], frrs: &[Frr<'_>]) -> Result<()> {
    let frr = of(cases, frrs, "f-timers")?;
    let router = &find(cases, "f-timers")?.router;
    let address = bed.lab.host(NODE)?.v4.to_string();
    let hold = |milliseconds: u64| {
        bed.wait(&format!("a hold time of {milliseconds} ms"), || {
            let shown = frr.neighbour(&address)?;
            ensure!(shown["bgpState"] == "Established", "{}", shown["bgpState"]);
            Ok((shown["bgpTimerHoldTimeMsecs"] == milliseconds).then_some(shown))
        })
    };
    let shown = hold(9000)?;
    ensure!(
        shown["bgpTimerKeepAliveIntervalMsecs"] == 3000 && shown["remoteRouterId"] == "203.0.113.7",
        "{shown}"
    );
    // A change of the timers takes effect on a peer that runs.
    let changed = json!({"holdTime": "6s", "keepaliveTime": "2s"});
    bed.peer("f-timers", with(external(router.host.v4, TOR), changed))?;
    hold(6000).map(drop)
}

/// The wrong AS, seen from either end, and a missing Secret: said by the speaker; right as soon as it is put right.
fn wrong(bed: &Bed, addresses: [IpAddr; 2]) -> Result<()> {
    let node = bed.lab.host(NODE)?;
    let [prefix, _] = prefixes(addresses);
    let (theirs, ours) = (bed.lab.router("w-theirs")?, bed.lab.router("w-ours")?);
    let of_theirs = theirs.bird(&Peering::of(&theirs, SPINE, [Neighbour::v4(&node, NODES)]).bird())?;
    let of_ours = ours.frr(&Peering::of(&ours, TOR, [Neighbour::v4(&node, 64999)]).frr())?;
    bed.peer("w-theirs", external(theirs.host.v4, 64998))?;
    bed.peer("w-ours", external(ours.host.v4, TOR))?;
    for (peer, words) in [
        ("w-theirs", "bad peer AS 64602, expected AS 64998"),
        ("w-ours", "the peer expects another AS than 64512"),
    ] {
        bed.wait(&format!("the speaker to say of {peer}: {words}"), || {
            let said = bed.session(NODE, peer)?;
            let error = said["lastError"].as_str().unwrap_or_default();
            ensure!(error.contains(words), "it says {said}");
            Ok(Some(()))
        })?;
    }
    ensure!(of_theirs.routes(&prefix)?.is_empty() && of_ours.routes(&prefix)?.is_empty());
    // P-BGP-20: an internal one is expected, and an external one is there.
    let internal = json!({
        "myASN": NODES, "dynamicASN": "internal", "peerAddress": theirs.host.v4, "connectTime": "1s",
    });
    let peer = |spec: Value| {
        bed.delete("bgppeer", "w-theirs")?;
        bed.peer("w-theirs", spec)
    };
    peer(internal)?;
    bed.wait("the speaker to say that it is of another AS", || {
        let said = bed.session(NODE, "w-theirs")?;
        let error = said["lastError"].as_str().unwrap_or_default();
        ensure!(error.contains("expected our own AS"), "it says {said}");
        Ok(Some(()))
    })?;
    ensure!(!of_theirs.established("n1_4")?);

    peer(external(theirs.host.v4, SPINE))?;
    bed.learns_from(&of_theirs, &prefix, &["n1_4"])?;
    of_ours.configure(&format!(
        "router bgp {TOR}\n neighbor {} remote-as {NODES}\nexit",
        node.v4
    ))?;
    bed.learns_from(&of_ours, &prefix, &[&node.v4.to_string()])?;
    Ok(())
}

/// A password that changes at one end: nothing comes through any more, and after the hold time the speaker says what that may be;
/// as soon as the other end has it too, all is well.
fn rotated(bed: &Bed, cases: &[Case<'_>], frrs: &[Frr<'_>], addresses: [IpAddr; 2]) -> Result<()> {
    let frr = of(cases, frrs, "f-md5")?;
    let [prefix, _] = prefixes(addresses);
    bed.password("right", "wrong-horse")?;
    bed.learns_from(frr, &prefix, &[])?;
    bed.wait("the speaker to say that the password may be wrong", || {
        let said = bed.session(NODE, "f-md5")?;
        let error = said["lastError"].as_str().unwrap_or_default();
        ensure!(error.contains("possible MD5 mismatch"), "it says {said}");
        Ok(Some(()))
    })?;
    let node = bed.lab.host(NODE)?.v4;
    frr.configure(&format!(
        "router bgp {TOR}\n neighbor {node} password wrong-horse\nexit"
    ))?;
    bed.learns_from(frr, &prefix, &[&node.to_string()])?;
    // Nobody else was disturbed.
    let address = node.to_string();
    let others = ["f-gtsm", "f-dual4"];
    for name in others {
        let count = super::establishments(of(cases, frrs, name)?, std::slice::from_ref(&address))?;
        ensure!(count == [1], "{name}: {count:?}");
    }
    Ok(())
}

fn find<'c, 'a>(cases: &'c [Case<'a>], name: &str) -> Result<&'c Case<'a>> {
    let found = cases.iter().find(|case| case.router.host.name == name);
    found.with_context(|| format!("no case {name}"))
}

fn of<'c, 'a>(cases: &[Case<'_>], frrs: &'c [Frr<'a>], name: &str) -> Result<&'c Frr<'a>> {
    let at = cases.iter().position(|case| case.router.host.name == name);
    at.and_then(|at| frrs.get(at))
        .with_context(|| format!("no case {name}"))
}
