//! The words that two or more stages of Herald exchange: names, labels and selectors, address ranges.
//!
//! Nothing here decides anything, and nothing here knows Kubernetes: `config` translates API objects into
//! these values, the stages after it speak of nothing else.

#![forbid(unsafe_code)]

mod name;
mod origins;
mod range;
mod selector;

pub use name::{NameParts, NodeName, PeerName, PoolName, ReservationName, ServiceName};
pub use origins::Origins;
pub use range::{AddressRange, Family, RangeError};
pub use selector::{Labels, Requirement, Selector, Selectors};
