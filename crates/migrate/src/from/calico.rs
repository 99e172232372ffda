//! Calico: its controller gives addresses, its nodes go on announcing them.

use serde_json::{Value, json};

use crate::addresses::entry;
use crate::draft::Draft;
use crate::remark::Code;
use crate::selector;
use crate::services::{Asked, annotation, class};
use crate::source::{Source, spec};

const GROUPS: [&str; 2] = ["projectcalico.org", "crd.projectcalico.org"];
const CLASS: &str = "calico";

pub(super) fn read(draft: &mut Draft<'_>) {
    let on_request = of(draft, "KubeControllersConfiguration").iter().any(|source| {
        let path = "spec.controllers.loadBalancer.assignIPs";
        source.text(path).as_deref() == Some("RequestedServicesOnly")
    });
    for source in of(draft, "IPPool") {
        let uses = source.texts("spec.allowedUses");
        if uses.iter().any(|word| word == "LoadBalancer") {
            pool(draft, &source, on_request);
        }
    }
    let answers_for_all = of(draft, "FelixConfiguration").iter().any(|source| {
        source.text("spec.localSubnetL2Reachability").as_deref() == Some("PodsAndLoadBalancers")
    });
    if answers_for_all {
        let text = "Calico's nodes answer for every address of a load balancer in their subnet: Herald's layer 2 comes only after localSubnetL2Reachability is Pods or Disabled everywhere";
        draft.say(
            Code::AnswersForAll,
            "FelixConfiguration/default spec.localSubnetL2Reachability",
            text,
        );
    }
    let text = "its session carries routes of pods, and a router takes one session from one address: Calico goes on announcing what the statuses show; conditions heraldlb.io/Announced stay without a node, which is as it should be";
    draft.say(Code::GoesOnAnnouncing, "BGP", text);
    draft.announced.by_rival = true;
    services(draft);
}

fn of<'a>(draft: &Draft<'a>, kind: &'static str) -> Vec<Source<'a>> {
    let mut found: Vec<Source<'a>> = Vec::new();
    for source in GROUPS.iter().flat_map(|group| draft.input.of(group, kind)) {
        // Both groups show the same objects.
        if !found.iter().any(|known| known.name() == source.name()) {
            found.push(source);
        }
    }
    found
}

fn pool(draft: &mut Draft<'_>, source: &Source<'_>, on_request: bool) {
    let word = source.word();
    let cidr = source.text("spec.cidr").unwrap_or_default();
    let entries = draft.entries(&word, std::slice::from_ref(&cidr));
    let is_manual = source.text("spec.assignmentMode").as_deref() == Some("Manual");
    let is_disabled = source.bool("spec.disabled") == Some(true);
    if is_disabled {
        draft.say(
            Code::Differs,
            format!("{word} spec.disabled"),
            "Herald still gives an address of it to a Service that asks for one",
        );
    }
    for path in [
        "spec.allowedUses",
        "spec.nodeSelector",
        "spec.blockSize",
        "spec.ipipMode",
        "spec.vxlanMode",
        "spec.natOutgoing",
        "spec.disableBGPExport",
    ] {
        source.take(path);
    }
    let allocation = source
        .text("spec.namespaceSelector")
        .and_then(|text| allocation(draft, &word, &text));
    let reserved = of(draft, "IPReservation")
        .into_iter()
        .flat_map(|source| source.texts("spec.reservedCIDRs"));
    let mut exclude = Vec::new();
    for text in reserved {
        let meets = entry(&text)
            .is_some_and(|reserved| entries.iter().any(|entry| entry.range.overlaps(&reserved.range)));
        if meets {
            exclude.push(text);
        }
    }
    let fields = spec([
        (
            "autoAssign",
            (is_manual || is_disabled || on_request).then(|| false.into()),
        ),
        ("serviceAllocation", allocation),
    ]);
    draft.rest(source);
    let name = draft.name("IPPool", source.name());
    draft.pool(&name, entries, exclude, fields, word);
}

fn allocation(draft: &mut Draft<'_>, word: &str, text: &str) -> Option<Value> {
    const NAME: &str = "kubernetes.io/metadata.name";
    let Some(selectors) = selector::expression(text, NAME) else {
        let text = format!(
            "{text:?} says what a label selector cannot: write namespaces or namespaceSelectors into the IPPool yourself"
        );
        draft.say(
            Code::SelectorNotTranslatable,
            format!("{word} spec.namespaceSelector"),
            text,
        );
        return None;
    };
    if selectors.iter().any(|selector| *selector == json!({})) {
        return None;
    }
    let (mut namespaces, mut rest) = (Vec::new(), Vec::new());
    for selector in selectors {
        let split = selector::split(&selector, NAME, "");
        let only_names =
            !split.namespaces.is_empty() && split.namespace_selectors.is_empty() && split.rest.is_none();
        match only_names {
            true => namespaces.extend(split.namespaces),
            false => rest.push(selector),
        }
    }
    Some(spec([
        ("namespaces", Some(json!(namespaces))),
        ("namespaceSelectors", Some(json!(rest))),
    ]))
}

fn services(draft: &mut Draft<'_>) {
    for service in draft.input.services() {
        match class(service) {
            None => {}
            Some(CLASS) => {
                draft.classes.insert(CLASS.to_owned());
            }
            Some(_) => continue,
        }
        let listed = |key: &str| {
            let text = annotation(service, &[key]).unwrap_or("[]");
            serde_json::from_str::<Vec<String>>(text).unwrap_or_default()
        };
        let pools = listed("projectcalico.org/ipv4pools")
            .into_iter()
            .chain(listed("projectcalico.org/ipv6pools"));
        let pools = pools.map(|pool| name_of(draft, pool)).collect();
        let addresses = listed("projectcalico.org/loadBalancerIPs")
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        draft.serves(
            service,
            Asked {
                pools,
                addresses,
                ..Asked::default()
            },
        );
    }
}

/// Pools are named by name or by prefix.
fn name_of(draft: &Draft<'_>, pool: String) -> String {
    let by_prefix = draft
        .pools
        .iter()
        .find(|known| known.entries.iter().any(|entry| entry.text == pool));
    by_prefix.map_or(pool, |known| known.name.clone())
}
