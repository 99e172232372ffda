//! What is written into the status of a pod.

use std::sync::Arc;

use jiff::Timestamp;
use model::{NodeName, ServiceName};
use serde_json::{Value, json};

use crate::Pod;

/// The reason of the condition Ready.
pub const REASON: &str = "NodeDead";

/// A pod whose condition Ready is to become False.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The pod.
    pub pod: Arc<Pod>,
    /// The node that it is on.
    pub node: NodeName,
    /// The Services that it is an endpoint of.
    pub services: Vec<ServiceName>,
    /// Why, for users.
    pub message: Arc<str>,
}

impl Mark {
    /// The strategic merge patch of the pod's status. Its UID keeps it from a successor of the same name.
    pub fn patch(&self, at: Timestamp) -> Value {
        json!({
            "metadata": {"uid": self.pod.uid},
            "status": {"conditions": [{
                "type": "Ready",
                "status": "False",
                "reason": REASON,
                "message": *self.message,
                "lastTransitionTime": format!("{at:.0}"),
            }]},
        })
    }
}
