package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.List;

/**
 * The virtual and the physical timer. In the ABI the ids of the virtual counter and of its compare value are swapped: a
 * mistake that every VMM relies on.
 */
final class TimerRegs {
    static final List<SysReg> REGISTERS = List.of(
            SysReg.CNTPCT_EL0,
            SysReg.CNTVCT_EL0,
            SysReg.CNTP_CTL_EL0,
            SysReg.CNTP_CVAL_EL0,
            SysReg.CNTV_CTL_EL0,
            SysReg.CNTV_CVAL_EL0);
    static final int DEFAULT_VTIMER_PPI = 27, DEFAULT_PTIMER_PPI = 30;
    static final long ENABLE = 1, IMASK = 2, ISTATUS = 4;

    private TimerRegs() {}

    /** From the encoding of hardware to that of the ABI, and back. */
    static int swap(int encoding) {
        if (encoding == SysReg.CNTVCT_EL0.encoding()) return SysReg.CNTV_CVAL_EL0.encoding();
        return encoding == SysReg.CNTV_CVAL_EL0.encoding() ? SysReg.CNTVCT_EL0.encoding() : encoding;
    }

    /** Timer ids apart from the table, in the order of KVM_GET_REG_LIST; none once they are in the table. */
    static List<SysReg> apart(Kvm kvm) {
        if (kvm.has(Patch.ARM64_TIMERS_IN_SYSREG_TABLE)) return List.of();
        List<SysReg> virtual = List.of(SysReg.CNTV_CTL_EL0, SysReg.CNTVCT_EL0, SysReg.CNTV_CVAL_EL0);
        if (!kvm.has(Patch.ARM64_PTIMER_USER_ACCESS)) return virtual;
        return List.of(
                virtual.get(0),
                virtual.get(1),
                virtual.get(2),
                SysReg.CNTP_CTL_EL0,
                SysReg.CNTPCT_EL0,
                SysReg.CNTP_CVAL_EL0);
    }

    static void reset(Vcpu v) {
        v.sys(SysReg.CNTV_CTL_EL0, 0);
        v.sys(SysReg.CNTP_CTL_EL0, 0);
        v.sys(SysReg.CNTV_CVAL_EL0, 0);
        v.sys(SysReg.CNTP_CVAL_EL0, 0);
    }

    static long virtualCounter(Vcpu v) {
        return v.kvm().counter() - v.vm().voffset().get();
    }

    static long physicalCounter(Vcpu v) {
        return v.kvm().counter() - v.vm().poffset().get();
    }

    private static boolean isPhysical(SysReg r) {
        return switch (r) {
            case CNTPCT_EL0, CNTPCTSS_EL0, CNTP_CTL_EL0, CNTP_CVAL_EL0, CNTP_TVAL_EL0 -> true;
            default -> false;
        };
    }

    /** A line's level: enabled, not masked, and due. */
    static boolean asserted(Vcpu v, boolean physical) {
        long ctl = v.sys(physical ? SysReg.CNTP_CTL_EL0 : SysReg.CNTV_CTL_EL0);
        return (ctl & (ENABLE | IMASK)) == ENABLE && due(v, physical);
    }

    /** Counter ticks until the line rises; Long.MAX_VALUE for never. */
    static long ticksToGo(Vcpu v, boolean physical) {
        long ctl = v.sys(physical ? SysReg.CNTP_CTL_EL0 : SysReg.CNTV_CTL_EL0);
        if ((ctl & (ENABLE | IMASK)) != ENABLE) return Long.MAX_VALUE;
        long cval = v.sys(physical ? SysReg.CNTP_CVAL_EL0 : SysReg.CNTV_CVAL_EL0);
        long now = physical ? physicalCounter(v) : virtualCounter(v);
        return Long.compareUnsigned(cval, now) <= 0 ? 0 : Math.max(1, cval - now);
    }

    private static boolean due(Vcpu v, boolean physical) {
        long cval = v.sys(physical ? SysReg.CNTP_CVAL_EL0 : SysReg.CNTV_CVAL_EL0);
        return Long.compareUnsigned(cval, physical ? physicalCounter(v) : virtualCounter(v)) <= 0;
    }

    /** CNT*_CTL as read: with the condition's status. */
    private static long control(Vcpu v, boolean physical) {
        long ctl = v.sys(physical ? SysReg.CNTP_CTL_EL0 : SysReg.CNTV_CTL_EL0) & 0xffff_fffbL;
        return due(v, physical) ? ctl | ISTATUS : ctl;
    }

    /** Timers that the real KVM lets the guest reach: the CPU shows no status while they are off. */
    private static boolean inHardware(Vcpu v, boolean physical) {
        return !physical || v.kvm().profile().vhe() && !v.kvm().has(Patch.ARM64_PTIMER_OFFSET);
    }

    static long access(Vcpu v, Row row, boolean write, long value) {
        SysReg r = SysReg.find(row.encoding());
        if (r == null) return Inject.undefined(v);
        boolean physical = isPhysical(r);
        SysReg cval = physical ? SysReg.CNTP_CVAL_EL0 : SysReg.CNTV_CVAL_EL0;
        long now = physical ? physicalCounter(v) : virtualCounter(v);
        return switch (r) {
            case CNTPCT_EL0, CNTVCT_EL0, CNTPCTSS_EL0, CNTVCTSS_EL0 -> write ? Inject.undefined(v) : now;
            case CNTP_CTL_EL0, CNTV_CTL_EL0 -> {
                if (write) v.sys(r, value & ~ISTATUS);
                long status = control(v, physical);
                yield inHardware(v, physical) && (status & ENABLE) == 0 ? status & ~ISTATUS : status;
            }
            case CNTP_CVAL_EL0, CNTV_CVAL_EL0 -> {
                if (write) v.sys(r, value);
                yield v.sys(r);
            }
            default -> {
                if (write) v.sys(cval, now + (int) value);
                yield v.sys(cval) - now & 0xffffffffL;
            }
        };
    }

    /** kvm_arm_timer_get_reg. */
    static long getUser(Vcpu v, SysReg r) {
        return switch (r) {
            case CNTVCT_EL0 -> virtualCounter(v);
            case CNTPCT_EL0 -> physicalCounter(v);
            case CNTV_CTL_EL0, CNTP_CTL_EL0 ->
                v.kvm().has(Patch.ARM64_TIMER_CTL_WITHOUT_STATUS) ? v.sys(r) & ~ISTATUS : control(v, isPhysical(r));
            default -> v.sys(r);
        };
    }

    /** kvm_arm_timer_set_reg: a counter moves the offset of the whole VM, unless user space has fixed it. */
    static long setUser(Vcpu v, SysReg r, long value) {
        Vm vm = v.vm();
        switch (r) {
            case CNTVCT_EL0 -> {
                if (!vm.flags().test(Vm.COUNTER_OFFSET))
                    vm.voffset().set(v.kvm().counter() - value);
            }
            case CNTPCT_EL0 -> {
                if (!vm.flags().test(Vm.COUNTER_OFFSET))
                    vm.poffset().set(v.kvm().counter() - value);
            }
            case CNTV_CTL_EL0, CNTP_CTL_EL0 -> v.sys(r, value & ~ISTATUS);
            default -> v.sys(r, value);
        }
        return 0;
    }

    static long getUser(Vcpu v, Row row) {
        return getUser(v, register(row));
    }

    static long setUser(Vcpu v, Row row, long value) {
        return setUser(v, register(row), value);
    }

    private static SysReg register(Row row) {
        SysReg r = SysReg.find(row.encoding());
        if (r == null) throw new IllegalStateException("timer register " + row.name() + " has no name");
        return r;
    }

    /** KVM_ARM_SET_COUNTER_OFFSET. */
    static long setCounterOffset(Vm vm, long offset, long reserved) {
        if (reserved != 0) return Errno.EINVAL;
        vm.voffset().set(offset);
        vm.poffset().set(offset);
        vm.flags().setBits(Vm.COUNTER_OFFSET);
        return 0;
    }
}
