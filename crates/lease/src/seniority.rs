//! Of elections that must not lead beside each other the oldest one counts.
//!
//! Replicas of one release elect a leader on one Lease. Two releases have two Leases, and would both lead. Each Lease says what its leader does
//! that nobody else may do beside it; of two that say the same word, the one whose Lease was made first goes on, and the other waits until the
//! first has not been renewed for [`LASTS`]. A Lease that is given back counts until then too: another replica is about to take it. Only time
//! in which Leases were heard of counts: an API server that is away lets none of them age.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use api::watch::Change;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The label of all Leases that say what their leaders do alone.
pub const LABEL: &str = "heraldlb.io/election";

/// The annotation with what a leader does alone: words with commas between them.
pub const ALONE: &str = "heraldlb.io/serves";

/// A Lease, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Whether an election may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seniority {
    /// The Leases are not known yet.
    Unknown,
    /// No older one says a word of this one's.
    Oldest,
    /// An older one does.
    Younger {
        /// The older one.
        than: LeaseName,
        /// The word that both say.
        word: String,
    },
}

/// What is known of all elections.
#[derive(Debug)]
pub struct Elections {
    own: LeaseName,
    words: BTreeSet<String>,
    known: Option<BTreeMap<LeaseName, Known>>,
    /// For how long Leases were heard of, and when last.
    heard: Duration,
    last: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    created: Option<Time>,
    words: BTreeSet<String>,
    version: Option<String>,
    /// When it was seen to be renewed, by [`Elections::heard`].
    renewed: Duration,
}

impl Elections {
    /// Those beside `own`, whose leader does `words` alone.
    pub fn new(own: LeaseName, words: BTreeSet<String>) -> Self {
        Self {
            own,
            words,
            known: None,
            heard: Duration::ZERO,
            last: None,
        }
    }

    /// Takes in what a watch of all Leases with [`LABEL`] says.
    pub fn handle_change(&mut self, now: Instant, change: Change<Lease>) {
        let passed = self
            .last
            .replace(now)
            .map(|last| now.saturating_duration_since(last));
        self.heard += passed.unwrap_or_default().min(LONGEST_GAP);
        let now = self.heard;
        match change {
            Change::Listed(leases) => {
                let before = self.known.take().unwrap_or_default();
                let known = leases.iter().map(|lease| {
                    let (name, lease) = read(now, lease);
                    let known = renewed_since(before.get(&name), lease);
                    (name, known)
                });
                self.known = Some(known.collect());
            }
            Change::Applied(lease) => {
                let (name, lease) = read(now, &lease);
                let known = self.known.get_or_insert_default();
                let lease = renewed_since(known.get(&name), lease);
                known.insert(name, lease);
            }
            Change::Deleted(lease) => {
                let (name, _) = read(now, &lease);
                self.known.get_or_insert_default().remove(&name);
            }
        }
    }

    /// Whether this election may lead. Our own Lease is renewed every few seconds while anybody here could: each time this may be another.
    pub fn seniority(&self) -> Seniority {
        let Some(known) = &self.known else {
            return Seniority::Unknown;
        };
        // A Lease that is not there yet will be younger than all.
        let own = known.get(&self.own).and_then(|own| own.created.clone());
        let own = (own.is_none(), own, &self.own);
        let older = known.iter().filter(|(name, lease)| {
            let age = (lease.created.is_none(), lease.created.clone(), *name);
            **name != self.own && self.heard < lease.renewed + LASTS && age < own
        });
        let mut rivals =
            older.filter_map(|(name, lease)| Some((name, lease.words.intersection(&self.words).next()?)));
        match rivals.next() {
            Some((name, word)) => Seniority::Younger {
                than: name.clone(),
                word: word.clone(),
            },
            None => Seniority::Oldest,
        }
    }
}

/// It was renewed now, unless it is as it was `before`.
fn renewed_since(before: Option<&Known>, lease: Known) -> Known {
    match before.filter(|before| before.version == lease.version) {
        Some(before) => Known {
            renewed: before.renewed,
            ..lease
        },
        None => lease,
    }
}

fn read(now: Duration, lease: &Lease) -> (LeaseName, Known) {
    let metadata = &lease.metadata;
    let words = metadata.annotations.as_ref().and_then(|all| all.get(ALONE));
    let name = LeaseName {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    };
    let known = Known {
        created: metadata.creation_timestamp.clone(),
        words: words
            .into_iter()
            .flat_map(|words| words.split(','))
            .map(str::to_owned)
            .collect(),
        version: metadata.resource_version.clone(),
        renewed: now,
    };
    (name, known)
}

/// So long a Lease counts that is not renewed. What it says itself is not believed: one that is given back says a second.
pub const LASTS: Duration = Duration::from_secs(30);

/// Leases are renewed every three seconds or so: what is longer between two words of the watch was no time in which one was heard of.
const LONGEST_GAP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name(namespace: &str) -> LeaseName {
        LeaseName {
            namespace: namespace.into(),
            name: "herald-controller".into(),
        }
    }

    fn lease(namespace: &str, second: u8, version: u8, words: &str) -> Lease {
        serde_json::from_value(json!({
            "metadata": {
                "namespace": namespace, "name": "herald-controller", "resourceVersion": version.to_string(),
                "creationTimestamp": format!("2026-12-01T07:00:{second:02}Z"), "annotations": {ALONE: words},
            },
        }))
        .unwrap()
    }

    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn elections(namespace: &str, words: &[&str]) -> Elections {
        Elections::new(
            name(namespace),
            words.iter().map(|word| (*word).to_owned()).collect(),
        )
    }

    #[test]
    fn nobody_leads_before_the_leases_are_known() {
        let (mut elections, now) = (elections("a", &["x"]), start());
        assert_eq!(elections.seniority(), Seniority::Unknown);
        elections.handle_change(now, Change::Listed(vec![]));
        assert_eq!(elections.seniority(), Seniority::Oldest);
    }

    #[test]
    fn of_two_that_say_one_word_the_older_leads() {
        let now = start();
        let leases = || {
            vec![
                lease("a", 1, 1, "x,y"),
                lease("b", 2, 2, "y"),
                lease("c", 3, 3, "z"),
            ]
        };
        let of = |namespace, words: &[&str]| {
            let mut elections = elections(namespace, words);
            elections.handle_change(now, Change::Listed(leases()));
            elections.seniority()
        };
        assert_eq!(of("a", &["x", "y"]), Seniority::Oldest);
        let younger = Seniority::Younger {
            than: name("a"),
            word: "y".into(),
        };
        assert_eq!(of("b", &["y"]), younger);
        assert_eq!(of("c", &["z"]), Seniority::Oldest);
        // One that has no Lease yet is the youngest.
        assert!(matches!(of("d", &["z"]), Seniority::Younger { .. }));
    }

    #[test]
    fn of_two_of_one_second_the_first_by_name_leads() {
        let now = start();
        let mut elections = elections("b", &["x"]);
        elections.handle_change(
            now,
            Change::Listed(vec![lease("a", 1, 1, "x"), lease("b", 1, 2, "x")]),
        );
        assert!(matches!(elections.seniority(), Seniority::Younger { .. }));
    }

    /// Our own Lease is renewed every three seconds from `from` on, for so many.
    fn renew(elections: &mut Elections, from: Instant, seconds: u64) -> Instant {
        let mut now = from;
        for _ in 0..seconds / 3 {
            now += Duration::from_secs(3);
            elections.handle_change(now, Change::Applied(lease("b", 2, 2, "x")));
        }
        now
    }

    #[test]
    fn one_that_is_renewed_no_more_counts_no_more() {
        let now = start();
        let mut elections = elections("b", &["x"]);
        let both = |version| vec![lease("a", 1, version, "x"), lease("b", 2, 2, "x")];
        elections.handle_change(now, Change::Listed(both(1)));
        let now = renew(&mut elections, now, 15);
        elections.handle_change(now, Change::Applied(lease("a", 1, 3, "x")));
        let now = renew(&mut elections, now, 27);
        assert!(matches!(elections.seniority(), Seniority::Younger { .. }));
        // A watch that begins anew is no sign of life.
        elections.handle_change(now, Change::Listed(both(3)));
        renew(&mut elections, now, 3);
        assert_eq!(elections.seniority(), Seniority::Oldest);
    }

    #[test]
    fn an_api_server_that_is_away_lets_no_lease_age() {
        let now = start();
        let mut elections = elections("b", &["x"]);
        elections.handle_change(now, Change::Listed(vec![lease("a", 1, 1, "x")]));
        renew(&mut elections, now + Duration::from_secs(600), 3);
        assert!(matches!(elections.seniority(), Seniority::Younger { .. }));
    }

    #[test]
    fn one_that_is_deleted_counts_no_more() {
        let now = start();
        let mut elections = elections("b", &["x"]);
        elections.handle_change(now, Change::Listed(vec![lease("a", 1, 1, "x")]));
        elections.handle_change(now, Change::Deleted(lease("a", 1, 1, "x")));
        assert_eq!(elections.seniority(), Seniority::Oldest);
    }
}
