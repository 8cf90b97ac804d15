package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A flat guest for tests: 4 MiB of memory at 0, memory-mapped I/O above. */
final class Guest implements PhysicalMemory {
    static final int SIZE = 4 << 20;
    final MemorySegment ram = Arena.ofAuto().allocate(SIZE, 4096);
    final X86State state;
    final X86Cpu cpu;
    final Interpreter m;

    Guest() {
        Region root = Region.root("test");
        cpu = new X86Cpu(
                root.child("cpu0"), 0, X86Profile.builtIn("sapphire-rapids"), Timing.plain(() -> 0), (c, l) -> {});
        state = new X86State(root.child("vcpu"));
        m = new Interpreter(cpu, state, this);
    }

    @Override
    public long page(long gpa, boolean write) {
        return gpa < 0 || gpa >= SIZE ? MMIO : ram.address() + gpa;
    }

    @Override
    public int generation() {
        return 0;
    }

    Guest bytes(long at, String hex) {
        String h = hex.replace(" ", "");
        for (int i = 0; i < h.length(); i += 2)
            ram.set(ValueLayout.JAVA_BYTE, at + i / 2, (byte) Integer.parseInt(h.substring(i, i + 2), 16));
        return this;
    }

    void put(long at, long v) {
        ram.set(ValueLayout.JAVA_LONG_UNALIGNED, at, v);
    }

    long word(long at) {
        return ram.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
    }

    /** Real mode at address 0x1000 with flat-looking segments of base 0. */
    Guest realMode() {
        for (int s = 0; s < 6; s++) segment(s, 0, 0x93);
        segment(X86State.CS, 0, 0x9b);
        state.segAttr.set(X86State.LDTR, 0x82);
        state.segAttr.set(X86State.TR, 0x8b);
        state.rflags.set(2);
        state.rip.set(0x1000);
        state.idtLimit.set(0xffff);
        return this;
    }

    private void segment(int s, int selector, int attr) {
        state.segSelector.set(s, selector);
        state.segLimit.set(s, 0xffff);
        state.segAttr.set(s, attr);
    }

    static final long PML4 = 0x100000, PDPT = 0x101000, PD = 0x102000, PT = 0x103000;
    static final long GDT = 0x110000, IDT = 0x111000, TSS = 0x112000;

    /** 64-bit mode at CPL 0: the first 2 MiB by 4 KiB pages, then 2 MiB pages up to 1 GiB, all for user mode too. */
    Guest longMode() {
        realMode();
        put(PML4, PDPT | 7);
        put(PDPT, PD | 7);
        put(PD, PT | 7);
        for (long i = 0; i < 512; i++) put(PT + 8 * i, i << 12 | 7);
        for (long i = 1; i < 512; i++) put(PD + 8 * i, i << 21 | 0x87);
        state.cr.set(0, X86State.CR0_PE | X86State.CR0_PG | X86State.CR0_WP | X86State.CR0_ET);
        state.cr.set(3, PML4);
        state.cr.set(4, X86State.CR4_PAE | X86State.CR4_OSFXSR);
        state.efer.set(X86State.EFER_LME | X86State.EFER_LMA | X86State.EFER_NX | X86State.EFER_SCE);
        put(GDT + 8, 0x00af9b000000ffffL);
        put(GDT + 16, 0x00cf93000000ffffL);
        put(GDT + 24, 0x00cff3000000ffffL);
        put(GDT + 32, 0x00affb000000ffffL);
        state.gdtBase.set(GDT);
        state.gdtLimit.set(0xff);
        state.idtBase.set(IDT);
        state.idtLimit.set(0xfff);
        for (int s = 0; s < 6; s++) set(s, 0x10, 0xc093);
        set(X86State.CS, 8, 0xa09b);
        state.segBase.set(X86State.TR, TSS);
        state.segLimit.set(X86State.TR, 0x67);
        put(TSS + 4, 0x8000);
        state.gpr.set(X86State.RSP, 0x9000);
        return this;
    }

    private void set(int s, int selector, int attr) {
        state.segSelector.set(s, selector);
        state.segLimit.set(s, 0xffffffffL);
        state.segAttr.set(s, attr);
    }

    /** User mode: CPL 3. */
    Guest user() {
        set(X86State.CS, 0x23, 0xa0fb);
        set(X86State.SS, 0x1b, 0xc0f3);
        return this;
    }

    Guest gate(int vector, long handler, int ist, int dpl) {
        put(
                IDT + 16L * vector,
                handler & 0xffff
                        | 8L << 16
                        | (long) ist << 32
                        | (0x8eL | dpl << 5) << 40
                        | (handler >>> 16 & 0xffff) << 48);
        put(IDT + 16L * vector + 8, handler >>> 32);
        return this;
    }

    long rax() {
        return state.gpr.get(0);
    }

    X86Exit run() {
        return m.run(0);
    }
}
