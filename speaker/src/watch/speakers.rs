//! The speakers of the other nodes, as their Speakers show them: who is there, apart from what is heard of them.
//!
//! A Speaker is written whenever its node announces something else, and what is wanted of it here changes next to never. So the
//! Speakers are not watched, which would bring every node the news of all: they are read while a node is not known, and seldom
//! after that.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::client::{Failure, REQUEST_TIMEOUT, within};
use crds::{Speaker, SpeakerStatus};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use model::NodeName;
use tokio::sync::watch;

use crate::decide::wanted::Wanted;

/// What is known of each.
pub type Speakers = BTreeMap<NodeName, claim::KnownSpeaker>;

/// Speakers in one answer.
const PAGE: u32 = 100;

/// The pause after the first look, and after one that found a node missing that was not missing before.
const FIRST: Duration = Duration::from_secs(1);
/// The longest, when each was twice the one before it.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Tells `known` of the speakers of all nodes but `me`, until nobody listens any more.
pub async fn follow(
    client: Client,
    me: NodeName,
    mut wanted: watch::Receiver<Arc<Wanted>>,
    known: watch::Sender<Arc<Speakers>>,
) {
    let api = Api::all(client);
    let mut rhythm = Rhythm::default();
    loop {
        match read(&api, &me).await {
            Ok(speakers) => tell(&known, speakers),
            Err(error) => tracing::debug!(%error, "the Speakers cannot be read, trying again"),
        }
        rhythm.look(missing(&wanted.borrow_and_update(), &me, &known.borrow()));
        let rest = tokio::time::sleep(rhythm.pause);
        tokio::pin!(rest);
        loop {
            tokio::select! {
                () = known.closed() => return,
                () = &mut rest => break,
                Ok(()) = wanted.changed() => {
                    let missing = missing(&wanted.borrow_and_update(), &me, &known.borrow());
                    if rhythm.is_news(&missing) {
                        break tokio::time::sleep(FIRST).await;
                    }
                }
            }
        }
    }
}

/// How soon to look again.
#[derive(Debug, Default)]
struct Rhythm {
    pause: Duration,
    missing: BTreeSet<NodeName>,
}

impl Rhythm {
    /// These nodes are still missing after a look.
    fn look(&mut self, missing: BTreeSet<NodeName>) {
        self.pause = if self.pause.is_zero() || self.is_news(&missing) {
            FIRST
        } else {
            (self.pause * 2).min(LONGEST)
        };
        self.missing = missing;
    }

    /// Whether a node is missing that was not.
    fn is_news(&self, missing: &BTreeSet<NodeName>) -> bool {
        !missing.is_subset(&self.missing)
    }
}

/// The nodes that could announce something, and of whose speakers nothing is known.
fn missing(wanted: &Wanted, me: &NodeName, known: &Speakers) -> BTreeSet<NodeName> {
    let unknown = |node: &&NodeName| *node != me && !known.contains_key(*node);
    wanted.possible.iter().filter(unknown).cloned().collect()
}

fn tell(known: &watch::Sender<Arc<Speakers>>, speakers: Speakers) {
    known.send_if_modified(|before| {
        let changed = **before != speakers;
        if changed {
            *before = Arc::new(speakers);
        }
        changed
    });
}

async fn read(api: &Api<Speaker>, me: &NodeName) -> Result<Speakers, Failure> {
    let mut speakers = Speakers::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = within(REQUEST_TIMEOUT, api.list(&params)).await?;
        let next = page.metadata.continue_.clone();
        for speaker in page {
            let node = NodeName(speaker.name_any());
            if node != *me
                && let Some(known) = speaker.status.as_ref().and_then(of)
            {
                speakers.insert(node, known);
            }
        }
        match next.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(speakers),
        }
    }
}

/// What a Speaker shows of the interfaces that it announces on; none without a hardware address, for nothing can be told of it then.
fn of(status: &SpeakerStatus) -> Option<claim::KnownSpeaker> {
    let mut known = claim::KnownSpeaker::default();
    for interface in &status.interfaces {
        let mac = interface.hardware_address.as_deref().and_then(octets);
        known.macs.extend(mac);
        let addresses = interface.addresses.iter();
        known
            .addresses
            .extend(addresses.filter_map(|ip| ip.parse::<IpAddr>().ok()));
    }
    (!known.macs.is_empty()).then_some(known)
}

/// Those of a hardware address as people write it.
fn octets(mac: &str) -> Option<[u8; 6]> {
    let octets = mac.split(':').map(|octet| u8::from_str_radix(octet, 16));
    let octets: Vec<u8> = octets.collect::<Result<_, _>>().ok()?;
    octets.try_into().ok()
}

#[cfg(test)]
mod tests {
    use crds::SpeakerInterface;

    use super::*;

    fn names(nodes: &[&str]) -> BTreeSet<NodeName> {
        nodes.iter().map(|node| NodeName((*node).into())).collect()
    }

    #[test]
    fn a_speaker_is_known_by_the_interfaces_that_it_shows() {
        let interface = |mac: Option<&str>, address: &str| SpeakerInterface {
            hardware_address: mac.map(str::to_owned),
            addresses: vec![address.to_owned()],
            ..SpeakerInterface::default()
        };
        let status = |interfaces| SpeakerStatus {
            interfaces,
            ..SpeakerStatus::default()
        };
        let shown = vec![
            interface(Some("02:00:00:00:00:01"), "192.0.2.1"),
            interface(Some("no address"), "2001:db8::1"),
        ];
        let known = of(&status(shown)).unwrap();
        assert_eq!(known.macs, [[2, 0, 0, 0, 0, 1]].into());
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        assert_eq!(known.addresses, addresses.into());
        assert_eq!(of(&status(vec![interface(None, "192.0.2.1")])), None);
    }

    #[test]
    fn the_api_server_is_asked_again_soon_while_nodes_turn_up_and_ever_more_seldom_otherwise() {
        let mut rhythm = Rhythm::default();
        let mut after = |missing: &[&str]| {
            rhythm.look(names(missing));
            rhythm.pause
        };
        assert_eq!(
            [after(&["n2"]), after(&["n2"]), after(&[])],
            [FIRST, 2 * FIRST, 4 * FIRST]
        );
        assert_eq!(after(&["n3"]), FIRST, "another node");
        for _ in 0..20 {
            after(&["n3"]);
        }
        assert_eq!(
            after(&["n3"]),
            LONGEST,
            "a node without a speaker is not asked for for ever"
        );
    }

    #[test]
    fn a_node_is_missing_until_its_hardware_address_is_known() {
        let wanted = Wanted {
            possible: names(&["n1", "n2", "n3"]),
            ..Wanted::default()
        };
        let known = Speakers::from([(NodeName("n2".into()), claim::KnownSpeaker::default())]);
        assert_eq!(missing(&wanted, &NodeName("n1".into()), &known), names(&["n3"]));
    }
}
