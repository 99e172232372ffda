//! Herald on a lab: what the suites in `tests/` start from.
//!
//! `on_process_nodes` runs Herald's binaries as processes in namespaces, where every fault can be injected; `on_kubelet_nodes`
//! installs the chart on nodes with containers.
#![forbid(unsafe_code)]

mod bed;
mod binaries;
mod routers;

pub use bed::{
    ADMINISTRATOR, BGP_POOL, Bed, CLIENTS, ELECTION, KEY, Learns, POOL, POOL_V6, User, Watched, on,
};
pub use binaries::{binary, image, plugin, root};
pub use routers::{Neighbour, Peering};
