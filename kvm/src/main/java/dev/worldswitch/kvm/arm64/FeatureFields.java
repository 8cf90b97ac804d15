package dev.worldswitch.kvm.arm64;

import dev.worldswitch.kernel.KernelVersion;
import dev.worldswitch.kernel.Patch;
import dev.worldswitch.machine.arm64.SysReg;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The fields of the ID registers as the host kernel knows them: which value of a field is safe beside another
 * (arm64_ftr_regs in cpufeature.c of 6.1 and 6.12). Bits that no field describes read as zero.
 */
final class FeatureFields {
    /** Which of two values may be promised to a guest: the lower, the higher, the higher or zero, or only equal ones. */
    enum Safe {
        L,
        H,
        Z,
        E
    }

    /**
     * A field.
     *
     * @param exact the safe value where the two differ and the rule is {@link Safe#E}
     */
    record Field(String name, int low, int width, boolean signed, Safe safe, long exact) {
        long mask() {
            return (width == 64 ? -1 : (1L << width) - 1) << low;
        }

        long of(long register) {
            long v = register << 64 - low - width;
            return signed ? v >> 64 - width : v >>> 64 - width;
        }

        /** arm64_ftr_safe_value. */
        long safeValue(long a, long b) {
            return safeValue(safe, a, b);
        }

        long safeValue(Safe rule, long a, long b) {
            return switch (rule) {
                case E -> exact;
                case L -> Math.min(a, b);
                case Z -> a == 0 || b == 0 ? 0 : Math.max(a, b);
                case H -> Math.max(a, b);
            };
        }
    }

    /** name:low:width:sign and rule:exact value[:patch that brought it, or ! and the one that took it away]. */
    private static final String TABLE = """
            ID_PFR0_EL1
                DIT:24:4:UL:0 CSV2:16:4:UL:0 State3:12:4:UL:0 State2:8:4:UL:0 State1:4:4:UL:0 State0:0:4:UL:0
            ID_PFR1_EL1
                GIC:28:4:UL:0 Virt_frac:24:4:UL:0 Sec_frac:20:4:UL:0 GenTimer:16:4:UL:0 Virtualization:12:4:UL:0
                MProgMod:8:4:UL:0 Security:4:4:UL:0 ProgMod:0:4:UL:0
            ID_DFR0_EL1
                PerfMon:24:4:SE:0:!ftr-pmuver-unsigned PerfMon:24:4:UE:0:ftr-pmuver-unsigned MProfDbg:20:4:UL:0 MMapTrc:16:4:UL:0
                CopTrc:12:4:UL:0 MMapDbg:8:4:UL:0 CopSDbg:4:4:UL:0 CopDbg:0:4:UL:0
            ID_MMFR0_EL1
                InnerShr:28:4:SL:15 FCSE:24:4:UL:0 AuxReg:20:4:UL:0 TCM:16:4:UL:0 ShareLvl:12:4:UL:0
                OuterShr:8:4:SL:15 PMSA:4:4:UL:0 VMSA:0:4:UL:0
            ID_MMFR1_EL1
                bits28:28:4:UL:0 bits24:24:4:UL:0 bits20:20:4:UL:0 bits16:16:4:UL:0 bits12:12:4:UL:0 bits8:8:4:UL:0
                bits4:4:4:UL:0 bits0:0:4:UL:0
            ID_MMFR2_EL1
                bits28:28:4:UL:0 bits24:24:4:UL:0 bits20:20:4:UL:0 bits16:16:4:UL:0 bits12:12:4:UL:0 bits8:8:4:UL:0
                bits4:4:4:UL:0 bits0:0:4:UL:0
            ID_MMFR3_EL1
                bits28:28:4:UL:0 bits24:24:4:UL:0 bits20:20:4:UL:0 bits16:16:4:UL:0 bits12:12:4:UL:0 bits8:8:4:UL:0
                bits4:4:4:UL:0 bits0:0:4:UL:0
            ID_ISAR0_EL1
                Divide:24:4:UL:0 Debug:20:4:UL:0 Coproc:16:4:UL:0 CmpBranch:12:4:UL:0 BitField:8:4:UL:0
                BitCount:4:4:UL:0 Swap:0:4:UL:0
            ID_ISAR1_EL1
                bits28:28:4:UL:0 bits24:24:4:UL:0 bits20:20:4:UL:0 bits16:16:4:UL:0 bits12:12:4:UL:0 bits8:8:4:UL:0
                bits4:4:4:UL:0 bits0:0:4:UL:0
            ID_ISAR2_EL1
                bits28:28:4:UL:0 bits24:24:4:UL:0 bits20:20:4:UL:0 bits16:16:4:UL:0 bits12:12:4:UL:0 bits8:8:4:UL:0
                bits4:4:4:UL:0 bits0:0:4:UL:0
            ID_ISAR3_EL1
                bits28:28:4:UL:0 bits24:24:4:UL:0 bits20:20:4:UL:0 bits16:16:4:UL:0 bits12:12:4:UL:0 bits8:8:4:UL:0
                bits4:4:4:UL:0 bits0:0:4:UL:0
            ID_ISAR4_EL1
                SWP_frac:28:4:UL:0 PSR_M:24:4:UL:0 SynchPrim_frac:20:4:UL:0 Barrier:16:4:UL:0 SMC:12:4:UL:0
                Writeback:8:4:UL:0 WithShifts:4:4:UL:0 Unpriv:0:4:UL:0
            ID_ISAR5_EL1
                RDM:24:4:UL:0 CRC32:16:4:UL:0 SHA2:12:4:UL:0 SHA1:8:4:UL:0 AES:4:4:UL:0 SEVL:0:4:UL:0
            ID_MMFR4_EL1
                EVT:28:4:UL:0 CCIDX:24:4:UL:0 LSM:20:4:UL:0 HPDS:16:4:UL:0 CnP:12:4:UL:0 XNX:8:4:UL:0 AC2:4:4:UL:0
                SpecSEI:0:4:UH:0
            ID_ISAR6_EL1
                I8MM:24:4:UL:0 BF16:20:4:UL:0 SPECRES:16:4:UL:0 SB:12:4:UL:0 FHM:8:4:UL:0 DP:4:4:UL:0 JSCVT:0:4:UL:0
            MVFR0_EL1
                FPRound:28:4:UL:0 FPShVec:24:4:UL:0 FPSqrt:20:4:UL:0 FPDivide:16:4:UL:0 FPTrap:12:4:UL:0 FPDP:8:4:UL:0
                FPSP:4:4:UL:0 SIMDReg:0:4:UL:0
            MVFR1_EL1
                SIMDFMAC:28:4:UL:0 FPHP:24:4:UL:0 SIMDHP:20:4:UL:0 SIMDSP:16:4:UL:0 SIMDInt:12:4:UL:0 SIMDLS:8:4:UL:0
                FPDNaN:4:4:UL:0 FPFtZ:0:4:UL:0
            MVFR2_EL1
                FPMisc:4:4:UL:0 SIMDMisc:0:4:UL:0
            ID_PFR2_EL1
                SSBS:4:4:UL:0 CSV3:0:4:UL:0
            ID_DFR1_EL1
                MTPMU:0:4:SL:0
            ID_MMFR5_EL1
                ETS:0:4:UL:0
            ID_AA64PFR0_EL1
                CSV3:60:4:UL:0 CSV2:56:4:UL:0 DIT:48:4:UL:0 AMU:44:4:UL:0 MPAM:40:4:UL:0 SEL2:36:4:UL:0 SVE:32:4:UL:0
                RAS:28:4:UL:0 GIC:24:4:UL:0 AdvSIMD:20:4:SL:15 FP:16:4:SL:15 EL3:12:4:UL:0 EL2:8:4:UL:0 EL1:4:4:UL:1
                EL0:0:4:UL:1
            ID_AA64PFR1_EL1
                SME:24:4:UL:0 MPAM_frac:16:4:UL:0 RAS_frac:12:4:UL:0 MTE:8:4:UL:0 SSBS:4:4:UL:0 BT:0:4:UL:0
            ID_AA64PFR2_EL1
                FPMR:32:4:UL:0:ftr-dpisa-2023
            ID_AA64ZFR0_EL1
                F64MM:56:4:UL:0 F32MM:52:4:UL:0 I8MM:44:4:UL:0 SM4:40:4:UL:0 SHA3:32:4:UL:0 B16B16:24:4:UL:0:ftr-sve-b16b16
                BF16:20:4:UL:0 BitPerm:16:4:UL:0 AES:4:4:UL:0 SVEver:0:4:UL:0
            ID_AA64SMFR0_EL1
                FA64:63:1:UE:0 LUTv2:60:1:UE:0:ftr-dpisa-2023 SMEver:56:4:UE:0:ftr-sme2 I16I64:52:4:UE:0 F64F64:48:1:UE:0
                I16I32:44:4:UE:0:ftr-sme2 B16B16:43:1:UE:0:ftr-sme2 F16F16:42:1:UE:0:ftr-sme2 F8F16:41:1:UE:0:ftr-dpisa-2023
                F8F32:40:1:UE:0:ftr-dpisa-2023 I8I32:36:4:UE:0 F16F32:35:1:UE:0 B16F32:34:1:UE:0 BI32I32:33:1:UE:0:ftr-sme2
                F32F32:32:1:UE:0 SF8FMA:30:1:UE:0:ftr-dpisa-2023 SF8DP4:29:1:UE:0:ftr-dpisa-2023 SF8DP2:28:1:UE:0:ftr-dpisa-2023
            ID_AA64FPFR0_EL1
                F8CVT:31:1:UE:0:ftr-dpisa-2023 F8FMA:30:1:UE:0:ftr-dpisa-2023 F8DP4:29:1:UE:0:ftr-dpisa-2023 F8DP2:28:1:UE:0:ftr-dpisa-2023
                F8E4M3:1:1:UE:0:ftr-dpisa-2023 F8E5M2:0:1:UE:0:ftr-dpisa-2023
            ID_AA64DFR0_EL1
                DoubleLock:36:4:SL:0 PMSVer:32:4:UL:0 CTX_CMPs:28:4:UL:0 WRPs:20:4:UL:0 BRPs:12:4:UL:0
                PMUVer:8:4:SE:0:!ftr-pmuver-unsigned PMUVer:8:4:UE:0:ftr-pmuver-unsigned DebugVer:0:4:UE:6
            ID_AA64DFR1_EL1
            ID_AA64ISAR0_EL1
                RNDR:60:4:UL:0 TLB:56:4:UL:0 TS:52:4:UL:0 FHM:48:4:UL:0 DP:44:4:UL:0 SM4:40:4:UL:0 SM3:36:4:UL:0
                SHA3:32:4:UL:0 RDM:28:4:UL:0 ATOMIC:20:4:UL:0 CRC32:16:4:UL:0 SHA2:12:4:UL:0 SHA1:8:4:UL:0
                AES:4:4:UL:0
            ID_AA64ISAR1_EL1
                XS:56:4:UL:0:ftr-xs I8MM:52:4:UL:0 DGH:48:4:UL:0 BF16:44:4:UL:0 SPECRES:40:4:UL:0 SB:36:4:UL:0
                FRINTTS:32:4:UL:0 GPI:28:4:UL:0 GPA:24:4:UL:0 LRCPC:20:4:UL:0 FCMA:16:4:UL:0 JSCVT:12:4:UL:0
                API:8:4:UE:0 APA:4:4:UE:0 DPB:0:4:UL:0
            ID_AA64ISAR2_EL1
                LUT:56:4:UL:0:ftr-dpisa-2023 CSSC:52:4:UL:0:ftr-cssc RPRFM:48:4:UL:0:ftr-rprfm CLRBHB:28:4:UL:0 BC:20:4:UL:0
                MOPS:16:4:UL:0:ftr-mops APA3:12:4:UE:0 GPA3:8:4:UL:0 RPRES:4:4:UL:0 WFxT:0:4:UL:0
            ID_AA64ISAR3_EL1
                FAMINMAX:4:4:UL:0:ftr-dpisa-2023
            ID_AA64MMFR0_EL1
                ECV:60:4:UL:0 FGT:56:4:UL:0 EXS:44:4:UL:0 TGRAN4_2:40:4:UE:1 TGRAN64_2:36:4:UE:1 TGRAN16_2:32:4:UE:1
                TGRAN4:28:4:SL:15 TGRAN64:24:4:SL:15 TGRAN16:20:4:UL:0 BIGENDEL0:16:4:UL:0 SNSMEM:12:4:UL:0
                BIGEND:8:4:UL:0 ASIDBITS:4:4:UL:0 PARANGE:0:4:UL:0
            ID_AA64MMFR1_EL1
                ECBHB:60:4:UL:0 TIDCP1:52:4:UL:0 AFP:44:4:UL:0 HCX:40:4:UL:0:ftr-hcx ETS:36:4:UL:0 TWED:32:4:UL:0
                XNX:28:4:UL:0 SpecSEI:24:4:UH:0 PAN:20:4:UL:0 LO:16:4:UL:0 HPDS:12:4:UL:0 VH:8:4:UL:0
                VMIDBits:4:4:UL:0 HAFDBS:0:4:UL:0
            ID_AA64MMFR2_EL1
                E0PD:60:4:UL:0 EVT:56:4:UL:0 BBM:52:4:UL:0 TTL:48:4:UL:0 FWB:40:4:UL:0 IDS:36:4:UL:0 AT:32:4:UL:0
                ST:28:4:UL:0 NV:24:4:UL:0 CCIDX:20:4:UL:0 VARange:16:4:UL:0 IESB:12:4:UL:0 LSM:8:4:UL:0 UAO:4:4:UL:0
                CnP:0:4:UL:0
            ID_AA64MMFR3_EL1
                S1POE:16:4:UL:0:ftr-s1poe S1PIE:8:4:UL:0:ftr-s1pie TCRX:0:4:UL:0:ftr-tcr2
            ID_AA64MMFR4_EL1
                E2H0:24:4:SL:0:ftr-e2h0
            CTR_EL0
                bits31:31:1:UE:1 DIC:29:1:UL:1 IDC:28:1:UL:1 CWG:24:4:UZ:0 ERG:20:4:UZ:0 DminLine:16:4:UL:1
                L1Ip:14:2:UE:2 IminLine:0:4:UL:0
            """;

    private final Map<SysReg, List<Field>> fields = new EnumMap<>(SysReg.class);

    FeatureFields(KernelVersion kernel) {
        SysReg register = null;
        for (String word : TABLE.split("\\s+")) {
            if (word.isEmpty()) continue;
            if (!word.contains(":")) {
                register = SysReg.valueOf(word);
                if (fields.put(register, new ArrayList<>()) != null)
                    throw new IllegalStateException("register " + word + " is listed twice");
                continue;
            }
            String[] c = word.split(":");
            if (c.length > 5 && !applies(c[5], kernel)) continue;
            if (register == null) throw new IllegalStateException("field " + word + " is in no register");
            add(register, field(c));
        }
    }

    private static boolean applies(String patch, KernelVersion kernel) {
        boolean without = patch.startsWith("!");
        return kernel.patches().contains(Patch.of(without ? patch.substring(1) : patch)) != without;
    }

    private static Field field(String[] c) {
        return new Field(
                c[0],
                Integer.parseInt(c[1]),
                Integer.parseInt(c[2]),
                c[3].charAt(0) == 'S',
                Safe.valueOf(c[3].substring(1)),
                Long.parseLong(c[4]));
    }

    private void add(SysReg register, Field field) {
        List<Field> list = fields.get(register);
        if (list == null) throw new IllegalStateException("register " + register + " has no list");
        for (Field f : list)
            if ((f.mask() & field.mask()) != 0)
                throw new IllegalStateException(
                        "fields " + f.name + " and " + field.name + " of " + register + " overlap");
        list.add(field);
    }

    /** The fields of a register; none for one that the host kernel does not describe. */
    List<Field> of(SysReg register) {
        return fields.getOrDefault(register, List.of());
    }

    boolean describes(SysReg register) {
        return fields.containsKey(register);
    }

    /** What init_cpu_ftr_reg keeps of a CPU's value: only described bits. */
    long sanitise(SysReg register, long value) {
        long mask = 0;
        for (Field f : of(register)) mask |= f.mask();
        return value & mask;
    }
}
