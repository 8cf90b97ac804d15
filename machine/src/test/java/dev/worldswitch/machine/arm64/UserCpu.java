package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.PhysicalMemory;
import dev.worldswitch.machine.Timing;
import dev.worldswitch.machine.cell.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Our interpreter set up as {@code a64run.c} sets up its process: EL0, flat memory, code full of BRK, a data area. */
final class UserCpu {
    static final long CODE = 0x20000000L, CODE_SIZE = 0x200000, DATA = 0x10000000L, DATA_SIZE = 0x8000;
    private static final int BRK = 0xd4200000;
    final Arm64Cpu cpu;
    final Arm64Interpreter run;
    private final MemorySegment code, data;
    private final long[] pattern = new long[(int) DATA_SIZE / 8];
    private long index;
    private final long initial;
    private final boolean sve;

    private final boolean translated;
    /** PSTATE.M of what is executed: EL0, or EL1h for system instructions. */
    long mode;

    UserCpu(String machine, boolean sve) {
        this(machine, sve, false);
    }

    /** With {@code translated} everything is translated when it is met first, else interpreted. */
    UserCpu(String machine, boolean sve, boolean translated) {
        this.sve = sve;
        this.translated = translated;
        Arena arena = Arena.ofAuto();
        code = arena.allocate(CODE_SIZE, 4096);
        data = arena.allocate(DATA_SIZE, 4096);
        cpu = new Arm64Cpu(Region.root("test"), 0, Arm64Profile.builtIn(machine), Timing.plain(() -> 1), (c, l) -> {});
        run = new Arm64Interpreter(cpu, new PhysicalMemory() {
            @Override
            public long page(long gpa, boolean write) {
                if (gpa >= CODE && gpa < CODE + CODE_SIZE) return code.address() + (gpa - CODE);
                if (gpa >= DATA && gpa < DATA + DATA_SIZE) return data.address() + (gpa - DATA);
                return MMIO;
            }

            @Override
            public int generation() {
                return 0;
            }
        });
        run.translator.threshold = translated ? 1 : Integer.MAX_VALUE;
        run.translator.everything = true;
        for (long i = 0; i < CODE_SIZE / 4; i++) code.setAtIndex(ValueLayout.JAVA_INT, i, BRK);
        long s = 1;
        for (int i = 0; i < pattern.length; i++) {
            s = s * 6364136223846793005L + 1442695040888963407L;
            pattern[i] = s ^ s >>> 29;
        }
        MemorySegment.copy(MemorySegment.ofArray(pattern), 0, data, 0, DATA_SIZE);
        initial = hash();
        sys(SysReg.ZCR_EL1, 15);
        sys(SysReg.ZCR_EL2, 15);
        boolean vhe = cpu.profile().vhe();
        // With SCTLR_EL1.MSCEn and HCRX_EL2.MSCEn.
        sys(SysReg.HCRX_EL2, 1L << 11);
        sys(SysReg.SCTLR_EL1, 1L << 33 | 1L << 26 | 1L << 15 | 1L << 14 | 1L << 16 | 1L << 18);
        // TBI0, 48-bit addresses: as Linux has it for user space.
        sys(SysReg.TCR_EL1, 1L << 37 | 16 << 16 | 16);
        sys(SysReg.CPACR_EL1, 0x00330000 | 0x03000000);
        sys(SysReg.CPTR_EL2, vhe ? 0x00330000 : 0);
        sys(SysReg.HCR_EL2, (vhe ? 1L << 34 : 0) | 3L << 40 | 1L << 31);
    }

    private void sys(SysReg r, long v) {
        cpu.sys().set(r.ordinal(), v);
    }

    /** SVE instructions are compared on a CPU with the vector length asked for, the others on one without SVE. */
    boolean sve() {
        return sve;
    }

    private long hash() {
        long h = 0;
        for (int i = 0; i < pattern.length; i++) h = h * 0x100000001b3L ^ data.getAtIndex(ValueLayout.JAVA_LONG, i);
        return h;
    }

    /** Executes until an exception, as the reference does. */
    QemuUser.Result execute(int[] words, QemuUser.State s) {
        // Where the reference has it: what it answers may depend on the address.
        return execute(words, s, CODE_SIZE / 2 + (index++ & 0x3fff) * 32, translated ? Integer.MAX_VALUE : 8);
    }

    /** The same, however long it takes. */
    QemuUser.Result runToEnd(int[] words, QemuUser.State s) {
        return execute(words, s, (index++ & 0x3ff) * 1024, Integer.MAX_VALUE);
    }

    /** One by one if {@code most} says how many at most. */
    private QemuUser.Result execute(int[] words, QemuUser.State s, long at, int most) {
        for (int i = 0; i < words.length; i++) code.set(ValueLayout.JAVA_INT, at + 4 * i, words[i]);
        for (int i = 0; i < 31; i++) cpu.gpr().set(i, s.x()[i]);
        sys(SysReg.SP_EL0, s.sp());
        sys(SysReg.FPCR, s.fpcr());
        sys(SysReg.FPSR, s.fpsr());
        cpu.z().fill(0, cpu.z().length(), 0);
        int zw = s.v().length / 32, pw = s.p().length / 17;
        for (int i = 0; i < 32; i++) {
            for (int k = 0; k < Math.min(zw, cpu.zStride()); k++) cpu.z().set(i * cpu.zStride() + k, s.v()[zw * i + k]);
        }
        for (int i = 0; i < s.p().length; i++) cpu.p().set(i / pw * cpu.pStride() + i % pw, s.p()[i]);
        cpu.pstate().set(s.nzcv() << 28 | mode);
        cpu.pc().set(CODE + at);
        Arm64Exit e = run.exit();
        // There is no memory at EL1's vectors: an exception taken there ends the run as well.
        if (most == Integer.MAX_VALUE) e = run.run();
        else
            for (int n = 0; n < most; n++) {
                e = run.step();
                if (e.kind != 0 || Pstate.el(cpu.pstate().get()) == 1) break;
            }
        boolean toEl1 = Pstate.el(cpu.pstate().get()) == 1;
        long esr = cpu.sys().get((toEl1 ? SysReg.ESR_EL1 : SysReg.ESR_EL2).ordinal());
        long pc = toEl1 ? cpu.sys().get(SysReg.ELR_EL1.ordinal()) : cpu.pc().get();
        long ps =
                toEl1 ? cpu.sys().get(SysReg.SPSR_EL1.ordinal()) : cpu.pstate().get();
        long signal = e.kind == Arm64Exit.UNIMPLEMENTED ? 100 : signal(esr);
        long[] x = new long[31], v = new long[32 * zw], p = new long[17 * pw];
        for (int i = 0; i < 31; i++) x[i] = cpu.gpr().get(i);
        for (int i = 0; i < 32; i++) {
            for (int k = 0; k < Math.min(zw, cpu.zStride()); k++)
                v[zw * i + k] = cpu.z().get(i * cpu.zStride() + k);
        }
        if (sve) for (int i = 0; i < p.length; i++) p[i] = cpu.p().get(i / pw * cpu.pStride() + i % pw);
        long memory = hash();
        if (memory != initial) MemorySegment.copy(MemorySegment.ofArray(pattern), 0, data, 0, DATA_SIZE);
        for (int i = 0; i < words.length; i++) code.set(ValueLayout.JAVA_INT, at + 4 * i, BRK);
        return new QemuUser.Result(
                signal,
                pc - (CODE + at),
                new QemuUser.State(
                        x,
                        cpu.sys().get(SysReg.SP_EL0.ordinal()),
                        ps >>> 28 & 15,
                        cpu.sys().get(SysReg.FPCR.ordinal()),
                        cpu.sys().get(SysReg.FPSR.ordinal()),
                        v,
                        p),
                memory);
    }

    /** The signal that Linux sends for a syndrome. */
    private static long signal(long esr) {
        int ec = (int) (esr >>> 26) & 63;
        return switch (ec) {
            case Exceptions.BRK -> 5;
            case Exceptions.IABT, Exceptions.DABT -> (esr & 63) == Mmu.ALIGNMENT ? 7 : 11;
            case Exceptions.PC_ALIGNMENT, Exceptions.SP_ALIGNMENT -> 7;
            case Exceptions.SVC -> 12;
            default -> 4;
        };
    }
}
