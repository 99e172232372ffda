//! What the custom resources are to say of themselves, against what they say: a machine without I/O and clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use config::{Fault, Kind, ObjectName, Verdict};
use crds::condition::ACCEPTED;
use crds::{Condition, IPPool, IPPoolStatus, IPReservationStatus, L2AdvertisementStatus, Stored};
use ipam::Usage;
use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use model::{PoolName, ReservationName};
use process::condition::Statement;
use serde_json::{Value, json};

use crate::metrics::saturate;
use crate::reconciler::Publication;

/// On an IPPool: Services hold addresses of it, so a deletion waits until they do not (DESIGN §7).
pub(crate) const IN_USE: &str = "heraldlb.io/in-use";

/// How long to wait after the first write that failed; doubled each time.
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait.
const LONGEST_RETRY: Duration = Duration::from_secs(32);

/// One write about a custom resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) object: ObjectName,
    pub(crate) content: Content,
    /// What is wrong with the object.
    pub(crate) fault: Option<Fault>,
}

impl Notice {
    /// Whether the object does not fit its schema, so that the API server may refuse every write to it.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self.fault, Some(Fault::Malformed { .. }))
    }
}

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// The status.
    Status(Value),
    /// The finalizers, in place of those of a version.
    Finalizers {
        /// All of them.
        list: Vec<String>,
        /// The version.
        version: String,
    },
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// This is the version of the object now.
    Written(Option<String>),
    /// The API server does not take it, now or later.
    Refused,
    /// There is no such object any more.
    Missing,
    /// It may succeed when it is tried again.
    Failed,
}

/// The machine. Feed it [`Publication`]s, drain [`Self::poll_notice`], and say how each write ended before the next.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    publication: Publication,
    /// Objects to look at.
    due: BTreeSet<ObjectName>,
    /// Objects whose write failed, and when they are looked at again.
    failed: BTreeSet<ObjectName>,
    retry_at: Option<Instant>,
    /// Rounds in which a write failed since the last in which all succeeded.
    failures: u32,
    /// What was written, and which version that made, until a watch has shown that version or a later one.
    written: BTreeMap<ObjectName, (Content, u64)>,
    /// Statuses that the API server does not take, by what was to be said: only when that changes is there any use in
    /// trying again.
    refused: BTreeMap<ObjectName, Verdict>,
}

impl Notices {
    /// Takes in what is true now.
    pub(crate) fn handle_publication(&mut self, publication: Publication) {
        self.publication = publication;
        let present = &self.publication.verdicts;
        self.due = present.keys().cloned().collect();
        self.refused
            .retain(|name, verdict| present.get(name) == Some(verdict));
        self.failed.retain(|name| present.contains_key(name));
        let publication = &self.publication;
        self.written
            .retain(|name, (_, version)| publication.version(name).is_some_and(|seen| seen < *version));
    }

    /// Takes in how the write of a notice ended.
    pub(crate) fn handle_outcome(&mut self, now: Instant, notice: Notice, outcome: Outcome) {
        let Notice { object, content, .. } = notice;
        match outcome {
            Outcome::Written(version) => {
                let version = version
                    .and_then(|version| version.parse().ok())
                    .unwrap_or_default();
                self.written.insert(object.clone(), (content, version));
                self.due.insert(object);
            }
            Outcome::Refused => {
                if let Some(verdict) = self.publication.verdicts.get(&object) {
                    self.refused.insert(object, verdict.clone());
                }
            }
            // A watch will say so.
            Outcome::Missing => {}
            Outcome::Failed => {
                self.failed.insert(object);
                self.retry_at.get_or_insert_with(|| {
                    let pause = RETRY * 2u32.pow(self.failures.min(5));
                    self.failures += 1;
                    now + pause.min(LONGEST_RETRY)
                });
            }
        }
    }

    /// The next write; `wall` is the time for conditions.
    pub(crate) fn poll_notice(&mut self, now: Instant, wall: Timestamp) -> Option<Notice> {
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            self.due.append(&mut self.failed);
        }
        while let Some(object) = self.due.pop_first() {
            let notice = self.notice(&object, wall);
            if notice.is_some() {
                return notice;
            }
        }
        if self.failed.is_empty() {
            self.failures = 0;
        }
        None
    }

    /// When to call [`Self::poll_notice`] again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    fn notice(&self, object: &ObjectName, wall: Timestamp) -> Option<Notice> {
        let verdict = self.publication.verdicts.get(object)?;
        if self.refused.contains_key(object) {
            return None;
        }
        let written = self.written.get(object).map(|(content, _)| content);
        let content = match object.kind {
            Kind::IPPool => self.about_pool(object, verdict, wall, written),
            Kind::L2Advertisement => self.about_l2_advertisement(object, verdict, wall),
            Kind::IPReservation => self.about_reservation(object, verdict, wall),
        };
        let content = content.filter(|content| Some(content) != written)?;
        Some(Notice {
            object: object.clone(),
            content,
            fault: verdict.fault.clone(),
        })
    }

    fn about_pool(
        &self,
        name: &ObjectName,
        verdict: &Verdict,
        wall: Timestamp,
        written: Option<&Content>,
    ) -> Option<Content> {
        let object = self.publication.pools.get(&name.name)?;
        let usage = self.publication.usage.get(&PoolName(name.name.clone()));
        let usage = usage.copied().unwrap_or_default();
        // A finalizer that was written and not seen yet is followed by the status.
        let finalizers = finalizers(object, usage.in_use()).filter(|_| written.is_none());
        finalizers.or_else(|| pool_status(object, verdict, &usage, wall).map(Content::Status))
    }

    fn about_l2_advertisement(
        &self,
        name: &ObjectName,
        verdict: &Verdict,
        wall: Timestamp,
    ) -> Option<Content> {
        let object = self.publication.l2_advertisements.get(&name.name)?;
        let shown = object.status();
        let wanted = L2AdvertisementStatus {
            conditions: vec![condition(verdict, &shown.conditions, wall)],
        };
        (wanted != shown).then(|| Content::Status(json!(wanted)))
    }

    fn about_reservation(&self, name: &ObjectName, verdict: &Verdict, wall: Timestamp) -> Option<Content> {
        let shown = self
            .publication
            .reservations
            .get(&reservation_name(name))?
            .status();
        let wanted = IPReservationStatus {
            conditions: vec![condition(verdict, &shown.conditions, wall)],
        };
        (wanted != shown).then(|| Content::Status(json!(wanted)))
    }
}

impl Publication {
    /// The newest version of an object that was seen.
    fn version(&self, object: &ObjectName) -> Option<u64> {
        let version = match object.kind {
            Kind::IPPool => self.pools.get(&object.name)?.resource_version(),
            Kind::L2Advertisement => self.l2_advertisements.get(&object.name)?.resource_version(),
            Kind::IPReservation => self
                .reservations
                .get(&reservation_name(object))?
                .resource_version(),
        };
        version?.parse().ok()
    }
}

fn reservation_name(object: &ObjectName) -> ReservationName {
    ReservationName::new(object.namespace.clone().unwrap_or_default(), object.name.clone())
}

/// The finalizers that a pool is to have, when it has others: it gains ours when a Service first holds an address of it,
/// and loses it when its deletion waits for nothing else.
fn finalizers(object: &Stored<IPPool>, in_use: bool) -> Option<Content> {
    let mut list = object.finalizers().to_vec();
    let ours = list.iter().any(|finalizer| finalizer == IN_USE);
    match (in_use, ours, object.meta().deletion_timestamp.is_some()) {
        (true, false, false) => list.push(IN_USE.to_owned()),
        (false, true, true) => list.retain(|finalizer| finalizer != IN_USE),
        (true, true, _) | (true, false, true) | (false, false, _) | (false, true, false) => return None,
    }
    let version = object.resource_version()?;
    Some(Content::Finalizers { list, version })
}

/// The status that a pool is to have; none when it has it already.
fn pool_status(object: &Stored<IPPool>, verdict: &Verdict, usage: &Usage, wall: Timestamp) -> Option<Value> {
    let shown = object.status();
    let Usage {
        assigned,
        available,
        reserved,
        outside,
    } = usage;
    let mut accepted = condition(verdict, &shown.conditions, wall);
    if object.meta().deletion_timestamp.is_some() {
        let held = assigned.v4 + assigned.v6 + outside.v4 + outside.v6;
        accepted.reason = "Terminating".to_owned();
        accepted.message = format!(
            "is being deleted and gives out nothing more; it goes when Services hold none of its addresses ({held} now)"
        );
    }
    let wanted = IPPoolStatus {
        assigned_ipv4: saturate(assigned.v4),
        assigned_ipv6: saturate(assigned.v6),
        available_ipv4: saturate(available.v4),
        available_ipv6: saturate(available.v6),
        reserved_ipv4: saturate(reserved.v4),
        reserved_ipv6: saturate(reserved.v6),
        outside_ipv4: saturate(outside.v4),
        outside_ipv6: saturate(outside.v6),
        conditions: vec![accepted],
    };
    (wanted != shown).then(|| json!(wanted))
}

fn condition(verdict: &Verdict, shown: &[Condition], wall: Timestamp) -> Condition {
    let (holds, reason, message) = match &verdict.fault {
        None => (true, "Accepted", "in force".to_owned()),
        Some(fault) if verdict.previous_in_force => (
            false,
            fault.reason(),
            format!("{fault}; the form it had before stays in force"),
        ),
        Some(fault) => (false, fault.reason(), format!("{fault}; not in force")),
    };
    let statement = Statement {
        kind: ACCEPTED,
        holds,
        reason,
        message: &message,
    };
    statement.condition(shown, Some(verdict.generation), wall)
}
