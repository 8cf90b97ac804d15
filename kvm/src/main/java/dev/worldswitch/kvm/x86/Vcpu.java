package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.x86.X86State;
import dev.worldswitch.machine.x86.Xsave;

/** A virtual CPU: its architectural state and what KVM keeps beside it. */
public final class Vcpu implements KvmFile {
    private final Vm vm;
    private final int id;
    private final Region region;
    private final Mutex mutex;
    private final SharedPages run;
    private final X86State state;
    private final FpState guestFpu;
    private final PendingEvents events;
    private final Ref<CpuidTable> cpuid;
    private final Word mpState;
    private final Word xcr0;
    private final Word apicBase;
    private final Word guestDebug;

    Vcpu(Vm vm, int id, SharedPages run) {
        this.vm = vm;
        this.id = id;
        this.run = run;
        this.region = vm.region().child("vcpu" + id);
        this.mutex = new Mutex(region, "mutex");
        this.state = new X86State(region.child("state"));
        this.guestFpu = new FpState(
                region.child("guestFpu"), new Xsave(vm.kvm().profile().xsave()), 3);
        this.events = new PendingEvents(region.child("events"));
        this.cpuid = region.ref("cpuid", CpuidTable.EMPTY);
        this.mpState = region.word("mpState");
        this.xcr0 = region.word("xcr0");
        this.apicBase = region.word("apicBase");
        this.guestDebug = region.word("guestDebug");
    }

    public Vm vm() {
        return vm;
    }

    public int id() {
        return id;
    }

    public Region region() {
        return region;
    }

    /** Held during every ioctl of this vCPU, KVM_RUN included. */
    public Mutex mutex() {
        return mutex;
    }

    /** kvm_run, port data and coalesced ring. */
    public SharedPages run() {
        return run;
    }

    public X86State state() {
        return state;
    }

    /** The guest's FPU image. */
    public FpState guestFpu() {
        return guestFpu;
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

    @Override
    public Kind kind() {
        return Kind.VCPU;
    }

    @Override
    public String fileName() {
        return "kvm-vcpu:" + id;
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        if (caller.client().mm() != vm.client().mm()) return Errno.EIO;
        mutex.lock();
        try {
            return vm.kvm().dispatch(this, caller, command, argument, made, Errno.EINVAL);
        } finally {
            mutex.unlock();
        }
    }

    @Override
    public SharedPages pages() {
        return run;
    }

    @Override
    public long read(byte[] into, long offset) {
        return Errno.EINVAL;
    }

    @Override
    public void release() {
        // The id stays taken until the VM goes: only the VM's teardown frees vCPUs.
        vm.put();
    }
}
