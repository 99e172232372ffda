use std::future::Future;
use std::process::Command;

use l2::filter::{Instruction, LONGEST};
use l2::wire::arp::ETHERTYPE;
use speaker::kernel::packet::{PacketSocket, SocketError};
use speaker::kernel::reserve;

use crate::namespace::Namespace;
use crate::node::Node;
use crate::segment::Segment;

const EVERYTHING: Instruction = Instruction {
    code: 0x06,
    jt: 0,
    jf: 0,
    k: 128,
};

/// Runs `work` in the namespace, within a runtime.
fn within<T, F>(namespace: &Namespace, work: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { work().await })
    };
    namespace.spawn(run).join().unwrap()
}

#[test]
fn a_socket_on_an_interface_that_does_not_exist_is_an_error_that_says_so() {
    let namespace = Namespace::new("sockets");
    let error = within(&namespace, || async {
        PacketSocket::open(4242, ETHERTYPE, &[EVERYTHING]).unwrap_err()
    });
    assert!(matches!(error, SocketError::Bind { index: 4242, .. }), "{error}");
    assert!(error.is_link_gone());
}

#[test]
fn a_filter_that_is_no_program_is_refused_and_the_one_before_stays() {
    let segment = Segment::new();
    let index = segment.node.index("eth0");
    let errors = within(&segment.node, move || async move {
        let socket = PacketSocket::open(index, ETHERTYPE, &[EVERYTHING]).unwrap();
        let too_long = vec![EVERYTHING; LONGEST + 1];
        let endless = Instruction {
            code: 0x20,
            ..EVERYTHING
        };
        [&too_long[..], &[], &[endless]].map(|program| socket.attach(program).unwrap_err())
    });
    for error in errors {
        assert!(matches!(error, SocketError::Filter(_)), "{error}");
        assert!(!error.is_link_gone());
    }
}

#[test]
fn a_link_that_goes_down_wakes_who_receives_and_stops_who_sends() {
    let segment = Segment::new();
    let index = segment.node.index("eth0");
    let [receiving, sending] = within(&segment.node, move || async move {
        let socket = PacketSocket::open(index, ETHERTYPE, &[EVERYTHING]).unwrap();
        let down = Command::new("ip")
            .args(["link", "set", "eth0", "down"])
            .status()
            .unwrap();
        assert!(down.success());
        let receiving = socket.receive(&mut [0; 128]).await.unwrap_err();
        [receiving, socket.send(&[0; 60]).await.unwrap_err()]
    });
    assert!(matches!(receiving, SocketError::Receive(_)), "{receiving}");
    assert!(matches!(sending, SocketError::Send(_)), "{sending}");
    assert!(receiving.is_link_gone() && sending.is_link_gone());
}

#[test]
fn what_this_node_sends_is_not_received_by_it() {
    let segment = Segment::new();
    let index = segment.node.index("eth0");
    let frame = l2::wire::arp::ArpFrame::announcement(
        crate::client::mac("02:00:00:00:00:05"),
        "192.0.2.10".parse().unwrap(),
    );
    let client = crate::client::Client::on(&segment.client, "eth0");
    let answer = client.question("192.0.2.77").encode();
    let (sent, is_sent) = std::sync::mpsc::channel();
    let receiver = segment.node.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let socket = PacketSocket::open(index, ETHERTYPE, &[EVERYTHING]).unwrap();
            let another = PacketSocket::open(index, ETHERTYPE, &[EVERYTHING]).unwrap();
            another.send(&frame.encode()).await.unwrap();
            sent.send(()).unwrap();
            let mut buffer = [0; 128];
            let length = socket.receive(&mut buffer).await.unwrap();
            buffer[..length].to_vec()
        })
    });
    is_sent.recv().unwrap();
    client.say(&answer);
    assert_eq!(receiver.join().unwrap(), *answer);
}

/// The process of this test keeps its capabilities; the one that it starts has all but one of them.
#[test]
fn without_net_raw_each_try_is_reported_with_what_is_missing() {
    let child = "sockets::a_node_without_net_raw";
    let output = Command::new("setpriv")
        .args(["--bounding-set", "-net_raw", "--inh-caps", "-net_raw", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", child])
        .output()
        .expect("setpriv, which `apt-get install util-linux` provides");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by without_net_raw_each_try_is_reported_with_what_is_missing"]
fn a_node_without_net_raw() {
    let segment = Segment::new();
    let node = Node::start(&segment.node);
    node.hold(&["192.0.2.10"]);
    for _ in 0..3 {
        node.reports(
            "eth0 failed: cannot open a packet socket (it needs the capability NET_RAW): \
             Operation not permitted (os error 1)",
        );
    }
}

/// In a process of its own: what is reserved once is the whole process's.
#[test]
fn sockets_that_were_opened_at_the_start_serve_one_interface_after_the_other() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "sockets::a_node_with_a_reserve"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by sockets_that_were_opened_at_the_start_serve_one_interface_after_the_other"]
fn a_node_with_a_reserve() {
    let segment = Segment::new();
    let index = segment.node.index("eth0");
    let client = crate::client::Client::on(&segment.client, "eth0");
    let question = client.question("192.0.2.77").encode();
    let (opened, is_open) = std::sync::mpsc::channel();
    let receiver = segment.node.spawn(move || {
        reserve::fill().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let open = |index| PacketSocket::open(index, ETHERTYPE, &[EVERYTHING]);
            let mut all = Vec::new();
            let exhausted = loop {
                match open(index) {
                    Ok(socket) => all.push(socket),
                    Err(error) => break error,
                }
            };
            assert!(
                exhausted.to_string().contains("too many interfaces"),
                "{exhausted}"
            );
            let count = all.len();
            // What they have heard is not for the next one.
            opened.send(()).unwrap();
            let mut buffer = [0; 128];
            all[0].receive(&mut buffer).await.unwrap();
            drop(all);
            for _ in 0..=count {
                assert!(open(4242).unwrap_err().is_link_gone());
            }
            let again: Vec<_> = (0..count).map(|_| open(index).unwrap()).collect();
            let none = std::time::Duration::ZERO;
            for socket in &again {
                assert!(
                    tokio::time::timeout(none, socket.receive(&mut buffer))
                        .await
                        .is_err()
                );
            }
            opened.send(()).unwrap();
            let length = again[count - 1].receive(&mut buffer).await.unwrap();
            buffer[..length].to_vec()
        })
    });
    is_open.recv().unwrap();
    client.say(&question);
    is_open.recv().unwrap();
    client.say(&question);
    assert_eq!(receiver.join().unwrap(), *question);
}
