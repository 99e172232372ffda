use crate::namespace::{Namespace, eventually};

/// Two namespaces with a wire between them: `eth0` at both ends, 192.0.2.1 and 2001:db8::1 at that of the node, 192.0.2.2
/// and 2001:db8::2 at that of the client.
pub(crate) struct Segment {
    pub(crate) node: Namespace,
    pub(crate) client: Namespace,
}

impl Segment {
    pub(crate) fn new() -> Self {
        let segment = Self {
            node: Namespace::new("node"),
            client: Namespace::new("client"),
        };
        segment.node.wire("eth0", &segment.client, "eth0");
        segment.node.ip("addr add 192.0.2.1/24 dev eth0");
        segment.client.ip("addr add 192.0.2.2/24 dev eth0");
        segment.node.ip("addr add 2001:db8::1/64 dev eth0 nodad");
        segment.client.ip("addr add 2001:db8::2/64 dev eth0 nodad");
        segment
    }

    /// The same with a switch in the middle, which has the ports `node` and `client` and forwards groups only where
    /// somebody has asked for them.
    pub(crate) fn switched() -> (Self, Namespace) {
        let segment = Self {
            node: Namespace::new("node"),
            client: Namespace::new("client"),
        };
        let switch = Namespace::new("switch");
        switch.ip("link add br0 type bridge mcast_snooping 1 mcast_querier 1 mcast_mld_version 2");
        switch.ip("link set br0 up");
        for (host, port, addresses) in [
            (&segment.node, "node", ["192.0.2.1/24", "2001:db8::1/64"]),
            (&segment.client, "client", ["192.0.2.2/24", "2001:db8::2/64"]),
        ] {
            host.wire("eth0", &switch, port);
            switch.ip(&format!("link set {port} master br0"));
            for address in addresses {
                host.ip(&format!("addr add {address} dev eth0 nodad"));
            }
        }
        (segment, switch)
    }

    /// What the client's kernel believes about `address`: the hardware address of its entry, if it has one.
    pub(crate) fn entry(&self, address: &str) -> Option<String> {
        let entry = self.client.ip(&format!("neigh show {address}"));
        entry
            .split_whitespace()
            .skip_while(|word| *word != "lladdr")
            .nth(1)
            .map(str::to_owned)
    }

    /// Has the client's kernel ask for `address`, until its entry names `hardware`.
    pub(crate) fn resolves(&self, address: &str, hardware: &str) {
        eventually(&format!("{address} is at {hardware}"), || {
            // Nobody answers the ping itself: no address is ever added to the node (P-L2-51).
            self.client.output("ping", &format!("-c 1 -W 0.1 {address}"));
            self.entry(address).as_deref() == Some(hardware)
        });
    }

    /// Whether `arping` gets an answer within a second.
    pub(crate) fn is_answered(&self, address: &str) -> bool {
        self.client
            .output("arping", &format!("-b -f -w 1 -I eth0 {address}"))
            .status
            .success()
    }
}
