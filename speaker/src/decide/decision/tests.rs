use std::net::IpAddr;

use config::Configured;
use config::service::Classes;
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, L2Advertisement};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use super::*;

mod histories;
mod moving;
mod routing;
mod sharing;

/// The deciders of three nodes that see the same API server.
struct Bench {
    deciders: Vec<Decider>,
}

const NODES: [&str; 3] = ["n1", "n2", "n3"];

fn read<K: serde::de::DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

fn node(name: &str, labels: Value) -> Node {
    read(json!({
        "metadata": {"name": name, "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }))
}

/// What the watch of Services says.
fn services(change: Change<Service>) -> Input {
    let classes = Classes {
        classes: vec!["heraldlb.io/herald".into()],
        require_class: false,
    };
    Input::Services(change.map(|object| Seen::of(&object, &classes)))
}

/// What the watch of EndpointSlices says.
fn slices(change: Change<EndpointSlice>) -> Input {
    Input::Slices(change.map(|object| Slice::of(&object).unwrap()))
}

/// What the watch of a kind says.
fn objects<K: Configured>(change: Change<Stored<K>>) -> Input {
    Input::Objects(change.into())
}

fn service(name: &str, address: &str) -> Service {
    at(name, &[address])
}

fn at(name: &str, addresses: &[&str]) -> Service {
    let ingress = |address: &&str| json!({"ip": address});
    read(json!({
        "metadata": {"namespace": "default", "name": name},
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": addresses.iter().map(ingress).collect::<Vec<_>>()}},
    }))
}

fn slice(service: &str, nodes: &[&str]) -> EndpointSlice {
    let endpoint = |node: &&str| json!({"addresses": ["10.0.0.1"], "nodeName": node});
    read(json!({
        "metadata": {
            "namespace": "default", "name": format!("{service}-1"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": nodes.iter().map(endpoint).collect::<Vec<_>>(),
    }))
}

fn resource<K: serde::de::DeserializeOwned>(kind: &str, name: &str, spec: Value) -> K {
    read(json!({"apiVersion": "heraldlb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}))
}

impl Bench {
    fn new() -> Self {
        Self::of_speakers(false)
    }

    fn of_speakers(bgp_only: bool) -> Self {
        let decider = |name: &&str| {
            Decider::new(Settings {
                me: NodeName((*name).into()),
                ignore_exclude_label: false,
                drain_on_cordon: false,
                bgp_only,
            })
        };
        Self {
            deciders: NODES.iter().map(decider).collect(),
        }
    }

    /// A pool, an advertisement, and one Service with an endpoint on n2.
    fn started() -> Self {
        Self::new().with_a_service()
    }

    fn with_a_service(mut self) -> Self {
        let bench = &mut self;
        bench.all(|| {
            Input::Nodes(Change::Listed(
                NODES.iter().map(|name| node(name, json!({}))).collect(),
            ))
        });
        bench.all(|| {
            objects::<IPPool>(Change::Listed(vec![resource(
                "IPPool",
                "p",
                json!({"addresses": ["192.0.2.0/24"]}),
            )]))
        });
        bench.all(|| {
            objects::<L2Advertisement>(Change::Listed(vec![resource("L2Advertisement", "a", json!({}))]))
        });
        bench.no_bgp();
        bench.all(|| services(Change::Listed(vec![service("web", "192.0.2.1")])));
        bench.all(|| slices(Change::Listed(vec![slice("web", &["n2"])])));
        self
    }

    fn no_bgp(&mut self) {
        self.all(|| objects::<BGPAdvertisement>(Change::Listed(vec![])));
        self.all(|| objects::<BGPPeer>(Change::Listed(vec![])));
        self.all(|| objects::<BFDProfile>(Change::Listed(vec![])));
        self.all(|| objects::<Community>(Change::Listed(vec![])));
    }

    fn all(&mut self, input: impl Fn() -> Input) {
        for decider in &mut self.deciders {
            decider.handle_input(input());
        }
    }

    fn one(&mut self, decider: usize, input: Input) {
        self.deciders[decider].handle_input(input);
    }

    /// The nodes that may hold this address, of which all speakers say the same.
    fn may_hold(&mut self, address: &str) -> Vec<String> {
        let ip: IpAddr = address.parse().unwrap();
        let said = |decider: &mut Decider| {
            let wanted = decider.decision()?.wanted;
            let unit = wanted
                .units
                .values()
                .find(|unit| unit.addresses.keys().any(|known| *known == ip))?;
            Some(
                unit.candidates
                    .keys()
                    .map(|node| node.0.clone())
                    .collect::<Vec<_>>(),
            )
        };
        let mut said: BTreeSet<Vec<String>> = self
            .deciders
            .iter_mut()
            .map(|decider| said(decider).unwrap_or_default())
            .collect();
        assert_eq!(said.len(), 1, "{said:?}");
        said.pop_first().unwrap()
    }

    /// What becomes of the Service `web`.
    fn prospect(&mut self) -> Layer2 {
        self.prospect_of("web")
    }

    /// What becomes of a Service, of which all speakers say the same; who may announce it left out.
    fn prospect_of(&mut self, name: &str) -> Layer2 {
        let name = ServiceName::new("default", name);
        let said = |decider: &mut Decider| {
            let mut layer2 = decider.decision()?.prospects.get(&name)?.layer2.clone();
            if let Layer2::One(plan) = &mut layer2 {
                plan.candidates = Arc::default();
            }
            Some(layer2)
        };
        let mut prospects: Vec<_> = self.deciders.iter_mut().filter_map(said).collect();
        prospects.dedup();
        assert_eq!(prospects.len(), 1, "{prospects:?}");
        prospects.remove(0)
    }
}

/// A unit of one address.
fn alone(address: &str) -> Layer2 {
    let ip: IpAddr = address.parse().unwrap();
    Layer2::One(Plan {
        addresses: [ip].into(),
        unit: [ip].into(),
        candidates: Arc::default(),
    })
}

/// P-L2-13, P-L2-14, P-CFG-45
#[test]
fn all_nodes_say_the_same_and_nothing_before_they_know_everything() {
    let mut bench = Bench::started();
    assert_eq!(bench.may_hold("192.0.2.1"), NODES);
    assert_eq!(bench.prospect(), alone("192.0.2.1"));
    let mut bench = Bench::new();
    bench.all(|| services(Change::Listed(vec![service("web", "192.0.2.1")])));
    assert!(
        bench
            .deciders
            .iter_mut()
            .all(|decider| decider.decision().is_none())
    );
}

/// F39: and its own node only.
#[test]
fn a_node_with_the_taint_or_gone_from_the_api_drains() {
    let mut bench = Bench::started();
    // Those that have nothing new to say do as before.
    let mut known = [false; 3];
    let mut drained = |bench: &mut Bench| -> [bool; 3] {
        for (decider, drains) in bench.deciders.iter_mut().zip(&mut known) {
            if let Some(decision) = decider.poll_decision() {
                *drains = decision.wanted.drain;
            }
        }
        known
    };
    assert_eq!(drained(&mut bench), [false; 3]);
    let mut tainted = node("n2", json!({}));
    tainted.spec = Some(read(
        json!({"taints": [{"key": config::node::DRAIN_TAINT, "effect": "NoSchedule"}]}),
    ));
    bench.all(|| Input::Nodes(Change::Applied(tainted.clone())));
    assert_eq!(drained(&mut bench), [false, true, false]);
    bench.all(|| Input::Nodes(Change::Applied(node("n2", json!({})))));
    assert_eq!(drained(&mut bench), [false; 3]);
    bench.all(|| Input::Nodes(Change::Deleted(node("n3", json!({})))));
    assert_eq!(drained(&mut bench), [false, false, true]);
}

/// P-L2-44, P-L2-47
#[test]
fn where_a_node_may_announce_is_its_own_and_a_node_that_may_not_takes_part_everywhere() {
    let mut bench = Bench::started();
    let only = json!({"nodeSelectors": [{"matchLabels": {"edge": "yes"}}], "interfaces": ["eth1"]});
    bench.all(|| objects::<L2Advertisement>(Change::Applied(resource("L2Advertisement", "a", only.clone()))));
    bench.all(|| Input::Nodes(Change::Applied(node("n1", json!({"edge": "yes"})))));
    let places = |decider: &mut Decider| {
        let mut units = decider.decision().unwrap().wanted.units.clone().into_values();
        units.next().unwrap().addresses.iter().next().unwrap().1.clone()
    };
    assert_eq!(
        places(&mut bench.deciders[0]),
        Interfaces::Named(["eth1".to_owned()].into())
    );
    assert_eq!(places(&mut bench.deciders[1]), Interfaces::All);
}

/// P-L2-5, P-OBS-5
#[test]
fn without_an_endpoint_nobody_may_hold_the_address_and_the_reason_is_known() {
    let mut bench = Bench::started();
    bench.all(|| slices(Change::Applied(slice("web", &[]))));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
    assert_eq!(bench.prospect(), Layer2::Nobody(Reason::NoEndpoints));
    bench.all(|| slices(Change::Applied(slice("web", &["n1"]))));
    assert_eq!(bench.prospect(), alone("192.0.2.1"));
}

/// What the candidates of the Service's address weigh, of which all speakers say the same.
fn weights(bench: &mut Bench) -> BTreeMap<String, u32> {
    let said = |decider: &mut Decider| {
        let units = decider.decision().unwrap().wanted.units.clone();
        let candidates = units.into_values().next().unwrap().candidates;
        candidates
            .iter()
            .map(|(node, weight)| (node.0.clone(), *weight))
            .collect()
    };
    let mut said: BTreeSet<BTreeMap<String, u32>> = bench.deciders.iter_mut().map(said).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    said.pop_first().unwrap()
}

fn preferring(label: &str, weight: u32) -> Input {
    let preferred = json!([{"weight": weight, "preference": {"matchLabels": {label: "yes"}}}]);
    let object = resource(
        "L2Advertisement",
        "a",
        json!({"preferredNodeSelectors": preferred}),
    );
    objects::<L2Advertisement>(Change::Applied(object))
}

/// P-L2-21, P-L2-22, P-L2-24
#[test]
fn preferences_and_their_edits_reach_every_node_at_once() {
    let mut bench = Bench::started();
    bench.all(|| Input::Nodes(Change::Applied(node("n2", json!({"fast": "yes"})))));
    let of = |n2: u32| {
        [("n1", 0), ("n2", n2), ("n3", 0)]
            .map(|(node, weight)| (node.to_owned(), weight))
            .into()
    };
    assert_eq!(weights(&mut bench), of(0));
    bench.all(|| preferring("fast", 70));
    assert_eq!(weights(&mut bench), of(70));
    bench.all(|| preferring("near", 70));
    assert_eq!(weights(&mut bench), of(0), "no node matches");
    bench.all(|| preferring("fast", 30));
    assert_eq!(weights(&mut bench), of(30));
    bench.all(|| Input::Nodes(Change::Applied(node("n2", json!({})))));
    assert_eq!(weights(&mut bench), of(0));
}

/// P-L2-29
#[test]
fn a_preferred_node_without_a_local_endpoint_is_no_candidate() {
    let mut bench = Bench::started();
    bench.all(|| Input::Nodes(Change::Applied(node("n1", json!({"fast": "yes"})))));
    bench.all(|| preferring("fast", 70));
    let mut local = service("web", "192.0.2.1");
    local.spec.get_or_insert_default().external_traffic_policy = Some("Local".into());
    bench.all(|| services(Change::Applied(local.clone())));
    assert_eq!(weights(&mut bench), [("n2".to_owned(), 0)].into());
}

/// P-L2-38
#[test]
fn two_advertisements_of_one_service_make_one_unit_of_all_their_nodes() {
    let mut bench = Bench::started();
    for (name, rack) in [("a", "1"), ("b", "2")] {
        let from = json!({"nodeSelectors": [{"matchLabels": {"rack": rack}}]});
        bench.all(|| {
            objects::<L2Advertisement>(Change::Applied(resource("L2Advertisement", name, from.clone())))
        });
    }
    for (name, rack) in [("n1", "1"), ("n2", "2"), ("n3", "3")] {
        bench.all(|| Input::Nodes(Change::Applied(node(name, json!({"rack": rack})))));
    }
    assert_eq!(bench.may_hold("192.0.2.1"), ["n1", "n2"]);
    assert_eq!(bench.deciders[0].decision().unwrap().wanted.units.len(), 1);
}

/// P-L2-9, P-L2-19
#[test]
fn labels_and_selectors_take_effect_at_once() {
    let mut bench = Bench::started();
    let only_edge = json!({"nodeSelectors": [{"matchLabels": {"edge": "yes"}}]});
    bench.all(|| {
        objects::<L2Advertisement>(Change::Applied(resource(
            "L2Advertisement",
            "a",
            only_edge.clone(),
        )))
    });
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
    assert!(matches!(bench.prospect(), Layer2::Nobody(Reason::NoNode(_))));
    bench.all(|| Input::Nodes(Change::Applied(node("n3", json!({"edge": "yes"})))));
    assert_eq!(bench.may_hold("192.0.2.1"), ["n3"]);
    let excluded = json!({"edge": "yes", config::node::EXCLUDE_LABEL: ""});
    bench.all(|| Input::Nodes(Change::Applied(node("n3", excluded.clone()))));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
}

#[test]
fn a_service_that_loses_its_address_is_withdrawn() {
    let mut bench = Bench::started();
    let mut without = service("web", "192.0.2.1");
    without.status = None;
    bench.all(|| services(Change::Applied(without.clone())));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
    bench.all(|| services(Change::Applied(service("web", "192.0.2.1"))));
    assert_eq!(bench.may_hold("192.0.2.1"), NODES);
    bench.all(|| services(Change::Deleted(service("web", "192.0.2.1"))));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
}

#[test]
fn a_broken_edit_of_an_advertisement_leaves_its_last_good_form_in_force() {
    let mut bench = Bench::started();
    let broken = json!({"nodeSelectors": [{"matchExpressions": [{"key": "edge", "operator": "Is"}]}]});
    bench.all(|| {
        objects::<L2Advertisement>(Change::Applied(resource("L2Advertisement", "a", broken.clone())))
    });
    assert_eq!(bench.may_hold("192.0.2.1"), NODES);
}

/// What a reply to a request says is older than what a watch has shown since.
#[test]
fn a_slice_that_is_older_than_what_is_known_changes_nothing_though_it_is_gone_since() {
    let mut bench = Bench::started();
    let at_version = |version: &str, nodes: &[&str]| {
        let mut object = slice("web", nodes);
        object.metadata.resource_version = Some(version.into());
        object
    };
    bench.all(|| slices(Change::Applied(at_version("7", &["n1"]))));
    let before = bench.deciders[0].decision();
    bench.all(|| slices(Change::Applied(at_version("6", &[]))));
    assert_eq!(bench.deciders[0].decision(), before);
    bench.all(|| slices(Change::Deleted(at_version("9", &["n1"]))));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
    bench.all(|| slices(Change::Applied(at_version("8", &["n1"]))));
    assert_eq!(bench.may_hold("192.0.2.1"), [""; 0]);
}

/// P-CFG-41: an IPPool's status is written all the time.
#[test]
fn a_status_that_is_written_and_a_node_that_says_nothing_new_are_no_reason_to_decide() {
    let mut bench = Bench::started();
    let decider = &mut bench.deciders[0];
    assert!(decider.poll_decision().is_some());
    let mut pool: IPPool = resource("IPPool", "p", json!({"addresses": ["192.0.2.0/24"]}));
    pool.status.get_or_insert_default().assigned_ipv4 = 7;
    decider.handle_input(objects::<IPPool>(Change::Applied(pool.into())));
    decider.handle_input(Input::Nodes(Change::Applied(node("n2", json!({})))));
    assert_eq!(decider.poll_decision(), None);
    decider.handle_input(Input::Nodes(Change::Applied(node("n2", json!({"rack": "b"})))));
    assert!(decider.poll_decision().is_some());
}
