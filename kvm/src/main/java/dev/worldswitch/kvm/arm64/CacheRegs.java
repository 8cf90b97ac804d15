package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.SysRegTable.Row;
import dev.worldswitch.machine.arm64.SysReg;

/** Cache identification, MPIDR_EL1 and registers that reset to the host's value. */
final class CacheRegs {
    static final int CSSELR_MAX = 14;
    /** Fields of CLIDR_EL1. */
    static final long CLIDR_BITS = 0x7fff_ffff_ffffL;

    private static final long CTR_IDC = 1L << 28, CTR_DIC = 1L << 29;
    private static final int LOUIS = 21, LOC = 24, LOUU = 27;
    private static final int INSTRUCTION = 1, DATA = 2, UNIFIED = 4;

    private CacheRegs() {}

    /** Affinity level 0 has 16 vCPUs: as many as one GICv3 SGI can name. */
    static void resetMpidr(Vcpu v, Row row) {
        long id = v.id();
        v.sys(SysReg.MPIDR_EL1, 1L << 31 | id & 15 | (id >>> 4 & 0xff) << 8 | (id >>> 12 & 0xff) << 16);
    }

    /** ACTLR_EL1 and AMAIR_EL1. */
    static void resetFromHost(Vcpu v, Row row) {
        v.sys(row.stored(), v.kvm().profile().register(row.stored()));
    }

    /** A made-up hierarchy that fits CTR_EL0: what a guest must clean, and no more. */
    static void resetClidr(Vcpu v, Row row) {
        long ctr = v.kvm().host().sanitised(SysReg.CTR_EL0), clidr;
        boolean dic = (ctr & CTR_DIC) != 0;
        int loc = 1;
        if ((ctr & CTR_IDC) != 0) {
            loc = dic ? 1 : 2;
            clidr = (long) UNIFIED << (loc - 1) * 3;
        } else {
            clidr = 1L << LOUU | 1L << LOUIS | DATA;
        }
        if (!dic) clidr |= INSTRUCTION;
        v.sys(SysReg.CLIDR_EL1, clidr | (long) loc << LOC);
    }

    static long setClidr(Vcpu v, Row row, long value) {
        boolean hostIdc = (v.kvm().host().sanitised(SysReg.CTR_EL0) & CTR_IDC) != 0;
        boolean idc = (value >>> LOC & 7) == 0 || (value >>> LOUIS & 7) == 0 && (value >>> LOUU & 7) == 0;
        if ((value & ~CLIDR_BITS) != 0 || !hostIdc && idc) return Errno.EINVAL;
        v.sys(SysReg.CLIDR_EL1, value);
        return 0;
    }

    private static boolean madeUp(Vcpu v) {
        return v.kvm().has(Patch.ARM64_NORMALIZED_CACHES);
    }

    /** log2 of the smallest line in bytes. */
    private static int lineSize(Vcpu v, int csselr) {
        long ctr = v.kvm().host().sanitised(SysReg.CTR_EL0);
        return (int) ((csselr & 1) != 0 ? ctr & 15 : ctr >>> 16 & 15) + 2;
    }

    /** The demux register of this cache exists: always with made-up caches, else if the host has the cache. */
    static boolean exists(Vcpu v, int csselr) {
        if (csselr >= CSSELR_MAX) return false;
        if (madeUp(v)) return true;
        long clidr = v.kvm().profile().register(SysReg.CLIDR_EL1);
        for (int level = 0; level < csselr >> 1; level++) if ((clidr >>> level * 3 & 7) == 0) return false;
        boolean instruction = (csselr & 1) != 0;
        return switch ((int) (clidr >>> (csselr >> 1) * 3 & 7)) {
            case INSTRUCTION -> instruction;
            case DATA, UNIFIED -> !instruction;
            case INSTRUCTION | DATA -> true;
            default -> false;
        };
    }

    static int ccsidr(Vcpu v, int csselr) {
        if (!madeUp(v)) return (int) v.kvm().profile().source().number("ccsidr " + csselr, 0);
        if (v.is(Vcpu.CCSIDR_SET)) return (int) v.ccsidr().get(csselr);
        return lineSize(v, csselr) - 4;
    }

    static long setCcsidr(Vcpu v, int csselr, int value) {
        if (!madeUp(v)) return value == ccsidr(v, csselr) ? 0 : Errno.EINVAL;
        if ((value & 7) + 4 < lineSize(v, csselr)) return Errno.EINVAL;
        if (!v.is(Vcpu.CCSIDR_SET)) {
            if (value == ccsidr(v, csselr)) return 0;
            for (int i = 0; i < CSSELR_MAX; i++) v.ccsidr().set(i, ccsidr(v, i));
            v.flags().setBits(Vcpu.CCSIDR_SET);
        }
        v.ccsidr().set(csselr, value & 0xffffffffL);
        return 0;
    }

    static long accessCcsidr(Vcpu v, Row row, boolean write, long value) {
        if (write) return Inject.undefined(v);
        int csselr = (int) v.sys(SysReg.CSSELR_EL1) & 15;
        if (csselr >= CSSELR_MAX) return 0;
        long ccsidr = ccsidr(v, csselr) & 0xffffffffL;
        // Data caches look like one set and one way, so that guests do not walk them.
        return madeUp(v) || (csselr & 1) != 0 ? ccsidr : ccsidr & ~0x0fff_fff8L;
    }
}
