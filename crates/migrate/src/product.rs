use std::fmt;
use std::str::FromStr;

/// A provider of addresses that a cluster is moved from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// MetalLB.
    Metallb,
    /// kube-vip and its cloud provider.
    KubeVip,
    /// PureLB.
    Purelb,
    /// Cilium's LB-IPAM, layer 2 announcements and BGP control plane.
    Cilium,
    /// Calico.
    Calico,
    /// OpenELB.
    Openelb,
    /// loxilb.
    Loxilb,
    /// The ServiceLB of k3s.
    Servicelb,
}

/// A kind of objects that a plan is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its API group; empty: the core group.
    pub group: &'static str,
    /// The versions that are read, the best first.
    pub versions: &'static [&'static str],
    /// The kind.
    pub kind: &'static str,
    /// Its plural.
    pub plural: &'static str,
}

const fn listed(
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    plural: &'static str,
) -> Listed {
    Listed {
        group,
        versions,
        kind,
        plural,
    }
}

/// What is read whichever product it is: Services and Nodes tell what is so, workloads how the rival runs, Speakers which interfaces nodes have.
const COMMON: &[Listed] = &[
    listed("", &["v1"], "Service", "services"),
    listed("", &["v1"], "Node", "nodes"),
    listed("apps", &["v1"], "Deployment", "deployments"),
    listed("apps", &["v1"], "DaemonSet", "daemonsets"),
    listed("heraldlb.io", &["v1beta1"], "Speaker", "speakers"),
    listed("heraldlb.io", &["v1beta1"], "IPPool", "ippools"),
    listed("heraldlb.io", &["v1beta1"], "L2Advertisement", "l2advertisements"),
    listed(
        "heraldlb.io",
        &["v1beta1"],
        "BGPAdvertisement",
        "bgpadvertisements",
    ),
    listed("heraldlb.io", &["v1beta1"], "BGPPeer", "bgppeers"),
    listed("heraldlb.io", &["v1beta1"], "BFDProfile", "bfdprofiles"),
    listed("heraldlb.io", &["v1beta1"], "Community", "communities"),
];

const METALLB: &[Listed] = &[
    listed("metallb.io", &["v1beta1"], "IPAddressPool", "ipaddresspools"),
    listed("metallb.io", &["v1beta1"], "L2Advertisement", "l2advertisements"),
    listed(
        "metallb.io",
        &["v1beta1"],
        "BGPAdvertisement",
        "bgpadvertisements",
    ),
    listed("metallb.io", &["v1beta2", "v1beta1"], "BGPPeer", "bgppeers"),
    listed("metallb.io", &["v1beta1"], "BFDProfile", "bfdprofiles"),
    listed("metallb.io", &["v1beta1"], "Community", "communities"),
    listed("metallb.io", &["v1beta1"], "ServiceL2Status", "servicel2statuses"),
    listed(
        "frrk8s.metallb.io",
        &["v1beta1"],
        "FRRConfiguration",
        "frrconfigurations",
    ),
];
const KUBE_VIP: &[Listed] = &[
    listed("", &["v1"], "ConfigMap", "configmaps"),
    listed("", &["v1"], "Pod", "pods"),
    listed("coordination.k8s.io", &["v1"], "Lease", "leases"),
];
const PURELB: &[Listed] = &[
    listed("purelb.io", &["v2", "v1"], "ServiceGroup", "servicegroups"),
    listed("purelb.io", &["v2", "v1"], "LBNodeAgent", "lbnodeagents"),
    listed("bgp.purelb.io", &["v1"], "BGPConfiguration", "bgpconfigurations"),
];
const CILIUM: &[Listed] = &[
    listed(
        "cilium.io",
        &["v2", "v2alpha1"],
        "CiliumLoadBalancerIPPool",
        "ciliumloadbalancerippools",
    ),
    listed(
        "cilium.io",
        &["v2alpha1"],
        "CiliumL2AnnouncementPolicy",
        "ciliuml2announcementpolicies",
    ),
    listed(
        "cilium.io",
        &["v2", "v2alpha1"],
        "CiliumBGPClusterConfig",
        "ciliumbgpclusterconfigs",
    ),
    listed(
        "cilium.io",
        &["v2", "v2alpha1"],
        "CiliumBGPPeerConfig",
        "ciliumbgppeerconfigs",
    ),
    listed(
        "cilium.io",
        &["v2", "v2alpha1"],
        "CiliumBGPAdvertisement",
        "ciliumbgpadvertisements",
    ),
    listed(
        "cilium.io",
        &["v2", "v2alpha1"],
        "CiliumBGPNodeConfigOverride",
        "ciliumbgpnodeconfigoverrides",
    ),
    listed("coordination.k8s.io", &["v1"], "Lease", "leases"),
];
const CALICO: &[Listed] = &[
    listed("projectcalico.org", &["v3"], "IPPool", "ippools"),
    listed("projectcalico.org", &["v3"], "IPReservation", "ipreservations"),
    listed(
        "projectcalico.org",
        &["v3"],
        "BGPConfiguration",
        "bgpconfigurations",
    ),
    listed(
        "projectcalico.org",
        &["v3"],
        "KubeControllersConfiguration",
        "kubecontrollersconfigurations",
    ),
    listed(
        "projectcalico.org",
        &["v3"],
        "FelixConfiguration",
        "felixconfigurations",
    ),
    listed("crd.projectcalico.org", &["v1"], "IPPool", "ippools"),
    listed(
        "crd.projectcalico.org",
        &["v1"],
        "IPReservation",
        "ipreservations",
    ),
    listed(
        "crd.projectcalico.org",
        &["v1"],
        "BGPConfiguration",
        "bgpconfigurations",
    ),
    listed(
        "crd.projectcalico.org",
        &["v1"],
        "KubeControllersConfiguration",
        "kubecontrollersconfigurations",
    ),
    listed(
        "crd.projectcalico.org",
        &["v1"],
        "FelixConfiguration",
        "felixconfigurations",
    ),
];
const OPENELB: &[Listed] = &[
    listed("network.kubesphere.io", &["v1alpha2"], "Eip", "eips"),
    listed("network.kubesphere.io", &["v1alpha2"], "BgpConf", "bgpconfs"),
    listed("network.kubesphere.io", &["v1alpha2"], "BgpPeer", "bgppeers"),
];

macro_rules! products {
    ($($product:ident $word:literal $kinds:expr;)*) => {
        impl Product {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$product),*];

            /// Its word on the command line, and in front of names that are made up.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$product => $word,)*
                }
            }

            /// The kinds of objects of its own that a plan is made from.
            const fn own(self) -> &'static [Listed] {
                match self {
                    $(Self::$product => $kinds,)*
                }
            }
        }
    };
}

products! {
    Metallb "metallb" METALLB;
    KubeVip "kube-vip" KUBE_VIP;
    Purelb "purelb" PURELB;
    Cilium "cilium" CILIUM;
    Calico "calico" CALICO;
    Openelb "openelb" OPENELB;
    Loxilb "loxilb" &[];
    Servicelb "servicelb" &[];
}

impl Product {
    /// All kinds of objects that a plan is made from.
    pub fn kinds(self) -> impl Iterator<Item = Listed> {
        COMMON.iter().chain(self.own()).copied()
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Product {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|product| product.word() == text);
        known.copied().ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|product| product.word()).collect();
            format!("{text:?} is none of {}", words.join(", "))
        })
    }
}
