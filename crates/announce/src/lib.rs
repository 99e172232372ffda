//! What may be announced, from which nodes, with which attributes; and the reason why not.
//!
//! [`Services`] knows which Services are tied together by addresses that they share. [`layer2()`] is a function of [`Facts`] and
//! such a unit: it answers which nodes *may* announce it, or gives for each [`Service`] the one [`Reason`] why nobody may.
//! Which of those nodes *does* is not decided here.
//!
//! By BGP every node that may announce does: [`exports()`] answers what one node announces of a Service and to whom, [`bgp()`] which
//! nodes do, and [`Exports`] makes one table for each peer of all that its node announces.
//!
//! Every node computes this for every node and comes to the same result, so that two advertisements never yield two
//! winners (P-L2-14).

#![forbid(unsafe_code)]

mod aggregate;
mod exports;
mod facts;
mod guard;
mod layer2;
mod reason;
mod routes;
mod services;

pub use aggregate::uncovered;
pub use exports::Exports;
pub use facts::{
    BgpAdvertisement, Endpoints, Facts, L2Advertisement, Node, Peer, Pool, Preference, Service, TrafficPolicy,
};
pub use guard::{guard, guard_of_kept};
pub use layer2::{
    Announceable, Candidate, Candidates, Interfaces, LocalEndpoints, Plan, announceable, layer2, possible,
};
pub use reason::{BgpReason, NodeReason, Reason, abridged};
pub use routes::{BgpPlan, Export, bgp, exports};
pub use services::Services;
