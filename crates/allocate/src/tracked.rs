use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use model::ServiceName;

use crate::desired_status::DesiredStatus;

/// Older Services come first; those without a creation time, which no API server delivers, before all.
pub(crate) type Age = Option<Time>;

/// What is under way for a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
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
    pub(crate) in_flight: Option<Errand>,
    /// A write ended without an answer: its status may say something else than the newest version that was seen.
    pub(crate) in_doubt: bool,
    /// Writes that failed since the last that did not.
    pub(crate) failures: u32,
    /// Until when addresses that it is to lose stay in its status.
    pub(crate) drains_until: Option<Instant>,
    /// Addresses that its status showed and that another Service has, until it is told.
    pub(crate) lost: Vec<(IpAddr, ServiceName)>,
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

    /// Takes in a version from a watch or a write; false for one that is older than what was seen, which a watch
    /// delivers late after our own write (P-ALLOC-66). The version that was seen already says nothing about a write that
    /// was made from it.
    pub(crate) fn observe(&mut self, object: Service) -> bool {
        let same_object = self.object.metadata.uid == object.metadata.uid;
        if same_object && version(&object) < version(&self.object) {
            return false;
        }
        let in_doubt = self.in_doubt && same_object && version(&object) == version(&self.object);
        self.replace(object);
        self.in_doubt = in_doubt;
        true
    }

    /// Takes in a version of a Service that was thought to be gone, unless its end was seen after that.
    pub(crate) fn observe_return(&mut self, object: Service) {
        if version(&object) >= version(&self.object) {
            self.replace(object);
        }
    }

    /// A write succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.in_doubt = false;
        self.lost.clear();
    }

    /// Whether its status says what the newest version that was seen says: a write that is under way, or ended without
    /// an answer, may have changed it.
    pub(crate) fn status_is_known(&self) -> bool {
        let untouched = matches!(self.in_flight, None | Some(Errand::Reservation));
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
        let doublings = self.failures.saturating_sub(1).min(10);
        (Duration::from_millis(50) * 2u32.pow(doublings)).min(Duration::from_secs(30))
    }
}

/// Resource versions are numbers that grow (KEP-5504); one that is none compares as the oldest.
pub(crate) fn version(object: &Service) -> Option<u64> {
    object
        .metadata
        .resource_version
        .as_ref()
        .and_then(|version| version.parse().ok())
}
