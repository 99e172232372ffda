//! What a client on the LAN sees.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::lab::Lab;
use crate::netns;
use crate::plan::Host;

/// An entry of a host's neighbour table (ARP or NDP).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Neighbour {
    /// The address asked for.
    #[serde(rename = "dst")]
    pub address: IpAddr,
    /// The answer; none while there is none.
    #[serde(rename = "lladdr")]
    pub mac: Option<String>,
    /// The kernel's states: `REACHABLE`, `STALE`, `FAILED` and others.
    #[serde(default)]
    pub state: Vec<String>,
}

impl Lab {
    /// What a host believes about an address; none: it has not asked.
    pub fn neighbour(&self, host: &str, address: IpAddr) -> Result<Option<Neighbour>> {
        let table = netns::ip(
            &self.host(host)?.netns,
            &["-j", "neigh", "show", &address.to_string()],
        )?;
        parse_neighbours(&table).map(|entries| entries.into_iter().next())
    }

    /// Makes a host forget what it believes about an address.
    pub fn forget_neighbour(&self, host: &str, address: IpAddr) -> Result<()> {
        if self.neighbour(host, address)?.is_some() {
            let words = ["neigh", "del", &address.to_string(), "dev", "eth0"];
            netns::ip(&self.host(host)?.netns, &words)?;
        }
        Ok(())
    }

    /// Whose MAC address this is.
    pub fn host_with_mac(&self, mac: &str) -> Option<Host> {
        self.state()
            .hosts
            .values()
            .find(|host| host.mac.eq_ignore_ascii_case(mac))
            .cloned()
    }

    /// `curl` on a host, with a time limit in seconds; an answer that is not a success is an error.
    pub fn curl(&self, host: &str, url: &str, limit: u32) -> Result<String> {
        self.exec(
            host,
            &["curl", "-sS", "--fail", "--max-time", &limit.to_string(), url],
        )
    }

    /// One GET over a fresh connection from a host, without starting a process; gives the whole answer, head and body.
    pub fn http_get(&self, host: &str, to: SocketAddr, path: &str, limit: Duration) -> Result<String> {
        self.inside(host, || http_get(to, path, limit))?
    }
}

/// One GET over a fresh connection from the namespace that the thread is in.
pub(crate) fn http_get(to: SocketAddr, path: &str, limit: Duration) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn parse_neighbours(table: &str) -> Result<Vec<Neighbour>> {
    if table.trim().is_empty() {
        return Ok(vec![]);
    }
    serde_json::from_str(table).with_context(|| format!("`ip -j neigh` printed {table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_without_an_answer_has_no_mac() {
        let table = r#"[{"dst":"192.168.1.200","dev":"eth0","lladdr":"02:00:c0:a8:01:0b","state":["REACHABLE"]},
                        {"dst":"192.168.1.201","dev":"eth0","state":["FAILED"]}]"#;
        let entries = parse_neighbours(table).unwrap();
        assert_eq!(entries[0].mac.as_deref(), Some("02:00:c0:a8:01:0b"));
        assert_eq!(
            (entries[1].mac.as_deref(), entries[1].state.as_slice()),
            (None, &["FAILED".to_owned()][..])
        );
        assert_eq!(parse_neighbours("\n").unwrap(), []);
    }
}
