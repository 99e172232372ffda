use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claim::{
    BootId, Event, Identity, Input, Key, Keys, KnownSpeaker, Role, Segment, Settings, Snapshot, Takes,
    Transmit, Unit, UnitId,
};
use model::NodeName;

use crate::chance::Chance;
use crate::node::{BY_IPV6, GATEWAY, GATEWAY_MAC, Node, address, mac, name, unit};
use crate::oracle::Oracle;

mod network;
mod speakers;

/// How the network treats what it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    /// In microseconds.
    pub(crate) delay: (u64, u64),
    /// All in a thousand.
    pub(crate) loss: u64,
    pub(crate) duplicates: u64,
    /// Of those that take another 30 ms.
    pub(crate) stragglers: u64,
    /// Whether the gateway answers, and there is other traffic.
    pub(crate) hosts: bool,
    /// In microseconds: how late timers and answers of the driver are at most.
    pub(crate) scheduling: u64,
    /// Whether every datagram goes by IPv6 as well.
    pub(crate) ipv6: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            delay: (200, 2000),
            loss: 0,
            duplicates: 0,
            stragglers: 0,
            hosts: true,
            scheduling: 1000,
            ipv6: false,
        }
    }
}

/// What happens at some time.
enum What {
    Datagram {
        from: usize,
        to: usize,
        octets: Rc<[u8]>,
        ipv6: bool,
    },
    Timer(usize),
    Wake(usize),
    Start(usize),
    Tell(usize, usize),
    Probe {
        from: usize,
        to: usize,
    },
    /// Who answers for a unit's address?
    Ask {
        from: usize,
        to: usize,
        address: IpAddr,
    },
    Answer {
        to: usize,
        address: IpAddr,
        mac: [u8; 6],
    },
    Announce {
        from: usize,
        unit: UnitId,
        life: u64,
    },
    Announcement {
        to: usize,
        address: IpAddr,
        mac: [u8; 6],
    },
}

struct Happening {
    at: Duration,
    order: u64,
    what: What,
}

impl PartialEq for Happening {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Happening {}
impl PartialOrd for Happening {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Happening {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The facts of the API at some time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) units: BTreeMap<UnitId, Unit>,
    pub(crate) possible: BTreeSet<NodeName>,
}

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) network: Network,
    pub(crate) now: Duration,
    epoch: Instant,
    pub(crate) chance: Chance,
    pub(crate) nodes: Vec<Node>,
    /// Whether nothing gets from the one to the other. The gateway is the last.
    pub(crate) cut: Vec<Vec<bool>>,
    /// The family that does not get from the one to the other; `Some(true)`: IPv6.
    pub(crate) cut_family: Vec<Vec<Option<bool>>>,
    /// Whether datagrams of the one are dropped before they reach the speaker of the other, ARP being let through.
    pub(crate) blocked: Vec<Vec<bool>>,
    /// Whether something answers ARP for the addresses of hosts that are dead.
    pub(crate) proxy: bool,
    /// Nodes that cannot serve what they do not hold, by their own word.
    pub(crate) not_serving: Vec<usize>,
    /// Decides about what is blocked, whose facts are old, and who loses its subnet.
    pub(crate) chance_of_blocks: Chance,
    /// Decides about IPv6, so that the rest does not depend on whether there is any.
    pub(crate) chance_of_ipv6: Chance,
    /// Decides about clocks and about pairs that are cut from each other, likewise.
    pub(crate) chance_of_clocks: Chance,
    queue: BinaryHeap<Reverse<Happening>>,
    order: u64,
    /// Every state of the facts there ever was; the last is true.
    pub(crate) facts: Vec<Facts>,
    pub(crate) oracle: Oracle,
    /// Datagrams that somebody has recorded.
    pub(crate) recorded: Vec<Rc<[u8]>>,
    pub(crate) records: bool,
    /// Whether everything is printed as it happens.
    pub(crate) told: bool,
    /// How much has happened at this instant.
    at_once: u32,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    pub(crate) fn new(seed: u64, nodes: usize, settings: Settings, network: Network) -> Self {
        let possible = (0..nodes).map(name).collect();
        let facts = Facts {
            units: BTreeMap::new(),
            possible,
        };
        Self {
            settings,
            network,
            now: Duration::ZERO,
            epoch: Instant::now(),
            chance: Chance::new(seed),
            nodes: (0..nodes).map(Node::new).collect(),
            cut: vec![vec![false; nodes + 1]; nodes + 1],
            cut_family: vec![vec![None; nodes + 1]; nodes + 1],
            blocked: vec![vec![false; nodes]; nodes],
            proxy: false,
            not_serving: Vec::new(),
            chance_of_blocks: Chance::new(seed ^ 0xb10c),
            chance_of_ipv6: Chance::new(seed ^ 0x1b06),
            chance_of_clocks: Chance::new(seed ^ 0xc10c),
            queue: BinaryHeap::new(),
            order: 0,
            facts: vec![facts],
            oracle: Oracle::new(nodes),
            recorded: Vec::new(),
            records: false,
            told: false,
            at_once: 0,
        }
    }

    /// Something happened that takes time to be got over.
    pub(crate) fn disturb(&mut self) {
        self.oracle.disturbed = self.now;
        self.oracle.stale = true;
    }

    /// Now, as the node's own clock shows it.
    fn instant(&self, i: usize) -> Instant {
        self.epoch + self.nodes[i].clock.shown(self.now)
    }

    fn at(&mut self, at: Duration, what: What) {
        self.order += 1;
        let order = self.order;
        self.queue.push(Reverse(Happening { at, order, what }));
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Datagram {
                from,
                to,
                octets,
                ipv6,
            } => self.arrive(from, to, octets, ipv6),
            What::Timer(i) => {
                if self.nodes[i].timer.is_some_and(|at| at <= self.now) {
                    self.nodes[i].timer = None;
                    self.timeout(i);
                }
            }
            What::Wake(i) => self.wake(i),
            What::Start(i) => {
                if self.nodes[i].speaker.is_none() {
                    let disk = self.nodes[i].disk.clone();
                    self.start(i, disk);
                }
            }
            What::Tell(i, version) => self.tell_version(i, version),
            What::Probe { from, to } => {
                self.nodes[to].frames += 1;
                if self.nodes[to].kernel || self.proxy {
                    self.reply(to, from, address(to), mac(to));
                }
            }
            What::Ask {
                from,
                to,
                address: asked,
            } => {
                self.nodes[to].frames += 1;
                let role = self.nodes[to].answers(&UnitId(asked));
                match role {
                    Some(Role::Holder) => self.reply(to, from, asked, mac(to)),
                    Some(Role::Surrogate { mac }) => self.reply(to, from, asked, mac),
                    None => {}
                }
            }
            What::Answer { to, address, mac } => {
                self.nodes[to].frames += 1;
                self.input(to, Input::ProbeAnswered { address, mac });
            }
            What::Announce { from, unit, life } => self.announce(from, unit, life),
            What::Announcement { to, address, mac } => {
                self.nodes[to].frames += 1;
                self.input(to, Input::Rival { address, mac });
            }
        }
    }

    /// An answer to a question of `to`.
    fn reply(&mut self, from: usize, to: usize, address: IpAddr, mac: [u8; 6]) {
        if let Some(back) = self.crosses(from, to) {
            self.at(self.now + back, What::Answer { to, address, mac });
        }
    }

    /// Lets time run, and checks all along.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(Reverse(next)) = self.queue.peek()
            && next.at <= end
        {
            let Some(Reverse(next)) = self.queue.pop() else {
                break;
            };
            if next.at > self.now && self.oracle.wants(self.now) {
                Oracle::check(self);
            }
            self.at_once = if next.at > self.now { 0 } else { self.at_once + 1 };
            assert!(self.at_once < 100_000, "time stands still at {:?}", self.now);
            self.now = next.at.max(self.now);
            self.happen(next.what);
        }
        self.now = end;
        Oracle::check(self);
    }

    /// Runs until `done`, but not longer than `limit`, and says how long it took.
    pub(crate) fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let begun = self.now;
        while !done(self) {
            self.run_for(Duration::from_millis(1));
            assert!(self.now <= begun + limit, "not within {limit:?}");
        }
        self.now - begun
    }

    pub(crate) fn forget_events(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.events.clear());
    }
}
