package dev.worldswitch.kvm.x86;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.X86State;
import org.jspecify.annotations.Nullable;

/**
 * The in-kernel local APIC of one vCPU (SDM vol. 3, chapter 11): registers, priorities, IPIs and the timer. IRR and
 * pending INIT and SIPI are written by other vCPUs and so are atomic words; the rest belongs to the vCPU's thread.
 */
public final class Lapic {
    static final int ID = 0x20, LVR = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SPIV = 0xf0;
    static final int ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR2 = 0x310, LVTT = 0x320;
    static final int LVTPC = 0x340, LVT0 = 0x350, LVT1 = 0x360, LVTERR = 0x370, TMICT = 0x380, TMCCT = 0x390;
    static final int TDCR = 0x3e0, SELF_IPI = 0x3f0, LVTTHMR = 0x330;
    static final long BASE_ENABLE = 0x800, BASE_EXTD = 0x400, BASE_BSP = 0x100;
    private static final long ADDRESS = 0xffffff000L;
    private static final long PENDING_INIT = 1, PENDING_SIPI = 2;
    private static final int LVT_MASKED = 0x10000, VERSION = 0x14, DIRECTED_EOI = 1 << 24, SPIV_DIRECTED_EOI = 1 << 12;
    private static final long ICR_RESERVED = 0xfff3_2000L;
    private final Vcpu vcpu;
    /** 32-bit registers at their offset / 16; ICR with both halves in x2APIC mode. */
    private final Words regs;

    private final Word irr0, irr1, irr2, irr3;
    private final Word pending, sipiVector;
    /** Time in nanoseconds at which the timer fires, 0 when it is not running; its start and period. */
    private final Word deadline, started, tscDeadline;

    Lapic(Region r, Vcpu vcpu) {
        this.vcpu = vcpu;
        this.regs = r.words("regs", 64);
        this.irr0 = r.word("irr0");
        this.irr1 = r.word("irr1");
        this.irr2 = r.word("irr2");
        this.irr3 = r.word("irr3");
        this.pending = r.word("pendingEvents");
        this.sipiVector = r.word("sipiVector");
        this.deadline = r.word("deadline");
        this.started = r.word("started");
        this.tscDeadline = r.word("tscDeadline");
        powerUp();
    }

    private void powerUp() {
        reset(false);
    }

    /** kvm_lapic_reset. */
    void reset(boolean init) {
        long id = reg(ID);
        regs.fill(0, 64, 0);
        irr0.set(0);
        irr1.set(0);
        irr2.set(0);
        irr3.set(0);
        deadline.set(0);
        tscDeadline.set(0);
        if (init) set(ID, id);
        else set(ID, (long) vcpu.id() << 24);
        for (int lvt = LVTT; lvt <= LVTERR; lvt += 0x10) set(lvt, LVT_MASKED);
        if (isBsp()) set(LVT0, 0x700);
        set(DFR, 0xffffffffL);
        set(SPIV, 0xff);
        setVersion();
        bus().changed();
        bus().recalculate();
    }

    /** kvm_apic_set_version: one more entry with CMCI; directed EOI where the IOAPIC is the client's and can take it. */
    void setVersion() {
        long entries = (vcpu.mcgCap().get() >> 10 & 1) != 0 ? 7 : 6;
        Word api = vcpu.vm().x2apicApi();
        boolean offered = !api.test(Capabilities.X2APIC_DISABLE_SUPPRESS_EOI)
                && !vcpu.vm().picInKernel();
        boolean directed = offered && vcpu.cpuid().get().has(1, 0, 2, 21);
        set(LVR, VERSION | entries - 1 << 16 | (directed ? DIRECTED_EOI : 0));
    }

    private ApicBus bus() {
        return vcpu.vm().apicBus();
    }

    private boolean isBsp() {
        return vcpu.id() == vcpu.vm().bootCpuId();
    }

    /** __kvm_apic_set_base: switching the APIC or its mode gives it its own ID, all 32 bits of it in x2APIC mode. */
    void baseChanged(long old) {
        long changed = old ^ vcpu.apicBase().get();
        if (!hardwareEnabled()) stopTimer();
        if ((changed & (BASE_ENABLE | BASE_EXTD)) != 0) {
            if (hardwareEnabled()) set(ID, x2apic() ? vcpu.id() : (long) vcpu.id() << 24);
            bus().changed();
        }
        bus().recalculate();
    }

    static void rows(Rows t) {
        t.vcpu(
                "KVM_GET_LAPIC",
                ior(0x8e, 1024),
                0,
                "api.rst 4.57",
                (v, c) -> v.vm().lapicInKernel() ? c.out(new Bytes(v.lapic().state())) : Errno.EINVAL);
        t.vcpu("KVM_SET_LAPIC", iow(0x8f, 1024), 0, "api.rst 4.58", Lapic::setState);
    }

    private static long setState(Vcpu v, Call call) {
        if (!v.vm().lapicInKernel()) return Errno.EINVAL;
        Bytes b = call.in(1024);
        if (b == null) return Errno.EFAULT;
        // An x2APIC's ID can't be changed; only a client that knows its width is told so.
        if (v.lapic().x2apic()) {
            if (v.vm().wideApicIds() && b.u32(ID) != v.id()) return Errno.EINVAL;
            b.u32(ID, v.id()).u32(LDR, v.lapic().ldr());
        }
        v.lapic().state(b.array());
        if (v.vm().picInKernel()) v.vm().chips().ioapic().lapicStateSet();
        return 0;
    }

    /** True when the VM has local APICs in the kernel. */
    boolean inKernel() {
        return vcpu.vm().lapicInKernel();
    }

    private long reg(int offset) {
        return regs.get(offset >> 4);
    }

    private void set(int offset, long v) {
        regs.set(offset >> 4, v);
    }

    boolean x2apic() {
        return (vcpu.apicBase().get() & (BASE_ENABLE | BASE_EXTD)) == (BASE_ENABLE | BASE_EXTD);
    }

    private boolean hardwareEnabled() {
        return (vcpu.apicBase().get() & BASE_ENABLE) != 0;
    }

    /** kvm_apic_present. */
    boolean present() {
        return inKernel() && hardwareEnabled();
    }

    /** The logical destination register; fixed in x2APIC mode. */
    long ldr() {
        return x2apic() ? x2apicRead(LDR) : reg(LDR) & 0xffffffffL;
    }

    /** The flat model of logical destinations, not clusters. */
    boolean flat() {
        return reg(DFR) >>> 28 == 15;
    }

    boolean softwareEnabled() {
        return (reg(SPIV) & 0x100) != 0;
    }

    long apicId() {
        return x2apic() ? vcpu.id() : reg(ID) >>> 24;
    }

    /** A guest-physical address in the APIC page while it is memory-mapped. */
    boolean owns(long gpa) {
        return inKernel()
                && hardwareEnabled()
                && !x2apic()
                && (gpa & -4096L) == (vcpu.apicBase().get() & ADDRESS);
    }

    // Registers.

    long mmioRead(int offset, int size) {
        long v = tracedRead(offset & 0xff0);
        int shift = 8 * (offset & 15);
        return shift >= 32 ? 0 : v >>> shift & (size >= 4 ? 0xffffffffL : (1L << 8 * size) - 1);
    }

    void mmioWrite(int offset, int size, long value) {
        // Only aligned 32-bit writes do anything (SDM vol. 3, 11.4.1).
        if (size != 4 || (offset & 15) != 0) return;
        write(offset & 0xff0, value & 0xffffffffL);
        bus().recalculate();
    }

    private @Nullable Trace trace() {
        return vcpu.vm().kvm().trace();
    }

    /** kvm_lapic_reg_read. */
    private long tracedRead(int offset) {
        long v = read(offset);
        Trace t = trace();
        if (t != null) t.kvmApic(vcpu, false, offset, v);
        return v;
    }

    private void tracedWrite(int offset, long v) {
        Trace t = trace();
        if (t != null) t.kvmApic(vcpu, true, offset, v);
    }

    private long read(int offset) {
        return switch (offset) {
            case PPR -> updatePpr();
            case TMCCT -> currentCount();
            case IRR, IRR + 0x10, IRR + 0x20, IRR + 0x30, IRR + 0x40, IRR + 0x50, IRR + 0x60, IRR + 0x70 -> {
                int n = offset - IRR >> 4;
                yield irr(n >> 1).get() >>> 32 * (n & 1) & 0xffffffffL;
            }
            default -> reg(offset) & 0xffffffffL;
        };
    }

    /** RDMSR of 0x800-0x8ff; -1 in {@code ok} terms is expressed by {@link #readable}. */
    boolean readable(int offset) {
        return switch (offset) {
            case ID, LVR, TPR, PPR, LDR, SPIV, ESR, ICR, LVTT, LVTTHMR, LVTPC, LVT0, LVT1, LVTERR, TMICT, TMCCT, TDCR ->
                true;
            default -> offset >= ISR && offset < ESR;
        };
    }

    long x2apicRead(int offset) {
        if (offset == ID) return vcpu.id();
        if (offset == LDR) return (long) (vcpu.id() >> 4) << 16 | 1L << (vcpu.id() & 15);
        if (offset == ICR) return reg(ICR) & 0xffffffffL | reg(ICR2) << 32;
        return tracedRead(offset);
    }

    boolean x2apicActive() {
        return inKernel() && x2apic();
    }

    /** WRMSR of 0x800-0x8ff; false for #GP. */
    boolean x2apicWrite(int offset, long v) {
        if (offset == ICR) {
            if ((v & ICR_RESERVED) != 0) return false;
            set(ICR2, v >>> 32);
            set(ICR, v & ~0x1000L & 0xffffffffL);
            sendIpi(v & 0xffffffffL, v >>> 32);
            tracedWrite(ICR, v & ~0x1000L);
            return true;
        }
        if (offset == SELF_IPI) {
            if ((v & ~0xffL) != 0) return false;
            tracedWrite(SELF_IPI, v);
            sendIpi(0x40000 | v, 0);
            return true;
        }
        if (v >>> 32 != 0) return false;
        switch (offset) {
            case TPR, EOI, SPIV, LVTT, LVTTHMR, LVTPC, LVT0, LVT1, LVTERR, TMICT, TDCR:
                write(offset, v);
                bus().recalculate();
                return true;
            case ESR:
                if (v != 0) return false;
                write(offset, 0);
                return true;
            default:
                return false;
        }
    }

    /** kvm_hv_vapic_msr_write: EOI, ICR and TPR at their Hyper-V MSRs, in whatever mode the APIC is. */
    boolean vapicWrite(int offset, long v) {
        if (!inKernel()) return false;
        if (offset != ICR || x2apic()) return x2apicWrite(offset, v);
        if ((v & ICR_RESERVED) != 0) return false;
        set(ICR2, v >>> 32);
        write(ICR, v & 0xffffffffL);
        return true;
    }

    /** kvm_apic_send_ipi. */
    private void sendIpi(long icr, long destination) {
        Trace t = trace();
        if (t != null) t.kvmApicIpi(vcpu, (int) icr, (int) destination);
        bus().deliver(this, ApicBus.Message.icr(icr, destination));
    }

    private void write(int offset, long v) {
        tracedWrite(offset, v);
        switch (offset) {
            case ID -> {
                set(ID, v & 0xff000000L);
                bus().changed();
            }
            case TPR -> setTpr((int) v & 0xff);
            case EOI -> eoi();
            case LDR -> {
                set(LDR, v & 0xff000000L);
                bus().changed();
            }
            case DFR -> {
                set(DFR, v | 0x0fffffffL);
                bus().changed();
            }
            case SPIV -> {
                if (((reg(SPIV) ^ v) & 0x100) != 0) bus().changed();
                set(SPIV, v & (0x1ff | ((reg(LVR) & DIRECTED_EOI) != 0 ? SPIV_DIRECTED_EOI : 0)));
                // Disabled by software: every local vector is masked until it is enabled and written again.
                if ((v & 0x100) == 0) for (int lvt = LVTT; lvt <= LVTERR; lvt += 0x10) set(lvt, reg(lvt) | LVT_MASKED);
            }
            case ESR -> set(ESR, 0);
            case ICR -> {
                set(ICR, v & ~0x1000L);
                sendIpi(v & ~0x1000L, reg(ICR2) >>> 24);
            }
            case ICR2 -> set(ICR2, v & 0xff000000L);
            case LVTT -> {
                long old = reg(LVTT);
                set(LVTT, masked(v & 0x700ff));
                if (((old ^ v) & 0x60000) != 0) stopTimer();
            }
            case LVTTHMR, LVTPC -> set(offset, masked(v & 0x107ff));
            case LVT0, LVT1 -> set(offset, masked(v & 0x1a7ff));
            case LVTERR -> set(LVTERR, masked(v & 0x100ff));
            case TMICT -> {
                if (timerMode() == 2) return;
                set(TMICT, v);
                startTimer();
            }
            case TDCR -> {
                set(TDCR, v & 0xb);
                if (reg(TMICT) != 0 && deadline.get() != 0) startTimer();
            }
            default -> {}
        }
    }

    private long masked(long lvt) {
        return softwareEnabled() ? lvt : lvt | LVT_MASKED;
    }

    // Priorities.

    private Word irr(int n) {
        return switch (n) {
            case 0 -> irr0;
            case 1 -> irr1;
            case 2 -> irr2;
            default -> irr3;
        };
    }

    private int highestIrr() {
        for (int n = 3; n >= 0; n--) {
            long v = irr(n).acquire();
            if (v != 0) return n * 64 + 63 - Long.numberOfLeadingZeros(v);
        }
        return -1;
    }

    private int highestIsr() {
        for (int n = 7; n >= 0; n--) {
            int v = (int) reg(ISR + 16 * n);
            if (v != 0) return n * 32 + 31 - Integer.numberOfLeadingZeros(v);
        }
        return -1;
    }

    private long updatePpr() {
        long tpr = reg(TPR);
        int isr = Math.max(highestIsr(), 0);
        long ppr = (tpr & 0xf0) >= (isr & 0xf0) ? tpr & 0xff : isr & 0xf0;
        set(PPR, ppr);
        return ppr;
    }

    /** kvm_apic_has_interrupt. */
    boolean hasInterrupt() {
        if (!hardwareEnabled() || !softwareEnabled()) return false;
        int v = highestIrr();
        return v >= 0 && (v & 0xf0) > (updatePpr() & 0xf0);
    }

    /** kvm_lapic_update_cr8_intercept: the highest request is not above the task priority. */
    boolean waitsForPriority() {
        if (!hardwareEnabled() || !softwareEnabled()) return false;
        int v = highestIrr();
        return v >= 0 && v >> 4 <= tprCr8();
    }

    /** kvm_get_apic_interrupt: the highest request is in service now. */
    int acknowledge() {
        int v = highestIrr();
        irr(v >> 6).and(~(1L << (v & 63)));
        if (vcpu.hyperv().synic().endsItself(v)) {
            updatePpr();
            return v;
        }
        int at = ISR + 16 * (v >> 5);
        set(at, reg(at) | 1L << (v & 31));
        updatePpr();
        return v;
    }

    private void eoi() {
        int v = highestIsr();
        Trace t = trace();
        if (t != null) t.kvmEoi(vcpu, v);
        if (v < 0) return;
        int at = ISR + 16 * (v >> 5);
        set(at, reg(at) & ~(1L << (v & 31)));
        updatePpr();
        vcpu.hyperv().synic().eoi(v);
        boolean level = (reg(TMR + 16 * (v >> 5)) >> (v & 31) & 1) != 0;
        vcpu.vm().chips().eoi(vcpu, v, level, (reg(SPIV) & SPIV_DIRECTED_EOI) != 0);
    }

    /** kvm_apic_accept_pic_intr: LVT0 passes the PIC on, as it does while the APIC is off. */
    boolean acceptsPic() {
        if (!hardwareEnabled()) return true;
        return (reg(LVT0) & LVT_MASKED) == 0 && (reg(LVT0) & 0x700) == 0x700;
    }

    void setTpr(int tpr) {
        set(TPR, tpr);
        updatePpr();
    }

    long tprCr8() {
        return reg(TPR) >> 4 & 15;
    }

    // Delivery; any thread.

    /** An interrupt for this APIC; false when it was disabled. */
    boolean deliverFixed(int vector, boolean level) {
        if (!hardwareEnabled() || !softwareEnabled()) return false;
        // The trigger mode is there before the request: its end of interrupt asks for it.
        if (level) regs.or(TMR + 16 * (vector >> 5) >> 4, 1L << (vector & 31));
        else regs.and(TMR + 16 * (vector >> 5) >> 4, ~(1L << (vector & 31)));
        irr(vector >> 6).or(1L << (vector & 63));
        vcpu.runLoop().kick(RunState.REQ_EVENT);
        return true;
    }

    private void accepts(int mode, boolean level, int vector) {
        Trace t = trace();
        if (t != null) t.kvmApicAcceptIrq(vcpu, mode, level, vector);
    }

    /** __apic_accept_irq: false when the message had no effect. */
    boolean accept(ApicBus.Message m) {
        accepts(m.mode(), m.levelTriggered(), m.vector());
        switch (m.mode()) {
            case ApicBus.FIXED, ApicBus.LOWEST:
                return (m.level() || !m.levelTriggered()) && deliverFixed(m.vector(), m.levelTriggered());
            case ApicBus.SMI:
                if (!vcpu.smm().built()) return false;
                vcpu.smm().inject();
                return true;
            case ApicBus.NMI:
                vcpu.events().addNmi(vcpu.state());
                break;
            case ApicBus.INIT:
                if (m.levelTriggered() && !m.level()) return false;
                // INIT cancels a SIPI that has not been taken yet.
                pending.set(PENDING_INIT);
                break;
            case ApicBus.SIPI:
                sipiVector.set(m.vector());
                pending.or(PENDING_SIPI);
                break;
            default:
                return false;
        }
        vcpu.runLoop().kick(RunState.REQ_EVENT);
        return true;
    }

    /** kvm_apic_match_dest. */
    boolean matches(long destination, boolean logical, boolean wide) {
        if (destination == ((vcpu.vm().broadcastByMode() ? x2apic() : wide) ? 0xffffffffL : 0xff)) return true;
        if (!logical) return apicId() == destination;
        if (x2apic()) {
            long ldr = ldr();
            return ldr >>> 16 == destination >>> 16 && (ldr & destination & 0xffff) != 0;
        }
        long ldr = ldr() >>> 24;
        if (flat()) return (ldr & destination) != 0;
        return ldr >>> 4 == destination >>> 4 && (ldr & destination & 15) != 0;
    }

    /** kvm_apic_pending_eoi: requested or in service. */
    boolean awaitsEoi(int vector) {
        boolean requested = (irr(vector >> 6).acquire() >> (vector & 63) & 1) != 0;
        return requested || (reg(ISR + 16 * (vector >> 5)) >> (vector & 31) & 1) != 0;
    }

    /** apic_lvt_nmi_mode of LVT0. */
    boolean watchesByNmi() {
        return (reg(LVT0) & (0x700 | LVT_MASKED)) == ApicBus.NMI << 8;
    }

    /** kvm_apic_local_deliver; Intel's APICs mask the performance counters' entry when it is taken. */
    void deliverLocal(int lvt) {
        long v = reg(lvt);
        if (!hardwareEnabled() || (v & LVT_MASKED) != 0) return;
        boolean taken = accept(ApicBus.Message.local(v));
        if (taken && lvt == LVTPC && !vcpu.guestIsAmd()) set(lvt, v | LVT_MASKED);
    }

    boolean pendingInitOrSipi() {
        return pending.get() != 0;
    }

    /** A SIPI from KVM_SET_MP_STATE. */
    void setSipi(int vector) {
        sipiVector.set(vector);
        pending.or(PENDING_SIPI);
    }

    long sipiVector() {
        return sipiVector.get();
    }

    /** kvm_lapic_latched_init. */
    boolean latchedInit() {
        return inKernel() && pending.test(PENDING_INIT);
    }

    void latchInit(boolean on) {
        if (on) pending.or(PENDING_INIT);
        else pending.and(~PENDING_INIT);
    }

    /** kvm_apic_accept_events. In system management mode an INIT waits, a SIPI is lost. */
    void acceptEvents() {
        if (pending.get() == 0) return;
        if (vcpu.smm().active()) {
            pending.and(~PENDING_SIPI);
            return;
        }
        if ((pending.and(~PENDING_INIT) & PENDING_INIT) != 0) {
            VcpuReset.init(vcpu);
            vcpu.mpState().set(isBsp() ? VcpuRun.MP_RUNNABLE : VcpuRun.MP_INIT_RECEIVED);
        }
        if ((pending.and(~PENDING_SIPI) & PENDING_SIPI) != 0 && vcpu.mpState().get() == VcpuRun.MP_INIT_RECEIVED) {
            long v = sipiVector.get() & 0xff;
            X86State s = vcpu.state();
            s.segSelector.set(X86State.CS, v << 8);
            s.segBase.set(X86State.CS, v << 12);
            s.rip.set(0);
            vcpu.mpState().set(VcpuRun.MP_RUNNABLE);
        }
    }

    // Timer.

    private int timerMode() {
        return (int) (reg(LVTT) >> 17 & 3);
    }

    private long now() {
        return vcpu.vm().kvm().kernel().timing().now();
    }

    /** Nanoseconds of one count. */
    private long period() {
        long d = reg(TDCR);
        return vcpu.vm().apicBusCycle().get() << (((d & 3 | d >> 1 & 4) + 1) & 7);
    }

    private void startTimer() {
        stopTimer();
        if (reg(TMICT) == 0) return;
        started.set(now());
        deadline.set(now() + reg(TMICT) * period());
    }

    private void stopTimer() {
        deadline.set(0);
        tscDeadline.set(0);
    }

    private long currentCount() {
        if (timerMode() == 2 || deadline.get() == 0) return 0;
        return Math.max(0, deadline.get() - now()) / period();
    }

    long tscDeadline() {
        return timerMode() == 2 ? tscDeadline.get() : 0;
    }

    void tscDeadline(long tsc) {
        if (timerMode() != 2) return;
        tscDeadline.set(tsc);
        if (tsc == 0) {
            deadline.set(0);
            return;
        }
        long khz = vcpu.tscKhz().get();
        long left = tsc - vcpu.guestTsc();
        deadline.set(left <= 0 ? now() : now() + left / khz * 1_000_000 + left % khz * 1_000_000 / khz);
    }

    /** Time at which the timer fires, 0 for never: whoever owns real time kicks the vCPU then. */
    public long deadline() {
        return deadline.get();
    }

    /** Expired? Then the local vector is requested, and a periodic timer starts again. */
    void serveTimer() {
        long d = deadline.get();
        if (d == 0 || now() < d) return;
        long every = Math.max(1, reg(TMICT) * period());
        // Periods that passed unseen are one interrupt together.
        if (timerMode() == 1) deadline.set(d + ((now() - d) / every + 1) * every);
        else stopTimer();
        if ((reg(LVTT) & LVT_MASKED) != 0) return;
        accepts(ApicBus.FIXED, false, (int) reg(LVTT) & 0xff);
        deliverFixed((int) reg(LVTT) & 0xff, false);
    }

    boolean timerPending() {
        long d = deadline.get();
        return d != 0 && now() >= d;
    }

    // struct kvm_lapic_state.

    byte[] state() {
        byte[] b = new byte[1024];
        for (int offset = 0; offset < 1024; offset += 16) {
            boolean shifted = offset == ID && x2apic() && !vcpu.vm().wideApicIds();
            // Only who asks for the PPR as a register has it calculated.
            long v = shifted ? (long) vcpu.id() << 24 : offset == PPR ? reg(PPR) : read(offset);
            for (int i = 0; i < 4; i++) b[offset + i] = (byte) (v >>> 8 * i);
        }
        return b;
    }

    void state(byte[] b) {
        boolean served = highestIsr() >= 0;
        for (int offset = 0; offset < 1024; offset += 16) {
            long v = 0;
            for (int i = 0; i < 4; i++) v |= (b[offset + i] & 0xffL) << 8 * i;
            if (offset >= IRR && offset < ESR) {
                int n = offset - IRR >> 4;
                Word w = irr(n >> 1);
                w.set(w.get() & ~(0xffffffffL << 32 * (n & 1)) | v << 32 * (n & 1));
            } else {
                set(offset, v);
            }
        }
        setVersion();
        bus().changed();
        bus().recalculate();
        if (timerMode() != 2 && reg(TMICT) != 0) startTimer();
        // The interrupts in service are counted last (kvm_apic_update_apicv): where there was none, none is seen.
        if (served) updatePpr();
        else set(PPR, reg(TPR) & 0xff);
    }
}
