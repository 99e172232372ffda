use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::standing::Standing;

/// Older Services come first; those without a creation time, which no API server delivers, before all.
pub(crate) type Age = Option<Time>;

/// What the machine knows of one Service.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// The newest version that was seen.
    pub(crate) object: Arc<Service>,
    /// It is deleted, or is no LoadBalancer of ours any more.
    pub(crate) gone: bool,
    /// A write is under way; whatever comes up meanwhile is looked at when it ends.
    pub(crate) in_flight: bool,
    /// Writes that failed since the last that did not.
    pub(crate) failures: u32,
    standing: Option<Standing>,
}

impl Tracked {
    pub(crate) fn age(&self) -> Age {
        self.object.metadata.creation_timestamp.clone()
    }

    /// Takes in a version from a list, whatever was seen before.
    pub(crate) fn replace(&mut self, object: Service) {
        self.gone = false;
        self.object = Arc::new(object);
    }

    /// Takes in a version from a watch or a write; false for one that is older than what was seen, which a watch
    /// delivers late after our own write (P-ALLOC-66).
    pub(crate) fn observe(&mut self, object: Service) -> bool {
        let same_object = self.object.metadata.uid == object.metadata.uid;
        if same_object && version(&object) < version(&self.object) {
            return false;
        }
        self.replace(object);
        true
    }

    /// The addresses in the status.
    pub(crate) fn assigned(&self) -> Vec<IpAddr> {
        config::service::assigned(&self.object)
    }

    /// Keeps what the Service should have; whether that is new.
    pub(crate) fn set_standing(&mut self, standing: Standing) -> bool {
        let changed = self.standing.as_ref() != Some(&standing);
        self.standing = Some(standing);
        changed
    }

    /// Whether it asks for something that it does not have.
    pub(crate) fn waits(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| !standing.allocated)
    }

    /// How long to wait after the last failure: 50 ms, doubled each time, at most 30 s.
    pub(crate) fn back_off(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(10);
        (Duration::from_millis(50) * 2u32.pow(doublings)).min(Duration::from_secs(30))
    }
}

/// Resource versions are numbers that grow (KEP-5504); one that is none compares as the oldest.
fn version(object: &Service) -> Option<u64> {
    object
        .metadata
        .resource_version
        .as_ref()
        .and_then(|version| version.parse().ok())
}
