use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use process::logging;

/// Gives Services of type LoadBalancer their addresses.
#[derive(Debug, Parser)]
#[command(name = "herald-controller", version)]
pub(crate) struct Args {
    /// The namespace that Herald runs in: its Leases live there.
    #[arg(long, env = "POD_NAMESPACE")]
    pub(crate) namespace: String,

    /// Who this replica is in the election of the leader; unique, such as the name of its pod.
    #[arg(long, env = "POD_NAME")]
    pub(crate) identity: String,

    /// Where probes and metrics are served: /livez, /readyz, /metrics.
    #[arg(long, default_value = "0.0.0.0:7472")]
    pub(crate) listen: SocketAddr,

    /// A kubeconfig file; without it, the service account of the pod.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The spec.loadBalancerClass of the Services to serve.
    #[arg(long, default_value = "heraldlb.io/herald")]
    pub(crate) load_balancer_class: Vec<String>,

    /// Leave Services without a loadBalancerClass to others.
    #[arg(long)]
    pub(crate) require_class: bool,

    /// The Secret with the key of the speakers, in the namespace that Herald runs in: the leader makes it if there is none.
    #[arg(long)]
    pub(crate) segment_secret: Option<String>,

    /// How long a standby waits after the last sign of a leader before it takes over.
    #[arg(long, default_value = "15s", value_parser = humantime::parse_duration)]
    pub(crate) lease_duration: Duration,

    /// How long a leader that cannot renew its lease goes on.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) renew_deadline: Duration,

    /// How often a leader renews its lease.
    #[arg(long, default_value = "3s", value_parser = humantime::parse_duration)]
    pub(crate) retry_period: Duration,

    /// What is logged: error, warn, info, debug, trace, or a list of module=level.
    #[arg(long, default_value = "info")]
    pub(crate) log_level: logging::Level,

    /// How it is logged: json or text.
    #[arg(long, default_value = "json")]
    pub(crate) log_format: logging::Format,
}
