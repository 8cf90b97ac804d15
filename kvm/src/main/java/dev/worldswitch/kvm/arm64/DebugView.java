package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.arm64.FpState;
import dev.worldswitch.kvm.DebugRegister;
import dev.worldswitch.kvm.DebuggedVcpu;
import dev.worldswitch.kvm.GuestMemory;
import dev.worldswitch.machine.arm64.AddressWalk;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An arm64 vCPU as GDB's target descriptions name its parts (gdb/features/aarch64); system registers by their own names. */
final class DebugView implements DebuggedVcpu {
    private static final String CORE = "org.gnu.gdb.aarch64.core", FPU = "org.gnu.gdb.aarch64.fpu";
    private static final String SVE = "org.gnu.gdb.aarch64.sve", SYSTEM = "dev.worldswitch.aarch64.system";
    private static final String VECTOR = """
            <vector id="v2d" type="ieee_double" count="2"/><vector id="v2u" type="uint64" count="2"/>
            <vector id="v4f" type="ieee_single" count="4"/><vector id="v4u" type="uint32" count="4"/>
            <vector id="v8u" type="uint16" count="8"/><vector id="v16u" type="uint8" count="16"/>
            <union id="aarch64v">
              <field name="v2_double" type="v2d"/><field name="v2_uint64" type="v2u"/>
              <field name="v4_float" type="v4f"/><field name="v4_uint32" type="v4u"/>
              <field name="v8_uint16" type="v8u"/><field name="v16_uint8" type="v16u"/>
            </union>
            """;

    private final Vcpu v;
    private final FpState fp;

    DebugView(Vcpu v) {
        this.v = v;
        this.fp = v.context().fp();
    }

    @Override
    public String name() {
        return v.vm().region().path().replaceAll(".*/", "") + " vcpu" + v.id();
    }

    @Override
    public String architecture() {
        return "aarch64";
    }

    @Override
    public long pc() {
        return pcWord().get();
    }

    @Override
    public long translate(long va) {
        return AddressWalk.translate(sys(), v.kvm().profile(), memory(), va);
    }

    @Override
    public GuestMemory memory() {
        return v.vm().memory();
    }

    @Override
    public void kick() {
        v.runLoop().kick(0);
    }

    private int vectorQuads() {
        return v.is(Vcpu.SVE_FINALIZED) ? (int) v.sveMaxVq().get() : 1;
    }

    @Override
    public String types(String feature) {
        if (feature.equals(FPU)) return VECTOR;
        return feature.equals(SVE) ? scalable(vectorQuads()) : "";
    }

    private static String scalable(int vq) {
        return String.format(Locale.ROOT, """
                <vector id="svb" type="uint8" count="%d"/><vector id="svh" type="uint16" count="%d"/>
                <vector id="svs" type="uint32" count="%d"/><vector id="svf" type="ieee_single" count="%3$d"/>
                <vector id="svd" type="uint64" count="%d"/><vector id="svdf" type="ieee_double" count="%4$d"/>
                <vector id="svq" type="uint128" count="%d"/><vector id="svp" type="uint8" count="%d"/>
                <union id="svev">
                  <field name="q" type="svq"/><field name="d" type="svd"/><field name="df" type="svdf"/>
                  <field name="s" type="svs"/><field name="f" type="svf"/>
                  <field name="h" type="svh"/><field name="b" type="svb"/>
                </union>
                """, 16 * vq, 8 * vq, 4 * vq, 2 * vq, vq, 2 * vq);
    }

    @Override
    public List<DebugRegister> registers() {
        List<DebugRegister> all = new ArrayList<>();
        for (int i = 0; i < 31; i++) {
            int n = i;
            all.add(DebugRegister.number(CORE, "x" + i, 64, "int", () -> x().get(n), x -> x().set(n, x)));
        }
        all.add(DebugRegister.number(CORE, "sp", 64, "data_ptr", () -> sys().get(stack()), x -> sys().set(stack(), x)));
        all.add(word(CORE, "pc", 64, "code_ptr", this::pcWord));
        all.add(word(CORE, "cpsr", 32, "int", this::pstate));
        if (v.is(Vcpu.SVE_FINALIZED)) sve(all);
        else {
            for (int i = 0; i < 32; i++) all.add(z(FPU, "v" + i, "aarch64v", i, 16));
            status(FPU, all);
        }
        for (SysReg r : SwitchedRegs.shown())
            all.add(DebugRegister.number(SYSTEM, r.name(), 64, "uint64", () -> sys().get(r.ordinal()), x -> {
                sys().set(r.ordinal(), x);
                memory().changed();
            }));
        return all;
    }

    // A guest that is stopped between two instructions has its registers in its CPU.

    private @Nullable Arm64Cpu on() {
        return v.runLoop().guestOn();
    }

    private Words x() {
        Arm64Cpu on = on();
        return on == null ? v.context().x() : on.gpr();
    }

    private Word pcWord() {
        Arm64Cpu on = on();
        return on == null ? v.context().pc() : on.pc();
    }

    private Word pstate() {
        Arm64Cpu on = on();
        return on == null ? v.context().pstate() : on.pstate();
    }

    private Words sys() {
        Arm64Cpu on = on();
        return on == null ? v.context().sys() : on.sys();
    }

    /** The CPU that has its vectors; null where they are in its context. */
    private @Nullable Arm64Cpu vectorsOn() {
        Arm64Cpu on = on();
        return on != null && v.kvm().hyp().guestOwnsFpRegs(on) ? on : null;
    }

    private Words z() {
        Arm64Cpu on = vectorsOn();
        return on == null ? fp.z() : on.z();
    }

    private Words p() {
        Arm64Cpu on = vectorsOn();
        return on == null ? fp.p() : on.p();
    }

    private void status(String feature, List<DebugRegister> all) {
        all.add(status(feature, "fpsr", SysReg.FPSR, fp.fpsr()));
        all.add(status(feature, "fpcr", SysReg.FPCR, fp.fpcr()));
    }

    private DebugRegister status(String feature, String name, SysReg r, Word saved) {
        return DebugRegister.number(
                feature,
                name,
                32,
                "int",
                () -> {
                    Arm64Cpu on = vectorsOn();
                    return on == null ? saved.get() : on.sys().get(r.ordinal());
                },
                saved::set);
    }

    private int stack() {
        boolean own = (pstate().get() & Pstate.MODE32_MASK) == Pstate.EL1H;
        return (own ? SysReg.SP_EL1 : SysReg.SP_EL0).ordinal();
    }

    private void sve(List<DebugRegister> all) {
        int vq = vectorQuads();
        for (int i = 0; i < 32; i++) all.add(z(SVE, "z" + i, "svev", i, 16 * vq));
        status(SVE, all);
        for (int i = 0; i < 17; i++) {
            int at = i * fp.pStride();
            all.add(new DebugRegister(
                    SVE,
                    i == 16 ? "ffr" : "p" + i,
                    16 * vq,
                    "svp",
                    () -> isSve() ? bytes(p(), at, 2 * vq) : new byte[2 * vq],
                    b -> {
                        widen();
                        bytes(p(), at, b);
                    }));
        }
        // Set by GDB where it changes the length of a thread's vectors: here it is the vCPU's for good.
        all.add(DebugRegister.number(SVE, "vg", 64, "int", () -> 2L * vq, x -> {}));
    }

    private boolean isSve() {
        return vectorsOn() != null || fp.fpType().get() == FpState.SVE;
    }

    /** In FPSIMD form what is above the V registers counts as zero: it becomes so. */
    private void widen() {
        if (isSve()) return;
        for (int i = 0; i < 32; i++)
            for (int k = 2; k < fp.zStride(); k++) fp.z().set(i * fp.zStride() + k, 0);
        for (int i = 0; i < 17 * fp.pStride(); i++) fp.p().set(i, 0);
        fp.fpType().set(FpState.SVE);
    }

    private DebugRegister z(String feature, String name, String type, int n, int size) {
        int at = n * fp.zStride();
        return new DebugRegister(
                feature,
                name,
                size * 8,
                type,
                () -> {
                    byte[] b = bytes(z(), at, size);
                    if (!isSve()) for (int i = 16; i < size; i++) b[i] = 0;
                    return b;
                },
                b -> {
                    if (size > 16) widen();
                    bytes(z(), at, b);
                });
    }

    private static DebugRegister word(String feature, String name, int bits, String type, Supplier<Word> w) {
        return DebugRegister.number(
                feature, name, bits, type, () -> w.get().get(), x -> w.get().set(x));
    }

    private static byte[] bytes(Words w, int at, int n) {
        byte[] b = new byte[n];
        for (int i = 0; i < n; i++) b[i] = (byte) (w.get(at + i / 8) >>> 8 * (i & 7));
        return b;
    }

    private static void bytes(Words w, int at, byte[] b) {
        for (int i = 0; i < b.length; i++) {
            int shift = 8 * (i & 7);
            w.set(at + i / 8, w.get(at + i / 8) & ~(0xffL << shift) | (b[i] & 0xffL) << shift);
        }
    }
}
