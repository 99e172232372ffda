use std::net::Ipv4Addr;

use super::*;

fn scattered(limit: usize) -> Vec<Instruction> {
    let address = |n: u32| Ipv4Addr::from(0xc0a8_0000 + 3 * n).into();
    let held = (0..1000).map(address).collect();
    let interest = Interest {
        held,
        ..Interest::default()
    };
    interest.filter(Protocol::Arp, limit)
}

/// Attaches to a kernel that has room for so many instructions; what it did not take, and what it took.
fn attached(room: usize) -> (Vec<usize>, Result<(), SocketError>) {
    let mut refused = Vec::new();
    let result = attach_what_fits(scattered, |program| {
        if program.len() <= room {
            return Ok(());
        }
        refused.push(program.len());
        Err(SocketError::Filter(io::ErrorKind::OutOfMemory.into()))
    });
    (refused, result)
}

#[test]
fn a_filter_that_the_kernel_has_no_memory_for_is_cut_down_until_it_has() {
    let (refused, result) = attached(600);
    assert!(result.is_ok());
    assert!(
        refused.is_sorted_by(|longer, shorter| longer > shorter),
        "{refused:?}"
    );
    assert!(!refused.is_empty());
}

#[test]
fn a_kernel_without_memory_for_any_filter_is_an_error() {
    let (refused, result) = attached(0);
    assert!(matches!(result, Err(SocketError::Filter(_))));
    assert!(refused.len() < 10, "{refused:?}");
}

#[test]
fn another_error_than_lack_of_memory_is_not_tried_away() {
    let mut tries = 0;
    let result = attach_what_fits(scattered, |_| {
        tries += 1;
        Err(SocketError::Filter(io::ErrorKind::PermissionDenied.into()))
    });
    assert!(result.is_err());
    assert_eq!(tries, 1);
}
