//! What users are told of a Service, beside its condition.

use std::net::IpAddr;

use config::condition::{find, of_service};
use crds::condition::ALLOCATED;
use k8s_openapi::api::core::v1::Service;
use model::ServiceName;

use crate::desired_status::DesiredStatus;
use crate::event::{Event, EventType};
use crate::request::Target;

const ACTION: &str = "AllocateAddress";

/// What is told of a write of the status once it is made; `told` is what was told last.
pub(super) fn of_write(
    object: &Service,
    desired: &DesiredStatus,
    lost: &[(IpAddr, ServiceName)],
    told: Option<&str>,
) -> Vec<Event> {
    let event = |type_, reason, action, note| Event {
        about: Target::Service(config::service::name(object)),
        uid: object.metadata.uid.clone(),
        type_,
        reason,
        action,
        note,
    };
    let conflict = |(address, holder): &(IpAddr, ServiceName)| {
        let note = format!("{address}, which the status showed, stays with Service {holder}, which is older");
        event(EventType::Warning, "AddressConflict", ACTION, note)
    };
    let mut events: Vec<_> = lost.iter().map(conflict).collect();
    let shown = config::service::assigned(object);
    let back: Vec<_> = shown
        .iter()
        .filter(|address| desired.withdrawn.contains(address))
        .map(IpAddr::to_string)
        .collect();
    if !back.is_empty() {
        let note = format!("{}: taken back from the Service", back.join(", "));
        events.push(event(EventType::Normal, "IPReleased", "ReleaseAddress", note));
    }
    // Once: what was said at the first write is said.
    let foreign = config::service::foreign_annotations(object);
    if find(of_service(object), ALLOCATED).is_none() && !foreign.is_empty() {
        let notes: Vec<_> = foreign.iter().map(ToString::to_string).collect();
        events.push(event(
            EventType::Warning,
            "ForeignAnnotation",
            ACTION,
            notes.join("; "),
        ));
    }
    if told != Some(&desired.told()) {
        let (type_, reason) = match desired.allocated {
            true if desired.is_contested() => (EventType::Warning, "StatusContested"),
            true => (EventType::Normal, "IPAllocated"),
            false => (EventType::Warning, "AllocationFailed"),
        };
        events.push(event(type_, reason, ACTION, desired.news()));
    }
    events
}
