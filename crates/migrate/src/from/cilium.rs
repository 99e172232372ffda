//! Cilium: LB-IPAM gives addresses, its agents announce them by layer 2 or BGP.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::addresses::ends;
use crate::draft::Draft;
use crate::plan::SecretSource;
use crate::remark::Code;
use crate::selector::{Split, and_node, but_node, matches_all, split};
use crate::services::{Asked, addresses, annotation, class};
use crate::source::{Source, spec, text};

const GROUP: &str = "cilium.io";
const NAMESPACE_KEY: &str = "io.kubernetes.service.namespace";
const NAME_KEY: &str = "io.kubernetes.service.name";
const CLASSES: &[&str] = &["io.cilium/l2-announcer", "io.cilium/bgp-control-plane"];
const LEASE: &str = "cilium-l2announce-";
const IPS: &[&str] = &["lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"];
const KEYS: &[&str] = &["lbipam.cilium.io/sharing-key", "io.cilium/lb-ipam-sharing-key"];

pub(super) fn read(draft: &mut Draft<'_>) {
    for source in draft
        .input
        .of(GROUP, "CiliumLoadBalancerIPPool")
        .collect::<Vec<_>>()
    {
        pool(draft, &source);
    }
    for source in draft
        .input
        .of(GROUP, "CiliumL2AnnouncementPolicy")
        .collect::<Vec<_>>()
    {
        policy(draft, &source);
    }
    bgp(draft);
    services(draft);
}

fn pool(draft: &mut Draft<'_>, source: &Source<'_>) {
    let word = source.word();
    let blocks = source.list("spec.blocks");
    let texts: Vec<_> = blocks.iter().filter_map(block).collect();
    let exclude = match source.text("spec.allowFirstLastIPs").as_deref() {
        Some("No") => blocks
            .iter()
            .filter_map(|block| block["cidr"].as_str())
            .flat_map(ends)
            .collect(),
        Some(_) | None => Vec::new(),
    };
    let is_disabled = source.bool("spec.disabled") == Some(true);
    if is_disabled {
        draft.say(
            Code::Differs,
            format!("{word} spec.disabled"),
            "Herald still gives an address of it to a Service that asks for one",
        );
    }
    let allocation = source
        .take("spec.serviceSelector")
        .map(|selector| allocation(draft, &word, selector));
    let fields = spec([
        ("autoAssign", is_disabled.then(|| false.into())),
        ("serviceAllocation", allocation),
    ]);
    draft.rest(source);
    let entries = draft.entries(&word, &texts);
    let name = draft.name("IPPool", source.name());
    draft.pool(&name, entries, exclude, fields, word);
}

/// A prefix, a range, or one address.
fn block(block: &Value) -> Option<String> {
    match (
        block["cidr"].as_str(),
        block["start"].as_str(),
        block["stop"].as_str(),
    ) {
        (Some(cidr), _, _) => Some(cidr.to_owned()),
        (None, Some(start), Some(stop)) => Some(format!("{start}-{stop}")),
        (None, Some(start), None) => Some(start.to_owned()),
        (None, None, _) => None,
    }
}

fn chosen(draft: &mut Draft<'_>, word: &str, selector: &Value) -> Split {
    let split = split(selector, NAMESPACE_KEY, NAME_KEY);
    if split.names {
        draft.say(
            Code::NeedsLabel,
            word,
            "it selects Services by their names: give them a label, and select that",
        );
    }
    split
}

fn allocation(draft: &mut Draft<'_>, word: &str, selector: &Value) -> Value {
    let split = chosen(draft, word, selector);
    spec([
        ("namespaces", Some(json!(split.namespaces))),
        ("namespaceSelectors", Some(json!(split.namespace_selectors))),
        ("serviceSelectors", split.rest.map(|rest| json!([rest]))),
    ])
}

fn policy(draft: &mut Draft<'_>, source: &Source<'_>) {
    let word = source.word();
    if source.bool("spec.externalIPs") == Some(true) {
        draft.dropped(
            source,
            "spec.externalIPs",
            "Herald announces addresses of type LoadBalancer alone: these stay without an announcer",
        );
    }
    if source.bool("spec.loadBalancerIPs") != Some(true) {
        draft.say(
            Code::NotInForce,
            &word,
            "it is not for addresses of load balancers",
        );
        return;
    }
    let interfaces = draft.resolve(&source.texts("spec.interfaces"), &word);
    let split = source
        .take("spec.serviceSelector")
        .map(|selector| chosen(draft, &word, selector))
        .unwrap_or_default();
    let pools = match split.namespaces.is_empty() && split.namespace_selectors.is_empty() {
        true => Vec::new(),
        false => pools_of(draft, &word, &split),
    };
    let fields = spec([
        ("ipPools", Some(json!(pools))),
        (
            "nodeSelectors",
            source.same("spec.nodeSelector").map(|selector| json!([selector])),
        ),
        ("interfaces", Some(json!(interfaces))),
        ("serviceSelectors", split.rest.map(|rest| json!([rest]))),
    ]);
    draft.rest(source);
    let name = draft.name("L2Advertisement", source.name());
    draft.object("L2Advertisement", &name, fields, word);
    draft.announced.layer2 = true;
}

/// An advertisement selects pools, not namespaces.
fn pools_of(draft: &mut Draft<'_>, word: &str, split: &Split) -> Vec<String> {
    let is_theirs = |spec: &Value| {
        let namespaces = spec["serviceAllocation"]["namespaces"]
            .as_array()
            .into_iter()
            .flatten();
        let mut namespaces = namespaces.filter_map(Value::as_str);
        namespaces.any(|namespace| split.namespaces.iter().any(|theirs| theirs == namespace))
    };
    let pools: Vec<_> = draft
        .pools
        .iter()
        .filter(|pool| is_theirs(&pool.spec))
        .map(|pool| pool.name.clone())
        .collect();
    if pools.is_empty() {
        draft.say(Code::NeedsLabel, word, "it selects Services by their namespace and no pool is of that alone: give them a label, and select that");
    }
    pools
}

fn bgp(draft: &mut Draft<'_>) {
    let clusters: Vec<_> = draft.input.of(GROUP, "CiliumBGPClusterConfig").collect();
    if clusters.is_empty() {
        return;
    }
    let advertisements: Vec<_> = draft.input.of(GROUP, "CiliumBGPAdvertisement").collect();
    let others: BTreeSet<_> = advertisements
        .iter()
        .flat_map(|source| source.list("spec.advertisements"))
        .filter_map(other_routes)
        .collect();
    let is_shared = !others.is_empty();
    let mut peers = Vec::new();
    for cluster in &clusters {
        let selector = cluster.same("spec.nodeSelector");
        for instance in cluster.list("spec.bgpInstances") {
            for peer in instance["peers"].as_array().into_iter().flatten() {
                peers.extend(routers(draft, cluster, instance, peer, selector.as_ref()));
                let name = peer["name"].as_str().unwrap_or_default();
                if is_shared && !draft.options.own_session {
                    let listed = others.iter().cloned().collect::<Vec<_>>().join(", ");
                    let text = format!(
                        "routes of {listed} travel by this session, and a router takes one session from one address: let Cilium go on announcing, or give Herald a session of its own and say --own-session"
                    );
                    draft.say(Code::SharedSession, format!("BGPPeer/{name}"), text);
                }
            }
        }
    }
    draft.announced.bgp = true;
    for source in &advertisements {
        for entry in source
            .list("spec.advertisements")
            .iter()
            .filter(|entry| entry["advertisementType"] == "Service")
        {
            advertisement(draft, source, entry, &peers);
        }
    }
    if is_shared && !draft.options.own_session {
        draft.announced.by_rival = true;
        let text = "Herald gives addresses, Cilium goes on announcing what the statuses show; conditions heraldlb.io/Announced stay without a node, which is as it should be";
        draft.say(Code::GoesOnAnnouncing, "BGP", text);
    }
}

/// What an advertisement has besides addresses of load balancers.
fn other_routes(entry: &Value) -> Option<String> {
    let kind = entry["advertisementType"].as_str()?;
    if kind != "Service" {
        return Some(kind.to_owned());
    }
    let addresses = entry["service"]["addresses"].as_array()?;
    let mut others = addresses
        .iter()
        .filter_map(Value::as_str)
        .filter(|word| *word != "LoadBalancerIP");
    others.next().map(str::to_owned)
}

/// A peer, and one more for each node that has values of its own; their names.
fn routers(
    draft: &mut Draft<'_>,
    cluster: &Source<'_>,
    instance: &Value,
    peer: &Value,
    selector: Option<&Value>,
) -> Vec<String> {
    let wanted = peer["name"].as_str().unwrap_or("peer");
    let object = format!("{} peer {wanted}", cluster.word());
    let name = draft.name("BGPPeer", wanted);
    let mut fields = peer_fields(draft, instance, peer, &object);
    let overrides = overrides(draft, instance["name"].as_str().unwrap_or_default(), wanted);
    let mut general = selector.cloned();
    let mut names = vec![name.clone()];
    let mut special = Vec::new();
    for (node, values) in &overrides {
        let hostname = draft.input.hostname(node);
        general = Some(but_node(general.as_ref(), &hostname));
        let mut own = fields.clone();
        for (key, value) in values {
            own[*key] = value.clone();
        }
        own["nodeSelectors"] = json!([and_node(selector, &hostname)]);
        special.push((draft.name("BGPPeer", &format!("{name}-{node}")), own));
    }
    if let Some(selector) = general {
        fields["nodeSelectors"] = json!([selector]);
    }
    draft.object("BGPPeer", &name, fields, object.clone());
    for (name, own) in special {
        names.push(name.clone());
        draft.object("BGPPeer", &name, own, object.clone());
    }
    names
}

fn peer_fields(draft: &mut Draft<'_>, instance: &Value, peer: &Value, object: &str) -> Value {
    let reference = peer["peerConfigRef"]["name"].as_str().unwrap_or_default();
    let config = draft.input.one(GROUP, "CiliumBGPPeerConfig", reference);
    let asn = peer.get("peerASN").filter(|asn| **asn != 0).cloned();
    if asn.is_none() {
        let text = "Cilium takes any AS number; Herald takes one, or dynamicASN: internal or external. Write it into the BGPPeer";
        draft.say(Code::AnyPeerAsn, object, text);
    }
    let mode = peer["autoDiscovery"]["mode"].as_str();
    if mode == Some("DefaultGateway") {
        draft.say(
            Code::NodesUnknown,
            object,
            "the router is the default gateway of each node: write its address into the BGPPeer",
        );
    }
    let mut fields = spec([
        ("myASN", instance.get("localASN").cloned()),
        ("peerASN", asn),
        ("peerAddress", peer["peerAddress"].as_str().map(Value::from)),
        (
            "interface",
            (mode == Some("Unnumbered")).then(|| peer["autoDiscovery"]["unnumbered"]["interface"].clone()),
        ),
    ]);
    let Some(config) = config else {
        return fields;
    };
    let word = config.word();
    let time = |draft: &mut Draft<'_>, name: &str| {
        let value = config.take(&format!("spec.timers.{name}"))?;
        draft.time_of(value, &format!("{word} spec.timers.{name}"))
    };
    let graceful = config.take("spec.gracefulRestart").cloned().unwrap_or_default();
    let is_graceful = graceful["enabled"] == true;
    let families = config.list("spec.families");
    let has = |family: &str| families.iter().any(|entry| entry["afi"] == family);
    let secret = config.text("spec.authSecretRef").map(|name| {
        let place = SecretSource::Secret {
            namespace: "kube-system".to_owned(),
            name: name.clone(),
            key: "password".to_owned(),
        };
        draft.secret(&name, place)
    });
    let more = spec([
        (
            "peerPort",
            config.same("spec.transport.peerPort").filter(|port| *port != 179),
        ),
        ("holdTime", time(draft, "holdTimeSeconds")),
        ("keepaliveTime", time(draft, "keepAliveTimeSeconds")),
        ("connectTime", time(draft, "connectRetryTimeSeconds")),
        (
            "ebgpMultiHop",
            config
                .take("spec.ebgpMultihop")
                .and_then(Value::as_u64)
                .filter(|hops| *hops > 1)
                .map(|_| true.into()),
        ),
        ("enableGracefulRestart", is_graceful.then(|| true.into())),
        (
            "gracefulRestartTime",
            graceful["restartTimeSeconds"]
                .as_u64()
                .filter(|_| is_graceful)
                .map(crate::duration::written),
        ),
        ("passwordSecret", secret),
        (
            "dualStackAddressFamily",
            (has("ipv4") && has("ipv6")).then(|| true.into()),
        ),
    ]);
    for (key, value) in more.as_object().into_iter().flatten() {
        fields[key] = value.clone();
    }
    draft.rest(&config);
    fields
}

/// Values of single nodes: the node, and fields of its BGPPeer.
fn overrides(draft: &Draft<'_>, instance: &str, peer: &str) -> Vec<(String, Vec<(&'static str, Value)>)> {
    let mut found = Vec::new();
    for source in draft.input.of(GROUP, "CiliumBGPNodeConfigOverride") {
        for entry in source
            .list("spec.bgpInstances")
            .iter()
            .filter(|entry| entry["name"] == instance)
        {
            let mut values = Vec::new();
            values.extend(entry.get("routerID").map(|value| ("routerID", value.clone())));
            values.extend(entry.get("localASN").map(|value| ("myASN", value.clone())));
            let peers = entry["peers"].as_array().into_iter().flatten();
            let own = peers.filter(|own| own["name"] == peer);
            values.extend(own.filter_map(|own| Some(("sourceAddress", own.get("localAddress")?.clone()))));
            if !values.is_empty() {
                found.push((source.name().to_owned(), values));
            }
        }
    }
    found
}

fn advertisement(draft: &mut Draft<'_>, source: &Source<'_>, entry: &Value, peers: &[String]) {
    let word = source.word();
    let listed = entry["service"]["addresses"].as_array().into_iter().flatten();
    if !listed.clone().any(|word| word == "LoadBalancerIP") {
        return;
    }
    let Some(selector) = entry.get("selector") else {
        draft.say(
            Code::NotInForce,
            &word,
            "without a selector it advertises no Service",
        );
        return;
    };
    let mut selectors = None;
    match matches_all(selector) {
        true => draft.say(
            Code::SelectorMatchesAll,
            &word,
            "every Service meets its selector, which is left out",
        ),
        false => {
            let split = chosen(draft, &word, selector);
            selectors = split.rest.map(|rest| json!([rest]));
            if !split.namespaces.is_empty() {
                draft.say(Code::NeedsLabel, &word, "it selects Services by their namespace: name the pools of it in ipPools, or give them a label");
            }
        }
    }
    let attributes = &entry["attributes"];
    let fields = spec([
        ("serviceSelectors", selectors),
        ("peers", Some(json!(peers))),
        ("localPref", attributes.get("localPreference").cloned()),
        (
            "communities",
            Some(json!(communities(draft, &word, &attributes["communities"]))),
        ),
        (
            "aggregationLength",
            entry["service"].get("aggregationLengthIPv4").cloned(),
        ),
        (
            "aggregationLengthV6",
            entry["service"].get("aggregationLengthIPv6").cloned(),
        ),
    ]);
    let name = draft.name("BGPAdvertisement", source.name());
    draft.object("BGPAdvertisement", &name, fields, word);
}

fn communities(draft: &mut Draft<'_>, word: &str, given: &Value) -> Vec<String> {
    let list = |name: &str| {
        given[name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(text)
            .collect::<Vec<_>>()
    };
    let mut communities: Vec<_> = list("standard")
        .into_iter()
        .map(|text| match text.parse::<u32>() {
            Ok(number) => format!("{}:{}", number >> 16, number & 0xffff),
            Err(_) => text,
        })
        .collect();
    for name in list("wellKnown") {
        match well_known(&name) {
            Some(value) => communities.push(value.to_owned()),
            None => draft.say(
                Code::NotCarriedOver,
                format!("{word} wellKnown {name}"),
                "no community of that name is known here",
            ),
        }
    }
    communities.extend(list("large").into_iter().map(|text| format!("large:{text}")));
    communities
}

/// RFC 1997, RFC 3765, RFC 7999, RFC 8326.
fn well_known(name: &str) -> Option<&'static str> {
    Some(match name {
        "internet" => "0:0",
        "planned-shut" | "graceful-shutdown" => "65535:0",
        "no-export" => "65535:65281",
        "no-advertise" => "65535:65282",
        "no-export-subconfed" | "local-as" => "65535:65283",
        "no-peer" => "65535:65284",
        "blackhole" => "65535:666",
        _ => return None,
    })
}

fn services(draft: &mut Draft<'_>) {
    let leases: Vec<_> = draft.input.of("coordination.k8s.io", "Lease").collect();
    let holders: BTreeMap<_, _> = leases
        .iter()
        .filter_map(|lease| {
            Some((
                lease.name().strip_prefix(LEASE)?.to_owned(),
                lease.text("spec.holderIdentity")?,
            ))
        })
        .collect();
    for service in draft.input.services() {
        let name = config::service::name(service);
        match class(service) {
            Some("io.cilium/node") => {
                let text = "it shows addresses of nodes, which Herald never gives: make a Service of another class beside it, or leave it out";
                draft.say(Code::NodeAddress, name.to_string(), text);
                draft.serves(
                    service,
                    Asked {
                        new_address: true,
                        ..Asked::default()
                    },
                );
                continue;
            }
            Some(class) if CLASSES.contains(&class) => {
                draft.classes.insert(class.to_owned());
            }
            Some(_) => continue,
            None => {}
        }
        let hint = holders.get(&format!("{}-{}", name.namespace, name.name)).cloned();
        draft.serves(service, asked(service, &name.namespace, hint));
    }
}

fn asked(service: &Service, namespace: &str, hint: Option<String>) -> Asked {
    let crosses = annotation(
        service,
        &[
            "lbipam.cilium.io/sharing-cross-namespace",
            "io.cilium/lb-ipam-sharing-cross-namespace",
        ],
    )
    .is_some();
    let key = annotation(service, KEYS).map(|key| match crosses {
        true => key.to_owned(),
        false => format!("{namespace}/{key}"),
    });
    Asked {
        addresses: annotation(service, IPS).map(addresses).unwrap_or_default(),
        key,
        hint,
        ..Asked::default()
    }
}
