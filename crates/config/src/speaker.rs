//! What a Speaker tells a controller.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crds::Speaker;
use ipnet::IpNet;
use model::{NodeName, PeerName};

/// Where a node is in the network, and how its sessions stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerFacts {
    /// The node.
    pub node: NodeName,
    /// The subnets of its interfaces.
    pub subnets: Vec<IpNet>,
    /// The routers that its default routes go by.
    pub gateways: Vec<IpAddr>,
    /// The BGPPeers that it is to have a session with.
    pub sessions: BTreeMap<PeerName, Session>,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// It is established.
    Up,
    /// It is not.
    Down,
}

impl SpeakerFacts {
    /// What `speaker` tells. What cannot be read counts as not told.
    pub fn of(speaker: &Speaker) -> Self {
        let status = speaker.status.as_ref();
        let interfaces = || status.into_iter().flat_map(|status| &status.interfaces);
        let sessions = status.into_iter().flat_map(|status| &status.bgp_sessions);
        let session = |session: &crds::BgpSession| {
            let stands = match session.state.as_str() {
                "Established" => Session::Up,
                _ => Session::Down,
            };
            (PeerName(session.peer.clone()), stands)
        };
        Self {
            node: NodeName(speaker.metadata.name.clone().unwrap_or_default()),
            subnets: interfaces()
                .flat_map(|interface| &interface.subnets)
                .filter_map(|text| text.parse().ok())
                .collect(),
            gateways: interfaces()
                .flat_map(|interface| &interface.gateways)
                .filter_map(|text| text.parse().ok())
                .collect(),
            sessions: sessions.map(session).collect(),
        }
    }
}
