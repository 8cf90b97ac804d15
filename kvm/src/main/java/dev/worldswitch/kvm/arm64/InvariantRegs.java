package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Registers in which the guest sees the host's own value: user space may read them and write that value back. */
final class InvariantRegs {
    static final List<SysReg> IMPLEMENTATION = List.of(SysReg.MIDR_EL1, SysReg.REVIDR_EL1, SysReg.AIDR_EL1);

    private InvariantRegs() {}

    /** Listed before all other system registers, in this order. */
    static List<SysReg> apart(Kvm kvm) {
        boolean implementation = !kvm.has(Patch.ARM64_WRITABLE_IMP_ID_REGS);
        List<SysReg> list = new ArrayList<>();
        if (implementation) list.addAll(List.of(SysReg.MIDR_EL1, SysReg.REVIDR_EL1));
        if (!kvm.has(Patch.ARM64_NORMALIZED_CACHES)) list.add(SysReg.CLIDR_EL1);
        if (implementation) list.add(SysReg.AIDR_EL1);
        if (!kvm.has(Patch.ARM64_CTR_PER_VM)) list.add(SysReg.CTR_EL0);
        return list;
    }

    static @Nullable SysReg find(Kvm kvm, int encoding) {
        SysReg r = SysReg.find(encoding);
        return r != null && apart(kvm).contains(r) ? r : null;
    }

    static long value(Kvm kvm, SysReg r) {
        return r == SysReg.CTR_EL0 ? kvm.host().sanitised(r) : kvm.profile().register(r);
    }

    /** Trapped reads (HCR_EL2.TID1, TID2). */
    static long access(Vcpu v, Row row, boolean write, long value) {
        return write ? Inject.undefined(v) : current(v, row);
    }

    private static long current(Vcpu v, Row row) {
        SysReg r = SysReg.find(row.encoding());
        if (r == null) throw new IllegalStateException("register " + row.name() + " has no name");
        return current(v, r);
    }

    /** What the guest reads: the host's value, or what user space put in its place. */
    static long current(Vcpu v, SysReg r) {
        int i = IMPLEMENTATION.indexOf(r);
        return i >= 0 && v.vm().firmware().implementation().get(3) != 0
                ? v.vm().firmware().implementation().get(i)
                : value(v.kvm(), r);
    }

    static long getUser(Vcpu v, Row row) {
        return current(v, row);
    }

    /** set_imp_id_reg: writable once the VM opted in, until it has run; MIDR only in its low 32 bits. */
    static long setUser(Vcpu v, Row row, long value) {
        Vm vm = v.vm();
        vm.configLock().lock();
        try {
            if (value == current(v, row)) return 0;
            if (!vm.flags().test(Vm.WRITABLE_IMP_ID)) return Errno.EINVAL;
            if (vm.hasRunOnce()) return Errno.EBUSY;
            if (row.encoding() == SysReg.MIDR_EL1.encoding() && value >>> 32 != 0) return Errno.EINVAL;
            var ids = vm.firmware().implementation();
            if (ids.get(3) == 0) {
                for (int i = 0; i < 3; i++) ids.set(i, value(v.kvm(), IMPLEMENTATION.get(i)));
                ids.set(3, 1);
            }
            for (int i = 0; i < 3; i++) if (IMPLEMENTATION.get(i).encoding() == row.encoding()) ids.set(i, value);
            return 0;
        } finally {
            vm.configLock().unlock();
        }
    }
}
