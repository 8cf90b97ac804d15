package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Kernel;
import dev.worldswitch.kernel.Scheduler;
import dev.worldswitch.kernel.x86.Fpu;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kvm.AbstractKvm;
import dev.worldswitch.kvm.AbstractVcpu;
import dev.worldswitch.kvm.AbstractVm;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.GuestMemfd;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.MemoryIoctls;
import dev.worldswitch.kvm.SignalMasked;
import dev.worldswitch.kvm.Tracepoints;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86Profile;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** KVM of one simulated host: what {@code /dev/kvm} opens. */
public final class Kvm extends AbstractKvm {
    private final X86Profile profile;
    private final List<X86Cpu> cpus;
    private final CpuidMask caps;
    private final MsrTable msrs;
    private final Capabilities capabilities;
    private final Vendor vendor;
    private final IoctlTable ioctls;
    private final Fpu fpu;
    private final Ref<@Nullable Trace> trace;

    /** @param cpus the physical CPUs, in the order of their numbers */
    private Kvm(Kernel kernel, X86Profile profile, List<X86Cpu> cpus, Fpu fpu, Scheduler scheduler) {
        super(kernel, scheduler);
        Region region = region();
        this.fpu = fpu;
        this.profile = profile;
        this.cpus = List.copyOf(cpus);
        this.trace = region.ref("trace", null);
        this.vendor = profile.isAmd() ? Vendor.SVM : Vendor.VMX;
        this.caps = new CpuidMask(kernel, profile);
        this.capabilities = new Capabilities(this);
        this.msrs = new MsrTable(this);
        Rows rows = new Rows();
        SystemIoctls.rows(rows);
        VmIoctls.rows(rows);
        GuestMemfd.rows(rows.builder());
        EnableCap.rows(rows);
        VfioDevice.rows(rows);
        PmuFilter.rows(rows);
        MemoryIoctls.rows(rows.builder(), kernel);
        SignalMasked.rows(rows.builder());
        Irqchip.rows(rows);
        CpuidIoctls.rows(rows);
        HypervCpuid.rows(rows);
        HypervVm.rows(rows);
        MsrIoctls.rows(rows);
        RegsIoctls.rows(rows);
        SregsIoctls.rows(rows);
        XsaveIoctls.rows(rows);
        EventsIoctls.rows(rows);
        GuestDebug.rows(rows);
        VcpuIoctls.rows(rows);
        NestedState.rows(rows);
        AbstractVm.rows(rows.builder());
        AbstractVcpu.rows(rows.builder());
        this.ioctls = rows.build();
    }

    /** KVM of a booted host. */
    public Kvm(X86Host host) {
        this(host.kernel(), host.profile(), host.cpus(), host.fpu(), host.scheduler());
    }

    @Override
    public void listen(@Nullable Tracepoints listener) {
        trace(listener == null ? null : new TraceText(listener));
    }

    /** Who hears of what the run loops do, null for nobody. */
    public @Nullable Trace trace() {
        return trace.get();
    }

    public void trace(@Nullable Trace listener) {
        trace.set(listener);
    }

    Fpu fpu() {
        return fpu;
    }

    public X86Profile profile() {
        return profile;
    }

    public List<X86Cpu> cpus() {
        return cpus;
    }

    /** What guests may see of CPUID. */
    public CpuidMask caps() {
        return caps;
    }

    public MsrTable msrTable() {
        return msrs;
    }

    Capabilities capabilities() {
        return capabilities;
    }

    Vendor vendor() {
        return vendor;
    }

    /** A build or module option of the host's KVM, line {@code kvm_NAME = 1} of the machine profile. */
    boolean config(String name) {
        return profile.source().number("kvm_" + name, 0) != 0;
    }

    /** The host's physical address width. */
    int maxPhysAddr() {
        int bits = profile.cpuid(0x8000_0008, 0).eax() & 0xff;
        return bits == 0 ? 36 : bits;
    }

    /** The host's TSC now. */
    long hostTsc() {
        return kernel().timing().cycles(profile.tscKhz());
    }

    @Override
    public IoctlTable ioctls() {
        return ioctls;
    }

    @Override
    protected long dispatch(KvmFile file, Caller caller, int command, long argument, Made made) {
        IoctlTable.Row row = ioctls.find(file.kind(), command);
        if (row != null && capabilities.came(row.capability()))
            return row.handler().handle(file, new Call(caller, argument, made));
        return file.kind() == Kind.SYSTEM || file.kind() == Kind.VCPU ? Errno.EINVAL : Errno.ENOTTY;
    }
}
