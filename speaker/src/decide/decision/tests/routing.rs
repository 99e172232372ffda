//! What the decision says of sessions and routes.

use super::*;
use crate::bgp::peering::Password;

const PEER: &str = "tor";

fn peer(spec: Value) -> Stored<BGPPeer> {
    let mut whole = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.254"});
    let fields = spec.as_object().cloned().unwrap_or_default();
    whole.as_object_mut().unwrap().extend(fields);
    resource("BGPPeer", PEER, whole)
}

fn secret(password: &str) -> Secret {
    read(json!({
        "metadata": {"name": "tor-key", "namespace": "herald-system"},
        "type": "kubernetes.io/basic-auth",
        "stringData": {},
        "data": {"password": k8s_openapi::ByteString(password.as_bytes().to_vec())},
    }))
}

impl Bench {
    /// The usual, and a router that every node tells about every Service.
    fn routing() -> Self {
        Self::started().with_a_router()
    }

    fn with_a_router(mut self) -> Self {
        self.all(|| {
            objects::<BGPAdvertisement>(Change::Applied(resource("BGPAdvertisement", "all", json!({}))))
        });
        self.all(|| objects::<BGPPeer>(Change::Applied(peer(json!({})))));
        self
    }

    fn decision_of(&mut self, decider: usize) -> Decision {
        self.deciders[decider].decision().unwrap()
    }

    /// The prefixes that a node announces to the router; none: it has no session with it.
    fn routes(&mut self, decider: usize) -> Option<Vec<String>> {
        let peerings = self.decision_of(decider).peerings;
        let peering = peerings.peers.get(&PeerName(PEER.into()))?;
        Some(peering.table.keys().map(ToString::to_string).collect())
    }
}

/// P-BGP-1, P-BGP-13
#[test]
fn every_node_announces_every_service_to_its_peers() {
    let mut bench = Bench::routing();
    for decider in 0..NODES.len() {
        assert_eq!(bench.routes(decider).unwrap(), ["192.0.2.1/32"]);
    }
    let decision = bench.decision_of(0);
    assert!(decision.peerings.guard.permits(&"192.0.2.1/32".parse().unwrap()));
    assert!(!decision.peerings.guard.permits(&"192.0.3.1/32".parse().unwrap()));
}

/// P-BGP-22, P-BGP-23
#[test]
fn a_peer_has_sessions_with_the_nodes_that_it_selects_and_labels_decide_at_once() {
    let mut bench = Bench::routing();
    let of_racks = json!({"nodeSelectors": [{"matchLabels": {"rack": "a"}}]});
    bench.all(|| objects::<BGPPeer>(Change::Applied(peer(of_racks.clone()))));
    assert_eq!(bench.routes(0), None);
    bench.all(|| Input::Nodes(Change::Applied(node("n1", json!({"rack": "a"})))));
    assert_eq!(
        (bench.routes(0).map(|routes| routes.len()), bench.routes(1)),
        (Some(1), None)
    );
    bench.all(|| Input::Nodes(Change::Applied(node("n1", json!({})))));
    assert_eq!(bench.routes(0), None);
}

/// P-BGP-2, P-BGP-5
#[test]
fn with_the_local_policy_only_nodes_with_an_endpoint_announce() {
    let mut bench = Bench::routing();
    let mut local = service("web", "192.0.2.1");
    local.spec.as_mut().unwrap().external_traffic_policy = Some("Local".to_owned());
    bench.all(|| services(Change::Applied(local.clone())));
    assert_eq!(bench.routes(0).unwrap(), [""; 0]);
    assert_eq!(bench.routes(1).unwrap(), ["192.0.2.1/32"]);
}

/// P-BGP-4
#[test]
fn an_endpoint_that_one_slice_has_as_usable_and_another_has_not_is_usable() {
    let mut bench = Bench::routing();
    let mut other = slice("web", &["n2"]);
    other.metadata.name = Some("web-2".into());
    let mut not_ready = other.endpoints.remove(0);
    not_ready.conditions = Some(read(json!({"ready": false, "serving": false})));
    other.endpoints.push(not_ready);
    bench.all(|| slices(Change::Applied(other.clone())));
    assert_eq!(bench.routes(1).unwrap(), ["192.0.2.1/32"]);
    bench.all(|| slices(Change::Deleted(slice("web", &["n2"]))));
    assert_eq!(bench.routes(1).unwrap(), [""; 0]);
}

/// P-BGP-12, P-BGP-10
#[test]
fn a_service_that_goes_takes_its_route_along_and_nothing_else() {
    let mut bench = Bench::routing();
    bench.all(|| services(Change::Applied(service("other", "192.0.2.2"))));
    bench.all(|| slices(Change::Applied(slice("other", &["n1"]))));
    assert_eq!(bench.routes(0).unwrap(), ["192.0.2.1/32", "192.0.2.2/32"]);
    bench.all(|| services(Change::Deleted(service("web", "192.0.2.1"))));
    assert_eq!(bench.routes(0).unwrap(), ["192.0.2.2/32"]);
}

/// P-BGP-15, P-BGP-17, P-CFG-25, P-CFG-37, P-CFG-39
#[test]
fn a_peer_waits_for_its_secret_and_keeps_the_last_good_one() {
    let mut bench = Bench::routing();
    let secured = json!({"passwordSecret": {"name": "tor-key"}});
    let told =
        |bench: &mut Bench, change: Change<Secret>| bench.one(0, Input::Secret("tor-key".into(), change));
    let of = |bench: &mut Bench| {
        let Decision {
            peerings,
            secrets,
            session_faults,
            ..
        } = bench.decision_of(0);
        assert_eq!(secrets, ["tor-key".to_owned()].into());
        let peering = peerings.peers.get(&PeerName(PEER.into())).cloned();
        (peering.and_then(|peering| peering.password), session_faults.len())
    };
    let good = |password: &str| Some(Password::read("tor-key", Some(&secret(password))).unwrap());

    bench.one(0, objects::<BGPPeer>(Change::Applied(peer(secured))));
    assert_eq!(
        of(&mut bench),
        (None, 0),
        "the form without a password is still in force"
    );
    told(&mut bench, Change::Listed(vec![]));
    assert_eq!(of(&mut bench), (None, 1));
    let said = bench.decision_of(0).secret_verdicts;
    assert!(
        matches!(said[&PeerName(PEER.into())], Some(Err(_))),
        "the first node says so"
    );
    told(&mut bench, Change::Applied(secret("first")));
    assert_eq!(of(&mut bench), (good("first"), 0));
    told(&mut bench, Change::Applied(secret("second")));
    assert_eq!(of(&mut bench), (good("second"), 0));
    told(&mut bench, Change::Applied(secret("")));
    assert_eq!(of(&mut bench), (good("second"), 1), "the last good one stays");
    told(&mut bench, Change::Deleted(secret("")));
    assert_eq!(of(&mut bench), (good("second"), 1));
}

/// P-BGP-25
#[test]
fn after_many_changes_of_the_configuration_the_last_one_is_in_force() {
    let mut bench = Bench::routing();
    for round in 1..=9 {
        let asn = 64600 + round;
        bench.all(|| objects::<BGPPeer>(Change::Applied(peer(json!({"peerASN": asn})))));
        let lengths = json!({"aggregationLength": 24 + round % 3});
        bench.all(|| {
            objects::<BGPAdvertisement>(Change::Applied(resource(
                "BGPAdvertisement",
                "all",
                lengths.clone(),
            )))
        });
    }
    let peering = bench.decision_of(0).peerings.peers[&PeerName(PEER.into())].clone();
    assert_eq!(peering.peer.open.peer_asn, bgp::PeerAsn::Exactly(64609));
    assert_eq!(bench.routes(0).unwrap(), ["192.0.2.0/24"]);
}

/// P-BGP-14, P-BGP-35
#[test]
fn the_identifier_is_the_peers_or_an_address_of_the_node() {
    let mut bench = Bench::routing();
    let mut addressed = node("n1", json!({}));
    let address = read(json!([{"type": "InternalIP", "address": "198.51.100.7"}]));
    addressed.status.as_mut().unwrap().addresses = Some(address);
    bench.one(0, Input::Nodes(Change::Applied(addressed)));
    let identifier = |bench: &mut Bench| {
        bench.decision_of(0).peerings.peers[&PeerName(PEER.into())]
            .peer
            .open
            .identifier
    };
    assert_eq!(identifier(&mut bench), Ipv4Addr::new(198, 51, 100, 7));
    bench.one(
        0,
        objects::<BGPPeer>(Change::Applied(peer(json!({"routerID": "10.0.0.9"})))),
    );
    assert_eq!(identifier(&mut bench), Ipv4Addr::new(10, 0, 0, 9));
}

#[test]
fn a_node_that_is_drained_or_gone_from_the_api_keeps_its_sessions_to_say_farewell() {
    let mut bench = Bench::routing();
    bench.all(|| Input::Nodes(Change::Deleted(node("n1", json!({})))));
    let peerings = bench.decision_of(0).peerings;
    assert!(peerings.drain && peerings.peers.len() == 1);
    assert_eq!(
        bench.routes(0).unwrap(),
        ["192.0.2.1/32"],
        "marked before they are withdrawn"
    );
    let others = || vec![node("n2", json!({})), node("n3", json!({}))];
    bench.one(
        1,
        Input::Nodes(Change::Listed(vec![node("n1", json!({})), node("n3", json!({}))])),
    );
    assert!(bench.decision_of(1).peerings.drain, "a list without n2");
    bench.one(1, Input::Nodes(Change::Listed(others())));
    assert!(!bench.decision_of(1).peerings.drain, "it is back");
}

#[test]
fn what_a_speaker_without_segments_decides_has_no_unit() {
    let mut bench = Bench::of_speakers(true).with_a_service().with_a_router();
    let decision = bench.decision_of(0);
    assert!(decision.wanted.units.is_empty());
    let web = &decision.prospects[&ServiceName::new("default", "web")];
    assert_eq!(
        (&web.layer2, web.bgp.as_ref().unwrap().nodes.len()),
        (&Layer2::Off, 3)
    );
}
