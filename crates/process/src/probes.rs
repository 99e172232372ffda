//! The HTTP server for probes and metrics: `/livez`, `/readyz`, `/metrics`.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What a process waits for before it is ready. Starts with everything missing.
#[derive(Clone, Debug)]
pub struct Readiness {
    missing: watch::Sender<BTreeSet<&'static str>>,
}

impl Readiness {
    /// Not ready before each of `conditions` is [set](Self::set).
    pub fn new(conditions: &[&'static str]) -> Self {
        Self {
            missing: watch::Sender::new(conditions.iter().copied().collect()),
        }
    }

    /// Says whether a condition is met.
    pub fn set(&self, condition: &'static str, met: bool) {
        self.missing.send_if_modified(|missing| match met {
            true => missing.remove(condition),
            false => missing.insert(condition),
        });
    }

    /// The conditions that are not met.
    pub fn missing(&self) -> Vec<&'static str> {
        self.missing.borrow().iter().copied().collect()
    }
}

/// Why there are no probes.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for probes and metrics: {source}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

struct Shared {
    registry: Registry,
    readiness: Readiness,
}

/// Listens on `address` and answers for as long as the returned task lives.
///
/// # Errors
/// The address cannot be bound; it is named.
pub async fn serve(
    address: SocketAddr,
    registry: Registry,
    readiness: Readiness,
) -> Result<tokio::task::JoinHandle<io::Result<()>>, ListenError> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| ListenError { address, source })?;
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Shared { registry, readiness }));
    Ok(tokio::spawn(async move { axum::serve(listener, router).await }))
}

async fn readyz(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    match shared.readiness.missing().as_slice() {
        [] => (StatusCode::OK, "ok\n".to_owned()),
        missing => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("waiting for: {}\n", missing.join(", ")),
        ),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let mut text = String::new();
    match encode(&mut text, &shared.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text)
        }
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain")],
            format!("{error}\n"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_nothing_is_missing() {
        let readiness = Readiness::new(&["caches", "sockets"]);
        readiness.set("caches", true);
        assert_eq!(readiness.missing(), ["sockets"]);
        readiness.set("sockets", true);
        assert!(readiness.missing().is_empty());
        readiness.set("caches", false);
        assert_eq!(readiness.missing(), ["caches"]);
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = serve(address, Registry::default(), Readiness::new(&[]))
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot listen on {address} ")),
            "{error}"
        );
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_process_that_is_alive_but_not_ready_names_what_it_waits_for() {
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let readiness = Readiness::new(&["caches", "sockets"]);
        let mut registry = Registry::default();
        let moves = prometheus_client::metrics::counter::Counter::<u64>::default();
        registry.register("herald_moves", "Addresses that moved", moves.clone());
        let _server = serve(free, registry, readiness.clone()).await.unwrap();
        assert!(get(free, "/livez").await.starts_with("HTTP/1.0 200 OK"));
        let waiting = get(free, "/readyz").await;
        assert!(waiting.starts_with("HTTP/1.0 503 "), "{waiting}");
        assert!(
            waiting.ends_with("\r\n\r\nwaiting for: caches, sockets\n"),
            "{waiting}"
        );
        readiness.set("caches", true);
        readiness.set("sockets", true);
        assert!(get(free, "/readyz").await.starts_with("HTTP/1.0 200 OK"));
        moves.inc();
        let metrics = get(free, "/metrics").await;
        assert!(
            metrics.contains("content-type: application/openmetrics-text; version=1.0.0"),
            "{metrics}"
        );
        assert!(metrics.ends_with("herald_moves_total 1\n# EOF\n"), "{metrics}");
    }
}
