//! What we offer in our OPEN, and what follows from the peer's.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Family;

use crate::input::{Connection, Forwarding};
use crate::settings::OpenSettings;
use crate::status::{Negotiated, SessionError};
use crate::wire::{AS_TRANS, Capability, FamilyCode, Form, GracefulRestart, Notification, Open};

/// IPv6, as the next hop of an RFC 8950 triple.
const AFI_V6: u16 = 2;
/// The restart time has twelve bits.
const LONGEST_RESTART: u16 = 4095;

/// What both sides said that they can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// What users are told of it.
    pub(super) negotiated: Negotiated,
    /// How messages are written and read.
    pub(super) form: Form,
    /// The peer says its routes again when it is asked to (RFC 2918).
    pub(super) refresh: bool,
    /// The beginning and the end of an answer to a ROUTE-REFRESH are marked (RFC 7313).
    pub(super) enhanced_refresh: bool,
    /// A NOTIFICATION alone does not make the peer drop our routes (RFC 8538).
    pub(super) notification: bool,
    /// What the peer does when it restarts.
    pub(super) restart: Option<PeerRestart>,
}

/// How a peer restarts (RFC 4724).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeerRestart {
    /// For how long its routes are kept without a session.
    pub(super) time: Duration,
    /// They are kept over a NOTIFICATION too (RFC 8538).
    notification: bool,
    /// Families whose routes are kept.
    pub(super) families: BTreeSet<Family>,
    /// Those of them that it has gone on forwarding, whatever happened before this session.
    pub(super) forwarding: BTreeSet<Family>,
}

impl Agreement {
    /// Whether the peer keeps our routes when the connection breaks, but not over a NOTIFICATION.
    pub(super) fn keeps_only_in_silence(&self) -> bool {
        self.negotiated.graceful_restart && !self.notification
    }
}

impl PeerRestart {
    /// Whether routes of the peer are kept when the session ends so (RFC 4724 §4.2, RFC 8538 §3). A path that BFD found dead leads nowhere.
    pub(super) fn outlives(&self, error: &SessionError) -> bool {
        match error {
            SessionError::Closed(_) => true,
            SessionError::Received(notification, _) => {
                self.notification && notification.hard_reset_inner().is_none()
            }
            SessionError::Sent(_) | SessionError::SendHold(_) => self.notification,
            SessionError::Bfd | SessionError::Dial(_) | SessionError::PeerAs { .. } => false,
        }
    }

    fn of(restart: &GracefulRestart) -> Self {
        let known = |(code, bit): &(FamilyCode, bool)| Some((code.family()?, *bit));
        let families = restart.families.iter().filter_map(known);
        Self {
            time: Duration::from_secs(restart.restart_time.into()),
            families: families.clone().map(|(family, _)| family).collect(),
            notification: restart.notification,
            forwarding: families
                .filter(|(_, bit)| *bit)
                .map(|(family, _)| family)
                .collect(),
        }
    }
}

/// Our OPEN.
pub(super) fn offer(
    settings: &OpenSettings,
    connection: &Connection,
    restarted: bool,
    forwarding: Forwarding,
) -> Open {
    let preserved = forwarding == Forwarding::Preserved;
    let families = settings.families.iter().copied();
    let mut capabilities: Vec<Capability> = families
        .clone()
        .map(|family| Capability::MultiProtocol(family.into()))
        .collect();
    capabilities.push(Capability::RouteRefresh);
    if offers_v6_next_hop(settings, connection) {
        capabilities.push(Capability::ExtendedNextHop(vec![(FamilyCode::V4, AFI_V6)]));
    }
    if let Some(time) = settings.restart_time {
        capabilities.push(Capability::GracefulRestart(GracefulRestart {
            restarted,
            notification: true,
            restart_time: seconds(time).min(LONGEST_RESTART),
            // What forwards is not this process: its end changes nothing, so that the bit is true unless the node itself was off.
            families: families.map(|family| (family.into(), preserved)).collect(),
        }));
    }
    capabilities.push(Capability::FourOctetAs(settings.local_asn));
    capabilities.push(Capability::EnhancedRouteRefresh);
    Open {
        my_as: Open::two_octets(settings.local_asn),
        hold_time: seconds(settings.hold_time),
        identifier: settings.identifier,
        capabilities,
    }
}

/// What follows from the peer's OPEN, or why there can be no session.
pub(super) fn agree(
    settings: &OpenSettings,
    connection: &Connection,
    open: &Open,
) -> Result<Agreement, (Notification, SessionError)> {
    let asn = open.asn();
    // RFC 7607 §2; and AS_TRANS is nobody's (RFC 6793 §9).
    let is_somebodys = asn != 0 && asn != u32::from(AS_TRANS);
    if !is_somebodys || !settings.peer_asn.admits(asn, settings.local_asn) {
        let error = SessionError::PeerAs {
            theirs: asn,
            expected: settings.peer_asn,
        };
        return Err((Notification::bad_peer_as(), error));
    }
    let internal = asn == settings.local_asn;
    // RFC 6286 §2.2; zero has been refused with the OPEN.
    if internal && open.identifier == settings.identifier {
        let error = Notification::bad_identifier();
        return Err((error.clone(), SessionError::Sent(error)));
    }
    let theirs = Theirs::of(open);
    let families: BTreeSet<Family> = settings
        .families
        .intersection(&theirs.families)
        .copied()
        .collect();
    let restart = theirs.restart.filter(|_| settings.restart_time.is_some());
    let hold_time = open.hold_time.min(seconds(settings.hold_time));
    Ok(Agreement {
        restart: restart.map(PeerRestart::of),
        negotiated: Negotiated {
            asn,
            identifier: open.identifier,
            hold_time: (hold_time > 0).then(|| Duration::from_secs(hold_time.into())),
            families: families.clone(),
            graceful_restart: restart.is_some(),
        },
        form: Form {
            four_octet_as: theirs.four_octet_as,
            internal,
            // Never offered by us, whatever the peer says.
            extended_message: false,
            families,
            v4_next_hop_v6: theirs.v6_next_hop && offers_v6_next_hop(settings, connection),
        },
        refresh: theirs.refresh,
        enhanced_refresh: theirs.enhanced_refresh,
        notification: restart.is_some_and(|restart| restart.notification),
    })
}

/// Where only IPv6 addresses are known of each other, IPv4 routes need one as their next hop (RFC 8950).
fn offers_v6_next_hop(settings: &OpenSettings, connection: &Connection) -> bool {
    connection.remote.is_ipv6() && settings.families.contains(&Family::V4)
}

fn seconds(time: Duration) -> u16 {
    u16::try_from(time.as_secs()).unwrap_or(u16::MAX)
}

/// The peer's capabilities, as far as they concern us; others are ignored (RFC 5492 §4).
struct Theirs<'a> {
    families: BTreeSet<Family>,
    four_octet_as: bool,
    v6_next_hop: bool,
    refresh: bool,
    enhanced_refresh: bool,
    restart: Option<&'a GracefulRestart>,
}

impl<'a> Theirs<'a> {
    fn of(open: &'a Open) -> Self {
        let mut theirs = Self {
            families: BTreeSet::new(),
            four_octet_as: false,
            v6_next_hop: false,
            refresh: false,
            enhanced_refresh: false,
            restart: None,
        };
        // A peer that says nothing of families has not heard of any but one (RFC 4760 §8).
        let mut old = true;
        for capability in &open.capabilities {
            match capability {
                Capability::MultiProtocol(code) => {
                    old = false;
                    theirs.families.extend(code.family());
                }
                Capability::ExtendedNextHop(triples) => {
                    theirs.v6_next_hop |= triples.contains(&(FamilyCode::V4, AFI_V6));
                }
                // Said again it replaces what was said (RFC 4724 §3).
                Capability::GracefulRestart(restart) => theirs.restart = Some(restart),
                Capability::FourOctetAs(_) => theirs.four_octet_as = true,
                Capability::EnhancedRouteRefresh => theirs.enhanced_refresh = true,
                Capability::RouteRefresh => theirs.refresh = true,
                Capability::ExtendedMessage | Capability::Unknown { .. } => {}
            }
        }
        if old {
            theirs.families.insert(Family::V4);
        }
        theirs
    }
}
