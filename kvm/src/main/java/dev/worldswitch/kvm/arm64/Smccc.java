package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.arm64.HostFeatures.Mitigation;

/** kvm_smccc_call_handler: hypercalls by the SMC Calling Convention (DEN0028), by HVC or SMC. */
final class Smccc {
    static final long SUCCESS = 0, NOT_SUPPORTED = -1, NOT_REQUIRED = -2, INVALID = -3, UNAFFECTED = 1;
    private static final int VERSION = 0x8000_0000, ARCH_FEATURES = 0x8000_0001;
    private static final int WORKAROUND_1 = 0x8000_8000, WORKAROUND_2 = 0x8000_7fff, WORKAROUND_3 = 0x8000_3fff;
    private static final int PV_TIME_FEATURES = 0xc500_0020, PV_TIME_ST = 0xc500_0021;
    private static final int VENDOR_UID = 0x8600_ff01, VENDOR_FEATURES = 0x8600_0000, VENDOR_PTP = 0x8600_0001;
    private static final int TRNG_VERSION = 0x8400_0050, TRNG_FEATURES = 0x8400_0051, TRNG_UUID = 0x8400_0052;
    private static final int TRNG_RND32 = 0x8400_0053, TRNG_RND64 = 0xc400_0053;
    private static final int PSCI_0_1_FIRST = 0x95c1_ba5e, PSCI_0_1_LAST = PSCI_0_1_FIRST + 3;
    private static final long SMCCC_1_1 = 0x10001;
    /** UUID 28b46fb6-2ec5-11e9-a9ca-4b564d003a74: "KVM" as a vendor. */
    private static final long[] UID = {0xb66fb428L, 0xe911c52eL, 0x564bcaa9L, 0x743a004dL};
    /** UUID 0d21e000-4384-11eb-8070-5244554e5a4c of KVM's entropy source. */
    private static final long[] TRNG_UID = {0x00e0210dL, 0xeb118443L, 0x44527080L, 0x4c5a4e55L};

    private final VcpuRun run;
    private final Vcpu vcpu;
    private final Psci psci;

    Smccc(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.psci = new Psci(run, this);
    }

    long argument(int n) {
        return vcpu.context().reg(n);
    }

    /** smccc_set_retval: x0-x3. */
    long answer(long x0, long x1, long x2, long x3) {
        GuestContext c = vcpu.context();
        c.reg(0, x0);
        c.reg(1, x1);
        c.reg(2, x2);
        c.reg(3, x3);
        return 1;
    }

    long answer(long x0) {
        return answer(x0, 0, 0, 0);
    }

    long call(Caller caller, boolean smc) {
        int function = (int) argument(0);
        switch (action(function)) {
            case SmcccFilter.DENY -> {
                return answer(NOT_SUPPORTED);
            }
            case SmcccFilter.FORWARD -> {
                run.page().hypercall(function, smc ? RunPage.HYPERCALL_SMC : 0);
                return 0;
            }
            default -> {}
        }
        return switch (function) {
            case VERSION -> answer(SMCCC_1_1);
            case ARCH_FEATURES -> answer(archFeatures((int) argument(1)));
            case PV_TIME_FEATURES -> answer(pvTimeFeatures((int) argument(1)));
            case PV_TIME_ST ->
                answer(vcpu.stolenTime().enabled() ? vcpu.stolenTime().init(caller) : NOT_SUPPORTED);
            case VENDOR_UID -> answer(UID[0], UID[1], UID[2], UID[3]);
            case VENDOR_FEATURES -> answer(vcpu.vm().firmware().bitmap(Firmware.VENDOR));
            case VENDOR_PTP -> answer(NOT_SUPPORTED);
            case TRNG_VERSION -> answer(0x10000);
            case TRNG_FEATURES -> answer(trngFeatures((int) argument(1)));
            case TRNG_UUID -> answer(TRNG_UID[0], TRNG_UID[1], TRNG_UID[2], TRNG_UID[3]);
            case TRNG_RND32 -> random(32);
            case TRNG_RND64 -> random(64);
            default -> psci.call(caller);
        };
    }

    /** The filter goes before the service bitmaps. */
    private int action(int function) {
        int filtered = vcpu.vm().smcccFilter().get().action(function);
        if (filtered != SmcccFilter.HANDLE) return filtered;
        return offered(function) ? SmcccFilter.HANDLE : SmcccFilter.DENY;
    }

    private boolean offered(int function) {
        Firmware f = vcpu.vm().firmware();
        return switch (function) {
            case TRNG_VERSION, TRNG_FEATURES, TRNG_UUID, TRNG_RND32, TRNG_RND64 -> f.offers(Firmware.TRNG, 0);
            case PV_TIME_FEATURES, PV_TIME_ST -> f.offers(Firmware.PV_TIME, 0);
            case VENDOR_FEATURES, VENDOR_UID -> f.offers(Firmware.VENDOR, 0);
            case VENDOR_PTP -> f.offers(Firmware.VENDOR, 1);
            case VERSION, ARCH_FEATURES -> true;
            // PSCI 0.2 and later: standard service, functions 0 to 0x1f; 0.1 has numbers of its own.
            default ->
                (function >>> 24 & 0x3f) == 4 && (function & 0xffff) <= 0x1f
                        || function >= PSCI_0_1_FIRST && function <= PSCI_0_1_LAST;
        };
    }

    private long archFeatures(int feature) {
        HostFeatures host = vcpu.kvm().host();
        return switch (feature) {
            case WORKAROUND_1 -> workaround(host.spectreV2());
            case WORKAROUND_2 -> {
                boolean covered = host.spectreV4() == Mitigation.UNAFFECTED
                        || host.spectreV4() == Mitigation.MITIGATED && !host.ssbs();
                yield covered ? NOT_REQUIRED : NOT_SUPPORTED;
            }
            case WORKAROUND_3 -> workaround(host.spectreBhb());
            case PV_TIME_FEATURES -> vcpu.vm().firmware().offers(Firmware.PV_TIME, 0) ? SUCCESS : NOT_SUPPORTED;
            default -> NOT_SUPPORTED;
        };
    }

    private static long workaround(Mitigation state) {
        return switch (state) {
            case UNAFFECTED -> UNAFFECTED;
            case MITIGATED -> SUCCESS;
            case VULNERABLE -> NOT_SUPPORTED;
        };
    }

    private long pvTimeFeatures(int feature) {
        boolean known = feature == PV_TIME_FEATURES || feature == PV_TIME_ST;
        return known && vcpu.stolenTime().enabled() ? SUCCESS : NOT_SUPPORTED;
    }

    private static long trngFeatures(int feature) {
        return switch (feature) {
            case TRNG_VERSION, TRNG_FEATURES, TRNG_UUID, TRNG_RND32, TRNG_RND64 -> SUCCESS;
            default -> NOT_SUPPORTED;
        };
    }

    /** kvm_trng_do_rnd: up to three registers of entropy, the last in x3. */
    private long random(int width) {
        int bits = (int) argument(1);
        if (Integer.compareUnsigned(bits, 3 * width) > 0 || argument(1) >>> 32 != 0 && width == 64)
            return answer(INVALID);
        long[] v = new long[3];
        for (int i = 0; i < 3; i++) {
            int here = Math.max(0, Math.min(width, bits - i * width));
            long entropy = vcpu.kvm().entropy();
            v[i] = here == 0 ? 0 : entropy >>> 64 - here;
        }
        return answer(SUCCESS, v[2], v[1], v[0]);
    }
}
