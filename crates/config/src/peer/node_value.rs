//! Values of a BGPPeer that each node says of itself.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use bgp::OpenSettings;
use model::{Family, Labels};

use super::read::{Ends, asn, identifier, machine, router};
use super::session::{Dial, PeerSession};
use super::{Peer, Remote};
use crate::fault::PeerFault;

/// A value that is written, or that the node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<T> {
    /// This one.
    Written(T),
    /// What the node says there.
    OfNode(NodeKey),
}

/// Where a node says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKey {
    /// In this label.
    Label(String),
    /// In this annotation.
    Annotation(String),
}

/// What is known of a node that sessions may be run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeValues {
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its BGP identifier, where a peer does not say it.
    pub identifier: Ipv4Addr,
}

/// Why a node has no session with a peer that selects it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeValueFault {
    /// It does not say the value.
    #[error("{field}: this node has no {key}: set it on the Node, or let nodeSelectors leave the node out")]
    Missing {
        /// The field of the BGPPeer.
        field: &'static str,
        /// Where the node should say it.
        key: NodeKey,
    },
    /// It says something else.
    #[error("{field}: {key} of this node is {text:?}, which is no AS number")]
    NotANumber {
        /// The field of the BGPPeer.
        field: &'static str,
        /// Where the node says it.
        key: NodeKey,
        /// What it says.
        text: String,
    },
    /// Its address is of another family than the BGPPeer says.
    #[error(
        "peerAddressFrom: {key} of this node is {address}, which is no {family} address: write its family in the BGPPeer"
    )]
    Family {
        /// Where the node says it.
        key: NodeKey,
        /// What it says.
        address: IpAddr,
        /// The family that the BGPPeer says.
        family: Family,
    },
    /// What it says cannot be, or does not go with the rest.
    #[error("{0}")]
    Peer(#[from] PeerFault),
}

impl Peer {
    /// What a node's session with this peer is run with.
    ///
    /// # Errors
    /// The node does not say a value that it is to say, or it cannot be meant.
    pub fn on_node(&self, node: &NodeValues) -> Result<PeerSession, NodeValueFault> {
        let local_asn = self.local_asn.on(node, "myASNFrom", |key, text| {
            let unreadable = |_| NodeValueFault::NotANumber {
                field: "myASNFrom",
                key: key.clone(),
                text: text.to_owned(),
            };
            Ok(asn("myASNFrom", text.parse().map_err(unreadable)?)?)
        })?;
        let remote = self.remote.on(node, "peerAddressFrom", |key, text| {
            let address = router("peerAddressFrom", text)?;
            let family = self.remote_family.unwrap_or(Family::V4);
            match Family::of(address) == family {
                true => Ok(Remote::Address(address)),
                false => Err(NodeValueFault::Family {
                    key: key.clone(),
                    address,
                    family,
                }),
            }
        })?;
        let source = self.source.as_ref().map(|source| {
            source.on(node, "sourceAddressFrom", |_, text| {
                Ok(machine("sourceAddressFrom", text)?)
            })
        });
        let identifier = self
            .identifier
            .as_ref()
            .map(|value| value.on(node, "routerIDFrom", |_, text| Ok(identifier(text)?)));
        let session = PeerSession {
            name: self.name.clone(),
            open: OpenSettings {
                local_asn,
                peer_asn: self.peer_asn,
                identifier: identifier.transpose()?.unwrap_or(node.identifier),
                hold_time: self.hold_time,
                families: self.families.clone(),
                restart_time: self.graceful_restart,
            },
            dial: Dial {
                remote,
                port: self.port,
                source: source.transpose()?,
                vrf: self.vrf.clone(),
                multihop: self.multihop,
                ttl_security: self.ttl_security,
            },
            live: self.live.clone(),
        };
        Ends::on_node(&session).check()?;
        Ok(session)
    }
}

impl<T> Value<T> {
    /// It, if it is written.
    pub fn written(&self) -> Option<&T> {
        match self {
            Self::Written(value) => Some(value),
            Self::OfNode(_) => None,
        }
    }
}

impl<T: Clone> Value<T> {
    fn on(
        &self,
        node: &NodeValues,
        field: &'static str,
        read: impl FnOnce(&NodeKey, &str) -> Result<T, NodeValueFault>,
    ) -> Result<T, NodeValueFault> {
        match self {
            Self::Written(value) => Ok(value.clone()),
            Self::OfNode(key) => match node.say(key) {
                Some(text) => read(key, text),
                None => Err(NodeValueFault::Missing {
                    field,
                    key: key.clone(),
                }),
            },
        }
    }
}

impl NodeValues {
    fn say(&self, key: &NodeKey) -> Option<&str> {
        match key {
            NodeKey::Label(key) => self.labels.get(key),
            NodeKey::Annotation(key) => self.annotations.get(key).map(String::as_str),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written(value) => write!(f, "{value}"),
            Self::OfNode(key) => write!(f, "what each node has as {key}"),
        }
    }
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(key) => write!(f, "label {key}"),
            Self::Annotation(key) => write!(f, "annotation {key}"),
        }
    }
}
