//! The command line of `herald-speaker`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use process::logging;

/// Tells the network where the addresses of Services are.
#[derive(Debug, Parser)]
#[command(name = "herald-speaker", version)]
pub struct Args {
    /// The namespace that Herald runs in: the Leases of its speakers live there.
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

    /// The spec.loadBalancerClass of the Services to announce.
    #[arg(long, default_value = "heraldlb.io/herald")]
    pub load_balancer_class: String,

    /// Leave Services without a loadBalancerClass to others.
    #[arg(long)]
    pub require_class: bool,

    /// Announce from this node even if it carries node.kubernetes.io/exclude-from-external-load-balancers.
    #[arg(long)]
    pub ignore_exclude_label: bool,

    /// Regular expressions of the interfaces never used, separated by commas; by default those of container networks.
    #[arg(long, value_delimiter = ',')]
    pub exclude_interfaces: Option<Vec<String>>,

    /// What is logged: error, warn, info, debug, trace, or a list of module=level.
    #[arg(long, default_value = "info")]
    pub log_level: logging::Level,

    /// How it is logged: json or text.
    #[arg(long, default_value = "json")]
    pub log_format: logging::Format,
}
