//! What speakers say of themselves.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crds::{BgpSession, Condition, Layer2Service, Speaker, SpeakerInterface, SpeakerStatus};
use ipnet::IpNet;
use model::{NodeName, ServiceName};

/// The status of every Speaker.
#[derive(Debug)]
pub(crate) struct Speakers<'a>(BTreeMap<NodeName, &'a SpeakerStatus>);

impl<'a> Speakers<'a> {
    pub(crate) fn of(speakers: &'a [Speaker]) -> Self {
        let named = speakers.iter().filter_map(|speaker| {
            let name = speaker.metadata.name.clone()?;
            Some((NodeName(name), speaker.status.as_ref()?))
        });
        Self(named.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn status(&self, node: &NodeName) -> Option<&'a SpeakerStatus> {
        self.0.get(node).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&NodeName, &'a SpeakerStatus)> {
        self.0.iter().map(|(node, status)| (node, *status))
    }

    /// The nodes that announce a Service on the segments, and how.
    pub(crate) fn holders(&self, service: &ServiceName) -> Vec<(&NodeName, &'a Layer2Service)> {
        let name = service.to_string();
        let entries = self.iter().flat_map(|(node, status)| {
            let entries = status.layer2_services.iter();
            entries.map(move |entry| (node, entry))
        });
        entries.filter(|(_, entry)| entry.service == name).collect()
    }

    /// The peers that each node announces a Service to by BGP.
    pub(crate) fn announced_to(&self, service: &ServiceName) -> Vec<(&NodeName, &'a [String])> {
        let name = service.to_string();
        let entries = self.iter().filter_map(|(node, status)| {
            let entry = status.bgp_services.iter().find(|entry| entry.service == name)?;
            Some((node, entry.peers.as_slice()))
        });
        entries.collect()
    }

    /// Every session, by node.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = (&NodeName, &'a BgpSession)> {
        self.iter()
            .flat_map(|(node, status)| status.bgp_sessions.iter().map(move |session| (node, session)))
    }
}

/// Whether the interface is in the subnet of the address.
pub(crate) fn is_in_subnet(interface: &SpeakerInterface, address: IpAddr) -> bool {
    let mut subnets = interface
        .subnets
        .iter()
        .filter_map(|text| text.parse::<IpNet>().ok());
    subnets.any(|subnet| subnet.contains(&address))
}

/// A condition of a Speaker.
pub(crate) fn condition<'a>(status: &'a SpeakerStatus, kind: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind)
}
