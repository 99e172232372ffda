use std::time::Duration;

use serde_json::{Value, json};

use super::*;

mod histories;
mod moving;
mod sharing;

/// The deciders of three nodes that see the same API server.
struct Bench {
    deciders: Vec<Decider>,
    now: Instant,
    version: u64,
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
    #[allow(
        clippy::disallowed_methods,
        reason = "the virtual clock of a test starts anywhere"
    )]
    fn new() -> Self {
        let classes = Classes {
            class: "heraldlb.io/herald".into(),
            require_class: false,
        };
        let decider = |name: &&str| Decider::new(NodeName((*name).into()), classes.clone(), false);
        Self {
            deciders: NODES.iter().map(decider).collect(),
            now: Instant::now(),
            version: 0,
        }
    }

    /// A pool, an advertisement, one Service with an endpoint on n2, and every speaker alive.
    fn started() -> Self {
        let mut bench = Self::new();
        bench.all(|| {
            Input::Nodes(Change::Listed(
                NODES.iter().map(|name| node(name, json!({}))).collect(),
            ))
        });
        bench.all(|| {
            Input::Pools(Change::Listed(vec![resource(
                "IPPool",
                "p",
                json!({"addresses": ["192.0.2.0/24"]}),
            )]))
        });
        bench.all(|| {
            Input::L2Advertisements(Change::Listed(vec![resource("L2Advertisement", "a", json!({}))]))
        });
        bench.all(|| Input::Services(Change::Listed(vec![service("web", "192.0.2.1")])));
        bench.all(|| Input::Slices(Change::Listed(vec![slice("web", &["n2"])])));
        bench.all(|| Input::Leases(Change::Listed(vec![])));
        bench.renew(1, &NODES);
        bench
    }

    fn all(&mut self, input: impl Fn() -> Input) {
        for decider in &mut self.deciders {
            decider.handle_input(self.now, input());
        }
    }

    fn one(&mut self, decider: usize, input: Input) {
        self.deciders[decider].handle_input(self.now, input);
    }

    fn renew(&mut self, seconds: u32, nodes: &[&str]) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.version += 1;
            for name in nodes {
                let lease = json!({
                    "metadata": {"name": name, "resourceVersion": self.version.to_string()},
                    "spec": {"holderIdentity": name},
                });
                self.all(|| Input::Leases(Change::Applied(read(lease.clone()))));
            }
        }
    }

    /// The nodes that hold anything.
    fn holders(&self) -> Vec<&str> {
        self.nodes(|decision| !decision.holdings.is_empty())
    }

    /// The nodes that hold this address.
    fn holders_of(&self, address: &str) -> Vec<String> {
        let ip: IpAddr = address.parse().unwrap();
        let nodes = self.nodes(|decision| decision.holdings.contains_key(&ip));
        nodes.into_iter().map(str::to_owned).collect()
    }

    fn nodes(&self, of: impl Fn(&Decision) -> bool) -> Vec<&str> {
        let deciders = self.deciders.iter();
        let chosen = deciders.filter(|decider| decider.decision().is_some_and(|decision| of(&decision)));
        chosen.map(|decider| decider.me.0.as_str()).collect()
    }

    /// What the nodes say of the Service `web`.
    fn verdict(&self) -> Verdict {
        self.verdict_on("web")
    }

    /// What the nodes say of a Service; exactly one has something to say.
    fn verdict_on(&self, name: &str) -> Verdict {
        let name = ServiceName::new("default", name);
        let said = |decider: &Decider| decider.decision()?.reports.get(&name).cloned();
        let mut verdicts: Vec<_> = self.deciders.iter().filter_map(said).collect();
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        verdicts.remove(0)
    }
}

/// P-L2-12, P-L2-32, P-CFG-45
#[test]
fn exactly_one_node_holds_an_address_and_none_before_it_knows_everything() {
    let bench = Bench::started();
    assert_eq!(bench.holders().len(), 1);
    let mut bench = Bench::new();
    bench.all(|| Input::Services(Change::Listed(vec![service("web", "192.0.2.1")])));
    bench.renew(3, &NODES);
    assert_eq!(bench.holders(), [""; 0]);
}

#[test]
fn another_node_takes_over_from_one_whose_speaker_is_gone() {
    let mut bench = Bench::started();
    let before = bench.holders()[0].to_owned();
    let survivors: Vec<&str> = NODES.into_iter().filter(|node| *node != before).collect();
    bench.renew(3, &survivors);
    let holders = bench.holders();
    assert!(holders.contains(&before.as_str()), "who is gone does not know it");
    let taken: Vec<_> = holders.iter().filter(|node| **node != before).collect();
    assert_eq!(taken.len(), 1, "{holders:?}");
}

/// F4: cut off from the API server alone, a node yields to the one that took over.
#[test]
fn a_node_that_the_others_cannot_see_yields_when_another_claims_its_address() {
    let mut bench = Bench::started();
    let before = bench.holders()[0].to_owned();
    bench.renew(0, &NODES);
    bench.now += Duration::from_secs(5);
    let now = bench.now;
    let ip: IpAddr = "192.0.2.1".parse().unwrap();
    let cut_off = bench
        .deciders
        .iter_mut()
        .find(|decider| decider.me.0 == before)
        .unwrap();
    cut_off.handle_input(now, Input::ForeignClaim(ip));
    assert_eq!(bench.holders(), [""; 0]);
    bench.renew(1, &NODES);
    assert_eq!(
        bench.holders(),
        [before],
        "back when its renewals come through again"
    );
}

#[test]
fn a_node_that_is_seen_by_the_others_does_not_yield_to_a_stranger() {
    let mut bench = Bench::started();
    let before = bench.holders()[0].to_owned();
    bench.all(|| Input::ForeignClaim("192.0.2.1".parse().unwrap()));
    assert_eq!(bench.holders(), [before]);
}

/// P-L2-5, P-OBS-5
#[test]
fn without_an_endpoint_nobody_holds_the_address_and_one_node_says_why() {
    let mut bench = Bench::started();
    bench.all(|| Input::Slices(Change::Applied(slice("web", &[]))));
    assert_eq!(bench.holders(), [""; 0]);
    assert_eq!(bench.verdict(), Verdict::Nobody(Reason::NoEndpoints));
    bench.all(|| Input::Slices(Change::Applied(slice("web", &["n1"]))));
    assert!(matches!(bench.verdict(), Verdict::Held(_)));
}

/// P-L2-9, P-L2-19
#[test]
fn labels_and_selectors_take_effect_at_once() {
    let mut bench = Bench::started();
    let only_edge = json!({"nodeSelectors": [{"matchLabels": {"edge": "yes"}}]});
    bench.all(|| {
        Input::L2Advertisements(Change::Applied(resource(
            "L2Advertisement",
            "a",
            only_edge.clone(),
        )))
    });
    assert_eq!(bench.holders(), [""; 0]);
    assert!(matches!(bench.verdict(), Verdict::Nobody(Reason::NoNode(_))));
    bench.all(|| Input::Nodes(Change::Applied(node("n3", json!({"edge": "yes"})))));
    assert_eq!(bench.holders(), ["n3"]);
    let excluded = json!({"edge": "yes", config::node::EXCLUDE_LABEL: ""});
    bench.all(|| Input::Nodes(Change::Applied(node("n3", excluded.clone()))));
    assert_eq!(bench.holders(), [""; 0]);
}

#[test]
fn a_service_that_loses_its_address_is_withdrawn() {
    let mut bench = Bench::started();
    let mut without = service("web", "192.0.2.1");
    without.status = None;
    bench.all(|| Input::Services(Change::Applied(without.clone())));
    assert_eq!(bench.holders(), [""; 0]);
    bench.all(|| Input::Services(Change::Applied(service("web", "192.0.2.1"))));
    assert_eq!(bench.holders().len(), 1);
    bench.all(|| Input::Services(Change::Deleted(service("web", "192.0.2.1"))));
    assert_eq!(bench.holders(), [""; 0]);
}

#[test]
fn a_broken_edit_of_an_advertisement_leaves_its_last_good_form_in_force() {
    let mut bench = Bench::started();
    let before = bench.holders()[0].to_owned();
    let broken = json!({"nodeSelectors": [{"matchExpressions": [{"key": "edge", "operator": "Is"}]}]});
    bench.all(|| Input::L2Advertisements(Change::Applied(resource("L2Advertisement", "a", broken.clone()))));
    assert_eq!(bench.holders(), [before]);
}
