//! What BFD says of the path to the peer, and which path that is.

use std::net::IpAddr;

use bgp::{BfdState, Input};
use config::{BfdProfile, PeerSession, Remote};
use process::clock::now;
use tokio::sync::watch;

use super::Driver;
use crate::bgp::bfd::{self, Monitor};

/// What BFD watches.
pub(super) struct Watched {
    pub(super) path: bfd::Path,
    pub(super) status: watch::Receiver<bfd::Status>,
    /// How often the path had failed when that was last looked at.
    failures: Option<u64>,
    monitor: Monitor,
}

impl Driver {
    /// What BFD says now.
    pub(super) async fn on_path(&mut self, status: &bfd::Status) {
        self.complain(status.trouble.as_ref());
        let Some(watched) = &mut self.watched else { return };
        let before = watched.failures.replace(status.failures);
        let failed = before.is_some_and(|before| status.failures > before);
        let said = match status.state {
            bfd::State::Never => None,
            bfd::State::Up => Some(BfdState::Up),
            bfd::State::Down => Some(BfdState::Down),
            bfd::State::AdminDown => Some(BfdState::AdminDown),
        };
        // A failure that is over is one too, and so is one of a path that was not believed to work.
        let failure = Some(BfdState::Down).filter(|_| failed && said != Some(BfdState::Down));
        for said in failure.into_iter().chain(said) {
            self.session.handle_input(now(), Input::Bfd(said));
            self.drain().await;
        }
    }

    /// Once for each reason.
    fn complain(&mut self, trouble: Option<&bfd::Trouble>) {
        if self.complained.as_ref() != trouble {
            self.complained = trouble.cloned();
            if let Some(reason) = trouble {
                tracing::warn!(peer = %self.peer.name, %reason, "BFD cannot watch the path");
            }
        }
    }

    /// Another profile, or none, or one at last: the session goes on, and where it is only watched at another pace, so does BFD.
    pub(super) fn on_profile(&mut self, profile: Option<BfdProfile>) {
        let before = std::mem::replace(&mut self.profile, profile);
        if let (Some(before), Some(after), Some(watched)) = (before, &self.profile, &self.watched)
            && (before.passive, before.minimum_ttl) == (after.passive, after.minimum_ttl)
        {
            return watched.monitor.set_timers(bfd::Settings::from(after).timers);
        }
        self.watched = None;
        let remote = match self.peer.dial.remote {
            Remote::Address(remote) => Some(remote),
            Remote::Interface(_) | Remote::Gateway(_) => self.link.ends().map(|ends| ends.remote),
        };
        if let Some(remote) = remote {
            self.watch_path(remote);
        }
    }

    /// Has BFD watch the path to `remote`, if the peer asks for that and it does not yet.
    pub(super) fn watch_path(&mut self, remote: IpAddr) {
        let Some(profile) = &self.profile else { return };
        let path = bfd::Path {
            remote,
            local: self.peer.dial.source,
            interface: match &self.peer.dial.remote {
                Remote::Interface(name) => Some(name.clone()),
                Remote::Address(_) | Remote::Gateway(_) => self.link_of(remote),
            },
            vrf: self.peer.dial.vrf.clone(),
            multihop: is_far(&self.peer, self.way.interface.is_some()).then_some(profile.minimum_ttl),
        };
        if self.watched.as_ref().is_some_and(|watched| watched.path == path) {
            return;
        }
        let monitor = self.bfd.open(path.clone(), self.link_index(), profile);
        self.watched = Some(Watched {
            path,
            status: monitor.changes(),
            failures: None,
            monitor,
        });
    }

    /// BFD takes packets from the interface that the peer is on. While there is none, from where it was last: an address that comes
    /// back in a moment is no reason to be deaf.
    pub(super) fn follow_link(&self) {
        if let (Some(watched), Some(index)) = (&self.watched, self.link_index()) {
            watched.monitor.set_link(Some(index));
        }
    }

    /// The interface that a link-local address takes.
    fn link_of(&self, remote: IpAddr) -> Option<String> {
        let is_link_local = matches!(remote, IpAddr::V6(address) if address.is_unicast_link_local());
        let interface = self.way.interface.as_ref().filter(|_| is_link_local);
        interface.map(|interface| interface.name.clone())
    }

    pub(super) fn link_index(&self) -> Option<u32> {
        self.way.interface.as_ref().map(|interface| interface.index)
    }
}

/// Whether routers may be between this node and the peer. An external peer is on the same link unless it is said otherwise; an
/// internal one is where it is.
fn is_far(peer: &PeerSession, connected: bool) -> bool {
    peer.dial.multihop || (peer.open.peer_asn.is_internal(peer.open.local_asn) && !connected)
}

/// The next news of the path; none come if nobody watches it.
pub(super) async fn changed_path(watched: &mut Option<Watched>) -> bfd::Status {
    if let Some(watched) = watched
        && watched.status.changed().await.is_ok()
    {
        return watched.status.borrow_and_update().clone();
    }
    *watched = None;
    std::future::pending().await
}
