package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import java.util.ArrayList;
import java.util.List;

/** Which model-specific registers KVM tells clients of: those to save and restore, and those that are features. */
final class MsrLists {
    private final Kvm kvm;
    private final MsrTable table;
    private final boolean amd;

    MsrLists(Kvm kvm, MsrTable table) {
        this.kvm = kvm;
        this.table = table;
        this.amd = kvm.profile().isAmd();
    }

    /** Hyper-V's MSRs in the order of KVM's list (hyperv-tlfs). */
    private static final int[] HYPERV = {
        0x40000000, 0x40000001, 0x40000020, 0x40000021, 0x40000022, 0x40000023, 0x40000100, 0x40000101, 0x40000102,
        0x40000103, 0x40000104, 0x40000105, 0x40000003, 0x40000002, 0x40000010, 0x40000080, 0x400000b0, 0x40000073,
        0x40000106, 0x40000107, 0x40000108, 0x40000118, 0x400000ff, 0x400000f1, 0x400000f2, 0x400000f3, 0x400000f4,
        0x400000f5
    };

    private static final int[] SAVED_FIRST = {
        0x174,
        0x175,
        0x176,
        0xc0000081,
        0xc0000083,
        0xc0000102,
        0xc0000084,
        0xc0000082,
        0x10,
        0x277,
        0xc0010117,
        0x3a,
        0xd90,
        0xc0000103,
        0x48,
        0x1c4,
        0x1c5,
        0xda0
    };
    private static final int IA32_DEBUGCTL = 0x1d9;
    static final int[] LAST_BRANCH = {0x1db, 0x1dc, 0x1dd, 0x1de};
    private static final int[] EMULATED_FIRST = {0x12, 0x11, 0x4b564d01, 0x4b564d00};
    private static final int[] EMULATED = {
        0x4b564d02,
        0x4b564d03,
        0x4b564d04,
        0x4b564d06,
        0x4b564d07,
        0x3b,
        0x6e0,
        0x10a,
        0x345,
        0x1a0,
        0x17a,
        0x17b,
        0x4d0,
        0x9e,
        0x34,
        0xce,
        0x140,
        0xc001011f,
        0xc0000104,
        0x1fc,
        0x8b,
        0xc0010015,
        0x4b564d05
    };
    private static final int PLATFORM_INFO = 0xce, BIOS_SIGN_ID = 0x8b;
    private static final long CPUID_FAULTING = 1L << 31;
    private static final int[] FEATURES = {0xc0011029, 0x8b, 0x10a, 0x345};

    /** msrs_to_save_pmu but those of PEBS: fixed counters and controls, general counters, selects; AMD's. */
    private static final int[] COUNTERS = {
        0x309,
        0x30a,
        0x30b,
        0x38d,
        0x38e,
        0x38f,
        0xc1,
        0xc2,
        0xc3,
        0xc4,
        0xc5,
        0xc6,
        0xc7,
        0xc8,
        0x186,
        0x187,
        0x188,
        0x189,
        0x18a,
        0x18b,
        0x18c,
        0x18d,
        0xc0010000,
        0xc0010001,
        0xc0010002,
        0xc0010003,
        0xc0010004,
        0xc0010005,
        0xc0010006,
        0xc0010007,
        0xc0010200,
        0xc0010202,
        0xc0010204,
        0xc0010206,
        0xc0010208,
        0xc001020a,
        0xc0010201,
        0xc0010203,
        0xc0010205,
        0xc0010207,
        0xc0010209,
        0xc001020b,
        0xc0000301,
        0xc0000300,
        0xc0000302,
        0xc0000303
    };

    /** kvm_probe_msr_to_save for a counter's MSR: the host has it. */
    boolean savesCounter(int index) {
        PmuModel.Host pmu = kvm.caps().pmu();
        if (!pmu.exists()) return false;
        if (amd)
            return index >= 0xc0010000 && index < 0xc0010008
                    || index >= 0xc0010200 && index < 0xc001020c
                    || pmu.hasGlobalControl() && index >= 0xc0000300 && index < 0xc0000304;
        return index >= 0xc1 && index < 0xc1 + pmu.gp()
                || index >= 0x186 && index < 0x186 + pmu.gp()
                || index >= 0x309 && index < 0x309 + pmu.fixed()
                || pmu.hasGlobalControl() && index >= 0x38d && index < 0x390;
    }

    private boolean listed(int index) {
        return switch (index) {
            case 0x1c4, 0x1c5 -> kvm.caps().hasXfd();
            case 0xda0 -> kvm.caps().hasXsaves();
            default -> table.has(index);
        };
    }

    /** KVM_GET_MSR_INDEX_LIST: what has to be saved and restored. */
    int[] saved() {
        List<Integer> out = new ArrayList<>();
        for (int i : SAVED_FIRST) if (listed(i)) out.add(i);
        if (kvm.kernel().has(Patch.SAVE_LBR_MSRS)) {
            out.add(IA32_DEBUGCTL);
            for (int i : LAST_BRANCH) out.add(i);
        }
        for (int i : COUNTERS) if (savesCounter(i)) out.add(i);
        for (int i : EMULATED_FIRST) out.add(i);
        for (int i : HYPERV) if (HypervMsrs.has(kvm, i)) out.add(i);
        for (int i : EMULATED) if (listed(i)) out.add(i);
        return out.stream().mapToInt(Integer::intValue).toArray();
    }

    /** KVM_GET_MSR_FEATURE_INDEX_LIST. */
    int[] features() {
        List<Integer> out = new ArrayList<>();
        for (int i : FEATURES) if (table.has(i)) out.add(i);
        if (kvm.kernel().has(Patch.PLATFORM_INFO_FEATURE_MSR)) out.add(PLATFORM_INFO);
        return out.stream().mapToInt(Integer::intValue).toArray();
    }

    /** kvm_is_immutable_feature_msr: a feature MSR that can't change any more once the vCPU has run. */
    boolean immutable(int index) {
        if (!kvm.kernel().has(Patch.IMMUTABLE_FEATURE_MSRS) || index == BIOS_SIGN_ID) return false;
        for (int i : features()) if (i == index) return true;
        return false;
    }

    /** A feature MSR on the system descriptor: what KVM can offer. */
    MsrTable.Access feature(int index) {
        return switch (index) {
            case 0xc0011029 -> amd ? new MsrTable.Access(MsrTable.OK, 2) : new MsrTable.Access(MsrTable.UNKNOWN, 0);
            case 0x8b -> new MsrTable.Access(MsrTable.OK, kvm.profile().msr(0x8b, amd ? 0x1000065 : 0x1_0000_0000L));
            case 0x10a -> new MsrTable.Access(MsrTable.OK, table.archCapabilities());
            case 0x345 -> new MsrTable.Access(MsrTable.OK, kvm.caps().perfCapabilities());
            default -> {
                if (index == PLATFORM_INFO && kvm.kernel().has(Patch.PLATFORM_INFO_FEATURE_MSR))
                    yield new MsrTable.Access(MsrTable.OK, CPUID_FAULTING);
                // A saved MSR that is no feature reads 0.
                if (kvm.kernel().has(Patch.ADVERTISED_MSRS_READ_ZERO))
                    for (int i : saved()) if (i == index) yield new MsrTable.Access(MsrTable.OK, 0);
                yield new MsrTable.Access(MsrTable.UNKNOWN, 0);
            }
        };
    }
}
