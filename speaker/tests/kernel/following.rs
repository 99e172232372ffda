use std::fmt::Write;
use std::sync::mpsc::channel;

use speaker::kernel::links::{State, Watcher};

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
    assert_eq!(last.subnets.iter().next().unwrap().to_string(), "192.0.2.1/24");
}

#[test]
fn each_change_of_an_interface_makes_a_new_snapshot() {
    let namespace = Namespace::new("links");
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
    let links = is_open.recv_timeout(PATIENCE).unwrap();
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
