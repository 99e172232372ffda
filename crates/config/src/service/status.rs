//! The addresses in a Service's status.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service};

/// The addresses in a Service's status. Entries that are no addresses (a hostname, say) are not ours and are left out.
pub fn assigned(service: &Service) -> Vec<IpAddr> {
    ingress(service)
        .iter()
        .filter_map(|entry| entry.ip.as_ref()?.parse().ok())
        .collect()
}

/// Whether a Service's status shows these addresses, in any order, and nothing else: an entry with a hostname, without an
/// address or with an address that cannot be read is not Herald's and has to go (P-ALLOC-62).
pub fn shows_exactly(service: &Service, addresses: &[IpAddr]) -> bool {
    let entries = ingress(service);
    let shown: Option<Vec<IpAddr>> = entries.iter().map(address).collect();
    shown.is_some_and(|shown| {
        shown.len() == addresses.len()
            && shown.iter().all(|ip| addresses.contains(ip))
            && addresses.iter().all(|ip| shown.contains(ip))
    })
}

/// The entries that the status is to have for these addresses. What somebody set on the entry of an address stays: its
/// `ipMode` (`VIP` where there is none) and its `ports` (W-31).
pub fn desired_ingress(service: &Service, addresses: &[IpAddr]) -> Vec<LoadBalancerIngress> {
    let entry = |&ip: &IpAddr| {
        let mut entries = ingress(service).iter();
        let shown = entries.find(|entry| entry.ip.as_ref().and_then(|shown| shown.parse().ok()) == Some(ip));
        LoadBalancerIngress {
            ip: Some(ip.to_string()),
            ip_mode: shown
                .and_then(|entry| entry.ip_mode.clone())
                .or_else(|| Some("VIP".to_owned())),
            ports: shown.and_then(|entry| entry.ports.clone()),
            hostname: None,
        }
    };
    addresses.iter().map(entry).collect()
}

fn address(entry: &LoadBalancerIngress) -> Option<IpAddr> {
    let nameless = entry.hostname.as_ref().is_none_or(String::is_empty);
    entry.ip.as_ref().filter(|_| nameless)?.parse().ok()
}

fn ingress(service: &Service) -> &[LoadBalancerIngress] {
    let status = service.status.as_ref();
    let load_balancer = status.and_then(|status| status.load_balancer.as_ref());
    load_balancer
        .and_then(|load_balancer| load_balancer.ingress.as_deref())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn service(ingress: Value) -> Service {
        serde_json::from_value(json!({"status": {"loadBalancer": {"ingress": ingress}}})).unwrap()
    }

    fn shows(ingress: Value, addresses: &[&str]) -> bool {
        let addresses: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        shows_exactly(&service(ingress), &addresses)
    }

    #[test]
    fn only_addresses_of_the_status_count() {
        let object =
            service(json!([{"hostname": "lb.example"}, {"ip": "192.0.2.1", "ipMode": "VIP"}, {"ip": "x"}]));
        assert_eq!(assigned(&object), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(assigned(&Service::default()), [] as [IpAddr; 0]);
    }

    #[test]
    fn a_status_that_shows_the_addresses_in_whatever_form_and_order_has_not_to_be_written() {
        assert!(shows(json!([]), &[]) && shows_exactly(&Service::default(), &[]));
        let both = json!([{"ip": "2001:DB8:0::1", "ipMode": "VIP"}, {"ip": "192.0.2.1", "ipMode": "Proxy"}]);
        assert!(shows(both.clone(), &["192.0.2.1", "2001:db8::1"]));
        assert!(!shows(both.clone(), &["192.0.2.1"]) && !shows(both, &["192.0.2.1", "2001:db8::2"]));
        assert!(!shows(json!([]), &["192.0.2.1"]));
    }

    #[test]
    fn what_somebody_set_on_the_entry_of_an_address_stays() {
        let ports = json!([{"port": 80, "protocol": "TCP"}]);
        let object = service(json!([
            {"ip": "2001:DB8:0::1", "ipMode": "Proxy", "ports": ports}, {"ip": "192.0.2.9", "ipMode": "Proxy"},
            {"ip": "192.0.2.2", "hostname": "lb.example"},
        ]));
        let addresses = ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|address| address.parse().unwrap());
        assert_eq!(
            serde_json::to_value(desired_ingress(&object, &addresses)).unwrap(),
            json!([
                {"ip": "192.0.2.1", "ipMode": "VIP"},
                {"ip": "2001:db8::1", "ipMode": "Proxy", "ports": ports},
                {"ip": "192.0.2.2", "ipMode": "VIP"},
            ])
        );
    }

    /// P-ALLOC-62
    #[test]
    fn an_entry_that_is_no_address_of_ours_has_to_go() {
        let ours = json!({"ip": "192.0.2.1"});
        assert!(shows(json!([ours]), &["192.0.2.1"]));
        for foreign in [
            json!({"hostname": "lb.example"}),
            json!({"ip": "192.0.2"}),
            json!({"ip": ""}),
            json!({}),
            json!({"ip": "192.0.2.1"}),
            json!({"ip": "198.51.100.1"}),
        ] {
            assert!(!shows(json!([ours, foreign]), &["192.0.2.1"]), "{foreign}");
        }
        assert!(!shows(
            json!([{"ip": "192.0.2.1", "hostname": "lb.example"}]),
            &["192.0.2.1"]
        ));
        assert!(!shows(json!([{"hostname": "lb.example"}]), &[]));
    }
}
