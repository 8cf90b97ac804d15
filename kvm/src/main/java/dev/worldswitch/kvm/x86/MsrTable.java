package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86State;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Every MSR that KVM knows: where it lives, what may be written, who sees it. Sources: SDM vol. 4, APM 2, msr.rst. */
public final class MsrTable {
    /** Outcome of an access, as KVM_MSR_EXIT_REASON_* numbers them where it failed. */
    public static final int OK = 0, BAD_VALUE = 1, UNKNOWN = 2;

    /** An access and its value. */
    public record Access(int status, long value) {}

    @FunctionalInterface
    private interface Get {
        long get(Vcpu v);
    }

    /** False refuses the value. */
    @FunctionalInterface
    private interface Set {
        boolean set(Vcpu v, long value, boolean host);
    }

    /** @param guest whether guests may touch it; the VMM always may. A null get is write-only, a null set read-only. */
    private record Row(
            int index,
            String name,
            @Nullable Get get,
            @Nullable Set set,
            Predicate<Vcpu> guest,
            int slot,
            long reset) {}

    private final Map<Integer, Row> rows = new HashMap<>();
    /** Of MSRs that not every vCPU has, even for the VMM: which do. */
    private final Map<Integer, Predicate<Vcpu>> where = new HashMap<>();

    private final List<Row> stored = new ArrayList<>();
    private final Kvm kvm;
    private final boolean amd;
    private final MsrLists lists;

    MsrTable(Kvm kvm) {
        this.kvm = kvm;
        this.amd = kvm.profile().isAmd();
        this.lists = new MsrLists(kvm, this);
        architectural();
        fpuAndFeatures();
        memoryTypes();
        paravirtual();
        if (amd) amdOnly();
        else intelOnly();
    }

    MsrLists lists() {
        return lists;
    }

    /** True for an MSR that some vCPU may have. */
    boolean has(int index) {
        return rows.containsKey(index);
    }

    int storage() {
        return stored.size();
    }

    void reset(Vcpu v) {
        for (Row r : stored) v.msrs().set(r.slot, r.reset);
    }

    /** RDMSR by the guest, or KVM_GET_MSRS by the VMM. */
    public Access read(Vcpu v, int index, boolean host) {
        if (host && index >= X2APIC_FIRST && index <= X2APIC_LAST) return x2apic(v, index);
        if (v.pmu().has(index)) return new Access(OK, v.pmu().get(index));
        if (HypervMsrs.has(kvm, index)) return HypervMsrs.read(v, index, host);
        Row r = row(v, index);
        if (r == null && host && lists.savesCounter(index)) return new Access(OK, 0);
        if (r == null || r.get == null) return new Access(UNKNOWN, 0);
        if (!host && !r.guest.test(v)) return new Access(BAD_VALUE, 0);
        return new Access(OK, r.get.get(v));
    }

    private static final int X2APIC_FIRST = 0x800, X2APIC_LAST = 0x8ff;

    /** kvm_x2apic_msr_read for the VMM; 6.1 tells a local APIC in another mode from an MSR that is not there. */
    private Access x2apic(Vcpu v, int index) {
        int offset = index - X2APIC_FIRST << 4;
        if (v.lapic().x2apicActive() && v.lapic().readable(offset))
            return new Access(OK, v.lapic().x2apicRead(offset));
        return new Access(kvm.kernel().has(Patch.X86_X2APIC_MSR_UNSUPPORTED) ? UNKNOWN : BAD_VALUE, 0);
    }

    /** WRMSR by the guest, or KVM_SET_MSRS by the VMM. */
    public int write(Vcpu v, int index, long value, boolean host) {
        if (v.pmu().has(index)) return v.pmu().set(index, value, host) ? OK : BAD_VALUE;
        if (HypervMsrs.has(kvm, index)) return HypervMsrs.write(v, index, value, host);
        Row r = row(v, index);
        if (r == null) return host && value == 0 && lists.savesCounter(index) ? OK : UNKNOWN;
        if (r.set == null || !host && !r.guest.test(v)) return BAD_VALUE;
        return r.set.set(v, value, host) ? OK : BAD_VALUE;
    }

    private @Nullable Row row(Vcpu v, int index) {
        Predicate<Vcpu> there = where.get(index);
        return there == null || there.test(v) ? rows.get(index) : null;
    }

    /** The name for traces, null for an unknown MSR. */
    public @Nullable String name(int index) {
        Row r = rows.get(index);
        return r == null ? HypervMsrs.name(index) : r.name;
    }

    /** IA32_MISC_ENABLE of a vCPU. */
    long misc(Vcpu v) {
        return read(v, 0x1a0, true).value;
    }

    private static boolean always(Vcpu v) {
        return true;
    }

    private void add(int index, String name, @Nullable Get get, @Nullable Set set) {
        add(index, name, get, set, MsrTable::always);
    }

    private void add(int index, String name, @Nullable Get get, @Nullable Set set, Predicate<Vcpu> guest) {
        put(new Row(index, name, get, set, guest, -1, 0));
    }

    private void put(Row r) {
        if (rows.put(r.index, r) != null)
            throw new IllegalStateException(
                    "MSR row " + r.name + ": 0x" + Integer.toHexString(r.index) + " is listed twice");
    }

    /** An MSR that only keeps what was written, where {@code legal} allows it. */
    private void stores(int index, String name, long reset, Set legal, Predicate<Vcpu> guest) {
        stores(index, name, reset, legal, guest, -1);
    }

    /** @param kept bits that are kept of what is written */
    private void stores(int index, String name, long reset, Set legal, Predicate<Vcpu> guest, long kept) {
        int slot = stored.size();
        Row r = new Row(
                index,
                name,
                v -> v.msrs().get(slot),
                (v, x, host) -> {
                    if (!legal.set(v, x, host)) return false;
                    v.msrs().set(slot, x & kept);
                    return true;
                },
                guest,
                slot,
                reset);
        put(r);
        stored.add(r);
    }

    private void stores(int index, String name, long reset, Set legal) {
        stores(index, name, reset, legal, MsrTable::always);
    }

    private void stores(int index, String name, long reset) {
        stores(index, name, reset, (v, x, host) -> true);
    }

    private void constant(int index, String name, long value) {
        add(index, name, v -> value, null);
    }

    /** Reads 0, writes are dropped. */
    private void ignored(int index, String name) {
        dropped(index, name, 0);
    }

    /** Writes are dropped. */
    private void dropped(int index, String name, long value) {
        add(index, name, v -> value, (v, x, host) -> true);
    }

    private void register(int index, String name, Function<X86State, Word> where, Set legal) {
        add(index, name, v -> where.apply(v.state()).get(), (v, x, host) -> {
            if (!legal.set(v, x, host)) return false;
            where.apply(v.state()).set(x);
            return true;
        });
    }

    /**
     * How wide an address in an MSR may be. A guest's own write of an MSR that passes through is checked by the CPU, which
     * goes by what it can do; KVM's rule is for the VMM and for what is intercepted.
     */
    private int width(Vcpu v, boolean passesThrough) {
        if (passesThrough || kvm.kernel().has(Patch.CANONICAL_BY_HOST_WIDTH))
            return (kvm.caps().register(7, 0, 2) >> 16 & 1) != 0 ? 57 : 48;
        return (v.state().cr.get(4) & X86State.CR4_LA57) != 0 ? 57 : 48;
    }

    /** LSTAR and CSTAR pass through on SVM; VMX intercepts them. */
    private boolean canonical(Vcpu v, long x, boolean host) {
        return canonicalised(v, x, !host && amd) == x;
    }

    /** The base registers pass through everywhere. */
    private boolean canonicalBase(Vcpu v, long x, boolean host) {
        return canonicalised(v, x, !host) == x;
    }

    private long canonicalised(Vcpu v, long x, boolean passesThrough) {
        int shift = 64 - width(v, passesThrough);
        return x << shift >> shift;
    }

    private void sysenter(int index, String name, Function<X86State, Word> where) {
        add(index, name, v -> where.apply(v.state()).get(), (v, x, host) -> {
            long c = canonicalised(v, x, !host);
            // SVM has the MSRs, but an AMD guest's are 32 bits wide; once every guest's but Intel's.
            boolean cut = amd && (v.guestIsAmd() || !kvm.kernel().has(Patch.X86_VENDOR_MODEL_INTEL_COMPATIBLE));
            where.apply(v.state()).set(cut ? c & 0xffffffffL : c);
            return true;
        });
    }

    private void base(int index, String name, int segment) {
        add(index, name, v -> v.state().segBase.get(segment), (v, x, host) -> {
            if (!canonicalBase(v, x, host)) return false;
            v.state().segBase.set(segment, x);
            return true;
        });
    }

    private void architectural() {
        constant(0x0, "IA32_P5_MC_ADDR", 0);
        constant(0x1, "IA32_P5_MC_TYPE", 0);
        add(0x10, "IA32_TIME_STAMP_COUNTER", Vcpu::guestTsc, (v, x, host) -> {
            if (host) {
                v.vm().tscSync().write(v, x);
                return true;
            }
            long delta = x - v.guestTsc();
            v.writeTscOffset(v.state().tscOffset.get() + delta);
            v.tscAdjust().set(v.tscAdjust().get() + delta);
            return true;
        });
        constant(0x17, "IA32_PLATFORM_ID", 0);
        add(0x1b, "IA32_APIC_BASE", v -> v.apicBase().get(), (v, x, host) -> {
            if (!v.validApicBase(x)) return false;
            v.setApicBase(x);
            return true;
        });
        constant(0x2a, "MSR_EBL_CR_POWERON", 0);
        constant(0x2c, "MSR_EBC_FREQUENCY_ID", 1 << 24);
        add(
                0x3b,
                "IA32_TSC_ADJUST",
                v -> v.tscAdjust().get(),
                (v, x, host) -> {
                    // A guest's write moves its TSC; the VMM's only sets the register (it restores both).
                    long delta = x - v.tscAdjust().get();
                    if (!host) v.writeTscOffset(v.state().tscOffset.get() + delta);
                    v.tscAdjust().set(x);
                    return true;
                },
                v -> v.cpuid().get().has(7, 0, 1, 1));
        stores(0x48, "IA32_SPEC_CTRL", 0, (v, x, host) -> host || (x & ~7) == 0, MsrTable::hasSpecCtrl);
        boolean zeroTaken = kvm.kernel().has(Patch.X86_PRED_CMD_COMMON);
        boolean ibpb = kvm.caps().has(7, 0, 3, 26) || kvm.caps().has(0x8000_0008, 0, 1, 12);
        add(
                0x49,
                "IA32_PRED_CMD",
                null,
                (v, x, host) -> x == 0 && zeroTaken || (x | 1) == 1 && ibpb,
                MsrTable::hasSpecCtrl);
        add(0x79, "IA32_BIOS_UPDT_TRIG", null, (v, x, host) -> true);
        stores(0x8b, "IA32_BIOS_SIGN_ID", kvm.profile().msr(0x8b, amd ? 0x1000065 : 0x1_0000_0000L));
        if (kvm.config("smm"))
            stores(Smm.MSR_SMBASE, "IA32_SMBASE", Smm.SMBASE_AT_RESET, (v, x, host) -> host, v -> false);
        for (int i : new int[] {0xc1, 0xc2, 0x186, 0x187}) ignored(i, "MSR_P6_PERF_" + Integer.toHexString(i));
        constant(0xcd, "MSR_FSB_FREQ", 3);
        dropped(0x11e, "MSR_IA32_BBL_CR_CTL3", 0xbe702111L);
        for (int i : RAPL) constant(i, "MSR_RAPL_" + Integer.toHexString(i), 0);
        stores(
                0xce,
                "MSR_PLATFORM_INFO",
                1L << 31,
                (v, x, host) -> host,
                v -> v.vm().platformInfoHidden().get() == 0);
        stores(Smm.MSR_COUNT, "MSR_SMI_COUNT", 0, (v, x, host) -> host);
        stores(
                0x140,
                "MSR_MISC_FEATURES_ENABLES",
                0,
                (v, x, host) -> (x & ~1) == 0 && (x == 0 || read(v, 0xce, true).value >> 31 != 0));
        register(0x174, "IA32_SYSENTER_CS", s -> s.sysenterCs, (v, x, host) -> true);
        sysenter(0x175, "IA32_SYSENTER_ESP", s -> s.sysenterEsp);
        sysenter(0x176, "IA32_SYSENTER_EIP", s -> s.sysenterEip);
        add(0x179, "IA32_MCG_CAP", v -> v.mcgCap().get(), null);
        stores(0x17a, "IA32_MCG_STATUS", 0);
        stores(
                0x17b,
                "IA32_MCG_CTL",
                0,
                (v, x, host) -> (v.mcgCap().get() >> 8 & 1) == 0 ? host && x == 0 : x == 0 || x == -1);
        // Without LBR virtualisation they are 0; a client that was told to save them may write that back.
        for (int i : MsrLists.LAST_BRANCH)
            add(
                    i,
                    "IA32_LASTBRANCH_" + Integer.toHexString(i),
                    v -> 0,
                    (v, x, host) -> host && x == 0 && kvm.kernel().has(Patch.SAVE_LBR_MSRS));
        constant(0x198, "IA32_PERF_STATUS", 1000 | 4L << 40);
        constant(0x199, "IA32_PERF_CTL", 0);
        stores(0x1a0, "IA32_MISC_ENABLE", 0x1800, (v, x, host) -> {
            long changed = misc(v) ^ x;
            boolean follows = !v.vm().hasQuirk(EnableCap.QUIRK_MISC_ENABLE_NO_MWAIT);
            if (!host && (changed & 0x1800) != 0) return false;
            return !follows || (changed >> 18 & 1) == 0 || v.cpuid().get().has(1, 0, 2, 0);
        });
        stores(0x1fc, "MSR_IA32_POWER_CTL", 0);
        for (int b = 0; b < 32; b++) {
            stores(0x400 + b * 4, "IA32_MC" + b + "_CTL", 0, (v, x, host) -> x == 0 || (x | 1 << 10 | 1) == -1);
            stores(0x401 + b * 4, "IA32_MC" + b + "_STATUS", 0, (v, x, host) -> host || x == 0);
            stores(0x402 + b * 4, "IA32_MC" + b + "_ADDR", 0);
            stores(0x403 + b * 4, "IA32_MC" + b + "_MISC", 0);
            // IA32_MCG_CAP says how many there are; its MCG_CMCI_P (bit 10) that CMCIs can be asked for.
            stores(
                    0x280 + b,
                    "IA32_MC" + b + "_CTL2",
                    0,
                    (v, x, host) -> hasCmci(v) ? (x & ~CTL2) == 0 : host && x == 0,
                    MsrTable::hasCmci);
            int bank = b;
            Predicate<Vcpu> there = v -> bank < (v.mcgCap().get() & 0xff);
            for (int i = 0; i < 4; i++) where.put(0x400 + b * 4 + i, there);
            where.put(0x280 + b, there);
        }
        // Without a local APIC timer in TSC-deadline mode the write has no effect (SDM vol. 3, 12.5.4.1).
        ignored(0x6e0, "IA32_TSC_DEADLINE");
        register(0xc0000081, "IA32_STAR", s -> s.star, (v, x, host) -> true);
        register(0xc0000082, "IA32_LSTAR", s -> s.lstar, this::canonical);
        register(0xc0000083, "IA32_CSTAR", s -> s.cstar, this::canonical);
        register(0xc0000084, "IA32_FMASK", s -> s.sfmask, (v, x, host) -> true);
        base(0xc0000100, "IA32_FS_BASE", X86State.FS);
        base(0xc0000101, "IA32_GS_BASE", X86State.GS);
        register(0xc0000102, "IA32_KERNEL_GS_BASE", s -> s.kernelGsBase, this::canonicalBase);
        add(0xc0000080, "IA32_EFER", v -> v.state().efer.get(), this::setEfer);
        boolean narrow = kvm.kernel().has(Patch.X86_TSC_AUX_32BIT);
        add(
                0xc0000103,
                "IA32_TSC_AUX",
                v -> v.state().tscAux.get(),
                (v, x, host) -> {
                    if (x >>> 32 != 0 && narrow && !(amd && v.guestIsAmd())) return false;
                    v.state().tscAux.set(x & 0xffffffffL);
                    return true;
                },
                v -> v.cpuid().get().has(0x8000_0001, 0, 3, 27)
                        || v.cpuid().get().has(7, 0, 2, 22));
        // Flush filter, ignored instructions and TLB cache (bits 6, 8, 3) are dropped; McStatusWrEn is kept, later
        // TscFreqSel.
        long kept = 1 << 18 | (kvm.kernel().has(Patch.X86_HWCR_TSC_FREQ_SEL) ? 1 << 24 : 0);
        stores(0xc0010015, "MSR_K7_HWCR", 0, (v, x, host) -> (x & ~(0x148 | kept)) == 0, MsrTable::always, kept);
        for (int i : new int[] {0xc001001f, 0xc0011022, 0xc0011023, 0xc001102a, 0xc001102c})
            ignored(i, "MSR_AMD64_" + Integer.toHexString(i));
        for (int i : new int[] {0xc0010010, 0xc0010055, 0xc0010112, 0xc0010113})
            constant(i, "MSR_AMD64_" + Integer.toHexString(i), 0);
        dropped(0xc001001b, "MSR_K7_CLK_CTL", 0x20000000);
        add(0xc0010020, "MSR_AMD64_PATCH_LOADER", null, (v, x, host) -> true);
        add(0xc0010058, "MSR_FAM10H_MMIO_CONF_BASE", v -> 0, (v, x, host) -> x == 0);
        for (int i = 0; i < 2; i++) {
            stores(0xc0010140 + i, i == 0 ? "MSR_AMD64_OSVW_ID_LENGTH" : "MSR_AMD64_OSVW_STATUS", 0);
            where.put(0xc0010140 + i, v -> v.cpuid().get().has(0x8000_0001, 0, 2, 9));
        }
        for (int i = 0; i < 4; i++) {
            ignored(0xc0010000 + i, "MSR_K7_EVNTSEL" + i);
            ignored(0xc0010004 + i, "MSR_K7_PERFCTR" + i);
        }
    }

    /** Energy counters of an Intel CPU's parts (arch/x86/include/asm/msr-index.h): nothing of the host's is told. */
    private static final int[] RAPL = {0x606, 0x611, 0x619, 0x639, 0x641};

    /** MCI_CTL2_CMCI_EN and its threshold. */
    private static final long CTL2 = 1L << 30 | 0x7fff;

    private static boolean hasCmci(Vcpu v) {
        return (v.mcgCap().get() >> 10 & 1) != 0;
    }

    private static boolean hasSpecCtrl(Vcpu v) {
        CpuidTable t = v.cpuid().get();
        return t.has(7, 0, 3, 26) || t.has(0x8000_0008, 0, 1, 12) || t.has(0x8000_0008, 0, 1, 14);
    }

    private static final long EFER_FFXSR = 1 << 14;

    /** kvm_valid_efer: bits that both KVM and the vCPU's CPUID have. */
    boolean validEfer(Vcpu v, long x) {
        return (x & ~legalEfer()) == 0 && guestHasEfer(v, x);
    }

    private static boolean guestHasEfer(Vcpu v, long x) {
        CpuidTable t = v.cpuid().get();
        if ((x & X86State.EFER_NX) != 0 && !t.has(0x8000_0001, 0, 3, 20)) return false;
        if ((x & (X86State.EFER_LME | X86State.EFER_LMA)) != 0 && !t.has(0x8000_0001, 0, 3, 29)) return false;
        if ((x & EFER_FFXSR) != 0 && !t.has(0x8000_0001, 0, 3, 25)) return false;
        return (x & X86State.EFER_SVME) == 0 || t.has(0x8000_0001, 0, 2, 2);
    }

    private long legalEfer() {
        long legal = X86State.EFER_SCE | X86State.EFER_LME | X86State.EFER_LMA;
        if (amd && kvm.caps().has(0x8000_0001, 0, 3, 25)) legal |= EFER_FFXSR;
        if (kvm.caps().has(0x8000_0001, 0, 3, 20)) legal |= X86State.EFER_NX;
        if (amd && kvm.caps().nested()) legal |= X86State.EFER_SVME | 1 << 13;
        return legal;
    }

    private boolean setEfer(Vcpu v, long x, boolean host) {
        if ((x & ~legalEfer()) != 0) return false;
        long old = v.state().efer.get();
        if (!host) {
            if (!guestHasEfer(v, x)) return false;
            boolean paging = (v.state().cr.get(0) & X86State.CR0_PG) != 0;
            if (paging && ((old ^ x) & X86State.EFER_LME) != 0) return false;
        }
        // svm_set_efer: without SVM nothing holds interrupts back.
        if ((old & ~x & X86State.EFER_SVME) != 0) v.gif().set(1);
        v.state().efer.set(x & ~X86State.EFER_LMA | old & X86State.EFER_LMA);
        return true;
    }

    private void fpuAndFeatures() {
        archCapabilitiesRow();
        Predicate<Vcpu> xfd = v -> v.cpuid().get().has(0xd, 1, 0, 4);
        add(
                0x1c4,
                "IA32_XFD",
                v -> v.guestFpu().xfd().get(),
                (v, x, host) -> {
                    throw new IllegalStateException(
                            "IA32_XFD is written by fpu_update_guest_xfd, which needs the task");
                },
                xfd);
        add(
                0x1c5,
                "IA32_XFD_ERR",
                v -> v.xfdErr().get(),
                (v, x, host) -> {
                    if (!v.acceptsXfd(x)) return false;
                    v.xfdErr().set(x);
                    return true;
                },
                xfd);
        add(
                0x345,
                "IA32_PERF_CAPABILITIES",
                v -> v.pmu().perfCapabilities(),
                (v, x, host) -> host && v.pmu().setPerfCapabilities(x));
        // No supervisor component is offered to guests.
        stores(
                0xda0,
                "IA32_XSS",
                0,
                (v, x, host) -> x == 0
                        && (!kvm.kernel().has(Patch.XSS_BY_CPUID)
                                || v.cpuid().get().has(0xd, 1, 0, 3)),
                v -> v.cpuid().get().has(0xd, 1, 0, 3));
    }

    private void archCapabilitiesRow() {
        Predicate<Vcpu> there = v -> v.cpuid().get().has(7, 0, 3, 29);
        // Of what KVM lists but this vCPU lacks, the client may read and write 0 (kvm_do_msr_access).
        Predicate<Vcpu> hidden = v -> kvm.kernel().has(Patch.ARCH_CAPABILITIES_BY_CPUID) && !there.test(v);
        int slot = stored.size();
        Row r = new Row(
                0x10a,
                "IA32_ARCH_CAPABILITIES",
                v -> hidden.test(v) ? 0 : v.msrs().get(slot),
                (v, x, host) -> {
                    if (!host || hidden.test(v)) return host && x == 0;
                    v.msrs().set(slot, x);
                    return true;
                },
                there,
                slot,
                archCapabilities());
        put(r);
        stored.add(r);
    }

    long archCapabilities() {
        return kvm.profile().msr(0x10a, 0x69);
    }

    private static boolean mtrrType(long t) {
        return t == 0 || t == 1 || t >= 4 && t <= 6;
    }

    private void memoryTypes() {
        constant(0xfe, "IA32_MTRRCAP", 0x508);
        for (int i = 0; i < 8; i++) {
            stores(
                    0x200 + i * 2,
                    "IA32_MTRR_PHYSBASE" + i,
                    0,
                    (v, x, host) -> (x & (v.reservedGpaBits() | 0xf00)) == 0 && mtrrType(x & 0xff));
            stores(
                    0x201 + i * 2,
                    "IA32_MTRR_PHYSMASK" + i,
                    0,
                    (v, x, host) -> (x & (v.reservedGpaBits() | 0x7ff)) == 0);
        }
        for (int i : new int[] {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f})
            stores(i, "IA32_MTRR_FIX_" + Integer.toHexString(i), 0, (v, x, host) -> {
                for (int b = 0; b < 64; b += 8) if (!mtrrType(x >> b & 0xff)) return false;
                return true;
            });
        stores(0x277, "IA32_PAT", 0x7040600070406L, (v, x, host) -> {
            for (int b = 0; b < 64; b += 8) if (!mtrrType(x >> b & 0xff) && (x >> b & 0xff) != 7) return false;
            return true;
        });
        stores(0x2ff, "IA32_MTRR_DEF_TYPE", 0, (v, x, host) -> (x & ~0xcff) == 0 && mtrrType(x & 0xff));
    }

    private Predicate<Vcpu> pv(int feature) {
        return v -> v.hasPvFeature(feature);
    }

    /** kvm_gfn_to_hva_cache_init succeeds. */
    private static boolean isMemory(Vcpu v, long gpa) {
        return v.vm().memory().slots(0).get().at(gpa) != null;
    }

    private void wallClock(int index, String name, int feature) {
        Get get = v -> v.vm().clock().wallClock();
        add(index, name, get, (v, x, host) -> v.vm().clock().wallClock(v, x), pv(feature));
    }

    private void systemTime(int index, String name, int feature) {
        Get get = v -> v.systemTime().get();
        Set set = (v, x, host) -> v.vm().clock().systemTime(v, x, index == 0x12, host);
        add(index, name, get, set, pv(feature));
    }

    private void paravirtual() {
        wallClock(0x11, "MSR_KVM_WALL_CLOCK", 0);
        wallClock(0x4b564d00, "MSR_KVM_WALL_CLOCK_NEW", 3);
        systemTime(0x12, "MSR_KVM_SYSTEM_TIME", 0);
        systemTime(0x4b564d01, "MSR_KVM_SYSTEM_TIME_NEW", 3);
        stores(
                0x4b564d02,
                "MSR_KVM_ASYNC_PF_EN",
                0,
                (v, x, host) -> (x & 0x30) == 0 && (v.vm().lapicInKernel() || x == 0),
                pv(4));
        add(
                0x4b564d03,
                "MSR_KVM_STEAL_TIME",
                v -> v.stealTime().msr(),
                (v, x, host) -> v.stealTime().msr(x),
                pv(5));
        stores(
                0x4b564d04,
                "MSR_KVM_PV_EOI_EN",
                0,
                (v, x, host) ->
                        v.vm().lapicInKernel() ? (x & 2) == 0 && ((x & 1) == 0 || isMemory(v, x & ~1L)) : x == 0,
                pv(6));
        stores(0x4b564d05, "MSR_KVM_POLL_CONTROL", 1, (v, x, host) -> (x & ~1) == 0, pv(12));
        stores(
                0x4b564d06,
                "MSR_KVM_ASYNC_PF_INT",
                0,
                (v, x, host) -> v.vm().lapicInKernel() && (x & ~0xff) == 0,
                pv(14));
        add(0x4b564d07, "MSR_KVM_ASYNC_PF_ACK", v -> 0, (v, x, host) -> true, pv(14));
    }

    private void amdOnly() {
        add(0x3a, "IA32_FEATURE_CONTROL", v -> 0, (v, x, host) -> x == 0);
        ignored(0x1d9, "IA32_DEBUGCTL");
        // Without TSC scaling it stays at its default; 0 is taken and dropped because an old QEMU writes it.
        add(
                0xc0000104,
                "MSR_AMD64_TSC_RATIO",
                v -> 1L << 32,
                (v, x, host) -> x == 0 || x == 1L << 32,
                v -> v.cpuid().get().has(0x8000_000a, 0, 3, 4));
        stores(0xc0010117, "MSR_VM_HSAVE_PA", 0, (v, x, host) -> true, MsrTable::always, -4096);
        vmCr();
        add(0xc0010115, "MSR_VM_IGNNE", null, (v, x, host) -> true);
        // Of family 15h only some models have something in it; without CPUID no vCPU has a family.
        add(0xc0011021, "MSR_F15H_IC_CFG", v -> isFamily15(v) ? 0x1e : 0, null);
        where.put(0xc0011021, v -> v.cpuid().get().find(1, 0) != null);
        stores(0xc001011f, "MSR_AMD64_VIRT_SPEC_CTRL", 0, (v, x, host) -> (x & ~4) == 0);
        stores(0xc0011029, "MSR_AMD64_DE_CFG", 0, (v, x, host) -> (x & ~2) == 0);
    }

    private static boolean isFamily15(Vcpu v) {
        CpuidTable.Entry e = v.cpuid().get().find(1, 0);
        int eax = e == null ? 0 : e.eax(), family = eax >> 8 & 15, model = eax >> 4 & 15 | eax >> 12 & 0xf0;
        return family == 15 && (eax >> 20 & 0xff) == 6 && model >= 2 && model < 0x20;
    }

    private static final long VM_CR_LEGAL = 0x1f, VM_CR_LOCK = 8, VM_CR_SVMDIS = 16;

    /** svm_set_vm_cr: SVMDIS, once set, stays with its lock; with EFER.SVME it is set and the write refused. */
    private void vmCr() {
        int slot = stored.size();
        Row r = new Row(
                0xc0010114,
                "MSR_VM_CR",
                v -> v.msrs().get(slot),
                (v, x, host) -> {
                    if ((x & ~VM_CR_LEGAL) != 0) return false;
                    long old = v.msrs().get(slot);
                    long fixed = (old & VM_CR_SVMDIS) != 0 ? VM_CR_SVMDIS | VM_CR_LOCK : 0;
                    long now = x & ~fixed | old & fixed;
                    v.msrs().set(slot, now);
                    return (now & VM_CR_SVMDIS) == 0 || (v.state().efer.get() & X86State.EFER_SVME) == 0;
                },
                MsrTable::always,
                slot,
                0);
        put(r);
        stored.add(r);
    }

    private void intelOnly() {
        ignored(0xc0010117, "MSR_VM_HSAVE_PA");
        // MCG_LMCE_P of IA32_MCG_CAP offers local machine checks, bit 20 here allows them.
        stores(
                0x3a,
                "IA32_FEATURE_CONTROL",
                0,
                (v, x, host) -> (x & ~(1 | (v.mcgCap().get() >> 27 & 1) << 20)) == 0);
        Predicate<Vcpu> localMachineChecks = v -> (read(v, 0x3a, true).value >> 20 & 1) != 0;
        stores(0x4d0, "IA32_MCG_EXT_CTL", 0, (v, x, host) -> (x & ~1) == 0, localMachineChecks);
        stores(0x1d9, "IA32_DEBUGCTL", 0, (v, x, host) -> (x & ~3) == 0);
        if (kvm.caps().supportedXcr0() >> 3 != 0 && (kvm.caps().supportedXcr0() & 0x18) != 0)
            stores(0xd90, "IA32_BNDCFGS", 0, (v, x, host) -> (x & 0xffc) == 0 && canonical(v, x & -4096, host));
    }
}
