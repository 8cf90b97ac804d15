package dev.worldswitch.kvm.arm64;

import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import java.util.Objects;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/**
 * User space lowers a field of an ID register by another vCPU while the VM's first KVM_RUN starts. The guest reads the
 * register twice, without a lock. r1, r2: what it saw; r3: whether the write was refused; r4: what stays. 1 is the host's
 * value, 2 the lowered one.
 */
@JCStressTest
@Outcome(id = "1, 1, 1, 1", expect = Expect.ACCEPTABLE, desc = "the run came first, EBUSY")
@Outcome(id = "2, 2, 0, 2", expect = Expect.ACCEPTABLE, desc = "the write came first")
@Outcome(expect = Expect.FORBIDDEN, desc = "the guest saw it change, or not what stays")
@State
public class IdRegisterRace {
    private static final int CREATE_VM = 0xae01, CREATE_VCPU = 0xae41, RUN = 0xae80, VCPU_INIT = 0x4020aeae;
    private static final long ISAR0 =
            OneReg.ARM64 | OneReg.U64 | (long) OneReg.SYSREG << 16 | SysReg.ID_AA64ISAR0_EL1.encoding();
    private static final long RNDR = 0xfL << 60;

    private final InProcessClient runner;
    private final Vcpu first, second;
    private final SysRegTable.Row row;
    private final long host;
    private long seen, seenAgain;

    public IdRegisterRace() {
        VmmMemory memory = new VmmMemory(1 << 16);
        Arm64KvmHost machine = Arm64KvmHost.boot(
                Region.root("stress"),
                KernelVersion.of("6.12"),
                MachineProfile.builtIn("neoverse-v1"),
                1,
                Timing.plain(() -> 0),
                CpuPools.FIRST_CPU);
        Task task = machine.newTask("vmm");
        machine.start(task);
        runner = new InProcessClient(memory, task, condition -> {}, 0);
        long buffer = memory.allocate(4096);
        KvmFile vm = made(machine.kvm(), CREATE_VM, 0);
        first = (Vcpu) made(vm, CREATE_VCPU, 0);
        second = (Vcpu) made(vm, CREATE_VCPU, 1);
        memory.set(buffer, 4, HostFeatures.GENERIC_TARGET);
        for (Vcpu v : List.of(first, second))
            if (runner.ioctl(v, VCPU_INIT, buffer, new KvmFile.Made()) != 0) throw new IllegalStateException("init");
        row = Objects.requireNonNull(first.kvm().sysRegs().find(SysReg.ID_AA64ISAR0_EL1.encoding()));
        host = IdRegs.get(first, row);
        if ((host & RNDR) == 0) throw new IllegalStateException("this machine has no field to lower");
        first.guestCode(cpu -> {
            seen = IdRegs.access(first, row, false, 0);
            seenAgain = IdRegs.access(first, row, false, 0);
            Arm64Exit e = new Arm64Exit();
            e.kind = Arm64Exit.UNIMPLEMENTED;
            return e;
        });
    }

    private KvmFile made(KvmFile on, int command, long argument) {
        KvmFile.Made made = new KvmFile.Made();
        runner.ioctl(on, command, argument, made);
        return Objects.requireNonNull(made.file);
    }

    private int which(long value) {
        return value == host ? 1 : value == (host & ~RNDR) ? 2 : 3;
    }

    /** The VM's first KVM_RUN. */
    @Actor
    public void run(IIII_Result r) {
        if (runner.ioctl(first, RUN, 0, new KvmFile.Made()) != 0) throw new IllegalStateException("KVM_RUN");
        r.r1 = which(seen);
        r.r2 = which(seenAgain);
    }

    /** KVM_SET_ONE_REG by another thread. */
    @Actor
    public void write(IIII_Result r) {
        byte[] b = new byte[8];
        for (int i = 0; i < 8; i++) b[i] = (byte) ((host & ~RNDR) >>> 8 * i);
        r.r3 = OneReg.set(second, ISAR0, b) == 0 ? 0 : 1;
    }

    @Arbiter
    public void after(IIII_Result r) {
        r.r4 = which(IdRegs.get(first, row));
    }
}
