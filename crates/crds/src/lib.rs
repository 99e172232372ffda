//! The custom resources of Herald: what a user writes, as Rust types, and the definitions generated from them.
//!
//! Group `heraldlb.io`, version `v1beta1`, cluster-scoped but for `IPReservation`. One module per kind; the package `definitions` beside this one
//! turns the types into the YAML that the chart ships. What one object can get wrong by itself is refused by rules inside
//! the definitions; what takes two objects to be wrong is the business of the crate `config`.
#![forbid(unsafe_code)]

mod bfd_profile;
mod bgp_advertisement;
mod bgp_peer;
mod community;
pub mod condition;
mod ip_pool;
mod ip_reservation;
mod l2_advertisement;
mod schema;
mod speaker;
mod stored;

pub use bfd_profile::{BFDProfile, BFDProfileSpec, BFDProfileStatus};
pub use bgp_advertisement::{BGPAdvertisement, BGPAdvertisementSpec, BGPAdvertisementStatus, LinkBandwidth};
pub use bgp_peer::{
    AcceptedRoutes, AddressFamily, BGPPeer, BGPPeerSpec, BGPPeerStatus, DynamicAsn, NodeAddress, NodeValue,
    PasswordSecret,
};
pub use community::{Community, CommunityAlias, CommunitySpec, CommunityStatus};
pub use ip_pool::{
    IPPool, IPPoolSpec, IPPoolStatus, NamespaceLimit, NamespaceQuota, NamespaceSharing, ReclaimPolicy,
    ServiceAllocation,
};
pub use ip_reservation::{IPReservation, IPReservationSpec, IPReservationStatus};
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
pub use l2_advertisement::{
    ConflictPolicy, L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, PreferredNodeSelector,
};
pub use speaker::{
    AnnouncedAddress, BgpService, BgpSession, Layer2Service, SeenSpeakers, Speaker, SpeakerInterface,
    SpeakerSpec, SpeakerStatus,
};
pub use stored::{Malformed, Stored};
