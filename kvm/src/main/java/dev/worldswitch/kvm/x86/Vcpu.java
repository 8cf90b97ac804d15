package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.FpuGuest;
import dev.worldswitch.kvm.AbstractVcpu;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Debugger;
import dev.worldswitch.kvm.DirtyRing;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.kvm.VcpuPort;
import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.X86State;
import dev.worldswitch.machine.x86.Xsave;
import org.jspecify.annotations.Nullable;

/** A virtual CPU: its architectural state and what KVM keeps beside it. */
public final class Vcpu extends AbstractVcpu {
    private final Vm vm;
    private final X86State state;
    private final FpuGuest guestFpu;
    private final PendingEvents events;
    private final Ref<CpuidTable> cpuid;
    private final Word mpState;
    private final Lapic lapic;
    private final Pmu pmu;
    private final Hyperv hyperv;
    private final StealTime stealTime;
    private final Smm smm;
    private final VcpuRun runLoop;
    private final @Nullable DirtyRing dirtyRing;
    private final Word xcr0;
    private final Word apicBase;
    private final Word guestDebug, guestDebugRip;
    private final Words db, guestDebugDb, pdptrs, msrs;
    private final Word pkru, tscKhz, pvEnforce, guestSupportedXcr0, tscAdjust, hasRun, mceBanks;
    private final Word systemTime, guestStopped, gif;
    private final @Nullable VcpuPort port;

    Vcpu(Vm vm, int id, SharedPages run) {
        super(vm, id, run, StatsNames.VCPU);
        Region region = region();
        this.vm = vm;
        this.state = new X86State(region.child("state"));
        this.guestFpu = new FpuGuest(
                region.child("guestFpu"), new Xsave(vm.kvm().profile().xsave()), 3);
        this.events = new PendingEvents(region.child("events"));
        this.cpuid = region.ref("cpuid", CpuidTable.ofNewVcpu(vm.kvm().kernel()));
        this.mpState = region.word("mpState");
        this.xcr0 = region.word("xcr0");
        this.apicBase = region.word("apicBase");
        this.guestDebug = region.word("guestDebug");
        this.guestDebugRip = region.word("guestDebugRip");
        this.db = region.words("db", 8);
        this.guestDebugDb = region.words("guestDebugDb", 8);
        this.pdptrs = region.words("pdptrs", 4);
        this.msrs = region.words("msrs", vm.kvm().msrTable().storage());
        this.pkru = region.word("pkru");
        this.tscKhz = region.word("tscKhz");
        this.pvEnforce = region.word("pvEnforce");
        this.guestSupportedXcr0 = region.word("guestSupportedXcr0");
        this.tscAdjust = region.word("tscAdjust");
        this.hasRun = region.word("hasRun");
        this.mceBanks = region.word("mcgCap");
        this.systemTime = region.word("systemTime");
        this.guestStopped = region.word("guestStopped");
        this.gif = region.word("gif");
        gif.set(1);
        this.stealTime = new StealTime(region.child("stealTime"), this);
        this.smm = new Smm(this);
        this.hyperv = new Hyperv(region.child("hyperv"), this);
        this.lapic = new Lapic(region.child("lapic"), this);
        this.pmu = new Pmu(region.child("pmu"), this);
        long dynamic = vm.kvm().profile().xsave().xfdMask(),
                all = vm.kvm().profile().xsave().supported();
        guestFpu.fpstate().xfeatures().set(all & ~dynamic);
        guestFpu.fpstate().userXfeatures().set(all & ~dynamic);
        TscSync.setKhz(this, vm.tscKhz().get());
        mceBanks.set(32);
        vm.kvm().msrTable().reset(this);
        VcpuReset.powerUp(this);
        if (vm.hasQuirk(EnableCap.QUIRK_STUFF_FEATURE_MSRS))
            pmu.stuffPerfCapabilities(vm.kvm().caps().perfCapabilities());
        pmu.refresh();
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

    public X86State state() {
        return state;
    }

    /** The guest's FPU image. */
    public FpState guestFpu() {
        return guestFpu.fpstate();
    }

    /** struct fpu_guest. */
    public FpuGuest fpuGuest() {
        return guestFpu;
    }

    /** KVM_RUN. */
    public VcpuRun runLoop() {
        return runLoop;
    }

    public PendingEvents events() {
        return events;
    }

    public Ref<CpuidTable> cpuid() {
        return cpuid;
    }

    /** KVM_MP_STATE_*. */
    public Word mpState() {
        return mpState;
    }

    /** The guest's XCR0. */
    public Word xcr0() {
        return xcr0;
    }

    public Word apicBase() {
        return apicBase;
    }

    /** KVM_GUESTDBG_* bits as set by KVM_SET_GUEST_DEBUG. */
    public Word guestDebug() {
        return guestDebug;
    }

    /** The segment, shadow and reset conventions of this host's CPUs. */
    Vendor vendor() {
        return vm.kvm().vendor();
    }

    @Override
    public @Nullable DirtyRing dirtyRing() {
        return dirtyRing;
    }

    /** KVM's own write to the memory of the guest, on behalf of this vCPU. */
    boolean writeGuest(long gpa, Bytes b) {
        return vm.memory().write(gpa, b, dirtyRing);
    }

    /** kvm_vcpu_write_guest: the same to memory as this vCPU sees it now. */
    boolean writeSeen(long gpa, Bytes b) {
        return vm.memory().write(addressSpace(), gpa, b, dirtyRing);
    }

    /** kvm_vcpu_read_guest. */
    @Nullable
    Bytes readSeen(long gpa, int size) {
        return vm.memory().read(addressSpace(), gpa, size);
    }

    /** kvm_arch_vcpu_memslots_id: 1 in system management mode. */
    private int addressSpace() {
        return events.smm.get() == 0 ? 0 : 1;
    }

    /** Memory as guest code on this vCPU sees it. */
    PhysicalMemory seenMemory() {
        return vm.addressSpaces() == 1
                ? vm.memory().writtenBy(dirtyRing)
                : vm.memory().seenBy(dirtyRing, this::addressSpace);
    }

    /** System management mode. */
    Smm smm() {
        return smm;
    }

    /** The in-kernel local APIC; counts only when the VM has an irqchip. */
    public Lapic lapic() {
        return lapic;
    }

    /** Hyper-V's interface. */
    Hyperv hyperv() {
        return hyperv;
    }

    /** Event counters. */
    Pmu pmu() {
        return pmu;
    }

    StealTime stealTime() {
        return stealTime;
    }

    /** MSR_KVM_SYSTEM_TIME: where the guest's clock page is. */
    Word systemTime() {
        return systemTime;
    }

    /** The clock page's next version says that the guest was paused. */
    Word guestStopped() {
        return guestStopped;
    }

    /** SVM's global interrupt flag: 0 holds interrupts and NMIs back. */
    Word gif() {
        return gif;
    }

    /** Bytes of the FPU image in user format: grows when dynamic components are enabled. */
    int uabiSize() {
        return Math.max(
                4096,
                vm.kvm()
                        .profile()
                        .xsave()
                        .standardSize(guestFpu.fpstate().userXfeatures().get()));
    }

    /** kvm_get_rflags: without the TF that KVM sets to single-step. */
    public long rflags() {
        long f = state.rflags.get();
        return (guestDebug.get() & GuestDebug.SINGLESTEP) != 0 ? f & ~X86State.TF : f;
    }

    /** kvm_set_rflags. */
    public void rflags(long f) {
        state.rflags.set(f);
        GuestDebug.stepAgain(this);
    }

    /** dr0-dr3, dr6, dr7 at their own numbers as the guest believes them; {@code state().dr} has what takes effect. */
    public Words db() {
        return db;
    }

    /** Debug registers of KVM_SET_GUEST_DEBUG. */
    Words guestDebugDb() {
        return guestDebugDb;
    }

    Word guestDebugRip() {
        return guestDebugRip;
    }

    /** kvm_update_dr0123 and kvm_update_dr7: the debugger's registers hide the guest's while it uses hardware breakpoints. */
    public void updateDr() {
        boolean debugger = (guestDebug.get() & GuestDebug.USE_HW_BP) != 0;
        for (int i = 0; i < 4; i++) state.dr.set(i, debugger ? guestDebugDb.get(i) : db.get(i));
        state.dr.set(6, db.get(6));
        state.dr.set(7, debugger ? guestDebugDb.get(7) : db.get(7));
    }

    /** The four PDPTEs of PAE paging, as last loaded. */
    public Words pdptrs() {
        return pdptrs;
    }

    /** load_pdptrs: from guest memory; left alone when the table can't be read. */
    public void loadPdptrs() {
        long at = state.cr.get(3) & 0xffff_ffe0L;
        Bytes b = readSeen(at, 32);
        if (b != null) for (int i = 0; i < 4; i++) pdptrs.set(i, b.u64(i * 8));
    }

    /** Values of MSRs that have no register in {@link X86State}, by the table's storage index. */
    public Words msrs() {
        return msrs;
    }

    public Word pkru() {
        return pkru;
    }

    /** guest_fpu.xfd_err. */
    public Word xfdErr() {
        return guestFpu.xfdErr();
    }

    Word tscKhz() {
        return tscKhz;
    }

    Word tscAdjust() {
        return tscAdjust;
    }

    /** KVM_CAP_ENFORCE_PV_FEATURE_CPUID. */
    public Word pvEnforce() {
        return pvEnforce;
    }

    /** guest_pv_has: a bit of CPUID 0x40000001.EAX, or anything when the client does not want it enforced. */
    boolean hasPvFeature(int feature) {
        return pvEnforce.get() == 0 || cpuid().get().has(0x4000_0001, 0, 0, feature);
    }

    Word mcgCap() {
        return mceBanks;
    }

    /** KVM_RUN was called: CPUID can't change any more. */
    public Word hasRun() {
        return hasRun;
    }

    /** kvm_read_l1_tsc. */
    long guestTsc(long hostTsc) {
        return state.guestTsc(hostTsc, vm.kvm().profile().tscFractionBits());
    }

    /** Guest TSC now. */
    public long guestTsc() {
        return guestTsc(vm.kvm().hostTsc());
    }

    /** kvm_vcpu_write_tsc_offset. */
    void writeTscOffset(long next) {
        Trace t = vm.kvm().trace();
        if (t != null) t.kvmWriteTscOffset(this, state.tscOffset.get(), next);
        state.tscOffset.set(next);
        if ((systemTime.get() & 1) != 0) runLoop.kick(RunState.REQ_CLOCK_UPDATE);
    }

    /** XCR0 bits that the guest's CPUID and KVM both have. */
    public long guestSupportedXcr0() {
        return guestSupportedXcr0.get();
    }

    Word guestSupportedXcr0Cell() {
        return guestSupportedXcr0;
    }

    /** kvm_guest_supported_xfd. */
    public long guestSupportedXfd() {
        return guestSupportedXcr0.get() & vm.kvm().profile().xsave().xfdMask();
    }

    /** IA32_XFD and IA32_XFD_ERR take only components that this guest's CPUID offers. */
    boolean acceptsXfd(long value) {
        return (value & ~guestSupportedXfd()) == 0;
    }

    /** __kvm_set_xcr for XCR0: false where XSETBV would raise #GP. */
    public boolean setXcr0(long v) {
        if ((v & 1) == 0 || (v & 4) != 0 && (v & 2) == 0) return false;
        if ((v & ~(guestSupportedXcr0.get() | 1)) != 0) return false;
        if (((v >> 3 & 1) != 0) != ((v >> 4 & 1) != 0)) return false;
        if ((v & 0xe0) != 0 && ((v & 4) == 0 || (v & 0xe0) != 0xe0)) return false;
        if ((v & 0x60000) != 0 && (v & 0x60000) != 0x60000) return false;
        xcr0.set(v);
        return true;
    }

    /** kvm_get_cr8: the local APIC's task priority where KVM has the APIC. */
    long cr8() {
        return vm.lapicInKernel() ? lapic.tprCr8() : state.cr.get(8) & 15;
    }

    /** kvm_set_cr8; false where MOV to CR8 would raise #GP. */
    boolean setCr8(long v) {
        if ((v & ~15L) != 0) return false;
        if (vm.lapicInKernel()) lapic.setTpr((int) v << 4);
        state.cr.set(8, v);
        return true;
    }

    /** cpuid_maxphyaddr. */
    public int maxPhysAddr() {
        CpuidTable.Entry max = cpuid.get().find(0x8000_0000, 0);
        if (max == null || Integer.compareUnsigned(max.eax(), 0x8000_0008) < 0) return 36;
        CpuidTable.Entry e = cpuid.get().find(0x8000_0008, 0);
        return e == null ? 36 : e.eax() & 0xff;
    }

    /** Address bits above the guest's MAXPHYADDR. */
    public long reservedGpaBits() {
        return -1L << maxPhysAddr();
    }

    /** CR4 bits that the guest's CPUID does not allow; none before KVM_SET_CPUID2. */
    public long cr4GuestReserved() {
        return cpuid.get().cr4Reserved();
    }

    /** True when the guest's CPUID says AMD or Hygon. */
    public boolean guestIsAmd() {
        CpuidTable.Entry e = cpuid.get().find(0, 0);
        return e != null && (e.ebx() == 0x68747541 || e.ebx() == 0x6f677948);
    }

    /** The checks of kvm_set_apic_base for a host write. */
    boolean validApicBase(long base) {
        long reserved = reservedGpaBits() | 0x2ff;
        if (!cpuid.get().has(1, 0, 2, 21)) reserved |= 1 << 10;
        return (base & reserved) == 0 && (base & 0xc00) != 0x400;
    }

    void setApicBase(long base) {
        long old = apicBase.get();
        apicBase.set(base);
        lapic.baseChanged(old);
    }

    /** kvm_apic_accept_events: GET_MP_STATE itself takes a waiting SIPI. */
    void acceptApicEvents() {
        if (!vm.lapicInKernel()) return;
        lapic.acceptEvents();
        if (events.sipiPending.get() == 0 || mpState.get() != KvmX86Abi.MP_STATE_INIT_RECEIVED) return;
        events.sipiPending.set(0);
        long vector = events.sipiVector.get() & 0xff;
        state.segSelector.set(X86State.CS, vector << 8);
        state.segBase.set(X86State.CS, vector << 12);
        state.rip.set(0);
        mpState.set(KvmX86Abi.MP_STATE_RUNNABLE);
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
