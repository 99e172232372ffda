//! The network interfaces of this node as the kernel tells them: one snapshot, and a new one after every change.
//!
//! [`Watcher`] follows rtnetlink in the network namespace of the thread that opens it. The snapshots are complete values;
//! who reads them never sees half a change, and may miss an intermediate one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use l2::Mac;

mod address;
mod exclude;
mod included;
mod route;
mod table;
mod watcher;

pub use address::{Address, AddressKind};
pub use exclude::{DEFAULT_EXCLUDED, ExcludeList, InvalidPattern, NotUsable, usable};
pub use included::included;
pub use route::Gateway;
pub use watcher::{LinksError, Watcher};

/// Every interface by its name.
pub type Links = BTreeMap<String, Link>;

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What the kernel calls it; a new interface of an old name has another index.
    pub index: u32,
    /// What people call it.
    pub name: String,
    /// Its hardware address; `None` if it is not Ethernet.
    pub mac: Option<Mac>,
    /// Whether it carries traffic.
    pub state: State,
    /// How often the carrier came or went. Tells of a flap that was over before anybody looked.
    pub carrier_changes: u32,
    /// How often the kernel said that the neighbours have to be told anew, although nothing else here tells of it: a bond
    /// sends through another of its ports, or the machine was moved to another host.
    pub failovers: u32,
    /// Whether addresses are resolved on it: not so on tunnels, for example.
    pub resolves: bool,
    /// The kind of interface that it is a port of, if it is a port.
    pub port_of: Option<Aggregate>,
    /// The index of the interface that it is a port of.
    pub controller: Option<u32>,
    /// The subnets on this link: those that its addresses are in, and those that routes lead to without a router.
    pub subnets: BTreeSet<IpNet>,
    /// The addresses that it may send from: none that is tentative, or that another station turned out to have.
    pub own: BTreeSet<IpAddr>,
    /// All its addresses, and how long each is good for.
    pub addresses: BTreeSet<Address>,
    /// The default routes over this link, the best first.
    pub gateways: BTreeSet<Gateway>,
}

impl Link {
    /// A link of Ethernet that is up and of which nothing else is known.
    pub fn new(index: u32, name: &str) -> Self {
        Self {
            index,
            name: name.to_owned(),
            mac: None,
            state: State::Up,
            carrier_changes: 0,
            failovers: 0,
            resolves: true,
            port_of: None,
            controller: None,
            subnets: BTreeSet::new(),
            own: BTreeSet::new(),
            addresses: BTreeSet::new(),
            gateways: BTreeSet::new(),
        }
    }

    /// Whether `address` lies in one of the subnets of this interface.
    pub fn carries(&self, address: IpAddr) -> bool {
        self.subnets.iter().any(|net| net.contains(&address))
    }
}

/// Whether an interface carries traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Switched off by the administrator.
    Down,
    /// Switched on, but nobody is at the other end of the wire.
    NoCarrier,
    /// Switched on and connected.
    Up,
}

/// An interface made of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Link aggregation: the bond speaks for its ports.
    Bond,
    /// A bridge: it speaks for the ports that it switches between.
    Bridge,
    /// Link aggregation by the team driver.
    Team,
    /// A routing domain: its ports go on speaking for themselves.
    Vrf,
    /// Something else.
    Other,
}
