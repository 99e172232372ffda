//! Telling users what happened to an object, where `kubectl describe` shows it.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::client::within;

/// An event is worth this much waiting; it is lost after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes events in the name of one process.
#[derive(Clone)]
pub struct Events(Recorder);

/// What happened.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// Whether it is as users want it; otherwise it is shown as a warning.
    pub good: bool,
    /// One word from a closed list.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// A sentence for people.
    pub note: &'a str,
}

impl Events {
    /// Events from `controller`, the name of the program, and `instance`, which tells its processes apart.
    pub fn new(client: Client, controller: &str, instance: &str) -> Self {
        Self(Recorder::new(
            client,
            Reporter {
                controller: controller.into(),
                instance: Some(instance.into()),
            },
        ))
    }

    /// Writes an event about an object. One that cannot be written is no reason to do anything else differently.
    pub async fn tell(&self, about: &ObjectReference, story: Story<'_>) {
        let Story {
            good,
            reason,
            action,
            note,
        } = story;
        let event = Event {
            type_: if good {
                EventType::Normal
            } else {
                EventType::Warning
            },
            reason: reason.into(),
            note: Some(note.into()),
            action: action.into(),
            secondary: None,
        };
        if let Err(error) = within(PATIENCE, self.0.publish(&event, about)).await {
            tracing::debug!(reason, %error, "event not written");
        }
    }
}
