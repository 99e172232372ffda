use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::namespace::{Namespace, eventually};

/// Somebody else's program in a namespace; killed at the end also of a test that failed.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start(
        namespace: &Namespace,
        program: &str,
        package: &str,
        arguments: &[String],
        ready: &Path,
    ) -> Self {
        assert!(
            Path::new(program).exists(),
            "{program} is missing: run `apt-get install --no-install-recommends {package}`"
        );
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", namespace.name(), program])
            .args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self(command.spawn().unwrap());
        eventually(&format!("{program} is ready"), || ready.exists());
        daemon
    }

    /// It stops in mid-air, and nobody says good-bye for it.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a client of a daemon prints.
#[track_caller]
pub(crate) fn ask(namespace: &Namespace, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", namespace.name(), program])
        .args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {said} {complained}"
    );
    said
}
