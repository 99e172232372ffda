use explain::{Code, Part};
use serde_json::json;

use crate::objects::{Objects, custom, node, speaker};

#[test]
fn nothing_is_wrong() {
    let report = Objects::well().report();
    assert_eq!((report.cause, report.findings), (None, vec![]));
    let of = |part| -> Vec<_> {
        let steps = report.steps.iter().filter(move |step| step.part == part);
        steps.map(|step| step.text.as_str()).collect()
    };
    assert_eq!(of(Part::Request), ["asks for one IPv4 address"]);
    assert_eq!(
        of(Part::Pools),
        ["1 of 2 IPv4 and 0 of 0 IPv6 addresses are free"]
    );
    assert_eq!(
        of(Part::Nodes),
        ["n1 may announce it", "n2 may announce it", "n3 may announce it"]
    );
    assert_eq!(of(Part::Segment), ["node n1 answers for it (Vacant)"]);
    assert_eq!(of(Part::Endpoints), ["1 on node n1", "1 on node n2"]);
}

#[test]
fn no_advertisement_selects_the_pool() {
    let mut objects = Objects::well();
    objects.l2_advertisements.clear();
    objects.assert_cause(
        Code::NoMatchingAdvertisement,
        "selects IPPool lan",
        "kubectl get l2advertisements",
    );
}

#[test]
fn the_selector_matches_no_node() {
    let mut objects = Objects::well();
    let spec = json!({"ipPools": ["lan"], "nodeSelectors": [{"matchLabels": {"rack": "7"}}]});
    objects.l2_advertisements = vec![custom("L2Advertisement", "lan", spec)];
    objects.assert_cause(
        Code::NoNode,
        "is selected by no matching advertisement",
        "kubectl get nodes --show-labels",
    );
}

#[test]
fn every_node_is_excluded() {
    let mut objects = Objects::well();
    for node in &mut objects.nodes {
        node["metadata"]["labels"]["node.kubernetes.io/exclude-from-external-load-balancers"] = json!("");
    }
    objects.assert_cause(
        Code::NoNode,
        "exclude-from-external-load-balancers",
        "kubectl get nodes",
    );
}

#[test]
fn no_pod_is_ready() {
    let mut objects = Objects::well();
    objects.slices.clear();
    objects.assert_cause(
        Code::NoEndpoints,
        "no usable endpoint",
        "kubectl get endpointslices -n shop",
    );
}

#[test]
fn with_local_policy_other_nodes_say_why_they_do_not() {
    let mut objects = Objects::well();
    objects.service["spec"]["externalTrafficPolicy"] = json!("Local");
    let report = objects.report();
    let why = "n3 has no usable endpoint (externalTrafficPolicy: Local)";
    assert!(report.steps.iter().any(|step| step.text == why), "{report:?}");
    assert_eq!(report.cause, None);
}

#[test]
fn the_address_is_in_no_subnet_of_the_nodes() {
    let mut objects = Objects::well();
    for speaker in &mut objects.speakers {
        speaker["status"]["interfaces"][0]["subnets"] = json!(["10.0.0.0/24"]);
        speaker["status"]["layer2Services"] = json!([]);
    }
    objects.assert_cause(
        Code::NoInterface,
        "their subnets are 10.0.0.0/24",
        "kubectl get speakers",
    );
}

#[test]
fn no_speaker_runs() {
    let mut objects = Objects::well();
    objects.speakers.clear();
    objects.assert_cause(
        Code::NoSpeaker,
        "no node runs a speaker",
        "app.kubernetes.io/component=speaker",
    );
}

#[test]
fn a_speaker_is_missing_on_a_node() {
    let mut objects = Objects::well();
    objects.speakers.pop();
    objects.assert_cause(
        Code::SpeakerMissing,
        "no speaker runs on n3",
        "app.kubernetes.io/component=speaker",
    );
}

fn unready(reason: &str, message: &str) -> Objects {
    let mut objects = Objects::well();
    let condition = json!({
        "type": "Ready", "status": "False", "reason": reason, "message": message, "lastTransitionTime": "2026-12-01T07:00:00Z",
    });
    objects.speakers[0]["status"]["conditions"] = json!([condition]);
    objects
}

#[test]
fn a_firewall_closes_the_port_of_the_speakers() {
    unready("Unheard", "n2 and n3 are not heard: UDP 7950 does not arrive").assert_cause(
        Code::Unheard,
        "UDP 7950",
        "7950/udp",
    );
}

#[test]
fn a_kernel_answers_for_others() {
    unready("KernelAnswers", "kube-ipvs0").assert_cause(Code::KernelAnswers, "kube-ipvs0", "kube-proxy");
}

#[test]
fn a_speaker_has_no_key() {
    unready("BadKey", "too short").assert_cause(
        Code::SpeakerNotReady,
        "BadKey: too short",
        "kubectl describe speakers.heraldlb.io n1",
    );
}

#[test]
fn nobody_answers_and_nothing_says_why() {
    let mut objects = Objects::well();
    objects.speakers[0] = speaker("n1", false);
    objects.assert_cause(
        Code::NobodyAnswers,
        "no speaker says that it answers",
        "kubectl get speakers",
    );
}

#[test]
fn two_nodes_answer() {
    let mut objects = Objects::well();
    objects.speakers[1] = speaker("n2", true);
    objects.assert_cause(
        Code::TwoHolders,
        "n1, n2 say that they answer",
        "kubectl get speakers",
    );
}

#[test]
fn a_foreign_host_has_the_address() {
    let mut objects = Objects::well();
    let condition = json!({
        "type": "heraldlb.io/Announced", "status": "True", "reason": "AddressConflict",
        "message": "the station 02:00:00:00:00:07 on eth0 claims 192.168.1.200 too", "lastTransitionTime": "2026-12-01T07:00:00Z",
    });
    objects.service["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(condition);
    objects.assert_cause(
        Code::AddressConflict,
        "02:00:00:00:00:07",
        "kubectl describe service/web",
    );
}

#[test]
fn kube_proxy_of_the_holder_is_not_ready() {
    let mut objects = Objects::well();
    objects.speakers[0]["status"]["canForward"] = json!(false);
    objects.assert_cause(
        Code::NodeNotForwarding,
        "kube-proxy there is not ready",
        "spec.nodeName=n1",
    );
}

#[test]
fn a_node_with_an_endpoint_is_gone() {
    let mut objects = Objects::well();
    objects.nodes[1] = node("n2", "Unknown");
    objects.assert_cause(
        Code::EndpointOnDeadNode,
        "n2 is not Ready",
        "kubectl describe node n2",
    );
}

#[test]
fn a_session_is_down() {
    let session =
        json!({"peer": "tor", "state": "Active", "lastError": "connection refused", "routesSent": 0});
    Objects::routed(session).assert_cause(
        Code::SessionDown,
        "Active: connection refused",
        "kubectl describe bgppeers.heraldlb.io tor",
    );
}

#[test]
fn bfd_is_down() {
    let session = json!({"peer": "tor", "state": "Active", "bfd": "Down"});
    Objects::routed(session).assert_cause(
        Code::BfdDown,
        "BFD of node n1",
        "kubectl describe bgppeers.heraldlb.io tor",
    );
}

#[test]
fn the_router_lacks_the_family() {
    let session = json!({"peer": "tor", "state": "Established", "families": ["IPv6"]});
    Objects::routed(session).assert_cause(Code::FamilyMissing, "carries IPv4", "kubectl get speakers");
}

#[test]
fn a_route_that_a_router_has_is_reported_with_its_session() {
    let session = json!({"peer": "tor", "state": "Established", "families": ["IPv4"], "routesSent": 1});
    let mut objects = Objects::routed(session);
    objects.speakers[0]["status"]["bgpServices"] = json!([{"service": "shop/web", "peers": ["tor"]}]);
    let report = objects.report();
    assert_eq!(report.cause, None);
    let texts: Vec<_> = report
        .steps
        .iter()
        .filter(|step| step.part == Part::Routers)
        .map(|step| step.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "node n1 announces it to tor",
            "node n1 and BGPPeer tor: Established"
        ]
    );
}
