package dev.worldswitch.explore.arm64;

import static dev.worldswitch.kvm.IoctlTable.io;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.explore.Architecture.Ghosts;
import dev.worldswitch.explore.InProcessClient;
import dev.worldswitch.explore.Violation;
import dev.worldswitch.explore.VmmMemory;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.arm64.Vcpu;
import dev.worldswitch.machine.arm64.Arm64Profile;
import dev.worldswitch.machine.cell.Region;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A vCPU behind KVM's ioctl table and its VM, its guest a {@link GuestScript} or a {@link RealGuest}. */
final class Arm64Vm {
    private static final int TARGET_GENERIC_V8 = 5, FEATURE_SVE = 1 << 4, SVE = 4, EXIT_MMIO = 6;
    private static final int FEATURE_PSCI_0_2 = 1 << 2,
            FEATURE_PMU_V3 = 1 << 3,
            PMU_V3_INIT = 1,
            FEATURE_PTRAUTH = 3 << 5,
            FEATURE_HAS_EL2 = 1 << 7,
            EXIT_DEBUG = 4,
            EXIT_SYSTEM_EVENT = 24;
    private static final int GUEST_DEBUG_SIZE = 520, GUESTDBG_ENABLE_SINGLESTEP = 3;
    private static final long REG_ARM64 = 0x6000_0000_0000_0000L, SIZE_U64 = 3L << 52, SIZE_U512 = 6L << 52;
    private static final long SIZE_U2048 = 8L << 52, CORE = 0x10 << 16, SVE_CLASS = 0x15 << 16;
    private static final long VLS = REG_ARM64 | SIZE_U512 | SVE_CLASS | 0xffff;
    private static final long PC = REG_ARM64 | SIZE_U64 | CORE | 64, ZCR = REG_ARM64 | SIZE_U64 | 0x13 << 16 | 0xc090;
    private static final long PSTATE = REG_ARM64 | SIZE_U64 | CORE | 66, PSTATE_SS = 1 << 21;
    private final VmmMemory memory;
    private final InProcessClient client;
    private final KvmFile vm;
    private final Vcpu vcpu;
    private final GuestScript guest;
    private final @Nullable RealGuest code;
    private final long buffer, value;
    private final int maxVq, features;
    private int vcpus;

    /**
     * @param of the vCPU whose VM this one is in too; null for a VM of its own
     * @param maxVq largest vector length of the guest in quadwords, 0 for a guest without SVE
     * @param script what the guest does, as register operations, or {@code program} as instructions
     */
    Arm64Vm(
            KvmFile kvm,
            @Nullable Arm64Vm of,
            InProcessClient client,
            VmmMemory memory,
            Region ghosts,
            Ghosts follow,
            int owner,
            Arm64Profile profile,
            int maxVq,
            List<String> script,
            List<String> program) {
        this.memory = memory;
        this.client = client;
        this.maxVq = maxVq;
        this.features = (maxVq == 0 ? 0 : FEATURE_SVE)
                | (script.contains("use-keys") ? FEATURE_PTRAUTH : 0)
                | (script.contains("eret") ? FEATURE_HAS_EL2 : 0)
                | (script.contains("count") ? FEATURE_PMU_V3 : 0)
                | (script.contains("smc-off") ? FEATURE_PSCI_0_2 : 0);
        this.guest =
                new GuestScript(ghosts, owner, profile.zStride(), maxVq, follow, script, of == null ? null : of.guest);
        this.buffer = memory.allocate(4096);
        this.value = memory.allocate(4096);
        this.vm = of == null ? made(kvm, io(0x01), 0, "KVM_CREATE_VM") : of.vm;
        this.code = program.isEmpty() ? null : new RealGuest(ghosts, memory, profile, maxVq, program);
        if (code != null) backMemory(code.ram());
        this.vcpu = newVcpu(client, of == null ? vcpus++ : of.nextVcpu());
        if (maxVq != 0) {
            memory.set(value, 8, profile.vqs() & (1L << maxVq) - 1);
            setOneReg(VLS);
            memory.set(buffer, 4, SVE);
            call(vcpu, iow(0xc2, 4), buffer, "KVM_ARM_VCPU_FINALIZE");
        }
        if ((features & FEATURE_PMU_V3) != 0) initPmu();
        memory.set(value, 8, code == null ? GuestScript.START : RealGuest.CODE);
        setOneReg(PC);
        if (code == null) vcpu.guestCode(guest);
    }

    /** KVM_ARM_VCPU_PMU_V3_INIT: no interrupt is needed where KVM has no GIC. */
    private void initPmu() {
        memory.set(buffer, 8, 0);
        memory.set(buffer + 8, 8, PMU_V3_INIT);
        memory.set(buffer + 16, 8, 0);
        call(vcpu, iow(0xe1, 24), buffer, "KVM_SET_DEVICE_ATTR PMU_V3_INIT");
    }

    private int nextVcpu() {
        return ++vcpus;
    }

    /** struct kvm_userspace_memory_region: guest-physical 0 on. */
    private void backMemory(long ram) {
        memory.set(buffer, 8, 0);
        memory.set(buffer + 8, 8, 0);
        memory.set(buffer + 16, 8, RealGuest.SIZE);
        memory.set(buffer + 24, 8, ram);
        call(vm, iow(0x46, 32), buffer, "KVM_SET_USER_MEMORY_REGION");
    }

    private Vcpu newVcpu(InProcessClient by, int id) {
        KvmFile.Made made = new KvmFile.Made();
        check(vm.ioctl(by, io(0x41), id, made), "KVM_CREATE_VCPU");
        if (!(made.file instanceof Vcpu v)) throw new IllegalStateException("KVM_CREATE_VCPU made no vCPU");
        memory.set(buffer, 4, TARGET_GENERIC_V8);
        memory.set(buffer + 4, 4, features);
        for (int i = 2; i < 8; i++) memory.set(buffer + 4 * i, 4, 0);
        check(v.ioctl(by, iow(0xae, 32), buffer, new KvmFile.Made()), "KVM_ARM_VCPU_INIT");
        return v;
    }

    /** Another thread of the VMM, with a vCPU of its own. */
    VmmThread thread(InProcessClient by) {
        return new VmmThread(by, newVcpu(by, nextVcpu()), memory, guest.ids());
    }

    private KvmFile made(KvmFile file, int command, long argument, String name) {
        KvmFile.Made made = new KvmFile.Made();
        check(client.ioctl(file, command, argument, made), name);
        @Nullable KvmFile f = made.file;
        if (f == null) throw new IllegalStateException(name + " made no file");
        return f;
    }

    private void call(KvmFile file, int command, long argument, String name) {
        check(client.ioctl(file, command, argument, new KvmFile.Made()), name);
    }

    private static void check(long r, String name) {
        if (r < 0) throw new Violation(Arm64Properties.GUEST_RUNS, name + " answers " + r);
    }

    private void setOneReg(long id) {
        memory.set(buffer, 8, id);
        memory.set(buffer + 8, 8, value);
        call(vcpu, iow(0xac, 16), buffer, "KVM_SET_ONE_REG");
    }

    private void getOneReg(long id) {
        memory.set(buffer, 8, id);
        memory.set(buffer + 8, 8, value);
        call(vcpu, iow(0xab, 16), buffer, "KVM_GET_ONE_REG");
    }

    Vcpu vcpu() {
        return vcpu;
    }

    GuestScript guest() {
        return guest;
    }

    /** KVM_RUN until the guest's next {@code out}; false when a signal ended it early. */
    boolean run() {
        long r = client.ioctl(vcpu, io(0x80), 0, new KvmFile.Made());
        if (r == dev.worldswitch.kvm.Errno.EINTR) return false;
        check(r, "KVM_RUN");
        long reason = vcpu.run().get(8, 4);
        if (reason != EXIT_MMIO)
            throw new Violation(Arm64Properties.GUEST_RUNS, "KVM_RUN ends with exit reason " + reason);
        return true;
    }

    private long pc() {
        getOneReg(PC);
        return memory.get(value, 8);
    }

    private void guestDebug(int control) {
        for (int i = 0; i < GUEST_DEBUG_SIZE; i += 8) memory.set(buffer + i, 8, i == 0 ? control : 0);
        call(vcpu, iow(0x9b, GUEST_DEBUG_SIZE), buffer, "KVM_SET_GUEST_DEBUG");
    }

    private long pstate() {
        getOneReg(PSTATE);
        return memory.get(value, 8);
    }

    /** One instruction of a guest that has PSTATE.SS set for its own debugger. */
    void step() {
        memory.set(value, 8, pstate() | PSTATE_SS);
        setOneReg(PSTATE);
        long before = pc();
        guestDebug(GUESTDBG_ENABLE_SINGLESTEP);
        check(client.ioctl(vcpu, io(0x80), 0, new KvmFile.Made()), "KVM_RUN");
        long reason = vcpu.run().get(8, 4);
        if (reason != EXIT_DEBUG)
            throw new Violation(Arm64Properties.GUEST_STEP, "KVM_RUN ends with exit reason " + reason);
        guestDebug(0);
        if (pc() != before + 4)
            throw new Violation(
                    Arm64Properties.GUEST_STEP, "a single step went " + (pc() - before) / 4 + " instructions far");
        if ((pstate() & PSTATE_SS) == 0)
            throw new Violation(Arm64Properties.GUEST_STEP, "PSTATE.SS of the guest is lost");
    }

    /** KVM_RUN until the guest's SMC for SYSTEM_OFF, which the VMM then sees done. */
    void runOff() {
        long before = pc();
        check(client.ioctl(vcpu, io(0x80), 0, new KvmFile.Made()), "KVM_RUN");
        long reason = vcpu.run().get(8, 4);
        if (reason != EXIT_SYSTEM_EVENT)
            throw new Violation(Arm64Properties.GUEST_RUNS, "KVM_RUN ends with exit reason " + reason);
        // The exit before was an access to memory that is complete by now.
        if (pc() != before + 8)
            throw new Violation(
                    Arm64Properties.READER_PC,
                    "the PC reads 0x" + Long.toHexString(pc()) + " after an SMC at 0x" + Long.toHexString(before + 4));
    }

    /** What a guest of real instructions has left in its memory, once it came to its {@code out}. */
    void checkMemory() {
        if (code != null) code.check();
    }

    /** After vcpu_put memory is the truth, whoever reads it and when. */
    void checkImage() {
        if (code != null) return;
        String wrong =
                guest.ghost().wrong(vcpu.context().fp().z(), vcpu.context().fp().zStride(), Math.max(1, maxVq));
        if (wrong != null) throw new Violation(Arm64Properties.SAVED_IMAGE, "the image of the guest's " + wrong);
    }

    /** What a VMM that saves the vCPU would get. */
    void checkReader() {
        if (maxVq == 0 || code != null) return;
        getOneReg(ZCR);
        long zcr = memory.get(value, 8);
        if (zcr != guest.zcr())
            throw new Violation(Arm64Properties.READER, "ZCR_EL1 reads " + zcr + ", the guest wrote " + guest.zcr());
        long[] z = new long[32 * 32];
        for (int n = 0; n < 32; n++) {
            getOneReg(REG_ARM64 | SIZE_U2048 | SVE_CLASS | (long) n << 5);
            for (int i = 0; i < 32; i++) z[n * 32 + i] = memory.get(value + 8L * i, 8);
        }
        String wrong = guest.ghost().wrong(z, 32, maxVq);
        if (wrong != null) throw new Violation(Arm64Properties.READER, "KVM_GET_ONE_REG: the guest's " + wrong);
    }
}
