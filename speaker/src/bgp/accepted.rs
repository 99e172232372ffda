//! Routes of peers that this node takes (P-BGP-51): from the sessions into the kernel's main table.
//!
//! ```text
//! sessions ─▶ Offered ─▶ best (one way, or several equal ones) ─▶ Plan (what to write, when again) ─▶ kernel
//!                                                                  └─▶ refusals ─▶ Sessions ─▶ status, metrics
//! ```
//!
//! The routes carry a [protocol number](PROTOCOL) of their own, by which they are told from everybody else's: no other route is ever
//! changed. They outlive the process: the next one takes them over, and deletes those that no peer announces any more once all peers
//! have said everything. Nothing of this runs while no peer accepts routes and none of ours are in the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use model::PeerName;

mod best;
mod kernel;
mod offers;
mod own;
mod plan;
mod refusal;
mod task;

pub use offers::{Offer, OfferHandle, Offered, Offers};
pub use refusal::{Reason, Refusal};
pub use task::Accepting;

/// Marks the routes as Herald's (`ip route show proto 72`). Numbers of 186 and above are those of other routing daemons.
pub const PROTOCOL: u8 = 72;

/// How good the routes are beside others of the node to the same prefix: less is better. What an administrator set up for IPv4 without a
/// metric, which is 0, goes first. For IPv6 that is 1024, as is that of a router's advertisement: there an accepted route goes first.
pub const METRIC: u32 = 20;

/// Where packets go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hop {
    gateway: IpAddr,
    /// Where it is: for link-local ones alone, which are another machine on each link.
    interface: Option<String>,
}

/// What is to be in the kernel for a prefix: all hops together, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chosen {
    hops: BTreeSet<Hop>,
    /// Whose they are.
    peers: BTreeSet<PeerName>,
}

/// By prefix.
type Routes<T> = BTreeMap<IpNet, T>;
