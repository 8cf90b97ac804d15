package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.x86.RunState.Completion;
import dev.worldswitch.machine.x86.X86State;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Hyper-V's hypercalls (kvm_hv_hypercall; Hyper-V TLFS, hypercall interface). */
final class HypervCalls {
    private static final int FLUSH_SPACE = 2, FLUSH_LIST = 3, SPIN_WAIT = 8, SEND_IPI = 0xb, FLUSH_SPACE_EX = 0x13;
    private static final int FLUSH_LIST_EX = 0x14, SEND_IPI_EX = 0x15, POST_MESSAGE = 0x5c, SIGNAL_EVENT = 0x5d;
    private static final int POST_DEBUG = 0x69, RETRIEVE_DEBUG = 0x6a, RESET_DEBUG = 0x6b, EXTENDED = 0x8001;
    private static final int LAST_EXTENDED = EXTENDED + 64;
    private static final long SUCCESS = 0,
            INVALID_CODE = 2,
            INVALID_INPUT = 3,
            INVALID_ALIGNMENT = 4,
            INVALID_PARAMETER = 5;
    private static final long ACCESS_DENIED = 6, OPERATION_DENIED = 8, INVALID_PORT = 17;
    private static final int XMM_REGISTERS = 6, MOST_LIST = 15, MOST_BANKS = 64, SPARSE_SET = 0;

    private final VcpuRun run;
    private final Vcpu vcpu;
    private final X86State state;

    HypervCalls(VcpuRun run) {
        this.run = run;
        this.vcpu = run.vcpu();
        this.state = vcpu.state();
    }

    /** kvm_hv_hypercall_enabled. */
    boolean enabled() {
        return vcpu.vm().hyperv().identified() && HypervCpuid.enabled(vcpu);
    }

    /** One call: its control word, its input and output, and how much of the input was read. */
    private final class Input {
        final long control, in, out;
        final int code, variable, repeats, start;
        final boolean fast;
        long[] xmm = {};
        /** Words of the input that were read, of XMM registers where the call is fast. */
        int read;

        Input(long control, long in, long out) {
            this.control = control;
            this.in = in;
            this.out = out;
            this.code = (int) control & 0xffff;
            this.fast = (control >> 16 & 1) != 0;
            this.variable = (int) (control >> 17) & 0x3ff;
            this.repeats = (int) (control >> 32) & 0xfff;
            this.start = (int) (control >> 48) & 0xfff;
        }

        boolean repeated() {
            return repeats != 0 || start != 0;
        }

        /** The next {@code n} words; null where there are none. */
        long @Nullable [] next(int n) {
            long[] words = new long[n];
            if (fast) {
                if (n > xmm.length - read) return null;
                System.arraycopy(xmm, read, words, 0, n);
            } else {
                Bytes b = vcpu.vm().memory().read(in + 8L * read, 8 * n);
                if (b == null) return null;
                for (int i = 0; i < n; i++) words[i] = b.u64(8 * i);
            }
            read += n;
            return words;
        }
    }

    long handle(int length) {
        if (state.cpl() != 0 || (state.cr.get(0) & X86State.CR0_PE) == 0) {
            run.injection().queueException(Injection.UD);
            return 1;
        }
        run.runState().length.set(length);
        Input c = input();
        Trace t = run.trace();
        if (t != null) t.kvmHypercall(vcpu, c.control, c.in, c.out, 0, 0);
        if (vcpu.hyperv().enforces() && !allowed(c.code)) return finish(ACCESS_DENIED);
        if ((c.control & RESERVED_BITS) != 0) return finish(INVALID_INPUT);
        if (c.fast && takesXmm(c.code)) {
            if (vcpu.hyperv().enforces() && !feature(3, 4)) {
                run.injection().queueException(Injection.UD);
                return 1;
            }
            c.xmm = xmm();
        }
        return dispatch(c);
    }

    /** HV_HYPERCALL_RSVD_MASK: bits 27 to 31, 44 to 47 and 60 to 63. */
    private static final long RESERVED_BITS = 0x1fL << 27 | 0xfL << 44 | 0xfL << 60;

    private Input input() {
        if (state.code64())
            return new Input(state.gpr.get(X86State.RCX), state.gpr.get(X86State.RDX), state.gpr.get(8));
        return new Input(
                pair(X86State.RDX, X86State.RAX), pair(X86State.RBX, X86State.RCX), pair(X86State.RDI, X86State.RSI));
    }

    private long pair(int high, int low) {
        return state.gpr.get(high) << 32 | state.gpr.get(low) & 0xffffffffL;
    }

    private long dispatch(Input c) {
        switch (c.code) {
            case SPIN_WAIT:
                return finish(c.repeated() || c.variable != 0 ? INVALID_INPUT : SUCCESS);
            case SIGNAL_EVENT:
                if (c.repeated() || c.variable != 0) return finish(INVALID_INPUT);
                long signalled = signal(c);
                // The client may know this connection.
                return signalled == INVALID_PORT ? postMessage(c) : finish(signalled);
            case POST_MESSAGE:
                return postMessage(c);
            case FLUSH_LIST, FLUSH_LIST_EX:
                if (c.code == FLUSH_LIST && c.variable != 0) return finish(INVALID_INPUT);
                return finish(c.repeats == 0 || c.start != 0 ? INVALID_INPUT : flush(c));
            case FLUSH_SPACE, FLUSH_SPACE_EX:
                if (c.code == FLUSH_SPACE && c.variable != 0) return finish(INVALID_INPUT);
                return finish(c.repeated() ? INVALID_INPUT : flush(c));
            case SEND_IPI, SEND_IPI_EX:
                if (c.code == SEND_IPI && c.variable != 0) return finish(INVALID_INPUT);
                return finish(c.repeated() ? INVALID_INPUT : sendIpi(c));
            case POST_DEBUG, RETRIEVE_DEBUG, RESET_DEBUG:
                if (c.fast && c.code != RESET_DEBUG) return finish(INVALID_PARAMETER);
                if (!vcpu.hyperv().debugs()) return finish(INVALID_CODE);
                return vcpu.vm().hyperv().usesDebugHypercalls() ? toUserSpace(c) : finish(OPERATION_DENIED);
            default:
                if (c.code < EXTENDED || c.code > LAST_EXTENDED) return finish(INVALID_CODE);
                return c.fast ? finish(INVALID_PARAMETER) : toUserSpace(c);
        }
    }

    /** hv_check_hypercall_access. */
    private boolean allowed(int code) {
        boolean many = enlightenment(11);
        return switch (code) {
            case SPIN_WAIT -> {
                CpuidTable.Entry e = vcpu.cpuid().get().find(HypervCpuid.ENLIGHTENMENTS, 0);
                yield e != null && e.ebx() != 0 && e.ebx() != -1;
            }
            case POST_MESSAGE -> feature(1, 4);
            case SIGNAL_EVENT -> feature(1, 5);
            case POST_DEBUG, RETRIEVE_DEBUG, RESET_DEBUG -> !vcpu.hyperv().debugs() || feature(1, 11);
            case FLUSH_LIST_EX, FLUSH_SPACE_EX -> many && enlightenment(2);
            case FLUSH_LIST, FLUSH_SPACE -> enlightenment(2);
            case SEND_IPI_EX -> many && enlightenment(10);
            case SEND_IPI -> enlightenment(10);
            default -> code < EXTENDED || code > LAST_EXTENDED || feature(1, 20);
        };
    }

    private boolean feature(int register, int bit) {
        return vcpu.cpuid().get().has(HypervCpuid.FEATURES, 0, register, bit);
    }

    private boolean enlightenment(int bit) {
        return vcpu.cpuid().get().has(HypervCpuid.ENLIGHTENMENTS, 0, 0, bit);
    }

    private static boolean takesXmm(int code) {
        return code == FLUSH_LIST
                || code == FLUSH_SPACE
                || code == FLUSH_LIST_EX
                || code == FLUSH_SPACE_EX
                || code == SEND_IPI_EX;
    }

    /** kvm_hv_hypercall_read_xmm: the guest's registers, which are in the CPU or in its image. */
    private long[] xmm() {
        Caller caller = run.runState().runner.get();
        if (caller == null) throw new IllegalStateException("hypercall outside KVM_RUN on " + vcpu.region());
        return run.entry().readXmm(caller, XsaveLayout.XMM0 / 8, 2 * XMM_REGISTERS);
    }

    // Virtual processors.

    /** The vCPUs of a sparse set: bank {@code b} of 64 is there when bit {@code b} of {@code valid} is set. */
    private List<Vcpu> of(long valid, long[] banks) {
        List<Vcpu> out = new ArrayList<>();
        for (Vcpu v : vcpu.vm().vcpus().get().all()) {
            int bank = v.hyperv().vpIndex() / 64;
            if (bank >= 64 || (valid >>> bank & 1) == 0) continue;
            int place = Long.bitCount(valid & (1L << bank) - 1);
            if (place < banks.length && (banks[place] >>> (v.hyperv().vpIndex() & 63) & 1) != 0) out.add(v);
        }
        return out;
    }

    /** kvm_hv_flush_tlb: which address space is not looked at, all of a CPU's translations go. */
    private long flush(Input c) {
        List<Vcpu> whom;
        long[] head;
        long flags;
        // Of a fast call the first two words are the parameters in general registers.
        if (!c.fast) {
            head = c.next(2);
            if (head == null) return INVALID_INPUT;
            flags = head[1];
        } else flags = c.out;
        boolean sparse = c.code == FLUSH_LIST_EX || c.code == FLUSH_SPACE_EX;
        List<Vcpu> all = vcpu.vm().vcpus().get().all();
        if (!sparse) {
            long[] mask = c.next(1);
            if (mask == null) return INVALID_INPUT;
            // Windows Server 2012 means all by none.
            whom = (flags & 1) != 0 || mask[0] == 0 ? all : of(1, mask);
        } else {
            long[] set = c.next(2);
            if (set == null) return INVALID_INPUT;
            if (c.variable != Long.bitCount(set[1])) return INVALID_INPUT;
            if (set[0] != SPARSE_SET) whom = all;
            else if (c.variable == 0) return (long) c.repeats << 32;
            else {
                long[] banks = c.next(c.variable);
                if (banks == null) return INVALID_INPUT;
                c.read -= c.variable;
                whom = of(set[1], banks);
            }
            c.read += c.variable;
        }
        boolean list = c.code == FLUSH_LIST || c.code == FLUSH_LIST_EX;
        if (list && c.repeats <= MOST_LIST && c.next(c.repeats) == null) return INVALID_INPUT;
        for (Vcpu v : whom) v.runLoop().flushTlb();
        return (long) c.repeats << 32;
    }

    private long sendIpi(Input c) {
        if (!vcpu.lapic().inKernel()) return INVALID_INPUT;
        long[] banks = {};
        long vector, valid = 1;
        boolean all = false;
        if (c.code == SEND_IPI) {
            long[] w = c.fast ? new long[] {c.in, c.out} : c.next(2);
            if (w == null || c.fast && w[0] >>> 32 != 0) return INVALID_INPUT;
            vector = w[0] & 0xffffffffL;
            banks = new long[] {w[1]};
        } else {
            long[] head = c.fast ? new long[] {c.in, c.out} : c.next(2), mask = head == null ? null : c.next(1);
            if (head == null || mask == null) return INVALID_INPUT;
            vector = head[0] & 0xffffffffL;
            valid = mask[0];
            all = head[1] == 1;
            if (c.variable != Long.bitCount(valid)) return INVALID_INPUT;
            if (!all && c.variable == 0) return SUCCESS;
            long[] given = all ? banks : c.variable > MOST_BANKS ? null : c.next(c.variable);
            if (given == null) return INVALID_INPUT;
            banks = given;
        }
        if (vector < 0x10 || vector > 0xff) return INVALID_INPUT;
        for (Vcpu v : all ? vcpu.vm().vcpus().get().all() : of(valid, banks))
            v.lapic().deliverFixed((int) vector, false);
        return SUCCESS;
    }

    // Events and messages.

    /** kvm_hvcall_signal_event. */
    private long signal(Input c) {
        long connection = c.in;
        if (!c.fast) {
            Bytes b = (c.in & 7) != 0 ? null : vcpu.readSeen(c.in, 8);
            if (b == null) return INVALID_ALIGNMENT;
            connection = b.u64(0);
        }
        if ((connection & 0xffff_0000_0000L) != 0) return INVALID_PORT;
        if ((connection & ~0x00ff_ffffL) != 0) return INVALID_INPUT;
        return vcpu.vm().hyperv().signal((int) connection) ? SUCCESS : INVALID_PORT;
    }

    private long postMessage(Input c) {
        boolean bad = c.repeated() || c.variable != 0 || !vcpu.hyperv().synic().isActive();
        return bad ? finish(INVALID_INPUT) : toUserSpace(c);
    }

    private long toUserSpace(Input c) {
        run.page().hypervCall(c.control, c.in, c.out);
        run.runState().complete(Completion.HYPERV_CALL);
        return 0;
    }

    /** kvm_hv_hypercall_complete_userspace. */
    long complete() {
        return finish(run.page().hypervResult());
    }

    private long finish(long result) {
        if (state.code64()) state.gpr.set(X86State.RAX, result);
        else {
            state.gpr.set(X86State.RDX, result >>> 32);
            state.gpr.set(X86State.RAX, result & 0xffffffffL);
        }
        return run.skip((int) run.runState().length.get());
    }
}
