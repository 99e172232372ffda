//! The way there and back. Herald starts on the node that answers now, so that nothing moves.

use crate::draft::Announced;
use crate::input::Input;
use crate::plan::{Plan, Role, Step, Workload};
use crate::product::Product;

/// How a product's parts are stopped and started again.
struct Parts {
    /// What gives addresses, off.
    controller_off: &'static str,
    controller_on: &'static str,
    /// What announces, off.
    announcers_off: &'static str,
    announcers_on: &'static str,
}

const fn parts(product: Product) -> Parts {
    match product {
        Product::Metallb => Parts {
            controller_off: "kubectl -n metallb-system scale deployment controller --replicas 0; never delete its pools while it runs: it would wipe the statuses",
            controller_on: "kubectl -n metallb-system scale deployment controller --replicas 1, after its pools are seen to be complete",
            announcers_off: "give the DaemonSet speaker in metallb-system a node selector that no node meets (heraldlb.io/migrated-away: \"true\")",
            announcers_on: "take that node selector away",
        },
        Product::KubeVip => Parts {
            controller_off: "kubectl -n kube-system scale deployment kube-vip-cloud-provider --replicas 0",
            controller_on: "scale it back",
            announcers_off: "set svc_enable to \"false\" in kube-vip's DaemonSet, or by hand in each static pod; end its pods normally, never by force: the kernel would go on answering",
            announcers_on: "set svc_enable back to \"true\"",
        },
        Product::Purelb => Parts {
            controller_off: "kubectl -n purelb-system scale deployment allocator --replicas 0",
            controller_on: "scale it back",
            announcers_off: "give the DaemonSet lbnodeagent in purelb-system a node selector that no node meets (heraldlb.io/migrated-away: \"true\")",
            announcers_on: "take that node selector away",
        },
        Product::Cilium => Parts {
            controller_off: "helm upgrade cilium … --reuse-values --set enableLBIPAM=false, and restart cilium-operator: never delete its pools while it runs with LB-IPAM",
            controller_on: "enableLBIPAM=true again, after its pools are seen to be complete",
            announcers_off: "delete the CiliumL2AnnouncementPolicies (keep a copy); BGP stays as it is where Cilium goes on announcing",
            announcers_on: "apply the CiliumL2AnnouncementPolicies again",
        },
        Product::Calico => Parts {
            controller_off: "take controllers.loadBalancer out of KubeControllersConfiguration default and restart calico-kube-controllers: never edit assignIPs while it runs, and never delete its last pool: both wipe the statuses",
            controller_on: "put controllers.loadBalancer back and restart calico-kube-controllers",
            announcers_off: "nothing: calico-node goes on announcing what the statuses show",
            announcers_on: "nothing",
        },
        Product::Openelb => Parts {
            controller_off: "kubectl -n openelb-system scale deployment openelb-controller --replicas 0; never take its label or annotation off a Service while it runs: it would wipe the status",
            controller_on: "scale it back, after its Eips are seen to be complete",
            announcers_off: "give the DaemonSet openelb-speaker in openelb-system a node selector that no node meets (heraldlb.io/migrated-away: \"true\")",
            announcers_on: "take that node selector away",
        },
        Product::Loxilb => Parts {
            controller_off: "kubectl -n kube-system scale deployment kube-loxilb --replicas 0",
            controller_on: "scale it back",
            announcers_off: "end loxilb: connections that go through it break, for its datapath is its own",
            announcers_on: "start loxilb",
        },
        Product::Servicelb => Parts {
            controller_off: "after DNS has moved and the old Services are gone: start k3s with --disable=servicelb",
            controller_on: "start k3s without it",
            announcers_off: "nothing: its pods go with their Services",
            announcers_on: "nothing",
        },
    }
}

pub(crate) fn of(plan: &Plan, product: Product, announced: Announced) -> Vec<Step> {
    if product == Product::Servicelb {
        return twins(plan);
    }
    let parts = parts(product);
    let mut steps = vec![
        step(
            "install",
            "install Herald with controller.enabled=false and without pools, so that it is silent; tell Flux, Argo CD and operators to leave the other provider alone",
            "a Speaker for each node, each Ready",
            "helm uninstall herald",
        ),
        step(
            "annotate",
            "add Herald's annotations to Services; the other provider does not read them",
            "each Service has them and shows the addresses that it had",
            "take them away",
        ),
        step(
            "freeze",
            parts.controller_off,
            "no pod of it is left, and the statuses are as before; new Services wait from here to the step adopt",
            parts.controller_on,
        ),
        step(
            "pools",
            "apply the Secrets, IPPools, BFDProfiles and Communities",
            "all are there as planned",
            "delete them",
        ),
    ];
    if announced.layer2 && !announced.by_rival {
        steps.push(step(
            "announce",
            "label each Service with the node that answers for it, apply an L2Advertisement for each such node that prefers it, then the permanent ones",
            "Herald answers for each Service from its node, which is the one that clients reach already",
            "delete the advertisements: Herald is silent, and the other provider was never stopped",
        ));
    }
    if announced.bgp && !announced.by_rival {
        steps.push(step(
            "route",
            "apply the BGPPeers for nodes with the label heraldlb.io/migrate-bgp and the BGPAdvertisements; then for one node after the other: end the other provider's speaker there, and label the node",
            "the session of that node is Established and has sent its routes, before the next node",
            "take the label off the node, and start the other speaker there",
        ));
    }
    steps.push(step(
        "silence",
        parts.announcers_off,
        "no pod of it is left",
        parts.announcers_on,
    ));
    steps.push(step(
        "adopt",
        "scale Herald's controller to its replicas: it claims what the statuses show, one write for each Service",
        "each Service has its addresses, and the condition heraldlb.io/Allocated says True",
        "scale Herald's controller to 0, and write the statuses back as they were",
    ));
    steps.push(step(
        "tidy",
        "take away finalizers, labels and annotations that the other provider wrote for itself, the labels of nodes on Services, and the advertisements that prefer a node",
        "each Service is held where it was",
        "nothing is to be undone",
    ));
    steps
}

/// The images of a product's workloads, where it has any that can be stopped by themselves.
const fn images(product: Product) -> &'static [(Role, &'static str, &'static str)] {
    match product {
        Product::Metallb => &[
            (Role::Controller, "Deployment", "metallb/controller"),
            (Role::Announcer, "DaemonSet", "metallb/speaker"),
        ],
        Product::Purelb => &[
            (Role::Controller, "Deployment", "purelb/allocator"),
            (Role::Announcer, "DaemonSet", "purelb/lbnodeagent"),
        ],
        Product::Openelb => &[
            (Role::Controller, "Deployment", "openelb-controller"),
            (Role::Announcer, "DaemonSet", "openelb-speaker"),
        ],
        Product::KubeVip | Product::Cilium | Product::Calico | Product::Loxilb | Product::Servicelb => &[],
    }
}

/// The workloads that are stopped.
pub(crate) fn workloads(input: &Input, product: Product) -> Vec<Workload> {
    let mut found = Vec::new();
    for (role, kind, word) in images(product) {
        for source in input.of("apps", kind) {
            let containers = source.list("spec.template.spec.containers").iter();
            let mut images = containers.filter_map(|container| container["image"].as_str());
            if images.any(|image| image.contains(word)) {
                let (namespace, name) = (source.namespace().to_owned(), source.name().to_owned());
                found.push(Workload {
                    role: *role,
                    kind: (*kind).to_owned(),
                    namespace,
                    name,
                });
            }
        }
    }
    found
}

fn twins(plan: &Plan) -> Vec<Step> {
    let created = plan
        .services
        .iter()
        .filter(|service| service.twin.is_some())
        .count();
    let parts = parts(Product::Servicelb);
    vec![
        step(
            "pools",
            "apply the IPPools and L2Advertisements, with requireClass=true in Herald's values",
            "all are there as planned",
            "delete them",
        ),
        Step {
            name: "twins".to_owned(),
            does: format!(
                "create {created} Services beside the old ones, of class heraldlb.io/herald, which ServiceLB ignores; then move DNS to their addresses"
            ),
            check: "each has an address and answers".to_owned(),
            undo: "delete them".to_owned(),
        },
        step(
            "silence",
            parts.controller_off,
            "no old Service is left",
            parts.controller_on,
        ),
    ]
}

fn step(name: &str, does: &str, check: &str, undo: &str) -> Step {
    Step {
        name: name.to_owned(),
        does: does.to_owned(),
        check: check.to_owned(),
        undo: undo.to_owned(),
    }
}
