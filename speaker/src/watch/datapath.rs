//! Whether this node forwards what it would be sent: what kube-proxy says of itself, where there is one (F28).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

const INTERVAL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(1);

/// What an attempt to ask kube-proxy came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It says that its rules are in place.
    Good,
    /// It says that they are not.
    Bad,
    /// Nobody answers. There may be no kube-proxy at all, or it is being restarted: the rules that it left forward as before.
    Silent,
}

/// Whether the node is able to forward after this answer, if it was `able` before: only an answer changes that.
pub fn able(able: bool, health: Health) -> bool {
    match health {
        Health::Good => true,
        Health::Bad => false,
        Health::Silent => able,
    }
}

/// Asks kube-proxy at `address` once a second, and tells when the node becomes able or unable.
pub async fn follow(address: SocketAddr, ready: watch::Sender<bool>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let health = ask(address).await;
        let changed = ready.send_if_modified(|known| {
            let now = able(*known, health);
            std::mem::replace(known, now) != now
        });
        match (changed, health) {
            (true, Health::Bad) => {
                tracing::warn!("kube-proxy says that it is not ready: this node hands over")
            }
            (true, _) => tracing::info!("kube-proxy is ready"),
            (false, _) => {}
        }
    }
}

async fn ask(address: SocketAddr) -> Health {
    match tokio::time::timeout(PATIENCE, status(address)).await {
        Ok(Ok(Some(200))) => Health::Good,
        Ok(Ok(Some(_))) => Health::Bad,
        Ok(Ok(None) | Err(_)) | Err(_) => Health::Silent,
    }
}

/// The status of `GET /healthz`; none if the answer is not HTTP.
async fn status(address: SocketAddr) -> std::io::Result<Option<u16>> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    let mut words = line.split(' ');
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
    let status = words.next().and_then(|word| word.parse().ok());
    Ok(status.filter(|_| is_http))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn only_an_answer_changes_whether_a_node_is_able() {
        for before in [true, false] {
            assert!(able(before, Health::Good));
            assert!(!able(before, Health::Bad));
            assert_eq!(able(before, Health::Silent), before);
        }
    }

    async fn answer(text: &'static str) -> Health {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 64];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            request[..length].starts_with(b"GET /healthz ")
        });
        let health = ask(address).await;
        assert!(server.await.unwrap());
        health
    }

    #[tokio::test]
    async fn the_answer_is_its_status() {
        assert_eq!(answer("HTTP/1.1 200 OK\r\n\r\n{}").await, Health::Good);
        assert_eq!(
            answer("HTTP/1.1 503 Service Unavailable\r\n\r\n").await,
            Health::Bad
        );
        assert_eq!(answer("hello 200\r\n").await, Health::Silent);
    }

    #[tokio::test]
    async fn where_nobody_listens_there_is_silence() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(ask(address).await, Health::Silent);
    }
}
