//! Waiting until no packet can still be reading what was just taken out of force.
//!
//! May import: libc.

/// `MEMBARRIER_CMD_GLOBAL` of membarrier(2): returns after every running BPF program has ended,
/// since it waits for an RCU grace period and programs run inside RCU read sections.
const GLOBAL: libc::c_int = 1;

/// Waits for packets in flight. Where the kernel lacks the call, a sleep far longer than any
/// packet takes stands in.
pub(super) fn wait_for_packets() {
    // SAFETY: the call takes three integers and touches no memory of ours.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) };
    if done != 0 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
