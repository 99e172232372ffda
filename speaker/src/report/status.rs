//! What the `Speaker` of this node shows of what it does and sees.

use std::collections::{BTreeMap, BTreeSet};

use announce::abridged;
use bgp::{MOST_LEARNED, State};
use crds::{
    AnnouncedAddress, BgpService, BgpSession, Condition, Layer2Service, SeenSpeakers, SpeakerInterface,
    SpeakerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use model::{NodeName, PeerName, ServiceName};

use crate::bgp::peering::SessionView;
use crate::decide::decision::{Decision, Layer2, SessionFault, unit_of};
use crate::layer2::announcer::UnitRole;
use crate::report::scene::Scene;

/// The most addresses that are listed.
const MOST: usize = 1_000;

/// The most nodes that are named of those in one state.
const NAMED: usize = 3;

/// What the scene looks like on a Speaker; there is a decision once the API server has told everything.
pub fn status(scene: &Scene, decision: Option<&Decision>) -> SpeakerStatus {
    let announced = scene.announced();
    let addresses = announced
        .iter()
        .take(MOST)
        .map(|(ip, interfaces)| AnnouncedAddress {
            address: ip.to_string(),
            interfaces: interfaces.iter().cloned().collect(),
        });
    let held = held(scene, decision);
    let routed = routed(scene, decision);
    let bgp_services = routed.clone().take(MOST).map(|(service, peers)| BgpService {
        service: service.to_string(),
        peers: peers.iter().map(|peer| peer.0.clone()).collect(),
    });
    SpeakerStatus {
        can_forward: None,
        bgp_sessions: sessions(scene, decision),
        bgp_service_count: i64::try_from(routed.count()).unwrap_or(i64::MAX),
        bgp_services: bgp_services.collect(),
        count: i64::try_from(announced.len()).unwrap_or(i64::MAX),
        addresses: addresses.collect(),
        interfaces: interfaces(scene),
        layer2_service_count: i64::try_from(held.clone().count()).unwrap_or(i64::MAX),
        layer2_services: held.take(MOST).map(layer2_service).collect(),
        conditions: vec![condition(scene, decision)],
    }
}

/// The interfaces, and who else is on their segments: how many are in which state, for a list of all would make each node's Speaker
/// as long as the segment, and write it again whenever any node comes or goes.
fn interfaces(scene: &Scene) -> Vec<SpeakerInterface> {
    let names: BTreeSet<&String> = scene.interfaces().keys().chain(scene.segments().keys()).collect();
    let interface = |name: &String| {
        let facts = scene.interfaces().get(name);
        let mut states: BTreeMap<String, SeenSpeakers> = BTreeMap::new();
        for (node, status) in scene
            .segments()
            .get(name)
            .into_iter()
            .flat_map(|segment| &segment.members)
        {
            let state = format!("{status:?}");
            let seen = states.entry(state.clone()).or_default();
            seen.state = state;
            seen.count += 1;
            if seen.nodes.len() < NAMED {
                seen.nodes.push(node.0.clone());
            }
        }
        SpeakerInterface {
            name: name.clone(),
            hardware_address: facts.and_then(|facts| facts.mac).map(|mac| mac.to_string()),
            subnets: facts
                .into_iter()
                .flat_map(|facts| &facts.subnets)
                .map(|subnet| subnet.trunc().to_string())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            addresses: facts
                .into_iter()
                .flat_map(|facts| &facts.addresses)
                .map(ToString::to_string)
                .collect(),
            gateways: facts
                .into_iter()
                .flat_map(|facts| &facts.gateways)
                .map(ToString::to_string)
                .collect(),
            speakers: states.into_values().collect(),
        }
    };
    names.into_iter().map(interface).collect()
}

/// A Service and what this node does for it.
type Held<'a> = (&'a ServiceName, &'a (UnitRole, Option<NodeName>));

/// The Services that this node announces on its interfaces.
fn held<'a>(scene: &'a Scene, decision: Option<&'a Decision>) -> impl Iterator<Item = Held<'a>> + Clone {
    let prospects = decision.into_iter().flat_map(|decision| &decision.prospects);
    prospects.filter_map(|(name, prospect)| {
        let Layer2::One(plan) = &prospect.layer2 else {
            return None;
        };
        let unit = unit_of(plan);
        let mut roles = scene
            .segments()
            .values()
            .filter_map(|segment| segment.roles.get(&unit));
        Some((name, roles.next()?))
    })
}

fn layer2_service((name, (role, from)): Held<'_>) -> Layer2Service {
    Layer2Service {
        service: name.to_string(),
        role: format!("{:?}", role.duty),
        since: Some(Time(role.since)),
        from: from.as_ref().map(|node| node.0.clone()),
        reason: role.why.map(|why| format!("{why:?}")),
    }
}

/// The sessions that there are, and those that there are to be and whose Secret is no good.
fn sessions(scene: &Scene, decision: Option<&Decision>) -> Vec<BgpSession> {
    let faults = decision.map(|decision| &decision.session_faults);
    let waiting = faults.into_iter().flatten();
    let waiting = waiting.filter(|(peer, _)| !scene.sessions().contains_key(*peer));
    let not_begun = waiting.map(|(peer, fault)| BgpSession {
        peer: peer.0.clone(),
        state: format!("{:?}", State::Idle),
        last_error: Some(fault.to_string()),
        ..BgpSession::default()
    });
    let running = scene.sessions().iter().map(|(peer, view)| {
        let fault = faults.and_then(|faults| faults.get(peer));
        session(&peer.0, view, fault.map(ToString::to_string))
    });
    running.chain(not_begun).collect()
}

/// A session; what is wrong with the peer's Secret goes before what is wrong with the session, which runs with the old one.
fn session(peer: &str, view: &SessionView, fault: Option<String>) -> BgpSession {
    let status = &view.status;
    let trouble = status.error.as_ref().map(ToString::to_string);
    let path = view.path.as_ref().and_then(|path| path.trouble.as_ref());
    let refused = view.refused.as_ref().map(ToString::to_string);
    let too_many = too_many(status.routes_left_out);
    let blind = path.map(|trouble| format!("BFD: {trouble}"));
    let families = status.negotiated.iter().flat_map(|peer| &peer.families);
    BgpSession {
        peer: peer.to_owned(),
        address: Some(view.remote.to_string()),
        state: format!("{:?}", status.state),
        since: Some(Time(view.since)),
        peer_asn: status.negotiated.as_ref().map(|peer| peer.asn),
        families: families.map(ToString::to_string).collect(),
        routes_sent: i64::try_from(status.routes_sent).unwrap_or(i64::MAX),
        routes_accepted: i64::try_from(status.routes_accepted).unwrap_or(i64::MAX),
        bfd: view.path.as_ref().map(|path| format!("{:?}", path.state)),
        last_error: fault
            .or(trouble)
            .or_else(|| view.not_announced())
            .or(refused)
            .or(too_many)
            .or(blind),
    }
}

/// Routes of which there is no room.
fn too_many(left_out: u64) -> Option<String> {
    (left_out > 0).then(|| {
        format!(
            "the router announces more than {MOST_LEARNED} routes that acceptRoutes lets in, and {left_out} are left out: narrow \
             acceptRoutes, or let the router announce less"
        )
    })
}

/// The Services that this node announces by BGP, and to whom.
fn routed<'a>(
    scene: &'a Scene,
    decision: Option<&'a Decision>,
) -> impl Iterator<Item = (&'a ServiceName, &'a BTreeSet<PeerName>)> + Clone {
    let prospects = decision.into_iter().flat_map(|decision| &decision.prospects);
    prospects.filter_map(|(name, prospect)| {
        let peers = prospect.bgp.as_ref().ok()?.nodes.get(scene.me())?;
        Some((name, peers))
    })
}

fn condition(scene: &Scene, decision: Option<&Decision>) -> Condition {
    let (status, (reason, message)) = match decision.map(|decision| fault(scene, decision)) {
        None => (
            "False",
            (
                "Starting",
                "the API server has not told everything yet".to_owned(),
            ),
        ),
        Some(Some(fault)) => ("False", fault),
        Some(None) => (
            "True",
            (
                "Speaking",
                "speaks on every usable interface and to every BGPPeer of the node".to_owned(),
            ),
        ),
    };
    Condition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: None,
        last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
    }
}

/// The first thing that keeps the speaker from doing all that it should: its word, and what to do about it.
fn fault(scene: &Scene, decision: &Decision) -> Option<(&'static str, String)> {
    if let Some(fault) = scene.key_fault() {
        return Some(("BadKey", fault.to_string()));
    }
    if let Some(unheard) = scene.unheard() {
        return Some(("Unheard", unheard));
    }
    if !scene.answering().is_empty() {
        let message = format!(
            "kube-proxy runs in IPVS mode, and the kernel answers ARP on {} for the addresses of all Services, whoever holds them: set \
             ipvs.strictARP to true in kube-proxy's configuration, or net.ipv4.conf.all.arp_ignore to 1 on the node",
            abridged(scene.answering())
        );
        return Some(("KernelAnswers", message));
    }
    if let Some((peer, fault)) = decision.session_faults.first_key_value() {
        let reason = match fault {
            SessionFault::Secret(_) => "BadSecret",
            SessionFault::Node(_) => "NoNodeValue",
        };
        return Some((reason, format!("BGPPeer {peer}: {fault}")));
    }
    if scene.interfaces().is_empty() && scene.segments().is_empty() && scene.sessions().is_empty() {
        let message = "no usable interface, or none that an address of an IPPool could be announced on, and no BGP session";
        return Some(("NoSegment", message.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests;
