package dev.worldswitch.kvm.arm64;

import static dev.worldswitch.kvm.IoctlTable.ior;
import static dev.worldswitch.kvm.IoctlTable.iow;

import dev.worldswitch.kernel.Patch;
import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.kvm.Call;
import dev.worldswitch.kvm.Errno;

/** KVM_ARM_PREFERRED_TARGET, KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE. */
final class VcpuInit {
    /** struct kvm_vcpu_init: target and seven words of features. */
    private static final int SIZE = 32, FEATURE_WORDS = 7;

    private VcpuInit() {}

    static void rows(Rows t) {
        t.vm("KVM_ARM_PREFERRED_TARGET", ior(0xaf, SIZE), 0, "api.rst 4.83", (vm, c) -> {
            int target = vm.kvm().has(Patch.ARM64_GENERIC_TARGET)
                    ? HostFeatures.GENERIC_TARGET
                    : vm.kvm().host().targetCpu();
            return c.out(new Bytes(SIZE).u32(0, target));
        });
        t.vcpu("KVM_ARM_VCPU_INIT", iow(0xae, SIZE), 0, "api.rst 4.82", VcpuInit::init);
        t.vcpu("KVM_ARM_VCPU_FINALIZE", iow(0xc2, 4), 0, "api.rst 4.119", VcpuInit::finalizeFeature);
    }

    private static long init(Vcpu v, Call call) {
        Bytes b = call.in(SIZE);
        if (b == null) return Errno.EFAULT;
        long features = b.u32(4) & 0xffffffffL;
        boolean powerOff = (features & VcpuFeature.POWER_OFF) != 0;
        // From this change on POWER_OFF belongs to the call, not to the vCPU.
        if (v.kvm().has(Patch.ARM64_POWER_OFF_EPHEMERAL)) features &= ~VcpuFeature.POWER_OFF;
        long r = setTarget(v, b.u32(0), features, b);
        if (r != 0) return r;
        v.hcr().set(VcpuReset.hcr(v));
        if (!v.kvm().has(Patch.ARM64_POWER_OFF_EPHEMERAL)) powerOff = v.hasFeature(VcpuFeature.POWER_OFF);
        if (powerOff) v.runLoop().powerOff();
        else v.mpState().release(MpState.RUNNABLE);
        return 0;
    }

    private static long setTarget(Vcpu v, int target, long features, Bytes b) {
        Kvm kvm = v.kvm();
        boolean generic = kvm.has(Patch.ARM64_GENERIC_TARGET) && target == HostFeatures.GENERIC_TARGET;
        if (!generic && target != kvm.host().targetCpu()) return Errno.EINVAL;
        boolean perVm = kvm.has(Patch.ARM64_VCPU_FEATURES_PER_VM);
        long r = perVm ? checkFeatures(v, features, b) : checkOld(v, features, b);
        if (r != 0) return r;
        if (v.is(Vcpu.INITIALIZED)) {
            if (features != v.features().get()) return Errno.EINVAL;
            return reset(v);
        }
        return perVm ? firstInit(v, features) : firstInitOld(v, features);
    }

    /** ENOENT for features that no kernel of this version knows, EINVAL for those this host or their mix rules out. */
    private static long checkFeatures(Vcpu v, long features, Bytes b) {
        if ((features & ~known(v)) != 0) return Errno.ENOENT;
        for (int i = 1; i < FEATURE_WORDS; i++) if (b.u32(4 + i * 4) != 0) return Errno.ENOENT;
        if ((features & ~supported(v)) != 0) return Errno.EINVAL;
        long ptrauth = features & VcpuFeature.PTRAUTH;
        if (ptrauth != 0 && ptrauth != VcpuFeature.PTRAUTH) return Errno.EINVAL;
        boolean nested32 = (features & VcpuFeature.EL1_32BIT) != 0 && (features & VcpuFeature.HAS_EL2) != 0;
        return nested32 ? Errno.EINVAL : 0;
    }

    /** Before features were a VM's: each bit in turn is unknown, or differs from the first initialisation. */
    private static long checkOld(Vcpu v, long features, Bytes b) {
        boolean again = v.is(Vcpu.INITIALIZED);
        long differing = again ? features ^ v.features().get() : 0;
        // Bits are looked at from the lowest up: whichever fault comes first decides.
        if ((differing & known(v)) != 0) return Errno.EINVAL;
        if ((features & ~known(v)) != 0) return Errno.ENOENT;
        for (int i = 1; i < FEATURE_WORDS; i++) if (b.u32(4 + i * 4) != 0) return Errno.ENOENT;
        return 0;
    }

    private static long known(Vcpu v) {
        long sevenBits = 0x7f;
        return v.kvm().has(Patch.ARM64_NESTED_FEATURE_BITS)
                ? sevenBits | VcpuFeature.HAS_EL2 | VcpuFeature.HAS_EL2_E2H0
                : sevenBits;
    }

    /** system_supported_vcpu_features. */
    private static long supported(Vcpu v) {
        HostFeatures host = v.kvm().host();
        long f = known(v);
        if (!v.kvm().profile().nested()) f &= ~VcpuFeature.HAS_EL2;
        if (!host.el1Aarch32()) f &= ~VcpuFeature.EL1_32BIT;
        if (!host.pmu()) f &= ~VcpuFeature.PMU_V3;
        if (!host.sve()) f &= ~VcpuFeature.SVE;
        if (!host.pauth()) f &= ~VcpuFeature.PTRAUTH;
        return f;
    }

    private static long firstInit(Vcpu v, long features) {
        Vm vm = v.vm();
        vm.configLock().lock();
        try {
            if (vm.flags().test(Vm.FEATURES_CONFIGURED) && vm.features().get() != features) return Errno.EINVAL;
            vm.features().set(features);
            v.features().set(features);
            VcpuReset.reset(v);
            vm.flags().setBits(Vm.FEATURES_CONFIGURED);
            v.flags().setBits(Vcpu.INITIALIZED);
            return 0;
        } finally {
            vm.configLock().unlock();
        }
    }

    /** Only the width of EL1 is the VM's. */
    private static long firstInitOld(Vcpu v, long features) {
        Vm vm = v.vm();
        long width = features & VcpuFeature.EL1_32BIT;
        vm.configLock().lock();
        try {
            boolean configured = vm.flags().test(Vm.FEATURES_CONFIGURED);
            if (configured && vm.features().get() != width) return Errno.EINVAL;
            if (!configured && (features & ~supported(v) & VcpuFeature.EL1_32BIT) != 0) return Errno.EINVAL;
            vm.features().set(width);
            vm.flags().setBits(Vm.FEATURES_CONFIGURED);
        } finally {
            vm.configLock().unlock();
        }
        long ptrauth = features & VcpuFeature.PTRAUTH;
        if ((features & ~supported(v)) != 0) return Errno.EINVAL;
        // kvm_reset_vcpu: the answer of kvm_vcpu_enable_sve was 0, and nobody set it to an error again.
        boolean swallowed = (features & VcpuFeature.SVE) != 0 && !v.kvm().has(Patch.RESET_ERROR_WITH_SVE);
        if (ptrauth != 0 && ptrauth != VcpuFeature.PTRAUTH) return swallowed ? 0 : Errno.EINVAL;
        v.features().set(features);
        VcpuReset.reset(v);
        v.flags().setBits(Vcpu.INITIALIZED);
        return 0;
    }

    private static long reset(Vcpu v) {
        VcpuReset.reset(v);
        return 0;
    }

    private static long finalizeFeature(Vcpu v, Call call) {
        if (!v.is(Vcpu.INITIALIZED)) return Errno.ENOEXEC;
        Bytes b = call.in(4);
        if (b == null) return Errno.EFAULT;
        if (b.u32(0) != VcpuFeature.SVE_NUMBER || !v.hasSve()) return Errno.EINVAL;
        if (v.is(Vcpu.SVE_FINALIZED)) return Errno.EPERM;
        v.flags().setBits(Vcpu.SVE_FINALIZED);
        return 0;
    }
}
