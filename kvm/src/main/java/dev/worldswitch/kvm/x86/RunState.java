package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.GuestMode;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the run loop keeps of a vCPU between two KVM_RUNs, and what other threads ask of it. */
final class RunState {
    /** complete_userspace_io: what the next KVM_RUN finishes first. */
    enum Completion {
        NONE,
        /** Returns to the guest at once; for exits whose instruction is already skipped. */
        NOTHING,
        OUT,
        IN,
        INS,
        MMIO_READ,
        MMIO_WRITE,
        RDMSR,
        WRMSR,
        HYPERCALL,
        HYPERV_CALL,
        HYPERV_DEBUG
    }

    /** KVM has marked the page of this address as unbacked; only the last one is remembered. */
    boolean knownUnbacked(long gpa) {
        return mmioPage.get() == (gpa | 0xfff);
    }

    /** Bits of {@link GuestMode#requests}, in the kernel's meaning of KVM_REQ_*. */
    static final long REQ_EVENT = 1, REQ_TLB_FLUSH = 2, REQ_UNBLOCK = 4, REQ_VM_DEAD = 8, REQ_OUTSIDE_GUEST_MODE = 16;

    static final long REQ_IOAPIC_EOI = 32,
            REQ_CLOCK_UPDATE = 64,
            REQ_STEAL_UPDATE = 128,
            REQ_DIRTY_RING_SOFT_FULL = 256,
            REQ_SMI = 512,
            REQ_HV_STIMER = 1024,
            REQ_HV_EXIT = 2048,
            REQ_HV_CRASH = 4096,
            REQ_HV_RESET = 8192;

    final GuestMode mode;
    /** host_debugctl. */
    final Word hostDebugctl;

    final Ref<@Nullable Caller> runner;
    /** Who is kicked for the guest's timers, and when. */
    final Ref<@Nullable Caller> alarmOf;

    final Word alarmAt;
    /** Vector of KVM_EXIT_IOAPIC_EOI. */
    final Word eoiVector;

    final Word completion;
    /** Port access: linear RIP of its instruction, its length, port, size, count. */
    final Word linearRip, length, port, size, count;
    /** String I/O: linear address of the operand, address-size mask of RCX and RDI, repeated. */
    final Word address, addressMask, repeated;

    final Word mmioGpa, mmioSize, msrIndex;
    /** The emulated instruction's registers when it began; user space set others meanwhile; KVM will not finish it. */
    final Words savedGpr;

    final Word savedRip, savedRflags, regsNeedSync, refusedAfterReads, knownGpa, repeats;
    /** Last byte of the page that was unbacked last; RIP after the last exit's instruction (SVM's next_rip), or 0. */
    final Word mmioPage, nextRip;
    /** Reason and information of the exit that led to emulation. */
    final Words exitInfo;
    /** The guest's IA32_XFD writes pass through. */
    final Word xfdNoWriteIntercept;

    RunState(Region r, List<? extends PhysicalCpu> cpus) {
        mode = new GuestMode(r, cpus);
        hostDebugctl = r.word("hostDebugctl");
        runner = r.ref("runner", null);
        alarmOf = r.ref("alarmOf", null);
        alarmAt = r.word("alarmAt");
        eoiVector = r.word("eoiVector");
        completion = r.word("completion");
        linearRip = r.word("linearRip");
        length = r.word("length");
        port = r.word("port");
        size = r.word("size");
        count = r.word("count");
        address = r.word("address");
        addressMask = r.word("addressMask");
        repeated = r.word("repeated");
        mmioGpa = r.word("mmioGpa");
        savedGpr = r.words("savedGpr", 16);
        savedRip = r.word("savedRip");
        savedRflags = r.word("savedRflags");
        regsNeedSync = r.word("regsNeedSync");
        refusedAfterReads = r.word("refusedAfterReads");
        knownGpa = r.word("knownGpa");
        repeats = r.word("repeats");
        mmioPage = r.word("mmioPage");
        nextRip = r.word("nextRip");
        exitInfo = r.words("exitInfo", 3);
        mmioSize = r.word("mmioSize");
        msrIndex = r.word("msrIndex");
        xfdNoWriteIntercept = r.word("xfdNoWriteIntercept");
    }

    Completion takeCompletion() {
        Completion c = Completion.values()[(int) completion.get()];
        completion.set(0);
        return c;
    }

    void complete(Completion c) {
        completion.set(c.ordinal());
    }

    /**
     * vmx_set_msr for IA32_XFD, by guest or client: the first non-zero value ends the interception. Many guests never use
     * XFD, those that do write it often; and a restored guest's #NM would otherwise leave XFD_ERR to the host.
     */
    void xfdWritten(long value) {
        if (value != 0) xfdNoWriteIntercept.set(1);
    }
}
