use std::sync::Arc;

use bgp::State;
use config::Remote;

use super::*;
use crate::decide::wanted::Unit;

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
        yielding: BTreeSet::new(),
        candidates: Arc::new(candidates.iter().map(|node| (name(node), 0)).collect()),
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
    Prospect {
        layer2,
        bgp,
        announcer: None,
    }
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
fn routing(nodes: &[&str], ready: &[&str], announcer: Option<&str>) -> Decision {
    let unadvertised = Reason::NoMatchingAdvertisement(model::PoolName("lan".into()));
    let prospect = Prospect {
        announcer: announcer.map(name),
        ..prospect(Layer2::Nobody(unadvertised), routed_by(nodes))
    };
    Decision {
        prospects: [(web(), prospect.into())].into(),
        ready: ready.iter().map(|node| name(node)).collect(),
        ..Decision::default()
    }
}

/// All scenes have a session with the router, in this state.
fn with_sessions(mut scenes: Vec<Scene>, state: State) -> Vec<Scene> {
    for scene in &mut scenes {
        let view = SessionView {
            remote: Remote::Address("192.0.2.254".parse().unwrap()),
            status: bgp::Status {
                state,
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
    let told = told(&scenes, &routing(&all, &all, None));
    let mut patience: Vec<_> = told.iter().map(|(_, standing)| standing.patience).collect();
    patience.sort_unstable();
    assert_eq!(patience, [Duration::ZERO, TURN, 2 * TURN]);
    assert!(told.iter().all(|(_, standing)| standing.announced), "{told:?}");
}

#[test]
fn whoever_tells_of_a_routed_service_goes_on_while_it_is_ready_and_announces_it() {
    let scenes = with_sessions(scenes(), State::Established);
    let all = ["n1", "n2", "n3"];
    let who = |decision: &Decision| -> Vec<String> {
        told(&scenes, decision)
            .into_iter()
            .map(|(node, _)| node)
            .collect()
    };
    assert_eq!(who(&routing(&all, &all, Some("n2"))), ["n2"]);
    assert_eq!(
        who(&routing(&all, &["n1", "n3"], Some("n2"))),
        all,
        "n2 is not Ready"
    );
    assert_eq!(
        who(&routing(&["n1", "n3"], &all, Some("n2"))),
        ["n1", "n3"],
        "n2 announces it no more"
    );
}

/// P-OBS-5
#[test]
fn without_an_established_session_the_trouble_of_each_is_told_unless_another_node_has_one() {
    let scenes = with_sessions(scenes(), State::Idle);
    let told_by = told(&scenes, &routing(&["n1"], &["n1"], None));
    assert_eq!(
        (told_by[0].1.reason, told_by[0].1.announced),
        ("NoSession", false)
    );
    assert!(
        told_by[0].1.message.ends_with("tor: Idle"),
        "{}",
        told_by[0].1.message
    );
    let other = told(&scenes, &routing(&["n1", "n2"], &["n1", "n2"], Some("n2")));
    assert_eq!(other.len(), 1, "n1 leaves the word to n2");
}

#[test]
fn who_holds_an_address_on_a_segment_names_the_nodes_that_route_it_too() {
    let mut scenes = scenes();
    scenes[0].handle_report(Report::Announced {
        ip: ip(),
        iface: "eth0".into(),
    });
    let mut decision = decision(one(), &["n1", "n2", "n3"]);
    decision.prospects = [(web(), prospect(one(), routed_by(&["n1", "n2"])).into())].into();
    let told = told(&scenes[..1], &decision);
    assert_eq!(
        told[0].1.message,
        "by node n1: 192.0.2.1 on eth0; by BGP from n1, n2, as far as their sessions are established"
    );
}
