use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::{Count, Series, counters, gauge};
use crate::bgp::bfd;
use crate::bgp::peering::{PathState, SessionView, Sessions};

#[derive(Debug)]
pub(super) struct Bgp(pub(super) Sessions);

const GAUGES: [Count<SessionView>; 6] = [
    (
        "bgp_session_up",
        "Whether the session is Established",
        |session| u64::from(session.is_established()),
    ),
    (
        "bgp_announced_prefixes",
        "Routes that the peer has from this node",
        |session| session.status.routes_sent as u64,
    ),
    (
        "bgp_pending_prefixes",
        "Routes that the peer is still to get or to lose",
        |session| session.status.routes_pending as u64,
    ),
    (
        "bgp_received_prefixes",
        "Prefixes that the peer announced, whether accepted or not",
        |session| session.status.prefixes_received,
    ),
    (
        "bgp_accepted_prefixes",
        "Routes of the peer that are accepted",
        |session| session.status.routes_accepted as u64,
    ),
    (
        "bgp_left_out_prefixes",
        "Routes of the peer that would be accepted, were they not more than a thousand",
        |session| session.status.routes_left_out,
    ),
];

const COUNTS: [Count<SessionView>; 14] = [
    (
        "bgp_established",
        "Times that the session was Established",
        |session| session.status.counters.established,
    ),
    ("bgp_opens_sent", "OPEN messages sent", |session| {
        session.status.counters.opens_sent
    }),
    ("bgp_opens_received", "OPEN messages received", |session| {
        session.status.counters.opens_received
    }),
    ("bgp_updates_sent", "UPDATE messages sent", |session| {
        session.status.counters.updates_sent
    }),
    ("bgp_updates_received", "UPDATE messages received", |session| {
        session.status.counters.updates_received
    }),
    ("bgp_keepalives_sent", "KEEPALIVE messages sent", |session| {
        session.status.counters.keepalives_sent
    }),
    (
        "bgp_keepalives_received",
        "KEEPALIVE messages received",
        |session| session.status.counters.keepalives_received,
    ),
    (
        "bgp_notifications_sent",
        "NOTIFICATION messages sent",
        |session| session.status.counters.notifications_sent,
    ),
    (
        "bgp_notifications_received",
        "NOTIFICATION messages received",
        |session| session.status.counters.notifications_received,
    ),
    (
        "bgp_route_refreshes_received",
        "ROUTE-REFRESH messages received",
        |session| session.status.counters.refreshes_received,
    ),
    (
        "bgp_malformed_updates",
        "UPDATE messages with errors that RFC 7606 lets pass",
        |session| session.status.counters.malformed_updates,
    ),
    (
        "bgp_routes_unsendable",
        "Routes with more attributes than a message has room for",
        |session| session.status.counters.unsendable,
    ),
    (
        "bgp_route_writes_refused",
        "Accepted routes that the kernel did not take, each time that it was tried",
        |session| session.refusals,
    ),
    (
        "bgp_exports_refused",
        "Prefixes that were to be announced and are of no pool: a defect of Herald",
        |session| session.status.counters.refused_exports,
    ),
];

const PATHS: [Count<PathState>; 4] = [
    (
        "bfd_control_packets_received",
        "BFD control packets taken",
        |path| path.packets_received,
    ),
    ("bfd_control_packets_sent", "BFD control packets sent", |path| {
        path.packets_sent
    }),
    (
        "bfd_session_up_events",
        "Times that BFD found the path working",
        |path| path.ups,
    ),
    (
        "bfd_session_down_events",
        "Times that BFD found the path dead",
        |path| path.failures,
    ),
];

impl Collector for Bgp {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let sessions = self.0.now();
        let labels = |name| vec![("peer", name)];
        let all: Series<'_, _> = sessions
            .iter()
            .map(|(name, session)| (labels(name.0.as_str()), session))
            .collect();
        let paths = sessions
            .iter()
            .filter_map(|(name, session)| Some((labels(name.0.as_str()), session.path.as_ref()?)));
        let paths: Series<'_, _> = paths.collect();
        for value in GAUGES {
            gauge(&mut encoder, value, &all)?;
        }
        counters(&mut encoder, &COUNTS, &all)?;
        let up: Count<PathState> = ("bfd_session_up", "Whether BFD finds the path working", |path| {
            u64::from(path.state == bfd::State::Up)
        });
        gauge(&mut encoder, up, &paths)?;
        counters(&mut encoder, &PATHS, &paths)
    }
}
