//! What each product has, and what has to come of it: one file each, of what is said, what there is, and what comes out.

#![allow(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read is to fail its test"
)]

use std::collections::BTreeSet;
use std::path::Path;

use migrate::{Input, Options, Plan, Product, plan};
use serde_json::{Value, json};

/// A Service of type LoadBalancer, written shortly.
fn service(short: &Value, index: usize) -> Value {
    let (namespace, name) = short["S"].as_str().and_then(|name| name.split_once('/')).unwrap();
    let addresses = short["ip"].as_array().cloned().unwrap_or_default();
    let mut ingress: Vec<_> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
    ingress.extend(
        short["hostname"]
            .as_str()
            .map(|hostname| json!({"hostname": hostname})),
    );
    let ports: Vec<_> = short["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| {
            let (port, protocol) = port.as_str().unwrap().split_once('/').unwrap();
            json!({"port": port.parse::<u16>().unwrap(), "protocol": protocol})
        })
        .collect();
    let is_dual = short["families"] == 2;
    let (v4, v6) = (format!("10.96.0.{}", index + 1), format!("fd00::{index}"));
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": name, "namespace": namespace, "labels": short.get("labels"), "annotations": short.get("annotations"),
            "finalizers": short.get("finalizers"),
        },
        "spec": {
            "type": "LoadBalancer", "ports": ports, "loadBalancerClass": short.get("class"), "loadBalancerIP": short.get("loadBalancerIP"),
            "selector": {"app": name}, "clusterIPs": if is_dual { json!([v4, v6]) } else { json!([v4]) },
            "ipFamilies": if is_dual { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) },
            "ipFamilyPolicy": if is_dual { "PreferDualStack" } else { "SingleStack" },
        },
        "status": {"loadBalancer": {"ingress": ingress}},
    })
}

fn document(mut given: Value, api: &str, index: usize) -> Value {
    if given.get("S").is_some() {
        return service(&given, index);
    }
    if given.get("apiVersion").is_none() {
        let version = match given["kind"].as_str().unwrap() {
            "Node" | "Pod" | "ConfigMap" | "Secret" => "v1",
            "Deployment" | "DaemonSet" => "apps/v1",
            "Lease" => "coordination.k8s.io/v1",
            "Speaker" => "heraldlb.io/v1beta1",
            _ => api,
        };
        given["apiVersion"] = version.into();
    }
    given
}

fn options(given: &Value) -> Options {
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    Options {
        own_session: given["ownSession"] == true,
        new_addresses: text("newAddresses").map(|pool| {
            let (name, addresses) = pool.split_once('=').unwrap();
            (name.to_owned(), addresses.to_owned())
        }),
        twins: text("twin").into_iter().collect(),
        ..Options::default()
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

fn check(plan: &Plan, expected: &[Value]) {
    let kinds = |value: &Value| value.get("kind").is_some();
    let mut objects: Vec<_> = expected.iter().filter(|value| kinds(value)).cloned().collect();
    for object in &mut objects {
        object["apiVersion"] = "heraldlb.io/v1beta1".into();
    }
    for planned in &plan.objects {
        assert!(
            objects.contains(&planned.object),
            "not expected: {}\nbut {objects:#?}",
            planned.object
        );
        assert!(!planned.sources.is_empty());
    }
    assert_eq!(plan.objects.len(), objects.len(), "{:#?}", plan.objects);

    let services: Vec<_> = expected.iter().filter(|value| value.get("S").is_some()).collect();
    assert_eq!(services.len(), plan.services.len(), "every Service appears");
    for expected in services {
        let service = plan
            .services
            .iter()
            .find(|service| expected["S"] == service.service.as_str())
            .unwrap();
        assert_eq!(
            json!(service.add),
            expected.get("add").cloned().unwrap_or_else(|| json!({})),
            "{service:?}"
        );
        let removed: BTreeSet<_> = service.remove_annotations.iter().cloned().collect();
        assert_eq!(removed, texts(&expected["remove"]), "{service:?}");
        let labels: BTreeSet<_> = service.remove_labels.iter().cloned().collect();
        assert_eq!(labels, texts(&expected["labels"]), "{service:?}");
        let finalizers: BTreeSet<_> = service.remove_finalizers.iter().cloned().collect();
        assert_eq!(finalizers, texts(&expected["finalizers"]), "{service:?}");
        assert_eq!(json!(service.hint), expected["hint"], "{service:?}");
        let after: BTreeSet<_> = service.after.iter().map(ToString::to_string).collect();
        let before: BTreeSet<_> = service.before.iter().map(ToString::to_string).collect();
        let meant = if expected.get("after").is_some() {
            texts(&expected["after"])
        } else {
            before
        };
        assert_eq!(after, meant, "{service:?}");
        let twin = service.twin.as_ref().map(|twin| {
            format!(
                "{}/{}",
                twin["metadata"]["namespace"].as_str().unwrap(),
                twin["metadata"]["name"].as_str().unwrap()
            )
        });
        assert_eq!(json!(twin), expected["twin"], "{service:?}");
    }

    let one = |key: &str| {
        expected
            .iter()
            .find_map(|value| value.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let told: BTreeSet<_> = plan
        .remarks
        .iter()
        .map(|remark| {
            format!(
                "{} {} {}",
                remark.weight.word(),
                remark.code.word(),
                remark.object
            )
        })
        .collect();
    assert_eq!(told, texts(&one("report")), "{:#?}", plan.remarks);
    let secrets: BTreeSet<_> = plan.secrets.iter().map(|secret| secret.name.clone()).collect();
    assert_eq!(secrets, texts(&one("secrets")));
    let classes: BTreeSet<_> = plan.classes.iter().cloned().collect();
    assert_eq!(classes, texts(&one("classes")));
    assert_eq!(json!(plan.verdict), one("verdict"));
}

fn holds(name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.yaml"));
    let documents: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap();
    let [said, there, expected] = &documents[..] else {
        panic!("{} documents", documents.len());
    };
    let api = said["api"].as_str().unwrap_or_default();
    let there = there.as_array().unwrap().iter().enumerate();
    let there: Vec<_> = there
        .map(|(index, given)| document(given.clone(), api, index))
        .collect();
    let product: Product = said["from"].as_str().unwrap().parse().unwrap();
    let plan = plan(&Input::new(there), product, &options(&said["options"]));
    check(&plan, expected.as_array().unwrap());
    assert!(plan.steps.len() > 1 && plan.digest.starts_with("sha256:"));
}

macro_rules! fixtures {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                holds(stringify!($name));
            }
        )*

        #[test]
        fn every_file_is_a_test() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
            let files: BTreeSet<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            let tests: BTreeSet<_> = [$(concat!(stringify!($name), ".yaml").to_owned()),*].into_iter().collect();
            assert_eq!(files, tests);
        }
    };
}

fixtures! {
    metallb_layer2
    metallb_bgp
    metallb_sharing
    kube_vip_ranges
    kube_vip_control_plane
    purelb
    cilium_layer2
    cilium_bgp
    cilium_bgp_shared
    calico
    openelb
    loxilb
    servicelb_refused
    servicelb_twin
}
