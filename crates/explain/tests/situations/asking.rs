use explain::Code;
use serde_json::json;

use crate::objects::{Objects, custom, service};

#[test]
fn there_is_no_pool() {
    let mut objects = Objects::waiting();
    objects.pools.clear();
    objects.assert_cause(Code::NoPool, "there is no IPPool", "kubectl get ippools");
}

#[test]
fn the_pool_is_full() {
    let mut objects = Objects::waiting();
    objects.others = vec![
        service("a", Some("192.168.1.200")),
        service("b", Some("192.168.1.201")),
    ];
    objects.assert_cause(
        Code::PoolFull,
        "lan has no free IPv4 address left",
        "kubectl get ippools",
    );
}

#[test]
fn the_pool_is_for_another_namespace() {
    let mut objects = Objects::waiting();
    let spec = json!({"addresses": ["192.168.1.200-192.168.1.201"], "serviceAllocation": {"namespaces": ["team-a"]}});
    objects.pools = vec![custom("IPPool", "lan", spec)];
    objects.assert_cause(
        Code::NoPoolMatches,
        "is for other Services only",
        "kubectl get ippools",
    );
}

#[test]
fn the_pool_that_is_named_is_not_there() {
    let mut objects = Objects::waiting();
    objects.annotate("heraldlb.io/address-pool", "wan");
    objects.assert_cause(
        Code::UnknownPool,
        "IPPool wan does not exist",
        "kubectl get ippools",
    );
}

#[test]
fn the_address_is_another_service_s() {
    let mut objects = Objects::waiting();
    objects.others = vec![service("a", Some("192.168.1.200"))];
    objects.annotate("heraldlb.io/loadBalancerIPs", "192.168.1.200");
    objects.assert_cause(
        Code::AddressTaken,
        "is held by Service shop/a",
        "kubectl get service/a -n shop",
    );
}

#[test]
fn sharing_is_refused() {
    let mut objects = Objects::waiting();
    let mut other = service("a", Some("192.168.1.200"));
    other["metadata"]["annotations"] = json!({"heraldlb.io/allow-shared-ip": "theirs"});
    objects.others = vec![other];
    objects.annotate("heraldlb.io/loadBalancerIPs", "192.168.1.200");
    objects.annotate("heraldlb.io/allow-shared-ip", "ours");
    objects.assert_cause(
        Code::SharingRefused,
        "does not share it",
        "kubectl get service/a -n shop",
    );
}

#[test]
fn the_address_is_a_node_s() {
    let mut objects = Objects::waiting();
    objects.pools = vec![custom(
        "IPPool",
        "lan",
        json!({"addresses": ["192.168.1.10-192.168.1.20"]}),
    )];
    objects.annotate("heraldlb.io/loadBalancerIPs", "192.168.1.11");
    objects.assert_cause(
        Code::AddressOccupied,
        "192.168.1.11 is",
        "kubectl edit service/web -n shop",
    );
}

#[test]
fn the_request_is_wrong() {
    let mut objects = Objects::waiting();
    objects.annotate("heraldlb.io/loadBalancerIPs", "192.168.1.300");
    objects.assert_cause(
        Code::InvalidRequest,
        "is not an IP address",
        "kubectl edit service/web -n shop",
    );
}

#[test]
fn the_class_is_another_s() {
    let mut objects = Objects::waiting();
    objects.service["spec"]["loadBalancerClass"] = json!("metallb.io/metallb");
    objects.assert_cause(
        Code::ClassMismatch,
        "metallb.io/metallb",
        "kubectl get service/web -n shop",
    );
}

#[test]
fn the_service_opts_out() {
    let mut objects = Objects::waiting();
    objects.annotate("heraldlb.io/ignore", "true");
    objects.assert_cause(
        Code::Ignored,
        "opts out",
        "kubectl annotate service/web -n shop heraldlb.io/ignore-",
    );
}

#[test]
fn nobody_gives_what_could_be_given() {
    Objects::waiting().assert_cause(
        Code::ControllerSilent,
        "it could have 192.168.1.200",
        "kubectl get pods",
    );
}

#[test]
fn another_product_wrote_the_address() {
    let mut objects = Objects::well();
    objects.service["status"]["loadBalancer"]["ingress"] = json!([{"ip": "10.0.0.5"}]);
    let report = objects.report();
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code).collect();
    assert!(codes.contains(&Code::ForeignAddress), "{report:?}");
}

#[test]
fn another_program_insists() {
    let mut objects = Objects::well();
    objects.service["status"]["conditions"][0]["reason"] = json!("Contested");
    objects.service["status"]["conditions"][0]["message"] = json!("k3s-servicelb writes over the status");
    objects.assert_cause(Code::Contested, "k3s-servicelb", "--show-managed-fields");
}
