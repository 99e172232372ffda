use std::net::IpAddr;

use model::{Family, PoolName, ReservationName, ServiceName};

use crate::occupant::Occupant;
use crate::request::Families;
use crate::sharing::SharingRule;

mod pools;

pub use pools::{NodesHave, PoolRefusal};
use pools::{gravest, listed};

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
    /// Each pool that the Service names was looked at.
    #[error("none of the IPPools that the annotation heraldlb.io/address-pool names can give {families}: {}", listed(.pools))]
    NoNamedPoolFits {
        /// What was asked for.
        families: Families,
        /// Each pool named, with what it said.
        pools: Vec<(PoolName, PoolRefusal)>,
    },
    /// A pool that the Service names does not exist.
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
        "{address} is not in IPPool {}, where the addresses of this Service have to come from: ask for an address of that pool, or name another in the annotation heraldlb.io/address-pool",
        either(.pools)
    )]
    OutsidePool {
        /// The address asked for.
        address: IpAddr,
        /// The pools named.
        pools: Vec<PoolName>,
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
    /// An address asked for is one that a node has.
    #[error("{address} is {occupant}, and IPPool {pool} does not give it out: ask for another address")]
    Occupied {
        /// The address asked for.
        address: IpAddr,
        /// Its pool.
        pool: PoolName,
        /// Who has it.
        occupant: Occupant,
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
            Self::NoPoolFits { pools, .. } | Self::NoNamedPoolFits { pools, .. } => gravest(pools),
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
            Self::Occupied { .. } => "AddressOccupied",
            Self::Taken { .. } => "AddressTaken",
            Self::SharingRefused { .. } => "SharingRefused",
            Self::Kept { .. } => "AddressReserved",
            Self::WrongFamilies { .. } => "WrongFamilies",
        }
    }

    /// Who could be asked for an address of the pools that are full: each with the namespaces that hold most of it.
    /// Apart from the text, for it changes all the time.
    pub fn holders(&self) -> Vec<(&PoolName, &[(String, u32)])> {
        match self {
            Self::PoolRefuses { pool, refusal } => {
                let holders = refusal.holders();
                holders.map(|holders| (pool, holders)).into_iter().collect()
            }
            Self::NoPoolFits { pools, .. } | Self::NoNamedPoolFits { pools, .. } => {
                let each = pools.iter();
                each.filter_map(|(pool, refusal)| Some((pool, refusal.holders()?)))
                    .collect()
            }
            Self::NoPools
            | Self::UnknownPool(_)
            | Self::OutsidePools(_)
            | Self::OutsidePool { .. }
            | Self::Buggy { .. }
            | Self::Excluded { .. }
            | Self::Occupied { .. }
            | Self::Taken { .. }
            | Self::SharingRefused { .. }
            | Self::Kept { .. }
            | Self::WrongFamilies { .. } => Vec::new(),
        }
    }
}

fn either(pools: &[PoolName]) -> String {
    let each = pools.iter().map(PoolName::to_string);
    each.collect::<Vec<_>>().join(" or ")
}

fn joined(addresses: &[IpAddr]) -> String {
    let each = addresses.iter().map(IpAddr::to_string);
    each.collect::<Vec<_>>().join(" and ")
}

fn spelled(families: &[Family]) -> String {
    let each = families.iter().map(|family| format!("one {family} address"));
    each.collect::<Vec<_>>().join(" and ")
}
