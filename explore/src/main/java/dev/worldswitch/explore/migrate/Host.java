package dev.worldswitch.explore.migrate;

import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Task;
import dev.worldswitch.kvm.CpuPools;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.KvmHost;
import dev.worldswitch.kvm.hosts.Hosts;
import dev.worldswitch.machine.MachineProfile;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** One machine with a VM and a vCPU on it, and the VMM's memory. */
final class Host {
    private static final int KVM_CREATE_VM = 0xae01, KVM_CREATE_VCPU = 0xae41, KVM_CHECK_EXTENSION = 0xae03;
    private static final int KVM_CREATE_IRQCHIP = 0xae60;
    private final VmmMemory memory = new VmmMemory(1 << 20);
    private final InProcessClient client;
    private final KvmHost host;
    private final KvmFile kvm, vm, vcpu;
    /** Room for one structure. */
    final long buffer;

    Host(MachineProfile machine, KernelVersion kernel) {
        this.host = Hosts.boot(Region.root("host"), kernel, machine, 1, Timing.plain(() -> 0), CpuPools.FIRST_CPU);
        Task task = host.newTask("vmm");
        host.start(task);
        this.client = new InProcessClient(memory, task, Host::wouldWait, host.xcompSupported());
        this.buffer = memory.allocate(1 << 16);
        this.kvm = host.kvm();
        this.vm = made(kvm, KVM_CREATE_VM, 0);
        if (machine.arch().equals("x86")) made(vm, KVM_CREATE_IRQCHIP);
        this.vcpu = made(vm, KVM_CREATE_VCPU, 0);
    }

    /** The name of a register of KVM_GET_ONE_REG; its id where it has none. */
    String registerName(long id) {
        String name = host.registerName(id);
        return name != null ? name : "0x" + Long.toHexString(id);
    }

    private static void wouldWait(BooleanSupplier condition) {
        if (!condition.getAsBoolean()) throw new IllegalStateException("saving and restoring a vCPU waits for ever");
    }

    private void made(KvmFile file, int command) {
        long r = file.ioctl(client, command, 0, new KvmFile.Made());
        if (r != 0) throw new IllegalStateException("ioctl 0x" + Integer.toHexString(command) + ": " + Errors.name(r));
    }

    private KvmFile made(KvmFile file, int command, long argument) {
        KvmFile.Made made = new KvmFile.Made();
        long r = file.ioctl(client, command, argument, made);
        @Nullable KvmFile f = made.file;
        if (r != 0 || f == null) throw new IllegalStateException("ioctl 0x" + Integer.toHexString(command) + ": " + r);
        return f;
    }

    long kvm(int command, long argument) {
        return kvm.ioctl(client, command, argument, new KvmFile.Made());
    }

    long vcpu(int command, long argument) {
        return vcpu.ioctl(client, command, argument, new KvmFile.Made());
    }

    /** As {@link #vcpu}, for calls that a machine of this kind never refuses. */
    void mustVcpu(String name, int command, long argument) {
        long r = vcpu(command, argument);
        if (r < 0) throw new IllegalStateException(name + " answers " + Errors.name(r));
    }

    /** KVM_CHECK_EXTENSION of the VM. */
    long extension(int capability) {
        return vm.ioctl(client, KVM_CHECK_EXTENSION, capability, new KvmFile.Made());
    }

    long get(long address, int size) {
        return memory.get(address, size);
    }

    void set(long address, int size, long value) {
        memory.set(address, size, value);
    }

    byte[] bytes(long address, int length) {
        byte[] b = new byte[length];
        memory.read(address, b, 0, length);
        return b;
    }

    void put(long address, byte[] bytes) {
        memory.write(address, bytes, 0, bytes.length);
    }
}
