//! The kube client as both daemons use it: no silent retries, no endless waits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::watch::WATCH_SECONDS;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {path}: {source}")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: kube::config::KubeconfigError,
    },
    /// The process does not run in a pod, or its service account is not mounted.
    #[error("no service account to talk to the API server with (outside a pod, give --kubeconfig): {0}")]
    InCluster(#[from] kube::config::InClusterError),
    /// The client cannot be made from its configuration.
    #[error("cannot make a client for the API server: {0}")]
    Client(#[from] kube::Error),
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing came in time; whether the request took effect is not known.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The API server refused, or the connection failed.
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

impl Failure {
    /// The object had changed since the version that the request names, or exists already.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Kube(kube::Error::Api(status)) if status.code == 409)
    }

    /// The API server has looked at the request and does not carry it out. Any other failure leaves open whether it did.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Kube(kube::Error::Api(status)) if (400..500).contains(&status.code))
    }

    /// How long the API server wants to be left alone (429).
    pub fn retry_after(&self) -> Option<Duration> {
        let Self::Kube(kube::Error::Api(status)) = self else {
            return None;
        };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// The object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Kube(kube::Error::Api(status)) if status.code == 404)
    }
}

/// A client that says who it is, and whose requests fail rather than wait: kube would retry them for minutes, unseen.
///
/// # Errors
/// The kubeconfig or the pod's service account cannot be used. Nothing is sent yet.
pub async fn connect(kubeconfig: Option<&Path>, user_agent: &'static str) -> Result<Client, ConnectError> {
    let mut config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => Config::incluster()?,
    };
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(Duration::from_secs(u64::from(WATCH_SECONDS) + 10));
    // Else the time that a pooled connection lay idle counts against the answer to the next request on it.
    config.reset_reader_on_write = true;
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(user_agent)));
    Ok(Client::try_from(config)?)
}

/// Waits for an answer, but not longer than `limit`.
///
/// # Errors
/// What the request failed with, or [`Failure::Timeout`].
pub async fn within<T>(
    limit: Duration,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(Failure::Timeout(limit)),
    }
}

async fn from_file(path: &Path) -> Result<Config, ConnectError> {
    let error = |source| ConnectError::Kubeconfig {
        path: path.to_owned(),
        source,
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(error)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kubeconfig_that_is_missing_is_named() {
        let error = connect(Some(Path::new("/nonexistent/kubeconfig")), "test")
            .await
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("kubeconfig /nonexistent/kubeconfig: "),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_ends_with_a_timeout() {
        let failure = within(Duration::from_secs(5), std::future::pending::<kube::Result<()>>())
            .await
            .unwrap_err();
        assert_eq!(failure.to_string(), "no answer within 5s");
        assert!(!failure.is_conflict());
    }
}
