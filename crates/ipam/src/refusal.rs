use std::cmp::Reverse;
use std::net::IpAddr;

use model::{Family, PoolName, ReservationName, ServiceName};

use crate::request::Families;
use crate::sharing::SharingRule;

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
    #[error("has no free {family} address left, all {size} are in use")]
    Full {
        /// The family.
        family: Family,
        /// How many addresses of the family the pool gives out.
        size: u128,
        /// The namespaces that hold most of the pool, with how many addresses; not part of the text, for they change
        /// all the time.
        holders: Vec<(String, u32)>,
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

/// Why a Service gets no address. The text tells the person who owns the Service what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no pool at all.
    #[error("there is no IPPool: create one, or ask the administrator of the cluster to")]
    NoPools,
    /// Every pool was looked at.
    #[error("no IPPool can give {families}: {}", listed(.pools))]
    NoPoolFits {
        /// What was asked for.
        families: Families,
        /// Each pool that was looked at, in order, with what it said.
        pools: Vec<(PoolName, PoolRefusal)>,
    },
    /// The pool that the Service names does not exist.
    #[error("IPPool {0} does not exist: correct the annotation heraldlb.io/address-pool or create the pool")]
    UnknownPool(PoolName),
    /// The pool that the Service names, or that has the address it names, does not serve it.
    #[error("IPPool {pool} {refusal}: {}", refusal.advice())]
    PoolRefuses {
        /// The pool named.
        pool: PoolName,
        /// What it said.
        refusal: PoolRefusal,
    },
    /// An address asked for is in no pool.
    #[error("{0} is in no IPPool: ask for an address of a pool, or add it to one")]
    OutsidePools(IpAddr),
    /// An address asked for is in another pool than the one that must be used.
    #[error(
        "{address} is not in IPPool {pool}, where the addresses of this Service have to come from: ask for an address of that pool, or name another"
    )]
    OutsidePool {
        /// The address asked for.
        address: IpAddr,
        /// The pool named, or the pool of the other address asked for: both come from one (P-ALLOC-40).
        pool: PoolName,
    },
    /// An address asked for is one that its pool never gives out.
    #[error(
        "{address} ends in .0 or .255, which IPPool {pool} never gives out (avoidBuggyIPs: true): ask for another address"
    )]
    Buggy {
        /// The address asked for.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// An address asked for is one that its pool excludes.
    #[error("{address} is one that IPPool {pool} never gives out (exclude): ask for another address")]
    Excluded {
        /// The address asked for.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
    },
    /// An address asked for is held by another Service.
    #[error(
        "{address} is held by Service {holder}: ask for another address, or give both Services one sharing key (annotation heraldlb.io/allow-shared-ip)"
    )]
    Taken {
        /// The address asked for.
        address: IpAddr,
        /// Who has it.
        holder: ServiceName,
    },
    /// An address asked for is held by another Service, and a rule keeps the two from sharing it.
    #[error("{address} is held by Service {holder}, which does not share it with this Service: {rule}")]
    SharingRefused {
        /// The address asked for.
        address: IpAddr,
        /// Who has it.
        holder: ServiceName,
        /// The rule.
        rule: SharingRule,
    },
    /// An address asked for is kept for Services that name a reservation.
    #[error(
        "{address} is kept by IPReservation {reservation} for Services of its namespace that name it in the annotation heraldlb.io/reserve: be one of these, ask for another address, or delete the IPReservation"
    )]
    Kept {
        /// The address asked for.
        address: IpAddr,
        /// What keeps it.
        reservation: ReservationName,
    },
    /// The addresses asked for are not of the families that the ClusterIPs call for.
    #[error(
        "the Service calls for {} and asks for {}: ask for one address of each of its families, or change its ipFamilies and ipFamilyPolicy",
        spelled(families.best()),
        joined(.addresses)
    )]
    WrongFamilies {
        /// What was asked for.
        addresses: Vec<IpAddr>,
        /// What the ClusterIPs call for.
        families: Families,
    },
}

impl Refusal {
    /// The reason of the Service's `Allocated` condition: one word from a closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoPools => "NoPool",
            Self::NoPoolFits { pools, .. } => gravest(pools),
            Self::UnknownPool(_) => "UnknownPool",
            Self::PoolRefuses { refusal, .. } => match refusal {
                PoolRefusal::Full { .. } => "PoolFull",
                PoolRefusal::Quota { .. } => "QuotaReached",
                PoolRefusal::NotAutomatic
                | PoolRefusal::Reserved
                | PoolRefusal::Closed
                | PoolRefusal::WithoutFamily(_) => "PoolRefuses",
                PoolRefusal::PairSplit { .. } => "SharingRefused",
            },
            Self::OutsidePools(_) | Self::OutsidePool { .. } | Self::Buggy { .. } | Self::Excluded { .. } => {
                "AddressNotInPool"
            }
            Self::Taken { .. } => "AddressTaken",
            Self::SharingRefused { .. } => "SharingRefused",
            Self::Kept { .. } => "AddressReserved",
            Self::WrongFamilies { .. } => "WrongFamilies",
        }
    }

    /// Who could be asked for an address of the pools that are full: each with the namespaces that hold most of it.
    /// Apart from the text, for it changes all the time.
    pub fn holders(&self) -> Vec<(&PoolName, &[(String, u32)])> {
        let full = |(pool, refusal): (_, _)| match refusal {
            &PoolRefusal::Full { ref holders, .. } => Some((pool, holders.as_slice())),
            PoolRefusal::NotAutomatic
            | PoolRefusal::Reserved
            | PoolRefusal::Closed
            | PoolRefusal::WithoutFamily(_)
            | PoolRefusal::Quota { .. }
            | PoolRefusal::PairSplit { .. } => None,
        };
        match self {
            Self::PoolRefuses { pool, refusal } => full((pool, refusal)).into_iter().collect(),
            Self::NoPoolFits { pools, .. } => pools
                .iter()
                .filter_map(|(pool, refusal)| full((pool, refusal)))
                .collect(),
            Self::NoPools
            | Self::UnknownPool(_)
            | Self::OutsidePools(_)
            | Self::OutsidePool { .. }
            | Self::Buggy { .. }
            | Self::Excluded { .. }
            | Self::Taken { .. }
            | Self::SharingRefused { .. }
            | Self::Kept { .. }
            | Self::WrongFamilies { .. } => Vec::new(),
        }
    }
}

impl PoolRefusal {
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
    fn advice(&self) -> &'static str {
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
fn gravest(pools: &[(PoolName, PoolRefusal)]) -> &'static str {
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
fn listed(pools: &[(PoolName, PoolRefusal)]) -> String {
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

fn joined(addresses: &[IpAddr]) -> String {
    let each = addresses.iter().map(IpAddr::to_string);
    each.collect::<Vec<_>>().join(" and ")
}

fn spelled(families: &[Family]) -> String {
    let each = families.iter().map(|family| format!("one {family} address"));
    each.collect::<Vec<_>>().join(" and ")
}
