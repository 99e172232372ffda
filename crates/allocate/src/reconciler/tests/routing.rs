use config::SpeakerFacts;
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, Condition};
use k8s_openapi::api::core::v1::Node;
use serde::de::DeserializeOwned;

use super::*;
use crate::status_updates::{Content, IN_USE, StatusUpdates};

fn object<K: DeserializeOwned>(kind: &str, name: &str, spec: Value) -> K {
    serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": kind,
        "metadata": {"name": name, "generation": 1, "resourceVersion": "7"}, "spec": spec,
    }))
    .unwrap()
}

fn peer(name: &str, fields: Value) -> Stored<BGPPeer> {
    let mut spec = json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1"});
    spec.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    object("BGPPeer", name, spec)
}

fn node(name: &str, labels: Value) -> Node {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
}

fn profile() -> Stored<BFDProfile> {
    object("BFDProfile", "fast", json!({}))
}

/// Everything that BGP is set up by is listed, and there is nothing.
fn bench() -> Bench {
    let mut bench = Bench::started("192.0.2.0/24");
    bench.input(objects::<BGPAdvertisement>(Change::Listed(vec![])));
    bench.input(objects::<BGPPeer>(Change::Listed(vec![])));
    bench.input(objects::<BFDProfile>(Change::Listed(vec![])));
    bench.input(objects::<Community>(Change::Listed(vec![])));
    bench.input(Input::Nodes(Change::Listed(vec![node(
        "n1",
        json!({"rack": "a"}),
    )])));
    bench
}

/// What is written about the custom resources after the last publication.
fn updates(bench: &mut Bench) -> Vec<(String, Content)> {
    bench.pass(Duration::from_secs(2));
    let mut updates = StatusUpdates::default();
    updates.handle_publication(bench.publications.last().cloned().unwrap());
    let mut written = Vec::new();
    while let Some(update) = updates.poll_update(bench.now, timestamp()) {
        written.push((update.object.to_string(), update.content.clone()));
        let metadata = kube::core::ObjectMeta {
            resource_version: Some("8".into()),
            ..kube::core::ObjectMeta::default()
        };
        let written = Answer::Object(Box::new(Object::Metadata(metadata)));
        updates.handle_answer(bench.now, update, written);
    }
    written
}

/// The conditions written about one of them, each as `type reason message`.
fn conditions(bench: &mut Bench, name: &str) -> Vec<String> {
    let written = updates(bench);
    let status = written.into_iter().find_map(|(object, content)| match content {
        Content::Status(status) if object == name => Some(status),
        Content::Status(_) | Content::Finalizers { .. } => None,
    });
    let conditions: Vec<Condition> = serde_json::from_value(status.unwrap()["conditions"].clone()).unwrap();
    let show = |one: Condition| format!("{}={} {} {}", one.type_, one.status, one.reason, one.message);
    conditions.into_iter().map(show).collect()
}

/// P-OBS-6, P-CFG-42
#[test]
fn all_kinds_are_told_that_they_are_in_force() {
    let mut bench = bench();
    bench.input(objects::<BGPPeer>(Change::Applied(peer("tor", json!({})))));
    bench.input(objects::<BGPAdvertisement>(Change::Applied(object(
        "BGPAdvertisement",
        "all",
        json!({}),
    ))));
    bench.input(objects::<BFDProfile>(Change::Applied(profile())));
    bench.input(objects::<Community>(Change::Applied(object(
        "Community",
        "names",
        json!({}),
    ))));
    for name in [
        "BGPPeer tor",
        "BGPAdvertisement all",
        "BFDProfile fast",
        "Community names",
    ] {
        assert_eq!(
            conditions(&mut bench, name),
            ["Accepted=True Accepted in force"],
            "{name}"
        );
    }
}

/// P-CFG-37, P-OBS-8, P-OBS-10, P-OBS-16
#[test]
fn what_is_missing_is_named_and_its_coming_is_told() {
    let mut bench = bench();
    bench.input(objects::<BGPPeer>(Change::Applied(peer(
        "tor",
        json!({"bfdProfile": "fast"}),
    ))));
    assert_eq!(
        conditions(&mut bench, "BGPPeer tor"),
        [
            "Accepted=False MissingReference bfdProfile: there is no BFDProfile fast: create it, or write another; not in force"
        ]
    );
    bench.input(objects::<BFDProfile>(Change::Applied(profile())));
    assert_eq!(
        conditions(&mut bench, "BGPPeer tor"),
        ["Accepted=True Accepted in force"]
    );
}

/// B5, D17
#[test]
fn what_is_in_force_and_amiss_is_warned_of() {
    let mut bench = bench();
    bench.input(objects::<BGPPeer>(Change::Applied(peer(
        "tor",
        json!({"holdTime": "0s"}),
    ))));
    let echo = object("BFDProfile", "echo", json!({"echoMode": true}));
    bench.input(objects::<BFDProfile>(Change::Applied(echo)));
    let peer_says = conditions(&mut bench, "BGPPeer tor");
    assert_eq!(peer_says[0], "Accepted=True Accepted in force");
    assert!(
        peer_says[1].starts_with("Warning=True NeverExpires holdTime is 0 and there is no bfdProfile"),
        "{peer_says:?}"
    );
    assert!(
        conditions(&mut bench, "BFDProfile echo")[1]
            .starts_with("Warning=True NoEcho echoMode has no effect")
    );
    bench.input(objects::<BGPPeer>(Change::Applied(peer("tor", json!({})))));
    assert_eq!(conditions(&mut bench, "BGPPeer tor").len(), 1);
}

/// P-CFG-15, P-CFG-17, P-CFG-43, P-OBS-12
#[test]
fn whether_two_peers_meet_is_judged_by_the_labels_of_nodes_as_they_change() {
    let mut bench = bench();
    let of_rack = |rack: &str| json!({"nodeSelectors": [{"matchLabels": {"rack": rack}}]});
    bench.input(objects::<BGPPeer>(Change::Applied(peer("a", of_rack("a")))));
    bench.input(objects::<BGPPeer>(Change::Applied(peer(
        "b",
        json!({
            "nodeSelectors": [{"matchLabels": {"rack": "b"}}, {"matchLabels": {"side": "left"}}],
        }),
    ))));
    assert_eq!(
        conditions(&mut bench, "BGPPeer b"),
        ["Accepted=True Accepted in force"]
    );
    let published = bench.publications.len();
    bench.input(Input::Nodes(Change::Applied(node("n1", json!({"rack": "a"})))));
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.publications.len(), published, "a heartbeat is no news");
    bench.input(Input::Nodes(Change::Applied(node(
        "n1",
        json!({"rack": "a", "side": "left"}),
    ))));
    let said = conditions(&mut bench, "BGPPeer b");
    assert!(
        said[0].starts_with("Accepted=False Conflict BGPPeer a is 192.0.2.1 too"),
        "{said:?}"
    );
    bench.input(Input::Nodes(Change::Deleted(node("n1", json!({})))));
    bench.input(Input::Nodes(Change::Applied(node("n2", json!({"rack": "b"})))));
    assert_eq!(
        conditions(&mut bench, "BGPPeer b"),
        ["Accepted=True Accepted in force"]
    );
}

/// P-CFG-29
#[test]
fn a_profile_that_a_peer_names_cannot_be_deleted_until_none_does() {
    let finalizers = |bench: &mut Bench| {
        let written = updates(bench);
        written.into_iter().find_map(|(object, content)| match content {
            Content::Finalizers { list, .. } if object == "BFDProfile fast" => Some(list),
            Content::Finalizers { .. } | Content::Status(_) => None,
        })
    };
    let mut bench = bench();
    bench.input(objects::<BFDProfile>(Change::Applied(profile())));
    assert_eq!(finalizers(&mut bench), None);
    bench.input(objects::<BGPPeer>(Change::Applied(peer(
        "tor",
        json!({"bfdProfile": "fast"}),
    ))));
    assert_eq!(finalizers(&mut bench), Some(vec![IN_USE.to_owned()]));
    let closing: Stored<BFDProfile> = serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "BFDProfile", "spec": {},
        "metadata": {
            "name": "fast", "resourceVersion": "9", "finalizers": [IN_USE, "example.com/other"],
            "deletionTimestamp": "2026-03-01T00:00:00Z",
        },
    }))
    .unwrap();
    bench.input(objects::<BFDProfile>(Change::Applied(closing)));
    assert_eq!(finalizers(&mut bench), None);
    assert_eq!(
        conditions(&mut bench, "BFDProfile fast"),
        [
            "Accepted=True Terminating is being deleted; it goes when no BGPPeer names it in bfdProfile (tor now)"
        ]
    );
    assert_eq!(
        conditions(&mut bench, "BGPPeer tor"),
        ["Accepted=True Accepted in force"]
    );
    bench.input(objects::<BGPPeer>(Change::Applied(peer("tor", json!({})))));
    assert_eq!(finalizers(&mut bench), Some(vec!["example.com/other".to_owned()]));
}

/// P-CFG-45
#[test]
fn nothing_of_bgp_is_judged_by_half_of_what_there_is_and_no_address_waits_for_it() {
    let mut bench = Bench::started("192.0.2.0/24");
    let tor = peer("tor", json!({"bfdProfile": "fast"}));
    bench.input(objects::<BGPPeer>(Change::Listed(vec![tor])));
    bench.input(objects::<BGPAdvertisement>(Change::Listed(vec![])));
    bench.input(objects::<Community>(Change::Listed(vec![])));
    bench.input(Input::Nodes(Change::Listed(vec![])));
    bench.apply("web", load_balancer());
    assert_eq!(bench.address("web"), "192.0.2.0");
    assert!(
        updates(&mut bench)
            .iter()
            .all(|(object, _)| object.starts_with("IPPool"))
    );
    bench.input(objects::<BFDProfile>(Change::Listed(vec![profile()])));
    assert_eq!(
        conditions(&mut bench, "BGPPeer tor"),
        ["Accepted=True Accepted in force"]
    );
}

fn node_at(name: &str, address: &str) -> Node {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }))
    .unwrap()
}

fn speaker(node: &str, gateway: &str, sessions: Value) -> SpeakerFacts {
    let speaker: crds::Speaker = serde_json::from_value(json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "Speaker", "metadata": {"name": node}, "spec": {},
        "status": {
            "interfaces": [{"name": "eth0", "subnets": ["192.0.2.0/29"], "gateways": [gateway]}],
            "bgpSessions": sessions,
        },
    }))
    .unwrap();
    SpeakerFacts::of(&speaker)
}

#[test]
fn what_nodes_have_is_given_to_nobody_and_the_pool_says_so() {
    let mut bench = Bench::started("192.0.2.0-192.0.2.4");
    bench.input(Input::Nodes(Change::Listed(vec![node_at("n1", "192.0.2.1")])));
    bench.input(Input::Speakers(Change::Listed(vec![speaker(
        "n1",
        "192.0.2.2",
        json!([]),
    )])));
    // .0 is the network, .1 the node, .2 its gateway.
    bench.apply("a", load_balancer());
    bench.apply("b", load_balancer());
    bench.apply("c", load_balancer());
    assert_eq!(bench.address("a"), "192.0.2.3");
    assert_eq!(bench.address("b"), "192.0.2.4");
    assert_eq!(bench.address("c"), "");
    let updates = updates(&mut bench);
    let pool = updates
        .iter()
        .find(|(object, _)| object == "IPPool home")
        .unwrap();
    let told = format!("{:?}", pool.1);
    assert!(
        told.contains(
            "3 of its addresses are not given out, because nodes have them: 192.0.2.0 is the network address"
        ),
        "{told}"
    );
    // The node goes, and who waits is served.
    bench.input(Input::Nodes(Change::Deleted(node_at("n1", "192.0.2.1"))));
    assert_eq!(bench.address("c"), "192.0.2.0");
}

#[test]
fn a_service_keeps_an_address_that_a_node_comes_with() {
    let mut bench = Bench::started("192.0.2.1-192.0.2.4");
    bench.apply("a", load_balancer());
    assert_eq!(bench.address("a"), "192.0.2.1");
    bench.input(Input::Nodes(Change::Applied(node_at("n1", "192.0.2.1"))));
    assert_eq!(bench.address("a"), "192.0.2.1");
}

#[test]
fn a_peer_shows_how_many_nodes_have_a_session_of_how_many_that_are_to() {
    let mut bench = bench();
    bench.input(objects::<BGPPeer>(Change::Listed(vec![peer("tor", json!({}))])));
    let session = |state| json!([{"peer": "tor", "state": state}]);
    bench.input(Input::Speakers(Change::Listed(vec![
        speaker("n1", "192.0.2.254", session("Established")),
        speaker("n2", "192.0.2.254", session("Active")),
    ])));
    let updates = updates(&mut bench);
    let (_, Content::Status(status)) = updates
        .iter()
        .find(|(object, _)| object == "BGPPeer tor")
        .unwrap()
    else {
        panic!("{updates:?}");
    };
    assert_eq!(
        (&status["sessionsUp"], &status["sessionsWanted"]),
        (&json!(1), &json!(2))
    );
}
