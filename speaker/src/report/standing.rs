//! What a Service's condition `heraldlb.io/Announced` is to say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use announce::Reason;
use claim::Status;
use config::condition::{Statement, find, of_service};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use l2::{Mac, Response};
use model::{NodeName, PeerName};
use serde_json::{Value, json};

/// The condition that says whether the network knows where the Service is, and from whom; or why not.
pub const ANNOUNCED: &str = "heraldlb.io/Announced";

/// How the message begins of a Service that is announced; the name of the node and a colon follow.
const BY_NODE: &str = "by node ";

/// On which interfaces the addresses of this node are announced.
pub type Announcements = BTreeMap<IpAddr, BTreeSet<String>>;

/// Addresses that a station outside of the cluster has on an interface too: which, and what is done about it.
pub type Disputes = BTreeMap<(IpAddr, String), (Mac, Response)>;

/// The content of the condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether every address is announced.
    pub announced: bool,
    /// One word from a closed list.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// Where only some nodes can be seen: these. The word of another one, that it announces the Service, is not to be written
    /// over.
    pub seen: Option<BTreeSet<NodeName>>,
    /// How long it has to be so before it is told.
    pub patience: Duration,
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
            let names: Vec<_> = announcements
                .get(ip)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            format!("{ip} on {}", names.join(", "))
        };
        let parts: Vec<_> = addresses.iter().map(on).collect();
        let mut message = format!("{BY_NODE}{me}: {}", parts.join("; "));
        if let Some(((ip, iface), (mac, Response::Defended))) = disputed {
            message = format!(
                "{message}; but the station {mac} on {iface}, which is not of this cluster, claims {ip} too: take the address off \
                 it, or exclude it from the IPPool"
            );
        }
        Self {
            announced: true,
            reason: if disputed.is_some() {
                "AddressConflict"
            } else {
                "Announced"
            },
            message,
            seen: None,
            patience: Duration::ZERO,
        }
    }

    /// Nodes announce it by BGP, as well as what this says.
    #[must_use]
    pub fn and_by_bgp(mut self, nodes: &BTreeMap<NodeName, BTreeSet<PeerName>>) -> Self {
        self.message = format!(
            "{}; by BGP from {}, as far as their sessions are established",
            self.message,
            some(nodes.keys())
        );
        self
    }

    /// Node `me` announces it by BGP to these peers, and so do the `others`.
    pub fn routed<'a>(
        me: &NodeName,
        peers: impl IntoIterator<Item = &'a PeerName>,
        others: &BTreeSet<&NodeName>,
    ) -> Self {
        let mut message = format!("{BY_NODE}{me}: by BGP to {}", some(peers));
        if !others.is_empty() {
            message = format!("{message}; so do {}", some(others));
        }
        Self {
            announced: true,
            reason: "Announced",
            message,
            seen: None,
            patience: Duration::ZERO,
        }
    }

    /// Node `me` is to announce it by BGP, and has no session that is established. Each with what is wrong with it.
    pub fn without_session(me: &NodeName, sessions: &BTreeMap<&PeerName, String>) -> Self {
        let of = |(peer, trouble): (&&PeerName, &String)| format!("{peer}: {trouble}");
        let all: Vec<_> = sessions.iter().map(of).collect();
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
        Self::not(reason.word(), reason.to_string())
    }

    /// Node `me` may announce it, and none of its interfaces can.
    pub fn homeless(me: &NodeName, ip: IpAddr) -> Self {
        let message = format!(
            "node {me} may announce it, but has no usable interface for {ip}: none that an L2Advertisement names, or none with \
             an address of the same subnet; and no other node announces it either"
        );
        Self::not("NoInterface", message)
    }

    /// Nodes may announce it and none does. Of each what is known: nothing of this node itself.
    pub fn unheld(candidates: &BTreeMap<NodeName, Option<Option<Status>>>) -> Self {
        let seen = |(node, state): (&NodeName, &Option<Option<Status>>)| match state {
            None => format!("{node} is about to"),
            Some(None) => format!("no speaker is heard of on {node}"),
            Some(Some(status)) => format!("{node} is {}", word(*status)),
        };
        let all: Vec<_> = candidates.iter().map(seen).collect();
        let message = format!("no node announces it, of those that may: {}", all.join("; "));
        Self::not("NoSpeaker", message)
    }

    /// The same, said by who sees only these nodes.
    #[must_use]
    pub fn unless_said_elsewhere(self, seen: BTreeSet<NodeName>) -> Self {
        Self {
            seen: Some(seen),
            ..self
        }
    }

    /// Whether `object` says that a node announces it which cannot be seen by who says this.
    pub fn is_overruled_by(&self, object: &Service) -> bool {
        let by = self.seen.as_ref().zip(announcer(object));
        by.is_some_and(|(seen, node)| !seen.contains(&node))
    }

    fn not(reason: &'static str, message: String) -> Self {
        Self {
            announced: false,
            reason,
            message,
            seen: None,
            patience: DWELL,
        }
    }

    /// Whether the condition of `object` says this already.
    pub fn is_shown_by(&self, object: &Service) -> bool {
        self.statement().is_among(of_service(object))
    }

    /// The condition as server-side apply takes it. It carries no version: nobody else writes it, and the newest speaker
    /// to hold the address is right.
    pub fn patch(&self, object: &Service, now: Timestamp) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": object.metadata.name, "namespace": object.metadata.namespace},
            "status": {
                "conditions": [self.statement().condition(of_service(object), object.metadata.generation, now)],
            },
        })
    }

    fn statement(&self) -> Statement<'_> {
        let Self {
            announced,
            reason,
            message,
            seen: _,
            patience: _,
        } = self;
        Statement {
            kind: ANNOUNCED,
            holds: *announced,
            reason,
            message,
        }
    }
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

/// The node that says of itself, on `object`, that it announces it.
pub fn announcer(object: &Service) -> Option<NodeName> {
    let condition = find(of_service(object), ANNOUNCED).filter(|condition| condition.status == "True")?;
    let (node, _) = condition.message.strip_prefix(BY_NODE)?.split_once(": ")?;
    Some(NodeName(node.to_owned()))
}

/// So many are named; of more, how many there are.
const NAMED: usize = 3;

/// The first three, and how many there are besides: what a cluster has of a kind must not make a condition longer.
pub(crate) fn some<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let first: Vec<_> = names.by_ref().take(NAMED).map(|name| name.to_string()).collect();
    let first = first.join(", ");
    match names.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Whether the status of `object` has the condition at all.
pub fn is_told(object: &Service) -> bool {
    find(of_service(object), ANNOUNCED).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn n1() -> NodeName {
        NodeName("n1".into())
    }

    fn announced(disputes: &Disputes) -> Standing {
        let on = ["eth0".to_owned(), "eth1".to_owned()].into();
        Standing::announced(
            &n1(),
            &[ip("192.0.2.1")],
            &[(ip("192.0.2.1"), on)].into(),
            disputes,
        )
    }

    #[test]
    fn who_announces_by_bgp_is_named_with_its_peers() {
        let (n2, n3) = (NodeName("n2".into()), NodeName("n3".into()));
        let tors = [PeerName("tor-1".into()), PeerName("tor-2".into())];
        let told = Standing::routed(&n1(), &tors, &[&n2, &n3].into());
        assert_eq!(told.message, "by node n1: by BGP to tor-1, tor-2; so do n2, n3");
        let trouble = "hold timer expired".to_owned();
        let told = Standing::without_session(&n1(), &[(&tors[0], trouble)].into());
        assert_eq!(
            (told.reason, told.message.as_str()),
            (
                "NoSession",
                "no BGP session of node n1 is established: tor-1: hold timer expired"
            )
        );
        let both = announced(&Disputes::new()).and_by_bgp(&[(n2, tors.into())].into());
        assert_eq!(
            both.message,
            "by node n1: 192.0.2.1 on eth0, eth1; by BGP from n2, as far as their sessions are established"
        );
    }

    #[test]
    fn node_and_interfaces_are_named() {
        let told = announced(&Disputes::new());
        assert!(told.announced);
        assert_eq!(told.message, "by node n1: 192.0.2.1 on eth0, eth1");
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
        let homeless = Standing::homeless(&n1(), ip("192.0.2.1"));
        assert_eq!(homeless.reason, "NoInterface");
        let states = [
            (n1(), None),
            (NodeName("n2".into()), Some(None)),
            (NodeName("n3".into()), Some(Some(Status::Unable))),
        ];
        let unheld = Standing::unheld(&states.into());
        assert_eq!(
            unheld.message,
            "no node announces it, of those that may: n1 is about to; no speaker is heard of on n2; n3 is not ready to forward \
             (kube-proxy)"
        );
    }

    /// P-L2-45: its own word, and that of a node which it sees and which does not announce it, are not left to stand.
    #[test]
    fn only_the_word_of_a_node_that_cannot_be_seen_stands_against_bad_news() {
        let says = |message: &str, status: &str| -> Service {
            let condition = json!({
                "type": ANNOUNCED, "status": status, "reason": "Announced", "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            });
            serde_json::from_value(json!({"metadata": {}, "status": {"conditions": [condition]}})).unwrap()
        };
        let seen = [n1(), NodeName("n2".into())].into();
        let bad = Standing::homeless(&n1(), ip("192.0.2.1")).unless_said_elsewhere(seen);
        assert!(!bad.is_overruled_by(&says("by node n1: 192.0.2.1 on eth0", "True")));
        assert!(!bad.is_overruled_by(&says("by node n2: 192.0.2.1 on eth0", "True")));
        assert!(bad.is_overruled_by(&says("by node n9: 192.0.2.1 on eth0", "True")));
        assert!(!bad.is_overruled_by(&says("by node n9: 192.0.2.1 on eth0", "False")));
        let firm = Standing::nobody(&Reason::NoEndpoints);
        assert!(!firm.is_overruled_by(&says("by node n9: 192.0.2.1 on eth0", "True")));
    }
}
