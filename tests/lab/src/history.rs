//! Every version of every Service that there was: what no look at the present state, and no log of requests, can tell.
//! A request whose client was killed is answered with an error or not at all, and may have taken effect all the same.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::clock::wait_for;
use crate::kubectl::Kubectl;
use crate::lab::Lab;
use crate::run::run;
use crate::watch::Watch;

mod story;

pub use story::{Story, Version};

const SERVICES: &str = "/api/v1/services";

/// How long to wait for the next event before looking whether the recording is over.
const PAUSE: Duration = Duration::from_millis(100);

/// A recording of what becomes of Services, from the moment it was started. It ends with the value.
pub struct History {
    kubectl: Kubectl,
    story: Arc<Mutex<Story>>,
    /// Dropped to end the recording.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for History {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("History").finish_non_exhaustive()
    }
}

impl Lab {
    /// Starts to record what becomes of Services in all namespaces. What is there already is its beginning.
    ///
    /// The recording goes on across outages of the API server. Where versions may have escaped it, the story is not
    /// [complete](Story::complete).
    pub fn history(&self) -> Result<History> {
        let kubectl = self.administrator()?;
        let (services, from) = list(&kubectl)?;
        let mut story = Story::default();
        story.on_list(&services);
        let story = Arc::new(Mutex::new(story));
        let (stop, stopped) = mpsc::channel();
        let recorder = Recorder {
            kubectl: kubectl.clone(),
            story: story.clone(),
            stopped,
        };
        Ok(History {
            kubectl,
            story,
            stop: Some(stop),
            thread: Some(thread::spawn(move || recorder.run(from))),
        })
    }
}

impl History {
    /// All that has happened until now.
    pub fn story(&self) -> Result<Story> {
        let (services, version) = list(&self.kubectl)?;
        let version = version.parse().context("a version that is no number")?;
        wait_for("the recording to catch up", Duration::from_secs(60), || {
            let story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(story.includes(&services, version).then(|| story.clone()))
        })
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.stop = None;
        // A recorder that panicked has left a story that does not catch up, and that is reported.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Recorder {
    kubectl: Kubectl,
    story: Arc<Mutex<Story>>,
    stopped: mpsc::Receiver<()>,
}

impl Recorder {
    /// Watches from the version `from` on, again and again until it is stopped.
    fn run(self, mut from: String) {
        while self.stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            let path = format!(
                "{SERVICES}?watch=1&allowWatchBookmarks=true&timeoutSeconds=3600&resourceVersion={from}"
            );
            let Ok(watch) = Watch::start(self.kubectl.command(), &path) else {
                continue;
            };
            let expired = self.follow(&watch, &mut from);
            // The versions since `from` are not told any more: go on from what there is now.
            if expired && let Ok((services, now)) = list(&self.kubectl) {
                self.change(|story| {
                    story.complete = false;
                    story.on_list(&services);
                });
                from = now;
            }
        }
    }

    /// Takes down what a watch says until it ends; true if it cannot go on from `from`.
    fn follow(&self, watch: &Watch, from: &mut String) -> bool {
        while self.stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let Ok(event) = watch.next(PAUSE) else {
                return false;
            };
            // The last line of a watch that broke off may be a part of one; the next watch begins with the whole.
            let event = event.and_then(|(_, line)| serde_json::from_str::<Value>(&line).ok());
            let Some(event) = event else { continue };
            let object = &event["object"];
            match event["type"].as_str() {
                Some("ERROR") => return true,
                Some("BOOKMARK") => {}
                Some(kind) => self.change(|story| story.on_event(object, kind == "DELETED")),
                None => continue,
            }
            if let Some(version) = object["metadata"]["resourceVersion"].as_str() {
                version.clone_into(from);
            }
        }
        false
    }

    fn change(&self, change: impl FnOnce(&mut Story)) {
        change(&mut self.story.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// All Services there are, and the version of the list.
fn list(kubectl: &Kubectl) -> Result<(Vec<Value>, String)> {
    let mut command = kubectl.command();
    command.args(["get", "--raw", SERVICES]);
    let mut list: Value = serde_json::from_str(&run(command)?).context("a list that is no JSON")?;
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .context("a list without a version")?
        .to_owned();
    let services = match &mut list["items"] {
        Value::Array(services) => std::mem::take(services),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![],
    };
    Ok((services, version))
}
