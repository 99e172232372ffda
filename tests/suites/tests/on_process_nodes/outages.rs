use anyhow::ensure;
use lab::Signal;
use serde_json::json;
use suites::{Bed, on};

/// S5, F4, F7: with the API server away everything stays as it is, and as it was when it comes back.
#[test]
fn an_outage_of_the_api_server_changes_nothing() {
    on(Bed::up("api-outage"), |bed| {
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        bed.service("waiting", json!({}))?;
        let ip = bed.address("web")?;
        let before = bed.addresses()?;
        let holder = bed.holder(&ip)?;
        bed.lab.stop_api_server()?;
        // Longer than a lease of a controller and than the silence after which a speaker counts as gone.
        let outage = now();
        while now() - outage < std::time::Duration::from_secs(6) {
            ensure!(
                bed.answering(&ip)?.as_deref() == Some(holder.as_str()),
                "{holder} does not answer any more"
            );
            bed.lab.curl("client", &format!("http://{ip}/"), 2)?;
        }
        bed.lab.start_api_server()?;
        ensure!(bed.holder(&ip)? == holder);
        bed.service("later", json!({}))?;
        bed.address("later")?;
        ensure!(bed.holder(&ip)? == holder);
        let after = bed.addresses()?;
        for (service, address) in before {
            ensure!(
                after.get(&service) == Some(&address),
                "{service} had {address} and now has {:?}",
                after.get(&service)
            );
        }
        ensure!(bed.status_writes("herald-controller", "web")? == 1);
        Ok(())
    });
}

/// F1: a speaker that is killed and comes back at once costs no connection and moves nothing.
#[test]
fn a_speaker_that_is_killed_and_comes_back_holds_what_it_held() {
    on(Bed::bare("speaker-killed"), |bed| {
        bed.pool("lan", suites::POOL)?;
        bed.advertise("lan", json!({}))?;
        bed.controller(1)?;
        let mut speakers = [bed.speaker("n1")?, bed.speaker("n2")?, bed.speaker("n3")?];
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let holder = bed.holder(&ip)?;
        bed.answer(&ip)?;
        for speaker in &mut speakers {
            bed.kill(speaker, Signal::SIGKILL)?;
            // The node forwards without its speaker: a client that knows the way notices nothing.
            bed.lab.curl("client", &format!("http://{ip}/"), 2)?;
            *speaker = bed.speaker(&speaker.host.clone())?;
        }
        ensure!(bed.holder(&ip)? == holder);
        ensure!(bed.address("web")? == ip);
        Ok(())
    });
}

/// F1, F3: a speaker that does not come back is replaced, frozen or killed.
#[test]
fn a_speaker_that_is_gone_is_replaced_by_another() {
    on(Bed::up("speaker-gone"), |bed| {
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let first = bed.holder(&ip)?;
        bed.lab.process(&first, "speaker")?.signal(Signal::SIGSTOP)?;
        let second = bed.wait("another node to answer", || {
            Ok(bed.answering(&ip)?.filter(|node| *node != first))
        })?;
        bed.lab.process(&second, "speaker")?.signal(Signal::SIGKILL)?;
        bed.wait("the last node to answer", || {
            Ok(bed
                .answering(&ip)?
                .filter(|node| *node != first && *node != second))
        })?;
        bed.lab.process(&first, "speaker")?.signal(Signal::SIGCONT)?;
        bed.holder(&ip)?;
        ensure!(bed.address("web")? == ip);
        Ok(())
    });
}

/// F4: a node that is cut off from the API server alone goes on: who answers is agreed on the segment.
#[test]
fn a_node_that_is_cut_off_from_the_api_server_alone_keeps_what_it_holds() {
    on(Bed::up("api-cut"), |bed| {
        let backend = bed.lab.backend("web1")?;
        bed.lab.load_balancer("web", &[&backend])?;
        let ip = bed.address("web")?;
        let first = bed.holder(&ip)?;
        bed.lab.partition_from_api(&first)?;
        let cut = now();
        while now() - cut < std::time::Duration::from_secs(6) {
            ensure!(bed.holder(&ip)? == first, "{first} does not answer any more");
            bed.answer(&ip)?;
        }
        bed.lab.heal(&first)?;
        ensure!(bed.holder(&ip)? == first);
        ensure!(bed.address("web")? == ip);
        Ok(())
    });
}

/// F4: a connection that dies silently is given up within half a minute, though the watches on it would last for ten; and there is
/// another one as soon as there can be.
#[test]
fn a_connection_to_the_api_server_that_dies_silently_is_given_up() {
    on(Bed::up("silent"), |bed| {
        let node = "n1";
        let established = || {
            let to_the_api = ["ss", "-tnpHO", "state", "established", "dport", "=", ":6443"];
            let connections = bed.lab.exec(node, &to_the_api)?;
            let ours = connections.lines().filter(|line| line.contains("herald-speaker"));
            anyhow::Ok(ours.count())
        };
        ensure!(established()? == 1, "all watches and requests are on one");
        bed.lab.partition_from_api(node)?;
        let cut = now();
        bed.wait("the speaker to give its connection up", || {
            Ok((established()? == 0).then_some(()))
        })?;
        let took = now() - cut;
        ensure!(took <= std::time::Duration::from_secs(30), "after {took:?}");
        bed.lab.heal(node)?;
        bed.wait("another connection", || Ok((established()? == 1).then_some(())))
    });
}

#[allow(
    clippy::disallowed_methods,
    reason = "a suite measures what happened on a real cluster"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
