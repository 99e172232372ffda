use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use lab::Signal;
use suites::Bed;

/// Ends the kube-proxy of a node, whose rules stay.
pub(super) fn end_kube_proxy(bed: &Bed, node: &str) -> Result<()> {
    let process = bed.lab.process(node, "kube-proxy")?;
    process.signal(Signal::SIGKILL)?;
    bed.wait(&format!("kube-proxy of {node} to end"), || {
        Ok((!process.alive()).then_some(()))
    })
}

/// Says on a port of a node, in the place of kube-proxy, whether all is well: it is not, until it is told otherwise.
pub(super) struct Health<'a> {
    bed: &'a Bed,
    node: String,
    port: u16,
    said: Arc<Said>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Said {
    ended: AtomicBool,
    well: AtomicBool,
    times: AtomicUsize,
}

impl<'a> Health<'a> {
    pub(super) fn on(bed: &'a Bed, node: &str, port: u16) -> Result<Self> {
        let listener = bed.wait(&format!("port {port} of {node} to be free"), || {
            let bound = bed
                .lab
                .inside(node, || TcpListener::bind((Ipv4Addr::LOCALHOST, port)))?;
            Ok(bound.ok())
        })?;
        let said = Arc::new(Said::default());
        let says = said.clone();
        let serving = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !says.ended.load(Ordering::Relaxed)
            {
                // Whoever asked and went is not waited for.
                let _ = answer(stream, says.well.load(Ordering::Relaxed));
                says.times.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Self {
            bed,
            node: node.to_owned(),
            port,
            said,
            serving,
        })
    }

    /// From now on all is well.
    pub(super) fn is_well(&self) {
        self.said.well.store(true, Ordering::Relaxed);
    }

    /// How often it was asked.
    pub(super) fn times(&self) -> usize {
        self.said.times.load(Ordering::Relaxed)
    }

    /// From now on nobody listens.
    pub(super) fn end(self) -> Result<()> {
        self.said.ended.store(true, Ordering::Relaxed);
        let own = (Ipv4Addr::LOCALHOST, self.port);
        // The last one that it takes.
        drop(self.bed.lab.inside(&self.node, || TcpStream::connect(own))??);
        self.serving
            .join()
            .map_err(|_panic| anyhow!("the listener panicked"))
    }
}

fn answer(mut stream: TcpStream, well: bool) -> std::io::Result<()> {
    let _ = stream.read(&mut [0; 256])?;
    let status = if well { "200 OK" } else { "503 Service Unavailable" };
    stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())
}
