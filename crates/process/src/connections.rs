//! A server that nobody can hold up: whoever opens many connections, or says nothing on one, takes none from others.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Connections at once. One more ends the oldest: it is the one that is least likely to be a probe of the kubelet, which is answered in
/// a moment.
const CONNECTIONS: usize = 64;

/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection may last: one request and its answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);

/// After an error that is of no connection but of the listener: there are no file descriptors left.
const REST: Duration = Duration::from_millis(100);

/// Answers for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    let mut connections = JoinSet::new();
    let mut order: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((connection, _)) => {
                order.retain(|connection| !connection.is_finished());
                if order.len() >= CONNECTIONS
                    && let Some(oldest) = order.pop_front()
                {
                    oldest.abort();
                }
                order.push_back(connections.spawn(answer(connection, router.clone())));
            }
            Err(error) => {
                tracing::debug!(%error, "connection for probes and metrics not accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// One request: whoever asks again connects again.
async fn answer(connection: TcpStream, router: Router) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(router));
    match tokio::time::timeout(CONNECTION_TIMEOUT, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "connection for probes and metrics broke"),
        Err(_elapsed) => tracing::debug!("connection for probes and metrics took too long"),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Server {
        address: std::net::SocketAddr,
        task: tokio::task::JoinHandle<io::Result<()>>,
    }

    impl Server {
        async fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = Router::new().route("/livez", get(|| async { "ok\n" }));
            Self {
                address,
                task: tokio::spawn(serve(listener, router)),
            }
        }

        /// A client that begins a request and does not end it.
        async fn half_a_request(&self) -> TcpStream {
            let mut connection = TcpStream::connect(self.address).await.unwrap();
            connection
                .write_all(b"GET /livez HTTP/1.1\r\nHost: ")
                .await
                .unwrap();
            connection
        }

        async fn probe(&self) -> String {
            let mut connection = TcpStream::connect(self.address).await.unwrap();
            connection
                .write_all(b"GET /livez HTTP/1.1\r\nHost: herald\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            answer
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    #[tokio::test]
    async fn a_probe_is_answered_though_hundreds_of_clients_say_nothing() {
        let server = Server::new().await;
        let mut silent = Vec::new();
        for _ in 0..4 * CONNECTIONS {
            silent.push(server.half_a_request().await);
        }
        let answer = tokio::time::timeout(Duration::from_secs(5), server.probe())
            .await
            .unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"),
            "{answer}"
        );
        // The oldest had to go.
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), silent[0].read_to_end(&mut rest));
        let _reset_or_closed = ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_does_not_end_its_request_is_cut_off() {
        let server = Server::new().await;
        let mut slow = server.half_a_request().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::time::pause();
        let mut rest = Vec::new();
        let bound = HEADER_TIMEOUT + Duration::from_secs(1);
        let ended = tokio::time::timeout(bound, slow.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still there");
    }
}
