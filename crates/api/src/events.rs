//! Telling users what happened to an object, where `kubectl describe` shows it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::mpsc;

use crate::client::within;

/// An event is worth this much waiting; it is lost after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Events that may wait to be written. Those beyond are lost: memory is for what matters.
const QUEUE: usize = 4096;

/// Writes events in the name of one process, one after the other: they never take the API server's time from what matters.
#[derive(Clone, Debug)]
pub struct Events {
    queue: mpsc::Sender<Happened>,
}

/// What is to be written: a fraction of what the event itself would take while it waits.
#[derive(Debug)]
struct Happened {
    about: ObjectReference,
    good: bool,
    reason: &'static str,
    action: &'static str,
    note: String,
    at: Timestamp,
}

/// In whose name events are written.
#[derive(Debug)]
struct Author {
    controller: String,
    instance: String,
}

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
    /// Events from `controller`, the name of the program, and `instance`, which tells its processes apart. To be called in
    /// a runtime; what waits is written until the last clone is dropped, and then to its end.
    pub fn new(client: Client, controller: &str, instance: &str) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let author = Author {
            controller: controller.to_owned(),
            instance: instance.to_owned(),
        };
        tokio::spawn(author.write(client, waiting));
        Self { queue }
    }

    /// Has an event about an object written. One that cannot be is no reason to do anything else differently.
    pub fn tell(&self, about: &ObjectReference, story: Story<'_>) {
        let Story {
            good,
            reason,
            action,
            note,
        } = story;
        let happened = Happened {
            about: about.clone(),
            good,
            reason,
            action,
            note: note.to_owned(),
            at: Timestamp::now(),
        };
        if self.queue.try_send(happened).is_err() {
            tracing::debug!(reason, "event not written: too many wait");
        }
    }
}

impl Author {
    /// kube's own recorder is not used: it keeps every event in memory for six minutes, to count repetitions that Herald does
    /// not make, and looks through all of them for each new one.
    async fn write(self, client: Client, mut waiting: mpsc::Receiver<Happened>) {
        while let Some(happened) = waiting.recv().await {
            let event = self.event(happened);
            let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
            let api: Api<Event> = Api::namespaced(client.clone(), namespace);
            if let Err(error) = within(PATIENCE, api.create(&PostParams::default(), &event)).await {
                tracing::debug!(reason = event.reason, %error, "event not written");
            }
        }
    }

    fn event(&self, happened: Happened) -> Event {
        let Happened {
            about,
            good,
            reason,
            action,
            note,
            at,
        } = happened;
        let object = about.name.as_deref().unwrap_or(&self.controller);
        Event {
            metadata: ObjectMeta {
                namespace: Some(about.namespace.clone().unwrap_or_else(|| "default".to_owned())),
                name: Some(format!("{object}.{:x}", at.as_nanosecond())),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(at)),
            regarding: Some(about),
            type_: Some(if good { "Normal" } else { "Warning" }.to_owned()),
            reason: Some(reason.to_owned()),
            action: Some(action.to_owned()),
            note: Some(note),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(size: usize) -> (Events, mpsc::Receiver<Happened>) {
        let (queue, waiting) = mpsc::channel(size);
        (Events { queue }, waiting)
    }

    const STORY: Story<'static> = Story {
        good: false,
        reason: "AllocationFailed",
        action: "AllocateAddress",
        note: "there is no IPPool",
    };

    fn web() -> ObjectReference {
        ObjectReference {
            namespace: Some("shop".into()),
            name: Some("web".into()),
            ..ObjectReference::default()
        }
    }

    #[tokio::test]
    async fn an_event_stands_beside_its_object_and_tells_who_says_it() {
        let (events, mut waiting) = events(1);
        events.tell(&web(), STORY);
        let author = Author {
            controller: "herald-controller".into(),
            instance: "controller-1".into(),
        };
        let event = author.event(waiting.recv().await.unwrap());
        assert_eq!(event.metadata.namespace.as_deref(), Some("shop"));
        assert!(event.metadata.name.unwrap().starts_with("web."));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert_eq!(event.reporting_instance.as_deref(), Some("controller-1"));
    }

    #[test]
    fn an_event_that_finds_no_room_is_lost_and_nobody_waits_for_it() {
        let (events, mut waiting) = events(1);
        events.tell(&web(), STORY);
        events.tell(&web(), STORY);
        assert!(waiting.try_recv().is_ok());
        assert!(waiting.try_recv().is_err());
    }
}
