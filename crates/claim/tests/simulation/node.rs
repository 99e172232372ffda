use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use claim::{Event, Role, Segment, Snapshot, Takes, Unit, UnitId};
use model::NodeName;

use crate::clock::Clock;

/// One machine of the segment.
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) lives: u64,
    /// The speaker, while its process exists.
    pub(crate) speaker: Option<Segment>,
    /// Whether the node's own kernel runs: it answers for the node's own address, and forwards.
    pub(crate) kernel: bool,
    pub(crate) carrier: bool,
    /// Until when the speaker does not run, though its process exists.
    pub(crate) paused: Option<Duration>,
    /// What its clock showed when the whole machine was suspended, and the clock with it.
    pub(crate) asleep: Option<Duration>,
    pub(crate) clock: Clock,
    /// What waits for it meanwhile.
    pub(crate) inbox: VecDeque<(Rc<[u8]>, bool)>,
    pub(crate) disk: Snapshot,
    pub(crate) timer: Option<Duration>,
    /// Frames that the interface has received.
    pub(crate) frames: u64,
    /// What the speaker answers for: not while it is paused or cut off from everything.
    pub(crate) answers: BTreeMap<UnitId, Role>,
    /// When it started, or was last disturbed in a way that makes it listen.
    pub(crate) stirred: Duration,
    pub(crate) draining: bool,
    pub(crate) able: bool,
    /// Whether its speaker is about to end for good.
    pub(crate) leaving: bool,
    /// Whether its API is in reach.
    pub(crate) fresh: bool,
    /// Whether its interface carries the subnet of the units.
    pub(crate) subnet: bool,
    /// What it takes of every unit, if not all or nothing.
    pub(crate) part: Option<Takes>,
    /// The node of whose machine this is another interface; it is one itself then.
    pub(crate) sibling: Option<usize>,
    pub(crate) boot: u64,
    pub(crate) quiet: bool,
    pub(crate) events: Vec<(Duration, Event)>,
    /// The version of the facts that it has last been told.
    pub(crate) facts: usize,
    /// 0: the first key; 1: both, sealing with the first; 2: both, sealing with the second.
    pub(crate) keys: u8,
}

impl Node {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            name: name(index),
            lives: 0,
            speaker: None,
            kernel: true,
            carrier: true,
            paused: None,
            asleep: None,
            clock: Clock::default(),
            inbox: VecDeque::new(),
            disk: Snapshot::default(),
            timer: None,
            frames: 0,
            answers: BTreeMap::new(),
            stirred: Duration::ZERO,
            draining: false,
            able: true,
            leaving: false,
            fresh: true,
            subnet: true,
            part: None,
            sibling: None,
            boot: 0,
            quiet: false,
            events: Vec::new(),
            facts: 0,
            keys: 0,
        }
    }

    /// Whether its speaker does anything.
    pub(crate) fn runs(&self) -> bool {
        self.speaker.is_some() && self.paused.is_none()
    }

    pub(crate) fn answers(&self, unit: &UnitId) -> Option<Role> {
        let on = self.runs() && self.carrier && self.kernel;
        self.answers.get(unit).copied().filter(|_| on)
    }

    pub(crate) fn holds(&self, unit: &UnitId) -> bool {
        self.answers(unit) == Some(Role::Holder)
    }
}

pub(crate) fn name(index: usize) -> NodeName {
    NodeName(format!("node-{index}"))
}

pub(crate) fn mac(index: usize) -> [u8; 6] {
    let [high, low] = (index as u16).to_be_bytes();
    [2, 0, 0, 0, high, low]
}

pub(crate) fn address(index: usize) -> IpAddr {
    let [high, low] = (index as u16 + 10).to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

pub(crate) fn unit(index: usize) -> UnitId {
    let [high, low] = (index as u16 + 1).to_be_bytes();
    UnitId(Ipv4Addr::new(192, 0, high, low).into())
}

/// The candidates of a unit, to be changed.
pub(crate) fn candidates(unit: &mut Unit) -> &mut BTreeMap<NodeName, u32> {
    Arc::make_mut(&mut unit.candidates)
}

/// The default gateway: not a node.
pub(crate) const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

pub(crate) const GATEWAY_MAC: [u8; 6] = [2, 0xff, 0, 0, 0, 1];

/// Whose datagrams come by IPv6: of no consequence but for the family.
pub(crate) const BY_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1));
