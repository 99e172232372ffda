//! Whether this node forwards what it would be sent: what the program that forwards for Services says of itself (F28).
//!
//! kube-proxy answers `GET /healthz` with 200 or 503, and Cilium does so in its place where its option
//! `kube-proxy-replacement-healthz-bind-address` is set. kube-router answers 200, or 500 with the word `Unhealthy`. Any other answer is
//! one of another program, and says nothing.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

const INTERVAL: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(1);

/// So many rounds without an answer end what was said last: whoever said it has gone, and what it left forwards.
const SILENT_ROUNDS: u8 = 5;

/// The most that is read of an answer.
const LONGEST_ANSWER: u64 = 4096;

/// Where to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthSource {
    /// Nowhere: the node counts as able to forward.
    Off,
    /// At this address.
    At(SocketAddr),
}

impl FromStr for HealthSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::At)
            .map_err(|error| format!("{error}: write ADDRESS:PORT, or off"))
    }
}

/// What an attempt to ask came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The rules are in place.
    Good,
    /// They are not, and the one who should put them there says so.
    Bad,
    /// Nobody answers who can tell.
    Silent,
}

/// Whether the node can forward, as far as is known. Only a clear word that it cannot counts, and only while whoever gave it is there to
/// take it back: without anybody, the rules that there are forward as before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Datapath {
    refused: bool,
    silent_rounds: u8,
}

impl Datapath {
    /// That of a machine that was off: it forwards once whoever sees to that says so, or when nobody has said anything for a while.
    pub fn booting() -> Self {
        Self {
            refused: true,
            silent_rounds: 0,
        }
    }

    /// Takes in what a round came to; whether the node can forward after it.
    pub fn handle_health(&mut self, health: Health) -> bool {
        self.silent_rounds = match health {
            Health::Good | Health::Bad => 0,
            Health::Silent => self.silent_rounds.saturating_add(1),
        };
        self.refused = match health {
            Health::Good => false,
            Health::Bad => true,
            Health::Silent => self.refused && self.silent_rounds < SILENT_ROUNDS,
        };
        !self.refused
    }
}

/// Asks the `sources` once a second, and tells when the node becomes able or unable to forward. The first source that can tell is
/// the one that counts.
pub async fn follow(sources: Vec<HealthSource>, mut datapath: Datapath, can_forward: watch::Sender<bool>) {
    let addresses: Vec<SocketAddr> = sources
        .into_iter()
        .filter_map(|source| match source {
            HealthSource::Off => None,
            HealthSource::At(address) => Some(address),
        })
        .collect();
    if addresses.is_empty() {
        // Nobody would say more, and whoever waits for a change waits on.
        can_forward.send_if_modified(|known| !std::mem::replace(known, true));
        return can_forward.closed().await;
    }
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let health = ask_all(&addresses).await;
        let now = datapath.handle_health(health);
        let changed = can_forward.send_if_modified(|known| std::mem::replace(known, now) != now);
        match (changed, health) {
            (true, Health::Bad) => {
                tracing::warn!("kube-proxy says that it is not ready: other nodes go before this one")
            }
            (true, Health::Good) => tracing::info!("kube-proxy is ready"),
            (true, Health::Silent) => {
                tracing::info!("kube-proxy was not ready and says nothing any more: what it left counts")
            }
            (false, _) => {}
        }
    }
}

async fn ask_all(addresses: &[SocketAddr]) -> Health {
    for address in addresses {
        match ask(*address).await {
            Health::Silent => {}
            verdict @ (Health::Good | Health::Bad) => return verdict,
        }
    }
    Health::Silent
}

/// What whoever listens at the address says of itself.
pub(super) async fn ask(address: SocketAddr) -> Health {
    match tokio::time::timeout(PATIENCE, answer(address)).await {
        Ok(Ok(answer)) => verdict(&String::from_utf8_lossy(&answer)),
        Ok(Err(_)) | Err(_) => Health::Silent,
    }
}

/// What comes back for `GET /healthz`, as far as it is of interest.
async fn answer(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

fn verdict(answer: &str) -> Health {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    if !words.next().is_some_and(|word| word.starts_with("HTTP/1.")) {
        return Health::Silent;
    }
    match words.next() {
        Some("200") => Health::Good,
        Some("503") => Health::Bad,
        // kube-router's way to say it.
        Some("500") if body.contains("Unhealthy") => Health::Bad,
        Some(_) | None => Health::Silent,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_clear_word_counts_and_silence_after_it_ends_it() {
        let mut datapath = Datapath::default();
        assert!(datapath.handle_health(Health::Silent), "nobody was ever there");
        assert!(!datapath.handle_health(Health::Bad));
        for _ in 1..SILENT_ROUNDS {
            assert!(!datapath.handle_health(Health::Silent), "it may be restarting");
        }
        assert!(datapath.handle_health(Health::Silent), "it is gone");
        assert!(datapath.handle_health(Health::Silent));
        assert!(!datapath.handle_health(Health::Bad));
        assert!(datapath.handle_health(Health::Good));
    }

    #[test]
    fn a_machine_that_was_off_forwards_when_that_is_said_or_nobody_says_anything() {
        let mut datapath = Datapath::booting();
        assert!(!datapath.handle_health(Health::Bad));
        assert!(datapath.handle_health(Health::Good));
        let mut alone = Datapath::booting();
        for _ in 1..SILENT_ROUNDS {
            assert!(!alone.handle_health(Health::Silent));
        }
        assert!(alone.handle_health(Health::Silent));
    }

    #[test]
    fn the_silence_counts_anew_after_each_word() {
        let mut datapath = Datapath::default();
        datapath.handle_health(Health::Bad);
        for _ in 0..3 * SILENT_ROUNDS {
            assert!(!datapath.handle_health(Health::Silent));
            assert!(!datapath.handle_health(Health::Bad));
        }
    }

    #[test]
    fn what_another_program_answers_is_no_verdict() {
        let bad = [
            "HTTP/1.1 503 Service Unavailable\r\n\r\n{}",
            "HTTP/1.1 500 Internal Server Error\r\nDate: now\r\n\r\nUnhealthy",
        ];
        let none = [
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "HTTP/1.1 401 Unauthorized\r\n\r\n",
            "HTTP/1.1 301 Moved Permanently\r\n\r\n",
            "HTTP/1.1 500 Internal Server Error\r\n\r\noops",
            "hello 503\r\n",
            "",
        ];
        assert_eq!(bad.map(verdict), [Health::Bad; 2]);
        assert_eq!(none.map(verdict), [Health::Silent; 6]);
        assert_eq!(verdict("HTTP/1.1 200 OK\r\n\r\n{}"), Health::Good);
    }

    #[test]
    fn a_source_is_an_address_or_none_at_all() {
        assert_eq!("off".parse(), Ok(HealthSource::Off));
        let address = "[::1]:10256".parse().unwrap();
        assert_eq!("[::1]:10256".parse(), Ok(HealthSource::At(address)));
        let error = "localhost".parse::<HealthSource>().unwrap_err();
        assert!(error.contains("or off"), "{error}");
    }

    async fn listening(text: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 64];
                let length = stream.read(&mut request).await.unwrap();
                assert!(request[..length].starts_with(b"GET /healthz "));
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        });
        address
    }

    async fn nobody() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn the_first_who_can_tell_is_asked_and_no_other() {
        let good = listening("HTTP/1.1 200 OK\r\n\r\n{}").await;
        let bad = listening("HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        let other = listening("HTTP/1.1 404 Not Found\r\n\r\n").await;
        assert_eq!(ask_all(&[nobody().await, other, bad, good]).await, Health::Bad);
        assert_eq!(ask_all(&[good, bad]).await, Health::Good);
        assert_eq!(ask_all(&[other, nobody().await]).await, Health::Silent);
    }

    #[tokio::test]
    async fn a_node_becomes_unable_and_able_again() {
        let bad = listening("HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        let (sender, mut can_forward) = watch::channel(true);
        let following = tokio::spawn(follow(vec![HealthSource::At(bad)], Datapath::default(), sender));
        can_forward.changed().await.unwrap();
        assert!(!*can_forward.borrow());
        following.abort();
    }

    #[tokio::test]
    async fn whoever_asks_nobody_stays_able() {
        let (sender, can_forward) = watch::channel(true);
        let following = tokio::spawn(follow(vec![HealthSource::Off], Datapath::booting(), sender));
        assert!(*can_forward.borrow());
        drop(can_forward);
        following.await.unwrap();
    }
}
