use serde_json::json;

use super::*;
use crate::endpoints::{endpoints, service_of};

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
            class: "heraldlb.io/herald".into(),
            require_class,
        },
    )
}

/// P-ALLOC-1, P-ALLOC-4, P-ALLOC-5
#[test]
fn type_and_class_decide_whose_a_service_is() {
    assert!(ours(None, false) && !ours(None, true));
    assert!(ours(Some("heraldlb.io/herald"), false) && ours(Some("heraldlb.io/herald"), true));
    assert!(!ours(Some("example.com/other"), false) && !ours(Some("example.com/other"), true));
    let classes = Classes {
        class: "heraldlb.io/herald".into(),
        require_class: false,
    };
    assert!(!is_ours(
        &service(json!({}), json!({"type": "ClusterIP"})),
        &classes
    ));
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
        "heraldlb.io/loadBalancerIPs: \"web.example\" is not an IP address"
    );
    assert_eq!(unreadable.reason(), "InvalidRequest");
}

#[test]
fn only_addresses_of_the_status_count() {
    let mut object = service(json!({}), json!({}));
    let ingress = json!({"loadBalancer": {"ingress": [{"hostname": "lb.example"}, {"ip": "192.0.2.1", "ipMode": "VIP"}]}});
    object.status = serde_json::from_value(ingress).unwrap();
    assert_eq!(assigned(&object), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
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
        ],
    });
    let slice = serde_json::from_value(slice).unwrap();
    assert_eq!(service_of(&slice), Some(ServiceName::new("default", "web")));
    let seen = endpoints([&slice]);
    let nodes: Vec<_> = seen.nodes.iter().map(ToString::to_string).collect();
    assert_eq!(nodes, ["draining", "ready", "unset"]);
    assert!(!seen.outside_nodes);
}
