use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Process, Signal};
use suites::{ADMINISTRATOR, Bed, on};

use super::{POOL, attempts, check, wait_until_served};

/// So quick that there is a leader now and then, though one of the two replicas is killed every second.
const ELECTION: &[&str] = &[
    "--lease-duration",
    "1s",
    "--renew-deadline",
    "800ms",
    "--retry-period",
    "200ms",
];

const BATCHES: usize = 20;
const BATCH: usize = 50;
/// Batches after which one is deleted.
const STANDING: usize = 6;

/// F9, F10, S1, S2, S9, P-ALLOC-54, P-ALLOC-55, P-ALLOC-56
#[test]
fn no_address_is_given_twice_or_moves_while_a_controller_is_killed_every_second() {
    on(Bed::bare("killed"), |bed| {
        bed.pool("lan", POOL)?;
        let history = bed.lab.history()?;
        let mut replicas = [start(bed, 1)?, start(bed, 2)?];
        let killed = thread::scope(|threads| {
            let (done, ended) = mpsc::channel::<()>();
            let killer = threads.spawn(|| kill_every_second(bed, &mut replicas, ended));
            let churned = churn(bed);
            drop(done);
            let killed = killer
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            churned.and(killed)
        })?;
        ensure!(killed > 5, "only {killed} were killed: nothing was tried");
        let standing = wait_until_served(bed)?;
        ensure!(standing == 4 * BATCH, "{standing} Services are left");
        let story = history.story()?;
        ensure!(story.complete, "versions escaped the recording");
        check(&story, standing)?;

        // The pool's status follows those of the Services: until it has, there is something left to do.
        bed.wait("the pool's status to count every address", || {
            let pool = bed.lab.kubectl_json(&["get", "ippool", "lan"])?;
            Ok((pool["status"]["assignedIPv4"] == standing).then_some(()))
        })?;
        for replica in &replicas {
            bed.kill(replica, Signal::SIGTERM)?;
        }
        let before = attempts(&bed.lab, ADMINISTRATOR.name)?.len();
        start(bed, 1)?;
        start(bed, 2)?;
        // The leader has counted what it serves once it has looked at all of it.
        bed.wait("the new leader to know every Service", || {
            let served = |number| bed.metric(number, "herald_controller_services_served");
            let all = Some(standing as f64);
            Ok((served(1)? == all || served(2)? == all).then_some(()))
        })?;
        let after = attempts(&bed.lab, ADMINISTRATOR.name)?;
        ensure!(
            after.len() == before,
            "a restart with nothing to do wrote {:?}",
            &after[before..]
        );
        ensure!(history.story()? == story, "a restart changed a Service");
        Ok(())
    });
}

fn start(bed: &Bed, number: u8) -> Result<Arc<Process>> {
    bed.controller_with(number, ADMINISTRATOR, ELECTION)
}

/// Creates 1000 Services in batches. Some are deleted at once, whether they are served yet or not, and others later, so
/// that there are always some.
fn churn(bed: &Bed) -> Result<()> {
    let name = |batch: usize| format!("web-{batch}");
    for batch in 0..BATCHES {
        bed.services(&name(batch), BATCH)?;
        if is_brief(batch) {
            bed.delete_services(&name(batch))?;
        }
        if let Some(old) = batch.checked_sub(STANDING).filter(|old| !is_brief(*old)) {
            bed.delete_services(&name(old))?;
        }
    }
    Ok(())
}

fn is_brief(batch: usize) -> bool {
    batch % 3 == 2
}

/// Kills one replica every second and starts it again, until `ended` is closed; gives how many were killed.
fn kill_every_second(
    bed: &Bed,
    replicas: &mut [Arc<Process>; 2],
    ended: mpsc::Receiver<()>,
) -> Result<usize> {
    let mut killed = 0;
    // Sometimes the same one twice: whoever leads has a second or more.
    for which in [0, 0, 1, 0, 1, 1].into_iter().cycle() {
        if ended.recv_timeout(Duration::from_secs(1)) != Err(RecvTimeoutError::Timeout) {
            break;
        }
        let victim = &mut replicas[which];
        bed.kill(victim, Signal::SIGKILL)?;
        *victim = start(bed, if which == 0 { 1 } else { 2 })?;
        killed += 1;
    }
    Ok(killed)
}
