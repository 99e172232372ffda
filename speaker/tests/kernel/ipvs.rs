use speaker::kernel::ipvs;
use speaker::kernel::links::{ExcludeList, Watcher};
use speaker::layer2::announcer::Report;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::namespace::{Namespace, PATIENCE};

/// F29
#[test]
fn a_kernel_that_answers_for_what_kube_proxy_has_put_on_the_node_is_told_of_until_it_does_not() {
    let (node, host) = (Namespace::new("ipvs"), Namespace::new("host"));
    node.wire("eth0", &host, "eth0");
    node.ip("addr add 192.0.2.1/24 dev eth0");
    host.ip("addr add 192.0.2.2/24 dev eth0");
    let (sender, mut reports) = mpsc::unbounded_channel();
    let following = node.spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (watcher, links) = Watcher::open().await.unwrap();
            tokio::spawn(watcher.run());
            ipvs::follow(links, ExcludeList::default(), sender).await;
        });
    });
    // kube-proxy makes one of the type "dummy", which not every kernel has.
    node.ip("link add kube-ipvs0 type veth peer name nobody");
    node.ip("addr add 192.0.2.7/32 dev kube-ipvs0");
    assert_eq!(next(&mut reports), ["eth0"]);
    assert!(answers(&host), "the kernel of the node");
    node.output("sysctl", "-qw net.ipv4.conf.all.arp_ignore=1");
    assert_eq!(next(&mut reports), [""; 0]);
    assert!(!answers(&host), "the kernel of the node");
    // It ends when there is something to tell and nobody to hear it.
    drop(reports);
    node.output("sysctl", "-qw net.ipv4.conf.all.arp_ignore=0");
    following.join().unwrap();
}

/// Whether the address of the Service is answered for.
fn answers(host: &Namespace) -> bool {
    let asked = host.output("arping", "-c 1 -w 1 -I eth0 192.0.2.7");
    asked.status.success()
}

fn next(reports: &mut mpsc::UnboundedReceiver<Report>) -> Vec<String> {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    match runtime.block_on(async { tokio::time::timeout(PATIENCE, reports.recv()).await }) {
        Ok(Some(Report::KernelAnswers(ifaces))) => ifaces.into_iter().collect(),
        other => panic!("{other:?}"),
    }
}
