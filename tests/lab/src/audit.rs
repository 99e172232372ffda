//! Who did what to which object: the API server's audit log.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::lab::Lab;

/// One request that the API server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Who asked: the name in the client's certificate, or `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` and others.
    pub verb: String,
    /// Plural name, with the subresource: `services/status`; empty for paths that are no resources.
    pub resource: String,
    /// Namespace of the object; empty when it has none.
    pub namespace: String,
    /// Name of the object; empty for lists and some creations.
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
    /// When the request came, as the API server writes it (RFC 3339 with microseconds): times compare as text.
    pub at: String,
}

impl AuditEvent {
    /// Whether the request could change something.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

impl Lab {
    /// All requests answered so far, the oldest first.
    pub fn audit(&self) -> Result<Vec<AuditEvent>> {
        let file = self.audit_log();
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(text.lines().filter_map(parse).collect())
    }

    /// The writes of one user, without those that failed: leases are among them.
    pub fn writes_of(&self, user: &str) -> Result<Vec<AuditEvent>> {
        let mut events = self.audit()?;
        events.retain(|event| event.user == user && event.is_write() && event.code < 300);
        Ok(events)
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.folders.data.join("logs/audit.log")
    }
}

/// One line of the log. The last one may be half written: it is read the next time.
fn parse(line: &str) -> Option<AuditEvent> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line {
        verb: String,
        user: User,
        #[serde(default)]
        object_ref: Object,
        #[serde(default)]
        response_status: Value,
        request_received_timestamp: String,
    }
    #[derive(Deserialize)]
    struct User {
        username: String,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Object {
        resource: String,
        subresource: String,
        namespace: String,
        name: String,
    }

    let line: Line = serde_json::from_str(line).ok()?;
    let Object {
        mut resource,
        subresource,
        namespace,
        name,
    } = line.object_ref;
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    let code = line.response_status["code"]
        .as_u64()
        .and_then(|code| code.try_into().ok())
        .unwrap_or(0);
    Some(AuditEvent {
        user: line.user.username,
        verb: line.verb,
        resource,
        namespace,
        name,
        code,
        at: line.request_received_timestamp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_patch_is_a_write_of_its_user() {
        let line = r#"{"kind":"Event","level":"Metadata","verb":"patch","user":{"username":"herald-controller","groups":["a"]},
            "objectRef":{"resource":"services","namespace":"default","name":"web","apiVersion":"v1","subresource":"status"},
            "responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T00:00:00.000001Z"}"#;
        let event = parse(line).unwrap();
        assert!(event.is_write());
        assert_eq!(
            (event.user.as_str(), event.resource.as_str(), event.code),
            ("herald-controller", "services/status", 200)
        );
        assert_eq!(
            (event.namespace.as_str(), event.name.as_str()),
            ("default", "web")
        );
    }

    #[test]
    fn a_line_that_is_half_written_is_passed_over() {
        assert_eq!(parse(r#"{"kind":"Event","verb":"pa"#), None);
    }
}
