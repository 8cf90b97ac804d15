package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.DebugPort;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.cell.Watcher;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Executes guest instructions at EL1 and EL0 of a physical CPU until something must go to EL2. Guest state is taken from
 * the CPU at entry and is back there at exit; between, PC, PSTATE and flags live in fields. The current SP is
 * {@code x[31]}; at entry it is loaded from SP_EL0 or SP_EL1 as PSTATE selects, at exit it is in both places. Caches (TLB,
 * blocks) hold nothing that memory and the CPU do not say.
 */
public final class Arm64Interpreter extends Mmu {
    /** Counts invalidations of instructions and of translations on any CPU: the others drop what they cached. */
    private static final AtomicInteger CODE_CHANGES = new AtomicInteger(), TLB_CHANGES = new AtomicInteger();
    /** Counts after either of them: what is polled. */
    private static final AtomicInteger CHANGES = new AtomicInteger();

    private static final int HCR = SysReg.HCR_EL2.ordinal(), MDCR = SysReg.MDCR_EL2.ordinal();
    private static final int SCTLR = SysReg.SCTLR_EL1.ordinal(), TCR = SysReg.TCR_EL1.ordinal();
    private static final int TTBR0 = SysReg.TTBR0_EL1.ordinal(), TTBR1 = SysReg.TTBR1_EL1.ordinal();
    private static final int SP0 = SysReg.SP_EL0.ordinal(), SP1 = SysReg.SP_EL1.ordinal();
    private static final int ESR2 = SysReg.ESR_EL2.ordinal(), FAR2 = SysReg.FAR_EL2.ordinal();
    private static final int HPFAR2 = SysReg.HPFAR_EL2.ordinal(), ELR2 = SysReg.ELR_EL2.ordinal();
    private static final int SPSR2 = SysReg.SPSR_EL2.ordinal(), CPACR = SysReg.CPACR_EL1.ordinal();
    private static final int CPTR = SysReg.CPTR_EL2.ordinal(), VSESR = SysReg.VSESR_EL2.ordinal();
    private static final int ZCR1 = SysReg.ZCR_EL1.ordinal(), ZCR2 = SysReg.ZCR_EL2.ordinal();
    private static final int FPCR = SysReg.FPCR.ordinal(), FPSR = SysReg.FPSR.ordinal();
    private static final long HCR_VF = 1L << 6, HCR_VI = 1L << 7, HCR_VSE = 1L << 8, HCR_E2H = 1L << 34;

    public final Arm64Cpu cpu;
    /** General registers, system registers by ordinal, vectors ({@link #zs} words each), predicates ({@link #pw}). */
    public final long[] x, sys, z, p;

    final Pauth pauth;

    public final int zs, pw;
    /** Address of the next instruction. */
    public long pc;
    /** Flags: N and V are sign bits, Z is "fz is 0", C is 0 or 1. */
    public long fn, fz, fv;

    public int fc;
    /** PSTATE without NZCV and BTYPE. */
    public long ps;
    /** PSTATE.BTYPE. */
    public int btype;

    public int el;

    final Arm64Exit exit = new Arm64Exit();
    final DebugUnit debug;
    final Monitor monitor = new Monitor();
    final VirtualGic gic;
    final SysAccess regs;
    final Fpu fpu = new Fpu();
    final SveScratch scratch;
    /** An operation changed what the loop must look at before the next instruction. */
    boolean attention;
    /** The FP unit and SVE may be used here and now. */
    boolean fpOn, sveOn;
    /** SVE vector length in bytes. */
    int vl;
    /** Instructions retired at this EL since {@link #flushRetired}; translated code counts once somebody has asked. */
    public long retired;
    /** How many of them are too many to go on. */
    private long retiredLimit = Long.MAX_VALUE;

    private boolean counting;

    /** The exception under way: syndrome, addresses, where to. */
    private long exEsr, exFar, exHpfar;

    private boolean exHasFar, exToEl2, exNext, exStage2;

    private boolean stepping;
    private final boolean watched;
    private final @Nullable DebugPort port;
    private int portGeneration;
    private final Blocks blocks;
    final A64Translator translator;
    private int generation, codeSeen, tlbSeen, changesSeen;
    private long oldSctlr, oldTcr, oldTtbr0, oldTtbr1;
    private int entryBtype;

    public Arm64Interpreter(Arm64Cpu cpu, PhysicalMemory memory) {
        this(cpu, memory, null);
    }

    /** @param port of the guest's debugger, null when nobody debugs it */
    public Arm64Interpreter(Arm64Cpu cpu, PhysicalMemory memory, @Nullable DebugPort port) {
        super(cpu, memory);
        this.port = port;
        this.cpu = cpu;
        this.watched = cpu.region().isWatched();
        this.pauth = new Pauth(cpu.profile());
        this.x = cpu.gpr().raw();
        this.sys = cpu.sys().raw();
        this.z = cpu.z().raw();
        this.p = cpu.p().raw();
        this.zs = cpu.zStride();
        this.pw = cpu.pStride();
        this.scratch = new SveScratch(zs, pw);
        this.gic = new VirtualGic(this);
        this.debug = new DebugUnit(this);
        this.regs = new SysAccess(this);
        this.blocks = new Blocks(this);
        this.translator = new A64Translator(this, blocks);
    }

    public Arm64Exit exit() {
        return exit;
    }

    public boolean has(Feature f) {
        return blocks.has(f);
    }

    // Entering and leaving.

    /** Runs until an exit. */
    public Arm64Exit run() {
        stepping = false;
        return enter();
    }

    /** Runs one instruction (or takes one exception to EL1); {@link Arm64Exit#kind} is 0 when nothing else happened. */
    public Arm64Exit step() {
        stepping = true;
        return enter();
    }

    private Arm64Exit enter() {
        if (watched) return explored();
        exit.kind = 0;
        load();
        do {
            if (stepping) cpu.moment("guest instruction");
            if (cpu.anyPending()) exit.kind = Arm64Exit.INTERRUPT;
            else round();
        } while (!stepping && exit.kind == 0);
        // Exceptions and exits clear the local monitor.
        if (exit.kind != 0) monitor.clear();
        store();
        return exit;
    }

    /** Explored: time may pass between any two instructions, each is one opaque step, no guest state stays in fields. */
    private Arm64Exit explored() {
        do {
            cpu.moment("guest instruction");
            boolean pending = cpu.anyPending();
            cpu.region().opaque(new ExploredStep(pending));
            // The instruction may have written ZCR_EL1.
            cpu.host().vectorLengthMayChange();
        } while (!stepping && exit.kind == 0);
        return exit;
    }

    private final class ExploredStep implements Watcher.OpaqueStep {
        private final boolean pending;

        ExploredStep(boolean pending) {
            this.pending = pending;
        }

        @Override
        public void run() {
            exit.kind = 0;
            exit.instruction = 0;
            exit.ipa = 0;
            // What an earlier exception left here must not show in a later one.
            exFar = 0;
            load();
            cpu.loadMonitor(monitor);
            if (pending) exit.kind = Arm64Exit.INTERRUPT;
            else round();
            if (exit.kind != 0) monitor.clear();
            cpu.storeMonitor(monitor);
            store();
        }

        @Override
        public Watcher.Result result() {
            return new ExploredExit(exit.kind, exit.instruction, exit.ipa);
        }

        @Override
        public void result(Watcher.Result earlier) {
            ExploredExit e = (ExploredExit) earlier;
            exit.kind = e.kind;
            exit.instruction = e.instruction;
            exit.ipa = e.ipa;
        }
    }

    private record ExploredExit(int kind, int instruction, long ipa) implements Watcher.Result {
        @Override
        public long digest() {
            return (kind * 31L + instruction) * 0x9e3779b97f4a7c15L ^ ipa;
        }
    }

    private void round() {
        attention = false;
        try {
            shared();
            if (gic.maintenance() || retired >= retiredLimit) {
                exit.kind = Arm64Exit.INTERRUPT;
                return;
            }
            boolean oneByOne = port != null && port.oneByOne();
            if (!oneByOne && takesVirtualInterrupt()) return;
            if (port != null && leaves(port)) return;
            if ((ps & Pstate.IL) != 0) throw exception(Exceptions.ILLEGAL_STATE, 0);
            if (stepping || watched || debug.active() || port != null && port.asksEach()) stepOne();
            else if (port != null && !port.idle()) runBlocks(port);
            else runBlocks();
        } catch (Stop s) {
            if (s == Stop.EXCEPTION) takeException();
        }
    }

    private void load() {
        long pstate = cpu.pstate().get();
        retired = 0;
        gic.frame.at(cpu.gicvFrame().get());
        counting = cpu.retired().isCounting();
        if (counting) translator.count();
        pc = cpu.pc().get();
        x[Arm64Cpu.ZR] = 0;
        loadPstate(pstate);
        x[Arm64Cpu.SP] = sys[usesSp1(pstate) ? SP1 : SP0];
        // Explored: caches from a state that was left would answer without the reads that a fresh entry makes.
        if (watched) {
            flushTlb();
            blocks.clear();
        }
        int now = memory.generation();
        if (now != generation) {
            generation = now;
            flushTlb();
        }
        epoch++;
        regimeChanged();
        if ((pstate & Pstate.AARCH32) != 0) throw new UnsupportedOperationException("AArch32 guest state");
    }

    private void store() {
        sys[usesSp1(ps) ? SP1 : SP0] = x[Arm64Cpu.SP];
        cpu.pc().set(pc);
        cpu.pstate().set(pstate());
        flushRetired();
    }

    private void flushRetired() {
        if (counting) cpu.retired().count(el, retired);
        retired = 0;
    }

    private static boolean usesSp1(long pstate) {
        return (pstate & 0x1f) == Pstate.EL1H;
    }

    /** PSTATE as a whole, as SPSR_ELx has it. */
    public long pstate() {
        return ps | (long) nzcv() << 28 | (long) btype << 10;
    }

    private void loadPstate(long v) {
        ps = v & 0xffffffffL & ~(Pstate.NZCV | Pstate.BTYPE);
        setNzcv((int) (v >>> 28) & 15);
        btype = (int) (v >>> 10) & 3;
        el = Pstate.el(v);
        retiredLimit = counting ? cpu.retired().left(el) : Long.MAX_VALUE;
    }

    /** Changes PSTATE (all of it) and with it the stack pointer, the translation regime's view and what is enabled. */
    void setPstate(long v) {
        flushRetired();
        sys[usesSp1(ps) ? SP1 : SP0] = x[Arm64Cpu.SP];
        loadPstate(v);
        x[Arm64Cpu.SP] = sys[usesSp1(ps) ? SP1 : SP0];
        regimeChanged();
    }

    public int nzcv() {
        return (fn < 0 ? 8 : 0) | (fz == 0 ? 4 : 0) | fc << 1 | (fv < 0 ? 1 : 0);
    }

    public void setNzcv(int v) {
        fn = A64.nOf(v);
        fz = A64.zOf(v);
        fc = A64.cOf(v);
        fv = A64.vOf(v);
    }

    /** Takes over control registers and PSTATE after they changed. */
    void regimeChanged() {
        long sctlr = sys[SCTLR], tcr = sys[TCR], t0 = sys[TTBR0], t1 = sys[TTBR1];
        if (sctlr != oldSctlr || tcr != oldTcr || t0 != oldTtbr0 || t1 != oldTtbr1) flushTlb();
        oldSctlr = sctlr;
        oldTcr = tcr;
        oldTtbr0 = t0;
        oldTtbr1 = t1;
        bigEndian = (sctlr >>> (el == 0 ? 24 : 25) & 1) != 0;
        alignmentCheck = (sctlr & 2) != 0;
        boolean watchingNow = debug.watching() || port != null && port.watches();
        if (watchingNow && !watching) flushTlb();
        watching = watchingNow;
        access = (el == 0 ? USER : (ps & Pstate.PAN) != 0 ? PAN : 0)
                | (bigEndian || alignmentCheck || watching ? SLOW : 0);
        loadUnits();
        attention = true;
    }

    private void loadUnits() {
        int fpen = (int) (sys[CPACR] >>> 20) & 3, zen = (int) (sys[CPACR] >>> 16) & 3;
        boolean fp1 = fpen == 3 || fpen == 1 && el != 0, sve1 = zen == 3 || zen == 1 && el != 0;
        fpOn = fp1 && !fpTrapped2();
        sveOn = fpOn && sve1 && !sveTrapped2();
        // The effective length: the largest implemented one that ZCR_EL1 and ZCR_EL2 both allow.
        int len = (int) Math.min(sys[ZCR1] & 15, sys[ZCR2] & 15);
        vl = 16 * cpu.profile().vqAtMost(len + 1);
    }

    private boolean fpTrapped2() {
        long cptr = sys[CPTR];
        return (sys[HCR] & HCR_E2H) != 0 ? (cptr >>> 20 & 1) == 0 : (cptr >>> 10 & 1) != 0;
    }

    private boolean sveTrapped2() {
        long cptr = sys[CPTR];
        return (sys[HCR] & HCR_E2H) != 0 ? (cptr >>> 16 & 1) == 0 : (cptr >>> 8 & 1) != 0;
    }

    /** CheckSVEEnabled and CheckFPAdvSIMDEnabled of the shared pseudocode: what to throw for a disabled unit. */
    Stop unitTrap(int unit) {
        int fpen = (int) (sys[CPACR] >>> 20) & 3, zen = (int) (sys[CPACR] >>> 16) & 3;
        int fpIss = 1 << 24 | 0xe << 20;
        if (unit == A64Op.SVE && !(zen == 3 || zen == 1 && el != 0)) return exception(Exceptions.SVE, 0);
        if (!(fpen == 3 || fpen == 1 && el != 0)) return exception(Exceptions.FP, fpIss);
        if (unit == A64Op.SVE && sveTrapped2()) return trap2(Exceptions.SVE, 0);
        return trap2(Exceptions.FP, fpIss);
    }

    /** CheckSMEAccess: what to throw for an SME instruction, which are not implemented where nothing traps them. */
    Stop smeTrap(int word) {
        int smen = (int) (sys[CPACR] >>> 24) & 3;
        if (!(smen == 3 || smen == 1 && el != 0)) return exception(Exceptions.SME, 0);
        long cptr = sys[CPTR];
        boolean to2 = (sys[HCR] & HCR_E2H) != 0 ? (cptr >>> 24 & 1) == 0 : (cptr >>> 12 & 1) != 0;
        return to2 ? trap2(Exceptions.SME, 0) : unimplemented(word);
    }

    /** Builds the tables that the first guest instruction needs; before a guest runs under its client's timers. */
    public static void prepare(Arm64Profile profile) {
        A64Table.decode(0xd503201f, 0, A64Table.features(profile));
        SysTraps.prepare();
        SysAccess.prepare();
    }

    // What other CPUs did.

    private void shared() {
        // Before the two that it is counted after: a change that is missed now is seen at the next poll.
        changesSeen = CHANGES.get();
        int code = CODE_CHANGES.get(), tlb = TLB_CHANGES.get();
        if (code != codeSeen) {
            codeSeen = code;
            epoch++;
        }
        if (tlb != tlbSeen) {
            tlbSeen = tlb;
            flushTlb();
        }
    }

    /** IC: instructions anywhere may have changed. */
    void instructionsChanged() {
        CODE_CHANGES.incrementAndGet();
        CHANGES.incrementAndGet();
        epoch++;
        attention = true;
    }

    /** TLBI; the inner-shareable ones act on every CPU. */
    void translationsChanged(boolean everywhere) {
        flushTlb();
        if (everywhere) {
            TLB_CHANGES.incrementAndGet();
            CHANGES.incrementAndGet();
        }
        attention = true;
    }

    // The hot loop.

    private void runBlocks() {
        Block b = find();
        int i = -1;
        Translated running = null;
        try {
            for (; ; ) {
                Translated t = (Translated) b.code;
                if (t == null && ++b.count == translator.threshold) t = (Translated) translator.hot(b);
                entryBtype = btype;
                if (t != null && btype == 0 && t.unit() <= unitOn() && t.isCurrent(epoch, blocks)) {
                    running = t;
                    t.run(this);
                    running = null;
                } else {
                    A64Op[] ops = b.ops;
                    if (btype != 0) checkLanding(b);
                    int n = sveOn ? ops.length : fpOn ? b.sveAt : b.fpAt;
                    pc = b.end;
                    retired += ops.length;
                    for (i = 0; i < n; i++) ops[i].exec(this);
                    if (n != ops.length) throw unitTrap(ops[n].unit());
                    i = -1;
                }
                // BR from a page that is not guarded may go to any landing pad.
                if (btype == 3 && !b.guarded) btype = 1;
                // One poll per block: a kick, or a line of the host, ends the run between instructions.
                if (attention || cpu.anyPending() || CHANGES.get() != changesSeen || retired >= retiredLimit) return;
                Block next = b.successor(pc, epoch);
                if (next == null) {
                    next = find();
                    b.link(next, epoch);
                }
                b = next;
            }
        } catch (Stop s) {
            if (running != null) leaveAt(running.at(pc), -1);
            else if (i >= 0) {
                retired -= b.ops.length - i;
                leaveAt(b.ops[i], i);
            }
            throw s;
        }
    }

    // Under a debugger.

    private boolean leaves(DebugPort p) {
        if (p.generation() != portGeneration) {
            portGeneration = p.generation();
            blocks.clear();
            flushTlb();
            epoch++;
            regimeChanged();
        }
        if (!p.stopsBefore(pc)) return false;
        exit.kind = Arm64Exit.INTERRUPT;
        return true;
    }

    /** As {@link #runBlocks()}, to the next breakpoint; nothing is translated. */
    private void runBlocks(DebugPort p) {
        do stepBlock();
        while (!attention
                && !cpu.anyPending()
                && CHANGES.get() == changesSeen
                && retired < retiredLimit
                && !p.breaksAt(pc));
    }

    private void stepBlock() {
        Block b = find();
        int i = -1;
        try {
            entryBtype = btype;
            if (btype != 0) checkLanding(b);
            int n = sveOn ? b.ops.length : fpOn ? b.sveAt : b.fpAt;
            pc = b.end;
            retired += b.ops.length;
            for (i = 0; i < n; i++) b.ops[i].exec(this);
            if (n != b.ops.length) throw unitTrap(b.ops[n].unit());
        } catch (Stop s) {
            if (i >= 0) {
                retired -= b.ops.length - i;
                leaveAt(b.ops[i], i);
            }
            throw s;
        }
        if (btype == 3 && !b.guarded) btype = 1;
    }

    /** The debugger has a breakpoint here. */
    boolean breaksAt(long at) {
        return port != null && port.breaksAt(at);
    }

    private int unitOn() {
        return sveOn ? A64Op.SVE : fpOn ? A64Op.FP : A64Op.CORE;
    }

    /** Whether translated code must stop at a block's end, as the loop does: asked at each of its backward branches. */
    boolean mustStop(int entryEpoch) {
        return attention
                || epoch != entryEpoch
                || cpu.anyPending()
                || CHANGES.get() != changesSeen
                || retired >= retiredLimit;
    }

    /** An operation did not finish: PC is at it, and the syndrome of a stage 2 abort gets what the operation knows. */
    private void leaveAt(A64Op op, int index) {
        pc = op.pc;
        if (index == 0) btype = entryBtype;
        if (exStage2) exEsr |= op.syndrome();
        exStage2 = false;
        if (exNext) {
            // A stepped SVC or HVC was executed: the step is due after the return.
            pc += 4;
            retired++;
            ps &= ~Pstate.SS;
        }
        exNext = false;
    }

    private Block find() {
        if ((pc & 3) != 0) throw exceptionAt(Exceptions.PC_ALIGNMENT, 0, pc);
        return blocks.find(pc, fetch(pc));
    }

    /** One instruction with everything that the hot loop leaves out: step, breakpoints, lines between instructions. */
    private void stepOne() {
        debug.before();
        Block b = find();
        entryBtype = btype;
        if (btype != 0) checkLanding(b);
        A64Op op = b.ops[0];
        retired++;
        try {
            if (op.unit() != A64Op.CORE && !(op.unit() == A64Op.SVE ? sveOn : fpOn)) throw unitTrap(op.unit());
            pc = op.pc + 4;
            op.exec(this);
        } catch (Stop s) {
            retired--;
            leaveAt(op, 0);
            throw s;
        }
        if (btype == 3 && !b.guarded) btype = 1;
        debug.after();
    }

    /** FEAT_BTI: an indirect branch into a guarded page must meet a landing pad. */
    private void checkLanding(Block b) {
        if (b.guarded && !BranchOps.isLandingPad(b.ops[0].word, btype, sys[SCTLR], el)) {
            pc = b.start;
            throw exception(Exceptions.BTI, btype);
        }
        btype = 0;
    }

    /** Goes on at a target of an indirect branch: a tag that this address half ignores is dropped (BranchAddr). */
    void branchTo(long to) {
        pc = target(to);
    }

    long target(long to) {
        return to << 8 >> 8 != to && stage1.topByteIgnored(to, true) ? to << 8 >> 8 : to;
    }

    @Override
    boolean isCodePage(long ipa) {
        return blocks.isCodePage(ipa);
    }

    @Override
    boolean isCode(long ipa, int size) {
        return blocks.isCode(ipa, size);
    }

    @Override
    void codeWritten(long ipa, int size) {
        blocks.drop(ipa, size);
        epoch++;
        attention = true;
    }

    // Exceptions.

    /** A synchronous exception to EL1. */
    Stop exception(int ec, int iss) {
        exEsr = (long) ec << 26 | Exceptions.IL | iss & 0x1ffffffL;
        exHasFar = false;
        // Unknown but after an abort of the second stage; not what an earlier one left here.
        exHpfar = 0;
        exToEl2 = false;
        return Stop.EXCEPTION;
    }

    Stop exceptionAt(int ec, int iss, long far) {
        exception(ec, iss);
        exFar = far;
        exHasFar = true;
        return Stop.EXCEPTION;
    }

    /** A trap to EL2. */
    Stop trap2(int ec, int iss) {
        exception(ec, iss);
        exToEl2 = true;
        return Stop.EXCEPTION;
    }

    Stop trap2At(int ec, int iss, long far) {
        exceptionAt(ec, iss, far);
        exToEl2 = true;
        return Stop.EXCEPTION;
    }

    /** The preferred return address is the next instruction (SVC, HVC). */
    Stop next(Stop s) {
        exNext = true;
        return s;
    }

    Stop undefined() {
        return exception(Exceptions.UNKNOWN, 0);
    }

    @Override
    Stop abort(long va, int kind, int fsc) {
        int iss = fsc | (kind == WRITE ? 1 << 6 : 0);
        return exceptionAt(kind == FETCH ? Exceptions.IABT : Exceptions.DABT, iss, va);
    }

    @Override
    Stop abort2(long va, int kind, long ipa, boolean walk, int fsc) {
        int iss = fsc | (walk ? 1 << 7 : 0) | (kind == WRITE ? 1 << 6 : 0);
        trap2At(kind == FETCH ? Exceptions.IABT : Exceptions.DABT, iss, va);
        exHpfar = ipa >>> 12 << 4;
        exStage2 = kind != FETCH && !walk;
        return Stop.EXCEPTION;
    }

    /** A cache maintenance operation by address: translated with read permission, aborts say so (CM). */
    void cacheMaintenance(long va) {
        int cm = 1 << 8 | 1 << 6;
        int fsc = stage1.walk(va, READ, el == 0, false);
        if (fsc != Stage1.OK && !stage1.stage2) throw exceptionAt(Exceptions.DABT, fsc | cm, va);
        long host = memory.page(stage1.ipa & PAGE, false);
        if (fsc == Stage1.INACCESSIBLE || host == PhysicalMemory.FAULT) throw inaccessible(stage1.ipa);
        if (fsc != Stage1.OK || host == PhysicalMemory.MMIO) {
            abort2(va, READ, stage1.ipa, stage1.stage2, 7);
            exEsr |= cm;
            exStage2 = false;
            throw Stop.EXCEPTION;
        }
    }

    @Override
    Stop inaccessible(long ipa) {
        exit.kind = Arm64Exit.FAULT;
        exit.ipa = ipa;
        return Stop.EXIT;
    }

    Stop unimplemented(int word) {
        exit.kind = Arm64Exit.UNIMPLEMENTED;
        exit.instruction = word;
        return Stop.EXIT;
    }

    @Override
    void watch(long va, int size, int kind) {
        if (port != null) port.touches(va, size, kind == WRITE);
        if (debug.watching()) debug.watch(va, size, kind);
    }

    private void takeException() {
        exStage2 = false;
        exNext = false;
        if (exToEl2) {
            long ipa = (exHpfar << 8) | exFar & 0xfff;
            if (exEsr >>> 26 == Exceptions.DABT && gic.frame.takes(ipa, exEsr)) {
                pc += 4;
                ps &= ~Pstate.SS;
                retired++;
                return;
            }
            sys[ESR2] = exEsr;
            if (exHasFar) sys[FAR2] = exFar;
            sys[HPFAR2] = exHpfar;
            sys[ELR2] = pc;
            sys[SPSR2] = pstate();
            exit.kind = Arm64Exit.SYNC;
            return;
        }
        store();
        if (exHasFar) Exceptions.takeToEl1(cpu, exEsr, exFar, pc);
        else Exceptions.takeToEl1(cpu, exEsr, pc);
        reload();
    }

    private void reload() {
        monitor.clear();
        long pstate = cpu.pstate().get();
        pc = cpu.pc().get();
        loadPstate(pstate);
        x[Arm64Cpu.SP] = sys[usesSp1(pstate) ? SP1 : SP0];
        regimeChanged();
    }

    /** HCR_EL2.VSE, VI, VF and the virtual CPU interface; SError first, then FIQ, then IRQ. */
    private boolean takesVirtualInterrupt() {
        long hcr = sys[HCR];
        int vector;
        long esr = 0;
        if ((hcr & HCR_VSE) != 0 && (ps & Pstate.A) == 0) {
            vector = Exceptions.SERROR;
            esr = (long) Exceptions.SERROR_EC << 26 | Exceptions.IL | (has(Feature.RAS) ? sys[VSESR] & 0x1ffffff : 0);
            sys[HCR] = hcr & ~HCR_VSE;
        } else if ((ps & Pstate.F) == 0 && ((hcr & HCR_VF) != 0 || gic.fiq())) vector = Exceptions.FIQ;
        else if ((ps & Pstate.I) == 0 && ((hcr & HCR_VI) != 0 || gic.irq())) vector = Exceptions.IRQ;
        else return false;
        store();
        Exceptions.take(cpu, vector, esr, pc);
        reload();
        return true;
    }

    /** What ISR_EL1 shows a guest: virtual interrupts pending. */
    long virtualPending() {
        long hcr = sys[HCR];
        return ((hcr & HCR_VSE) != 0 ? Pstate.A : 0)
                | ((hcr & HCR_VI) != 0 || gic.irq() ? Pstate.I : 0)
                | ((hcr & HCR_VF) != 0 || gic.fiq() ? Pstate.F : 0);
    }

    // For operations.

    /** Base address from register {@code n}, SP checked for alignment. */
    long base(int n) {
        return n == Arm64Cpu.SP ? stack(x[n]) : x[n];
    }

    /** SP as a base address: SCTLR_EL1.SA, SA0. */
    long stack(long v) {
        return (v & 15) != 0 ? misaligned(v) : v;
    }

    private long misaligned(long v) {
        if ((sys[SCTLR] & (el == 0 ? 16 : 8)) != 0) throw exceptionAt(Exceptions.SP_ALIGNMENT, 0, v);
        return v;
    }

    /** Rights of unprivileged loads and stores (LDTR, STTR), instead of those of the current EL. */
    long unprivileged() {
        long saved = access;
        // With PSTATE.UAO they behave as the privileged ones; PAN is for privileged accesses only.
        if ((ps & Pstate.UAO) == 0) access = access & ~PAN | USER;
        return saved;
    }

    int fpcr() {
        return (int) sys[FPCR];
    }

    void fpsr(int flags) {
        if (flags != 0) sys[FPSR] |= flags;
    }

    boolean tde() {
        return (sys[MDCR] & 1 << 8) != 0;
    }
}
