use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use model::ServiceName;

use crate::contest::Contest;
use crate::desired_status::DesiredStatus;
use crate::release::Release;
use crate::writers::OtherWriters;

/// The longest pause after a write that was in vain.
const LONGEST_IN_VAIN: Duration = Duration::from_secs(600);

/// Older Services come first; those without a creation time, which no API server delivers, before all.
pub(crate) type Age = Option<Time>;

/// What is under way for a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnderWay {
    /// Its status is written.
    Status,
    /// Its reservation is written.
    Reservation,
    /// It is looked up, and cleared if it is not ours any more.
    Clearing,
}

/// What the machine knows of one Service.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// The newest version that was seen.
    pub(crate) object: Arc<Service>,
    /// It is deleted, or is no LoadBalancer of ours any more.
    pub(crate) gone: bool,
    /// A watch has shown its end.
    pub(crate) end_seen: bool,
    /// What is under way; whatever comes up meanwhile is written when that ends.
    pub(crate) in_flight: Option<UnderWay>,
    /// A write ended without an answer: its status may say something else than the newest version that was seen.
    pub(crate) in_doubt: bool,
    /// Writes that failed since the last that did not.
    pub(crate) failures: u32,
    /// Until when addresses that it is to lose stay in its status.
    pub(crate) drains_until: Option<Instant>,
    /// Addresses that its status showed and that another Service has, until it is told.
    pub(crate) lost: Vec<(IpAddr, ServiceName)>,
    /// Writes that succeeded and did not bring about what they were to, since the last that did.
    pub(crate) in_vain: u32,
    /// Until when nothing is written after one of those.
    pub(crate) rests_until: Option<Instant>,
    /// Whoever writes over what was written.
    pub(crate) contest: Contest,
    /// What users have been told last.
    pub(crate) told: Option<String>,
    /// What they are told when the write that is under way succeeds.
    pub(crate) telling: Option<String>,
    desired: Option<DesiredStatus>,
}

impl Tracked {
    pub(crate) fn age(&self) -> Age {
        self.object.metadata.creation_timestamp.clone()
    }

    /// Takes in a version, whatever was seen before.
    pub(crate) fn replace(&mut self, object: Service) {
        self.gone = false;
        self.end_seen = false;
        self.in_doubt = false;
        self.object = Arc::new(object);
    }

    /// Whether a version that is taken in next shows that somebody has written over what is as it should be.
    fn is_written_over_by(&self, object: &Service) -> bool {
        let Some(desired) = &self.desired else {
            return false;
        };
        let same_object = self.object.metadata.uid == object.metadata.uid;
        same_object && desired.is_shown_by(&self.object) && !desired.is_shown_by(object)
    }

    /// Takes in a version of a Service that is served, from a watch.
    pub(crate) fn observe_from_watch(&mut self, now: Instant, object: Service, release: &Release) -> bool {
        let written_over = self.in_flight != Some(UnderWay::Status) && self.is_written_over_by(&object);
        let writer = OtherWriters::of(&object, &release.manager);
        let is_news = self.observe(object);
        if is_news && written_over {
            self.contest
                .handle_overwrite(now, writer.ingress.or(writer.allocated).as_deref());
        }
        is_news
    }

    /// Takes in the answer to a write of the status: what is there by now may be written over already.
    pub(crate) fn observe_written(&mut self, now: Instant, object: Service, release: &Release) {
        let written_over = self.is_written_over_since(&object);
        if !self.observe(object) && written_over {
            let writer = OtherWriters::of(&self.object, &release.manager);
            self.contest
                .handle_overwrite(now, writer.ingress.or(writer.allocated).as_deref());
        }
    }

    fn is_written_over_since(&self, written: &Service) -> bool {
        let Some(desired) = &self.desired else {
            return false;
        };
        desired.is_shown_by(written) && !desired.is_shown_by(&self.object)
    }

    /// Takes in a version from a watch or a write; false for one that is older than what was seen, which a watch
    /// delivers late after our own write (P-ALLOC-66). The version that was seen already says nothing about a write that
    /// was made from it.
    pub(crate) fn observe(&mut self, object: Service) -> bool {
        let same_object = self.object.metadata.uid == object.metadata.uid;
        // Versions of one kind grow over all objects: one with the name of another is compared with it too.
        if version(&object) < version(&self.object) {
            return false;
        }
        let in_doubt = self.in_doubt && same_object && version(&object) == version(&self.object);
        self.replace(object);
        self.in_doubt = in_doubt;
        if !same_object {
            self.told = None;
            self.contest = Contest::default();
        }
        true
    }

    /// Takes in a version of a Service that was thought to be gone, unless its end was seen after that.
    pub(crate) fn observe_return(&mut self, object: Service) {
        if version(&object) >= version(&self.object) {
            self.replace(object);
        }
    }

    /// A write of the status succeeded, whether it brought about what it was to or not.
    pub(crate) fn succeeded(&mut self, now: Instant, brought_about: bool) {
        self.in_doubt = false;
        self.lost.clear();
        self.told = self.telling.take().or_else(|| self.told.take());
        self.failures = 0;
        if brought_about {
            self.in_vain = 0;
            self.rests_until = None;
        } else {
            self.in_vain += 1;
            self.rests_until = Some(now + pause(self.in_vain, LONGEST_IN_VAIN));
        }
    }

    /// Until when nothing is to be written, because it was in vain before or is written over.
    pub(crate) fn waits_until(&self, now: Instant) -> Option<Instant> {
        let until = self.rests_until.max(self.contest.rests_until());
        until.filter(|until| now < *until)
    }

    /// Whether its status says what the newest version that was seen says: a write that is under way, or ended without
    /// an answer, may have changed it.
    pub(crate) fn status_is_known(&self) -> bool {
        let untouched = matches!(self.in_flight, None | Some(UnderWay::Reservation));
        untouched && !self.in_doubt
    }

    /// The addresses in the status.
    pub(crate) fn assigned(&self) -> Vec<IpAddr> {
        config::service::assigned(&self.object)
    }

    /// Keeps what the Service should have; whether that is new.
    pub(crate) fn set_desired(&mut self, desired: DesiredStatus) -> bool {
        let changed = self.desired.as_ref() != Some(&desired);
        self.desired = Some(desired);
        changed
    }

    /// Whether it asks for something that it does not have.
    pub(crate) fn waits(&self) -> bool {
        self.desired.as_ref().is_some_and(|desired| !desired.allocated)
    }

    /// How long to wait after the last failure: 50 ms, doubled each time, at most 30 s.
    pub(crate) fn back_off(&self) -> Duration {
        pause(self.failures, Duration::from_secs(30))
    }
}

/// 50 ms, doubled each time.
fn pause(failures: u32, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(14);
    (Duration::from_millis(50) * 2u32.pow(doublings)).min(longest)
}

/// Resource versions are numbers that grow (KEP-5504); one that is none compares as the oldest.
pub(crate) fn version(object: &Service) -> Option<u64> {
    object
        .metadata
        .resource_version
        .as_ref()
        .and_then(|version| version.parse().ok())
}
