use std::net::IpAddr;

use anyhow::Result;
use lab::Router;
use serde_json::{Value, json};
use suites::{Bed, Neighbour};

use super::super::{NODES, SPINE, TOR, external, link_local, with};
use super::NODE;

/// An AS number that an old router does not know how to write.
const BIG: u32 = 4_200_000_001;

/// One way to peer, with a router of its own.
pub(super) struct Case<'a> {
    pub(super) router: Router<'a>,
    pub(super) asn: u32,
    pub(super) neighbour: Neighbour,
    /// The BGPPeer, which is called as the router.
    pub(super) peer: Value,
    /// The AS path that the router is to see, and the families that it is to get.
    pub(super) path: Vec<u32>,
    pub(super) families: &'static [bool],
}

const V4: &[bool] = &[false];
const V6: &[bool] = &[true];
const BOTH: &[bool] = &[false, true];

fn case<'a>(
    bed: &'a Bed,
    name: &str,
    asn: u32,
    families: &'static [bool],
    neighbour: impl FnOnce(&Router<'a>) -> Result<Neighbour>,
    peer: impl FnOnce(&Router<'a>) -> Value,
) -> Result<Case<'a>> {
    let router = bed.lab.router(name)?;
    Ok(Case {
        neighbour: neighbour(&router)?,
        peer: peer(&router),
        router,
        asn,
        path: vec![NODES],
        families,
    })
}

pub(super) fn of_frr(bed: &Bed) -> Result<Vec<Case<'_>>> {
    let node = bed.lab.host(NODE)?;
    let (v4, v6) = (Neighbour::v4(&node, NODES), Neighbour::v6(&node, NODES));
    let both = |one: &Neighbour| Neighbour {
        families: vec!["ipv4", "ipv6"],
        ..one.clone()
    };
    let to_v4 = |router: &Router<'_>| external(router.host.v4, TOR);
    let to_v6 = |router: &Router<'_>| external(router.host.v6, TOR);
    let mut cases = vec![
        case(
            bed,
            "f-md5",
            TOR,
            V4,
            |_| Ok(v4.clone().with("password correct-horse", "")),
            |router| {
                with(
                    to_v4(router),
                    json!({"passwordSecret": {"name": "right"}, "holdTime": "9s"}),
                )
            },
        )?,
        case(
            bed,
            "f-gtsm",
            TOR,
            V4,
            |_| Ok(v4.clone().with("ttl-security hops 1", "")),
            |router| with(to_v4(router), json!({"ttlSecurity": true})),
        )?,
        case(
            bed,
            "f-hop",
            TOR,
            V4,
            |router| {
                let source = format!("update-source {}", router.loopback_v4);
                Ok(v4.clone().with("ebgp-multihop 3", "").with(&source, ""))
            },
            |router| with(external(router.loopback_v4, TOR), json!({"ebgpMultiHop": true})),
        )?,
        case(
            bed,
            "f-timers",
            TOR,
            V4,
            |_| Ok(v4.clone()),
            |router| {
                let more = json!({"holdTime": "9s", "keepaliveTime": "3s", "routerID": "203.0.113.7"});
                with(to_v4(router), more)
            },
        )?,
        case(
            bed,
            "f-dual6",
            TOR,
            BOTH,
            |_| Ok(both(&v6)),
            |router| with(to_v6(router), json!({"dualStackAddressFamily": true})),
        )?,
        case(
            bed,
            "f-dual4",
            TOR,
            BOTH,
            |_| Ok(both(&v4)),
            |router| with(to_v4(router), json!({"dualStackAddressFamily": true})),
        )?,
        case(
            bed,
            "f-link",
            TOR,
            BOTH,
            |router| {
                router.link(NODE)?;
                let name = format!("{NODE}_link");
                Ok(Neighbour::over(name, NODE.into(), "external", &["ipv4", "ipv6"]))
            },
            |router| json!({"myASN": NODES, "dynamicASN": "external", "interface": router.host.name}),
        )?,
    ];
    let mut old = case(
        bed,
        "f-old",
        TOR,
        V4,
        |_| Ok(Neighbour::v4(&node, BIG).with("dont-capability-negotiate", "")),
        |router| with(to_v4(router), json!({"myASN": BIG})),
    )?;
    // It does not look for what the path would be in AS4_PATH: AS_TRANS is what it sees.
    old.path = vec![23456];
    let mut local = case(
        bed,
        "f-local",
        TOR,
        V4,
        |_| Ok(Neighbour::v4(&node, 64555)),
        |router| with(to_v4(router), json!({"localASN": 64555})),
    )?;
    local.path = vec![64555];
    cases.extend([old, local]);
    let both_in_one =
        |address: IpAddr| with(external(address, NODES), json!({"dualStackAddressFamily": true}));
    let mut internal = [
        case(
            bed,
            "f-in4",
            NODES,
            BOTH,
            |_| Ok(both(&v4)),
            |router| both_in_one(router.host.v4.into()),
        )?,
        case(
            bed,
            "f-in6",
            NODES,
            BOTH,
            |_| Ok(both(&v6)),
            |router| both_in_one(router.host.v6.into()),
        )?,
    ];
    internal.iter_mut().for_each(|case| case.path.clear());
    cases.extend(internal);
    Ok(cases)
}

pub(super) fn of_bird(bed: &Bed) -> Result<Vec<Case<'_>>> {
    let node = bed.lab.host(NODE)?;
    let (v4, v6) = (Neighbour::v4(&node, NODES), Neighbour::v6(&node, NODES));
    let both = |one: &Neighbour| Neighbour {
        families: vec!["ipv4", "ipv6"],
        ..one.clone()
    };
    let to_v4 = |router: &Router<'_>| external(router.host.v4, SPINE);
    let to_v6 = |router: &Router<'_>| external(router.host.v6, SPINE);
    bed.lab
        .ip(NODE, &["address", "add", "192.168.1.77/24", "dev", "eth0"])?;
    let mut old = case(
        bed,
        "b-old",
        SPINE,
        V4,
        |_| Ok(Neighbour::v4(&node, "external").with("", "enable as4 off;")),
        |router| with(to_v4(router), json!({"myASN": BIG})),
    )?;
    old.path = vec![BIG];
    Ok(vec![
        old,
        case(
            bed,
            "b-md5",
            SPINE,
            V6,
            |_| Ok(v6.clone().with("", "password \"correct-horse\";")),
            |router| with(to_v6(router), json!({"passwordSecret": {"name": "right"}})),
        )?,
        case(
            bed,
            "b-gtsm",
            SPINE,
            V6,
            |_| Ok(v6.clone().with("", "ttl security on;")),
            |router| with(to_v6(router), json!({"ttlSecurity": true})),
        )?,
        case(
            bed,
            "b-hop",
            SPINE,
            V6,
            |router| {
                let words = format!("multihop 3; source address {};", router.loopback_v6);
                Ok(v6.clone().with("", &words))
            },
            |router| with(external(router.loopback_v6, SPINE), json!({"ebgpMultiHop": true})),
        )?,
        case(
            bed,
            "b-port",
            SPINE,
            V4,
            |_| Ok(v4.clone().with("", "local port 1790;")),
            |router| with(to_v4(router), json!({"peerPort": 1790})),
        )?,
        case(
            bed,
            "b-source",
            SPINE,
            V4,
            |_| {
                Ok(Neighbour::over(
                    format!("{NODE}_4"),
                    "192.168.1.77".into(),
                    NODES,
                    &["ipv4"],
                ))
            },
            |router| with(to_v4(router), json!({"sourceAddress": "192.168.1.77"})),
        )?,
        case(
            bed,
            "b-dyn",
            SPINE,
            V4,
            |_| Ok(v4.clone()),
            |router| json!({"myASN": NODES, "dynamicASN": "external", "peerAddress": router.host.v4}),
        )?,
        case(
            bed,
            "b-dual6",
            SPINE,
            BOTH,
            |_| Ok(both(&v6).with_channel("extended next hop on;")),
            |router| with(to_v6(router), json!({"dualStackAddressFamily": true})),
        )?,
        case(
            bed,
            "b-link",
            SPINE,
            BOTH,
            |router| {
                router.link(NODE)?;
                let address = link_local(bed, NODE, &router.host.name)?;
                let words = format!("interface \"{NODE}\";");
                Ok(
                    Neighbour::over("n1_link".into(), address.to_string(), NODES, &["ipv4", "ipv6"])
                        .with("", &words)
                        .with_channel("extended next hop on;"),
                )
            },
            |router| json!({"myASN": NODES, "peerASN": SPINE, "interface": router.host.name}),
        )?,
    ])
}
