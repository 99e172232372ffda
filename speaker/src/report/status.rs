//! Shows on the `Speaker` of this node what it does and sees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use announce::abridged;
use api::client::{Failure, REQUEST_TIMEOUT, within};
use api::watch::{Change, follow};
use bgp::{MOST_LEARNED, State};
use crds::{
    AnnouncedAddress, BgpService, BgpSession, Condition, Layer2Service, SeenSpeakers, Speaker,
    SpeakerInterface, SpeakerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use model::{NodeName, PeerName, ServiceName};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::bgp::peering::SessionView;
use crate::decide::decision::{Decision, Layer2, SessionFault, unit_of};
use crate::layer2::announcer::UnitRole;
use crate::report::scene::Scene;

/// The field manager: one speaker writes one object.
const FIELD_MANAGER: &str = "herald-speaker";

/// The most addresses that are listed.
const MOST: usize = 1_000;

/// The most nodes that are named of those in one state.
const NAMED: usize = 3;

/// Between two writes, so that a segment in turmoil does not become the API server's.
const PAUSE: Duration = Duration::from_secs(2);

/// What is to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The UID of the Node, once it is known: the Speaker goes with it.
    pub node_uid: Option<String>,
    /// Without a condition's time.
    pub status: SpeakerStatus,
}

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

/// Writes pictures to the Speaker of node `me`, until nobody makes any more; the last one again when somebody deletes the Speaker.
pub async fn show(client: Client, me: String, mut pictures: watch::Receiver<Picture>) {
    let api: Api<Speaker> = Api::all(client);
    let (told, mut changes) = mpsc::channel(16);
    let only = Config::default().fields(&format!("metadata.name={me}"));
    tokio::spawn(follow(
        api.clone(),
        only,
        |_: Speaker| Some(()),
        |change| change,
        told,
    ));
    let mut since: Option<(String, jiff::Timestamp)> = None;
    loop {
        tokio::select! {
            changed = pictures.changed() => if changed.is_err() { return },
            Some(change) = changes.recv() => if !is_gone(&change) { continue },
        }
        loop {
            let picture = pictures.borrow_and_update().clone();
            let Some(uid) = &picture.node_uid else { break };
            let mut status = picture.status.clone();
            let now = jiff::Timestamp::now();
            for condition in &mut status.conditions {
                let kept = since.as_ref().filter(|(status, _)| *status == condition.status);
                let at = kept.map_or(now, |(_, at)| *at);
                since = Some((condition.status.clone(), at));
                condition.last_transition_time = Time(at);
            }
            match write(&api, &me, uid, &status).await {
                Ok(()) => break,
                Err(error) => tracing::debug!(%error, "Speaker not written, trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the Speaker is not there.
fn is_gone(change: &Change<()>) -> bool {
    match change {
        Change::Listed(all) => all.is_empty(),
        Change::Deleted(()) => true,
        Change::Applied(()) => false,
    }
}

async fn write(api: &Api<Speaker>, me: &str, uid: &str, status: &SpeakerStatus) -> Result<(), Failure> {
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let shown = Patch::Apply(patch(me, json!({"status": status})));
    match within(REQUEST_TIMEOUT, api.patch_status(me, &params, &shown)).await {
        Err(failure) if failure.is_not_found() => {}
        other => return other.map(drop),
    }
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": me, "uid": uid});
    let mut object = patch(me, json!({"spec": {}}));
    object["metadata"]["ownerReferences"] = json!([owner]);
    within(REQUEST_TIMEOUT, api.patch(me, &params, &Patch::Apply(object))).await?;
    within(REQUEST_TIMEOUT, api.patch_status(me, &params, &shown))
        .await
        .map(drop)
}

fn patch(me: &str, mut content: Value) -> Value {
    content["apiVersion"] = json!("heraldlb.io/v1beta1");
    content["kind"] = json!("Speaker");
    content["metadata"] = json!({"name": me});
    content
}

#[cfg(test)]
mod tests {
    use model::NodeName;

    use super::*;
    use crate::decide::decision::Prospect;
    use crate::layer2::announcer::{Duty, InterfaceFacts, Knowledge, Report};
    use crate::watch::keys::KeysError;

    #[test]
    fn a_speaker_shows_what_it_announces_and_whom_it_sees() {
        let mut scene = Scene::new(NodeName("n1".into()));
        let iface = || "eth0".to_owned();
        scene.handle_report(Report::Announced {
            ip: "192.0.2.1".parse().unwrap(),
            iface: iface(),
        });
        scene.handle_report(Report::Member {
            iface: iface(),
            node: NodeName("n2".into()),
            status: Some(claim::Status::SpeakerLost),
        });
        let shown = status(&scene, Some(&Decision::default()));
        assert_eq!(
            (shown.count, shown.addresses[0].address.as_str()),
            (1, "192.0.2.1")
        );
        let seen = &shown.interfaces[0].speakers[0];
        assert_eq!((seen.state.as_str(), seen.count), ("SpeakerLost", 1));
        assert_eq!(seen.nodes, ["n2"]);
        assert_eq!(shown.conditions[0].status, "True");
        assert_eq!(status(&scene, None).conditions[0].reason, "Starting");
    }

    /// P-OBS-14
    #[test]
    fn what_is_shown_of_a_segment_does_not_grow_with_it() {
        let mut scene = Scene::new(NodeName("n1".into()));
        let facts = InterfaceFacts {
            mac: l2::Mac::new([2, 0, 0, 0, 0, 1]).ok(),
            subnets: ["192.0.2.7/24".parse().unwrap()].into(),
            addresses: ["192.0.2.7".parse().unwrap()].into(),
            gateways: ["192.0.2.1".parse().unwrap()].into(),
        };
        scene.handle_report(Report::Interfaces([("eth0".into(), facts)].into()));
        for number in 0..400 {
            scene.handle_report(Report::Member {
                iface: "eth0".into(),
                node: NodeName(format!("node-{number:03}")),
                status: Some(match number {
                    0 => claim::Status::Dead,
                    _ => claim::Status::Ready,
                }),
            });
        }
        let eth0 = &status(&scene, None).interfaces[0];
        assert_eq!(eth0.hardware_address.as_deref(), Some("02:00:00:00:00:01"));
        assert_eq!(eth0.subnets, ["192.0.2.0/24"]);
        assert_eq!(eth0.addresses, ["192.0.2.7"]);
        assert_eq!(eth0.gateways, ["192.0.2.1"]);
        let counts: Vec<_> = eth0
            .speakers
            .iter()
            .map(|seen| (seen.state.as_str(), seen.count))
            .collect();
        assert_eq!(counts, [("Dead", 1), ("Ready", 399)]);
        assert_eq!(eth0.speakers[1].nodes, ["node-001", "node-002", "node-003"]);
    }

    /// P-OBS-1
    #[test]
    fn a_speaker_names_the_services_that_it_announces_with_since_when_from_whom_and_why() {
        let ip: std::net::IpAddr = "192.0.2.1".parse().unwrap();
        let (web, unit) = (ServiceName::new("default", "web"), claim::UnitId(ip));
        let plan = announce::Plan {
            addresses: [ip].into(),
            unit: [ip].into(),
            candidates: std::sync::Arc::default(),
        };
        let prospect = Prospect {
            layer2: Layer2::One(plan),
            bgp: Err(announce::Reason::NoEndpoints),
        };
        let decision = Decision {
            prospects: [(web, prospect.into())].into(),
            ..Decision::default()
        };
        let mut scene = Scene::new(NodeName("n1".into()));
        let moved = |holder: &str| Report::Moved {
            iface: "eth0".into(),
            unit,
            holder: Some(NodeName(holder.into())),
        };
        let role = |role| Report::Role {
            iface: "eth0".into(),
            unit,
            role,
        };
        scene.handle_report(moved("n2"));
        assert_eq!(status(&scene, Some(&decision)).layer2_services, []);
        scene.handle_report(moved("n1"));
        scene.handle_report(role(Some(UnitRole {
            duty: Duty::Holder,
            why: Some(claim::Why::HolderDead),
            since: jiff::Timestamp::UNIX_EPOCH,
        })));
        let shown = status(&scene, Some(&decision));
        assert_eq!(shown.layer2_service_count, 1);
        assert_eq!(
            shown.layer2_services,
            [Layer2Service {
                service: "default/web".into(),
                role: "Holder".into(),
                since: Some(Time(jiff::Timestamp::UNIX_EPOCH)),
                from: Some("n2".into()),
                reason: Some("HolderDead".into()),
            }]
        );
        scene.handle_report(role(None));
        assert_eq!(status(&scene, Some(&decision)).layer2_service_count, 0);
    }

    #[test]
    fn a_speaker_that_is_not_there_is_written_again() {
        assert!(is_gone(&Change::Deleted(())) && is_gone(&Change::Listed(vec![])));
        assert!(!is_gone(&Change::Applied(())) && !is_gone(&Change::Listed(vec![()])));
    }

    /// F29
    #[test]
    fn a_speaker_whose_kernel_answers_for_others_says_where_and_what_to_set() {
        let mut scene = Scene::new(NodeName("n1".into()));
        scene.handle_report(Report::Member {
            iface: "eth0".into(),
            node: NodeName("n2".into()),
            status: Some(claim::Status::Ready),
        });
        let told = |scene: &Scene| status(scene, Some(&Decision::default())).conditions.remove(0);
        scene.handle_report(Report::KernelAnswers(["eth0".into()].into()));
        let condition = told(&scene);
        assert_eq!(
            (condition.status.as_str(), condition.reason.as_str()),
            ("False", "KernelAnswers")
        );
        assert!(condition.message.contains("answers ARP on eth0") && condition.message.contains("strictARP"));
        scene.handle_report(Report::KernelAnswers(BTreeSet::new()));
        assert_eq!(told(&scene).reason, "Speaking");
    }

    #[test]
    fn a_speaker_to_which_nothing_of_the_others_comes_says_what_to_open() {
        let mut scene = Scene::new(NodeName("n1".into())).on_port(7951);
        let mut unheard = |nodes: Option<&[&str]>| {
            let nodes = nodes.map(|nodes| nodes.iter().map(|node| NodeName((*node).into())).collect());
            scene.handle_report(Report::Unheard {
                iface: "eth0".into(),
                nodes,
            });
            let condition = status(&scene, Some(&Decision::default())).conditions.remove(0);
            (condition.reason, scene.silence())
        };
        let told = "UDP 7951 does not arrive from n2, n3 on eth0: open it between the nodes";
        let (reason, silence) = unheard(Some(&["n2", "n3"]));
        assert_eq!((reason.as_str(), silence.as_deref()), ("Unheard", Some(told)));
        let (_, silence) = unheard(Some(&[]));
        assert!(silence.unwrap().contains("from other nodes"));
        assert_ne!(unheard(None).0, "Unheard");
    }

    #[test]
    fn a_speaker_without_keys_is_not_ready_and_one_with_a_bad_key_says_which() {
        let mut scene = Scene::new(NodeName("n1".into()));
        scene.handle_report(Report::Keys(Knowledge::Awaited));
        assert!(!scene.is_speaking());
        assert!(scene.silence().unwrap().contains("no key"));
        scene.handle_report(Report::Keys(Knowledge::There));
        assert!(scene.is_speaking());
        let fault = KeysError::Short {
            path: "/etc/herald/segment/also".into(),
            length: 3,
        };
        scene.handle_report(Report::KeyFault(Some(fault)));
        let condition = status(&scene, Some(&Decision::default())).conditions.remove(0);
        assert_eq!(
            (condition.status.as_str(), condition.reason.as_str()),
            ("False", "BadKey")
        );
        assert!(
            condition
                .message
                .contains("/etc/herald/segment/also has 3 octets")
        );
        assert!(scene.is_speaking(), "with the other key");
    }

    #[test]
    fn no_more_than_a_thousand_addresses_are_listed_and_all_are_counted() {
        let mut scene = Scene::new(NodeName("n1".into()));
        for number in 0..1_500_u32 {
            scene.handle_report(Report::Announced {
                ip: std::net::Ipv4Addr::from(0x0a00_0000 + number).into(),
                iface: "eth0".into(),
            });
        }
        let shown = status(&scene, Some(&Decision::default()));
        assert_eq!((shown.count, shown.addresses.len()), (1_500, MOST));
    }
}
