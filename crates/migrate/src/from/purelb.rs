//! PureLB, with k8gobgp for routers.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use model::Family;
use serde_json::{Value, json};

use crate::addresses::Entry;
use crate::draft::Draft;
use crate::plan::SecretSource;
use crate::remark::Code;
use crate::selector::namespaces_but;
use crate::services::{Asked, addresses, annotation, class, present};
use crate::source::{Source, spec, text};

const OUTPUTS: &[&str] = &[
    "purelb.io/allocated-by",
    "purelb.io/allocated-from",
    "purelb.io/pool-type",
    "purelb.io/announcing-IPv4",
    "purelb.io/announcing-IPv6",
];

/// How a group is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Local,
    Remote,
}

#[derive(Debug)]
struct Group<'a> {
    source: Source<'a>,
    reach: Reach,
    pools: Vec<&'a Value>,
    namespaces: BTreeSet<String>,
    is_fence: bool,
}

pub(super) fn read(draft: &mut Draft<'_>) {
    let groups = groups(draft);
    let fenced: BTreeSet<String> = groups
        .iter()
        .filter(|group| group.is_fence)
        .flat_map(|group| group.namespaces.clone())
        .collect();
    let mut remote = Vec::new();
    let mut local = Vec::new();
    for group in &groups {
        let name = pool(draft, group, &fenced);
        match group.reach {
            Reach::Local => local.push(name),
            Reach::Remote => remote.push((name, aggregation(draft, group))),
        }
    }
    if !local.is_empty() {
        layer2(draft, &local);
        draft.announced.layer2 = true;
    }
    for (name, lengths) in remote {
        let fields = spec([
            ("ipPools", Some(json!([name]))),
            (
                "aggregationLength",
                lengths.0.filter(|length| *length != 32).map(Value::from),
            ),
            (
                "aggregationLengthV6",
                lengths.1.filter(|length| *length != 128).map(Value::from),
            ),
        ]);
        let named = draft.name("BGPAdvertisement", &name);
        draft.object(
            "BGPAdvertisement",
            &named,
            fields,
            format!("ServiceGroup {name} spec.remote"),
        );
        draft.announced.bgp = true;
    }
    routers(draft);
    for service in draft.input.services() {
        if class(service).is_none() || class(service) == Some("purelb.io/purelb") {
            draft.classes.extend(class(service).map(str::to_owned));
            let asked = asked(draft, service);
            draft.serves(service, asked);
        }
    }
}

fn groups<'a>(draft: &mut Draft<'a>) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    for source in draft.input.of("purelb.io", "ServiceGroup").collect::<Vec<_>>() {
        let (reach, place) = match (
            source.object["spec"].get("local"),
            source.object["spec"].get("remote"),
        ) {
            (Some(_), _) => (Reach::Local, "spec.local"),
            (None, Some(_)) => (Reach::Remote, "spec.remote"),
            (None, None) => {
                let text = "its addresses come from another program: give Herald a pool of its own for these Services";
                draft.say(Code::ExternalIpam, source.word(), text);
                continue;
            }
        };
        let mut pools = Vec::new();
        for name in ["v4pool", "v6pool"] {
            pools.extend(source.take(&format!("{place}.{name}")));
        }
        for name in ["v4pools", "v6pools"] {
            pools.extend(source.list(&format!("{place}.{name}")));
        }
        for (name, why) in [
            ("multiPool", "Herald gives one address of each family"),
            ("balancePools", "Herald takes pools in order"),
            ("skipIPv6DAD", "Herald puts no address on an interface"),
        ] {
            if source.take(&format!("{place}.{name}")).is_some() {
                draft.dropped(&source, &format!("{place}.{name}"), why);
            }
        }
        let namespaces = source.texts("spec.namespaces").into_iter().collect();
        let is_fence = source.bool("spec.enforceNamespaces") == Some(true);
        groups.push(Group {
            source,
            reach,
            pools,
            namespaces,
            is_fence,
        });
    }
    groups
}

fn pool(draft: &mut Draft<'_>, group: &Group<'_>, fenced: &BTreeSet<String>) -> String {
    let source = &group.source;
    let texts: Vec<_> = group
        .pools
        .iter()
        .filter_map(|pool| pool["pool"].as_str().map(str::to_owned))
        .collect();
    let entries = draft.entries(&source.word(), &texts);
    let mut namespaces = group.namespaces.clone();
    if !namespaces.is_empty() {
        let guests = guests(draft, &entries, &namespaces);
        for (service, namespace) in guests {
            let text = format!(
                "namespaces of ServiceGroup {} were a preference and become a fence: {namespace} is added, for this Service has an address of it",
                source.name()
            );
            draft.say(Code::NamespaceFence, &service, text);
            namespaces.insert(namespace);
        }
        let text = format!(
            "only Services of {} get addresses of it; others could name it before",
            namespaces.iter().cloned().collect::<Vec<_>>().join(", ")
        );
        draft.say(Code::NamespaceFence, source.word(), text);
    }
    let others: BTreeSet<_> = fenced.difference(&group.namespaces).map(String::as_str).collect();
    let mut allocation = json!({});
    if !namespaces.is_empty() {
        allocation["namespaces"] = json!(namespaces);
    } else if !others.is_empty() {
        allocation["namespaceSelectors"] = json!([namespaces_but(others)]);
    }
    if let Some(first) = source.take("spec.namespaceDefault").and_then(Value::as_bool) {
        allocation["priority"] = if first { 1 } else { 2 }.into();
    }
    let is_automatic = source.name() == "default" || !group.namespaces.is_empty();
    let fields = spec([
        ("autoAssign", (!is_automatic).then(|| false.into())),
        ("serviceAllocation", Some(allocation)),
    ]);
    draft.rest(source);
    let name = draft.name("IPPool", source.name());
    draft.pool(&name, entries, Vec::new(), fields, source.word());
    name
}

/// Services of other namespaces that have addresses of a group.
fn guests(draft: &Draft<'_>, entries: &[Entry], namespaces: &BTreeSet<String>) -> Vec<(String, String)> {
    let guests = draft.input.services().iter().filter_map(|service| {
        let namespace = service.metadata.namespace.clone()?;
        let held = config::service::assigned(service);
        let has = held
            .iter()
            .any(|address| entries.iter().any(|entry| entry.range.contains(*address)));
        (has && !namespaces.contains(&namespace))
            .then(|| (config::service::name(service).to_string(), namespace))
    });
    guests.collect()
}

/// The length of routes of a remote group, for each family.
fn aggregation(draft: &mut Draft<'_>, group: &Group<'_>) -> (Option<u8>, Option<u8>) {
    let mut lengths = (None, None);
    for pool in &group.pools {
        let asked = pool["aggregation"].as_str().unwrap_or("/32");
        let Some(entry) = pool["pool"].as_str().and_then(crate::addresses::entry) else {
            continue;
        };
        let family = entry.range.family();
        let host = if family == Family::V4 { 32 } else { 128 };
        let length = match asked.strip_prefix('/') {
            Some(text) => text.parse().unwrap_or(host),
            None if asked == "default" => pool["subnet"]
                .as_str()
                .and_then(|subnet| subnet.split_once('/')?.1.parse().ok())
                .unwrap_or(host),
            None => host,
        };
        let longest = entry.range.shortest_prefix();
        let kept = length.max(longest).min(host);
        if length < longest {
            let text = format!(
                "routes of /{length} reach beyond the pool {}: Herald sends /{kept}, which routers and filters have to accept",
                entry.text
            );
            draft.say(Code::Aggregation, group.source.word(), text);
        }
        match family {
            Family::V4 => lengths.0 = Some(lengths.0.map_or(kept, |other: u8| other.max(kept))),
            Family::V6 => lengths.1 = Some(lengths.1.map_or(kept, |other: u8| other.max(kept))),
        }
    }
    lengths
}

fn layer2(draft: &mut Draft<'_>, pools: &[String]) {
    let agent = draft.input.of("purelb.io", "LBNodeAgent").next();
    let mut fields = json!({"ipPools": pools});
    if let Some(agent) = agent {
        let mut patterns = agent.texts("spec.local.interfaces");
        let local = agent
            .text("spec.local.localInterface")
            .or_else(|| agent.text("spec.local.localint"));
        match local.as_deref() {
            Some("default") => {
                let named = draft.input.default_interfaces();
                if named.is_empty() {
                    let text = "the interface of the default route is meant, and no Speaker says which that is: install Herald's speakers first";
                    draft.say(
                        Code::NodesUnknown,
                        format!("{} spec.local.localInterface", agent.word()),
                        text,
                    );
                }
                patterns.extend(named);
            }
            Some(pattern) => patterns.push(pattern.to_owned()),
            None => {}
        }
        let interfaces = draft.resolve(&patterns, &agent.word());
        if !interfaces.is_empty() {
            fields["interfaces"] = json!(interfaces);
        }
        if let Some(selector) = agent.same("spec.nodeSelector") {
            fields["nodeSelectors"] = json!([selector]);
        }
        for (name, why) in [
            ("extlbint", "Herald puts no address on an interface"),
            ("dummyInterface", "Herald puts no address on an interface"),
            ("sendgarp", "Herald always says it"),
            ("sendGratuitousARP", "Herald always says it"),
        ] {
            if agent.take(&format!("spec.local.{name}")).is_some() {
                draft.dropped(&agent, &format!("spec.local.{name}"), why);
            }
        }
        draft.rest(&agent);
    }
    let name = draft.name("L2Advertisement", "default");
    draft.object("L2Advertisement", &name, fields, "LBNodeAgent");
}

fn routers(draft: &mut Draft<'_>) {
    for config in draft
        .input
        .of("bgp.purelb.io", "BGPConfiguration")
        .collect::<Vec<_>>()
    {
        let my_asn = config.same("spec.global.asn");
        if config.text("spec.global.routerID").is_some() {
            draft.dropped(
                &config,
                "spec.global.routerID",
                "one for all nodes; Herald's nodes each have their own",
            );
        }
        config.take("spec.global.listenPort");
        let graceful = config
            .take("spec.global.gracefulRestart")
            .is_some_and(|value| value["enabled"] == true);
        for path in [
            "spec.policies",
            "spec.peerGroups",
            "spec.netlinkImport",
            "spec.netlinkExport",
        ] {
            if config.take(path).is_some() {
                let text = "other routes or rules travel by these sessions: see whether you can do without, and decide for a session of Herald's own";
                draft.say(Code::SharedSession, format!("{} {path}", config.word()), text);
            }
        }
        for neighbor in config.list("spec.neighbors") {
            router(draft, &config, neighbor, my_asn.clone(), graceful);
        }
        draft.rest(&config);
    }
}

fn router(
    draft: &mut Draft<'_>,
    config: &Source<'_>,
    neighbor: &Value,
    my_asn: Option<Value>,
    graceful: bool,
) {
    let given = &neighbor["config"];
    let address = given["neighborAddress"]
        .as_str()
        .or_else(|| neighbor["neighborAddress"].as_str());
    let interface = given["neighborInterface"]
        .as_str()
        .or_else(|| neighbor["neighborInterface"].as_str());
    let Some(word) = address.or(interface) else {
        return;
    };
    let object = format!("{} neighbor {word}", config.word());
    if given["adminDown"] == true {
        draft.say(Code::NotInForce, &object, "it is switched off there");
        return;
    }
    if neighbor["transport"]["config"]["passiveMode"] == true || neighbor["transport"]["passiveMode"] == true
    {
        draft.say(
            Code::RouterMustAccept,
            &object,
            "the router dials; Herald does, and does not listen: have the router accept",
        );
    }
    let time = |draft: &mut Draft<'_>, name: &str| {
        let value = neighbor["timers"]["config"]
            .get(name)
            .or_else(|| neighbor["timers"].get(name))?;
        draft.time_of(value, &format!("{object} {name}"))
    };
    let (hold, keepalive) = (time(draft, "holdTime"), time(draft, "keepaliveInterval"));
    let name = draft.name("BGPPeer", &format!("purelb-{word}"));
    let fields = spec([
        (
            "myASN",
            given.get("localAsn").filter(|asn| **asn != 0).cloned().or(my_asn),
        ),
        ("peerASN", given.get("peerAsn").cloned()),
        ("peerAddress", address.map(Value::from)),
        (
            "interface",
            interface.filter(|_| address.is_none()).map(Value::from),
        ),
        (
            "sourceAddress",
            neighbor["transport"].get("localAddress").cloned(),
        ),
        ("holdTime", hold),
        ("keepaliveTime", keepalive),
        (
            "ebgpMultiHop",
            neighbor["ebgpMultihop"]["enabled"]
                .as_bool()
                .filter(|on| *on)
                .map(Value::from),
        ),
        ("enableGracefulRestart", graceful.then(|| true.into())),
        ("vrf", given.get("vrf").cloned()),
        (
            "nodeSelectors",
            neighbor.get("nodeSelector").map(|selector| json!([selector])),
        ),
        ("passwordSecret", password(draft, config, given, &name)),
    ]);
    draft.object("BGPPeer", &name, fields, object);
}

fn password(draft: &mut Draft<'_>, config: &Source<'_>, given: &Value, name: &str) -> Option<Value> {
    let place = match (
        given.get("authPasswordSecretRef"),
        given.get("authPassword").and_then(text),
    ) {
        (Some(reference), _) => SecretSource::Secret {
            namespace: config.namespace().to_owned(),
            name: reference["name"].as_str()?.to_owned(),
            key: reference["key"].as_str().unwrap_or("password").to_owned(),
        },
        (None, Some(password)) if !password.is_empty() => SecretSource::Field {
            object: format!(
                "bgpconfigurations.bgp.purelb.io/{}/{}",
                config.namespace(),
                config.name()
            ),
            path: "spec.neighbors[].config.authPassword".to_owned(),
        },
        (None, _) => return None,
    };
    Some(draft.secret(&format!("{name}-password"), place))
}

fn asked(draft: &mut Draft<'_>, service: &Service) -> Asked {
    let name = config::service::name(service).to_string();
    for key in [
        "purelb.io/allow-local",
        "purelb.io/multi-pool",
        "purelb.io/node-affinity",
    ] {
        if annotation(service, &[key]).is_some() {
            let text = "an L2Advertisement that selects the Service by a label says such things of Herald's";
            draft.say(Code::NeedsLabel, format!("{name} {key}"), text);
        }
    }
    let is_local = service
        .spec
        .as_ref()
        .and_then(|spec| spec.external_traffic_policy.as_deref())
        == Some("Local");
    let key = annotation(service, &["purelb.io/allow-shared-ip"]).map(str::to_owned);
    if key.is_some() && is_local {
        draft.say(
            Code::Differs,
            format!("{name} externalTrafficPolicy"),
            "PureLB treats Services that share as Cluster; with Herald Local counts",
        );
    }
    let announcing: BTreeMap<_, _> = [
        ("4", "purelb.io/announcing-IPv4"),
        ("6", "purelb.io/announcing-IPv6"),
    ]
    .into_iter()
    .filter_map(|(family, key)| Some((family, annotation(service, &[key])?.split_once(',')?.0.to_owned())))
    .collect();
    if announcing.values().collect::<BTreeSet<_>>().len() > 1 {
        let text = "its families are on two nodes and come to one: connections of one family are answered by another node from then on";
        draft.say(Code::Differs, &name, text);
    }
    Asked {
        pools: annotation(service, &["purelb.io/service-group"])
            .map(str::to_owned)
            .into_iter()
            .collect(),
        addresses: annotation(service, &["purelb.io/addresses"])
            .map(addresses)
            .unwrap_or_default(),
        key,
        outputs: present(service, OUTPUTS),
        hint: announcing.into_values().next(),
        ..Asked::default()
    }
}
