//! What a daemon cannot do any more once it has entered its confinement. Needs root. Each test enters it in a process of its
//! own, which is this program once more.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;

use process::confinement::{Capability, Confinement};

const USER: u32 = 65534;
/// Where the process is told the folders, and by which it knows what it is.
const MINE: &str = "CONFINED_MINE";
const OTHERS: &str = "CONFINED_OTHERS";

#[test]
fn a_confined_process_is_an_ordinary_user_that_can_neither_start_programs_nor_open_raw_sockets() {
    assert!(nix::unistd::Uid::effective().is_root(), "run this as root");
    let mine = tempfile::tempdir().unwrap();
    let others = tempfile::tempdir().unwrap();
    fs::write(mine.path().join("state"), "kept").unwrap();
    chown(mine.path(), Some(0), Some(0)).unwrap();
    fs::set_permissions(others.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap());
    program
        .args([
            "--exact",
            "within",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(MINE, mine.path())
        .env(OTHERS, others.path());
    let output = program.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(fs::read_to_string(mine.path().join("state")).unwrap(), "written");
    assert_eq!(fs::metadata(mine.path()).unwrap().uid(), USER);
}

/// The other process.
#[test]
#[ignore = "run by the test above, in a process of its own"]
fn within() {
    let folder = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .expect("run by the test above")
    };
    let (mine, others) = (folder(MINE), folder(OTHERS));
    let confinement = Confinement {
        user: Some(USER),
        capabilities: vec![Capability::CAP_NET_ADMIN],
        writes: Some(mine.clone()),
    };
    let deviations = confinement.give_away();
    assert!(deviations.is_empty(), "{deviations:?}");

    // All of this is of the thread that entered: a daemon enters before it has others.
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {status}"))
            .trim()
            .to_owned()
    };
    assert_eq!(field("Uid"), "65534\t65534\t65534\t65534");
    assert_eq!(field("Gid"), "65534\t65534\t65534\t65534");
    assert_eq!(
        (field("Groups"), field("NoNewPrivs"), field("Seccomp")),
        ("65534".into(), "1".into(), "2".into())
    );
    let net_admin = format!("{:016x}", 1 << 12);
    assert_eq!((field("CapEff"), field("CapPrm")), (net_admin.clone(), net_admin));
    assert_eq!(
        (field("CapInh"), field("CapAmb")),
        ("0".repeat(16), "0".repeat(16))
    );

    fs::write(mine.join("state"), "written").unwrap();
    let outside = fs::write(others.join("file"), "").unwrap_err();
    assert_eq!(outside.kind(), ErrorKind::PermissionDenied);
    assert!(fs::read_dir(&others).is_ok(), "what may be read still may");
    let program = Command::new("/bin/true").status().unwrap_err();
    assert_eq!(program.kind(), ErrorKind::PermissionDenied);
    for (domain, kind) in [
        (libc::AF_PACKET, libc::SOCK_DGRAM),
        (libc::AF_INET, libc::SOCK_RAW | libc::SOCK_CLOEXEC),
        (libc::AF_INET6, libc::SOCK_RAW),
    ] {
        let refused = socket2::Socket::new(domain.into(), kind.into(), None).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM), "{domain} {kind}");
    }
    assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
}
