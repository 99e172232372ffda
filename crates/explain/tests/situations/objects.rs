//! A cluster in which everything is well, to be changed.

use std::collections::BTreeMap;

use config::{Change, Configured, Store};
use crds::{BGPAdvertisement, BGPPeer, IPPool, IPReservation, L2Advertisement, Speaker, Stored};
use explain::{Cluster, Code, Installation, ServiceReport, Study};
use model::ServiceName;
use serde_json::{Value, json};

/// Objects by what they are, as JSON.
pub(crate) struct Objects {
    pub(crate) service: Value,
    pub(crate) others: Vec<Value>,
    pub(crate) nodes: Vec<Value>,
    pub(crate) slices: Vec<Value>,
    pub(crate) speakers: Vec<Value>,
    pub(crate) pools: Vec<Value>,
    pub(crate) l2_advertisements: Vec<Value>,
    pub(crate) bgp_advertisements: Vec<Value>,
    pub(crate) peers: Vec<Value>,
    pub(crate) reservations: Vec<Value>,
}

const AT: &str = "2026-12-01T07:00:00Z";

pub(crate) fn service(name: &str, address: Option<&str>) -> Value {
    let ingress: Vec<_> = address.into_iter().map(|ip| json!({"ip": ip})).collect();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": AT},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.7"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
        "status": {
            "loadBalancer": {"ingress": ingress},
            "conditions": [{
                "type": "heraldlb.io/Allocated", "status": "True", "reason": "Allocated", "message": "192.168.1.200 from IPPool lan",
                "lastTransitionTime": AT,
            }],
        },
    })
}

pub(crate) fn custom(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": kind,
        "metadata": {"name": name, "creationTimestamp": AT, "generation": 1}, "spec": spec,
    })
}

pub(crate) fn node(name: &str, ready: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {
            "addresses": [{"type": "InternalIP", "address": format!("192.168.1.1{}", &name[1..])}],
            "conditions": [{"type": "Ready", "status": ready, "reason": "", "message": "", "lastTransitionTime": AT, "lastHeartbeatTime": AT}],
        },
    })
}

fn slice(nodes: &[&str]) -> Value {
    let endpoint =
        |node| json!({"addresses": ["10.244.0.2"], "conditions": {"ready": true}, "nodeName": node});
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": nodes.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

pub(crate) fn speaker(name: &str, holds: bool) -> Value {
    let services: Vec<_> = holds
        .then(|| json!({"service": "shop/web", "role": "Holder", "since": AT, "reason": "Vacant"}))
        .into_iter()
        .collect();
    json!({
        "apiVersion": "heraldlb.io/v1beta1", "kind": "Speaker", "metadata": {"name": name}, "spec": {},
        "status": {
            "count": services.len(), "canForward": true, "layer2ServiceCount": services.len(), "layer2Services": services,
            "interfaces": [{"name": "eth0", "subnets": ["192.168.1.0/24"], "speakers": [{"state": "Ready", "count": 2}]}],
            "bgpServiceCount": 0,
            "conditions": [{"type": "Ready", "status": "True", "reason": "Speaking", "message": "", "lastTransitionTime": AT}],
        },
    })
}

impl Objects {
    /// Three nodes, a pool and an L2Advertisement of it, and a Service that n1 answers for.
    pub(crate) fn well() -> Self {
        Self {
            service: service("web", Some("192.168.1.200")),
            others: Vec::new(),
            nodes: ["n1", "n2", "n3"].map(|name| node(name, "True")).into(),
            slices: vec![slice(&["n1", "n2"])],
            speakers: vec![speaker("n1", true), speaker("n2", false), speaker("n3", false)],
            pools: vec![custom(
                "IPPool",
                "lan",
                json!({"addresses": ["192.168.1.200-192.168.1.201"]}),
            )],
            l2_advertisements: vec![custom("L2Advertisement", "lan", json!({"ipPools": ["lan"]}))],
            bgp_advertisements: Vec::new(),
            peers: Vec::new(),
            reservations: Vec::new(),
        }
    }

    /// The Service waits for an address.
    pub(crate) fn waiting() -> Self {
        Self {
            service: service("web", None),
            speakers: ["n1", "n2", "n3"].map(|name| speaker(name, false)).into(),
            ..Self::well()
        }
    }

    pub(crate) fn annotate(&mut self, name: &str, value: &str) {
        self.service["metadata"]["annotations"][name] = value.into();
    }

    /// Announced to a router by BGP instead of to the LAN, over a session of n1 in this state.
    pub(crate) fn routed(session: Value) -> Self {
        let mut objects = Self::well();
        objects.l2_advertisements.clear();
        objects.bgp_advertisements = vec![custom("BGPAdvertisement", "all", json!({}))];
        objects.peers = vec![custom(
            "BGPPeer",
            "tor",
            json!({"myASN": 64512, "peerASN": 64513, "peerAddress": "192.168.1.1"}),
        )];
        objects.speakers = vec![speaker("n1", false)];
        objects.speakers[0]["status"]["bgpSessions"] = json!([session]);
        objects
    }

    pub(crate) fn cluster(&self) -> Cluster {
        let mut objects = Store::new(config::Kind::ALL.iter().copied());
        list::<IPPool>(&mut objects, &self.pools);
        list::<L2Advertisement>(&mut objects, &self.l2_advertisements);
        list::<BGPAdvertisement>(&mut objects, &self.bgp_advertisements);
        list::<BGPPeer>(&mut objects, &self.peers);
        list::<IPReservation>(&mut objects, &self.reservations);
        list::<crds::BFDProfile>(&mut objects, &[]);
        list::<crds::Community>(&mut objects, &[]);
        let services = std::iter::once(&self.service).chain(&self.others);
        Cluster {
            services: services
                .map(|service| serde_json::from_value(service.clone()).unwrap())
                .collect(),
            namespaces: BTreeMap::new(),
            nodes: self
                .nodes
                .iter()
                .map(|node| serde_json::from_value(node.clone()).unwrap())
                .collect(),
            slices: self
                .slices
                .iter()
                .map(|slice| serde_json::from_value(slice.clone()).unwrap())
                .collect(),
            objects,
            speakers: self
                .speakers
                .iter()
                .map(|one| serde_json::from_value::<Speaker>(one.clone()).unwrap())
                .collect(),
        }
    }

    pub(crate) fn report(&self) -> ServiceReport {
        let (cluster, installation) = (self.cluster(), Installation::default());
        let study = Study::of(&cluster, &installation);
        study.service(&ServiceName::new("shop", "web")).unwrap()
    }

    /// The cause is of this code, its words have these in them, and the command to type next has that.
    #[track_caller]
    pub(crate) fn assert_cause(&self, code: Code, words: &str, command: &str) {
        let cause = self.report().cause.unwrap();
        let next = cause.next.clone().unwrap();
        assert_eq!(cause.code, code, "{cause:?}");
        assert!(cause.text.contains(words), "{cause:?}");
        assert!(next.command.contains(command), "{cause:?}");
    }
}

fn list<K: Configured>(store: &mut Store, objects: &[Value]) {
    let read = |object: &Value| serde_json::from_value::<Stored<K>>(object.clone()).unwrap();
    store.handle_update(Change::Listed(objects.iter().map(read).collect()).into());
}
