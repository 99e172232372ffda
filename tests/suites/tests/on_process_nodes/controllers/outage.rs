use std::thread;
use std::time::Duration;

use anyhow::Result;
use lab::Signal;
use suites::{Bed, on};

use super::{POOL, check, wait_until_served};

const BATCH: usize = 10;

/// S5, F4, F7: the API server hangs, and later is gone, each for longer than a lease and with work under way.
#[test]
fn an_api_server_that_hangs_and_then_is_gone_moves_nothing_and_is_caught_up_with() {
    outages("outages", Duration::from_secs(10));
}

/// S5, F4, F7: the same for ten minutes.
#[test]
#[ignore = "takes more than ten minutes: `make soak` runs it"]
fn an_api_server_that_is_away_for_ten_minutes_moves_nothing_and_is_caught_up_with() {
    outages("long-outages", Duration::from_secs(5 * 60));
}

fn outages(name: &str, length: Duration) {
    on(Bed::bare(name), |bed| {
        bed.pool("lan", POOL)?;
        let history = bed.lab.history()?;
        bed.controller(1)?;
        bed.controller(2)?;
        for batch in ["staying", "leaving-1", "leaving-2"] {
            bed.services(batch, BATCH)?;
        }
        wait_until_served(bed)?;

        let server = bed.lab.process("cp", "kube-apiserver")?;
        let hang = || server.signal(Signal::SIGSTOP);
        outage(bed, 1, length, hang, || server.signal(Signal::SIGCONT))?;
        let standing = wait_until_served(bed)?;
        check(&history.story()?, standing)?;

        let stop = || bed.lab.stop_api_server();
        outage(bed, 2, length, stop, || bed.lab.start_api_server())?;
        let standing = wait_until_served(bed)?;
        check(&history.story()?, standing)
    });
}

/// Ten Services are being created and ten deleted when `stop` is called; `start` is called when the time is over. What was
/// cut off has failed, whatever became of it.
fn outage(
    bed: &Bed,
    number: u8,
    length: Duration,
    stop: impl FnOnce() -> Result<()>,
    start: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let name = format!("coming-{number}");
    let services = bed.lab.watch("/api/v1/namespaces/default/services?watch=1")?;
    thread::scope(|threads| {
        threads.spawn(|| bed.services(&name, BATCH));
        services.until("the first creation", Duration::from_secs(30), |event| {
            let service = event["object"]["metadata"]["name"].as_str()?;
            service.starts_with(&name).then_some(())
        })?;
        threads.spawn(|| bed.delete_services(&format!("leaving-{number}")));
        stop()?;
        thread::sleep(length);
        start()
    })
}
