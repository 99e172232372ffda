//! Why an address does not answer: objects of the API server in, a typed report with fixed [`Code`]s out.
//!
//! It decides with the crates that the daemons decide with (`config`, `ipam`, `announce`), so what it says of pools and nodes cannot differ
//! from what they do. What nodes really do it takes from what their speakers say in their `Speaker`s. It parses no message, and what
//! it does not know it does not guess.
//!
//! [`Study::of`] reads all objects once; [`Study::service`] follows one Service from its request to the wire and ends with the
//! cause and the next command; [`Study::overview`] finds what is wrong anywhere.

#![forbid(unsafe_code)]

mod allocation;
mod announcement;
mod change;
mod cluster;
mod code;
mod finding;
mod overview;
mod rows;
mod service;
mod speakers;
mod study;

pub use change::ServiceChange;
pub use cluster::{Cluster, Installation};
pub use code::{Code, Severity};
pub use finding::{Finding, Next};
pub use overview::{Overview, PoolRow, ServiceCounts, SpeakerRow};
pub use rows::{AddressRow, HeldRow, SegmentRow, SessionRow};
pub use service::{Part, ServiceReport, Step};
pub use study::Study;
