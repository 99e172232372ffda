//! The custom resources of Herald: what a user writes, as Rust types, and the definitions generated from them.
//!
//! Group `heraldlb.io`, version `v1beta1`, cluster-scoped. One module per kind; [`definitions`] gives all of them as the
//! API server takes them, [`files`] as the chart ships them. What one object can get wrong by itself is refused by rules
//! inside the definitions; what takes two objects to be wrong is the business of the crate `config`.
//!
//! `cargo run -p crds --bin herald-crds -- --write deploy/herald/files/crds` writes the files of the chart; a test fails
//! when they differ from the types.
#![forbid(unsafe_code)]

pub mod condition;
mod definition;
mod ip_pool;
mod l2_advertisement;
mod schema;

pub use definition::{File, definitions, files};
pub use ip_pool::{IPPool, IPPoolSpec, IPPoolStatus, ServiceAllocation};
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
pub use l2_advertisement::{
    L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, PreferredNodeSelector,
};
