package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.SharedPages;

/** struct kvm_run as the run loop fills it: one method per exit (linux/kvm.h). */
final class RunPage {
    static final int EXIT_UNKNOWN = 0, EXIT_IO = 2, EXIT_HYPERCALL = 3, EXIT_DEBUG = 4, EXIT_HLT = 5, EXIT_MMIO = 6;
    static final int EXIT_IRQ_WINDOW_OPEN = 7,
            EXIT_SHUTDOWN = 8,
            EXIT_FAIL_ENTRY = 9,
            EXIT_INTR = 10,
            EXIT_SET_TPR = 11;
    static final int EXIT_INTERNAL_ERROR = 17, EXIT_SYSTEM_EVENT = 24, EXIT_IOAPIC_EOI = 26, EXIT_HYPERV = 27;
    static final int SYSTEM_EVENT_RESET = 2, SYSTEM_EVENT_CRASH = 3;
    static final int EXIT_MEMORY_FAULT = 39;
    static final int EXIT_X86_RDMSR = 29, EXIT_X86_WRMSR = 30, EXIT_DIRTY_RING_FULL = 31, EXIT_AP_RESET_HOLD = 32;
    static final int INTERNAL_ERROR_EMULATION = 1,
            INTERNAL_ERROR_DELIVERY_EV = 3,
            INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;
    private static final int U = KvmX86Abi.RUN_EXIT;
    private final SharedPages page;

    RunPage(SharedPages page) {
        this.page = page;
    }

    boolean immediateExit() {
        return page.get(KvmX86Abi.RUN_IMMEDIATE_EXIT, 1) != 0;
    }

    boolean requestInterruptWindow() {
        return page.get(KvmX86Abi.RUN_REQUEST_INTERRUPT_WINDOW, 1) != 0;
    }

    int exitReason() {
        return (int) page.get(KvmX86Abi.RUN_EXIT_REASON, 4);
    }

    void exitReason(int reason) {
        page.set(KvmX86Abi.RUN_EXIT_REASON, 4, reason);
    }

    void flags(int flags) {
        page.set(KvmX86Abi.RUN_FLAGS, 2, flags);
    }

    long cr8() {
        return page.get(KvmX86Abi.RUN_CR8, 8);
    }

    /** post_kvm_run_save. */
    void save(boolean interruptFlag, boolean ready, long cr8, long apicBase, boolean smm) {
        page.set(KvmX86Abi.RUN_IF_FLAG, 1, interruptFlag ? 1 : 0);
        page.set(KvmX86Abi.RUN_READY_FOR_INTERRUPT, 1, ready ? 1 : 0);
        page.set(KvmX86Abi.RUN_CR8, 8, cr8);
        page.set(KvmX86Abi.RUN_APIC_BASE, 8, apicBase);
        if (smm) page.set(KvmX86Abi.RUN_FLAGS, 2, page.get(KvmX86Abi.RUN_FLAGS, 2) | 1);
    }

    void io(boolean out, int size, int port, int count) {
        exitReason(EXIT_IO);
        page.set(U, 1, out ? 1 : 0);
        page.set(U + 1, 1, size);
        page.set(U + 2, 2, port);
        page.set(U + 4, 4, count);
        page.set(U + 8, 8, KvmX86Abi.PIO_DATA_OFFSET);
    }

    long ioData(int index, int size) {
        return page.get(KvmX86Abi.PIO_DATA_OFFSET + index * size, size);
    }

    void ioData(int index, int size, long value) {
        page.set(KvmX86Abi.PIO_DATA_OFFSET + index * size, size, value);
    }

    void mmio(long gpa, int length, boolean write, long data) {
        exitReason(EXIT_MMIO);
        page.set(U, 8, gpa);
        if (write) for (int i = 0; i < length; i++) page.set(U + 8 + i, 1, data >>> 8 * i);
        page.set(U + 16, 4, length);
        page.set(U + 20, 1, write ? 1 : 0);
    }

    void memoryFault(long gpa, long size, long flags) {
        exitReason(EXIT_MEMORY_FAULT);
        page.set(U, 8, flags);
        page.set(U + 8, 8, gpa);
        page.set(U + 16, 8, size);
    }

    long mmioData(int length) {
        long v = 0;
        for (int i = 0; i < length; i++) v |= (page.get(U + 8 + i, 1) & 0xff) << 8 * i;
        return v;
    }

    void debug(int exception, long pc, long dr6, long dr7) {
        exitReason(EXIT_DEBUG);
        page.set(U, 4, exception);
        page.set(U + 8, 8, pc);
        page.set(U + 16, 8, dr6);
        page.set(U + 24, 8, dr7);
    }

    void internalError(int suberror, long... data) {
        exitReason(EXIT_INTERNAL_ERROR);
        page.set(U, 4, suberror);
        page.set(U + 4, 4, data.length);
        for (int i = 0; i < data.length; i++) page.set(U + 8 + 8 * i, 8, data[i]);
    }

    void failEntry(long reason, int cpu) {
        exitReason(EXIT_FAIL_ENTRY);
        page.set(U, 8, reason);
        page.set(U + 8, 4, cpu);
    }

    void msr(boolean write, int index, int reason, long data) {
        exitReason(write ? EXIT_X86_WRMSR : EXIT_X86_RDMSR);
        page.set(U, 1, 0);
        for (int i = 1; i < 8; i++) page.set(U + i, 1, 0);
        page.set(U + 8, 4, reason);
        page.set(U + 12, 4, index);
        page.set(U + 16, 8, data);
    }

    boolean msrError() {
        return page.get(U, 1) != 0;
    }

    long msrData() {
        return page.get(U + 16, 8);
    }

    void hypercall(long nr, long[] args, boolean longMode) {
        exitReason(EXIT_HYPERCALL);
        page.set(U, 8, nr);
        for (int i = 0; i < 6; i++) page.set(U + 8 + 8 * i, 8, i < args.length ? args[i] : 0);
        page.set(U + 56, 8, 0);
        page.set(U + 64, 4, longMode ? 1 : 0);
    }

    long hypercallResult() {
        return page.get(U + 56, 8);
    }

    void systemEvent(int type) {
        exitReason(EXIT_SYSTEM_EVENT);
        page.set(U, 4, type);
        page.set(U + 4, 4, 0);
    }

    /** struct kvm_hyperv_exit of an MSR: its type, the MSR, and what goes with it. */
    void hyperv(int type, int msr, long... values) {
        exitReason(EXIT_HYPERV);
        page.set(U, 4, type);
        page.set(U + 8, 4, msr);
        for (int i = 0; i < values.length; i++) page.set(U + 16 + 8 * i, 8, values[i]);
    }

    private static final int HYPERV_HCALL = 2;

    void hypervCall(long input, long in, long out) {
        exitReason(EXIT_HYPERV);
        page.set(U, 4, HYPERV_HCALL);
        page.set(U + 8, 8, input);
        page.set(U + 24, 8, in);
        page.set(U + 32, 8, out);
    }

    long hypervResult() {
        return page.get(U + 16, 8);
    }

    long hypervDebugStatus() {
        return page.get(U + 24, 8);
    }

    void ioapicEoi(int vector) {
        exitReason(EXIT_IOAPIC_EOI);
        page.set(U, 1, vector);
    }

    long validRegs() {
        return page.get(KvmX86Abi.RUN_KVM_VALID_REGS, 8);
    }

    long dirtyRegs() {
        return page.get(KvmX86Abi.RUN_KVM_DIRTY_REGS, 8);
    }

    void dirtyRegs(long v) {
        page.set(KvmX86Abi.RUN_KVM_DIRTY_REGS, 8, v);
    }

    byte[] sync(int offset, int size) {
        byte[] b = new byte[size];
        for (int i = 0; i < size; i++) b[i] = (byte) page.get(KvmX86Abi.RUN_SYNC_REGS + offset + i, 1);
        return b;
    }

    void sync(int offset, byte[] content) {
        for (int i = 0; i < content.length; i++) page.set(KvmX86Abi.RUN_SYNC_REGS + offset + i, 1, content[i]);
    }
}
