use std::fmt::Debug;

use anyhow::{Result, ensure};
use lab::{Bird, Frr, Learned};
use serde_json::{Value, json};

use super::Bed;

/// The addresses of the pool of the suites of BGP: on no link.
pub const BGP_POOL: [&str; 2] = ["198.51.100.0/24", "2001:db8:100::/120"];

/// A routing daemon as the suites look at it.
pub trait Learns {
    /// Its name, for what is told of failures.
    fn name(&self) -> &'static str;

    /// What it has learned of a prefix, sorted by peer.
    ///
    /// # Errors
    /// It does not answer.
    fn routes(&self, prefix: &str) -> Result<Vec<Learned>>;
}

impl Learns for Frr<'_> {
    fn name(&self) -> &'static str {
        "FRR"
    }

    fn routes(&self, prefix: &str) -> Result<Vec<Learned>> {
        self.routes(prefix)
    }
}

impl Learns for Bird<'_> {
    fn name(&self) -> &'static str {
        "BIRD"
    }

    fn routes(&self, prefix: &str) -> Result<Vec<Learned>> {
        self.routes(prefix)
    }
}

impl Bed {
    /// A cluster with a controller and a pool of both families for BGP. No speaker runs.
    ///
    /// # Errors
    /// Something does not come up.
    pub fn for_bgp(bed: Self) -> Result<Self> {
        bed.object("IPPool", "bgp", json!({"addresses": BGP_POOL}))?;
        bed.controller(1)?;
        Ok(bed)
    }

    /// Creates or changes an object of Herald's.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn object(&self, kind: &str, name: &str, spec: Value) -> Result<()> {
        self.apply(kind, name, spec)
    }

    /// Deletes an object of Herald's.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn delete(&self, kind: &str, name: &str) -> Result<()> {
        self.lab
            .kubectl(&["delete", "--wait=false", kind, name])
            .map(drop)
    }

    /// Creates or changes a BGPPeer.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn peer(&self, name: &str, spec: Value) -> Result<()> {
        self.object("BGPPeer", name, spec)
    }

    /// Creates or changes a BGPAdvertisement.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn bgp_advertise(&self, name: &str, spec: Value) -> Result<()> {
        self.object("BGPAdvertisement", name, spec)
    }

    /// Creates or changes a Secret with the password of peers.
    ///
    /// # Errors
    /// The API server refuses it.
    pub fn password(&self, name: &str, password: &str) -> Result<()> {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
            "metadata": {"name": name, "namespace": "herald-system"},
            "stringData": {"password": password},
        });
        self.lab.kubectl_apply(&object.to_string()).map(drop)
    }

    /// Waits until a router has learned what satisfies `wanted` of a prefix, and gives it.
    ///
    /// # Errors
    /// It does not come to that in time: the error shows what it has.
    pub fn learns(
        &self,
        router: &impl Learns,
        prefix: &str,
        what: &str,
        wanted: impl Fn(&[Learned]) -> bool,
    ) -> Result<Vec<Learned>> {
        self.wait(&format!("{}: {prefix}: {what}", router.name()), || {
            let routes = router.routes(prefix)?;
            ensure!(wanted(&routes), "it has {}", shown(&routes));
            Ok(Some(routes))
        })
    }

    /// Waits until a router has routes for a prefix from exactly these peers, as it calls them.
    ///
    /// # Errors
    /// It does not come to that in time.
    pub fn learns_from(&self, router: &impl Learns, prefix: &str, peers: &[&str]) -> Result<Vec<Learned>> {
        let mut sorted = peers.to_vec();
        sorted.sort_unstable();
        self.learns(router, prefix, &format!("from {sorted:?}"), |routes| {
            routes
                .iter()
                .map(|route| route.peer.as_str())
                .eq(sorted.iter().copied())
        })
    }

    /// What the speaker of a node says of its session with a peer; null: it has none.
    ///
    /// # Errors
    /// There is no such Speaker.
    pub fn session(&self, node: &str, peer: &str) -> Result<Value> {
        let speaker = self.lab.kubectl_json(&["get", "speaker", node])?;
        let mut sessions = speaker["status"]["bgpSessions"].as_array().into_iter().flatten();
        Ok(sessions
            .find(|session| session["peer"] == peer)
            .cloned()
            .unwrap_or_default())
    }

    /// Waits until the speaker of a node says that its session with a peer is in this state.
    ///
    /// # Errors
    /// It does not come to that in time.
    pub fn session_is(&self, node: &str, peer: &str, state: &str) -> Result<Value> {
        self.wait(&format!("{node} to say {state} of {peer}"), || {
            let session = self.session(node, peer)?;
            ensure!(session["state"] == state, "it says {session}");
            Ok(Some(session))
        })
    }
}

fn shown(routes: &[impl Debug]) -> String {
    if routes.is_empty() {
        return "nothing".to_owned();
    }
    format!("{routes:?}")
}
