use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Context, Result};
use serde_json::Value;

/// A route that a router has learned from one peer, in the router's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// The prefix.
    pub prefix: String,
    /// Who announced it: to FRR the peer's address or the interface, to BIRD the name of the protocol.
    pub peer: String,
    /// The next hop; of an IPv6 one the global address first, then the link-local.
    pub next_hops: Vec<IpAddr>,
    /// The AS numbers on the way, the peer's first.
    pub as_path: Vec<u32>,
    /// LOCAL_PREF, as the router counts it.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// Communities as `65000:100`; FRR calls the known ones by name: `graceful-shutdown`.
    pub communities: BTreeSet<String>,
    /// Large communities as `65000:1:2`.
    pub large_communities: BTreeSet<String>,
    /// Extended communities as the router writes them.
    pub extended_communities: String,
    /// Whether it is kept only because its peer is restarting, as FRR says; BIRD does not.
    pub stale: bool,
    /// Whether traffic goes there: the best one, or one of equals.
    pub used: bool,
}

impl Learned {
    /// A path of what `show bgp … PREFIX json` of FRR prints.
    pub(super) fn of_frr(prefix: &str, path: &Value) -> Result<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let words = |value: &Value| text(value).split_whitespace().map(str::to_owned).collect();
        let hops = path["nexthops"].as_array().into_iter().flatten();
        let as_path = text(&path["aspath"]["string"]);
        Ok(Self {
            prefix: prefix.to_owned(),
            peer: path["peer"]["peerId"]
                .as_str()
                .map_or_else(|| text(&path["peer"]["interface"]), str::to_owned),
            next_hops: hops.filter_map(|hop| hop["ip"].as_str()?.parse().ok()).collect(),
            as_path: numbers(as_path.strip_prefix("Local").unwrap_or(&as_path))?,
            local_pref: number(&path["locPrf"]),
            med: number(&path["metric"]).or_else(|| number(&path["med"])),
            communities: words(&path["community"]["string"]),
            large_communities: words(&path["largeCommunity"]["string"]),
            extended_communities: text(&path["extendedCommunity"]["string"]),
            stale: path["stale"] == true,
            used: path["bestpath"]["overall"] == true || path["multipath"] == true,
        })
    }

    /// All that `show route all` of BIRD prints, of one or several tables.
    pub(super) fn of_bird(text: &str) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        let mut prefix = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix('\t') {
                if let Some(route) = all.last_mut() {
                    route.read_bird(rest.trim())?;
                }
                continue;
            }
            // `192.0.2.1/32  unicast [n1 14:00:00.000] * (100) [AS64512i]`; further ones of a prefix leave it out.
            let Some((before, after)) = line.split_once('[') else {
                continue;
            };
            let mut words = before.split_whitespace();
            if !line.starts_with(' ') {
                prefix = words.next().context("a route without a prefix")?.to_owned();
            }
            let (inside, after) = after.split_once(']').context("a route without a protocol")?;
            all.push(Self {
                prefix: prefix.clone(),
                peer: inside.split_whitespace().next().unwrap_or_default().to_owned(),
                used: after.split_whitespace().any(|word| word == "*"),
                ..Self::default()
            });
        }
        Ok(all)
    }

    fn read_bird(&mut self, line: &str) -> Result<()> {
        let Some((name, value)) = line.split_once(": ") else {
            return Ok(());
        };
        // `(64512,100) (64512,200)`
        let tuples = || {
            let tuples = value.split(')').filter_map(|tuple| tuple.split_once('('));
            tuples
                .map(|(_, tuple)| tuple.replace(", ", ":").replace(',', ":"))
                .collect()
        };
        match name.strip_prefix("BGP.").unwrap_or_default() {
            "next_hop" => {
                let hops = value.split_whitespace().map(str::parse).collect::<Result<_, _>>();
                self.next_hops = hops.with_context(|| format!("a next hop in {value}"))?;
            }
            "as_path" => self.as_path = numbers(value)?,
            "local_pref" => self.local_pref = value.parse().ok(),
            "med" => self.med = value.parse().ok(),
            "community" => self.communities = tuples(),
            "large_community" => self.large_communities = tuples(),
            "ext_community" => value.clone_into(&mut self.extended_communities),
            _ => {}
        }
        Ok(())
    }
}

fn numbers(path: &str) -> Result<Vec<u32>> {
    let numbers = path.split_whitespace().map(str::parse);
    numbers
        .collect::<Result<_, _>>()
        .with_context(|| format!("an AS path that is no list of numbers: {path}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_attribute_is_found_in_what_frr_prints() {
        let path = json!({
            "aspath": {"string": "64512 64512", "length": 2},
            "origin": "IGP", "metric": 7, "locPrf": 200, "valid": true, "stale": true, "multipath": true,
            "community": {"string": "64512:100 graceful-shutdown"},
            "largeCommunity": {"string": "64512:1:2"},
            "extendedCommunity": {"string": "LB:64512:3 (0.000 Mbps)"},
            "nexthops": [{"ip": "fd00:1::11", "scope": "global"}, {"ip": "fe80::1", "scope": "link-local"}],
            "peer": {"peerId": "fd00:1::11", "type": "external"},
        });
        let expected = Learned {
            prefix: "2001:db8::1/128".into(),
            peer: "fd00:1::11".into(),
            next_hops: vec!["fd00:1::11".parse().unwrap(), "fe80::1".parse().unwrap()],
            as_path: vec![64512, 64512],
            local_pref: Some(200),
            med: Some(7),
            communities: set(&["64512:100", "graceful-shutdown"]),
            large_communities: set(&["64512:1:2"]),
            extended_communities: "LB:64512:3 (0.000 Mbps)".into(),
            stale: true,
            used: true,
        };
        assert_eq!(Learned::of_frr("2001:db8::1/128", &path).unwrap(), expected);
    }

    #[test]
    fn an_internal_route_has_an_empty_path() {
        let path = json!({"aspath": {"string": "Local", "length": 0}, "locPrf": 0});
        let route = Learned::of_frr("192.0.2.1/32", &path).unwrap();
        assert_eq!((route.as_path, route.local_pref), (vec![], Some(0)));
    }

    #[test]
    fn every_attribute_is_found_in_what_bird_prints() {
        let text = "\
BIRD 2.0.12 ready.
Table master4:
192.0.2.1/32         unicast [n1 14:00:00.000] * (100) [AS64512i]
\tvia 192.168.1.11 on eth0
\tType: BGP univ
\tBGP.origin: IGP
\tBGP.as_path: 64512 64512
\tBGP.next_hop: 192.168.1.11
\tBGP.med: 7
\tBGP.local_pref: 100
\tBGP.community: (64512,100) (65535,0)
\tBGP.large_community: (64512, 1, 2)
                     unicast [n2 14:00:01.000] (100) [AS64512i]
\tvia 192.168.1.12 on eth0
\tBGP.next_hop: 192.168.1.12
";
        let routes = Learned::of_bird(text).unwrap();
        let [first, second] = routes.as_slice() else {
            panic!("{routes:?}");
        };
        assert_eq!(
            (first.prefix.as_str(), first.peer.as_str()),
            ("192.0.2.1/32", "n1")
        );
        assert_eq!(
            (first.as_path.as_slice(), first.med, first.local_pref),
            ([64512, 64512].as_slice(), Some(7), Some(100))
        );
        assert_eq!(first.communities, set(&["64512:100", "65535:0"]));
        assert_eq!(first.large_communities, set(&["64512:1:2"]));
        assert!(first.used && !second.used);
        assert_eq!(
            (second.prefix.as_str(), second.peer.as_str()),
            ("192.0.2.1/32", "n2")
        );
    }
}
