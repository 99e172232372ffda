use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Service;
use model::ServiceName;

use crate::tracked::version;

/// Services that were looked up and found to be gone, or no LoadBalancers of ours any more, while a watch that lags may
/// still show what they were before.
#[derive(Debug, Default)]
pub(crate) struct Departed(BTreeMap<ServiceName, Departure>);

#[derive(Debug)]
struct Departure {
    uid: Option<String>,
    /// The version that showed it; none: there was no such object any more.
    version: Option<u64>,
}

impl Departed {
    /// `last` is the newest version that was seen of a Service, `now` the object that was found instead, if any.
    pub(crate) fn add(&mut self, name: ServiceName, last: &Service, now: Option<&Service>) {
        let departure = Departure {
            uid: last.metadata.uid.clone(),
            version: now.and_then(version),
        };
        self.0.insert(name, departure);
    }

    /// Whether a version that a watch shows is older than the departure of its Service.
    pub(crate) fn is_old_news(&self, name: &ServiceName, object: &Service) -> bool {
        self.0.get(name).is_some_and(|departure| {
            let later = departure
                .version
                .is_some_and(|departed| version(object) > Some(departed));
            departure.uid == object.metadata.uid && !later
        })
    }

    /// A watch has come as far as this version, so that it shows nothing older any more.
    pub(crate) fn handle_progress(&mut self, seen: &Service) {
        let seen = version(seen);
        self.0
            .retain(|_, departure| departure.version.is_none() || departure.version > seen);
    }

    /// A watch has shown the end of the object.
    pub(crate) fn handle_end(&mut self, name: &ServiceName, object: &Service) {
        self.0
            .retain(|other, departure| other != name || departure.uid != object.metadata.uid);
    }

    /// A list has shown everything there is.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
