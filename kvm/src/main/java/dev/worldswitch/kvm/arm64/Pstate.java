package dev.worldswitch.kvm.arm64;

/** PSTATE in the form of SPSR_ELx. */
final class Pstate {
    static final long MODE32 = 0x10, MODE_MASK = 0xf, MODE32_MASK = 0x1f, SS = 1 << 21, PAN = 1 << 22, IL = 1 << 20;
    static final long EL0T = 0, EL1T = 4, EL1H = 5, EL2T = 8, EL2H = 9;
    static final long USR32 = 0x10, FIQ32 = 0x11, IRQ32 = 0x12, SVC32 = 0x13, ABT32 = 0x17, UND32 = 0x1b, SYS32 = 0x1f;
    /** D, A, I and F masked, EL1h. */
    static final long RESET_EL1 = 0x3c5;
    /** A, I and F masked, Supervisor mode. */
    static final long RESET_SVC = 0x1d3;

    static final long DAIF = 0x3c0;

    private Pstate() {}

    /** vcpu_mode_priv. */
    static boolean privileged(long pstate) {
        return (pstate & MODE32) != 0 ? (pstate & MODE32_MASK) != USR32 : (pstate & MODE_MASK) != EL0T;
    }
}
