package dev.worldswitch.stress;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.Line;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.PhysicalCpu;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/**
 * A VM whose guest counts in the first bytes of a slot of its own, so many times, and then exits; its client has a second
 * thread.
 */
final class Counting {
    /** More turns than after which a loop is translated. */
    static final int COUNTS = 40_000;
    /** Seconds: only a kick ends it in time. */
    static final int FOR_EVER = 400_000_000;

    private static final int RUN = io(0x80),
            REGION = iow(0x46, 32),
            GET_LOG = iow(0x42, 16),
            CLEAR_LOG = iowr(0xc0, 24);
    private static final int GET_SREGS = ior(0x83, 312), SET_SREGS = iow(0x84, 312), SET_REGS = iow(0x82, 144);
    private static final int TARGET = ior(0xaf, 32), INIT = iow(0xae, 32), SET_ONE_REG = iow(0xac, 16);
    private static final int LOG_DIRTY = 1, EXIT_MMIO = 6, PAGE = 4096, COUNTER_GPA = 0x8000;
    private static final long CORE = 0x6030_0000_0010_0000L, MANUAL_DIRTY = 168;
    /** L: inc dword [0x8000]; dec ebx; jnz L; out 0x10, al; in real mode. */
    private static final String X86 = "66ff060080 664b 75f7 e610";
    /** L: ldr w1, [x0]; add w1, w1, 1; str w1, [x0]; subs x2, x2, 1; b.ne L; str x2, [x3]. */
    private static final String ARM64 = "010040b9 21040011 010000b9 420400f1 81ffff54 620000f9";

    private final VmmMemory memory = new VmmMemory(64 * PAGE);
    private final Client runner;
    private final InProcessClient other;
    private final KvmFile vm, vcpu;
    private final List<PhysicalCpu> cpus = new ArrayList<>();
    private final long code, data, buffer, otherBuffer, log;

    /** Signals come to it as the server brings them: first the word that KVM asks, then the CPU. */
    private final class Client extends InProcessClient {
        private volatile boolean signal;

        Client(Task task) {
            super(memory, task, condition -> {}, 0);
        }

        @Override
        public boolean signalPending() {
            return signal;
        }
    }

    private record Pools(List<PhysicalCpu> seen) implements CpuPools {
        @Override
        public <C extends PhysicalCpu> dev.worldswitch.kernel.CpuPool<C> over(List<C> all) {
            seen.addAll(all);
            return CpuPools.FIRST_CPU.over(all);
        }
    }

    Counting(boolean x86, int counts) {
        KvmHost host = Hosts.boot(
                Region.root("stress"),
                KernelVersion.of("6.12"),
                MachineProfile.builtIn(x86 ? "skylake-server" : "neoverse-v1"),
                1,
                Timing.plain(() -> 0),
                new Pools(cpus));
        Task task = host.newTask("vmm");
        host.start(task);
        runner = new Client(task);
        other = new InProcessClient(memory, host.newTask("other"), condition -> {}, 0);
        code = memory.allocate(PAGE);
        data = memory.allocate(PAGE);
        buffer = memory.allocate(PAGE);
        otherBuffer = memory.allocate(PAGE);
        log = memory.allocate(PAGE);
        vm = made(host.kvm(), io(1), 0);
        slot(runner, buffer, 0, 0, 0x1000, PAGE, code);
        slot(runner, buffer, 1, 0, COUNTER_GPA, PAGE, data);
        vcpu = made(vm, io(0x41), 0);
        byte[] program = HexFormat.of().parseHex((x86 ? X86 : ARM64).replace(" ", ""));
        memory.write(code, program, 0, program.length);
        if (x86) realMode(counts);
        else withoutTranslation(counts);
    }

    private KvmFile made(KvmFile on, int command, long argument) {
        KvmFile.Made made = new KvmFile.Made();
        must(runner.ioctl(on, command, argument, made));
        return Objects.requireNonNull(made.file);
    }

    private static void must(long r) {
        if (r < 0) throw new IllegalStateException("a call answers " + r);
    }

    private void call(KvmFile on, int command) {
        must(runner.ioctl(on, command, buffer, new KvmFile.Made()));
    }

    private void realMode(int counts) {
        call(vcpu, GET_SREGS);
        for (int s = 0; s < 6; s++) {
            memory.set(buffer + 24 * s, 8, 0);
            memory.set(buffer + 24 * s + 12, 2, 0);
        }
        call(vcpu, SET_SREGS);
        for (int i = 0; i < 18; i++)
            memory.set(buffer + 8 * i, 8, i == 1 ? counts : i == 16 ? 0x1000 : i == 17 ? 2 : 0);
        call(vcpu, SET_REGS);
    }

    private void withoutTranslation(int counts) {
        call(vm, TARGET);
        call(vcpu, INIT);
        register(0, COUNTER_GPA);
        register(4, counts);
        register(6, 0x4000_0000);
        register(64, 0x1000);
    }

    /** @param at in struct kvm_regs, in units of 32 bits */
    private void register(int at, long value) {
        memory.set(buffer, 8, CORE | at);
        memory.set(buffer + 8, 8, buffer + 16);
        memory.set(buffer + 16, 8, value);
        call(vcpu, SET_ONE_REG);
    }

    private void slot(InProcessClient by, long at, int id, int flags, long gpa, long size, long hva) {
        memory.set(at, 4, id);
        memory.set(at + 4, 4, flags);
        memory.set(at + 8, 8, gpa);
        memory.set(at + 16, 8, size);
        memory.set(at + 24, 8, hva);
        must(by.ioctl(vm, REGION, at, new KvmFile.Made()));
    }

    /** Before the race: the counter's slot is logged; true for a log that is cleared by a call of its own. */
    void logs(boolean manual) {
        if (manual) {
            memory.set(buffer, 4, MANUAL_DIRTY);
            for (int i = 4; i < 104; i += 4) memory.set(buffer + i, 4, i == 8 ? 1 : 0);
            call(vm, iow(0xa3, 104));
        }
        slot(runner, buffer, 1, LOG_DIRTY, COUNTER_GPA, PAGE, data);
    }

    /** KVM_RUN to its end. */
    long run() {
        return runner.ioctl(vcpu, RUN, 0, new KvmFile.Made());
    }

    /** Did it end because the counter was not there? */
    boolean endedByCounter() {
        SharedPages run = Objects.requireNonNull(vcpu.pages());
        return run.get(8, 4) == EXIT_MMIO && run.get(32, 8) == COUNTER_GPA;
    }

    /** As a signal handler of the client does. */
    void immediateExit() {
        Objects.requireNonNull(vcpu.pages()).set(1, 1, 1);
    }

    void signal() {
        runner.signal = true;
        cpus.getFirst().raise(Line.KICK);
    }

    long counter() {
        return memory.get(data, 4);
    }

    /** By the other thread. */
    void deleteSlot() {
        slot(other, otherBuffer, 1, 0, COUNTER_GPA, 0, data);
    }

    /** By the other thread: is the counter's page dirty? */
    boolean dirty() {
        memory.set(otherBuffer, 8, 1);
        memory.set(otherBuffer + 8, 8, log);
        must(other.ioctl(vm, GET_LOG, otherBuffer, new KvmFile.Made()));
        return memory.get(log, 8) != 0;
    }

    /** By the other thread: the client has taken note of the page. */
    void clear() {
        memory.set(log, 8, 1);
        memory.set(otherBuffer, 8, 1 | 1L << 32);
        memory.set(otherBuffer + 8, 8, 0);
        memory.set(otherBuffer + 16, 8, log);
        must(other.ioctl(vm, CLEAR_LOG, otherBuffer, new KvmFile.Made()));
    }
}
