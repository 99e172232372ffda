//! The request to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Ends when the process is asked to stop, by SIGTERM or SIGINT.
///
/// The handlers are installed by the call, not by the first poll: a container's first process ignores a SIGTERM that comes
/// before its handler, and would be killed at the end of the grace period.
///
/// # Errors
/// The handlers cannot be installed.
pub fn terminated() -> impl Future<Output = io::Result<()>> {
    let signals = signal(SignalKind::terminate())
        .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    async {
        let (mut terminate, mut interrupt) = signals?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_before_anyone_waits_for_it_is_not_lost() {
        let terminated = terminated();
        let pid = std::process::id().to_string();
        let kill = tokio::process::Command::new("sh")
            .args(["-c", "kill -TERM $0", &pid])
            .status()
            .await
            .unwrap();
        assert!(kill.success());
        tokio::time::timeout(Duration::from_secs(5), terminated)
            .await
            .unwrap()
            .unwrap();
    }
}
