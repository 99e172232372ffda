//! What a Service's condition `heraldlb.io/Announced` is to say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use announce::Reason;
use claim::Status;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use l2::{Mac, Response};
use model::NodeName;
use process::condition::{Statement, find, of_service};
use serde_json::{Value, json};

/// The condition that says whether the network knows where the Service is, and from whom; or why not.
pub const ANNOUNCED: &str = "heraldlb.io/Announced";

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
    /// Another node may know better: not to be written over the word of one that says that it announces the Service.
    pub tentative: bool,
}

impl Standing {
    /// Node `me` announces all the addresses of a Service.
    pub fn announced(
        me: &NodeName,
        addresses: &BTreeSet<IpAddr>,
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
        let mut message = format!("by node {me}: {}", parts.join("; "));
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
            tentative: false,
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
        Self {
            tentative: true,
            ..Self::not("NoInterface", message)
        }
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
        Self {
            tentative: true,
            ..Self::not("NoSpeaker", message)
        }
    }

    fn not(reason: &'static str, message: String) -> Self {
        Self {
            announced: false,
            reason,
            message,
            tentative: false,
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
            tentative: _,
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

/// Whether a node says on `object` that it announces it.
pub fn is_announced(object: &Service) -> bool {
    find(of_service(object), ANNOUNCED).is_some_and(|condition| condition.status == "True")
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
            &[ip("192.0.2.1")].into(),
            &[(ip("192.0.2.1"), on)].into(),
            disputes,
        )
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
        assert_eq!((homeless.reason, homeless.tentative), ("NoInterface", true));
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
}
