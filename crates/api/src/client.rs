//! The kube client as both daemons use it: no silent retries, no endless waits, one connection.
//!
//! Requests and watches share one HTTP/2 connection, as those of `client-go` do: thousands of speakers are thousands of connections to
//! the API server, not ten times as many. It is asked every [`PING_INTERVAL`] whether it is alive, so one that died silently (a node that
//! lost its power, a firewall that forgot it) is noticed by [`DEAD_AFTER`] at the latest, however long a watch lasts. Where something
//! between speaks HTTP/1.1 alone, the kernel's keepalive does the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustls_pki_types::ServerName;
use tower::{BoxError, ServiceBuilder};

/// How long the answer to a request may take. Watches are no such requests, pages of lists neither.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection is asked whether it is alive.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);

/// How long the answer to that may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// When a connection that is dead is known to be.
pub const DEAD_AFTER: Duration = PING_INTERVAL.saturating_add(PING_TIMEOUT);

/// Between two probes of the kernel's, of which [`PROBES`] are unanswered on a dead connection.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);
const PROBES: u32 = 2;

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
    /// The name that the API server is to prove is none.
    #[error("tls-server-name {0:?} of the kubeconfig is no name")]
    ServerName(String),
    /// The API server is to be reached through a proxy.
    #[error("the API server is to be reached through the proxy {0}: Herald reaches it directly alone")]
    Proxy(http::Uri),
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

    /// The API server has forgotten what the request goes on from: the next page of a list.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Kube(kube::Error::Api(status)) if status.code == 410)
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
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(user_agent)));
    client(&config)
}

/// kube's own client asks for HTTP/1.1, takes a connection for each watch, and cannot be told to look after them.
fn client(config: &Config) -> Result<Client, ConnectError> {
    if let Some(proxy) = &config.proxy_url {
        return Err(ConnectError::Proxy(proxy.clone()));
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(PING_INTERVAL));
    tcp.set_keepalive_interval(Some(PROBE_INTERVAL));
    tcp.set_keepalive_retries(Some(PROBES));
    let mut tls = HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name =
            ServerName::try_from(name.clone()).map_err(|_invalid| ConnectError::ServerName(name.clone()))?;
        tls = tls.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut connector = TimeoutConnector::new(tls.enable_http1().enable_http2().wrap_connector(tcp));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connections = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(connections);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
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
    use std::sync::Arc;

    use rustls_pki_types::PrivateKeyDer;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;

    use super::*;

    /// Speaks TLS and agrees on HTTP/2.
    struct Endpoint {
        listener: TcpListener,
        tls: TlsAcceptor,
        kubeconfig: tempfile::NamedTempFile,
    }

    impl Endpoint {
        async fn new() -> Self {
            let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
            let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
            let mut tls = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certified.cert.der().clone()], key)
                .unwrap();
            tls.alpn_protocols = vec![b"h2".to_vec()];
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let kubeconfig = tempfile::NamedTempFile::new().unwrap();
            let text = serde_json::json!({
                "apiVersion": "v1", "kind": "Config", "current-context": "test",
                "clusters": [{"name": "test", "cluster": {
                    "server": format!("https://localhost:{port}"), "insecure-skip-tls-verify": true,
                }}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "users": [{"name": "test", "user": {}}],
            });
            std::fs::write(kubeconfig.path(), text.to_string()).unwrap();
            Self {
                listener,
                tls: TlsAcceptor::from(Arc::new(tls)),
                kubeconfig,
            }
        }

        /// The next connection, once the client has said its first words on it.
        async fn accept(&self) -> tokio_rustls::server::TlsStream<tokio::net::TcpStream> {
            let (connection, _) = self.listener.accept().await.unwrap();
            let mut connection = self.tls.accept(connection).await.unwrap();
            let mut preface = [0; 24];
            connection.read_exact(&mut preface).await.unwrap();
            assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            connection
        }
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_any_more_is_given_up_within_half_a_minute() {
        let endpoint = Endpoint::new().await;
        let client = connect(Some(endpoint.kubeconfig.path()), "test").await.unwrap();
        let begun = tokio::spawn(async move { client.apiserver_version().await });
        let silent = endpoint.accept().await;
        // Nothing but timers is left to wait for.
        tokio::time::pause();
        let begin = tokio::time::Instant::now();
        let error = begun.await.unwrap().unwrap_err();
        let took = begin.elapsed();
        assert!(took <= DEAD_AFTER + Duration::from_secs(1), "{took:?}: {error}");
        assert!(DEAD_AFTER <= Duration::from_secs(30));
        drop(silent);
    }

    #[test]
    fn a_proxy_is_refused_rather_than_passed_by() {
        let mut config = Config::new("https://192.0.2.1:6443".parse().unwrap());
        config.proxy_url = Some("http://192.0.2.2:3128".parse().unwrap());
        assert_eq!(
            client(&config).err().unwrap().to_string(),
            "the API server is to be reached through the proxy http://192.0.2.2:3128/: Herald reaches it directly alone"
        );
    }

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
