use crate::namespace::Namespace;

/// Two nodes on a switch, `eth0` at both ends: 192.0.2.1, 2001:db8::1 and fe80::1 at the first, those ending in 2 at the second.
pub(crate) struct Segment {
    pub(crate) nodes: [Namespace; 2],
    switch: Namespace,
}

pub(crate) const PORTS: [&str; 2] = ["one", "two"];

impl Segment {
    pub(crate) fn new() -> Self {
        let segment = Self {
            nodes: [Namespace::new("one"), Namespace::new("two")],
            switch: Namespace::new("switch"),
        };
        let Self { nodes, switch } = &segment;
        switch.ip("link add br0 type bridge mcast_snooping 0");
        switch.ip("link set br0 up");
        for (n, (node, port)) in nodes.iter().zip(PORTS).enumerate() {
            node.ip("link set lo up");
            node.wire("eth0", switch, port);
            give_addresses(node, n + 1);
            switch.ip(&format!("link set {port} master br0"));
        }
        segment
    }

    /// Cuts the wire of a node, which its interface does not notice.
    pub(crate) fn cut(&self, port: &str) {
        self.switch.ip(&format!("link set {port} nomaster"));
    }

    pub(crate) fn mend(&self, port: &str) {
        self.switch.ip(&format!("link set {port} master br0"));
    }

    /// A wire from a node to the switch anew, after its interface was deleted.
    pub(crate) fn wire(&self, n: usize) {
        self.nodes[n].wire("eth0", &self.switch, PORTS[n]);
        give_addresses(&self.nodes[n], n + 1);
        self.mend(PORTS[n]);
    }
}

fn give_addresses(node: &Namespace, last: usize) {
    node.ip(&format!("addr add 192.0.2.{last}/24 dev eth0"));
    node.ip(&format!("addr add 2001:db8::{last}/64 dev eth0 nodad"));
    node.ip(&format!("addr add fe80::{last}/64 dev eth0 nodad"));
}
