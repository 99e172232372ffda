//! loxilb: pools are arguments of kube-loxilb, and the status shows a name.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::draft::Draft;
use crate::remark::Code;
use crate::services::{Asked, addresses, annotation, class, present};
use crate::source::spec;

const CLASS: &str = "loxilb.io/loxilb";
const WORD: &str = "loxilb";
/// What its datapath does beyond forwarding.
const EXTRAS: &[&str] = &[
    "loxilb.io/secondaryIPs",
    "loxilb.io/ipam",
    "loxilb.io/lbmode",
    "loxilb.io/liveness",
    "loxilb.io/probetype",
    "loxilb.io/useproxyprotov2",
    "loxilb.io/multus-nets",
    "loxilb.io/egress",
];

pub(super) fn read(draft: &mut Draft<'_>) {
    let mut pools = Vec::new();
    for argument in ["cidrPools", "cidr6Pools", "externalCIDR"] {
        let Some(text) = draft.input.setting(WORD, argument) else {
            continue;
        };
        for entry in text.split(',') {
            let (name, addresses) = entry.split_once('=').unwrap_or(("defaultPool", entry));
            let is_automatic = pools.is_empty() || name == "defaultPool";
            pool(draft, argument, name, addresses, is_automatic);
            pools.push(name.to_owned());
        }
    }
    routers(draft);
    let names: Vec<_> = draft.pools.iter().map(|pool| pool.name.clone()).collect();
    if !names.is_empty() {
        let kind = if draft.announced.bgp {
            "BGPAdvertisement"
        } else {
            "L2Advertisement"
        };
        let name = draft.name(kind, WORD);
        draft.object(kind, &name, json!({"ipPools": names}), "arguments of kube-loxilb");
        draft.announced.layer2 = !draft.announced.bgp;
    }
    for service in draft
        .input
        .services()
        .iter()
        .filter(|service| class(service) == Some(CLASS))
    {
        draft.classes.insert(CLASS.to_owned());
        let asked = asked(draft, service);
        draft.serves(service, asked);
    }
}

fn pool(draft: &mut Draft<'_>, argument: &str, name: &str, addresses: &str, is_automatic: bool) {
    let source = format!("--{argument} {name}");
    let entries = draft.entries(&source, &[addresses.to_owned()]);
    // Both families may be of one name.
    let known = draft
        .pools
        .iter_mut()
        .find(|pool| pool.source.ends_with(&format!(" {name}")));
    if let Some(known) = known {
        known.entries.extend(entries);
        return;
    }
    let name = draft.name("IPPool", name);
    let fields = spec([("autoAssign", (!is_automatic).then(|| Value::from(false)))]);
    draft.pool(&name, entries, Vec::new(), fields, source);
}

fn routers(draft: &mut Draft<'_>) {
    let Some(text) = draft.input.setting(WORD, "extBGPPeers") else {
        return;
    };
    let my_asn = draft
        .input
        .setting(WORD, "setBGP")
        .and_then(|text| text.parse::<u32>().ok())
        .unwrap_or(64512);
    for entry in text.split(',') {
        let Some((address, asn)) = entry.rsplit_once(':') else {
            draft.say(
                Code::Unreadable,
                "--extBGPPeers",
                format!("{entry:?} is no address with an AS number"),
            );
            continue;
        };
        let name = draft.name("BGPPeer", &format!("{WORD}-{address}"));
        let fields = spec([
            ("myASN", Some(my_asn.into())),
            ("peerASN", asn.parse::<u32>().ok().map(Value::from)),
            ("peerAddress", Some(address.trim_matches(['[', ']']).into())),
        ]);
        draft.object("BGPPeer", &name, fields, "--extBGPPeers");
        draft.announced.bgp = true;
    }
}

fn asked(draft: &mut Draft<'_>, service: &Service) -> Asked {
    let name = config::service::name(service).to_string();
    let text = "connections go through kube-proxy and no longer through loxilb: pods see other source addresses, and connections that there are break";
    draft.say(Code::Datapath, &name, text);
    for extra in present(service, EXTRAS) {
        draft.say(
            Code::Datapath,
            format!("{name} {extra}"),
            "Herald has nothing of the kind",
        );
    }
    let of_hostname = of_hostname(service);
    if !of_hostname.is_empty() {
        let text =
            "its status shows a name, and will show the address: whoever reads EXTERNAL-IP sees another text";
        draft.say(Code::HostnameGone, &name, text);
    }
    let requested = annotation(service, &["loxilb.io/staticIP"])
        .map(addresses)
        .unwrap_or_default();
    Asked {
        pools: annotation(service, &["loxilb.io/poolSelect"])
            .map(|pool| name_of(draft, pool))
            .into_iter()
            .collect(),
        // Without a request Herald would give it another address.
        addresses: if of_hostname.is_empty() {
            requested
        } else {
            of_hostname.clone()
        },
        addresses_of_hostname: of_hostname,
        shares_without_key: true,
        ..Asked::default()
    }
}

fn name_of(draft: &Draft<'_>, pool: &str) -> String {
    let known = draft
        .pools
        .iter()
        .find(|known| known.source.ends_with(&format!(" {pool}")));
    known.map_or_else(|| pool.to_owned(), |known| known.name.clone())
}

/// `llb-198.51.100.10`, and with a zone between.
fn of_hostname(service: &Service) -> Vec<IpAddr> {
    let status = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref());
    let ingress = status
        .and_then(|status| status.ingress.as_ref())
        .into_iter()
        .flatten();
    let names = ingress.filter_map(|entry| entry.hostname.as_deref());
    names
        .filter(|name| name.starts_with("llb"))
        .filter_map(|name| name.rsplit_once('-')?.1.parse().ok())
        .collect()
}
