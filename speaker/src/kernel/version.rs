//! What depends on the kernel's version, where it cannot be tried.

use nix::sys::utsname::uname;

/// Whether an ordinary process may tie a socket to an interface: since Linux 5.7.
pub fn ties_sockets_for_everybody() -> bool {
    uname().is_ok_and(|kernel| is_since(kernel.release().to_str().unwrap_or_default(), (5, 7)))
}

/// Of a release such as `4.18.0-553.el8.x86_64`. One that cannot be read is old.
fn is_since(release: &str, wanted: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        let since = |release| is_since(release, (5, 7));
        assert!(since("5.7.0") && since("5.14.0-427.el9.x86_64") && since("6.1-rc1") && since("10.0.1"));
        assert!(!since("4.18.0-553.el8.x86_64") && !since("5.6.19") && !since("") && !since("rolling"));
    }

    #[test]
    fn the_kernel_of_this_machine_has_a_version() {
        assert!(
            ties_sockets_for_everybody(),
            "Herald is tried on newer kernels alone"
        );
    }
}
