//! Who holds which address.
//!
//! [`Ipam`] is a plain value: pools, requests and what Services hold already go in, addresses or the exact reason why
//! not come out. It knows no clock and no Kubernetes; what it answers depends on what it was told and on nothing else.
//!
//! ```
//! use ipam::{Families, Ipam, Pool, Request};
//! use model::{Family, PoolName, ServiceName};
//!
//! let mut ipam = Ipam::default();
//! let pool = Pool::new(PoolName("home".into()), vec!["192.0.2.10-192.0.2.20".parse().unwrap()]);
//! ipam.set_pools(vec![pool]);
//! let request = Request::new(ServiceName::new("default", "web"), Families::One(Family::V4));
//! let grant = ipam.assign(&request).unwrap();
//! assert_eq!(grant.addresses, ["192.0.2.10".parse::<std::net::IpAddr>().unwrap()]);
//! ```
//!
//! # What the caller owes
//! After a start, [`Ipam::claim`] every address that a Service's status holds, oldest Service first, before the first
//! [`Ipam::assign`]: an address that is not claimed looks free (P-ALLOC-55).
//!
//! # What the caller may rely on
//! * An address once held stays with its Service until that Service is released or asks for another
//!   (DESIGN §3: an address once given never moves by itself), whatever happens to the pools.
//! * A refusal changes nothing.
//! * Finding a free address costs O(log n) in the number of addresses held and O(1) in the size of the pool.

#![forbid(unsafe_code)]

mod allocator;
mod entry;
mod interval;
mod pool;
mod request;

pub use allocator::{Grant, Ipam, Usage};
pub use pool::{Pinned, Pool};
pub use request::{Families, PoolRefusal, Refusal, Request};
