//! Who else announces what this node does not: asked of the Speakers, where a Service shows the word of a node that cannot be seen.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use api::client::{Failure, within};
use crds::{Speaker, SpeakerStatus};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use model::{NodeName, PeerName};

use crate::report::standing::Elsewhere;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// For so long what was asked once serves for all Services.
const FRESH: Duration = Duration::from_secs(5);

/// Speakers in one answer.
const PAGE: u32 = 100;

/// What Speakers show.
#[derive(Debug)]
pub(super) struct Others {
    api: Api<Speaker>,
    me: NodeName,
    known: Option<(Instant, Announcers)>,
}

/// Which nodes announce what.
#[derive(Debug, Default)]
struct Announcers {
    addresses: BTreeMap<IpAddr, BTreeSet<NodeName>>,
    /// Nodes that announce more addresses than they list.
    unlisted: BTreeSet<NodeName>,
    /// The peers that each has a session with.
    sessions: BTreeMap<NodeName, BTreeSet<PeerName>>,
}

impl Others {
    /// What the Speakers of all nodes but `me` show.
    pub(super) fn new(client: Client, me: NodeName) -> Self {
        Self {
            api: Api::all(client),
            me,
            known: None,
        }
    }

    /// Whether another node announces what `elsewhere` says.
    ///
    /// # Errors
    /// The Speakers cannot be read.
    pub(super) async fn announce(&mut self, now: Instant, elsewhere: &Elsewhere) -> Result<bool, Failure> {
        let fresh = self
            .known
            .take()
            .filter(|(at, _)| now.saturating_duration_since(*at) < FRESH);
        let known = match fresh {
            Some(known) => known,
            None => (now, self.read().await?),
        };
        let (_, announcers) = self.known.insert(known);
        Ok(announcers.announce(elsewhere))
    }

    async fn read(&self) -> Result<Announcers, Failure> {
        let mut announcers = Announcers::default();
        let mut params = ListParams::default().limit(PAGE);
        loop {
            let page = within(REQUEST_TIMEOUT, self.api.list(&params)).await?;
            let next = page.metadata.continue_.clone();
            for speaker in page {
                let node = NodeName(speaker.name_any());
                if node != self.me
                    && let Some(status) = &speaker.status
                {
                    announcers.add(&node, status);
                }
            }
            match next.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(announcers),
            }
        }
    }
}

impl Announcers {
    fn add(&mut self, node: &NodeName, status: &SpeakerStatus) {
        for announced in &status.addresses {
            if let Ok(address) = announced.address.parse() {
                self.addresses.entry(address).or_default().insert(node.clone());
            }
        }
        if usize::try_from(status.count).is_ok_and(|count| count > status.addresses.len()) {
            self.unlisted.insert(node.clone());
        }
        let up = status
            .bgp_sessions
            .iter()
            .filter(|session| session.state == "Established");
        let peers = up.map(|session| PeerName(session.peer.clone()));
        self.sessions.entry(node.clone()).or_default().extend(peers);
    }

    fn announce(&self, elsewhere: &Elsewhere) -> bool {
        match elsewhere {
            Elsewhere::OnAnotherSegment { addresses, seen } => {
                let listed = |ip| self.addresses.get(ip).into_iter().flatten();
                let mut nodes = addresses.iter().flat_map(listed).chain(&self.unlisted);
                nodes.any(|node| !seen.contains(node))
            }
            Elsewhere::ByBgp { plan, ready } => plan.nodes.iter().any(|(node, peers)| {
                let up = self.sessions.get(node);
                ready.contains(node) && up.is_some_and(|up| !up.is_disjoint(peers))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use announce::BgpPlan;
    use crds::{AnnouncedAddress, BgpSession};

    use super::*;

    fn name(node: &str) -> NodeName {
        NodeName(node.into())
    }

    fn status(addresses: &[&str], count: i64, state: &str) -> SpeakerStatus {
        let address = |address: &&str| AnnouncedAddress {
            address: (*address).to_owned(),
            ..AnnouncedAddress::default()
        };
        SpeakerStatus {
            count,
            addresses: addresses.iter().map(address).collect(),
            bgp_sessions: vec![BgpSession {
                peer: "tor".into(),
                state: state.into(),
                ..BgpSession::default()
            }],
            ..SpeakerStatus::default()
        }
    }

    /// P-L2-45: the word of a node that is seen, and does not announce it, is not left to stand.
    #[test]
    fn only_the_word_of_a_node_that_cannot_be_seen_stands_against_bad_news() {
        let mut announcers = Announcers::default();
        announcers.add(&name("n2"), &status(&["192.0.2.1"], 1, "Idle"));
        let of = |address: &str, seen: &[&str]| Elsewhere::OnAnotherSegment {
            addresses: [address.parse().unwrap()].into(),
            seen: seen.iter().map(|node| name(node)).collect(),
        };
        assert!(announcers.announce(&of("192.0.2.1", &["n1"])));
        assert!(!announcers.announce(&of("192.0.2.1", &["n1", "n2"])));
        assert!(!announcers.announce(&of("192.0.2.2", &["n1"])));
        announcers.add(&name("n3"), &status(&["192.0.2.9"], 5000, "Idle"));
        assert!(
            announcers.announce(&of("192.0.2.2", &["n1"])),
            "n3 does not list all"
        );
    }

    #[test]
    fn a_node_that_is_ready_and_has_a_session_announces_by_bgp() {
        let mut announcers = Announcers::default();
        announcers.add(&name("n2"), &status(&[], 0, "Established"));
        announcers.add(&name("n3"), &status(&[], 0, "Active"));
        let of = |node: &str, ready: &[&str]| Elsewhere::ByBgp {
            plan: Arc::new(BgpPlan {
                nodes: [(name(node), [PeerName("tor".into())].into())].into(),
            }),
            ready: Arc::new(ready.iter().map(|node| name(node)).collect()),
        };
        assert!(announcers.announce(&of("n2", &["n2"])));
        assert!(!announcers.announce(&of("n2", &["n3"])), "n2 is not Ready");
        assert!(!announcers.announce(&of("n3", &["n3"])), "n3 has no session");
        assert!(!announcers.announce(&of("n4", &["n4"])));
    }
}
