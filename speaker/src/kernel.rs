//! What the kernel is asked and told: links and addresses, packet sockets, IPVS.

pub mod ipvs;
pub mod links;
pub mod packet;
pub mod reserve;
pub mod version;
