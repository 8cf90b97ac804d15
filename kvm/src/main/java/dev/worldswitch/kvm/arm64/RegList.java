package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.ArrayList;
import java.util.List;

/** KVM_GET_REG_LIST: the ids of a vCPU's registers in the kernel's order. */
public final class RegList {
    private static final long SYSREG_ID = OneReg.ARM64 | OneReg.U64 | (long) OneReg.SYSREG << 16;

    private RegList() {}

    static void rows(Rows t) {
        t.vcpu("KVM_GET_REG_LIST", iowr(0xb0, 8), 70, "api.rst 4.84", RegList::get);
    }

    private static long get(Vcpu v, Call call) {
        if (!v.is(Vcpu.INITIALIZED)) return Errno.ENOEXEC;
        if (!v.isFinalized()) return Errno.EPERM;
        Bytes head = call.in(8);
        if (head == null) return Errno.EFAULT;
        long room = head.u64(0) & 0xffffffffL;
        List<Long> ids = ids(v);
        if (call.out(head.u64(0, ids.size())) != 0) return Errno.EFAULT;
        if (room < ids.size()) return Errno.E2BIG;
        Bytes body = new Bytes(ids.size() * 8);
        for (int i = 0; i < ids.size(); i++) body.u64(i * 8, ids.get(i));
        return call.out(call.argument() + 8, body);
    }

    /** Core, SVE, firmware, timers, invariant registers, system registers, caches. */
    public static List<Long> ids(Vcpu v) {
        List<Long> ids = new ArrayList<>();
        core(v, ids);
        if (v.hasSve()) sve(ids);
        ids.addAll(Firmware.ids(v.kvm()));
        for (SysReg r : TimerRegs.apart(v.kvm())) ids.add(SYSREG_ID | TimerRegs.swap(r.encoding()));
        for (SysReg r : InvariantRegs.apart(v.kvm())) ids.add(SYSREG_ID | r.encoding());
        for (Row r : v.kvm().sysRegs().rows())
            if (r.forUser() && !r.hidden(v)) ids.add(SYSREG_ID | TimerRegs.swap(r.encoding()));
        for (int i = 0; i < CacheRegs.CSSELR_MAX; i++)
            if (CacheRegs.exists(v, i)) ids.add(OneReg.ARM64 | OneReg.U32 | (long) OneReg.DEMUX << 16 | i);
        return ids;
    }

    private static void core(Vcpu v, List<Long> ids) {
        boolean validOnly = v.kvm().has(Patch.REG_LIST_VALID_IDS);
        for (int offset = 0; offset <= OneReg.FPCR; offset++) {
            if (!validOnly) {
                ids.add(OneReg.ARM64 | OneReg.U64 | (long) OneReg.CORE << 16 | offset);
                continue;
            }
            long size = switch (OneReg.coreSize(v, offset)) {
                case 4 -> OneReg.U32;
                case 8 -> OneReg.U64;
                case 16 -> OneReg.U128;
                default -> 0;
            };
            if (size != 0) ids.add(OneReg.ARM64 | size | (long) OneReg.CORE << 16 | offset);
        }
    }

    private static void sve(List<Long> ids) {
        long kind = OneReg.ARM64 | (long) OneReg.SVE << 16;
        ids.add(OneReg.VLS);
        for (long n = 0; n < 32; n++) ids.add(kind | OneReg.U2048 | n << 5);
        for (long n = 0; n < 17; n++) ids.add(kind | OneReg.U256 | 0x400 | n << 5);
    }
}
