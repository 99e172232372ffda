use std::cmp::Reverse;
use std::net::IpAddr;

use model::{Family, PoolName, ServiceName};

use crate::occupant::Occupant;

/// How many pools a message names.
const LISTED_POOLS: usize = 8;

/// Why a pool gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolRefusal {
    /// `autoAssign` is false and the Service named neither the pool nor one of its addresses.
    #[error("gives addresses only to Services that name it (autoAssign: false)")]
    NotAutomatic,
    /// `serviceAllocation` does not match the Service.
    #[error("is for other Services only (serviceAllocation)")]
    Reserved,
    /// Its deletion is asked for.
    #[error("is being deleted and gives out nothing more")]
    Closed,
    /// It has no addresses of a family that is needed.
    #[error("has no {0} addresses")]
    WithoutFamily(Family),
    /// Every address of the family is held or reserved.
    #[error("has no free {family} address left, all {size} are in use{}", of_nodes(.nodes.as_deref()))]
    Full {
        /// The family.
        family: Family,
        /// How many addresses of the family the pool gives out.
        size: u128,
        /// The namespaces that hold most of the pool, with how many addresses; not part of the text, for they change
        /// all the time.
        holders: Vec<(String, u32)>,
        /// Those among them that nodes have.
        nodes: Option<Box<NodesHave>>,
    },
    /// The namespace holds as many addresses of the pool as it may, or but for one where two are needed.
    #[error(
        "gives namespace {namespace} no more than {limit} of its addresses (namespaceQuota), and too few of these are left"
    )]
    Quota {
        /// The namespace.
        namespace: String,
        /// How many addresses it may hold.
        limit: u32,
    },
    /// The Service has, or is to have, an address of a dual-stack Service whose other address it may not have
    /// (P-ALLOC-53).
    #[error(
        "has no address to go with {address}, which Service {holder} has together with another one (two dual-stack Services share both of their addresses or none)"
    )]
    PairSplit {
        /// The address that would be shared.
        address: IpAddr,
        /// The Service that has it.
        holder: ServiceName,
    },
}

/// How much of a pool nodes have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} of them by nodes ({first} is {occupant})")]
pub struct NodesHave {
    /// How many addresses.
    pub count: usize,
    /// The first of them.
    pub first: IpAddr,
    /// Who has it.
    pub occupant: Occupant,
}

fn of_nodes(nodes: Option<&NodesHave>) -> String {
    nodes.map(|nodes| format!(", {nodes}")).unwrap_or_default()
}

impl PoolRefusal {
    /// Who holds most of a pool that is full.
    pub(super) fn holders(&self) -> Option<&[(String, u32)]> {
        match self {
            Self::Full { holders, .. } => Some(holders),
            Self::NotAutomatic
            | Self::Reserved
            | Self::Closed
            | Self::WithoutFamily(_)
            | Self::Quota { .. }
            | Self::PairSplit { .. } => None,
        }
    }

    /// How near the pool came to giving something: a full one may have room tomorrow, one for others never.
    fn rank(&self) -> u8 {
        match self {
            Self::Full { .. } => 6,
            Self::Quota { .. } => 5,
            Self::PairSplit { .. } => 4,
            Self::NotAutomatic => 3,
            Self::WithoutFamily(_) => 2,
            Self::Closed => 1,
            Self::Reserved => 0,
        }
    }

    /// What can be done about it.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Full { .. } => "add addresses, or delete a Service or an IPReservation that has one",
            Self::Quota { .. } => {
                "delete a Service or an IPReservation of the namespace, or ask for a higher namespaceQuota"
            }
            Self::PairSplit { .. } => "use another sharing key (annotation heraldlb.io/allow-shared-ip)",
            Self::NotAutomatic => "name a pool in the annotation heraldlb.io/address-pool",
            Self::WithoutFamily(_) => "add addresses of the family, or change the ipFamilies of the Service",
            Self::Closed => "use another pool",
            Self::Reserved => "use another pool, or ask for a change of its serviceAllocation",
        }
    }
}

/// What keeps the Service waiting, if a pool came near to giving something; else that no pool is for it.
pub(super) fn gravest(pools: &[(PoolName, PoolRefusal)]) -> &'static str {
    match nearest(pools).first() {
        Some((_, PoolRefusal::Full { .. })) => "PoolFull",
        Some((_, PoolRefusal::Quota { .. })) => "QuotaReached",
        Some((_, PoolRefusal::PairSplit { .. })) => "SharingRefused",
        Some(_) | None => "NoPoolMatches",
    }
}

/// The pools, those that came nearest to giving something first.
fn nearest(pools: &[(PoolName, PoolRefusal)]) -> Vec<&(PoolName, PoolRefusal)> {
    let mut nearest: Vec<_> = pools.iter().collect();
    nearest.sort_by_key(|(_, refusal)| Reverse(refusal.rank()));
    nearest
}

/// What the pools said, of as many as one can read, and what can be done about the first.
pub(super) fn listed(pools: &[(PoolName, PoolRefusal)]) -> String {
    let nearest = nearest(pools);
    let said = nearest.iter().map(|(name, refusal)| format!("{name} {refusal}"));
    let mut parts: Vec<String> = said.take(LISTED_POOLS).collect();
    if nearest.len() > LISTED_POOLS {
        parts.push(format!("and {} more IPPools", nearest.len() - LISTED_POOLS));
    }
    let advice = nearest.first().map(|(_, refusal)| refusal.advice());
    let advice = advice.map(|advice| format!(": {advice}"));
    parts.join("; ") + &advice.unwrap_or_default()
}
