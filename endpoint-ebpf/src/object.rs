//! What every object of ours must have.
//!
//! May import: core.

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing here can panic; if it ever could, the verifier refuses this loop at load.
    loop {}
}

/// The licence GPL-only helpers ask for.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
