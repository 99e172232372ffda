//! What a Service's condition `heraldlb.io/Announced` is to say.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use announce::{BgpPlan, Reason, abridged};
use claim::Status;
use config::condition::{find, of_service};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use l2::{Mac, Response};
use model::{NodeName, PeerName, ServiceName};
use serde_json::{Value, json};

use crate::layer2::announcer::NoInterface;

/// The condition that says whether the network knows where the Service is, and from whom; or why not.
pub const ANNOUNCED: &str = "heraldlb.io/Announced";

/// On which interfaces the addresses of this node are announced.
pub type Announcements = BTreeMap<IpAddr, BTreeSet<String>>;

/// Addresses that a station outside of the cluster has on an interface too: which, and what is done about it.
pub type Disputes = BTreeMap<(IpAddr, String), (Mac, Response)>;

/// What a Service's condition says, as far as it takes to know whether there is something to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whether the Service is announced.
    pub announced: bool,
    /// Of the reason and the message.
    words: u64,
    /// Since when it is announced, or is not.
    since: Timestamp,
    /// The generation of the Service when it was seen.
    generation: Option<i64>,
}

impl Shown {
    /// What `object` shows; none if nothing.
    pub fn of(object: &Service) -> Option<Self> {
        let condition = find(of_service(object), ANNOUNCED)?;
        Some(Self {
            announced: condition.status == "True",
            words: words(&condition.reason, &condition.message),
            since: condition.last_transition_time.0,
            generation: object.metadata.generation,
        })
    }
}

/// The content of the condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether every address is announced.
    pub announced: bool,
    /// One word from a closed list.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// What of the message has to be another for it to be written again; none: any of it.
    pub gist: Option<String>,
    /// Whom bad news has to be left to, if the Service shows that somebody announces it.
    pub unless: Option<Elsewhere>,
    /// How long it has to be so before it is told.
    pub patience: Duration,
}

/// Where a Service may be announced without the knowledge of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// By any node but these, which can be seen from here.
    OnAnotherSegment {
        /// The addresses of the Service.
        addresses: Box<[IpAddr]>,
        /// The nodes.
        seen: BTreeSet<NodeName>,
    },
    /// By one of these nodes that are Ready, to one of its peers.
    ByBgp {
        /// The nodes and their peers.
        plan: Arc<BgpPlan>,
        /// The nodes that are Ready.
        ready: Arc<BTreeSet<NodeName>>,
    },
}

/// How long bad news has to last before it is told: a new Service has an address a moment before its endpoints are known,
/// and an address that moves is nobody's for a moment.
const DWELL: Duration = Duration::from_secs(1);

impl Standing {
    /// Node `me` announces all the addresses of a Service.
    pub fn announced(
        me: &NodeName,
        addresses: &[IpAddr],
        announcements: &Announcements,
        disputes: &Disputes,
    ) -> Self {
        let disputed = disputes.iter().find(|((ip, _), _)| addresses.contains(ip));
        if let Some(((ip, iface), (mac, Response::Yielded))) = disputed {
            let message = format!(
                "{ip} belongs to the station {mac} on {iface} of node {me}, which is not of this cluster: node {me} has yielded to it; \
                 take the address off that station, or exclude it from the IPPool"
            );
            return Self::not("AddressConflict", message);
        }
        let on = |ip: &IpAddr| {
            let interfaces = announcements.get(ip).into_iter().flatten();
            format!("{ip} on {}", abridged(interfaces))
        };
        let parts: Vec<_> = addresses.iter().map(on).collect();
        let mut told = Self::good(format!("by node {me}: {}", parts.join("; ")));
        if let Some(((ip, iface), (mac, Response::Defended))) = disputed {
            told.reason = "AddressConflict";
            told.message = format!(
                "{}; but the station {mac} on {iface}, which is not of this cluster, claims {ip} too: take the address off it, or \
                 exclude it from the IPPool",
                told.message
            );
        }
        told
    }

    /// The same, and `holder` announces the Service's other addresses, on another segment.
    #[must_use]
    pub fn and_elsewhere(mut self, holder: &NodeName, addresses: &[IpAddr]) -> Self {
        let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        self.message = format!("{}; by node {holder}: {}", self.message, all.join(", "));
        self
    }

    /// Nodes announce it by BGP, as well as what this says.
    #[must_use]
    pub fn and_by_bgp(mut self) -> Self {
        self.message = format!("{}; and {BY_BGP}", self.message);
        self
    }

    /// Nodes announce it by BGP, this one among them. All of them say so in the same words, so that one is enough and none that comes
    /// or goes has to say it again.
    pub fn routed() -> Self {
        Self::good(BY_BGP.to_owned())
    }

    /// Node `me` is to announce it by BGP, and has no session that is established. Each with what is wrong with it.
    pub fn without_session(me: &NodeName, sessions: &BTreeMap<&PeerName, String>) -> Self {
        let of = |(peer, trouble): (&&PeerName, &String)| format!("{peer}: {trouble}");
        let mut all: Vec<_> = sessions.iter().take(NAMED).map(of).collect();
        if let Some(more) = sessions.len().checked_sub(NAMED).filter(|more| *more > 0) {
            all.push(format!("and {more} more"));
        }
        let message = format!("no BGP session of node {me} is established: {}", all.join("; "));
        Self::not("NoSession", message)
    }

    /// The same, after another node has had its time to say it.
    #[must_use]
    pub fn after(self, patience: Duration) -> Self {
        Self {
            patience: self.patience.max(patience),
            ..self
        }
    }

    /// No node may announce it.
    pub fn nobody(reason: &Reason) -> Self {
        Self {
            gist: Some(reason.gist()),
            ..Self::not(reason.word(), reason.to_string())
        }
    }

    /// Node `me` may announce it, and none of its interfaces can.
    pub fn homeless(me: &NodeName, ip: IpAddr, why: &NoInterface) -> Self {
        let why = match why {
            NoInterface::NoSubnet => {
                "none that an L2Advertisement names, or none with an address or an on-link route of the same subnet".to_owned()
            }
            NoInterface::Unaddressed { iface } => {
                format!("{iface} has no address of its own, over which the speakers could agree: give it one, or let it have IPv6")
            }
            NoInterface::NoHost { subnet } => {
                let subnet = subnet.trunc();
                format!("it is the first or the last address of {subnet}, which hosts do not take for one: exclude it from the IPPool")
            }
        };
        let message = format!(
            "node {me} may announce it, but has no usable interface for {ip}: {why}; and no other node announces it either"
        );
        Self::not("NoInterface", message)
    }

    /// Nodes may announce it and none does. Of each what is known: nothing of this node itself.
    pub fn unheld(candidates: &BTreeMap<NodeName, Option<Option<Status>>>) -> Self {
        let mut states: BTreeMap<&'static str, Vec<&NodeName>> = BTreeMap::new();
        for (node, state) in candidates {
            let state = match state {
                None => "about to",
                Some(None) => "without a speaker that is heard of",
                Some(Some(status)) => word(*status),
            };
            states.entry(state).or_default().push(node);
        }
        let gist = states.keys().copied().collect::<Vec<_>>().join("; ");
        let told = states.into_iter().map(|(state, nodes)| match nodes[..] {
            [node] => format!("{node} is {state}"),
            _ => format!("{} are {state}", abridged(nodes)),
        });
        let told: Vec<_> = told.collect();
        let message = format!("no node announces it, of those that may: {}", told.join("; "));
        Self {
            gist: Some(gist),
            ..Self::not("NoSpeaker", message)
        }
    }

    /// The same, said by who cannot see what is `elsewhere`.
    #[must_use]
    pub fn unless(self, elsewhere: Elsewhere) -> Self {
        Self {
            unless: Some(elsewhere),
            ..self
        }
    }

    fn good(message: String) -> Self {
        Self {
            announced: true,
            reason: "Announced",
            message,
            gist: None,
            unless: None,
            patience: Duration::ZERO,
        }
    }

    fn not(reason: &'static str, message: String) -> Self {
        Self {
            announced: false,
            reason,
            message,
            gist: None,
            unless: None,
            patience: DWELL,
        }
    }

    /// Whether who has said `other` need not say this.
    pub fn is_like(&self, other: &Self) -> bool {
        let of = |standing: &Self| (standing.announced, standing.reason, standing.patience);
        let same_words = match (&self.gist, &other.gist) {
            (Some(gist), Some(other)) => gist == other,
            (Some(_), None) | (None, Some(_) | None) => self.message == other.message,
        };
        of(self) == of(other) && same_words
    }

    /// What a Service shows that says this.
    pub fn words(&self) -> (bool, u64) {
        (self.announced, words(self.reason, &self.message))
    }

    /// The condition of Service `name`, which has `shown` this, as server-side apply takes it. It carries no version: nobody else
    /// writes it, and the newest speaker to hold the address is right.
    pub fn patch(&self, name: &ServiceName, shown: Option<&Shown>, now: Timestamp) -> Value {
        let before = shown.filter(|shown| shown.announced == self.announced);
        let condition = Condition {
            type_: ANNOUNCED.to_owned(),
            status: if self.announced { "True" } else { "False" }.to_owned(),
            reason: self.reason.to_owned(),
            message: self.message.clone(),
            observed_generation: shown.and_then(|shown| shown.generation),
            last_transition_time: Time(before.map_or(now, |shown| shown.since)),
        };
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": &*name.name, "namespace": &*name.namespace},
            "status": {"conditions": [condition]},
        })
    }
}

impl Shown {
    /// What it says.
    pub fn words(&self) -> (bool, u64) {
        (self.announced, self.words)
    }
}

/// How a Service is announced by BGP: in words that are the same on every node and at any time.
const BY_BGP: &str = "by BGP, from every node that may announce it and has a session; `kubectl get speakers -o yaml` shows the sessions of \
                      each node and what it announces";

/// So many are named of what a node has several of.
const NAMED: usize = 3;

fn words(reason: &str, message: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (reason, message).hash(&mut hasher);
    hasher.finish()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ready => "ready",
        Status::Listening => "starting",
        Status::Draining => "being drained",
        Status::Unable => "not ready to forward (kube-proxy)",
        Status::OneWay => "heard, and does not hear this node",
        Status::Missing => "silent",
        Status::SpeakerLost => "without a speaker",
        Status::Dead => "dead",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn name(node: &str) -> NodeName {
        NodeName(node.into())
    }

    fn announced(disputes: &Disputes) -> Standing {
        let on = ["eth0".to_owned(), "eth1".to_owned()].into();
        Standing::announced(
            &name("n1"),
            &[ip("192.0.2.1")],
            &[(ip("192.0.2.1"), on)].into(),
            disputes,
        )
    }

    #[test]
    fn every_node_that_announces_by_bgp_says_so_in_the_same_words() {
        assert!(Standing::routed().announced);
        let tors: Vec<PeerName> = (1..=5).map(|number| PeerName(format!("tor-{number}"))).collect();
        let trouble = |peer| (peer, "Idle".to_owned());
        let told = Standing::without_session(&name("n1"), &tors.iter().map(trouble).collect());
        assert_eq!(
            (told.reason, told.message.as_str()),
            (
                "NoSession",
                "no BGP session of node n1 is established: tor-1: Idle; tor-2: Idle; tor-3: Idle; and 2 more"
            )
        );
        let both = announced(&Disputes::new()).and_by_bgp();
        assert!(
            both.message
                .starts_with("by node n1: 192.0.2.1 on eth0, eth1; and by BGP, "),
            "{}",
            both.message
        );
    }

    #[test]
    fn node_and_interfaces_are_named() {
        let told = announced(&Disputes::new());
        assert!(told.announced);
        assert_eq!(told.message, "by node n1: 192.0.2.1 on eth0, eth1");
        let both = told.and_elsewhere(&name("n2"), &[ip("2001:db8::1")]);
        assert_eq!(
            both.message,
            "by node n1: 192.0.2.1 on eth0, eth1; by node n2: 2001:db8::1"
        );
    }

    /// A6
    #[test]
    fn a_station_that_has_the_address_too_is_named_whatever_is_done_about_it() {
        let mac = Mac::new([2, 0, 0, 0, 0, 9]).unwrap();
        for (response, good) in [(Response::Defended, true), (Response::Yielded, false)] {
            let told = announced(&[((ip("192.0.2.1"), "eth0".to_owned()), (mac, response))].into());
            assert_eq!((told.announced, told.reason), (good, "AddressConflict"));
            assert!(
                told.message.contains("02:00:00:00:00:09 on eth0"),
                "{}",
                told.message
            );
        }
    }

    /// P-L2-45, P-OBS-5
    #[test]
    fn every_reason_why_not_is_told() {
        assert_eq!(Standing::nobody(&Reason::NoEndpoints).reason, "NoEndpoints");
        let subnet = "192.0.2.1/24".parse().unwrap();
        let iface = "eth1".to_owned();
        for (why, word) in [
            (NoInterface::NoSubnet, "same subnet"),
            (NoInterface::Unaddressed { iface }, "eth1 has no address"),
            (NoInterface::NoHost { subnet }, "last address of 192.0.2.0/24"),
        ] {
            let homeless = Standing::homeless(&name("n1"), ip("192.0.2.1"), &why);
            assert_eq!(homeless.reason, "NoInterface");
            assert!(homeless.message.contains(word), "{}", homeless.message);
        }
        let states = [
            (name("n1"), None),
            (name("n2"), Some(None)),
            (name("n3"), Some(Some(Status::Unable))),
        ];
        let unheld = Standing::unheld(&states.into());
        assert_eq!(
            unheld.message,
            "no node announces it, of those that may: n1 is about to; n3 is not ready to forward (kube-proxy); n2 is without a \
             speaker that is heard of"
        );
    }

    #[test]
    fn why_nobody_does_is_no_longer_and_not_written_again_for_more_nodes() {
        let of = |nodes: usize| {
            let dead = |number| (name(&format!("node-{number:04}")), Some(Some(Status::Dead)));
            Standing::unheld(&(0..nodes).map(dead).collect())
        };
        let (few, many) = (of(10), of(1000));
        assert!(few.is_like(&many));
        assert!(
            few.message
                .contains("node-0000, node-0001, node-0002 and 7 more are dead")
        );
        assert!(many.message.len() <= few.message.len() + 3);
    }

    #[test]
    fn the_condition_keeps_the_time_of_its_last_transition_while_it_holds() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let web = ServiceName::new("default", "web");
        let up = announced(&Disputes::new());
        let first = up.patch(&web, None, at(10));
        let object: Service = serde_json::from_value(first).unwrap();
        let shown = Shown::of(&object).unwrap();
        assert_eq!(shown.words(), up.words());
        let time = |patch: Value| -> Timestamp {
            let object: Service = serde_json::from_value(patch).unwrap();
            Shown::of(&object).unwrap().since
        };
        let conflict = up.clone().and_by_bgp();
        assert_ne!(shown.words(), conflict.words());
        assert_eq!(time(conflict.patch(&web, Some(&shown), at(20))), at(10));
        let down = Standing::nobody(&Reason::NoEndpoints);
        assert_eq!(time(down.patch(&web, Some(&shown), at(20))), at(20));
    }
}
