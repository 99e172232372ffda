//! What the custom resources are to say of themselves, against what they say: a machine without I/O and clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use config::{Fault, Kind, ObjectName, Verdict};
use crds::{BGPPeer, Condition, IPPool};
use jiff::Timestamp;
use kube::core::ObjectMeta;
use model::{PeerName, PoolName};
use serde_json::{Value, json};

use crate::contest::Contest;
use crate::event::{Event, EventType};
use crate::reconciler::Publication;
use crate::request::{Answer, Object, Part, Patch, Request, Target};

mod desired;

use desired::{conditions, differing, finalizers, going, peer_status, pool_status, terminate};

/// On an IPPool: Services show addresses of it, so a deletion waits until they do not (DESIGN §7). On a BFDProfile: BGPPeers name
/// it, likewise (P-CFG-29). It goes as soon as the object is not used any more.
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
    /// What is to be asked of the API server.
    pub fn request(&self) -> Request {
        let target = Target::Custom(self.object.clone());
        let (part, patch) = match &self.content {
            Content::Finalizers { list, version } => {
                let metadata = json!({"finalizers": list, "resourceVersion": version});
                (Part::Object, Patch::Merge(json!({"metadata": metadata})))
            }
            Content::Status(status) => {
                let object = target.object(None, &[("status", status.clone())]);
                // Server-side apply needs an object that fits its schema, a merge does not.
                let patch = match self.is_malformed() {
                    true => Patch::Merge(object),
                    false => Patch::Apply(object),
                };
                (Part::Status, patch)
            }
        };
        Request::Patch { target, part, patch }
    }

    /// What users are told of an object that takes no status.
    fn event(&self) -> Event {
        Event {
            about: Target::Custom(self.object.clone()),
            uid: None,
            type_: EventType::Warning,
            reason: "Malformed",
            action: "ReadConfiguration",
            note: self.fault.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The API server has looked at the write and does not take it: 422 from its validation, 500 from server-side apply where the object
    /// that is there does not fit its schema.
    fn outcome(&self, answer: Answer) -> Outcome {
        match answer {
            Answer::Object(object) => Outcome::Written(match *object {
                Object::Metadata(metadata) => metadata.resource_version,
                Object::Reservation(object) => object.metadata.resource_version,
                Object::Service(object) => object.metadata.resource_version,
            }),
            Answer::Refused {
                code: 400 | 422 | 500,
                ..
            } if self.is_malformed() => Outcome::Refused,
            Answer::Absent => Outcome::Missing,
            Answer::Refused { .. } | Answer::Unanswered | Answer::NotSent | Answer::Page { .. } => {
                Outcome::Failed
            }
        }
    }

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
enum Outcome {
    /// This is the version of the object now.
    Written(Option<String>),
    /// The API server does not take it, now or later.
    Refused,
    /// There is no such object any more.
    Missing,
    /// It may succeed when it is tried again.
    Failed,
}

/// The machine. Feed it [`Publication`]s, drain [`StatusUpdates::poll_update`], and say what each write was answered before the next.
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
    /// What was written last, and by whom it was written over since.
    last: BTreeMap<ObjectName, Last>,
    /// Those that are to be written again and have to wait.
    resting: BTreeSet<ObjectName>,
}

#[derive(Debug, Default)]
struct Last {
    content: Value,
    contest: Contest,
}

impl StatusUpdates {
    /// Takes in what is true now.
    pub fn handle_publication(&mut self, publication: Publication) {
        self.publication = publication;
        let present = &self.publication.verdicts;
        // One whose write failed keeps its pause.
        let rests = |name: &&ObjectName| !self.failed.contains(*name);
        self.due = present.keys().filter(rests).cloned().collect();
        self.refused
            .retain(|name, verdict| present.get(name) == Some(verdict));
        self.failed.retain(|name| present.contains_key(name));
        self.last.retain(|name, _| present.contains_key(name));
        let publication = &self.publication;
        self.written
            .retain(|name, (_, version)| publication.version(name).is_some_and(|seen| seen < *version));
    }

    /// Takes in what the API server answered to an update; what users are to be told of that.
    pub fn handle_answer(&mut self, now: Instant, update: StatusUpdate, answer: Answer) -> Option<Event> {
        let outcome = update.outcome(answer);
        let event = (outcome == Outcome::Refused).then(|| update.event());
        self.handle_outcome(now, update, outcome);
        event
    }

    fn handle_outcome(&mut self, now: Instant, update: StatusUpdate, outcome: Outcome) {
        let StatusUpdate { object, content, .. } = update;
        match outcome {
            Outcome::Written(version) => {
                let version = version
                    .and_then(|version| version.parse().ok())
                    .unwrap_or_default();
                let last = self.last.entry(object.clone()).or_default();
                let timeless = timeless(&content);
                if last.content == timeless {
                    last.contest.handle_overwrite(now, None);
                }
                last.content = timeless;
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
        self.wake_rested(now);
        while let Some(object) = self.due.pop_first() {
            let Some(update) = self.update(&object, wall) else {
                continue;
            };
            if !self.rests(now, &update) {
                return Some(update);
            }
            self.resting.insert(object);
        }
        if self.failed.is_empty() {
            self.failures = 0;
        }
        None
    }

    /// When to call [`Self::poll_update`] again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let rested = self.resting.iter().filter_map(|object| self.rests_until(object));
        rested.chain(self.retry_at).min()
    }

    /// What was written over is written again, but more and more seldom.
    fn rests(&self, now: Instant, update: &StatusUpdate) -> bool {
        let last = self.last.get(&update.object);
        let repeats = last.is_some_and(|last| last.content == timeless(&update.content));
        repeats && self.rests_until(&update.object).is_some_and(|until| now < until)
    }

    fn rests_until(&self, object: &ObjectName) -> Option<Instant> {
        self.last.get(object)?.contest.rests_until()
    }

    fn wake_rested(&mut self, now: Instant) {
        let resting = std::mem::take(&mut self.resting);
        let (over, resting) = resting
            .into_iter()
            .partition(|object| self.rests_until(object).is_none_or(|until| until <= now));
        self.resting = resting;
        let mut over: BTreeSet<ObjectName> = over;
        self.due.append(&mut over);
    }

    fn update(&self, object: &ObjectName, wall: Timestamp) -> Option<StatusUpdate> {
        let verdict = self.publication.verdicts.get(object)?;
        if self.refused.contains_key(object) {
            return None;
        }
        let written = self.written.get(object).map(|(content, _)| content);
        let content = match object.kind {
            Kind::IPPool => self.about_pool(object, verdict, wall),
            Kind::BFDProfile => self.about_profile(object, verdict, wall, written),
            Kind::BGPPeer => self.about_peer(object, verdict, wall),
            // They say nothing but their conditions.
            Kind::BGPAdvertisement | Kind::Community | Kind::L2Advertisement | Kind::IPReservation => {
                self.about(object, verdict, wall)
            }
        };
        let content = content.filter(|content| Some(content) != written)?;
        Some(StatusUpdate {
            object: object.clone(),
            content,
            fault: verdict.fault.clone(),
        })
    }

    fn about_pool(&self, name: &ObjectName, verdict: &Verdict, wall: Timestamp) -> Option<Content> {
        let object = self.publication.objects.named::<IPPool>(&name.name)?;
        let usage = self.publication.usage.get(&PoolName(name.name.clone()));
        let usage = usage.copied().unwrap_or_default();
        pool_status(object, verdict, &usage, wall).map(Content::Status)
    }

    fn about_peer(&self, name: &ObjectName, verdict: &Verdict, wall: Timestamp) -> Option<Content> {
        let object = self.publication.objects.named::<BGPPeer>(&name.name)?;
        let sessions = self.publication.sessions.as_ref();
        let sessions = sessions.map(|all| all.get(&PeerName(name.name.clone())).copied().unwrap_or_default());
        peer_status(object, verdict, sessions, wall).map(Content::Status)
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
        self.objects.object(object).map(config::Object::metadata)
    }

    /// The conditions that an object shows.
    fn conditions(&self, object: &ObjectName) -> Option<Vec<Condition>> {
        self.objects.object(object).map(config::Object::conditions)
    }
}

/// What is written, without when conditions changed last.
fn timeless(content: &Content) -> Value {
    match content {
        Content::Finalizers { list, .. } => json!(list),
        Content::Status(status) => {
            let mut status = status.clone();
            let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
            for condition in conditions.into_iter().flatten() {
                if let Some(fields) = condition.as_object_mut() {
                    fields.remove("lastTransitionTime");
                }
            }
            status
        }
    }
}
