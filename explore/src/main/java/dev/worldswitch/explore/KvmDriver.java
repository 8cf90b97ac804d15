package dev.worldswitch.explore;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.kernel.Task;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kernel.x86.X86Host;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.x86.Kvm;
import dev.worldswitch.kvm.x86.KvmX86Abi;
import dev.worldswitch.kvm.x86.Vcpu;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A VM with one vCPU behind KVM's ioctl table, and a guest of real instructions in 64-bit mode. */
final class KvmDriver implements VcpuDriver {
    private static final int IA32_XFD = 0x1c4, EXIT_IO = 2, CPUID_ENTRIES = 100;
    private static final long OLD = 0x54494c4544415441L, XMM = 0x4755455354585859L;
    private final VmmMemory memory;
    private final InProcessClient client;
    private final Vcpu vcpu;
    private final long ram, buffer, xsave;

    KvmDriver(X86Host host, Task task, VmmMemory memory, List<String> program) {
        this.memory = memory;
        this.client = new InProcessClient(memory, task, host.profile().xcr0());
        this.ram = memory.allocate(GuestCode.SIZE);
        this.buffer = memory.allocate(8192);
        this.xsave = memory.allocate(4 * 4096);
        KvmFile kvm = new Kvm(host).open();
        KvmFile vm = made(kvm, io(0x01), 0, "KVM_CREATE_VM");
        region(vm);
        this.vcpu = (Vcpu) made(vm, io(0x41), 0, "KVM_CREATE_VCPU");
        cpuid(kvm);
        sregs();
        regs();
        fill(program);
    }

    private KvmFile made(KvmFile file, int command, long argument, String name) {
        KvmFile.Made made = new KvmFile.Made();
        check(file.ioctl(client, command, argument, made), name);
        @Nullable KvmFile f = made.file;
        if (f == null) throw new IllegalStateException(name + " made no file");
        return f;
    }

    private long call(KvmFile file, int command, long argument, String name) {
        return check(file.ioctl(client, command, argument, new KvmFile.Made()), name);
    }

    private static long check(long r, String name) {
        if (r < 0) throw new IllegalStateException(name + " answers " + r);
        return r;
    }

    private void region(KvmFile vm) {
        memory.set(buffer, 8, 0);
        memory.set(buffer + 8, 8, 0);
        memory.set(buffer + 16, 8, GuestCode.SIZE);
        memory.set(buffer + 24, 8, ram);
        call(vm, iow(0x46, 32), buffer, "KVM_SET_USER_MEMORY_REGION");
    }

    private void cpuid(KvmFile kvm) {
        memory.set(buffer, 8, CPUID_ENTRIES);
        call(kvm, iowr(0x05, 8), buffer, "KVM_GET_SUPPORTED_CPUID");
        call(vcpu, iow(0x90, 8), buffer, "KVM_SET_CPUID2");
    }

    /** struct kvm_sregs: 64-bit mode, flat segments, first 2 MiB mapped as one page; XCR0 as the machine has it. */
    private void sregs() {
        call(vcpu, ior(0x83, 312), buffer, "KVM_GET_SREGS");
        for (int s = 0; s < 6; s++) {
            long at = buffer + 24 * s;
            memory.set(at, 8, 0);
            memory.set(at + 8, 4, 0xffffffffL);
            memory.set(at + 12, 2, s == 0 ? 8 : 16);
            // type, present, dpl, db, s, l, g, avl: code is execute-read-accessed, data read-write-accessed.
            byte[] attributes = {
                (byte) (s == 0 ? 11 : 3), 1, 0, (byte) (s == 0 ? 0 : 1), 1, (byte) (s == 0 ? 1 : 0), 1, 0, 0
            };
            memory.write(at + 14, attributes, 0, 9);
        }
        memory.set(buffer + 224, 8, 0x80000033L);
        memory.set(buffer + 240, 8, GuestCode.PAGE_TABLES);
        memory.set(buffer + 248, 8, 1 << 5 | 1 << 9 | 1 << 18);
        memory.set(buffer + 264, 8, 0x500);
        call(vcpu, iow(0x84, 312), buffer, "KVM_SET_SREGS");
        byte[] zero = new byte[392];
        memory.write(buffer, zero, 0, 392);
        memory.set(buffer, 4, 1);
        memory.set(buffer + 16, 8, client.xcompGuestPerm());
        call(vcpu, iow(0xa7, 392), buffer, "KVM_SET_XCRS");
        memory.set(ram + GuestCode.PAGE_TABLES, 8, GuestCode.PAGE_TABLES + 0x1000 | 3);
        memory.set(ram + GuestCode.PAGE_TABLES + 0x1000, 8, GuestCode.PAGE_TABLES + 0x2000 | 3);
        memory.set(ram + GuestCode.PAGE_TABLES + 0x2000, 8, 0x83);
    }

    /** struct kvm_regs: rax rbx rcx rdx rsi rdi rsp rbp r8-r15 rip rflags. */
    private void regs() {
        long[] r = new long[18];
        r[1] = 64;
        r[4] = GuestCode.TILE_IN - 64;
        r[5] = GuestCode.TILE_OUT - 64;
        r[8] = GuestCode.CONFIG;
        r[9] = GuestCode.XMM_IN;
        r[10] = GuestCode.XMM_OUT;
        r[16] = GuestCode.CODE;
        r[17] = 2;
        // A sibl operand has base + row * index: the base is the data itself.
        r[4] = GuestCode.TILE_IN;
        r[5] = GuestCode.TILE_OUT;
        for (int i = 0; i < r.length; i++) memory.set(buffer + 8 * i, 8, r[i]);
        call(vcpu, iow(0x82, 144), buffer, "KVM_SET_REGS");
    }

    private void fill(List<String> program) {
        byte[] code = GuestCode.assemble(program);
        memory.write(ram + GuestCode.CODE, code, 0, code.length);
        // Palette 1; tile 0: 64 bytes in each of 16 rows.
        memory.set(ram + GuestCode.CONFIG, 1, 1);
        memory.set(ram + GuestCode.CONFIG + 16, 2, 64);
        memory.set(ram + GuestCode.CONFIG + 48, 1, 16);
        for (int i = 0; i < 1024; i += 8) memory.set(ram + GuestCode.TILE_IN + i, 8, OLD);
        for (int i = 0; i < 16; i += 8) memory.set(ram + GuestCode.XMM_IN + i, 8, XMM);
    }

    @Override
    public void run() {
        call(vcpu, io(0x80), 0, "KVM_RUN");
        long reason = vcpu.run().get(KvmX86Abi.RUN_EXIT_REASON, 4);
        if (reason != EXIT_IO)
            throw new Violation("the guest runs as on a CPU of its own", "KVM_RUN ends with exit reason " + reason);
        for (int i = 0; i < 16; i += 8)
            if (memory.get(ram + GuestCode.XMM_OUT + i, 8) != XMM)
                throw new Violation("the guest sees its own registers", "xmm1 of the guest is not its own");
        long first = memory.get(ram + GuestCode.TILE_OUT, 8);
        boolean whole = first == OLD || first == 0;
        for (int i = 0; i < 1024; i += 8) whole &= memory.get(ram + GuestCode.TILE_OUT + i, 8) == first;
        if (!whole)
            throw new Violation(
                    "tiles that were disabled are whole: old or initial",
                    "tile data begin with 0x" + Long.toHexString(first));
    }

    @Override
    public void getXsave() {
        call(vcpu, ior(0xcf, 4096), xsave, "KVM_GET_XSAVE2");
    }

    @Override
    public void setXsave() {
        call(vcpu, iow(0xa5, 4096), xsave, "KVM_SET_XSAVE");
    }

    @Override
    public void setXfd(long v) {
        memory.set(buffer, 8, 1);
        memory.set(buffer + 8, 8, IA32_XFD);
        memory.set(buffer + 16, 8, v);
        call(vcpu, iow(0x89, 8), buffer, "KVM_SET_MSRS");
    }

    @Override
    public FpState guestImage() {
        return vcpu.guestFpu();
    }
}
