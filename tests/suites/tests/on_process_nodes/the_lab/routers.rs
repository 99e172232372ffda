use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Bird, Frr, Lab, NodeKind, Router, ScriptedPeer, Spec, wait_for};
use suites::root;

const PATIENCE: Duration = Duration::from_secs(30);

/// FRR and BIRD on the lab, without Herald: they find each other over both families with a password and BFD, tell each other
/// their clients' networks, and forward; a cable that is pulled ends the sessions by BFD. A scripted peer takes what FRR
/// has. What the suites of BGP prove rests on this.
#[test]
fn routers_tell_each_other_of_their_clients_and_forward_between_them() -> Result<()> {
    let lab = Lab::up(Spec {
        nodes: 1,
        keep_logs: Some(root().join("target/lab-logs/routers")),
        ..Spec::new("routers", NodeKind::Process)
    })?;
    let (left, right) = (lab.router("left")?, lab.router("right")?);
    let listener = lab.add_host("listener")?;
    let scripted = lab.scripted_peer("listener", 4_200_000_003)?;
    let frr = left.frr(&of_frr(&left, &right, listener.v4.into()))?;
    let bird = right.bird(&of_bird(&left, &right))?;

    established(&frr, &bird, &right)?;
    learned(&left, &right, &frr, &bird)?;
    told(&scripted, &left)?;
    let (v4, v6) = (right.client.v4.to_string(), right.client.v6.to_string());
    for address in [&v4, &v6] {
        lab.exec(&left.client.name, &["ping", "-c", "1", "-W", "2", address])?;
    }
    cut(&lab, &frr, &right)?;
    lab.down()
}

fn established(frr: &Frr<'_>, bird: &Bird<'_>, right: &Router<'_>) -> Result<()> {
    wait_for("both sessions", PATIENCE, || {
        let mut up = bird.established("left4")? && bird.established("left6")?;
        for address in [right.host.v4.to_string(), right.host.v6.to_string()] {
            up &= frr.neighbour(&address)?["bgpState"] == "Established";
        }
        Ok(up.then_some(()))
    })?;
    wait_for("BFD", PATIENCE, || {
        Ok((frr.bfd(right.host.v4.into())?["status"] == "up").then_some(()))
    })
}

/// Either has the other's network of each family, in its own words and in its kernel.
fn learned(left: &Router<'_>, right: &Router<'_>, frr: &Frr<'_>, bird: &Bird<'_>) -> Result<()> {
    for (prefix, peer, hop) in [
        (v4_of(right), right.host.v4.to_string(), right.host.v4.into()),
        (v6_of(right), right.host.v6.to_string(), right.host.v6.into()),
    ] {
        let route = wait_for(&format!("FRR to learn {prefix}"), PATIENCE, || {
            Ok(frr.routes(&prefix)?.into_iter().find(|route| route.used))
        })?;
        ensure!(
            route.peer == peer && route.next_hops.contains(&hop) && route.as_path == [64602],
            "{route:?}"
        );
        ensure!(
            route.communities.contains("64602:7") && route.large_communities.contains("64602:1:2"),
            "{route:?}"
        );
        wait_for("the kernel to know it", PATIENCE, || {
            Ok((!left.forwards(&prefix)?.is_empty()).then_some(()))
        })?;
        ensure!(frr.prefixes()?.contains(&prefix));
    }
    for (prefix, protocol) in [(v4_of(left), "left4"), (v6_of(left), "left6")] {
        let route = wait_for(&format!("BIRD to learn {prefix}"), PATIENCE, || {
            Ok(bird.routes(&prefix)?.into_iter().next())
        })?;
        ensure!(
            route.peer == protocol && route.as_path == [64601] && route.used && !route.stale,
            "{route:?}"
        );
        ensure!(!right.forwards(&prefix)?.is_empty());
    }
    Ok(())
}

/// The scripted peer has what FRR announces, and sees it go.
fn told(scripted: &ScriptedPeer, left: &Router<'_>) -> Result<()> {
    let network = (Ipv4Addr::new(10, 98, left.host.v4.octets()[3], 0).into(), 24);
    wait_for("the scripted peer to be told", PATIENCE, || {
        let seen = scripted.seen();
        let told = seen.up && seen.routes.contains_key(&network) && !seen.ends_of_rib.is_empty();
        ensure!(told, "{seen:?}");
        Ok(Some(()))
    })?;
    ensure!(scripted.look(|seen| seen.notifications.is_empty() && seen.established.len() == 1));
    Ok(())
}

/// Within the detection time of BFD, long before the hold time.
fn cut(lab: &Lab, frr: &Frr<'_>, right: &Router<'_>) -> Result<()> {
    lab.unplug("right")?;
    wait_for("FRR to close by BFD", Duration::from_secs(3), || {
        let neighbour = frr.neighbour(&right.host.v4.to_string())?;
        Ok((neighbour["bgpState"] != "Established").then_some(()))
    })?;
    wait_for("the route to go", PATIENCE, || {
        Ok(frr.routes(&v4_of(right))?.is_empty().then_some(()))
    })
}

fn v4_of(router: &Router<'_>) -> String {
    format!("10.98.{}.0/24", router.host.v4.octets()[3])
}

fn v6_of(router: &Router<'_>) -> String {
    format!("fd00:98:{:x}::/64", router.host.v4.octets()[3])
}

fn of_frr(left: &Router<'_>, right: &Router<'_>, listener: IpAddr) -> String {
    let (v4, v6) = (right.host.v4, right.host.v6);
    format!(
        "router bgp 64601
          bgp router-id {id}
          no bgp ebgp-requires-policy
          no bgp default ipv4-unicast
          neighbor {v4} remote-as 64602
          neighbor {v4} password secret
          neighbor {v4} bfd
          neighbor {v6} remote-as 64602
          neighbor {v6} timers connect 1
          neighbor {v4} timers connect 1
          neighbor {listener} remote-as 4200000003
          neighbor {listener} timers connect 1
          address-family ipv4 unicast
           network {network}
           neighbor {v4} activate
           neighbor {listener} activate
          exit-address-family
          address-family ipv6 unicast
           network {network_v6}
           neighbor {v6} activate
          exit-address-family
         exit
         bfd
          peer {v4} interface eth0
           transmit-interval 50
           receive-interval 50
          exit
         exit
        ",
        id = left.loopback_v4,
        network = v4_of(left),
        network_v6 = v6_of(left),
    )
}

fn of_bird(left: &Router<'_>, right: &Router<'_>) -> String {
    let protocol = |name: &str, address: &str, channel: &str, more: &str| {
        format!(
            "protocol bgp {name} {{ local as 64602; neighbor {address} as 64601; connect delay time 1; error wait time 1, 2; {more}
               {channel} {{ import all; export filter {{
                 if source != RTS_DEVICE then reject;
                 bgp_community.add((64602, 7)); bgp_large_community.add((64602, 1, 2)); accept;
               }}; }};
             }}\n"
        )
    };
    format!(
        "router id {id};
         log stderr all;
         protocol device {{}}
         protocol direct {{ ipv4; ipv6; interface \"clients\"; }}
         protocol kernel {{ ipv4 {{ export where source = RTS_BGP; }}; }}
         protocol kernel {{ ipv6 {{ export where source = RTS_BGP; }}; }}
         protocol bfd {{ interface \"eth0\" {{ interval 50 ms; multiplier 3; }}; }}
         {v4}{v6}",
        id = right.loopback_v4,
        v4 = protocol(
            "left4",
            &left.host.v4.to_string(),
            "ipv4",
            "password \"secret\"; bfd on;"
        ),
        v6 = protocol("left6", &left.host.v6.to_string(), "ipv6", ""),
    )
}
