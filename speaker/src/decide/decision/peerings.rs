use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::watch::Change;
use config::{NodeValueFault, NodeValues, Peer, PeerSession};
use k8s_openapi::api::core::v1::Secret;
use model::PeerName;

use crate::bgp::peering::{Password, SecretFault};

/// The sessions of this node, each in its last good form.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// What the Secrets hold that have been looked at.
    passwords: BTreeMap<String, Result<Password, SecretFault>>,
    in_force: BTreeMap<PeerName, Session>,
    faults: BTreeMap<PeerName, SessionFault>,
}

/// Why a peer has no session, or one in a form that it had before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionFault {
    /// Its Secret is no good.
    #[error(transparent)]
    Secret(#[from] SecretFault),
    /// This node does not say what it is to say.
    #[error(transparent)]
    Node(#[from] NodeValueFault),
}

/// One of them, without its routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) peer: Arc<PeerSession>,
    pub(super) password: Option<Password>,
}

impl Sessions {
    pub(super) fn in_force(&self) -> &BTreeMap<PeerName, Session> {
        &self.in_force
    }

    /// What is wrong with Secrets of peers, or with what this node says for them. The form that such a peer had before is in force, if it
    /// had any.
    pub(super) fn faults(&self) -> &BTreeMap<PeerName, SessionFault> {
        &self.faults
    }

    /// Whether the Secret that a peer names is any good; none if it names none, or it was not looked at yet.
    pub(super) fn verdict(&self, peer: &Peer) -> Option<Result<(), SecretFault>> {
        let read = self.passwords.get(peer.live.password.as_ref()?)?;
        Some(read.as_ref().map(|_| ()).map_err(Clone::clone))
    }

    /// Takes in what a watch of the one Secret `name` says.
    pub(super) fn handle_secret(&mut self, name: &str, change: Change<Secret>) {
        let read = match &change {
            Change::Listed(secrets) => Password::read(name, secrets.first()),
            Change::Applied(secret) => Password::read(name, Some(secret)),
            Change::Deleted(_) => Password::read(name, None),
        };
        self.passwords.insert(name.to_owned(), read);
    }

    /// A Secret cannot be read, or takes long; what was read of it before still holds.
    pub(super) fn handle_unread_secret(&mut self, name: String) {
        let fault = SecretFault::Unread(name.clone());
        self.passwords.entry(name).or_insert(Err(fault));
    }

    /// Brings the sessions in line with the `peers` of this node. One whose Secret was not looked at yet, or is no good, stays
    /// as it was, and so does one for which the `node` does not say what it is to: the last good form is in force until the new one is good.
    /// Says whether anything is other than before.
    pub(super) fn update(&mut self, peers: Vec<Arc<Peer>>, node: &NodeValues) -> bool {
        let before = std::mem::take(&mut self.in_force);
        let faults_before = std::mem::take(&mut self.faults);
        let names: BTreeSet<String> = peers
            .iter()
            .filter_map(|peer| peer.live.password.clone())
            .collect();
        self.passwords.retain(|name, _| names.contains(name));
        for peer in peers {
            let name = peer.name.clone();
            let session = match self.session(&peer, node) {
                Ok(Some(session)) => Some(session),
                Ok(None) => before.get(&name).cloned(),
                Err(fault) => {
                    self.faults.insert(name.clone(), fault);
                    before.get(&name).cloned()
                }
            };
            self.in_force.extend(session.map(|session| (name, session)));
        }
        before != self.in_force || faults_before != self.faults
    }

    /// The session with a peer; none while its Secret was not looked at.
    fn session(&self, peer: &Peer, node: &NodeValues) -> Result<Option<Session>, SessionFault> {
        let on_node = Arc::new(peer.on_node(node)?);
        let password = match peer
            .live
            .password
            .as_ref()
            .map(|secret| self.passwords.get(secret))
        {
            None => None,
            Some(None) => return Ok(None),
            Some(Some(read)) => Some(read.clone()?),
        };
        Ok(Some(Session {
            peer: on_node,
            password,
        }))
    }
}
