use std::net::IpAddr;

use ipam::{Families, Joiners, Sharing};
use model::{Family, NodeName, Origins, PoolName};
use serde_json::json;

use super::*;
use crate::endpoints::Slice;

fn service(annotations: serde_json::Value, spec: serde_json::Value) -> Service {
    let object = json!({"metadata": {"namespace": "default", "name": "web", "annotations": annotations}, "spec": spec});
    serde_json::from_value(object).unwrap()
}

fn asks(annotations: serde_json::Value, spec: serde_json::Value) -> Result<Request, ServiceFault> {
    request(&service(annotations, spec), &Labels::new())
}

fn ours(class: Option<&str>, require_class: bool) -> bool {
    let spec = json!({"type": "LoadBalancer", "loadBalancerClass": class});
    is_ours(
        &service(json!({}), spec),
        &Classes {
            classes: vec!["heraldlb.io/herald".into(), "metallb.io/lb".into()],
            require_class,
        },
    )
}

/// P-ALLOC-1, P-ALLOC-4, P-ALLOC-5
#[test]
fn type_and_class_decide_whose_a_service_is() {
    assert!(ours(None, false) && !ours(None, true));
    assert!(ours(Some("heraldlb.io/herald"), false) && ours(Some("heraldlb.io/herald"), true));
    assert!(ours(Some("metallb.io/lb"), true), "a list of classes is served");
    assert!(!ours(Some("example.com/other"), false) && !ours(Some("example.com/other"), true));
    let classes = Classes {
        classes: vec!["heraldlb.io/herald".into()],
        require_class: false,
    };
    assert!(!is_ours(
        &service(json!({}), json!({"type": "ClusterIP"})),
        &classes
    ));
}

#[test]
fn a_service_opts_out_with_the_word_true_and_a_wrong_word_is_a_fault() {
    let classes = Classes {
        classes: vec!["heraldlb.io/herald".into()],
        require_class: false,
    };
    let with = |value: &str, kind: &str| {
        let spec = json!({"type": kind, "clusterIPs": ["10.0.0.1"]});
        service(json!({IGNORE: value}), spec)
    };
    let serves = |value, kind| serving(&with(value, kind), &classes);
    assert_eq!(serves("true", "LoadBalancer"), Serving::Ignored);
    assert_eq!(serves("false", "LoadBalancer"), Serving::Ours);
    assert_eq!(serves("true", "ClusterIP"), Serving::NotOurs);
    assert!(!is_ours(&with("true", "LoadBalancer"), &classes));
    assert_eq!(serves("yes", "LoadBalancer"), Serving::Ours);
    let fault = request(&with("yes", "LoadBalancer"), &Labels::new()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "heraldlb.io/ignore: \"yes\" is neither \"true\" nor \"false\": write one of them, or remove the annotation"
    );
}

/// P-ALLOC-7, P-ALLOC-63, P-ALLOC-67, P-ALLOC-68
#[test]
fn families_follow_the_cluster_ips() {
    let families = |policy: &str, ips: &[&str]| {
        asks(json!({}), json!({"ipFamilyPolicy": policy, "clusterIPs": ips})).map(|request| request.families)
    };
    assert_eq!(
        families("SingleStack", &["10.0.0.1"]),
        Ok(Families::One(Family::V4))
    );
    assert_eq!(
        families("PreferDualStack", &["fd00::1"]),
        Ok(Families::One(Family::V6))
    );
    assert_eq!(
        families("PreferDualStack", &["fd00::1", "10.0.0.1"]),
        Ok(Families::Prefer(Family::V6))
    );
    assert_eq!(
        families("RequireDualStack", &["10.0.0.1", "fd00::1"]),
        Ok(Families::Both)
    );
    assert_eq!(
        families("RequireDualStack", &["10.0.0.1"]),
        Err(ServiceFault::NotDualStack(1))
    );
    assert_eq!(
        families("RequireDualStack", &["10.0.0.1", "10.0.0.2"]),
        Err(ServiceFault::NotDualStack(1))
    );
    assert_eq!(
        families("PreferDualStack", &["10.0.0.1", "ten"]),
        Err(ServiceFault::ClusterIp("ten".into()))
    );
    assert_eq!(families("SingleStack", &["None"]), Err(ServiceFault::NoClusterIp));
    assert_eq!(families("SingleStack", &[]), Err(ServiceFault::NoClusterIp));
    assert_eq!(
        families("SingleStack", &["ten"]),
        Err(ServiceFault::ClusterIp("ten".into()))
    );
}

/// P-ALLOC-36, P-ALLOC-37, P-ALLOC-38
#[test]
fn addresses_are_read_from_the_annotation_or_the_field_but_not_from_both() {
    let wanted = |list: Option<&str>, field: Option<&str>| {
        let annotations = list.map_or_else(|| json!({}), |list| json!({LOAD_BALANCER_IPS: list}));
        asks(
            annotations,
            json!({"clusterIPs": ["10.0.0.1"], "loadBalancerIP": field}),
        )
        .map(|request| request.addresses)
    };
    let ip = |address: &str| address.parse::<IpAddr>().unwrap();
    assert_eq!(wanted(None, None), Ok(vec![]));
    assert_eq!(
        wanted(Some("192.0.2.1, 2001:db8::1"), None),
        Ok(vec![ip("192.0.2.1"), ip("2001:db8::1")])
    );
    assert_eq!(wanted(None, Some("192.0.2.1")), Ok(vec![ip("192.0.2.1")]));
    assert_eq!(
        wanted(Some("192.0.2.1"), Some("192.0.2.1")),
        Err(ServiceFault::TwoRequests)
    );
    assert_eq!(
        wanted(Some("192.0.2.1,192.0.2.2"), None),
        Err(ServiceFault::TwoOfOneFamily {
            first: ip("192.0.2.1"),
            second: ip("192.0.2.2")
        })
    );
    let unreadable = wanted(Some("web.example"), None).unwrap_err();
    assert_eq!(
        unreadable.to_string(),
        "heraldlb.io/loadBalancerIPs: \"web.example\" is not an IP address: write one such as 192.0.2.10 or 2001:db8::10"
    );
    assert_eq!(unreadable.reason(), "InvalidRequest");
}

#[test]
fn pools_are_named_by_names_that_a_pool_can_have_in_order_and_once() {
    let pools = |names: &str| {
        let asked = asks(json!({ADDRESS_POOL: names}), json!({"clusterIPs": ["10.0.0.1"]}));
        asked.map(|request| request.pools.into_iter().map(|pool| pool.0).collect::<Vec<_>>())
    };
    assert_eq!(pools(" lan.v4 "), Ok(vec!["lan.v4".into()]));
    assert_eq!(pools("v6, v4,v6"), Ok(vec!["v6".into(), "v4".into()]));
    for (written, wrong) in [
        ("", ""),
        (" ", ""),
        ("My Pool", "My Pool"),
        ("lan/v4", "lan/v4"),
        ("v4,", ""),
    ] {
        let fault = pools(written).unwrap_err();
        assert_eq!(fault.reason(), "InvalidRequest");
        assert_eq!(
            fault.to_string(),
            format!(
                "heraldlb.io/address-pool: {wrong:?} cannot be the name of an IPPool: write the name that \"kubectl get \
                 ippools.heraldlb.io\" shows, or several with commas between them, or remove the annotation"
            )
        );
    }
}

fn ports(ports: serde_json::Value) -> Vec<String> {
    let shared = sharing(&service(
        json!({ALLOW_SHARED_IP: "shop"}),
        json!({"ports": ports}),
    ));
    shared.ports.iter().map(ToString::to_string).collect()
}

/// P-ALLOC-44
#[test]
fn key_and_ports_decide_about_sharing() {
    let key = |value: &str| sharing(&service(json!({ALLOW_SHARED_IP: value}), json!({}))).key;
    assert_eq!(key(" shop "), Some("shop".into()));
    assert_eq!((key(""), key(" ")), (None, None));
    assert_eq!(sharing(&Service::default()), Sharing::default());
    let both = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 80}]);
    assert_eq!(ports(both), ["TCP port 53", "TCP port 80", "UDP port 53"]);
    assert_eq!(
        ports(json!([{"port": 132, "protocol": "SCTP"}])),
        ["SCTP port 132"]
    );
    assert_eq!(ports(json!([])), [""; 0]);
    let without_key = service(
        json!({}),
        json!({"ports": [{"port": 80}], "externalTrafficPolicy": "Local"}),
    );
    assert_eq!(sharing(&without_key), Sharing::default());
}

#[test]
fn who_may_join_from_other_namespaces_is_named_or_everybody() {
    let joiners = |from: &str| {
        sharing(&service(
            json!({ALLOW_SHARED_IP: "shop", ALLOW_SHARED_IP_FROM: from}),
            json!({}),
        ))
        .joiners
    };
    let named = |names: &[&str]| Joiners::Namespaces(names.iter().map(ToString::to_string).collect());
    assert_eq!(joiners(" a, b,,a"), named(&["a", "b"]));
    assert_eq!((joiners("*"), joiners("a,*")), (Joiners::Any, Joiners::Any));
    assert_eq!(joiners(""), named(&[]));
    assert_eq!(
        sharing(&service(json!({ALLOW_SHARED_IP: "shop"}), json!({}))).joiners,
        named(&[])
    );
}

/// P-ALLOC-45
#[test]
fn the_selector_counts_only_where_traffic_goes_to_nodes_with_a_pod() {
    let backend = |policy: Option<&str>, selector: serde_json::Value| {
        let spec = json!({"externalTrafficPolicy": policy, "selector": selector});
        sharing(&service(json!({ALLOW_SHARED_IP: "shop"}), spec)).backend
    };
    let web = Labels::from([("app".to_owned(), "web".to_owned())]);
    assert_eq!(backend(None, json!({"app": "web"})), None);
    assert_eq!(backend(Some("Cluster"), json!({"app": "web"})), None);
    assert_eq!(backend(Some("Local"), json!({"app": "web"})), Some(web));
    assert_eq!(backend(Some("Local"), json!(null)), Some(Labels::new()));
}

#[test]
fn a_sharing_key_that_is_too_long_is_a_fault_but_goes_on_sharing_nothing_else() {
    let with = |key: &str| {
        let object = service(json!({ALLOW_SHARED_IP: key}), json!({"clusterIPs": ["10.0.0.1"]}));
        (request(&object, &Labels::new()), sharing(&object))
    };
    let longest = "k".repeat(253);
    let (asked, shared) = with(&longest);
    assert_eq!(shared.key.as_deref(), Some(longest.as_str()));
    assert_eq!(asked.unwrap().sharing, shared);
    let (asked, shared) = with(&"ä".repeat(127));
    let fault = asked.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "heraldlb.io/allow-shared-ip: the key has 254 bytes: write at most 253"
    );
    assert_eq!(fault.reason(), "InvalidRequest");
    assert_eq!(shared.key.map(|key| key.len()), Some(254));
}

#[test]
fn a_reservation_is_one_of_the_services_own_namespace() {
    let reservation = |name: &str| {
        let asked = asks(json!({RESERVE: name}), json!({"clusterIPs": ["10.0.0.1"]}));
        asked.map(|request| request.reservation)
    };
    assert_eq!(
        reservation("web.v2"),
        Ok(Some(ReservationName::new("default", "web.v2")))
    );
    for wrong in ["", "shop/web", "Web", "web."] {
        let fault = reservation(wrong).unwrap_err();
        assert_eq!(fault, ServiceFault::ReservationName(wrong.into()));
        assert_eq!(fault.reason(), "InvalidRequest");
    }
    assert_eq!(
        reservation("a b").unwrap_err().to_string(),
        "heraldlb.io/reserve: \"a b\" cannot be the name of an IPReservation: write lower case letters, digits, \"-\" and \
         \".\", with a letter or a digit at both ends, or remove the annotation"
    );
}

#[test]
fn a_service_may_be_reallocated_only_when_it_says_true() {
    let reallocate = |value: &str| {
        let asked = asks(json!({REALLOCATE: value}), json!({"clusterIPs": ["10.0.0.1"]}));
        asked.map(|request| request.reallocate)
    };
    assert_eq!((reallocate("true"), reallocate(" false")), (Ok(true), Ok(false)));
    let fault = reallocate("yes").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "heraldlb.io/reallocate: \"yes\" is neither \"true\" nor \"false\": write one of them, or remove the annotation"
    );
    assert_eq!(fault.reason(), "InvalidRequest");
    let silent = asks(json!({}), json!({"clusterIPs": ["10.0.0.1"]})).unwrap();
    assert!(!silent.reallocate && silent.reservation.is_none() && silent.pools.is_empty());
}

#[test]
fn the_pools_that_a_service_records_are_told_to_those_who_announce_it() {
    let spec = json!({"externalTrafficPolicy": "Local", "healthCheckNodePort": 30123});
    let mut object = service(json!({}), spec);
    let addresses = ["192.0.2.1".parse().unwrap()];
    let origins = Origins::from_iter([(addresses[0], PoolName("lan".into()))]);
    object.status = serde_json::from_value(json!({
        "loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]},
        "conditions": [{
            "type": "heraldlb.io/Allocated", "status": "True", "reason": "Allocated",
            "message": from_pools(&addresses, &origins),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }))
    .unwrap();
    let announced = announced(&object);
    assert_eq!(announced.origins, origins);
    assert_eq!(announced.addresses, addresses);
    assert_eq!(announced.traffic_policy, TrafficPolicy::Local);
    assert_eq!(announced.health_check_port, Some(30123));
}

/// P-L2-6, P-L2-7
#[test]
fn an_endpoint_counts_when_it_is_ready_or_still_serves() {
    let slice = json!({
        "metadata": {"namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.0.0.1"], "nodeName": "ready", "conditions": {"ready": true}},
            {"addresses": ["10.0.0.2"], "nodeName": "unset"},
            {"addresses": ["10.0.0.3"], "nodeName": "draining", "conditions": {"ready": false, "serving": true}},
            {"addresses": ["10.0.0.4"], "nodeName": "failed", "conditions": {"ready": false, "serving": false}},
            {"addresses": ["10.0.0.5"], "nodeName": "ready"},
            {"addresses": ["10.0.0.6"], "nodeName": "ready",
                "conditions": {"ready": false, "serving": true, "terminating": true}},
            // Of a Service that publishes addresses that are not ready.
            {"addresses": ["10.0.0.7"], "nodeName": "unset",
                "conditions": {"ready": true, "serving": true, "terminating": true}},
        ],
    });
    let slice = serde_json::from_value(slice).unwrap();
    let slice = Slice::of(&slice).unwrap();
    assert_eq!(slice.service, ServiceName::new("default", "web"));
    let seen = slice.endpoints;
    let nodes = ["draining", "failed", "ready", "unset"].map(|node| NodeName(node.to_owned()));
    assert_eq!(nodes.each_ref().map(|node| seen.on(node)), [1, 0, 3, 2]);
    assert_eq!(nodes.each_ref().map(|node| seen.staying_on(node)), [1, 0, 2, 2]);
    assert!(!seen.outside_nodes);
}
