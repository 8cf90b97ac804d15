package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.arm64.Arm64Host;
import dev.worldswitch.kvm.AbstractKvm;
import dev.worldswitch.kvm.AbstractVcpu;
import dev.worldswitch.kvm.AbstractVm;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.CoalescedZone;
import dev.worldswitch.kvm.DirtyLog;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.GuestMemfd;
import dev.worldswitch.kvm.IoEvent;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.IrqFd;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.MemoryIoctls;
import dev.worldswitch.kvm.SignalMasked;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** KVM of one simulated arm64 host: what {@code /dev/kvm} opens. */
public final class Kvm extends AbstractKvm {
    private final Arm64Profile profile;
    private final List<Arm64Cpu> cpus;
    private final Word entropy;
    private final Ref<@Nullable TraceText> trace;
    private final HostFeatures host;
    private final SysRegTable sysRegs;
    private final Capabilities capabilities;
    private final Hyp hyp;
    private final PmuEvents pmuEvents;
    private final IoctlTable ioctls;

    /** KVM of a booted host. */
    public Kvm(Arm64Host machine) {
        Kernel kernel = machine.kernel();
        Scheduler scheduler = machine.scheduler();
        super(kernel, scheduler);
        Region region = region();
        this.profile = machine.profile();
        this.cpus = List.copyOf(machine.cpus());
        this.trace = region.ref("trace", null);
        this.entropy = region.word("entropy");
        this.host = new HostFeatures(kernel, profile);
        this.hyp = new Hyp(kernel, profile, machine.fpsimd(), cpus);
        machine.perf().shadow(hyp::kvmSetPmuserenr);
        this.pmuEvents = new PmuEvents(kernel, profile.vhe(), machine.perf(), scheduler);
        this.sysRegs = new SysRegTable(SysRegRows.of(this));
        this.capabilities = new Capabilities(this);
        Rows rows = new Rows();
        SystemIoctls.rows(rows);
        Capabilities.rows(rows);
        VmIoctls.rows(rows);
        DeviceIoctls.rows(rows);
        MemoryIoctls.rows(rows.builder(), kernel);
        GuestMemfd.rows(rows.builder());
        IoEvent.rows(rows.builder());
        IrqFd.rows(rows.builder());
        CoalescedZone.rows(rows.builder());
        DirtyLog.rows(rows.builder());
        SignalMasked.rows(rows.builder());
        VcpuInit.rows(rows);
        OneReg.rows(rows);
        RegList.rows(rows);
        VcpuIoctls.rows(rows);
        Attributes.rows(rows);
        AbstractVm.rows(rows.builder());
        AbstractVcpu.rows(rows.builder());
        this.ioctls = rows.build();
    }

    boolean has(Patch patch) {
        return kernel().has(patch);
    }

    public Arm64Profile profile() {
        return profile;
    }

    public List<Arm64Cpu> cpus() {
        return cpus;
    }

    HostFeatures host() {
        return host;
    }

    SysRegTable sysRegs() {
        return sysRegs;
    }

    PmuEvents pmuEvents() {
        return pmuEvents;
    }

    /** The CPU's FP and vector registers are a guest's, as KVM notes it. */
    public boolean guestOwnsFpRegs(PhysicalCpu cpu) {
        return hyp.guestOwnsFpRegs(cpu);
    }

    /** The world switch. */
    Hyp hyp() {
        return hyp;
    }

    Capabilities capabilities() {
        return capabilities;
    }

    /** The physical counter now. */
    long counter() {
        long ns = kernel().timing().now(), hz = profile.cntfrq();
        return ns / 1_000_000_000 * hz + ns % 1_000_000_000 * hz / 1_000_000_000;
    }

    /** Numbers for the guests' entropy service: a sequence of this host's own, the same at each run. */
    long entropy() {
        long z = entropy.add(GOLDEN_RATIO) + GOLDEN_RATIO;
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    private static final long GOLDEN_RATIO = 0x9e3779b97f4a7c15L;

    @Override
    public void listen(@Nullable Tracepoints listener) {
        trace.set(listener == null ? null : new TraceText(listener));
    }

    /** Who hears of tracepoints, null for nobody. */
    Ref<@Nullable TraceText> trace() {
        return trace;
    }

    @Override
    public IoctlTable ioctls() {
        return ioctls;
    }

    @Override
    protected long dispatch(KvmFile file, Caller caller, int command, long argument, Made made) {
        IoctlTable.Row row = ioctls.find(file.kind(), command);
        return row == null ? Errno.EINVAL : row.handler().handle(file, new Call(caller, argument, made));
    }
}
