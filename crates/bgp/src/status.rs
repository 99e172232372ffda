use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use model::Family;

use crate::input::DialError;
use crate::learned::Learned;
use crate::peer_asn::PeerAsn;
use crate::wire::Notification;

/// The states of RFC 4271 §8.2.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Waiting before it dials again, or not begun.
    #[default]
    Idle,
    /// Dialling.
    Connect,
    /// Never entered by a speaker that only dials: a failed dial goes to Idle. Kept so that states print as users know them.
    Active,
    /// OPEN sent.
    OpenSent,
    /// OPEN exchanged.
    OpenConfirm,
    /// Routes may be sent.
    Established,
}

/// Why a session is not Established, or was lost. The text is for the operator of either end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// No connection.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// The peer's AS is another one.
    #[error("bad peer AS {theirs}, expected {expected}")]
    PeerAs {
        /// What its OPEN says.
        theirs: u32,
        /// What it should be.
        expected: PeerAsn,
    },
    /// We closed with this NOTIFICATION.
    #[error("closed by us: {0}")]
    Sent(Notification),
    /// The peer did. `ours` is our AS number, which makes "Bad Peer AS" readable.
    #[error("closed by the peer: {received}{hint}", received = .0, hint = expected(.0, *.1))]
    Received(Notification, u32),
    /// The peer closed the connection without a word, or it broke.
    #[error("the connection was closed{}", .0.as_ref().map_or_else(String::new, |error| format!(": {error}")))]
    Closed(Option<String>),
    /// The peer takes nothing any more (RFC 9687).
    #[error("the peer has read nothing for {} s", .0.as_secs())]
    SendHold(Duration),
    /// BFD found the path dead.
    #[error("BFD: the path to the peer is down")]
    Bfd,
}

fn expected(notification: &Notification, ours: u32) -> String {
    if notification.is_bad_peer_as() {
        format!(" (the peer expects another AS than {ours} of us)")
    } else {
        String::new()
    }
}

/// What happened, for whoever tells users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The state is another one; with the reason where it fell back.
    State {
        /// Before.
        from: State,
        /// Now.
        to: State,
        /// Why it fell back.
        error: Option<SessionError>,
    },
    /// Everything that was to be announced has been handed to TCP: after the first time, End-of-RIB as well.
    Synced,
    /// The peer offers another way to a prefix that is accepted, or none any more. It is the only way in which a route goes: where the
    /// peer restarts gracefully (RFC 4724) its routes stay for a while without a session. After
    /// [`Input::Stop`](crate::Input::Stop) nothing is told.
    Route {
        /// Where to.
        prefix: IpNet,
        /// Which way; none: no more.
        path: Option<Learned>,
    },
    /// The peer has announced all that it has of this family (RFC 4724).
    EndOfRib(Family),
    /// Routes of this family that was offered are not announced over this session, though it is Established; or they are again.
    FamilyFault {
        /// The family.
        family: Family,
        /// Why not; none: they are.
        fault: Option<FamilyFault>,
    },
    /// [`Input::Drain`](crate::Input::Drain) has run its course: nothing is announced any more. At once where nothing was.
    Drained,
}

/// Why no route of a family is announced over a session that is Established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyFault {
    /// The peer's OPEN does not say that it takes the family.
    NotAgreed,
    /// This node has no address that such routes could point to, as far as both agreed on what is one.
    NoNextHop,
}

impl FamilyFault {
    /// What is wrong with the family, for the operator of either end.
    #[must_use]
    pub fn text(self, family: Family) -> String {
        match self {
            Self::NotAgreed => {
                format!("the peer does not take {family} routes: activate the family for this neighbor")
            }
            Self::NoNextHop => format!(
                "no next hop for {family} routes: this node has no address that the peer could send to"
            ),
        }
    }
}

/// What the peer said of itself in its OPEN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Its AS number.
    pub asn: u32,
    /// Its BGP identifier.
    pub identifier: Ipv4Addr,
    /// The hold time agreed on; none: no keepalives and no expiry.
    pub hold_time: Option<Duration>,
    /// The families agreed on.
    pub families: BTreeSet<Family>,
    /// Whether it keeps our routes while we restart.
    pub graceful_restart: bool,
}

/// Numbers of messages and routes since the machine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// OPENs sent.
    pub opens_sent: u64,
    /// OPENs received.
    pub opens_received: u64,
    /// UPDATEs sent.
    pub updates_sent: u64,
    /// UPDATEs received.
    pub updates_received: u64,
    /// KEEPALIVEs sent.
    pub keepalives_sent: u64,
    /// KEEPALIVEs received.
    pub keepalives_received: u64,
    /// NOTIFICATIONs sent.
    pub notifications_sent: u64,
    /// NOTIFICATIONs received.
    pub notifications_received: u64,
    /// ROUTE-REFRESHes received.
    pub refreshes_received: u64,
    /// Times that the session was Established.
    pub established: u64,
    /// Attributes discarded, and routes treated as withdrawn, from malformed UPDATEs (RFC 7606).
    pub malformed_updates: u64,
    /// Prefixes that the guard did not let pass: a defect of Herald.
    pub refused_exports: u64,
    /// Prefixes with more attributes than go into one message.
    pub unsendable: u64,
}

/// How the session stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Since when; none: since it was made.
    pub since: Option<Instant>,
    /// What both agreed on, while the session is in OpenConfirm or Established.
    pub negotiated: Option<Negotiated>,
    /// Families that were offered and of which nothing is announced, while the session is Established.
    pub family_faults: BTreeMap<Family, FamilyFault>,
    /// Routes that the peer has from us.
    pub routes_sent: usize,
    /// Routes that it is still to get or to lose.
    pub routes_pending: usize,
    /// Prefixes that the peer announced, as far as they were counted, whether accepted or not.
    pub prefixes_received: u64,
    /// Routes of the peer that are accepted.
    pub routes_accepted: usize,
    /// Of these, routes that the peer has not said again since it was lost; it may yet come back and do so (RFC 4724).
    pub routes_stale: usize,
    /// Routes that would be, were they not more than [`MOST_LEARNED`](crate::MOST_LEARNED).
    pub routes_left_out: u64,
    /// What went wrong last; kept until the session has been Established for a while.
    pub error: Option<SessionError>,
    /// Numbers.
    pub counters: Counters,
}

impl Status {
    /// Whether routes of this family reach the peer.
    #[must_use]
    pub fn carries(&self, family: Family) -> bool {
        let agreed = self
            .negotiated
            .as_ref()
            .is_some_and(|both| both.families.contains(&family));
        self.state == State::Established && agreed && !self.family_faults.contains_key(&family)
    }
}
