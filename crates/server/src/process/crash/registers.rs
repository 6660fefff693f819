//! The registers of the thread that crashed, as the kernel saved them for the handler.

/// The registers' names, in the order in which [`values`] returns them.
#[cfg(target_arch = "x86_64")]
pub(super) const NAMES: [&str; REGISTER_COUNT] = [
    "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RDI", "RSI", "RBP", "RBX", "RDX", "RAX",
    "RCX", "RSP", "RIP", "EFL",
];

/// How many there are.
#[cfg(target_arch = "x86_64")]
pub(super) const REGISTER_COUNT: usize = 18;

/// The registers' values. The kernel's order is that of the names.
#[cfg(target_arch = "x86_64")]
pub(super) fn values(context: &libc::ucontext_t) -> [u64; REGISTER_COUNT] {
    std::array::from_fn(|index| context.uc_mcontext.gregs[index].cast_unsigned())
}

/// The instruction that was to be executed.
#[cfg(target_arch = "x86_64")]
pub(super) fn instruction(values: &[u64; REGISTER_COUNT]) -> usize {
    usize::try_from(values[16]).unwrap_or(0)
}

/// The registers' names, in the order in which [`values`] returns them.
#[cfg(target_arch = "aarch64")]
pub(super) const NAMES: [&str; REGISTER_COUNT] = [
    "X0", "X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "X9", "X10", "X11", "X12", "X13", "X14",
    "X15", "X16", "X17", "X18", "X19", "X20", "X21", "X22", "X23", "X24", "X25", "X26", "X27",
    "X28", "X29", "X30", "SP", "PC",
];

/// How many there are.
#[cfg(target_arch = "aarch64")]
pub(super) const REGISTER_COUNT: usize = 33;

/// The registers' values.
#[cfg(target_arch = "aarch64")]
pub(super) fn values(context: &libc::ucontext_t) -> [u64; REGISTER_COUNT] {
    let machine = &context.uc_mcontext;
    std::array::from_fn(|index| match index {
        31 => machine.sp,
        32 => machine.pc,
        general => machine.regs[general],
    })
}

/// The instruction that was to be executed.
#[cfg(target_arch = "aarch64")]
pub(super) fn instruction(values: &[u64; REGISTER_COUNT]) -> usize {
    usize::try_from(values[32]).unwrap_or(0)
}
