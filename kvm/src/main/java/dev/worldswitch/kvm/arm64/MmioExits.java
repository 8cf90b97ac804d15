package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.CoalescedZone;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.IoEvent;
import dev.worldswitch.kvm.KvmEvents.Mmio;
import dev.worldswitch.kvm.MemorySlots;
import dev.worldswitch.machine.arm64.SysReg;

/** Stage 2 aborts: memory-mapped I/O from the syndrome, as mmio.c and kvm_handle_guest_abort do it. */
final class MmioExits {
    private static final long ISV = 1L << 24, SSE = 1L << 21, SF = 1L << 15, CM = 1 << 8, S1PTW = 1 << 7, WNR = 1 << 6;
    private static final long SCTLR_EE = 1L << 25, SCTLR_E0E = 1L << 24;

    private final VcpuRun run;
    private final Vcpu vcpu;

    MmioExits(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
    }

    private long iss() {
        return vcpu.esr();
    }

    private long far() {
        return vcpu.fault().get(1);
    }

    private int length() {
        return 1 << (int) (iss() >>> 22 & 3);
    }

    private int register() {
        return (int) (iss() >>> 16 & 31);
    }

    /** kvm_vcpu_is_be for data. */
    private boolean bigEndian() {
        long pstate = vcpu.context().pstate().get();
        if (vcpu.modeIs32Bit()) return (pstate & 1 << 9) != 0;
        boolean el0 = (pstate & Pstate.MODE_MASK) == Pstate.EL0T;
        return (vcpu.sys(SysReg.SCTLR_EL1) & (el0 ? SCTLR_E0E : SCTLR_EE)) != 0;
    }

    private static long swap(long v, int length) {
        return Long.reverseBytes(v) >>> 64 - 8 * length;
    }

    private static long mask(int length) {
        return length == 8 ? -1 : (1L << 8 * length) - 1;
    }

    /** kvm_handle_guest_abort. */
    long guestAbort() {
        boolean instruction = (vcpu.esr() >>> 26 & 0x3f) == 0x20;
        long ipa = (vcpu.fault().get(2) & 0xfff_ffff_fff0L) << 8;
        if (ipa >>> vcpu.vm().ipaBits() != 0) return beyondIpaSize(instruction, ipa);
        TraceText t = vcpu.trace();
        if (t != null) t.kvmGuestFault(vcpu, ipa);
        // A walk that a read-only slot refuses wanted to write too: to update a descriptor.
        boolean writes = !instruction && (iss() & (WNR | S1PTW)) != 0;
        MemorySlots.Slot slot = vcpu.vm().memory().slots(0).get().at(ipa);
        // It came since the access, which is done again.
        if (slot != null && !(writes && slot.readOnly())) return 1;
        if (instruction || (iss() & S1PTW) != 0) {
            Inject.abort(vcpu, instruction, far());
            return 1;
        }
        if (slot == null && (iss() & CM) != 0) {
            Inject.incrementPc(vcpu);
            return 1;
        }
        return ioMemAbort(ipa | far() & 0xfff);
    }

    private long beyondIpaSize(boolean instruction, long ipa) {
        Inject.abort(vcpu, instruction, ipa | far() & 0xfff);
        return 1;
    }

    /** io_mem_abort: without a valid syndrome nobody knows what the instruction was. */
    private long ioMemAbort(long ipa) {
        TraceText t = vcpu.trace();
        if ((iss() & ISV) == 0) {
            if (t != null) t.kvmMmioNisv(vcpu, ipa);
            if (!vcpu.vm().flags().test(Vm.NISV_TO_USER)) return Errno.ENOSYS;
            // kvm_vcpu_dabt_iss_nisv_sanitized: only what does not depend on the CPU.
            run.page().nisv(iss() & (CM | WNR | 0x3c) | level(ipa), ipa);
            return 0;
        }
        boolean write = (iss() & WNR) != 0;
        int length = length();
        long data = write ? vcpu.context().reg(register()) & mask(length) : 0;
        if (bigEndian()) data = swap(data, length);
        if (t != null) t.kvmMmio(vcpu, write ? Mmio.WRITE : Mmio.READ_UNSATISFIED, length, ipa, data);
        if (write
                && (IoEvent.signals(vcpu.vm(), false, ipa, length, data)
                        || CoalescedZone.takes(vcpu.vm(), false, ipa, length, data))) {
            vcpu.stats().add("mmio_exit_kernel");
            Inject.incrementPc(vcpu);
            return 1;
        }
        Vgic gic = vcpu.vm().vgic().get();
        VgicMmio.Frame place = gic == null ? null : gic.mmio().place(ipa);
        if (place != null) {
            vcpu.stats().add("mmio_exit_kernel");
            long answer = place.access(vcpu, ipa, length, write, data);
            if (!write) answered(ipa, answer);
            Inject.incrementPc(vcpu);
            return 1;
        }
        run.runState().mmioNeeded.set(1);
        vcpu.stats().add("mmio_exit_user");
        run.page().mmio(ipa, length, write, data);
        return 0;
    }

    /**
     * The level at which a walk of KVM's stage 2 ends where there is no memory: a table exists only where something of its
     * block is mapped, here where a slot is. The top level (stage2_pgtable_levels) has up to 16 tables side by side.
     */
    private long level(long ipa) {
        int page = vcpu.vm().pageShift(), index = page - 3;
        int top = 4 - (vcpu.vm().ipaBits() - 8) / index;
        for (int level = 3; level > top; level--) if (anySlot(ipa, page + (4 - level) * index)) return level;
        return top;
    }

    private boolean anySlot(long ipa, int blockBits) {
        long block = ipa >>> blockBits << blockBits;
        return vcpu.vm().memory().slots(0).get().overlaps(block, 1L << blockBits, -1);
    }

    /** kvm_handle_mmio_return: at the next KVM_RUN the answer goes into the register and the guest goes on. */
    void handleReturn() {
        if (run.runState().mmioNeeded.get() == 0 || Inject.pendingSync(vcpu)) return;
        run.runState().mmioNeeded.set(0);
        if ((iss() & WNR) == 0) answered(run.page().mmioAddress(), run.page().mmioData(length()));
        Inject.incrementPc(vcpu);
    }

    private void answered(long address, long data) {
        int length = length();
        if (bigEndian()) data = swap(data, length);
        // The kernel's sign extension works on the wrong value until it is corrected.
        boolean extend = (iss() & SSE) != 0 && vcpu.kvm().has(Patch.ARM64_MMIO_SIGN_EXTENSION);
        if (extend && length < 8) data = data << 64 - 8 * length >> 64 - 8 * length;
        if ((iss() & SF) == 0) data &= 0xffffffffL;
        TraceText t = vcpu.trace();
        if (t != null) t.kvmMmio(vcpu, Mmio.READ, length, address, data & mask(length));
        vcpu.context().reg(register(), data);
    }
}
