package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.FeatureFields.Field;
import dev.worldswitch.kvm.arm64.FeatureFields.Safe;
import dev.worldswitch.kvm.arm64.HostFeatures.Mitigation;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/**
 * The ID registers of a VM: (3, 0, 0, 1-7, 0-7), and CTR_EL0 with {@code ctr-per-vm}. Guests read them without a lock: "has run" is
 * set under the config lock before the first entry, and a writer tests it under that lock in the same critical section as
 * its store, so from the first guest instruction on they are constant.
 */
final class IdRegs {
    private static final int CTR = 56, COUNT = 57;
    private static final int CSV2 = 56, CSV3 = 60, GIC64 = 24, GIC32 = 28;
    private static final long PMUVER = 0xfL << 8, PERFMON = 0xfL << 24;
    private static final int DEBUGVER_V8 = 6, DEBUGVER_V8P8 = 10, COPDBG_V8 = 6, COPDBG_V8P8 = 10, IMP_DEF = 15;

    private final Vm vm;
    private final Words values;

    IdRegs(Vm vm, Region region) {
        this.vm = vm;
        this.values = region.words("idRegs", COUNT);
        if (perRead(vm.kvm())) {
            // Without {@code id-regs-per-vm} a VM stores only these two fields; all else is worked out at each read.
            HostFeatures host = vm.kvm().host();
            long csv2 = host.spectreV2() == Mitigation.UNAFFECTED ? 1 : 0;
            long csv3 = host.meltdown() == Mitigation.UNAFFECTED ? 1 : 0;
            values.set(index(SysReg.ID_AA64PFR0_EL1.encoding()), csv2 << CSV2 | csv3 << CSV3);
        }
    }

    private static boolean perRead(Kvm kvm) {
        return !kvm.has(Patch.ARM64_ID_REGS_PER_VM);
    }

    private static int index(int encoding) {
        if (encoding == SysReg.CTR_EL0.encoding()) return CTR;
        return (encoding >>> 3 & 15) - 1 << 3 | encoding & 7;
    }

    /** A 4-bit field of this VM's value. */
    int field(SysReg r, int shift) {
        return (int) (values.get(index(r.encoding())) >>> shift & 15);
    }

    /** The VM's CTR_EL0 is the host's: guests may read the hardware's. */
    boolean hasHostCtr() {
        return values.get(CTR) == vm.kvm().host().sanitised(SysReg.CTR_EL0);
    }

    /** reset_vm_ftr_id_reg for all: once, at the first KVM_ARM_VCPU_INIT, when the features are final. */
    void initialize(Vcpu v) {
        if (perRead(vm.kvm()) || vm.flags().test(Vm.ID_REGS_INITIALIZED)) return;
        for (Row r : vm.kvm().sysRegs().rows())
            if (r.get() != null && isVmIdReg(r.encoding())) values.set(index(r.encoding()), sanitised(v, r));
        vm.flags().setBits(Vm.ID_REGS_INITIALIZED);
    }

    /** is_vm_ftr_id_reg. */
    static boolean isVmIdReg(int encoding) {
        int low = SysReg.encoding(3, 0, 0, 1, 0), high = SysReg.encoding(3, 0, 0, 7, 7);
        return encoding == SysReg.CTR_EL0.encoding() || encoding >= low && encoding <= high;
    }

    /** kvm_finalize_sys_regs: without a GICv3 in the kernel the guest sees none. */
    void finalizeForRun() {
        if (perRead(vm.kvm()) || vm.hasRunOnce()) return;
        Vgic gic = vm.vgic().get();
        if (gic != null && gic.isV3() || !vm.kvm().has(Patch.ARM64_ID_GIC_ZERO)) return;
        clear(SysReg.ID_AA64PFR0_EL1, 0xfL << GIC64);
        clear(SysReg.ID_PFR1_EL1, 0xfL << GIC32);
    }

    private void clear(SysReg r, long bits) {
        int i = index(r.encoding());
        values.set(i, values.get(i) & ~bits);
    }

    /** What a guest reads: one plain load. */
    static long access(Vcpu v, Row row, boolean write, long value) {
        return write ? Inject.undefined(v) : get(v, row);
    }

    static long get(Vcpu v, Row row) {
        IdRegs ids = v.vm().idRegs();
        // Whether this vCPU sees the register is asked before the VM's value.
        if (row.raz(v)) return 0;
        return perRead(v.kvm()) ? ids.sanitised(v, row) : ids.values.get(index(row.encoding()));
    }

    static long set(Vcpu v, Row row, long value) {
        SysReg r = SysReg.find(row.encoding());
        if (perRead(v.kvm()))
            return r == SysReg.ID_AA64PFR0_EL1 ? v.vm().idRegs().setCsv(v, row, value) : same(v, row, value);
        if (r == SysReg.ID_AA64DFR0_EL1) {
            if ((value & PMUVER) == PMUVER) value &= ~PMUVER;
            if ((value & 15) < DEBUGVER_V8) return Errno.EINVAL;
        } else if (r == SysReg.ID_DFR0_EL1) {
            if ((value & PERFMON) == PERFMON) value &= ~PERFMON;
            long perfmon = value >>> 24 & 15;
            if (perfmon != 0 && perfmon < 3 || (value & 15) < COPDBG_V8) return Errno.EINVAL;
        } else if (r == SysReg.ID_AA64PFR0_EL1) {
            if (keepsCsv2(v, row, value)) return Errno.EINVAL;
            value = ignoreMpam(v, r, value, 0xfL << 40);
        } else if (r == SysReg.ID_AA64PFR1_EL1) {
            value = ignoreMpam(v, r, value, 0xfL << 16);
        }
        return v.vm().idRegs().store(v, row, value);
    }

    /** Older kernels showed the host's MPAM field: that value is taken and means nothing. */
    private static long ignoreMpam(Vcpu v, SysReg r, long value, long mask) {
        if (!v.kvm().has(Patch.MPAM_WRITE_IGNORED)) return value;
        return (value & mask) == (v.kvm().host().sanitised(r) & mask) ? value & ~mask : value;
    }

    private static long same(Vcpu v, Row row, long value) {
        return value == get(v, row) ? 0 : Errno.EINVAL;
    }

    private long setCsv(Vcpu v, Row row, long value) {
        if (keepsCsv2(v, row, value)) return Errno.EINVAL;
        HostFeatures host = v.kvm().host();
        long csv2 = value >>> CSV2 & 15, csv3 = value >>> CSV3 & 15, both = 0xffL << CSV2;
        if (csv2 > 1 || csv2 != 0 && host.spectreV2() != Mitigation.UNAFFECTED) return Errno.EINVAL;
        if (csv3 > 1 || csv3 != 0 && host.meltdown() != Mitigation.UNAFFECTED) return Errno.EINVAL;
        if (((value ^ get(v, row)) & ~both) != 0) return Errno.EINVAL;
        values.set(index(row.encoding()), value & both);
        return 0;
    }

    /** Before {@code csv2-writable} the field is KVM's alone. */
    private static boolean keepsCsv2(Vcpu v, Row row, long value) {
        return !v.kvm().has(Patch.CSV2_WRITABLE) && ((value ^ get(v, row)) >>> CSV2 & 15) != 0;
    }

    /** set_id_reg: test and store in one critical section. */
    private long store(Vcpu v, Row row, long value) {
        vm.configLock().lock();
        try {
            if (vm.hasRunOnce()) return value == get(v, row) ? 0 : Errno.EBUSY;
            if (!acceptable(v, row, value)) return Errno.EINVAL;
            values.set(index(row.encoding()), value);
            return 0;
        } finally {
            vm.configLock().unlock();
        }
    }

    /** arm64_check_features: each writable field at most as promised as the limit, all other bits equal to it. */
    private boolean acceptable(Vcpu v, Row row, long value) {
        if (row.raz(v)) return value == 0;
        SysReg r = SysReg.find(row.encoding());
        FeatureFields fields = v.kvm().host().fields();
        if (r == null || !fields.describes(r)) return false;
        long limit = sanitised(v, row), described = 0;
        for (Field f : fields.of(r)) {
            if ((f.mask() & row.value()) != f.mask()) continue;
            described |= f.mask();
            long wanted = f.of(value), most = f.of(limit);
            if (wanted != most && safeForGuest(r, f, wanted, most) != wanted) return false;
        }
        return ((value ^ limit) & ~described) == 0;
    }

    /** kvm_arm64_ftr_safe_value: versions of the debug and performance units may be lowered for a guest. */
    private static long safeForGuest(SysReg r, Field f, long wanted, long most) {
        boolean version = r == SysReg.ID_AA64DFR0_EL1 && (f.low() == 8 || f.low() == 0)
                || r == SysReg.ID_DFR0_EL1 && f.low() == 24;
        return version ? f.safeValue(Safe.L, wanted, most) : f.safeValue(wanted, most);
    }

    /** The host's value without what KVM hides from this vCPU. */
    private long sanitised(Vcpu v, Row row) {
        SysReg r = SysReg.find(row.encoding());
        if (r == null || row.raz(v)) return 0;
        long value = v.kvm().host().sanitised(r);
        return perRead(v.kvm()) ? hideOld(v, r, value) : hide(v, r, value);
    }

    private static long hide(Vcpu v, SysReg r, long value) {
        HostFeatures host = v.kvm().host();
        boolean doubleFault2 = v.kvm().has(Patch.ARM64_ID_DOUBLE_FAULT2);
        return switch (r) {
            case ID_AA64PFR0_EL1 -> {
                value = withCsv(host, value) & ~(0xfL << 44 | 0xfL << 40) & ~(0xfL << GIC64) | 1L << GIC64;
                yield v.hasSve() ? value : value & ~(0xfL << 32);
            }
            case ID_AA64PFR1_EL1 -> value & (doubleFault2 ? 0x0f00_000f_0000_f0ffL : 0x0000_000f_0000_f0ffL);
            case ID_AA64PFR2_EL1 -> value & 0xfL << 32;
            case ID_AA64DFR0_EL1 -> {
                value = limit(value, 0, DEBUGVER_V8P8) & ~PMUVER & ~(0xfL << 32);
                yield v.hasPmu() ? value | (long) host.pmuVersion() << 8 : value;
            }
            case ID_DFR0_EL1 -> {
                value = limit(value & ~PERFMON, 0, COPDBG_V8P8);
                yield v.hasPmu() ? value | (long) perfMon(host.pmuVersion()) << 24 : value;
            }
            case ID_AA64ISAR1_EL1 -> v.hasPtrauth() ? value : value & ~0xff00_0ff0L;
            case ID_AA64ISAR2_EL1 -> v.hasPtrauth() ? value : value & ~0xff00L;
            case ID_AA64MMFR2_EL1 -> value & ~(0xfL << 20);
            case ID_AA64MMFR3_EL1 -> value & 0xf0f;
            case ID_MMFR4_EL1 -> value & ~(0xfL << 24);
            default -> value;
        };
    }

    private static long hideOld(Vcpu v, SysReg r, long value) {
        HostFeatures host = v.kvm().host();
        return switch (r) {
            case ID_AA64PFR0_EL1 -> {
                long csv = v.vm().idRegs().values.get(index(r.encoding()));
                value = value & ~(0xffL << CSV2 | 0xfL << 44 | 0xfL << GIC64) | csv | 1L << GIC64;
                yield v.hasSve() ? value : value & ~(0xfL << 32);
            }
            case ID_AA64PFR1_EL1 -> value & ~(0xfL << 8 | 0xfL << 24);
            case ID_AA64DFR0_EL1 -> {
                long pmu = v.hasPmu() ? Math.min(host.pmuVersion(), 5) : 0;
                yield value & ~(0xfL | PMUVER | 0xfL << 32) | DEBUGVER_V8 | pmu << 8;
            }
            case ID_DFR0_EL1 -> {
                long perfmon = value >>> 24 & 15;
                long capped = perfmon == IMP_DEF || !v.hasPmu() ? 0 : Math.min(perfmon, 5);
                yield value & ~PERFMON | capped << 24;
            }
            case ID_AA64ISAR1_EL1 -> v.hasPtrauth() ? value : value & ~0xff00_0ff0L;
            case ID_AA64ISAR2_EL1 -> v.hasPtrauth() ? value : value & ~0xff00L;
            default -> value;
        };
    }

    private static long withCsv(HostFeatures host, long value) {
        if (host.spectreV2() == Mitigation.UNAFFECTED) value = value & ~(0xfL << CSV2) | 1L << CSV2;
        if (host.meltdown() == Mitigation.UNAFFECTED) value = value & ~(0xfL << CSV3) | 1L << CSV3;
        return value;
    }

    private static long limit(long value, int shift, long most) {
        long f = Math.min(value >>> shift & 15, most);
        return value & ~(0xfL << shift) | f << shift;
    }

    private static int perfMon(int pmuVersion) {
        // Of the AArch64 versions only the first has another number in AArch32.
        return pmuVersion == 1 ? 3 : pmuVersion;
    }

    /** KVM_ARM_GET_REG_WRITABLE_MASKS: place of a register among the 3 * 8 * 8 feature ID registers. */
    static @Nullable Integer maskIndex(int encoding) {
        int op1 = encoding >>> 11 & 7, crn = encoding >>> 7 & 15, crm = encoding >>> 3 & 15, op2 = encoding & 7;
        boolean feature = encoding >>> 14 == 3 && (op1 < 2 || op1 == 3) && crn == 0 && crm <= 7;
        int bank = op1 == 3 ? 2 : op1;
        return feature ? bank << 6 | crm << 3 | op2 : null;
    }
}
