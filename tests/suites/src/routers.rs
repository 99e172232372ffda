use std::fmt::Write;
use std::net::Ipv4Addr;

use lab::{Host, Router};

/// A router's end of its sessions with nodes, written down as FRR or as BIRD wants it.
#[derive(Clone, Debug)]
pub struct Peering {
    /// The router's AS number.
    pub asn: u32,
    /// Its BGP identifier.
    pub identifier: Ipv4Addr,
    /// One for each session.
    pub neighbours: Vec<Neighbour>,
    /// Further lines of the instance: of `router bgp` in FRR, of the file in BIRD.
    pub more: String,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// What BIRD calls it.
    pub name: String,
    /// Address of the node; for FRR an interface is possible too.
    pub address: String,
    /// The AS that the node is to have: a number, `internal` or `external`.
    pub remote: String,
    /// Families carried.
    pub families: Vec<&'static str>,
    /// What FRR is told further of it, each after `neighbor ADDRESS`.
    pub frr: Vec<String>,
    /// What BIRD is told further of it, each closed by a semicolon.
    pub bird: Vec<String>,
    /// What BIRD is told further in each channel.
    pub bird_channel: Vec<String>,
}

impl Neighbour {
    /// A session over IPv4 for IPv4, called after the node and the family: `n1_4`.
    pub fn v4(node: &Host, remote: impl ToString) -> Self {
        Self::over(format!("{}_4", node.name), node.v4.to_string(), remote, &["ipv4"])
    }

    /// A session over IPv6 for IPv6.
    pub fn v6(node: &Host, remote: impl ToString) -> Self {
        Self::over(format!("{}_6", node.name), node.v6.to_string(), remote, &["ipv6"])
    }

    /// Any session.
    pub fn over(name: String, address: String, remote: impl ToString, families: &[&'static str]) -> Self {
        Self {
            name,
            address,
            remote: remote.to_string(),
            families: families.to_vec(),
            frr: vec![],
            bird: vec![],
            bird_channel: vec![],
        }
    }

    /// With more words for both.
    #[must_use]
    pub fn with(mut self, frr: &str, bird: &str) -> Self {
        let words = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.frr.extend(words(frr));
        self.bird.extend(words(bird));
        self
    }

    /// With more words in each channel of BIRD.
    #[must_use]
    pub fn with_channel(mut self, bird: &str) -> Self {
        self.bird_channel.push(bird.to_owned());
        self
    }
}

impl Peering {
    /// With these sessions.
    pub fn of(router: &Router<'_>, asn: u32, neighbours: impl IntoIterator<Item = Neighbour>) -> Self {
        Self {
            asn,
            identifier: router.loopback_v4,
            neighbours: neighbours.into_iter().collect(),
            more: String::new(),
        }
    }

    /// With more lines of the instance.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.more.push_str(more);
        self.more.push('\n');
        self
    }

    /// For FRR. It dials as well, so that each session begins in a collision.
    pub fn frr(&self) -> String {
        let mut text = format!(
            "router bgp {}\n bgp router-id {}\n no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n\
             {}",
            self.asn, self.identifier, self.more
        );
        for one in &self.neighbours {
            let address = &one.address;
            if address.parse::<std::net::IpAddr>().is_ok() {
                let _ = writeln!(text, " neighbor {address} remote-as {}", one.remote);
            } else {
                let _ = writeln!(text, " neighbor {address} interface remote-as {}", one.remote);
            }
            let _ = writeln!(text, " neighbor {address} timers connect 1");
            for line in &one.frr {
                let _ = writeln!(text, " neighbor {address} {line}");
            }
        }
        for family in ["ipv4", "ipv6"] {
            let _ = writeln!(
                text,
                " address-family {family} unicast\n  maximum-paths 8\n  maximum-paths ibgp 8"
            );
            for one in self
                .neighbours
                .iter()
                .filter(|one| one.families.contains(&family))
            {
                let _ = writeln!(text, "  neighbor {} activate", one.address);
            }
            text.push_str(" exit-address-family\n");
        }
        text + "exit\n"
    }

    /// For BIRD, which waits for the nodes to dial.
    pub fn bird(&self) -> String {
        let mut text = format!(
            "router id {};\nlog stderr all;\nprotocol device {{}}\n\
             protocol direct {{ ipv4; ipv6; interface \"eth0\"; }}\n{}",
            self.identifier, self.more
        );
        for family in ["ipv4", "ipv6"] {
            let _ = writeln!(
                text,
                "protocol kernel {{ merge paths on; {family} {{ export where source = RTS_BGP; }}; }}"
            );
        }
        for one in &self.neighbours {
            let _ = writeln!(
                text,
                "protocol bgp {} {{ local as {}; neighbor {} {}; passive on; error wait time 1, 2; {}",
                one.name,
                self.asn,
                one.address,
                match one.remote.as_str() {
                    kind @ ("internal" | "external") => kind.to_owned(),
                    number => format!("as {number}"),
                },
                one.bird.join(" ")
            );
            for family in &one.families {
                let more = one.bird_channel.join(" ");
                let _ = writeln!(text, "  {family} {{ import all; export none; {more} }};");
            }
            text.push_str("}\n");
        }
        text
    }
}
