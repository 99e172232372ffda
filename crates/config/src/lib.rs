//! What API objects mean: the inputs of `ipam` and `announce`, and every object that is wrong, with the reason.
//!
//! * [`Snapshot::read`] turns all custom resources into one validated configuration. A wrong object is skipped and named;
//!   the others go on, and its last good form stays in force until the new one is good. [`Reservations::read`] does the
//!   same for the reservations.
//! * A [`Kind`] of custom resource is one line in a table; a [`Store`] keeps the objects of all kinds as watches tell them, and
//!   says whether an [`Update`] changes anything that is judged.
//! * A [`Fault`] keeps an object, or its newest form, out of force; a [`Warning`] does not.
//! * [`service`] reads what a Service asks for, [`node`] and [`endpoints`] what decides about announcing.
//!
//! This crate knows the API types but no client: it is given objects and gives values back.

#![forbid(unsafe_code)]

pub mod condition;
pub mod endpoints;
pub mod node;
pub mod service;

mod advertisement;
mod bfd_profile;
mod bgp_advertisement;
mod change;
mod community;
mod cover;
mod duration;
mod fault;
mod kind;
mod list;
mod object;
mod peer;
mod pool;
mod reservation;
mod selector;
mod snapshot;
mod speaker;
mod store;
mod together;
mod unusable;
mod warning;

pub use bfd_profile::BfdProfile;
pub use change::Change;
pub use fault::{BgpAdvertisementFault, CommunityFault, Fault, PeerFault};
pub use kind::{Configured, ForKind, Kind, Object, Scope};
pub use object::{ObjectName, Verdict};
pub use peer::{
    Dial, Live, NodeKey, NodeValueFault, NodeValues, Peer, PeerSession, Remote, SessionChange, Value,
};
pub use reservation::Reservations;
pub use selector::SelectorError;
pub use snapshot::{Objects, Snapshot};
pub use speaker::{Session, SpeakerFacts};
pub use store::{Novelty, Store, Update};
pub use warning::Warning;
