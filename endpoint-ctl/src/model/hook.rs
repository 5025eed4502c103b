//! Where in the kernel packets of an interface are handled.
//!
//! May import: std.

/// `Hook` of a vSwitch or provider network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hook {
    /// The best that works: native XDP on hardware, TC on virtual devices, and what `status` tells
    /// where that is not to be had.
    #[default]
    Auto,
    /// XDP in the driver, or not at all.
    Xdp,
    /// XDP in the kernel's stack, after an skb was made.
    XdpGeneric,
    /// TC ingress, where segments stay whole and checksums may be half done.
    Tc,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Xdp, Self::XdpGeneric, Self::Tc];

    /// As the manifest spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Xdp => "xdp",
            Self::XdpGeneric => "xdp-generic",
            Self::Tc => "tc",
        }
    }
}
