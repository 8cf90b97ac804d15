package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.arm64.HostFeatures.Mitigation;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;

/** The pseudo registers of the firmware: PSCI version, workaround levels, bitmaps of hypercall services. */
final class Firmware {
    static final long PSCI_0_1 = 1, PSCI_0_2 = 2;
    static final int TRNG = 0, PV_TIME = 1, VENDOR = 2, VENDOR2 = 3;
    private static final long FW = 0x6030_0000_0014_0000L, BITMAP = 0x6030_0000_0016_0000L;
    private static final int WA1 = 1, WA2 = 2, WA3 = 3;
    private static final long LEVEL_MASK = 15, WA2_ENABLED = 16;
    /** Services of each bitmap; the fourth is off unless user space asks for it. */
    private static final long[] SERVICES = {1, 1, 3, 3};

    private final Vm vm;
    private final Word psciVersion;
    private final Words bitmaps;
    private final Words implementation;

    Firmware(Vm vm, Region region) {
        this.vm = vm;
        this.psciVersion = region.word("psciVersion");
        this.bitmaps = region.words("bitmaps", SERVICES.length);
        this.implementation = region.words("implementationIds", 4);
        for (int i = 0; i < 3; i++) bitmaps.set(i, SERVICES[i]);
    }

    /** MIDR, REVIDR and AIDR as user space set them, and whether it did. */
    Words implementation() {
        return implementation;
    }

    private static int bitmapCount(Kvm kvm) {
        return kvm.has(Patch.ARM64_VENDOR_HYP_BMAP_2) ? 4 : 3;
    }

    static long latestPsci(Kvm kvm) {
        return kvm.has(Patch.ARM64_PSCI_1_3) ? 0x10003 : 0x10001;
    }

    static List<Long> ids(Kvm kvm) {
        List<Long> ids = new ArrayList<>(List.of(FW, FW | WA1, FW | WA2, FW | WA3));
        for (int i = 0; i < bitmapCount(kvm); i++) ids.add(BITMAP | i);
        return ids;
    }

    /** kvm_psci_version. */
    long psciVersion(Vcpu v) {
        if (!v.hasFeature(VcpuFeature.PSCI_0_2)) return PSCI_0_1;
        long chosen = psciVersion.get();
        return chosen == 0 ? latestPsci(v.kvm()) : chosen;
    }

    /** A bit of a service bitmap. */
    boolean offers(int bitmap, int bit) {
        return (bitmaps.get(bitmap) >>> bit & 1) != 0;
    }

    long bitmap(int n) {
        return bitmaps.get(n);
    }

    static boolean known(Kvm kvm, long id) {
        return ids(kvm).contains(id);
    }

    long get(Vcpu v, long id) {
        if (id == FW) return psciVersion(v);
        return id >= BITMAP ? bitmaps.get((int) (id - BITMAP)) : level(v, (int) (id - FW));
    }

    long set(Vcpu v, long id, long value) {
        if (id == FW) return setPsci(v, value);
        if (id >= BITMAP) return setBitmap((int) (id - BITMAP), value);
        int wa = (int) (id - FW);
        if (wa != WA2) return (value & ~LEVEL_MASK) != 0 || level(v, wa) < value ? Errno.EINVAL : 0;
        return setWa2(v, value);
    }

    private long setPsci(Vcpu v, long value) {
        boolean wants02 = v.hasFeature(VcpuFeature.PSCI_0_2);
        boolean late = value == PSCI_0_2 || value >= 0x10000 && value <= latestPsci(v.kvm());
        if (value == PSCI_0_1 ? wants02 : !late || !wants02) return Errno.EINVAL;
        psciVersion.set(value);
        return 0;
    }

    private long setBitmap(int n, long value) {
        if ((value & ~SERVICES[n]) != 0) return Errno.EINVAL;
        vm.configLock().lock();
        try {
            if (vm.hasRunOnce() && value != bitmaps.get(n)) return Errno.EBUSY;
            bitmaps.set(n, value);
            return 0;
        } finally {
            vm.configLock().unlock();
        }
    }

    /** NOT_AVAIL and UNKNOWN are one, AVAIL and NOT_REQUIRED the other of two states; the second needs a host that has it. */
    private long setWa2(Vcpu v, long value) {
        if ((value & ~(LEVEL_MASK | WA2_ENABLED)) != 0) return Errno.EINVAL;
        long level = value & LEVEL_MASK;
        if ((value & WA2_ENABLED) != 0 && level != 2 || level > 3) return Errno.EINVAL;
        return level(v, WA2) < (level >= 2 ? 3 : 0) ? Errno.EINVAL : 0;
    }

    /** get_kernel_wa_level: 0 not available, 1 available, 2 not required; for the second workaround 0 and 3. */
    private long level(Vcpu v, int wa) {
        HostFeatures host = v.kvm().host();
        if (wa == WA2) {
            boolean covered = host.spectreV4() == Mitigation.UNAFFECTED
                    || host.spectreV4() == Mitigation.MITIGATED && !host.ssbs();
            return covered ? 3 : 0;
        }
        return switch (wa == WA1 ? host.spectreV2() : host.spectreBhb()) {
            case UNAFFECTED -> 2;
            case MITIGATED -> 1;
            case VULNERABLE -> 0;
        };
    }
}
