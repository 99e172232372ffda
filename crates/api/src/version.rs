//! Which Kubernetes it takes.

use std::fmt;
use std::time::Duration;

use kube::Client;

use crate::client::{Failure, REQUEST_TIMEOUT, within};
use crate::health::Health;

/// Until the API server is asked again.
const AGAIN: Duration = Duration::from_secs(10);

/// The oldest Kubernetes that Herald can work with: the first whose API server selects Services by `spec.type`.
pub const MINIMUM: Version = Version { major: 1, minor: 31 };

/// A version of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why the API server cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// It is older than [`MINIMUM`].
    #[error(
        "the API server is Kubernetes {0}, which is too old: Herald needs {MINIMUM} or newer, whose API server selects Services by spec.type"
    )]
    TooOld(Version),
    /// It does not say its version in numbers.
    #[error("the API server says that it is Kubernetes {major:?}.{minor:?}, which is no version")]
    Unreadable {
        /// What it says first.
        major: String,
        /// What it says next.
        minor: String,
    },
    /// It does not answer.
    #[error("the API server does not tell its version: {0}")]
    Unknown(#[from] Failure),
}

/// The version of the API server.
///
/// # Errors
/// It is too old, says nothing that is a version, or does not answer.
pub async fn check(client: &Client) -> Result<Version, VersionError> {
    let info = within(REQUEST_TIMEOUT, client.apiserver_version()).await?;
    supported(&info.major, &info.minor)
}

/// Checks until it is known that the API server is new enough, and tells `health` where it is not.
pub async fn follow(client: Client, health: Health) {
    loop {
        let checked = check(&client).await;
        health.note_version(checked.as_ref().err());
        match checked {
            Ok(version) => {
                tracing::info!(%version, "the API server is new enough");
                return;
            }
            Err(error) => tracing::debug!(%error, "version of the API server"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Some providers write the second number as `33+`.
fn supported(major: &str, minor: &str) -> Result<Version, VersionError> {
    let number = |text: &str| text.trim_end_matches('+').parse().ok();
    let (Some(read_major), Some(read_minor)) = (number(major), number(minor)) else {
        return Err(VersionError::Unreadable {
            major: major.to_owned(),
            minor: minor.to_owned(),
        });
    };
    let version = Version {
        major: read_major,
        minor: read_minor,
    };
    match version < MINIMUM {
        true => Err(VersionError::TooOld(version)),
        false => Ok(version),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::routing::get;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_is_too_old_is_trouble_until_it_is_upgraded() {
        let minor = Arc::new(AtomicU32::new(30));
        let told = minor.clone();
        let answer = async move || {
            let minor = told.load(Ordering::Relaxed).to_string();
            let fields = [
                "gitVersion",
                "gitCommit",
                "gitTreeState",
                "buildDate",
                "goVersion",
                "compiler",
                "platform",
            ];
            let mut info = json!({"major": "1", "minor": minor});
            for field in fields {
                info[field] = json!("");
            }
            info.to_string()
        };
        let router = Router::new().route("/version", get(answer));
        let health = Health::default();
        let following = tokio::spawn(follow(Client::new(router, "default"), health.clone()));
        tokio::time::sleep(AGAIN / 2).await;
        assert!(
            health.troubles()[0]
                .to_string()
                .contains("Kubernetes 1.30, which is too old")
        );
        minor.store(31, Ordering::Relaxed);
        following.await.unwrap();
        assert_eq!(health.troubles(), []);
    }

    #[test]
    fn an_api_server_that_is_too_old_is_told_apart_and_named() {
        assert_eq!(supported("1", "31").unwrap(), MINIMUM);
        assert_eq!(supported("1", "33+").unwrap().to_string(), "1.33");
        assert_eq!(supported("2", "0").unwrap(), Version { major: 2, minor: 0 });
        let error = supported("1", "30").unwrap_err().to_string();
        assert!(
            error.starts_with(
                "the API server is Kubernetes 1.30, which is too old: Herald needs 1.31 or newer"
            ),
            "{error}"
        );
        let error = supported("1", "").unwrap_err().to_string();
        assert_eq!(
            error,
            r#"the API server says that it is Kubernetes "1"."", which is no version"#
        );
    }
}
