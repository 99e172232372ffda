//! What has become of what was wanted, as this node knows it: what it announces itself, and on each segment who is there and
//! who holds what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use claim::{Status, UnitId};
use l2::{Mac, Response};
use model::{NodeName, ServiceName};

use crate::announcer::Report;
use crate::decision::{Decision, Prospect};
use crate::outbox::Standings;
use crate::standing::{Disputes, Standing};
use crate::wanted::Wanted;

/// The machine: reports in, standings out.
#[derive(Debug)]
pub struct Scene {
    me: NodeName,
    announced: BTreeMap<IpAddr, BTreeSet<String>>,
    homeless: BTreeSet<IpAddr>,
    disputed: Disputes,
    segments: BTreeMap<String, SegmentScene>,
    /// Interfaces on which this speaker only listens as yet.
    listening: BTreeSet<String>,
}

/// One segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentScene {
    /// What is known of other nodes' speakers.
    pub members: BTreeMap<NodeName, Status>,
    /// Who holds what.
    pub holders: BTreeMap<UnitId, NodeName>,
}

impl Scene {
    /// The scene of node `me`, which has seen nothing yet.
    pub fn new(me: NodeName) -> Self {
        Self {
            me,
            announced: BTreeMap::new(),
            homeless: BTreeSet::new(),
            disputed: Disputes::new(),
            segments: BTreeMap::new(),
            listening: BTreeSet::new(),
        }
    }

    /// What this node announces, and on which interfaces.
    pub fn announced(&self) -> &BTreeMap<IpAddr, BTreeSet<String>> {
        &self.announced
    }

    /// The segments that it is on, by interface.
    pub fn segments(&self) -> &BTreeMap<String, SegmentScene> {
        &self.segments
    }

    /// Whether it answers for what it holds on every segment that it is on.
    pub fn is_speaking(&self) -> bool {
        self.listening.is_empty()
    }

    /// Takes in a report.
    pub fn handle_report(&mut self, report: Report) {
        match report {
            Report::Announced { ip, iface } => {
                tracing::info!(%ip, iface, "announced");
                self.homeless.remove(&ip);
                self.announced.entry(ip).or_default().insert(iface);
            }
            Report::Withdrawn { ip, iface } => {
                tracing::info!(%ip, iface, "withdrawn");
                self.disputed.remove(&(ip, iface.clone()));
                let interfaces = self.announced.entry(ip).or_default();
                interfaces.remove(&iface);
                if interfaces.is_empty() {
                    self.announced.remove(&ip);
                }
            }
            Report::NoInterface { ip } => {
                tracing::warn!(%ip, "no usable interface for the address");
                self.homeless.insert(ip);
            }
            Report::Rival { ip, iface, mac } => {
                tracing::warn!(%ip, iface, %mac, "another speaker claims the address");
            }
            Report::Stranger {
                ip,
                iface,
                mac,
                response,
            } => self.on_stranger(ip, iface, mac, response),
            Report::StrangerGone { ip, iface } => {
                tracing::info!(%ip, iface, "no other station claims the address any more");
                self.disputed.remove(&(ip, iface));
            }
            Report::SocketFailed { iface, error } => {
                tracing::warn!(iface, %error, "cannot announce on the interface, trying again");
            }
            Report::Member { iface, node, status } => {
                let members = &mut self.segments.entry(iface).or_default().members;
                match status {
                    Some(status) => members.insert(node, status),
                    None => members.remove(&node),
                };
            }
            Report::Moved { iface, unit, holder } => {
                let holders = &mut self.segments.entry(iface).or_default().holders;
                match holder {
                    Some(node) => holders.insert(unit, node),
                    None => holders.remove(&unit),
                };
            }
            Report::Listening { iface, listening } => match listening {
                true => drop(self.listening.insert(iface)),
                false => drop(self.listening.remove(&iface)),
            },
            Report::Left { iface } => {
                self.segments.remove(&iface);
                self.listening.remove(&iface);
            }
        }
    }

    fn on_stranger(&mut self, ip: IpAddr, iface: String, mac: Mac, response: Response) {
        let known = self.disputed.get(&(ip, iface.clone()));
        if known != Some(&(mac, response)) {
            tracing::warn!(%ip, iface, %mac, ?response, "a station outside of the cluster has the address");
            self.disputed.insert((ip, iface), (mac, response));
        }
    }

    /// What this node has to say about Services.
    pub fn standings(&self, decision: &Decision) -> Standings {
        let standing = |(name, prospect): (&ServiceName, &Prospect)| {
            Some((name.clone(), self.standing(&decision.wanted, name, prospect)?))
        };
        decision.prospects.iter().filter_map(standing).collect()
    }

    /// What this node has to say about a Service; none when it is for another node to say.
    fn standing(&self, wanted: &Wanted, name: &ServiceName, prospect: &Prospect) -> Option<Standing> {
        match prospect {
            Prospect::Nobody(reason) => self.is_reporter(name, None).then(|| Standing::nobody(reason)),
            Prospect::One { unit, addresses } => {
                let mine: Vec<IpAddr> = addresses
                    .iter()
                    .copied()
                    .filter(|ip| self.announced.contains_key(ip))
                    .collect();
                if mine.len() == addresses.len() {
                    return Some(Standing::announced(
                        &self.me,
                        addresses,
                        &self.announced,
                        &self.disputed,
                    ));
                }
                let mut holders = self
                    .segments
                    .values()
                    .filter_map(|segment| segment.holders.get(unit));
                if !mine.is_empty() || holders.next().is_some() {
                    // On its way, or another node's to tell.
                    return None;
                }
                let candidates = &wanted.units.get(unit)?.candidates;
                self.is_reporter(name, Some(candidates))
                    .then(|| self.unheld(addresses, candidates))
            }
        }
    }

    /// Nobody that is seen from here holds the Service's addresses.
    fn unheld(&self, addresses: &BTreeSet<IpAddr>, candidates: &BTreeMap<NodeName, u32>) -> Standing {
        if let Some(ip) = addresses.iter().find(|ip| self.homeless.contains(ip)) {
            return Standing::homeless(&self.me, *ip).unless_said_elsewhere(self.known());
        }
        let state = |node: &NodeName| {
            let seen = self
                .segments
                .values()
                .filter_map(|segment| segment.members.get(node));
            (node.clone(), (*node != self.me).then(|| seen.copied().next()))
        };
        Standing::unheld(&candidates.keys().map(state).collect()).unless_said_elsewhere(self.known())
    }

    /// The nodes on the segments that this one is on, itself included.
    fn known(&self) -> BTreeSet<NodeName> {
        let members = self.segments.values().flat_map(|segment| segment.members.keys());
        members.chain([&self.me]).cloned().collect()
    }

    /// Whether it is for this node to tell users why nobody announces: one of the speakers that are seen will do, if it is
    /// the same for all who see the same; one of the candidates where there are some.
    fn is_reporter(&self, name: &ServiceName, candidates: Option<&BTreeMap<NodeName, u32>>) -> bool {
        let members = self.segments.values().flat_map(|segment| &segment.members);
        let alive = members
            .filter(|(_, status)| status.is_alive())
            .map(|(node, _)| node);
        let all: BTreeSet<&NodeName> = alive.chain([&self.me]).collect();
        let able = |node: &&&NodeName| candidates.is_none_or(|candidates| candidates.contains_key(**node));
        let weight = |node: &&NodeName| (weight(node, name), (*node).clone());
        let best = all.iter().filter(able).copied().max_by_key(weight);
        best.or_else(|| all.iter().copied().max_by_key(weight)) == Some(&self.me)
    }
}

/// A hash that is the same in every build: FNV-1a with a final mix.
fn weight(node: &NodeName, service: &ServiceName) -> u64 {
    let bytes = node
        .0
        .bytes()
        .chain([0])
        .chain(service.namespace.bytes())
        .chain([0])
        .chain(service.name.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

#[cfg(test)]
mod tests {
    use announce::Reason;

    use super::*;
    use crate::wanted::Unit;

    const VIP: &str = "192.0.2.1";

    fn ip() -> IpAddr {
        VIP.parse().unwrap()
    }

    fn name(node: &str) -> NodeName {
        NodeName(node.into())
    }

    fn web() -> ServiceName {
        ServiceName::new("default", "web")
    }

    /// The scenes of nodes n1 to n3 that hear each other.
    fn scenes() -> Vec<Scene> {
        let mut scenes: Vec<Scene> = ["n1", "n2", "n3"].map(|node| Scene::new(name(node))).into();
        for scene in &mut scenes {
            for node in ["n1", "n2", "n3"].map(name) {
                if node != scene.me {
                    scene.handle_report(Report::Member {
                        iface: "eth0".into(),
                        node,
                        status: Some(Status::Ready),
                    });
                }
            }
        }
        scenes
    }

    fn decision(prospect: Prospect, candidates: &[&str]) -> Decision {
        let unit = Unit {
            addresses: [(ip(), announce::Interfaces::All)].into(),
            yielding: BTreeSet::new(),
            candidates: candidates.iter().map(|node| (name(node), 0)).collect(),
        };
        Decision {
            wanted: Wanted {
                units: [(UnitId(ip()), unit)].into(),
                ..Wanted::default()
            },
            prospects: [(web(), prospect)].into(),
        }
    }

    fn one() -> Prospect {
        Prospect::One {
            unit: UnitId(ip()),
            addresses: [ip()].into(),
        }
    }

    fn told(scenes: &[Scene], decision: &Decision) -> Vec<(String, Standing)> {
        let said = |scene: &Scene| Some((scene.me.0.clone(), scene.standings(decision).remove(&web())?));
        scenes.iter().filter_map(said).collect()
    }

    fn moved(scenes: &mut [Scene], holder: Option<&str>) {
        for scene in scenes {
            scene.handle_report(Report::Moved {
                iface: "eth0".into(),
                unit: UnitId(ip()),
                holder: holder.map(name),
            });
        }
    }

    #[test]
    fn who_announces_tells_and_nobody_else() {
        let (mut scenes, decision) = (scenes(), decision(one(), &["n1", "n2", "n3"]));
        moved(&mut scenes, Some("n2"));
        assert_eq!(
            told(&scenes, &decision),
            [],
            "the first announcement is still to be sent"
        );
        scenes[1].handle_report(Report::Announced {
            ip: ip(),
            iface: "eth0".into(),
        });
        let told = told(&scenes, &decision);
        assert_eq!(
            (told.len(), told[0].0.as_str(), told[0].1.announced),
            (1, "n2", true)
        );
    }

    #[test]
    fn of_a_service_that_nobody_may_announce_one_node_tells() {
        let told = told(&scenes(), &decision(Prospect::Nobody(Reason::NoEndpoints), &[]));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1.reason, "NoEndpoints");
    }

    /// P-L2-11
    #[test]
    fn of_a_service_that_nobody_does_announce_one_of_its_candidates_tells() {
        let mut scenes = scenes();
        let told_by = told(&scenes, &decision(one(), &["n3"]));
        assert_eq!((told_by.len(), told_by[0].0.as_str()), (1, "n3"));
        // Its speaker is gone: somebody else says so.
        scenes.pop();
        for scene in &mut scenes {
            scene.handle_report(Report::Member {
                iface: "eth0".into(),
                node: name("n3"),
                status: Some(Status::Dead),
            });
        }
        let told = told(&scenes, &decision(one(), &["n3"]));
        assert_eq!(told.len(), 1);
        assert!(told[0].1.message.contains("n3 is dead"), "{}", told[0].1.message);
    }

    #[test]
    fn what_was_known_of_a_segment_is_forgotten_when_it_is_left() {
        let mut scenes = scenes();
        moved(&mut scenes, Some("n2"));
        scenes[0].handle_report(Report::Left { iface: "eth0".into() });
        assert!(scenes[0].segments().is_empty());
    }
}
