package dev.worldswitch.explore.x86;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kernel.x86.FpState;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.x86.KvmX86Abi;
import dev.worldswitch.kvm.x86.Vcpu;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.x86.X86State;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A VM with one vCPU behind KVM's ioctl table, and a guest of real instructions in 64-bit mode. */
final class Vm {
    private static final int IA32_XFD = 0x1c4, EXIT_IO = 2, CPUID_ENTRIES = 100, NM_VECTOR = 7;
    private static final long OLD = 0x54494c4544415441L, XMM = 0x4755455354585859L;
    private final VmmMemory memory;
    private final InProcessClient client;
    private final Vcpu vcpu;
    private final GuestGhost ghost;
    private final long ram, buffer, xsave;

    Vm(KvmFile kvm, InProcessClient client, VmmMemory memory, Region ghosts, List<String> program) {
        this.memory = memory;
        this.client = client;
        this.ghost = new GuestGhost(ghosts, program);
        this.ram = memory.allocate(GuestCode.SIZE);
        this.buffer = memory.allocate(8192);
        this.xsave = memory.allocate(4 * 4096);
        KvmFile vm = made(kvm, io(0x01), 0, "KVM_CREATE_VM");
        region(vm);
        this.vcpu = (Vcpu) made(vm, io(0x41), 0, "KVM_CREATE_VCPU");
        cpuid(kvm);
        sregs();
        regs();
        fill(program);
    }

    /** The vCPU's general and control registers. */
    X86State state() {
        return vcpu.state();
    }

    private KvmFile made(KvmFile file, int command, long argument, String name) {
        KvmFile.Made made = new KvmFile.Made();
        check(client.ioctl(file, command, argument, made), name);
        @Nullable KvmFile f = made.file;
        if (f == null) throw new IllegalStateException(name + " made no file");
        return f;
    }

    private void call(KvmFile file, int command, long argument, String name) {
        check(client.ioctl(file, command, argument, new KvmFile.Made()), name);
    }

    private static void check(long r, String name) {
        if (r < 0) throw new Violation(X86Properties.GUEST_RUNS, name + " answers " + r);
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
        memory.set(buffer + 192, 8, GuestCode.GDT);
        memory.set(buffer + 200, 2, 23);
        memory.set(buffer + 208, 8, GuestCode.IDT);
        memory.set(buffer + 216, 2, 0xfff);
        memory.set(buffer + 224, 8, 0x80000033L);
        memory.set(buffer + 240, 8, GuestCode.PAGE_TABLES);
        memory.set(buffer + 248, 8, 1 << 5 | 1 << 9 | 1 << 18);
        memory.set(buffer + 264, 8, 0x500);
        call(vcpu, iow(0x84, 312), buffer, "KVM_SET_SREGS");
        byte[] zero = new byte[392];
        memory.write(buffer, zero, 0, 392);
        memory.set(buffer, 4, 1);
        // KVM hides MPX, components 3 and 4, from guests.
        memory.set(buffer + 16, 8, client.xcompGuestPerm() & ~0x18L);
        call(vcpu, iow(0xa7, 392), buffer, "KVM_SET_XCRS");
        memory.set(ram + GuestCode.PAGE_TABLES, 8, GuestCode.PAGE_TABLES + 0x1000 | 3);
        memory.set(ram + GuestCode.PAGE_TABLES + 0x1000, 8, GuestCode.PAGE_TABLES + 0x2000 | 3);
        memory.set(ram + GuestCode.PAGE_TABLES + 0x2000, 8, 0x83);
    }

    /** struct kvm_regs: rax rbx rcx rdx rsi rdi rsp rbp r8-r15 rip rflags. A sibl operand's base is the data itself. */
    private void regs() {
        long[] r = new long[18];
        r[1] = 64;
        r[4] = GuestCode.TILE_IN;
        r[5] = GuestCode.TILE_OUT;
        r[6] = GuestCode.STACK;
        r[8] = GuestCode.CONFIG;
        r[9] = GuestCode.XMM_IN;
        r[10] = GuestCode.XMM_OUT;
        r[11] = GuestCode.NM;
        r[16] = GuestCode.CODE;
        r[17] = 2;
        for (int i = 0; i < r.length; i++) memory.set(buffer + 8 * i, 8, r[i]);
        call(vcpu, iow(0x82, 144), buffer, "KVM_SET_REGS");
    }

    private void fill(List<String> program) {
        byte[] code = GuestCode.assemble(program), handler = GuestCode.handler();
        if (code.length > GuestCode.HANDLER - GuestCode.CODE)
            throw new IllegalArgumentException("the guest's program is too long");
        memory.write(ram + GuestCode.CODE, code, 0, code.length);
        memory.write(ram + GuestCode.HANDLER, handler, 0, handler.length);
        memory.set(ram + GuestCode.GDT + 8, 8, 0x00af9b000000ffffL);
        memory.set(ram + GuestCode.GDT + 16, 8, 0x00cf93000000ffffL);
        // An interrupt gate of 64-bit mode: offset 15:0, selector, present, type 14; the rest of the offset is 0.
        memory.set(ram + GuestCode.IDT + 16 * NM_VECTOR, 8, GuestCode.HANDLER | 8 << 16 | 0x8eL << 40);
        // Palette 1; tile 0: 64 bytes in each of 16 rows.
        memory.set(ram + GuestCode.CONFIG, 1, 1);
        memory.set(ram + GuestCode.CONFIG + 16, 2, 64);
        memory.set(ram + GuestCode.CONFIG + 48, 1, 16);
        for (int i = 0; i < 1024; i += 8) memory.set(ram + GuestCode.TILE_IN + i, 8, OLD);
        for (int i = 0; i < 16; i += 8) memory.set(ram + GuestCode.XMM_IN + i, 8, XMM);
    }

    /** KVM_RUN until the guest's next {@code out}; false when a signal ended it early. */
    boolean run() {
        long r = client.ioctl(vcpu, io(0x80), 0, new KvmFile.Made());
        if (r == Errno.EINTR) return false;
        check(r, "KVM_RUN");
        return true;
    }

    /** What the guest left in its memory, as the VMM sees it after KVM_RUN. */
    void checkGuest() {
        ghost.runs();
        long reason = vcpu.run().get(KvmX86Abi.RUN_EXIT_REASON, 4);
        if (reason != EXIT_IO) throw new Violation(X86Properties.GUEST_RUNS, "KVM_RUN ends with exit reason " + reason);
        for (int i = 0; i < 16; i += 8)
            if (memory.get(ram + GuestCode.XMM_OUT + i, 8) != XMM)
                throw new Violation(X86Properties.GUEST_REGISTERS, "xmm1 of the guest is not its own");
        long dr6 = memory.get(ram + GuestCode.DR6, 8);
        if (dr6 != ghost.expectedDr6())
            throw new Violation(
                    X86Properties.GUEST_DR6,
                    "the guest read 0x" + Long.toHexString(dr6) + " from DR6, it had written 0x"
                            + Long.toHexString(ghost.expectedDr6()));
        checkNm();
        checkTiles();
    }

    /** A guest that takes #NM for ever never comes back to its VMM. */
    void checkGoesOn() {
        long n = memory.get(ram + GuestCode.NM + 8, 4);
        if (n > ghost.mostNm()) throw new Violation(X86Properties.GUEST_NM, "the guest takes #NM again and again");
    }

    private void checkNm() {
        long n = memory.get(ram + GuestCode.NM + 8, 4), err = memory.get(ram + GuestCode.NM, 4);
        if (n != ghost.expectedNm())
            throw new Violation(
                    X86Properties.GUEST_NM,
                    "the guest took #NM " + (n < ghost.expectedNm() ? "too seldom" : "where it must not"));
        if (n != 0 && err != GuestGhost.TILEDATA)
            throw new Violation(
                    X86Properties.GUEST_NM, "the guest's #NM handler read IA32_XFD_ERR = 0x" + Long.toHexString(err));
    }

    private void checkTiles() {
        long allowed = ghost.expectedStored();
        if (allowed == GuestGhost.NEVER_STORED) return;
        long first = memory.get(ram + GuestCode.TILE_OUT, 8);
        boolean good =
                first == OLD && (allowed & GuestGhost.OLD) != 0 || first == 0 && (allowed & GuestGhost.INITIAL) != 0;
        for (int i = 0; i < 1024; i += 8) good &= memory.get(ram + GuestCode.TILE_OUT + i, 8) == first;
        if (!good) throw new Violation(X86Properties.TILES, "tile data begin with 0x" + Long.toHexString(first));
    }

    /** KVM_GET_XSAVE2 into the VMM's memory. */
    void getXsave() {
        call(vcpu, ior(0xcf, 4096), xsave, "KVM_GET_XSAVE2");
        ghost.saved();
    }

    /** KVM_SET_XSAVE of what {@link #getXsave} gave. */
    void setXsave() {
        call(vcpu, iow(0xa5, 4096), xsave, "KVM_SET_XSAVE");
        ghost.restored();
    }

    /** KVM_SET_MSRS of IA32_XFD. */
    void setXfd(long v) {
        memory.set(buffer, 8, 1);
        memory.set(buffer + 8, 8, IA32_XFD);
        memory.set(buffer + 16, 8, v);
        call(vcpu, iow(0x89, 8), buffer, "KVM_SET_MSRS");
        ghost.xfd(v);
    }

    FpState guestImage() {
        return vcpu.guestFpu();
    }
}
