package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Architecture.Ghosts;
import dev.worldswitch.explore.Scenario;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.kvm.arm64.GuestCode;
import dev.worldswitch.machine.arm64.Arm64Cpu;
import dev.worldswitch.machine.arm64.Arm64Exit;
import dev.worldswitch.machine.arm64.SysReg;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A guest made of register operations, with PC counting them: {@code write-v}, {@code check-v}, {@code write-z}, {@code check-z},
 * {@code zcr LEN},
 * {@code call} (PSCI_VERSION,
 * an exit that KVM handles), {@code read-id} and {@code check-id} (ID_AA64PFR0_EL1 through
 * x0), {@code profiling} (touches PMSCR_EL1) and {@code out}, an exit to the VMM. {@code any A | B} is one of them,
 * {@code eret} is a guest
 * hypervisor's entry into its guest, whose next {@code call} brings it back; {@code skip N} goes on after the next N, {@code A + B} is done without a moment in between. Traps are the CPU's.
 */
final class GuestScript implements GuestCode {
    static final long START = 0x1000, OUT = 0x0900_0000;
    private static final long FPEN = 1L << 20,
            ZEN = 1L << 16,
            TFP = 1 << 10,
            TZ = 1 << 8,
            TPMS = 1 << 14,
            E2PB = 3 << 12;
    /** ESR_ELx: EC, IL; data abort from a lower EL with a valid syndrome: 32-bit store of x0, translation fault. */
    private static final int EC = 26;

    private static final long IL = 1 << 25, ERET = 0x1aL << EC | IL;
    private static final long HCR_API = 1L << 41, TTRF = 1 << 19, TDE = 1 << 8, MDSCR_SS = 1, PSTATE_SS = 1 << 21;
    private static final long SYS64_TRFCR_READ = 0x18L << EC | IL | 3 << 20 | 1 << 17 | 1 << 10 | 2 << 1 | 1;
    private static final long PSCI_SYSTEM_OFF = 0x8400_0008L;
    private static final long STORE_W0 = 0x24L << EC | IL | 1 << 24 | 2 << 22 | 1 << 6 | 7;
    private static final long HVC64 = 0x16L << EC | IL, PSCI_VERSION = 0x8400_0000L;
    /** MSR PMCNTENSET_EL0, X0. */
    private static final long SYS64_PMCNTENSET_WRITE =
            0x18L << EC | IL | 3 << 20 | 1 << 17 | 3 << 14 | 9 << 10 | 12 << 1;

    private static final long SYS64_PFR0_READ = 0x18L << EC | IL | 3 << 20 | 4 << 1 | 1;
    private static final long SYS64_PMSCR_READ = 0x18L << EC | IL | 3 << 20 | 9 << 10 | 9 << 1 | 1;
    private final List<String> script;
    private final ZGhost ghost;
    private final Word zcr, finished, tick, zcrOfHypervisor, inNested;
    private final boolean hypervisor;
    private final int maxVq;
    private final IdGhost ids;
    private final Arm64Exit exit = new Arm64Exit();

    /**
     * @param maxVq of its vCPU, 0 without SVE
     * @param sibling a guest of the same VM: what one has read of an ID register all do
     */
    GuestScript(
            Region region,
            int owner,
            int zStride,
            int maxVq,
            Ghosts ghosts,
            List<String> script,
            @Nullable GuestScript sibling) {
        this.maxVq = maxVq;
        this.hypervisor = script.contains("eret");
        this.zcrOfHypervisor = region.word("ghostZcrOfHypervisor");
        this.inNested = region.word("ghostInNested");
        this.script = script;
        this.ghost = new ZGhost(region, owner, zStride, ghosts);
        this.zcr = region.word("ghostZcr");
        this.ids = sibling == null ? new IdGhost(region) : sibling.ids;
        this.finished = region.word("ghostFinished");
        this.tick = region.word("ghostTick");
    }

    /** ZCR_EL1 as the guest last wrote it. */
    long zcr() {
        return zcr.get();
    }

    /** What all of its VM may read from an ID register. */
    IdGhost ids() {
        return ids;
    }

    ZGhost ghost() {
        return ghost;
    }

    /** It has done all of its script. */
    boolean finished() {
        return finished.get() != 0;
    }

    @Override
    public Arm64Exit run(Arm64Cpu cpu) {
        cpu.guestMode(true);
        boolean more = true;
        while (more) {
            // Between two operations the state is the CPU's: the callers hold nothing that they read.
            cpu.timing().rest("guest", 0);
            if (cpu.pc().get() < START) returnFromUndef(cpu);
            int at = (int) (cpu.pc().get() - START) / 4;
            if (at >= script.size()) throw new Violation(Arm64Properties.GUEST_RUNS, "the guest ran past its end");
            cpu.moment("guest: " + script.get(at));
            boolean steps = (cpu.sys().get(SysReg.MDSCR_EL1.ordinal()) & MDSCR_SS) != 0
                    && (cpu.sys().get(SysReg.MDCR_EL2.ordinal()) & TDE) != 0;
            if (cpu.anyPending()) {
                exit.kind = Arm64Exit.INTERRUPT;
                more = false;
            } else if (steps && !cpu.pstate().test(PSTATE_SS)) {
                more = trap(cpu, 0x32L << EC | IL);
            } else {
                if (steps) cpu.pstate().and(~PSTATE_SS);
                if (at == script.size() - 1) finished.set(1);
                more = operations(cpu, script.get(at));
            }
        }
        cpu.guestMode(false);
        return exit;
    }

    /** The guest's handler of an UNDEF that KVM injected: the instruction does nothing. */
    private static void returnFromUndef(Arm64Cpu cpu) {
        cpu.pc().set(cpu.sys().get(SysReg.ELR_EL1.ordinal()) + 4);
        cpu.pstate().set(cpu.sys().get(SysReg.SPSR_EL1.ordinal()));
    }

    /** All of {@code A + B}; one that traps does so before it changes anything, and then all are executed again. */
    private boolean operations(Arm64Cpu cpu, String text) {
        if (!text.contains(" + ")) return operation(cpu, chosen(cpu, text).split(" "));
        long pc = cpu.pc().get();
        for (String one : text.split(" \\+ ")) {
            cpu.pc().set(pc);
            if (!operation(cpu, chosen(cpu, one).split(" "))) return false;
        }
        return true;
    }

    /** Of {@code any A | B} one. */
    private static String chosen(Arm64Cpu cpu, String text) {
        if (!text.startsWith("any ")) return text;
        String[] of = text.substring(4).split("\\|");
        return of[cpu.timing().choose("guest: " + text, of.length)].strip();
    }

    /** False when it left the guest. */
    private boolean operation(Arm64Cpu cpu, String[] word) {
        switch (word[0]) {
            case "out" -> {
                cpu.sys().set(SysReg.HPFAR_EL2.ordinal(), OUT >>> 12 << 4);
                cpu.sys().set(SysReg.FAR_EL2.ordinal(), OUT);
                return trap(cpu, STORE_W0);
            }
            case "call" -> {
                cpu.gpr().set(0, PSCI_VERSION);
                inNested.set(0);
                cpu.pc().set(cpu.pc().get() + 4);
                return trap(cpu, HVC64);
            }
            case "eret" -> {
                inNested.set(1);
                ghost.mayDropAbove(allowedVq(cpu));
                cpu.pc().set(cpu.pc().get() + 4);
                return trap(cpu, ERET);
            }
            case "use-keys" -> {
                if ((cpu.sys().get(SysReg.HCR_EL2.ordinal()) & HCR_API) == 0) return trap(cpu, 0x09L << EC | IL);
            }
            case "trace-filter" -> {
                if ((cpu.sys().get(SysReg.MDCR_EL2.ordinal()) & TTRF) == 0)
                    throw new Violation(Arm64Properties.TRACE_FILTER, "the guest reads TRFCR_EL1");
                return trap(cpu, SYS64_TRFCR_READ);
            }
            case "smc-off" -> {
                cpu.gpr().set(0, PSCI_SYSTEM_OFF);
                return trap(cpu, 0x17L << EC | IL);
            }
            case "count" -> {
                return trap(cpu, SYS64_PMCNTENSET_WRITE);
            }
            case "read-id" -> {
                return trap(cpu, SYS64_PFR0_READ);
            }
            case "check-id" -> ids.guestReads(cpu.gpr().get(0));
            case "profiling" -> {
                if (reachesProfiling(cpu))
                    throw new Violation(Arm64Properties.SPE_TRAPPED, "the guest reads the host's PMSCR_EL1");
                return trap(cpu, SYS64_PMSCR_READ);
            }
            case "write-v", "check-v" -> {
                if (fpTraps(cpu)) return trap(cpu, 0x07L << EC | IL);
                fp(cpu, word[0]);
            }
            case "write-z", "check-z", "zcr" -> {
                if (sveTraps(cpu)) return trap(cpu, 0x19L << EC | IL);
                sve(cpu, word);
            }
            case "tick" -> {
                long n = Scenario.operand(word);
                if (tick.get() == n)
                    throw new Violation(Arm64Properties.GUEST_RUNS, "the guest executes one instruction twice");
                tick.set(n);
            }
            case "idle" -> {}
            case "skip" -> cpu.pc().set(cpu.pc().get() + 4 * Scenario.operand(word));
            default ->
                throw new IllegalArgumentException("a guest can't '" + word[0]
                        + "'; known: write-v, check-v, write-z, check-z, zcr LEN, call, eret, read-id, check-id, profiling, trace-filter,"
                        + " use-keys, count, smc-off, tick N, idle, skip N, out,"
                        + " any A | B, A + B");
        }
        cpu.pc().set(cpu.pc().get() + 4);
        return true;
    }

    /** A guest without SVE: V registers only. */
    private void fp(Arm64Cpu cpu, String what) {
        if (what.equals("write-v")) ghost.writesV(cpu.z(), cpu.zStride(), 1);
        else {
            String wrong = ghost.wrong(cpu.z(), cpu.zStride(), 1);
            if (wrong != null) throw new Violation(Arm64Properties.GUEST_SVE, "the guest's " + wrong);
        }
    }

    private void sve(Arm64Cpu cpu, String[] word) {
        int vq = guestVq(cpu);
        switch (word[0]) {
            case "write-z" -> ghost.writes(cpu.z(), cpu.zStride(), vq);
            case "check-z" -> {
                String wrong = ghost.wrong(cpu.z(), cpu.zStride(), vq);
                if (wrong != null) throw new Violation(Arm64Properties.GUEST_SVE, "the guest's " + wrong);
                long len = cpu.sys().get(SysReg.ZCR_EL1.ordinal());
                if (len != ownZcr().get())
                    throw new Violation(
                            Arm64Properties.GUEST_SVE,
                            "the guest's ZCR_EL1 is " + len + ", it wrote " + ownZcr().get());
                if (vq != allowedVq(cpu))
                    throw new Violation(
                            Arm64Properties.GUEST_SVE,
                            "the guest's vector length is " + 16 * vq + " bytes, not " + 16 * allowedVq(cpu));
            }
            default -> {
                ownZcr().set(Scenario.operand(word));
                cpu.sys().set(SysReg.ZCR_EL1.ordinal(), ownZcr().get());
                cpu.host().vectorLengthMayChange();
                ghost.mayDropAbove(guestVq(cpu));
            }
        }
    }

    /** A guest hypervisor reaches its ZCR_EL2 in the real ZCR_EL1. */
    private Word ownZcr() {
        return hypervisor && inNested.get() == 0 ? zcrOfHypervisor : zcr;
    }

    /** The vector length that it should have. */
    private int allowedVq(Arm64Cpu cpu) {
        long len = Math.min(ownZcr().get(), maxVq - 1);
        if (hypervisor) len = Math.min(len, zcrOfHypervisor.get());
        return cpu.profile().vqAtMost((int) len + 1);
    }

    private boolean trap(Arm64Cpu cpu, long esr) {
        cpu.sys().set(SysReg.ESR_EL2.ordinal(), esr);
        exit.kind = Arm64Exit.SYNC;
        return false;
    }

    private static int guestVq(Arm64Cpu cpu) {
        long len =
                Math.min(cpu.sys().get(SysReg.ZCR_EL1.ordinal()) & 15, cpu.sys().get(SysReg.ZCR_EL2.ordinal()) & 15);
        return cpu.profile().vqAtMost((int) len + 1);
    }

    private static boolean fpTraps(Arm64Cpu cpu) {
        long cptr = cpu.sys().get(SysReg.CPTR_EL2.ordinal());
        return cpu.e2h() ? (cptr & FPEN) == 0 : (cptr & TFP) != 0;
    }

    private static boolean sveTraps(Arm64Cpu cpu) {
        long cptr = cpu.sys().get(SysReg.CPTR_EL2.ordinal());
        return cpu.e2h() ? (cptr & ZEN) == 0 || (cptr & FPEN) == 0 : (cptr & (TZ | TFP)) != 0;
    }

    /** PMSCR_EL1 does not trap. */
    private static boolean reachesProfiling(Arm64Cpu cpu) {
        long mdcr = cpu.sys().get(SysReg.MDCR_EL2.ordinal());
        return cpu.spe().implemented() && ((mdcr & TPMS) == 0 || (mdcr & E2PB) == E2PB);
    }
}
