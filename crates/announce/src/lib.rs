//! What may be announced, from which nodes, with which attributes; and the reason why not.
//!
//! [`layer2()`] is a function of [`Facts`] and a [`Service`]: it answers which nodes *may* announce the Service's
//! addresses, or gives the one [`Reason`] why nobody may. Which of those nodes *does* is not decided here.
//!
//! Every node computes this for every node and comes to the same result, so that two advertisements never yield two
//! winners (P-L2-14).

#![forbid(unsafe_code)]

mod facts;
mod layer2;
mod reason;

pub use facts::{Endpoints, Facts, L2Advertisement, Node, Pool, Preference, Service, TrafficPolicy};
pub use layer2::{Candidate, Interfaces, Plan, layer2};
pub use reason::{NodeReason, Reason};
