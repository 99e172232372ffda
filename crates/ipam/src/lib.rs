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
//! * After a start, [`Ipam::claim`] every address that a Service's status holds, oldest Service first, before the first
//!   [`Ipam::assign`]: an address that is not claimed looks free (P-ALLOC-55).
//! * When [`Ipam::set_pools`] or [`Ipam::set_occupied`] says [`Adoption::ClaimAnew`], claim everything anew: a status shows an
//!   address that we never gave and that is a pool's now.
//! * What a Service gives up is not free before [`Ipam::settle`] says that its status does not show it any more: until
//!   then it is [leaving](Ipam::leaving), and nobody else gets it. So no order of writes ever shows one address twice. What
//!   it is told must stay so: while a write of the status is under way, there is nothing to tell yet.
//! * A change of the pools calls for another [`Ipam::assign`] of everybody. Apart from that those that have less than they ask for say
//!   what they [wait for](Ipam::waits), and [`Ipam::poll_news`] what has happened: nobody else has to ask again.
//!
//! # What the caller may rely on
//! * An address stays with its Service until that Service asks for something else, may share it no longer, or its pool
//!   has changed and says so ([`Reclaim::Move`]); no other Service and no restart moves it (DESIGN §3).
//! * An address in a status that no pool covers, and of which no record says that we gave it, is [foreign](Ipam::foreign): it is
//!   granted to nobody. One that a node [has](Ipam::set_occupied) is never given out; a Service that has it keeps it.
//! * Asking again changes nothing: what was granted is granted again, unless something else has happened (P-ALLOC-56).
//! * Finding a free address costs O(log n) in the number of addresses held and in the number of ranges, and nothing in the
//!   size of the pool (`examples/scaling.rs` measures it). Pools are looked at one by one. A Service with a sharing key is
//!   compared with those that hold addresses under the same key.

#![forbid(unsafe_code)]

mod allocator;
mod books;
mod occupant;
mod plan;
mod pool;
mod refusal;
mod request;
mod sharing;
mod wait;

pub use allocator::{Adoption, Claim, Grant, Ipam};
pub use books::usage::{Count, Usage};
pub use occupant::Occupant;
pub use pool::{Across, Pinned, Pool, Quota, Reclaim};
pub use refusal::{NodesHave, PoolRefusal, Refusal};
pub use request::{Families, Request};
pub use sharing::{Joiners, Port, Sharing, SharingRule};
pub use wait::Wait;
