//! What may be announced, from which nodes, with which attributes; and the reason why not.
//!
//! [`Services`] knows which Services are tied together by addresses that they share. [`layer2()`] is a function of [`Facts`] and
//! such a unit: it answers which nodes *may* announce it, or gives for each [`Service`] the one [`Reason`] why nobody may.
//! Which of those nodes *does* is not decided here.
//!
//! Every node computes this for every node and comes to the same result, so that two advertisements never yield two
//! winners (P-L2-14).

#![forbid(unsafe_code)]

mod facts;
mod layer2;
mod reason;
mod services;

pub use facts::{Endpoints, Facts, L2Advertisement, Node, Pool, Preference, Service, TrafficPolicy};
pub use layer2::{Candidate, Interfaces, Plan, layer2, possible};
pub use reason::{NodeReason, Reason};
pub use services::Services;
