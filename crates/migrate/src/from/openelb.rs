//! OpenELB: Eips, and Services that opt in.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::draft::Draft;
use crate::plan::SecretSource;
use crate::remark::Code;
use crate::services::{Asked, addresses, annotation, class, finalizers, labels};
use crate::source::{Source, spec, text};

const GROUP: &str = "network.kubesphere.io";
const OPT_IN: &str = "lb.kubesphere.io/v1alpha1";
const ADDRESS: &str = "eip.openelb.kubesphere.io/v1alpha1";
const EIP: &str = "eip.openelb.kubesphere.io/v1alpha2";
const DEFAULT: &str = "eip.openelb.kubesphere.io/is-default-eip";
const FINALIZER: &str = "finalizer.lb.kubesphere.io/v1alpha1";
const RACK: &str = "openelb.kubesphere.io/rack";

pub(super) fn read(draft: &mut Draft<'_>) {
    for source in draft.input.of(GROUP, "Eip").collect::<Vec<_>>() {
        eip(draft, &source);
    }
    routers(draft);
    for service in draft
        .input
        .services()
        .iter()
        .filter(|service| class(service).is_none())
    {
        let asked = match annotation(service, &[OPT_IN]) {
            Some("openelb") => asked(service),
            // It would be Herald's, too, and nobody serves it today: the proof finds out whether it gets an address.
            Some(_) | None => Asked::default(),
        };
        let has_address = !config::service::assigned(service).is_empty();
        if annotation(service, &[OPT_IN]).is_some() || !has_address {
            draft.serves(service, asked);
        }
    }
}

fn eip(draft: &mut Draft<'_>, source: &Source<'_>) {
    let word = source.word();
    let entries = draft.entries(&word, &source.texts_or_text("spec.address"));
    let is_default = source.object["metadata"]["annotations"][DEFAULT] == "true";
    let namespaces = source.texts("spec.namespaces");
    let selector = source
        .same("spec.namespaceSelector")
        .filter(|selector| selector.as_object().is_some_and(|labels| !labels.is_empty()));
    let is_disabled = source.bool("spec.disable") == Some(true);
    if is_disabled {
        draft.say(
            Code::Differs,
            format!("{word} spec.disable"),
            "Herald still gives an address of it to a Service that asks for one",
        );
    }
    let is_automatic = is_default || !namespaces.is_empty() || selector.is_some();
    let priority = source
        .take("spec.priority")
        .and_then(Value::as_u64)
        .filter(|priority| *priority != 0 && !is_default);
    let allocation = spec([
        ("priority", priority.map(|priority| (priority + 1).into())),
        ("namespaces", Some(json!(namespaces)).filter(|_| !is_default)),
        (
            "namespaceSelectors",
            selector
                .filter(|_| !is_default)
                .map(|labels| json!([{"matchLabels": labels}])),
        ),
    ]);
    let fields = spec([
        ("autoAssign", (!is_automatic || is_disabled).then(|| false.into())),
        ("serviceAllocation", Some(allocation)),
    ]);
    let interface = source.text("spec.interface");
    let protocol = source.text("spec.protocol").unwrap_or_else(|| "bgp".to_owned());
    source.take("spec.usingKnownIPs");
    draft.rest(source);
    let name = draft.name("IPPool", source.name());
    draft.pool(&name, entries, Vec::new(), fields, word.clone());
    if protocol == "bgp" {
        let named = draft.name("BGPAdvertisement", &name);
        draft.object("BGPAdvertisement", &named, json!({"ipPools": [name]}), word);
        draft.announced.bgp = true;
        return;
    }
    if protocol == "vip" {
        draft.say(
            Code::Datapath,
            format!("{word} spec.protocol"),
            "keepalived puts the address on a node; Herald answers for it by ARP and NDP",
        );
    }
    let mut fields = json!({"ipPools": [name]});
    match interface.as_deref() {
        Some(text) if text.starts_with("can_reach:") => {
            let text = format!(
                "the interface is the one by which a node reaches {}: name it in the L2Advertisement",
                &text["can_reach:".len()..]
            );
            draft.say(Code::NodesUnknown, format!("{word} spec.interface"), text);
        }
        Some(interface) => fields["interfaces"] = json!([interface]),
        None => {}
    }
    let named = draft.name("L2Advertisement", &name);
    draft.object("L2Advertisement", &named, fields, word);
    draft.announced.layer2 = true;
}

fn routers(draft: &mut Draft<'_>) {
    let conf = draft.input.of(GROUP, "BgpConf").next();
    let (mut asn, mut racks) = (None, Vec::new());
    if let Some(conf) = conf {
        asn = conf.same("spec.as").filter(|asn| *asn != 0);
        for (rack, asn) in conf
            .take("spec.asPerRack")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            racks.push((rack.clone(), asn.clone()));
        }
        if conf.text("spec.routerId").is_some() {
            draft.dropped(
                &conf,
                "spec.routerId",
                "one for all nodes; Herald's nodes each have their own",
            );
        }
        for path in [
            "spec.listenPort",
            "spec.listenAddresses",
            "spec.families",
            "spec.useMultiplePaths",
            "spec.gracefulRestart",
        ] {
            conf.take(path);
        }
        if conf.take("spec.policy").is_some() {
            draft.say(
                Code::ExtraRouterConfig,
                format!("{} spec.policy", conf.word()),
                "Herald has no policies: advertisements say what routes carry",
            );
        }
        draft.rest(&conf);
    }
    for peer in draft.input.of(GROUP, "BgpPeer").collect::<Vec<_>>() {
        match racks.is_empty() {
            true => router(draft, &peer, asn.clone(), None),
            false => {
                for (rack, asn) in &racks {
                    router(draft, &peer, Some(asn.clone()), Some(rack));
                }
            }
        }
    }
}

fn router(draft: &mut Draft<'_>, peer: &Source<'_>, my_asn: Option<Value>, rack: Option<&str>) {
    let word = peer.word();
    if peer.bool("spec.transport.passiveMode") == Some(true) {
        draft.say(
            Code::RouterMustAccept,
            &word,
            "the router dials; Herald does, and does not listen: have the router accept",
        );
    }
    for path in ["spec.policy", "spec.addPaths"] {
        if peer.take(path).is_some() {
            draft.say(
                Code::ExtraRouterConfig,
                format!("{word} {path}"),
                "Herald has nothing of the kind",
            );
        }
    }
    let time = |draft: &mut Draft<'_>, name: &str| draft.time(peer, &format!("spec.timers.config.{name}"));
    let (hold, keepalive) = (time(draft, "holdTime"), time(draft, "keepaliveInterval"));
    let name = match rack {
        Some(rack) => format!("{}-{rack}", peer.name()),
        None => peer.name().to_owned(),
    };
    let name = draft.name("BGPPeer", &name);
    let mut selector = peer.same("spec.nodeSelector");
    if let Some(rack) = rack {
        let mut with_rack = selector.unwrap_or_else(|| json!({}));
        with_rack["matchLabels"][RACK] = rack.into();
        selector = Some(with_rack);
    }
    let password = peer
        .take("spec.conf.authPassword")
        .and_then(text)
        .filter(|password| !password.is_empty())
        .map(|_| {
            let object = format!("bgppeers.network.kubesphere.io//{}", peer.name());
            draft.secret(
                &format!("{name}-password"),
                SecretSource::Field {
                    object,
                    path: "spec.conf.authPassword".to_owned(),
                },
            )
        });
    let graceful = peer
        .take("spec.gracefulRestart.config.enabled")
        .or_else(|| peer.take("spec.gracefulRestart.enabled"));
    let fields = spec([
        (
            "myASN",
            peer.same("spec.conf.localAs").filter(|asn| *asn != 0).or(my_asn),
        ),
        ("peerASN", peer.same("spec.conf.peerAs")),
        ("peerAddress", peer.same("spec.conf.neighborAddress")),
        (
            "peerPort",
            peer.same("spec.transport.remotePort")
                .filter(|port| *port != 179 && *port != 0),
        ),
        ("holdTime", hold),
        ("keepaliveTime", keepalive),
        (
            "enableGracefulRestart",
            graceful.filter(|on| **on == true).cloned(),
        ),
        ("passwordSecret", password),
        ("nodeSelectors", selector.map(|selector| json!([selector]))),
    ]);
    draft.rest(peer);
    draft.object("BGPPeer", &name, fields, word);
}

fn asked(service: &Service) -> Asked {
    // The label of the same key is OpenELB's own word.
    let named = annotation(service, &[EIP]).map(str::to_owned);
    Asked {
        pools: named.into_iter().collect(),
        addresses: annotation(service, &[ADDRESS]).map(addresses).unwrap_or_default(),
        shares_without_key: true,
        labels: labels(service, &[EIP]),
        finalizers: finalizers(service, &[FINALIZER]),
        ..Asked::default()
    }
}
