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

    /// Mark the pods of a node as not ready as soon as most speakers say that it is dead, where their Services have other endpoints.
    #[arg(long)]
    pub(crate) mark_dead_endpoints: bool,

    /// The node that this replica runs on: nobody finds out about its own node whether that is dead.
    #[arg(long, env = "NODE_NAME")]
    pub(crate) node: Option<String>,

    /// The TCP port of kubelets: one that answers lives.
    #[arg(long, default_value_t = 10250)]
    pub(crate) kubelet_port: u16,

    /// The Lease, in the namespace that Herald runs in, on which the replicas of one release elect their leader.
    #[arg(long, default_value = "herald-controller")]
    pub(crate) lease_name: String,

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
