package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.SharedPages;

/** struct kvm_run as the run loop fills it: one method per exit (linux/kvm.h, asm/kvm.h). */
final class RunPage {
    static final int EXIT_UNKNOWN = 0, EXIT_HYPERCALL = 3, EXIT_DEBUG = 4, EXIT_MMIO = 6, EXIT_FAIL_ENTRY = 9;
    static final int EXIT_INTR = 10, EXIT_INTERNAL_ERROR = 17, EXIT_SYSTEM_EVENT = 24, EXIT_ARM_NISV = 28;
    static final int EXIT_DIRTY_RING_FULL = 31;
    static final int INTERNAL_ERROR_EMULATION = 1;
    static final int SYSTEM_EVENT_SHUTDOWN = 1, SYSTEM_EVENT_RESET = 2, SYSTEM_EVENT_WAKEUP = 4;
    static final int SYSTEM_EVENT_SUSPEND = 5;
    static final long RESET_FLAG_PSCI_RESET2 = 1, SHUTDOWN_FLAG_PSCI_OFF2 = 1;
    static final long HYPERCALL_SMC = 1;
    static final long DEV_VTIMER = 1, DEV_PTIMER = 2, DEV_PMU = 4;
    private static final int IMMEDIATE_EXIT = 1, EXIT_REASON = 8, FLAGS = 14, U = 32, DEVICE_IRQ_LEVEL = 304;
    private static final int DEBUG_HSR_HIGH_VALID = 1;
    private final SharedPages page;

    RunPage(SharedPages page) {
        this.page = page;
    }

    boolean immediateExit() {
        return page.get(IMMEDIATE_EXIT, 1) != 0;
    }

    int exitReason() {
        return (int) page.get(EXIT_REASON, 4);
    }

    void exitReason(int reason) {
        page.set(EXIT_REASON, 4, reason);
    }

    void flags(int flags) {
        page.set(FLAGS, 2, flags);
    }

    void mmio(long gpa, int length, boolean write, long data) {
        if (write) for (int i = 0; i < length; i++) page.set(U + 8 + i, 1, data >>> 8 * i);
        page.set(U, 8, gpa);
        page.set(U + 16, 4, length);
        page.set(U + 20, 1, write ? 1 : 0);
        exitReason(EXIT_MMIO);
    }

    long mmioAddress() {
        return page.get(U, 8);
    }

    long mmioData(int length) {
        long v = 0;
        for (int i = 0; i < length; i++) v |= (page.get(U + 8 + i, 1) & 0xff) << 8 * i;
        return v;
    }

    void nisv(long iss, long ipa) {
        exitReason(EXIT_ARM_NISV);
        page.set(U, 8, iss);
        page.set(U + 8, 8, ipa);
    }

    void debug(long esr, long far, boolean withFar) {
        exitReason(EXIT_DEBUG);
        page.set(U, 4, esr);
        page.set(U + 4, 4, esr >>> 32);
        if (withFar) page.set(U + 8, 8, far);
        flags(DEBUG_HSR_HIGH_VALID);
    }

    void hypercall(int function, long flags) {
        exitReason(EXIT_HYPERCALL);
        for (int i = 0; i < 9; i++) page.set(U + 8 * i, 8, 0);
        page.set(U, 8, function & 0xffffffffL);
        page.set(U + 64, 8, flags);
    }

    void systemEvent(int type, int count, long data) {
        for (int i = 0; i < 17; i++) page.set(U + 8 * i, 8, 0);
        page.set(U, 4, type);
        page.set(U + 4, 4, count);
        if (count > 0) page.set(U + 8, 8, data);
        exitReason(EXIT_SYSTEM_EVENT);
    }

    void internalError(int suberror, long... data) {
        exitReason(EXIT_INTERNAL_ERROR);
        page.set(U, 4, suberror);
        page.set(U + 4, 4, data.length);
        for (int i = 0; i < data.length; i++) page.set(U + 8 + 8 * i, 8, data[i]);
    }

    long deviceIrqLevel() {
        return page.get(DEVICE_IRQ_LEVEL, 8);
    }

    void deviceIrqLevel(long level) {
        page.set(DEVICE_IRQ_LEVEL, 8, level);
    }
}
