package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.x86.X86Exit;
import dev.worldswitch.machine.x86.X86State;

/** What hardware tells of an exit beside its reason, in the formats of SDM vol. 3, 28.2 and APM vol. 2, appendix C. */
final class ExitFields {
    private static final int DB = 1, BP = 3, PF = 14;
    private static final long VALID = 1L << 31, ERROR_CODE_VALID = 1 << 11, HARDWARE = 3 << 8, SOFTWARE = 6 << 8;

    private ExitFields() {}

    /** Exit qualification, IDT-vectoring information, VM-exit interruption information and its error code. */
    static long[] vmx(X86State state, X86Exit e, boolean known) {
        return new long[] {qualification(e, known), state.vectoringInfo.get(), interruption(e), errorCode(e)};
    }

    /**
     * Exit qualification of an EPT violation where nothing is mapped (SDM vol. 3, table 28-7): read, write or fetch; with a
     * valid linear address, whose own translation it is or not.
     */
    static long eptViolation(X86Exit e) {
        long access = e.reason == X86Exit.FETCH_MMIO ? 4 : (e.errorCode & 2) != 0 ? 2 : 1;
        return access | 1 << 7 | bit(!e.walk, 8);
    }

    /**
     * EXITINFO1 of a nested page fault (APM vol. 2, 15.25.6): write (bit 1), user access (2), reserved bits (3: KVM marked
     * the page as unbacked before), fetch (4), at the final translation (32) or in the walk of the guest's tables (33).
     */
    static long nestedPageFault(X86Exit e, boolean known) {
        long bits = e.reason == X86Exit.FETCH_MMIO ? 0x10 : e.errorCode & 2;
        return (e.walk ? 1L << 33 : 1L << 32) | 4 | bits | bit(known, 3);
    }

    private static long qualification(X86Exit e, boolean known) {
        return switch (e.reason) {
            case X86Exit.IO -> e.size - 1 | bit(e.in, 3) | bit(e.string, 4) | bit(e.rep, 5) | (long) e.port << 16;
            case X86Exit.CR_ACCESS, X86Exit.DR_ACCESS -> e.vector | bit(e.in, 4) | (long) e.gpr << 8;
            case X86Exit.UNBACKED, X86Exit.FETCH_MMIO -> known ? 0 : eptViolation(e);
            case X86Exit.EXCEPTION -> e.vector == PF || e.vector == DB ? e.payload : 0;
            case X86Exit.TASK_SWITCH -> e.payload;
            default -> 0;
        };
    }

    /** EXITINFO1, EXITINFO2, EXITINTINFO and its error code. */
    static long[] svm(X86State state, X86Exit e, boolean known) {
        long info1 = 0, info2 = 0;
        switch (e.reason) {
            case X86Exit.IO -> {
                info1 = bit(e.in, 0) | bit(e.string, 2) | bit(e.rep, 3) | (long) e.size << 4 | (long) e.port << 16;
                info2 = state.rip.get() + e.length;
            }
            case X86Exit.WRMSR, X86Exit.XSETBV -> info1 = 1;
            case X86Exit.TASK_SWITCH -> {
                info1 = e.payload & 0xffff;
                info2 = taskSwitchSource(e);
            }
            case X86Exit.EXCEPTION -> {
                info1 = errorCode(e);
                info2 = e.vector == PF ? e.payload : 0;
            }
            case X86Exit.FETCH_MMIO, X86Exit.UNBACKED -> {
                info1 = nestedPageFault(e, known);
                info2 = e.gpa;
            }
            default -> {}
        }
        return new long[] {info1, info2, state.vectoringInfo.get(), state.vectoringErrorCode.get()};
    }

    /** EXITINFO2 of a task switch (APM vol. 2, 15.14.1): by IRET (bit 36) or JMP (38), error code (44 and low half). */
    private static long taskSwitchSource(X86Exit e) {
        long source = e.payload >> 30;
        return bit(source == 1, 36)
                | bit(source == 2, 38)
                | bit(e.hasErrorCode, 44)
                | (e.hasErrorCode ? e.errorCode : 0);
    }

    private static long interruption(X86Exit e) {
        if (e.reason != X86Exit.EXCEPTION) return 0;
        return VALID | (e.vector == BP ? SOFTWARE : HARDWARE) | bit(e.hasErrorCode, 11) & ERROR_CODE_VALID | e.vector;
    }

    private static long errorCode(X86Exit e) {
        return e.reason == X86Exit.EXCEPTION && e.hasErrorCode ? e.errorCode : 0;
    }

    private static long bit(boolean set, int n) {
        return set ? 1L << n : 0;
    }
}
