use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::{Result, ensure};
use lab::Signal;
use serde_json::json;
use suites::{Bed, on};

use super::{SERVICE, bed, nodes};

/// Where kube-proxy says how it is.
const HEALTH: &str = "127.0.0.1:10256";

/// F28, S4, S5: a node whose kube-proxy says that it is not ready hands over to one that can forward; where none can, each forwards as
/// before and one answers; whoever says nothing any more is able again. And an interface without an address announces nothing, with
/// the reason.
#[test]
fn kube_proxies_that_are_not_ready_everywhere_or_gone_take_no_address_away() {
    on(bed("layer2-datapaths"), |bed| {
        let ip = bed.address(SERVICE)?;
        let holder = bed.holder(&ip)?;
        let nodes = nodes(bed);
        for node in &nodes {
            end_kube_proxy(bed, node)?;
        }
        let first = Unready::on(bed, &holder)?;
        let next = bed.wait("a node that can forward to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| *node != holder))
        })?;
        bed.answer(&ip)?;

        let others = nodes.iter().filter(|node| **node != holder);
        let others: Result<Vec<_>> = others.map(|node| Unready::on(bed, node)).collect();
        let others = others?;
        for node in &nodes {
            bed.wait(&format!("{node} to say that it cannot forward"), || {
                Ok(cannot_forward(bed, node)?.then_some(()))
            })?;
        }
        ensure!(
            bed.holder(&ip)? == next,
            "nobody is better than {next}, and it moved"
        );
        bed.answer(&ip)?;

        drop(first);
        bed.wait("the node that says nothing any more to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| *node == holder))
        })?;
        bed.answer(&ip)?;
        drop(others);
        without_an_address(bed, &ip)
    });
}

fn end_kube_proxy(bed: &Bed, node: &str) -> Result<()> {
    let process = bed.lab.process(node, "kube-proxy")?;
    process.signal(Signal::SIGKILL)?;
    bed.wait(&format!("kube-proxy of {node} to end"), || {
        Ok((!process.alive()).then_some(()))
    })
}

fn cannot_forward(bed: &Bed, node: &str) -> Result<bool> {
    let speaker = bed.lab.kubectl_json(&["get", "speaker", node])?;
    Ok(speaker["status"]["canForward"] == false)
}

/// Says of a node, in the place of kube-proxy, that it is not ready.
struct Unready {
    ended: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Unready {
    fn on(bed: &Bed, node: &str) -> Result<Self> {
        let listener = bed.wait(&format!("{HEALTH} of {node} to be free"), || {
            Ok(bed.lab.inside(node, || TcpListener::bind(HEALTH))?.ok())
        })?;
        let ended = Arc::new(AtomicBool::new(false));
        let until = ended.clone();
        let serving = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !until.load(Ordering::Relaxed)
            {
                // Whoever asked and went is not waited for.
                let _ = refuse(stream);
            }
        });
        Ok(Self {
            ended,
            serving: Some(serving),
        })
    }
}

impl Drop for Unready {
    /// The speaker asks again within a second, and then nobody listens.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(serving) = self.serving.take().filter(|_| !std::thread::panicking()) {
            let _ = serving.join();
        }
    }
}

fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let _ = stream.read(&mut [0; 256])?;
    stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
}

/// P-L2-44: nobody could be talked to there.
fn without_an_address(bed: &Bed, ip: &str) -> Result<()> {
    for node in nodes(bed) {
        let link = ["link", "add", "eth7", "type", "veth", "peer", "name", "eth8"];
        bed.lab.ip(&node, &link)?;
        bed.lab
            .exec(&node, &["sysctl", "-qw", "net.ipv6.conf.eth7.disable_ipv6=1"])?;
        for end in ["eth7", "eth8"] {
            bed.lab.ip(&node, &["link", "set", end, "up"])?;
        }
    }
    bed.advertise("lan", json!({"interfaces": ["eth7"]}))?;
    let (reason, message) = bed.condition(SERVICE, "heraldlb.io/Announced", "False")?;
    ensure!(
        reason == "NoInterface" && message.contains("eth7 has no address of its own"),
        "{reason}: {message}"
    );
    let macs = bed.macs(ip, 2)?;
    ensure!(macs.is_empty(), "{macs:?} answer");
    Ok(())
}
