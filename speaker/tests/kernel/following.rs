use std::fmt::Write;
use std::sync::Arc;
use std::sync::mpsc::channel;

use speaker::kernel::links::{AddressKind, Links, State, Watcher};
use tokio::sync::watch;

use crate::namespace::{Namespace, PATIENCE, eventually};

/// More happens than the socket has room for while nobody reads it: the kernel drops events and says so.
#[test]
fn after_events_were_lost_the_snapshot_is_complete_again() {
    let namespace = Namespace::new("busy");
    let (opened, is_open) = channel();
    let (go_on, may_go_on) = channel();
    let thread = namespace.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (watcher, mut links) = Watcher::open().await.unwrap();
            opened.send(links.borrow().len()).unwrap();
            may_go_on.recv_timeout(PATIENCE).unwrap();
            tokio::spawn(watcher.run());
            let complete = links.wait_for(|links| links.len() == 3 && links.contains_key("last0"));
            tokio::time::timeout(PATIENCE, complete)
                .await
                .unwrap()
                .unwrap()
                .clone()
        })
    });
    assert_eq!(is_open.recv_timeout(PATIENCE).unwrap(), 1, "only the loopback");
    let mut batch = String::new();
    for number in 0..200 {
        writeln!(batch, "link add a{number} type veth peer name b{number}").unwrap();
        writeln!(batch, "link set a{number} up").unwrap();
        writeln!(batch, "link del a{number}").unwrap();
    }
    writeln!(
        batch,
        "link add last0 address 02:00:00:00:00:05 type veth peer name last1"
    )
    .unwrap();
    writeln!(batch, "addr add 192.0.2.1/24 dev last0\nlink set last0 up").unwrap();
    let file = std::env::temp_dir().join(format!("herald-{}-links", std::process::id()));
    std::fs::write(&file, batch).unwrap();
    namespace.ip(&format!("-batch {}", file.display()));
    std::fs::remove_file(&file).unwrap();
    go_on.send(()).unwrap();
    let links = thread.join().unwrap();
    let last = &links["last0"];
    assert_eq!(last.mac.unwrap().to_string(), "02:00:00:00:00:05");
    assert_eq!(last.state, State::NoCarrier);
    assert!(last.own.contains(&"192.0.2.1".parse().unwrap()));
}

/// What a watcher in this namespace tells.
fn followed(namespace: &Namespace) -> watch::Receiver<Arc<Links>> {
    let (opened, is_open) = channel();
    drop(namespace.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (watcher, links) = Watcher::open().await.unwrap();
            opened.send(links).unwrap();
            watcher.run().await;
        });
    }));
    is_open.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn routes_are_followed_where_the_kernel_replaces_and_drops_them_without_a_word() {
    let namespace = Namespace::new("routes");
    let links = followed(&namespace);
    namespace.ip("link add eth0 type veth peer name eth1");
    for link in ["eth0", "eth1"] {
        namespace.ip(&format!("link set {link} up"));
    }
    let eth0 = || links.borrow()["eth0"].clone();
    let carries = |address: &str| eth0().carries(address.parse().unwrap());
    let gateways = || -> Vec<String> {
        let gateways = eth0().gateways.into_iter();
        gateways
            .filter_map(|gateway| Some(gateway.address?.to_string()))
            .collect()
    };
    namespace.ip("addr add 192.0.2.1/32 dev eth0");
    namespace.ip("route add 192.0.2.0/24 dev eth0 scope link");
    eventually("the LAN is on the link", || carries("192.0.2.9"));
    for (router, command) in [("192.0.2.2", "add"), ("192.0.2.3", "replace")] {
        namespace.ip(&format!("route {command} default via {router} dev eth0"));
        eventually("there is a router", || gateways() == [router]);
    }
    namespace.ip("addr del 192.0.2.1/32 dev eth0");
    eventually("all is gone with the address", || {
        !carries("192.0.2.9") && gateways().is_empty()
    });
    assert_eq!(namespace.ip("route show"), "", "as in the kernel");
    namespace.ip("addr add 2001:db8::1/64 dev eth0 preferred_lft 0 nodad");
    eventually("an address that is about to go", || {
        eth0()
            .addresses
            .iter()
            .any(|address| address.kind == AddressKind::Deprecated)
    });
}

#[test]
fn each_change_of_an_interface_makes_a_new_snapshot() {
    let namespace = Namespace::new("links");
    let links = followed(&namespace);
    let eth0 = || links.borrow().get("eth0").cloned();
    namespace.ip("link add eth0 type veth peer name eth1");
    eventually("it appears", || {
        eth0().is_some_and(|link| link.state == State::Down)
    });
    namespace.ip("link set eth0 up");
    eventually("it is up", || {
        eth0().is_some_and(|link| link.state == State::NoCarrier)
    });
    namespace.ip("link set eth1 up");
    eventually("it has a carrier", || {
        eth0().is_some_and(|link| link.state == State::Up)
    });
    namespace.ip("link set eth0 arp off");
    eventually("it does no ARP", || eth0().is_some_and(|link| !link.resolves));
    namespace.ip("addr add 192.0.2.1/24 dev eth0");
    eventually("it has an address", || {
        eth0().is_some_and(|link| !link.subnets.is_empty())
    });
    namespace.ip("link del eth0");
    eventually("it is gone", || eth0().is_none());
}
