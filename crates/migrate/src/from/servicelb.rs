//! The ServiceLB of k3s: Services show addresses of nodes, which Herald never gives.

use serde_json::json;

use crate::draft::Draft;
use crate::remark::Code;
use crate::services::{Asked, class, finalizers, present, twin};

const FINALIZERS: &[&str] = &[
    "service.kubernetes.io/load-balancer-cleanup",
    "svccontroller.k3s.cattle.io/daemonset",
];
const LABELS: &[&str] = &[
    "svccontroller.k3s.cattle.io/tolerations",
    "svccontroller.k3s.cattle.io/priorityclassname",
];

pub(super) fn read(draft: &mut Draft<'_>) {
    if let Some((name, addresses)) = draft.options.new_addresses.clone() {
        let entries = draft.entries("--new-addresses", &[addresses]);
        let name = draft.name("IPPool", &name);
        draft.pool(&name, entries, Vec::new(), json!({}), "--new-addresses");
        let advertisement = draft.name("L2Advertisement", &name);
        draft.object(
            "L2Advertisement",
            &advertisement,
            json!({"ipPools": [name]}),
            "--new-addresses",
        );
        draft.announced.layer2 = true;
    }
    for service in draft
        .input
        .services()
        .iter()
        .filter(|service| class(service).is_none())
    {
        let name = config::service::name(service).to_string();
        for key in present(service, LABELS) {
            draft.say(
                Code::NotCarriedOver,
                format!("{name} {key}"),
                "there are no pods for a Service any more",
            );
        }
        let has_way = draft.options.new_addresses.is_some() && draft.options.twins.contains(&name);
        let asked = Asked {
            new_address: true,
            finalizers: finalizers(service, FINALIZERS),
            ..Asked::default()
        };
        draft.serves(service, asked);
        if has_way {
            draft.twins.push((name.clone(), twin(service)));
            let text = format!(
                "{name}-herald gets an address of the new pool; move DNS to it, and delete {name} then; Herald is to run with requireClass=true until it is gone"
            );
            draft.say(Code::TwinNeeded, &name, text);
        } else {
            let text = format!(
                "it shows addresses of nodes, which stay the nodes': --new-addresses POOL=RANGE --twin {name} makes a Service beside it with an address of its own, or --leave-out {name}"
            );
            draft.say(Code::NodeAddress, &name, text);
        }
    }
}
