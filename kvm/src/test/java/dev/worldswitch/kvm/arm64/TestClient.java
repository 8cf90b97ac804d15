package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.arm64.Arm64Host;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.cell.Region;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/** A client inside the test: one stretch of memory at {@link #BASE}, everything else is unmapped. */
final class TestClient implements Client, Caller {
    static final long BASE = 0x10000;
    static final int SIZE = 1 << 16;
    static final int GET_ONE_REG = IoctlTable.iow(0xab, 16), SET_ONE_REG = IoctlTable.iow(0xac, 16);
    static final int INIT = IoctlTable.iow(0xae, 32), FINALIZE = IoctlTable.iow(0xc2, 4), RUN = IoctlTable.io(0x80);
    static final int GET_REG_LIST = IoctlTable.iowr(0xb0, 8);
    private static final long VALUE = BASE + 0x1000;

    private final byte[] memory = new byte[SIZE];
    private final Kvm kvm;
    private final Task task;
    volatile boolean signal;
    long runDelay;

    TestClient(String machine, String kernel) {
        this(machine, KernelVersion.of(kernel));
    }

    TestClient(String machine, KernelVersion kernel) {
        this(Arm64Host.boot(
                Region.root("test"),
                kernel,
                Arm64Profile.of(MachineProfile.builtIn(machine)),
                1,
                Timing.plain(() -> 0),
                CpuPools.FIRST_CPU::over));
    }

    private TestClient(Arm64Host host) {
        this.kvm = new Kvm(host);
        this.task = host.newTask("task0");
        host.scheduler().start(task);
    }

    private TestClient(TestClient other) {
        this.kvm = other.kvm;
        this.task = other.task;
    }

    /** Another thread of the same process: memory of its own for its arguments, the same CPU. */
    TestClient thread() {
        return new TestClient(this);
    }

    Kvm kvm() {
        return kvm;
    }

    long ioctl(KvmFile file, int command, long argument) {
        return file.ioctl(this, command, argument, new KvmFile.Made());
    }

    long ioctl(KvmFile file, int command, Bytes struct) {
        write(BASE, struct.array(), 0, struct.size());
        return ioctl(file, command, BASE);
    }

    Vm newVm() {
        KvmFile.Made made = new KvmFile.Made();
        kvm.ioctl(this, 0xae01, 0, made);
        return (Vm) Objects.requireNonNull(made.file);
    }

    Vcpu newVcpu(Vm vm, int id) {
        KvmFile.Made made = new KvmFile.Made();
        vm.ioctl(this, 0xae41, id, made);
        return (Vcpu) Objects.requireNonNull(made.file);
    }

    long init(Vcpu v, long features) {
        return ioctl(v, INIT, new Bytes(32).u32(0, HostFeatures.GENERIC_TARGET).u32(4, features));
    }

    /** An initialised vCPU, finalised where it has SVE. */
    Vcpu vcpu(long features) {
        Vcpu v = newVcpu(newVm(), 0);
        if (init(v, features) != 0) throw new IllegalStateException("features " + features);
        if ((features & VcpuFeature.SVE) != 0) ioctl(v, FINALIZE, new Bytes(4).u32(0, VcpuFeature.SVE_NUMBER));
        return v;
    }

    /** A vCPU with every feature that the host has. */
    Vcpu fullVcpu() {
        HostFeatures h = kvm.host();
        long f = VcpuFeature.PSCI_0_2;
        if (h.pmu()) f |= VcpuFeature.PMU_V3;
        if (h.sve()) f |= VcpuFeature.SVE;
        if (h.pauth()) f |= VcpuFeature.PTRAUTH;
        return vcpu(f);
    }

    /** KVM_GET_ONE_REG of any id into {@code into}. */
    long get(Vcpu v, long id, byte[] into) {
        byte[] junk = new byte[into.length];
        java.util.Arrays.fill(junk, (byte) 0xee);
        write(VALUE, junk, 0, junk.length);
        long r = ioctl(v, GET_ONE_REG, new Bytes(16).u64(0, id).u64(8, VALUE));
        read(VALUE, into, 0, into.length);
        return r;
    }

    long set(Vcpu v, long id, byte[] value) {
        write(VALUE, value, 0, value.length);
        return ioctl(v, SET_ONE_REG, new Bytes(16).u64(0, id).u64(8, VALUE));
    }

    long get64(Vcpu v, long id) {
        byte[] b = new byte[8];
        if (get(v, id, b) != 0) throw new IllegalStateException("register " + Long.toHexString(id));
        return new Bytes(b).u64(0);
    }

    long set64(Vcpu v, long id, long value) {
        return set(v, id, new Bytes(8).u64(0, value).array());
    }

    private boolean inside(long a, int n) {
        return a >= BASE && a + n <= BASE + memory.length;
    }

    @Override
    public boolean read(long address, byte[] into, int offset, int length) {
        if (!inside(address, length)) return false;
        System.arraycopy(memory, (int) (address - BASE), into, offset, length);
        return true;
    }

    @Override
    public boolean write(long address, byte[] from, int offset, int length) {
        if (!inside(address, length)) return false;
        System.arraycopy(from, offset, memory, (int) (address - BASE), length);
        return true;
    }

    @Override
    public long adopt(long address, long size) {
        return 0;
    }

    @Override
    public long hostPage(long address, boolean write) {
        return 0;
    }

    @Override
    public int memoryGeneration() {
        return 0;
    }

    @Override
    public SharedPages newSharedPages(int bytes) {
        Bytes b = new Bytes(bytes);
        return new SharedPages() {
            @Override
            public long get(int at, int size) {
                long v = 0;
                for (int i = 0; i < size; i++) v |= (long) b.u8(at + i) << i * 8;
                return v;
            }

            @Override
            public void set(int at, int size, long value) {
                for (int i = 0; i < size; i++) b.u8(at + i, value >>> i * 8);
            }

            @Override
            public int bytes() {
                return bytes;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public long mm() {
        return 1;
    }

    @Override
    public long xcompGuestPerm() {
        return 0;
    }

    @Override
    public void freezeXcompGuestPerm() {}

    @Override
    public boolean signalEventfd(int fd) {
        return false;
    }

    @Override
    public long eventfdError(int fd) {
        return dev.worldswitch.kvm.Errno.EBADF;
    }

    @Override
    public Client client() {
        return this;
    }

    @Override
    public Task task() {
        return task;
    }

    @Override
    public boolean signalPending() {
        return signal;
    }

    @Override
    public long runDelay() {
        return runDelay;
    }

    @Override
    public void runSignalMask(long mask, boolean set) {}

    @Override
    public void block(BooleanSupplier until) {
        if (!until.getAsBoolean()) throw new IllegalStateException("the vCPU waits for ever");
    }

    @Override
    public void wake() {}
}
