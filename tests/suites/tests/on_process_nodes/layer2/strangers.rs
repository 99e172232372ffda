use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::json;
use suites::{Bed, Watched, on};

use super::{bed, nodes, nothing_moves, wait_for_answers};

/// How long the flood lasts.
const FLOOD: Duration = Duration::from_secs(3);

/// The most of one processor that a speaker may use while it lasts, in percent. The filter in the kernel is what keeps it low;
/// without it the speaker would use all of one.
const MOST: f64 = 25.0;

/// F8, F36, S10: keys are exchanged while everything runs; a host that takes an address is told of; one that floods the segment
/// with questions keeps nobody busy.
#[test]
fn keys_are_rotated_and_a_thief_and_a_flood_do_no_harm() {
    on(bed("layer2-strangers"), |bed| {
        let watched = Watched::start(bed, super::SERVICE)?;
        watched.wait_until_up(&nodes(bed))?;
        rotated(bed, &watched)?;
        flooded(bed, &watched)?;
        robbed(bed, &watched)
    });
}

/// The way that the flag's help describes, one node after the other.
fn rotated(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    const OLD: &str = suites::KEY;
    const NEW: &str = "another key of every speaker in the lab";
    for (phase, (key, also)) in [(OLD, Some(NEW)), (NEW, Some(OLD)), (NEW, None)]
        .into_iter()
        .enumerate()
    {
        nothing_moves(watched, "key rotation", |_| {
            for node in nodes(bed) {
                bed.set_keys(&node, key, also)?;
                replaced(bed, &node, phase + 1)?;
            }
            watched.wait_until_up(&nodes(bed))
        })?;
    }
    let holder = watched.holder()?;
    wait_for_answers(bed, watched, &holder, false)
}

/// Waits until the speaker of a node has exchanged its keys so many times.
fn replaced(bed: &Bed, node: &str, times: usize) -> Result<()> {
    let log = bed.lab.log(node, "speaker");
    bed.wait(&format!("the speaker of {node} to take the keys"), || {
        let count = fs::read_to_string(&log)?.matches("keys replaced").count();
        Ok((count == times).then_some(()))
    })
}

/// Questions for addresses that nobody has, as fast as one host can send them.
fn flooded(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    bed.lab.add_host("flood")?;
    let wire = bed.lab.wire("flood")?;
    let questions: Vec<_> = (0..=255)
        .map(|last| wire.question(IpAddr::from(Ipv4Addr::new(10, 0, 0, last))))
        .collect();
    let mut used = vec![];
    let mut sent = 0_usize;
    nothing_moves(watched, "flood", |_| {
        let nodes = nodes(bed);
        let processes: Result<Vec<_>> = nodes.iter().map(|node| bed.speaker_process(node)).collect();
        let processes = processes?;
        let before: Result<Vec<_>> = processes.iter().map(|process| process.processor_time()).collect();
        let began = now();
        while began.elapsed() < FLOOD {
            for question in &questions {
                // What the interface does not take at once is no question.
                sent += usize::from(wire.send(question).is_ok());
            }
        }
        let lasted = began.elapsed().as_secs_f64();
        for (process, before) in processes.into_iter().zip(before?) {
            let time = process.processor_time()?.saturating_sub(before);
            used.push(time.as_secs_f64() / lasted * 100.0);
        }
        Ok(())
    })?;
    let most = used.iter().copied().fold(0.0, f64::max);
    #[allow(clippy::print_stdout, reason = "a measurement for who reads the log")]
    {
        println!("{sent} questions in {FLOOD:?}: a speaker used at most {most:.1} % of a processor");
    }
    ensure!(most < MOST, "the speakers used {used:?} % of a processor");
    Ok(())
}

/// A host outside of the cluster has an address of the Service: users are told of it, with its hardware address.
fn robbed(bed: &Bed, watched: &Watched<'_>) -> Result<()> {
    let [IpAddr::V4(ip), _] = watched.addresses else {
        bail!("the addresses are {:?}", watched.addresses);
    };
    let thief = bed.lab.add_host("thief")?;
    bed.lab
        .ip("thief", &["address", "add", &format!("{ip}/32"), "dev", "eth0"])?;
    let wire = bed.lab.wire("thief")?;
    let condition = |wanted: &str, with_thief: bool| {
        bed.wait(&format!("the condition to say {wanted}"), || {
            wire.send(&wire.announcement(ip))?;
            let object = bed.lab.kubectl_json(&["get", "service", super::SERVICE])?;
            let all = object["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let announced = all.iter().find(|one| one["type"] == "heraldlb.io/Announced");
            let fits = announced.is_some_and(|one| {
                let message = one["message"].as_str().unwrap_or_default();
                one["reason"] == wanted && message.contains(&thief.mac) == with_thief
            });
            Ok(fits.then_some(()))
        })
    };
    condition("AddressConflict", true)?;

    // Told to yield, no node answers beside the other host; when that is gone, the address is answered for again.
    bed.advertise("lan", json!({"conflictPolicy": "Yield"}))?;
    bed.wait("the thief alone to answer", || {
        wire.send(&wire.announcement(ip))?;
        let answers = watched.answers(ip.into())?;
        let alone = !answers.is_empty() && answers.iter().all(|said| said.mac.to_string() == thief.mac);
        Ok(alone.then_some(()))
    })?;
    bed.lab
        .ip("thief", &["address", "del", &format!("{ip}/32"), "dev", "eth0"])?;
    bed.advertise("lan", json!({"conflictPolicy": "Defend"}))?;
    let holder = watched.holder()?;
    wait_for_answers(bed, watched, &holder, false)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a suite measures what happened on a real cluster"
)]
fn now() -> Instant {
    Instant::now()
}
