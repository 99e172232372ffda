use std::fs::File;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;

/// How long a condition may take to come true on a machine that has other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A network namespace, removed at the end also of a test that failed.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) fn new(role: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        assert!(
            geteuid().is_root(),
            "network namespaces need root: run `sudo -E cargo test -p speaker --test kernel`"
        );
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("herald-{}-{count}-{role}", std::process::id());
        ip(&["netns", "add", &name]);
        Self { name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `ip` in this namespace; the words of `arguments` must make up a command that works.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = ["-n", &self.name]
            .into_iter()
            .chain(arguments.split(' '))
            .collect();
        ip(&arguments)
    }

    /// A wire between `name` here and `peer_name` there; both ends are up.
    pub(crate) fn wire(&self, name: &str, peer: &Self, peer_name: &str) {
        self.ip(&format!(
            "link add {name} type veth peer name {peer_name} netns {}",
            peer.name
        ));
        self.ip(&format!("link set {name} up"));
        peer.ip(&format!("link set {peer_name} up"));
    }

    /// What `program` says in this namespace, however it ends.
    pub(crate) fn output(&self, program: &str, arguments: &str) -> Output {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name, program])
            .args(arguments.split(' '));
        output(&mut command)
    }

    /// Runs `work` on a thread of its own that is in this namespace.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        })
    }

    pub(crate) fn hardware_address(&self, iface: &str) -> String {
        let link = self.ip(&format!("-o link show dev {iface}"));
        link.split_whitespace()
            .skip_while(|word| *word != "link/ether")
            .nth(1)
            .unwrap()
            .to_owned()
    }

    pub(crate) fn index(&self, iface: &str) -> u32 {
        let link = self.ip(&format!("-o link show dev {iface}"));
        link.split(':').next().unwrap().parse().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

fn ip(arguments: &[&str]) -> String {
    let output = output(Command::new("ip").args(arguments));
    assert!(
        output.status.success(),
        "ip {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn output(command: &mut Command) -> Output {
    let hint = "run `apt-get install iproute2 iputils-ping iputils-arping`";
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; {hint}"))
}

/// Waits until `condition` holds.
#[allow(clippy::disallowed_methods, reason = "tests wait in real time")]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
