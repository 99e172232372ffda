use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use lab::{Frr, Host, Router, Signal};
use serde_json::{Value, json};
use suites::{Bed, Neighbour, Peering, on};

use super::{
    NODES, SPINE, TOR, bed, establishments, external, in_frr, link_local, peers_of, start_speakers, with,
};

const NODE: &str = "n1";

/// What the routers offer: the first of each family and what is inside of it is accepted, the last is not.
const NETWORK: &str = "203.0.113.0/24";
const HALF: &str = "203.0.113.128/25";
const QUARTER: &str = "203.0.113.0/26";
const NETWORK_V6: &str = "2001:db8:200::/48";
const OTHERS: [&str; 2] = ["198.18.0.0/15", "2001:db8:300::/48"];

/// Routes by prefix, each with its gateways.
type Taken = BTreeMap<String, Vec<String>>;

/// P-BGP-51: none of a router's routes are taken before somebody says so, all that are meant after, be it before or after the peer
/// exists, and the session goes on. What the router withdraws goes; routers that are equally good are used together; other
/// programs' routes are left alone.
#[test]
fn routes_of_a_router_are_taken_when_that_is_asked_for_and_never_before() {
    on(bed("bgp-accepting", 1), |bed| {
        let (tor, spine) = (bed.lab.router("tor")?, bed.lab.router("spine")?);
        let node = bed.lab.host(NODE)?;
        let frr = tor.frr(&offering_frr(&tor, &node))?;
        let not_ours = others_route(bed, &tor)?;
        let kept = json!({"enableGracefulRestart": true});
        peers_of(bed, &tor, TOR, &kept)?;
        start_speakers(bed)?;
        offered(bed, &frr, &node)?;
        ensure!(taken(bed)? == Taken::new(), "before anybody asked for it");

        peers_of(bed, &tor, TOR, &with(kept.clone(), accepting()))?;
        let v4 = |prefix: &str, routers: &[&Router<'_>]| {
            let mut hops: Vec<String> = routers.iter().map(|router| router.host.v4.to_string()).collect();
            hops.sort();
            (prefix.to_owned(), hops)
        };
        let v6 = (NETWORK_V6.to_owned(), vec![tor.host.v6.to_string()]);
        takes(bed, [v4(NETWORK, &[&tor]), v4(HALF, &[&tor]), v6.clone()])?;
        says(bed, "tor-v4", 2)?;
        says(bed, "tor-v6", 1)?;
        let nodes = [node.clone()];
        let sessions = [in_frr(&nodes, false), in_frr(&nodes, true)].concat();
        let count = establishments(&frr, &sessions)?;
        ensure!(
            count.iter().all(|count| *count == 1),
            "the session goes on: {count:?}"
        );

        withdraw(&frr, HALF)?;
        takes(bed, [v4(NETWORK, &[&tor]), v6.clone()])?;

        // This one is asked for before there is a peer.
        bed.peer(
            "spine-v4",
            with(external(spine.host.v4, SPINE), with(kept.clone(), accepting())),
        )?;
        let bird = spine.bird(&offering_bird(&spine, &node))?;
        takes(bed, [v4(NETWORK, &[&tor, &spine]), v6.clone()])?;

        killed(bed, &tor)?;

        // The session goes, and what it gave.
        bed.delete("bgppeer", "spine-v4")?;
        takes(bed, [v4(NETWORK, &[&tor]), v6])?;
        drop(bird);
        peers_of(bed, &tor, TOR, &kept)?;
        takes(bed, [])?;
        ensure!(not_ours_is_there(bed)?, "{not_ours} of another program is gone");
        Ok(())
    });
}

/// P-BGP-51: a speaker that goes for good takes the routes along; one that may not write them says what to set.
#[test]
fn routes_go_with_the_last_speaker_and_one_without_the_right_to_write_says_so() {
    on(bed("bgp-accepting-end", 1), |bed| {
        let tor = bed.lab.router("tor")?;
        let node = bed.lab.host(NODE)?;
        let _frr = tor.frr(&offering_frr(&tor, &node))?;
        bed.peer("tor-v4", with(external(tor.host.v4, TOR), accepting()))?;
        start_speakers(bed)?;
        bed.wait("both routes", || Ok((taken(bed)?.len() == 2).then_some(())))?;

        bed.replacing(true)?;
        bed.end_speaker(NODE, Signal::SIGTERM)?;
        ensure!(taken(bed)?.len() == 2, "the next speaker is to find them");
        start_speakers(bed)?;
        bed.session_is(NODE, "tor-v4", "Established")?;
        bed.replacing(false)?;
        bed.end_speaker(NODE, Signal::SIGTERM)?;
        ensure!(taken(bed)? == Taken::new(), "{:?}", taken(bed)?);

        bed.ordinary_speaker(NODE)?;
        bed.wait("the speaker to say what it may not", || {
            let session = bed.session(NODE, "tor-v4")?;
            let said = session["lastError"].as_str().unwrap_or_default();
            ensure!(
                session["state"] == "Established" && session["routesAccepted"] == 2,
                "{session}"
            );
            ensure!(
                said == "the speaker may not write routes: set speaker.acceptRoutes=true in the chart",
                "{session}"
            );
            Ok(Some(()))
        })?;
        ensure!(taken(bed)? == Taken::new());
        Ok(())
    });
}

/// P-BGP-51, over an interface that has link-local addresses alone: routes of both families lead to the router's, IPv4 ones too
/// (RFC 8950).
#[test]
fn routes_of_an_unnumbered_router_lead_over_its_interface() {
    on(bed("bgp-accepting-link", 1), |bed| {
        let tor = bed.lab.router("tor")?;
        tor.link(NODE)?;
        let neighbour = Neighbour::over("n1_link".into(), NODE.into(), "external", &["ipv4", "ipv6"]);
        let frr = tor.frr(&Peering::of(&tor, TOR, [neighbour]).and(&offer()).frr())?;
        let name = &tor.host.name;
        let peer = json!({"myASN": NODES, "dynamicASN": "external", "interface": name});
        bed.peer(name, with(peer, accepting()))?;
        start_speakers(bed)?;
        let router = link_local(bed, name, NODE)?.to_string();
        let over = |prefix: &str| (prefix.to_owned(), vec![router.clone()]);
        takes(bed, [over(NETWORK), over(HALF), over(NETWORK_V6)])?;
        let way = bed.lab.ip(NODE, &["route", "get", "203.0.113.200"])?;
        ensure!(way.contains(&format!("dev {name}")), "{way}");
        withdraw(&frr, HALF)?;
        takes(bed, [over(NETWORK), over(NETWORK_V6)])
    });
}

fn accepting() -> Value {
    json!({"acceptRoutes": [{"prefix": NETWORK, "maxLength": 25}, {"prefix": NETWORK_V6}]})
}

/// What FRR is told of the routes that it offers.
fn offer() -> String {
    let [other, other_v6] = OTHERS;
    format!(
        " no bgp network import-check\n address-family ipv4 unicast\n  network {NETWORK}\n  network {HALF}\n  network {QUARTER}\n  \
         network {other}\n exit-address-family\n address-family ipv6 unicast\n  network {NETWORK_V6}\n  network {other_v6}\n \
         exit-address-family"
    )
}

fn offering_frr(router: &Router<'_>, node: &Host) -> String {
    let both = [Neighbour::v4(node, NODES), Neighbour::v6(node, NODES)];
    Peering::of(router, TOR, both).and(&offer()).frr()
}

fn offering_bird(router: &Router<'_>, node: &Host) -> String {
    let offer = format!("protocol static {{ ipv4; route {NETWORK} blackhole; route {QUARTER} blackhole; }}");
    let neighbour = Neighbour::v4(node, NODES).with_channel("export where source = RTS_STATIC;");
    Peering::of(router, SPINE, [neighbour]).and(&offer).bird()
}

fn withdraw(frr: &Frr<'_>, prefix: &str) -> Result<()> {
    frr.configure(&format!(
        "router bgp {TOR}\n address-family ipv4 unicast\n  no network {prefix}\n exit-address-family\nexit\n"
    ))
}

/// FRR has sent everything that it has.
fn offered(bed: &Bed, frr: &Frr<'_>, node: &Host) -> Result<()> {
    let families = [
        (IpAddr::from(node.v4), "ipv4Unicast", 4),
        (IpAddr::from(node.v6), "ipv6Unicast", 2),
    ];
    for (address, family, count) in families {
        bed.wait(&format!("FRR to have sent its routes to {address}"), || {
            let shown = frr.neighbour(&address.to_string())?;
            let sent = &shown["addressFamilyInfo"][family]["sentPrefixCounter"];
            ensure!(*sent == count, "it has sent {sent} of {count}");
            Ok(Some(()))
        })?;
    }
    bed.session_is(NODE, "tor-v4", "Established")?;
    bed.session_is(NODE, "tor-v6", "Established").map(drop)
}

/// A route that looks like one of Herald's but for its protocol.
fn others_route(bed: &Bed, router: &Router<'_>) -> Result<String> {
    let gateway = router.host.v4.to_string();
    let words = [
        "route", "add", OTHERS[0], "via", &gateway, "proto", "186", "metric", "20",
    ];
    bed.lab.ip(NODE, &words)?;
    Ok(OTHERS[0].to_owned())
}

fn not_ours_is_there(bed: &Bed) -> Result<bool> {
    let shown = bed.lab.ip(NODE, &["route", "show", "proto", "186"])?;
    Ok(shown.contains(OTHERS[0]))
}

/// A speaker is killed: its routes stay, the next one takes them over, and one that nobody announces any more goes.
fn killed(bed: &Bed, router: &Router<'_>) -> Result<()> {
    let before = taken(bed)?;
    bed.end_speaker(NODE, Signal::SIGKILL)?;
    ensure!(taken(bed)? == before, "they outlive the process");
    let gateway = router.host.v4.to_string();
    let stale = [
        "route", "add", HALF, "via", &gateway, "proto", "72", "metric", "20",
    ];
    bed.lab.ip(NODE, &stale)?;
    start_speakers(bed)?;
    bed.wait("what nobody announces to go, and nothing else", || {
        let now = taken(bed)?;
        ensure!(before.keys().all(|prefix| now.contains_key(prefix)), "{now:?}");
        Ok((now == before).then_some(()))
    })
}

/// Waits until the kernel has these routes of Herald's, and no others.
fn takes<const N: usize>(bed: &Bed, expected: [(String, Vec<String>); N]) -> Result<()> {
    let expected = Taken::from(expected);
    bed.wait(&format!("routes {expected:?}"), || {
        let taken = taken(bed)?;
        ensure!(taken == expected, "the kernel has {taken:?}");
        Ok(Some(()))
    })
}

/// The routes of Herald's protocol number, with their gateways in order.
fn taken(bed: &Bed) -> Result<Taken> {
    let mut taken = Taken::new();
    for family in ["-4", "-6"] {
        let shown = bed
            .lab
            .ip(NODE, &[family, "-j", "route", "show", "proto", "72"])?;
        let routes: Vec<Value> = serde_json::from_str(&shown).with_context(|| shown.clone())?;
        for route in routes {
            let prefix = route["dst"].as_str().with_context(|| route.to_string())?;
            let hops = route["nexthops"].as_array().cloned();
            let hops = hops.unwrap_or_else(|| vec![route.clone()]);
            // An IPv6 gateway of an IPv4 route has a field of its own.
            let gateway = |hop: &Value| {
                hop["gateway"]
                    .as_str()
                    .or_else(|| hop["via"]["host"].as_str())
                    .map(str::to_owned)
            };
            let mut gateways: Vec<String> = hops.iter().filter_map(gateway).collect();
            gateways.sort();
            taken.insert(prefix.to_owned(), gateways);
        }
    }
    Ok(taken)
}

/// The Speaker says how many routes of this peer are accepted.
fn says(bed: &Bed, peer: &str, accepted: u64) -> Result<()> {
    bed.wait(&format!("the Speaker to say {accepted} routes of {peer}"), || {
        let session = bed.session(NODE, peer)?;
        ensure!(session["routesAccepted"] == accepted, "{session}");
        Ok(Some(()))
    })
}
