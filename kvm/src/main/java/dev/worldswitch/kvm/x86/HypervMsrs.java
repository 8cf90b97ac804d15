package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which MSRs Hyper-V's interface has, and the feature that a guest's CPUID must name where that is enforced (Hyper-V TLFS). */
final class HypervMsrs {
    static final int GUEST_OS_ID = 0x40000000, HYPERCALL = 0x40000001, VP_INDEX = 0x40000002, RESET = 0x40000003;
    static final int VP_RUNTIME = 0x40000010, TIME_REF_COUNT = 0x40000020, REFERENCE_TSC = 0x40000021;
    static final int TSC_FREQUENCY = 0x40000022, APIC_FREQUENCY = 0x40000023, EOI = 0x40000070, ICR = 0x40000071;
    static final int TPR = 0x40000072, ASSIST_PAGE = 0x40000073, SCONTROL = 0x40000080, SVERSION = 0x40000081;
    static final int SIEFP = 0x40000082, SIMP = 0x40000083, EOM = 0x40000084, SINT0 = 0x40000090, SINT15 = 0x4000009f;
    static final int STIMER0_CONFIG = 0x400000b0, STIMER3_COUNT = 0x400000b7, SYNDBG_CONTROL = 0x400000f1;
    static final int SYNDBG_PENDING = 0x400000f5, SYNDBG_OPTIONS = 0x400000ff, CRASH_P0 = 0x40000100;
    static final int CRASH_CTL = 0x40000105, REENLIGHTENMENT = 0x40000106, TSC_EMULATION = 0x40000107;
    static final int TSC_EMULATION_STATUS = 0x40000108, TSC_INVARIANT = 0x40000118;

    /** CPUID 0x40000003 and the bit there, by register: EAX, EDX. */
    private record Row(String name, boolean edx, int bit, boolean partitionWide) {}

    private static final Map<Integer, Row> ROWS = new HashMap<>();

    private static void row(int index, String name, boolean edx, int bit, boolean partitionWide) {
        if (ROWS.put(index, new Row("HV_X64_MSR_" + name, edx, bit, partitionWide)) != null)
            throw new IllegalStateException("Hyper-V MSR " + name + " is listed twice");
    }

    static {
        row(GUEST_OS_ID, "GUEST_OS_ID", false, 5, true);
        row(HYPERCALL, "HYPERCALL", false, 5, true);
        row(VP_INDEX, "VP_INDEX", false, 6, false);
        row(RESET, "RESET", false, 7, true);
        row(VP_RUNTIME, "VP_RUNTIME", false, 0, false);
        row(TIME_REF_COUNT, "TIME_REF_COUNT", false, 1, true);
        row(REFERENCE_TSC, "REFERENCE_TSC", false, 9, true);
        row(TSC_FREQUENCY, "TSC_FREQUENCY", false, 11, false);
        row(APIC_FREQUENCY, "APIC_FREQUENCY", false, 11, false);
        row(EOI, "EOI", false, 4, false);
        row(ICR, "ICR", false, 4, false);
        row(TPR, "TPR", false, 4, false);
        row(ASSIST_PAGE, "VP_ASSIST_PAGE", false, 4, false);
        String[] synic = {"SCONTROL", "SVERSION", "SIEFP", "SIMP", "EOM"};
        for (int i = 0; i < synic.length; i++) row(SCONTROL + i, synic[i], false, 2, false);
        for (int i = 0; i < 16; i++) row(SINT0 + i, "SINT" + i, false, 2, false);
        for (int i = 0; i < 8; i++)
            row(STIMER0_CONFIG + i, "STIMER" + i / 2 + (i % 2 == 0 ? "_CONFIG" : "_COUNT"), false, 3, false);
        String[] debug = {"CONTROL", "STATUS", "SEND_BUFFER", "RECV_BUFFER", "PENDING_BUFFER"};
        for (int i = 0; i < debug.length; i++) row(SYNDBG_CONTROL + i, "SYNDBG_" + debug[i], true, 11, true);
        row(SYNDBG_OPTIONS, "SYNDBG_OPTIONS", true, 11, true);
        for (int i = 0; i < 5; i++) row(CRASH_P0 + i, "CRASH_P" + i, true, 10, true);
        row(CRASH_CTL, "CRASH_CTL", true, 10, true);
        row(REENLIGHTENMENT, "REENLIGHTENMENT_CONTROL", false, 13, true);
        row(TSC_EMULATION, "TSC_EMULATION_CONTROL", false, 13, true);
        row(TSC_EMULATION_STATUS, "TSC_EMULATION_STATUS", false, 13, true);
        row(TSC_INVARIANT, "TSC_INVARIANT_CONTROL", false, 15, true);
    }

    private HypervMsrs() {}

    /** The cases of kvm_get_msr_common that go to Hyper-V: a whole range up to the last SINT, and some by name. */
    static boolean has(Kvm kvm, int index) {
        if (!kvm.config("hyperv") || index >>> 12 != 0x40000) return false;
        if (index == TSC_INVARIANT && !kvm.kernel().has(Patch.X86_HV_TSC_INVARIANT)) return false;
        return index <= SINT15 || ROWS.containsKey(index);
    }

    static @Nullable String name(int index) {
        Row r = ROWS.get(index);
        return r == null ? null : r.name;
    }

    /** hv_check_msr_access of a vCPU whose CPUID is enforced. */
    static boolean allowed(Vcpu v, int index) {
        Row r = ROWS.get(index);
        return r != null && v.cpuid().get().has(HypervCpuid.FEATURES, 0, r.edx ? 3 : 0, r.bit);
    }

    static MsrTable.Access read(Vcpu v, int index, boolean host) {
        if (!host && !v.hyperv().mayAccess(index)) return new MsrTable.Access(MsrTable.BAD_VALUE, 0);
        Row r = ROWS.get(index);
        Long value = r == null
                ? null
                : r.partitionWide
                        ? v.vm().hyperv().get(v, index, host)
                        : v.hyperv().get(index, host);
        return value == null ? new MsrTable.Access(MsrTable.BAD_VALUE, 0) : new MsrTable.Access(MsrTable.OK, value);
    }

    static int write(Vcpu v, int index, long value, boolean host) {
        if (!host && !v.hyperv().mayAccess(index)) return MsrTable.BAD_VALUE;
        Row r = ROWS.get(index);
        boolean ok = r != null
                && (r.partitionWide
                        ? v.vm().hyperv().set(v, index, value, host)
                        : v.hyperv().set(index, value, host));
        return ok ? MsrTable.OK : MsrTable.BAD_VALUE;
    }
}
