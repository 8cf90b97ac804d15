package dev.worldswitch.kvm.x86;

import dev.worldswitch.kvm.Bytes;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import org.jspecify.annotations.Nullable;

/** What Hyper-V's interface has for each vCPU (struct kvm_vcpu_hv). */
final class Hyperv {
    private static final int DEBUG_EXIT = 3;
    private static final long ENABLE = 1, PAGE = -4096;
    private final Vcpu vcpu;
    private final Word index, assistPage, runtimeOffset, enforced, exitType, exitMsr;
    private final Synic synic;

    Hyperv(Region r, Vcpu vcpu) {
        this.vcpu = vcpu;
        index = r.word("vpIndex");
        assistPage = r.word("assistPage");
        runtimeOffset = r.word("runtimeOffset");
        enforced = r.word("enforced");
        exitType = r.word("exitType");
        exitMsr = r.word("exitMsr");
        synic = new Synic(r.child("synic"), vcpu);
        index.set(vcpu.vm().vcpus().get().all().size());
    }

    Synic synic() {
        return synic;
    }

    /** KVM_CAP_HYPERV_ENFORCE_CPUID. */
    void enforce(boolean on) {
        enforced.set(on ? 1 : 0);
    }

    boolean enforces() {
        return enforced.get() != 0;
    }

    /** kvm_hv_get_vpindex. */
    int vpIndex() {
        return (int) index.get();
    }

    boolean mayAccess(int msr) {
        return HypervCpuid.enabled(vcpu) && (!enforces() || HypervMsrs.allowed(vcpu, msr));
    }

    /** kvm_hv_is_syndbg_enabled. */
    boolean debugs() {
        return HypervCpuid.enabled(vcpu) && vcpu.cpuid().get().has(HypervCpuid.LAST, 0, 0, 1);
    }

    private long runtime() {
        return vcpu.vm().kvm().kernel().timing().now() / 100;
    }

    /** kvm_hv_get_msr; null where the access fails. */
    @Nullable
    Long get(int msr, boolean host) {
        if (Synic.owns(msr)) return synic.get(msr, host);
        return switch (msr) {
            case HypervMsrs.VP_INDEX -> index.get();
            case HypervMsrs.ICR ->
                vcpu.lapic().inKernel() ? Long.valueOf(vcpu.lapic().x2apicRead(Lapic.ICR)) : null;
            case HypervMsrs.TPR ->
                vcpu.lapic().inKernel() ? Long.valueOf(vcpu.lapic().x2apicRead(Lapic.TPR)) : null;
            case HypervMsrs.ASSIST_PAGE -> assistPage.get();
            case HypervMsrs.VP_RUNTIME -> runtime() + runtimeOffset.get();
            case HypervMsrs.TSC_FREQUENCY -> vcpu.tscKhz().get() * 1000;
            case HypervMsrs.APIC_FREQUENCY ->
                1_000_000_000L / vcpu.vm().apicBusCycle().get();
            default -> null;
        };
    }

    /** kvm_hv_set_msr; false where the access fails. */
    boolean set(int msr, long value, boolean host) {
        if (Synic.owns(msr)) return synic.set(msr, value, host);
        switch (msr) {
            case HypervMsrs.VP_INDEX -> {
                long v = value & 0xffffffffL;
                if (!host || v >= vcpu.vm().kvm().capabilities().maxVcpus()) return false;
                index.set(v);
            }
            case HypervMsrs.ASSIST_PAGE -> {
                // Only its first word is KVM's; the rest may hold what was there before a migration.
                if ((value & ENABLE) != 0 && !vcpu.writeSeen(value & PAGE, new Bytes(4))) return false;
                assistPage.set(value);
            }
            case HypervMsrs.EOI -> {
                return vcpu.lapic().vapicWrite(Lapic.EOI, value);
            }
            case HypervMsrs.ICR -> {
                return vcpu.lapic().vapicWrite(Lapic.ICR, value);
            }
            case HypervMsrs.TPR -> {
                return vcpu.lapic().vapicWrite(Lapic.TPR, value);
            }
            case HypervMsrs.VP_RUNTIME -> {
                if (!host) return false;
                runtimeOffset.set(value - runtime());
            }
            case HypervMsrs.TSC_FREQUENCY, HypervMsrs.APIC_FREQUENCY -> {
                return host;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    // KVM_EXIT_HYPERV.

    /** syndbg_exit. */
    void exitDebug(int msr) {
        exit(DEBUG_EXIT, msr);
    }

    /** The next entry leaves to user space and tells of this MSR. */
    void exit(int type, int msr) {
        exitType.set(type);
        exitMsr.set(msr);
        vcpu.runLoop().kick(RunState.REQ_HV_EXIT);
    }

    /** KVM_REQ_HV_EXIT. */
    void fill(RunPage page) {
        if (exitType.get() != DEBUG_EXIT) {
            page.hyperv((int) exitType.get(), (int) exitMsr.get(), synic.pages());
            return;
        }
        long[] p = vcpu.vm().hyperv().debugPages();
        page.hyperv(DEBUG_EXIT, (int) exitMsr.get(), p[0], 0, p[1], p[2], p[3]);
        vcpu.runLoop().runState().complete(RunState.Completion.HYPERV_DEBUG);
    }

    /** kvm_hv_syndbg_complete_userspace. */
    long completeDebug(RunPage page) {
        if (exitMsr.get() == HypervMsrs.SYNDBG_CONTROL) vcpu.vm().hyperv().debugStatus(page.hypervDebugStatus());
        return 1;
    }
}
