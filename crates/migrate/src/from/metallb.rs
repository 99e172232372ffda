//! MetalLB: most of its fields have the same names.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use serde_json::Value;

use crate::draft::Draft;
use crate::plan::SecretSource;
use crate::remark::Code;
use crate::services::{Asked, addresses, annotation, class, present};
use crate::source::{Source, spec};

const GROUP: &str = "metallb.io";
const OUTPUTS: &[&str] = &[
    "metallb.io/ip-allocated-from-pool",
    "metallb.universe.tf/ip-allocated-from-pool",
];

/// How its speakers do BGP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Native,
    Frr,
    FrrK8s,
}

pub(super) fn read(draft: &mut Draft<'_>) {
    let mode = match draft.input.setting("metallb", "METALLB_BGP_TYPE").as_deref() {
        Some("frr") => Mode::Frr,
        Some("frr-k8s" | "frr-k8s-external") => Mode::FrrK8s,
        Some(_) | None => Mode::Native,
    };
    let pools = in_force(draft, "IPAddressPool");
    for source in &pools {
        pool(draft, source);
    }
    for source in in_force(draft, "L2Advertisement") {
        let fields = spec([
            ("ipPools", source.same("spec.ipAddressPools")),
            ("ipPoolSelectors", source.same("spec.ipAddressPoolSelectors")),
            ("nodeSelectors", source.same("spec.nodeSelectors")),
            ("interfaces", source.same("spec.interfaces")),
            ("serviceSelectors", source.same("spec.serviceSelectors")),
            (
                "preferredNodeSelectors",
                source.same("spec.preferredNodeSelectors"),
            ),
        ]);
        if fields.get("serviceSelectors").is_some() {
            let text = "MetalLB announces a shared address only if all of its Services are selected, Herald if one is";
            draft.say(
                Code::Differs,
                format!("{} spec.serviceSelectors", source.word()),
                text,
            );
        }
        add(draft, &source, "L2Advertisement", fields);
        draft.announced.layer2 = true;
    }
    let mut preferences = BTreeMap::new();
    for source in in_force(draft, "BGPAdvertisement") {
        advertisement(draft, &source, &mut preferences);
        draft.announced.bgp = true;
    }
    for source in in_force(draft, "BFDProfile") {
        bfd_profile(draft, &source);
    }
    for source in in_force(draft, "Community") {
        let fields = spec([("communities", source.same("spec.communities"))]);
        add(draft, &source, "Community", fields);
    }
    let with_preference = preferences.values().any(|preference| *preference != 0);
    for source in in_force(draft, "BGPPeer") {
        peer(draft, &source, mode, with_preference);
    }
    foreign_routers(draft);
    services(draft);
}

/// The objects of a kind in MetalLB's namespace; those of other namespaces were never read by it.
fn in_force<'a>(draft: &mut Draft<'a>, kind: &'static str) -> Vec<Source<'a>> {
    let all: Vec<_> = draft.input.of(GROUP, kind).collect();
    let theirs = namespace(draft);
    let (in_force, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|source| source.namespace().is_empty() || source.namespace() == theirs);
    for source in others {
        let text = format!(
            "it is in namespace {}, and MetalLB reads {theirs} alone",
            source.namespace()
        );
        draft.say(Code::NotInForce, source.word(), text);
    }
    in_force
}

fn namespace(draft: &Draft<'_>) -> String {
    let named = |source: &Source<'_>| source.namespace().to_owned();
    let kinds = [("apps", "Deployment"), ("apps", "DaemonSet")];
    let workloads = kinds
        .iter()
        .flat_map(|(group, kind)| draft.input.of(group, kind).collect::<Vec<_>>());
    let mut metallb = workloads.filter(|source| {
        let containers = source.list("spec.template.spec.containers").iter();
        let mut images = containers.filter_map(|container| container["image"].as_str());
        images.any(|image| image.contains("metallb"))
    });
    metallb
        .next()
        .map_or_else(|| "metallb-system".to_owned(), |source| named(&source))
}

fn add(draft: &mut Draft<'_>, source: &Source<'_>, kind: &str, fields: Value) {
    draft.rest(source);
    let name = draft.name(kind, source.name());
    draft.object(
        kind,
        &name,
        fields,
        format!(
            "{} {}/{}",
            source.object["kind"].as_str().unwrap_or_default(),
            source.namespace(),
            source.name()
        ),
    );
}

fn pool(draft: &mut Draft<'_>, source: &Source<'_>) {
    let word = source.word();
    let entries = draft.entries(&word, &source.texts("spec.addresses"));
    let fields = spec([
        (
            "autoAssign",
            source.same("spec.autoAssign").filter(|value| *value == false),
        ),
        (
            "avoidBuggyIPs",
            source.same("spec.avoidBuggyIPs").filter(|value| *value == true),
        ),
        ("serviceAllocation", source.same("spec.serviceAllocation")),
    ]);
    draft.rest(source);
    let name = draft.name("IPPool", source.name());
    draft.pool(&name, entries, Vec::new(), fields, word);
    if let (Some(pool), Some(labels)) = (draft.pools.last_mut(), source.object["metadata"].get("labels")) {
        pool.labels = labels.clone();
    }
}

fn advertisement(draft: &mut Draft<'_>, source: &Source<'_>, preferences: &mut BTreeMap<String, u64>) {
    let preference = source
        .take("spec.localPref")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    preferences.insert(source.name().to_owned(), preference);
    let fields = spec([
        ("ipPools", source.same("spec.ipAddressPools")),
        ("ipPoolSelectors", source.same("spec.ipAddressPoolSelectors")),
        ("nodeSelectors", source.same("spec.nodeSelectors")),
        ("serviceSelectors", source.same("spec.serviceSelectors")),
        (
            "aggregationLength",
            source.same("spec.aggregationLength").filter(|value| *value != 32),
        ),
        (
            "aggregationLengthV6",
            source
                .same("spec.aggregationLengthV6")
                .filter(|value| *value != 128),
        ),
        ("localPref", (preference != 0).then(|| preference.into())),
        ("communities", source.same("spec.communities")),
        ("peers", source.same("spec.peers")),
    ]);
    add(draft, source, "BGPAdvertisement", fields);
}

fn bfd_profile(draft: &mut Draft<'_>, source: &Source<'_>) {
    if source.bool("spec.echoMode") == Some(true) {
        let text = "echo packets are not sent by Herald: the field is kept and has no effect";
        draft.say(Code::Differs, format!("{} spec.echoMode", source.word()), text);
    }
    let fields = spec([
        ("receiveInterval", source.same("spec.receiveInterval")),
        ("transmitInterval", source.same("spec.transmitInterval")),
        ("detectMultiplier", source.same("spec.detectMultiplier")),
        ("echoInterval", source.same("spec.echoInterval")),
        ("echoMode", source.same("spec.echoMode")),
        ("passiveMode", source.same("spec.passiveMode")),
        ("minimumTtl", source.same("spec.minimumTtl")),
    ]);
    add(draft, source, "BFDProfile", fields);
}

fn peer(draft: &mut Draft<'_>, source: &Source<'_>, mode: Mode, with_preference: bool) {
    let word = source.word();
    let (ours, theirs) = (source.same("spec.myASN"), source.same("spec.peerASN"));
    let is_internal = ours.is_some() && ours == theirs;
    if is_internal && mode == Mode::Native && !with_preference {
        let text = "MetalLB sends this router local preference 0, Herald 100: if it has these routes from elsewhere, too, it would choose Herald's. Write localPref into the BGPAdvertisement, or --decide LocalPref";
        draft.say(Code::LocalPref, &word, text);
    }
    if source.bool("spec.disableMP") == Some(true) {
        draft.dropped(
            source,
            "spec.disableMP",
            "Herald always negotiates families by capabilities",
        );
    }
    let is_external = !is_internal;
    let hop = source.bool("spec.ebgpMultiHop").unwrap_or_default();
    if mode == Mode::Native && is_external && !hop {
        let text = "MetalLB sends packets to this router with any TTL, Herald with 1: if it is more than one hop away, set ebgpMultiHop";
        draft.say(Code::Differs, format!("{word} spec.ebgpMultiHop"), text);
    }
    let (address, interface) = addresses_of(source);
    let mut hold = draft.time(source, "spec.holdTime");
    let mut keepalive = draft.time(source, "spec.keepaliveTime");
    if mode != Mode::Native && hold.is_none() && source.take("spec.holdTime").is_none() {
        hold = Some("180s".into());
        keepalive = keepalive.or_else(|| Some("60s".into()));
    }
    let local_asn = source.same("spec.localASN");
    if local_asn.is_some() && mode == Mode::FrrK8s {
        draft.dropped(source, "spec.localASN", "MetalLB does not use it with frr-k8s");
    }
    let name = draft.name("BGPPeer", source.name());
    let fields = spec([
        ("myASN", ours),
        ("peerASN", theirs.filter(|asn| *asn != 0)),
        (
            "dynamicASN",
            source.same("spec.dynamicASN").filter(|word| *word != ""),
        ),
        (
            "localASN",
            local_asn.filter(|asn| *asn != 0 && mode != Mode::FrrK8s),
        ),
        ("peerAddress", address),
        ("interface", interface),
        (
            "peerPort",
            source
                .same("spec.peerPort")
                .filter(|port| *port != 179 && *port != 0),
        ),
        (
            "sourceAddress",
            source.same("spec.sourceAddress").filter(|word| *word != ""),
        ),
        ("holdTime", hold),
        ("keepaliveTime", keepalive),
        ("connectTime", draft.time(source, "spec.connectTime")),
        (
            "routerID",
            source.same("spec.routerID").filter(|word| *word != ""),
        ),
        ("nodeSelectors", source.same("spec.nodeSelectors")),
        ("passwordSecret", password(draft, source, &name)),
        (
            "bfdProfile",
            source.same("spec.bfdProfile").filter(|word| *word != ""),
        ),
        (
            "enableGracefulRestart",
            source
                .same("spec.enableGracefulRestart")
                .filter(|value| *value == true),
        ),
        ("ebgpMultiHop", hop.then(|| true.into())),
        ("vrf", source.same("spec.vrf").filter(|word| *word != "")),
        (
            "dualStackAddressFamily",
            source
                .same("spec.dualStackAddressFamily")
                .filter(|value| *value == true),
        ),
    ]);
    draft.rest(source);
    draft.object(
        "BGPPeer",
        &name,
        fields,
        format!("BGPPeer {}/{}", source.namespace(), source.name()),
    );
}

/// Routers that are known by their interface have no address of their own there.
fn addresses_of(source: &Source<'_>) -> (Option<Value>, Option<Value>) {
    let interface = source.same("spec.interface").filter(|word| *word != "");
    let address = source.text("spec.peerAddress").filter(|text| !text.is_empty());
    match address.as_deref().and_then(|text| text.split_once('%')) {
        Some((_, zone)) => (None, Some(zone.into())),
        None => (address.map(Value::from), interface),
    }
}

fn password(draft: &mut Draft<'_>, source: &Source<'_>, name: &str) -> Option<Value> {
    if let Some(secret) = source
        .text("spec.passwordSecret.name")
        .filter(|name| !name.is_empty())
    {
        let namespace = source
            .text("spec.passwordSecret.namespace")
            .filter(|name| !name.is_empty());
        let namespace = namespace.unwrap_or_else(|| namespace_of(draft, source));
        let place = SecretSource::Secret {
            namespace,
            name: secret.clone(),
            key: "password".to_owned(),
        };
        return Some(draft.secret(&secret, place));
    }
    let is_there = source
        .text("spec.password")
        .is_some_and(|password| !password.is_empty());
    is_there.then(|| {
        let object = format!(
            "bgppeers.metallb.io/{}/{}",
            namespace_of(draft, source),
            source.name()
        );
        draft.secret(
            &format!("{name}-password"),
            SecretSource::Field {
                object,
                path: "spec.password".to_owned(),
            },
        )
    })
}

fn namespace_of(draft: &Draft<'_>, source: &Source<'_>) -> String {
    match source.namespace() {
        "" => namespace(draft),
        namespace => namespace.to_owned(),
    }
}

/// Configuration of frr-k8s that is not MetalLB's stays, and so does its session.
fn foreign_routers(draft: &mut Draft<'_>) {
    let sources: Vec<_> = draft.input.of("frrk8s.metallb.io", "FRRConfiguration").collect();
    for source in sources {
        if source.name().starts_with("metallb-") {
            continue;
        }
        let text = "frr-k8s needs its session with the router for this, and a router takes one session from one address";
        draft.say(
            Code::ExtraRouterConfig,
            format!("{}/{}", source.namespace(), source.word()),
            text,
        );
    }
    let extras: Vec<_> = draft
        .input
        .of("", "ConfigMap")
        .filter(|source| source.name() == "bgpextras")
        .collect();
    for source in extras {
        let text = "its lines are FRR's own configuration: move them to the router, or do without";
        draft.say(Code::ExtraRouterConfig, source.word(), text);
    }
}

fn services(draft: &mut Draft<'_>) {
    let lb_class = draft.input.setting("metallb", "lb-class");
    draft.classes.extend(lb_class.clone());
    let statuses: Vec<_> = draft.input.of(GROUP, "ServiceL2Status").collect();
    let holders: BTreeMap<_, _> = statuses
        .iter()
        .filter_map(|status| {
            let (namespace, name) = (
                status.text("status.serviceNamespace")?,
                status.text("status.serviceName")?,
            );
            Some((format!("{namespace}/{name}"), status.text("status.node")?))
        })
        .collect();
    for service in draft.input.services() {
        if class(service) != lb_class.as_deref() {
            continue;
        }
        let name = config::service::name(service).to_string();
        let asked = asked(service, holders.get(&name).cloned());
        draft.serves(service, asked);
    }
}

fn asked(service: &Service, hint: Option<String>) -> Asked {
    let both = |name: &str| {
        [
            format!("metallb.io/{name}"),
            format!("metallb.universe.tf/{name}"),
        ]
    };
    let of = |name: &str| {
        let [one, other] = both(name);
        annotation(service, &[&one, &other]).map(str::to_owned)
    };
    Asked {
        pools: of("address-pool").into_iter().collect(),
        addresses: of("loadBalancerIPs")
            .map(|text| addresses(&text))
            .unwrap_or_default(),
        key: of("allow-shared-ip"),
        outputs: present(service, OUTPUTS),
        hint,
        ..Asked::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Code, Input, Options, Product, plan};

    #[test]
    fn objects_of_other_namespaces_and_lines_for_frr_are_named() {
        let pool = |namespace: &str| json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": "lan", "namespace": namespace}, "spec": {"addresses": ["10.0.0.0/24"], "new": 1}});
        let extra = json!({"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration", "metadata": {"name": "others", "namespace": "frr"}});
        let plan = plan(
            &Input::new(vec![pool("metallb-system"), pool("default"), extra]),
            Product::Metallb,
            &Options::default(),
        );
        assert_eq!(plan.objects.len(), 1);
        let codes: Vec<_> = plan.remarks.iter().map(|remark| remark.code).collect();
        assert_eq!(
            codes,
            [Code::ExtraRouterConfig, Code::NotCarriedOver, Code::NotInForce]
        );
        assert!(plan.remarks[1].object.ends_with("spec.new"), "{:?}", plan.remarks);
    }
}
