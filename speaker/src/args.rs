//! The command line of `herald-speaker`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use process::logging;

use crate::watch::datapath::HealthSource;

/// Tells the network where the addresses of Services are.
#[derive(Debug, Parser)]
#[command(name = "herald-speaker", version)]
pub struct Args {
    /// The namespace that Herald runs in.
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: String,

    /// The Node that this speaker runs on.
    #[arg(long, env = "NODE_NAME")]
    pub node_name: String,

    /// Where probes and metrics are served: /livez, /readyz, /metrics.
    #[arg(long, default_value = "0.0.0.0:7473")]
    pub listen: SocketAddr,

    /// A kubeconfig file; without it, the service account of the pod.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,

    /// A spec.loadBalancerClass of the Services to announce; may be given several times.
    #[arg(long, default_value = "heraldlb.io/herald")]
    pub load_balancer_class: Vec<String>,

    /// Leave Services without a loadBalancerClass to others.
    #[arg(long)]
    pub require_class: bool,

    /// Announce from this node even if it carries node.kubernetes.io/exclude-from-external-load-balancers.
    #[arg(long)]
    pub ignore_exclude_label: bool,

    /// Regular expressions of the interfaces never used, separated by commas; by default those of container networks.
    #[arg(long, value_delimiter = ',')]
    pub exclude_interfaces: Option<Vec<String>>,

    /// Announce by BGP alone: no frame is sent or looked at, which takes no capability and no user but an ordinary one.
    #[arg(long)]
    pub bgp_only: bool,

    /// A folder with the keys that all speakers share: `key`, and during a rotation `also`. Needed without --bgp-only.
    #[arg(long, required_unless_present = "bgp_only")]
    pub segment_keys: Option<PathBuf>,

    /// The UDP port on which speakers talk to each other, by multicast on the segments that they announce on. All speakers use the same;
    /// a firewall on the nodes has to let it in.
    #[arg(long, default_value_t = claim::PORT)]
    pub segment_port: u16,

    /// A folder for what a speaker keeps to go on while the API server is away. Without it, nothing is kept.
    #[arg(long)]
    pub state_dir: Option<PathBuf>,

    /// The DaemonSet that runs this speaker: while it is there, a speaker that is told to end expects to be replaced and moves
    /// nothing. Without it, a speaker that ends hands over what it holds.
    #[arg(long)]
    pub daemon_set: Option<String>,

    /// Where kube-proxy, or what stands in for it (Cilium, kube-router), says at /healthz whether it is ready: addresses with ports,
    /// separated by commas, of which the first that can tell counts; or off. A node where nobody answers counts as ready.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "127.0.0.1:10256,127.0.0.1:20244"
    )]
    pub kube_proxy_health: Vec<HealthSource>,

    /// Hand over everything when the node is cordoned, as if it were annotated heraldlb.io/drain-on-cordon: "true".
    #[arg(long)]
    pub drain_on_cordon: bool,

    /// Let BFD run before all ordinary processes of the node, by real-time scheduling. Takes the capability SYS_NICE.
    #[arg(long)]
    pub realtime_bfd: bool,

    /// Become this user and group as soon as the sockets are open that take the capability NET_RAW. Begins as root, with SETUID,
    /// SETGID, and CHOWN for --state-dir; by default the speaker stays the user that it is.
    #[arg(long, value_name = "UID")]
    pub user: Option<u32>,

    /// What is logged: error, warn, info, debug, trace, or a list of module=level.
    #[arg(long, default_value = "info")]
    pub log_level: logging::Level,

    /// How it is logged: json or text.
    #[arg(long, default_value = "json")]
    pub log_format: logging::Format,
}
