use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::Mac;

/// What a responder may be told.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A frame that arrived on the interface, from the Ethernet header on: ARP, or IPv6 with a message of Neighbor
    /// Discovery. Others are counted and that is all.
    Frame(&'a [u8]),
    /// The address is ours from now on: answer for it and announce it. Of an address held already: nothing (P-L2-59).
    Hold(IpAddr),
    /// The address is somebody else's who cannot answer for it now: answer that it is at `mac`, and announce that once.
    /// The frames still come from our own station, so that switches do not look for the other one here. The same again:
    /// nothing.
    ///
    /// [`Self::Hold`] afterwards makes it ours, this after [`Self::Hold`] makes it the other's, both without a gap.
    Surrogate {
        /// The address.
        address: IpAddr,
        /// The station that has it.
        mac: Mac,
    },
    /// The address is ours no longer, nor ours to answer for: not one word more about it.
    Release(IpAddr),
    /// What the interface is. With another hardware address than before everything is announced anew (A11).
    Interface {
        /// Its hardware address.
        mac: Mac,
        /// Its own addresses, those in use only (neither tentative nor found to be duplicates): from these questions
        /// are asked. It may have none (N9).
        addresses: BTreeSet<IpAddr>,
    },
    /// The link came back, perhaps to another port of another switch: everything is announced anew.
    CarrierUp,
    /// Whether to say nothing unasked: this node may be deaf, and what it holds may be another's by now. Questions are answered
    /// all the same. When that is over, everything is announced anew.
    Quiet(bool),
    /// The hardware addresses of the node's other interfaces: where two of them are on one segment, each hears what the
    /// other says, and it is no claim of somebody else.
    Siblings(BTreeSet<Mac>),
    /// The hardware addresses of the cluster's other speakers: who claims an address from one of these is a rival, anybody
    /// else a stranger (A6, A7). Until this is told, everybody is a rival: who does not know the others does not fight them.
    Cluster(BTreeSet<Mac>),
    /// The addresses that the speakers of the cluster share, held here or not: that another of them has one is told of
    /// ([`crate::Event::Rival`]) in either case.
    Shared(BTreeSet<IpAddr>),
    /// Say once more where this address is, if it is held and not given up to a stranger: another speaker is to see it.
    Announce(IpAddr),
    /// The addresses, held or not, that are given up when a stranger claims them; all others are defended (A6).
    Yielding(BTreeSet<IpAddr>),
    /// Ask once who has the address: the station `mac` alone, or everybody. [`crate::Event::Answered`] if an answer
    /// comes within a second; with `mac`, only if that station gives it and names itself.
    Probe {
        /// The address, which need not be held.
        address: IpAddr,
        /// The station to ask.
        mac: Option<Mac>,
    },
    /// The address is ours from now on, and nobody has had it as far as is known: ask whether a stranger has it (A4, N11; RFC 5227
    /// §2.1.1) before anything is said of it. [`crate::Event::InUse`] tells when that is over, a few hundredths of a second later; the
    /// questions go on in the background. Of an address held already, these alone.
    FirstUse(IpAddr),
}
