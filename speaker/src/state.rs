//! What a speaker keeps on disk, so that it can go on while the API server is away.
//!
//! One file: a line that says what it is, when the API server last was in reach and what the rest hashes to, then JSON. Writing is best
//! effort (F42); what cannot be read is left aside with the reason.
//!
//! What the API server said ages from when it last was in reach, whenever that was written: a quiet cluster is not an old one. What the
//! speakers agreed on has no age: whoever holds more by now says so on the segment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use announce::{Announceable, Interfaces};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use claim::{Snapshot, UnitId};
use model::NodeName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bgp::peering::Peerings;
use crate::decide::wanted::{Places, Shared, Unit, Wanted};

pub mod keeper;
mod peerings;

use peerings::PeeringsContent;
#[cfg(test)]
pub(crate) use peerings::tests::peerings as recalled;

const FORM: &str = "herald-speaker-state/2";

/// What is older than this says nothing about the cluster any more.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What was to be announced on the segments.
    pub wanted: Wanted,
    /// What peers were to get, but for those with passwords.
    pub peerings: Peerings,
    /// What was agreed on each segment, by interface.
    pub segments: BTreeMap<String, Snapshot>,
    /// Since which start of the machine it was kept, as the kernel names it; none: unknown.
    pub boot_id: Option<String>,
}

/// Why a file was left aside.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is of another form: written by another version, or not by Herald.
    #[error("its first line is not that of this form ({FORM})")]
    Form,
    /// It was cut short or changed.
    #[error("it does not hash to what it says")]
    Damaged,
    /// It is of another node.
    #[error("it is of node {0}")]
    Node(String),
    /// What it has from the API server is too old.
    #[error(
        "the API server was last in reach {0:?} before: what it said is left aside, what the speakers agreed on is not"
    )]
    Age(Duration),
    /// It hashes right and cannot be understood.
    #[error("its content cannot be understood: {0}")]
    Content(String),
}

/// What was kept, as far as it is of use.
#[derive(Debug)]
pub struct Kept {
    /// What was kept.
    pub state: State,
    /// When the API server was last in reach.
    pub contact: SystemTime,
    /// Why a part of it is left aside.
    pub fault: Option<StateError>,
}

/// Reads what node `me` kept at `path`; none if there is nothing.
///
/// # Errors
/// There is something that cannot be used.
pub fn read(path: &Path, me: &NodeName, now: SystemTime) -> Result<Option<Kept>, StateError> {
    let text = match std::fs::read(path) {
        Ok(octets) => String::from_utf8(octets).map_err(|_utf8| StateError::Form)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    decode(&text, me, now).map(Some)
}

/// Keeps `state` at `path`, in one piece or not at all, also where the power goes; the API server was last in reach at `contact`.
/// Nobody else may write to that path meanwhile.
///
/// # Errors
/// The disk is full, read-only, or gone.
pub fn write(path: &Path, me: &NodeName, contact: SystemTime, state: &State) -> io::Result<()> {
    let beside: PathBuf = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(encode(me, contact, state).as_bytes())?;
    // Some file systems carry out a renaming before they write what the file holds, and the folder when it suits them.
    file.sync_all()?;
    std::fs::rename(beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn encode(me: &NodeName, contact: SystemTime, state: &State) -> String {
    let content = serde_json::to_string(&Content::of(me, state)).expect("plain maps and strings are JSON");
    let contact = contact.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{FORM} {contact} {}\n{content}\n", hash(&content))
}

fn decode(text: &str, me: &NodeName, now: SystemTime) -> Result<Kept, StateError> {
    let (head, content) = text.split_once('\n').ok_or(StateError::Form)?;
    let words: Vec<&str> = head.split(' ').collect();
    let [FORM, contact, hashed] = words.as_slice() else {
        return Err(StateError::Form);
    };
    let content = content.strip_suffix('\n').ok_or(StateError::Damaged)?;
    if *hashed != hash(content) {
        return Err(StateError::Damaged);
    }
    let contact: u64 = contact.parse().map_err(|_number| StateError::Form)?;
    let contact = UNIX_EPOCH
        .checked_add(Duration::from_secs(contact))
        .ok_or(StateError::Form)?;
    let content: Content =
        serde_json::from_str(content).map_err(|error| StateError::Content(error.to_string()))?;
    if content.node != me.0 {
        return Err(StateError::Node(content.node));
    }
    let mut state = content.state()?;
    // A board without a clock boots long before it last ran: how old the file is is not known then, and nothing newer is.
    let age = now.duration_since(contact).unwrap_or_default();
    let is_old = age > LONGEST;
    if is_old {
        state = State {
            segments: state.segments,
            ..State::default()
        };
    }
    Ok(Kept {
        state,
        contact,
        fault: is_old.then_some(StateError::Age(age)),
    })
}

fn hash(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    digest.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[derive(Serialize, Deserialize)]
struct Content {
    node: String,
    units: BTreeMap<IpAddr, UnitContent>,
    possible: BTreeSet<String>,
    drain: bool,
    /// By interface the snapshot in its own form.
    segments: BTreeMap<String, String>,
    #[serde(default)]
    peerings: PeeringsContent,
    #[serde(default)]
    boot_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct UnitContent {
    yielding: BTreeSet<IpAddr>,
    #[serde(default)]
    terminating: BTreeSet<String>,
    /// By address the interfaces; none for all.
    addresses: BTreeMap<IpAddr, Option<BTreeSet<String>>>,
    candidates: BTreeMap<String, u32>,
    #[serde(default)]
    health_checks: BTreeSet<u16>,
}

impl Content {
    fn of(me: &NodeName, state: &State) -> Self {
        let State {
            wanted,
            peerings,
            segments,
            boot_id,
        } = state;
        let Wanted {
            units,
            possible,
            // Known again by the time that a new Service can be.
            announceable: _,
            drain,
        } = wanted;
        Self {
            node: me.0.clone(),
            units: units
                .iter()
                .map(|(id, unit)| (id.0, UnitContent::of(unit)))
                .collect(),
            possible: possible.iter().map(|node| node.0.clone()).collect(),
            drain: *drain,
            peerings: PeeringsContent::of(peerings),
            segments: segments
                .iter()
                .map(|(iface, snapshot)| (iface.clone(), BASE64_STANDARD.encode(snapshot.encode())))
                .collect(),
            boot_id: boot_id.clone(),
        }
    }

    fn state(self) -> Result<State, StateError> {
        let wrong = |error: &dyn std::fmt::Display| StateError::Content(error.to_string());
        let mut shared = Shared::default();
        let units = self.units.into_iter();
        let units = units.map(|(ip, unit)| (UnitId(ip), unit.unit(&mut shared)));
        let mut segments = BTreeMap::new();
        for (iface, text) in self.segments {
            let octets = BASE64_STANDARD.decode(text).map_err(|error| wrong(&error))?;
            // That of another version is worth nothing, and the rest is.
            if let Ok(snapshot) = Snapshot::decode(&octets) {
                segments.insert(iface, snapshot);
            }
        }
        Ok(State {
            wanted: Wanted {
                units: units.collect(),
                possible: self.possible.into_iter().map(NodeName).collect(),
                announceable: Announceable::default(),
                drain: self.drain,
            },
            peerings: self
                .peerings
                .peerings()
                .ok_or_else(|| wrong(&"its peers and routes do not fit together"))?,
            segments,
            boot_id: self.boot_id,
        })
    }
}

impl State {
    /// Without the routes that were to be announced, if the machine was off since: what forwards for Services has to be put in place
    /// anew, and what there is to announce comes from the API server. Whether it was.
    pub fn after_boot(mut self, boot_id: Option<&str>) -> (Self, Boot) {
        let is_another = |known: &String| boot_id.is_some_and(|boot_id| boot_id != known);
        if !self.boot_id.as_ref().is_some_and(is_another) {
            return (self, Boot::Same);
        }
        for peering in self.peerings.peers.values_mut() {
            peering.table = Arc::default();
        }
        (self, Boot::Another)
    }
}

/// Whether the machine was off since something was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// It was not, as far as is known.
    Same,
    /// It was.
    Another,
}

impl UnitContent {
    fn of(unit: &Unit) -> Self {
        let names = |interfaces: &Interfaces| match interfaces {
            Interfaces::All => None,
            Interfaces::Named(names) => Some(names.clone()),
        };
        Self {
            yielding: unit.yielding.clone(),
            terminating: unit.terminating.iter().map(|node| node.0.clone()).collect(),
            health_checks: unit.health_checks.clone(),
            addresses: unit
                .addresses
                .iter()
                .map(|(ip, interfaces)| (ip, names(interfaces)))
                .collect(),
            candidates: unit
                .candidates
                .iter()
                .map(|(node, preference)| (node.0.clone(), *preference))
                .collect(),
        }
    }

    fn unit(self, shared: &mut Shared) -> Unit {
        let mut addresses = Places::default();
        for (ip, names) in self.addresses {
            let place = names.map_or(Interfaces::All, Interfaces::Named);
            addresses.allow(ip, &shared.place(&place));
        }
        let candidates = self
            .candidates
            .into_iter()
            .map(|(node, preference)| (NodeName(node), preference));
        Unit {
            yielding: self.yielding,
            addresses,
            candidates: shared.candidates(candidates.collect()),
            terminating: Arc::new(self.terminating.into_iter().map(NodeName).collect()),
            health_checks: self.health_checks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> NodeName {
        NodeName("n1".into())
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn state() -> State {
        let ip = |address: &str| address.parse().unwrap();
        let unit = Unit {
            addresses: [
                (ip("192.0.2.1"), Interfaces::All),
                (ip("2001:db8::1"), Interfaces::Named(["eth0".to_owned()].into())),
            ]
            .into(),
            yielding: [ip("2001:db8::1")].into(),
            candidates: Arc::new([(me(), 0), (NodeName("n2".into()), 7)].into()),
            terminating: Arc::new([NodeName("n2".into())].into()),
            health_checks: [30123].into(),
        };
        let id = UnitId(ip("192.0.2.1"));
        let segment = Snapshot {
            claims: [(id, (claim::Strength::Strong, 7))].into(),
            terms: [(id, 9)].into(),
            seen: [5].into(),
        };
        State {
            wanted: Wanted {
                units: [(UnitId(ip("192.0.2.1")), unit)].into(),
                possible: [me()].into(),
                announceable: Announceable::default(),
                drain: false,
            },
            peerings: peerings::tests::peerings(),
            segments: [("eth0".to_owned(), segment)].into(),
            boot_id: Some("7f3c".to_owned()),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert!(matches!(read(&path, &me(), at(0)), Ok(None)));
        write(&path, &me(), at(0), &state()).unwrap();
        let kept = read(&path, &me(), at(3600)).unwrap().unwrap();
        assert_eq!((kept.state, kept.contact), (state(), at(0)));
        assert!(kept.fault.is_none() && !path.with_extension("new").exists());
    }

    #[test]
    fn what_the_speakers_agreed_on_has_no_age_and_what_the_api_said_has_one() {
        let text = encode(&me(), at(0), &state());
        let day = LONGEST.as_secs();
        assert_eq!(decode(&text, &me(), at(day)).unwrap().state, state());
        let old = decode(&text, &me(), at(day + 1)).unwrap();
        assert!(matches!(old.fault, Some(StateError::Age(_))));
        assert_eq!(old.state.segments, state().segments);
        assert_eq!((old.state.wanted, old.state.peerings), Default::default());
    }

    /// A board without a clock is in 1970 until it has the network.
    #[test]
    fn a_clock_that_was_set_back_makes_nothing_old() {
        let text = encode(&me(), at(0), &state());
        assert_eq!(decode(&text, &me(), UNIX_EPOCH).unwrap().state, state());
    }

    #[test]
    fn after_another_boot_no_route_is_announced_from_disk_and_after_an_unknown_one_all_are() {
        let announced = |state: &State| {
            state
                .peerings
                .peers
                .values()
                .any(|peering| !peering.table.is_empty())
        };
        let (after, boot) = state().after_boot(Some("81aa"));
        assert_eq!(
            (announced(&after), boot, after.peerings.peers.len()),
            (false, Boot::Another, state().peerings.peers.len())
        );
        for known in [Some("7f3c"), None] {
            assert_eq!(state().after_boot(known), (state(), Boot::Same));
        }
        let older = State {
            boot_id: None,
            ..state()
        };
        assert_eq!(older.clone().after_boot(Some("81aa")), (older, Boot::Same));
    }

    #[test]
    fn every_truncation_and_every_change_is_recognised() {
        let text = encode(&me(), at(0), &state());
        for length in 0..text.len() {
            assert!(decode(&text[..length], &me(), at(0)).is_err(), "{length}");
        }
        let after_head = text.find('\n').unwrap() + 1;
        for place in after_head..text.len() {
            let mut octets = text.clone().into_bytes();
            octets[place] ^= 1;
            let changed = String::from_utf8(octets).unwrap();
            assert!(decode(&changed, &me(), at(0)).is_err(), "{place}");
        }
    }

    #[test]
    fn what_is_of_another_node_or_of_another_form_is_left_aside() {
        let text = encode(&me(), at(0), &state());
        assert!(
            matches!(decode(&text, &NodeName("n2".into()), at(0)), Err(StateError::Node(node)) if node == "n1")
        );
        let other = text.replacen("state/2", "state/1", 1);
        assert!(matches!(decode(&other, &me(), at(0)), Err(StateError::Form)));
        assert!(matches!(decode("", &me(), at(0)), Err(StateError::Form)));
    }
}
