package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.DebugPort;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.RetiredCounter;
import dev.worldswitch.machine.cell.Watcher;
import dev.worldswitch.machine.translate.Translation;
import org.jspecify.annotations.Nullable;

/**
 * Executes guest instructions on a physical CPU until something must leave the guest. Guest state is taken from {@link
 * X86State} at entry and is back there at exit; between, RIP and the flags live in fields. Caches (TLB, blocks) hold
 * nothing that memory and the state do not say.
 */
public final class Interpreter extends GuestMemory {
    public final X86Cpu cpu;
    /** General registers, and the physical CPU's XSAVE register file. */
    public final long[] g, fp;
    /** RIP of the next instruction. */
    public long rip;
    /** Status flags, see {@link Flags}; {@link #sys} has the other bits of RFLAGS. */
    public long fr, fc, sys;

    /** An operation changed what the loop must look at before the next instruction. */
    boolean attention;
    /** 16, 32 or 64, and the linear base of code. */
    int code;

    long codeBase, codeLimit;
    boolean stepping;
    /** {@link X86State#TF} when a single-step trap follows the instruction under way. */
    long stepTrap;

    /** What was thrown is the new task's: RIP is that of the first instruction there. */
    boolean switched;

    int faultVector;
    long faultError, faultPayload;
    boolean faultHasError;

    /** Explored: time may pass between any two instructions. */
    private final boolean watched;

    /** Instructions and branches retired at this level since {@link #flushRetired}; translated code counts once somebody asked. */
    public long retired, branches;

    private boolean counting;
    private int level;
    private long retiredLimit = Long.MAX_VALUE;

    private final BlockCache blocks = new BlockCache(this);
    final X86Translator translator = new X86Translator(this, blocks);
    private final Decoder decoder;
    private final long tscKhz;
    private long decodeRip;
    private int generation, portGeneration;

    public Interpreter(X86Cpu cpu, X86State state, PhysicalMemory memory) {
        this(cpu, state, memory, null);
    }

    /** @param port of the guest's debugger, null when nobody debugs it */
    public Interpreter(X86Cpu cpu, X86State state, PhysicalMemory memory, @Nullable DebugPort port) {
        super(state, memory, physBits(cpu), port);
        this.cpu = cpu;
        this.tscKhz = cpu.profile().tscKhz();
        this.watched = cpu.region().isWatched();
        this.g = state.gpr.raw();
        this.fp = cpu.fpregs().raw();
        this.decoder = new Decoder(this::codeByte);
    }

    private static int physBits(X86Cpu cpu) {
        int bits = cpu.profile().cpuid(0x80000008, 0).eax() & 0xff;
        return bits == 0 ? 40 : bits;
    }

    public X86State state() {
        return state;
    }

    /** Which CPU runs which guest: two of them are the same when both are. */
    @Override
    public String toString() {
        return state.region() + " on " + cpu.region();
    }

    public X86Exit exit() {
        return exit;
    }

    /** Memory-mapped accesses of the instruction under way. */
    public MmioQueue mmio() {
        return mmio;
    }

    /** Drops all decoded instructions. */
    public void flushBlocks() {
        blocks.clear();
        epoch++;
    }

    // Entering and leaving.

    /** What {@link #run} leaves for, beside exits: see there. */
    public static final int INTERRUPT_WINDOW = 1, NMI_WINDOW = 2, IMMEDIATE_EXIT = 4;

    /**
     * Runs until an exit. With {@link #INTERRUPT_WINDOW} or {@link #NMI_WINDOW} leaves before the first instruction at
     * which a maskable interrupt or an NMI could be delivered; with {@link #IMMEDIATE_EXIT} as soon as the event that is
     * injected is delivered.
     */
    public X86Exit run(int leaveAt) {
        stepping = false;
        return enter(leaveAt);
    }

    /** Runs one instruction (or delivers one event); {@link X86Exit#reason} is 0 when nothing else happened. */
    public X86Exit step() {
        stepping = true;
        return enter(0);
    }

    private X86Exit enter(int leaveAt) {
        if (watched) return explored(leaveAt);
        prepare();
        try {
            inject();
            if ((leaveAt & IMMEDIATE_EXIT) != 0) throw leave(X86Exit.INTERRUPT);
            do {
                if (stepping) cpu.moment("guest instruction");
                if (leaveAt != 0 && windowOpen(leaveAt)) throw leave(X86Exit.INTERRUPT_WINDOW);
                if (cpu.anyPending() || retired >= retiredLimit) throw leave(X86Exit.INTERRUPT);
                if (port != null) askPort(port);
                round();
            } while (!stepping && exit.reason == 0);
        } catch (Signal s) {
            if (s != Signal.EXIT) throw s;
        }
        store();
        return exit;
    }

    /** Explored: time may pass between any two instructions, each is one opaque step, no guest state stays in fields. */
    private X86Exit explored(int leaveAt) {
        opaque(() -> {
            prepare();
            inject();
            if ((leaveAt & IMMEDIATE_EXIT) != 0) throw leave(X86Exit.INTERRUPT);
        });
        while (exit.reason == 0) {
            cpu.moment("guest instruction");
            boolean pending = cpu.anyPending();
            opaque(() -> {
                prepare();
                if (leaveAt != 0 && windowOpen(leaveAt)) throw leave(X86Exit.INTERRUPT_WINDOW);
                if (pending || retired >= retiredLimit) throw leave(X86Exit.INTERRUPT);
                if (port != null) askPort(port);
                round();
            });
            if (stepping) break;
        }
        return exit;
    }

    /** One opaque step: from the cells to the fields, and back at its end; its result is the exit. */
    private void opaque(Runnable body) {
        cpu.region().opaque(new Watcher.OpaqueStep() {
            @Override
            public void run() {
                // Fields that this exit does not use would else tell of an earlier one.
                exit.set(NO_EXIT);
                loaded = 0;
                try {
                    body.run();
                } catch (Signal s) {
                    if (s != Signal.EXIT) throw s;
                }
                store();
                if (exit.reason == X86Exit.MMIO_READ || exit.reason == X86Exit.MMIO_WRITE)
                    throw new UnsupportedOperationException(
                            "memory-mapped I/O of an explored guest: its queue is not in cells yet");
            }

            @Override
            public Watcher.Result result() {
                return new OpaqueResult(exit.copy(), loaded);
            }

            @Override
            public void result(Watcher.Result earlier) {
                OpaqueResult r = (OpaqueResult) earlier;
                exit.set(r.exit);
                loaded = r.loaded;
            }
        });
    }

    private static final X86Exit NO_EXIT = new X86Exit();

    private record OpaqueResult(X86Exit exit, long loaded) implements Watcher.Result {
        @Override
        public long digest() {
            return exit.digest() ^ loaded * 0xc2b2ae3d27d4eb4fL;
        }
    }

    private void prepare() {
        exit.reason = 0;
        exit.length = 0;
        exit.hasErrorCode = false;
        exit.hasPayload = false;
        exit.walk = false;
        load();
    }

    private boolean windowOpen(int leaveAt) {
        if (state.shadow.get() != 0) return false;
        return (leaveAt & INTERRUPT_WINDOW) != 0 && (sys & X86State.IF) != 0
                || (leaveAt & NMI_WINDOW) != 0 && state.nmiMasked.get() == 0;
    }

    // On behalf of the hypervisor, which emulates instructions that touched memory nobody backs.

    /**
     * Executes the instruction at RIP as the hypervisor's emulator does: memory that nobody backs is answered from {@link
     * #mmio()}, an exception is an exit, breakpoints and single-stepping are the hypervisor's business. With {@code again}
     * the instruction goes on with the answers that it has.
     *
     * @param gpa where the CPU left the guest, for {@code emulator_can_use_gpa}; -1 for nowhere
     */
    public X86Exit emulate(boolean again, long gpa) {
        if (watched) opaque(() -> emulateOne(again, gpa));
        else emulateOne(again, gpa);
        return exit;
    }

    private void emulateOne(boolean again, long gpa) {
        prepare();
        if (!again) mmio.completed();
        // What the hypervisor translates does not get into the CPU's TLB.
        if (gpa != NO_GPA) flushTlb();
        knownGpa = gpa;
        emulating = true;
        try {
            stepOne();
        } catch (Signal s) {
            emulationLeft(s);
        }
        emulating = false;
        knownGpa = NO_GPA;
        if (gpa != NO_GPA) flushTlb();
        store();
    }

    private void emulationLeft(Signal s) {
        if (s == Signal.EXIT) return;
        if (s != Signal.FAULT) throw s;
        exit.reason = X86Exit.EXCEPTION;
        exit.vector = faultVector;
        exit.errorCode = faultError;
        exit.hasErrorCode = faultHasError;
        exit.payload = faultPayload;
        exit.hasPayload = faultVector == 14;
    }

    /**
     * Fetches the instruction at RIP as KVM's emulator does, 15 bytes or to the end of the page and the next page only
     * when the instruction reaches there, into {@link X86Exit#bytes}. Null, or why it could not.
     */
    public @Nullable X86Exit fetchForEmulation() {
        if (watched) opaque(this::fetchOne);
        else fetchOne();
        return exit.reason == 0 ? null : exit;
    }

    private void fetchOne() {
        prepare();
        exit.byteCount = 0;
        emulating = true;
        try {
            int first = (int) Math.min(15, 4096 - (codeLinear(rip) & 0xfff));
            fetchBytes(0, first);
            Insn i = decodeAt(rip);
            fetched = i;
            if (i.length > first) fetchBytes(first, 15 - first);
        } catch (Signal s) {
            emulationLeft(s);
        }
        emulating = false;
    }

    private @Nullable Insn fetched;

    /** What {@link #fetchForEmulation} decoded last. */
    public Insn fetched() {
        Insn i = fetched;
        if (i == null) throw new IllegalStateException("nothing was fetched");
        return i;
    }

    private void fetchBytes(int from, int count) {
        decodeRip = rip;
        for (int k = from; k < from + count; k++) exit.bytes[k] = (byte) codeByte(k);
        exit.byteCount = from + count;
    }

    private long loaded;

    /** The value that {@link #dataLoad} found. */
    public long loaded() {
        return loaded;
    }

    /** Loads on behalf of the hypervisor's emulation of an instruction; null, or the exit or exception it met. */
    public @Nullable X86Exit dataLoad(long la, int size) {
        return emulated(() -> loaded = ld(canonical(la), size));
    }

    /**
     * Stores bytes as {@link #dataLoad} loads; null, or the exit or exception it met. Stores to memory-mapped I/O are in
     * {@link #mmio()}.
     */
    public @Nullable X86Exit dataStore(long la, byte[] bytes) {
        return emulated(() -> {
            canonical(la);
            long[] words = new long[(bytes.length + 7) / 8];
            for (int k = 0; k < bytes.length; k++) words[k / 8] |= (bytes[k] & 0xffL) << 8 * (k & 7);
            store(la, bytes.length, words, 0);
        });
    }

    /** The task switch that the CPU left for, with the error code that the new task's stack gets; RIP is the old task's next. */
    public void switchTask(X86Exit left) {
        int reason = (int) (left.payload >> 30) & 3;
        long selector = left.payload & 0xffff, error = left.errorCode;
        boolean hasError = left.hasErrorCode;
        emulated(() -> {
            TaskSwitch.emulated(this, selector, reason, hasError, error);
            store();
        });
    }

    private long canonical(long la) {
        if (code == 64 && !isCanonical(la)) throw gp(0);
        return la;
    }

    private @Nullable X86Exit emulated(Runnable access) {
        if (watched) opaque(() -> access(access));
        else access(access);
        return exit.reason == 0 ? null : exit;
    }

    private void access(Runnable access) {
        prepare();
        mmio.restart();
        careful = true;
        emulating = true;
        try {
            access.run();
        } catch (Signal s) {
            emulationLeft(s);
        }
        careful = false;
        emulating = false;
        if (exit.reason == 0 && mmio.hasWrite()) exit.reason = X86Exit.MMIO_WRITE;
        if (exit.reason != X86Exit.MMIO_READ) mmio.completed();
    }

    private void round() {
        attention = false;
        try {
            if (stepping || watched || needsCare() || port != null && port.asksEach()) stepOne();
            else if (port != null && !port.idle()) runBlocks(port);
            else runBlocks();
        } catch (Signal s) {
            if (s == Signal.FAULT) Delivery.exception(this);
            else if (s == Signal.CAREFUL) again();
            else throw s;
        }
    }

    private void again() {
        try {
            stepOne();
        } catch (Signal s) {
            if (s != Signal.FAULT) throw s;
            Delivery.exception(this);
        }
    }

    private void load() {
        rip = state.rip.get();
        setFlags(state.rflags.get());
        int now = memory.generation();
        if (now != generation) {
            generation = now;
            flushTlb();
        }
        epoch++;
        retired = 0;
        branches = 0;
        counting = cpu.retired().isCounting();
        if (counting) translator.count();
        modeChanged();
    }

    private void store() {
        state.rip.set(rip);
        state.rflags.set(flags());
        flushRetired();
    }

    private void flushRetired() {
        if (counting) {
            cpu.retired().count(level, retired);
            cpu.retired().countBranches(level, branches);
        }
        retired = 0;
        branches = 0;
    }

    /** RFLAGS as a whole. */
    public long flags() {
        return sys | Flags.pack(fr, fc);
    }

    public void setFlags(long rflags) {
        fr = Flags.frOf(rflags);
        fc = Flags.fcOf(rflags);
        sys = rflags & ~Flags.STATUS | 2;
    }

    /** Takes over segments and control registers after they changed. */
    void modeChanged() {
        state.rflags.set(flags());
        loadPaging();
        boolean protectedMode = (state.cr.get(0) & X86State.CR0_PE) != 0;
        long attr = state.segAttr.get(X86State.CS);
        code = state.code64()
                ? 64
                : (attr & X86State.ATTR_DB) != 0 && protectedMode && (sys & X86State.VM) == 0 ? 32 : 16;
        codeBase = code == 64 ? 0 : state.segBase.get(X86State.CS);
        codeLimit = code == 64 ? -1 : state.segLimit.get(X86State.CS) & 0xffffffffL;
        watching = watchesData(state.dr.get(7)) || port != null && port.watches();
        attention = true;
        // What was retired until now was so at the level before.
        flushRetired();
        level = cpl == 0 ? RetiredCounter.KERNEL : RetiredCounter.USER;
        retiredLimit = counting ? cpu.retired().left(level) : Long.MAX_VALUE;
    }

    private static boolean watchesData(long dr7) {
        for (int n = 0; n < 4; n++) if ((dr7 >> 2 * n & 3) != 0 && (dr7 >> 16 + 4 * n & 1) != 0) return true;
        return false;
    }

    private void inject() {
        long info = state.injectInfo.get();
        state.vectoringInfo.set(0);
        if ((info & 0x80000000L) == 0) return;
        state.injectInfo.set(0);
        Delivery.deliver(
                this, (int) info & 0xff, (int) info >> 8 & 7, (info & 0x800) != 0, state.injectErrorCode.get());
    }

    private boolean needsCare() {
        return (sys & X86State.TF) != 0 || (sys & X86State.RF) != 0 || state.shadow.get() != 0 || breakpoints();
    }

    private boolean breakpoints() {
        return (state.dr.get(7) & 0xff) != 0;
    }

    // The hot loop.

    private void runBlocks() {
        Block b = find();
        int i = -1;
        try {
            for (; ; ) {
                Translation<Block> t = b.code;
                if (t == null && ++b.count == translator.threshold) t = translator.hot(b);
                if (t != null && t.isCurrent(epoch, blocks)) ((Translated) t).run(this);
                else {
                    Op[] ops = b.ops;
                    rip = b.end;
                    retired += ops.length;
                    branches += b.branches;
                    for (i = 0; i < ops.length; i++) ops[i].exec(this);
                    i = -1;
                }
                // One poll per block: a kick, or a line of the host, ends the run between instructions.
                if (attention || cpu.anyPending() || retired >= retiredLimit) return;
                Block n = b.successor(rip, epoch);
                if (n == null) {
                    n = blocks.jump(rip);
                    if (n == null) n = find();
                    b.link(n, epoch);
                }
                b = n;
            }
        } catch (Signal s) {
            if (i >= 0) leaveAt(b, i);
            throw s;
        }
    }

    /** Operation {@code i} did not finish. */
    private void leaveAt(Block b, int i) {
        if (!switched) rip = b.ops[i].ip;
        switched = false;
        retired -= b.ops.length - i;
        branches -= b.branches;
    }

    // Under a debugger.

    private void askPort(DebugPort p) {
        if (p.generation() != portGeneration) {
            portGeneration = p.generation();
            flushBlocks();
            flushTlb();
            modeChanged();
        }
        if (p.stopsBefore(codeLinear(rip))) throw leave(X86Exit.INTERRUPT);
    }

    /** As {@link #runBlocks()}, to the next breakpoint, which ends a block; nothing is translated. */
    private void runBlocks(DebugPort p) {
        Block b = null;
        int i = -1;
        try {
            do {
                b = find();
                rip = b.end;
                retired += b.ops.length;
                branches += b.branches;
                for (i = 0; i < b.ops.length; i++) b.ops[i].exec(this);
                i = -1;
            } while (!attention && !cpu.anyPending() && retired < retiredLimit && !p.breaksAt(codeLinear(rip)));
        } catch (Signal s) {
            if (b != null && i >= 0) leaveAt(b, i);
            throw s;
        }
    }

    /** The debugger has a breakpoint at this offset in the code segment. */
    boolean breaksAt(long at) {
        return port != null && port.breaksAt(codeLinear(at));
    }

    private Block find() {
        if (Long.compareUnsigned(rip, codeLimit) > 0) throw gp(0);
        long gpa = fetch(codeLinear(rip));
        return blocks.find(rip, gpa, code);
    }

    /** Whether translated code must stop at a block's end, as the loop does: asked at each of its backward branches. */
    boolean mustStop(int entryEpoch) {
        return attention || epoch != entryEpoch || cpu.anyPending() || retired >= retiredLimit;
    }

    /** One instruction with everything that the hot loop leaves out: traps, breakpoints, shadows, memory-mapped I/O. */
    private void stepOne() {
        careful = true;
        watchHits = 0;
        if (emulating) mmio.restart();
        long shadow = state.shadow.get();
        stepTrap = sys & X86State.TF;
        Op op = null;
        int one = 0;
        try {
            if ((sys & X86State.RF) == 0 && !emulating) Debug.checkExecution(this, shadow);
            op = find().ops[0];
            rip = op.next;
            // What the hypervisor emulates it counts itself.
            one = emulating ? 0 : 1;
            retired += one;
            if (op.isBranch()) branches += one;
            op.exec(this);
        } catch (Signal s) {
            if (op != null) {
                if (!switched) rip = op.ip;
                switched = false;
                retired -= one;
                if (op.isBranch()) branches -= one;
            }
            careful = false;
            if (s == Signal.FAULT) mmio.completed();
            throw s;
        }
        careful = false;
        if (emulating) mmio.completed();
        if (!(op instanceof SystemOps.KeepsRf)) sys &= ~X86State.RF;
        if (state.shadow.get() == shadow && shadow != 0) state.shadow.set(0);
        if (emulating) {
            // A repeated string instruction goes on from itself, past any breakpoint on it.
            if (rip == op.ip && op.insn().repeats()) sys |= X86State.RF;
            if (mmio.hasWrite()) throw leave(X86Exit.MMIO_WRITE);
            return;
        }
        boolean trapsSuppressed = (state.shadow.get() & X86State.SHADOW_MOV_SS) != 0;
        long hits = watchHits | (stepTrap != 0 ? 0x4000 : 0);
        if (hits != 0 && !trapsSuppressed) Debug.trap(this, hits);
    }

    // Code.

    /** Linear address of an offset in the code segment. */
    long codeLinear(long at) {
        return code == 64 ? at : codeBase + at & 0xffffffffL;
    }

    private int codeByte(int offset) {
        long la = codeLinear(decodeRip + offset);
        long gpa = fetch(la);
        long host = page(gpa, false);
        if (host == PhysicalMemory.MMIO) {
            exit.gpa = gpa;
            exit.gva = la;
            throw leave(X86Exit.FETCH_MMIO);
        }
        return HOST.get(java.lang.foreign.ValueLayout.JAVA_BYTE, host + (gpa & 0xfff)) & 0xff;
    }

    Insn decodeAt(long at) {
        decodeRip = at;
        try {
            return decoder.decode(at, code);
        } catch (Decoder.TooLong e) {
            throw gp(0);
        }
    }

    Op makeOp(Insn i) {
        Op op;
        if (i.row != null)
            op = cpu.profile().has(i.row().needs()) ? i.row().maker().make(i) : new SystemOps.Undefined();
        else op = Decoder.isUndefined(i) ? new SystemOps.Undefined() : new SystemOps.Unimplemented();
        op.ip = i.ip;
        op.next = code == 64 ? i.ip + i.length : i.ip + i.length & 0xffffffffL;
        op.insn = i;
        return op;
    }

    @Override
    long pkru() {
        XsaveLayout layout = cpu.profile().xsave();
        return layout.has(XsaveLayout.PKRU)
                ? fp[layout.component(XsaveLayout.PKRU).offset() / 8] & 0xffffffffL
                : 0;
    }

    @Override
    boolean isCode(long gpa, int size) {
        return blocks.isCode(gpa, size);
    }

    @Override
    boolean isCodePage(long gpa) {
        return blocks.isCodePage(gpa);
    }

    @Override
    void codeWritten(long gpa, int size) {
        blocks.drop(gpa, size);
        epoch++;
        attention = true;
    }

    // Leaving an operation.

    /** Fills the exit with a reason; {@code throw} the answer. */
    public Signal leave(int reason) {
        exit.reason = reason;
        return Signal.EXIT;
    }

    /** An exception with an error code. */
    public Signal fault(int vector, long error) {
        faultVector = vector;
        faultError = error;
        faultHasError = true;
        faultPayload = 0;
        return Signal.FAULT;
    }

    /** An exception without an error code. */
    public Signal fault(int vector) {
        fault(vector, 0);
        faultHasError = false;
        return Signal.FAULT;
    }

    public Signal ud() {
        return fault(6);
    }

    public Signal nm() {
        return fault(7);
    }

    @Override
    public Signal gp(long error) {
        return fault(13, error);
    }

    @Override
    public Signal ss(long error) {
        return fault(12, error);
    }

    @Override
    Signal pageFault(long la, long error) {
        fault(14, error);
        faultPayload = la;
        return Signal.FAULT;
    }

    // Addresses.

    /** Linear address of a memory operand, its segment checked. */
    public long linear(Ea ea, int size, boolean write) {
        long off = ea.offset(g);
        if (ea.flat) {
            if (!isCanonical(off)) throw ea.seg == X86State.SS ? ss(0) : gp(0);
            return off;
        }
        return segment(ea.seg, off, size, write);
    }

    /** Linear address of an offset in a segment. */
    long segment(int seg, long off, int size, boolean write) {
        if (code == 64) {
            long la = seg == X86State.FS || seg == X86State.GS ? off + state.segBase.get(seg) : off;
            if (!isCanonical(la)) throw seg == X86State.SS ? ss(0) : gp(0);
            return la;
        }
        Segments.check(this, seg, off, size, write);
        return off + state.segBase.get(seg) & 0xffffffffL;
    }

    // The stack.

    /** Mask of the stack pointer. */
    long stackMask() {
        if (code == 64) return -1;
        return (state.segAttr.get(X86State.SS) & X86State.ATTR_DB) != 0 ? 0xffffffffL : 0xffff;
    }

    void setSp(long sp) {
        long mask = stackMask();
        g[4] = mask == 0xffff ? g[4] & ~mask | sp & mask : sp & mask;
    }

    void push(long v, int size) {
        if (code == 64) {
            long sp = g[4] - size;
            if (size == 8) st64(sp, v);
            else st(sp, size, v);
            g[4] = sp;
            return;
        }
        long sp = g[4] - size & stackMask();
        st(segment(X86State.SS, sp, size, true), size, v);
        setSp(sp);
    }

    /** The value at {@code SP + skip}, without popping. */
    long peek(int skip, int size) {
        if (code == 64) return ld(g[4] + skip, size);
        return ld(segment(X86State.SS, g[4] + skip & stackMask(), size, false), size);
    }

    /** The value at an offset in the stack segment. */
    long display(long at, int size) {
        if (code == 64) return ld(at, size);
        return ld(segment(X86State.SS, at & stackMask(), size, false), size);
    }

    void drop(long bytes) {
        setSp(g[4] + bytes);
    }

    /** A near branch target, cut to the operand size and checked. */
    long target(long to, int opsize) {
        if (code == 64) {
            if (!isCanonical(to)) throw gp(0);
            return to;
        }
        long t = opsize == 2 ? to & 0xffff : to & 0xffffffffL;
        if (t > (state.segLimit.get(X86State.CS) & 0xffffffffL)) throw gp(0);
        return t;
    }

    // Registers.

    /** A general register by {@link Insn#gpr} number, zero-extended. */
    public long reg(int r, int size) {
        return switch (size) {
            case 8 -> g[r];
            case 4 -> Gpr.get32(g[r]);
            case 2 -> Gpr.get16(g[r]);
            default -> r < 16 ? Gpr.get8(g[r]) : Gpr.getHigh8(g[r - 16]);
        };
    }

    public void setReg(int r, int size, long v) {
        switch (size) {
            case 8 -> g[r] = v;
            case 4 -> g[r] = Gpr.get32(v);
            case 2 -> g[r] = Gpr.put16(g[r], v);
            default -> {
                if (r < 16) g[r] = Gpr.put8(g[r], v);
                else g[r - 16] = Gpr.putHigh8(g[r - 16], v);
            }
        }
    }

    public boolean condition(int cc) {
        return Flags.condition(cc, fr, fc);
    }

    /** Status flags of a result: {@code carries} as in {@link Alu}. */
    void setResult(long r, long carries, int size) {
        fr = Flags.signed(r, size);
        fc = Flags.carries(carries, size);
    }

    /** The guest's time-stamp counter. */
    public long tsc() {
        return state.guestTsc(cpu.timing().cycles(tscKhz), cpu.profile().tscFractionBits());
    }
}
