//! What a Service's condition `heraldlb.io/Announced` is to say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use model::NodeName;
use process::condition::{Statement, find, of_service};
use serde_json::{Value, json};

use crate::decision::Verdict;

/// The condition that says whether the network knows where the Service is, and from whom; or why not.
pub const ANNOUNCED: &str = "heraldlb.io/Announced";

/// On which interfaces the addresses of this node are announced; an address that has none is missing or empty.
pub type Announcements = BTreeMap<IpAddr, BTreeSet<String>>;

/// The content of the condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether every address is announced.
    pub announced: bool,
    /// One word from a closed list.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Standing {
    /// What node `me` has to say about a Service. None while the first announcement is still to be sent.
    pub fn of(
        me: &NodeName,
        verdict: &Verdict,
        announcements: &Announcements,
        homeless: &BTreeSet<IpAddr>,
    ) -> Option<Self> {
        match verdict {
            Verdict::Held(addresses) => Self::held(me, addresses, announcements, homeless),
            Verdict::Nobody(reason) => Some(Self::not(reason.word(), reason.to_string())),
            Verdict::NoSpeaker(candidates) => {
                let nodes: Vec<_> = candidates.iter().map(ToString::to_string).collect();
                let message = format!(
                    "no speaker runs on the nodes that may announce it ({})",
                    nodes.join(", ")
                );
                Some(Self::not("NoSpeaker", message))
            }
        }
    }

    fn held(
        me: &NodeName,
        addresses: &BTreeSet<IpAddr>,
        announcements: &Announcements,
        homeless: &BTreeSet<IpAddr>,
    ) -> Option<Self> {
        if let Some(ip) = addresses.iter().find(|ip| ip.is_ipv6()) {
            let message =
                format!("{ip} is not announced: this version of Herald announces IPv4 addresses only");
            return Some(Self::not("FamilyNotSupported", message));
        }
        if let Some(ip) = addresses.iter().find(|ip| homeless.contains(ip)) {
            let message = format!(
                "node {me} is to announce it, but has no usable interface for {ip}: none that an L2Advertisement names, \
                 or none with an address of the same subnet"
            );
            return Some(Self::not("NoInterface", message));
        }
        let mut parts = Vec::with_capacity(addresses.len());
        for ip in addresses {
            let interfaces = announcements
                .get(ip)
                .filter(|interfaces| !interfaces.is_empty())?;
            let names: Vec<_> = interfaces.iter().map(String::as_str).collect();
            parts.push(format!("{ip} on {}", names.join(", ")));
        }
        let message = format!("by node {me} with ARP: {}", parts.join("; "));
        (!parts.is_empty()).then_some(Self {
            announced: true,
            reason: "Announced",
            message,
        })
    }

    fn not(reason: &'static str, message: String) -> Self {
        Self {
            announced: false,
            reason,
            message,
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
        } = self;
        Statement {
            kind: ANNOUNCED,
            holds: *announced,
            reason,
            message,
        }
    }
}

/// Whether the status of `object` has the condition at all.
pub fn is_told(object: &Service) -> bool {
    find(of_service(object), ANNOUNCED).is_some()
}

#[cfg(test)]
mod tests {
    use announce::Reason;

    use super::*;

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn standing(verdict: &Verdict, announced: &[(&str, &str)], homeless: &[&str]) -> Option<Standing> {
        let mut announcements = Announcements::new();
        for (address, interface) in announced {
            announcements
                .entry(ip(address))
                .or_default()
                .insert((*interface).to_owned());
        }
        let homeless = homeless.iter().map(|address| ip(address)).collect();
        Standing::of(&NodeName("n1".into()), verdict, &announcements, &homeless)
    }

    #[test]
    fn node_and_interfaces_are_named_once_the_announcement_is_sent() {
        let held = Verdict::Held([ip("192.0.2.1")].into());
        assert_eq!(standing(&held, &[], &[]), None);
        let told = standing(&held, &[("192.0.2.1", "eth0"), ("192.0.2.1", "eth1")], &[]).unwrap();
        assert!(told.announced);
        assert_eq!(told.message, "by node n1 with ARP: 192.0.2.1 on eth0, eth1");
    }

    /// P-L2-45, P-OBS-5
    #[test]
    fn every_reason_why_not_is_told() {
        let reason = |verdict: &Verdict, homeless: &[&str]| standing(verdict, &[], homeless).unwrap().reason;
        assert_eq!(
            reason(&Verdict::Held([ip("192.0.2.1")].into()), &["192.0.2.1"]),
            "NoInterface"
        );
        assert_eq!(
            reason(&Verdict::Held([ip("2001:db8::1")].into()), &[]),
            "FamilyNotSupported"
        );
        assert_eq!(reason(&Verdict::Nobody(Reason::NoEndpoints), &[]), "NoEndpoints");
        let nobody = Verdict::NoSpeaker([NodeName("n2".into())].into());
        assert_eq!(reason(&nobody, &[]), "NoSpeaker");
        assert!(standing(&nobody, &[], &[]).unwrap().message.contains("(n2)"));
    }

    #[test]
    fn nothing_is_said_of_addresses_that_were_given_up() {
        assert_eq!(standing(&Verdict::Held(BTreeSet::new()), &[], &[]), None);
    }
}
