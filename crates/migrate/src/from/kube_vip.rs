//! kube-vip and its cloud provider: a ConfigMap of ranges, and the environment of its pods.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::addresses::{Entry, ends, single};
use crate::draft::Draft;
use crate::plan::SecretSource;
use crate::remark::Code;
use crate::selector::namespaces_but;
use crate::services::{Asked, addresses, annotation, class, finalizers, labels, present};
use crate::source::spec;

const CLASS: &str = "kube-vip.io/kube-vip-class";
const WORD: &str = "kube-vip";
const OUTPUTS: &[&str] = &["kube-vip.io/vipHost"];
/// The cloud provider leaves it on Services; with nobody to take it off, they are never deleted.
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// What it does besides announcing an address.
const EXTRAS: &[&str] = &[
    "kube-vip.io/loadbalancerHostname",
    "kube-vip.io/hwaddr",
    "kube-vip.io/requestedIP",
    "kube-vip.io/ddns",
    "kube-vip.io/serviceVLAN",
    "kube-vip.io/upnp",
    "kube-vip.io/forwardUPNP",
    "kube-vip.io/wireguard",
    "kube-vip.io/macvlan",
];

/// Ranges under one or several namespaces; `global` is one, too.
#[derive(Debug, Default)]
struct Ranges {
    namespaces: BTreeSet<String>,
    texts: Vec<String>,
    interface: Option<String>,
}

pub(super) fn read(draft: &mut Draft<'_>) {
    control_plane(draft);
    let with_bgp = setting(draft, "bgp_enable").as_deref() == Some("true");
    draft.announced.bgp = with_bgp;
    draft.announced.layer2 = !with_bgp;
    let config = config_map(draft);
    let shared = pools(draft, &config);
    services(draft, &shared);
    advertise(draft, &config);
    if with_bgp {
        peers(draft);
    }
}

fn setting(draft: &Draft<'_>, name: &str) -> Option<String> {
    draft.input.setting(WORD, name)
}

fn config_map(draft: &Draft<'_>) -> BTreeMap<String, String> {
    let name = setting(draft, "KUBEVIP_CONFIG_MAP").unwrap_or_else(|| "kubevip".to_owned());
    let Some(map) = draft.input.one("", "ConfigMap", &name) else {
        return BTreeMap::new();
    };
    let data = map.object["data"].as_object().into_iter().flatten();
    data.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// The address of the API server stays where it is.
fn control_plane(draft: &mut Draft<'_>) {
    if setting(draft, "cp_enable").as_deref() != Some("true") {
        return;
    }
    let address = setting(draft, "address").unwrap_or_else(|| "the address of the API server".to_owned());
    if setting(draft, "svc_enable").as_deref() == Some("true") {
        let text = format!(
            "its pods also hold {address} of the API server: set svc_enable to \"false\" in the static pods, by hand on each control plane node, and keep them; the address belongs into exclude of the pool that has it"
        );
        draft.say(Code::ControlPlaneAddress, WORD, text);
    }
}

/// Makes the pools; the namespaces in which addresses are shared.
fn pools(draft: &mut Draft<'_>, config: &BTreeMap<String, String>) -> BTreeSet<String> {
    let shared = config
        .iter()
        .filter(|(_, value)| *value == "true")
        .filter_map(|(key, _)| key.strip_prefix("allow-share-"));
    let shared = shared.map(str::to_owned).collect();
    if config.contains_key("search-order") {
        draft.say(
            Code::NotCarriedOver,
            "ConfigMap/kubevip search-order",
            "Herald gives the lowest free address",
        );
    }
    let ranges = by_ranges(config);
    let named: BTreeSet<String> = ranges
        .values()
        .flat_map(|ranges| ranges.namespaces.clone())
        .filter(|name| name != "global")
        .collect();
    let skips_ends = config
        .get("skip-end-ips-in-cidr")
        .is_some_and(|value| value == "true");
    for ranges in ranges.into_values() {
        let names: Vec<_> = ranges.namespaces.iter().cloned().collect();
        let name = draft.name("IPPool", &format!("kubevip-{}", names.join("-")));
        let exclude = match skips_ends {
            true => ranges.texts.iter().flat_map(|text| ends(text)).collect(),
            false => Vec::new(),
        };
        let entries = draft.entries("ConfigMap/kubevip", &ranges.texts);
        let mut fields = json!({"avoidBuggyIPs": true});
        if !ranges.namespaces.contains("global") {
            fields["serviceAllocation"] = json!({"namespaces": names});
        } else if let Some(falling) = falls_through(draft, &entries, &named) {
            let text = format!(
                "Service {falling} has an address of the global ranges though its namespace has its own: Services of such namespaces may get global addresses"
            );
            draft.say(Code::FallThrough, format!("IPPool/{name}"), text);
        } else if !named.is_empty() {
            let fence = namespaces_but(named.iter().map(String::as_str));
            fields["serviceAllocation"] = json!({"namespaceSelectors": [fence]});
        }
        draft.pool(&name, entries, exclude, fields, "ConfigMap/kubevip");
    }
    shared
}

/// The ranges of each key, those that are equal once, by what they are.
fn by_ranges(config: &BTreeMap<String, String>) -> BTreeMap<String, Ranges> {
    let mut by_ranges = BTreeMap::<String, Ranges>::new();
    for (key, value) in config {
        let (namespace, hidden) = match (key.strip_prefix("cidr-"), key.strip_prefix("range-")) {
            (Some(namespace), _) => (namespace, false),
            (None, Some(namespace)) => (namespace, config.contains_key(&format!("cidr-{namespace}"))),
            (None, None) => continue,
        };
        let texts: Vec<_> = value
            .split(',')
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty() && !text.starts_with("0.0.0.0"))
            .collect();
        if hidden || texts.is_empty() {
            continue;
        }
        let interface = config.get(&format!("interface-{namespace}")).cloned();
        let word = format!("{} {interface:?}", texts.join(","));
        let ranges = by_ranges.entry(word).or_default();
        ranges.namespaces.insert(namespace.to_owned());
        (ranges.texts, ranges.interface) = (texts, interface);
    }
    // Pools in the order of their names.
    by_ranges
        .into_values()
        .map(|ranges| {
            (
                ranges.namespaces.iter().cloned().collect::<Vec<_>>().join("-"),
                ranges,
            )
        })
        .collect()
}

/// A Service of a namespace with ranges of its own that has a global address.
fn falls_through(draft: &Draft<'_>, global: &[Entry], named: &BTreeSet<String>) -> Option<String> {
    let mut services = draft.input.services().iter().filter(|service| {
        service
            .metadata
            .namespace
            .as_ref()
            .is_some_and(|namespace| named.contains(namespace))
    });
    let falling = services.find(|service| {
        let held = config::service::assigned(service);
        held.iter()
            .any(|address| global.iter().any(|entry| entry.range.contains(*address)))
    })?;
    Some(config::service::name(falling).to_string())
}

fn services(draft: &mut Draft<'_>, shared: &BTreeSet<String>) {
    let class_only = setting(draft, "lb_class_only").as_deref() == Some("true");
    let mut outside: Vec<std::net::IpAddr> = Vec::new();
    for service in draft.input.services() {
        let is_theirs = match class(service) {
            None => !class_only,
            Some(class) => class == CLASS,
        };
        let name = config::service::name(service).to_string();
        if !is_theirs {
            continue;
        }
        if annotation(service, &["kube-vip.io/ignore"]) == Some("true") {
            continue;
        }
        if class(service).is_some() {
            draft.classes.insert(CLASS.to_owned());
        }
        let mut asked = asked(draft, service, &name, shared);
        for address in config::service::assigned(service) {
            if draft.pool_of(address).is_none() && !outside.contains(&address) && !asked.new_address {
                outside.push(address);
            }
        }
        if asked.addresses.iter().any(std::net::IpAddr::is_unspecified) {
            let text = "its address comes from a DHCP server: choose a fixed one that the server does not give out, or leave the Service out";
            draft.say(Code::DhcpAddress, &name, text);
            asked.new_address = true;
            outside.retain(|address| !config::service::assigned(service).contains(address));
        }
        draft.serves(service, asked);
    }
    if !outside.is_empty() {
        let name = draft.name("IPPool", "kubevip-static");
        let entries = outside.into_iter().map(single).collect();
        draft.pool(
            &name,
            entries,
            Vec::new(),
            json!({"autoAssign": false}),
            "addresses that Services ask for outside of all ranges",
        );
    }
}

fn asked(draft: &mut Draft<'_>, service: &Service, name: &str, shared: &BTreeSet<String>) -> Asked {
    for extra in present(service, EXTRAS) {
        draft.say(
            Code::Datapath,
            format!("{name} {extra}"),
            "Herald has nothing of the kind",
        );
    }
    if annotation(service, &["kube-vip.io/egress"]) == Some("true") {
        draft.say(
            Code::EgressLost,
            name,
            "connections of its pods leave with its address; Herald does not do that",
        );
    }
    if annotation(service, &["kube-vip.io/serviceInterface"]).is_some() {
        let text = "an L2Advertisement with interfaces and serviceSelectors does it: give the Service a label, and add that advertisement";
        draft.say(Code::NeedsLabel, name, text);
    }
    let requested = annotation(service, &["kube-vip.io/loadbalancerIPs"])
        .map(addresses)
        .unwrap_or_default();
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    Asked {
        clear_load_balancer_ip: requested.len() > 1,
        addresses: requested,
        shares_without_key: shared.contains(&namespace) || shares(draft, service),
        outputs: present(service, OUTPUTS),
        labels: labels(service, &["implementation"]),
        finalizers: finalizers(service, &[FINALIZER]),
        hint: annotation(service, OUTPUTS).map(str::to_owned),
        ..Asked::default()
    }
}

/// Whether another Service has an address of this one.
fn shares(draft: &Draft<'_>, service: &Service) -> bool {
    let held = config::service::assigned(service);
    let mut others = draft
        .input
        .services()
        .iter()
        .filter(|other| config::service::name(other) != config::service::name(service));
    others.any(|other| {
        config::service::assigned(other)
            .iter()
            .any(|address| held.contains(address))
    })
}

fn advertise(draft: &mut Draft<'_>, config: &BTreeMap<String, String>) {
    let pools: Vec<_> = draft.pools.iter().map(|pool| pool.name.clone()).collect();
    if pools.is_empty() {
        return;
    }
    if draft.announced.bgp {
        let name = draft.name("BGPAdvertisement", "kubevip");
        draft.object("BGPAdvertisement", &name, json!({"ipPools": pools}), "bgp_enable");
        return;
    }
    let interfaces: BTreeMap<String, String> = by_ranges(config)
        .into_iter()
        .filter_map(|(names, ranges)| Some((format!("kubevip-{names}"), ranges.interface?)))
        .collect();
    let common: Vec<_> = pools
        .iter()
        .filter(|pool| !interfaces.contains_key(*pool))
        .collect();
    if !common.is_empty() {
        let name = draft.name("L2Advertisement", "kubevip");
        draft.object(
            "L2Advertisement",
            &name,
            json!({"ipPools": common}),
            "ConfigMap/kubevip",
        );
    }
    for (pool, interface) in interfaces {
        let name = draft.name("L2Advertisement", &pool);
        draft.object(
            "L2Advertisement",
            &name,
            json!({"ipPools": [pool], "interfaces": [interface]}),
            "ConfigMap/kubevip interface-…",
        );
    }
}

/// A router in `bgp_peers`: `address:AS:password:multihop`, and more that is not used.
#[derive(Debug, Default, PartialEq, Eq)]
struct Router {
    address: String,
    interface: Option<String>,
    asn: String,
    has_password: bool,
    multi_hop: bool,
}

fn peers(draft: &mut Draft<'_>) {
    let my_asn = setting(draft, "bgp_as")
        .and_then(|text| text.parse::<u32>().ok())
        .unwrap_or(65000);
    let several = setting(draft, "bgp_peers")
        .map(|text| routers(&text))
        .unwrap_or_default();
    let one = setting(draft, "bgp_peeraddress")
        .filter(|address| !address.is_empty())
        .map(|address| Router {
            address,
            interface: None,
            asn: setting(draft, "bgp_peeras").unwrap_or_else(|| "65000".to_owned()),
            has_password: setting(draft, "bgp_peerpass").is_some_and(|password| !password.is_empty()),
            multi_hop: setting(draft, "bgp_multihop").as_deref() == Some("true"),
        });
    let time = |draft: &Draft<'_>, name: &str, default: &str| {
        setting(draft, name).map_or_else(|| default.to_owned(), |seconds| format!("{seconds}s"))
    };
    let (hold, keepalive) = (
        time(draft, "bgp_hold_time", "30s"),
        time(draft, "bgp_keepalive_interval", "10s"),
    );
    for router in several.into_iter().chain(one) {
        let word = router.interface.as_deref().unwrap_or(&router.address);
        let name = draft.name("BGPPeer", &format!("kubevip-{word}"));
        let place = SecretSource::Field {
            object: "env of kube-vip's pods".to_owned(),
            path: format!("password of {word}"),
        };
        let secret = router
            .has_password
            .then(|| draft.secret(&format!("{name}-password"), place));
        let fields = spec([
            ("myASN", Some(my_asn.into())),
            ("peerASN", router.asn.parse::<u32>().ok().map(Value::from)),
            (
                "peerAddress",
                router.interface.is_none().then(|| router.address.clone().into()),
            ),
            ("interface", router.interface.clone().map(Value::from)),
            ("holdTime", Some(hold.clone().into())),
            ("keepaliveTime", Some(keepalive.clone().into())),
            ("ebgpMultiHop", router.multi_hop.then(|| true.into())),
            ("passwordSecret", secret),
        ]);
        draft.object("BGPPeer", &name, fields, "env of kube-vip's pods");
    }
}

fn routers(text: &str) -> Vec<Router> {
    let routers = text.split(',').filter_map(|entry| {
        let entry = entry.trim();
        if let Some(rest) = entry.strip_prefix("unnumbered:") {
            let mut fields = rest.split(':');
            let interface = fields.next()?.to_owned();
            let asn = fields.next().unwrap_or_default().to_owned();
            return Some(Router {
                interface: Some(interface),
                asn,
                ..Router::default()
            });
        }
        let (address, rest) = match entry.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once("]:")?,
            None => entry.split_once(':')?,
        };
        let mut fields = rest.split(':');
        Some(Router {
            address: address.to_owned(),
            interface: None,
            asn: fields.next()?.to_owned(),
            has_password: fields.next().is_some_and(|password| !password.is_empty()),
            multi_hop: fields.next() == Some("true"),
        })
    });
    routers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_are_read_in_all_their_forms() {
        let read = routers("10.0.0.1:65000:pw:true,[2001:db8::1]:65001::false,unnumbered:eth0:65002");
        let told: Vec<_> = read
            .iter()
            .map(|router| {
                (
                    router.address.as_str(),
                    router.asn.as_str(),
                    router.has_password,
                    router.multi_hop,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("10.0.0.1", "65000", true, true),
                ("2001:db8::1", "65001", false, false),
                ("", "65002", false, false)
            ]
        );
        assert_eq!(read[2].interface.as_deref(), Some("eth0"));
    }
}
