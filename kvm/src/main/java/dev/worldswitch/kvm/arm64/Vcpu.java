package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kvm.AbstractVcpu;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.DirtyRing;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.Arm64Interpreter;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A virtual CPU: its architectural state and what KVM keeps beside it. */
public final class Vcpu extends AbstractVcpu {
    /** Bits of {@link #flags}. */
    static final long INITIALIZED = 1, HAS_SVE = 2, SVE_FINALIZED = 4, HAS_PTRAUTH = 8, HAS_RUN_ONCE = 16;

    static final long INCREMENT_PC = 32, PENDING_EXCEPTION = 64, PMU_CREATED = 128, CCSIDR_SET = 256;

    private final Vm vm;
    private final GuestContext context;
    private final Word features, flags, sveMaxVq, mpState, hcr, hcrx, vsesr, exception, hypContext;
    private final Word guestDebug, vtimerIrq, ptimerIrq, pmuIrq;
    private final StolenTime stolenTime;
    private final Words externalDebug, ccsidr, fault;
    private final Word resetPending, resetPc, resetX0, resetBigEndian;
    private final VcpuRun runLoop;
    private final @Nullable DirtyRing dirtyRing;
    private final GuestDebug debug;
    private final Ref<@Nullable GuestCode> guestCode;
    private final Ref<@Nullable Arm64Interpreter> interpreter;
    /** Caches only: an explored vCPU comes back to the same CPU's. */
    private final Map<Arm64Cpu, Arm64Interpreter> loops = new HashMap<>();

    private final @Nullable VcpuPort port;

    Vcpu(Vm vm, int id, SharedPages run) {
        super(vm, id, run, StatsNames.VCPU);
        Region region = region();
        this.vm = vm;
        this.context = new GuestContext(region.child("context"), vm.kvm().profile());
        this.features = region.word("features");
        this.flags = region.word("flags");
        this.sveMaxVq = region.word("sveMaxVq");
        this.mpState = region.word("mpState");
        this.hcr = region.word("hcrEl2");
        this.hcrx = region.word("hcrxEl2");
        this.vsesr = region.word("vsesrEl2");
        this.exception = region.word("exception");
        this.hypContext = region.word("hypContext");
        this.guestDebug = region.word("guestDebug");
        this.stolenTime = new StolenTime(region.child("stolenTime"), this);
        this.vtimerIrq = region.word("vtimerIrq");
        this.ptimerIrq = region.word("ptimerIrq");
        this.pmuIrq = region.word("pmuIrq");
        this.externalDebug = region.words("externalDebug", 64);
        this.ccsidr = region.words("ccsidr", CacheRegs.CSSELR_MAX);
        this.fault = region.words("fault", 4);
        this.resetPending = region.word("resetPending");
        this.resetPc = region.word("resetPc");
        this.resetX0 = region.word("resetX0");
        this.resetBigEndian = region.word("resetBigEndian");
        Arm64Interpreter.prepare(vm.kvm().profile());
        vtimerIrq.set(TimerRegs.DEFAULT_VTIMER_PPI);
        ptimerIrq.set(TimerRegs.DEFAULT_PTIMER_PPI);
        this.debug = new GuestDebug(this, region.child("debug"));
        this.guestCode = region.ref("guestCode", null);
        this.interpreter = region.ref("interpreter", null);
        this.runLoop = new VcpuRun(this);
        this.dirtyRing = vm.dirtyLog().newRing(vm, region, run, () -> runLoop.kick(RunState.REQ_DIRTY_RING_SOFT_FULL));
        Debugger d = vm.kvm().debugger().get();
        this.port = d == null ? null : d.attach(new DebugView(this));
    }

    @Override
    protected @Nullable VcpuPort port() {
        return port;
    }

    public Vm vm() {
        return vm;
    }

    /** Who hears of tracepoints, null for nobody. */
    @Nullable
    TraceText trace() {
        return kvm().trace().get();
    }

    Kvm kvm() {
        return vm.kvm();
    }

    @Override
    public @Nullable DirtyRing dirtyRing() {
        return dirtyRing;
    }

    public GuestContext context() {
        return context;
    }

    long sys(SysReg r) {
        return context.sys(r);
    }

    void sys(SysReg r, long v) {
        context.sys(r, v);
    }

    /** KVM_ARM_VCPU_* as initialised, without POWER_OFF where that is ephemeral. */
    Word features() {
        return features;
    }

    boolean hasFeature(long bits) {
        return (features.get() & bits) != 0;
    }

    Word flags() {
        return flags;
    }

    boolean is(long flag) {
        return flags.test(flag);
    }

    boolean hasSve() {
        return flags.test(HAS_SVE);
    }

    boolean hasPtrauth() {
        return flags.test(HAS_PTRAUTH);
    }

    boolean hasPmu() {
        return hasFeature(VcpuFeature.PMU_V3);
    }

    /** KVM_ARM_VCPU_EL1_32BIT. */
    boolean el1Is32Bit() {
        return hasFeature(VcpuFeature.EL1_32BIT);
    }

    boolean modeIs32Bit() {
        return context.pstate().test(Pstate.MODE32);
    }

    /** Largest vector length in quadwords that the guest may use. */
    public Word sveMaxVq() {
        return sveMaxVq;
    }

    /** vcpu_has_nv: the guest may be a hypervisor. Of its EL2 there is what the switch of SVE registers needs. */
    boolean isNested() {
        return hasFeature(VcpuFeature.HAS_EL2);
    }

    /** is_hyp_ctxt: the guest hypervisor itself runs, not its guest. */
    boolean inHypContext() {
        return isNested() && hypContext.get() != 0;
    }

    Word hypContext() {
        return hypContext;
    }

    /** vcpu_sve_zcr_elx: where the value belongs that this guest has in the real ZCR_EL1. */
    SysReg sveZcrElx() {
        return inHypContext() ? SysReg.ZCR_EL2 : SysReg.ZCR_EL1;
    }

    /** ZCR_EL2 while it runs: its maximum, for a guest of its own what the guest hypervisor allows of it. */
    long zcrEl2() {
        long most = sveMaxVq.get() - 1;
        return isNested() && !inHypContext() ? Math.min(most, sys(SysReg.ZCR_EL2) & 15) : most;
    }

    boolean isFinalized() {
        return !hasSve() || flags.test(SVE_FINALIZED);
    }

    /** KVM_MP_STATE_*. */
    Word mpState() {
        return mpState;
    }

    boolean stopped() {
        return mpState.acquire() == MpState.STOPPED;
    }

    /** HCR_EL2 as this guest runs with it; VI, VF and VSE are its pending virtual interrupts. */
    public Word hcr() {
        return hcr;
    }

    /** HCRX_EL2 while this vCPU runs. */
    Word hcrx() {
        return hcrx;
    }

    /** VSESR_EL2: the syndrome of a pending virtual SError. */
    public Word vsesr() {
        return vsesr;
    }

    /** Kind of a pending synchronous exception, {@link Inject}. */
    Word exception() {
        return exception;
    }

    /** ESR_EL2, FAR_EL2, HPFAR_EL2 and DISR_EL1 of the last exit (struct kvm_vcpu_fault_info). */
    public Words fault() {
        return fault;
    }

    long esr() {
        return fault.get(0);
    }

    /** KVM_GUESTDBG_* bits as set by KVM_SET_GUEST_DEBUG. */
    Word guestDebug() {
        return guestDebug;
    }

    /** struct kvm_guest_debug_arch of the debugger: bcr, bvr, wcr, wvr, 16 each. */
    Words externalDebug() {
        return externalDebug;
    }

    StolenTime stolenTime() {
        return stolenTime;
    }

    Word vtimerIrq() {
        return vtimerIrq;
    }

    Word ptimerIrq() {
        return ptimerIrq;
    }

    /** Interrupt number of the PMU, 0 while none is set. */
    Word pmuIrq() {
        return pmuIrq;
    }

    /** CCSIDR_EL1 for each CSSELR_EL1; counts once CCSIDR_SET is set. */
    Words ccsidr() {
        return ccsidr;
    }

    Word resetPending() {
        return resetPending;
    }

    Word resetPc() {
        return resetPc;
    }

    Word resetX0() {
        return resetX0;
    }

    Word resetBigEndian() {
        return resetBigEndian;
    }

    GuestDebug debug() {
        return debug;
    }

    /** Another guest than the instructions in its memory: a script of register operations. */
    public void guestCode(GuestCode script) {
        guestCode.set(script);
    }

    /** __guest_enter: the guest executes on {@code cpu} until an exit. */
    Arm64Exit guestEnter(Arm64Cpu cpu) {
        GuestCode script = guestCode.get();
        if (script != null) return script.run(cpu);
        cpu.guestMode(true);
        Arm64Exit exit = interpreter(cpu).run();
        cpu.guestMode(false);
        return exit;
    }

    /** The instruction loop on this CPU: caches only, made anew when the vCPU comes to another CPU. */
    private Arm64Interpreter interpreter(Arm64Cpu cpu) {
        Arm64Interpreter i = interpreter.get();
        if (i != null && i.cpu == cpu) return i;
        // A loop that is taken up again may hold translations that were invalidated elsewhere: explored ones forget
        // them.
        Arm64Interpreter made = region().isWatched()
                ? loops.computeIfAbsent(cpu, c -> new Arm64Interpreter(c, memory(), port))
                : new Arm64Interpreter(cpu, memory(), port);
        interpreter.set(made);
        return made;
    }

    private PhysicalMemory memory() {
        return vm.memory().writtenBy(dirtyRing);
    }

    /** KVM_RUN. */
    public VcpuRun runLoop() {
        return runLoop;
    }

    @Override
    protected long kvmArchVcpuIoctlRun(Caller caller) {
        return runLoop.kvmArchVcpuIoctlRun(caller);
    }

    @Override
    protected void kickDead() {
        runLoop.kick(RunState.REQ_VM_DEAD);
    }

    @Override
    protected void kickOutOfGuest() {
        runLoop.kickOutOfGuest();
    }

    @Override
    protected void runBrokeDown() {
        runLoop.brokeDown();
    }
}
