use std::net::IpAddr;

use crate::Mac;

/// What the driver should know of.
///
/// Of claims, for each address at most one event per station and second, and at most eight per second from all rivals, and
/// as many from all strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another speaker of the cluster says that it has an address held here (A7), or one of [`crate::Input::Shared`]. The
    /// responder goes on as before: who has to stop is not for one interface to decide.
    Rival {
        /// The address.
        address: IpAddr,
        /// The station that claims it.
        mac: Mac,
    },
    /// A station outside of the cluster says that it has an address held here (A6). Told again while it does, and when
    /// the response changes.
    Stranger {
        /// The address held here.
        address: IpAddr,
        /// The station that claims it.
        mac: Mac,
        /// What is done about it.
        response: Response,
    },
    /// The stranger that claimed the address does so no longer: it has not answered when asked, or turned out to be a
    /// speaker of the cluster. An address that was given up is answered for and announced again.
    StrangerGone {
        /// The address held here.
        address: IpAddr,
    },
    /// An address that was ours for the first time ([`crate::Input::FirstUse`]) has been asked for: it is answered for and announced
    /// from now on, or given up to the stranger that was told of before this.
    InUse {
        /// The address held here.
        address: IpAddr,
    },
    /// Who was asked by [`crate::Input::Probe`] has answered. Once for each of these.
    Answered {
        /// The address that was asked for.
        address: IpAddr,
        /// The station that was named.
        mac: Mac,
    },
    /// A frame of another speaker of the cluster came, whatever it said. Once a second at most for each.
    Neighbor {
        /// Whose it was.
        mac: Mac,
    },
}

/// What is done about a stranger (RFC 5227 §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// The address is still answered for, and announced at most once per ten seconds against the stranger.
    Defended,
    /// Not a word about the address, until [`Event::StrangerGone`] or another [`crate::Input::Yielding`].
    Yielded,
}
