use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use model::NodeName;
use speaker::decide::wanted::Wanted;
use speaker::kernel::links::{ExcludeList, Links, Watcher};
use speaker::layer2::announcer::{Agreeing, Announcer, Interfaces, Report, Statistics};
use tokio::sync::{mpsc, watch};

use crate::namespace::{Namespace, PATIENCE};

/// The part of a speaker under test, running in a namespace.
pub(crate) struct Node {
    wanted: Option<watch::Sender<Arc<Wanted>>>,
    reports: Receiver<Report>,
    pub(crate) statistics: Statistics,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start(namespace: &Namespace) -> Self {
        Self::start_with(namespace, None)
    }

    /// Believes in the links that it is given instead of looking for them.
    pub(crate) fn believing(namespace: &Namespace, links: watch::Receiver<Arc<Links>>) -> Self {
        Self::start_with(namespace, Some(links))
    }

    fn start_with(namespace: &Namespace, believed: Option<watch::Receiver<Arc<Links>>>) -> Self {
        Self::run(namespace, believed, None)
    }

    /// One of several speakers, which holds only what they agree on.
    pub(crate) fn agreeing(namespace: &Namespace, with: Agreeing) -> Self {
        Self::run(namespace, None, Some(with))
    }

    fn run(
        namespace: &Namespace,
        believed: Option<watch::Receiver<Arc<Links>>>,
        agreeing: Option<Agreeing>,
    ) -> Self {
        let (wanted, desired) = watch::channel(Arc::new(Wanted::default()));
        let me = agreeing.as_ref().map_or_else(me, |with| with.me.clone());
        let (tell, reports) = channel();
        let (ready, is_ready) = channel();
        let thread = namespace.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (watcher, links) = Watcher::open().await.unwrap();
                let (sender, mut told) = mpsc::unbounded_channel();
                let links = believed.unwrap_or(links);
                let mut announcer = Announcer::new(me, desired, links, ExcludeList::default(), sender);
                if let Some(agreeing) = agreeing {
                    announcer = announcer.agreeing(agreeing);
                }
                ready.send(announcer.statistics()).unwrap();
                tokio::spawn(watcher.run());
                let forward = async {
                    while let Some(report) = told.recv().await {
                        // Of what the interfaces are, other tests ask.
                        if !matches!(report, Report::Interfaces(_)) {
                            let _ = tell.send(report);
                        }
                    }
                };
                tokio::join!(announcer.run(), forward);
            });
        });
        let statistics = is_ready.recv_timeout(PATIENCE).unwrap();
        Self {
            wanted: Some(wanted),
            reports,
            statistics,
            thread: Some(thread),
        }
    }

    /// Holds these addresses from now on, on all interfaces, and no others.
    pub(crate) fn hold(&self, addresses: &[&str]) {
        self.hold_on(addresses.iter().map(|address| (*address, Interfaces::All)));
    }

    pub(crate) fn hold_on<'a>(&self, holdings: impl IntoIterator<Item = (&'a str, Interfaces)>) {
        let parse = |address: &str| address.parse::<IpAddr>().unwrap();
        let places = holdings.into_iter().map(|(address, on)| (parse(address), on));
        let wanted = Wanted::only(&me(), places);
        self.wanted.as_ref().unwrap().send_replace(Arc::new(wanted));
    }

    /// Wants this from now on.
    pub(crate) fn want(&self, wanted: Wanted) {
        self.wanted.as_ref().unwrap().send_replace(Arc::new(wanted));
    }

    /// The next report, in the words of a test.
    pub(crate) fn report(&self) -> String {
        in_words(self.reports.recv_timeout(PATIENCE).expect("a report"))
    }

    /// The next report must be this one.
    #[track_caller]
    pub(crate) fn reports(&self, report: &str) {
        assert_eq!(self.report(), report);
    }

    /// The reports that nobody has looked at yet.
    pub(crate) fn reports_so_far(&self) -> Vec<String> {
        self.reports.try_iter().map(in_words).collect()
    }

    /// There are no reports that nobody looked at.
    #[track_caller]
    pub(crate) fn has_nothing_to_report(&self) {
        assert!(self.reports.try_recv().is_err(), "there is another report");
    }

    /// Ends in order: what it still had to report.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.end();
        self.reports.try_iter().map(in_words).collect()
    }

    /// Ends by itself, because it was told to leave.
    pub(crate) fn leave(mut self) {
        let thread = self.thread.take().unwrap();
        thread.join().unwrap();
    }

    fn end(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the node panicked");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

fn me() -> NodeName {
    NodeName("n1".into())
}

fn in_words(report: Report) -> String {
    match report {
        Report::Announced { ip, iface } => format!("announced {ip} on {iface}"),
        Report::Withdrawn { ip, iface } => format!("withdrawn {ip} from {iface}"),
        Report::NoInterface { ip, .. } => format!("no interface for {ip}"),
        Report::Interfaces(interfaces) => format!("uses {:?}", interfaces.keys()),
        Report::Role { unit, role, .. } => format!("does {role:?} for {unit}"),
        Report::Rival { ip, iface, mac } => format!("rival {mac} claims {ip} on {iface}"),
        Report::Stranger {
            ip,
            iface,
            mac,
            response,
        } => format!("stranger {mac} claims {ip} on {iface}: {response:?}"),
        Report::StrangerGone { ip, iface } => format!("no stranger claims {ip} on {iface}"),
        Report::Member { node, .. } => format!("member {node}"),
        Report::Moved { unit, .. } => format!("moved {unit}"),
        Report::Listening { iface, listening } => format!("listening on {iface}: {listening}"),
        Report::Unheard { iface, nodes } => format!("unheard on {iface}: {nodes:?}"),
        Report::Left { iface } => format!("left {iface}"),
        Report::KernelAnswers(ifaces) => format!("the kernel answers on {ifaces:?}"),
        Report::Keys(keys) => format!("keys {keys:?}"),
        Report::KeyFault(fault) => format!("keys {fault:?}"),
        Report::SocketFailed { iface, error } => format!("{iface} failed: {error}"),
    }
}
