package dev.worldswitch.fuzz;

import dev.worldswitch.fuzz.GuardedMemory.Window;
import dev.worldswitch.kvm.IoctlTable;

/** A VM of one vCPU whose memory at 0 is the window SLOT, and a read-only one at 1 MiB. Its files are 1 and 2. */
final class X86Guest {
    static final int VM = 1, VCPU = 2;
    static final long PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000;
    private static final int GET_SREGS = IoctlTable.ior(0x83, 312), SET_SREGS = IoctlTable.iow(0x84, 312);
    private static final int SET_REGS = IoctlTable.iow(0x82, 144),
            REGION = IoctlTable.iow(0x46, 32),
            READONLY = 2,
            CPUID_ENTRIES = 256;
    private static final long ARG = Window.STRUCT.address();
    private final KvmPath path;
    private final GuardedMemory memory;

    X86Guest(KvmPath path, GuardedMemory memory) {
        this.path = path;
        this.memory = memory;
        path.ioctl(0, IoctlTable.io(1), 0);
        slot(path, memory, 0, 0, 0, Window.SLOT);
        slot(path, memory, 1, READONLY, 0x100000, Window.SMALL);
        path.ioctl(VM, IoctlTable.io(0x41), 0);
    }

    static void slot(KvmPath path, GuardedMemory memory, int id, int flags, long gpa, Window w) {
        memory.put(ARG, 4, id);
        memory.put(ARG + 4, 4, flags);
        memory.put(ARG + 8, 8, gpa);
        memory.put(ARG + 16, 8, w.size());
        memory.put(ARG + 24, 8, w.address());
        path.ioctl(VM, REGION, ARG);
    }

    /** CPUID as the host supports it all. */
    void allFeatures() {
        memory.put(Window.DATA.address(), 4, CPUID_ENTRIES);
        path.ioctl(0, IoctlTable.iowr(5, 8), Window.DATA.address());
        path.ioctl(VCPU, IoctlTable.iow(0x90, 8), Window.DATA.address());
    }

    /** CS and the others, in the order of struct kvm_sregs. */
    private void segments(int type, int db, int l, int g, long limit) {
        for (int s = 0; s < 6; s++) {
            long at = ARG + 24 * s;
            memory.put(at, 8, 0);
            memory.put(at + 8, 4, limit);
            memory.put(at + 12, 2, s == 0 ? 8 : 16);
            int[] rest = {s == 0 ? type : 3, 1, 0, db, 1, s == 0 ? l : 0, g, 0, 0, 0};
            for (int i = 0; i < rest.length; i++) memory.put(at + 14 + i, 1, rest[i]);
        }
    }

    private void sregs(long cr0, long cr3, long cr4, long efer, int db, int l) {
        path.ioctl(VCPU, GET_SREGS, ARG);
        segments(0xb, l != 0 ? 0 : db, l, db | l, db + l == 0 ? 0xffff : 0xffffffffL);
        memory.put(ARG + 224, 8, cr0);
        memory.put(ARG + 240, 8, cr3);
        memory.put(ARG + 248, 8, cr4);
        memory.put(ARG + 264, 8, efer);
        path.ioctl(VCPU, SET_SREGS, ARG);
    }

    private void regs(long rip, long[] gpr) {
        for (int i = 0; i < 16; i++) memory.put(ARG + 8 * i, 8, i < gpr.length ? gpr[i] : 0);
        memory.put(ARG + 128, 8, rip);
        memory.put(ARG + 136, 8, 2);
        path.ioctl(VCPU, SET_REGS, ARG);
    }

    /** Order of struct kvm_regs: RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP. */
    private static long[] gpr(long rsi, long rdi) {
        return new long[] {0, 0, 3, 0, rsi, rdi, 0x3f000, 0x3f000};
    }

    void longMode(long rip, long rdi, long rsi) {
        memory.put(Window.SLOT.address() + PML4, 8, PDPT | 7);
        memory.put(Window.SLOT.address() + PDPT, 8, PD | 7);
        memory.put(Window.SLOT.address() + PD, 8, PT | 7);
        for (long i = 0; i < 512; i++) memory.put(Window.SLOT.address() + PT + 8 * i, 8, i << 12 | 7);
        // PG, WP, NE, ET, PE; OSXSAVE, OSFXSR, PAE; NX, LMA, LME, SCE.
        sregs(0x80010031L, PML4, 0x40620, 0xd01, 0, 1);
        regs(rip, gpr(rsi, rdi));
    }

    void protectedMode(long rip) {
        sregs(0x31, 0, 0x600, 0, 1, 0);
        regs(rip, gpr(0x9000, 0xa000));
    }

    void realMode(long rip) {
        sregs(0x30, 0, 0, 0, 0, 0);
        regs(rip, gpr(0x9000, 0xa000));
    }

    /** Long mode is on: every exception goes to this address, on a stack of its own (IST1). */
    void allVectorsTo(long rip) {
        long idt = 0x5000, gdt = 0x5e00, tss = 0x6000;
        memory.put(Window.SLOT.address() + tss + 36, 8, 0x3f000);
        for (int v = 0; v < 32; v++) {
            memory.put(Window.SLOT.address() + idt + 16 * v, 8, rip & 0xffff | 8L << 16 | 1L << 32 | 0x8eL << 40);
            memory.put(Window.SLOT.address() + idt + 16 * v + 8, 8, 0);
        }
        memory.put(Window.SLOT.address() + gdt + 8, 8, 0x00af9b000000ffffL);
        memory.put(Window.SLOT.address() + gdt + 16, 8, 0x00cf93000000ffffL);
        path.ioctl(VCPU, GET_SREGS, ARG);
        // TR: base, limit, then type and present.
        memory.put(ARG + 144, 8, tss);
        memory.put(ARG + 152, 4, 0x67);
        memory.put(ARG + 158, 2, 0x10b);
        memory.put(ARG + 192, 8, gdt);
        memory.put(ARG + 200, 2, 0x7f);
        memory.put(ARG + 208, 8, idt);
        memory.put(ARG + 216, 2, 0x1ff);
        path.ioctl(VCPU, SET_SREGS, ARG);
    }
}
