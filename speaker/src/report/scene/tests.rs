use std::sync::Arc;

use bgp::State;
use config::Remote;

use super::*;
use crate::decide::wanted::Unit;
use crate::layer2::announcer::NoInterface;

const VIP: &str = "192.0.2.1";

fn ip() -> IpAddr {
    VIP.parse().unwrap()
}

fn name(node: &str) -> NodeName {
    NodeName(node.into())
}

fn web() -> ServiceName {
    ServiceName::new("default", "web")
}

/// The scenes of nodes n1 to n3 that hear each other.
fn scenes() -> Vec<Scene> {
    let mut scenes: Vec<Scene> = ["n1", "n2", "n3"].map(|node| Scene::new(name(node))).into();
    for scene in &mut scenes {
        for node in ["n1", "n2", "n3"].map(name) {
            if node != scene.me {
                scene.handle_report(Report::Member {
                    iface: "eth0".into(),
                    node,
                    status: Some(Status::Ready),
                });
            }
        }
    }
    scenes
}

fn decision(layer2: Layer2, candidates: &[&str]) -> Decision {
    let unit = Unit {
        addresses: [(ip(), announce::Interfaces::All)].into(),
        ..Unit::default()
    };
    let unit = Unit {
        candidates: Arc::new(candidates.iter().map(|node| (name(node), 0)).collect()),
        ..unit
    };
    Decision {
        wanted: Arc::new(Wanted {
            units: [(UnitId(ip()), unit)].into(),
            ..Wanted::default()
        }),
        prospects: [(web(), prospect(layer2, unrouted()).into())].into(),
        ..Decision::default()
    }
}

fn prospect(layer2: Layer2, bgp: Result<Arc<BgpPlan>, Reason>) -> Prospect {
    Prospect { layer2, bgp }
}

fn unrouted() -> Result<Arc<BgpPlan>, Reason> {
    Err(Reason::NoMatchingAdvertisement(model::PoolName("lan".into())))
}

fn one() -> Layer2 {
    Layer2::One(Plan {
        addresses: [ip()].into(),
        unit: [ip()].into(),
        candidates: Arc::default(),
    })
}

fn told(scenes: &[Scene], decision: &Decision) -> Vec<(String, Standing)> {
    let said = |scene: &Scene| {
        Some((
            scene.me.0.clone(),
            Standing::clone(scene.standings(decision).get(&web())?),
        ))
    };
    scenes.iter().filter_map(said).collect()
}

fn moved(scenes: &mut [Scene], holder: Option<&str>) {
    for scene in scenes {
        scene.handle_report(Report::Moved {
            iface: "eth0".into(),
            unit: UnitId(ip()),
            holder: holder.map(name),
        });
    }
}

#[test]
fn who_announces_tells_and_nobody_else() {
    let (mut scenes, decision) = (scenes(), decision(one(), &["n1", "n2", "n3"]));
    moved(&mut scenes, Some("n2"));
    assert_eq!(
        told(&scenes, &decision),
        [],
        "the first announcement is still to be sent"
    );
    scenes[1].handle_report(Report::Announced {
        ip: ip(),
        iface: "eth0".into(),
    });
    let told = told(&scenes, &decision);
    assert_eq!(
        (told.len(), told[0].0.as_str(), told[0].1.announced),
        (1, "n2", true)
    );
}

#[test]
fn of_a_service_that_nobody_may_announce_one_node_tells() {
    let told = told(&scenes(), &decision(Layer2::Nobody(Reason::NoEndpoints), &[]));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1.reason, "NoEndpoints");
}

/// P-L2-11
#[test]
fn of_a_service_that_nobody_does_announce_one_of_its_candidates_tells() {
    let mut scenes = scenes();
    let told_by = told(&scenes, &decision(one(), &["n3"]));
    assert_eq!((told_by.len(), told_by[0].0.as_str()), (1, "n3"));
    // Its speaker is gone: somebody else says so.
    scenes.pop();
    for scene in &mut scenes {
        scene.handle_report(Report::Member {
            iface: "eth0".into(),
            node: name("n3"),
            status: Some(Status::Dead),
        });
    }
    let told = told(&scenes, &decision(one(), &["n3"]));
    assert_eq!(told.len(), 1);
    assert!(told[0].1.message.contains("n3 is dead"), "{}", told[0].1.message);
}

#[test]
fn what_was_known_of_a_segment_is_forgotten_when_it_is_left() {
    let mut scenes = scenes();
    moved(&mut scenes, Some("n2"));
    scenes[0].handle_report(Report::Left { iface: "eth0".into() });
    assert!(scenes[0].segments().is_empty());
}

fn routed_by(nodes: &[&str]) -> Result<Arc<BgpPlan>, Reason> {
    let tor = || [PeerName("tor".into())].into();
    Ok(Arc::new(BgpPlan {
        nodes: nodes.iter().map(|node| (name(node), tor())).collect(),
    }))
}

/// A decision about a Service that these nodes announce by BGP and none on a segment.
fn routing(nodes: &[&str], ready: &[&str]) -> Decision {
    let unadvertised = Reason::NoMatchingAdvertisement(model::PoolName("lan".into()));
    let prospect = prospect(Layer2::Nobody(unadvertised), routed_by(nodes));
    Decision {
        prospects: [(web(), prospect.into())].into(),
        ready: ready.iter().map(|node| name(node)).collect(),
        ..Decision::default()
    }
}

/// What is agreed on with the router.
fn negotiated() -> bgp::Negotiated {
    bgp::Negotiated {
        asn: 64513,
        identifier: [192, 0, 2, 254].into(),
        hold_time: None,
        families: [model::Family::V4].into(),
        graceful_restart: false,
    }
}

/// All scenes have a session with the router, in this state.
fn with_sessions(mut scenes: Vec<Scene>, state: State) -> Vec<Scene> {
    for scene in &mut scenes {
        let view = SessionView {
            remote: Remote::Address("192.0.2.254".parse().unwrap()),
            status: bgp::Status {
                state,
                negotiated: (state == State::Established).then(negotiated),
                ..bgp::Status::default()
            },
            since: jiff::Timestamp::UNIX_EPOCH,
            path: None,
            refused: None,
            refusals: 0,
            drained: false,
        };
        scene.handle_sessions([(PeerName("tor".into()), view)].into());
    }
    scenes
}

/// P-OBS-25: one after the other comes forward, so that most of the time one node writes.
#[test]
fn of_a_service_that_many_nodes_route_one_tells_at_once_and_the_others_wait_for_their_turn() {
    let scenes = with_sessions(scenes(), State::Established);
    let all = ["n1", "n2", "n3"];
    let told = told(&scenes, &routing(&all, &all));
    let mut patience: Vec<_> = told.iter().map(|(_, standing)| standing.patience).collect();
    patience.sort_unstable();
    assert_eq!(patience, [Duration::ZERO, TURN, 2 * TURN]);
    assert!(told.iter().all(|(_, standing)| standing.announced), "{told:?}");
}

/// What one has written says what all the others would write.
#[test]
fn a_node_that_comes_or_goes_changes_no_word_about_a_service_that_others_route() {
    let scenes = with_sessions(scenes(), State::Established);
    let words = |nodes: &[&str]| -> BTreeSet<(bool, u64)> {
        let told = told(&scenes, &routing(nodes, nodes));
        told.iter().map(|(_, standing)| standing.words()).collect()
    };
    let three = words(&["n1", "n2", "n3"]);
    assert_eq!(three.len(), 1);
    assert_eq!(three, words(&["n1", "n3"]));
    assert_eq!(three, words(&["n1", "n2", "n3", "n4"]));
}

/// P-OBS-5
#[test]
fn without_an_established_session_the_trouble_is_told_and_left_to_nodes_that_have_one() {
    let scenes = with_sessions(scenes(), State::Idle);
    let told = told(&scenes, &routing(&["n1", "n2"], &["n1", "n2"]));
    let (_, standing) = &told[0];
    assert_eq!((standing.reason, standing.announced), ("NoSession", false));
    assert!(standing.message.ends_with("tor: Idle"), "{}", standing.message);
    let Some(Elsewhere::ByBgp { plan, ready }) = &standing.unless else {
        panic!("{standing:?}");
    };
    assert!(plan.nodes.contains_key(&name("n2")) && ready.contains(&name("n2")));
}

#[test]
fn who_holds_an_address_on_a_segment_says_that_it_is_routed_too() {
    let mut scenes = scenes();
    scenes[0].handle_report(Report::Announced {
        ip: ip(),
        iface: "eth0".into(),
    });
    let mut decision = decision(one(), &["n1", "n2", "n3"]);
    decision.prospects = [(web(), prospect(one(), routed_by(&["n1", "n2"])).into())].into();
    let told = told(&scenes[..1], &decision);
    let message = &told[0].1.message;
    assert!(
        message.starts_with("by node n1: 192.0.2.1 on eth0; and by BGP"),
        "{message}"
    );
}

/// One node has the IPv4 address on its segment, another the IPv6 address on another.
#[test]
fn of_a_service_on_two_segments_one_node_tells_of_both() {
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    let plan = Layer2::One(Plan {
        addresses: [ip(), v6].into(),
        unit: [ip(), v6].into(),
        candidates: Arc::default(),
    });
    let (mut scenes, decision) = (scenes(), decision(plan, &["n1", "n2"]));
    let mut has = |node: usize, ip: IpAddr, iface: &str| {
        for (number, scene) in scenes.iter_mut().enumerate() {
            scene.handle_report(Report::Moved {
                iface: iface.into(),
                unit: UnitId(self::ip()),
                holder: Some(name(["n1", "n2"][node])),
            });
            if number == node {
                scene.handle_report(Report::Announced {
                    ip,
                    iface: iface.into(),
                });
            }
        }
    };
    has(0, v6, "eth1");
    has(1, ip(), "eth0");
    let told = told(&scenes, &decision);
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].1.message,
        "by node n2: 192.0.2.1 on eth0; by node n1: 2001:db8::1"
    );
}

/// Part of what it is to announce has no way to go.
#[test]
fn a_holder_without_an_interface_for_one_of_the_addresses_says_so() {
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    let plan = Layer2::One(Plan {
        addresses: [ip(), v6].into(),
        unit: [ip(), v6].into(),
        candidates: Arc::default(),
    });
    let (mut scenes, decision) = (scenes(), decision(plan, &["n1"]));
    scenes[0].handle_report(Report::Announced {
        ip: ip(),
        iface: "eth0".into(),
    });
    assert_eq!(told(&scenes[..1], &decision), [], "it may be on its way");
    scenes[0].handle_report(Report::NoInterface {
        ip: v6,
        why: NoInterface::NoSubnet,
    });
    let told = told(&scenes[..1], &decision);
    assert_eq!((told[0].1.reason, told[0].1.announced), ("NoInterface", false));
}
