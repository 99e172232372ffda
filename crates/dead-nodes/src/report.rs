//! What speakers say of other nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use crds::condition::CUT_OFF;
use crds::{Speaker, SpeakerInterface};
use ipnet::IpNet;
use model::NodeName;

use crate::{MOST, REPORT_LIFETIME};

/// What is not heard of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unheard {
    /// Its speaker is silent.
    Missing,
    /// Its kernel does not answer either.
    Dead,
}

/// An interface of a node, and whom its speaker does not hear there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The interface's name.
    pub interface: Box<str>,
    /// The subnets that it is in: interfaces that share one are on one segment.
    pub subnets: BTreeSet<IpNet>,
    /// The node's own addresses there.
    pub addresses: BTreeSet<IpAddr>,
    /// The nodes that are not heard, as far as they are named.
    pub unheard: BTreeMap<NodeName, Unheard>,
    /// How many are not heard.
    pub unheard_count: usize,
}

/// What a speaker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The node that it runs on.
    pub node: NodeName,
    /// The segments that it is on.
    pub segments: Vec<Segment>,
    /// Whether the node was taken for dead by mistake, and has not been heard for long since.
    pub cut_off: bool,
}

impl Report {
    /// What `speaker` says. What cannot be read counts as not said.
    pub fn of(speaker: &Speaker) -> Self {
        let interfaces = speaker.status.iter().flat_map(|status| &status.interfaces);
        Self {
            node: NodeName(speaker.metadata.name.clone().unwrap_or_default()),
            segments: interfaces.map(segment).collect(),
            cut_off: is_cut_off(speaker),
        }
    }
}

fn is_cut_off(speaker: &Speaker) -> bool {
    let mut conditions = speaker.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.type_ == CUT_OFF && condition.status == "True")
}

fn segment(interface: &SpeakerInterface) -> Segment {
    let mut segment = Segment {
        interface: interface.name.as_str().into(),
        subnets: interface
            .subnets
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        addresses: interface
            .addresses
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        ..Segment::default()
    };
    for seen in &interface.speakers {
        let unheard = match seen.state.as_str() {
            "Missing" => Unheard::Missing,
            "Dead" => Unheard::Dead,
            _ => continue,
        };
        segment.unheard_count += usize::try_from(seen.count).unwrap_or_default();
        let names = seen.nodes.iter().map(|node| (NodeName(node.clone()), unheard));
        segment.unheard.extend(names);
    }
    segment
}

/// What all speakers say, and since when.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    reports: BTreeMap<NodeName, Known>,
    listed: bool,
}

#[derive(Debug)]
struct Known {
    report: Report,
    /// Since when something is unheard, by interface and node; not there if it was so when this process began to watch.
    since: BTreeMap<(Box<str>, NodeName), Instant>,
}

/// Who does not hear a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opinion {
    /// There is no word that it is gone.
    Heard,
    /// Somebody does not hear it.
    Doubted,
    /// A majority on every segment does not hear it.
    Agreed {
        /// Those that say so.
        witnesses: BTreeSet<NodeName>,
        /// How many nodes most of them do not hear.
        unheard: usize,
    },
}

/// Which words count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Words {
    /// Those that are news at this time.
    News(Instant),
    /// All.
    Any,
}

impl Reports {
    /// These are all the speakers there are.
    pub(crate) fn list(&mut self, now: Instant, reports: Vec<Report>) {
        let names: BTreeSet<_> = reports.iter().map(|report| report.node.clone()).collect();
        self.reports.retain(|name, _| names.contains(name));
        for report in reports {
            self.take(now, report);
        }
        self.listed = true;
    }

    /// A speaker says something else, or is new.
    pub(crate) fn take(&mut self, now: Instant, report: Report) {
        let former = self.reports.remove(&report.node);
        let mut since = BTreeMap::new();
        for segment in &report.segments {
            for (node, unheard) in &segment.unheard {
                let key = (segment.interface.clone(), node.clone());
                let begun = match former
                    .as_ref()
                    .filter(|former| former.said(&key) == Some(*unheard))
                {
                    Some(former) => former.since.get(&key).copied(),
                    None => self.listed.then_some(now),
                };
                since.extend(begun.map(|begun| (key, begun)));
            }
        }
        self.reports.insert(report.node.clone(), Known { report, since });
    }

    /// A node has no speaker any more.
    pub(crate) fn remove(&mut self, node: &NodeName) {
        self.reports.remove(node);
    }

    /// Whether the Speaker of `node` says that it is cut off; nothing if there is none.
    pub(crate) fn cut_off(&self, node: &NodeName) -> Option<bool> {
        self.reports.get(node).map(|known| known.report.cut_off)
    }

    /// The nodes whose Speakers say that they are cut off.
    pub(crate) fn all_cut_off(&self) -> impl Iterator<Item = &NodeName> {
        let cut_off = self.reports.iter().filter(|(_, known)| known.report.cut_off);
        cut_off.map(|(node, _)| node)
    }

    /// How many nodes have a speaker.
    pub(crate) fn len(&self) -> usize {
        self.reports.len()
    }

    /// Every node that somebody does not hear.
    pub(crate) fn unheard(&self) -> BTreeSet<NodeName> {
        let segments = self.reports.values().flat_map(|known| &known.report.segments);
        segments
            .flat_map(|segment| segment.unheard.keys().cloned())
            .collect()
    }

    /// Where the kernel of `node` can be asked.
    pub(crate) fn addresses(&self, node: &NodeName) -> BTreeSet<IpAddr> {
        let segments = self
            .reports
            .get(node)
            .into_iter()
            .flat_map(|known| &known.report.segments);
        segments
            .flat_map(|segment| segment.addresses.iter().copied())
            .collect()
    }

    /// Who does not hear `node`, by those `words` that count.
    pub(crate) fn opinion(&self, node: &NodeName, words: Words) -> Opinion {
        let Some(own) = self.reports.get(node) else {
            return Opinion::Heard;
        };
        let votes = own
            .report
            .segments
            .iter()
            .map(|segment| self.votes(node, segment, words));
        let votes: Vec<_> = votes.filter(|votes| votes.voters > 0).collect();
        let against = votes.iter().flat_map(|votes| &votes.against);
        let witnesses: BTreeSet<_> = against.clone().map(|vote| vote.witness.clone()).collect();
        if witnesses.is_empty() {
            return Opinion::Heard;
        }
        let dead = against.clone().any(|vote| vote.unheard == Unheard::Dead);
        let agreed = witnesses.len() > 1 && dead && votes.iter().all(Votes::agree);
        if !agreed {
            return Opinion::Doubted;
        }
        let mut counts: Vec<_> = against.map(|vote| vote.count).collect();
        counts.sort_unstable();
        let unheard = counts.get(counts.len() / 2).copied().unwrap_or_default();
        Opinion::Agreed { witnesses, unheard }
    }

    /// What those say of `node` that are on the segment of its interface `own`.
    fn votes(&self, node: &NodeName, own: &Segment, words: Words) -> Votes {
        let mut votes = Votes::default();
        for (witness, known) in self.reports.iter().filter(|(name, _)| *name != node) {
            let mut shared = known
                .report
                .segments
                .iter()
                .filter(|segment| !segment.subnets.is_disjoint(&own.subnets));
            let Some(segment) = shared.next() else {
                continue;
            };
            votes.voters += 1;
            if let Some(unheard) = known.counts(segment, node, words) {
                votes.against.push(Vote {
                    witness: witness.clone(),
                    unheard,
                    count: segment.unheard_count,
                });
            }
        }
        votes
    }
}

impl Known {
    fn said(&self, (interface, node): &(Box<str>, NodeName)) -> Option<Unheard> {
        let mut segments = self.report.segments.iter();
        let segment = segments.find(|segment| segment.interface == *interface)?;
        segment.unheard.get(node).copied()
    }

    /// What is said of `node` on `segment`, if it counts.
    fn counts(&self, segment: &Segment, node: &NodeName, words: Words) -> Option<Unheard> {
        let unheard = segment.unheard.get(node)?;
        let counts = match words {
            Words::Any => true,
            Words::News(now) => {
                let since = self.since.get(&(segment.interface.clone(), node.clone()));
                since.is_some_and(|since| now < *since + REPORT_LIFETIME)
            }
        };
        counts.then_some(*unheard)
    }
}

#[derive(Debug, Default)]
struct Votes {
    voters: usize,
    against: Vec<Vote>,
}

#[derive(Debug)]
struct Vote {
    witness: NodeName,
    unheard: Unheard,
    count: usize,
}

impl Votes {
    /// A majority, the node itself counted among those that would say otherwise.
    fn agree(&self) -> bool {
        self.against.len() * 2 > self.voters + 1
    }
}

/// How many nodes may be dead at once among `speakers`.
pub(crate) fn most_at_once(speakers: usize) -> usize {
    match speakers {
        0..3 => 0,
        _ => (speakers / 3).min(MOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speaker_tells_its_segments_and_whom_it_does_not_hear() {
        let speaker = serde_json::json!({
            "apiVersion": "heraldlb.io/v1beta1", "kind": "Speaker", "metadata": {"name": "n1"}, "spec": {},
            "status": {
                "interfaces": [{
                    "name": "eth0", "subnets": ["192.0.2.0/24", "odd"], "addresses": ["192.0.2.1"],
                    "speakers": [
                        {"state": "Ready", "count": 7, "nodes": ["n2"]},
                        {"state": "Missing", "count": 1, "nodes": ["n3"]},
                        {"state": "Dead", "count": 5, "nodes": ["n4", "n5", "n6"]},
                    ],
                }],
                "conditions": [{
                    "type": "CutOff", "status": "True", "reason": "KubeletAnswered", "message": "",
                    "lastTransitionTime": "2026-12-01T07:00:00Z",
                }],
            },
        });
        let report = Report::of(&serde_json::from_value(speaker).unwrap());
        let named = |names: &[(&str, Unheard)]| -> BTreeMap<_, _> {
            names
                .iter()
                .map(|(name, unheard)| (NodeName((*name).into()), *unheard))
                .collect()
        };
        let segment = Segment {
            interface: "eth0".into(),
            subnets: ["192.0.2.0/24".parse().unwrap()].into(),
            addresses: ["192.0.2.1".parse().unwrap()].into(),
            unheard: named(&[
                ("n3", Unheard::Missing),
                ("n4", Unheard::Dead),
                ("n5", Unheard::Dead),
                ("n6", Unheard::Dead),
            ]),
            unheard_count: 6,
        };
        let expected = Report {
            node: NodeName("n1".into()),
            segments: vec![segment],
            cut_off: true,
        };
        assert_eq!(report, expected);
    }

    #[test]
    fn a_third_of_the_nodes_may_be_dead_at_once_and_no_more_than_are_named() {
        let most = [0, 1, 2, 3, 5, 6, 9, 12, 400].map(most_at_once);
        assert_eq!(most, [0, 0, 0, 1, 1, 2, 3, 3, 3]);
    }
}
