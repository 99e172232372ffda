//! The HTTP server for probes and metrics: `/livez`, `/readyz`, `/metrics`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::clock::now;
use crate::connections;
pub use crate::liveness::{Liveness, Pulse, Wedged};
pub use crate::readiness::Readiness;

/// EAFNOSUPPORT of Linux: the kernel does not know the family of the address.
const NO_IPV6: i32 = 97;

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
    liveness: Liveness,
}

/// Listens on `address` and answers for as long as the returned task lives. What `readiness` counts is among the metrics.
///
/// # Errors
/// The address cannot be bound; it is named.
pub async fn serve(
    address: SocketAddr,
    mut registry: Registry,
    readiness: Readiness,
    liveness: Liveness,
) -> Result<tokio::task::JoinHandle<io::Result<()>>, ListenError> {
    let listener = bind(address)
        .await
        .map_err(|source| ListenError { address, source })?;
    readiness.register(&mut registry);
    let shared = Shared {
        registry,
        readiness,
        liveness,
    };
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(shared));
    Ok(tokio::spawn(connections::serve(listener, router)))
}

async fn livez(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let wedged = shared.liveness.wedged(now());
    let lines = wedged.iter().map(|wedged| format!("{wedged}\n")).collect();
    all_well(lines)
}

/// Binds `address`. All of IPv6 means IPv4 too, and IPv4 alone where the kernel knows no IPv6.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && error.raw_os_error() == Some(NO_IPV6) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        other => other,
    }
}

async fn readyz(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    let missing = shared.readiness.missing();
    let line = |(condition, reason)| format!("{condition}: {reason}\n");
    all_well(missing.into_iter().map(line).collect())
}

/// One line for each thing that is wrong.
fn all_well(wrong: Vec<String>) -> (StatusCode, String) {
    match wrong.is_empty() {
        true => (StatusCode::OK, "ok\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, wrong.concat()),
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

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = serve(
            address,
            Registry::default(),
            Readiness::new(&[]),
            Liveness::default(),
        )
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
        let _server = serve(free, registry, readiness.clone(), Liveness::default())
            .await
            .unwrap();
        assert!(get(free, "/livez").await.starts_with("HTTP/1.0 200 OK"));
        readiness.unmet("sockets", "no right to list services");
        let waiting = get(free, "/readyz").await;
        assert!(waiting.starts_with("HTTP/1.0 503 "), "{waiting}");
        assert!(
            waiting.ends_with("\r\n\r\ncaches: not yet\nsockets: no right to list services\n"),
            "{waiting}"
        );
        readiness.met("caches");
        readiness.met("sockets");
        assert!(get(free, "/readyz").await.starts_with("HTTP/1.0 200 OK"));
        moves.inc();
        let metrics = get(free, "/metrics").await;
        assert!(
            metrics.contains("content-type: application/openmetrics-text; version=1.0.0"),
            "{metrics}"
        );
        assert!(metrics.contains("herald_moves_total 1\n"), "{metrics}");
        assert!(
            metrics.contains("herald_ready_condition{condition=\"caches\"} 1\n"),
            "{metrics}"
        );
        assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    }

    #[tokio::test]
    async fn a_process_whose_loop_is_wedged_is_not_alive() {
        let liveness = Liveness::default();
        let shared = Shared {
            registry: Registry::default(),
            readiness: Readiness::new(&[]),
            liveness: liveness.clone(),
        };
        let shared = Arc::new(shared);
        let mut pulse = liveness.register("decide", std::time::Duration::ZERO);
        let (status, body) = livez(State(shared.clone())).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.starts_with("decide has not turned for "), "{body}");
        pulse.beat();
        drop(pulse);
        assert_eq!(livez(State(shared)).await, (StatusCode::OK, "ok\n".to_owned()));
    }
}
