package dev.worldswitch.explore.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;
import static dev.worldswitch.kvm.IoctlTable.iowr;

import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.Property;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.arm64.OneReg;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a VMM does with registers before anything runs, on VMs of its own: features, lengths, lists, values. */
final class RegisterAbi {
    private static final int TARGET_GENERIC_V8 = 5, SVE = 4, PMU_V3 = 3, PTRAUTH_ADDRESS = 5;
    private static final int FEATURES = 1 << PMU_V3 | 1 << SVE | 3 << PTRAUTH_ADDRESS, ROOM = 4096;
    /** op0, op1, CRn, CRm, op2 as KVM_REG_ARM64_SYSREG packs them. */
    private static final int ID_AA64PFR0 = 0xc020, PMCR = 0xdce0, PMCCNTR = 0xdce8;

    /** KVM_REG_ARM_CORE of V0, without a size; KVM_REG_ARM64_SVE_ZREG(0, 0). */
    private static final long V0 = 0x6000_0000_0010_0054L, Z0 = 0x6080_0000_0015_0000L;

    private static final long U32 = 2L << 52, U64 = 3L << 52, U128 = 4L << 52, Z32 = Z0 | 32 << 5;
    private static final long SYSREG = 0x6030_0000_0013_0000L, CSV2 = 0xfL << 56, PMCR_N = 0x1fL << 11;
    /** ID_AA64PFR0_EL1.MPAM as hosts that have it showed it. */
    private static final long MPAM_1 = 1L << 40;

    private final InProcessClient client;
    private final VmmMemory memory;
    private final KvmFile vcpu, unlike;
    private final long buffer, value;
    private final int vqs;

    /** The steps by name, each with what a timeline calls it. */
    static final Map<String, String> STEPS = Map.of(
            "init-vcpu", "ioctl(vcpu, KVM_ARM_VCPU_INIT), also with half of PTRAUTH",
            "sve-lengths", "ioctl(vcpu, KVM_SET_ONE_REG) KVM_REG_ARM64_SVE_VLS",
            "list-registers", "ioctl(vcpu, KVM_GET_REG_LIST), then each one",
            "vector-parts", "ioctl(vcpu, KVM_SET_ONE_REG) parts of V0, slices of Z0",
            "pmu-registers", "ioctl(vcpu, KVM_SET_ONE_REG) PMCCNTR_EL0, PMCR_EL0",
            "older-id", "ioctl(vcpu, KVM_SET_ONE_REG) ID_AA64PFR0_EL1");

    /** @param vqs the host's vector lengths */
    RegisterAbi(KvmFile kvm, InProcessClient client, VmmMemory memory, int vqs) {
        this.client = client;
        this.memory = memory;
        this.vqs = vqs;
        this.buffer = memory.allocate(8 * ROOM);
        this.value = memory.allocate(4096);
        this.vcpu = made(made(kvm, io(0x01)), io(0x41));
        this.unlike = made(made(kvm, io(0x01)), io(0x41));
    }

    private KvmFile made(KvmFile file, int command) {
        KvmFile.Made made = new KvmFile.Made();
        client.ioctl(file, command, 0, made);
        @Nullable KvmFile f = made.file;
        if (f == null) throw new IllegalStateException("no file was made");
        return f;
    }

    void step(String name) {
        switch (name) {
            case "init-vcpu" -> initVcpu();
            case "sve-lengths" -> sveLengths();
            case "list-registers" -> listRegisters();
            case "vector-parts" -> vectorParts();
            case "pmu-registers" -> pmuRegisters();
            case "older-id" -> olderId();
            default -> throw new IllegalArgumentException("no step '" + name + "'");
        }
    }

    private long init(KvmFile v, int features) {
        memory.set(buffer, 4, TARGET_GENERIC_V8);
        memory.set(buffer + 4, 4, features);
        for (int i = 2; i < 8; i++) memory.set(buffer + 4 * i, 4, 0);
        return client.ioctl(v, iow(0xae, 32), buffer, new KvmFile.Made());
    }

    private long oneReg(int nr, long id) {
        memory.set(buffer, 8, id);
        memory.set(buffer + 8, 8, value);
        return client.ioctl(vcpu, iow(nr, 16), buffer, new KvmFile.Made());
    }

    private long get(long id) {
        return oneReg(0xab, id);
    }

    private long set(long id) {
        return oneReg(0xac, id);
    }

    private void answers(Property p, String what, long is, long should) {
        if (is != should) throw new Violation(p, what + " answers " + is + ", not " + should);
    }

    /** Both halves of pointer authentication, or none. */
    private void initVcpu() {
        answers(
                Arm64Properties.VCPU_FEATURES,
                "KVM_ARM_VCPU_INIT with SVE and PTRAUTH_ADDRESS alone",
                init(unlike, 1 << SVE | 1 << PTRAUTH_ADDRESS),
                Errno.EINVAL);
        answers(Arm64Properties.VCPU_FEATURES, "KVM_ARM_VCPU_INIT", init(vcpu, FEATURES), 0);
    }

    /** Every maximum that the host has with all its lengths below, and one that it has not. */
    private void sveLengths() {
        for (int i = 1; i < 8; i++) memory.set(value + 8 * i, 8, 0);
        for (int vq = 1; vq <= 16; vq++) {
            memory.set(value, 8, vqs & (1L << vq) - 1 | 1L << vq - 1);
            answers(
                    Arm64Properties.VCPU_FEATURES,
                    "KVM_REG_ARM64_SVE_VLS with a maximum of " + 128 * vq + " bits",
                    set(OneReg.VLS),
                    (vqs >>> vq - 1 & 1) != 0 ? 0 : Errno.EINVAL);
        }
        memory.set(buffer, 4, SVE);
        answers(
                Arm64Properties.VCPU_FEATURES,
                "KVM_ARM_VCPU_FINALIZE",
                client.ioctl(vcpu, iow(0xc2, 4), buffer, new KvmFile.Made()),
                0);
    }

    private void listRegisters() {
        memory.set(buffer, 8, ROOM - 1);
        answers(
                Arm64Properties.ONE_REG_LIST,
                "KVM_GET_REG_LIST",
                client.ioctl(vcpu, iowr(0xb0, 8), buffer, new KvmFile.Made()),
                0);
        long[] ids = new long[(int) memory.get(buffer, 8)];
        for (int i = 0; i < ids.length; i++) ids[i] = memory.get(buffer + 8 + 8L * i, 8);
        for (long id : ids) {
            String name = "of the listed id 0x" + Long.toHexString(id);
            answers(Arm64Properties.ONE_REG_LIST, "KVM_GET_ONE_REG " + name, get(id), 0);
            // After KVM_ARM_VCPU_FINALIZE the lengths can only be read.
            if (id != OneReg.VLS) answers(Arm64Properties.ONE_REG_LIST, "KVM_SET_ONE_REG " + name, set(id), 0);
        }
    }

    private void kept(String name, long is, long should) {
        if (is != should)
            throw new Violation(
                    Arm64Properties.ONE_REG_KEPT,
                    name + " reads 0x" + Long.toHexString(is) + ", set was 0x" + Long.toHexString(should));
    }

    /** Merged ABI: refused. In the RFC the low 128 bits of Z0, and parts of them; slices above are zeros. */
    private void vectorParts() {
        answers(Arm64Properties.ONE_REG_LIST, "KVM_GET_ONE_REG z32", get(Z32), Errno.EINVAL);
        boolean redirected = get(V0 | U128) == 0, slices = get(Z0 | 1) == 0;
        if (slices) for (int i = 0; i < 32; i++) kept("slice 1 of z0", memory.get(value + 8 * i, 8), 0);
        else answers(Arm64Properties.ONE_REG_LIST, "KVM_GET_ONE_REG of slice 1 of z0", get(Z0 | 1), Errno.ENOENT);
        for (int words = 1; words <= 4; words *= 2)
            answers(
                    Arm64Properties.ONE_REG_LIST,
                    "KVM_GET_ONE_REG across v0 and v1",
                    get(V0 + 5 - words | U32 + (Integer.numberOfTrailingZeros(words) * U32 >>> 1)),
                    words == 1 && redirected ? 0 : Errno.EINVAL);
        if (!redirected) return;
        for (int i = 0; i < 32; i++) memory.set(value + 8 * i, 8, 0x1111_2222_3333_0000L + i);
        set(Z0);
        memory.set(value, 8, 0x4444_5555_6666_7777L);
        answers(Arm64Properties.ONE_REG_LIST, "KVM_SET_ONE_REG of half of v0", set(V0 + 2 | U64), 0);
        get(V0 + 1 | U32);
        kept("the second word of v0", memory.get(value, 4), 0x1111_2222L);
        get(Z0);
        kept("z0 bits 63:0", memory.get(value, 8), 0x1111_2222_3333_0000L);
        kept("z0 bits 127:64", memory.get(value + 8, 8), 0x4444_5555_6666_7777L);
        kept("z0 bits 191:128", memory.get(value + 16, 8), 0x1111_2222_3333_0002L);
    }

    private void pmuRegisters() {
        long cycles = 0x1_2345_6789L;
        memory.set(value, 8, cycles);
        set(SYSREG | PMCCNTR);
        memory.set(value, 8, 0);
        get(SYSREG | PMCCNTR);
        kept("PMCCNTR_EL0", memory.get(value, 8), cycles);
        memory.set(value, 8, 1 << 11);
        set(SYSREG | PMCR);
        init(vcpu, FEATURES);
        get(SYSREG | PMCR);
        kept("PMCR_EL0.N after KVM_ARM_VCPU_INIT", memory.get(value, 8) & PMCR_N, 1 << 11);
    }

    /** Kernels before the field was made up showed CSV2 = 0; some showed the host's MPAM. */
    private void olderId() {
        get(SYSREG | ID_AA64PFR0);
        long now = memory.get(value, 8);
        memory.set(value, 8, now & ~CSV2);
        answers(Arm64Properties.OLDER_VM, "ID_AA64PFR0_EL1 with CSV2 = 0", set(SYSREG | ID_AA64PFR0), 0);
        memory.set(value, 8, now & ~CSV2 | MPAM_1);
        answers(Arm64Properties.OLDER_VM, "ID_AA64PFR0_EL1 with MPAM = 1", set(SYSREG | ID_AA64PFR0), 0);
    }
}
