use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Lab, NodeKind, Spec, sweep_abandoned, wait_for};
use suites::root;

mod routers;

/// Two labs at once do not see each other, though their hosts have the same addresses, and leave nothing behind.
#[test]
fn two_labs_live_side_by_side_and_leave_nothing() -> Result<()> {
    let small = |name| {
        Lab::up(Spec {
            nodes: 1,
            ..Spec::new(name, NodeKind::Process)
        })
    };
    let (left, right) = (small("left")?, small("right")?);
    left.kubectl(&["create", "configmap", "mark"])?;
    ensure!(
        right.kubectl(&["get", "configmap", "mark"]).is_err(),
        "one lab sees the objects of the other"
    );
    left.unplug("n1")?;
    right.exec("client", &["ping", "-c", "1", "-W", "2", "192.168.1.11"])?;
    ensure!(
        left.exec("client", &["ping", "-c", "1", "-W", "1", "192.168.1.11"])
            .is_err(),
        "the cable is still in"
    );
    left.down()?;
    right.down()?;
    for name in ["left", "right"] {
        ensure!(leftovers(name)?.is_empty(), "{name} left {:?}", leftovers(name)?);
    }
    Ok(())
}

/// Faults that no other suite needs yet: lost frames and a frozen host, and both mended.
#[test]
fn frames_are_lost_and_a_host_freezes_until_that_is_mended() -> Result<()> {
    let lab = Lab::up(Spec {
        nodes: 1,
        ..Spec::new("faults", NodeKind::Process)
    })?;
    let ping = || lab.exec("client", &["ping", "-c", "1", "-W", "1", "192.168.1.11"]);
    let healthz = || lab.curl("client", "http://192.168.1.11:10256/healthz", 1);
    ping()?;
    healthz()?;
    lab.drop_share("n1", 100)?;
    ensure!(ping().is_err(), "frames arrive");
    lab.drop_share("n1", 1)?;
    lab.drop_share("n1", 0)?;
    ping()?;
    lab.freeze("n1")?;
    ensure!(healthz().is_err(), "a process of a frozen host answers");
    ping()?;
    lab.thaw("n1")?;
    healthz()?;
    lab.down()
}

/// What a lab that was killed has left is removed by whoever comes next.
#[test]
fn a_lab_that_was_killed_is_swept() -> Result<()> {
    let mut command = Command::new(root().join("target/debug/lab"));
    command.args(["up", "--name", "killed-lab", "--kind", "process", "--nodes", "1"]);
    let mut up = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    wait_for(
        "the API server of a lab that is coming up",
        Duration::from_secs(60),
        || {
            let api_server = leftovers("killed-lab")?
                .into_iter()
                .find(|left| left.contains("kube-apiserver"));
            Ok(api_server)
        },
    )?;
    up.kill()?;
    up.wait()?;
    ensure!(!leftovers("killed-lab")?.is_empty());
    ensure!(
        sweep_abandoned()?
            .iter()
            .any(|swept| swept.contains("killed-lab"))
    );
    ensure!(
        leftovers("killed-lab")?.is_empty(),
        "it left {:?}",
        leftovers("killed-lab")?
    );
    Ok(())
}

/// Network namespaces and processes that bear the name of a lab.
fn leftovers(lab: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&format!("{lab}-")) {
            found.push(name);
        }
    }
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(arguments) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        if arguments.contains(&format!("/herald-lab/{lab}/")) {
            found.push(arguments);
        }
    }
    Ok(found)
}
