//! What has become of what was wanted, as this node knows it: what it announces itself, and on each segment who is there and
//! who holds what.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use announce::{BgpPlan, Plan, Reason, abridged};
use claim::{Status, UnitId};
use l2::{Mac, Response};
use model::{NodeName, PeerName, ServiceName};

use crate::bgp::peering::SessionView;
use crate::decide::decision::{Decision, Layer2, Prospect, unit_of};
use crate::decide::wanted::Wanted;
use crate::layer2::announcer::{InterfaceFacts, Knowledge, NoInterface, Report, UnitRole};
use crate::report::outbox::Standings;
use crate::report::standing::{Disputes, Elsewhere, Standing};
use crate::watch::keys::KeysError;

/// For how long one node after the other waits whether the one before it tells users.
const TURN: Duration = Duration::from_secs(2);

/// After so many turns the others come forward together.
const MOST_TURNS: u32 = 5;

/// The machine: reports in, standings out.
#[derive(Debug)]
pub struct Scene {
    me: NodeName,
    announced: BTreeMap<IpAddr, BTreeSet<String>>,
    homeless: BTreeMap<IpAddr, NoInterface>,
    /// The interfaces that are used.
    interfaces: BTreeMap<String, InterfaceFacts>,
    disputed: Disputes,
    segments: BTreeMap<String, SegmentScene>,
    /// Interfaces on which this speaker only listens as yet.
    listening: BTreeSet<String>,
    /// Speakers that are there and cannot be heard, by interface.
    unheard: BTreeMap<String, BTreeSet<NodeName>>,
    /// Whether there are keys to talk to other speakers with.
    keys: Knowledge,
    key_fault: Option<KeysError>,
    sessions: BTreeMap<PeerName, SessionView>,
    /// Where this node's kernel answers ARP for what other nodes hold.
    answering: BTreeSet<String>,
    /// What the log was not told yet, by interface.
    news: BTreeMap<String, News>,
    /// The UDP port that speakers talk on.
    port: u16,
}

/// Addresses that came and went on an interface.
#[derive(Debug, Default)]
struct News {
    announced: Vec<IpAddr>,
    withdrawn: Vec<IpAddr>,
}

/// One segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentScene {
    /// What is known of other nodes' speakers.
    pub members: BTreeMap<NodeName, Status>,
    /// Who holds what.
    pub holders: BTreeMap<UnitId, NodeName>,
    /// Who held what changed hands last, until it is known what this node has to do with it.
    former: BTreeMap<UnitId, NodeName>,
    /// What this node does, and who did it before.
    pub roles: BTreeMap<UnitId, (UnitRole, Option<NodeName>)>,
}

impl Scene {
    /// The scene of node `me`, which has seen nothing yet.
    pub fn new(me: NodeName) -> Self {
        Self {
            me,
            announced: BTreeMap::new(),
            homeless: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            disputed: Disputes::new(),
            segments: BTreeMap::new(),
            listening: BTreeSet::new(),
            unheard: BTreeMap::new(),
            keys: Knowledge::There,
            key_fault: None,
            sessions: BTreeMap::new(),
            answering: BTreeSet::new(),
            news: BTreeMap::new(),
            port: claim::PORT,
        }
    }

    /// Speakers talk on this UDP port.
    #[must_use]
    pub fn on_port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Logs what was announced and withdrawn since the last time: a thousand addresses that move are one line.
    pub fn log(&mut self) {
        for (iface, News { announced, withdrawn }) in std::mem::take(&mut self.news) {
            match announced.as_slice() {
                [] => {}
                [ip] => tracing::info!(%ip, iface, "announced"),
                [ip, ..] => tracing::info!(%ip, iface, addresses = announced.len(), "announced"),
            }
            match withdrawn.as_slice() {
                [] => {}
                [ip] => tracing::info!(%ip, iface, "withdrawn"),
                [ip, ..] => tracing::info!(%ip, iface, addresses = withdrawn.len(), "withdrawn"),
            }
        }
    }

    /// Takes in how the sessions stand.
    pub fn handle_sessions(&mut self, sessions: BTreeMap<PeerName, SessionView>) {
        self.sessions = sessions;
    }

    /// The node that this is.
    pub fn me(&self) -> &NodeName {
        &self.me
    }

    /// How they stand.
    pub fn sessions(&self) -> &BTreeMap<PeerName, SessionView> {
        &self.sessions
    }

    /// What this node announces, and on which interfaces.
    pub fn announced(&self) -> &BTreeMap<IpAddr, BTreeSet<String>> {
        &self.announced
    }

    /// The interfaces on which this node's kernel answers ARP for what other nodes hold.
    pub fn answering(&self) -> &BTreeSet<String> {
        &self.answering
    }

    /// The segments that it is on, by interface.
    pub fn segments(&self) -> &BTreeMap<String, SegmentScene> {
        &self.segments
    }

    /// The interfaces that it uses.
    pub fn interfaces(&self) -> &BTreeMap<String, InterfaceFacts> {
        &self.interfaces
    }

    /// Whether it answers for what it holds on every segment that it is on.
    pub fn is_speaking(&self) -> bool {
        self.silence().is_none()
    }

    /// Why it does not answer yet on a segment that it is on; none if it does on all of them.
    pub fn silence(&self) -> Option<String> {
        if self.keys == Knowledge::Awaited {
            let fault = self.key_fault.as_ref().map(|fault| format!(": {fault}"));
            return Some(format!(
                "there is no key to talk to the other speakers with{}",
                fault.unwrap_or_default()
            ));
        }
        if let Some(unheard) = self.unheard() {
            return Some(unheard);
        }
        let listening = (!self.listening.is_empty()).then(|| abridged(&self.listening))?;
        Some(format!("listening on {listening} before the first answer"))
    }

    /// That other speakers are there and nothing of what they say arrives, and what to do about it.
    pub fn unheard(&self) -> Option<String> {
        let nodes: BTreeSet<&NodeName> = self.unheard.values().flatten().collect();
        let (iface, _) = self.unheard.first_key_value()?;
        let who = match nodes.is_empty() {
            true => "other nodes".to_owned(),
            false => abridged(&nodes),
        };
        let port = self.port;
        Some(format!(
            "UDP {port} does not arrive from {who} on {iface}: open it between the nodes"
        ))
    }

    /// What is wrong with one of the keys that the speakers share.
    pub fn key_fault(&self) -> Option<&KeysError> {
        self.key_fault.as_ref()
    }

    /// Takes in a report.
    pub fn handle_report(&mut self, report: Report) {
        match report {
            Report::Announced { ip, iface } => {
                tracing::debug!(%ip, iface, "announced");
                self.news.entry(iface.clone()).or_default().announced.push(ip);
                self.homeless.remove(&ip);
                self.announced.entry(ip).or_default().insert(iface);
            }
            Report::Withdrawn { ip, iface } => {
                tracing::debug!(%ip, iface, "withdrawn");
                self.news.entry(iface.clone()).or_default().withdrawn.push(ip);
                self.disputed.remove(&(ip, iface.clone()));
                let interfaces = self.announced.entry(ip).or_default();
                interfaces.remove(&iface);
                if interfaces.is_empty() {
                    self.announced.remove(&ip);
                }
            }
            Report::NoInterface { ip, why } => {
                tracing::warn!(%ip, ?why, "no usable interface for the address");
                self.homeless.insert(ip, why);
            }
            Report::Interfaces(interfaces) => self.interfaces = interfaces,
            Report::Role { iface, unit, role } => {
                let segment = self.segments.entry(iface).or_default();
                let from = segment.former.remove(&unit);
                match role {
                    Some(role) => drop(segment.roles.insert(unit, (role, from))),
                    None => drop(segment.roles.remove(&unit)),
                }
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
            Report::KernelAnswers(ifaces) => {
                match ifaces.is_empty() {
                    true => {
                        tracing::info!("the kernel does not answer ARP for other nodes' addresses any more")
                    }
                    false => tracing::warn!(
                        ?ifaces,
                        "the kernel answers ARP for other nodes' addresses: set strictARP in kube-proxy's ipvs configuration"
                    ),
                }
                self.answering = ifaces;
            }
            Report::Keys(keys) => self.keys = keys,
            Report::KeyFault(fault) => self.key_fault = fault,
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
                let segment = self.segments.entry(iface).or_default();
                let former = match holder {
                    Some(node) => segment.holders.insert(unit, node),
                    None => segment.holders.remove(&unit),
                };
                match former.filter(|node| *node != self.me) {
                    Some(former) => segment.former.insert(unit, former),
                    None => segment.former.remove(&unit),
                };
            }
            Report::Listening { iface, listening } => match listening {
                true => drop(self.listening.insert(iface)),
                false => drop(self.listening.remove(&iface)),
            },
            Report::Unheard { iface, nodes } => match nodes {
                Some(nodes) => drop(self.unheard.insert(iface, nodes)),
                None => drop(self.unheard.remove(&iface)),
            },
            Report::Left { iface } => {
                self.segments.remove(&iface);
                self.unheard.remove(&iface);
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
        let ready = Arc::new(decision.ready.clone());
        // By BGP most Services are announced in the same words.
        let mut last: BTreeMap<Duration, Arc<Standing>> = BTreeMap::new();
        let standing = |(name, prospect): (&ServiceName, &Arc<Prospect>)| {
            let standing = self.standing(decision, &ready, name, prospect)?;
            let known = last.get(&standing.patience).filter(|known| ***known == standing);
            let standing = known.cloned().unwrap_or_else(|| Arc::new(standing));
            last.insert(standing.patience, standing.clone());
            Some((name.clone(), standing))
        };
        decision.prospects.iter().filter_map(standing).collect()
    }

    /// What this node has to say about a Service; none when it is for another node to say. Who holds it on a segment tells also
    /// that it is announced by BGP.
    fn standing(
        &self,
        decision: &Decision,
        ready: &Arc<BTreeSet<NodeName>>,
        name: &ServiceName,
        prospect: &Prospect,
    ) -> Option<Standing> {
        match (&prospect.layer2, &prospect.bgp) {
            (Layer2::One(plan), bgp) => {
                let standing = self.on_segments(&decision.wanted, name, plan)?;
                match bgp {
                    Ok(_) if standing.announced => Some(standing.and_by_bgp()),
                    // Nobody on the segments, and that may be as it should: the routers know the way.
                    Ok(plan) => self.routed(decision, ready, name, plan),
                    Err(_) => Some(standing),
                }
            }
            (Layer2::Off | Layer2::Nobody(_), Ok(plan)) => self.routed(decision, ready, name, plan),
            (Layer2::Off, Err(reason)) => self.nobody(decision, name, reason),
            // Where no advertisement of the one kind is meant for it, the other one's reason is the one to know.
            (Layer2::Nobody(Reason::NoMatchingAdvertisement(_)), Err(reason))
            | (Layer2::Nobody(reason), Err(_)) => {
                self.is_reporter(name, None).then(|| Standing::nobody(reason))
            }
        }
    }

    fn on_segments(&self, wanted: &Wanted, name: &ServiceName, plan: &Plan) -> Option<Standing> {
        let unit = unit_of(plan);
        let (mine, others): (Vec<IpAddr>, Vec<IpAddr>) = plan
            .addresses
            .iter()
            .partition(|ip| self.announced.contains_key(ip));
        let mut holders = self
            .segments
            .values()
            .filter_map(|segment| segment.holders.get(&unit));
        let holder = holders.find(|node| **node != self.me);
        match (mine.first(), others.first()) {
            (Some(_), None) => Some(self.announces(&mine)),
            (Some(first), Some(missing)) => match holder {
                // Each on another segment, and one of them tells: who has the lowest.
                Some(holder) => {
                    (first < missing).then(|| self.announces(&mine).and_elsewhere(holder, &others))
                }
                // On its way, or with no way to go.
                None => self.nowhere(plan, *missing),
            },
            // Another node's to tell.
            (None, _) if holder.is_some() => None,
            (None, _) => {
                let candidates = &wanted.units.get(&unit)?.candidates;
                self.is_reporter(name, Some(candidates))
                    .then(|| self.unheld(plan, candidates))
            }
        }
    }

    fn announces(&self, addresses: &[IpAddr]) -> Standing {
        Standing::announced(&self.me, addresses, &self.announced, &self.disputed)
    }

    /// Many nodes announce it, all of them say so in the same words, and those of one will do: if nobody does, the nodes come forward
    /// one after the other.
    fn routed(
        &self,
        decision: &Decision,
        ready: &Arc<BTreeSet<NodeName>>,
        name: &ServiceName,
        plan: &Arc<BgpPlan>,
    ) -> Option<Standing> {
        let peers = plan.nodes.get(&self.me)?;
        let established = |peer: &PeerName| self.sessions.get(peer).is_some_and(SessionView::carries_any);
        let standing = if peers.iter().any(established) {
            Standing::routed()
        } else {
            let trouble = |peer| {
                let session: Option<&SessionView> = self.sessions.get(peer);
                let fault = decision.session_faults.get(peer).map(ToString::to_string);
                let why = session.map_or_else(|| "not begun".to_owned(), SessionView::why_not);
                (peer, fault.unwrap_or(why))
            };
            let elsewhere = Elsewhere::ByBgp {
                plan: plan.clone(),
                ready: ready.clone(),
            };
            Standing::without_session(&self.me, &peers.iter().map(trouble).collect()).unless(elsewhere)
        };
        let turn = self.turn(
            name,
            plan.nodes.keys().filter(|node| decision.ready.contains(*node)),
        );
        Some(standing.after(TURN * turn))
    }

    /// No node announces it, and without segments nobody knows who else is there to say so.
    fn nobody(&self, decision: &Decision, name: &ServiceName, reason: &Reason) -> Option<Standing> {
        let turn = self.turn(name, decision.ready.iter());
        Some(Standing::nobody(reason).after(TURN * turn))
    }

    /// How many of these nodes go before this one; no more are counted than there are turns.
    fn turn<'a>(&self, name: &ServiceName, nodes: impl Iterator<Item = &'a NodeName>) -> u32 {
        let mine = weight(&self.me, name);
        let before = nodes.filter(|node| weight(node, name) > mine);
        let most = usize::try_from(MOST_TURNS).unwrap_or(usize::MAX);
        u32::try_from(before.take(most).count()).unwrap_or(MOST_TURNS)
    }

    /// Nobody that is seen from here holds the Service's addresses.
    fn unheld(&self, plan: &Plan, candidates: &BTreeMap<NodeName, u32>) -> Standing {
        let mut nowhere = plan.addresses.iter().filter_map(|ip| self.nowhere(plan, *ip));
        if let Some(nowhere) = nowhere.next() {
            return nowhere;
        }
        let state = |node: &NodeName| {
            let seen = self
                .segments
                .values()
                .filter_map(|segment| segment.members.get(node));
            (node.clone(), (*node != self.me).then(|| seen.copied().next()))
        };
        Standing::unheld(&candidates.keys().map(state).collect()).unless(self.on_another_segment(plan))
    }

    /// What there is to say of an address that no interface of this node can announce; none if one can.
    fn nowhere(&self, plan: &Plan, ip: IpAddr) -> Option<Standing> {
        let why = self.homeless.get(&ip)?;
        Some(Standing::homeless(&self.me, ip, why).unless(self.on_another_segment(plan)))
    }

    /// Nodes that are on none of the segments that this one is on may announce it.
    fn on_another_segment(&self, plan: &Plan) -> Elsewhere {
        let members = self.segments.values().flat_map(|segment| segment.members.keys());
        Elsewhere::OnAnotherSegment {
            addresses: plan.addresses.clone(),
            seen: members.chain([&self.me]).cloned().collect(),
        }
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
mod tests;
