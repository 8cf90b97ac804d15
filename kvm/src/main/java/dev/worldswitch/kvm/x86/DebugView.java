package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.DebugRegister;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.GuestMemory;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import dev.worldswitch.machine.x86.X86Cpu;
import dev.worldswitch.machine.x86.X86State;
import dev.worldswitch.machine.x86.XsaveLayout;
import java.util.ArrayList;
import java.util.List;

/** An x86 vCPU as GDB's target descriptions name its parts (gdb/features/i386, and names of ours for what GDB has none). */
final class DebugView implements DebuggedVcpu {
    private static final String CORE = "org.gnu.gdb.i386.core", SSE = "org.gnu.gdb.i386.sse";
    private static final String AVX = "org.gnu.gdb.i386.avx", AVX512 = "org.gnu.gdb.i386.avx512";
    private static final String PKEYS = "org.gnu.gdb.i386.pkeys", SEGMENTS = "org.gnu.gdb.i386.segments";
    private static final String AMX = "dev.worldswitch.x86.amx", SYSTEM = "dev.worldswitch.x86.system";
    /** General registers in GDB's order, by their encodings. */
    private static final int[] GPR = {0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15};

    private static final String[] GPR_NAMES = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"};
    private static final String[] SEGMENT_NAMES = {"cs", "ss", "ds", "es", "fs", "gs"};
    private static final int[] SEGMENT_NUMBERS = {
        X86State.CS, X86State.SS, X86State.DS, X86State.ES, X86State.FS, X86State.GS
    };
    private static final int[] CONTROL = {0, 2, 3, 4, 8};
    private static final String FLAGS = """
            <flags id="i386_eflags" size="4">
              <field name="CF" start="0" end="0"/><field name="" start="1" end="1"/>
              <field name="PF" start="2" end="2"/><field name="AF" start="4" end="4"/>
              <field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/>
              <field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/>
              <field name="DF" start="10" end="10"/><field name="OF" start="11" end="11"/>
              <field name="NT" start="14" end="14"/><field name="RF" start="16" end="16"/>
              <field name="VM" start="17" end="17"/><field name="AC" start="18" end="18"/>
              <field name="VIF" start="19" end="19"/><field name="VIP" start="20" end="20"/>
              <field name="ID" start="21" end="21"/>
            </flags>
            """;
    private static final String VECTOR = """
            <vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>
            <vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>
            <vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>
            <union id="vec128">
              <field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>
              <field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/>
              <field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/>
              <field name="uint128" type="uint128"/>
            </union>
            """;
    private static final String HALF = "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>\n";
    private static final String TILE = """
            <vector id="config" type="uint8" count="64"/>
            <vector id="row" type="int32" count="16"/><vector id="tile" type="row" count="16"/>
            """;

    private final Vcpu v;
    private final X86State s;
    private final XsaveLayout layout;

    DebugView(Vcpu v) {
        this.v = v;
        this.s = v.state();
        this.layout = v.vm().kvm().profile().xsave();
    }

    @Override
    public String name() {
        return v.vm().region().path().replaceAll(".*/", "") + " vcpu" + v.id();
    }

    @Override
    public String architecture() {
        return "i386:x86-64";
    }

    @Override
    public long pc() {
        return s.code64() ? s.rip.get() : s.segBase.get(X86State.CS) + s.rip.get() & 0xffffffffL;
    }

    @Override
    public long translate(long va) {
        return PageWalk.ask(v, va);
    }

    @Override
    public GuestMemory memory() {
        return v.vm().memory();
    }

    @Override
    public void kick() {
        v.runLoop().kick(0);
    }

    @Override
    public String types(String feature) {
        return switch (feature) {
            case CORE -> FLAGS;
            case SSE -> VECTOR;
            case AVX512 -> VECTOR + HALF;
            case AMX -> TILE;
            default -> "";
        };
    }

    @Override
    public List<DebugRegister> registers() {
        List<DebugRegister> all = new ArrayList<>();
        general(all);
        x87(all);
        for (int i = 0; i < 16; i++)
            all.add(vector(SSE, "xmm" + i, "vec128", XsaveLayout.SSE, XsaveLayout.XMM0 + 16 * i, 16));
        all.add(part(SSE, "mxcsr", 32, XsaveLayout.SSE, XsaveLayout.MXCSR));
        if (has(XsaveLayout.AVX)) avx(all);
        if (has(XsaveLayout.OPMASK) && has(XsaveLayout.HI16_ZMM)) avx512(all);
        if (has(XsaveLayout.PKRU)) all.add(DebugRegister.number(PKEYS, "pkru", 32, "uint32", this::pkru, this::pkru));
        all.add(element(SEGMENTS, "fs_base", s.segBase, X86State.FS));
        all.add(element(SEGMENTS, "gs_base", s.segBase, X86State.GS));
        for (int n : CONTROL) all.add(element(SYSTEM, "cr" + n, s.cr, n));
        all.add(word(SYSTEM, "efer", 64, "", s.efer));
        all.add(word(SYSTEM, "k_gs_base", 64, "", s.kernelGsBase));
        all.add(word(SYSTEM, "gdt_base", 64, "", s.gdtBase));
        all.add(word(SYSTEM, "idt_base", 64, "", s.idtBase));
        all.add(word(SYSTEM, "lstar", 64, "", s.lstar));
        if (has(XsaveLayout.TILECFG) && has(XsaveLayout.TILEDATA)) tiles(all);
        return all;
    }

    /** Where the XSAVE-managed registers are: a guest that is stopped between two instructions has them in its CPU. */
    private Words image() {
        X86Cpu on = v.runLoop().guestOn();
        return on == null ? v.guestFpu().image() : on.fpregs();
    }

    private long pkru() {
        X86Cpu on = v.runLoop().guestOn();
        return on == null ? v.pkru().get() : on.rdpkru();
    }

    private void pkru(long x) {
        v.pkru().set(x);
        changed();
    }

    private boolean has(int component) {
        return layout.has(component);
    }

    private void general(List<DebugRegister> all) {
        for (int i = 0; i < GPR.length; i++) {
            int n = GPR[i];
            String type = n == 4 || n == 5 ? "data_ptr" : "int64";
            all.add(DebugRegister.number(
                    CORE, i < 8 ? GPR_NAMES[i] : "r" + i, 64, type, () -> s.gpr.get(n), x -> s.gpr.set(n, x)));
        }
        all.add(word(CORE, "rip", 64, "code_ptr", s.rip));
        all.add(word(CORE, "eflags", 32, "i386_eflags", s.rflags));
        for (int i = 0; i < SEGMENT_NAMES.length; i++) {
            int n = SEGMENT_NUMBERS[i];
            all.add(DebugRegister.number(
                    CORE,
                    SEGMENT_NAMES[i],
                    32,
                    "int32",
                    () -> s.segSelector.get(n),
                    x -> s.segSelector.set(n, x & 0xffff)));
        }
    }

    private void x87(List<DebugRegister> all) {
        for (int i = 0; i < 8; i++)
            all.add(vector(CORE, "st" + i, "i387_ext", XsaveLayout.X87, XsaveLayout.ST0 + 16 * i, 10));
        all.add(part(CORE, "fctrl", 16, XsaveLayout.X87, 0));
        all.add(part(CORE, "fstat", 16, XsaveLayout.X87, 2));
        // Two bits a register where the image has one: valid or empty.
        all.add(DebugRegister.number(CORE, "ftag", 32, "int", this::fullTag, this::fullTag));
        all.add(part(CORE, "fiseg", 16, XsaveLayout.X87, 12));
        all.add(part(CORE, "fioff", 32, XsaveLayout.X87, 8));
        all.add(part(CORE, "foseg", 16, XsaveLayout.X87, 20));
        all.add(part(CORE, "fooff", 32, XsaveLayout.X87, 16));
        all.add(part(CORE, "fop", 16, XsaveLayout.X87, 6));
    }

    private long fullTag() {
        int valid = bytes(XsaveLayout.X87, 4, 1)[0];
        long tag = 0;
        for (int i = 0; i < 8; i++) if ((valid >> i & 1) == 0) tag |= 3L << 2 * i;
        return tag;
    }

    private void fullTag(long tag) {
        int valid = 0;
        for (int i = 0; i < 8; i++) if ((tag >> 2 * i & 3) != 3) valid |= 1 << i;
        bytes(XsaveLayout.X87, 4, new byte[] {(byte) valid});
    }

    private void avx(List<DebugRegister> all) {
        int at = layout.component(XsaveLayout.AVX).offset();
        for (int i = 0; i < 16; i++) all.add(vector(AVX, "ymm" + i + "h", "uint128", XsaveLayout.AVX, at + 16 * i, 16));
    }

    private void avx512(List<DebugRegister> all) {
        int masks = layout.component(XsaveLayout.OPMASK).offset();
        int low = layout.component(XsaveLayout.ZMM_HI256).offset();
        int high = layout.component(XsaveLayout.HI16_ZMM).offset();
        for (int i = 16; i < 32; i++)
            all.add(vector(AVX512, "xmm" + i, "vec128", XsaveLayout.HI16_ZMM, high + 64 * (i - 16), 16));
        for (int i = 16; i < 32; i++)
            all.add(vector(AVX512, "ymm" + i + "h", "uint128", XsaveLayout.HI16_ZMM, high + 64 * (i - 16) + 16, 16));
        for (int i = 0; i < 8; i++) all.add(vector(AVX512, "k" + i, "uint64", XsaveLayout.OPMASK, masks + 8 * i, 8));
        for (int i = 0; i < 32; i++)
            all.add(
                    i < 16
                            ? vector(AVX512, "zmm" + i + "h", "v2ui128", XsaveLayout.ZMM_HI256, low + 32 * i, 32)
                            : vector(
                                    AVX512,
                                    "zmm" + i + "h",
                                    "v2ui128",
                                    XsaveLayout.HI16_ZMM,
                                    high + 64 * (i - 16) + 32,
                                    32));
    }

    private void tiles(List<DebugRegister> all) {
        int config = layout.component(XsaveLayout.TILECFG).offset();
        int data = layout.component(XsaveLayout.TILEDATA).offset();
        all.add(vector(AMX, "tilecfg", "config", XsaveLayout.TILECFG, config, 64));
        for (int i = 0; i < 8; i++)
            all.add(vector(AMX, "tmm" + i, "tile", XsaveLayout.TILEDATA, data + 1024 * i, 1024));
    }

    private DebugRegister word(String feature, String name, int bits, String type, Word w) {
        return DebugRegister.number(feature, name, bits, type.isEmpty() ? "uint" + bits : type, w::get, x -> {
            w.set(x);
            changed();
        });
    }

    private DebugRegister element(String feature, String name, Words w, int n) {
        return DebugRegister.number(feature, name, 64, "uint64", () -> w.get(n), x -> {
            w.set(n, x);
            changed();
        });
    }

    /** Translations may be others now. */
    private void changed() {
        v.vm().memory().changed();
    }

    /** A field of the legacy area, shown as wide as GDB wants it. */
    private DebugRegister part(String feature, String name, int imageBits, int component, int at) {
        int n = imageBits / 8;
        return DebugRegister.number(
                feature,
                name,
                32,
                "int",
                () -> DebugRegister.little(bytes(component, at, n)),
                x -> bytes(component, at, DebugRegister.little(x, n)));
    }

    private DebugRegister vector(String feature, String name, String type, int component, int at, int n) {
        return new DebugRegister(
                feature, name, n * 8, type, () -> bytes(component, at, n), b -> bytes(component, at, b));
    }

    private boolean inUse(int component) {
        return (image().get(XsaveLayout.XSTATE_BV / 8) >> component & 1) != 0;
    }

    /** Bytes of the image; of a component that is not in use, its initial values. */
    private byte[] bytes(int component, int at, int n) {
        byte[] b = new byte[n];
        // MXCSR belongs to the components of SSE and of AVX (SDM vol. 1, 13.8.1).
        boolean used = inUse(component) || at == XsaveLayout.MXCSR && inUse(XsaveLayout.AVX);
        if (used) for (int i = 0; i < n; i++) b[i] = (byte) (image().get((at + i) / 8) >>> 8 * (at + i & 7));
        else if (at == XsaveLayout.FCW) return DebugRegister.little(XsaveLayout.FCW_INIT, n);
        else if (at == XsaveLayout.MXCSR) return DebugRegister.little(XsaveLayout.MXCSR_INIT, n);
        return b;
    }

    private void bytes(int component, int at, byte[] b) {
        if (!inUse(component)) takeIntoUse(component);
        for (int i = 0; i < b.length; i++) {
            int word = (at + i) / 8, shift = 8 * (at + i & 7);
            image().set(word, image().get(word) & ~(0xffL << shift) | (b[i] & 0xffL) << shift);
        }
    }

    /** Initial values are in the image from here on. */
    private void takeIntoUse(int component) {
        int from = XsaveLayout.XMM0, n = 256;
        if (component == XsaveLayout.X87) {
            for (int i = 0; i < 3; i++) image().set(i, i == 0 ? XsaveLayout.FCW_INIT : 0);
            from = XsaveLayout.ST0;
            n = 128;
        } else if (component == XsaveLayout.SSE) {
            boolean kept = inUse(XsaveLayout.AVX);
            long rest = image().get(XsaveLayout.MXCSR / 8);
            image().set(XsaveLayout.MXCSR / 8, kept ? rest : rest & ~0xffffffffL | XsaveLayout.MXCSR_INIT);
        } else {
            from = layout.component(component).offset();
            n = layout.component(component).size();
        }
        for (int i = 0; i < n / 8; i++) image().set(from / 8 + i, 0);
        image().set(XsaveLayout.XSTATE_BV / 8, image().get(XsaveLayout.XSTATE_BV / 8) | 1L << component);
    }
}
