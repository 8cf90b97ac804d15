package dev.worldswitch.machine.x86;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Extensions of the instruction set and the bits of CPUID that tell of them (SDM vol. 2, CPUID; APM vol. 3, appendix E). A row
 * of the operand table names those that it needs; on a machine without them its instruction raises #UD.
 */
public enum Feature {
    MMX(1, 0, 'd', 23),
    SSE(1, 0, 'd', 25),
    SSE2(1, 0, 'd', 26),
    SSSE3(1, 0, 'c', 9),
    AVX(1, 0, 'c', 28),
    AES(1, 0, 'c', 25),
    F16C(1, 0, 'c', 29),
    AVX2(7, 0, 'b', 5),
    AVX512F(7, 0, 'b', 16),
    AVX512DQ(7, 0, 'b', 17),
    AVX512_IFMA(7, 0, 'b', 21),
    AVX512CD(7, 0, 'b', 28),
    AVX512BW(7, 0, 'b', 30),
    AVX512VL(7, 0, 'b', 31),
    AVX512_VBMI(7, 0, 'c', 1),
    WAITPKG(7, 0, 'c', 5),
    AVX512_VBMI2(7, 0, 'c', 6),
    GFNI(7, 0, 'c', 8),
    VAES(7, 0, 'c', 9),
    VPCLMULQDQ(7, 0, 'c', 10),
    AVX512_VNNI(7, 0, 'c', 11),
    AVX512_BITALG(7, 0, 'c', 12),
    AVX512_VPOPCNTDQ(7, 0, 'c', 14),
    CLDEMOTE(7, 0, 'c', 25),
    MOVDIRI(7, 0, 'c', 27),
    MOVDIR64B(7, 0, 'c', 28),
    ENQCMD(7, 0, 'c', 29),
    AVX512_VP2INTERSECT(7, 0, 'd', 8),
    AVX512_FP16(7, 0, 'd', 23),
    AVX_VNNI(7, 1, 'a', 4),
    AVX512_BF16(7, 1, 'a', 5),
    PTWRITE(0x14, 0, 'b', 4);
    private final int leaf, subleaf, bit;
    private final char register;

    Feature(int leaf, int subleaf, char register, int bit) {
        this.leaf = leaf;
        this.subleaf = subleaf;
        this.register = register;
        this.bit = bit;
    }

    private boolean in(X86Profile p) {
        Cpuid c = p.cpuid(leaf, subleaf);
        int v = switch (register) {
            case 'a' -> c.eax();
            case 'b' -> c.ebx();
            case 'c' -> c.ecx();
            default -> c.edx();
        };
        return (v >>> bit & 1) != 0;
    }

    /** The part of AVX-512 that an instruction came with, where that is not its beginning (F, CD, BW, DQ, VL: SDM vol. 1, 5.19). */
    private record Part(String names, Feature... features) {}

    private static final Part[] PARTS = {
        new Part("VPMADD52[LH]UQ", AVX512_IFMA),
        new Part("VPERM[BIT]2?B|VPMULTISHIFTQB", AVX512_VBMI),
        new Part("VP(COMPRESS|EXPAND)[BW]|VPSH[LR]DV?[WDQ]", AVX512_VBMI2),
        new Part("VPDP(BU|WS)SDS?", AVX512_VNNI),
        new Part("VPOPCNT[BW]|VPSHUFBITQMB", AVX512_BITALG),
        new Part("VPOPCNT[DQ]", AVX512_VPOPCNTDQ),
        new Part("VAES.*", AVX512F, VAES),
        new Part("VPCLMULQDQ", AVX512F, VPCLMULQDQ),
        new Part("VGF2P8.*", AVX512F, GFNI),
        new Part("VCVTNE2?PS2BF16|VDPBF16PS", AVX512_BF16)
    };

    /** What an instruction with an EVEX prefix needs, by its name. */
    static Set<Feature> evex(String name) {
        for (Part p : PARTS) if (name.matches(p.names)) return EnumSet.copyOf(List.of(p.features));
        return EnumSet.of(AVX512F);
    }

    static Set<Feature> of(X86Profile p) {
        Set<Feature> there = EnumSet.noneOf(Feature.class);
        for (Feature f : values()) if (f.in(p)) there.add(f);
        return there;
    }
}
