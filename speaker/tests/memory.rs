//! What the speaker keeps of each Service, in octets. They are counted, so that it is the same on every machine; the process
//! itself is measured by `make bench-bgp` and `make bench-failover`.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::System;
use std::time::{Duration, Instant};

use api::watch::Change;
use config::Configured;
use config::endpoints::Slice;
use config::service::Classes;
use crds::{BFDProfile, BGPAdvertisement, BGPPeer, Community, IPPool, L2Advertisement, Stored};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use model::NodeName;
use serde_json::{Value, json};
use speaker::decide::decision::{Decider, Input, Seen, Settings};
use speaker::report::outbox::Outbox;
use speaker::report::scene::Scene;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ME: &str = "n1";
const COUNT: usize = 10_000;

/// The most that is kept of a Service which is announced in either way: ten thousand are to take less than twenty million, the
/// tables of the sessions and what an allocator loses included.
const MOST: usize = 1_400;

/// S10
#[test]
fn a_service_costs_little_memory_and_nothing_once_it_is_gone() {
    let mut decider = configured();
    let outbox = &mut Outbox::default();
    go_around(&mut decider, outbox);
    let empty = live();
    for number in 0..COUNT {
        decider.handle_input(Input::Slices(Change::Applied(slice(number))));
        decider.handle_input(Input::Services(Change::Applied(seen(number))));
    }
    go_around(&mut decider, outbox);
    let each = (live() - empty) / COUNT;
    assert!(each < MOST, "{each} octets of each Service");
    for number in 0..COUNT {
        decider.handle_input(Input::Services(Change::Deleted(seen(number))));
        decider.handle_input(Input::Slices(Change::Deleted(slice(number))));
    }
    go_around(&mut decider, outbox);
    let left = live().saturating_sub(empty);
    assert!(left < COUNT, "{left} octets of Services that are gone");
}

/// What the loop of the speaker does after a change, with all that is to be said said at once.
fn go_around(decider: &mut Decider, outbox: &mut Outbox) {
    let decision = decider.decision().unwrap();
    for change in decider.poll_shown() {
        outbox.handle_shown(start(), change);
    }
    let standings = Scene::new(NodeName(ME.into())).standings(&decision);
    outbox.handle_standings(start(), &standings);
    while outbox.poll_write(start() + Duration::from_secs(60)).is_some() {}
}

#[allow(clippy::disallowed_methods, reason = "no time passes in this test")]
fn start() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn objects<K: Configured>(change: Change<Stored<K>>) -> Input {
    Input::Objects(change.into())
}

fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Three nodes, a pool, and everything announced in both ways, to four routers.
fn configured() -> Decider {
    let mut decider = Decider::new(Settings {
        me: NodeName(ME.into()),
        ignore_exclude_label: false,
        drain_on_cordon: false,
        bgp_only: false,
    });
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let node = |name: &str| read(json!({"metadata": {"name": name}, "status": ready}));
    let peer = |number: u8| {
        let spec = json!({"myASN": 64512, "peerASN": 64600, "peerAddress": format!("192.0.2.{number}")});
        resource("BGPPeer", &format!("peer-{number}"), spec)
    };
    let pool = resource("IPPool", "p", json!({"addresses": ["198.18.0.0/15"]}));
    for input in [
        Input::Nodes(Change::Listed([ME, "n2", "n3"].map(node).into())),
        objects::<IPPool>(Change::Listed(vec![pool])),
        objects::<L2Advertisement>(Change::Listed(vec![resource("L2Advertisement", "a", json!({}))])),
        objects::<BGPAdvertisement>(Change::Listed(vec![resource("BGPAdvertisement", "a", json!({}))])),
        objects::<BGPPeer>(Change::Listed([1, 2, 3, 4].map(peer).into())),
        objects::<BFDProfile>(Change::Listed(vec![])),
        objects::<Community>(Change::Listed(vec![])),
        Input::Slices(Change::Listed(vec![])),
        Input::Services(Change::Listed(vec![])),
    ] {
        decider.handle_input(input);
    }
    decider
}

fn seen(number: usize) -> Seen {
    let classes = Classes {
        classes: vec!["heraldlb.io/herald".into()],
        require_class: false,
    };
    let address = format!("198.18.{}.{}", number / 250, number % 250);
    let object: Service = read(json!({
        "metadata": {
            "namespace": "shop", "name": format!("frontend-{number}"),
            "labels": {"app.kubernetes.io/name": "frontend", "app.kubernetes.io/instance": format!("frontend-{number}")},
        },
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }));
    Seen::of(&object, &classes)
}

fn slice(number: usize) -> Slice {
    let object: EndpointSlice = read(json!({
        "metadata": {
            "namespace": "shop", "name": format!("frontend-{number}-x7k2p"),
            "labels": {"kubernetes.io/service-name": format!("frontend-{number}")},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": ME}, {"addresses": ["10.0.1.1"], "nodeName": "n2"}],
    }));
    Slice::of(&object).unwrap()
}

fn resource<K: serde::de::DeserializeOwned>(kind: &str, name: &str, spec: Value) -> K {
    read(json!({"apiVersion": "heraldlb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec}))
}

fn read<K: serde::de::DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}
