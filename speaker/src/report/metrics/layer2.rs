use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::{Count, Series, counters, gauge};
use crate::layer2::announcer::{InterfaceStatistics, Statistics};

#[derive(Debug)]
pub(super) struct Layer2(pub(super) Statistics);

const COUNTS: [Count<InterfaceStatistics>; 14] = [
    (
        "layer2_requests_received",
        "ARP requests and neighbour solicitations for addresses held",
        |all| all.responder.requests,
    ),
    ("layer2_responses_sent", "Answers to them sent", |all| {
        all.responder.replies
    }),
    (
        "layer2_gratuitous_sent",
        "Announcements of addresses sent",
        |all| all.responder.announcements,
    ),
    (
        "layer2_defences_sent",
        "Announcements sent against a station outside of the cluster that claims an address",
        |all| all.responder.defences,
    ),
    (
        "layer2_claims_by_strangers",
        "Frames in which a station outside of the cluster claimed an address held",
        |all| all.responder.strangers,
    ),
    (
        "layer2_claims_by_rivals",
        "Frames in which another speaker claimed an address held",
        |all| all.responder.rivals,
    ),
    (
        "layer2_requests_limited",
        "Requests and solicitations not answered because there were too many",
        |all| all.responder.ignored.limited,
    ),
    (
        "layer2_frames_unsent",
        "Frames that the interface did not take",
        |all| all.unsent,
    ),
    (
        "segment_datagrams_sent",
        "Datagrams to the other speakers of the segment",
        |all| all.claims.sent,
    ),
    (
        "segment_datagrams_received",
        "Datagrams of other speakers that were taken",
        |all| all.claims.received,
    ),
    (
        "segment_datagrams_refused",
        "Datagrams that were not: forged, malformed, under an unknown key, of another version, or of a second speaker of one name",
        |all| refused(&all.claims.refused),
    ),
    (
        "segment_units_taken",
        "Units of addresses that this node took over",
        |all| all.claims.taken,
    ),
    (
        "segment_units_yielded",
        "Units of addresses that this node gave up to a higher claim",
        |all| all.claims.yielded,
    ),
    (
        "segment_pauses",
        "Times that this node had not run for a while and listened before it answered again",
        |all| all.claims.fenced,
    ),
];

/// Not those that are no harm: our own, copies by the other family, and a new speaker that has yet to be believed.
fn refused(refused: &claim::Refused) -> u64 {
    let claim::Refused {
        version,
        unknown_key,
        forged,
        malformed,
        own: _,
        own_name,
        replayed: _,
        unproven: _,
        duplicate_node,
        limited,
        crowded,
    } = refused;
    version + unknown_key + forged + malformed + own_name + duplicate_node + limited + crowded
}

impl Collector for Layer2 {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let interfaces = self.0.snapshot();
        let interfaces: Series<'_, _> = interfaces
            .iter()
            .map(|(name, counts)| (vec![("iface", name.as_str())], counts))
            .collect();
        let held: Count<InterfaceStatistics> = ("addresses_announced", "Addresses announced", |all| {
            all.held as u64
        });
        let unheard: Count<InterfaceStatistics> = (
            "unheard_speakers",
            "Speakers of other nodes that are on the segment and cannot be heard, where none can: UDP does not arrive",
            |all| all.unheard as u64,
        );
        gauge(&mut encoder, held, &interfaces)?;
        gauge(&mut encoder, unheard, &interfaces)?;
        counters(&mut encoder, &COUNTS, &interfaces)
    }
}
