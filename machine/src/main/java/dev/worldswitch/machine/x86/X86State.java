package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/**
 * The guest state that a VMCB or VMCS holds together with the general registers: everything that guest instructions see
 * except the XSAVE-managed registers, which live in the physical CPU. Intercept controls are here too, as they are there.
 */
public final class X86State {
    /** Order of the general registers as instructions encode them (SDM vol. 2, table 2-1). */
    public static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;

    /** Order of segment registers as instructions encode them, then LDTR and TR. */
    public static final int ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, LDTR = 6, TR = 7;

    /** Bits of {@link #segAttr}: type 0-3, S 4, DPL 5-6, P 7, AVL 12, L 13, DB 14, G 15, unusable 16 (VMCS format). */
    public static final int ATTR_S = 1 << 4, ATTR_P = 1 << 7, ATTR_L = 1 << 13, ATTR_DB = 1 << 14, ATTR_G = 1 << 15;

    public static final int ATTR_UNUSABLE = 1 << 16;
    public static final long CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, TF = 0x100, IF = 0x200, DF = 0x400;
    public static final long OF = 0x800, IOPL = 0x3000, NT = 0x4000, RF = 0x10000, VM = 0x20000, AC = 0x40000;
    public static final long CR0_PE = 1, CR0_MP = 2, CR0_EM = 4, CR0_TS = 8, CR0_ET = 0x10, CR0_NE = 0x20;
    public static final long CR0_WP = 1 << 16, CR0_AM = 1 << 18, CR0_NW = 1 << 29, CR0_CD = 1 << 30, CR0_PG = 1L << 31;
    public static final long CR4_VME = 1,
            CR4_PVI = 2,
            CR4_TSD = 4,
            CR4_DE = 8,
            CR4_PSE = 0x10,
            CR4_PAE = 0x20,
            CR4_PGE = 0x80,
            CR4_OSFXSR = 0x200;
    public static final long CR4_OSXMMEXCPT = 0x400, CR4_UMIP = 0x800, CR4_LA57 = 0x1000, CR4_FSGSBASE = 1 << 16;
    public static final long CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21, CR4_PKE = 1 << 22;
    public static final long EFER_SCE = 1, EFER_LME = 0x100, EFER_LMA = 0x400, EFER_NX = 0x800, EFER_SVME = 0x1000;

    /** STI and MOV SS/POP SS shadows of {@link #shadow}, as kvm_vcpu_events.interrupt.shadow numbers them. */
    public static final long SHADOW_MOV_SS = 1, SHADOW_STI = 2;

    /** {@link #intercepts}: passed-through IA32_XFD; #DB, #BP, #NM that exit; hardware breakpoints of the VMM active. */
    public static final long PASS_XFD = 1, EXIT_DB = 2, EXIT_BP = 4, EXIT_NM = 8, EXIT_DR = 16;

    /** RDMSR and WRMSR of FS.base and GS.base exit too: an MSR filter may deny them. */
    public static final long EXIT_BASE_MSR = 32;

    /** RDMSR of IA32_XFD_ERR does not exit. */
    public static final long PASS_XFD_ERR_READ = 256;

    /** MOV to CR8 exits: a lower priority would let an interrupt in. */
    public static final long EXIT_CR8 = 64;
    /** #UD exits. */
    public static final long EXIT_UD = 128;
    /** Task switches exit. */
    public static final long EXIT_TASK_SWITCH = 512;

    private final Region region;
    /** 16 general registers. */
    public final Words gpr;

    public final Word rip, rflags;
    public final Words segBase, segLimit, segSelector, segAttr;
    public final Word gdtBase, gdtLimit, idtBase, idtLimit;
    /** cr0, cr2, cr3, cr4 at their own numbers; cr8 (4-bit TPR) at 8. */
    public final Words cr;

    public final Word efer;
    /** dr0-dr3, dr6, dr7 at their own numbers: what the guest's debug registers effectively are. */
    public final Words dr;

    public final Word sysenterCs, sysenterEsp, sysenterEip, star, lstar, cstar, sfmask, kernelGsBase, tscAux;
    /** Guest TSC = host TSC * multiplier + offset; the multiplier is a fixed-point number, 0 where nothing is scaled. */
    public final Word tscOffset, tscMultiplier;

    public final Word shadow, intercepts, nmiMasked;
    /** Event to inject at entry: bit 31 valid, 0-7 vector, 8-10 type (VMCS format), 11 error code valid; error code. */
    public final Word injectInfo, injectErrorCode;
    /** At exit: an event whose delivery was under way, same format. */
    public final Word vectoringInfo, vectoringErrorCode;

    public X86State(Region region) {
        this.region = region;
        gpr = region.words("gpr", 16);
        rip = region.word("rip");
        rflags = region.word("rflags");
        segBase = region.words("segBase", 8);
        segLimit = region.words("segLimit", 8);
        segSelector = region.words("segSelector", 8);
        segAttr = region.words("segAttr", 8);
        gdtBase = region.word("gdtBase");
        gdtLimit = region.word("gdtLimit");
        idtBase = region.word("idtBase");
        idtLimit = region.word("idtLimit");
        cr = region.words("cr", 9);
        efer = region.word("efer");
        dr = region.words("dr", 8);
        sysenterCs = region.word("sysenterCs");
        sysenterEsp = region.word("sysenterEsp");
        sysenterEip = region.word("sysenterEip");
        star = region.word("star");
        lstar = region.word("lstar");
        cstar = region.word("cstar");
        sfmask = region.word("sfmask");
        kernelGsBase = region.word("kernelGsBase");
        tscAux = region.word("tscAux");
        tscOffset = region.word("tscOffset");
        tscMultiplier = region.word("tscMultiplier");
        shadow = region.word("shadow");
        intercepts = region.word("intercepts");
        nmiMasked = region.word("nmiMasked");
        injectInfo = region.word("injectInfo");
        injectErrorCode = region.word("injectErrorCode");
        vectoringInfo = region.word("vectoringInfo");
        vectoringErrorCode = region.word("vectoringErrorCode");
    }

    public Region region() {
        return region;
    }

    /** The guest's time-stamp counter; {@code fractionBits} of the multiplier are the CPU's. */
    public long guestTsc(long hostTsc, int fractionBits) {
        long m = tscMultiplier.get();
        if (m == 0) return hostTsc + tscOffset.get();
        long high = Math.unsignedMultiplyHigh(hostTsc, m), low = hostTsc * m;
        return (high << 64 - fractionBits | low >>> fractionBits) + tscOffset.get();
    }

    public boolean longMode() {
        return (efer.get() & EFER_LMA) != 0;
    }

    public boolean code64() {
        return longMode() && (segAttr.get(CS) & ATTR_L) != 0;
    }

    public int cpl() {
        if ((cr.get(0) & CR0_PE) == 0) return 0;
        return (rflags.get() & VM) != 0 ? 3 : (int) (segAttr.get(SS) >> 5 & 3);
    }
}
