//! What a speaker keeps on disk, so that it can go on while the API server is away.
//!
//! One file: a line that says what it is, when it was written and what the rest hashes to, then JSON. Writing is best effort
//! (F42); what cannot be read is left aside with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use announce::Interfaces;
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

const FORM: &str = "herald-speaker-state/1";

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
    /// It is too old, or from the future.
    #[error("it was written {0:?} ago or ahead")]
    Age(Duration),
    /// It hashes right and cannot be understood.
    #[error("its content cannot be understood: {0}")]
    Content(String),
}

/// Reads what node `me` kept at `path`; none if there is nothing.
///
/// # Errors
/// There is something that cannot be used.
pub fn read(path: &Path, me: &NodeName, now: SystemTime) -> Result<Option<State>, StateError> {
    let text = match std::fs::read(path) {
        Ok(octets) => String::from_utf8(octets).map_err(|_utf8| StateError::Form)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    decode(&text, me, now).map(Some)
}

/// Keeps `state` at `path`, in one piece or not at all.
///
/// # Errors
/// The disk is full, read-only, or gone.
pub fn write(path: &Path, me: &NodeName, now: SystemTime, state: &State) -> io::Result<()> {
    let beside: PathBuf = path.with_extension("new");
    std::fs::write(&beside, encode(me, now, state))?;
    std::fs::rename(beside, path)
}

fn encode(me: &NodeName, now: SystemTime, state: &State) -> String {
    let content = serde_json::to_string(&Content::of(me, state)).expect("plain maps and strings are JSON");
    let written = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{FORM} {written} {}\n{content}\n", hash(&content))
}

fn decode(text: &str, me: &NodeName, now: SystemTime) -> Result<State, StateError> {
    let (head, content) = text.split_once('\n').ok_or(StateError::Form)?;
    let words: Vec<&str> = head.split(' ').collect();
    let [FORM, written, hashed] = words.as_slice() else {
        return Err(StateError::Form);
    };
    let content = content.strip_suffix('\n').ok_or(StateError::Damaged)?;
    if *hashed != hash(content) {
        return Err(StateError::Damaged);
    }
    let written: u64 = written.parse().map_err(|_number| StateError::Form)?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = now.abs_diff(Duration::from_secs(written));
    if age > LONGEST {
        return Err(StateError::Age(age));
    }
    let content: Content =
        serde_json::from_str(content).map_err(|error| StateError::Content(error.to_string()))?;
    if content.node != me.0 {
        return Err(StateError::Node(content.node));
    }
    content.state()
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
}

#[derive(Serialize, Deserialize)]
struct UnitContent {
    yielding: BTreeSet<IpAddr>,
    /// By address the interfaces; none for all.
    addresses: BTreeMap<IpAddr, Option<BTreeSet<String>>>,
    candidates: BTreeMap<String, u32>,
}

impl Content {
    fn of(me: &NodeName, state: &State) -> Self {
        let State {
            wanted,
            peerings,
            segments,
        } = state;
        let Wanted {
            units,
            possible,
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
            let snapshot = Snapshot::decode(&octets).map_err(|error| wrong(&error))?;
            segments.insert(iface, snapshot);
        }
        Ok(State {
            wanted: Wanted {
                units: units.collect(),
                possible: self.possible.into_iter().map(NodeName).collect(),
                drain: self.drain,
            },
            peerings: self
                .peerings
                .peerings()
                .ok_or_else(|| wrong(&"its peers and routes do not fit together"))?,
            segments,
        })
    }
}

impl UnitContent {
    fn of(unit: &Unit) -> Self {
        let names = |interfaces: &Interfaces| match interfaces {
            Interfaces::All => None,
            Interfaces::Named(names) => Some(names.clone()),
        };
        Self {
            yielding: unit.yielding.clone(),
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
            candidates: std::sync::Arc::new([(me(), 0), (NodeName("n2".into()), 7)].into()),
        };
        let id = UnitId(ip("192.0.2.1"));
        let segment = Snapshot {
            claims: [(id, (claim::Strength::Strong, 7))].into(),
            terms: [(id, 9)].into(),
        };
        State {
            wanted: Wanted {
                units: [(UnitId(ip("192.0.2.1")), unit)].into(),
                possible: [me()].into(),
                drain: false,
            },
            peerings: peerings::tests::peerings(),
            segments: [("eth0".to_owned(), segment)].into(),
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert!(matches!(read(&path, &me(), at(0)), Ok(None)));
        write(&path, &me(), at(0), &state()).unwrap();
        assert_eq!(read(&path, &me(), at(3600)).unwrap(), Some(state()));
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
    fn what_is_old_of_another_node_or_of_another_form_is_left_aside() {
        let text = encode(&me(), at(0), &state());
        let day = LONGEST.as_secs();
        assert!(matches!(
            decode(&text, &me(), at(day + 1)),
            Err(StateError::Age(_))
        ));
        assert!(
            matches!(decode(&text, &NodeName("n2".into()), at(0)), Err(StateError::Node(node)) if node == "n1")
        );
        let other = text.replacen("state/1", "state/2", 1);
        assert!(matches!(decode(&other, &me(), at(0)), Err(StateError::Form)));
        assert!(matches!(decode("", &me(), at(0)), Err(StateError::Form)));
    }
}
