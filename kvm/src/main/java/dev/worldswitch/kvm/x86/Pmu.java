package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.RetiredCounter;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import org.jspecify.annotations.Nullable;

/**
 * The event counters of a vCPU (kvm_pmu). This machine retires an instruction in each cycle, has no caches (each instruction
 * fetched is a reference to memory that misses) and predicts every branch: so cycles, reference cycles and last-level-cache
 * events count instructions, slots six for each, mispredicted branches nothing. All other events count nothing.
 */
final class Pmu {
    /** Counters are numbered as in the global control: the fixed ones from 32 on. */
    static final int FIXED = 32;

    static final long FIXED_KERNEL = 1, FIXED_USER = 2, FIXED_PMI = 8;
    private static final int MOST_GP = 8, MOST_FIXED = 3;
    private static final long USR = 1 << 16,
            OS = 1 << 17,
            EDGE = 1 << 18,
            INT = 1 << 20,
            ENABLE = 1 << 22,
            INVERT = 1 << 23;
    private static final long COUNT_MASK = 0xffL << 24, UNIT_MASK = 0xff00, IN_TRANSACTION = 3L << 32;
    private static final long INSTRUCTIONS_RETIRED = 0xc0;
    private static final int NOTHING = 0, INSTRUCTIONS = 1, BRANCHES = 2, SLOTS = 3;
    private static final int SLOTS_IN_A_CYCLE = 6;

    private enum Kind {
        COUNTER,
        LEGACY_COUNTER,
        SELECT,
        FIXED_CONTROL,
        STATUS,
        CONTROL,
        CLEAR,
        SET
    }

    private record Place(Kind kind, int counter) {}

    private final Vcpu vcpu;
    private final boolean amd;
    private final PmuModel.Host host;
    private final Ref<PmuModel> model;
    private final Words counters, selects;
    private final Word fixedControl, control, status, perfCapabilities;

    Pmu(Region r, Vcpu vcpu) {
        this.vcpu = vcpu;
        this.amd = vcpu.vm().kvm().profile().isAmd();
        this.host = vcpu.vm().pmuDisabled().get() == 0 ? vcpu.vm().kvm().caps().pmu() : PmuModel.Host.NONE;
        this.model = r.ref("model", PmuModel.NONE);
        this.counters = r.words("counters", MOST_GP + MOST_FIXED);
        this.selects = r.words("selects", MOST_GP);
        this.fixedControl = r.word("fixedControl");
        this.control = r.word("control");
        this.status = r.word("status");
        this.perfCapabilities = r.word("perfCapabilities");
    }

    /** kvm_pmu_refresh: after the vCPU's CPUID or IA32_PERF_CAPABILITIES changed, all counters are as at reset. */
    void refresh() {
        PmuModel m = PmuModel.of(vcpu, host, perfCapabilities.get());
        model.set(m);
        counters.fill(0, MOST_GP + MOST_FIXED, 0);
        selects.fill(0, MOST_GP, 0);
        fixedControl.set(0);
        status.set(0);
        // General counters are on at reset: software that knows no global control finds them so.
        control.set(m.hasGlobalControl() ? (1L << m.gp()) - 1 : 0);
    }

    long perfCapabilities() {
        return perfCapabilities.get();
    }

    /** vmx_set_msr of IA32_PERF_CAPABILITIES by the client. */
    boolean setPerfCapabilities(long v) {
        if (v != 0 && model.get().version() == 0) return false;
        if ((v & ~vcpu.vm().kvm().caps().perfCapabilities()) != 0) return false;
        if (perfCapabilities.get() == v) return true;
        perfCapabilities.set(v);
        refresh();
        return true;
    }

    /** What the vCPU is created with. */
    void stuffPerfCapabilities(long v) {
        perfCapabilities.set(v);
    }

    // MSRs.

    private @Nullable Place find(int msr) {
        PmuModel m = model.get();
        if (m.version() == 0) return null;
        return amd ? amd(m, msr) : intel(m, msr);
    }

    private static @Nullable Place intel(PmuModel m, int msr) {
        if (msr >= 0xc1 && msr < 0xc1 + m.gp()) return new Place(Kind.LEGACY_COUNTER, msr - 0xc1);
        if (msr >= 0x186 && msr < 0x186 + m.gp()) return new Place(Kind.SELECT, msr - 0x186);
        if (msr >= 0x309 && msr < 0x309 + m.fixed()) return new Place(Kind.COUNTER, FIXED + msr - 0x309);
        if (m.fullWidth() && msr >= 0x4c1 && msr < 0x4c1 + m.gp()) return new Place(Kind.COUNTER, msr - 0x4c1);
        if (!m.hasGlobalControl()) return null;
        return switch (msr) {
            case 0x38d -> new Place(Kind.FIXED_CONTROL, 0);
            case 0x38e -> new Place(Kind.STATUS, 0);
            case 0x38f -> new Place(Kind.CONTROL, 0);
            case 0x390 -> new Place(Kind.CLEAR, 0);
            default -> null;
        };
    }

    private static @Nullable Place amd(PmuModel m, int msr) {
        int n = -1;
        boolean select = false;
        if (msr >= 0xc0010000 && msr < 0xc0010008) {
            n = msr & 3;
            select = msr < 0xc0010004;
        } else if (m.core() && msr >= 0xc0010200 && msr < 0xc001020c) {
            n = (msr & 15) / 2;
            select = (msr & 1) == 0;
        }
        if (n >= 0) return n < m.gp() ? new Place(select ? Kind.SELECT : Kind.COUNTER, n) : null;
        if (!m.hasGlobalControl()) return null;
        return switch (msr) {
            case 0xc0000300 -> new Place(Kind.STATUS, 0);
            case 0xc0000301 -> new Place(Kind.CONTROL, 0);
            case 0xc0000302 -> new Place(Kind.CLEAR, 0);
            case 0xc0000303 -> new Place(Kind.SET, 0);
            default -> null;
        };
    }

    /** kvm_pmu_is_valid_msr. */
    boolean has(int msr) {
        return find(msr) != null;
    }

    /** kvm_pmu_get_msr of one that is there. */
    long get(int msr) {
        Place p = place(msr);
        return switch (p.kind) {
            case COUNTER, LEGACY_COUNTER -> counters.get(slot(p.counter));
            case SELECT -> selects.get(p.counter);
            case FIXED_CONTROL -> fixedControl.get();
            case STATUS -> status.get();
            case CONTROL -> control.get();
            case CLEAR, SET -> 0;
        };
    }

    /** kvm_pmu_set_msr of one that is there; false where the value is refused. AMD's ignore what Intel's refuse. */
    boolean set(int msr, long v, boolean byHost) {
        PmuModel m = model.get();
        Place p = place(msr);
        switch (p.kind) {
            case LEGACY_COUNTER -> counters.set(p.counter, (byHost ? v : (int) v) & m.gpMask());
            case COUNTER -> {
                boolean general = p.counter < FIXED;
                if (general && !amd && (v & ~m.gpMask()) != 0) return false;
                counters.set(slot(p.counter), v & (general ? m.gpMask() : m.fixedMask()));
            }
            case SELECT -> {
                long reserved = m.eventReserved();
                if (amd) v &= ~reserved;
                else if ((v & (m.checkpointed() && p.counter == 2 ? reserved & ~(1L << 33) : reserved)) != 0)
                    return false;
                selects.set(p.counter, v);
            }
            case FIXED_CONTROL -> {
                if ((v & m.fixedReserved()) != 0) return false;
                fixedControl.set(v);
            }
            case STATUS -> {
                if (!byHost) return amd;
                if ((v & m.statusReserved()) != 0) return false;
                status.set(v);
            }
            case CONTROL -> {
                if (amd) v &= ~m.controlReserved();
                if ((v & m.controlReserved()) != 0) return false;
                control.set(v);
            }
            case CLEAR -> {
                if (!amd && (v & m.statusReserved()) != 0) return false;
                if (!byHost) status.set(status.get() & ~v);
            }
            case SET -> {
                if (!byHost) status.set(status.get() | v & ~m.statusReserved());
            }
        }
        return true;
    }

    private Place place(int msr) {
        Place p = find(msr);
        if (p == null) throw new IllegalArgumentException("no counter's MSR: 0x" + Integer.toHexString(msr));
        return p;
    }

    private static int slot(int counter) {
        return counter < FIXED ? counter : MOST_GP + counter - FIXED;
    }

    /** kvm_pmu_rdpmc: the number of a counter by RDPMC's ECX, -1 for #GP. */
    int readable(int ecx) {
        PmuModel m = model.get();
        if (m.version() == 0) return -1;
        if (amd) return Integer.compareUnsigned(ecx, m.gp()) < 0 ? ecx : -1;
        int n = ecx & 0xffff;
        return switch (ecx >>> 16) {
            case 0 -> n < m.gp() ? n : -1;
            case 0x4000 -> n < m.fixed() ? FIXED + n : -1;
            default -> -1;
        };
    }

    long counter(int n) {
        return counters.get(slot(n));
    }

    // Counting.

    /** Before an entry: the machine counts if a counter does, up to the first overflow. */
    void start(RetiredCounter retired) {
        long counting = counting(), user = Long.MAX_VALUE, kernel = user, both = user;
        if (counting == 0) return;
        for (long on = counting; on != 0; on &= on - 1) {
            int i = Long.numberOfTrailingZeros(on);
            long left = mask(i) + 1 - counters.get(slot(i)), select = select(i);
            if (event(select) == SLOTS) left = (left + SLOTS_IN_A_CYCLE - 1) / SLOTS_IN_A_CYCLE;
            if ((select & (USR | OS)) == (USR | OS)) both = Math.min(both, left);
            else if ((select & USR) != 0) user = Math.min(user, left);
            else kernel = Math.min(kernel, left);
        }
        retired.start(user, kernel, both);
    }

    /** After the exit. */
    void stop(RetiredCounter retired) {
        if (!retired.isCounting()) return;
        for (long on = counting(); on != 0; on &= on - 1) {
            int i = Long.numberOfTrailingZeros(on);
            long n = 0, select = select(i);
            for (int level : new int[] {RetiredCounter.USER, RetiredCounter.KERNEL})
                if ((select & (level == RetiredCounter.USER ? USR : OS)) != 0)
                    n += event(select) == BRANCHES ? retired.branches(level) : retired.at(level);
            add(i, event(select) == SLOTS ? n * SLOTS_IN_A_CYCLE : n);
        }
        retired.stop();
    }

    /** kvm_pmu_trigger_event: an instruction that KVM has completed for the guest. */
    void instructionEmulated() {
        if (model.get().version() == 0) return;
        long level = vcpu.state().cpl() == 0 ? OS : USR;
        for (long on = counting(); on != 0; on &= on - 1) {
            int i = Long.numberOfTrailingZeros(on);
            long select = select(i);
            if ((select & (UNIT_MASK | 0xff)) == INSTRUCTIONS_RETIRED && (select & level) != 0) add(i, 1);
        }
    }

    /** Counters that are on, count something that the machine counts, and may. */
    private long counting() {
        PmuModel m = model.get();
        if (m.version() == 0) return 0;
        long all = (1L << m.gp()) - 1 | (1L << m.fixed()) - 1 << FIXED;
        long on = m.hasGlobalControl() ? all & control.get() : all, counting = 0;
        PmuFilter filter = vcpu.vm().pmuFilter().get();
        for (; on != 0; on &= on - 1) {
            int i = Long.numberOfTrailingZeros(on);
            long select = select(i);
            boolean counts = (select & ENABLE) != 0 && (select & (USR | OS)) != 0 && event(select) != NOTHING;
            if (counts && (i < FIXED ? filter.allows(select, amd) : filter.allowsFixed(i - FIXED))) counting |= 1L << i;
        }
        return counting;
    }

    private long mask(int counter) {
        return counter < FIXED ? model.get().gpMask() : model.get().fixedMask();
    }

    /** A counter's event select; a fixed one's as a general counter would have it. */
    private long select(int counter) {
        if (counter < FIXED) return selects.get(counter);
        long field = fixedControl.get() >>> 4 * (counter - FIXED);
        long event = counter == FIXED ? INSTRUCTIONS_RETIRED : 0x3c;
        if ((field & (FIXED_KERNEL | FIXED_USER)) != 0) event |= ENABLE;
        if ((field & FIXED_KERNEL) != 0) event |= OS;
        if ((field & FIXED_USER) != 0) event |= USR;
        return (field & FIXED_PMI) != 0 ? event | INT : event;
    }

    /** What the machine counts for an event: SDM vol. 3, table 20-1; PPR for AMD family 17h, PMCx076 and PMCx0C0 to PMCx0C2. */
    private int event(long select) {
        // More than one event in a cycle there never is, nor a transaction.
        if ((select & (EDGE | INVERT | IN_TRANSACTION)) != 0 || (select & COUNT_MASK) > 1 << 24) return NOTHING;
        int event = (int) (select & (UNIT_MASK | 0xff));
        if (amd)
            return switch (event) {
                case 0x76, 0xc0 -> INSTRUCTIONS;
                case 0xc2 -> BRANCHES;
                default -> NOTHING;
            };
        return switch (event) {
            case 0xc0, 0x3c, 0x13c, 0x4f2e, 0x412e -> INSTRUCTIONS;
            case 0x1a4 -> SLOTS;
            case 0xc4 -> BRANCHES;
            default -> NOTHING;
        };
    }

    /** An overflow is told in the global status, and by an interrupt where the counter asks for one. */
    private void add(int i, long n) {
        long sum = counters.get(slot(i)) + n;
        counters.set(slot(i), sum & mask(i));
        if ((sum & ~mask(i)) == 0) return;
        status.set(status.get() | 1L << i);
        if ((select(i) & INT) != 0 && vcpu.vm().lapicInKernel()) vcpu.lapic().deliverLocal(Lapic.LVTPC);
    }
}
