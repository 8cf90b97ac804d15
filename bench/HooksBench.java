package dev.worldswitch.fuzz;

import dev.worldswitch.kvm.IoctlTable;
import dev.worldswitch.kvm.KvmFile;
import java.lang.management.ManagementFactory;

/** CPU time of a KVM_RUN of the host in this process: the guest's next OUT, again and again. Printed: nanoseconds, the least of ten parts. */
final class HooksBench {
    private static final int RUN = IoctlTable.io(0x80), PART = 40_000;
    /** out 0x10, al; jmp to it. */
    private static final int[] CODE = {0xe6, 0x10, 0xeb, 0xfc};

    public static void main(String[] args) {
        GuardedMemory memory = GuardedMemory.get();
        InProcess host = new InProcess("sapphire-rapids", "6.12");
        X86Guest guest = new X86Guest(host, memory);
        for (int i = 0; i < CODE.length; i++) memory.put(GuardedMemory.Window.SLOT.address() + 0x5000 + i, 1, CODE[i]);
        guest.realMode(0x5000);
        KvmFile vcpu = host.file(X86Guest.VCPU);
        if (vcpu == null) throw new IllegalStateException("no vCPU");
        var threads = ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int part = 0; part < 14; part++) {
            long before = threads.getCurrentThreadCpuTime();
            for (int i = 0; i < PART; i++) {
                long r = vcpu.ioctl(host, RUN, 0, new KvmFile.Made());
                if (r != 0) throw new IllegalStateException("KVM_RUN answers " + r);
            }
            // The first four warm up.
            if (part >= 4) least = Math.min(least, (threads.getCurrentThreadCpuTime() - before) / PART);
        }
        System.out.println(least);
    }
}
