//! Real-time scheduling for the thread that calls: one of the few places of Herald with `unsafe` in it.

#![allow(unsafe_code, reason = "no library sets the scheduling policy of a thread")]

/// The lowest of the real-time priorities: before every ordinary thread, after what the machine itself runs on.
const PRIORITY: libc::c_int = 1;

/// From now on this thread runs before all ordinary ones, if that is permitted (`SYS_NICE`, or an `RLIMIT_RTPRIO`); if not,
/// it is as punctual as the machine is idle.
pub(super) fn rise() -> bool {
    // To the kernel `struct sched_param` is this one number. It is asked directly: musl refuses for it.
    let priority = PRIORITY;
    // SAFETY: 0 stands for the calling thread; the kernel reads the number, which outlives the call, and keeps no pointer. No
    // memory of the process is touched.
    unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            0,
            libc::SCHED_FIFO,
            &raw const priority,
        ) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_either_rises_or_goes_on_as_before() {
        let thread = std::thread::spawn(|| {
            let risen = rise();
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
