//! A real Kubernetes cluster in network namespaces of one Linux machine, for suites and for people.
//!
//! etcd, API server, controller manager and scheduler run in one namespace, every node and every other host in one of
//! its own, all plugged into a bridge: the LAN 192.168.1.0/24 and fd00:1::/64. The API server is reached from outside
//! over a port of 127.0.0.1 only. Labs of different names do not see each other.
//!
//! ```no_run
//! use std::time::Duration;
//! use lab::{Lab, NodeKind, Spec};
//!
//! # fn main() -> anyhow::Result<()> {
//! let lab = Lab::up(Spec { nodes: 3, ..Spec::new("example", NodeKind::Process) })?;
//! let backend = lab.backend("web1")?;
//! lab.load_balancer("web", &[&backend])?;
//!
//! let mut speaker = std::process::Command::new("target/debug/herald-speaker");
//! speaker.args(["--node-name", "n1", "--namespace", "default", "--kubeconfig"]);
//! speaker.arg(lab.kubeconfig_for("herald-speaker", Some("system:masters"))?);
//! let speaker = lab.spawn("n1", "speaker", speaker)?;
//!
//! let mac = speaker.wait_for("an answer", Duration::from_secs(10), || {
//!     lab.exec("client", &["ping", "-c1", "-W1", "192.168.1.200"])?;
//!     Ok(lab.neighbour("client", "192.168.1.200".parse()?)?.and_then(|entry| entry.mac))
//! })?;
//! assert_eq!(lab.host_with_mac(&mac).map(|host| host.name).as_deref(), Some("n1"));
//! lab.unplug("n1")?;
//! lab.down()
//! # }
//! ```
//!
//! What a lab made ends with it: when it is taken down, when the value is dropped (so also when a test panics), and,
//! when its process was killed, by the next lab that comes up. Everything runs in control groups that bear the lab's
//! name, and only what is found there, or was recorded before it was made, is ever killed or removed.
#![forbid(unsafe_code)]

mod audit;
mod backend;
mod cgroup;
mod clock;
mod components;
mod connections;
mod control_plane;
mod demo;
mod faults;
mod forgetting;
mod helm;
mod history;
mod host;
mod interrupt;
mod kubectl;
mod kubelet_node;
mod lab;
mod netns;
mod observe;
mod pki;
mod plan;
mod probe;
mod process;
mod process_node;
mod router;
mod run;
mod scripted;
mod spec;
mod state;
mod steps;
mod sweep;
mod topology;
mod usage;
mod watch;
mod wire;

pub use audit::AuditEvent;
pub use backend::Backend;
pub use clock::{stamp, wait_for};
pub use components::{ComponentSettings, Components};
pub use connections::{Connection, Connections};
pub use demo::demo;
pub use faults::Direction;
pub use history::{History, Story, Version};
pub use interrupt::{catch_signals, interrupted};
pub use lab::Lab;
pub use nix::sys::signal::Signal;
pub use observe::Neighbour;
pub use plan::Host;
pub use probe::{Probe, Seen};
pub use process::{Process, ProcessId};
pub use router::{Bird, Frr, Learned, Router};
pub use run::Output;
pub use scripted::{ScriptedPeer, Session};
pub use spec::Spec;
pub use state::NodeKind;
pub use steps::{Steps, seconds};
pub use sweep::sweep_abandoned;
pub use watch::Watch;
pub use wire::{Heard, Mac, Said, Wire};
