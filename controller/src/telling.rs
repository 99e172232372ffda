use allocate::request::Target;
use allocate::{Event, EventType, Release};
use api::events::{self, Events};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;

use crate::metrics::Metrics;

/// Tells users what has happened, in events and in the log.
#[derive(Clone)]
pub(crate) struct Teller(Events);

impl Teller {
    pub(crate) fn new(client: &Client, release: &Release, identity: &str, metrics: &Metrics) -> Self {
        Self(Events::new(
            client.clone(),
            &release.manager,
            identity,
            &metrics.events,
        ))
    }

    pub(crate) fn tell(&self, events: &[Event]) {
        for event in events {
            log(event);
            let about = reference(event);
            let event = events::Event {
                type_: match event.type_ {
                    EventType::Normal => events::EventType::Normal,
                    EventType::Warning => events::EventType::Warning,
                },
                reason: event.reason,
                action: event.action,
                note: &event.note,
            };
            self.0.tell(&about, event);
        }
    }
}

fn log(event: &Event) {
    let reason = &event.note;
    match &event.about {
        Target::Service(service) => match event.reason {
            "IPAllocated" => tracing::info!(%service, reason, "assigned"),
            "AllocationFailed" => tracing::info!(%service, reason, "not assigned"),
            "IPReleased" => tracing::info!(%service, reason, "released"),
            "AddressConflict" => {
                tracing::warn!(%service, reason, "address in the status is held by another service");
            }
            _ => tracing::warn!(%service, reason, "another program writes the status"),
        },
        Target::Custom(object) => tracing::warn!(%object, reason, "status of a malformed object not taken"),
    }
}

fn reference(event: &Event) -> ObjectReference {
    let about = &event.about;
    ObjectReference {
        api_version: Some(about.api_version().to_owned()),
        kind: Some(about.kind()),
        namespace: about.namespace().map(str::to_owned),
        name: Some(about.name().to_owned()),
        uid: event.uid.clone(),
        ..ObjectReference::default()
    }
}
