package dev.worldswitch.machine.x86;

/** Debug exceptions: breakpoints on execution, and traps after an instruction (SDM vol. 3, 17.2 and 17.3). */
public final class Debug {
    /** DR6.BT: a task whose TSS has the T flag begins (SDM vol. 3, 18.2.3). */
    static final long TASK_SWITCH = 1 << 15;

    private Debug() {}

    /** DR6 as the register keeps it: RTM (16) and BLD (11) are active low where they exist, else they read as one. */
    public static long dr6(X86Profile profile, long v) {
        Cpuid seven = profile.cpuid(7, 0);
        long active = (seven.ebx() >> 11 & 1) << 16 | (seven.ecx() >> 24 & 1) << 11;
        return v & (0xe00f | active) | 0xffff0ff0L & ~active;
    }

    /** DR7 as the register keeps it: bit 11 only with RTM, bit 10 always. */
    public static long dr7(X86Profile profile, long v) {
        return v & (0xffff23ffL | (profile.cpuid(7, 0).ebx() >> 11 & 1) << 11) | 0x400;
    }

    /** Raises #DB as a fault when an execution breakpoint covers the instruction. */
    static void checkExecution(Interpreter m, long shadow) {
        long dr7 = m.state.dr.get(7);
        if ((dr7 & 0xff) == 0 || (shadow & X86State.SHADOW_MOV_SS) != 0) return;
        long la = m.codeLinear(m.rip), hits = 0;
        for (int n = 0; n < 4; n++)
            if ((dr7 >> 2 * n & 3) != 0 && (dr7 >> 16 + 4 * n & 3) == 0 && m.state.dr.get(n) == la) hits |= 1L << n;
        if (hits == 0) return;
        m.fault(1);
        m.faultPayload = hits;
        throw Signal.FAULT;
    }

    /** Delivers the #DB that follows an instruction. */
    static void trap(Interpreter m, long hits) {
        m.fault(1);
        m.faultPayload = hits;
        Delivery.exception(m, true);
    }
}
