//! What the custom resources are to say of themselves, against what they say: a machine without I/O and clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use config::{Fault, Kind, ObjectName, Verdict};
use crds::Condition;
use jiff::Timestamp;
use kube::Resource;
use kube::core::ObjectMeta;
use model::{PoolName, ReservationName};
use serde_json::Value;

use crate::reconciler::Publication;

mod desired;

use desired::{conditions, differing, finalizers, going, pool_status, terminate};

/// On an IPPool: Services hold addresses of it, so a deletion waits until they do not (DESIGN §7). On a BFDProfile: BGPPeers name
/// it, likewise (P-CFG-29).
pub const IN_USE: &str = "heraldlb.io/in-use";

/// How long to wait after the first write that failed; doubled each time.
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait.
const LONGEST_RETRY: Duration = Duration::from_secs(32);

/// One write about a custom resource.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusUpdate {
    /// The object.
    pub object: ObjectName,
    /// What is written.
    pub content: Content,
    /// What is wrong with the object.
    pub fault: Option<Fault>,
}

impl StatusUpdate {
    /// Whether the object does not fit its schema, so that the API server may refuse every write to it.
    pub fn is_malformed(&self) -> bool {
        matches!(self.fault, Some(Fault::Malformed { .. }))
    }
}

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
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
pub enum Outcome {
    /// This is the version of the object now.
    Written(Option<String>),
    /// The API server does not take it, now or later.
    Refused,
    /// There is no such object any more.
    Missing,
    /// It may succeed when it is tried again.
    Failed,
}

/// The machine. Feed it [`Publication`]s, drain [`Self::poll_update`], and say how each write ended before the next.
#[derive(Debug, Default)]
pub struct StatusUpdates {
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

impl StatusUpdates {
    /// Takes in what is true now.
    pub fn handle_publication(&mut self, publication: Publication) {
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

    /// Takes in how the write of a update ended.
    pub fn handle_outcome(&mut self, now: Instant, update: StatusUpdate, outcome: Outcome) {
        let StatusUpdate { object, content, .. } = update;
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
    pub fn poll_update(&mut self, now: Instant, wall: Timestamp) -> Option<StatusUpdate> {
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            self.due.append(&mut self.failed);
        }
        while let Some(object) = self.due.pop_first() {
            let update = self.update(&object, wall);
            if update.is_some() {
                return update;
            }
        }
        if self.failed.is_empty() {
            self.failures = 0;
        }
        None
    }

    /// When to call [`Self::poll_update`] again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    fn update(&self, object: &ObjectName, wall: Timestamp) -> Option<StatusUpdate> {
        let verdict = self.publication.verdicts.get(object)?;
        if self.refused.contains_key(object) {
            return None;
        }
        let written = self.written.get(object).map(|(content, _)| content);
        let content = match object.kind {
            Kind::IPPool => self.about_pool(object, verdict, wall, written),
            Kind::BFDProfile => self.about_profile(object, verdict, wall, written),
            Kind::BGPAdvertisement
            | Kind::BGPPeer
            | Kind::Community
            | Kind::L2Advertisement
            | Kind::IPReservation => self.about(object, verdict, wall),
        };
        let content = content.filter(|content| Some(content) != written)?;
        Some(StatusUpdate {
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
        let finalizers = finalizers(object.meta(), usage.in_use()).filter(|_| written.is_none());
        finalizers.or_else(|| pool_status(object, verdict, &usage, wall).map(Content::Status))
    }

    fn about_profile(
        &self,
        name: &ObjectName,
        verdict: &Verdict,
        wall: Timestamp,
        written: Option<&Content>,
    ) -> Option<Content> {
        let metadata = self.publication.metadata(name)?;
        let users = self.publication.profile_users.get(&name.name);
        let finalizers = finalizers(metadata, users.is_some()).filter(|_| written.is_none());
        finalizers.or_else(|| {
            let shown = self.publication.conditions(name)?;
            let mut wanted = conditions(verdict, &shown, wall);
            if metadata.deletion_timestamp.is_some() {
                terminate(&mut wanted, &going(users));
            }
            differing(wanted, &shown)
        })
    }

    /// An object that says nothing but its conditions.
    fn about(&self, name: &ObjectName, verdict: &Verdict, wall: Timestamp) -> Option<Content> {
        let shown = self.publication.conditions(name)?;
        differing(conditions(verdict, &shown, wall), &shown)
    }
}

impl Publication {
    /// The newest version of an object that was seen.
    fn version(&self, object: &ObjectName) -> Option<u64> {
        self.metadata(object)?.resource_version.as_ref()?.parse().ok()
    }

    fn metadata(&self, object: &ObjectName) -> Option<&ObjectMeta> {
        let name = &object.name;
        match object.kind {
            Kind::BFDProfile => self.bfd_profiles.get(name).map(Resource::meta),
            Kind::BGPAdvertisement => self.bgp_advertisements.get(name).map(Resource::meta),
            Kind::BGPPeer => self.bgp_peers.get(name).map(Resource::meta),
            Kind::Community => self.communities.get(name).map(Resource::meta),
            Kind::IPPool => self.pools.get(name).map(Resource::meta),
            Kind::L2Advertisement => self.l2_advertisements.get(name).map(Resource::meta),
            Kind::IPReservation => self
                .reservations
                .get(&reservation_name(object))
                .map(Resource::meta),
        }
    }

    /// The conditions that an object shows.
    fn conditions(&self, object: &ObjectName) -> Option<Vec<Condition>> {
        let name = &object.name;
        Some(match object.kind {
            Kind::BFDProfile => self.bfd_profiles.get(name)?.status().conditions,
            Kind::BGPAdvertisement => self.bgp_advertisements.get(name)?.status().conditions,
            Kind::BGPPeer => self.bgp_peers.get(name)?.status().conditions,
            Kind::Community => self.communities.get(name)?.status().conditions,
            Kind::IPPool => self.pools.get(name)?.status().conditions,
            Kind::L2Advertisement => self.l2_advertisements.get(name)?.status().conditions,
            Kind::IPReservation => {
                self.reservations
                    .get(&reservation_name(object))?
                    .status()
                    .conditions
            }
        })
    }
}

fn reservation_name(object: &ObjectName) -> ReservationName {
    ReservationName::new(object.namespace.clone().unwrap_or_default(), object.name.clone())
}
