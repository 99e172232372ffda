//! BFD takes no capability and no particular user.

use speaker::bgp::bfd::{Bfd, Path, Scheduling, Settings, State};

use crate::node::{Node, every, far, on_link, to};
use crate::segment::Segment;

/// D10, D12
#[test]
fn nobody_without_any_capability_speaks_bfd() {
    let segment = Segment::new();
    let other = Node::start(&segment.nodes[1]);
    let _ends = [
        other.watch(to("192.0.2.1"), every(50)),
        other.watch(on_link("fe80::1"), every(50)),
        other.watch(far("192.0.2.2", "192.0.2.1", 1), every(50)),
    ];
    // Nobody need be able to reach the folder that the program is in.
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let program = folder.path().join("bfd");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    open_to_all(folder.path());
    let arguments = format!(
        "--reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all {} --ignored --exact --nocapture unprivileged::as_nobody",
        program.display()
    );
    let output = segment.nodes[0].output("setpriv", &arguments);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
}

fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The other half of the test above: what runs without privileges.
#[test]
#[ignore = "run by nobody_without_any_capability_speaks_bfd"]
fn as_nobody() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(status.contains(&format!("{set}:\t0000000000000000")), "{status}");
    }
    assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
    // Refused, it goes on without.
    let bfd = Bfd::start(Scheduling::RealTime).unwrap();
    let settings = Settings {
        timers: every(50),
        passive: false,
    };
    let eth0 = nix::net::if_::if_nametoindex("eth0").ok();
    let paths = [
        to("192.0.2.2"),
        on_link("fe80::2"),
        far("192.0.2.1", "192.0.2.2", 1),
    ];
    let monitors = paths.map(|path: Path| bfd.open(path, eth0, settings));
    crate::namespace::eventually("all are up", || {
        monitors
            .iter()
            .all(|monitor| monitor.changes().borrow().state == State::Up)
    });
}
