//! Real-time scheduling for the thread that calls: one of the few places of Herald with `unsafe` in it.

#![allow(unsafe_code, reason = "no library sets the scheduling policy of a thread")]

use std::io;

use nix::errno::Errno;

/// The lowest of the real-time priorities: before every ordinary thread, after what the machine itself runs on.
const PRIORITY: libc::c_int = 1;

/// From now on this thread runs before all ordinary ones.
///
/// # Errors
/// It is not permitted: that takes `SYS_NICE` or an `RLIMIT_RTPRIO`, and a kernel that divides real-time scheduling by control
/// groups (`CONFIG_RT_GROUP_SCHED`) must have some for the thread's group.
pub(super) fn rise() -> io::Result<()> {
    // To the kernel `struct sched_param` is this one number. It is asked directly: musl refuses for it.
    let priority = PRIORITY;
    // SAFETY: 0 stands for the calling thread; the kernel reads the number, which outlives the call, and keeps no pointer. No
    // memory of the process is touched.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0,
            libc::SCHED_FIFO,
            &raw const priority,
        )
    };
    Errno::result(result)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_either_rises_or_goes_on_as_before() {
        let thread = std::thread::spawn(|| {
            let risen = rise().is_ok();
            // SAFETY: 0 stands for the calling thread; nothing is passed by reference.
            let policy = unsafe { libc::sched_getscheduler(0) };
            (risen, policy)
        });
        let (risen, policy) = thread.join().unwrap();
        let expected = if risen {
            libc::SCHED_FIFO
        } else {
            libc::SCHED_OTHER
        };
        assert_eq!(policy, expected);
    }
}
