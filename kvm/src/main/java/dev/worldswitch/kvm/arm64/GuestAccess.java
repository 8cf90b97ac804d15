package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;

/** Trapped accesses of a guest to system registers that are not in a group of their own. */
final class GuestAccess {
    /** OSLSR_EL1.OSLM: the OS lock is implemented. */
    static final long OSLSR_OSLM = 8;

    private static final long OSLK_STATUS = 2, OSLK = 1;

    private GuestAccess() {}

    static long undefined(Vcpu v, Row row, boolean write, long value) {
        return Inject.undefined(v);
    }

    static long razWi(Vcpu v, Row row, boolean write, long value) {
        return 0;
    }

    static long readZero(Vcpu v, Row row, boolean write, long value) {
        return write ? Inject.undefined(v) : 0;
    }

    /** idst_access: an ID register that the guest has not. */
    static long absentIdRegister(Vcpu v, Row row, boolean write, long value) {
        boolean idst = v.vm().idRegs().field(SysReg.ID_AA64MMFR2_EL1, 36) != 0;
        return idst ? Inject.sync(v, v.esr()) : Inject.undefined(v);
    }

    static long readWrite(Vcpu v, Row row, boolean write, long value) {
        if (write) v.sys(row.stored(), value);
        return v.sys(row.stored());
    }

    static long readOnlyStored(Vcpu v, Row row, boolean write, long value) {
        return write ? Inject.undefined(v) : v.sys(row.stored());
    }

    /** access_vm_reg: writes trap while HCR_EL2.TVM is set; when the guest switches its caches on, they do so no more. */
    static long vmRegister(Vcpu v, Row row, boolean write, long value) {
        if (!write) return v.sys(row.stored());
        boolean before = cachesOn(v);
        v.sys(row.stored(), value);
        if (cachesOn(v) != before) v.hcr().and(~HCR_TVM);
        return 0;
    }

    static final long HCR_TVM = 1L << 26;

    private static boolean cachesOn(Vcpu v) {
        return (v.sys(SysReg.SCTLR_EL1) & 5) == 5;
    }

    static long tcr2(Vcpu v, Row row, boolean write, long value) {
        boolean has = v.vm().idRegs().field(SysReg.ID_AA64MMFR3_EL1, 0) != 0;
        return has ? vmRegister(v, row, write, value) : Inject.undefined(v);
    }

    static long actlr(Vcpu v, Row row, boolean write, long value) {
        return write ? 0 : v.sys(SysReg.ACTLR_EL1);
    }

    static long osLar(Vcpu v, Row row, boolean write, long value) {
        if (!write) return Inject.undefined(v);
        long status = v.sys(SysReg.OSLSR_EL1) & ~OSLK_STATUS;
        v.sys(SysReg.OSLSR_EL1, (value & OSLK) != 0 ? status | OSLK_STATUS : status);
        return 0;
    }

    static long setOslsr(Vcpu v, Row row, long value) {
        if (((value ^ OSLSR_OSLM) & ~OSLK_STATUS) != 0) return Errno.EINVAL;
        v.sys(SysReg.OSLSR_EL1, value);
        return 0;
    }

    static long dbgAuthStatus(Vcpu v, Row row, boolean write, long value) {
        return write ? 0 : v.kvm().profile().register(SysReg.DBGAUTHSTATUS_EL1);
    }

    /** trap_loregion: a trivial implementation where the architecture wants one. */
    static long loRegion(Vcpu v, Row row, boolean write, long value) {
        boolean implemented = v.kvm().host().field(SysReg.ID_AA64MMFR1_EL1, 16) != 0;
        boolean id = row.encoding() == SysReg.LORID_EL1.encoding();
        return !implemented || write && id ? Inject.undefined(v) : 0;
    }

    static long pmmir(Vcpu v, Row row, boolean write, long value) {
        return v.hasPmu() ? 0 : Inject.undefined(v);
    }
}
